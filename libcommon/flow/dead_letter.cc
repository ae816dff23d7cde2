#include "flow/dead_letter.h"

namespace kutils::flow {

DeadLetter::DeadLetter(const std::string& tool, const Record& origin, const RecordError& error)
    : partition_(std::to_string(origin.partition)),
      offset_(std::to_string(origin.offset)),
      reason_(std::string(to_string(error.reason)) + ": " + error.message),
      headers_(origin.headers.begin(), origin.headers.end()) {
  headers_.push_back({"kutils.tool", MaybeBytes(tool)});
  headers_.push_back({"kutils.topic", MaybeBytes(origin.topic)});
  headers_.push_back({"kutils.partition", MaybeBytes(partition_)});
  headers_.push_back({"kutils.offset", MaybeBytes(offset_)});
  headers_.push_back({"kutils.reason", MaybeBytes(reason_)});
  output_.key = origin.key;
  output_.value = origin.value;
  output_.headers = headers_;
  output_.timestamp = origin.timestamp;
  output_.keeps_key = true;
}

}  // namespace kutils::flow
