// Joins of tables by a foreign key: the three stages as three tasks that see each other's records in any order.
//
// Exhaustively: all histories of up to six events over two left and two right keys, and for each of them every order
// in which the tasks can come to process events and each other's records. A task is deterministic in the order of
// what it reads, so that its steps are remembered instead of done again: what they write is that of the real stages.
// At random: more keys, partitions and events, with commits, restarts and aborts of each task; 10,000 runs take half a
// minute: KUTILS_RUNS=10000.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "base/murmur2.h"
#include "base/varint.h"
#include "flow/join/foreign_join.h"
#include "flow/join/foreign_messages.h"
#include "flow/table/map_store.h"
#include "flow/topology/ports.h"
#include "join_fakes.h"
#include "state/state_format.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

// A record of a topic between the tasks, or of one of the tables. Value "-": NULL.
struct Message {
  std::string topic, key, value;
  int64_t time = 0;
  int64_t offset = 0;
  int32_t partition = 0;
};

Record record_of(const Message& one) {
  Record record = join_record(one.topic, one.key, one.value, one.time);
  record.partition = one.partition;
  record.offset = one.offset;
  return record;
}

// What a stage writes, by where it goes.
class Written final : public Emitter {
 public:
  std::vector<Message> asks, told, out;
  std::vector<std::string> errors;
  size_t drops = 0;
  std::function<bool(const Output&)> refuses;
  bool joins = false;  // what is written goes to OUT
  bool answers = false;

  void emit(const Record*, const Output& output) override {
    refused_ = refuses && refuses(output);
    if (refused_) return errors.push_back("refused");
    Message one;
    one.key = output.key.view();
    one.value = output.value.is_null() ? "-" : std::string(output.value.view());
    one.time = output.timestamp;
    (joins ? out : answers || output.port == kPastNext ? told : asks).push_back(std::move(one));
  }
  void fail(const Record&, RecordError error) override { errors.push_back(std::move(error.message)); }
  void fail_made(const Record*, const Record& made, RecordError error) override {
    errors.push_back(std::string(made.topic) + "@" + std::to_string(made.offset) + "=" +
                     std::string(made.value.view()) + ": " + error.message);
  }
  void drop(const Record&, DropReason) override { ++drops; }
  bool refused() const override { return refused_; }

 private:
  bool refused_ = false;
};

JoinOptions options_of(JoinType type) {
  JoinOptions options;
  options.left_topic = "l";
  options.right_topic = "r";
  options.on = "f";
  options.type = type;
  return options;
}

std::string left_value(const std::string& foreign, size_t version) {
  return "{\"f\":" + (foreign.empty() ? "null" : '"' + foreign + '"') + ",\"n\":" + std::to_string(version) +
         "}";
}

using Table = std::map<std::string, std::string>;

struct LeftRow {
  std::string foreign, value;
};
Table naive(const JoinType& type, const std::map<std::string, LeftRow>& left, const Table& right) {
  Table results;
  for (const auto& [key, row] : left) {
    const auto found = row.foreign.empty() ? right.end() : right.find(row.foreign);
    const bool has = found != right.end();
    if (has ? !type.pairs : !type.left) continue;
    results[key] = "{\"left\":" + row.value + ",\"right\":" + (has ? found->second : "null") + "}";
  }
  return results;
}

// --- exhaustively ---

enum class Task : char { asking = 'a', answering = 'b', joining = 'j' };

struct Step {
  std::string state;  // of the task afterwards
  std::vector<Message> written, past;
};

std::string text_of(state::Store& store) {
  std::string text;
  store.scan({}, {}, [&](std::string_view key, std::string_view value) {
    put_bytes(text, key);
    put_bytes(text, value);
    return true;
  });
  return text;
}

// One step of a task, by the real stage over a store with the rows of `state`. The joining task's state ends with
// the table that OUT is.
class Tasks {
 public:
  explicit Tasks(JoinOptions options) : options_(std::move(options)) {}

  const Step& step(Task task, const std::string& state, const Message& message) {
    std::string key(1, static_cast<char>(task));
    put_bytes(key, state);
    for (const std::string& part : {message.topic, message.key, message.value}) put_bytes(key, part);
    put_signed(key, message.offset);
    const auto [found, is_new] = steps_.try_emplace(std::move(key));
    if (is_new) found->second = do_step(task, state, message);
    return found->second;
  }
  // The table that the joining task has written; its rows are `rows` in number.
  static Table table_of(const std::string& state, size_t* rows = nullptr) {
    Table table;
    MapStore store;
    Reader in(state);
    load(in, store);
    if (rows) *rows = count_rows(store);
    while (!in.at_end()) {
      const std::string key(in.bytes());
      table[key] = in.bytes();
    }
    return table;
  }
  size_t steps() const { return steps_.size(); }

 private:
  static void load(Reader& in, MapStore& store) {
    if (in.at_end()) return;
    Reader rows(in.bytes());
    while (!rows.at_end()) {
      const std::string key(rows.bytes());
      store.put(key, rows.bytes());
    }
  }

  Step do_step(Task task, const std::string& state, const Message& message) const {
    MapStore store;
    Written written;
    Table table;
    if (task == Task::joining) {
      Reader in(state);
      load(in, store);
      table = table_of(state);
    } else {
      std::string whole;
      put_bytes(whole, state);
      Reader in(whole);
      load(in, store);
    }
    written.joins = task == Task::joining;
    written.answers = task == Task::answering;
    const auto stage = task == Task::asking      ? make_foreign_asking(options_, store)
                       : task == Task::answering ? make_foreign_answering(options_, store)
                                                 : make_foreign_joining(options_, store);
    const Record record = record_of(message);
    stage->process(record, written);
    if (!written.errors.empty()) throw std::runtime_error(written.errors.front());
    Step step;
    if (task != Task::joining) {
      step.state = text_of(store);
      step.written = std::move(task == Task::asking ? written.asks : written.told);
      if (task == Task::asking) step.past = std::move(written.told);
      return step;
    }
    for (const Message& one : written.out) {
      if (one.value != "-") {
        table[one.key] = one.value;
      } else if (table.erase(one.key) == 0) {
        throw std::runtime_error("a deletion of what was not there: " + one.key);
      }
    }
    put_bytes(step.state, text_of(store));
    for (const auto& [key, value] : table) {
      put_bytes(step.state, key);
      put_bytes(step.state, value);
    }
    return step;
  }

  const JoinOptions options_;
  std::unordered_map<std::string, Step> steps_;
};

// A history: the events of each topic partition, in its order. That of the left table, and for each right key its own
// partition, so that it is a task of its own.
struct History {
  std::vector<Message> left;
  std::vector<Message> right[2];
};

// Every order in which the tasks can process it. Returns the number of states that were reached.
class Orders {
 public:
  Orders(Tasks& tasks, const JoinType& type, const History& history) : tasks_(tasks), history_(history) {
    // What the asking task writes does not depend on what the others do.
    std::string state;
    for (const Message& one : history.left) {
      const Step& step = tasks.step(Task::asking, state, one);
      state = step.state;
      for (const Message& ask : step.written) asks_[ask.key == "x" ? 0 : 1].push_back(ask);
      told_.push_back(step.past);
      asked_.push_back({asks_[0].size(), asks_[1].size()});
    }
    std::map<std::string, LeftRow> left;
    for (const Message& one : history.left) {
      if (one.value == "-") {
        left.erase(one.key);
      } else {
        const std::string foreign = one.value.substr(5, 1) == "\"" ? one.value.substr(6, 1) : "";
        left[one.key] = {foreign, one.value};
      }
    }
    Table right;
    for (const auto& events : history.right)
      for (const Message& one : events) right[one.key] = one.value;
    std::erase_if(right, [](const auto& row) { return row.second == "-"; });
    wanted_ = naive(type, left, right);
    rows_ = left.size();
  }

  // Empty: all orders came to the table that a plain join makes.
  std::string check() {
    go({});
    return error_;
  }
  size_t reached() const { return seen_.size(); }

 private:
  struct Where {
    size_t left = 0;
    size_t asks[2] = {0, 0};    // of each right task
    size_t rights[2] = {0, 0};  // the same, of its partition of the right table
    std::string right_state[2];
    std::string out;
  };

  void go(const Where& at) {
    std::string name;
    for (const size_t number : {at.left, at.asks[0], at.asks[1], at.rights[0], at.rights[1]})
      name += static_cast<char>(number);
    if (!error_.empty() || !seen_.insert(name + at.out).second) return;
    bool any = false;
    if (at.left < history_.left.size()) {
      Where next = at;
      for (const Message& one : told_[next.left]) next.out = tasks_.step(Task::joining, next.out, one).state;
      ++next.left;
      any = true;
      go(next);
    }
    for (size_t i = 0; i < 2; ++i) {
      const size_t asked = at.left == 0 ? 0 : asked_[at.left - 1][i];
      if (at.asks[i] < asked) {
        Where next = at;
        answer(next, i, asks_[i][next.asks[i]++]);
        any = true;
        go(next);
      }
      if (at.rights[i] < history_.right[i].size()) {
        Where next = at;
        answer(next, i, history_.right[i][next.rights[i]++]);
        any = true;
        go(next);
      }
    }
    if (any) return;
    size_t rows = 0;
    const Table table = Tasks::table_of(at.out, &rows);
    if (table != wanted_) error_ = "the table is " + show(table) + ", must be " + show(wanted_);
    if (rows != rows_) error_ = std::to_string(rows) + " rows are left of " + std::to_string(rows_);
  }

  // The joining task reads nothing else, so that it may as well read this at once.
  void answer(Where& where, size_t i, const Message& message) {
    const Step& step = tasks_.step(Task::answering, where.right_state[i], message);
    where.right_state[i] = step.state;
    for (const Message& one : step.written) where.out = tasks_.step(Task::joining, where.out, one).state;
  }

  static std::string show(const Table& table) {
    std::string text;
    for (const auto& [key, value] : table) text += key + "=" + value + " ";
    return text;
  }

  Tasks& tasks_;
  const History& history_;
  std::vector<Message> asks_[2];
  std::vector<std::vector<Message>> told_;    // by left event
  std::vector<std::array<size_t, 2>> asked_;  // up to each left event
  Table wanted_;
  size_t rows_ = 0;
  std::unordered_set<std::string> seen_;
  std::string error_;
};

std::string show(const History& history) {
  std::string text;
  const auto add = [&](const char* side, const std::vector<Message>& events) {
    for (const Message& one : events) text += std::string(side) + " " + one.key + " " + one.value + "\n";
  };
  add("L", history.left);
  add("R", history.right[0]);
  add("R", history.right[1]);
  return text;
}

// Calls `each` with every history of `length` events. Those that differ only in the names of keys are one: the first
// left key that is named is a, the first foreign key x.
template <typename Each>
void histories(size_t length, bool null_keys, const Each& each) {
  // Left events: key, foreign key ("" null, "-" deleted).
  std::vector<std::pair<std::string, std::string>> kinds;
  for (const char* key : {"a", "b"})
    for (const char* foreign : {"x", "y", "-", ""})
      if (null_keys || *foreign != 0) kinds.push_back({key, foreign});
  for (size_t lefts = 0; lefts <= length; ++lefts) {
    size_t of_left = 1;
    for (size_t i = 0; i < lefts; ++i) of_left *= kinds.size();
    for (size_t code = 0; code < of_left; ++code) {
      History history;
      bool named_key = false, named_foreign = false, is_first = true;
      size_t rest = code;
      for (size_t i = 0; i < lefts && is_first; ++i, rest /= kinds.size()) {
        const auto& [key, foreign] = kinds[rest % kinds.size()];
        if (!named_key && key == "b") is_first = false;
        named_key = true;
        if (!named_foreign && foreign == "y") is_first = false;
        named_foreign |= foreign == "x" || foreign == "y";
        Message one{"l", key, foreign == "-" ? "-" : left_value(foreign, i), 10, static_cast<int64_t>(i)};
        history.left.push_back(std::move(one));
      }
      if (!is_first) continue;
      const size_t rights = length - lefts;
      for (size_t of_x = 0; of_x <= rights; ++of_x) {
        if (!named_foreign && of_x < rights - of_x) continue;
        for (size_t bits = 0; bits < size_t{1} << rights; ++bits) {
          history.right[0].clear(), history.right[1].clear();
          for (size_t i = 0; i < rights; ++i) {
            const size_t which = i < of_x ? 0 : 1;
            const bool is_deletion = (bits >> i & 1) != 0;
            history.right[which].push_back({"r", which == 0 ? "x" : "y",
                                            is_deletion ? "-" : std::to_string(i), 10,
                                            static_cast<int64_t>(i)});
          }
          each(history);
        }
      }
    }
  }
}

void check_all(const JoinType& type, size_t longest, bool null_keys) {
  Tasks tasks(options_of(type));
  size_t checked = 0, reached = 0;
  for (size_t length = 1; length <= longest; ++length)
    histories(length, null_keys, [&](const History& history) {
      Orders orders(tasks, type, history);
      const std::string error = orders.check();
      ++checked;
      reached += orders.reached();
      if (error.empty()) return;
      INFO(show(history));
      REQUIRE(error == "");  // further ones would be of the same fault
    });
  INFO(checked << " histories, " << reached << " states, " << tasks.steps() << " steps");
  CHECK(checked > 0);
  if (std::getenv("KUTILS_VERBOSE"))
    WARN(checked << " histories, " << reached << " states, " << tasks.steps() << " steps");
}

}  // namespace

TEST_CASE("foreign key: every history of six events in every order of the tasks is the plain join",
          "[foreign]") {
  check_all(kInnerJoin, number_of("KUTILS_FOREIGN_EVENTS", 6), false);
}

TEST_CASE("foreign key, --left: every history of six events in every order is the plain join", "[foreign]") {
  check_all(kLeftJoin, number_of("KUTILS_FOREIGN_EVENTS", 6), false);
}

TEST_CASE("foreign key, --anti and null keys: every history in every order is the plain join", "[foreign]") {
  check_all(kAntiJoin, number_of("KUTILS_FOREIGN_EVENTS", 6), true);
  check_all(kInnerJoin, number_of("KUTILS_FOREIGN_EVENTS", 6), true);
}

// --- at random ---

namespace {

int number_in(const std::string& left) { return std::atoi(left.c_str() + left.find("\"n\":") + 4); }

// A task with the partitions that it reads, its state, and what its open transaction has written.
struct SimulatedTask {
  Task kind;
  std::vector<const std::vector<Message>*> sources;
  std::vector<size_t> at, committed;
  std::unique_ptr<state::PartitionStore> store = std::make_unique<state::PartitionStore>(false);
  std::unique_ptr<Stage> stage;
  Written written;

  bool has_next(size_t source) const { return at[source] < sources[source]->size(); }
};

class Simulation {
 public:
  // `long_keys`: two left rows of one foreign key are more than one row of the state lists.
  Simulation(const JoinOptions& options, unsigned seed, bool long_keys)
      : options_(options), random_(seed), key_end_(long_keys ? 600 : 0, 'k') {
    for (const auto& log : left_) add(Task::asking, {&log});
    for (size_t i = 0; i < asks_.size(); ++i) add(Task::answering, {&asks_[i], &right_[i]});
    for (const auto& log : told_) add(Task::joining, {&log});
  }

  // Empty: OUT is the plain join of the tables, and no row is left of what is gone.
  std::string run() {
    draw_events();
    for (size_t step = 0;; ++step) {
      SimulatedTask& task = *tasks_[random_() % tasks_.size()];
      if (step < 400 && random_() % 6 == 0) {
        abort(task);
      } else if (random_() % 3 == 0) {
        commit_all(task);
      } else {
        read(task);
      }
      if (!error_.empty()) return error_;
      if (step % 16 == 0 && is_done()) break;
    }
    const Table wanted = plain();
    if (table_ != wanted) return "the table has " + show(table_) + ", must have " + show(wanted);
    return rows_left();
  }

 private:
  static constexpr size_t kKeys = 5, kForeign = 4;

  template <size_t n>
  static std::vector<Message>& log_of(std::array<std::vector<Message>, n>& logs, const std::string& key) {
    return logs[static_cast<size_t>(murmur2_partition(key, static_cast<int32_t>(n)))];
  }

  void add(Task kind, std::vector<const std::vector<Message>*> sources) {
    auto task = std::make_unique<SimulatedTask>();
    task->kind = kind;
    task->at.resize(sources.size());
    task->committed.resize(sources.size());
    task->sources = std::move(sources);
    task->written.joins = kind == Task::joining;
    task->written.answers = kind == Task::answering;
    make_stage(*task);
    tasks_.push_back(std::move(task));
  }
  void make_stage(SimulatedTask& task) const {
    state::Store& store = task.store->operator_store(1);
    task.stage = task.kind == Task::asking      ? make_foreign_asking(options_, store)
                 : task.kind == Task::answering ? make_foreign_answering(options_, store)
                                                : make_foreign_joining(options_, store);
  }

  void draw_events() {
    const size_t n = 1 + random_() % 30;
    for (size_t i = 0; i < n; ++i) {
      Message one;
      one.time = static_cast<int64_t>(random_() % 50);
      if (random_() % 2 == 0) {
        one.topic = "l";
        one.key = std::string(1, static_cast<char>('a' + random_() % kKeys)) + key_end_;
        std::string foreign(1, static_cast<char>('u' + random_() % kForeign));
        if (random_() % 8 == 0) foreign.clear();
        one.value = random_() % 5 == 0 ? "-" : left_value(foreign, i);
        lefts_[one.key] = {foreign, one.value};
        if (one.value == "-") lefts_.erase(one.key);
        append(log_of(left_, one.key), one);
      } else {
        one.topic = "r";
        one.key = std::string(1, static_cast<char>('u' + random_() % kForeign));
        one.value = random_() % 4 == 0 ? "-" : std::to_string(i);
        rights_[one.key] = one.value;
        if (one.value == "-") rights_.erase(one.key);
        append(log_of(right_, one.key), one);
      }
    }
  }
  static void append(std::vector<Message>& log, Message one) {
    one.offset = static_cast<int64_t>(log.size());
    log.push_back(std::move(one));
  }

  void read(SimulatedTask& task) {
    const size_t source = random_() % task.sources.size();
    if (!task.has_next(source)) return;
    Message one = (*task.sources[source])[task.at[source]++];
    if (one.topic == "l") one.partition = one.key[0] % 2;
    task.stage->process(record_of(one), task.written);
    if (!task.written.errors.empty()) error_ = task.written.errors.front();
  }
  void commit_all(SimulatedTask& task) {
    commit(*task.stage, *task.store, task.written);
    task.committed = task.at;
    // What several producers write at a time is mixed in the topics; who reads them sees what is committed.
    for (Message& one : task.written.told) {
      auto& log = log_of(told_, one.key);
      append(log, std::move(one));
    }
    for (Message& one : task.written.asks) {
      auto& log = log_of(asks_, one.key);
      append(log, std::move(one));
    }
    for (const Message& one : task.written.out) {
      if (one.value != "-") {
        table_[one.key] = one.value;
      } else if (table_.erase(one.key) == 0) {
        error_ = "a deletion of what was not there: " + one.key;
      }
    }
    forget(task);
  }
  void abort(SimulatedTask& task) {
    if (random_() % 2 == 0) task.stage->before_commit(task.written);
    task.stage.reset();
    task.store->discard();
    make_stage(task);
    task.at = task.committed;
    forget(task);
  }
  static void forget(SimulatedTask& task) {
    task.written.told.clear(), task.written.asks.clear(), task.written.out.clear();
  }
  bool is_done() const {
    return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& task) {
      for (size_t i = 0; i < task->sources.size(); ++i)
        if (task->committed[i] < task->sources[i]->size()) return false;
      return true;
    });
  }

  Table plain() const {
    Table results;
    for (const auto& [key, row] : lefts_) {
      const auto found = row.foreign.empty() ? rights_.end() : rights_.find(row.foreign);
      const bool has = found != rights_.end() && (options_.format.where.empty() ||
                                                  number_in(row.value) > std::atoi(found->second.c_str()));
      if (has ? !options_.type.pairs : !options_.type.left) continue;
      results[key] = "{\"left\":" + row.value + ",\"right\":" + (has ? found->second : "null") + "}";
    }
    return results;
  }
  std::string rows_left() {
    size_t asking = 0, rights = 0, joining = 0;
    std::map<std::string, uint64_t> asked_for, wanted;
    std::map<std::string, uint64_t> one_by_one;  // askers with rows of their own
    for (const auto& task : tasks_) {
      state::Store& store = task->store->operator_store(1);
      if (task->kind == Task::asking) asking += count_rows(store);
      if (task->kind == Task::joining) joining += count_rows(store);
      if (task->kind != Task::answering) continue;
      store.scan({}, {}, [&](std::string_view key, std::string_view value) {
        Reader in(key.substr(1)), row(value);
        if (key[0] == state::kTableRow) ++rights;
        if (key[0] == state::kKeyRow) ++one_by_one[std::string(in.bytes())];
        if (key[0] != state::kGroupRow) return true;
        const uint64_t n = row.varint();
        asked_for[std::string(key.substr(1))] = n;
        if (row.at_end()) one_by_one[std::string(key.substr(1))] -= n;
        return true;
      });
    }
    for (const auto& [key, row] : lefts_)
      if (!row.foreign.empty()) ++wanted[row.foreign];
    const bool all_counted =
        std::all_of(one_by_one.begin(), one_by_one.end(), [](const auto& one) { return one.second == 0; });
    if (asking == lefts_.size() && rights == rights_.size() && joining == lefts_.size() &&
        asked_for == wanted && all_counted)
      return {};
    return std::to_string(asking) + ", " + std::to_string(rights) + " and " + std::to_string(joining) +
           " rows are left of " + std::to_string(lefts_.size()) + " and " + std::to_string(rights_.size()) +
           (all_counted ? "" : "; who asks one by one is not as many as is counted");
  }
  static std::string show(const Table& table) {
    std::string text;
    for (const auto& [key, value] : table) text += key + "=" + value + " ";
    return text;
  }

  const JoinOptions options_;
  std::mt19937 random_;
  const std::string key_end_;
  std::array<std::vector<Message>, 2> left_, told_;
  std::array<std::vector<Message>, 3> right_, asks_;
  std::vector<std::unique_ptr<SimulatedTask>> tasks_;
  std::map<std::string, LeftRow> lefts_;
  Table rights_, table_;
  std::string error_;
};

}  // namespace

TEST_CASE("foreign key: tasks that commit, abort and restart at random come to the plain join", "[foreign]") {
  const size_t first = number_of("KUTILS_SEED", 1) * 1'000'000, runs = number_of("KUTILS_RUNS", 1000);
  for (size_t seed = first; seed < first + runs; ++seed) {
    JoinOptions options = options_of(seed % 3 == 0 ? kInnerJoin : seed % 3 == 1 ? kLeftJoin : kAntiJoin);
    if (seed % 5 == 0) options.format.where = "left.n > right";
    const std::string error = Simulation(options, static_cast<unsigned>(seed), seed % 2 == 1).run();
    if (error.empty()) continue;
    INFO("seed " << seed);
    CHECK(error == "");
    break;
  }
}

namespace {

// The three stages with what is between them in order.
struct InLine {
  explicit InLine(const JoinOptions& options)
      : asking(make_foreign_asking(options, stores[0])),
        answering(make_foreign_answering(options, stores[1])),
        joining(make_foreign_joining(options, stores[2])) {
    answers.answers = true;
    results.joins = true;
  }
  // What came to OUT.
  std::string put(const std::string& topic, const std::string& key, const std::string& value, int64_t time) {
    Message one{topic, key, value, time, ++offset};
    (topic == "l" ? *asking : *answering).process(record_of(one), topic == "l" ? asks : answers);
    for (const Message& told : std::exchange(asks.told, {})) joining->process(record_of(told), results);
    for (const Message& ask : std::exchange(asks.asks, {})) answering->process(record_of(ask), answers);
    for (const Message& told : std::exchange(answers.told, {})) joining->process(record_of(told), results);
    std::string text;
    for (const Message& out : std::exchange(results.out, {}))
      text += (text.empty() ? "" : " ") + out.key + "=" + out.value + "@" + std::to_string(out.time);
    return text;
  }
  std::string rows(size_t store) {
    std::string text;
    stores[store].scan({}, {}, [&](std::string_view key, std::string_view value) {
      text.append(key).append(1, '=').append(value).append(1, ';');
      return true;
    });
    return text;
  }
  MapStore stores[3];
  Written asks, answers, results;
  std::unique_ptr<Stage> asking, answering, joining;
  int64_t offset = 0;
};

}  // namespace

TEST_CASE("foreign key: results, their times, and what is no news", "[foreign]") {
  InLine join(options_of(kLeftJoin));
  CHECK(join.put("l", "a", R"({"f":"x"})", 5) == R"(a={"left":{"f":"x"},"right":null}@5)");
  CHECK(join.put("r", "x", "1", 9) == R"(a={"left":{"f":"x"},"right":1}@9)");
  CHECK(join.put("l", "b", R"({"f":"x"})", 12) == R"(b={"left":{"f":"x"},"right":1}@12)");
  CHECK(join.put("r", "x", "2", 7) ==
        R"(a={"left":{"f":"x"},"right":2}@7 b={"left":{"f":"x"},"right":2}@12)");
  CHECK(join.put("l", "a", R"({"f":null})", 13) == R"(a={"left":{"f":null},"right":null}@13)");
  CHECK(join.put("l", "a", "-", 14) == "a=-@14");
  CHECK(join.put("l", "a", "-", 15).empty());
  CHECK(join.put("r", "z", "-", 15).empty());
  CHECK(join.asks.drops + join.answers.drops == 2);
  CHECK(join.put("r", "x", "-", 16) == R"(b={"left":{"f":"x"},"right":null}@16)");
  CHECK(join.put("l", "b", "-", 17) == "b=-@17");
  for (size_t i = 0; i < 3; ++i) CHECK(join.rows(i).empty());
}

TEST_CASE("foreign key: a number names the row whose key is its text; keys that begin alike are told apart",
          "[foreign]") {
  InLine join(options_of(kInnerJoin));
  CHECK(join.put("r", "7", "1", 1).empty());
  CHECK(join.put("r", "77", "2", 1).empty());
  CHECK(join.put("l", "a", R"({"f":7})", 1) == R"(a={"left":{"f":7},"right":1}@1)");
  CHECK(join.put("l", "7a", R"({"f":77})", 1) == R"(7a={"left":{"f":77},"right":2}@1)");
  CHECK(join.put("r", "7", "3", 1) == R"(a={"left":{"f":7},"right":3}@1)");
  CHECK(join.put("l", "a", R"({"f":8})", 2) == "a=-@2");
}

TEST_CASE("foreign key: records that cannot be rows change nothing", "[foreign]") {
  InLine join(options_of(kInnerJoin));
  join.put("r", "x", "1", 1);
  CHECK(join.put("l", "a", R"({"f":"x"})", 1) == R"(a={"left":{"f":"x"},"right":1}@1)");
  for (const char* value : {"nonsense", R"({"g":1})"}) CHECK(join.put("l", "a", value, 2).empty());
  CHECK(join.put("l", "(null)", R"({"f":"x"})", 2).empty());
  CHECK(join.asks.errors.size() == 3);
  CHECK(join.put("r", "x", "{", 2).empty());
  CHECK(join.put("r", "(null)", "1", 2).empty());
  CHECK(join.answers.errors.size() == 2);
  CHECK(join.put("r", "x", "4", 3) == R"(a={"left":{"f":"x"},"right":4}@3)");
  join.joining->process(join_record("t", "a", "who knows", 1), join.results);
  join.answering->process(join_record("t", "a", "who knows", 1), join.answers);
  CHECK(join.results.errors.size() == 1);
  CHECK(join.answers.errors.size() == 3);
}

TEST_CASE("foreign key: what a topic refuses leaves all as it was, and the next change goes on from there",
          "[foreign]") {
  InLine join(options_of(kInnerJoin));
  join.put("r", "x", "1", 1), join.put("r", "y", "2", 1);
  CHECK(join.put("l", "a", R"({"f":"x"})", 1) == R"(a={"left":{"f":"x"},"right":1}@1)");
  CHECK(join.put("l", "b", R"({"f":"x"})", 1) == R"(b={"left":{"f":"x"},"right":1}@1)");
  // A left row: with the same foreign key, and with another one.
  join.asks.refuses = [](const Output& output) { return output.port == kPastNext; };
  CHECK(join.put("l", "a", R"({"f":"x","n":1})", 2) == R"(a={"left":{"f":"x"},"right":1}@1)");
  CHECK(join.put("l", "a", R"({"f":"y"})", 2).empty());
  join.asks.refuses = {};
  CHECK(join.asks.errors.size() == 2);
  CHECK(join.put("r", "y", "3", 3).empty());
  // An answer to one of two: none has it.
  join.answers.refuses = [](const Output& output) {
    return output.key.view() == "b" && output.value.view().find("big") != std::string_view::npos;
  };
  CHECK(
      join.put("r", "x", R"("big")", 4) ==
      R"(a={"left":{"f":"x"},"right":"big"}@4 a={"left":{"f":"x"},"right":1}@1 b={"left":{"f":"x"},"right":1}@1)");
  join.answers.refuses = {};
  // A result: what stands is what stood.
  join.results.refuses = [](const Output&) { return true; };
  CHECK(join.put("r", "x", "5", 5).empty());
  join.results.refuses = {};
  CHECK(join.put("r", "x", "-", 6) == "a=-@6 b=-@6");
}

TEST_CASE("foreign key: a failing condition is shown on the left record", "[foreign]") {
  JoinOptions options = options_of(kInnerJoin);
  options.format.where = "left.n > right";
  InLine join(options);
  join.put("r", "x", R"("text")", 1);
  CHECK(join.put("l", "a", R"({"f":"x","n":1})", 2).empty());
  REQUIRE(join.results.errors.size() == 1);
  CHECK(join.results.errors.front().find(R"(l@2={"f":"x","n":1}: )") == 0);
}

TEST_CASE("foreign key: a right row that a few rows ask for is told to them without a scan", "[foreign]") {
  struct Scans final : state::Store {
    std::optional<std::string_view> get(std::string_view key) override { return rows.get(key); }
    void put(std::string_view key, std::string_view value) override { rows.put(key, value); }
    void erase(std::string_view key) override { rows.erase(key); }
    void scan(std::string_view from, std::string_view to,
              const std::function<bool(std::string_view, std::string_view)>& row) override {
      ++scans;
      rows.scan(from, to, row);
    }
    bool in_memory() const override { return true; }
    const state::StreamTimes& stream_times() const override { return rows.stream_times(); }
    void set_stream_times(state::StreamTimes times) override { rows.set_stream_times(std::move(times)); }
    void set_description(std::string) override {}
    MapStore rows;
    int scans = 0;
  } store;
  Written out;
  out.answers = true;
  const auto answering = make_foreign_answering(options_of(kInnerJoin), store);
  const auto ask = [&](int first, int last) {
    for (int i = first; i < last; ++i) {
      const std::string key = "order" + std::to_string(i);
      std::string message;
      encode(Ask{true, {0, i}, key}, message);
      answering->process(join_record("repartition", "x", message, 1), out);
    }
    out.told.clear();
  };
  const auto told = [&] {
    answering->process(join_record("r", "x", "1", 2), out);
    return std::exchange(out.told, {}).size();
  };
  ask(10, 60);
  CHECK(out.errors.empty());
  CHECK(told() == 50);
  CHECK(store.scans == 0);
  ask(100, 300);
  CHECK(told() == 250);
  CHECK(store.scans == 1);
}

TEST_CASE("foreign key: rows and messages as kutils-state(5) has them", "[foreign]") {
  using namespace std::string_literals;
  InLine join(options_of(kInnerJoin));
  join.put("r", "x", "1", 3);
  join.put("l", "a", R"({"f":"x"})", 4);
  CHECK(join.rows(0) == "sa=\1\0\2x;"s);
  CHECK(join.rows(1) ==
        "gx=\1\1a\0\2;rx=\6"
        "1;"s);
  CHECK(join.rows(2) == "pa=\3\0\2\x08\6{\"f\":\"x\"};"s);
  Written out;
  const auto asking = make_foreign_asking(options_of(kInnerJoin), join.stores[0]);
  Record record = join_record("l", "a", R"({"f":"y"})", 5);
  record.offset = 9;
  asking->process(record, out);
  REQUIRE(out.asks.size() == 2);
  CHECK(out.asks[0].key + out.asks[0].value == "ys\0\x09\1a"s);
  CHECK(out.asks[1].key + out.asks[1].value == "xu\1a"s);
  REQUIRE(out.told.size() == 1);
  CHECK(out.told[0].value == "l\1\0\x09\x0a{\"f\":\"y\"}"s);
  asking->process(join_record("l", "a", "-", 6), out);
  CHECK(out.told[1].value == "d\x0c"s);
  // Many who ask for one key have rows of their own.
  InLine many(options_of(kInnerJoin));
  for (const char* key : {"a", "b", "c"}) many.put("l", key + std::string(498, 'k'), R"({"f":"x"})", 4);
  const std::string tail(498, 'k');
  CHECK(many.rows(1) ==
        "gx=\3;"s + "k\1xa"s + tail + "=\0\1;"s + "k\1xb"s + tail + "=\0\2;"s + "k\1xc"s + tail + "=\0\3;"s);
  Written answers;
  answers.answers = true;
  const auto answering = make_foreign_answering(options_of(kInnerJoin), join.stores[1]);
  answering->process(join_record("r", "x", "2", 7), answers);
  REQUIRE(answers.told.size() == 1);
  CHECK(answers.told[0].value ==
        "r\1\x0e\1"
        "2\0\2"s);
}
