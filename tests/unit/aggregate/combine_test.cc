// Combining before the internal topic changes nothing: over one source, tables and windows come to the same with
// it and without it, whenever it commits, for every aggregate that can be merged.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <span>

#include "base/murmur2.h"
#include "flow/aggregate/combine_stage.h"
#include "flow/aggregate/combined.h"
#include "flow/aggregate/expression_reader.h"
#include "flow/aggregate/repartition_stage.h"
#include "flow/aggregate/unpack.h"
#include "flow/table/table_stage.h"
#include "flow/tasks/piece_packer.h"
#include "flow/tasks/source_headers.h"
#include "flow/window/time_windows.h"
#include "flow/window/window_stage.h"
#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

// What a stage writes to the internal topic, kept as records.
class InternalTopic final : public Emitter {
 public:
  struct Kept {
    std::optional<std::string> key;  // none: several pieces
    std::string value;
    int64_t time;
    int32_t partition;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  };
  // `partitions`: of the topic, where pieces are packed; else 0.
  explicit InternalTopic(int32_t partitions = 0) : partitions_(partitions), packer_(partitions) {}
  void emit(const Record* origin, const Output& output) override {
    if (partitions_ == 0 || !PiecePacker::is_piece(origin, output)) {
      commit();
      return write(output);
    }
    Output placed = output;
    placed.partition = murmur2_partition(output.key.view(), partitions_);
    REQUIRE(packer_.add(placed, [this](const Output& pack) { return take(pack); }));
  }
  void commit() {
    REQUIRE(packer_.write_all([this](const Output& pack) { return take(pack); }));
  }
  bool take(const Output& pack) {
    if (pack.key.size() + pack.value.size() > most_bytes) return false;
    write(pack);
    return true;
  }
  void write(const Output& output) {
    Kept kept{{}, std::string(output.value.view()), output.timestamp, output.partition, {}};
    if (!output.key.is_null()) kept.key = std::string(output.key.view());
    for (const Header& header : output.headers)
      kept.headers.emplace_back(header.name, header.value.is_null()
                                                 ? std::nullopt
                                                 : std::optional(std::string(header.value.view())));
    records.push_back(std::move(kept));
  }
  void fail(const Record& origin, RecordError error) override {
    failed.push_back(std::to_string(origin.offset) + " " + error.message);
  }
  void drop(const Record&, DropReason reason) override { ++drops[reason]; }

  std::vector<Kept> records;
  std::vector<std::string> failed;
  std::map<DropReason, size_t> drops;
  size_t most_bytes = SIZE_MAX;  // of a piece or pack that the topic takes

 private:
  const int32_t partitions_;
  PiecePacker packer_;
};

// The newest of each row, each closed window, what was late and what failed.
class Results final : public Emitter {
 public:
  void emit(const Record*, const Output& output) override {
    const std::string text(output.value.view());
    const size_t window = text.find("\"window_start\"");
    const std::string place =
        window == std::string::npos ? "" : text.substr(window, text.find("\"a\":") - window);
    rows[std::string(output.key.view()) + " " + place] = text + " @" + std::to_string(output.timestamp);
  }
  void fail(const Record& origin, RecordError error) override {
    fail_made(&origin, source_record(origin, "in"), std::move(error));
  }
  void fail_made(const Record* origin, const Record& made, RecordError error) override {
    CHECK(origin->topic == "internal");
    std::string text = std::string(made.topic) + " " + std::to_string(made.partition) + " " +
                       std::to_string(made.offset) + " @" + std::to_string(made.timestamp) + " " +
                       (made.key.is_null() ? "null" : std::string(made.key.view())) + " " +
                       std::string(made.value.view());
    for (const Header& header : made.headers)
      text.append(" ")
          .append(header.name)
          .append(header.value.is_null() ? "" : "=")
          .append(header.value.view());
    failed.insert(text + ": " + to_string(error.reason) + " " + error.message);
  }
  void drop(const Record&, DropReason reason) override { ++drops[reason]; }

  std::map<std::string, std::string> rows;
  std::multiset<std::string> failed;  // dead letters; the order of groups among each other is free
  std::map<DropReason, size_t> drops;
};

struct Line {
  std::string value;  // "-": none
  int64_t time;
};

struct Case {
  std::string aggregates;
  std::optional<WindowSpec> window;
  int64_t grace = 0;
};

GroupingPlan front_plan() {
  GroupingPlan plan;
  plan.by = "g";
  return plan;
}

CombinePlan plan_of(const Case& one) {
  CombinePlan how;
  if (!one.window) return how;
  if (one.window->kind == WindowSpec::Kind::session) {
    how.sessions = {one.window->size, one.grace};
    return how;
  }
  how.place_of = PlaceInWindows(*one.window);
  how.next_close = [&one](int64_t time) { return next_close(*one.window, one.grace, time); };
  how.keeps_order = one.window->kind == WindowSpec::Kind::tumbling;
  return how;
}

struct Outcome {
  Results results;
  InternalTopic topic;
};

// `partitions`: of the internal topic, if pieces are packed.
// `most_bytes`: of a record that it takes.
Outcome run(const Case& one, bool combines, const std::vector<Line>& lines,
            const std::vector<size_t>& commits, int32_t partitions = 0, size_t most_bytes = SIZE_MAX) {
  const AggregateSet set(parse_aggregates(one.aggregates, "AGGS"));
  auto reader = std::make_unique<ExpressionReader>(front_plan(), expr::Options(), set, nullptr);
  CombinePlan how = plan_of(one);
  const auto front =
      combines ? make_combine_stage(how, set, std::move(reader)) : make_repartition_stage(std::move(reader));
  GroupingPlan behind_plan = front_plan();
  behind_plan.repartitioned = true;
  behind_plan.source_topic = "in";
  state::PartitionStore store(true);
  auto behind_reader = std::make_unique<ExpressionReader>(behind_plan, expr::Options(), set, nullptr);
  std::unique_ptr<Stage> behind;
  if (one.window) {
    WindowOptions options;
    options.window = *one.window;
    options.grace = one.grace;
    options.emit = Emit::close;
    options.format.key_names = {"g"};
    behind = make_window_stage(options, set, std::move(behind_reader), store.operator_store(1));
  } else {
    TableOptions options;
    options.key_names = {"g"};
    behind = make_aggregate_table(options, set, std::move(behind_reader), store.operator_store(1));
  }
  Outcome out{{}, InternalTopic(partitions)};
  out.topic.most_bytes = most_bytes;
  size_t read = 0;
  const auto commit = [&] {
    front->before_commit(out.topic);
    out.topic.commit();
    for (; read < out.topic.records.size(); ++read) {
      const InternalTopic::Kept& kept = out.topic.records[read];
      std::vector<Header> headers;
      for (const auto& [name, value] : kept.headers)
        headers.push_back({name, value ? MaybeBytes(std::string_view(*value)) : MaybeBytes()});
      Record record;
      record.topic = "internal";
      record.partition = 0;
      record.offset = static_cast<int64_t>(read);
      if (kept.key) record.key = std::string_view(*kept.key);
      record.value = std::string_view(kept.value);
      record.timestamp = kept.time;
      record.headers = headers;
      behind->process(record, out.results);
    }
    behind->before_commit(out.results);
  };
  for (size_t n = 0; n < lines.size(); ++n) {
    Record record;
    record.topic = "in";
    record.partition = 0;
    record.offset = static_cast<int64_t>(n);
    if (lines[n].value != "-") record.value = std::string_view(lines[n].value);
    record.timestamp = lines[n].time;
    const std::string key = "g" + std::to_string(n % 5);  // that of its group now and then
    if (n % 7 != 0) record.key = std::string_view(key);
    const Header headers[] = {{"h", std::string_view(key)}, {"none", {}}, {"kutils.source.partition", {}}};
    record.headers = std::span(headers).first(n % 4);
    front->process(record, out.topic);
    if (std::find(commits.begin(), commits.end(), n) != commits.end()) commit();
  }
  commit();
  behind->close(out.results);
  return out;
}

// Of several kinds, some equal in different spellings, some near the end of what a sum can be.
template <typename Random>
std::string odd_value(Random& random) {
  static const char* const kValues[] = {"\"a\"",
                                        "\"b\"",
                                        "true",
                                        "false",
                                        "1.5",
                                        "1.50",
                                        "2.0",
                                        "2",
                                        "2e0",
                                        "-0",
                                        "0",
                                        "-0.0",
                                        "[1]",
                                        "4000000000000000000",
                                        "-4000000000000000000",
                                        "9000000000000000000",
                                        "1e308",
                                        "-1e308",
                                        "9e307",
                                        "3000000000",
                                        "18446744073709551615"};
  return kValues[random() % std::size(kValues)];
}

// `odd`: so many of 100 values are.
template <typename Random>
std::vector<Line> random_lines(Random& random, size_t count, unsigned groups, unsigned odd = 0) {
  std::vector<Line> lines;
  int64_t time = 1000;
  for (size_t n = 0; n < count; ++n) {
    time += static_cast<int64_t>(random() % 4);
    const int64_t at = random() % 4 == 0 ? time - static_cast<int64_t>(random() % 60) : time;
    if (random() % 40 == 0) {
      lines.push_back({"-", at});
      continue;
    }
    std::string value = "{\"g\":";
    value += random() % 50 == 0 ? "null" : "\"g" + std::to_string(random() % groups) + "\"";
    if (random() % 30 != 0) {
      value += ",\"x\":";
      value += odd > 0 && random() % 100 < odd ? odd_value(random)
               : random() % 10 == 0            ? "null"
                                               : std::to_string(static_cast<int>(random() % 40) - 10);
    }
    lines.push_back({value + "}", at});
  }
  return lines;
}

void compare(const Case& one, const std::vector<Line>& lines, const std::vector<size_t>& commits,
             int32_t partitions = 0) {
  const Outcome apart = run(one, false, lines, commits);
  const Outcome together = run(one, true, lines, commits, partitions);
  for (const auto& [place, row] : apart.results.rows) {
    const auto found = together.results.rows.find(place);
    REQUIRE(found != together.results.rows.end());
    CHECK(found->second == row);
  }
  CHECK(together.results.rows.size() == apart.results.rows.size());
  CHECK(together.results.drops == apart.results.drops);
  CHECK(together.results.failed == apart.results.failed);
  CHECK(together.topic.failed == apart.topic.failed);
  CHECK(together.topic.drops == apart.topic.drops);
  CHECK(together.topic.records.size() <= apart.topic.records.size());
  if (partitions == 0) compare(one, lines, commits, 1);
}

std::string call_of(const AggregateFunction& function) {
  const std::string name = function.name;
  if (function.min_arguments == 0) return name + "()";
  if (function.goes_by_key) return name + (function.min_arguments == 3 ? "(x, 3, x)" : "(x, x)");
  return name + (function.min_arguments == 1 ? "(x)" : "(x, 3)");
}

}  // namespace

TEST_CASE("combining: the same results, late records and errors as without") {
  std::mt19937 random(20261122);
  const std::vector<std::optional<WindowSpec>> windows = {std::nullopt,
                                                          parse_window_spec("50ms"),
                                                          parse_window_spec("90ms/20ms"),
                                                          parse_window_spec("50ms/13ms"),
                                                          parse_window_spec("session:20ms"),
                                                          parse_window_spec("session:7ms")};
  for (const AggregateFunction& function : aggregate_functions()) {
    if (function.folds) continue;
    for (const auto& window : windows) {
      for (int round = 0; round < 6; ++round) {
        const AggregateSet set(parse_aggregates("a=" + call_of(function), "AGGS"));
        CAPTURE(function.name, window ? to_string(*window) : "table", round);
        const Case one{"a=" + call_of(function), window, static_cast<int64_t>(random() % 40)};
        if (!can_combine(set, plan_of(one))) continue;
        const unsigned odd[] = {0, 3, 60};
        const auto lines = random_lines(random, 300, 4, odd[round % 3]);
        std::vector<size_t> commits;
        for (size_t n = random() % 60; n < lines.size(); n += 1 + random() % 120) commits.push_back(n);
        compare(one, lines, commits);
      }
    }
  }
}

TEST_CASE("combining: several aggregates, whose records are refused as a whole") {
  std::mt19937 random(5);
  for (const char* window : {"", "50ms", "90ms/20ms"}) {
    for (const char* list : {"a=count(), lo=min(x), hi=max(x), t=sum(n)", "a=top(x, 2), t=avg(n) if n != 3",
                             "a=max(x) if n > 2, lo=min(n), each=distinct(x), l=sum(n)"}) {
      for (int round = 0; round < 6; ++round) {
        CAPTURE(window, list, round);
        auto lines = random_lines(random, 400, 6, 20);
        for (Line& line : lines)
          if (line.value != "-")
            line.value.insert(line.value.size() - 1, ",\"n\":" + std::to_string(random() % 10));
        const Case one{list, *window == '\0' ? std::nullopt : std::optional(parse_window_spec(window)), 30};
        compare(one, lines, {50, 51, 200, 333});
      }
    }
  }
}

TEST_CASE("combining: a group whose kind is another than all others' refuses its records one by one") {
  std::vector<Line> lines = {{R"({"g":"g1","x":"text"})", 5}};
  for (int n = 0; n < 400; ++n)
    lines.push_back(
        {"{\"g\":\"g" + std::to_string(n % 4) + "\",\"x\":" + std::to_string(n) + "}", 10 + n / 8});
  const Case one{"a=max(x)", {}, 0};
  compare(one, lines, {0, 100});
  const Outcome together = run(one, true, lines, {0, 100});
  CHECK(together.topic.records.size() == 9);
  CHECK(together.results.failed.size() == 100);
}

TEST_CASE("combining: deviations to the last digit, whole numbers or not") {
  std::mt19937 random(8);
  std::vector<Line> lines;
  for (int n = 0; n < 3000; ++n) {
    const double value = static_cast<double>(random()) / 1e3 - 1e6;
    lines.push_back({"{\"g\":\"g" + std::to_string(random() % 3) + "\",\"x\":" +
                         (n % 3 == 0 ? std::to_string(random() % 100) : std::to_string(value)) + "}",
                     n / 10});
  }
  compare({"a=stddev(x)", {}, 0}, lines, {7, 1000});
  compare({"a=stddev(x)", parse_window_spec("50ms"), 0}, lines, {7, 1000});
}

TEST_CASE("combining: sessions, whatever their gap, grace and disorder") {
  std::mt19937 random(11);
  for (const char* list : {"a=count(), s=sum(n), m=avg(n)", "a=count() if n > 3, each=distinct(n)"}) {
    for (int round = 0; round < 200; ++round) {
      CAPTURE(list, round);
      auto lines = random_lines(random, 300, 1 + static_cast<unsigned>(random() % 9));
      for (Line& line : lines)
        if (line.value != "-")
          line.value.insert(line.value.size() - 1, ",\"n\":" + std::to_string(random() % 10));
      const auto gap = std::to_string(1 + random() % 40);
      const Case one{list, parse_window_spec("session:" + gap + "ms"), static_cast<int64_t>(random() % 60)};
      compare(one, lines, {50, 51, 200});
    }
  }
}

TEST_CASE("combining: of a session's records one piece goes on, and one that tells the time") {
  std::vector<Line> lines;
  for (int n = 0; n < 100; ++n)
    lines.push_back({"{\"g\":\"g" + std::to_string(n % 2) + "\",\"x\":1}", 1000 + n});
  const Case one{"a=count()", parse_window_spec("session:10ms"), 0};
  compare(one, lines, {60});
  CHECK(run(one, true, lines, {60}).topic.records.size() == 6);
  const auto alone = run(one, true, {lines[0]}, {}).topic.records;
  REQUIRE(alone.size() == 1);
  CHECK(alone[0].value == std::string("\5\1\2\0\0", 5));  // flags, records, count, first, length
  CHECK(alone[0].time == 1000);
}

TEST_CASE("combining: days") {
  std::vector<Line> lines;
  for (int n = 0; n < 500; ++n)
    lines.push_back(
        {R"({"g":"a","x":1})", int64_t{n} * 3'600'000 - (n % 7 == 0 && n > 50 ? 100'000'000 : 0)});
  compare({"a=count()", parse_window_spec("day", {}, "Europe/Berlin"), 3'600'000}, lines, {100, 300});
}

TEST_CASE("combining: many records are one, and where groups do not repeat few wait") {
  std::mt19937 random(1);
  const auto few = random_lines(random, 20'000, 10);
  CHECK(run({"a=sum(x)", {}, 0}, true, few, {9999}).topic.records.size() <= 20);
  std::vector<Line> many;
  for (int n = 0; n < 20'000; ++n) many.push_back({"{\"g\":" + std::to_string(n) + ",\"x\":1}", 5});
  const AggregateSet set(parse_aggregates("a=sum(x)", "AGGS"));
  const auto front = make_combine_stage(
      {}, set, std::make_unique<ExpressionReader>(front_plan(), expr::Options(), set, nullptr));
  InternalTopic topic;
  size_t most = 0;
  for (size_t n = 0; n < many.size(); ++n) {
    Record record;
    record.topic = "in";
    record.partition = 0;
    record.offset = static_cast<int64_t>(n);
    record.value = std::string_view(many[n].value);
    record.timestamp = 5;
    front->process(record, topic);
    most = std::max(most, n + 1 - topic.records.size());
  }
  CHECK(most < 5000);
  CHECK(run({"a=sum(x)", {}, 0}, true, many, {}, 1).results.rows.size() == 20'000);
}

TEST_CASE("combining: a topic that takes small records only gets smaller packs, with the same in them") {
  std::vector<Line> lines;
  for (int n = 0; n < 4000; ++n)
    lines.push_back({"{\"g\":\"g" + std::to_string(n % 1000) + "\",\"x\":" + std::to_string(n) + "}", n});
  const Case sums{"a=sum(x)", {}, 0};
  const Outcome whole = run(sums, true, lines, {1500}, 3);
  for (const size_t most : {3000u, 500u, 100u, 12u}) {
    const Outcome small = run(sums, true, lines, {1500}, 3, most);
    for (const auto& kept : small.topic.records) CHECK(kept.value.size() <= most);
    CHECK(small.topic.records.size() > whole.topic.records.size());
    CHECK(small.results.rows == whole.results.rows);
  }
}

TEST_CASE("combining: pieces for one partition go on as one record, in their order, large ones alone") {
  std::vector<Line> lines;
  for (int n = 0; n < 4000; ++n)
    lines.push_back({"{\"g\":\"g" + std::to_string(n % 1000) + "\",\"x\":1}", n});
  lines[1500].value = R"({"g":"g0","x":2})";
  const Case sums{"a=sum(x)", {}, 0};
  CHECK(run(sums, true, lines, {}).topic.records.size() == 1000);
  const Outcome packed = run(sums, true, lines, {}, 3);
  CHECK(packed.topic.records.size() <= 15);
  std::set<int32_t> partitions;
  for (const auto& kept : packed.topic.records) {
    CHECK_FALSE(kept.key.has_value());
    CHECK(kept.value.size() < 4200);
    CHECK(kept.headers.back().first == kCombinedHeader);
    partitions.insert(kept.partition);
  }
  CHECK(partitions == std::set<int32_t>{0, 1, 2});
  CHECK(packed.results.rows == run(sums, false, lines, {}).results.rows);
  lines.push_back({R"({"g":"g7","x":")" + std::string(3000, 'x') + "\"}", 4000});
  const Outcome last = run({"a=last(x)", {}, 0}, true, lines, {}, 3);
  CHECK(std::count_if(last.topic.records.begin(), last.topic.records.end(),
                      [](const auto& kept) { return kept.key == "g7"; }) == 1);
  CHECK(last.results.rows == run({"a=last(x)", {}, 0}, false, lines, {}).results.rows);
}

TEST_CASE("combining: a record of several pieces that is cut off is an error and changes nothing else") {
  std::vector<Line> lines;
  for (int n = 0; n < 3; ++n) lines.push_back({"{\"g\":\"g" + std::to_string(n) + "\",\"x\":1}", 5});
  const Outcome whole = run({"a=sum(x)", {}, 0}, true, lines, {}, 1);
  REQUIRE(whole.topic.records.size() == 1);
  const InternalTopic::Kept& kept = whole.topic.records[0];
  std::vector<Header> headers;
  for (const auto& [name, value] : kept.headers) headers.push_back({name, std::string_view(*value)});
  Record pack;
  pack.topic = "internal";
  pack.headers = headers;
  for (size_t size = 0; size <= kept.value.size(); ++size) {
    pack.value = std::string_view(kept.value).substr(0, size);
    GroupedRecord grouped;
    Record origin;
    grouped.origin = &origin;
    Results results;
    std::vector<std::string> seen;
    unpack(pack, grouped, results, [&](const Record& one, Emitter&) {
      seen.push_back(std::string(one.key.view()) + "@" + std::to_string(one.timestamp) + " " +
                     std::to_string(source_record(one, "in").offset));
    });
    CHECK(seen.size() == size * 3 / kept.value.size());
    CHECK(results.failed.size() == (size % (kept.value.size() / 3) == 0 ? 0 : 1));
    if (size == kept.value.size()) CHECK(seen == std::vector<std::string>{"g0@5 0", "g1@5 1", "g2@5 2"});
  }
}

TEST_CASE("combining: a state that refuses a record has it apart from the others") {
  // The first three overflow together; the group takes them in their order.
  const std::vector<Line> lines = {{R"({"g":"a","x":9000000000000000000})", 1},
                                   {R"({"g":"a","x":-9000000000000000000})", 1},
                                   {R"({"g":"b","x":9000000000000000000})", 1},
                                   {R"({"g":"b","x":9000000000000000000})", 1},
                                   {R"({"g":"b","x":1})", 1},
                                   {R"({"g":"c","x":"text"})", 1},
                                   {R"({"g":"c","x":5})", 1}};
  const Outcome sums = run({"a=sum(x)", {}, 0}, true, lines, {});
  REQUIRE(sums.topic.failed.size() == 1);  // text is no number, of whatever group
  CHECK(sums.results.rows.at("a ").find("\"a\":0") != std::string::npos);
  // Values of which few overflow have their records with them: only the one at fault is refused.
  REQUIRE(sums.results.failed.size() == 1);
  CHECK(sums.results.failed.begin()->find("in 0 3 @1") == 0);
  CHECK(sums.results.rows.at("b ").find("\"a\":9000000000000000001") != std::string::npos);
  CHECK(sums.topic.records.size() == 4);
  CHECK_FALSE(can_combine(AggregateSet(parse_aggregates("a=fold(0, 1)", "AGGS")), CombinePlan()));
}

TEST_CASE("combining: large values go on alone") {
  const std::string text(50'000, 'x');
  std::vector<Line> lines;
  for (int n = 0; n < 5; ++n) lines.push_back({"{\"g\":\"a\",\"x\":\"" + text + "\"}", 1});
  lines.push_back({"{\"g\":\"a\",\"x\":\"" + text + text + "\"}", 1});
  const Outcome outcome = run({"a=collect(x)", {}, 0}, true, lines, {});
  for (const auto& kept : outcome.topic.records) CHECK(kept.value.size() < 110'000);
  compare({"a=collect(x)", {}, 0}, lines, {});
}

TEST_CASE("combining: the bytes of what goes through the internal topic") {
  const AggregateSet set(parse_aggregates("n=count(), total=sum(x)", "AGGS"));
  OwnedState state(set);
  const Argument arguments[] = {{.present = true, .scalar = ScalarValue::of(int64_t{1})},
                                {.present = true, .scalar = ScalarValue::of(int64_t{-7})}};
  REQUIRE_FALSE(set.add(state.get(), arguments));
  std::string bytes;
  encode_combined(set, true, 300, state.get(), false, bytes);
  CHECK(bytes == std::string("\x01\xac\x02\x02\x02\x0d\x00", 7));
  Combined combined(set);
  Record record;
  record.key = std::string_view("a");
  record.value = std::string_view(bytes);
  REQUIRE_FALSE(combined.read(record));
  CHECK(combined.records() == 300);
  for (size_t size = 0; size < bytes.size(); ++size) {
    record.value = std::string_view(bytes).substr(0, size);
    CHECK(combined.read(record));
  }
}

TEST_CASE("combining: a single record without an origin is no piece") {
  // As a table in front makes it with a commit; its key is that of its group, so that nothing more is said of it.
  Record row;
  row.key = MaybeBytes("a");
  row.value = MaybeBytes("{}");
  row.partition = 0;
  row.offset = 7;
  row.timestamp = 5;
  std::vector<Header> headers;
  SourceHeaders source;
  source.append(row, 5, "a", headers);
  Output output;
  output.key = row.key;
  output.value = row.value;
  output.headers = headers;
  REQUIRE(headers.size() == 3);
  CHECK_FALSE(PiecePacker::is_piece(nullptr, output));
  headers.back() = {kCombinedHeader, std::string_view("1")};
  CHECK(PiecePacker::is_piece(nullptr, output));
}

TEST_CASE("combining: a piece that goes alone does not overtake those that wait") {
  const Header headers[] = {{kSourcePartitionHeader, std::string_view("0")},
                            {kSourceOffsetHeader, std::string_view("7")},
                            {kCombinedHeader, std::string_view("1")}};
  PiecePacker packer(1);
  std::vector<size_t> sizes;
  const auto write = [&](const Output& output) {
    sizes.push_back(output.value.size());
    return true;
  };
  for (const size_t size : {10u, 2500u, 20u}) {
    const std::string value(size, 'x');
    Output piece;
    piece.key = MaybeBytes("a");
    piece.value = std::string_view(value);
    piece.headers = headers;
    piece.timestamp = 5;
    piece.partition = 0;
    REQUIRE(packer.add(piece, write));
  }
  REQUIRE(packer.write_all(write));
  REQUIRE(sizes.size() == 3);
  CHECK(sizes[0] < 100);
  CHECK(sizes[1] == 2500);
  CHECK(sizes[2] < 100);
}

TEST_CASE("combining: the bytes of records that go with their group") {
  const AggregateSet set(parse_aggregates("n=max(x)", "AGGS"));
  OwnedState state(set);
  const Argument argument[] = {{.present = true, .scalar = ScalarValue::of(int64_t{3})}};
  REQUIRE_FALSE(set.add(state.get(), argument));
  std::string bytes;
  encode_combined(set, true, 2, state.get(), true, bytes);
  put_double(bytes, 0);
  const std::string whole = bytes;
  const Header own[] = {{"h", std::string_view("1")}, {"no", {}}};
  Record record;
  record.offset = 7;
  record.timestamp = 5;
  record.value = std::string_view("v");
  record.headers = own;
  GroupedRecord grouped;
  grouped.key = "a";
  grouped.time = 5;
  append_source(record, grouped, 7, 0, bytes);
  record.key = std::string_view("k");
  record.offset = 9;
  record.timestamp = 4;
  record.headers = {};
  append_source(record, grouped, 7, 5, bytes);
  CHECK(bytes.substr(whole.size()) ==
        std::string("\x09\x00\x0a\x01v\x02\x01h\x01\x01\x31\x02no\x00\x06\x02\x00\x01k\x08\x01v", 23));
  Combined combined(set);
  Record came;
  came.key = std::string_view("a");
  came.value = std::string_view(bytes);
  Record first;
  first.partition = 3;
  first.offset = 7;
  REQUIRE_FALSE(combined.read(came));
  REQUIRE(combined.has_sources());
  std::vector<std::string> seen;
  REQUIRE_FALSE(combined.for_each_source(first, "a", [&](const Record& source, int64_t time) {
    seen.push_back(std::to_string(source.partition) + " " + std::to_string(source.offset) + " " +
                   std::to_string(source.timestamp) + " " + std::to_string(time) + " " +
                   (source.key.is_null() ? "null" : std::string(source.key.view())) + " " +
                   std::string(source.value.view()) + " " + std::to_string(source.headers.size()));
  }));
  CHECK(seen == std::vector<std::string>{"3 7 5 5 null v 2", "3 9 4 5 k v 0"});
  for (size_t size = 0; size < bytes.size(); ++size) {
    came.value = std::string_view(bytes).substr(0, size);
    CHECK((combined.read(came) || combined.for_each_source(first, "a", [](const Record&, int64_t) {})));
  }
}

// Values by keys, against a model that looks at all records of a group: keys with ties, in order and not.
TEST_CASE("aggregates by a key: as a model has them, by each record and combined") {
  std::mt19937 random(17);
  for (int round = 0; round < 20; ++round) {
    std::vector<Line> lines;
    std::map<std::string, std::vector<std::pair<int, int>>> groups;  // key, value
    for (int n = 0; n < 120; ++n) {
      const std::string group = "g" + std::to_string(random() % 3);
      const int key = static_cast<int>(random() % 8);
      const bool is_null = random() % 9 == 0;
      lines.push_back({"{\"g\":\"" + group + "\",\"k\":" + (is_null ? "null" : std::to_string(key)) +
                           ",\"v\":" + std::to_string(n) + "}",
                       n});
      if (!is_null) groups[group].push_back({key, n});
    }
    for (const char* call :
         {"max_by(v, k)", "min_by(v, k)", "last(v, k)", "first(v, k)", "top(v, 4, k)", "max_all_by(v, k)"}) {
      CAPTURE(round, call);
      const std::string name = call;
      const Case one{"a=" + name, {}, 0};
      compare(one, lines, {30, 77});
      const Outcome outcome = run(one, true, lines, {30, 77});
      for (auto [group, records] : groups) {
        const bool smallest = name.find("min") == 0 || name.find("first") == 0;
        std::stable_sort(records.begin(), records.end(), [&](const auto& a, const auto& b) {
          return smallest ? a.first < b.first : a.first > b.first;
        });
        const auto with_best = std::find_if(records.begin(), records.end(), [&](const auto& record) {
          return record.first != records.front().first;
        });
        std::string expected;
        const bool is_list = name.find("top") == 0 || name.find("max_all") == 0;
        if (is_list) {
          const auto end = name.find("top") == 0
                               ? records.begin() + std::min<ptrdiff_t>(4, std::ssize(records))
                               : with_best;
          for (auto at = records.begin(); at != end; ++at)
            expected += (expected.empty() ? "[" : ",") + std::to_string(at->second);
          expected += ']';
        } else {
          expected = std::to_string((name.find("last") == 0 ? with_best - 1 : records.begin())->second);
        }
        CHECK(outcome.results.rows.at(group + " ").find("\"a\":" + expected + "}") != std::string::npos);
      }
    }
  }
}

TEST_CASE("aggregates by a key: names, nulls, kinds, places that are refused") {
  const auto last = parse_aggregates("last(x, ts)", "AGGS");
  CHECK((last[0].name == "last_x" && last[0].function == "last_by" && last[0].key == "ts"));
  const auto top = parse_aggregates("t=top(x, 3, a + b)", "AGGS");
  CHECK(
      (top[0].function == "top_by" && top[0].parameters == std::vector<double>{3} && top[0].key == "a + b"));
  for (const char* wrong : {"max_by(x)", "max_by(x, y, z)", "top(x, y, z)", "first(x, 1, 2)"})
    CHECK_THROWS(parse_aggregates(wrong, "AGGS"));
  const std::vector<Line> lines = {{R"({"g":"a","x":{"deep":[1,"b"]},"k":"m"})", 1},
                                   {R"({"g":"a","x":2,"k":3})", 2},
                                   {R"({"g":"a","x":null,"k":"z"})", 3},
                                   {R"({"g":"a","x":3,"k":[1]})", 4},
                                   {R"({"g":"a","x":4})", 5}};
  const Outcome outcome = run({"a=max_by(x, k)", {}, 0}, true, lines, {});
  CHECK(outcome.results.rows.at("a ").find(R"("a":{"deep":[1,"b"]})") != std::string::npos);
  REQUIRE(outcome.results.failed.size() == 1);
  CHECK(outcome.results.failed.begin()->find("max_by(): cannot compare int with string") !=
        std::string::npos);
  CHECK(outcome.topic.failed.size() == 2);
}
