// What a worker works in, over a FakeBroker: what is done beside it is done at once, or when the test says;
// nothing waits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "flow/run/run.h"
#include "support/catch.h"
#include "support/fake_broker.h"
#include "support/hand_executor.h"
#include "support/lines_fakes.h"

namespace kutils::testing {

// A clock that moves by itself, so that commits come due.
class TickingClock final : public Clock {
 public:
  int64_t wall_ms() const override { return ++ms_; }
  int64_t steady_us() const override { return (us_ += 1000); }
  void jump(int64_t ms) { ms_ += ms, us_ += ms * 1000; }

 private:
  mutable int64_t ms_ = 1'000'000;
  mutable int64_t us_ = 0;
};

struct FakeEnvironment {
  FakeBroker broker;
  RecordingLog log;
  StopByHand stop;
  TickingClock clock;
  HandExecutor executor;

  // Of a process that begins.
  flow::Environment around() {
    using kafka::TopicPartition;
    broker.killed = false;
    broker.on_wait = [this] { executor.run_all(); };
    executor.after = [this] {
      if (broker.killed) throw Killed();
    };
    return {
        clock,
        log,
        stop,
        executor,
        [this] { return std::make_unique<FakeAdmin>(broker); },
        [this](const std::string&, const std::string&, bool in_memory_broker) {
          CHECK(in_memory_broker == broker.in_memory);
          return std::make_unique<FakeConsumer>(broker);
        },
        [this] { return std::make_unique<FakeProducer>(broker, ""); },
        [this](const std::string& id) { return std::make_unique<FakeProducer>(broker, id); },
        [](kafka::Producer& producer, kafka::Admin&, const std::string& topic, const auto&) {
          return std::make_unique<FakeTopicSink>(producer, topic);
        },
        [](kafka::Admin& admin, const flow::Range& range, const std::vector<TopicPartition>& partitions) {
          std::vector<flow::PartitionRange> ranges;
          for (const TopicPartition& at : partitions) {
            flow::PartitionRange one{at, range.from == "end" ? admin.watermarks(at).high : 0, std::nullopt};
            if (range.exit_at_end) one.end = admin.watermarks(at).high;
            ranges.push_back(one);
          }
          return ranges;
        },
        [this](const std::vector<flow::PartitionRange>& ranges) {
          return std::make_unique<FakeTopicSource>(broker, ranges);
        },
        [](Millis) {},
        "5000",
        nullptr};
  }
};

}  // namespace kutils::testing
