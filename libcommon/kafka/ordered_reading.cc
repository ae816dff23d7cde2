#include "kafka/ordered_reading.h"

#include <map>
#include <utility>

#include "base/clock.h"
#include "kafka/client.h"

namespace kutils::kafka {
namespace {

// So many of a partition are taken from the client at once. Few: the lines of all partitions, and what their
// messages point to, stay in the processor's cache until they are handed out.
constexpr size_t kLineRecords = 20;
// At one pace: a turn of one partition. Its messages lie together in memory.
constexpr size_t kRunRecords = 100;
// At one pace nothing is wrong where one gets ahead.
constexpr auto kPaceLimit = Millis(100);
// One with lag is waited for so long, and one that lacks a single offset, which is most often the end of a
// transaction and no record, so long.
constexpr auto kLagLimit = std::chrono::seconds(5);
constexpr auto kLastOffsetLimit = Millis(20);

}  // namespace

void OrderedReading::gather(const std::vector<OrderedPartition*>& started,
                            const std::function<bool(const TopicPartition& at)>& leads) {
  sets_.clear();
  if (started.empty()) return;
  if (is_paced_) {
    std::vector<OrderedPartition*> paced;
    for (OrderedPartition* one : started)
      if (is_paced_(one->at))
        paced.push_back(one);
      else
        sets_.push_back({one});
    if (!paced.empty()) sets_.push_back(std::move(paced));
    return;
  }
  // Those that follow one order, by the topic that they are read apart with; "": the others.
  std::map<std::string, std::vector<OrderedPartition*>> others;
  const auto add_other = [&](OrderedPartition* one) {
    others[apart_.count(one->at.topic) > 0 ? one->at.topic : ""].push_back(one);
  };
  std::map<TopicPartition, OrderedPartition*> by_name;
  for (OrderedPartition* one : started) by_name[one->at] = one;
  for (OrderedPartition* one : started) {
    if (!companions_) {
      add_other(one);
      continue;
    }
    if (!leads(one->at)) continue;
    const std::vector<TopicPartition> companions = companions_->of(one->at);
    one->has_companions = !companions.empty();
    if (companions.empty() && companions_->others_in_order) {
      add_other(one);
      continue;
    }
    // Of equal times a table's row goes first: a record meets the rows of its own time.
    std::vector<OrderedPartition*> tables, set = {one};
    for (const TopicPartition& companion : companions) {
      const auto found = by_name.find(companion);
      if (found == by_name.end()) continue;
      found->second->has_companions = true;
      (companions_->is_table(companion) ? tables : set).push_back(found->second);
    }
    tables.insert(tables.end(), set.begin(), set.end());
    sets_.push_back(std::move(tables));
  }
  for (auto& [topic, set] : others) sets_.push_back(std::move(set));
}

void OrderedReading::take(size_t most, TimePoint now, std::vector<rd_kafka_message_t*>& messages,
                          std::vector<PartitionOffset>& ends) {
  for (const auto& set : sets_) {
    for (OrderedPartition* one : set) one->looked = false;
  }
  waits_ = false;
  // Another set begins each time, so that none goes without.
  for (size_t i = 0; i < sets_.size() && most > 0; ++i) {
    most -= take_in_order_of_time(
        sets_[(i + first_set_) % sets_.size()], most, oldest_,
        [&](OrderedPartition& one) { return fill(one, now, ends); },
        [&](OrderedPartition& one) { (void)fed(one); },
        [&](OrderedPartition& one, rd_kafka_message_t* message) {
          one.looked = false;  // there may be more
          messages.push_back(message);
        },
        is_paced_ ? kRunRecords : 1);
  }
  if (!sets_.empty()) first_set_ = (first_set_ + 1) % sets_.size();
}

// Whether anything waits, after a look at what the client has.
bool OrderedReading::fed(OrderedPartition& one) {
  if (!std::exchange(one.looked, true)) feed_.feed(one, is_paced_ ? kRunRecords : kLineRecords);
  return !one.line.empty();
}

// False: it is to be waited for.
bool OrderedReading::fill(OrderedPartition& one, TimePoint now, std::vector<PartitionOffset>& ends) {
  if (fed(one)) {
    one.empty_since = {};
    return true;
  }
  if (one.untold_end >= 0) ends.push_back({one.at, std::exchange(one.untold_end, -1), {}});
  if (one.empty_since == TimePoint()) one.empty_since = now;
  const auto limit = wait_limit(one);
  if (limit && now - one.empty_since >= *limit) return true;
  waits_ = true;
  if (one.has_companions && !one.told_wait && now - one.empty_since > kLagLimit) {
    one.told_wait = true;
    if (note_)
      note_("waiting for records of " + to_string(one.at) + ": the partitions are read in order of time");
  }
  return false;
}

std::optional<std::chrono::steady_clock::duration> OrderedReading::wait_limit(
    const OrderedPartition& one) const {
  using Limit = std::optional<std::chrono::steady_clock::duration>;
  if (one.next < one.expected && !one.has_companions) return Limit(kLagLimit);
  if (one.has_companions && companions_->comes_more && companions_->comes_more(one.at, one.next))
    return Limit();
  const int64_t known_end = feed_.known_end(one.at);
  // The client's end is that of the last finished transaction: behind it another one is open. Who joins or merges
  // waits for its records as for any others. (An internal topic's open transaction may be our own.)
  if (one.at_end && known_end > one.next && one.has_companions && apart_.count(one.at.topic) == 0)
    return Limit();
  const int64_t end = one.at_end ? one.next : known_end;
  const bool is_at_end = one.at_end || (end >= 0 && end <= one.next);
  if (is_paced_) return Limit(is_at_end || end - one.next == 1 ? Millis(0) : kPaceLimit);
  if (is_at_end) {
    const bool goes_on = !one.has_companions || companions_->is_table(one.at);
    return goes_on ? Limit(std::chrono::steady_clock::duration(0)) : Limit(companions_->max_wait);
  }
  if (end - one.next == 1) return Limit(kLastOffsetLimit);
  return one.has_companions ? Limit() : Limit(kLagLimit);
}

}  // namespace kutils::kafka
