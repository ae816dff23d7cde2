#include "flow/errors/dead_letter.h"

namespace kutils::flow {
namespace {

enum Added : size_t { kTool, kTopic, kPartition, kOffset, kReason };
constexpr DeadLetterHeader kAdded[] = {
    {"kutils.tool", "the tool that could not process the record"},
    {"kutils.topic", "the topic it was read from, or the file"},
    {"kutils.partition", "its partition; -1 for lines"},
    {"kutils.offset", "its offset; for lines, their number from 0; -1 for a result of many records"},
    {"kutils.reason", "what failed"},
};

}  // namespace

std::span<const DeadLetterHeader> dead_letter_headers() { return kAdded; }

DeadLetter::DeadLetter(const std::string& tool, const Record& origin, const RecordError& error)
    : partition_(std::to_string(origin.partition)),
      offset_(std::to_string(origin.offset)),
      reason_(std::string(to_string(error.reason)) + ": " + error.message),
      headers_(origin.headers.begin(), origin.headers.end()) {
  headers_.push_back({kAdded[kTool].name, MaybeBytes(tool)});
  headers_.push_back({kAdded[kTopic].name, MaybeBytes(origin.topic)});
  headers_.push_back({kAdded[kPartition].name, MaybeBytes(partition_)});
  headers_.push_back({kAdded[kOffset].name, MaybeBytes(offset_)});
  headers_.push_back({kAdded[kReason].name, MaybeBytes(reason_)});
  output_.key = origin.key;
  output_.value = origin.value;
  output_.headers = headers_;
  output_.timestamp = origin.timestamp;
  output_.keeps_key = true;
}

}  // namespace kutils::flow
