#include "kafka/memory_state.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/fs.h"

namespace kutils::kafka {
namespace {

std::string mark_of(const std::string& directory) { return directory + "/in-memory-broker"; }

}  // namespace

MemoryStateDir::MemoryStateDir(const std::string& bootstrap_servers) {
  const char* parent = std::getenv("TMPDIR");
  path_ = std::string(parent && *parent ? parent : "/tmp") + "/kbroker-XXXXXX";
  if (!mkdtemp(path_.data())) {
    const std::string why = system_message("make", path_, errno);
    path_.clear();
    throw Error(ExitCode::delivery, why);
  }
  write_file_atomically(mark_of(path_), bootstrap_servers);
}

MemoryStateDir::~MemoryStateDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool is_memory_state_dir(const std::string& directory, const std::string& bootstrap_servers) {
  return !directory.empty() && read_file(mark_of(directory)) == bootstrap_servers;
}

}  // namespace kutils::kafka
