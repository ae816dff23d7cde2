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

#include "flow/run.h"
#include "support/catch.h"
#include "support/fake_surroundings.h"
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
      job_.open_state = [this](const StatePlace& place, const Surroundings& around, kafka::Admin&) {
        return std::make_unique<testing::SimulatedOpening>(broker, disks_[place.changelog.partition], place,
                                                           around.executor);
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
  std::map<int32_t, testing::Disk> disks_;
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
