// Admin over librdkafka: a consumer handle without a group that reads uncommitted, so that its watermarks are
// the logs' ends.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "base/signal.h"
#include "kafka/client.h"
#include "kafka/cluster_admin.h"
#include "kafka/ends_of_many.h"
#include "kafka/suspend_aware_deadline.h"
#include "kafka/tls_failure.h"

namespace kutils::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Of one call to the client, and of one order to the cluster, whose answer is awaited a little longer.
struct Limits {
  int call_ms;
  int order_ms;
  Millis retry;
};
constexpr Limits kRetrying{5000, 15'000, Millis(30'000)};
constexpr Limits kOnce{2000, 2000, Millis(0)};
constexpr const char* kDefaultMaxMessageBytes = "1048588";  // a broker's message.max.bytes
constexpr int kCommittedMs = 1500;  // a refusal comes apart from the answer, which then never comes
constexpr auto kDescribeLimit = std::chrono::seconds(3);
constexpr auto kEndLimit = std::chrono::seconds(3);
constexpr Millis kTlsLimit{1000};  // what was refused once in a TLS handshake is refused again
constexpr size_t kWatermarksAtOnce = 1000;
constexpr auto kNewsLimit = std::chrono::seconds(3);  // until each broker knows of a topic that one has made
constexpr int kGlanceMs = 100;  // how long we may not see that the program is asked to end

using AdminOptionsHandle = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;
using NewTopicHandle = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
using ConfigResourceHandle =
    std::unique_ptr<rd_kafka_ConfigResource_t, Destroy<rd_kafka_ConfigResource_destroy>>;
using DeleteRecordsHandle =
    std::unique_ptr<rd_kafka_DeleteRecords_t, Destroy<rd_kafka_DeleteRecords_destroy>>;
using DeleteTopicHandle = std::unique_ptr<rd_kafka_DeleteTopic_t, Destroy<rd_kafka_DeleteTopic_destroy>>;
using NewPartitionsHandle =
    std::unique_ptr<rd_kafka_NewPartitions_t, Destroy<rd_kafka_NewPartitions_destroy>>;
using DeleteGroupHandle = std::unique_ptr<rd_kafka_DeleteGroup_t, Destroy<rd_kafka_DeleteGroup_destroy>>;
using ListOffsetsHandle =
    std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Destroy<rd_kafka_ListConsumerGroupOffsets_destroy>>;
using DeleteOffsetsHandle = std::unique_ptr<rd_kafka_DeleteConsumerGroupOffsets_t,
                                            Destroy<rd_kafka_DeleteConsumerGroupOffsets_destroy>>;

// "host:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)"
// -> "host:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused"
std::string plain(std::string text) {
  const size_t bootstrap = text.find("/bootstrap");
  if (bootstrap != std::string::npos) text.erase(bootstrap, std::string_view("/bootstrap").size());
  const size_t after = text.rfind(" (after ");
  if (after != std::string::npos) text.erase(after);
  return text;
}

class LibrdkafkaAdmin final : public ClusterAdmin {
 public:
  explicit LibrdkafkaAdmin(const ClientConfig& config)
      // A broker that expects TLS hangs up: without log.connection.close that would be no event.
      : config_(config),
        client_(RD_KAFKA_CONSUMER, config,
                {{"isolation.level", "read_uncommitted"}, {"log.connection.close", "true"}}, 0) {
    client_.events().set_notes_outages(false);
  }

  void connect(Millis limit) override {
    SuspendAwareDeadline awake(limit, Millis(400));
    SuspendAwareDeadline handshakes(std::min(limit, kTlsLimit), Millis(400));
    for (;;) {
      const rd_kafka_metadata_t* raw = nullptr;
      const auto code = rd_kafka_metadata(client_.get(), 0, nullptr, &raw, 200);
      const MetadataHandle metadata(raw);
      rd_kafka_poll(client_.get(), 0);  // lets it tell what went wrong
      if (!code && metadata->broker_cnt > 0) {
        client_.events().set_notes_outages(true);
        return;
      }
      const auto refused = client_.events().authentication_failure();
      if (asked_to_end()) throw Interrupted();
      const bool had_time = handshakes.is_over();
      if (refused || awake.is_over() || (had_time && all_failed_in_tls()))
        throw no_connection(code, refused.has_value());
    }
  }

  void try_once() override { limits_ = kOnce; }

  bool is_in_memory() override { return cluster_id().rfind("mockCluster", 0) == 0; }

  std::string cluster_id() override {
    if (cluster_id_.empty()) {
      char* id = rd_kafka_clusterid(client_.get(), limits_.call_ms);
      if (!id) throw no_connection(RD_KAFKA_RESP_ERR__TIMED_OUT, false);
      cluster_id_ = id;
      rd_kafka_mem_free(client_.get(), id);
    }
    return cluster_id_;
  }

  std::optional<TopicInfo> find_topic(const std::string& name) override {
    // Found in the whole list: asked for by name, a topic is made by brokers that make topics on mention (the
    // in-memory one does so whatever allow.auto.create.topics says).
    const auto found = look_up(client_, name, false);
    // Topics that we may not see are not in the list. Asked for by name, the cluster says that it is so.
    return found || is_in_memory() ? found : look_up(client_, name, true);
  }

  std::vector<TopicInfo> topics() override {
    std::vector<TopicInfo> out;
    const MetadataHandle metadata = retried("list of topics", [&](const rd_kafka_metadata_t** raw) {
      return rd_kafka_metadata(client_.get(), 1, nullptr, raw, limits_.call_ms);
    });
    for (int i = 0; i < metadata->topic_cnt; ++i) out.push_back(info_of(metadata->topics[i]));
    return out;
  }

  bool create_topic(const NewTopic& topic) override {
    bool is_ours = true;
    if (is_in_memory()) {
      create_in_memory(topic);
    } else {
      is_ours = create_on_broker(topic);
    }
    // Leaders come a moment later, and on each broker at its own time.
    const auto deadline = SteadyClock::now() + limits_.retry;
    for (;;) {
      const auto found = find_topic(topic.name);
      if (found && found->partitions > 0) return is_ours;
      if (SteadyClock::now() > deadline)
        throw Error(ExitCode::connection, "topic " + topic.name + " was created and does not appear");
      std::this_thread::sleep_for(Millis(20));
    }
  }

  std::map<std::string, std::string> topic_config(const std::string& name) override {
    const auto known_by = SteadyClock::now() + kNewsLimit;
    for (;;) {
      try {
        return describe_config(name);
      } catch (const KafkaError& error) {
        if (error.is_not_authorized()) break;
        if (!error.is_unknown_topic() || !may_come(known_by)) throw;
      }
      std::this_thread::sleep_for(Millis(20));
    }
    if (config_.note() && is_first_note_of(name))
      config_.note()("the settings of topic " + name +
                     " may not be read (permission DescribeConfigs): assuming the broker's defaults");
    return {{"max.message.bytes", kDefaultMaxMessageBytes}};
  }

  Watermarks watermarks(const TopicPartition& partition) override {
    Watermarks out;
    retry("ends of " + to_string(partition), [&, known_by = SteadyClock::now() + kNewsLimit] {
      auto code = query(partition, RD_KAFKA_OFFSET_BEGINNING, out.low);
      if (!code) code = query(partition, RD_KAFKA_OFFSET_END, out.high);
      return code ? learn(partition, code, known_by) : code;
    });
    return out;
  }

  std::vector<PartitionOffset> offsets_for_time(const std::vector<TopicPartition>& partitions,
                                                int64_t ms) override {
    std::vector<PartitionOffset> out;
    if (partitions.empty()) return out;
    // No record is older, and to a broker -1 is the end of a topic, -2 its beginning, less than that unknown.
    ms = std::max<int64_t>(ms, 0);
    retry("offsets by time", [&, known_by = SteadyClock::now() + kNewsLimit] {
      const PartitionListHandle list = to_list(partitions);
      for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = ms;
      auto code = rd_kafka_offsets_for_times(client_.get(), list.get(), limits_.call_ms);
      int first_bad = 0;
      for (int i = 0; !code && i < list->cnt; first_bad = i++) code = list->elems[i].err;
      if (code) return learn(partitions[static_cast<size_t>(first_bad)], code, known_by);
      out = from_list(list.get());
      return code;
    });
    for (PartitionOffset& found : out) {
      if (found.offset < 0) found.offset = watermarks(found.at).high;
    }
    return out;
  }

  std::vector<PartitionOffset> committed(const std::string& group,
                                         const std::vector<TopicPartition>& partitions) override {
    std::vector<PartitionOffset> out;
    if (partitions.empty()) return out;
    Client& member = member_of(group);
    bool noted = false;
    retry(
        "committed offsets of group " + group,
        [&] {
          const PartitionListHandle list = to_list(partitions);
          const auto code = ask_committed(member, list.get());
          if (!code) out = from_list(list.get());
          if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) return code;
          if (is_refused(member.get())) return RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
          if (!noted && config_.note() && limits_.retry > Millis(0) && are_held(group, partitions)) {
            noted = true;
            config_.note()("waiting for the offsets of group " + group +
                           ": a transaction that is open holds them; that of a process that was killed "
                           "is ended by the broker after its transaction.timeout.ms");
          }
          return code;
        },
        limits_.retry > Millis(0) ? config_.transaction_ends_within() : limits_.retry);
    return out;
  }

  std::vector<GroupMember> group_members(const std::string& group) override {
    std::vector<GroupMember> members;
    if (is_in_memory()) return members;
    Description found;
    retry("description of group " + group, [&] { return describe(group, found); });
    if (!found.group) return members;
    const size_t count = rd_kafka_ConsumerGroupDescription_member_count(found.group);
    for (size_t i = 0; i < count; ++i) {
      const auto* member = rd_kafka_ConsumerGroupDescription_member(found.group, i);
      const char* instance = rd_kafka_MemberDescription_group_instance_id(member);
      const char* id = rd_kafka_MemberDescription_consumer_id(member);
      members.push_back({instance ? instance : "", id ? id : ""});
    }
    return members;
  }

  GroupCoverage coverage(const std::string& group, const std::vector<TopicPartition>& all) override {
    if (is_in_memory()) return {true, {}};
    Description found;
    if (describe(group, found) != RD_KAFKA_RESP_ERR_NO_ERROR || !found.group) return {};
    if (rd_kafka_ConsumerGroupDescription_state(found.group) != RD_KAFKA_CONSUMER_GROUP_STATE_STABLE)
      return {};
    std::set<TopicPartition> given;
    const size_t count = rd_kafka_ConsumerGroupDescription_member_count(found.group);
    for (size_t i = 0; i < count; ++i) {
      const auto* assignment =
          rd_kafka_MemberDescription_assignment(rd_kafka_ConsumerGroupDescription_member(found.group, i));
      if (!assignment) continue;
      for (const TopicPartition& at : partitions_of(rd_kafka_MemberAssignment_partitions(assignment)))
        given.insert(at);
    }
    GroupCoverage out{true, {}};
    for (const TopicPartition& at : all) {
      if (given.count(at) == 0) out.left_out.push_back(at);
    }
    return out;
  }

  void delete_records(const std::vector<PartitionOffset>& before) override {
    if (before.empty() || is_in_memory()) return;
    const PartitionListHandle list = to_list(before);
    const DeleteRecordsHandle request(rd_kafka_DeleteRecords_new(list.get()));
    rd_kafka_DeleteRecords_t* raw = request.get();
    const EventHandle event =
        admin_call("deletion of records", RD_KAFKA_ADMIN_OP_DELETERECORDS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_DeleteRecords(client_.get(), &raw, 1, options, queue);
                   });
    const auto* results =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
    for (int i = 0; i < results->cnt; ++i) {
      if (results->elems[i].err)
        throw to_error(results->elems[i].err,
                       "deletion of records of " + std::string(results->elems[i].topic), ExitCode::delivery,
                       Severity::fatal);
    }
  }

  std::map<std::string, TopicSettings> settings(const std::vector<std::string>& topics) override {
    return describe_configs(topics, "settings of topics", [](const KafkaError& error) {
      if (!error.is_not_authorized() && !error.is_unknown_topic()) throw error;
    });
  }

  std::vector<PartitionPlaces> places(const std::string& topic) override {
    const MetadataHandle metadata =
        retried("look-up of topic " + topic, [&](const rd_kafka_metadata_t** raw) {
          return rd_kafka_metadata(client_.get(), 1, nullptr, raw, limits_.call_ms);
        });
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      const rd_kafka_metadata_topic_t& found = metadata->topics[i];
      if (topic != found.topic) continue;
      std::vector<PartitionPlaces> out(static_cast<size_t>(found.partition_cnt));
      for (int p = 0; p < found.partition_cnt; ++p) {
        const rd_kafka_metadata_partition_t& one = found.partitions[p];
        if (one.id < 0 || one.id >= found.partition_cnt) continue;
        PartitionPlaces& at = out[static_cast<size_t>(one.id)];
        at.leader = one.leader;
        at.replicas.assign(one.replicas, one.replicas + one.replica_cnt);
        at.in_sync.assign(one.isrs, one.isrs + one.isr_cnt);
      }
      return out;
    }
    throw usage_error("there is no topic '" + topic + "'");
  }

  std::map<TopicPartition, Watermarks> all_watermarks(
      const std::vector<TopicPartition>& partitions) override {
    std::map<TopicPartition, Watermarks> out;
    for (size_t from = 0; from < partitions.size(); from += kWatermarksAtOnce) {
      const auto first = partitions.begin() + static_cast<std::ptrdiff_t>(from);
      const auto count = static_cast<std::ptrdiff_t>(std::min(kWatermarksAtOnce, partitions.size() - from));
      const std::vector<TopicPartition> some(first, first + count);
      std::map<TopicPartition, int64_t> low, high;
      retry("ends of partitions", [&, known_by = SteadyClock::now() + kNewsLimit] {
        auto code = query(some, RD_KAFKA_OFFSET_BEGINNING, low);
        if (!code) code = query(some, RD_KAFKA_OFFSET_END, high);
        return code ? learn(some.front(), code, known_by) : code;
      });
      for (const auto& [at, begin] : low) {
        if (const auto end = high.find(at); end != high.end()) out[at] = {begin, end->second};
      }
    }
    return out;
  }

  bool delete_topic(const std::string& topic) override {
    const DeleteTopicHandle request(rd_kafka_DeleteTopic_new(topic.c_str()));
    rd_kafka_DeleteTopic_t* raw = request.get();
    const std::string what = "topic " + topic + " cannot be deleted";
    const EventHandle event =
        admin_call("deletion of topic " + topic, RD_KAFKA_ADMIN_OP_DELETETOPICS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_DeleteTopics(client_.get(), &raw, 1, options, queue);
                   });
    size_t count = 0;
    const auto* const* results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
    if (count == 1 && rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      return false;
    check_topics(results, count, what);
    SuspendAwareDeadline awake(limits_.retry, Millis(limits_.call_ms + 1000));
    while (find_topic(topic)) {
      if (is_over(awake))
        throw Error(ExitCode::connection, "topic " + topic + " was deleted and is still there");
      std::this_thread::sleep_for(Millis(20));
    }
    return true;
  }

  void grow_topic(const std::string& topic, int32_t partitions) override {
    char why[512] = "";
    const std::string what = "partitions cannot be added to topic " + topic;
    const NewPartitionsHandle request(
        rd_kafka_NewPartitions_new(topic.c_str(), static_cast<size_t>(partitions), why, sizeof why));
    if (!request) throw usage_error(what + ": " + why);
    rd_kafka_NewPartitions_t* raw = request.get();
    const EventHandle event =
        admin_call("partitions of topic " + topic, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_CreatePartitions(client_.get(), &raw, 1, options, queue);
                   });
    size_t count = 0;
    const auto* const* results =
        rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
    check_topics(results, count, what);
    SuspendAwareDeadline awake(limits_.retry, Millis(limits_.call_ms + 1000));
    for (;;) {
      const auto now = find_topic(topic);
      if (now && now->partitions >= partitions) return;
      if (is_over(awake))
        throw Error(ExitCode::connection, "partitions were added to topic " + topic + " and do not appear");
      std::this_thread::sleep_for(Millis(20));
    }
  }

  void alter_topic(const std::string& topic, const std::map<std::string, std::string>& set,
                   const std::vector<std::string>& unset) override {
    const std::string what = "settings of topic " + topic;
    std::map<std::string, std::string> wanted;
    const auto all = describe_configs({topic}, what, [](const KafkaError& error) { throw error; });
    for (const auto& [name, setting] : all.at(topic))
      if (setting.is_own) wanted[name] = setting.value;
    for (const std::string& name : unset) wanted.erase(name);
    for (const auto& [name, value] : set) wanted[name] = value;
    const ConfigResourceHandle resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    for (const auto& [name, value] : wanted)
      rd_kafka_ConfigResource_set_config(resource.get(), name.c_str(), value.c_str());
    rd_kafka_ConfigResource_t* raw = resource.get();
    const EventHandle event =
        admin_call(what, RD_KAFKA_ADMIN_OP_ALTERCONFIGS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_AlterConfigs(client_.get(), &raw, 1, options, queue);
                   });
    size_t count = 0;
    const auto* const* results =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event.get()), &count);
    for (size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_ConfigResource_error(results[i]);
      const char* text = rd_kafka_ConfigResource_error_string(results[i]);
      if (code)
        throw to_error(code, what + " cannot be changed", ExitCode::usage, Severity::fatal, text ? text : "");
    }
  }

  std::vector<GroupListing> groups() override {
    const EventHandle event =
        admin_call("list of groups", RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_ListConsumerGroups(client_.get(), options, queue);
                   });
    const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
    size_t count = 0;
    const auto* const* errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
    if (count > 0) throw to_error(errors[0], "list of groups", ExitCode::connection, Severity::fatal);
    const auto* const* valid = rd_kafka_ListConsumerGroups_result_valid(result, &count);
    std::vector<GroupListing> out;
    for (size_t i = 0; i < count; ++i) {
      out.push_back({rd_kafka_ConsumerGroupListing_group_id(valid[i]),
                     rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(valid[i]))});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  }

  GroupDescription describe_group(const std::string& group) override {
    Description found;
    retry("description of group " + group, [&] { return describe(group, found); });
    GroupDescription out;
    out.state =
        rd_kafka_consumer_group_state_name(found.group ? rd_kafka_ConsumerGroupDescription_state(found.group)
                                                       : RD_KAFKA_CONSUMER_GROUP_STATE_DEAD);
    if (!found.group) return out;
    const size_t count = rd_kafka_ConsumerGroupDescription_member_count(found.group);
    const auto text = [](const char* value) { return std::string(value ? value : ""); };
    for (size_t i = 0; i < count; ++i) {
      const auto* member = rd_kafka_ConsumerGroupDescription_member(found.group, i);
      MemberDescription& one = out.members.emplace_back();
      one.client_id = text(rd_kafka_MemberDescription_client_id(member));
      one.instance_id = text(rd_kafka_MemberDescription_group_instance_id(member));
      one.host = text(rd_kafka_MemberDescription_host(member));
      if (const auto* assignment = rd_kafka_MemberDescription_assignment(member))
        one.partitions = partitions_of(rd_kafka_MemberAssignment_partitions(assignment));
    }
    return out;
  }

  std::vector<PartitionOffset> all_committed(const std::string& group, bool stable) override {
    std::vector<PartitionOffset> out;
    // By a client with a group, whichever: told by a broker that it is not the coordinator, librdkafka has the
    // client's group look for it, and crashes where the client has none (2.0). One for all groups.
    Client& member = groups_.empty() ? member_of(group) : *groups_.begin()->second;
    retry("committed offsets of group " + group, [&] {
      return ask_coordinator([&](int32_t broker) {
        const ListOffsetsHandle request(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr));
        rd_kafka_ListConsumerGroupOffsets_t* raw = request.get();
        EventHandle event;
        const auto failed = order_at(
            member, broker, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, event,
            [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
              const ErrorHandle refused(rd_kafka_AdminOptions_set_require_stable_offsets(options, stable ? 1 : 0));
              rd_kafka_ListConsumerGroupOffsets(member.get(), &raw, 1, options, queue);
            });
        if (failed) return failed;
        size_t count = 0;
        const auto* const* results = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
        const auto code = first_error(results, count);
        if (code || count != 1) return code;
        out = from_list(rd_kafka_group_result_partitions(results[0]));
        return RD_KAFKA_RESP_ERR_NO_ERROR;
      });
    });
    out.erase(std::remove_if(out.begin(), out.end(), [](const auto& one) { return one.offset < 0; }),
              out.end());
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    return out;
  }

  void commit(const std::string& group, const std::vector<PartitionOffset>& offsets) override {
    if (offsets.empty()) return;
    Client& member = member_of(group);
    retry("commit of offsets of group " + group, [&] {
      const PartitionListHandle list = to_list(offsets);
      auto code = rd_kafka_commit(member.get(), list.get(), 0);
      for (int i = 0; !code && i < list->cnt; ++i) code = list->elems[i].err;
      return code;
    });
  }

  bool delete_group(const std::string& group) override {
    bool was_there = false;
    retry("deletion of group " + group, [&] {
      return ask_coordinator([&](int32_t broker) {
        const DeleteGroupHandle request(rd_kafka_DeleteGroup_new(group.c_str()));
        rd_kafka_DeleteGroup_t* raw = request.get();
        EventHandle event;
        const auto failed = order_at(client_, broker, RD_KAFKA_ADMIN_OP_DELETEGROUPS, event,
                                     [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                       rd_kafka_DeleteGroups(client_.get(), &raw, 1, options, queue);
                                     });
        if (failed) return failed;
        size_t count = 0;
        // Not as one call: which of two arguments is evaluated first is open.
        const auto* const* results =
            rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event.get()), &count);
        const auto code = first_error(results, count);
        was_there = code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND;
        return was_there ? code : RD_KAFKA_RESP_ERR_NO_ERROR;
      });
    });
    return was_there;
  }

  void delete_offsets(const std::string& group, const std::vector<TopicPartition>& partitions) override {
    if (partitions.empty()) return;
    const PartitionListHandle list = to_list(partitions);
    retry("deletion of offsets of group " + group, [&] {
      return ask_coordinator([&](int32_t broker) {
        const DeleteOffsetsHandle request(rd_kafka_DeleteConsumerGroupOffsets_new(group.c_str(), list.get()));
        rd_kafka_DeleteConsumerGroupOffsets_t* raw = request.get();
        EventHandle event;
        const auto failed =
            order_at(client_, broker, RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, event,
                     [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                       rd_kafka_DeleteConsumerGroupOffsets(client_.get(), &raw, 1, options, queue);
                     });
        if (failed) return failed;
        size_t count = 0;
        const auto* const* results = rd_kafka_DeleteConsumerGroupOffsets_result_groups(
            rd_kafka_event_DeleteConsumerGroupOffsets_result(event.get()), &count);
        const auto code = first_error(results, count);
        return code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
      });
    });
  }

 private:
  static rd_kafka_resp_err_t first_error(const rd_kafka_group_result_t* const* results, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (const rd_kafka_error_t* error = rd_kafka_group_result_error(results[i]))
        return rd_kafka_error_code(error);
      const auto* partitions = rd_kafka_group_result_partitions(results[i]);
      for (int p = 0; partitions && p < partitions->cnt; ++p)
        if (partitions->elems[p].err) return partitions->elems[p].err;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  bool all_failed_in_tls() {
    const auto failures = client_.events().failures();
    return !failures.empty() && std::all_of(failures.begin(), failures.end(), is_tls_failure);
  }

  KafkaError no_connection(rd_kafka_resp_err_t code, bool refused) {
    rd_kafka_poll(client_.get(), 0);
    std::string why;
    rd_kafka_resp_err_t reason = code;
    const auto failures = client_.events().failures();
    for (const auto& failure : failures) {
      if (!why.empty()) why += "; ";
      why += plain(failure.text);
      reason = failure.code;
    }
    const bool silent = why.empty();
    if (silent) why = config_.brokers() + ": no answer";
    std::string hint;
    if (refused)
      hint = "check sasl.username, sasl.password ($KUTILS_X_SASL_PASSWORD) and sasl.mechanism" + scram_hint();
    else if (const auto tls = std::find_if(failures.begin(), failures.end(), is_tls_failure);
             tls != failures.end())
      hint = tls_hint(*tls, config_);
    else if (silent)
      hint =
          "nothing refused the connection and nothing answered: the broker may be stopped or overloaded, behind a "
          "firewall,\nor expect TLS or a login (security.protocol)";
    else
      hint = "is the broker up, and are -b, $KUTILS_BROKERS and security.protocol right?";
    return KafkaError(ExitCode::connection, Severity::fatal, reason,
                      "cannot connect to " + config_.brokers() + ": " + why, hint);
  }

  // librdkafka before 2.6.1 sends a nonce twice, which newer brokers refuse with the words for a wrong
  // password.
  std::string scram_hint() const {
    std::string mechanism = config_.consumer_value("sasl.mechanism");
    if (mechanism.empty()) mechanism = config_.consumer_value("sasl.mechanisms");
    if (mechanism.rfind("SCRAM", 0) != 0 || rd_kafka_version() >= 0x020601ff) return {};
    return std::string(";\nif they are right: brokers since Kafka 3.7.2, 3.8.1, 3.9 and 4.0 refuse the ") +
           mechanism + " of librdkafka before 2.6.1 (its issue 4895), and this is " + rd_kafka_version_str() +
           ":\nuse PLAIN over TLS, or a newer librdkafka (CONTRIBUTING.md)";
  }

  // Of each topic, or why they cannot be read: `failed` may throw.
  template <typename Failed>
  std::map<std::string, TopicSettings> describe_configs(const std::vector<std::string>& names,
                                                        const std::string& what, Failed failed) {
    std::map<std::string, TopicSettings> out;
    if (names.empty() || is_in_memory()) return out;
    std::vector<ConfigResourceHandle> resources;
    std::vector<rd_kafka_ConfigResource_t*> raw;
    for (const std::string& name : names) {
      resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
      raw.push_back(resources.back().get());
    }
    const EventHandle event =
        admin_call(what, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_DescribeConfigs(client_.get(), raw.data(), raw.size(), options, queue);
                   });
    size_t count = 0;
    const auto* const* results =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
    for (size_t i = 0; i < count; ++i) {
      const std::string name = rd_kafka_ConfigResource_name(results[i]);
      if (const auto code = rd_kafka_ConfigResource_error(results[i])) {
        const char* text = rd_kafka_ConfigResource_error_string(results[i]);
        failed(to_error(code, "settings of topic " + name, ExitCode::connection, Severity::fatal,
                        text ? text : ""));
        continue;
      }
      size_t entries = 0;
      const auto* const* list = rd_kafka_ConfigResource_configs(results[i], &entries);
      for (size_t j = 0; j < entries; ++j) {
        const char* value = rd_kafka_ConfigEntry_value(list[j]);
        out[name][rd_kafka_ConfigEntry_name(list[j])] = {
            value ? value : "",
            rd_kafka_ConfigEntry_source(list[j]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG};
      }
    }
    return out;
  }

  std::map<std::string, std::string> describe_config(const std::string& name) {
    std::map<std::string, std::string> out;
    const auto all =
        describe_configs({name}, "settings of topic " + name, [](const KafkaError& error) { throw error; });
    for (const auto& [topic, settings] : all)
      for (const auto& [setting, at] : settings) out[setting] = at.value;
    return out;
  }

  struct Description {
    EventHandle event;                                           // owns it
    const rd_kafka_ConsumerGroupDescription_t* group = nullptr;  // null: there are no groups
  };

  // One round, within some seconds: the brokers are asked in turn until its coordinator answers, first the
  // one that did last. Each by its number, because librdkafka must not look for the coordinator itself: when
  // one comes up after such a request has timed out, the process is aborted ("eonce->refcnt > 0"; 2.0
  // to 2.8). Where there never was a group there is no coordinator either: no error, and no answer.
  template <typename Ask>
  rd_kafka_resp_err_t ask_coordinator(Ask ask_broker) {
    const auto deadline = SteadyClock::now() + kDescribeLimit;
    const rd_kafka_metadata_t* raw = nullptr;
    const auto unreached = rd_kafka_metadata(client_.get(), 0, nullptr, &raw, kOnce.call_ms);
    const MetadataHandle metadata(raw);
    if (unreached) return unreached;
    std::vector<int32_t> brokers;
    for (int i = 0; i < metadata->broker_cnt; ++i) brokers.push_back(metadata->brokers[i].id);
    std::sort(brokers.begin(), brokers.end());
    const auto first = std::lower_bound(brokers.begin(), brokers.end(), coordinator_.load());
    std::rotate(brokers.begin(), first, brokers.end());
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__WAIT_COORD;
    for (const int32_t broker : brokers) {
      code = ask_broker(broker);
      coordinator_ = code == RD_KAFKA_RESP_ERR_NO_ERROR ? broker : broker + 1;
      if (!is_passing(code) || SteadyClock::now() > deadline) break;
    }
    return code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR && has_no_groups() ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
  }

  // The topic of all groups is made when a client first looks for a coordinator. Until then each broker says
  // that another one is it. Asked for by name, for a topic that we may not see is in no list.
  bool has_no_groups() {
    const TopicHandle topic(rd_kafka_topic_new(client_.get(), "__consumer_offsets", nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    if (!topic || rd_kafka_metadata(client_.get(), 0, topic.get(), &raw, kOnce.call_ms)) return false;
    const MetadataHandle metadata(raw);
    if (metadata->topic_cnt != 1) return false;
    const auto error = metadata->topics[0].err;
    return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  }

  rd_kafka_resp_err_t describe(const std::string& group, Description& out) {
    return ask_coordinator([&](int32_t broker) { return describe_at(broker, group, out); });
  }

  // One order to one broker, without another try.
  template <typename Call>
  rd_kafka_resp_err_t order_at(Client& client, int32_t broker, rd_kafka_admin_op_t operation,
                               EventHandle& event, Call call) {
    char why[512] = "";
    const AdminOptionsHandle options(rd_kafka_AdminOptions_new(client.get(), operation));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), kOnce.order_ms, why, sizeof why);
    if (const auto code = rd_kafka_AdminOptions_set_broker(options.get(), broker, why, sizeof why))
      return code;
    const QueueHandle queue(rd_kafka_queue_new(client.get()));
    call(options.get(), queue.get());
    event.reset(rd_kafka_queue_poll(queue.get(), kOnce.order_ms + 1000));
    return event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
  }

  rd_kafka_resp_err_t describe_at(int32_t broker, const std::string& group, Description& out) {
    const char* name = group.c_str();
    const auto failed = order_at(client_, broker, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, out.event,
                                 [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                   rd_kafka_DescribeConsumerGroups(client_.get(), &name, 1, options, queue);
                                 });
    if (failed) return failed;
    size_t groups = 0;
    const auto* const* list = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(out.event.get()), &groups);
    if (groups != 1) return RD_KAFKA_RESP_ERR__BAD_MSG;
    if (const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(list[0]))
      return rd_kafka_error_code(error);
    out.group = list[0];
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // The member that commits and asks for a group, named but never joined. Reads committed: asks for stable
  // offsets.
  Client& member_of(const std::string& group) {
    auto& member = groups_[group];
    if (!member) {
      member = std::make_unique<Client>(
          RD_KAFKA_CONSUMER, config_,
          std::map<std::string, std::string>{
              {"group.id", group}, {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"}},
          0);
    }
    return *member;
  }

  // The order's answer for each topic; throws what a broker says against it.
  static void check_topics(const rd_kafka_topic_result_t* const* results, size_t count,
                           const std::string& what) {
    for (size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      const char* text = rd_kafka_topic_result_error_string(results[i]);
      if (code) throw to_error(code, what, ExitCode::usage, Severity::fatal, text ? text : "");
    }
  }

  static TopicInfo info_of(const rd_kafka_metadata_topic_t& topic) {
    TopicInfo info{topic.topic, topic.partition_cnt, 0};
    if (topic.partition_cnt > 0) info.replication = static_cast<int16_t>(topic.partitions[0].replica_cnt);
    return info;
  }

  // rd_kafka_query_watermark_offsets minds its time-out only until the request is sent, then waits for an
  // answer as long as socket.timeout.ms: a broker that stood still held up a tool that was asked to end for a
  // minute.
  rd_kafka_resp_err_t query(const TopicPartition& partition, int64_t which, int64_t& offset) {
    const PartitionListHandle list = to_list(std::vector<TopicPartition>{partition});
    list->elems[0].offset = which;
    const auto code = rd_kafka_offsets_for_times(client_.get(), list.get(), limits_.call_ms);
    if (code) return code;
    if (list->elems[0].err) return list->elems[0].err;
    offset = list->elems[0].offset;
    return offset < 0 ? RD_KAFKA_RESP_ERR__TIMED_OUT : RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  // Of many; those that nobody leads are left out.
  rd_kafka_resp_err_t query(const std::vector<TopicPartition>& partitions, int64_t which,
                            std::map<TopicPartition, int64_t>& offsets) {
    offsets.clear();
    const PartitionListHandle list = to_list(partitions);
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = which;
    const auto code = rd_kafka_offsets_for_times(client_.get(), list.get(), limits_.call_ms);
    if (code) return code;
    for (int i = 0; i < list->cnt; ++i) {
      const auto& one = list->elems[i];
      if (one.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) continue;
      if (one.err) return one.err;
      if (one.offset >= 0) offsets[{one.topic, one.partition}] = one.offset;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // This handle may know the topic as it was: a partition has been added, or has another leader by now, whom
  // librdkafka does not look for by itself. And a broker hears of a topic later than those who asked for it, also
  // one that leads a partition. The cluster is asked for what is; where the partition is there, or others may not
  // know of it yet, the call is to be tried again.
  rd_kafka_resp_err_t learn(const TopicPartition& partition, rd_kafka_resp_err_t code,
                            SteadyClock::time_point known_by) {
    const bool is_unknown =
        code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if ((!is_unknown && !is_passing(code)) || asked_to_end()) return code;
    const auto now = find_topic(partition.topic);
    if (!is_unknown) return code;
    const bool is_there = now && partition.partition < now->partitions;
    return is_there || may_come(known_by) ? RD_KAFKA_RESP_ERR__WAIT_CACHE : code;
  }

  // What one broker has made others may not know of yet.
  bool may_come(SteadyClock::time_point known_by) const {
    return limits_.retry > Millis(0) && SteadyClock::now() < known_by && !asked_to_end();
  }

  rd_kafka_resp_err_t ask_committed(Client& member, rd_kafka_topic_partition_list_t* list) const {
    auto code = rd_kafka_committed(member.get(), list, std::min(limits_.call_ms, kCommittedMs));
    for (int i = 0; !code && i < list->cnt; ++i) code = list->elems[i].err;
    return code;
  }

  // Whether the offsets were not told because a transaction that is open may change them: asked for what is
  // committed so far, the coordinator answers. librdkafka says of both no more than that the time is over.
  bool are_held(const std::string& group, const std::vector<TopicPartition>& partitions) {
    Client unstable(
        RD_KAFKA_CONSUMER, config_,
        {{"group.id", group}, {"isolation.level", "read_uncommitted"}, {"enable.auto.commit", "false"}}, 0);
    const PartitionListHandle list = to_list(partitions);
    return ask_committed(unstable, list.get()) == RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // Whether the group's coordinator told this client, which never joined, that it may not use the group.
  static bool is_refused(rd_kafka_t* member) {
    bool refused = false;
    while (rd_kafka_message_t* message = rd_kafka_consumer_poll(member, 0)) {
      refused = refused || message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
      rd_kafka_message_destroy(message);
    }
    return refused;
  }

  std::optional<TopicInfo> look_up(Client& client, const std::string& name, bool by_name) {
    // A handle alone makes the client ask for the topic by its name again and again.
    const TopicHandle topic(by_name ? rd_kafka_topic_new(client.get(), name.c_str(), nullptr) : nullptr);
    if (by_name && !topic) throw usage_error("'" + name + "' cannot be a topic's name");
    SuspendAwareDeadline awake(limits_.retry, Millis(limits_.call_ms + 1000));
    for (;;) {
      const MetadataHandle metadata =
          retried("look-up of topic " + name, [&](const rd_kafka_metadata_t** raw) {
            return rd_kafka_metadata(client.get(), by_name ? 0 : 1, by_name ? topic.get() : nullptr, raw,
                                     limits_.call_ms);
          });
      int at = 0;
      while (at < metadata->topic_cnt && name != metadata->topics[at].topic) ++at;
      if (at == metadata->topic_cnt) return std::nullopt;
      const rd_kafka_metadata_topic_t& found = metadata->topics[at];
      if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
          found.err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return std::nullopt;
      if (found.err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
        throw usage_error("'" + name + "' cannot be a topic's name");
      if (found.err && !is_passing(found.err))
        throw to_error(found.err, "topic " + name, ExitCode::connection, Severity::fatal);
      bool ready = !found.err;
      for (int i = 0; ready && i < found.partition_cnt; ++i) ready = found.partitions[i].leader >= 0;
      // A partition without a leader is still a partition: after a while take the topic as it is.
      const bool over = is_over(awake);
      if (ready || (!found.err && over)) return info_of(found);
      if (over) throw to_error(found.err, "topic " + name, ExitCode::connection, Severity::fatal);
      std::this_thread::sleep_for(Millis(20));
    }
  }

  void create_in_memory(const NewTopic& topic) {
    // No CreateTopics there: a look-up makes it, with the broker's own number of partitions.
    auto properties = std::map<std::string, std::string>{{"allow.auto.create.topics", "true"}};
    Client creator(RD_KAFKA_CONSUMER, config_, properties, 0);
    look_up(creator, topic.name, true);
  }

  bool create_on_broker(const NewTopic& topic) {
    char why[512] = "";
    const NewTopicHandle request(
        rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication, why, sizeof why));
    if (!request) throw usage_error("topic " + topic.name + ": " + why);
    for (const auto& [name, value] : topic.config)
      rd_kafka_NewTopic_set_config(request.get(), name.c_str(), value.c_str());
    rd_kafka_NewTopic_t* raw = request.get();
    const EventHandle event =
        admin_call("creation of topic " + topic.name, RD_KAFKA_ADMIN_OP_CREATETOPICS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_CreateTopics(client_.get(), &raw, 1, options, queue);
                   });
    size_t count = 0;
    const auto* const* results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
    for (size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      // Two tools of a pipeline may both make the topic between them.
      if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return false;
      if (!code) continue;
      const char* text = rd_kafka_topic_result_error_string(results[i]);
      throw to_error(code, "topic " + topic.name + " cannot be created", ExitCode::usage, Severity::fatal,
                     text ? text : "");
    }
    return true;
  }

  bool asked_to_end() const { return config_.asked_to_end() && config_.asked_to_end()(); }
  // Asked to end, nothing is tried again.
  bool is_over(SuspendAwareDeadline& awake) const { return awake.is_over() || asked_to_end(); }

  // Empty if none comes within `limit`, or within kEndLimit once the program is asked to end.
  EventHandle answer(rd_kafka_queue_t* queue, Millis limit) const {
    auto until = SteadyClock::now() + limit;
    bool ends = false;
    for (;;) {
      EventHandle event(rd_kafka_queue_poll(queue, kGlanceMs));
      if (event || SteadyClock::now() > until) return event;
      if (ends || !asked_to_end()) continue;
      ends = true;
      until = std::min(until, SteadyClock::now() + kEndLimit);
    }
  }

  template <typename Call>
  EventHandle admin_call(const std::string& what, rd_kafka_admin_op_t operation, Call call) {
    char why[512] = "";
    // A question may be asked again and again, an order only if it was hardly carried out.
    const bool is_question =
        operation == RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS || operation == RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
    const int limit_ms = is_question ? limits_.call_ms : limits_.order_ms;
    const AdminOptionsHandle options(rd_kafka_AdminOptions_new(client_.get(), operation));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), limit_ms, why, sizeof why);
    SuspendAwareDeadline awake(limits_.retry, Millis(limit_ms + 10'000));
    for (;;) {
      const QueueHandle queue(rd_kafka_queue_new(client_.get()));
      call(options.get(), queue.get());
      EventHandle event = answer(queue.get(), Millis(limit_ms + 5000));
      const auto code = event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
      if (!code) return event;
      const auto error = to_error(code, what, ExitCode::connection, Severity::fatal,
                                  event ? rd_kafka_event_error_string(event.get()) : "no answer");
      if (error.severity() != Severity::retriable || is_over(awake)) throw error;
      // librdkafka sends it to the broker that it took for the controller, also if that one is gone: which one
      // is, it learns from an answer of another.
      const rd_kafka_metadata_t* raw = nullptr;
      if (!rd_kafka_metadata(client_.get(), 0, nullptr, &raw, limits_.call_ms))
        rd_kafka_metadata_destroy(raw);
    }
  }

  template <typename Call>
  void retry(const std::string& what, Call call) {
    retry(what, call, limits_.retry);
  }
  template <typename Call>
  void retry(const std::string& what, Call call, Millis limit) {
    SuspendAwareDeadline awake(limit, Millis(limits_.call_ms + 1000));
    for (;;) {
      const rd_kafka_resp_err_t code = call();
      rd_kafka_poll(client_.get(), 0);
      if (!code) return;
      const auto error = to_error(code, what, ExitCode::connection, Severity::fatal);
      if (error.severity() != Severity::retriable || is_over(awake)) throw error;
      std::this_thread::sleep_for(Millis(20));
    }
  }

  template <typename Call>
  MetadataHandle retried(const std::string& what, Call call) {
    const rd_kafka_metadata_t* raw = nullptr;
    retry(what, [&] { return call(&raw); });
    return MetadataHandle(raw);
  }

  bool is_first_note_of(const std::string& topic) { return noted_.insert(topic).second; }

  ClientConfig config_;
  std::set<std::string> noted_;  // topics whose settings may not be read
  Client client_;
  Limits limits_ = kRetrying;
  std::string cluster_id_;
  std::map<std::string, std::unique_ptr<Client>> groups_;
  std::atomic<int32_t> coordinator_{0};  // the broker to ask first about a group
};

}  // namespace

std::map<TopicPartition, Watermarks> ends_of_many(Admin& admin,
                                                  const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, Watermarks> out;
  auto* const cluster = dynamic_cast<ClusterAdmin*>(&admin);
  if (cluster && partitions.size() > 1) out = cluster->all_watermarks(partitions);
  for (const TopicPartition& at : partitions)  // a partition without a leader: waits, or fails
    if (out.count(at) == 0) out[at] = admin.watermarks(at);
  return out;
}

std::unique_ptr<Admin> make_admin(const ClientConfig& config) {
  return std::make_unique<LibrdkafkaAdmin>(config);
}
std::unique_ptr<ClusterAdmin> make_cluster_admin(const ClientConfig& config) {
  return std::make_unique<LibrdkafkaAdmin>(config);
}

}  // namespace kutils::kafka
