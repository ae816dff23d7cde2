// What a command line should have been, as data. Who finds a mistake knows what to change, but not the other options
// that were given; the whole command, which the hint shows, is made where it is known (cli/given_command.h).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace kutils {

struct Correction {
  std::string before = "write: ";  // of the hint: what stands in front of the command
  std::string after = {};          // and behind it
  std::string tool = {};           // empty: the same tool
  // Options to give, in this place of those of the same name; {NAME, ""} is a flag.
  std::vector<std::pair<std::string, std::string>> add = {};
  std::vector<std::string> drop = {};    // options to leave out
  std::optional<std::string> spec = {};  // the first operand
  std::optional<std::pair<std::string, std::string>> replaced =
      {};                                                 // an operand as it was given, and as it was meant
  std::optional<std::vector<std::string>> operands = {};  // all operands
};

// A mistake on the command line. hint() is empty: the command line is not known here.
class CorrectedError : public Error {
 public:
  CorrectedError(const std::string& message, Correction correction)
      : Error(ExitCode::usage, message), correction_(std::move(correction)) {}
  const Correction& correction() const { return correction_; }

 private:
  Correction correction_;
};

}  // namespace kutils
