// The RecordReader of the tools: group, time and arguments by expressions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "data/codec.h"
#include "expr/expressions.h"
#include "expr/seconds_note.h"
#include "flow/aggregate/arguments.h"
#include "flow/aggregate/combined.h"
#include "flow/aggregate/record_reader.h"

namespace kutils::flow {

struct GroupingPlan {
  std::string by;                    // --by: `a` or `a,b`; empty: by record key
  std::string by_name = "--by";      // what it is called in messages
  bool total = false;                // --total: one group
  std::string list_name = "AGGS";    // what the list of aggregates is called in messages
  std::string time;                  // --time: an expression, "wall", or empty: the record's timestamp
  int64_t time_unit_ns = 1'000'000;  // --time-unit
  // --max-ahead, ms: a time that is further ahead of the wall clock is a record error. nullopt: any is taken.
  std::optional<int64_t> max_ahead = std::nullopt;
  std::string ahead_effect = {};    // what such a time would do, for the message
  bool needs_time = true;           // false: a record without time is fine (tables)
  bool null_group_is_none = false;  // rows of tables: a null key is in no group, else it is a record error
  bool takes_null = false;          // records without a value are passed on to a topic between as others
  bool repartitioned = false;       // records come through the repartition topic, each under its group's key
  std::string source_topic;         // then: where they come from
  // If several: partition p of the i-th one is source p * topics.size() + i.
  std::vector<std::string> topics = {};
};

// The output fields that show the group: the names of --by's items, "key", or none for --total. Throws
// usage_error.
std::vector<std::string> group_names(const GroupingPlan& plan);

// Whether a record's group, or its time, depends on its value. Throws usage_error.
bool reads_value(const GroupingPlan& plan, const expr::Options& options);

// The error of a record whose time is beyond --max-ahead.
RecordError beyond_max_ahead(int64_t time, int64_t max_ahead_ms, std::string_view effect);

class ExpressionReader final : public RecordReader {
 public:
  // Throws usage_error for a bad expression. `set` and `clock` outlive the reader; `clock` is needed for
  // --time wall only.
  ExpressionReader(const GroupingPlan& plan, const expr::Options& options, const AggregateSet& set,
                   const Clock* clock);
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override;
  std::optional<RecordError> read_apart(const Record& combined,
                                        const std::function<void(const Record& one)>& each) override;
  bool read_times(const Record& record, std::vector<std::pair<int32_t, int64_t>>& times) override;
  // As parsed, for fingerprints.
  std::string canonical_by() const;
  std::string canonical_time() const;

 private:
  std::optional<RecordError> read_key(const Record& record, GroupedRecord& grouped);
  std::optional<RecordError> decode_key(GroupedRecord& grouped);
  std::optional<RecordError> read_combined(const Record& record, GroupedRecord& grouped);
  std::optional<RecordError> read_time(const Record& record, GroupedRecord& grouped);
  bool is_too_far_ahead(int64_t time);

  const GroupingPlan plan_;
  const Clock* clock_;
  expr::Expressions expressions_;
  expr::SecondsNote seconds_;
  std::vector<size_t> by_;
  // Of the records' own keys, where one says what their bytes are: groups have their decoded form.
  std::optional<Codec> key_codec_;
  std::optional<size_t> key_value_;
  std::optional<size_t> time_;
  AggregateArguments arguments_;
  std::string key_;
  Record source_;                     // repartitioned
  std::optional<Combined> combined_;  // repartitioned
  int64_t latest_ = INT64_MIN;        // that --max-ahead allowed when the clock was last looked at
};

}  // namespace kutils::flow
