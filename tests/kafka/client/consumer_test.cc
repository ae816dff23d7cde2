#include <dlfcn.h>
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <limits>
#include <thread>

#include "broker.h"

using namespace kutils;
using namespace kutils::kafka;
using namespace kutils::kafka::test;

namespace {
std::function<void(rd_kafka_t*)> before_unassign;  // called once
}

// In librdkafka's place: what happens between our last look at its events and this call.
extern "C" __attribute__((visibility("default"))) rd_kafka_error_t* rd_kafka_incremental_unassign(
    rd_kafka_t* rk, const rd_kafka_topic_partition_list_t* partitions) {
  static const auto call = reinterpret_cast<decltype(&rd_kafka_incremental_unassign)>(
      dlsym(RTLD_NEXT, "rd_kafka_incremental_unassign"));
  if (before_unassign) std::exchange(before_unassign, nullptr)(rk);
  return call(rk, partitions);
}

TEST_CASE("ends come with the position, past control records, and again after more records") {
  if (!have_broker()) return;
  const std::string topic = make_topic("ends", 1);
  const auto producer = make_transactional_producer(broker_config(), fresh("tx"));
  producer->init();
  producer->begin();
  producer->produce(topic, 0, output("k", "1"));
  producer->commit();
  Follower follower(fresh("group"));
  follower.consumer->subscribe({topic});
  REQUIRE(follower.poll_until([&] { return follower.ends.count({topic, 0}) > 0; }));
  CHECK(follower.count == 1);
  CHECK(follower.ends[{topic, 0}] == 2);
  producer->begin();
  producer->produce(topic, 0, output("k", "2"));
  producer->commit();
  REQUIRE(follower.poll_until([&] { return follower.ends[{topic, 0}] == 4; }));
  CHECK(follower.count == 2);
}

TEST_CASE("rewind delivers again from there, and nothing of what was fetched before") {
  if (!have_broker()) return;
  const std::string topic = make_topic("rewind", 1);
  fill(topic, 0, 0, 20000);
  Follower follower(fresh("group"));
  follower.consumer->subscribe({topic});
  REQUIRE(follower.poll_until([&] { return follower.count >= 100; }));
  for (int round = 0; round < 10; ++round) {
    follower.consumer->rewind({{{topic, 0}, round * 7, {}}});
    follower.values.clear();
    REQUIRE(follower.poll_until([&] { return follower.values[{topic, 0}].size() >= 3000; }));
    const auto& values = follower.values[{topic, 0}];
    for (size_t i = 0; i < values.size(); ++i)
      REQUIRE(values[i] == std::to_string(static_cast<size_t>(round) * 7 + i));
  }
}

TEST_CASE("a partition held back waits, the others go on, and nothing is lost or doubled") {
  if (!have_broker()) return;
  const std::string topic = make_topic("held", 2);
  fill(topic, 0, 0, 30000);
  fill(topic, 1, 0, 30000);
  Follower follower(fresh("group"));
  follower.consumer->subscribe({topic});
  const TopicPartition held{topic, 0}, free{topic, 1};
  REQUIRE(follower.poll_until([&] { return follower.values[held].size() >= 100; }));
  follower.consumer->hold_back(held, true);
  const size_t at_hold = follower.values[held].size();
  REQUIRE(follower.poll_until([&] { return follower.values[free].size() == 30000; }));
  CHECK(follower.values[held].size() == at_hold);
  follower.consumer->hold_back(held, false);
  REQUIRE(follower.poll_until(
      [&] { return follower.values[held].size() >= 30000 && follower.ends.count(held) > 0; }));
  REQUIRE(follower.values[held].size() == 30000);
  for (size_t i = 0; i < 30000; ++i) REQUIRE(follower.values[held][i] == std::to_string(i));
}

TEST_CASE("members come and go under load: each record once per owner, what stays never steps back") {
  if (!have_broker()) return;
  const int kPartitions = 6, kRecords = 60000;
  const std::string topic = make_topic("load", kPartitions), group = fresh("group");
  std::atomic<bool> done{false};
  std::atomic<bool> has_enough{false};  // was written
  const auto limit = SteadyClock::now() + std::chrono::seconds(120);
  // Members commit at revoke, so that each record is taken by exactly one of them.
  std::mutex mutex;
  std::map<TopicPartition, std::vector<int>> seen;
  std::atomic<int> has_read{0};  // members that read something
  // Until all is done, or until it has read `most` records.
  const auto run_member = [&](size_t most) {
    Follower member(group);
    Follower* self = &member;
    member.before_revoke = [self](const std::vector<TopicPartition>& partitions, bool lost) {
      if (lost) return;
      std::vector<PartitionOffset> leaving;
      for (const auto& at : partitions) leaving.push_back({at, self->owned[at], {}});
      self->consumer->commit(leaving);
    };
    member.consumer->subscribe({topic});
    size_t read = 0;
    while (!done && read < most && SteadyClock::now() < limit) {
      member.poll(Millis(20));
      const std::lock_guard lock(mutex);
      if (read == 0 && member.count > 0) ++has_read;
      read = member.count;
      for (auto& [at, values] : member.values) {
        for (const auto& value : values) seen[at].push_back(std::stoi(value));
      }
      member.values.clear();
    }
    member.consumer->leave(member, false);
  };
  int written = 0;  // in each partition
  std::thread writer([&] {
    const auto producer = make_idempotent_producer(broker_config());
    for (int i = 0; i < kRecords || !has_enough; ++i) {
      for (int p = 0; p < kPartitions; ++p) producer->produce(topic, p, output("k", std::to_string(i)));
      if (i % 200 == 0) {
        producer->flush();
        std::this_thread::sleep_for(Millis(20));  // the load
      }
      written = i + 1;
    }
    producer->flush();
  });
  // Each joins when the one before it reads, and most leave meanwhile.
  std::thread first(run_member, std::numeric_limits<size_t>::max());
  std::vector<std::thread> others;
  for (int i = 0; i < 6; ++i) {
    while (has_read <= i && SteadyClock::now() < limit) std::this_thread::sleep_for(Millis(5));
    CHECK(has_read > i);
    others.emplace_back(run_member, 20000);
  }
  for (auto& other : others) other.join();
  CHECK(has_read > 6);
  has_enough = true;
  writer.join();
  const auto deadline = SteadyClock::now() + std::chrono::seconds(60);
  for (;;) {
    {
      const std::lock_guard lock(mutex);
      size_t all = 0;
      for (auto& [at, values] : seen) all += values.size();
      if (all >= static_cast<size_t>(kPartitions * written) || SteadyClock::now() > deadline) break;
    }
    std::this_thread::sleep_for(Millis(50));
  }
  done = true;
  first.join();
  for (int p = 0; p < kPartitions; ++p) {
    auto& values = seen[{topic, p}];
    CAPTURE(p);
    CHECK(values.size() == static_cast<size_t>(written));
    size_t wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) wrong += values[i] != static_cast<int>(i) ? 1 : 0;
    CHECK(wrong == 0);
  }
}

void fill_at_times(const std::string& topic, int32_t partition, int from, int to, int step) {
  const auto producer = make_idempotent_producer(broker_config());
  const int64_t base = 1'700'000'000'000;
  for (int i = from; i < to; i += step) {
    const std::string value = std::to_string(i);
    Output out = output("k", value);
    out.timestamp = base + i;
    producer->produce(topic, partition, out);
  }
  producer->flush();
}

TEST_CASE("a partition and its companion come in one order of time, also where one is far ahead") {
  if (!have_broker()) return;
  const std::string left = make_topic("left", 2), right = make_topic("right", 2);
  fill_at_times(left, 0, 0, 40000, 2);
  fill_at_times(right, 0, 1, 40000, 2);
  fill_at_times(left, 1, 39000, 40000, 1);
  fill_at_times(right, 1, 0, 40000, 1);
  Follower follower(fresh("group"));
  follower.read_with(right, Millis(500));
  std::map<int32_t, int64_t> newest;
  size_t back = 0;
  follower.on_record = [&](const Record& record) {
    int64_t& time = newest[record.partition];
    if (record.timestamp < time) ++back;
    time = std::max(time, record.timestamp);
  };
  follower.consumer->subscribe({left});
  REQUIRE(follower.poll_until([&] { return follower.count == 81000; }));
  CHECK(back == 0);
  // One at its end is not waited for for ever.
  fill_at_times(right, 0, 40001, 40002, 1);
  REQUIRE(follower.poll_until([&] { return follower.count == 81001; }));
}

TEST_CASE("companions come and go with the partitions that they belong to") {
  if (!have_broker()) return;
  constexpr int kPartitions = 4, kRecords = 12000;
  const std::string left = make_topic("left", kPartitions), right = make_topic("right", kPartitions);
  const std::string group = fresh("group");
  for (int p = 0; p < kPartitions; ++p)
    for (const auto& topic : {left, right}) fill_at_times(topic, p, 0, kRecords, 1);
  std::map<TopicPartition, std::vector<std::string>> seen;
  const auto make_member = [&] {
    auto member = std::make_unique<Follower>(group);
    member->read_with(right, Millis(200));
    Follower* self = member.get();
    member->before_revoke = [&seen, self](const std::vector<TopicPartition>& partitions, bool lost) {
      std::vector<PartitionOffset> leaving;
      for (const auto& at : partitions) {
        leaving.push_back({at, self->owned[at], {}});
        auto& values = self->values[at];
        // Lost, they are not committed: who has the partition next reads them again.
        if (!lost) seen[at].insert(seen[at].end(), values.begin(), values.end());
        values.clear();
      }
      if (!lost) self->consumer->commit(leaving);
    };
    member->consumer->subscribe({left});
    return member;
  };
  std::vector<std::unique_ptr<Follower>> members;
  members.push_back(make_member());
  const auto all_poll_until = [&](const std::function<bool()>& condition) {
    const auto deadline = SteadyClock::now() + std::chrono::seconds(40);
    while (!condition() && SteadyClock::now() < deadline)
      for (auto& member : members) member->poll(Millis(10));
    return condition();
  };
  for (int round = 0; round < 3; ++round) {
    members.push_back(make_member());
    REQUIRE(all_poll_until([&] {
      for (const auto& member : members) {
        if (member->owned.empty()) return false;
        for (const auto& [at, next] : member->owned) {
          const TopicPartition other{at.topic == left ? right : left, at.partition};
          if (member->owned.count(other) == 0) return false;
        }
      }
      return true;
    }));
    members.front()->consumer->leave(*members.front(), false);
    members.erase(members.begin());
  }
  const auto all_read = [&] {
    size_t count = 0;
    for (const auto& [at, values] : seen) count += values.size();
    for (const auto& member : members)
      for (const auto& [at, values] : member->values) count += values.size();
    return count >= size_t{2} * kPartitions * kRecords;
  };
  REQUIRE(all_poll_until(all_read));
  for (auto& member : members) member->consumer->leave(*member, false);
  for (const auto& topic : {left, right}) {
    for (int p = 0; p < kPartitions; ++p) {
      const auto& values = seen[{topic, p}];
      CAPTURE(topic, p);
      CHECK(values.size() == static_cast<size_t>(kRecords));
      size_t wrong = 0;
      for (size_t i = 0; i < values.size(); ++i) wrong += values[i] != std::to_string(i) ? 1 : 0;
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("a static member that leaves on purpose is not waited for") {
  if (!have_broker()) return;
  const std::string topic = make_topic("leave", 4), group = fresh("group");
  Follower first(group, "a.0"), second(group, "a.1");
  first.consumer->subscribe({topic});
  REQUIRE(first.poll_until([&] { return first.owned.size() == 4; }));
  second.consumer->subscribe({topic});
  REQUIRE(first.poll_until([&] {
    second.poll(Millis(10));
    return second.owned.size() == 2 && first.owned.size() == 2;
  }));
  first.consumer->leave(first, false);
  const auto left = SteadyClock::now();
  REQUIRE(second.poll_until([&] { return second.owned.size() == 4; }));
  const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - left);
  INFO("the others took over in " << took.count() << " ms");
  CHECK(took < Millis(3000));
  CHECK(second.revokes == 0);  // what stays never stopped
}

TEST_CASE("a revoke that an unassign answers before it was seen is a loss") {
  if (!have_broker()) return;
  const std::string topic = make_topic("unseen", 4), group = fresh("group");
  ClientConfig config = broker_config();
  config.set("heartbeat.interval.ms", "100");
  Follower first(group, {}, config), second(group, {}, config);
  first.consumer->subscribe({topic});
  REQUIRE(first.poll_until([&] { return first.owned.size() == 4; }));
  std::vector<bool> lost;
  first.before_revoke = [&](const auto&, bool is_lost) { lost.push_back(is_lost); };
  bool came = false;
  before_unassign = [&](rd_kafka_t* client) {
    const std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> events(
        rd_kafka_queue_get_consumer(client), rd_kafka_queue_destroy);
    second.consumer->subscribe({topic});
    came = second.poll_until([&] { return rd_kafka_queue_length(events.get()) > 0; });
  };
  first.consumer->rewind(first.positions());
  REQUIRE(came);
  // The second member may have what it was given at once, and the first one must not commit it.
  REQUIRE(first.poll_until([&] {
    second.poll(Millis(10));
    return second.owned.size() == 2 && first.owned.size() == 2;
  }));
  CHECK(lost == std::vector<bool>{true});
  CHECK_FALSE(second.lost_any);
}

TEST_CASE("the same instance id twice: the older one ends with a fatal error, it does not hang") {
  if (!have_broker()) return;
  const std::string topic = make_topic("fenced", 1), group = fresh("group");
  Follower first(group, "same.0");
  first.consumer->subscribe({topic});
  REQUIRE(first.poll_until([&] { return first.owned.size() == 1; }));
  Follower second(group, "same.0");
  second.consumer->subscribe({topic});
  bool fatal = false;
  const auto deadline = SteadyClock::now() + std::chrono::seconds(20);
  while (!fatal && SteadyClock::now() < deadline) {
    second.poll(Millis(20));
    try {
      first.poll(Millis(20));
    } catch (const KafkaError& error) {
      fatal = true;
      CHECK(error.severity() == Severity::fatal);
      CAPTURE(error.what());
    }
  }
  CHECK(fatal);
  REQUIRE(second.poll_until([&] { return second.owned.size() == 1; }));
}

TEST_CASE("leaving at any moment of joining neither hangs nor crashes") {
  if (!have_broker()) return;
  const std::string topic = make_topic("early", 2), group = fresh("group");
  for (const int wait_ms : {0, 1, 5, 20, 100, 300, 1000}) {
    Follower follower(group);
    follower.consumer->subscribe({topic});
    const auto end = SteadyClock::now() + Millis(wait_ms);
    while (SteadyClock::now() < end) follower.poll(Millis(1));
    const auto begin = SteadyClock::now();
    follower.consumer->leave(follower, false);
    CAPTURE(wait_ms);
    CHECK(SteadyClock::now() - begin < std::chrono::seconds(6));
  }
}

TEST_CASE("a position that retention has taken is an error, not a jump") {
  if (!have_broker()) return;
  const std::string topic = make_topic("gap", 1);
  fill(topic, 0, 0, 10);
  make_admin(broker_config())->delete_records({{{topic, 0}, 5, {}}});
  Follower follower(fresh("group"));
  follower.consumer->subscribe({topic});  // starts at 0
  try {
    follower.poll_until([&] { return follower.count > 0; });
    FAIL("read on");
  } catch (const KafkaError& error) {
    CAPTURE(error.what());
    CHECK(std::string(error.what()).find(topic) != std::string::npos);
  }
}
