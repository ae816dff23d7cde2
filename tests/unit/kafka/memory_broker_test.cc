#include "kafka/memory_broker.h"

#include "kafka/admin.h"
#include "kafka/group_consumer.h"
#include "kafka/producer.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::kafka;

namespace {

struct Taker : RebalanceListener {
  explicit Taker(GroupConsumer& of) : consumer(of) {}
  void on_assigned(const std::vector<TopicPartition>& partitions) override {
    std::vector<PartitionOffset> from;
    for (const auto& at : partitions) from.push_back({at, 0, {}});
    consumer.start(from);
  }
  void on_revoked(const std::vector<TopicPartition>&, bool) override {}
  GroupConsumer& consumer;
};

}  // namespace

TEST_CASE("in memory: topics, records, groups, and no call that would hang there") {
  MemoryBroker broker;
  broker.create_topic("two", 2);
  ClientConfig config;
  config.set_brokers(broker.bootstrap_servers());
  config.set("fetch.wait.max.ms", "10");
  config.set("session.timeout.ms", "6000");
  const auto admin = make_admin(config);
  admin->connect(Millis(5000));
  CHECK(admin->is_in_memory());
  REQUIRE(admin->find_topic("two"));
  CHECK(admin->find_topic("two")->partitions == 2);
  CHECK_FALSE(admin->find_topic("asked-for"));
  CHECK_FALSE(admin->find_topic("asked-for"));
  CHECK(admin->topic_config("two").empty());
  NewTopic topic;
  topic.name = "made";
  admin->create_topic(topic);
  CHECK(admin->find_topic("made")->partitions == 4);

  const auto producer = make_idempotent_producer(config);
  Output output;
  output.value = std::string_view("hello");
  producer->produce("two", 1, output);
  producer->flush();
  CHECK(admin->watermarks({"two", 1}).high == 1);

  const auto consumer = make_group_consumer(config, "g", "");
  Taker taker(*consumer);
  consumer->subscribe({"two"});
  Batch batch;
  for (int i = 0; i < 200 && batch.empty(); ++i) consumer->poll(batch, Millis(100), taker);
  REQUIRE(batch.records().size() == 1);
  CHECK(batch.records()[0].value.view() == "hello");
  consumer->commit({{{"two", 1}, 1, {}}});
  CHECK(consumer->committed({{"two", 1}}).at(0).offset == 1);
  consumer->leave(taker, false);
}
