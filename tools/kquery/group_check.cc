#include "kquery/group_check.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "flow/tasks/changelog.h"

namespace kutils::kquery {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis kConnectLimit{2000};
constexpr auto kAskLimit = std::chrono::seconds(5);
constexpr Millis kAskAgain{50};

// librdkafka looks for the coordinator at the first request.
std::vector<kafka::PartitionOffset> committed(kafka::Admin& admin, const std::string& group,
                                              const std::vector<kafka::TopicPartition>& partitions) {
  const auto until = Clock::now() + kAskLimit;
  for (;;) {
    try {
      return admin.committed(group, partitions);
    } catch (const kafka::KafkaError& error) {
      if (error.severity() != kafka::Severity::retriable || Clock::now() > until) throw;
    }
    std::this_thread::sleep_for(kAskAgain);
  }
}

std::string name_of(int32_t partition) { return "partition " + std::to_string(partition); }

void compare_positions(const StoredTable& table, kafka::Admin& admin, GroupCheck& check) {
  std::vector<kafka::TopicPartition> inputs;
  for (const StoredTable::Part& part : table.parts()) {
    for (const auto& [op, meta] : part.stored->metas())
      for (const state::InputPosition& at : meta.positions) inputs.push_back({at.topic, at.partition});
  }
  std::map<kafka::TopicPartition, int64_t> group;
  for (const auto& one : committed(admin, table.group(), inputs)) group[one.at] = one.offset;
  bool has_offsets = inputs.empty();
  for (const StoredTable::Part& part : table.parts()) {
    for (const auto& [op, meta] : part.stored->metas()) {
      for (const state::InputPosition& at : meta.positions) {
        const int64_t there = group[{at.topic, at.partition}];
        if (there == kafka::kOffsetNone) continue;
        has_offsets = true;
        if (there <= at.offset) continue;
        check.behind.push_back(name_of(part.number) + " stands at offset " + std::to_string(at.offset) +
                               " of '" + at.topic + "', the group at " + std::to_string(there) + ": " +
                               std::to_string(there - at.offset) + " further");
      }
    }
  }
  if (!has_offsets) check.unknown = "the group has no committed offsets any more";
}

void compare_partitions(const StoredTable& table, kafka::Admin& admin, GroupCheck& check) {
  const std::string changelog = flow::changelog_name(table.group());
  const auto rows = admin.find_topic(changelog);
  if (!rows) return;
  // The partitions after the last stage's hold rows of a source table, which no query shows.
  const auto between = admin.find_topic(flow::internal_topic_name(table.group(), 1));
  const int32_t count = between ? between->partitions : rows->partitions;
  for (int32_t number = 0; number < count; ++number) {
    const auto part = std::find_if(table.parts().begin(), table.parts().end(),
                                   [&](const auto& one) { return one.number == number; });
    const bool is_here = part != table.parts().end();
    if (is_here && !part->stored->metas().empty()) continue;  // its position tells
    const int64_t end = admin.watermarks({changelog, number}).high;
    if (!is_here && end > 0) check.absent.push_back(number);
    if (is_here && end > part->stored->changelog_offset())
      check.behind.push_back(name_of(number) + " has no rows, its changelog has");
  }
}

// What the rows themselves tell: partitions are numbered without gaps, and a state that reads IN itself has as many
// as IN had. Behind an internal topic IN may have grown since, and the partitions after its own are of a source
// table, which no query shows.
std::vector<int32_t> absent_by_own_account(const StoredTable& table) {
  const std::string internal = flow::internal_topic_name(table.group(), 1);
  std::set<int32_t> here;
  int32_t of_input = 0, behind_internal = 0;
  for (const StoredTable::Part& part : table.parts()) {
    here.insert(part.number);
    of_input = std::max(of_input, part.number + 1);
    for (const auto& [op, meta] : part.stored->metas()) {
      of_input = std::max(of_input, meta.input_partitions);
      for (const state::InputPosition& at : meta.positions)
        if (at.topic.rfind(internal, 0) == 0) behind_internal = std::max(behind_internal, part.number + 1);
    }
  }
  std::vector<int32_t> absent;
  for (int32_t number = 0; number < (behind_internal > 0 ? behind_internal : of_input); ++number)
    if (!here.contains(number)) absent.push_back(number);
  return absent;
}

GroupCheck not_asked(const StoredTable& table, std::string why) {
  GroupCheck check;
  check.absent = absent_by_own_account(table);
  check.unknown = std::move(why);
  return check;
}

}  // namespace

void connect_briefly(kafka::Admin& admin) {
  admin.try_once();
  admin.connect(kConnectLimit);
}

GroupCheck check_without_brokers(const StoredTable& table, const std::string& why) {
  return not_asked(table, why);
}

GroupCheck check_group(const StoredTable& table, kafka::Admin& admin) {
  GroupCheck check;
  try {
    if (admin.is_in_memory()) return check;  // its state lies nowhere else
    if (!table.cluster().empty() && table.cluster() != admin.cluster_id())
      return not_asked(table, "the brokers are of another cluster than the state");
    compare_positions(table, admin, check);
    compare_partitions(table, admin, check);
  } catch (const Error& error) {
    return not_asked(table, error.what());
  }
  return check;
}

}  // namespace kutils::kquery
