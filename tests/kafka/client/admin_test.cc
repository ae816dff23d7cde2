#include <signal.h>

#include <filesystem>
#include <fstream>

#include "broker.h"

using namespace kutils;
using namespace kutils::kafka;
using namespace kutils::kafka::test;

namespace {

KafkaError connect_error(const ClientConfig& config, Millis limit, Millis& took) {
  const auto begin = SteadyClock::now();
  try {
    make_admin(config)->connect(limit);
  } catch (const KafkaError& error) {
    took = std::chrono::duration_cast<Millis>(SteadyClock::now() - begin);
    return error;
  }
  FAIL("connected");
  throw;
}

}  // namespace

TEST_CASE("topics: made with count and settings, found, never made by being asked for") {
  if (!have_broker()) return;
  const auto admin = make_admin(broker_config());
  admin->connect(Millis(5000));
  CHECK_FALSE(admin->is_in_memory());
  const std::string name =
      make_topic("made", 3, {{"max.message.bytes", "12345"}, {"cleanup.policy", "compact"}});
  const auto found = admin->find_topic(name);
  REQUIRE(found);
  CHECK(found->partitions == 3);
  CHECK(found->replication >= 1);
  auto settings = admin->topic_config(name);
  CHECK(settings["max.message.bytes"] == "12345");
  CHECK(settings["cleanup.policy"] == "compact");
  CHECK(settings.count("message.timestamp.after.max.ms") == 1);
  const std::string absent = fresh("absent");
  CHECK_FALSE(admin->find_topic(absent));
  CHECK_FALSE(admin->find_topic(absent));
  NewTopic again;
  again.name = name;
  CHECK_NOTHROW(admin->create_topic(again));
  NewTopic bad;
  bad.name = fresh("bad");
  bad.config["no.such.setting"] = "1";
  try {
    admin->create_topic(bad);
    FAIL("created");
  } catch (const KafkaError& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(std::string(error.what()).find("no.such.setting") != std::string::npos);
  }
}

TEST_CASE("ends through an open transaction, offsets by time, deletion of records") {
  if (!have_broker()) return;
  const std::string topic = make_topic("ends", 2);
  fill(topic, 0, 0, 10);
  const auto admin = make_admin(broker_config());
  CHECK(admin->watermarks({topic, 0}).high == 10);
  CHECK(admin->watermarks({topic, 1}).high == 0);
  const auto open = make_transactional_producer(broker_config(), fresh("open"));
  open->init();
  open->begin();
  open->produce(topic, 0, output("k", "open"));
  open->flush();
  CHECK(admin->watermarks({topic, 0}).high == 11);  // the last stable offset would say 10
  open->abort();
  // The marker is written after the abort was answered.
  const auto deadline = SteadyClock::now() + std::chrono::seconds(10);
  while (admin->watermarks({topic, 0}).high != 12 && SteadyClock::now() < deadline) continue;
  CHECK(admin->watermarks({topic, 0}).high == 12);

  Output timed = output("k", "timed");
  const auto producer = make_idempotent_producer(broker_config());
  const int64_t now = SystemClock().wall_ms();
  timed.timestamp = now - 60'000;
  producer->produce(topic, 1, timed);
  timed.timestamp = now - 30'000;
  producer->produce(topic, 1, timed);
  producer->flush();
  const std::vector<TopicPartition> one{{topic, 1}};
  CHECK(admin->offsets_for_time(one, now - 90'000).at(0).offset == 0);
  CHECK(admin->offsets_for_time(one, now - 45'000).at(0).offset == 1);
  CHECK(admin->offsets_for_time(one, now).at(0).offset == 2);

  admin->delete_records({{{topic, 0}, 4, {}}});
  CHECK(admin->watermarks({topic, 0}).low == 4);
}

TEST_CASE("nobody answers: said within the limit, with address and reason") {
  Millis took{};
  ClientConfig config;
  config.set_brokers("127.0.0.1:1");
  const auto refused = connect_error(config, Millis(1500), took);
  CHECK(refused.code() == ExitCode::connection);
  CHECK(took < Millis(2500));
  CHECK(std::string(refused.what()).find("127.0.0.1:1") != std::string::npos);
  CHECK(std::string(refused.what()).find("Connection refused") != std::string::npos);
  CAPTURE(refused.what());

  config.set_brokers("no-such-host.invalid:9092");
  const auto unknown = connect_error(config, Millis(1500), took);
  CHECK(unknown.code() == ExitCode::connection);
  CHECK(std::string(unknown.what()).find("no-such-host.invalid") != std::string::npos);

  CHECK_THROWS_AS(make_admin(ClientConfig()), Error);
}

TEST_CASE("SASL: right and wrong password, and none where one is needed") {
  const char* brokers = std::getenv("KUTILS_SASL_BROKERS");
  if (!brokers) return;
  ClientConfig config;
  config.set_brokers(brokers);
  Millis took{};
  const auto plaintext = connect_error(config, Millis(2000), took);
  CHECK(plaintext.code() == ExitCode::connection);
  config.set("security.protocol", "SASL_PLAINTEXT");
  config.set("sasl.mechanism", "PLAIN");
  config.set("sasl.username", "kutils");
  config.set("sasl.password", "wrong");
  const auto wrong = connect_error(config, Millis(10000), took);
  CHECK(wrong.code() == ExitCode::connection);
  CHECK(took < Millis(3000));
  CAPTURE(wrong.what());
  CHECK(std::string(wrong.what()).find("uthentication") != std::string::npos);
  CHECK(wrong.hint().find("sasl.password") != std::string::npos);
  config.set("sasl.password", "kutils-secret");
  CHECK_NOTHROW(make_admin(config)->connect(Millis(5000)));
}

TEST_CASE("TLS to a listener without it is said, with what to check") {
  if (!have_broker()) return;
  ClientConfig config = broker_config();
  config.set("security.protocol", "SSL");
  Millis took{};
  const auto error = connect_error(config, Millis(2000), took);
  CHECK(error.code() == ExitCode::connection);
  CHECK(error.hint().find("security.protocol") != std::string::npos);
}

// Run by three_nodes.bats: a broker may lead a partition that it has not heard of yet.
TEST_CASE("the ends of a topic that was made a moment ago, on several nodes", "[.created]") {
  if (!have_broker()) return;
  const auto admin = make_admin(broker_config());
  for (int i = 0; i < 30; ++i) {
    const std::string topic = make_topic("new", 3);
    for (int32_t p = 0; p < 3; ++p) CHECK(admin->watermarks({topic, p}).high == 0);
    CHECK(admin->offsets_for_time({{topic, 0}, {topic, 2}}, 0).size() == 2);
    CHECK(admin->topic_config(topic).size() > 1);
  }
}

// Run by three_nodes.bats on nodes of its own: it kills one, whose partitions get another leader.
TEST_CASE("the ends of a topic whose leader has died since they were asked for", "[.leader]") {
  const char* cluster = std::getenv("KUTILS_KAFKA_DIR");
  if (!have_broker() || !cluster) return;
  pid_t node = 0;
  REQUIRE(std::ifstream(std::filesystem::path(cluster) / "node1" / "pid") >> node);
  const std::string topic = make_topic("in", 3);
  const auto admin = make_admin(broker_config());
  for (int32_t p = 0; p < 3; ++p) CHECK(admin->watermarks({topic, p}).high == 0);
  REQUIRE(kill(node, SIGKILL) == 0);
  for (int32_t p = 0; p < 3; ++p) CHECK(admin->watermarks({topic, p}).high == 0);
}

// Run by three_nodes.bats on nodes of its own: it stops them.
TEST_CASE("a group that is asked about while no broker answers", "[.frozen]") {
  const char* cluster = std::getenv("KUTILS_KAFKA_DIR");
  if (!have_broker() || !cluster) return;
  std::vector<pid_t> nodes;
  for (const auto& entry : std::filesystem::directory_iterator(cluster)) {
    pid_t pid = 0;
    if (std::ifstream(entry.path() / "pid") >> pid) nodes.push_back(pid);
  }
  REQUIRE(nodes.size() == 3);
  const std::string topic = make_topic("in", 2);
  const std::string group = fresh("group");
  Follower follower(group);
  follower.consumer->subscribe({topic});
  REQUIRE(follower.poll_until([&] { return follower.owned.size() == 2; }));
  const auto admin = make_admin(broker_config());
  CHECK(admin->group_members(group).size() == 1);
  const auto other = make_admin(broker_config());  // knows no coordinator yet
  other->connect(Millis(5000));
  for (const pid_t node : nodes) kill(node, SIGSTOP);
  CHECK_FALSE(admin->coverage(group, {{topic, 0}}).settled);
  CHECK_FALSE(other->coverage(group, {{topic, 0}}).settled);
  for (const pid_t node : nodes) kill(node, SIGCONT);
  // librdkafka looking for the coordinator itself aborted the process here.
  CHECK(other->group_members(group).size() == 1);
  CHECK(admin->group_members(group).size() == 1);
  GroupCoverage coverage;
  CHECK(follower.poll_until([&] {
    coverage = other->coverage(group, {{topic, 0}, {topic, 1}, {topic, 2}});
    return coverage.settled;
  }));
  REQUIRE(coverage.left_out.size() == 1);
  CHECK(coverage.left_out[0].partition == 2);
}
