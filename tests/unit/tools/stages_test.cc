// The parts of the stateless tools that golden cases (tests/cases) do not reach.
#include "kbranch/branch_stage.h"
#include "kmap/co_process.h"
#include "kmap/map_stage.h"
#include "kwrite/paced_source.h"
#include "support/catch.h"
#include "support/lines_fakes.h"

using namespace kutils;

TEST_CASE("kbranch's list: names may have dots and dashes, conditions commas and equals") {
  const auto branches = parse_branches("low.x-1=a < 40 , ./f.json=b in [1, 2] && c == \"x,y=\", m=f(a, b) ");
  REQUIRE(branches.size() == 3);
  CHECK(branches[0].output == "low.x-1");
  CHECK(branches[0].condition == "a < 40");
  CHECK(branches[1].output == "./f.json");
  CHECK(branches[1].condition == "b in [1, 2] && c == \"x,y=\"");
  CHECK(branches[2].condition == "f(a, b)");
  for (const char* bad : {"", "a < 40", "a == 40", "a=", "=b", "a=b,,c=d"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_branches(bad), Error);
  }
}

TEST_CASE("a list in canonical form means the same") {
  const auto canonical = [](std::string list) {
    return MapStage(MapPlan{.list = std::move(list), .options = {}}).canonical();
  };
  for (const char* list : {"a, b", "*, x=a + 1", "x=1, *, y=2", "*, -email", "*, new=old, -old", "=a"}) {
    CAPTURE(list);
    CHECK(canonical(canonical(list)) == canonical(list));
  }
  CHECK(canonical("*,x=a+1") == canonical(" * , x = a  +  1"));
}

TEST_CASE("a co-process answers in order and is started again by nobody") {
  CoProcess process("sed 's/^/x/'");
  for (int round = 0; round < 3; ++round) {
    const auto& answers = process.ask({"1", "2", ""});
    CHECK(answers == std::vector<std::string_view>{"x1", "x2", "x"});
  }
  process.finish();
}

TEST_CASE("a co-process that keeps its answers is not waited for without end") {
  // It reads all and says nothing until its input ends, as a program that buffers.
  CoProcess process("x=$(cat); echo \"$x\"", Millis(200));
  CHECK_THROWS_AS(process.ask({"1"}), Error);
}

TEST_CASE("rates") {
  CHECK(parse_rate("100") == 100);
  CHECK(parse_rate("0.5") == 0.5);
  for (const char* bad : {"", "0", "-1", "x", "1x", "inf", "nan"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_rate(bad), Error);
  }
}

// A bad line that came with a poll that gave nothing was never seen by the loop, which polls again.
TEST_CASE("a paced source loses nothing, keeps the order, also of bad lines") {
  auto inner = std::make_unique<kutils::testing::FakeSource>(
      std::deque<std::vector<std::string>>{{"!", "1", "!a", "!b", "2", "3"}, {}, {"4"}, {"!", "5", "!"}});
  PacedSource source(std::move(inner), 1000);
  std::string seen;
  for (int turn = 0; turn < 1000; ++turn) {
    Batch batch;
    const io::Fill fill = source.poll(batch, Millis(10));
    const auto& bad = source.bad_records();
    if (fill == io::Fill::nothing) CHECK((batch.empty() && bad.empty()));
    size_t at = 0;
    for (size_t i = 0; i <= batch.records().size(); ++i) {
      for (; at < bad.size() && bad[at].before == i; ++at) seen += bad[at].origin.value.view();
      if (i < batch.records().size()) seen += batch.records()[i].value.view();
    }
    CHECK(at == bad.size());
    if (fill == io::Fill::end) break;
  }
  CHECK(seen == "!1!a!b234!5!");
}

TEST_CASE("a paced source is as slow as asked") {
  auto inner = std::make_unique<kutils::testing::FakeSource>(
      std::deque<std::vector<std::string>>{std::vector<std::string>(11, "x")});
  PacedSource source(std::move(inner), 100);
  const SystemClock clock;
  const int64_t start = clock.steady_us();
  for (bool ended = false; !ended;) {
    Batch batch;
    ended = source.poll(batch, Millis(50)) == io::Fill::end;
  }
  CHECK(clock.steady_us() - start >= 95'000);  // the first at once, then ten at 100 a second
}
