#include "kquery/group_check.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

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

}  // namespace

GroupCheck check_group(const StoredTable& table, kafka::Admin& admin) {
  GroupCheck check;
  try {
    admin.try_once();
    admin.connect(kConnectLimit);
    if (admin.is_in_memory()) return check;  // its state lies nowhere else
    if (!table.cluster().empty() && table.cluster() != admin.cluster_id()) {
      check.unknown = "the brokers are of another cluster than the state";
      return check;
    }
    compare_positions(table, admin, check);
    compare_partitions(table, admin, check);
  } catch (const Error& error) {
    check.unknown = error.what();
  }
  return check;
}

}  // namespace kutils::kquery
