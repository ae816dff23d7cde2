#include "broker.h"
#include "kafka/topic_refusal.h"

using namespace kutils;
using namespace kutils::kafka;
using namespace kutils::kafka::test;

TEST_CASE("bytes, NULLs, headers and times come back as they were sent") {
  if (!have_broker()) return;
  const std::string topic = make_topic("bytes", 1);
  const auto producer = make_idempotent_producer(broker_config());
  const std::string binary("\0\xff\n{", 4);
  const Header headers[] = {
      {"a", MaybeBytes(std::string_view(binary))}, {"a", MaybeBytes()}, {"", MaybeBytes(std::string_view())}};
  Output out;
  out.value = std::string_view(binary);
  out.headers = headers;
  out.timestamp = 1234567890123;
  producer->produce(topic, 0, out);  // NULL key
  Output tombstone;
  tombstone.key = std::string_view();  // empty, not NULL
  producer->produce(topic, 0, tombstone);
  producer->flush();
  CHECK(producer->delivered_offset(topic, 0) == 1);
  CHECK(producer->delivered_offset(topic, 0) == kNoOffset);
  CHECK(producer->delivered_offset("other", 0) == kNoOffset);

  Follower follower(fresh("group"));
  follower.consumer->subscribe({topic});
  Batch batch;
  std::vector<Record> seen;
  while (seen.size() < 2) {
    follower.consumer->poll(batch, Millis(100), follower);
    seen = batch.records();
  }
  CHECK(seen[0].key.is_null());
  CHECK(seen[0].value == MaybeBytes(std::string_view(binary)));
  CHECK(seen[0].timestamp == 1234567890123);
  CHECK(seen[0].timestamp_type == TimestampType::create_time);
  CHECK(seen[0].topic == topic);
  REQUIRE(seen[0].headers.size() == 3);
  CHECK(seen[0].headers[0].name == "a");
  CHECK(seen[0].headers[0].value == MaybeBytes(std::string_view(binary)));
  CHECK(seen[0].headers[1].value.is_null());
  CHECK(seen[0].headers[2].name.empty());
  CHECK_FALSE(seen[0].headers[2].value.is_null());
  CHECK(seen[0].headers[2].value.size() == 0);
  CHECK_FALSE(seen[1].key.is_null());
  CHECK(seen[1].key.size() == 0);
  CHECK(seen[1].value.is_null());
  CHECK(seen[1].headers.empty());
}

TEST_CASE("a full queue is waited for; a refused record fails the flush and only that one") {
  if (!have_broker()) return;
  const std::string topic = make_topic("full", 1, {{"max.message.bytes", "100000"}});
  ClientConfig config = broker_config();
  config.set("queue.buffering.max.messages", "100");
  const auto producer = make_idempotent_producer(config);
  for (int i = 0; i < 5000; ++i) producer->produce(topic, 0, output("k", "value"));
  CHECK_NOTHROW(producer->flush());
  const auto admin = make_admin(config);
  CHECK(admin->watermarks({topic, 0}).high == 5000);
  producer->produce(topic, 0, output("k", std::string(200'000, 'x')));
  try {
    producer->flush();
    FAIL("delivered");
  } catch (const KafkaError& error) {
    CHECK(error.code() == ExitCode::delivery);
    CHECK(std::string(error.what()).find(topic + " [0]") != std::string::npos);
  }
}

TEST_CASE("a transaction in which a record was refused: the next record says why, and it can be aborted") {
  if (!have_broker()) return;
  const std::string topic = make_topic("refused", 1, {{"max.message.bytes", "100000"}});
  const auto producer = make_transactional_producer(broker_config(), fresh("tx"));
  producer->init();
  producer->begin();
  producer->produce(topic, 0, output("k", std::string(200'000, 'x')));
  std::string why;
  const auto deadline = SteadyClock::now() + std::chrono::seconds(20);
  while (why.empty() && SteadyClock::now() < deadline) {
    try {
      usleep(1000);
      producer->produce(topic, 0, output("k", "value"));
    } catch (const KafkaError& error) {
      // Not to be tried again: who makes the next producer reads the topic's settings again.
      CHECK(error.severity() == Severity::fatal);
      CHECK(is_refused_by_settings(error));
      why = error.what();
    }
  }
  CHECK(why.find("delivery to " + topic + " [0] failed") == 0);
  producer->abort();
  producer->begin();
  producer->produce(topic, 0, output("k", "value"));
  producer->flush();
  producer->abort();
}

TEST_CASE("transactions: all or nothing, offsets and their metadata with them") {
  if (!have_broker()) return;
  const std::string in = make_topic("in", 2), out = make_topic("out", 1), group = fresh("group");
  fill(in, 0, 0, 5);
  fill(in, 1, 5, 10);
  Follower follower(group);
  follower.consumer->subscribe({in});
  const auto producer = make_transactional_producer(broker_config(), fresh("tx"));
  producer->init();
  REQUIRE(follower.poll_until([&] { return follower.count == 10; }));

  producer->begin();
  producer->produce(out, 0, output("k", "aborted"));
  producer->abort();

  producer->begin();
  producer->produce(out, 0, output("k", "committed"));
  auto offsets = follower.positions();
  for (auto& at : offsets) at.metadata = "fingerprint " + std::to_string(at.at.partition);
  const auto metadata = follower.consumer->group_metadata();
  REQUIRE(metadata.usable());
  CHECK(metadata.generation >= 0);
  producer->flush();
  CHECK(producer->delivered_offset(out, 0) >= 0);
  producer->send_offsets(offsets, metadata);
  producer->commit();

  const auto committed = follower.consumer->committed({{in, 0}, {in, 1}});
  REQUIRE(committed.size() == 2);
  for (const auto& at : committed) {
    CHECK(at.offset == 5);
    CHECK(at.metadata == "fingerprint " + std::to_string(at.at.partition));
  }
  const auto by_admin = make_admin(broker_config())->committed(group, {{in, 0}});
  CHECK(by_admin.at(0).offset == 5);
  CHECK(by_admin.at(0).metadata == "fingerprint 0");
  CHECK(make_admin(broker_config())->committed(fresh("none"), {{in, 0}}).at(0).offset == kOffsetNone);

  Follower reader(fresh("reader"));
  reader.consumer->subscribe({out});
  REQUIRE(reader.poll_until([&] { return reader.ends.count({out, 0}) > 0 && reader.count > 0; }));
  CHECK(reader.values[{out, 0}] == std::vector<std::string>{"committed"});
  reader.consumer->leave(reader, false);
  follower.consumer->leave(follower, false);
}

namespace {

// Five records of `in` whose offsets are in a transaction of the follower's group that a killed process left open.
void leave_offsets_open(Follower& follower, const std::string& in, const std::string& timeout_ms) {
  fill(in, 0, 0, 5);
  follower.consumer->subscribe({in});
  ClientConfig config = broker_config();
  config.set("transaction.timeout.ms", timeout_ms);
  const auto producer = make_transactional_producer(config, fresh("tx"));
  producer->init();
  REQUIRE(follower.poll_until([&] { return follower.count == 5; }));
  producer->begin();
  producer->send_offsets(follower.positions(), follower.consumer->group_metadata());
}  // its end is as a kill: the transaction stays open

}  // namespace

TEST_CASE("offsets that the transaction of a killed process holds are waited for, and it is said") {
  if (!have_broker()) return;
  const std::string in = make_topic("in", 1), group = fresh("group");
  Follower follower(group);
  // Longer by hand: past 30 s, for which an admin tries other calls again, the answer has to come as well.
  const char* limit = std::getenv("KUTILS_DEAD_TRANSACTION_MS");
  leave_offsets_open(follower, in, limit ? limit : "4000");

  std::vector<std::string> notes;
  ClientConfig asking = broker_config();
  asking.set_note([&](const std::string& text) { notes.push_back(text); });
  const auto committed = make_admin(asking)->committed(group, {{in, 0}});
  CHECK(committed.at(0).offset == kOffsetNone);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("waiting for the offsets of group " + group) == 0);
  follower.consumer->leave(follower, false);
}

TEST_CASE("a member that waits for the group's offsets says so, too") {
  if (!have_broker()) return;
  const std::string in = make_topic("in", 1), group = fresh("group");
  Follower follower(group);
  leave_offsets_open(follower, in, "8000");  // longer than one call

  std::vector<std::string> notes;
  ClientConfig asking = broker_config();
  asking.set_note([&](const std::string& text) { notes.push_back(text); });
  const auto consumer = make_group_consumer(asking, group, "");
  CHECK(consumer->committed({{in, 0}}).at(0).offset == kOffsetNone);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("waiting for the offsets of group " + group) == 0);
  follower.consumer->leave(follower, false);
}

TEST_CASE("offsets without a member of the group are refused before they are sent") {
  if (!have_broker()) return;
  const std::string in = make_topic("in", 1);
  const auto producer = make_transactional_producer(broker_config(), fresh("tx"));
  producer->init();
  producer->begin();
  Follower never_joined(fresh("group"));
  const auto metadata = never_joined.consumer->group_metadata();
  CHECK_FALSE(metadata.usable());
  try {
    producer->send_offsets({{{in, 0}, 1, {}}}, metadata);
    FAIL("sent");
  } catch (const KafkaError& error) {
    CHECK(error.severity() == Severity::abort);
  }
  producer->abort();
}

TEST_CASE("a second producer of the same id fences the first: fatal") {
  if (!have_broker()) return;
  const std::string out = make_topic("out", 1), id = fresh("tx");
  const auto first = make_transactional_producer(broker_config(), id);
  first->init();
  first->begin();
  first->produce(out, 0, output("k", "zombie"));
  first->flush();
  const auto second = make_transactional_producer(broker_config(), id);
  second->init();  // aborts what the first left open
  try {
    first->commit();
    FAIL("committed");
  } catch (const KafkaError& error) {
    CHECK(error.severity() == Severity::fatal);
    CHECK(error.code() == ExitCode::delivery);
  }
  second->begin();
  second->produce(out, 0, output("k", "right"));
  second->commit();
  Follower reader(fresh("reader"));
  reader.consumer->subscribe({out});
  REQUIRE(reader.poll_until([&] { return reader.count > 0; }));
  CHECK(reader.values[{out, 0}].front() == "right");
}

TEST_CASE("an abort with records in flight, many times") {
  if (!have_broker()) return;
  const std::string out = make_topic("out", 2);
  const auto producer = make_transactional_producer(broker_config(), fresh("tx"));
  producer->init();
  for (int round = 0; round < 40; ++round) {
    producer->begin();
    for (int i = 0; i < 2000; ++i) producer->produce(out, i % 2, output("k", "value"));
    if (round % 2) {
      producer->abort();
    } else {
      producer->flush();
      producer->commit();
    }
  }
}
