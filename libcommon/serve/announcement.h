// Which tools of this machine serve --http, and where: for who looks at them (ktop).
//
//   STATE_DIR/slots/.serving/PID   the address; locked by the process while it serves
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "serve/http.h"

namespace kutils::serve {

class Announcement {
 public:
  // Does nothing where `state_dir` is empty or cannot be written: serving does not depend on it.
  Announcement(const std::string& state_dir, const HttpAddress& address);
  ~Announcement();
  Announcement(const Announcement&) = delete;
  Announcement& operator=(const Announcement&) = delete;

 private:
  std::string path_;
  std::unique_ptr<FileLock> lock_;
};

// Of the processes that serve now, in order of their addresses. Empty where nothing can be read.
std::vector<HttpAddress> announced(const std::string& state_dir);

}  // namespace kutils::serve
