// Linked into each tool: before anything of the library is used, a library of another build is refused. With it, the
// program would call what lies elsewhere and read objects of another shape.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "kutils_build.h"  // made by libcommon/build_stamp.cmake

extern char* program_invocation_short_name;

namespace {

constexpr int kUsage = 2;  // as ExitCode's; nothing of the library's headers is to be trusted here

__attribute__((constructor(101))) void check_library() {
  // By name, for libraries that are older than this check lack it.
  void* const function = dlsym(RTLD_DEFAULT, "kutils_library_build");
  const char* build = function != nullptr ? reinterpret_cast<const char* (*)()>(function)() : "an older one";
  if (std::strcmp(build, KUTILS_BUILD) == 0) return;
  Dl_info where{};
  const bool found = function != nullptr && dladdr(function, &where) != 0;
  const std::string text = std::string(program_invocation_short_name) + ": " +
                           (found ? where.dli_fname : "libkutils.so") + " is of another build (" + build +
                           ") than this program (" KUTILS_BUILD "): install kutils whole\n";
  std::fputs(text.c_str(), stderr);  // unbuffered
  _exit(kUsage);
}

}  // namespace
