#include "flow/tasks/restore_manager.h"

#include <algorithm>

#include "kafka/memory_state.h"

namespace kutils::flow {
namespace {

constexpr int64_t kLookNoteUs = 1'000'000;
constexpr Millis kCompleteLook{10};

// Each line is a message of its own, so that each begins with the tool's name.
void note_lines(Log& log, const std::string& text) {
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    log.note(text.substr(from, end - from));
    from = end + 1;
  }
}

}  // namespace

std::unique_ptr<StateOpening> RestoreManager::begin(int32_t number, bool is_given) const {
  const auto& [job, around, plan, admin, log] = context_;
  StatePlace place;
  place.directory = job.state_dir;
  place.group = plan.state_name;
  place.changelog = {plan.changelog, number};
  place.delete_retention_ms = plan.delete_retention_ms;
  place.in_memory_broker = plan.in_memory;
  place.temporary = plan.in_memory && !kafka::is_memory_state_dir(job.state_dir, job.client.brokers());
  place.distrusted = distrusted_;
  place.cache_bytes = job.cache_bytes;
  // The group has waited for a session's length already, so this is the time for one that only was slow.
  if (is_given && !plan.in_memory)
    place.hung_after = Millis(std::stoll(job.client.consumer_value("session.timeout.ms", "30000")));
  return job.open_state(place, around, admin);
}

std::vector<kafka::TopicPartition> RestoreManager::ready(const std::vector<kafka::TopicPartition>& assigned) {
  if (!context_.job.stateful()) return assigned;
  std::vector<kafka::TopicPartition> ready;
  const int64_t now = context_.around.clock.steady_us();
  const bool tells = now - last_told_us_ > kLookNoteUs;
  if (tells) last_told_us_ = now;
  for (const auto& at : assigned) {
    const std::optional<int32_t> number = context_.plan.state_of(at);
    if (!number) {  // in front of the repartition
      ready.push_back(at);
      continue;
    }
    auto found = std::find_if(restore_manager_.begin(), restore_manager_.end(),
                              [&](const auto& one) { return one.at == at; });
    if (found == restore_manager_.end()) {
      restore_manager_.push_back({at, begin(*number, true), nullptr});
      found = restore_manager_.end() - 1;
    }
    if (found->state) {  // a try to admit it failed
      ready.push_back(at);
      continue;
    }
    try {
      found->state = found->opening->poll();
    } catch (...) {
      restore_manager_.erase(found);  // it has ended: whoever goes on begins another
      throw;
    }
    if (found->state) {
      ready.push_back(at);
      note_lines(context_.log, found->opening->account());
    } else if (tells) {
      if (const std::string progress = found->opening->progress(); !progress.empty())
        context_.log.note(progress);
    }
  }
  return ready;
}

void RestoreManager::complete(const std::vector<int32_t>& numbers) {
  std::vector<std::unique_ptr<StateOpening>> openings;
  for (const int32_t number : numbers) openings.push_back(begin(number, false));
  for (const auto& opening : openings) {
    std::unique_ptr<PartitionState> state;
    while (!(state = opening->poll())) {
      if (context_.around.stop.signal() != 0) return;
      context_.around.pause(kCompleteLook);
    }
    state->close();
    if (const std::string account = opening->account(); !account.empty()) context_.log.note(account);
  }
}

std::unique_ptr<PartitionState> RestoreManager::take(const kafka::TopicPartition& at) {
  const auto found = std::find_if(restore_manager_.begin(), restore_manager_.end(),
                                  [&](const auto& one) { return one.at == at; });
  auto state = std::move(found->state);
  restore_manager_.erase(found);
  return state;
}

void RestoreManager::drop(const kafka::TopicPartition& at) {
  const auto found = std::find_if(restore_manager_.begin(), restore_manager_.end(),
                                  [&](const auto& one) { return one.at == at; });
  if (found == restore_manager_.end()) return;
  if (found->state) found->state->close();
  restore_manager_.erase(found);
}

}  // namespace kutils::flow
