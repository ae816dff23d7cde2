#include "io/topic_sink.h"

#include "base/murmur2.h"
#include "support/catch.h"
#include "support/fixed_admin.h"

using namespace kutils;
using namespace kutils::io;

namespace {

struct Produced {
  int32_t partition;
  std::string value;
  int64_t time;
};

class CollectingProducer final : public kafka::Producer {
 public:
  std::vector<Produced> produced;
  int flushes = 0;
  void produce(const std::string&, int32_t partition, const Output& output) override {
    produced.push_back({partition, std::string(output.value.view()), output.timestamp});
  }
  void flush() override { ++flushes; }
  int64_t delivered_offset(const std::string&, int32_t) override { return kNoOffset; }
};

Output keyed(std::string_view key) {
  Output out;
  out.key = key;
  out.value = std::string_view("v");
  return out;
}

Record from(std::string_view topic, int32_t partition) {
  Record record;
  record.topic = topic;
  record.partition = partition;
  return record;
}

}  // namespace

TEST_CASE(
    "partition: the origin's for an unchanged key and equal counts, else murmur2; without key the origin's modulo") {
  CollectingProducer producer;
  ManualClock clock;
  TopicSinkOptions options;
  options.topic = "out";
  options.partitions = 4;
  options.inputs = {{"same", 4}, {"more", 8}};
  const auto sink = make_topic_sink(producer, clock, options);
  const Record same = from("same", 3), more = from("more", 7);
  const int32_t by_key = murmur2_partition("k", 4);
  const auto partition = [&](const Record* origin, const Output& output) {
    CHECK_FALSE(sink->write(origin, output));
    return producer.produced.back().partition;
  };
  CHECK(partition(&same, keyed("k")) == 3);
  CHECK(partition(&more, keyed("k")) == by_key);
  Output changed = keyed("k");
  changed.keeps_key = false;
  CHECK(partition(&same, changed) == by_key);
  CHECK(partition(nullptr, keyed("k")) == by_key);
  Output no_key = keyed("k");
  no_key.key = MaybeBytes();
  CHECK(partition(&more, no_key) == 3);
  CHECK(partition(&same, no_key) == 3);
  no_key.keeps_key = false;
  CHECK(partition(&more, no_key) == 3);
  const Record line = from("-", kNoPartition);
  CHECK(partition(&line, no_key) == 0);
  CHECK(partition(&line, no_key) == 1);
  CHECK(partition(&line, keyed("k")) == by_key);
  Output insisting = keyed("k");
  insisting.partition = 2;
  CHECK(partition(&same, insisting) == 2);
  insisting.partition = 4;
  const auto error = sink->write(&same, insisting);
  REQUIRE(error);
  CHECK(error->reason == Reason::refused_by_topic);
}

TEST_CASE("what the topic would refuse is an error of the record, and nothing is produced") {
  CollectingProducer producer;
  ManualClock clock;
  clock.set_wall_ms(1'000'000'000);
  TopicSinkOptions options;
  options.topic = "out";
  options.limits = limits_of({{"max.message.bytes", "500"},
                              {"message.timestamp.type", "CreateTime"},
                              {"message.timestamp.before.max.ms", "1000000"},
                              {"message.timestamp.after.max.ms", "3600000"},
                              {"cleanup.policy", "compact,delete"}});
  const auto sink = make_topic_sink(producer, clock, options);
  const Record origin = from("in", 0);
  Output output = keyed("k");
  output.timestamp = 1'000'000'000 + 3'600'000;
  CHECK_FALSE(sink->write(&origin, output));
  output.timestamp += 1;
  CHECK(sink->write(&origin, output)->reason == Reason::refused_by_topic);
  clock.advance(Millis(1));
  CHECK_FALSE(sink->write(&origin, output));
  output.timestamp = 1'000'000'000 - 1'000'100;
  CHECK(sink->write(&origin, output)->reason == Reason::refused_by_topic);
  output.timestamp = -5;
  CHECK(sink->write(&origin, output)->reason == Reason::refused_by_topic);
  output.timestamp = 1'000'000'000;
  output.key = MaybeBytes();
  CHECK(sink->write(&origin, output)->reason == Reason::refused_by_topic);
  const size_t before = producer.produced.size();
  Output large = keyed("k");
  const std::string fits(500 - 61 - 2 - 3 - 2 - 2 - 1, 'x');
  large.value = std::string_view(fits);
  CHECK(batch_bytes(large) == 500);
  CHECK_FALSE(sink->write(&origin, large));
  const std::string too_much = fits + "x";
  large.value = std::string_view(too_much);
  const auto error = sink->write(&origin, large);
  REQUIRE(error);
  CHECK(error->reason == Reason::too_large);
  CHECK(error->message.find("500") != std::string::npos);
  CHECK(producer.produced.size() == before + 1);
}

TEST_CASE(
    "a result whose time the topic does not take has that of now: what it is made of was judged before") {
  CollectingProducer producer;
  ManualClock clock;
  clock.set_wall_ms(1'000'000'000);
  TopicSinkOptions options;
  options.topic = "out";
  options.limits.after_max_ms = 1000;
  const auto sink = make_topic_sink(producer, clock, options);
  CHECK_FALSE(sink->too_far_ahead(1'000'001'000));
  CHECK(sink->too_far_ahead(1'000'001'001)->reason == Reason::refused_by_topic);
  Output output = keyed("k");
  output.is_result = true;
  output.timestamp = 1'000'001'001;
  CHECK_FALSE(sink->write(nullptr, output));
  output.timestamp = 1'000'001'000;
  CHECK_FALSE(sink->write(nullptr, output));
  REQUIRE(producer.produced.size() == 2);
  CHECK(producer.produced[0].time == 1'000'000'000);
  CHECK(producer.produced[1].time == 1'000'001'000);
}

TEST_CASE("where the topic takes small batches only, what waits for one partition stays below its limit") {
  CollectingProducer producer;
  ManualClock clock;
  TopicSinkOptions options;
  options.topic = "out";
  options.limits.max_bytes = 1000;
  const auto sink = make_topic_sink(producer, clock, options);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(sink->write(nullptr, keyed("k")));
  CHECK(producer.flushes >= 6);
}

TEST_CASE("limits: defaults, older brokers, log append time") {
  CHECK(limits_of({}).max_bytes == 1'048'588);
  CHECK(limits_of({}).after_max_ms == INT64_MAX);
  CHECK(limits_of({{"message.timestamp.difference.max.ms", "5"}}).before_max_ms == 5);
  CHECK(limits_of({{"message.timestamp.type", "LogAppendTime"}, {"message.timestamp.after.max.ms", "5"}})
            .after_max_ms == INT64_MAX);
  CHECK_FALSE(limits_of({{"cleanup.policy", "delete"}}).needs_key);
}
