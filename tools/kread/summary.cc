#include "kread/summary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time_format.h"
#include "cli/rows.h"
#include "data/json_fields.h"
#include "flow/aggregate/aggregate.h"
#include "flow/aggregate/sketches.h"
#include "flow/topology/forwarding_stage.h"

namespace kutils {
namespace {

// With `digits` behind the point, as JSON.
std::string decimal(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// One state of an aggregate, kept here.
class Kept {
 public:
  explicit Kept(std::unique_ptr<flow::Aggregate> aggregate)
      : aggregate_(std::move(aggregate)), state_((aggregate_->state_size() / sizeof(std::max_align_t)) + 1) {
    aggregate_->init(state_.data());
  }
  ~Kept() { aggregate_->destroy(state_.data()); }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  void add(const flow::ScalarValue& value) { aggregate_->add(state_.data(), value); }
  std::string json() const {
    std::string out;
    aggregate_->result(state_.data(), out);
    return out;
  }

 private:
  const std::unique_ptr<flow::Aggregate> aggregate_;
  std::vector<std::max_align_t> state_;
};

class Rows {
 public:
  virtual ~Rows() = default;
  virtual void add(const Record& origin, const Output& output) = 0;
  virtual std::vector<std::string> result() const = 0;
};

class Count final : public Rows {
 public:
  void add(const Record&, const Output&) override { ++records_; }
  std::vector<std::string> result() const override { return {std::to_string(records_)}; }

 private:
  int64_t records_ = 0;
};

// Of a partition, or of all.
class Spread {
 public:
  void add(const Record& record, const Output& output) {
    ++records_;
    if (record.timestamp != kNoTimestamp) {
      first_ = std::min(first_.value_or(record.timestamp), record.timestamp);
      last_ = std::max(last_.value_or(record.timestamp), record.timestamp);
    }
    if (output.key.is_null()) {
      ++without_key_;
    } else {
      keys_.add(flow::ScalarValue::of_string(output.key.view()));
    }
    if (output.value.is_null()) {
      ++nulls_;
      return;
    }
    const auto size = static_cast<int64_t>(output.value.size());
    bytes_ += size;
    largest_ = std::max(largest_, size);
    median_.add(flow::ScalarValue::of(size));
    p99_.add(flow::ScalarValue::of(size));
  }
  void append_to(cli::Row& row) const {
    row.number("records", records_);
    const auto time = [&](const char* name, const std::optional<int64_t>& ms) {
      if (ms) {
        row.text(name, format_iso_ms(*ms));
      } else {
        row.null(name);
      }
    };
    time("from", first_);
    time("to", last_);
    if (first_ && *last_ > *first_) {
      row.raw("per_s",
              decimal(static_cast<double>(records_) * 1000 / static_cast<double>(*last_ - *first_), 1));
    } else {
      row.null("per_s");
    }
    row.raw("keys", keys_.json());
    row.number("no_key", without_key_);
    row.number("null", nulls_);
    row.number("bytes", bytes_);
    const int64_t values = records_ - nulls_;
    if (values == 0) {
      row.null("mean").null("p50").null("p99").null("max");
      return;
    }
    row.number("mean", bytes_ / values);
    for (const auto& [name, sketch] : {std::pair{"p50", &median_}, {"p99", &p99_}})
      row.number(name, static_cast<int64_t>(std::stod(sketch->json())));
    row.number("max", largest_);
  }

 private:
  int64_t records_ = 0, without_key_ = 0, nulls_ = 0, bytes_ = 0, largest_ = 0;
  std::optional<int64_t> first_, last_;
  Kept keys_{flow::make_approx_distinct()};
  Kept median_{flow::make_percentile(50)}, p99_{flow::make_percentile(99)};
};

class Stats final : public Rows {
 public:
  void add(const Record& origin, const Output& output) override {
    const auto at = std::pair(std::string_view(origin.topic), origin.partition);
    if (!last_ || at != std::pair(std::string_view(last_->first.first), last_->first.second))
      last_ = &*parts_.try_emplace({std::string(at.first), at.second}).first;
    last_->second.add(origin, output);
    all_.add(origin, output);
    // Values of 2^(n-1) + 1 to 2^n bytes are in class n.
    if (!output.value.is_null())
      ++sizes_[output.value.size() == 0 ? 0 : static_cast<size_t>(std::bit_width(output.value.size() - 1))];
  }
  std::vector<std::string> result() const override {
    std::vector<std::string> out;
    for (const auto& [at, spread] : parts_) {
      cli::Row row;
      row.text("topic", at.first);
      if (at.second == kNoPartition) {
        row.null("partition");
      } else {
        row.number("partition", at.second);
      }
      spread.append_to(row);
      out.push_back(row.json());
    }
    cli::Row total;
    total.text("topic", "all").null("partition");
    all_.append_to(total);
    out.push_back(total.json());
    int64_t values = 0;
    for (const int64_t n : sizes_) values += n;
    for (size_t i = 0; i < sizes_.size(); ++i) {
      if (sizes_[i] == 0) continue;
      cli::Row row;
      row.number("bytes_up_to", int64_t{1} << i).number("records", sizes_[i]);
      row.raw("percent", decimal(100.0 * static_cast<double>(sizes_[i]) / static_cast<double>(values), 1));
      out.push_back(row.json());
    }
    return out;
  }

 private:
  std::map<std::pair<std::string, int32_t>, Spread> parts_;
  std::pair<const std::pair<std::string, int32_t>, Spread>* last_ = nullptr;
  Spread all_;
  std::array<int64_t, 40> sizes_{};
};

// A value that is no object counts as the field _value.
class Fields final : public Rows {
 public:
  explicit Fields(bool is_text) : is_text_(is_text) {}
  void add(const Record&, const Output& output) override {
    ++records_;
    if (output.value.is_null()) return count("_value", Type::null, 0, {});
    const std::string_view value = output.value.view();
    if (is_text_) return count("_value", Type::string, value.size(), value);
    read("", value, 0);
  }
  std::vector<std::string> result() const override {
    std::vector<std::string> out;
    for (const Field* field : order_) {
      cli::Row row;
      int64_t times = 0;
      std::string types;
      for (size_t i = 0; i < kTypes.size(); ++i) {
        if (field->times[i] == 0) continue;
        times += field->times[i];
        types += (types.empty() ? "" : ", ") + std::string(kTypes[i]) + " " + std::to_string(field->times[i]);
      }
      row.text("field", field->path).number("times", times);
      row.raw("percent", decimal(100.0 * static_cast<double>(times) / static_cast<double>(records_), 1));
      row.text("types", types).number("mean_bytes", field->bytes / times).number("max_bytes", field->largest);
      row.text("example", field->example);
      out.push_back(row.json());
    }
    if (more_ > 0) {
      cli::Row row;
      row.text("field", "(" + std::to_string(more_) + " more values of other names)");
      out.push_back(row.json());
    }
    return out;
  }

 private:
  enum class Type { null, boolean, integer, real, string, list, object, no_json };
  static constexpr std::array<std::string_view, 8> kTypes = {"null",   "bool", "int",    "double",
                                                             "string", "list", "object", "not JSON"};
  static constexpr size_t kMostFields = 10'000, kMostDepth = 16, kExampleBytes = 40;
  struct Field {
    std::string path;
    std::array<int64_t, 8> times{};
    int64_t bytes = 0, largest = 0;
    std::string example;  // the first value that is not null
  };

  static Type type_of(std::string_view raw) {
    switch (raw.empty() ? 'n' : raw[0]) {
      case '"':
        return Type::string;
      case '{':
        return Type::object;
      case '[':
        return Type::list;
      case 'n':
        return Type::null;
      case 't':
      case 'f':
        return Type::boolean;
      default:
        return raw.find_first_of(".eE") == raw.npos ? Type::integer : Type::real;
    }
  }
  void read(const std::string& path, std::string_view json, size_t depth) {
    if (readers_.size() <= depth) {
      readers_.push_back(std::make_unique<FieldReader>(no_fields_));
      readers_.back()->want_members();
    }
    FieldReader& reader = *readers_[depth];
    if (const auto wrong = reader.read(json)) {
      const bool is_json = wrong->reason == Reason::not_an_object;
      const size_t begin = json.find_first_not_of(" \t\r\n");
      return count("_value", is_json && begin != json.npos ? type_of(json.substr(begin)) : Type::no_json,
                   json.size(), json);
    }
    for (const JsonMember& member : reader.members()) {
      const std::string at = path.empty() ? std::string(member.name) : path + "." + std::string(member.name);
      const Type type = type_of(member.value_raw);
      count(at, type, member.value_raw.size(), member.value_raw);
      if (type == Type::object && depth + 1 < kMostDepth) read(at, member.value_raw, depth + 1);
    }
  }
  void count(const std::string& path, Type type, size_t size, std::string_view raw) {
    auto found = fields_.find(path);
    if (found == fields_.end()) {
      // Names that are ids would make a row of each.
      if (fields_.size() >= kMostFields) {
        ++more_;
        return;
      }
      found = fields_.emplace(path, Field{path, {}, 0, 0, {}}).first;
      order_.push_back(&found->second);
    }
    Field& field = found->second;
    ++field.times[static_cast<size_t>(type)];
    field.bytes += static_cast<int64_t>(size);
    field.largest = std::max(field.largest, static_cast<int64_t>(size));
    if (field.example.empty() && type != Type::null && type != Type::no_json) {
      size_t end = std::min(raw.size(), kExampleBytes);
      while (end < raw.size() && end > 0 && (static_cast<unsigned char>(raw[end]) & 0xc0) == 0x80) --end;
      field.example = std::string(raw.substr(0, end)) + (end < raw.size() ? "..." : "");
    }
  }

  const bool is_text_;
  int64_t records_ = 0, more_ = 0;
  std::map<std::string, Field> fields_;
  std::vector<const Field*> order_;
  FieldSet no_fields_;
  std::vector<std::unique_ptr<FieldReader>> readers_;  // by depth: what one gives lives until it reads again
};

// The same rows, each with the columns of all of them.
std::vector<std::string> with_same_columns(const std::vector<std::string>& rows) {
  FieldSet no_fields;
  FieldReader reader(no_fields);
  reader.want_members();
  std::vector<std::string> columns;
  for (const std::string& json : rows) {
    reader.read(json);
    for (const JsonMember& member : reader.members())
      if (std::find(columns.begin(), columns.end(), member.name) == columns.end())
        columns.emplace_back(member.name);
  }
  std::vector<std::string> out;
  for (const std::string& json : rows) {
    reader.read(json);
    cli::Row row;
    for (const std::string& column : columns) {
      const auto& members = reader.members();
      const auto found = std::find_if(members.begin(), members.end(),
                                      [&](const JsonMember& member) { return member.name == column; });
      row.raw(column, found == members.end() ? "null" : found->value_raw);
    }
    out.push_back(row.json());
  }
  return out;
}

class SummaryStage final : public flow::ForwardingStage, private flow::Emitter {
 public:
  SummaryStage(std::unique_ptr<Rows> rows, bool same_columns, std::unique_ptr<flow::Stage> inner)
      : ForwardingStage(std::move(inner)), rows_(std::move(rows)), same_columns_(same_columns) {}
  void close(flow::Emitter& out) override {
    inner_->close(around(out));
    const std::vector<std::string> rows =
        same_columns_ ? with_same_columns(rows_->result()) : rows_->result();
    for (const std::string& row : rows) {
      Output output;
      output.value = std::string_view(row);
      out.emit(nullptr, output);
    }
  }

 private:
  flow::Emitter& around(flow::Emitter& out) override {
    out_ = &out;
    return *this;
  }
  void emit(const Record* origin, const Output& output) override { rows_->add(*origin, output); }
  void fail(const Record& origin, RecordError error) override { out_->fail(origin, std::move(error)); }
  void drop(const Record& origin, flow::DropReason reason) override { out_->drop(origin, reason); }

  const std::unique_ptr<Rows> rows_;
  const bool same_columns_;
  flow::Emitter* out_ = nullptr;
};

}  // namespace

std::unique_ptr<flow::Stage> make_summary(Summary kind, bool is_text, bool same_columns,
                                          std::unique_ptr<flow::Stage> inner) {
  std::unique_ptr<Rows> rows;
  switch (kind) {
    case Summary::count:
      rows = std::make_unique<Count>();
      break;
    case Summary::stats:
      rows = std::make_unique<Stats>();
      break;
    case Summary::fields:
      rows = std::make_unique<Fields>(is_text);
      break;
  }
  return std::make_unique<SummaryStage>(std::move(rows), same_columns, std::move(inner));
}

}  // namespace kutils
