// Joins against models as plain as they can be written: random orders of both sides, deletions, commits,
// restarts (the stage is remade from the store) and aborts (what was written since the commit is discarded,
// and what came since then comes again). Each kind of join some thousand times, or KUTILS_RUNS; foreign_join_test.cc does
// the same of foreign keys.
#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "flow/join/foreign_join.h"
#include "flow/join/foreign_messages.h"
#include "flow/join/join_stage.h"
#include "flow/join/rekey_stage.h"
#include "flow/table/map_store.h"
#include "flow/tasks/source_headers.h"
#include "flow/tasks/source_marks.h"
#include "join_fakes.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

struct Event {
  bool right = false;
  std::string key, value;  // "(null)", "-": NULL
  int64_t time = 0;
};

std::string pair_text(const std::string& left, const std::string& right) {
  return "{\"left\":" + (left.empty() ? "null" : left) + ",\"right\":" + (right.empty() ? "null" : right) +
         "}";
}

// Every record is kept for ever; every rule is applied to all of them.
std::vector<JoinOutput> naive_streams(const JoinOptions& options, const std::vector<Event>& events) {
  struct Kept {
    Event event;
    bool matched = false, closed = false;
  };
  const auto reach = [&](const Event& one) { return one.right ? options.span.before : options.span.after; };
  const auto start = [&](const Event& one) {
    return one.time / options.span.tumbling * options.span.tumbling;
  };
  const auto is_closed = [&](const Event& one, int64_t now) {
    if (options.span.tumbling > 0) return start(one) + options.span.tumbling + options.grace <= now;
    return one.time + reach(one) + options.grace < now;
  };
  const auto alone = [&](bool right) { return right ? options.type.right : options.type.left; };
  std::vector<Kept> kept;
  std::vector<JoinOutput> results;
  int64_t now = INT64_MIN;
  const auto close = [&](size_t at) {
    for (Kept& one : kept) {
      if (one.closed || !is_closed(one.event, now)) continue;
      one.closed = true;
      if (!one.matched && alone(one.event.right))
        results.push_back({at, one.event.key,
                           one.event.right ? pair_text("", one.event.value) : pair_text(one.event.value, ""),
                           one.event.time});
    }
  };
  for (size_t at = 0; at < events.size(); ++at) {
    const Event& event = events[at];
    now = std::max(now, event.time);
    close(at);
    if (event.value == "-") continue;
    if (event.key == "(null)") {
      if (alone(event.right))
        results.push_back({at, event.key,
                           event.right ? pair_text("", event.value) : pair_text(event.value, ""),
                           event.time});
      continue;
    }
    if (is_closed(event, now)) continue;
    Kept mine{event};
    for (Kept& one : kept) {
      if (one.closed || one.event.right == event.right || one.event.key != event.key) continue;
      const Event& left = event.right ? one.event : event;
      const Event& right = event.right ? event : one.event;
      if (options.span.tumbling > 0
              ? start(left) != start(right)
              : right.time < left.time - options.span.before || right.time > left.time + options.span.after)
        continue;
      if (!options.format.where.empty() && left.value <= right.value) continue;  // left > right
      one.matched = mine.matched = true;
      if (options.type.pairs)
        results.push_back(
            {at, event.key, pair_text(left.value, right.value), std::max(left.time, right.time)});
    }
    kept.push_back(mine);
  }
  now = INT64_MAX / 4;
  close(events.size());
  return results;
}

std::vector<JoinOutput> naive_stream_table(const JoinOptions& options, const std::vector<Event>& events) {
  std::map<std::string, std::map<int64_t, std::string>> rows;  // by key, by time; without grace all at 0
  std::vector<JoinOutput> results;
  for (size_t at = 0; at < events.size(); ++at) {
    const Event& event = events[at];
    if (event.right) {
      if (event.key != "(null)") rows[event.key][options.table_grace > 0 ? event.time : 0] = event.value;
      continue;
    }
    if (event.value == "-") continue;
    std::string row;
    if (event.key != "(null)") {
      auto& versions = rows[event.key];
      const auto after = versions.upper_bound(event.time);
      if (after != versions.begin() && std::prev(after)->second != "-") row = std::prev(after)->second;
    }
    if (!row.empty() ? options.type.pairs : options.type.left)
      results.push_back({at, event.key, pair_text(event.value, row), event.time});
  }
  return results;
}

std::vector<JoinOutput> naive_tables(const JoinOptions& options, const std::vector<Event>& events) {
  struct Row {
    std::string value;
    int64_t time = 0;
  };
  std::map<std::string, Row> sides[2];
  std::map<std::string, std::string> shown;
  std::vector<JoinOutput> results;
  for (size_t at = 0; at < events.size(); ++at) {
    const Event& event = events[at];
    if (event.key == "(null)") continue;
    auto& mine = sides[event.right ? 1 : 0];
    const auto& theirs = sides[event.right ? 0 : 1];
    if (event.value == "-" && mine.find(event.key) == mine.end()) continue;
    if (event.value == "-") {
      mine.erase(event.key);
    } else {
      mine[event.key] = {event.value, event.time};
    }
    const auto text = [&](int side) {
      const auto found = sides[side].find(event.key);
      return found == sides[side].end() ? std::string() : found->second.value;
    };
    const std::string left = text(0), right = text(1);
    const bool both = !left.empty() && !right.empty();
    const bool any = both ? options.type.pairs
                          : (!left.empty() && options.type.left) || (!right.empty() && options.type.right);
    const auto their = theirs.find(event.key);
    const int64_t time = their == theirs.end() ? event.time : std::max(event.time, their->second.time);
    if (any) {
      results.push_back({at, event.key, shown[event.key] = pair_text(left, right), time});
    } else if (shown.erase(event.key) > 0) {
      results.push_back({at, event.key, "-", time});
    }
  }
  return results;
}

using Make = std::function<std::unique_ptr<Stage>(state::Store&)>;

// The stage's results under commits, restarts and aborts drawn from `random`; at the end all that waits closes.
std::vector<JoinOutput> run(const Make& make, const std::vector<Event>& events, std::mt19937& random,
                            size_t* rows_left = nullptr) {
  const bool in_memory = random() % 4 == 0;
  state::PartitionStore store(in_memory);
  std::unique_ptr<Stage> stage = make(store.operator_store(1));
  JoinCapture capture;
  size_t committed = 0;
  std::vector<JoinOutput> delivered;
  for (size_t at = 0; at <= events.size(); ++at) {
    if (!in_memory && random() % 5 == 0) {
      capture.at = at;
      switch (random() % 3) {
        case 0:  // commit
        case 1:  // commit and restart
          commit(*stage, store, capture);
          delivered.insert(delivered.end(), capture.results.begin(), capture.results.end());
          capture.results.clear();
          committed = at;
          if (random() % 2 == 0) stage = make(store.operator_store(1));
          break;
        default:  // abort: a few writes may have been made
          if (random() % 2 == 0) stage->before_commit(capture);
          capture.results.clear();
          stage.reset();
          store.discard();
          stage = make(store.operator_store(1));
          at = committed;
      }
    }
    if (at == events.size()) break;
    if (random() % 4 == 0) {
      std::vector<Record> next;
      for (size_t i = at; i < std::min(events.size(), at + 1 + random() % 10); ++i)
        next.push_back(
            join_record(events[i].right ? "r" : "l", events[i].key, events[i].value, events[i].time));
      stage->look_ahead(next);
    }
    const Event& event = events[at];
    capture.at = at;
    stage->process(join_record(event.right ? "r" : "l", event.key, event.value, event.time), capture);
  }
  capture.at = events.size();
  stage->close(capture);
  commit(*stage, store, capture);
  if (rows_left != nullptr) *rows_left = in_memory ? 0 : count_rows(store.operator_store(1));
  delivered.insert(delivered.end(), capture.results.begin(), capture.results.end());
  return delivered;
}

std::vector<Event> draw_events(std::mt19937& random, bool in_order, bool null_keys) {
  std::vector<Event> events;
  const size_t n = 1 + random() % 40;
  const auto step = static_cast<int64_t>(1 + random() % 6);
  int64_t time = static_cast<int64_t>(random() % 20);
  for (size_t i = 0; i < n; ++i) {
    Event event;
    event.right = random() % 2 == 0;
    event.key = std::string(1, static_cast<char>('a' + random() % 3));
    if (null_keys && random() % 12 == 0) event.key = "(null)";
    event.value = std::to_string(100 + random() % 900);
    if (random() % 7 == 0) event.value = "-";
    time += static_cast<int64_t>(random()) % step;
    const auto back = static_cast<int64_t>(in_order ? 0 : random() % 3 == 0 ? random() % 12 : 0);
    event.time = std::max<int64_t>(0, time - back);
    if (random() % 40 == 0) time += 50;
    events.push_back(std::move(event));
  }
  return events;
}

JoinType draw_type(std::mt19937& random) {
  static const JoinType kTypes[] = {kInnerJoin, kLeftJoin, kOuterJoin, kAntiJoin, {false, true, true}};
  return kTypes[random() % 5];
}

unsigned first_seed() { return static_cast<unsigned>(number_of("KUTILS_SEED", 1) * 1'000'000); }

std::string show(const std::vector<JoinOutput>& results) {
  std::string text;
  for (const JoinOutput& one : results)
    text += std::to_string(one.at) + ":" + one.key + one.value + "@" + std::to_string(one.time) + " ";
  return text;
}

std::string show(const std::vector<Event>& events) {
  std::string text;
  for (const Event& one : events)
    text += (one.right ? "R " : "L ") + one.key + " " + one.value + " " + std::to_string(one.time) + "\n";
  return text;
}

}  // namespace

TEST_CASE("stream-stream joins equal a model that keeps everything, with restarts and aborts") {
  const size_t runs = number_of("KUTILS_RUNS", 4000);
  for (unsigned seed = first_seed(); seed < first_seed() + runs; ++seed) {
    std::mt19937 random(seed);
    JoinOptions options;
    options.right_topic = "r";
    options.type = draw_type(random);
    options.grace = static_cast<int64_t>(random() % 3 == 0 ? 0 : random() % 12);
    if (random() % 4 == 0) {
      options.span.tumbling = static_cast<int64_t>(1 + random() % 20);
    } else {
      options.span = {static_cast<int64_t>(random() % 8), static_cast<int64_t>(random() % 8), 0};
    }
    if (random() % 4 == 0) options.format.where = "left > right";
    options.cache_bytes = random() % 2 == 0 ? 0 : size_t{2} << 20;
    const std::vector<Event> events = draw_events(random, false, true);
    auto wanted = naive_streams(options, events);
    size_t rows = 0;
    auto got = run([&](state::Store& store) { return make_stream_join(options, store, nullptr); }, events,
                   random, &rows);
    std::sort(wanted.begin(), wanted.end());
    std::sort(got.begin(), got.end());
    if (wanted == got && rows == 0) continue;
    INFO("seed " << seed << "\n" << show(events) << "wanted " << show(wanted) << "\ngot    " << show(got));
    CHECK(wanted == got);
    CHECK(rows == 0);
    break;
  }
}

TEST_CASE("stream-table joins equal a model, with restarts and aborts") {
  const size_t runs = number_of("KUTILS_RUNS", 3000);
  for (unsigned seed = first_seed(); seed < first_seed() + runs; ++seed) {
    std::mt19937 random(seed);
    JoinOptions options;
    options.right_topic = "r";
    static const JoinType kTypes[] = {kInnerJoin, kLeftJoin, kAntiJoin};
    options.type = kTypes[random() % 3];
    if (random() % 2 == 0) options.table_grace = 5000;  // more than any record is behind
    options.cache_bytes = random() % 2 == 0 ? 0 : size_t{2} << 20;
    const std::vector<Event> events = draw_events(random, false, true);
    const auto wanted = naive_stream_table(options, events);
    const auto got =
        run([&](state::Store& store) { return make_stream_table_join(options, store); }, events, random);
    if (wanted == got) continue;
    INFO("seed " << seed << "\n" << show(events) << "wanted " << show(wanted) << "\ngot    " << show(got));
    CHECK(wanted == got);
    break;
  }
}

TEST_CASE("table-table joins equal a model, with restarts and aborts") {
  const size_t runs = number_of("KUTILS_RUNS", 3000);
  for (unsigned seed = first_seed(); seed < first_seed() + runs; ++seed) {
    std::mt19937 random(seed);
    JoinOptions options;
    options.right_topic = "r";
    options.type = draw_type(random);
    const std::vector<Event> events = draw_events(random, false, true);
    const auto wanted = naive_tables(options, events);
    const auto got =
        run([&](state::Store& store) { return make_table_join(options, store); }, events, random);
    if (wanted == got) continue;
    INFO("seed " << seed << "\n" << show(events) << "wanted " << show(wanted) << "\ngot    " << show(got));
    CHECK(wanted == got);
    break;
  }
}

TEST_CASE("stream-stream: a key of many records spans pages, which go when it is quiet") {
  JoinOptions options;
  options.right_topic = "r";
  options.type = kLeftJoin;
  options.span = {1000, 1000, 0};
  state::PartitionStore store(false);
  auto stage = make_stream_join(options, store.operator_store(1), nullptr);
  JoinCapture capture;
  const std::string text = '"' + std::string(1000, 'x') + '"';
  for (int i = 0; i < 500; ++i) stage->process(join_record("l", "hot", text, i), capture);
  commit(*stage, store, capture);
  size_t pages = 0, largest = 0;
  store.operator_store(1).scan({}, {}, [&](std::string_view, std::string_view value) {
    ++pages;
    largest = std::max(largest, value.size());
    return true;
  });
  CHECK(pages > 10);
  CHECK(largest < 40'000);
  stage = make_stream_join(options, store.operator_store(1), nullptr);
  stage->process(join_record("r", "hot", "1", 499), capture);
  CHECK(capture.results.size() == 500);
  capture.results.clear();
  commit(*stage, store, capture);
  // All but the last close; none of them is alone.
  stage->process(join_record("r", "other", "1", 1499), capture);
  CHECK(capture.results.empty());
  stage->process(join_record("l", "hot", "2", 1499), capture);
  CHECK(capture.taken() == R"(hot={"left":2,"right":1}@1499)");
  stage->process(join_record("l", "other", "2", 9000), capture);
  stage->process(join_record("l", "(null)", "-", 19'000), capture);
  CHECK(capture.taken() == R"(other={"left":2,"right":null}@9000)");
  commit(*stage, store, capture);
  CHECK(count_rows(store.operator_store(1)) == 0);
}

TEST_CASE("stream-stream: what cannot be a record of a join has no effect, also none on time") {
  JoinOptions options;
  options.right_topic = "r";
  options.type = kLeftJoin;
  options.span = {10, 10, 0};
  state::PartitionStore store;
  const auto stage = make_stream_join(options, store.operator_store(1), nullptr);
  JoinCapture capture;
  stage->process(join_record("l", "a", "1", 100), capture);
  stage->process(join_record("l", "a", "nonsense", 1000), capture);
  stage->process(join_record("l", "a", "1", -1), capture);
  CHECK(capture.errors.size() == 2);
  CHECK(capture.results.empty());
  stage->process(join_record("r", "a", "2", 110), capture);
  CHECK(capture.taken() == R"(a={"left":1,"right":2}@110)");
  stage->process(join_record("r", "a", "3", 99), capture);  // 99 + 10 < 110
  CHECK(capture.drops == std::vector<std::pair<size_t, DropReason>>{{0, DropReason::late}});
}

TEST_CASE("stream-stream: silence moves stream time on by what it lasted") {
  JoinOptions options;
  options.right_topic = "r";
  options.type = kAntiJoin;
  options.span = {10, 10, 0};
  options.idle = 1000;
  state::PartitionStore store;
  const auto stage = make_stream_join(options, store.operator_store(1), nullptr);
  JoinCapture capture;
  stage->process(join_record("l", "a", "1", 100), capture);
  stage->silent(0, 5000, capture);
  CHECK(capture.results.empty());  // the other one may speak
  stage->silent(1, 1010, capture);
  CHECK(capture.results.empty());
  stage->silent(1, 1011, capture);
  CHECK(capture.taken() == R"(a={"left":1,"right":null}@100)");
}

// A record as it comes through the internal topic of a join with --on.
class Rekeyed final : public Emitter {
 public:
  Rekeyed(Stage& behind, Emitter& out) : behind_(behind), out_(out) {}
  void emit(const Record*, const Output& output) override {
    Record record;
    record.topic = "g-repartition";
    record.partition = 0;
    record.key = output.key;
    record.value = output.value;
    record.headers = output.headers;
    record.timestamp = output.timestamp;
    record.timestamp_type = TimestampType::create_time;
    behind_.process(record, out_);
  }
  void fail(const Record& origin, RecordError error) override { out_.fail(origin, std::move(error)); }
  void drop(const Record& origin, DropReason reason) override { out_.drop(origin, reason); }

 private:
  Stage& behind_;
  Emitter& out_;
};

TEST_CASE("stream-stream by an expression: sources that are read at different speeds make nothing late") {
  JoinKeys keys;
  keys.right_topic = "r";
  keys.left = "id";
  keys.right = "of";
  keys.tells_topic = true;
  const auto in_front = make_join_rekey(keys);
  JoinOptions options;
  options.right_topic = "r";
  options.sides_in_headers = true;
  options.sources = 4;  // two partitions of two topics
  options.source_topics = {"l", "r"};
  options.type = kLeftJoin;
  options.span = {10, 10, 0};
  state::PartitionStore store;
  const auto stage = make_stream_join(options, store.operator_store(1), nullptr);
  JoinCapture capture;
  Rekeyed way(*stage, capture);
  const auto give = [&](std::string_view topic, int32_t partition, std::string_view value, int64_t time) {
    Record record = join_record(topic, "k", value, time);
    record.partition = partition;
    in_front->process(record, way);
  };
  give("l", 0, R"({"id":1})", 100);
  give("l", 0, R"({"id":2})", 9000);  // far ahead of the other sources
  give("r", 1, R"({"of":1})", 105);
  CHECK(capture.taken() == R"(1={"left":{"id":1},"right":{"of":1}}@105)");
  give("r", 0, R"({"of":5})", 9000);
  give("l", 1, R"({"id":3})", 8000);
  CHECK(capture.taken().empty());
  CHECK(capture.drops.empty());
  // What the last source says by a mark is time, too.
  std::string text = "3", until = "9000";
  const Header pairs[] = {{kSourcePartitionHeader, std::string_view(text)},
                          {kSourceTimeHeader, std::string_view(until)}};
  Record mark;
  mark.topic = "g-repartition";
  mark.headers = pairs;
  REQUIRE(is_mark(mark));
  stage->process(mark, capture);
  CHECK(capture.taken().empty());  // l-1 stands at 8000, and its record waits until 8010
  stage->silent(2, 10'000, capture);
  CHECK(capture.taken() == R"(3={"left":{"id":3},"right":null}@8000)");
  give("l", 1, R"({"id":4})", 8000);
  CHECK(capture.drops.size() == 1);
  CHECK(capture.errors.empty());
}

TEST_CASE("stream-table: the row of a record's own time, for as long as --table-grace says") {
  JoinOptions options;
  options.right_topic = "r";
  options.type = kLeftJoin;
  options.table_grace = 100;
  state::PartitionStore store(false);
  auto stage = make_stream_table_join(options, store.operator_store(1));
  JoinCapture capture;
  stage->process(join_record("r", "a", "1", 100), capture);
  stage->process(join_record("r", "a", "2", 200), capture);
  stage->process(join_record("l", "a", "10", 150), capture);
  CHECK(capture.taken() == R"(a={"left":10,"right":1}@150)");
  stage->process(join_record("l", "a", "11", 99), capture);  // older than the grace reaches: the first known
  CHECK(capture.taken() == R"(a={"left":11,"right":1}@99)");
  stage->process(join_record("r", "a", "-", 300), capture);
  stage->process(join_record("l", "a", "12", 250), capture);
  stage->process(join_record("l", "a", "13", 300), capture);
  CHECK(capture.taken() == R"(a={"left":12,"right":2}@250 a={"left":13,"right":null}@300)");
  commit(*stage, store, capture);
  CHECK(count_rows(store.operator_store(1)) > 0);
  stage->process(join_record("l", "b", "14", 400), capture);  // the deletion is old enough to be forgotten
  commit(*stage, store, capture);
  CHECK(count_rows(store.operator_store(1)) == 0);
}

TEST_CASE("stream-table: a record further ahead than OUT takes fails, and moves no time") {
  JoinOptions options;
  options.right_topic = "r";
  options.type = kLeftJoin;
  for (const int64_t grace : {0, 100}) {
    CAPTURE(grace);
    options.table_grace = grace;
    state::PartitionStore store(false);
    auto stage = make_stream_table_join(options, store.operator_store(1));
    JoinCapture capture;
    capture.latest = 1000;
    stage->process(join_record("r", "a", "1", 100), capture);
    stage->process(join_record("r", "a", "2", 200), capture);
    stage->process(join_record("l", "a", "10", 5000), capture);
    CHECK(capture.results.empty());
    CHECK(capture.errors.size() == 1);
    // Rows that have been replaced stay for as long as the time that counted says.
    stage->process(join_record("l", "a", "11", 150), capture);
    CHECK(capture.taken() ==
          (grace == 0 ? R"(a={"left":11,"right":2}@150)" : R"(a={"left":11,"right":1}@150)"));
    CHECK(capture.errors.size() == 1);
  }
}

TEST_CASE("stream-table: the row named by a field of the record") {
  JoinOptions options;
  options.right_topic = "r";
  options.on = "user";
  state::PartitionStore store;
  const auto stage = make_stream_table_join(options, store.operator_store(1));
  JoinCapture capture;
  stage->process(join_record("r", "7", "1", 1), capture);
  stage->process(join_record("l", "a", R"({"user":7})", 2), capture);
  stage->process(join_record("l", "b", R"({"user":8})", 3), capture);
  stage->process(join_record("l", "c", R"({"user":null})", 4), capture);
  stage->process(join_record("l", "d", R"({})", 5), capture);
  CHECK(capture.taken() == R"(a={"left":{"user":7},"right":1}@2)");
  CHECK(capture.errors.size() == 1);
}

TEST_CASE("what a join of streams keeps counts by its size") {
  JoinOptions options;
  options.right_topic = "r";
  options.span = {.before = 1000, .after = 1000};
  state::PartitionStore store(false);
  const auto stage = make_stream_join(options, store.operator_store(1), nullptr);
  JoinCapture capture;
  stage->process(join_record("l", "a", "1", 1), capture);
  CHECK(stage->dirty_rows() == 1);
  const std::string large = '"' + std::string(100'000, 'v') + '"';
  stage->process(join_record("l", "a", large, 2), capture);
  CHECK(stage->dirty_rows() > 300);
  commit(*stage, store, capture);
  CHECK(stage->dirty_rows() == 0);
}

TEST_CASE("rows of tables count by their size, for the loop limits what a transaction keeps in memory") {
  JoinOptions options;
  options.right_topic = "r";
  const std::string large = '"' + std::string(100'000, 'v') + '"';
  for (const bool is_stream : {true, false}) {
    CAPTURE(is_stream);
    state::PartitionStore store(false);
    const auto stage = is_stream ? make_stream_table_join(options, store.operator_store(1))
                                 : make_table_join(options, store.operator_store(1));
    JoinCapture capture;
    stage->process(join_record("r", "a", "1", 1), capture);
    CHECK(stage->dirty_rows() == 1);
    stage->process(join_record("r", "b", large, 1), capture);
    CHECK(stage->dirty_rows() > 500);
    commit(*stage, store, capture);
    CHECK(stage->dirty_rows() == 0);
    stage->process(join_record("r", "b", "-", 2), capture);
    CHECK(stage->dirty_rows() == 1);
  }
}

TEST_CASE("table-table: what OUT refuses leaves the rows as they were") {
  JoinOptions options;
  options.right_topic = "r";
  state::PartitionStore store;
  const auto stage = make_table_join(options, store.operator_store(1));
  JoinCapture capture;
  stage->process(join_record("l", "a", "1", 1), capture);
  stage->process(join_record("r", "a", "1", 1), capture);
  CHECK(capture.taken() == R"(a={"left":1,"right":1}@1)");
  capture.refuses = true;
  stage->process(join_record("r", "a", "2", 2), capture);
  capture.refuses = false;
  stage->process(join_record("l", "a", "3", 3), capture);
  CHECK(capture.taken() == R"(a={"left":3,"right":1}@3)");
}

namespace {

// Rows as on disk, of which those that are looked up without having been named are noted.
struct NamedRows final : state::Store {
  std::optional<std::string_view> get(std::string_view key) override {
    if (ahead.count(std::string(key)) == 0) unnamed.emplace_back(key);
    return rows.get(key);
  }
  void will_get(std::string_view key) override { named.emplace_back(key); }
  void read_ahead() override { ahead = {named.begin(), named.end()}, named.clear(); }
  void put(std::string_view key, std::string_view value) override { rows.put(key, value); }
  void erase(std::string_view key) override { rows.erase(key); }
  void scan(std::string_view from, std::string_view to,
            const std::function<bool(std::string_view, std::string_view)>& row) override {
    rows.scan(from, to, row);
  }
  bool in_memory() const override { return false; }
  const state::StreamTimes& stream_times() const override { return rows.stream_times(); }
  void set_stream_times(state::StreamTimes times) override { rows.set_stream_times(std::move(times)); }
  void set_description(std::string) override {}
  MapStore rows;
  std::vector<std::string> named, unnamed;
  std::set<std::string> ahead;
};

}  // namespace

TEST_CASE("joins: the rows that a batch looks up are named before it") {
  JoinOptions options;
  options.right_topic = "r";
  options.left_topic = "l";
  options.type = kLeftJoin;
  options.cache_bytes = 0;
  options.span = {5, 5, 0};
  JoinOptions versions = options;
  versions.table_grace = 100;
  JoinOptions foreign = options;
  foreign.on = "f";
  const std::string value = R"({"f":"x"})";
  std::string ask, told;
  encode(Ask{true, {0, 1}, "left"}, ask);
  encode(Told{Told::Kind::row, false, {0, 1}, 1, std::string_view(value)}, told);
  struct Case {
    const char* name;
    Make make;
    std::string left;  // the value of a left record
    size_t rows;       // for three keys
  };
  const Case cases[] = {
      {"stream-table", [&](state::Store& store) { return make_stream_table_join(options, store); }, value, 3},
      {"--table-grace", [&](state::Store& store) { return make_stream_table_join(versions, store); }, value,
       3},
      {"stream-stream", [&](state::Store& store) { return make_stream_join(options, store, nullptr); }, value,
       3},
      {"table-table", [&](state::Store& store) { return make_table_join(options, store); }, value, 3},
      {"asking", [&](state::Store& store) { return make_foreign_asking(foreign, store); }, value, 3},
      {"answering", [&](state::Store& store) { return make_foreign_answering(foreign, store); }, ask, 6},
      {"joining", [&](state::Store& store) { return make_foreign_joining(foreign, store); }, told, 3}};
  for (const Case& one : cases) {
    INFO(one.name);
    NamedRows store;
    JoinCapture capture;
    const auto stage = one.make(store);
    std::vector<Record> batch;
    for (const char* key : {"a", "b", "a", "(null)", "c"}) {
      for (const char* topic : {"r", "l"})
        batch.push_back(join_record(topic, key, *topic == 'r' ? value : one.left, 1));
      for (const char* topic : {"r", "l"}) batch.push_back(join_record(topic, key, "-", 2));
    }
    for (int i = 0; i < 2; ++i) {
      stage->look_ahead(batch);
      store.unnamed.clear();
      for (const Record& record : batch) stage->process(record, capture);
      CHECK(store.unnamed.empty());
      CHECK(store.ahead.size() == one.rows);
      stage->before_commit(capture);
    }
    CHECK(capture.results.size() > 0);
  }
}

TEST_CASE("joins: rows in the store as kutils-state(5) has them") {
  JoinOptions options;
  options.right_topic = "r";
  options.type = kLeftJoin;
  options.span = {1, 1, 0};
  const auto rows = [&](const Make& make) {
    state::PartitionStore store(false);
    const auto stage = make(store.operator_store(1));
    JoinCapture capture;
    stage->process(join_record("l", "a", "1", 3), capture);
    stage->process(join_record("r", "a", "2", 3), capture);
    commit(*stage, store, capture);
    std::string text;
    store.operator_store(1).scan({}, {}, [&](std::string_view key, std::string_view value) {
      text.append(key).append(1, '=').append(value).append(1, ';');
      return true;
    });
    return text;
  };
  using namespace std::string_literals;
  CHECK(rows([&](state::Store& store) { return make_stream_join(options, store, nullptr); }) ==
        "j\1a=\x0a\1\1\2\2\6\1"s + "1\3\6\1" + "2;t\x80\0\0\0\0\0\0\5\1a=;"s);
  CHECK(rows([&](state::Store& store) { return make_table_join(options, store); }) ==
        "pa=\7\6\1"s + "1\6\1" + "2;");
  CHECK(rows([&](state::Store& store) { return make_stream_table_join(options, store); }) == "ra=\6" + "2;"s);
  options.table_grace = 5;
  CHECK(rows([&](state::Store& store) { return make_stream_table_join(options, store); }) ==
        "ra=\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\1\0\6\1"s + "2;");
}
