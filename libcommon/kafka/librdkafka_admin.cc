// Admin over librdkafka: what is ordered of the cluster. What is asked: admin_questions.h.
#include <thread>

#include "kafka/admin_questions.h"

namespace kutils::kafka {
namespace {

using NewTopicHandle = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
using DeleteRecordsHandle =
    std::unique_ptr<rd_kafka_DeleteRecords_t, Destroy<rd_kafka_DeleteRecords_destroy>>;
using DeleteTopicHandle = std::unique_ptr<rd_kafka_DeleteTopic_t, Destroy<rd_kafka_DeleteTopic_destroy>>;
using NewPartitionsHandle =
    std::unique_ptr<rd_kafka_NewPartitions_t, Destroy<rd_kafka_NewPartitions_destroy>>;
using DeleteGroupHandle = std::unique_ptr<rd_kafka_DeleteGroup_t, Destroy<rd_kafka_DeleteGroup_destroy>>;
using DeleteOffsetsHandle = std::unique_ptr<rd_kafka_DeleteConsumerGroupOffsets_t,
                                            Destroy<rd_kafka_DeleteConsumerGroupOffsets_destroy>>;

class LibrdkafkaAdmin final : public AdminQuestions {
 public:
  using AdminQuestions::AdminQuestions;

  bool create_topic(const NewTopic& topic) override {
    bool is_ours = true;
    if (is_in_memory()) {
      create_in_memory(topic);
    } else {
      is_ours = create_on_broker(topic);
    }
    // Leaders come a moment later, and on each broker at its own time.
    const auto deadline = SteadyClock::now() + limits().retry;
    for (;;) {
      const auto found = find_topic(topic.name);
      if (found && found->partitions > 0) return is_ours;
      if (SteadyClock::now() > deadline)
        throw Error(ExitCode::connection, "topic " + topic.name + " was created and does not appear");
      std::this_thread::sleep_for(Millis(20));
    }
  }

  void delete_records(const std::vector<PartitionOffset>& before) override {
    if (before.empty() || is_in_memory()) return;
    const PartitionListHandle list = to_list(before);
    const DeleteRecordsHandle request(rd_kafka_DeleteRecords_new(list.get()));
    rd_kafka_DeleteRecords_t* raw = request.get();
    const EventHandle event =
        admin_call("deletion of records", RD_KAFKA_ADMIN_OP_DELETERECORDS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_DeleteRecords(client().get(), &raw, 1, options, queue);
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

  bool delete_topic(const std::string& topic) override {
    const DeleteTopicHandle request(rd_kafka_DeleteTopic_new(topic.c_str()));
    rd_kafka_DeleteTopic_t* raw = request.get();
    const std::string what = "topic " + topic + " cannot be deleted";
    const EventHandle event =
        admin_call("deletion of topic " + topic, RD_KAFKA_ADMIN_OP_DELETETOPICS,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_DeleteTopics(client().get(), &raw, 1, options, queue);
                   });
    size_t count = 0;
    const auto* const* results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
    if (count == 1 && rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      return false;
    check_topics(results, count, what);
    SuspendAwareDeadline awake(limits().retry, Millis(limits().call_ms + 1000));
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
                     rd_kafka_CreatePartitions(client().get(), &raw, 1, options, queue);
                   });
    size_t count = 0;
    const auto* const* results =
        rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
    check_topics(results, count, what);
    SuspendAwareDeadline awake(limits().retry, Millis(limits().call_ms + 1000));
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
                     rd_kafka_AlterConfigs(client().get(), &raw, 1, options, queue);
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
        const auto failed = order_at(client(), broker, RD_KAFKA_ADMIN_OP_DELETEGROUPS, event,
                                     [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                       rd_kafka_DeleteGroups(client().get(), &raw, 1, options, queue);
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
            order_at(client(), broker, RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, event,
                     [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                       rd_kafka_DeleteConsumerGroupOffsets(client().get(), &raw, 1, options, queue);
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
  // The order's answer for each topic; throws what a broker says against it.
  static void check_topics(const rd_kafka_topic_result_t* const* results, size_t count,
                           const std::string& what) {
    for (size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      const char* text = rd_kafka_topic_result_error_string(results[i]);
      if (code) throw to_error(code, what, ExitCode::usage, Severity::fatal, text ? text : "");
    }
  }

  void create_in_memory(const NewTopic& topic) {
    // No CreateTopics there: a look-up makes it, with the broker's own number of partitions.
    auto properties = std::map<std::string, std::string>{{"allow.auto.create.topics", "true"}};
    Client creator(RD_KAFKA_CONSUMER, config(), properties, 0);
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
                     rd_kafka_CreateTopics(client().get(), &raw, 1, options, queue);
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
};

}  // namespace

std::unique_ptr<Admin> make_admin(const ClientConfig& config) {
  return std::make_unique<LibrdkafkaAdmin>(config);
}
std::unique_ptr<ClusterAdmin> make_cluster_admin(const ClientConfig& config) {
  return std::make_unique<LibrdkafkaAdmin>(config);
}

}  // namespace kutils::kafka
