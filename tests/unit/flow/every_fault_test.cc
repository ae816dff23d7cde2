// Every call that a worker makes of consumer, producers, admin and state fails, is delayed beyond all limits,
// or kills it, at every position of short runs: with and without state, over a repartition, with -m, with
// dead letters, and with records that fail half-way. What comes of it in the end is compared with a naive
// model. Longer runs, in which several calls fail, are random:
//   KUTILS_SEED=N          the first run's seed (each prints its own when it fails)
//   KUTILS_FAULT_RUNS=N    how many; 100 if not set
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "base/murmur2.h"
#include "flow/run.h"
#include "state/partition_store.h"
#include "state/state_error.h"
#include "support/catch.h"
#include "support/fake_surroundings.h"
#include "support/state_folder.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using Fault = FakeBroker::Fault;
using TP = kafka::TopicPartition;
using Values = std::vector<std::string>;
using Rows = std::map<std::string, std::string>;

constexpr uint8_t kOperator = 1;
constexpr Fault kFaults[] = {Fault::kill_before,       Fault::kill_after,      Fault::abort_before,
                             Fault::retriable_before,  Fault::fatal_before,    Fault::fatal_after,
                             Fault::unanswered_before, Fault::unanswered_after};

// A record's value is its kind and its number. `x`: counts. `d`: counts, and writes twice. `-`: dropped.
// `?`: bad. `r`: counts, and its second output is refused: a failure half-way.
class CountingStage final : public Stage {
 public:
  explicit CountingStage(state::Store* store) : store_(store) {
    if (store_) store_->set_description("counts");
  }
  void process(const Record& record, Emitter& out) override {
    const std::string value(record.value.view());
    const char kind = value[0];
    if (kind == '-') return out.drop(record, DropReason::filtered);
    if (kind == '?') return out.fail(record, {Reason::missing_field, "no field \"x\""});
    std::string made = value.substr(1);
    if (store_) {
      const std::string key(record.key.view());
      made = key + ":" + std::to_string(++count(key));
    }
    write(record, made, out);
    if (kind == 'd') write(record, made + "+", out);
    if (kind == 'r') write(record, "huge", out);
  }
  void before_commit(Emitter&) override {
    if (!store_) return;
    for (const auto& [key, n] : held_) store_->put(key, std::to_string(n));
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

// In front of the repartition: each record goes to where its key belongs.
class ForwardingStage final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    if (record.value.view()[0] == '?') return out.fail(record, {Reason::missing_field, "no field \"x\""});
    Output output;
    output.key = record.key;
    output.value = record.value;
    output.keeps_key = false;
    out.emit(&record, output);
  }
};

class KeyedSink final : public io::Sink {
 public:
  KeyedSink(FakeBroker& broker, kafka::Producer& producer, std::string topic)
      : broker_(broker), producer_(producer), topic_(std::move(topic)) {}
  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    if (output.value.view() == "huge") return RecordError{Reason::too_large, "too large"};
    const auto count = static_cast<uint32_t>(broker_.topics.at(topic_).size());
    const int32_t at = output.keeps_key && origin && origin->partition >= 0
                           ? origin->partition
                           : static_cast<int32_t>((murmur2(output.key.view()) & 0x7fffffff) % count);
    producer_.produce(topic_, at, output);
    return std::nullopt;
  }
  void flush() override { producer_.flush(); }

 private:
  FakeBroker& broker_;
  kafka::Producer& producer_;
  std::string topic_;
};

// What a machine's disk keeps of a state.
struct Disk {
  Rows rows;  // as in the changelog
  std::optional<int64_t> offset;
};

// A state as the product's, but on a disk that is a map and fails like the broker.
class FaultyState final : public PartitionState {
 public:
  FaultyState(FakeBroker& broker, Disk& disk, const StatePlace& place)
      : broker_(broker), disk_(disk), rows_(false) {
    if (place.distrusted) disk_ = Disk();
    call("open the state", [&] { restore(place.changelog); });
  }
  state::Store& store(uint8_t number) override { return rows_.operator_store(number); }
  std::optional<int64_t> position(const TP& at) override {
    return rows_.has_meta(kOperator) ? rows_.meta(kOperator).position(at.topic, at.partition) : std::nullopt;
  }
  LastRecord last_record(const TP&) override { return {}; }
  std::string fingerprint() override {
    return rows_.has_meta(kOperator) ? rows_.meta(kOperator).fingerprint : std::string();
  }
  int64_t last_wall_ms() override {
    return rows_.has_meta(kOperator) ? rows_.meta(kOperator).last_wall_ms : 0;
  }
  state::Resume resume(std::optional<int64_t> group_offset, const TP& at, kafka::Watermarks log) override {
    return state::decide_resume(group_offset, position(at), log.low, log.high);
  }
  bool has_changes() override { return rows_.dirty_rows() > 0; }
  std::optional<int64_t> changelog_offset() override { return rows_.changelog_offset(); }
  std::span<const state::Change> changes(const StateMark& mark) override {
    call("changes", [] {});
    state::Meta& meta = rows_.meta(kOperator);
    meta.fingerprint = mark.fingerprint;
    meta.input_partitions = mark.input_partitions;
    meta.last_wall_ms = mark.wall_ms;
    meta.set_position(mark.at.topic, mark.at.partition, mark.offset);
    return changes_ = rows_.take_changes();
  }
  void applied(std::optional<int64_t> next, int64_t wall_ms) override {
    call("apply", [&] {
      for (const state::Change& change : changes_) keep(std::string(change.key), change.value);
      disk_.offset = next.value_or(disk_.offset.value_or(0));
      rows_.applied(*disk_.offset, wall_ms);
    });
  }
  void discard() override { rows_.discard(); }
  void close() override {
    call("close the state", [] {});
  }

 private:
  // A disk's failures are its own: broken rows in place of a fatal error, no room in place of others.
  template <typename F>
  void call(const char* what, F effect) {
    try {
      broker_.call(what, effect);
    } catch (const kafka::KafkaError& error) {
      if (error.severity() == kafka::Severity::fatal) throw state::CorruptState(error.what());
      throw Error(ExitCode::delivery, error.what());
    }
  }
  void restore(const TP& changelog) {
    const auto& log = broker_.topics.at(changelog.topic)[static_cast<size_t>(changelog.partition)];
    const auto from = static_cast<size_t>(disk_.offset.value_or(0));
    for (size_t at = from; at < log.size(); ++at) {
      if (const FakeBroker::Entry* entry = broker_.committed_entry(changelog, at))
        keep(*entry->key, entry->is_null ? MaybeBytes() : MaybeBytes(entry->value));
    }
    disk_.offset = static_cast<int64_t>(log.size());
    std::vector<state::Change> changes;
    for (const auto& [key, value] : disk_.rows) changes.push_back({key, MaybeBytes(value)});
    rows_.restore(changes, static_cast<int64_t>(log.size()), 0);
    rows_.finish_restore();
  }

  void keep(const std::string& key, const MaybeBytes& value) {
    disk_.rows.erase(key);
    if (!value.is_null()) disk_.rows[key] = value.view();
  }

  FakeBroker& broker_;
  Disk& disk_;
  state::PartitionStore rows_;
  std::span<const state::Change> changes_;
};

class FaultyOpening final : public StateOpening {
 public:
  FaultyOpening(FakeBroker& broker, Disk& disk, StatePlace place)
      : broker_(broker), disk_(disk), place_(std::move(place)) {}
  std::unique_ptr<PartitionState> poll() override {
    return std::make_unique<FaultyState>(broker_, disk_, place_);
  }
  std::string account() const override { return {}; }
  std::string progress() const override { return {}; }

 private:
  FakeBroker& broker_;
  Disk& disk_;
  const StatePlace place_;
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

enum class Shape { stateless, stateful, by };
struct Case {
  Shape shape = Shape::stateless;
  Delivery delivery = Delivery::exactly_once;
  bool dead_letters = false;            // else it fails, and somebody mends the record
  bool limited = false;                 // -m 2, again and again
  bool loses_disk = false;              // with each kill
  std::vector<std::string> records[2];  // kinds, `key` + kind each, of the partitions of IN
};

std::string describe(const Case& one) {
  std::string text = one.shape == Shape::stateless ? "stateless"
                     : one.shape == Shape::by      ? "--by"
                                                   : "stateful";
  if (one.delivery == Delivery::at_least_once) text += ", at least once";
  text += one.dead_letters ? ", dead letters" : ", fails";
  if (one.limited) text += ", -m";
  if (one.loses_disk) text += ", loses its disk";
  for (const auto& records : one.records) {
    text += "; ";
    for (const std::string& record : records) text += record + " ";
  }
  return text;
}

class Bench : public testing::FakeSurroundings {
 public:
  explicit Bench(const Case& wanted) : case_(wanted) {
    broker.add_topic("in", 2);
    broker.add_topic("out", 2);
    broker.admin_counts = true;
    broker.most_calls = 20'000;
    broker.batch_size = 3;
    broker.wait_in_vain = [this] { clock.jump(5000); };
    if (case_.shape == Shape::by) broker.add_topic("g-repartition", 2);
    int number = 0;
    for (size_t p = 0; p < 2; ++p)
      for (const std::string& record : case_.records[p])
        broker.write_keyed("in", p, key_of(record, p), record.substr(1) + std::to_string(number++));
    job_.tool = "ktable";
    job_.settings = {{"AGGS", "n"}};
    job_.in = {io::EndpointKind::topic, false, "in", {}};
    job_.out = {io::EndpointKind::topic, false, "out", {}};
    job_.group = "g";
    job_.instance = "i";
    job_.range.exit_at_end = true;
    job_.delivery = case_.delivery;
    if (case_.dead_letters) job_.on_error = OnError{OnError::Policy::dead_letter, "dead"};
    if (case_.limited) job_.max_output = 2;
    if (case_.shape != Shape::stateless) {
      job_.open_state = [this](const StatePlace& place, const Surroundings&, kafka::Admin&) {
        return std::make_unique<FaultyOpening>(broker, disks_[place.changelog.partition], place);
      };
    }
    if (case_.shape == Shape::by) {
      job_.topology.add({"forward", [](const StageContext&) { return std::make_unique<ForwardingStage>(); }});
      job_.topology.add_internal_topic();
    }
    job_.topology.add(
        {"count", [](const StageContext& context) { return std::make_unique<CountingStage>(context.store); },
         case_.shape != Shape::stateless});
  }

  // Again and again, as somebody would who wants it done. False: it does not come to an end.
  bool work() {
    for (int run = 0; run < 80; ++run) {
      const ExitCode code = run_once();
      if (code == ExitCode::bad_record && !case_.dead_letters) mend();
      if (code == ExitCode::ok && all_done()) return true;
    }
    return false;
  }

  void check() {
    CHECK(broker.violations == Values{});
    std::map<std::string, Values> got, want;
    std::map<std::string, std::map<std::string, int64_t>> counts;
    std::multiset<std::string> dead;
    for (size_t p = 0; p < 2; ++p) {
      for (const auto& entry : original_[p]) {
        const std::string in_place = entry.value.substr(0, 1);
        const bool stays_bad = case_.dead_letters && (in_place == "?" || in_place == "r");
        if (stays_bad) dead.insert(entry.value);
        if (in_place == "-" || (in_place == "?" && case_.dead_letters)) continue;
        // The order is promised for a key, and without state for a partition.
        const std::string row = case_.shape == Shape::stateless ? std::to_string(p) : *entry.key;
        std::string made = entry.value.substr(1);
        if (case_.shape != Shape::stateless) made = row + ":" + std::to_string(++counts["all"][row]);
        want[row].push_back(made);
        if (in_place == "d") want[row].push_back(made + "+");
      }
      for (const std::string& value : broker.read("out", p)) {
        const std::string row =
            case_.shape == Shape::stateless ? std::to_string(p) : value.substr(0, value.find(':'));
        got[row].push_back(value);
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
      CHECK(text(got) == text(want));
    } else {
      for (auto& [row, values] : want) {
        const std::set<std::string> all(values.begin(), values.end()),
            there(got[row].begin(), got[row].end());
        CHECK(all == there);
      }
    }
    if (case_.dead_letters) {
      std::multiset<std::string> letters;
      if (broker.topics.count("dead") > 0)
        for (size_t p = 0; p < broker.topics.at("dead").size(); ++p)
          for (const std::string& value : broker.read("dead", p)) letters.insert(value);
      if (case_.delivery == Delivery::exactly_once || case_.shape != Shape::stateless) CHECK(letters == dead);
    }
    if (case_.shape == Shape::stateless) return;
    std::map<std::string, int64_t> stored;
    for (size_t p = 0; p < broker.topics.at("g-changelog").size(); ++p)
      for (const auto& [key, value] : testing::without_meta(broker.read_table("g-changelog", p)))
        stored[key.substr(1)] = std::stoll(value);
    CHECK(text(stored) == text(counts["all"]));
  }

  bool is_beyond_faults() const {
    return broker.calls > broker.fault_at &&
           (broker.more_faults.empty() || broker.calls > broker.more_faults.rbegin()->first);
  }

 private:
  // Keys belong to a partition where there is no repartition.
  std::string key_of(const std::string& record, size_t p) const {
    return record.substr(0, 1) + (case_.shape == Shape::by ? "" : std::to_string(p));
  }

  ExitCode run_once() {
    if (original_[0].empty() && original_[1].empty())
      for (size_t p = 0; p < 2; ++p) original_[p] = broker.topics.at("in")[p];
    Surroundings around = FakeSurroundings::around();
    around.make_topic_sink = [this](kafka::Producer& producer, kafka::Admin&, const std::string& topic,
                                    const auto&) {
      return std::make_unique<KeyedSink>(broker, producer, topic);
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
    for (const char* topic : {"in", "g-repartition"}) {
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
    for (const char* topic : {"in", "g-repartition"}) {
      if (broker.topics.count(topic) == 0) continue;
      for (int32_t p = 0; p < 2; ++p) {
        const auto known = broker.committed_offsets.find({topic, p});
        const int64_t done = known == broker.committed_offsets.end() ? 0 : known->second.offset;
        const auto& records = broker.topics.at(topic)[static_cast<size_t>(p)];
        for (size_t at = static_cast<size_t>(std::max<int64_t>(0, done)); at < records.size(); ++at)
          if (broker.committed_entry({topic, p}, at)) return false;
      }
    }
    return true;
  }

  const Case case_;
  Job job_;
  std::map<int32_t, Disk> disks_;
  std::vector<FakeBroker::Entry> original_[2];
};

std::vector<Case> all_kinds() {
  std::vector<Case> cases;
  for (const Shape shape : {Shape::stateless, Shape::stateful, Shape::by}) {
    for (const Delivery delivery : {Delivery::exactly_once, Delivery::at_least_once}) {
      for (const bool dead_letters : {false, true}) {
        for (const bool limited : {false, true}) {
          for (const bool loses_disk : {false, true}) {
            if (loses_disk && shape == Shape::stateless) continue;
            if (delivery == Delivery::at_least_once && (limited || loses_disk)) continue;
            Case one;
            one.shape = shape;
            one.delivery = delivery;
            one.dead_letters = dead_letters;
            one.limited = limited;
            one.loses_disk = loses_disk;
            cases.push_back(one);
          }
        }
      }
    }
  }
  return cases;
}

void check_case(const Case& one, const std::map<int, Fault>& faults, int unanswered_for) {
  Bench bench(one);
  bench.broker.more_faults = faults;
  bench.broker.unanswered_for = unanswered_for;
  CHECK(bench.work());
  bench.check();
}

TEST_CASE("every fault at every call of short runs") {
  const std::vector<std::vector<std::string>> runs[] = {
      {{"ax"}, {}}, {{"ar"}, {"bx"}}, {{"ax", "b?", "ad", "ax"}, {"ax", "br", "b-", "bx"}}};
  for (Case one : all_kinds()) {
    for (const auto& records : runs) {
      // What is special about these shows in shorter runs.
      if (records[0].size() > 2 && (one.loses_disk || one.delivery == Delivery::at_least_once)) continue;
      one.records[0] = records[0];
      one.records[1] = records[1];
      INFO(describe(one));
      int calls = 0;
      {
        Bench bench(one);
        REQUIRE(bench.work());
        bench.check();
        calls = bench.broker.calls;
      }
      for (const Fault fault : kFaults) {
        for (int at = 1; at <= calls; ++at) {
          INFO("fault " << static_cast<int>(fault) << " at call " << at << " of " << calls);
          check_case(one, {{at, fault}}, at % 2 == 0 ? 1 : 40);
        }
      }
    }
  }
}

TEST_CASE("several faults in longer runs, at random") {
  const char* first = std::getenv("KUTILS_SEED");
  const char* number = std::getenv("KUTILS_FAULT_RUNS");
  const uint64_t seed = first ? std::strtoull(first, nullptr, 10) : 1;
  const uint64_t runs = number ? std::strtoull(number, nullptr, 10) : 100;
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
    check_case(one, faults, below(2) == 0 ? 1 : 40);
  }
}

}  // namespace
}  // namespace kutils::flow
