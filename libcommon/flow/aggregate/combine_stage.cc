#include "flow/aggregate/combine_stage.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "flow/aggregate/combined.h"
#include "flow/aggregate/repartition_stage.h"
#include "flow/aggregate/row_table.h"
#include "flow/tasks/source_headers.h"
#include "flow/topology/output_times.h"

namespace kutils::flow {
namespace {

constexpr size_t kMostBytes = size_t{64} << 10;  // of what goes on in one record, far below any topic's limit
constexpr size_t kMostMemory = size_t{4} << 20;  // of all groups of a task
constexpr size_t kManyGroups = 4096;
constexpr size_t kSample = 256;                   // records that tell whether it pays
constexpr size_t kLongestRest = size_t{1} << 20;  // records until it is tried again

class CombineStage final : public Stage {
 public:
  CombineStage(CombinePlan plan, const AggregateSet& set, std::unique_ptr<RecordReader> reader)
      : plan_(std::move(plan)), set_(set), reader_(std::move(reader)), groups_(set) {}

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    GroupedRecord grouped;
    if (auto error = reader_->read(record, grouped)) return out.fail(record, std::move(*error));
    if (auto refused = times_.judge(grouped.time, out)) return out.fail(record, std::move(*refused));
    if (plan_.next_close && grouped.time > time_) {
      time_ = grouped.time;
      if (time_ >= next_close_) {
        send_all(out);
        next_close_ = plan_.next_close(time_);
      }
    }
    if (rest_ > 0) {
      --rest_;
      return single_.send(record, grouped, out);
    }
    if (!add(record, grouped, out)) {
      send_all(out);
      single_.send(record, grouped, out);
    }
  }
  void before_commit(Emitter& out) override { send_all(out); }
  void close(Emitter& out) override { send_all(out); }

 private:
  // False: it cannot be combined with others.
  bool add(const Record& record, const GroupedRecord& grouped, Emitter& out) {
    size_t bytes = grouped.key.size();
    for (const Argument& argument : grouped.arguments) bytes += argument.scalar.text.size();
    if (bytes > kMostBytes) return false;
    place_.clear();
    if (plan_.place_of && !plan_.place_of(grouped.time, place_)) return false;
    const size_t place_size = place_.size();
    std::string_view key = grouped.key;
    if (place_size > 0) key = place_.append(grouped.key);
    Row* row = find(key, record);
    const bool is_full =
        row->records == std::numeric_limits<decltype(row->records)>::max() || row->heap + bytes > kMostBytes;
    if (is_full || (row->exists && set_.can_add(groups_.state(row), grouped.arguments))) {
      send_all(out);
      if (rest_ > 0) return false;
      row = find(key, record);
    }
    // Even alone: whether it is an error is for the group to say.
    if (set_.add(groups_.state(row), grouped.arguments)) return false;
    if (!row->exists) {
      row->exists = true;
      row->key_is_text = grouped.key_is_text;
      row->time = grouped.time;
    } else {
      row->time = std::max(row->time, grouped.time);
    }
    ++row->records;
    row->heap += static_cast<uint32_t>(bytes);
    ++records_;
    place_size_ = place_size;
    partition_ = record.partition;
    // Where it does not pay, that is seen before there are many groups.
    const bool pays = groups_.size() != kManyGroups || records_ >= 2 * (sent_ + kManyGroups);
    if (!pays || groups_.memory() > kMostMemory) send_all(out);
    return true;
  }

  Row* find(std::string_view key, const Record& record) {
    const auto [row, is_new] = groups_.find_or_add(key);
    if (is_new) offsets_.push_back(record.offset);
    return row;
  }

  void send_all(Emitter& out) {
    const std::string partition = std::to_string(partition_);
    for (size_t i = 0; i < groups_.size(); ++i) {
      Row* row = groups_.rows()[i];
      if (!row->exists) continue;
      const std::string offset = std::to_string(offsets_[i]);
      const Header headers[] = {{kSourcePartitionHeader, std::string_view(partition)},
                                {kSourceOffsetHeader, std::string_view(offset)},
                                {kCombinedHeader, std::string_view("1")}};
      value_.clear();
      encode_combined(set_, row->key_is_text, row->records, groups_.state(row), value_);
      Output output;
      output.key = groups_.key(row).substr(place_size_);
      output.value = std::string_view(value_);
      output.headers = headers;
      output.timestamp = row->time;
      output.keeps_key = false;
      out.emit(nullptr, output);
      if (out.refused())
        throw Error(ExitCode::bad_record, "the internal topic does not take the combined records of a group",
                    "raise its max.message.bytes, or use --no-combine");
    }
    sent_ += groups_.size();
    groups_.clear(kMostMemory / 4);
    offsets_.clear();
    if (records_ < kSample) return;  // few at each commit: they are added up
    if (records_ < 2 * sent_) {
      rest_ = next_rest_;
      next_rest_ = std::min(2 * next_rest_, kLongestRest);
    } else {
      next_rest_ = kSample * 16;
    }
    records_ = sent_ = 0;
  }

  const CombinePlan plan_;
  const AggregateSet& set_;
  std::unique_ptr<RecordReader> reader_;
  OutputTimes times_;
  SingleRecords single_;
  RowTable groups_;                 // by place and group
  size_t place_size_ = 0;           // of all rows that are there
  int64_t time_ = INT64_MIN;        // the source's
  int64_t next_close_ = INT64_MIN;  // when a window could close by it
  int32_t partition_ = 0;           // of the newest record
  std::vector<int64_t> offsets_;    // of the first record of each row
  size_t records_ = 0;              // since the last look at whether it pays, and what went on of them
  size_t sent_ = 0;
  size_t rest_ = 0;  // records that go on alone
  size_t next_rest_ = kSample * 16;
  std::string place_, value_;
};

}  // namespace

bool can_combine(const AggregateSet& set, bool keeps_order) {
  for (size_t i = 0; i < set.items().size(); ++i) {
    const Aggregate& one = set.function(i);
    if (!one.combines() || (one.is_ordered() && !keeps_order)) return false;
  }
  return true;
}

std::unique_ptr<Stage> make_combine_stage(CombinePlan plan, const AggregateSet& set,
                                          std::unique_ptr<RecordReader> reader) {
  return std::make_unique<CombineStage>(std::move(plan), set, std::move(reader));
}

}  // namespace kutils::flow
