#include "flow/aggregate/expression_reader.h"

#include <algorithm>

#include "base/duration.h"
#include "base/time_format.h"
#include "flow/tasks/source_headers.h"
#include "flow/tasks/source_marks.h"

namespace kutils::flow {
namespace {

// Far enough from the end of int64 that windows around a time do not overflow.
constexpr int64_t kLargestTime = INT64_MAX / 8;

// Years that a calendar has no name for are shown as they are counted.
std::string time_text(int64_t ms) {
  constexpr int64_t kYear10000 = 253'402'300'800'000;
  return ms < kYear10000 ? format_iso_ms(ms) : std::to_string(ms) + " ms";
}

std::vector<expr::ListItem> by_items(const GroupingPlan& plan) {
  std::vector<expr::ListItem> items = expr::parse_list(plan.by, plan.by_name, expr::Unnamed::nothing);
  for (const expr::ListItem& item : items)
    if (item.kind != expr::ListItem::Kind::field)
      throw usage_error(plan.by_name + ": '" + plan.by + "' is not a key",
                        "write one expression, or several as a,b");
  return items;
}

}  // namespace

std::vector<std::string> group_names(const GroupingPlan& plan) {
  if (plan.total) return {};
  if (plan.by.empty()) return {"key"};
  std::vector<std::string> names;
  for (const expr::ListItem& item : by_items(plan)) {
    std::string name = item.name.empty() ? "key" : item.name;
    for (const std::string& other : names)
      if (other == name)
        throw usage_error(plan.by_name + ": two fields would be called '" + name + "'",
                          "name them: NAME=EXPR");
    names.push_back(std::move(name));
  }
  return names;
}

bool reads_value(const GroupingPlan& plan, const expr::Options& options) {
  expr::Expressions expressions(options);
  if (!plan.by.empty())
    for (const expr::ListItem& item : by_items(plan)) expressions.add(item.expression, plan.by_name);
  if (!plan.time.empty() && plan.time != "wall") expressions.add(plan.time, "--time", expr::Expect::time);
  return expressions.reads_fields();
}

RecordError beyond_max_ahead(int64_t time, int64_t max_ahead_ms, std::string_view effect) {
  std::string message = "the time " + time_text(time) + " is more than --max-ahead " +
                        format_duration(std::chrono::milliseconds(max_ahead_ms)) +
                        " ahead of this machine's clock";
  if (!effect.empty()) message.append(" and would ").append(effect);
  return {Reason::bad_time, message + "; --max-ahead none takes it"};
}

ExpressionReader::ExpressionReader(const GroupingPlan& plan, const expr::Options& options,
                                   const AggregateSet& set, const Clock* clock)
    : plan_(plan),
      clock_(clock),
      expressions_(options),
      seconds_("--time", options.warn),
      arguments_(set, expressions_, plan.list_name) {
  if (plan_.total && !plan_.by.empty())
    throw usage_error("--total is one group of all records: it takes no --by");
  if (!plan_.by.empty())
    for (const expr::ListItem& item : by_items(plan_))
      by_.push_back(expressions_.add(item.expression, plan_.by_name));
  if (!plan_.total && plan_.by.empty() && !options.key_codec.empty()) {
    key_codec_ = Codec::parse(options.key_codec, "--key-codec");
    key_value_ = expressions_.add("_key", "--key-codec");
  }
  if (!plan_.time.empty() && plan_.time != "wall")
    time_ = expressions_.add(plan_.time, "--time", expr::Expect::time);
  if (plan_.repartitioned) combined_.emplace(set);
}

std::string ExpressionReader::canonical_by() const {
  std::string text;
  for (const size_t one : by_) text += (text.empty() ? "" : ", ") + expressions_.canonical(one);
  return text;
}

std::string ExpressionReader::canonical_time() const {
  return time_ ? expressions_.canonical(*time_) : plan_.time;
}

std::optional<RecordError> ExpressionReader::read(const Record& record, GroupedRecord& grouped) {
  const Record& origin = plan_.repartitioned ? source_ = source_record(record, plan_.source_topic) : record;
  grouped.origin = &origin;
  grouped.combined = nullptr;
  if (combined_ && is_combined(record)) return read_combined(record, grouped);
  if (auto error = expressions_.bind(origin)) return error;
  grouped.has_group = true;
  if (auto error = read_key(origin, grouped)) return error;
  // Its group and time are those that it was sent on with, whatever expressions of chance or of the hour
  // would say now.
  if (plan_.repartitioned) grouped.key = record.key.view();
  if (auto error = read_time(record, grouped)) return error;
  grouped.source = origin.partition < 0 ? 0 : origin.partition;
  if (plan_.topics.size() > 1) grouped.source = source_number(plan_.topics, origin.topic, grouped.source);
  return arguments_.read(grouped.arguments);
}

// It was read, and judged, record by record in front of the internal topic.
std::optional<RecordError> ExpressionReader::read_combined(const Record& record, GroupedRecord& grouped) {
  if (auto error = combined_->read(record)) return error;
  grouped.has_group = true;
  grouped.key = record.key.view();
  grouped.key_is_text = combined_->key_is_text();
  grouped.time = record.timestamp < 0 ? kNoTimestamp : record.timestamp;
  grouped.source = std::max(grouped.origin->partition, 0);
  grouped.arguments = {};
  grouped.combined = &*combined_;
  return std::nullopt;
}

std::optional<RecordError> ExpressionReader::read_apart(const Record& combined,
                                                        const std::function<void(const Record& one)>& each) {
  SourceHeaders source_headers;
  std::vector<Header> headers;
  return combined_->for_each_source(Record(source_), combined.key.view(),
                                    [&](const Record& source, int64_t time) {
                                      headers.assign(source.headers.begin(), source.headers.end());
                                      source_headers.append(source, time, combined.key.view(), headers);
                                      Record one = combined;
                                      one.value = source.value;
                                      one.headers = headers;
                                      one.timestamp = time;
                                      each(one);
                                    });
}

bool ExpressionReader::read_times(const Record& record, std::vector<std::pair<int32_t, int64_t>>& times) {
  if (!plan_.repartitioned || !is_mark(record)) return false;
  times.clear();
  read_mark(record, [&](int32_t source, int64_t time) { times.emplace_back(source, time); });
  return true;
}

std::optional<RecordError> ExpressionReader::read_key(const Record& record, GroupedRecord& grouped) {
  if (plan_.total) {
    grouped.key = {};
    return std::nullopt;
  }
  if (by_.empty()) {
    if (record.key.is_null())
      return RecordError{Reason::no_key, plan_.by_name == "--by" ? "use --by EXPR or --total"
                                                                 : "equal keys are brought together"};
    grouped.key = record.key.view();
    grouped.key_is_text = true;
    return key_codec_ ? decode_key(grouped) : std::nullopt;
  }
  key_.clear();
  if (by_.size() == 1) {
    const Result<expr::Value> value = expressions_.get(by_[0]);
    if (!value) return value.error();
    grouped.key_is_text = value->kind() == expr::Kind::string || value->kind() == expr::Kind::bytes;
    if (value->kind() == expr::Kind::string) {  // the usual case: no copy
      grouped.key = value->as_string();
      return std::nullopt;
    }
    const Result<bool> any = expr::append_key(*value, key_);
    if (!any) return any.error();
    if (!*any) {
      if (!plan_.null_group_is_none)
        return RecordError{Reason::no_key, "the key " + canonical_by() + " is null"};
      grouped.has_group = false;
    }
    grouped.key = key_;
    return std::nullopt;
  }
  grouped.key_is_text = false;
  for (const size_t one : by_) {
    const Result<expr::Value> value = expressions_.get(one);
    if (!value) return value.error();
    key_ += key_.empty() ? '[' : ',';
    if (auto error = expr::append_key_json(*value, key_)) return error;
  }
  key_ += ']';
  grouped.key = key_;
  return std::nullopt;
}

std::optional<RecordError> ExpressionReader::decode_key(GroupedRecord& grouped) {
  const Result<expr::Value> value = expressions_.get(*key_value_);  // that it is JSON where it is to be
  if (!value) return value.error();
  const Result<std::string_view> decoded = key_codec_->decode(grouped.key, key_);
  if (!decoded) return decoded.error();
  grouped.key = *decoded;
  grouped.key_is_text = key_codec_->form() != DecodedForm::json;
  return std::nullopt;
}

std::optional<RecordError> ExpressionReader::read_time(const Record& record, GroupedRecord& grouped) {
  if (time_) {
    const Result<expr::Value> value = expressions_.get(*time_);
    if (!value) return value.error();
    const Result<int64_t> ms = expr::to_time_ms(*value, plan_.time_unit_ns);
    if (!ms) return ms.error();
    seconds_.see(*value, *ms, plan_.time_unit_ns);
    grouped.time = *ms;
  } else if (plan_.time == "wall") {
    grouped.time = clock_->wall_ms();
  } else {
    grouped.time = record.timestamp;
    if (record.timestamp < 0) {
      if (plan_.needs_time)
        return RecordError{Reason::bad_time, "the record has no time: use --time EXPR or --time wall"};
      grouped.time = kNoTimestamp;
    }
  }
  if (grouped.time > kLargestTime)
    return RecordError{Reason::bad_time,
                       "the time " + std::to_string(grouped.time) + " ms is too far in the future"};
  if (grouped.time > latest_ && is_too_far_ahead(grouped.time))
    return beyond_max_ahead(grouped.time, *plan_.max_ahead, plan_.ahead_effect);
  return std::nullopt;
}

bool ExpressionReader::is_too_far_ahead(int64_t time) {
  if (!plan_.max_ahead || plan_.repartitioned || clock_ == nullptr) {
    latest_ = kLargestTime;
    return false;
  }
  latest_ = clock_->wall_ms() + *plan_.max_ahead;
  return time > latest_;
}

}  // namespace kutils::flow
