// Lines of waiting messages, each in an order of its own, come out with the oldest first.
#include "kafka/time_order.h"

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <utility>

#include "support/catch.h"

namespace kutils::kafka {
namespace {

struct Line {
  TimeLine<int> line;
  std::deque<int> source;  // times, which are the messages
  bool at_end = true;      // where the source is empty
};

void feed(Line& one, size_t each) {
  for (size_t i = 0; i < each && !one.source.empty(); ++i) {
    one.line.push(one.source.front(), one.source.front());
    one.source.pop_front();
  }
}

std::vector<int> take(std::vector<Line>& lines, size_t most, size_t each = 3) {
  std::vector<Line*> all;
  for (Line& one : lines) all.push_back(&one);
  std::vector<int> given;
  OldestLine oldest;
  const size_t taken = take_in_order_of_time(
      all, most, oldest,
      [&](Line& one) {
        feed(one, each);
        return !one.line.empty() || one.at_end;
      },
      [&](Line& one) { feed(one, each); }, [&](Line&, int message) { given.push_back(message); });
  CHECK(taken == given.size());
  return given;
}

TEST_CASE("the oldest of those that wait goes first; one at its end is not waited for") {
  std::vector<Line> lines(3);
  lines[0].source = {1, 4, 9};
  lines[1].source = {2, 3, 5};
  CHECK(take(lines, 100) == std::vector<int>{1, 2, 3, 4, 5, 9});
  CHECK(take(lines, 100).empty());
  lines[2].source = {1};
  CHECK(take(lines, 100) == std::vector<int>{1});
}

TEST_CASE("one that may still have older records is waited for") {
  std::vector<Line> lines(2);
  lines[0].source = {1, 4, 9, 10};
  lines[1].source = {2};
  lines[1].at_end = false;
  CHECK(take(lines, 100) == std::vector<int>{1, 2});
  CHECK(take(lines, 100).empty());
  lines[1].source = {5};
  CHECK(take(lines, 100) == std::vector<int>{4, 5});
  lines[1].at_end = true;
  CHECK(take(lines, 1) == std::vector<int>{9});
  CHECK(take(lines, 100) == std::vector<int>{10});
}

TEST_CASE("of equal times the first line goes first, wherever a batch ends") {
  for (size_t most = 1; most < 9; ++most) {
    CAPTURE(most);
    std::vector<Line> lines(2);
    lines[0].source = {6, 6, 8};
    lines[1].source = {5, 6, 6, 7, 8};
    std::vector<long> given;
    while (!(lines[0].line.empty() && lines[0].source.empty() && lines[1].line.empty() &&
             lines[1].source.empty())) {
      std::vector<Line*> all = {&lines[0], &lines[1]};
      OldestLine oldest;
      take_in_order_of_time(
          all, most, oldest,
          [&](Line& one) {
            feed(one, 3);
            return true;
          },
          [&](Line& one) { feed(one, 3); }, [&](Line& one, int) { given.push_back(&one - lines.data()); });
    }
    CHECK(given == std::vector<long>{1, 0, 0, 1, 1, 1, 0, 1});
  }
}

constexpr int kFar = kFarAheadMs + 900;

TEST_CASE("a record far ahead of most of those behind it goes when they are due") {
  std::vector<Line> lines(2);
  lines[0].source = {1, kFar, 3, 5, 7};
  lines[1].source = {2, 4, 6, 8};
  CHECK(take(lines, 100) == std::vector<int>{1, 2, kFar, 3, 4, 5, 6, 7, 8});
  // Also where what is behind it comes later than it: when it is the last of its line, or the last but one.
  for (size_t each = 2; each < 7; ++each) {
    CAPTURE(each);
    lines[0].source = {1, 3, kFar, 5, 7, 9};
    lines[1].source = {2, 4, 6, 8};
    CHECK(take(lines, 100, each) == std::vector<int>{1, 2, 3, 4, kFar, 5, 6, 7, 8, 9});
  }
  // Several in a row.
  lines[0].source = {1, kFar, kFar + 1, 3, kFar + 2, 5, 7, 9};
  lines[1].source = {2, 4, 6, 8};
  CHECK(take(lines, 100, 9) == std::vector<int>{1, 2, kFar, kFar + 1, 3, 4, kFar + 2, 5, 6, 7, 8, 9});
  // Nothing is behind it, or one that may as well be far behind.
  lines[0].source = {1, kFar};
  lines[1].source = {2, 4};
  CHECK(take(lines, 100) == std::vector<int>{1, 2, 4, kFar});
  lines[0].source = {1, kFar, 3};
  lines[1].source = {2, 4};
  CHECK(take(lines, 100) == std::vector<int>{1, 2, 4, kFar, 3});
}

// Who went early for the sake of an older one behind it would miss the records of its own time.
TEST_CASE("a record that is out of order does not pull the one in front of it along") {
  std::vector<Line> lines(2);
  lines[0].source = {100, 140, 95};
  lines[1].source = {101, 125, 133};
  CHECK(take(lines, 100, 9) == std::vector<int>{100, 101, 125, 133, 140, 95});
  lines[0].source = {kFar, kFar + 1, 5, kFar + 2};  // one that comes two days late
  lines[1].source = {kFar - 1, kFar + 1};
  CHECK(take(lines, 100, 9) == std::vector<int>{kFar - 1, kFar, kFar + 1, 5, kFar + 1, kFar + 2});
}

TEST_CASE(
    "many lines, with times that are equal, out of order and far ahead: as by looking at all of them each time") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    std::vector<Line> lines(1 + random() % 70);
    std::vector<std::deque<int>> naive;
    for (Line& one : lines) {
      for (size_t i = random() % 20; i > 0; --i)
        one.source.push_back(static_cast<int>(random() % 9) + (random() % 6 == 0 ? kFar : 0));
      naive.push_back(one.source);
    }
    const auto due = [](const std::deque<int>& one) {
      const auto is_far = [&](int time) { return time < one.front() - kFarAheadMs; };
      const auto count = static_cast<size_t>(std::count_if(one.begin(), one.end(), is_far));
      return one.size() > 2 && 2 * count > one.size() - 1 ? *std::find_if(one.begin(), one.end(), is_far)
                                                          : one.front();
    };
    std::vector<std::pair<int, long>> expected;  // time, line
    for (;;) {
      std::deque<int>* oldest = nullptr;
      for (auto& one : naive) {
        if (!one.empty() && (oldest == nullptr || due(one) < due(*oldest))) oldest = &one;
      }
      if (oldest == nullptr) break;
      expected.emplace_back(oldest->front(), oldest - naive.data());
      oldest->pop_front();
    }
    std::vector<Line*> all;
    for (Line& one : lines) all.push_back(&one);
    std::vector<std::pair<int, long>> given;
    OldestLine oldest;
    take_in_order_of_time(
        all, 10'000, oldest,
        [&](Line& one) {
          feed(one, 20);
          return true;
        },
        [](Line&) {}, [&](Line& one, int time) { given.emplace_back(time, &one - lines.data()); });
    CHECK(given == expected);
  }
}

TEST_CASE("lines that are in order themselves come out in order, and each keeps its own order") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<Line> lines(1 + random() % 6);
    std::vector<int> all;
    for (Line& one : lines) {
      int time = 0;
      for (size_t i = random() % 200; i > 0; --i) {
        one.source.push_back(time += static_cast<int>(random() % 5));
        all.push_back(time);
      }
    }
    std::sort(all.begin(), all.end());
    std::vector<int> given;
    for (;;) {
      const std::vector<int> some = take(lines, 1 + random() % 40, 1 + random() % 20);
      if (some.empty()) break;
      given.insert(given.end(), some.begin(), some.end());
    }
    CHECK(given == all);
  }
}

}  // namespace
}  // namespace kutils::kafka
