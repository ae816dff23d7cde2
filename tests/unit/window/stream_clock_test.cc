#include "flow/window/stream_clock.h"

#include <random>

#include "support/catch.h"

using namespace kutils::flow;

TEST_CASE("stream time: one source, the largest seen") {
  StreamClock clock(1, {});
  CHECK(clock.now() == kNoTime);
  CHECK(clock.after(0, 5) == 5);
  clock.advance(3, 5);
  clock.advance(0, 2);
  CHECK(clock.now() == 5);
  StreamClock again(1, clock.times());
  CHECK(again.now() == 5);
}

TEST_CASE("stream time: several sources, the slowest one counts, and it never goes back") {
  StreamClock clock(2, {});
  clock.advance(0, 100);
  CHECK(clock.now() == kNoTime);
  clock.advance(1, 30);
  CHECK(clock.now() == 30);
  CHECK(clock.after(1, 50) == 50);
  CHECK(clock.after(1, 500) == 100);
  CHECK(clock.after(0, 500) == 30);
  clock.set_idle(1, true);
  CHECK(clock.now() == 100);
  clock.advance(1, 40);
  CHECK(clock.now() == 100);
  StreamClock again(2, clock.times());
  CHECK(again.now() == 100);
  again.advance(0, 300);
  CHECK(again.now() == 100);
  again.advance(1, 200);
  CHECK(again.now() == 200);
}

TEST_CASE("stream time: after() foretells advance()") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const int32_t sources : {1, 3}) {
    StreamClock clock(sources, {});
    for (int i = 0; i < 2000; ++i) {
      const auto source = static_cast<int32_t>(random() % 3);
      const auto time = static_cast<int64_t>(random() % 1000) + i;
      const int64_t expected = clock.after(source, time);
      const int64_t before = clock.now();
      clock.advance(source, time);
      REQUIRE(clock.now() == expected);
      REQUIRE(clock.now() >= before);
      if (random() % 50 == 0) clock.set_idle(static_cast<int32_t>(random() % 3), true);
    }
  }
}
