#include "flow/membership/gaps.h"

namespace kutils::flow {

void judge_gaps(std::vector<kafka::PartitionOffset>& from, kafka::Admin& admin, bool accept, Log& log) {
  for (kafka::PartitionOffset& position : from) {
    if (position.offset < 0) continue;
    const kafka::Watermarks marks = admin.watermarks(position.at);
    const std::string where = position.at.topic + " partition " + std::to_string(position.at.partition);
    if (position.offset > marks.high) {
      throw usage_error(where + ": the group is at offset " + std::to_string(position.offset) +
                            ", but the topic ends at " + std::to_string(marks.high) +
                            ": the topic was recreated",
                        "start from the beginning under another name with -g NAME");
    }
    if (position.offset >= marks.low) continue;
    const std::string missing = where + ": offsets " + std::to_string(position.offset) + " to " +
                                std::to_string(marks.low - 1) +
                                " were deleted by retention before they were read";
    if (!accept) throw usage_error(missing, "--on-gap skip continues at offset " + std::to_string(marks.low));
    log.note(missing + "; continuing at offset " + std::to_string(marks.low));
    position.offset = marks.low;
  }
}

}  // namespace kutils::flow
