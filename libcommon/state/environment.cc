#include "state/environment.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "state/database_engine.h"

namespace kutils::state {

StateEnvironment::StateEnvironment(size_t cache_bytes)
    : cache_bytes_(std::max(cache_bytes, size_t{4} << 20)), engine_(make_database_engine(cache_bytes_)) {}

StateEnvironment::~StateEnvironment() = default;

std::unique_ptr<Backend> StateEnvironment::open(const std::string& directory) {
  return engine_->open(directory);
}

std::unique_ptr<Backend> StateEnvironment::open_read_only(const std::string& directory) {
  return engine_->open_read_only(directory);
}

void StateEnvironment::wipe(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove(spill_file(directory), error);
  std::filesystem::remove_all(directory, error);
  if (error)
    throw Error(ExitCode::delivery, "cannot delete the state in " + directory + ": " + error.message(),
                "delete it by hand: it is rebuilt from the changelog topic");
}

}  // namespace kutils::state
