#include "oracle_stages.h"

#include <rapidjson/document.h>

#include <stdexcept>

#include "flow/window/window_stage.h"
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

  void emit(const Record*, const Output& output) override {
    Result result;
    result.at = at;
    if (!output.key.is_null()) result.key = std::string(output.key.view());
    result.time = output.timestamp;
    if (!output.value.is_null()) {
      const std::string_view value = output.value.view();
      if (windowed_) {
        result.start = std::stoll(member(value, "window_start").value());
        result.end = std::stoll(member(value, "window_end").value());
        if (unquote(member(value, "key").value()) != result.key) throw std::runtime_error("key and field differ");
      }
      if (!windowed_ || !member(value, "_deleted")) result.value = aggregated_ ? member(value, "v").value() : canonical(value);
    }
    results.push_back(std::move(result));
  }
  void fail(const Record&, RecordError error) override {
    if (error.reason != Reason::no_key) throw std::runtime_error("a record failed: " + error.message);
  }
  void drop(const Record&, DropReason) override {}

 private:
  const bool windowed_, aggregated_;
};

// Key and time of the record, and its value (or a field of it) as the aggregate's argument.
class CaseReader final : public RecordReader {
 public:
  explicit CaseReader(std::string field) : field_(std::move(field)) {}
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override {
    if (record.key.is_null()) return RecordError{Reason::no_key, "no key"};
    grouped.key = record.key.view();
    grouped.time = record.timestamp;
    document_.Parse(record.value.data(), record.value.size());
    const rapidjson::Value& value = field_.empty() ? static_cast<const rapidjson::Value&>(document_) : document_[field_.c_str()];
    argument_.present = true;
    argument_.datum = value.IsInt64() ? Datum::of(value.GetInt64()) : Datum::of_string({value.GetString(), value.GetStringLength()});
    grouped.arguments = {&argument_, 1};
    return std::nullopt;
  }

 private:
  std::string field_;
  rapidjson::Document document_;
  Argument argument_;
};

std::vector<AggregateItem> aggregates_of(const Case& one) {
  std::string function = one.get("agg");
  if (function == "latest") function = "last";
  return {{"v", function, function == "count" ? "" : "x", {}, ""}};
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
    capture.at = i;
    stage.process(record, capture);
  }
}

std::vector<Result> run_window(const Case& one) {
  const AggregateSet set(aggregates_of(one));
  state::PartitionStore store;
  const auto stage = make_window_stage(window_options(one), set, std::make_unique<CaseReader>(one.get("field")), store.operator_store(1));
  Capture capture(true, true);
  feed(one, *stage, capture);
  return std::move(capture.results);
}

}  // namespace

std::string why_skipped(const Case& one) {
  if (one.op == "join") return "joins come with kjoin";
  if (one.op == "stream") return "merge, split and rekey-count are kmerge, kbranch and kgroupby with ktable: tested as tools";
  if (one.op == "table" || one.get("until") == "time-limit") return "tables: not yet";
  return {};
}

std::vector<Result> run_case(const Case& one) {
  if (one.op == "window" || (one.op == "suppress" && one.get("until") == "window-close")) return run_window(one);
  throw std::runtime_error("unknown op " + one.op);
}

}  // namespace kutils::oracle
