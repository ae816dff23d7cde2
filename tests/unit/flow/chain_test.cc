// A chain gives what its operators give as processes with topics between.
#include "flow/topology/chain.h"

#include <random>
#include <string>
#include <vector>

#include "flow/topology/pass.h"
#include "support/catch.h"

namespace kutils::flow {
namespace {

// What came out, one line each.
class Lines final : public Emitter {
 public:
  void emit(const Record* origin, const Output& output) override {
    lines.push_back(std::string(output.value.view()) + " key=" + std::string(output.key.view()) +
                    (output.keeps_key ? " kept" : "") + " port=" + std::to_string(output.port) + " of " +
                    (origin ? std::string(origin->value.view()) : "none"));
  }
  void fail(const Record& origin, RecordError error) override {
    lines.push_back("failed " + std::string(origin.value.view()) + ": " + error.message);
  }
  void fail_made(const Record* origin, const Record& made, RecordError error) override {
    lines.push_back("failed " + std::string(made.value.view()) + " made of " +
                    (origin ? std::string(origin->value.view()) : "none") + ": " + error.message);
  }
  void drop(const Record& origin, DropReason) override {
    lines.push_back("dropped for " + std::string(origin.value.view()));
  }
  std::vector<std::string> lines;
};

// `n` copies of each record, the copy's number appended; a value with `bad` in it is an error, one with
// `gone` is dropped.
class Copies final : public Stage {
 public:
  explicit Copies(int n) : n_(n) {}
  void process(const Record& record, Emitter& out) override {
    const std::string value(record.value.view());
    if (value.find("bad") != std::string::npos) return out.fail(record, {Reason::missing_field, "it is bad"});
    if (value.find("gone") != std::string::npos) return out.drop(record, DropReason::filtered);
    for (int i = 0; i < n_; ++i) {
      const std::string made = value + std::to_string(i);
      Output output = pass(record);
      output.value = MaybeBytes(made);
      out.emit(&record, output);
    }
  }

 private:
  const int n_;
};

class Rekey final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    Output output = pass(record);
    output.key = MaybeBytes("new");
    output.keeps_key = false;
    out.emit(&record, output);
  }
};

// Answers when it is asked to, in order, with the records that it kept.
class Later final : public Stage {
 public:
  void process(const Record& record, Emitter&) override { kept_.push_back(&record); }
  void flush(Emitter& out) override {
    for (const Record* record : std::exchange(kept_, {})) out.emit(record, pass(*record));
  }
  bool keeps_records() const override { return true; }

 private:
  std::vector<const Record*> kept_;
};

// Counts, and says so when the transaction ends.
class Count final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    ++count_;
    if (record.value.view().find("odd") != std::string::npos) out.drop(record, DropReason::late);
  }
  void before_commit(Emitter& out) override {
    const std::string text = "n" + std::to_string(count_);
    Output output;
    output.key = MaybeBytes("k");
    output.value = MaybeBytes(text);
    output.is_result = true;
    out.emit(nullptr, output);
  }
  size_t dirty_rows() const override { return 1; }
  std::optional<int64_t> next_wakeup() const override { return 7 - count_; }
  void silent(int32_t source, int64_t ms, Emitter&) override { said.emplace_back(source, ms); }
  std::vector<std::pair<int32_t, int64_t>> said;

 private:
  int count_ = 0;
};

class Ports final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    for (uint32_t port = 0; port < 2; ++port) {
      Output output = pass(record);
      output.port = port;
      out.emit(&record, output);
    }
  }
};

template <typename T, typename... Arguments>
Operator op(const std::string& name, int place, Arguments... arguments) {
  return {name, [=](const StageContext&) { return std::make_unique<T>(arguments...); }, false, {}, place};
}

std::unique_ptr<Stage> chain(std::vector<Operator> operators) {
  SubTopology sub;
  sub.operators = std::move(operators);
  return make_chain(sub, StageContext{3, nullptr, nullptr}, {});
}

Record record(std::string_view value) {
  Record record;
  record.key = MaybeBytes("key");
  record.value = MaybeBytes(value);
  record.topic = "in";
  record.partition = 3;
  record.offset = 5;
  return record;
}

using Strings = std::vector<std::string>;

// Lets `stage` process one record of each value. Returns the records, which are views of the values: a stage
// that answers at flush() needs them.
std::vector<Record> process(Stage& stage, const Strings& values, Emitter& out) {
  std::vector<Record> records;
  for (const std::string& value : values) records.push_back(record(value));
  for (const Record& one : records) stage.process(one, out);
  return records;
}

// What came out: the values only.
class Values final : public Emitter {
 public:
  void emit(const Record*, const Output& output) override { made.emplace_back(output.value.view()); }
  void fail(const Record&, RecordError) override {}
  void drop(const Record&, DropReason) override {}
  Strings made;
};

TEST_CASE("chain: one operator reads what the one before it made, in order") {
  const auto stage = chain({op<Copies>("a", 1, 2), op<Copies>("b", 2, 2)});
  Lines out;
  process(*stage, {"x"}, out);
  CHECK(out.lines == Strings{"x00 key=key kept port=0 of x", "x01 key=key kept port=0 of x",
                             "x10 key=key kept port=0 of x", "x11 key=key kept port=0 of x"});
}

TEST_CASE("chain: an error names its operator and shows the record that it read; drops count for the input") {
  const auto stage = chain({op<Copies>("a", 1, 1), op<Rekey>("b", 2), op<Copies>("c", 3, 1)});
  Lines out;
  process(*stage, {"bad", "ba", "gone", "gon"}, out);
  CHECK(out.lines == Strings{"failed bad: stage 1, a: it is bad", "ba00 key=new port=0 of ba",
                             "dropped for gone", "gon00 key=new port=0 of gon"});
  out.lines.clear();
  // Only what the first operator made is bad.
  class Spoil final : public Stage {
    void process(const Record& from, Emitter& to) override {
      Output output = pass(from);
      output.value = MaybeBytes("bad");
      to.emit(&from, output);
      CHECK(to.refused());
      output.value = MaybeBytes("gone");
      to.emit(&from, output);
      CHECK(!to.refused());
    }
  };
  const auto spoils = chain({op<Spoil>("a", 1), op<Copies>("b", 2, 1)});
  process(*spoils, {"x"}, out);
  CHECK(out.lines == Strings{"failed bad made of x: stage 2, b: it is bad", "dropped for x"});
}

TEST_CASE("chain: an operator that answers later knows its records, whatever became of the batch's views") {
  const auto stage = chain({op<Copies>("a", 1, 2), op<Later>("b", 2), op<Copies>("c", 3, 1)});
  Lines out;
  const Strings values = {"x", "y"};  // the records are views of them
  const auto records = process(*stage, values, out);
  CHECK(out.lines.empty());
  stage->flush(out);
  CHECK(out.lines == Strings{"x00 key=key kept port=0 of x", "x10 key=key kept port=0 of x",
                             "y00 key=key kept port=0 of y", "y10 key=key kept port=0 of y"});
  out.lines.clear();
  stage->flush(out);
  CHECK(out.lines.empty());
}

TEST_CASE("chain: what an operator emits before a commit passes the next ones in the same transaction") {
  const auto stage = chain({op<Count>("a", 1), op<Copies>("b", 2, 2), op<Count>("c", 3)});
  Lines out;
  process(*stage, {"x", "odd", "y"}, out);
  CHECK(out.lines == Strings{"dropped for odd"});
  CHECK(stage->dirty_rows() == 2);
  CHECK(stage->next_wakeup() == 4);
  stage->before_commit(out);
  CHECK(out.lines == Strings{"dropped for odd", "n2 key=k kept port=0 of none"});
}

TEST_CASE("chain: further outputs leave it where they are made, behind those of earlier operators") {
  Operator second = op<Ports>("b", 2);
  second.other_ports = 1;
  const auto stage = chain({op<Ports>("a", 1), second});
  Lines out;
  process(*stage, {"x"}, out);
  CHECK(out.lines ==
        Strings{"x key=key kept port=0 of x", "x key=key kept port=2 of x", "x key=key kept port=1 of x"});
}

TEST_CASE("chain: operators behind state are as silent as the least silent source") {
  Count* last = nullptr;
  Count* before = nullptr;
  SubTopology sub;
  sub.operators.push_back({"a", [&](const StageContext& context) {
                             CHECK(context.input_partitions == 2);
                             auto stage = std::make_unique<Count>();
                             before = stage.get();
                             return stage;
                           }});
  sub.operators.back().has_state = true;
  sub.operators.push_back({"b", [&](const StageContext& context) {
                             CHECK(context.input_partitions == 1);
                             auto stage = std::make_unique<Count>();
                             last = stage.get();
                             return stage;
                           }});
  StageContext context;
  context.input_partitions = 2;
  const auto stage = make_chain(sub, context, {});
  Lines out;
  stage->silent(0, 5000, out);
  stage->silent(1, 3000, out);
  stage->silent(0, 0, out);
  CHECK(before->said == std::vector<std::pair<int32_t, int64_t>>{{0, 5000}, {1, 3000}, {0, 0}});
  CHECK(last->said == std::vector<std::pair<int32_t, int64_t>>{{0, 0}, {0, 3000}, {0, 0}});
}

// Says of which topic each record is; two operators of it tell apart what comes from beside.
class Topics final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    Output output = pass(record);
    const std::string made = std::string(record.topic) + ":" + std::string(record.value.view());
    output.value = MaybeBytes(made);
    out.emit(&record, output);
  }
};

TEST_CASE("chain: sources beside the first one: whose records they are, and who hears of their silence") {
  SubTopology sub;
  std::vector<Count*> all;
  const auto count = [&](const StageContext& context) {
    CHECK(context.input_partitions == 1);
    auto stage = std::make_unique<Count>();
    all.push_back(stage.get());
    return stage;
  };
  sub.operators = {{"a", count, true}, op<Topics>("b", 2)};
  sub.copartitioned = {{"beside", 1, true}};
  const auto stage = make_chain(sub, StageContext{3, nullptr, nullptr}, {});
  Lines out;
  process(*stage, {"x", "y"}, out);
  Record other = record("row");
  other.topic = "beside";
  stage->process(other, out);
  CHECK(out.lines == Strings{"beside:row key=key kept port=0 of row"});
  // What no record caused came through the first source, whichever spoke last.
  stage->before_commit(out);
  CHECK(out.lines.back() == "in:n2 key=k kept port=0 of none");

  all.clear();
  sub.operators = {{"a", count}, {"b", count, true}, {"c", count, true}, {"d", count}};
  sub.copartitioned = {{"beside", 1, true}, {"third", 2, false}};
  const auto silent = make_chain(sub, StageContext{3, nullptr, nullptr}, {});
  using Said = std::vector<std::pair<int32_t, int64_t>>;
  silent->silent(0, 5000, out);
  CHECK(all[0]->said == Said{{0, 5000}});
  CHECK(all[1]->said == Said{{0, 5000}, {1, 0}});
  CHECK(all[2]->said == Said{{0, 0}, {1, 0}});
  silent->silent(2, 3000, out);
  CHECK(all[0]->said.size() == 1);
  CHECK(all[1]->said.size() == 2);
  CHECK(all[2]->said == Said{{0, 0}, {1, 0}, {0, 0}, {1, 3000}});
  CHECK(all[3]->said.back() == std::pair<int32_t, int64_t>(0, 0));
  silent->silent(1, 4000, out);
  CHECK(all[2]->said.back() == std::pair<int32_t, int64_t>(1, 3000));
  CHECK(all[2]->said[4] == std::pair<int32_t, int64_t>(0, 4000));
  CHECK(all[3]->said.back() == std::pair<int32_t, int64_t>(0, 3000));
  // Who speaks is silent no more.
  silent->process(record("x"), out);
  silent->silent(2, 6000, out);
  CHECK(all[3]->said.back() == std::pair<int32_t, int64_t>(0, 0));
}

// The naive way: all records through the first operator, then all that it made through the second, and so on.
Strings one_by_one(const std::vector<Operator>& operators, Strings values) {
  for (const Operator& one : operators) {
    const auto stage = one.make({});
    Values next;
    const auto records = process(*stage, values, next);
    stage->flush(next);
    stage->before_commit(next);
    values = next.made;
  }
  return values;
}

TEST_CASE("chain: random chains give what their operators give one by one") {
  std::mt19937 random(7);
  for (int run = 0; run < 2000; ++run) {
    std::vector<Operator> operators;
    const size_t length = 1 + random() % 4;
    for (size_t i = 0; i < length; ++i) {
      switch (random() % 4) {
        case 0:
          operators.push_back(op<Copies>("copies", static_cast<int>(i) + 1, static_cast<int>(random() % 3)));
          break;
        case 1:
          operators.push_back(op<Rekey>("rekey", static_cast<int>(i) + 1));
          break;
        case 2:
          operators.push_back(op<Later>("later", static_cast<int>(i) + 1));
          break;
        default:
          operators.push_back(op<Count>("count", static_cast<int>(i) + 1));
          break;
      }
    }
    Strings values;
    for (size_t i = 0; i < random() % 5; ++i)
      values.push_back(std::vector<std::string>{"x", "bad", "gone", "odd"}[random() % 4]);
    const auto stage = chain(operators);
    Values out;
    const auto records = process(*stage, values, out);
    stage->flush(out);
    stage->before_commit(out);
    CHECK(out.made == one_by_one(operators, values));
  }
}

}  // namespace
}  // namespace kutils::flow
