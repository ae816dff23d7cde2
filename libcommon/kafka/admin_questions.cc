#include "kafka/admin_questions.h"

#include <algorithm>
#include <thread>

#include "kafka/ends_of_many.h"

namespace kutils::kafka {
namespace {

constexpr const char* kDefaultMaxMessageBytes = "1048588";  // a broker's message.max.bytes
constexpr int kCommittedMs = 1500;  // a refusal comes apart from the answer, which then never comes
constexpr size_t kWatermarksAtOnce = 1000;

using ListOffsetsHandle =
    std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Destroy<rd_kafka_ListConsumerGroupOffsets_destroy>>;

TopicInfo info_of(const rd_kafka_metadata_topic_t& topic) {
  TopicInfo info{topic.topic, topic.partition_cnt, 0};
  if (topic.partition_cnt > 0) info.replication = static_cast<int16_t>(topic.partitions[0].replica_cnt);
  return info;
}

// Whether the group's coordinator told this client, which never joined, that it may not use the group.
bool is_refused(rd_kafka_t* member) {
  bool refused = false;
  while (rd_kafka_message_t* message = rd_kafka_consumer_poll(member, 0)) {
    refused = refused || message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    rd_kafka_message_destroy(message);
  }
  return refused;
}

}  // namespace

rd_kafka_resp_err_t first_error(const rd_kafka_group_result_t* const* results, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (const rd_kafka_error_t* error = rd_kafka_group_result_error(results[i]))
      return rd_kafka_error_code(error);
    const auto* partitions = rd_kafka_group_result_partitions(results[i]);
    for (int p = 0; partitions && p < partitions->cnt; ++p)
      if (partitions->elems[p].err) return partitions->elems[p].err;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool AdminQuestions::is_in_memory() { return cluster_id().rfind("mockCluster", 0) == 0; }

std::string AdminQuestions::cluster_id() {
  if (cluster_id_.empty()) {
    char* id = rd_kafka_clusterid(client().get(), limits().call_ms);
    if (!id) throw no_connection(RD_KAFKA_RESP_ERR__TIMED_OUT, false);
    cluster_id_ = id;
    rd_kafka_mem_free(client().get(), id);
  }
  return cluster_id_;
}

std::optional<TopicInfo> AdminQuestions::find_topic(const std::string& name) {
  // Found in the whole list: asked for by name, a topic is made by brokers that make topics on mention (the
  // in-memory one does so whatever allow.auto.create.topics says).
  const auto found = look_up(client(), name, false);
  // Topics that we may not see are not in the list. Asked for by name, the cluster says that it is so.
  return found || is_in_memory() ? found : look_up(client(), name, true);
}

std::vector<TopicInfo> AdminQuestions::topics() {
  std::vector<TopicInfo> out;
  const MetadataHandle metadata = retried("list of topics", [&](const rd_kafka_metadata_t** raw) {
    return rd_kafka_metadata(client().get(), 1, nullptr, raw, limits().call_ms);
  });
  for (int i = 0; i < metadata->topic_cnt; ++i) out.push_back(info_of(metadata->topics[i]));
  return out;
}

std::map<std::string, std::string> AdminQuestions::topic_config(const std::string& name) {
  const auto by = known_by();
  for (;;) {
    try {
      return describe_config(name);
    } catch (const KafkaError& error) {
      if (error.is_not_authorized()) break;
      if (!error.is_unknown_topic() || !may_come(by)) throw;
    }
    std::this_thread::sleep_for(Millis(20));
  }
  if (config().note() && noted_.insert(name).second)
    config().note()("the settings of topic " + name +
                    " may not be read (permission DescribeConfigs): assuming the broker's defaults");
  return {{"max.message.bytes", kDefaultMaxMessageBytes}};
}

Watermarks AdminQuestions::watermarks(const TopicPartition& partition) {
  Watermarks out;
  retry("ends of " + to_string(partition), [&, by = known_by()] {
    auto code = query(partition, RD_KAFKA_OFFSET_BEGINNING, out.low);
    if (!code) code = query(partition, RD_KAFKA_OFFSET_END, out.high);
    return code ? learn(partition, code, by) : code;
  });
  return out;
}

std::vector<PartitionOffset> AdminQuestions::offsets_for_time(const std::vector<TopicPartition>& partitions,
                                                              int64_t ms) {
  std::vector<PartitionOffset> out;
  if (partitions.empty()) return out;
  // No record is older, and to a broker -1 is the end of a topic, -2 its beginning, less than that unknown.
  ms = std::max<int64_t>(ms, 0);
  retry("offsets by time", [&, by = known_by()] {
    const PartitionListHandle list = to_list(partitions);
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = ms;
    auto code = rd_kafka_offsets_for_times(client().get(), list.get(), limits().call_ms);
    int first_bad = 0;
    for (int i = 0; !code && i < list->cnt; first_bad = i++) code = list->elems[i].err;
    if (code) return learn(partitions[static_cast<size_t>(first_bad)], code, by);
    out = from_list(list.get());
    return code;
  });
  for (PartitionOffset& found : out) {
    if (found.offset < 0) found.offset = watermarks(found.at).high;
  }
  return out;
}

std::vector<PartitionOffset> AdminQuestions::committed(const std::string& group,
                                                       const std::vector<TopicPartition>& partitions) {
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
        if (!noted && config().note() && limits().retry > Millis(0) && are_held(group, partitions)) {
          noted = true;
          config().note()("waiting for the offsets of group " + group +
                          ": a transaction that is open holds them; that of a process that was killed "
                          "is ended by the broker after its transaction.timeout.ms");
        }
        return code;
      },
      limits().retry > Millis(0) ? config().transaction_ends_within() : limits().retry);
  return out;
}

std::vector<GroupMember> AdminQuestions::group_members(const std::string& group) {
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

GroupCoverage AdminQuestions::coverage(const std::string& group, const std::vector<TopicPartition>& all) {
  if (is_in_memory()) return {true, {}};
  Description found;
  if (describe(group, found) != RD_KAFKA_RESP_ERR_NO_ERROR || !found.group) return {};
  if (rd_kafka_ConsumerGroupDescription_state(found.group) != RD_KAFKA_CONSUMER_GROUP_STATE_STABLE) return {};
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

std::map<std::string, TopicSettings> AdminQuestions::settings(const std::vector<std::string>& topics) {
  return describe_configs(topics, "settings of topics", [](const KafkaError& error) {
    if (!error.is_not_authorized() && !error.is_unknown_topic()) throw error;
  });
}

std::vector<PartitionPlaces> AdminQuestions::places(const std::string& topic) {
  const MetadataHandle metadata = retried("look-up of topic " + topic, [&](const rd_kafka_metadata_t** raw) {
    return rd_kafka_metadata(client().get(), 1, nullptr, raw, limits().call_ms);
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

std::map<TopicPartition, Watermarks> AdminQuestions::all_watermarks(
    const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, Watermarks> out;
  for (size_t from = 0; from < partitions.size(); from += kWatermarksAtOnce) {
    const auto first = partitions.begin() + static_cast<std::ptrdiff_t>(from);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kWatermarksAtOnce, partitions.size() - from));
    const std::vector<TopicPartition> some(first, first + count);
    std::map<TopicPartition, int64_t> low, high;
    retry("ends of partitions", [&, by = known_by()] {
      auto code = query(some, RD_KAFKA_OFFSET_BEGINNING, low);
      if (!code) code = query(some, RD_KAFKA_OFFSET_END, high);
      return code ? learn(some.front(), code, by) : code;
    });
    for (const auto& [at, begin] : low) {
      if (const auto end = high.find(at); end != high.end()) out[at] = {begin, end->second};
    }
  }
  return out;
}

std::vector<GroupListing> AdminQuestions::groups() {
  const EventHandle event = admin_call("list of groups", RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
                                       [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                         rd_kafka_ListConsumerGroups(client().get(), options, queue);
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

GroupDescription AdminQuestions::describe_group(const std::string& group) {
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

std::vector<PartitionOffset> AdminQuestions::all_committed(const std::string& group, bool stable) {
  std::vector<PartitionOffset> out;
  // By a client with a group, whichever: told by a broker that it is not the coordinator, librdkafka has the
  // client's group look for it, and crashes where the client has none (2.0). One for all groups.
  Client& member = any_member_or(group);
  retry("committed offsets of group " + group, [&] {
    return ask_coordinator([&](int32_t broker) {
      const ListOffsetsHandle request(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr));
      rd_kafka_ListConsumerGroupOffsets_t* raw = request.get();
      EventHandle event;
      const auto failed =
          order_at(member, broker, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, event,
                   [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     const ErrorHandle refused(
                         rd_kafka_AdminOptions_set_require_stable_offsets(options, stable ? 1 : 0));
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

std::map<std::string, TopicSettings> AdminQuestions::describe_configs(
    const std::vector<std::string>& names, const std::string& what,
    const std::function<void(const KafkaError&)>& failed) {
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
                   rd_kafka_DescribeConfigs(client().get(), raw.data(), raw.size(), options, queue);
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

std::map<std::string, std::string> AdminQuestions::describe_config(const std::string& name) {
  std::map<std::string, std::string> out;
  const auto all =
      describe_configs({name}, "settings of topic " + name, [](const KafkaError& error) { throw error; });
  for (const auto& [topic, settings] : all)
    for (const auto& [setting, at] : settings) out[setting] = at.value;
  return out;
}

rd_kafka_resp_err_t AdminQuestions::describe(const std::string& group, Description& out) {
  return ask_coordinator([&](int32_t broker) { return describe_at(broker, group, out); });
}

rd_kafka_resp_err_t AdminQuestions::describe_at(int32_t broker, const std::string& group, Description& out) {
  const char* name = group.c_str();
  const auto failed = order_at(client(), broker, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, out.event,
                               [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                 rd_kafka_DescribeConsumerGroups(client().get(), &name, 1, options, queue);
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

// rd_kafka_query_watermark_offsets minds its time-out only until the request is sent, then waits for an
// answer as long as socket.timeout.ms: a broker that stood still held up a tool that was asked to end for a
// minute.
rd_kafka_resp_err_t AdminQuestions::query(const TopicPartition& partition, int64_t which, int64_t& offset) {
  const PartitionListHandle list = to_list(std::vector<TopicPartition>{partition});
  list->elems[0].offset = which;
  const auto code = rd_kafka_offsets_for_times(client().get(), list.get(), limits().call_ms);
  if (code) return code;
  if (list->elems[0].err) return list->elems[0].err;
  offset = list->elems[0].offset;
  return offset < 0 ? RD_KAFKA_RESP_ERR__TIMED_OUT : RD_KAFKA_RESP_ERR_NO_ERROR;
}

// Of many; those that nobody leads are left out.
rd_kafka_resp_err_t AdminQuestions::query(const std::vector<TopicPartition>& partitions, int64_t which,
                                          std::map<TopicPartition, int64_t>& offsets) {
  offsets.clear();
  const PartitionListHandle list = to_list(partitions);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = which;
  const auto code = rd_kafka_offsets_for_times(client().get(), list.get(), limits().call_ms);
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
rd_kafka_resp_err_t AdminQuestions::learn(const TopicPartition& partition, rd_kafka_resp_err_t code,
                                          SteadyClock::time_point known_by) {
  const bool is_unknown =
      code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if ((!is_unknown && !is_passing(code)) || asked_to_end()) return code;
  const auto now = find_topic(partition.topic);
  if (!is_unknown) return code;
  const bool is_there = now && partition.partition < now->partitions;
  return is_there || may_come(known_by) ? RD_KAFKA_RESP_ERR__WAIT_CACHE : code;
}

rd_kafka_resp_err_t AdminQuestions::ask_committed(Client& member, rd_kafka_topic_partition_list_t* list) {
  auto code = rd_kafka_committed(member.get(), list, std::min(limits().call_ms, kCommittedMs));
  for (int i = 0; !code && i < list->cnt; ++i) code = list->elems[i].err;
  return code;
}

// Whether the offsets were not told because a transaction that is open may change them: asked for what is
// committed so far, the coordinator answers. librdkafka says of both no more than that the time is over.
bool AdminQuestions::are_held(const std::string& group, const std::vector<TopicPartition>& partitions) {
  Client unstable(
      RD_KAFKA_CONSUMER, config(),
      {{"group.id", group}, {"isolation.level", "read_uncommitted"}, {"enable.auto.commit", "false"}}, 0);
  const PartitionListHandle list = to_list(partitions);
  return ask_committed(unstable, list.get()) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::optional<TopicInfo> AdminQuestions::look_up(Client& client, const std::string& name, bool by_name) {
  // A handle alone makes the client ask for the topic by its name again and again.
  const TopicHandle topic(by_name ? rd_kafka_topic_new(client.get(), name.c_str(), nullptr) : nullptr);
  if (by_name && !topic) throw usage_error("'" + name + "' cannot be a topic's name");
  SuspendAwareDeadline awake(limits().retry, Millis(limits().call_ms + 1000));
  for (;;) {
    const MetadataHandle metadata = retried("look-up of topic " + name, [&](const rd_kafka_metadata_t** raw) {
      return rd_kafka_metadata(client.get(), by_name ? 0 : 1, by_name ? topic.get() : nullptr, raw,
                               limits().call_ms);
    });
    int at = 0;
    while (at < metadata->topic_cnt && name != metadata->topics[at].topic) ++at;
    if (at == metadata->topic_cnt) return std::nullopt;
    const rd_kafka_metadata_topic_t& found = metadata->topics[at];
    if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || found.err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
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

std::map<TopicPartition, Watermarks> ends_of_many(Admin& admin,
                                                  const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, Watermarks> out;
  auto* const cluster = dynamic_cast<ClusterAdmin*>(&admin);
  if (cluster && partitions.size() > 1) out = cluster->all_watermarks(partitions);
  for (const TopicPartition& at : partitions)  // a partition without a leader: waits, or fails
    if (out.count(at) == 0) out[at] = admin.watermarks(at);
  return out;
}

}  // namespace kutils::kafka
