// Which partitions are read together, and what is waited for and how long.
#include "kafka/ordered_reading.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "support/catch.h"

using namespace std::chrono_literals;

namespace kutils::kafka {
namespace {

struct FakeFeed final : OrderedReading::Feed {
  struct Waiting {
    int64_t time;
    int64_t offset;
  };
  OrderedReading reading{*this, [this](const std::string& text) { notes.push_back(text); }};
  OrderedReading::TimePoint now{1h};
  std::map<TopicPartition, std::unique_ptr<OrderedPartition>> partitions;
  std::map<TopicPartition, std::deque<Waiting>> waiting;  // in the client
  std::map<TopicPartition, int64_t> known;
  std::map<const rd_kafka_message_t*, std::string> names;
  std::deque<rd_kafka_message_t> messages;
  std::vector<std::string> notes;
  std::vector<PartitionOffset> ends;
  size_t most_fed = 0;

  ~FakeFeed() override {
    for (const auto& [at, one] : partitions) {
      while (!one->line.empty()) one->line.pop();  // none of them is librdkafka's
    }
  }
  OrderedPartition& add(const TopicPartition& at, std::deque<int64_t> times) {
    auto& one = partitions[at] = std::make_unique<OrderedPartition>();
    one->at = at;
    one->next = 0;
    for (const int64_t time : times) waiting[at].push_back({time, static_cast<int64_t>(waiting[at].size())});
    known[at] = static_cast<int64_t>(times.size());
    return *one;
  }
  void gather(const std::string& leading_topic) {
    std::vector<OrderedPartition*> all;
    for (const auto& [at, one] : partitions) all.push_back(one.get());
    reading.gather(all, [&](const TopicPartition& at) { return at.topic == leading_topic; });
  }
  void feed(OrderedPartition& one, size_t most) override {
    auto& queue = waiting[one.at];
    size_t fed = 0;
    for (; fed < most && !queue.empty(); ++fed) {
      rd_kafka_message_t& message = messages.emplace_back();
      message.offset = queue.front().offset;
      one.next = message.offset + 1;
      names[&message] =
          one.at.topic + std::to_string(one.at.partition) + '@' + std::to_string(queue.front().time);
      one.line.push(queue.front().time, &message);
      queue.pop_front();
    }
    most_fed = std::max(most_fed, fed);
  }
  int64_t known_end(const TopicPartition& at) override { return known[at]; }

  std::string take(size_t most = 100) {
    std::vector<rd_kafka_message_t*> given;
    ends.clear();
    reading.take(most, now, given, ends);
    std::string text;
    for (const rd_kafka_message_t* message : given) text += (text.empty() ? "" : " ") + names.at(message);
    return text;
  }
};

const TopicPartition kA0{"a", 0}, kA1{"a", 1}, kB0{"b", 0}, kB1{"b", 1};

TEST_CASE("all partitions are one order of time, and one with lag is waited for five seconds") {
  FakeFeed feed;
  feed.add(kA0, {1, 5, 9});
  feed.add(kA1, {2, 3});
  feed.known[kA1] = 5;  // more are known of
  feed.gather("a");
  CHECK(feed.take() == "a0@1 a1@2 a1@3");
  CHECK(feed.reading.waits());
  feed.now += 4900ms;
  CHECK(feed.take().empty());
  CHECK(feed.reading.waits());
  feed.waiting[kA1].push_back({6, 2});
  CHECK(feed.take() == "a0@5 a1@6");
  feed.now += 4900ms;  // since the last record, not since the first time
  CHECK(feed.take().empty());
  feed.now += 200ms;
  CHECK(feed.take() == "a0@9");
  CHECK_FALSE(feed.reading.waits());
}

TEST_CASE("one that lacks a single offset is waited for a moment only: it is most often no record") {
  FakeFeed feed;
  feed.add(kA0, {1, 5});
  OrderedPartition& other = feed.add(kA1, {2});
  feed.known[kA1] = 2;
  feed.gather("a");
  CHECK(feed.take() == "a0@1 a1@2");
  CHECK(feed.reading.waits());
  CHECK(feed.reading.wait_limit(other) == 20ms);
  feed.now += 20ms;
  CHECK(feed.take() == "a0@5");
}

TEST_CASE("one that must have more than the last fetch knew is waited for, though it is at its end") {
  FakeFeed feed;
  feed.add(kA0, {1, 5});
  OrderedPartition& other = feed.add(kA1, {2});
  other.at_end = true;
  other.expected = 2;
  feed.gather("a");
  CHECK(feed.take() == "a0@1 a1@2");
  CHECK(feed.reading.waits());
  feed.waiting[kA1].push_back({3, 1});
  CHECK(feed.take() == "a1@3 a0@5");
}

TEST_CASE("a topic that is read apart has its own order: the others do not wait for it, nor it for them") {
  FakeFeed feed;
  feed.reading.read_apart({"b"});
  feed.add(kA0, {5, 9});
  feed.add(kA1, {7, 8});
  feed.add(kB0, {2, 6});
  OrderedPartition& written = feed.add(kB1, {1});
  written.expected = 2;
  feed.known[kB1] = 2;
  feed.gather("a");
  CHECK(feed.take() == "a0@5 a1@7 a1@8 a0@9 b1@1");
  feed.waiting[kB1].push_back({3, 1});
  CHECK(feed.take() == "b0@2 b1@3 b0@6");
}

TEST_CASE("an end is told behind the records before it, once") {
  FakeFeed feed;
  OrderedPartition& one = feed.add(kA0, {1, 2});
  one.untold_end = 7;
  feed.gather("a");
  CHECK(feed.take(1) == "a0@1");
  CHECK(feed.ends.empty());
  CHECK(feed.take() == "a0@2");
  REQUIRE(feed.ends.size() == 1);
  CHECK(feed.ends[0].at == kA0);
  CHECK(feed.ends[0].offset == 7);
  CHECK(feed.take().empty());
  CHECK(feed.ends.empty());
}

TEST_CASE(
    "companions are sets of their own: a table at its end is not waited for, a stream for max_wait; of equal times its row goes first") {
  FakeFeed feed;
  feed.reading.read_together({[](const TopicPartition& first) {
                                return std::vector<TopicPartition>{{"b", first.partition}};
                              },
                              [](const TopicPartition& at) { return at.partition == 1; }, Millis(300)});
  feed.add(kA0, {1, 5});
  feed.add(kB0, {2}).at_end = true;
  feed.add(kA1, {3, 4});
  feed.add(kB1, {3}).at_end = true;  // the table
  feed.gather("a");
  std::string given = feed.take();
  CHECK(given == "a0@1 b0@2 b1@3 a1@3 a1@4");
  CHECK(feed.reading.waits());
  feed.now += 300ms;
  CHECK(feed.take() == "a0@5");
}

TEST_CASE("one at its end that is still written is waited for, also where max_wait is nothing") {
  FakeFeed feed;
  int64_t end = 3;
  feed.reading.read_together(
      {[](const TopicPartition& first) {
         return std::vector<TopicPartition>{{"b", first.partition}};
       },
       [](const TopicPartition& at) { return at.topic == "b"; }, Millis(0), false,
       [&](const TopicPartition& at, int64_t next) { return at == kA0 && next < end; }});
  OrderedPartition& written = feed.add(kA0, {});
  written.at_end = true;
  feed.add(kB0, {4, 5}).at_end = true;
  feed.add(kA1, {}).at_end = true;  // as its end says
  feed.add(kB1, {6}).at_end = true;
  feed.gather("a");
  CHECK(feed.take() == "b1@6");
  feed.now += 1h;
  CHECK(feed.take().empty());
  CHECK(feed.reading.waits());
  feed.waiting[kA0] = {{1, 0}, {4, 1}};
  CHECK(feed.take() == "a0@1 b0@4 a0@4");  // of equal times the table's row first
  end = 2;
  CHECK(feed.take() == "b0@5");
}

TEST_CASE("a record far ahead of those behind it does not keep them back") {
  FakeFeed feed;
  feed.reading.read_together({[](const TopicPartition& first) {
                                return std::vector<TopicPartition>{{"b", first.partition}};
                              },
                              [](const TopicPartition&) { return true; }, Millis(300)});
  const int64_t far = kFarAheadMs + 9000;
  feed.add(kA0, {2, 4, 6});
  feed.add(kB0, {1, far, 3, 5});  // rows
  feed.gather("a");
  CHECK(feed.take() == "b0@1 a0@2 b0@" + std::to_string(far) + " b0@3 a0@4 b0@5 a0@6");
  FakeFeed other;
  std::deque<int64_t> times;
  for (int64_t i = 0; i < 100; ++i) times.push_back(i);
  other.add(kA1, times);
  for (const size_t at : {17, 19, 20, 21, 50}) times[at] = far + static_cast<int64_t>(at);
  other.add(kA0, times);
  other.gather("a");
  std::string last;
  for (std::string one = other.take(1); !one.empty(); one = other.take(1)) {
    if (one == "a1@60") CHECK(last == "a0@60");
    last = one;
  }
  CHECK(last == "a1@99");
}

TEST_CASE("partitions without companions are one order of time beside the sets, where that is asked for") {
  FakeFeed feed;
  feed.reading.read_together({[](const TopicPartition& first) {
                                return first.topic == "a"
                                           ? std::vector<TopicPartition>{{"b", first.partition}}
                                           : std::vector<TopicPartition>{};
                              },
                              [](const TopicPartition&) { return false; }, Millis(300), true});
  const TopicPartition c0{"c", 0}, c1{"c", 1}, c2{"c", 2};
  feed.add(kA0, {9});
  feed.add(kB0, {2}).at_end = true;
  feed.add(c0, {1, 5});
  feed.add(c1, {3});
  feed.add(c2, {}).at_end = true;  // not waited for
  feed.known[c1] = 10;             // with lag: waited for, not for ever
  std::vector<OrderedPartition*> all;
  for (const auto& [at, one] : feed.partitions) all.push_back(one.get());
  feed.reading.gather(all, [](const TopicPartition& at) { return at.topic != "b"; });
  CHECK(feed.take() == "b0@2 c0@1 c1@3");
  CHECK(feed.take().empty());
  feed.now += 300ms;
  CHECK(feed.take() == "a0@9");
  feed.now += 5s;
  CHECK(feed.take() == "c0@5");
  CHECK(feed.notes.empty());
}

TEST_CASE("at one pace: runs of the one that is behind in time, which is waited for only a moment") {
  FakeFeed feed;
  feed.reading.read_at_one_pace([](const TopicPartition& at) { return at.topic == "a"; });
  std::deque<int64_t> early, late;
  for (int64_t i = 0; i < 250; ++i) early.push_back(i), late.push_back(1000 + i);
  early.insert(early.end(), late.begin(), late.end());
  feed.add(kA0, early);
  feed.add(kA1, late);
  OrderedPartition& internal = feed.add(kB0, {5000});  // read as it comes
  feed.gather("a");
  std::string given = feed.take(1);
  CHECK(given == "b0@5000");
  CHECK(internal.line.empty());
  given = feed.take(350);
  CHECK(given.find("a1@") > given.find("a0@249"));
  CHECK(given.ends_with("a1@1098"));
  CHECK(feed.most_fed <= 100);
  while (!feed.take(100).empty()) continue;

  // With lag, but nothing comes of it.
  feed.known[kA0] = 1000;
  feed.waiting[kA1].push_back({2000, 250});
  CHECK(feed.take().empty());
  CHECK(feed.reading.waits());
  feed.now += 100ms;
  CHECK(feed.take() == "a1@2000");
  // Its last offset is the end of a transaction, most often.
  feed.known[kA0] = 501;
  feed.waiting[kA0].push_back({2001, 500});
  CHECK(feed.take() == "a0@2001");
  feed.known[kA0] = 502;
  feed.waiting[kA1].push_back({2002, 251});
  CHECK(feed.take() == "a1@2002");
}

TEST_CASE("a set that takes all the room does not take it from the others for ever") {
  FakeFeed feed;
  feed.reading.read_together({[](const TopicPartition&) { return std::vector<TopicPartition>{}; },
                              [](const TopicPartition&) { return false; }, Millis(0)});
  feed.add(kA0, {1, 2, 3, 4});
  feed.add(kA1, {1, 2, 3, 4});
  feed.gather("a");
  CHECK(feed.take(2) == "a0@1 a0@2");
  CHECK(feed.take(2) == "a1@1 a1@2");
  CHECK(feed.take(2) == "a0@3 a0@4");
}

TEST_CASE("a companion with lag is waited for without a limit, and that is said once") {
  FakeFeed feed;
  feed.reading.read_together({[](const TopicPartition& first) {
                                return std::vector<TopicPartition>{{"b", first.partition}};
                              },
                              [](const TopicPartition&) { return false; }, Millis(300)});
  feed.add(kA0, {1});
  feed.add(kB0, {});
  feed.known[kB0] = 10;
  feed.gather("a");
  for (int i = 0; i < 3; ++i) {
    CHECK(feed.take().empty());
    CHECK(feed.reading.waits());
    feed.now += 1h;
  }
  REQUIRE(feed.notes.size() == 1);
  CHECK(feed.notes[0].find("b [0]") != std::string::npos);
}

TEST_CASE(
    "behind the end of a companion a transaction is open: its records are waited for; of an internal topic they are not") {
  for (const bool internal : {false, true}) {
    CAPTURE(internal);
    FakeFeed feed;
    feed.reading.read_together({[](const TopicPartition& first) {
                                  return std::vector<TopicPartition>{{"b", first.partition}};
                                },
                                [](const TopicPartition&) { return false; }, Millis(300)});
    if (internal) feed.reading.read_apart({"b"});
    feed.add(kA0, {1, 3});
    OrderedPartition& open = feed.add(kB0, {});
    open.at_end = true;   // the client's end,
    feed.known[kB0] = 2;  // behind which there is more
    feed.gather("a");
    CHECK(feed.take().empty());
    feed.now += 1h;
    CHECK(feed.take() == (internal ? "a0@1 a0@3" : ""));
    if (internal) continue;
    feed.waiting[kB0].push_back({2, 0});
    open.at_end = false;  // it is committed
    CHECK(feed.take() == "a0@1 b0@2");
  }
}

TEST_CASE("what was gathered is forgotten, and nothing given, until it is gathered again") {
  FakeFeed feed;
  feed.add(kA0, {1, 2});
  feed.gather("a");
  CHECK_FALSE(feed.reading.has_forgotten());
  feed.reading.forget();
  CHECK(feed.reading.has_forgotten());
  CHECK(feed.take().empty());
  feed.gather("a");
  CHECK(feed.take() == "a0@1 a0@2");
}

TEST_CASE("few of a partition are taken from the client at once, so that they stay in the cache") {
  FakeFeed feed;
  std::deque<int64_t> times;
  for (int64_t i = 0; i < 500; ++i) times.push_back(i);
  feed.add(kA0, times);
  feed.add(kA1, times);
  feed.gather("a");
  feed.take(400);
  CHECK(feed.most_fed >= 10);
  CHECK(feed.most_fed <= 50);
}

}  // namespace
}  // namespace kutils::kafka
