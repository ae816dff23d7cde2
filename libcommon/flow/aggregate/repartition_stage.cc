#include "flow/aggregate/repartition_stage.h"

#include "flow/topology/output_times.h"

namespace kutils::flow {
namespace {

class RepartitionStage final : public Stage {
 public:
  RepartitionStage(std::unique_ptr<RecordReader> reader, bool tells_topic, bool takes_null)
      : reader_(std::move(reader)), records_(tells_topic), takes_null_(takes_null) {}
  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null() && !takes_null_) return out.drop(record, DropReason::tombstone);
    GroupedRecord grouped;
    if (auto error = reader_->read(record, grouped)) return out.fail(record, std::move(*error));
    // Here, not only behind: its time is told to all partitions there.
    if (auto refused = times_.judge(grouped.time, out)) return out.fail(record, std::move(*refused));
    records_.send(record, grouped, out);
  }

 private:
  std::unique_ptr<RecordReader> reader_;
  OutputTimes times_;
  SingleRecords records_;
  const bool takes_null_;
};

}  // namespace

void SingleRecords::send(const Record& record, const GroupedRecord& grouped, Emitter& out) {
  const std::string_view group =
      grouped.key.empty() ? std::string_view("", 0) : grouped.key;  // --total: empty, not null
  headers_.assign(record.headers.begin(), record.headers.end());
  source_.append(record, grouped.time, group, headers_);
  Output output;
  output.key = MaybeBytes(group);
  output.value = record.value;
  output.headers = headers_;
  output.timestamp = grouped.time;
  output.keeps_key = false;
  out.emit(&record, output);
}

std::unique_ptr<Stage> make_repartition_stage(std::unique_ptr<RecordReader> reader, bool tells_topic,
                                              bool takes_null) {
  return std::make_unique<RepartitionStage>(std::move(reader), tells_topic, takes_null);
}

}  // namespace kutils::flow
