#include "io/topic_source.h"

#include <deque>

#include "support/catch.h"

using namespace kutils;
using namespace kutils::io;

namespace {

// Gives what the test put there.
struct Script {
  std::deque<kafka::Polled> polls;
  int64_t high = 7;
};

class ScriptedReader final : public kafka::PartitionReader {
 public:
  explicit ScriptedReader(Script& script) : script_(script) {}
  void start(const std::vector<kafka::PartitionOffset>&) override {}
  void stop(const kafka::TopicPartition&) override {}
  int64_t fetched_high(const kafka::TopicPartition&) override { return script_.high; }
  kafka::Polled poll(Batch&, Millis) override {
    if (script_.polls.empty()) return {};
    auto next = std::move(script_.polls.front());
    script_.polls.pop_front();
    return next;
  }

 private:
  Script& script_;
};

}  // namespace

TEST_CASE("topic source: an end that an open transaction holds back is told, once") {
  const kafka::TopicPartition at{"t", 2};
  Script script;
  ManualClock clock;
  std::vector<std::string> notes;
  const auto source = make_topic_source(std::make_unique<ScriptedReader>(script), {{at, 0, 7}}, clock,
                                        [&](const std::string& text) { notes.push_back(text); });
  Batch batch;
  const auto poll_after = [&](Millis time) {
    clock.advance(time);
    return source->poll(batch, Millis(0));
  };
  script.polls.push_back({false, {{at, 5, {}}}});
  CHECK(poll_after(Millis(0)) == Fill::nothing);
  script.polls.push_back({false, {{at, 5, {}}}});
  CHECK(poll_after(kHeldBackNote / 2) == Fill::nothing);
  CHECK(notes.empty());
  CHECK(poll_after(kHeldBackNote / 2) == Fill::nothing);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("t [2] @ 5: waiting for the end at 7: a producer has an open transaction") == 0);
  CHECK(notes[0].find("read_uncommitted") != std::string::npos);
  CHECK(poll_after(10 * kHeldBackNote) == Fill::nothing);
  CHECK(notes.size() == 1);
  script.polls.push_back({false, {{at, 7, {}}}});
  CHECK(poll_after(Millis(0)) == Fill::end);
}

TEST_CASE("topic source: an end that lies ahead is waited for in silence") {
  const kafka::TopicPartition at{"t", 0};
  Script script;
  script.high = 5;
  ManualClock clock;
  const auto source = make_topic_source(std::make_unique<ScriptedReader>(script), {{at, 0, 7}}, clock,
                                        [&](const std::string& text) { FAIL(text); });
  Batch batch;
  script.polls.push_back({false, {{at, 5, {}}}});
  CHECK(source->poll(batch, Millis(0)) == Fill::nothing);
  clock.advance(10 * kHeldBackNote);
  CHECK(source->poll(batch, Millis(0)) == Fill::nothing);
}
