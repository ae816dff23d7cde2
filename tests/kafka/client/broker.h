// What the tests on a real broker share: where it is, fresh topics, records in and out.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kafka/admin.h"
#include "kafka/group_consumer.h"
#include "kafka/producer.h"
#include "support/catch.h"

namespace kutils::kafka::test {

using SteadyClock = std::chrono::steady_clock;

inline bool have_broker() {
  const char* brokers = std::getenv("KUTILS_TEST_BROKERS");
  if (brokers && *brokers) return true;
  std::puts("KUTILS_TEST_BROKERS is not set");
  return false;
}

inline ClientConfig broker_config() {
  ClientConfig config;
  config.set_brokers(std::getenv("KUTILS_TEST_BROKERS"));
  if (const char* debug = std::getenv("KUTILS_TEST_DEBUG")) {
    config.set("debug", debug);
    config.set_note([](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); });
  }
  return config;
}

inline std::string fresh(const std::string& name) {
  static int count = 0;
  return "test-" + name + "-" + std::to_string(getpid()) + "-" +
         std::to_string(SteadyClock::now().time_since_epoch().count()) + "-" + std::to_string(++count);
}

inline std::string make_topic(const std::string& name, int32_t partitions,
                              std::map<std::string, std::string> settings = {}) {
  NewTopic topic;
  topic.name = fresh(name);
  topic.partitions = partitions;
  topic.config = std::move(settings);
  make_admin(broker_config())->create_topic(topic);
  return topic.name;
}

inline Output output(const std::string& key, const std::string& value) {
  Output out;
  out.key = std::string_view(key);
  out.value = std::string_view(value);
  return out;
}

inline void fill(const std::string& topic, int32_t partition, int from, int to) {
  const auto producer = make_idempotent_producer(broker_config());
  for (int i = from; i < to; ++i) producer->produce(topic, partition, output("k", std::to_string(i)));
  producer->flush();
}

// Starts what it is given at the committed offset, else the beginning; remembers what happened.
struct Follower : RebalanceListener {
  explicit Follower(const std::string& group, const std::string& instance = {},
                    ClientConfig config = broker_config())
      : consumer(make_group_consumer(config, group, instance)) {}
  // With what is given to us the same partitions of this topic are read, too.
  void read_with(const std::string& topic, Millis max_wait) {
    beside = topic;
    consumer->read_together({[topic](const TopicPartition& at) {
                               return std::vector<TopicPartition>{{topic, at.partition}};
                             },
                             [](const TopicPartition&) { return false; }, max_wait});
  }
  void on_assigned(const std::vector<TopicPartition>& partitions) override {
    std::vector<TopicPartition> all = partitions;
    if (!beside.empty())
      for (const auto& at : partitions) all.push_back({beside, at.partition});
    auto from = consumer->committed(all);
    for (auto& at : from) {
      if (at.offset < 0) at.offset = 0;
      owned[at.at] = at.offset;
    }
    consumer->start(from);
    ++assigns;
  }
  void on_revoked(const std::vector<TopicPartition>& partitions, bool lost) override {
    if (before_revoke) before_revoke(partitions, lost);
    for (const auto& at : partitions) owned.erase(at);
    ++revokes;
    lost_any = lost_any || lost;
  }
  Polled poll(Millis wait = Millis(100)) {
    batch.clear();
    Polled polled = consumer->poll(batch, wait, *this);
    for (const Record& record : batch.records()) {
      const TopicPartition at{std::string(record.topic), record.partition};
      values[at].push_back(std::string(record.value.view()));
      if (on_record) on_record(record);
      owned[at] = record.offset + 1;
      ++count;
    }
    for (const auto& end : polled.ends) ends[end.at] = end.offset;
    return polled;
  }
  template <typename Condition>
  bool poll_until(Condition condition, std::chrono::seconds limit = std::chrono::seconds(20)) {
    const auto deadline = SteadyClock::now() + limit;
    while (!condition()) {
      if (SteadyClock::now() > deadline) return false;
      poll();
    }
    return true;
  }
  std::vector<PartitionOffset> positions() const {
    std::vector<PartitionOffset> out;
    for (const auto& [at, offset] : owned) out.push_back({at, offset, {}});
    return out;
  }

  Batch batch;
  std::unique_ptr<GroupConsumer> consumer;
  std::map<TopicPartition, int64_t> owned;  // next offset
  std::map<TopicPartition, std::vector<std::string>> values;
  std::map<TopicPartition, int64_t> ends;
  std::function<void(const std::vector<TopicPartition>&, bool)> before_revoke;
  std::function<void(const Record&)> on_record;
  std::string beside;
  size_t count = 0;
  int assigns = 0;
  int revokes = 0;
  bool lost_any = false;
};

}  // namespace kutils::kafka::test
