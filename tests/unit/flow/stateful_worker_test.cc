// The worker with state on a broker that fails at the n-th call: whatever happens, and whatever becomes of
// the local state meanwhile, the changelog's rows, the outputs, the committed offsets and the rows on disk
// are those of a run that nothing disturbed (rules 4, 5, 17, 21, 22).
#include <algorithm>
#include <charconv>
#include <map>
#include <random>
#include <set>

#include "flow/run/run.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/local_disk.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using testing::FakeConsumer;
using testing::LocalDisk;
using Fault = FakeBroker::Fault;
using Rows = std::map<std::string, std::string>;
using TP = kafka::TopicPartition;
using Values = std::vector<std::string>;

constexpr size_t kPartitions = 2;
constexpr int kRecords = 18;  // in each

// Numbers the records of each key: `key:n`. The value `-` deletes the key's row. Rows are held in front of
// the store as the product's stages hold them; a row more tells how many records the partition gave, and st
// is their number.
class NumberingStage final : public Stage {
 public:
  explicit NumberingStage(state::Store& store) : store_(store), time_(store.stream_times().stream_time) {
    if (time_ == state::kNoTime) time_ = 0;
    store_.set_description("numbers");
  }
  void process(const Record& record, Emitter& out) override {
    const std::string key(record.key.view());
    auto [row, is_new] = held_.try_emplace(key);
    if (is_new) {
      if (const auto stored = store_.get(key))
        std::from_chars(stored->data(), stored->data() + stored->size(), row->second);
    }
    row->second = record.value.view() == "-" ? 0 : row->second + 1;
    ++time_;
    const std::string value =
        record.value.view() == "refused" ? "huge" : key + ":" + std::to_string(row->second);
    Output output;
    output.key = record.key;
    output.value = std::string_view(value);
    out.emit(&record, output);
  }
  void before_commit(Emitter&) override {
    for (const auto& [key, n] : held_) {
      if (n == 0) {
        store_.erase(key);
      } else {
        store_.put(key, std::to_string(n));
      }
    }
    held_.clear();
    store_.put("all records", std::to_string(time_));
    state::StreamTimes times;
    times.stream_time = time_;
    store_.set_stream_times(times);
  }
  size_t dirty_rows() const override { return held_.size(); }

 private:
  state::Store& store_;
  int64_t time_;
  std::map<std::string, int64_t> held_;
};

struct Bench : testing::FakeEnvironment {
  LocalDisk& disk;
  Job job;

  Bench(LocalDisk& place, Delivery delivery) : disk(place) {
    broker.add_topic("in", kPartitions);
    job.tool = "ktable";
    job.settings = {{"AGGS", "n"}};
    job.in = {io::EndpointKind::topic, false, "in", {}};
    job.out = {io::EndpointKind::topic, false, "out", {}};
    job.group = "g";
    job.instance = "i";
    job.range.exit_at_end = true;
    job.delivery = delivery;
    disk.give_state(job, broker);
    job.set_stage(
        [](const StageContext& context) { return std::make_unique<NumberingStage>(*context.store); }, true);
  }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) {
      for (size_t p = 0; p < kPartitions; ++p) {
        const std::string key =
            std::string(1, static_cast<char>('a' + (i * (p == 0 ? 1 : 2)) % 3)) + std::to_string(p);
        broker.write_keyed("in", p, key, i % 7 == 6 ? "-" : "x");
      }
    }
  }
  ExitCode run() { return flow::run(job, around()); }
  // A killed one may have done everything: then only the next record has the state opened again.
  void one_more() {
    fill(kRecords, kRecords + 1);
    const ExitCode code = run();
    CHECK(code == ExitCode::ok);
  }
  Values output(size_t p) const { return broker.read("out", p); }
  Rows changelog(size_t p) const { return testing::without_meta(broker.read_table("g-changelog", p)); }
  Rows stored(size_t p) const { return disk.stored("g", p); }
};

// Half of the input is worked through and its state put aside; then the other half comes.
struct HalfWay {
  LocalDisk disk;
  FakeBroker broker;
  HalfWay(LocalDisk::Kind kind, Delivery delivery) : disk(kind) {
    Bench bench(disk, delivery);
    bench.fill(0, 12);
    REQUIRE(bench.run() == ExitCode::ok);
    bench.fill(12, kRecords);
    broker = bench.broker;
  }
};

enum class LocalState { kept, wiped, stale };

struct Want {
  Values output[kPartitions];
  Rows changelog[kPartitions];
  std::vector<FakeBroker::Entry> input[kPartitions];
  int calls = 0;
};

Want undisturbed(Delivery delivery, const HalfWay& half) {
  LocalDisk disk(half.disk.kind());
  disk.become(half.disk);
  Bench bench(disk, delivery);
  bench.broker = half.broker;
  REQUIRE(bench.run() == ExitCode::ok);
  Want want;
  want.calls = bench.broker.calls - half.broker.calls;
  bench.one_more();
  for (size_t p = 0; p < kPartitions; ++p) {
    want.output[p] = bench.output(p);
    want.changelog[p] = bench.changelog(p);
    want.input[p] = bench.broker.topics.at("in")[p];
    CHECK(bench.stored(p) == want.changelog[p]);
  }
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == kRecords + 1);
  return want;
}

// What an arithmetic done beside the product gives.
void check_by_hand(const Want& want) {
  for (size_t p = 0; p < kPartitions; ++p) {
    std::map<std::string, int> numbers;
    Values outputs;
    Rows rows;
    for (const auto& entry : want.input[p]) {
      int& n = numbers[*entry.key];
      n = entry.value == "-" ? 0 : n + 1;
      outputs.push_back(*entry.key + ":" + std::to_string(n));
    }
    for (const auto& [key, n] : numbers)
      if (n > 0) rows['\x01' + key] = std::to_string(n);
    rows
        ["\x01"
         "all records"] = std::to_string(outputs.size());
    CHECK(want.output[p] == outputs);
    CHECK(want.changelog[p] == rows);
  }
}

// At each `step`th call, from another first one in each run.
void check_faults(LocalDisk::Kind kind, Delivery delivery, unsigned step) {
  const HalfWay half(kind, delivery);
  const Want want = undisturbed(delivery, half);
  check_by_hand(want);
  REQUIRE(want.calls > 40);
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  LocalDisk disk(kind);
  int restored_all = 0;
  for (const Fault fault : {Fault::kill_before, Fault::kill_after, Fault::abort_before, Fault::fatal_before,
                            Fault::fatal_after}) {
    const bool kills = fault == Fault::kill_before || fault == Fault::kill_after;
    for (const LocalState local : {LocalState::kept, LocalState::wiped, LocalState::stale}) {
      if (!kills && local != LocalState::kept) continue;  // the process lives on
      for (int at = 1 + static_cast<int>(random() % step); at <= want.calls; at += static_cast<int>(step)) {
        disk.become(half.disk);
        Bench bench(disk, delivery);
        bench.broker = half.broker;
        bench.broker.fault = fault;
        bench.broker.fault_at = half.broker.calls + at;
        INFO("fault " << static_cast<int>(fault) << " at call " << at << ", local state "
                      << static_cast<int>(local));
        for (bool killed = true; killed;) {
          try {
            const ExitCode code = bench.run();
            CHECK(code == ExitCode::ok);
            killed = false;
          } catch (const testing::Killed&) {
            if (local == LocalState::wiped) disk.clear();
            if (local == LocalState::stale) disk.become(half.disk);
          }
        }
        bench.one_more();
        for (size_t p = 0; p < kPartitions; ++p) {
          CHECK(bench.changelog(p) == want.changelog[p]);
          CHECK(bench.stored(p) == want.changelog[p]);
          CHECK(bench.broker.committed_offsets.at({"in", static_cast<int32_t>(p)}).offset == kRecords + 1);
          const Values output = bench.output(p);
          if (delivery == Delivery::exactly_once) {
            CHECK(output == want.output[p]);
          } else {
            // Repeats, but none is missing, and none is there that an undisturbed run does not write.
            CHECK(std::set<std::string>(output.begin(), output.end()) ==
                  std::set<std::string>(want.output[p].begin(), want.output[p].end()));
            CHECK(output.back() == want.output[p].back());
          }
        }
        CHECK(bench.broker.violations == Values{});
        for (const std::string& note : bench.log.notes) {
          restored_all += note.find("no local state") != std::string::npos ? 1 : 0;
          CHECK(note.find("wiped") == std::string::npos);
        }
      }
    }
  }
  if (kind == LocalDisk::Kind::files) CHECK(restored_all > 0);
}

TEST_CASE(
    "worker with state, exactly once: whatever call fails or kills it, with its local state kept, lost or "
    "old") {
  check_faults(LocalDisk::Kind::simulated, Delivery::exactly_once, 1);
}

TEST_CASE(
    "worker with state, at least once: the state is exact all the same, and no output is missing (rule 5)") {
  check_faults(LocalDisk::Kind::simulated, Delivery::at_least_once, 1);
}

TEST_CASE("worker with state in files: whatever call fails or kills it") {
  check_faults(LocalDisk::Kind::files, Delivery::exactly_once, 29);
}

TEST_CASE(
    "worker with state: what failed half-way does not count, whenever a commit is due; skipped, it counts once") {
  for (int before = 0; before < 40; ++before) {
    LocalDisk disk(before % 10 == 0 ? LocalDisk::Kind::files : LocalDisk::Kind::simulated);
    Bench bench(disk, Delivery::exactly_once);
    bench.broker.batch_size = 1;
    for (int i = 0; i < before; ++i) bench.broker.write_keyed("in", 0, "a", "x");
    bench.broker.write_keyed("in", 0, "a", "refused");
    bench.broker.write_keyed("in", 0, "a", "x");
    INFO(before << " records before it");
    for (int again = 0; again < 2; ++again) {
      const ExitCode code = bench.run();
      CHECK(code == ExitCode::bad_record);
      CHECK(bench.broker.committed_offsets.at({"in", 0}).offset <= before);
    }
    bench.job.on_error = OnError{OnError::Policy::skip, {}};
    const ExitCode code = bench.run();
    CHECK(code == ExitCode::ok);
    CHECK(bench.output(0).back() == "a:" + std::to_string(before + 2));
    CHECK(bench.output(0).size() == static_cast<size_t>(before) + 1);
    CHECK(bench.stored(0) == bench.changelog(0));
  }
}

namespace {

// Numbers records as NumberingStage does, and tells the numbers where no record is the cause of it: when it is
// asked before a commit, or with the record that makes it due.
class TellingLater final : public Stage {
 public:
  TellingLater(state::Store& store, bool at_commit) : numbers_(store), at_commit_(at_commit) {}
  void process(const Record& record, Emitter& out) override {
    Taken taken;
    numbers_.process(record, taken);
    told_[std::string(record.key.view())] = taken.value;
    if (!at_commit_) tell(out);
  }
  void before_commit(Emitter& out) override {
    tell(out);
    numbers_.before_commit(out);
  }
  size_t dirty_rows() const override { return numbers_.dirty_rows(); }

 private:
  struct Taken final : Emitter {
    std::string value;
    void emit(const Record*, const Output& output) override { value = output.value.view(); }
    void fail(const Record&, RecordError) override {}
    void drop(const Record&, DropReason) override {}
  };
  void tell(Emitter& out) {
    for (const auto& [key, value] : told_) {
      Output output;
      output.key = std::string_view(key);
      output.value = std::string_view(value);
      out.emit(nullptr, output);
    }
    told_.clear();
  }
  NumberingStage numbers_;
  const bool at_commit_;
  std::map<std::string, std::string> told_;
};

// Without the operator's number before each key.
Rows numbers_of(const Rows& rows) {
  Rows out;
  for (const auto& [key, value] : rows) out[key.substr(1)] = value;
  return out;
}

// Takes `key:n` up to 9.
class UpToNine final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    if (record.value.size() > 3) return out.fail(record, {Reason::expression, "too many"});
    Output output;
    output.key = record.key;
    output.value = record.value;
    out.emit(&record, output);
  }
};

}  // namespace

TEST_CASE(
    "a stage refuses what no record is the cause of: what came before it is committed, by whatever commits") {
  const bool at_commit = GENERATE(true, false);
  for (const size_t batch : {1u, 7u, 40u}) {
    LocalDisk disk(LocalDisk::Kind::simulated);
    Bench bench(disk, Delivery::exactly_once);
    bench.job.topology = Topology();
    const auto telling = [at_commit](const StageContext& context) {
      return std::make_unique<TellingLater>(*context.store, at_commit);
    };
    bench.job.topology.add({"telling", telling, true});
    bench.job.topology.add({"nine", [](const StageContext&) { return std::make_unique<UpToNine>(); }});
    bench.broker.batch_size = batch;
    for (int i = 0; i < 33; ++i) bench.broker.write_keyed("in", 0, i % 3 == 0 ? "a" : "b", "x");
    INFO("at commits " << at_commit << ", batches of " << batch);
    // The tenth b is record 14.
    for (int again = 0; again < 2; ++again) {
      const ExitCode code = bench.run();
      CHECK(code == ExitCode::bad_record);
      REQUIRE(!bench.log.errors.empty());
      CHECK(bench.log.errors.back().find("in [0] @ 14: ") == 0);
      CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 14);
      CHECK(numbers_of(bench.changelog(0)) == Rows{{"a", "5"}, {"b", "9"}, {"all records", "14"}});
      const Values output = bench.output(0);
      CHECK(std::count(output.begin(), output.end(), "b:9") == 1);
    }
    CHECK(bench.log.errors.size() == 2);
    bench.job.on_error = OnError{OnError::Policy::skip, {}};
    const ExitCode code = bench.run();
    CHECK(code == ExitCode::ok);
    CHECK(numbers_of(bench.changelog(0)) == Rows{{"a", "11"}, {"b", "22"}, {"all records", "33"}});
    CHECK(bench.stored(0) == bench.changelog(0));
    CHECK(bench.broker.violations == Values{});
  }
}

TEST_CASE("worker with state: a changelog that takes small batches only gets no others") {
  LocalDisk disk(LocalDisk::Kind::files);
  Bench bench(disk, Delivery::exactly_once);
  bench.broker.configs["g-changelog"]["max.message.bytes"] = "1000";
  bench.broker.batch_size = 400;
  for (int i = 0; i < 400; ++i) bench.broker.write_keyed("in", 0, "key " + std::to_string(i), "x");
  const ExitCode code = bench.run();
  CHECK(code == ExitCode::ok);
  CHECK(bench.changelog(0).size() == 401);
  CHECK(bench.output(0).size() == 400);
}

TEST_CASE("worker with state: a partition that leaves and comes back finds its rows (rule 14)") {
  const HalfWay half(LocalDisk::Kind::files, Delivery::exactly_once);
  const Want want = undisturbed(Delivery::exactly_once, half);
  const bool wiped = GENERATE(false, true);
  for (int at = 2; at < 12; ++at) {
    LocalDisk disk(LocalDisk::Kind::files);
    disk.become(half.disk);
    Bench bench(disk, Delivery::exactly_once);
    bench.broker = half.broker;
    bench.broker.polls = 0;
    bench.broker.on_poll = [&](int poll) {
      FakeConsumer* member = FakeConsumer::broker_member();
      if (poll == at) {
        member->revoke({{"in", 1}}, [&] {
          if (wiped) disk.clear("g", 1);
        });
      }
      if (poll == at + 3) member->give({"in", 1});
    };
    INFO("revoked at poll " << at << ", wiped " << wiped);
    CHECK(bench.run() == ExitCode::ok);
    bench.broker.on_poll = nullptr;
    bench.one_more();
    for (size_t p = 0; p < kPartitions; ++p) {
      CHECK(bench.output(p) == want.output[p]);
      CHECK(bench.changelog(p) == want.changelog[p]);
      CHECK(bench.stored(p) == want.changelog[p]);
    }
    CHECK(bench.broker.violations == Values{});
  }
}

TEST_CASE(
    "worker with state: the group went on without it: nothing of its transaction stays in the rows (4, 14)") {
  const HalfWay half(LocalDisk::Kind::files, Delivery::exactly_once);
  const Want want = undisturbed(Delivery::exactly_once, half);
  const bool unusable = GENERATE(false, true);
  for (int at = 2; at < 12; ++at) {
    LocalDisk disk(LocalDisk::Kind::files);
    disk.become(half.disk);
    Bench bench(disk, Delivery::exactly_once);
    bench.broker = half.broker;
    bench.broker.polls = 0;
    bench.broker.on_poll = [&](int poll) {
      FakeConsumer* member = FakeConsumer::broker_member();
      if (poll == at) member->lose(unusable);
      if (poll == at + 2) member->tell();
    };
    INFO("lost at poll " << at << ", metadata unusable " << unusable);
    CHECK(bench.run() == ExitCode::ok);
    bench.broker.on_poll = nullptr;
    bench.one_more();
    for (size_t p = 0; p < kPartitions; ++p) {
      CHECK(bench.output(p) == want.output[p]);
      CHECK(bench.changelog(p) == want.changelog[p]);
      CHECK(bench.stored(p) == want.changelog[p]);
    }
    CHECK(bench.broker.violations == Values{});
  }
}

// Calls `then` once, when a state has been restored and nobody has looked at it.
class OpeningThen final : public StateOpening {
 public:
  OpeningThen(std::unique_ptr<StateOpening> opening, std::function<void()>& then)
      : opening_(std::move(opening)), then_(then) {}
  std::unique_ptr<PartitionState> poll() override {
    auto state = opening_->poll();
    if (state && then_) std::exchange(then_, nullptr)();
    return state;
  }
  std::string account() const override { return opening_->account(); }
  std::string progress() const override { return opening_->progress(); }

 private:
  const std::unique_ptr<StateOpening> opening_;
  std::function<void()>& then_;
};

TEST_CASE(
    "worker with state: what others did between the restore and the look at the offsets is restored, too") {
  const auto kind = GENERATE(LocalDisk::Kind::simulated, LocalDisk::Kind::files);
  const bool is_first = GENERATE(false, true);  // of the group: then there was no state at all
  for (const int behind : {0, 1, 5}) {          // records that are left to us
    LocalDisk disk(kind), others(kind);
    Bench bench(disk, Delivery::exactly_once), other(others, Delivery::exactly_once);
    bench.fill(0, 12);
    if (!is_first) {
      REQUIRE(bench.run() == ExitCode::ok);
      bench.fill(12, kRecords);
    }
    std::function<void()> stopped = [&] {
      other.broker = bench.broker;
      CHECK(other.run() == ExitCode::ok);
      bench.broker.topics = other.broker.topics;
      bench.broker.transactions = other.broker.transactions;
      bench.broker.committed_offsets = other.broker.committed_offsets;
      bench.fill(kRecords, kRecords + behind);
    };
    const auto open_state = bench.job.open_state;
    bench.job.open_state = [&](const StatePlace& place, const Environment& around, kafka::Admin& admin) {
      return std::make_unique<OpeningThen>(open_state(place, around, admin), stopped);
    };
    bench.job.range.exit_at_end = behind == 0;
    if (behind > 0) bench.job.max_input = behind * static_cast<int64_t>(kPartitions);
    INFO("first " << is_first << ", records behind " << behind);
    const ExitCode code = bench.run();
    CHECK(code == ExitCode::ok);
    CHECK(bench.log.errors == Values{});
    CHECK(!stopped);
    for (size_t p = 0; p < kPartitions; ++p) {
      Values want;
      std::map<std::string, int> numbers;
      for (const auto& entry : bench.broker.topics.at("in")[p]) {
        int& n = numbers[*entry.key];
        n = entry.value == "-" ? 0 : n + 1;
        want.push_back(*entry.key + ":" + std::to_string(n));
      }
      CHECK(bench.output(p) == want);
      CHECK(bench.stored(p) == bench.changelog(p));
    }
    CHECK(bench.broker.violations == Values{});
  }
}

TEST_CASE("worker with state: offsets that were reset by hand are refused") {
  const auto kind = GENERATE(LocalDisk::Kind::simulated, LocalDisk::Kind::files);
  for (const int64_t to : {0, 3, 14}) {
    LocalDisk disk(kind);
    Bench bench(disk, Delivery::exactly_once);
    bench.fill(0, 12);
    REQUIRE(bench.run() == ExitCode::ok);
    bench.fill(12, kRecords);
    if (to == 3) disk.clear();
    bench.broker.committed_offsets.at({"in", 0}).offset = to;
    CHECK_THROWS_WITH(bench.run(), Catch::Matchers::ContainsSubstring("the offsets were reset by hand"));
  }
}

}  // namespace
}  // namespace kutils::flow
