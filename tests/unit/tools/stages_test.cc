// The parts of the stateless tools that golden cases (tests/cases) do not reach.
#include "io/paced_source.h"
#include "kbranch/branch_stage.h"
#include "kmap/co_process.h"
#include "kmap/map_stage.h"
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
  for (const char* list : {"a, b", "*, x=a + 1", "x=1, *, y=2", "*, -email", "*, new=old, -old", "=a",
                           "*, user.name=1, -user.\"a b\"", "\"a.b\"=1, a.b=2", "*, -\"a.b\", -a.b",
                           "k, a.*, x=1, *, -y, n.v=2", "(a + b).*"}) {
    CAPTURE(list);
    CHECK(canonical(canonical(list)) == canonical(list));
  }
  CHECK(canonical("*,x=a+1") == canonical(" * , x = a  +  1"));
  // A name with a dot is no path.
  CHECK(canonical("*, \"a.b\"=1") != canonical("*, a.b=1"));
  CHECK(canonical("*, a[\"b\"]=1") == canonical("*, a.b=1"));
}

TEST_CASE("what is no spread is refused") {
  for (const char* list : {".*", "a.*=1", "a.*.b", "x=a.*", "=a.*", "a.*, a.*.*"}) {
    CAPTURE(list);
    CHECK_THROWS_AS(MapStage(MapPlan{.list = list, .options = {}}), Error);
  }
}

TEST_CASE("a co-process answers in order and is started again by nobody") {
  CoProcess process("sed 's/^/x/'", {});
  for (int round = 0; round < 3; ++round) {
    const auto& answers = process.ask({"1", "2", ""}).lines;
    CHECK(answers == std::vector<std::string_view>{"x1", "x2", "x"});
  }
  process.finish();
}

TEST_CASE("a co-process that keeps its answers is not waited for without end") {
  // It reads all and says nothing until its input ends, as a program that buffers.
  std::vector<std::string> notes;
  CoProcess::Options options;
  options.notice = Millis(100);
  options.timeout = Millis(200);
  options.note = [&](const std::string& text) { notes.push_back(text); };
  CoProcess process("x=$(cat); echo \"$x\"", options);
  CHECK_THROWS_AS(process.ask({"1"}), Error);
  // Said before it ends the run.
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("has been silent for 0 s; it has answered 0 of 1 lines\n") != std::string::npos);
}

TEST_CASE("a co-process that is silent is not waited for after a signal") {
  struct Asked final : StopRequest {
    int signal() const override { return 2; }
  } asked;
  CoProcess::Options options;
  options.stop = &asked;
  CoProcess process("read -r x; echo \"$x\"; exec sleep 1000", options);
  const auto& answers = process.ask({"1", "2", "3"});
  CHECK(answers.lines == std::vector<std::string_view>{"1"});
  CHECK(answers.ends == std::vector<size_t>{1});
}

TEST_CASE("a co-process that is slow once is waited for, with one note") {
  size_t notes = 0;
  CoProcess::Options options;
  options.notice = Millis(1);
  options.note = [&](const std::string&) { ++notes; };
  CoProcess process("while read -r x; do sleep 0.1; echo \"$x\"; done", options);
  CHECK(process.ask({"1", "2"}).lines == std::vector<std::string_view>{"1", "2"});
  CHECK(notes == 1);
  process.finish();
}

TEST_CASE("a co-process answers with any number of lines and the line that ends them") {
  CoProcess::Options options;
  options.end_line = "";
  CoProcess process("while read -r n; do seq \"$n\"; echo; done", options);
  const auto& answers = process.ask({"2", "0", "3"});
  CHECK(answers.lines == std::vector<std::string_view>{"1", "2", "1", "2", "3"});
  CHECK(answers.ends == std::vector<size_t>{2, 2, 5});
  const auto& more = process.ask({"1"});
  CHECK(more.lines == std::vector<std::string_view>{"1"});
  CHECK(more.ends == std::vector<size_t>{1});
  process.finish();
  CoProcess talkative("while read -r n; do printf 'a\\n\\nb\\n'; done",
                      options);  // one write: all of it is there at once
  CHECK_THROWS_AS(talkative.ask({"1"}), Error);
}

TEST_CASE("rates") {
  CHECK(io::parse_rate("100") == 100);
  CHECK(io::parse_rate("0.5") == 0.5);
  for (const char* bad : {"", "0", "-1", "x", "1x", "inf", "nan"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(io::parse_rate(bad), Error);
  }
}

// A bad line that came with a poll that gave nothing was never seen by the loop, which polls again.
TEST_CASE("a paced source loses nothing, keeps the order, also of bad lines") {
  auto inner = std::make_unique<kutils::testing::FakeSource>(
      std::deque<std::vector<std::string>>{{"!", "1", "!a", "!b", "2", "3"}, {}, {"4"}, {"!", "5", "!"}});
  io::PacedSource source(std::move(inner), 1000);
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
  io::PacedSource source(std::move(inner), 100);
  const SystemClock clock;
  const int64_t start = clock.steady_us();
  for (bool ended = false; !ended;) {
    Batch batch;
    ended = source.poll(batch, Millis(50)) == io::Fill::end;
  }
  CHECK(clock.steady_us() - start >= 95'000);  // the first at once, then ten at 100 a second
}
