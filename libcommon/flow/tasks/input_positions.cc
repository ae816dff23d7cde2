#include "flow/tasks/input_positions.h"

#include <algorithm>

#include "base/varint.h"
#include "data/batch.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

constexpr Millis kReadWait{50};
constexpr char kNoOperator = 0;
constexpr uint8_t kVersion = 1;

}  // namespace

std::string position_key(const kafka::TopicPartition& at) {
  std::string key{state::kMetaPrefix, kNoOperator};
  put_bytes(key, at.topic);
  put_signed(key, at.partition);
  return key;
}

std::string position_value(const kafka::PartitionOffset& position) {
  std::string value{static_cast<char>(kVersion)};
  put_signed(value, position.offset);
  put_bytes(value, position.metadata);
  return value;
}

static kafka::PartitionOffset decode(const Record& row, const kafka::TopicPartition& rows) {
  kafka::PartitionOffset position;
  Reader key(row.key.view().substr(std::min<size_t>(row.key.size(), 2)));
  position.at.topic = key.bytes();
  position.at.partition = static_cast<int32_t>(key.signed_varint());
  Reader value(row.value.view());
  const bool is_ours = value.byte() == kVersion;
  position.offset = value.signed_varint();
  position.metadata = value.bytes();
  if (!is_ours || !key.ok() || !value.ok())
    throw usage_error("the record at " + rows.topic + " [" + std::to_string(rows.partition) + "] @ " +
                          std::to_string(row.offset) + " is not a position of the group",
                      "another version of kutils wrote it; use that version, or start from the beginning "
                      "under another name with -g NAME");
  return position;
}

std::map<kafka::TopicPartition, kafka::PartitionOffset> read_positions(const Environment& around,
                                                                       kafka::Admin& admin,
                                                                       const kafka::TopicPartition& rows) {
  std::map<kafka::TopicPartition, kafka::PartitionOffset> found;
  const kafka::Watermarks log = admin.watermarks(rows);
  if (log.low >= log.high) return found;
  const auto source = around.make_topic_source({{rows, log.low, log.high}});
  for (io::Fill fill = io::Fill::nothing; fill != io::Fill::end;) {
    Batch batch;
    fill = source->poll(batch, kReadWait);
    for (const Record& row : batch.records()) {
      kafka::PartitionOffset position = decode(row, rows);
      found[position.at] = std::move(position);
    }
    if (around.stop.signal() != 0)
      throw kafka::KafkaError(ExitCode::connection, kafka::Severity::abort, 0,
                              "asked to end while the group's positions were read");
  }
  return found;
}

}  // namespace kutils::flow
