// A dead letter is the record as it came, key, value, headers and time, with five headers behind its own:
//   kutils.tool       the tool that could not process it
//   kutils.topic, kutils.partition, kutils.offset   where it came from (decimal text)
//   kutils.reason     the reason's word, a colon and the message
// A result of many records that OUT refuses is a dead letter, too: with its state's partition and offset -1.
// Headers of those names that it already has (it was a dead letter before) stay in front.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/record.h"

namespace kutils::flow {

// Headers that are added to those of the record.
struct DeadLetterHeader {
  const char* name;
  const char* doc;  // for the man page
};
std::span<const DeadLetterHeader> dead_letter_headers();

class DeadLetter {
 public:
  // Views into `origin`, `error` and this object: valid while all three live.
  DeadLetter(const std::string& tool, const Record& origin, const RecordError& error);
  DeadLetter(const DeadLetter&) = delete;
  DeadLetter& operator=(const DeadLetter&) = delete;
  const Output& output() const { return output_; }

 private:
  std::string partition_;
  std::string offset_;
  std::string reason_;
  std::vector<Header> headers_;
  Output output_;
};

}  // namespace kutils::flow
