#include "flow/tasks/idle_source_monitor.h"

#include <algorithm>

#include "kafka/ends_of_many.h"

namespace kutils::flow {
namespace {

constexpr int64_t kAskUs = 1'000'000;
constexpr int64_t kCountUs = 10'000'000;

}  // namespace

IdleSourceMonitor::Answer IdleSourceMonitor::ask(kafka::Admin& admin, int64_t now_us,
                                                 std::vector<kafka::PartitionOffset> positions) {
  Answer answer{now_us, false, {}, {}, {}};
  // First how far it is read, then how far it goes: what is found read was read.
  if (!topics_.empty()) {
    if (counted_us_ == INT64_MIN) counted_us_ = now_us;
    if (now_us - counted_us_ >= kCountUs) {
      counted_us_ = now_us;
      for (auto& [topic, count] : topics_)
        if (const auto found = admin.find_topic(topic)) count = std::max(count, found->partitions);
    }
    int32_t most = 0;
    for (const auto& [topic, count] : topics_) most = std::max(most, count);
    std::vector<kafka::TopicPartition> sources;
    std::vector<int32_t> numbers;
    for (int32_t p = 0, number = 0; p < most; ++p) {
      for (const auto& [topic, count] : topics_) {
        if (p < count) {
          sources.push_back({topic, p});
          numbers.push_back(number);
        } else {
          answer.missing.push_back(number);
        }
        ++number;
      }
    }
    const auto commits = admin.committed(group_, sources);
    for (size_t i = 0; i < commits.size(); ++i)
      answer.sources.push_back({commits[i].at, std::max<int64_t>(commits[i].offset, 0), 0, numbers[i]});
    const auto ends = kafka::ends_of_many(admin, sources);
    for (Reader& one : answer.sources) one.end = ends.at(one.at).high;
  }
  // In their order: what the first one gave the next one has.
  for (auto one = between_.rbegin(); one != between_.rend(); ++one) {
    std::vector<kafka::TopicPartition> through;
    for (int32_t p = 0; p < one->second; ++p) through.push_back({one->first, p});
    const auto ends = kafka::ends_of_many(admin, through);
    for (const auto& commit : admin.committed(group_, through))
      answer.all_came_through &= commit.offset >= ends.at(commit.at).high;
  }
  std::vector<kafka::TopicPartition> read;
  for (const auto& one : positions) read.push_back(one.at);
  const auto ends = kafka::ends_of_many(admin, read);
  for (const auto& one : positions)
    answer.readers.push_back({one.at, one.offset, ends.at(one.at).high, one.at.partition});
  answer.answered = true;
  return answer;
}

std::optional<IdleSourceMonitor::Found> IdleSourceMonitor::look(
    const std::vector<kafka::PartitionOffset>& positions) {
  std::optional<Found> found;
  if (answer_.valid()) {
    if (!answer_.is_ready()) return std::nullopt;
    const Answer answer = answer_.get();
    if (answer.answered) found = judge(answer);
  }
  const int64_t now = around_.clock.steady_us();
  if (now - asked_us_ < kAskUs || positions.empty()) return found;
  asked_us_ = now;
  if (!admin_) {
    admin_ = around_.make_admin();
    admin_->try_once();
  }
  answer_ = run_beside(around_.executor, [this, now, positions]() -> Answer {
    try {
      return ask(*admin_, now, positions);
    } catch (const Error&) {
      return {};  // the next time; until then nothing is proved
    }
  });
  return found;
}

IdleSourceMonitor::Found IdleSourceMonitor::judge(const Answer& answer) {
  Found found;
  found.asked_us = answer.asked_us;
  for (const Reader& one : answer.readers)
    if (one.position >= one.end) found.read.push_back({one.at, one.position, {}});
  const int64_t gap =
      kGapUs + kGapEachUs * static_cast<int64_t>(answer.sources.size() + answer.readers.size());
  for (const int32_t number : answer.missing) found.silent.push_back({{}, number, kSilentSourceMs});
  for (const Reader& one : topics_.empty() ? answer.readers : answer.sources) {
    if (one.position < one.end) {
      quiet_.erase(one.at);
      found.active.push_back(one.number);
      continue;
    }
    const auto [known, is_new] = quiet_.try_emplace(one.at);
    Quiet& quiet = known->second;
    const bool has_moved = quiet.position != one.position || quiet.end != one.end;
    if (!is_new && has_moved) found.active.push_back(one.number);
    if (is_new || has_moved || answer.asked_us - quiet.asked_us > gap)
      quiet = {one.position, one.end, answer.asked_us, answer.asked_us};
    quiet.asked_us = answer.asked_us;
    if (answer.all_came_through)
      found.silent.push_back({one.at, one.number, (quiet.asked_us - quiet.since_us) / 1000});
  }
  return found;
}

}  // namespace kutils::flow
