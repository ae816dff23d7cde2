#include "flow/aggregate/repartition_stage.h"

#include <algorithm>

#include "flow/aggregate/source_headers.h"

namespace kutils::flow {
namespace {

class RepartitionStage final : public Stage {
 public:
  explicit RepartitionStage(std::unique_ptr<RecordReader> reader) : reader_(std::move(reader)) {}
  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    GroupedRecord grouped;
    if (auto error = reader_->read(record, grouped)) return out.fail(record, std::move(*error));
    if (record.partition != partition_) {
      partition_ = record.partition;
      seen_ = 0;
    }
    seen_ = std::max(seen_, grouped.time);
    partition_text_ = std::to_string(record.partition);
    offset_text_ = std::to_string(record.offset);
    time_text_ = std::to_string(seen_);
    headers_.assign(record.headers.begin(), record.headers.end());
    headers_.push_back({kSourcePartitionHeader, std::string_view(partition_text_)});
    headers_.push_back({kSourceOffsetHeader, std::string_view(offset_text_)});
    headers_.push_back({kSourceTimeHeader, std::string_view(time_text_)});
    Output output;
    output.key = MaybeBytes(grouped.key.empty() ? std::string_view("", 0) : std::string_view(grouped.key));  // --total: empty, not null
    output.value = record.value;
    output.headers = headers_;
    output.timestamp = grouped.time;
    output.keeps_key = false;
    out.emit(&record, output);
  }

 private:
  std::unique_ptr<RecordReader> reader_;
  int32_t partition_ = -2;
  int64_t seen_ = 0;
  std::string partition_text_, offset_text_, time_text_;
  std::vector<Header> headers_;
};

}  // namespace

std::unique_ptr<Stage> make_repartition_stage(std::unique_ptr<RecordReader> reader) {
  return std::make_unique<RepartitionStage>(std::move(reader));
}

}  // namespace kutils::flow
