#include "oracle_stages.h"

#include <deque>
#include <stdexcept>

#include "expr/expressions.h"
#include "flow/aggregate/expression_reader.h"
#include "flow/join/foreign_join.h"
#include "flow/join/join_stage.h"
#include "flow/table/table_stage.h"
#include "flow/topology/condition.h"
#include "flow/topology/pass.h"
#include "flow/topology/pass_stage.h"
#include "flow/topology/ports.h"
#include "flow/window/window_stage.h"
#include "kbranch/branch_stage.h"
#include "kgroupby/rekey_stage.h"
#include "state/partition_store.h"

namespace kutils::oracle {
namespace {

using namespace kutils::flow;

std::string unquote(const std::string& json) {
  return json.size() >= 2 && json.front() == '"' ? json.substr(1, json.size() - 2) : json;
}

// Takes what a stage emits, as results of the input at `at`.
class Capture final : public Emitter {
 public:
  explicit Capture(bool windowed, bool aggregated) : windowed_(windowed), aggregated_(aggregated) {}
  size_t at = 0;
  std::vector<Result> results;
  void name_ports(std::vector<std::string> names) { ports_ = std::move(names); }

  void emit(const Record*, const Output& output) override {
    Result result;
    result.at = at;
    if (!output.key.is_null()) result.key = std::string(output.key.view());
    result.time = output.timestamp;
    if (!ports_.empty()) result.to = ports_.at(output.port);
    if (!output.value.is_null()) {
      const std::string_view value = output.value.view();
      if (windowed_) {
        result.start = std::stoll(member(value, "window_start").value());
        result.end = std::stoll(member(value, "window_end").value());
        if (unquote(member(value, "key").value()) != result.key)
          throw std::runtime_error("key and field differ");
      }
      if (!windowed_ || !member(value, "_deleted"))
        result.value = aggregated_ ? member(value, "v").value() : canonical(value);
    }
    results.push_back(std::move(result));
  }
  void fail(const Record&, RecordError error) override {
    if (error.reason != Reason::no_key) throw std::runtime_error("a record failed: " + error.message);
  }
  void drop(const Record&, DropReason) override {}

 private:
  const bool windowed_, aggregated_;
  std::vector<std::string> ports_;
};

std::vector<AggregateItem> aggregates_of(const Case& one) {
  std::string function = one.get("agg");
  if (function == "latest") function = "last";
  return {{"v", function, function == "count" ? "" : one.get("field", "_value"), {}, ""}};
}

std::unique_ptr<RecordReader> reader_of(const Case& one, const AggregateSet& set) {
  GroupingPlan plan;
  plan.by = one.get("group_field");
  plan.null_group_is_none = true;
  return std::make_unique<ExpressionReader>(plan, expr::Options(), set, nullptr);
}

WindowOptions window_options(const Case& one) {
  WindowOptions options;
  const std::string kind = one.get("window");
  WindowSpec& window = options.window;
  if (kind == "tumbling") {
    window = {WindowSpec::Kind::tumbling, one.ms("size_ms"), one.ms("size_ms"), 0, ""};
  } else if (kind == "hopping") {
    window = {WindowSpec::Kind::hopping, one.ms("size_ms"), one.ms("advance_ms"), 0, ""};
  } else if (kind == "sliding") {
    window = {WindowSpec::Kind::sliding, one.ms("diff_ms"), 0, 0, ""};
  } else if (kind == "session") {
    window = {WindowSpec::Kind::session, one.ms("gap_ms"), 0, 0, ""};
  } else {
    throw std::runtime_error("unknown window " + kind);
  }
  options.grace = one.ms("grace_ms");
  options.emit = one.op == "suppress" || one.get("emit") == "close" ? Emit::close : Emit::update;
  options.format.times_as_ms = true;
  return options;
}

void feed(const Case& one, Stage& stage, Capture& capture) {
  for (size_t i = 0; i < one.in.size(); ++i) {
    const Input& input = one.in[i];
    Record record;
    if (input.key) record.key = std::string_view(*input.key);
    if (input.value) record.value = std::string_view(*input.value);
    record.timestamp = input.time;
    record.timestamp_type = TimestampType::create_time;
    record.offset = static_cast<int64_t>(i);
    record.partition = 0;
    record.topic = input.side;
    capture.at = i;
    stage.process(record, capture);
  }
}

// A side of a join's result as the cases write it.
std::string side_text(std::string_view result, const char* side) {
  const std::string value = member(result, side).value();
  if (value == "null") return "-";
  return value.front() == '{' ? unquote(member(value, "d").value()) : unquote(value);
}

// The three stages of a join by foreign key, with what is between them in order of arrival.
class ForeignJoin final : public Stage {
 public:
  explicit ForeignJoin(const JoinOptions& options)
      : asking_(make_foreign_asking(options, stores_[0].operator_store(1))),
        answering_(make_foreign_answering(options, stores_[1].operator_store(1))),
        joining_(make_foreign_joining(options, stores_[2].operator_store(1))) {}
  void process(const Record& record, Emitter& out) override {
    (record.topic == "R" ? answering_ : asking_)->process(record, record.topic == "R" ? answers_ : asks_);
    while (!asks_.waiting.empty() || !answers_.waiting.empty()) {
      // Rows are told to the last stage before they are answered.
      Topic& topic = answers_.waiting.empty() ? asks_ : answers_;
      const Message one = std::move(topic.waiting.front());
      topic.waiting.pop_front();
      Record made;
      made.key = std::string_view(one.key);
      made.value = std::string_view(one.value);
      made.timestamp = one.time;
      if (&topic == &asks_) {
        answering_->process(made, answers_);
      } else {
        joining_->process(made, out);
      }
    }
  }

 private:
  struct Message {
    std::string key, value;
    int64_t time;
  };
  struct Topic final : Emitter {
    void emit(const Record*, const Output& output) override {
      Topic& to = output.port == kPastNext ? *past : *this;
      to.waiting.push_back(
          {std::string(output.key.view()), std::string(output.value.view()), output.timestamp});
    }
    void fail(const Record&, RecordError error) override {
      if (error.reason != Reason::no_key) throw std::runtime_error("a record failed: " + error.message);
    }
    void drop(const Record&, DropReason) override {}
    std::deque<Message> waiting;
    Topic* past = nullptr;
  };
  state::PartitionStore stores_[3];
  Topic answers_;
  Topic asks_ = [this] {
    Topic topic;
    topic.past = &answers_;
    return topic;
  }();
  std::unique_ptr<Stage> asking_, answering_, joining_;
};

std::vector<Result> run_join(const Case& one) {
  const std::string kind = one.get("kind"), type = one.get("type");
  JoinOptions options;
  options.right_topic = "R";
  options.type = type == "inner" ? kInnerJoin : type == "left" ? kLeftJoin : kOuterJoin;
  state::PartitionStore store;
  state::Store& rows = store.operator_store(1);
  std::unique_ptr<Stage> stage;
  if (kind == "stream-stream") {
    options.span = {one.ms("before_ms"), one.ms("after_ms"), 0};
    options.grace = one.ms("grace_ms");
    stage = make_stream_join(options, rows, nullptr);
  } else if (kind == "stream-table" || kind == "stream-globaltable") {
    if (one.get("lookup") == "field") options.on = one.get("field");
    stage = make_stream_table_join(options, rows);
  } else if (kind == "table-table") {
    stage = make_table_join(options, rows);
  } else if (kind == "foreign-key") {
    options.on = one.get("field");
    stage = std::make_unique<ForeignJoin>(options);
  } else {
    throw std::runtime_error("unknown join " + kind);
  }
  Capture capture(false, false);
  feed(one, *stage, capture);
  for (Result& result : capture.results)
    if (result.value)
      result.value = '"' + side_text(*result.value, "left") + "+" + side_text(*result.value, "right") + '"';
  return std::move(capture.results);
}

std::vector<Result> run_window(const Case& one) {
  const AggregateSet set(aggregates_of(one));
  state::PartitionStore store;
  const auto stage =
      make_window_stage(window_options(one), set, reader_of(one, set), store.operator_store(1));
  Capture capture(true, true);
  feed(one, *stage, capture);
  return std::move(capture.results);
}

// What kfilter and kmap do to a table's rows.
class RowStage final : public Stage {
 public:
  RowStage(std::string filter, std::string map) : expressions_(expr::Options()) {
    if (!filter.empty()) filter_ = expressions_.add(filter, "filter", expr::Expect::boolean);
    if (!map.empty()) map_ = expressions_.add(map, "map");
  }
  void process(const Record& record, Emitter& out) override {
    if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
    if (filter_) {
      const kutils::Result<bool> holds = get_condition(expressions_, *filter_, "filter");
      if (!holds) return out.fail(record, holds.error());
      if (!*holds) return out.drop(record, DropReason::filtered);
    }
    Output output = pass(record);
    std::string value;
    if (map_) {
      if (auto error = expr::append_json(expressions_.evaluate(*map_), value))
        return out.fail(record, std::move(*error));
      output.value = std::string_view(value);
    }
    out.emit(&record, output);
  }

 private:
  expr::Expressions expressions_;
  std::optional<size_t> filter_, map_;
};

std::vector<Result> run_rows(const Case& one) {
  const std::string kind = one.get("kind");
  std::string filter, map;
  if (kind == "filter") filter = "_value >= " + std::to_string(one.ms("min"));
  if (kind == "map-values") map = "_value * " + std::to_string(one.ms("factor"));
  state::PartitionStore store;
  state::Store& rows = store.operator_store(1);
  std::unique_ptr<Stage> stage = make_table_view(std::make_unique<RowStage>(filter, map), rows);
  if (one.op == "suppress") {
    TableOptions options;
    options.after = one.ms("limit_ms");
    options.suppress = true;
    stage = make_suppress(std::move(stage), options, true, rows);
  }
  Capture capture(false, false);
  feed(one, *stage, capture);
  return std::move(capture.results);
}

std::vector<Result> run_aggregate_table(const Case& one) {
  const AggregateSet set(aggregates_of(one));
  TableOptions options;
  options.emit = TableEmit::update;
  state::PartitionStore store;
  const bool over_table = one.get("kind") == "group-by";
  const auto stage = (over_table ? make_regrouped_table : make_aggregate_table)(
      options, set, reader_of(one, set), store.operator_store(1));
  Capture capture(false, true);
  feed(one, *stage, capture);
  return std::move(capture.results);
}

// kbranch: OUT takes the rest, null values among it.
std::vector<Result> run_split(const Case& one) {
  BranchPlan plan{parse_branches("big=_value >= " + std::to_string(one.ms("big")) + ", even=_value % 2 == 0"),
                  {1, 2},
                  {},
                  true};
  BranchStage stage(plan);
  Capture capture(false, false);
  capture.name_ports({"rest", "big", "even"});
  feed(one, stage, capture);
  return std::move(capture.results);
}

// What stands behind a stage: takes its outputs as records, as through a topic.
class Through final : public Stage {
 public:
  Through(std::unique_ptr<Stage> front, std::unique_ptr<Stage> behind)
      : front_(std::move(front)), link_(std::move(behind)) {}
  void process(const Record& record, Emitter& out) override {
    link_.out = &out;
    front_->process(record, link_);
  }

 private:
  struct Link final : Emitter {
    explicit Link(std::unique_ptr<Stage> stage) : behind(std::move(stage)) {}
    void emit(const Record*, const Output& output) override {
      Record record;
      record.key = output.key;
      record.value = output.value;
      record.timestamp = output.timestamp;
      record.timestamp_type = TimestampType::create_time;
      record.partition = 0;
      behind->process(record, *out);
    }
    void fail(const Record& origin, RecordError error) override { out->fail(origin, std::move(error)); }
    void drop(const Record& origin, DropReason reason) override { out->drop(origin, reason); }
    std::unique_ptr<Stage> behind;
    Emitter* out = nullptr;
  };
  std::unique_ptr<Stage> front_;
  Link link_;
};

// kgroupby, then ktable by key.
std::vector<Result> run_rekey_count(const Case& one) {
  const AggregateSet set(parse_aggregates("v=count()", "AGGS"));
  TableOptions options;
  options.emit = TableEmit::update;
  state::PartitionStore store;
  auto reader = std::make_unique<ExpressionReader>(GroupingPlan(), expr::Options(), set, nullptr);
  Through stage(std::make_unique<RekeyStage>(RekeyPlan{one.get("field"), {}, false}),
                make_aggregate_table(options, set, std::move(reader), store.operator_store(1)));
  Capture capture(false, true);
  feed(one, stage, capture);
  return std::move(capture.results);
}

// Several inputs as one, in order of arrival.
std::vector<Result> run_merge(const Case& one) {
  PassStage stage;
  Capture capture(false, false);
  feed(one, stage, capture);
  return std::move(capture.results);
}

}  // namespace

std::vector<Result> run_case(const Case& one) {
  if (one.op == "window" || (one.op == "suppress" && one.get("until") == "window-close"))
    return run_window(one);
  if (one.op == "suppress" && one.get("until") == "time-limit") return run_rows(one);
  const std::string kind = one.get("kind");
  if (one.op == "join") return run_join(one);
  if (one.op == "table" && (kind == "source" || kind == "filter" || kind == "map-values"))
    return run_rows(one);
  if (one.op == "table" && (kind == "group-by" || kind == "stream-aggregate"))
    return run_aggregate_table(one);
  if (one.op == "stream" && kind == "merge") return run_merge(one);
  if (one.op == "stream" && kind == "split") return run_split(one);
  if (one.op == "stream" && kind == "rekey-count") return run_rekey_count(one);
  throw std::runtime_error("unknown op " + one.op + " " + kind);
}

}  // namespace kutils::oracle
