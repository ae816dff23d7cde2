#include "ksample/sample_stage.h"

#include <map>
#include <set>

#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

struct Numbers final : Emitter {
  std::vector<int> out;
  void emit(const Record*, const Output& output) override {
    out.push_back(std::stoi(std::string(output.value.view())));
  }
  void fail(const Record&, RecordError error) override { FAIL(error.message); }
  void drop(const Record&, DropReason) override {}
};

void feed(Stage& stage, int from, int to, Emitter& out) {
  for (int i = from; i < to; ++i) {
    const std::string value = std::to_string(i);
    Record record;
    record.value = std::string_view(value);
    record.partition = 0;
    record.offset = i;
    stage.process(record, out);
  }
}

std::vector<int> sample(const SamplePlan& plan, int count) {
  Numbers numbers;
  const auto stage = make_sample_stage(plan, nullptr);
  feed(*stage, 0, count, numbers);
  stage->close(numbers);
  return numbers.out;
}

}  // namespace

TEST_CASE("ksample: a share is about that share, the same each time, another one with another seed",
          "[ksample]") {
  SamplePlan plan = parse_sample("10%");
  plan.by = GENERATE(std::string(), std::string("_value"));
  const std::vector<int> one = sample(plan, 100'000);
  CHECK(one.size() > 9'500);
  CHECK(one.size() < 10'500);
  CHECK(sample(plan, 100'000) == one);
  plan.seed = 1;
  CHECK(sample(plan, 100'000) != one);
  // A larger share has the smaller one in it.
  plan.seed = 0;
  plan.rate = 0.2;
  const std::vector<int> more = sample(plan, 100'000);
  CHECK(std::includes(more.begin(), more.end(), one.begin(), one.end()));
  plan.rate = 1;
  CHECK(sample(plan, 1000).size() == 1000);
}

TEST_CASE("ksample: the hash of a value is the same for ever", "[ksample]") {
  SamplePlan plan = parse_sample("0.1");
  plan.by = "_value";
  CHECK(sample(plan, 60) == std::vector<int>{8, 49});
}

TEST_CASE("ksample: every Nth goes on counting where the commit was", "[ksample]") {
  state::PartitionStore store(false);
  const SamplePlan plan = parse_sample("1/7");
  Numbers numbers;
  auto stage = make_sample_stage(plan, &store.operator_store(1));
  feed(*stage, 1, 11, numbers);
  stage->before_commit(numbers);
  store.take_changes();
  store.applied(1, 0);
  feed(*stage, 11, 20, numbers);  // aborted
  numbers.out.resize(1);
  stage.reset();
  store.discard();
  stage = make_sample_stage(plan, &store.operator_store(1));
  feed(*stage, 11, 30, numbers);
  CHECK(numbers.out == std::vector<int>{7, 14, 21, 28});
}

TEST_CASE("ksample: so many, each with the same chance, in their order", "[ksample]") {
  std::map<int, int> times;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SamplePlan plan = parse_sample("5");
    plan.seed = seed;
    const std::vector<int> some = sample(plan, 20);
    REQUIRE(some.size() == 5);
    REQUIRE(std::is_sorted(some.begin(), some.end()));
    REQUIRE(std::set<int>(some.begin(), some.end()).size() == 5);
    for (const int one : some) ++times[one];
  }
  for (const auto& [one, count] : times) {
    CHECK(count > 400);  // of 500
    CHECK(count < 600);
  }
  CHECK(times.size() == 20);
  CHECK(sample(parse_sample("5"), 3).size() == 3);
}

TEST_CASE("ksample: what is no part is refused", "[ksample]") {
  for (const char* text :
       {"", "%", "0%", "101%", "1.5", "0.0", "-1", "0", "1/0", "1/x", "2/3", "1.2.3", "ten", "."})
    CHECK_THROWS_AS(parse_sample(text), Error);
  CHECK(parse_sample(".5").rate == 0.5);
  CHECK(parse_sample("100%").rate == 1);
}
