// Every call that a worker makes of consumer, producers, admin and state, and every one that is made beside
// it, fails, is delayed beyond all limits, kills the worker, or meets a group or a rival that moved on: at
// every position of short runs, in every role: with and without state, over a repartition, at least once,
// with -m, with dead letters, skipping, and with records that fail half-way. What comes of it in the end is
// compared with a naive model. A run's records are all patterns over a small alphabet, but for those that
// differ only in the names of keys and partitions. Longer runs, in which several calls fail, are random:
//   KUTILS_FAULT_LENGTH=N    all patterns of so many records in all roles; 1 if not set. Those of one record
//                            more take the roles in turn.
//   KUTILS_FAULT_SEQUENCE=N  all patterns of so many records that count, in the main roles: table, window,
//                            --by, chain and two sources, partitions read one after the other and in turn; 2 if not set
//   KUTILS_FAULT_SPECIAL=N   of so many records, one of another kind among them, at each place; 1 if not set
//   KUTILS_FAULT_RUNS=N      how many random runs; 100 if not set. Of as many patterns of up to eight records
//                            a quarter gets every fault at every position.
//   KUTILS_SEED=N            the first random run's seed (each prints its own when it fails)
// CONTRIBUTING.md tells how long they take.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string_view>

#include "base/varint.h"
#include "flow/run/run.h"
#include "flow/timers/held_record.h"
#include "flow/timers/timer_rows.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/keyed_sink.h"
#include "support/simulated_state.h"
#include "support/state_folder.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using Fault = FakeBroker::Fault;
using TP = kafka::TopicPartition;
using Values = std::vector<std::string>;
using Rows = std::map<std::string, std::string>;

constexpr Fault kFaults[] = {Fault::kill_before,
                             Fault::kill_after,
                             Fault::abort_before,
                             Fault::retriable_before,
                             Fault::fatal_before,
                             Fault::fatal_after,
                             Fault::unanswered_before,
                             Fault::unanswered_after,
                             Fault::fenced,
                             Fault::rebalanced,
                             Fault::lost};

// A record's value is its kind and its number. `x`: counts. `d`: counts, and writes twice. `-`: dropped.
// `?`: bad. `r`: counts, and its further outputs are refused: one failure, half-way. `t`, a tombstone: its key's
// count ends.
class CountingStage final : public Stage {
 public:
  explicit CountingStage(state::Store* store) : store_(store) {
    if (store_) store_->set_description("counts");
  }
  void process(const Record& record, Emitter& out) override {
    const std::string key(record.key.view());
    if (record.value.is_null()) {
      if (store_) count(key) = 0;
      return write(record, store_ ? key + ":0" : "gone", out);
    }
    const std::string value(record.value.view());
    const char kind = value[0];
    if (kind == '-') return out.drop(record, DropReason::filtered);
    if (kind == '?') return out.fail(record, {Reason::missing_field, "no field \"x\""});
    std::string made = value.substr(1);
    if (store_) made = key + ":" + std::to_string(++count(key));
    write(record, made, out);
    if (kind == 'd') write(record, made + "+", out);
    for (int refused = 0; kind == 'r' && refused < 2; ++refused) write(record, "huge", out);
  }
  void before_commit(Emitter&) override {
    if (!store_) return;
    for (const auto& [key, n] : held_) {
      if (n == 0) {
        store_->erase(key);
      } else {
        store_->put(key, std::to_string(n));
      }
    }
    held_.clear();
  }
  size_t dirty_rows() const override { return held_.size(); }

 private:
  int64_t& count(const std::string& key) {
    auto [row, is_new] = held_.try_emplace(key);
    if (is_new)
      if (const auto stored = store_->get(key)) row->second = std::stoll(std::string(*stored));
    return row->second;
  }
  void write(const Record& record, const std::string& value, Emitter& out) {
    Output output;
    output.key = record.key;
    output.value = std::string_view(value);
    out.emit(&record, output);
  }

  state::Store* store_;
  std::map<std::string, int64_t> held_;
};

// Counts the records of each window of two numbers, by key. A number is a time: it closes the windows that lie
// before it, and what they come to goes out. Open windows are rows.
class WindowStage final : public Stage {
 public:
  explicit WindowStage(state::Store& store) : store_(store), time_(store.stream_times().stream_time) {
    store_.set_description("windows");
    store_.scan({}, {}, [&](std::string_view key, std::string_view count) {
      open_[std::string(key)] = std::stoll(std::string(count));
      return true;
    });
  }
  static std::string row(const std::string& key, int64_t number) {
    return std::to_string(100 + number / 2) + key;
  }
  static bool is_closed(const std::string& row, int64_t time) { return std::stoll(row) < 100 + time / 2; }
  static std::string result(const std::string& row, int64_t count) {
    return row.substr(3) + ":" + row.substr(0, 3) + "=" + std::to_string(count);
  }

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    const std::string value(record.value.view());
    const char kind = value[0];
    if (kind == '-') return out.drop(record, DropReason::filtered);
    if (kind == '?') return out.fail(record, {Reason::missing_field, "no field \"x\""});
    const int64_t number = std::stoll(value.substr(1));
    const std::string mine = row(std::string(record.key.view()), number);
    open_[mine] += kind == 'd' ? 2 : 1;
    changed_.insert(mine);
    time_ = std::max(time_, number);
    while (!open_.empty() && is_closed(open_.begin()->first, time_)) {
      const auto& [closed, count] = *open_.begin();
      write(closed.substr(3), result(closed, count), record, out);
      changed_.insert(closed);
      open_.erase(open_.begin());
    }
    for (int refused = 0; kind == 'r' && refused < 2; ++refused) write(mine.substr(3), "huge", record, out);
  }
  void before_commit(Emitter&) override {
    for (const std::string& key : changed_) {
      const auto found = open_.find(key);
      if (found == open_.end()) {
        store_.erase(key);
      } else {
        store_.put(key, std::to_string(found->second));
      }
    }
    changed_.clear();
    state::StreamTimes times;
    times.stream_time = time_;
    store_.set_stream_times(times);
  }
  size_t dirty_rows() const override { return changed_.size(); }

 private:
  static void write(const std::string& key, const std::string& value, const Record& record, Emitter& out) {
    Output output;
    output.key = std::string_view(key);
    output.value = std::string_view(value);
    out.emit(&record, output);
  }

  state::Store& store_;
  int64_t time_;
  std::map<std::string, int64_t> open_;
  std::set<std::string> changed_;
};

// The second operator of a chain: numbers what the first one made of a key.
class NumberingStage final : public Stage {
 public:
  explicit NumberingStage(state::Store& store) : store_(store) { store_.set_description("numbers"); }
  static std::string row(const std::string& key) { return "#" + key; }

  void process(const Record& record, Emitter& out) override {
    std::string value(record.value.view());
    if (value != "huge") {
      const std::string key = row(std::string(record.key.view()));
      const auto stored = store_.get(key);
      const int64_t number = (stored ? std::stoll(std::string(*stored)) : 0) + 1;
      store_.put(key, std::to_string(number));
      value += "#" + std::to_string(number);
    }
    Output output;
    output.key = record.key;
    output.value = std::string_view(value);
    out.emit(&record, output);
  }

 private:
  state::Store& store_;
};

// Holds each record until the clock has reached the time that its number says, as kdelay does.
class HoldingStage final : public Stage {
 public:
  HoldingStage(state::Store& store, const Clock& clock) : store_(store), clock_(clock), timers_(store, 256) {
    store_.set_description("held");
    if (const auto stored = store_.get(kNext)) next_ = std::stoll(std::string(*stored));
  }
  static int64_t due(int64_t number) {
    return 1'000'100 + number * 3 % 7 * 60;
  }  // the clock begins at 1'000'000

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    const std::string value(record.value.view());
    if (value[0] == '-') return out.drop(record, DropReason::filtered);
    if (value[0] == '?') return out.fail(record, {Reason::missing_field, "no field \"x\""});
    const int64_t at = due(std::stoll(value.substr(1)));
    std::string key, bytes;
    put_ordered(key, next_++);
    encode_record(record, bytes);
    if (at <= clock_.wall_ms() && timers_.next_due() > at) {
      out.emit(&record, held_.decode(bytes));
    } else {
      timers_.put(at, key, bytes);
    }
    for (int refused = 0; value[0] == 'r' && refused < 2; ++refused) write_huge(record, out);
  }
  void tick(int64_t wall_ms, Emitter& out) override {
    timers_.fire(wall_ms, 2, [&](int64_t at, std::string_view, std::string_view bytes) {
      CHECK(at <= wall_ms);
      out.emit(nullptr, held_.decode(bytes));
    });
  }
  std::optional<int64_t> next_wakeup() const override {
    if (timers_.next_due() == kNever) return std::nullopt;
    return timers_.next_due();
  }
  void before_commit(Emitter&) override {
    timers_.write_back();
    store_.put(kNext, std::to_string(next_));
  }
  size_t dirty_rows() const override { return timers_.dirty(); }

 private:
  static constexpr std::string_view kNext{&state::kKeyRow, 1};
  static void write_huge(const Record& record, Emitter& out) {
    Output output;
    output.key = record.key;
    output.value = std::string_view("huge");
    out.emit(&record, output);
  }

  state::Store& store_;
  const Clock& clock_;
  TimerRows timers_;
  HeldRecord held_;
  int64_t next_ = 0;
};

// In front of the repartition: each record goes to where its key belongs.
class ForwardingStage final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    if (!record.value.is_null() && record.value.view()[0] == '?')
      return out.fail(record, {Reason::missing_field, "no field \"x\""});
    Output output;
    output.key = record.key;
    output.value = record.value;
    output.keeps_key = false;
    out.emit(&record, output);
  }
};

std::string text(const std::map<std::string, Values>& rows) {
  std::string all;
  for (const auto& [row, values] : rows) {
    all += row + " =";
    for (const std::string& value : values) all += " " + value;
    all += "; ";
  }
  return all;
}
std::string text(const std::map<std::string, int64_t>& rows) {
  std::string all;
  for (const auto& [row, n] : rows) all += row + " = " + std::to_string(n) + "; ";
  return all;
}

enum class Shape { stateless, stateful, by, window, chain, together, held };
const char* to_string(Shape shape) {
  switch (shape) {
    case Shape::stateless:
      return "stateless";
    case Shape::stateful:
      return "stateful";
    case Shape::by:
      return "--by";
    case Shape::window:
      return "window";
    case Shape::chain:
      return "chain";
    case Shape::together:
      return "two sources";
    case Shape::held:
      return "held";
  }
  return "?";
}
struct Case {
  Shape shape = Shape::stateless;
  Delivery delivery = Delivery::exactly_once;
  OnError::Policy policy = OnError::Policy::fail;  // then somebody mends the record
  bool limited = false;                            // -m 2, again and again
  bool loses_disk = false;                         // with each kill
  bool in_turn = false;                            // in a batch; the end comes with the last record
  bool forgets = false;                            // the cluster, all offsets of the group, before each run
  bool beside_first = false;                       // two sources: `records` begin with those of the second
  // Kinds, `key` + kind each, of the partitions of IN; of two sources, of the first partition of each.
  std::vector<std::string> records[2];
};

std::string describe(const Case& one) {
  std::string text = to_string(one.shape);
  if (one.delivery == Delivery::at_least_once) text += ", at least once";
  text += one.policy == OnError::Policy::dead_letter ? ", dead letters"
          : one.policy == OnError::Policy::skip      ? ", skips"
                                                     : ", fails";
  if (one.limited) text += ", -m";
  if (one.loses_disk) text += ", loses its disk";
  if (one.in_turn) text += ", partitions in turn";
  if (one.forgets) text += ", offsets are lost";
  if (one.beside_first) text += ", the second source first";
  for (const auto& records : one.records) {
    text += "; ";
    for (const std::string& record : records) text += record + " ";
  }
  return text;
}

class Bench : public testing::FakeEnvironment {
 public:
  explicit Bench(const Case& wanted) : case_(wanted) {
    broker.add_topic("in", 2);
    broker.add_topic("out", 2);
    broker.admin_counts = true;
    broker.most_calls = 20'000;
    broker.batch_size = 3;
    broker.alternates = case_.in_turn;
    broker.wait_in_vain = [this] { clock.jump(5000); };
    broker.on_event = [this](Fault event) {
      if (event == Fault::fenced) {
        for (const auto& [id, epoch] : std::map<std::string, int>(broker.epochs)) broker.fence(id);
      } else if (auto* member = testing::FakeConsumer::broker_member()) {
        member->take_and_give(event == Fault::lost);
      }
    };
    if (case_.shape == Shape::by) broker.add_topic("g-repartition", 2);
    if (case_.shape == Shape::together) broker.add_topic("beside", 2);
    int number = 0;
    for (size_t p = 0; p < 2; ++p)
      for (const std::string& record : case_.records[p]) {
        const TP at = place_of(p);
        const auto partition = static_cast<size_t>(at.partition);
        broker.write_keyed(at.topic, partition, key_of(record, p),
                           record.substr(1) + std::to_string(number++));
        broker.topics[at.topic][partition].back().is_null = record[1] == 't';
      }
    job_.tool = "ktable";
    job_.settings = {{"AGGS", "n"}};
    job_.in = {io::EndpointKind::topic, false, "in", {}};
    job_.out = {io::EndpointKind::topic, false, "out", {}};
    job_.group = "g";
    job_.instance = "i";
    job_.range.exit_at_end = true;
    job_.delivery = case_.delivery;
    if (case_.policy != OnError::Policy::fail) job_.on_error = OnError{case_.policy, "dead"};
    if (case_.limited) job_.max_output = 2;
    if (case_.shape != Shape::stateless) {
      job_.open_state = [this](const StatePlace& place, const Environment& around, kafka::Admin&) {
        return std::make_unique<testing::SimulatedOpening>(broker, disks_[place.changelog.partition], place,
                                                           around.executor);
      };
    }
    if (case_.shape == Shape::by) {
      job_.topology.add({"forward", [](const StageContext&) { return std::make_unique<ForwardingStage>(); }});
      job_.topology.add_internal_topic();
    }
    if (case_.shape == Shape::window) {
      job_.topology.add(
          {"window",
           [](const StageContext& context) { return std::make_unique<WindowStage>(*context.store); }, true});
      return;
    }
    if (case_.shape == Shape::held) {
      job_.topology.add({"hold",
                         [](const StageContext& context) {
                           return std::make_unique<HoldingStage>(*context.store, *context.clock);
                         },
                         true});
      job_.topology.last().waits_for_clock = true;
      return;
    }
    job_.topology.add(
        {"count", [](const StageContext& context) { return std::make_unique<CountingStage>(context.store); },
         case_.shape != Shape::stateless});
    if (case_.shape == Shape::together) job_.topology.add_copartitioned("beside", false);
    if (case_.shape == Shape::chain) {
      job_.topology.add(
          {"number",
           [](const StageContext& context) { return std::make_unique<NumberingStage>(*context.store); },
           true});
    }
  }

  // Again and again, as somebody would who wants it done. False: it does not come to an end.
  bool work() {
    for (int run = 0; run < 80; ++run) {
      const ExitCode code = run_once();
      if (code == ExitCode::bad_record && !passes_errors()) mend();
      if (code == ExitCode::ok && all_done()) return true;
      if (case_.shape == Shape::held) clock.jump(150);  // what waits outlives the run
    }
    return false;
  }

  void check() {
    CHECK(broker.violations == Values{});
    std::map<std::string, Values> got;
    const Model model = naively();
    std::map<std::string, Values> want = model.written;
    for (size_t p = 0; p < 2; ++p) {
      for (const std::string& value : broker.read("out", p)) {
        const std::string row = has_no_rows() ? std::to_string(p) : value.substr(0, value.find(':'));
        got[row].push_back(case_.shape == Shape::held ? value.substr(1) : value);  // its kind may be mended
      }
    }
    if (case_.delivery == Delivery::exactly_once) {
      // Two records of one key that come over two partitions of IN may be counted in either order, and one of
      // them writes twice: then only what is written at all is known.
      if (case_.shape == Shape::by) {
        for (auto* side : {&got, &want})
          for (auto& [row, values] : *side)
            values.erase(std::remove_if(values.begin(), values.end(),
                                        [](const std::string& value) { return value.back() == '+'; }),
                         values.end());
      }
      // Some are due at once where a run begins late.
      if (case_.shape == Shape::held)
        for (auto* side : {&got, &want})
          for (auto& [row, values] : *side) std::sort(values.begin(), values.end());
      CHECK(text(got) == text(want));
    } else {
      for (auto& [row, values] : want) {
        const std::set<std::string> all(values.begin(), values.end()),
            there(got[row].begin(), got[row].end());
        CHECK(all == there);
      }
    }
    if (case_.policy == OnError::Policy::dead_letter) {
      std::multiset<std::string> letters;
      if (broker.topics.count("dead") > 0)
        for (size_t p = 0; p < broker.topics.at("dead").size(); ++p)
          for (const std::string& value : broker.read("dead", p)) letters.insert(value);
      if (case_.delivery == Delivery::exactly_once || case_.shape != Shape::stateless)
        CHECK(letters == model.dead);
    }
    if (has_no_rows()) return;
    std::map<std::string, int64_t> stored;
    for (size_t p = 0; p < broker.topics.at("g-changelog").size(); ++p)
      for (const auto& [key, value] : testing::without_meta(broker.read_table("g-changelog", p)))
        stored[key.substr(1)] = std::stoll(value);
    CHECK(text(stored) == text(model.rows));
  }

 private:
  struct Model {
    std::map<std::string, Values>
        written;  // by key, without state by partition: for these the order is promised
    std::map<std::string, int64_t> rows;  // of the state in the end
    std::multiset<std::string> dead;
  };
  Model naively() const {
    Model model;
    for (size_t p = 0; p < 2; ++p) {
      for (const auto& entry : original_[p]) {
        const char kind = entry.is_null ? 't' : entry.value[0];
        if (passes_errors() && (kind == '?' || kind == 'r')) model.dead.insert(entry.value);
        if (kind == '-' || (kind == '?' && passes_errors())) continue;
        if (case_.shape == Shape::window) {
          count_in_window(entry, model);
        } else if (case_.shape == Shape::held) {
          if (!entry.is_null) model.written[std::to_string(p)].push_back(entry.value.substr(1));
        } else {
          count(entry, p, model);
        }
      }
    }
    std::erase_if(model.rows, [](const auto& row) { return row.second == 0; });
    return model;
  }
  void count(const FakeBroker::Entry& entry, size_t p, Model& model) const {
    const std::string row = case_.shape == Shape::stateless ? std::to_string(p) : *entry.key;
    std::string made = entry.is_null ? "gone" : entry.value.substr(1);
    if (case_.shape != Shape::stateless) {
      int64_t& n = model.rows[row];
      n = entry.is_null ? 0 : n + 1;
      made = row + ":" + std::to_string(n);
    }
    const auto write = [&](std::string value) {
      if (case_.shape == Shape::chain)
        value += "#" + std::to_string(++model.rows[NumberingStage::row(*entry.key)]);
      model.written[row].push_back(std::move(value));
    };
    write(made);
    if (!entry.is_null && entry.value[0] == 'd') write(made + "+");
  }
  void count_in_window(const FakeBroker::Entry& entry, Model& model) const {
    if (entry.is_null) return;
    const int64_t number = std::stoll(entry.value.substr(1));
    model.rows[WindowStage::row(*entry.key, number)] += entry.value[0] == 'd' ? 2 : 1;
    for (auto& [row, n] : model.rows) {
      const bool is_mine = row.back() == entry.key->back();  // of the same partition
      if (n == 0 || !is_mine || !WindowStage::is_closed(row, number)) continue;
      model.written[row.substr(3)].push_back(WindowStage::result(row, n));
      n = 0;
    }
  }

  // Where the case's records of `p` are.
  TP place_of(size_t p) const {
    if (case_.shape == Shape::together) return {(p == 0) != case_.beside_first ? "in" : "beside", 0};
    return {"in", static_cast<int32_t>(p)};
  }
  bool has_no_rows() const { return case_.shape == Shape::stateless || case_.shape == Shape::held; }
  bool passes_errors() const { return case_.policy != OnError::Policy::fail; }
  // Keys belong to a partition where there is no repartition, and where the order of their records matters.
  std::string key_of(const std::string& record, size_t p) const {
    bool has_tombstones = false;
    for (const auto& records : case_.records)
      for (const std::string& one : records) has_tombstones = has_tombstones || one[1] == 't';
    const bool is_shared = case_.shape == Shape::by && !has_tombstones;
    return record.substr(0, 1) + (is_shared ? "" : std::to_string(p));
  }

  ExitCode run_once() {
    if (original_[0].empty() && original_[1].empty())
      for (size_t p = 0; p < 2; ++p) {
        const TP at = place_of(p);
        original_[p] = broker.topics.at(at.topic)[static_cast<size_t>(at.partition)];
      }
    if (case_.forgets) broker.committed_offsets.clear();
    Environment around = FakeEnvironment::around();
    around.make_topic_sink = [this](kafka::Producer& producer, kafka::Admin&, const std::string& topic,
                                    const auto&) {
      return std::make_unique<testing::KeyedSink>(broker, producer, topic);
    };
    const int before = broker.calls;
    try {
      return flow::run(job_, around);
    } catch (const testing::Killed&) {
      if (case_.loses_disk) disks_.clear();
    } catch (const Error& error) {
      INFO(error.what());
      CHECK(error.code() != ExitCode::usage);
      CHECK(any_fault(before));
    }
    return ExitCode::delivery;
  }
  bool any_fault(int before) const {
    for (int call = before + 1; call <= broker.calls; ++call)
      if (broker.fault_at_call(call) != Fault::none) return true;
    return false;
  }

  // The first bad record that each partition still has to give.
  void mend() {
    for (const char* topic : {"in", "beside", "g-repartition"}) {
      if (broker.topics.count(topic) == 0) continue;
      for (size_t p = 0; p < 2; ++p) {
        const auto known = broker.committed_offsets.find({topic, static_cast<int32_t>(p)});
        auto& records = broker.topics.at(topic)[p];
        const auto from =
            known == broker.committed_offsets.end() ? 0 : std::max<int64_t>(0, known->second.offset);
        for (size_t at = static_cast<size_t>(from); at < records.size(); ++at) {
          if (records[at].value.empty() || (records[at].value[0] != '?' && records[at].value[0] != 'r'))
            continue;
          records[at].value[0] = 'x';
          break;
        }
      }
    }
  }

  bool all_done() {
    for (const char* topic : {"in", "beside", "g-repartition"}) {
      if (broker.topics.count(topic) == 0) continue;
      for (int32_t p = 0; p < 2; ++p) {
        const auto known = broker.committed_offsets.find({topic, p});
        const int64_t done = known == broker.committed_offsets.end() ? 0 : known->second.offset;
        const auto& records = broker.topics.at(topic)[static_cast<size_t>(p)];
        for (size_t at = static_cast<size_t>(std::max<int64_t>(0, done)); at < records.size(); ++at)
          if (broker.committed_entry({topic, p}, at)) return false;
      }
    }
    return case_.shape != Shape::held || !any_waits();
  }
  bool any_waits() const {
    for (size_t p = 0; p < broker.topics.at("g-changelog").size(); ++p)
      for (const auto& [key, value] : testing::without_meta(broker.read_table("g-changelog", p)))
        if (key[1] == state::kTimerRow) return true;  // after the number of the operator
    return false;
  }

  const Case case_;
  Job job_;
  std::map<int32_t, testing::Disk> disks_;
  std::vector<FakeBroker::Entry> original_[2];
};

std::vector<Case> all_kinds() {
  std::vector<Case> cases;
  for (const Shape shape : {Shape::stateless, Shape::stateful, Shape::by, Shape::together, Shape::held}) {
    for (const Delivery delivery : {Delivery::exactly_once, Delivery::at_least_once}) {
      for (const OnError::Policy policy :
           {OnError::Policy::fail, OnError::Policy::dead_letter, OnError::Policy::skip}) {
        for (const bool limited : {false, true}) {
          for (const bool loses_disk : {false, true}) {
            if (loses_disk && shape == Shape::stateless) continue;
            if (delivery == Delivery::at_least_once && (limited || loses_disk)) continue;
            Case one;
            one.shape = shape;
            one.delivery = delivery;
            one.policy = policy;
            one.limited = limited;
            one.loses_disk = loses_disk;
            cases.push_back(one);
            // Patterns that differ by an exchange of partitions are one; the sources of a task are not alike.
            one.beside_first = true;
            if (shape == Shape::together) cases.push_back(one);
          }
        }
      }
    }
  }
  return cases;
}

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct Tally {
  uint64_t patterns = 0;
  uint64_t runs = 0;
  uint64_t calls = 0;
  void print(const char* what) const {
    std::printf("%s: %llu patterns in a role, %llu runs, %llu calls\n", what,
                static_cast<unsigned long long>(patterns), static_cast<unsigned long long>(runs),
                static_cast<unsigned long long>(calls));
    std::fflush(stdout);  // a long one is followed
  }
};

// The number of calls.
int check_case(const Case& one, const std::map<int, Fault>& faults, int unanswered_for, Tally& tally) {
  Bench bench(one);
  bench.broker.more_faults = faults;
  bench.broker.unanswered_for = unanswered_for;
  // A second fault may keep anybody from ending what the first one left behind.
  bench.broker.transactions_time_out = faults.size() > 1;
  CHECK(bench.work());
  bench.check();
  ++tally.runs;
  tally.calls += static_cast<uint64_t>(bench.broker.calls);
  return bench.broker.calls;
}

void check_each_call(const Case& one, Tally& tally) {
  INFO(describe(one));
  ++tally.patterns;
  const int calls = check_case(one, {}, 1, tally);
  for (const Fault fault : kFaults) {
    for (int at = 1; at <= calls; ++at) {
      INFO("fault " << static_cast<int>(fault) << " at call " << at << " of " << calls);
      check_case(one, {{at, fault}}, at % 2 == 0 ? 1 : 40, tally);
    }
  }
}

using Pattern = std::array<Values, 2>;  // records of IN's partitions

constexpr std::string_view kKinds = "xd-?rt";

// Which names make no difference, besides those of partitions.
enum class Keys { shared, of_a_partition };

Pattern renamed(const Pattern& pattern, bool first, bool second, bool swap) {
  Pattern other = pattern;
  for (size_t p = 0; p < 2; ++p)
    for (std::string& record : other[p])
      if (p == 0 ? first : second) record[0] = record[0] == 'a' ? 'b' : 'a';
  if (swap) std::swap(other[0], other[1]);
  return other;
}

// The one that stands for all that differ from it in names only.
Pattern least_of(const Pattern& pattern, Keys keys) {
  Pattern least = pattern;
  for (const bool first : {false, true})
    for (const bool second : {false, true})
      for (const bool swap : {false, true})
        if (keys == Keys::of_a_partition || first == second)
          least = std::min(least, renamed(pattern, first, second, swap));
  return least;
}

// All with so many records of these kinds, one of each that differ in names only.
std::vector<Pattern> patterns_of(size_t length, std::string_view kinds = kKinds, Keys keys = Keys::shared) {
  std::set<Pattern> all{Pattern()};
  for (size_t n = 0; n < length; ++n) {
    std::set<Pattern> longer;
    for (const Pattern& pattern : all) {
      for (size_t p = 0; p < 2; ++p) {
        for (const char key : {'a', 'b'}) {
          for (const char kind : kinds) {
            Pattern next = pattern;
            next[p].push_back({key, kind});
            longer.insert(least_of(next, keys));
          }
        }
      }
    }
    all = std::move(longer);
  }
  return {all.begin(), all.end()};
}

// Of records that count.
std::vector<Pattern> sequences_of(size_t length, const Case& role) {
  return patterns_of(length, "x", role.shape == Shape::by ? Keys::shared : Keys::of_a_partition);
}

Case with(Case role, const Pattern& pattern) {
  for (size_t p = 0; p < 2; ++p) role.records[p] = pattern[p];
  return role;
}

TEST_CASE("every fault at every call, of every pattern of a few records") {
  const size_t length = number_from("KUTILS_FAULT_LENGTH", 1);
  const auto roles = all_kinds();
  Tally tally;
  for (size_t n = 0; n <= length; ++n)
    for (const Case& role : roles)
      for (const Pattern& pattern : patterns_of(n)) check_each_call(with(role, pattern), tally);
  size_t turn = 0;
  for (const Pattern& pattern : patterns_of(length + 1))
    check_each_call(with(roles[turn++ % roles.size()], pattern), tally);
  tally.print("every fault at every call");
}

// Roles that differ where all goes well.
std::vector<Case> main_roles() {
  std::vector<Case> roles;
  for (const Shape shape :
       {Shape::stateful, Shape::window, Shape::by, Shape::chain, Shape::together, Shape::held}) {
    for (const bool in_turn : {false, true}) {
      Case one;
      one.shape = shape;
      one.in_turn = in_turn;
      roles.push_back(one);
      one.beside_first = true;
      if (shape == Shape::together) roles.push_back(one);
    }
  }
  return roles;
}

std::string name_of(const Case& role, size_t length) {
  return std::to_string(length) + (length == 1 ? " record, " : " records, ") + to_string(role.shape) +
         (role.in_turn ? ", partitions in turn" : "") + (role.beside_first ? ", the second one first" : "");
}

TEST_CASE("every fault at every call, of every sequence of records that count") {
  const size_t length = number_from("KUTILS_FAULT_SEQUENCE", 2);
  for (size_t n = 1; n <= length; ++n) {
    for (const Case& role : main_roles()) {
      Tally tally;
      for (const Pattern& pattern : sequences_of(n, role)) check_each_call(with(role, pattern), tally);
      tally.print((name_of(role, n) + ", all count").c_str());
    }
  }
}

TEST_CASE("every fault at every call, where the cluster has forgotten the group's offsets before each run") {
  const size_t length = number_from("KUTILS_FAULT_SEQUENCE", 1);
  for (Case role : main_roles()) {
    if (role.in_turn && role.shape != Shape::by) continue;
    role.forgets = true;
    Tally tally;
    for (const bool loses_disk : {false, true}) {
      role.loses_disk = loses_disk;
      for (size_t n = 1; n <= length; ++n)
        for (const Pattern& pattern : sequences_of(n, role)) check_each_call(with(role, pattern), tally);
    }
    if (role.shape != Shape::held)
      check_each_call(with(role, {Values{"ax", "ad"}, Values{"ax", "b-", "bx"}}), tally);
    tally.print((name_of(role, length) + ", offsets are lost").c_str());
  }
}

TEST_CASE("every fault at every call, of every sequence with one record of another kind") {
  const size_t length = number_from("KUTILS_FAULT_SPECIAL", 1);
  constexpr OnError::Policy kPolicies[] = {OnError::Policy::fail, OnError::Policy::dead_letter,
                                           OnError::Policy::skip};
  size_t turn = 0;
  for (size_t n = 1; n <= length; ++n) {
    for (Case role : main_roles()) {
      Tally tally;
      for (const Pattern& pattern : sequences_of(n, role)) {
        for (size_t p = 0; p < 2; ++p) {
          for (size_t at = 0; at < pattern[p].size(); ++at) {
            for (const char kind : kKinds.substr(1)) {
              Pattern one = pattern;
              one[p][at][1] = kind;
              // How errors are met takes turns; each kind at each place meets each way in one pattern or another.
              role.policy = kPolicies[turn++ % std::size(kPolicies)];
              check_each_call(with(role, one), tally);
            }
          }
        }
      }
      tally.print((name_of(role, n) + ", one of another kind").c_str());
    }
  }
}

TEST_CASE("every fault at every call of eight records of all kinds") {
  const Pattern mixed{Values{"ax", "b?", "ad", "ax"}, Values{"ax", "br", "b-", "bx"}};
  Tally tally;
  for (const Case& role : all_kinds()) {
    // What is special about these shows in shorter runs.
    if (role.loses_disk || role.delivery == Delivery::at_least_once) continue;
    check_each_call(with(role, mixed), tally);
  }
  tally.print("of eight records");
}

TEST_CASE("a second fault while the first one is recovered from") {
  const Pattern pattern{Values{"ad"}, Values{"br"}};
  constexpr int kBehind = 24;
  constexpr int kStride = 4;  // the calls between are met behind the next one
  Tally tally;
  size_t turn = 0;
  for (const Case& role : all_kinds()) {
    const Case one = with(role, pattern);
    INFO(describe(one));
    ++tally.patterns;
    const int calls = check_case(one, {}, 1, tally);
    for (const Fault first : {Fault::kill_after, Fault::abort_before, Fault::fatal_after,
                              Fault::unanswered_after, Fault::fenced, Fault::lost}) {
      for (int at = 1; at <= calls; ++at) {
        // Every kind comes behind every call, in one role or another.
        for (int behind = 1 + at % kStride; behind <= kBehind; behind += kStride) {
          const Fault second = kFaults[turn++ % std::size(kFaults)];
          INFO("faults " << static_cast<int>(first) << " at call " << at << " of " << calls << ", "
                         << static_cast<int>(second) << " at call " << at + behind);
          check_case(one, {{at, first}, {at + behind, second}}, turn % 2 == 0 ? 1 : 40, tally);
        }
      }
    }
  }
  tally.print("a second fault");
}

TEST_CASE("every fault at every call of random patterns of up to eight records") {
  const uint64_t seed = number_from("KUTILS_SEED", 1);
  const uint64_t runs = number_from("KUTILS_FAULT_RUNS", 100) / 4;
  const auto roles = all_kinds();
  Tally tally;
  for (uint64_t run = 0; run < runs; ++run) {
    std::mt19937_64 random(seed + run);
    Pattern pattern;
    for (uint64_t left = 3 + random() % 6; left > 0; --left)
      pattern[random() % 2].push_back(
          {static_cast<char>('a' + random() % 2), kKinds[random() % kKinds.size()]});
    INFO("KUTILS_SEED=" << seed + run);
    check_each_call(with(roles[random() % roles.size()], pattern), tally);
  }
  tally.print("random patterns");
}

TEST_CASE("several faults in longer runs, at random") {
  const uint64_t seed = number_from("KUTILS_SEED", 1);
  const uint64_t runs = number_from("KUTILS_FAULT_RUNS", 100);
  Tally tally;
  const auto kinds = all_kinds();
  for (uint64_t run = 0; run < runs; ++run) {
    std::mt19937_64 random(seed + run);
    const auto below = [&](uint64_t most) { return random() % most; };
    Case one = kinds[below(kinds.size())];
    for (auto& records : one.records) {
      for (uint64_t left = below(30); left > 0; --left)
        records.push_back(std::string(1, static_cast<char>('a' + below(3))) + "xxxxxxxxxxdd--?r"[below(16)]);
    }
    std::map<int, Fault> faults;
    for (uint64_t left = 1 + below(6); left > 0; --left)
      faults[static_cast<int>(1 + below(300))] = kFaults[below(std::size(kFaults))];
    INFO("KUTILS_SEED=" << seed + run << ": " << describe(one));
    check_case(one, faults, below(2) == 0 ? 1 : 40, tally);
  }
}

}  // namespace
}  // namespace kutils::flow
