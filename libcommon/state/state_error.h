// State on disk that cannot be what was written: broken, cut off. The caller wipes and restores from the
// changelog; where there is none, it ends the program.
#pragma once

#include <string>

#include "base/error.h"

namespace kutils::state {

class CorruptState : public Error {
 public:
  explicit CorruptState(const std::string& message)
      : Error(ExitCode::delivery, message,
              "the state is rebuilt from its changelog topic; if it happens again, check the disk") {}
};

}  // namespace kutils::state
