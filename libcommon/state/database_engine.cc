#include "state/database_engine.h"

#include <dlfcn.h>

#include <filesystem>

#include "base/build.h"
#include "base/error.h"

// Not null if the engine is linked in.
#pragma weak kutils_make_rocksdb_engine

namespace kutils::state {
namespace {

constexpr const char* kLibrary = "libkutils_rocksdb.so";
using MakeEngine = decltype(&kutils_make_rocksdb_engine);

// The path from which the code here was loaded. dlopen() would look beside it by itself (RUNPATH), but not
// under a sanitizer, which calls it from a library of its own.
std::filesystem::path own_directory() {
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&load_database_engine), &here) == 0 || here.dli_fname == nullptr)
    return {};
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(here.dli_fname, error);
  return (error ? std::filesystem::path(here.dli_fname) : whole).parent_path();
}

MakeEngine find_engine() {
  if (kutils_make_rocksdb_engine != nullptr) return &kutils_make_rocksdb_engine;
  const std::string path = (own_directory() / kLibrary).string();
  // The library is never unloaded, because RocksDB has threads of its own.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void* found = library == nullptr ? nullptr : dlsym(library, "kutils_make_rocksdb_engine");
  if (found == nullptr) {
    const char* why = dlerror();
    throw usage_error(
        "cannot load the library that keeps state on disk: " + std::string(why ? why : path),
        "install kutils whole: " + std::string(kLibrary) +
            " lies beside libkutils.so and needs the system's librocksdb; tools without state run "
            "without it");
  }
  const auto build =
      reinterpret_cast<decltype(&kutils_rocksdb_build)>(dlsym(library, "kutils_rocksdb_build"));
  const std::string theirs = build == nullptr ? "an older one" : build();
  if (theirs != kutils_library_build())
    throw usage_error(
        path + " is of another build (" + theirs + ") than libkutils.so (" + kutils_library_build() + ")",
        "install kutils whole");
  return reinterpret_cast<MakeEngine>(found);
}

MakeEngine engine() {
  static const MakeEngine made = find_engine();  // searched again after an exception
  return made;
}

}  // namespace

void load_database_engine() { engine(); }

std::unique_ptr<DatabaseEngine> make_database_engine(size_t cache_bytes) {
  return std::unique_ptr<DatabaseEngine>(engine()(cache_bytes));
}

}  // namespace kutils::state
