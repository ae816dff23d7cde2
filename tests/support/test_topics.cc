// Topics and groups for shell tests, in milliseconds where Kafka's own commands need a JVM each.
//   test_topics create NAME PARTITIONS [K=V]...   returns once every partition has a leader
//   test_topics delete NAME...
//   test_topics grow NAME PARTITIONS               it has so many from then on
//   test_topics forget GROUP TOPIC [PARTITION]     the group's offsets in it are gone
//   test_topics ends NAME          one line per partition: PARTITION LOW HIGH (high watermark)
//   test_topics stable NAME        one line per partition: PARTITION LAST-STABLE-OFFSET HIGH (they differ
//   while a
//                                  transaction is open there)
//   test_topics committed GROUP TOPIC   one line per partition: PARTITION OFFSET METADATA ("-" if none)
//   test_topics members GROUP      one line per member: CLIENT-ID MEMBER-ID (which begins with a static
//                                  member's name) COUNT (of its partitions, of the first topic)
//   test_topics group GROUP        the group's state and its number of members, such as "Stable 3"
//   test_topics allow USER OPERATION KIND NAME [prefixed]   KIND: topic, group or cluster (its NAME
//                                  is kafka-cluster); OPERATION: read, write, create, describe,
//                                  describe-configs, delete, alter, alter-configs
// Brokers from $KUTILS_BROKERS. Exit 1 with a line on stderr when the broker says no.
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int kLimitMs = 30'000;

template <auto Destroy>
struct Deleter {
  template <typename T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};
using Client = std::unique_ptr<rd_kafka_t, Deleter<rd_kafka_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Deleter<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Deleter<rd_kafka_event_destroy>>;
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, Deleter<rd_kafka_AdminOptions_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Deleter<rd_kafka_NewTopic_destroy>>;
using DeleteTopic = std::unique_ptr<rd_kafka_DeleteTopic_t, Deleter<rd_kafka_DeleteTopic_destroy>>;
using Partitions =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Deleter<rd_kafka_topic_partition_list_destroy>>;

[[noreturn]] void fail(const std::string& why) { throw std::runtime_error(why); }

// A handle is told the high watermark as a partition's end only if it reads uncommitted; else, also a
// producer, the last stable offset.
Client connect(const char* group, bool committed = false) {
  const char* brokers = std::getenv("KUTILS_BROKERS");
  if (brokers == nullptr) fail("KUTILS_BROKERS is not set");
  char why[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
  rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
  rd_kafka_conf_set(conf, "isolation.level", committed ? "read_committed" : "read_uncommitted", why,
                    sizeof why);
  if (group != nullptr) rd_kafka_conf_set(conf, "group.id", group, why, sizeof why);
  rd_kafka_t* rk =
      rd_kafka_new(group != nullptr ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (rk == nullptr) fail(why);
  return Client(rk);
}

Options admin_options(rd_kafka_t* rk, rd_kafka_admin_op_t op) {
  Options options(rd_kafka_AdminOptions_new(rk, op));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kLimitMs, why, sizeof why);
  return options;
}

Event wait_for_result(rd_kafka_queue_t* queue) {
  Event event(rd_kafka_queue_poll(queue, kLimitMs + 1000));
  if (!event) fail("no answer from the broker");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail(rd_kafka_event_error_string(event.get()));
  return event;
}

void check_topics(const rd_kafka_topic_result_t** results, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* text = rd_kafka_topic_result_error_string(results[i]);
      fail(std::string(rd_kafka_topic_result_name(results[i])) + ": " +
           (text != nullptr ? text : rd_kafka_err2str(rd_kafka_topic_result_error(results[i]))));
    }
  }
}

// The number of partitions that have a leader; 0 for an unknown topic.
int partitions_with_leader(rd_kafka_t* rk, const std::string& name, int* total) {
  rd_kafka_topic_t* topic = rd_kafka_topic_new(rk, name.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto err = rd_kafka_metadata(rk, 0, topic, &metadata, kLimitMs);
  rd_kafka_topic_destroy(topic);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
  int led = 0;
  *total = 0;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    *total = metadata->topics[i].partition_cnt;
    for (int p = 0; p < metadata->topics[i].partition_cnt; ++p) {
      if (metadata->topics[i].partitions[p].leader >= 0) ++led;
    }
  }
  rd_kafka_metadata_destroy(metadata);
  return led;
}

void create(const std::vector<std::string>& args) {
  const std::string& name = args.at(0);
  const int count = std::stoi(args.at(1));
  const Client rk = connect(nullptr);
  char why[256];
  const NewTopic topic(rd_kafka_NewTopic_new(name.c_str(), count, -1, why, sizeof why));
  if (!topic) fail(why);
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t eq = args[i].find('=');
    if (eq == std::string::npos) fail("expected K=V, not " + args[i]);
    rd_kafka_NewTopic_set_config(topic.get(), args[i].substr(0, eq).c_str(), args[i].substr(eq + 1).c_str());
  }
  const Queue queue(rd_kafka_queue_new(rk.get()));
  const Options options = admin_options(rk.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(rk.get(), topics, 1, options.get(), queue.get());
  const Event event = wait_for_result(queue.get());
  size_t results = 0;
  const auto** result =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &results);
  check_topics(result, results);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLimitMs);
  int total = 0;
  while (partitions_with_leader(rk.get(), name, &total) < count) {
    if (std::chrono::steady_clock::now() > limit) fail(name + ": partitions have no leader");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void remove(const std::vector<std::string>& names) {
  const Client rk = connect(nullptr);
  std::vector<DeleteTopic> owned;
  std::vector<rd_kafka_DeleteTopic_t*> topics;
  for (const std::string& name : names) {
    owned.emplace_back(rd_kafka_DeleteTopic_new(name.c_str()));
    topics.push_back(owned.back().get());
  }
  const Queue queue(rd_kafka_queue_new(rk.get()));
  const Options options = admin_options(rk.get(), RD_KAFKA_ADMIN_OP_DELETETOPICS);
  rd_kafka_DeleteTopics(rk.get(), topics.data(), topics.size(), options.get(), queue.get());
  const Event event = wait_for_result(queue.get());
  size_t results = 0;
  const auto** result =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &results);
  check_topics(result, results);
}

void grow(const std::string& name, int count) {
  const Client rk = connect(nullptr);
  char why[256];
  rd_kafka_NewPartitions_t* more =
      rd_kafka_NewPartitions_new(name.c_str(), static_cast<size_t>(count), why, sizeof why);
  if (more == nullptr) fail(why);
  const Queue queue(rd_kafka_queue_new(rk.get()));
  const Options options = admin_options(rk.get(), RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
  rd_kafka_CreatePartitions(rk.get(), &more, 1, options.get(), queue.get());
  const Event event = wait_for_result(queue.get());
  rd_kafka_NewPartitions_destroy(more);
  size_t results = 0;
  const auto** result =
      rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &results);
  check_topics(result, results);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLimitMs);
  int total = 0;
  while (partitions_with_leader(rk.get(), name, &total) < count) {
    if (std::chrono::steady_clock::now() > limit) fail(name + ": not all partitions have a leader");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void forget(const std::string& group, const std::string& topic, int only) {
  const Client rk = connect(nullptr);
  int total = 0;
  partitions_with_leader(rk.get(), topic, &total);
  const Partitions list(rd_kafka_topic_partition_list_new(total));
  for (int p = 0; p < total; ++p)
    if (only < 0 || only == p) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p);
  rd_kafka_DeleteConsumerGroupOffsets_t* what =
      rd_kafka_DeleteConsumerGroupOffsets_new(group.c_str(), list.get());
  const Queue queue(rd_kafka_queue_new(rk.get()));
  const Options options = admin_options(rk.get(), RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS);
  rd_kafka_DeleteConsumerGroupOffsets(rk.get(), &what, 1, options.get(), queue.get());
  const Event event = wait_for_result(queue.get());
  rd_kafka_DeleteConsumerGroupOffsets_destroy(what);
}

void ends(const std::string& name) {
  const Client rk = connect(nullptr);
  int total = 0;
  partitions_with_leader(rk.get(), name, &total);
  if (total == 0) fail(name + ": no such topic");
  for (int p = 0; p < total; ++p) {
    int64_t low = 0;
    int64_t high = 0;
    const auto err = rd_kafka_query_watermark_offsets(rk.get(), name.c_str(), p, &low, &high, kLimitMs);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(err));
    std::printf("%d %lld %lld\n", p, static_cast<long long>(low), static_cast<long long>(high));
  }
}

void stable(const std::string& name) {
  const Client rk = connect(nullptr);
  const Client reader = connect("test_topics", true);
  int total = 0;
  partitions_with_leader(rk.get(), name, &total);
  if (total == 0) fail(name + ": no such topic");
  for (int p = 0; p < total; ++p) {
    int64_t low = 0;
    int64_t high = 0;
    int64_t last_stable = 0;
    for (const auto& [handle, end] : {std::pair{rk.get(), &high}, std::pair{reader.get(), &last_stable}}) {
      const auto err = rd_kafka_query_watermark_offsets(handle, name.c_str(), p, &low, end, kLimitMs);
      if (err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(err));
    }
    std::printf("%d %lld %lld\n", p, static_cast<long long>(last_stable), static_cast<long long>(high));
  }
}

void committed(const std::string& group, const std::string& topic) {
  const Client rk = connect(group.c_str(), true);  // waits for pending offsets
  int total = 0;
  partitions_with_leader(rk.get(), topic, &total);
  const Partitions list(rd_kafka_topic_partition_list_new(total));
  for (int p = 0; p < total; ++p) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p);
  const auto err = rd_kafka_committed(rk.get(), list.get(), kLimitMs);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(err));
  for (int i = 0; i < list->cnt; ++i) {
    const auto& part = list->elems[i];
    if (part.offset < 0) {
      std::printf("%d - \n", part.partition);
    } else {
      std::printf("%d %lld %.*s\n", part.partition, static_cast<long long>(part.offset),
                  static_cast<int>(part.metadata_size), static_cast<const char*>(part.metadata));
    }
  }
}

template <typename T>
T one_of(const std::vector<std::pair<std::string, T>>& known, const std::string& name) {
  for (const auto& [text, value] : known) {
    if (text == name) return value;
  }
  fail("unknown: " + name);
}

void allow(const std::string& user, const std::string& operation, const std::string& kind,
           const std::string& name, bool prefixed) {
  const auto op =
      one_of<rd_kafka_AclOperation_t>({{"read", RD_KAFKA_ACL_OPERATION_READ},
                                       {"write", RD_KAFKA_ACL_OPERATION_WRITE},
                                       {"create", RD_KAFKA_ACL_OPERATION_CREATE},
                                       {"delete", RD_KAFKA_ACL_OPERATION_DELETE},
                                       {"alter", RD_KAFKA_ACL_OPERATION_ALTER},
                                       {"alter-configs", RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS},
                                       {"describe", RD_KAFKA_ACL_OPERATION_DESCRIBE},
                                       {"describe-configs", RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS}},
                                      operation);
  const auto type = one_of<rd_kafka_ResourceType_t>({{"topic", RD_KAFKA_RESOURCE_TOPIC},
                                                     {"group", RD_KAFKA_RESOURCE_GROUP},
                                                     {"cluster", RD_KAFKA_RESOURCE_BROKER}},
                                                    kind);
  const Client rk = connect(nullptr);
  char why[256];
  rd_kafka_AclBinding_t* binding = rd_kafka_AclBinding_new(
      type, name.c_str(), prefixed ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL,
      ("User:" + user).c_str(), "*", op, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof why);
  if (binding == nullptr) fail(why);
  const Queue queue(rd_kafka_queue_new(rk.get()));
  const Options options = admin_options(rk.get(), RD_KAFKA_ADMIN_OP_CREATEACLS);
  rd_kafka_CreateAcls(rk.get(), &binding, 1, options.get(), queue.get());
  const Event event = wait_for_result(queue.get());
  rd_kafka_AclBinding_destroy(binding);
  size_t count = 0;
  const auto** results =
      rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    if (const auto* error = rd_kafka_acl_result_error(results[i])) fail(rd_kafka_error_string(error));
  }
}

// Of the first topic of an assignment: version, topics: name, partitions, in Kafka's binary form.
int32_t assigned(const rd_kafka_group_member_info& member) {
  const auto* bytes = static_cast<const unsigned char*>(member.member_assignment);
  const auto number = [&](int at, int size) {
    int32_t value = 0;
    for (int i = 0; i < size; ++i)
      value = value << 8 | (at + i < member.member_assignment_size ? bytes[at + i] : 0);
    return value;
  };
  return number(2, 4) > 0 ? number(8 + number(6, 2), 4) : 0;
}

void describe_group(const std::string& name, bool members) {
  const Client rk = connect(nullptr);
  const struct rd_kafka_group_list* groups = nullptr;
  const auto err = rd_kafka_list_groups(rk.get(), name.c_str(), &groups, kLimitMs);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(err));
  for (int i = 0; i < groups->group_cnt; ++i) {
    const auto& group = groups->groups[i];
    if (!members) std::printf("%s %d\n", group.state, group.member_cnt);
    for (int m = 0; members && m < group.member_cnt; ++m) {
      const auto& member = group.members[m];
      std::printf("%s %s %d\n", member.client_id, member.member_id, static_cast<int>(assigned(member)));
    }
  }
  rd_kafka_group_list_destroy(groups);
}

int run(const std::vector<std::string>& args) {
  const std::string verb = args.empty() ? "" : args[0];
  const std::vector<std::string> rest(args.begin() + (args.empty() ? 0 : 1), args.end());
  if (verb == "create" && rest.size() >= 2) {
    create(rest);
  } else if (verb == "grow" && rest.size() == 2) {
    grow(rest[0], std::stoi(rest[1]));
  } else if (verb == "forget" && (rest.size() == 2 || rest.size() == 3)) {
    forget(rest[0], rest[1], rest.size() == 3 ? std::atoi(rest[2].c_str()) : -1);
  } else if (verb == "delete" && !rest.empty()) {
    remove(rest);
  } else if (verb == "ends" && rest.size() == 1) {
    ends(rest[0]);
  } else if (verb == "stable" && rest.size() == 1) {
    stable(rest[0]);
  } else if (verb == "committed" && rest.size() == 2) {
    committed(rest[0], rest[1]);
  } else if (verb == "allow" && (rest.size() == 4 || rest.size() == 5)) {
    allow(rest[0], rest[1], rest[2], rest[3], rest.size() == 5);
  } else if (verb == "group" && rest.size() == 1) {
    describe_group(rest[0], false);
  } else if (verb == "members" && rest.size() == 1) {
    describe_group(rest[0], true);
  } else {
    std::fputs(
        "usage: test_topics create|delete|grow|forget|ends|stable|committed|allow|group|members ... (see its first lines)\n",
        stderr);
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "test_topics: %s\n", error.what());
    return 1;
  }
}
