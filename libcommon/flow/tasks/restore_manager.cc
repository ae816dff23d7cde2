#include "flow/tasks/restore_manager.h"

#include <algorithm>
#include <optional>

#include "kafka/memory_state.h"
#include "state/layout.h"
#include "state/stored_partition.h"

namespace kutils::flow {
namespace {

constexpr int64_t kLookNoteUs = 1'000'000;
constexpr Millis kCompleteLook{10};
constexpr size_t kLookCacheBytes = size_t{4} << 20;

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
  place.has_run = !plan.earlier_counts.empty();
  place.cache_bytes = job.cache_bytes;
  // The group has already waited for the session time-out, so this time is for a process that was only slow.
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
    auto found =
        std::find_if(openings_.begin(), openings_.end(), [&](const auto& one) { return one.at == at; });
    if (found == openings_.end()) {
      openings_.push_back({at, begin(*number, true), nullptr});
      found = openings_.end() - 1;
    }
    if (found->state) {  // a try to admit it failed
      ready.push_back(at);
      continue;
    }
    try {
      found->state = found->opening->poll();
    } catch (...) {
      openings_.erase(found);  // it has ended; the next owner begins another
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

// What is missing on this machine, or was cut short, or damaged, and copies of partitions that another instance
// has gone on with. Where this machine has some partitions of the group, the others may be another one's.
std::vector<int32_t> RestoreManager::incomplete_local_states() const {
  const Job& job = context_.job;
  const WorkerPlan& plan = context_.plan;
  const std::vector<int32_t> here = state::stored_partitions(job.state_dir, plan.state_name);
  const bool is_whole = static_cast<int32_t>(here.size()) == plan.state_count();
  const bool takes_absent = here.empty() || (!is_whole && is_group_empty());
  std::optional<state::StateEnvironment> environment;
  std::vector<int32_t> wanted;
  for (int32_t number = 0; number < plan.state_count(); ++number) {
    if (!std::binary_search(here.begin(), here.end(), number)) {
      if (takes_absent) wanted.push_back(number);
      continue;
    }
    const std::string at = state::newest_directory(job.state_dir, plan.state_name, number);
    const state::Mark mark = state::read_mark(at);
    const bool is_cut = mark.kind == state::Mark::Kind::working || mark.kind == state::Mark::Kind::restoring;
    // Another one had the partition since: behind the last row stands no more than its transaction's
    // marker.
    const auto is_old = [&] {
      return mark.kind == state::Mark::Kind::complete &&
             context_.admin.watermarks({plan.changelog, number}).high > mark.changelog_offset + 1;
    };
    const auto is_damaged = [&] {
      if (!environment) environment.emplace(kLookCacheBytes);
      return state::is_damaged(*environment, at);
    };
    if ((is_cut || is_old() || is_damaged()) && state::PartitionLock::try_read(at)) wanted.push_back(number);
  }
  return wanted;
}

bool RestoreManager::is_group_empty() const {
  try {
    return context_.admin.group_members(context_.plan.group).empty();
  } catch (const Error&) {
    return false;
  }
}

void RestoreManager::complete_local_state() {
  if (!context_.job.stateful() || context_.plan.in_memory || context_.job.state_dir.empty() ||
      context_.around.stop.signal() != 0)
    return;
  std::vector<std::unique_ptr<StateOpening>> openings;
  for (const int32_t number : incomplete_local_states()) openings.push_back(begin(number, false));
  for (const auto& opening : openings) {
    std::unique_ptr<PartitionState> state;
    while (!(state = opening->poll())) {
      if (context_.around.stop.signal() != 0) return;
      context_.around.pause(kCompleteLook);
    }
    state->close();
    note_lines(context_.log, opening->account());
  }
}

std::unique_ptr<PartitionState> RestoreManager::take(const kafka::TopicPartition& at) {
  const auto found =
      std::find_if(openings_.begin(), openings_.end(), [&](const auto& one) { return one.at == at; });
  auto state = std::move(found->state);
  openings_.erase(found);
  return state;
}

void RestoreManager::drop(const kafka::TopicPartition& at) {
  const auto found =
      std::find_if(openings_.begin(), openings_.end(), [&](const auto& one) { return one.at == at; });
  if (found == openings_.end()) return;
  if (found->state) found->state->close();
  openings_.erase(found);
}

}  // namespace kutils::flow
