// Builds workers, and rebuilds them after errors that a new worker can recover from.
#include <optional>

#include "flow/membership/lost_offsets.h"
#include "flow/membership/origins.h"
#include "flow/membership/partition_watch.h"
#include "flow/run/worker.h"
#include "io/topic_sink.h"
#include "kafka/topic_refusal.h"
#include "state/layout.h"
#include "state/state_error.h"

namespace kutils::flow {
namespace {

constexpr int kMaxFatalInARow = 3;
constexpr int kMaxUnansweredInARow = 10;  // each has waited a minute or more
constexpr Millis kRivalLook{200};
constexpr int kRivalLooks = 15;           // three seconds
constexpr int kRivalLooksAfterSleep = 5;  // one that came while we slept has joined by now

// Dead siblings' transactions hold up every reader until they time out: end them on their behalf (rule 10).
void end_dead_transactions(const InstanceSlot& slot, const Environment& around, const StopRequest& stop) {
  int number = 0;
  while (stop.signal() == 0) {
    const auto dead = slot.next_dead(number);
    if (!dead) return;
    for (const char* suffix : {".0", ".1"}) {
      try {
        around.make_transactional_producer(dead->transactional_id + suffix)->init();
      } catch (const kafka::KafkaError& error) {
        // Of the others one may hold somebody up. In an outage all would be waited for in vain.
        if (error.is_unanswered()) throw;
      }
    }
  }
}

Error rival_error(const std::string& instance_id) {
  return Error(ExitCode::delivery, "another process runs as " + instance_id + " and has taken its place",
               "each process needs its own --instance ($KUTILS_INSTANCE) or state directory");
}

// The member that the group has under our instance id: who joined last, for each join makes a new member id.
// (client.id would not tell: it stays that of the first one when a static member is replaced.) nullopt: none,
// or nobody to ask.
std::optional<std::string> member_under(const std::string& instance_id, kafka::Admin& admin,
                                        const std::string& group) {
  try {
    for (const kafka::GroupMember& member : admin.group_members(group)) {
      if (member.instance_id == instance_id) return member.member_id;
    }
  } catch (const Error&) {
    // A coordinator that moves; the next look.
  }
  return std::nullopt;
}

// Fenced: by a process that runs under our name, or only by our own late return (rule 11). `ours` is the
// member that we were, or that stood there when we began. A rival joins in its place; it initialises its
// transactional ids first, so it may take a moment.
void refuse_rival(const std::string& instance_id, const std::string& ours, const Environment& around,
                  kafka::Admin& admin, const std::string& group, int looks) {
  if (instance_id.empty()) return;
  for (int look = 0; look < looks && around.stop.signal() == 0; ++look) {
    if (look > 0) around.pause(kRivalLook);
    const auto now = member_under(instance_id, admin, group);
    if (!now || *now == ours) continue;
    throw rival_error(instance_id);
  }
}

// When a topic is deleted, transactions fail with errors that name another reason: this check finds the
// deleted topic.
void refuse_missing_topics(const WorkerContext& context) {
  // Runs without these checks during the run (in memory, without a mark reader) do without this one, too.
  if (context.plan.in_memory || !context.around.make_mark_reader) return;
  try {
    for (const std::string& topic : needed_topics(context)) {
      int looks = 0;
      while (is_missing(context.admin, topic) && context.around.stop.signal() == 0) {
        if (++looks == kMissingLooks) throw deleted_topic_error(context, topic);
        context.around.pause(kDeletionWatchEvery);
      }
    }
  } catch (const kafka::KafkaError&) {
    // An outage: the next worker checks again.
  }
}

}  // namespace

Processor::End run_worker(const Job& job, const Environment& around, Report& report, Progress& progress,
                          Log& log, OnError::Policy policy) {
  const auto admin = around.make_admin();
  admin->connect(kConnectLimit);
  if (!job.state_dir.empty()) state::claim_state_directory(job.state_dir, job.group);
  const auto slot = InstanceSlot::take(job.state_dir, job.instance, job.group);

  // Read before the group's offsets are asked for: a worker beside this one may be about to commit the first.
  CommitMemory memory(slot->directory());

  // Offsets in a dead one's transaction hold up whoever asks for the group's offsets, as prepare() does: such
  // transactions, also our own predecessor's, are ended beside it.
  const bool has_transactions = (job.delivery == Delivery::exactly_once || job.stateful()) &&
                                !job.out.is_lines() && !admin->is_in_memory();
  Task<void> predecessor;
  Task<void> cleaner;  // lives until the clean-up is done or this run ends
  if (has_transactions) {
    predecessor = run_beside(around.executor, [&] {
      const auto lock = slot->lock_for_init(around.stop);
      for (const char* suffix : {".0", ".1"}) {
        around.make_transactional_producer(slot->transactional_id() + suffix)->init();
      }
    });
    cleaner = run_beside(around.executor, [&] {
      try {
        end_dead_transactions(*slot, around, around.stop);
      } catch (const Error&) {
        // Only a help for others; their time-out ends those transactions too.
      }
    });
  }

  std::optional<WorkerPlan> prepared;
  try {
    prepared.emplace(prepare(job, around, *admin, log));
  } catch (const kafka::KafkaError&) {
    if (around.stop.signal() == 0) throw;
    return Processor::End::no;  // asked to stop while nobody answered: nothing was begun
  }
  const WorkerPlan& plan = *prepared;
  if (around.observer) around.observer->planned(plan.states());
  refuse_lost_offsets(job, plan, memory, *admin);
  // Never beside the worker's own, which it would fence.
  try {
    if (predecessor.valid()) predecessor.get();
  } catch (const Error&) {
    // The worker's own init meets the same, and knows what to do about it.
  }

  // Lines stay open when a worker is rebuilt.
  std::unique_ptr<SinkOutputs> lines;
  if (job.out.is_lines()) {
    std::vector<std::unique_ptr<io::Sink>> sinks;
    sinks.push_back(job.open_lines_out());
    for (const MoreOutput& more : job.more_outputs) sinks.push_back(more.open_lines());
    lines = std::make_unique<SinkOutputs>(job.tool, std::move(sinks), nullptr);
  }

  Processor::Checkpoint counted;
  int fatal_in_a_row = 0;
  int unanswered_in_a_row = 0;
  bool slept = false;  // since the last commit
  // The group did not answer the last worker's join. It may take that join later, and then fences the next worker as
  // a rival would.
  bool join_unanswered = false;
  bool distrusted = false;
  for (;;) {
    Worker worker({{job, around, plan, *admin, log},
                   *slot,
                   report,
                   progress,
                   policy,
                   lines.get(),
                   memory,
                   counted,
                   std::exchange(distrusted, false)});
    try {
      worker.run();
      if (!worker.rejoins() || around.stop.signal() != 0) return worker.ended();
      counted = worker.committed_counts();
    } catch (const state::CorruptState& broken) {
      worker.uncount_aborted();
      counted = worker.committed_counts();
      if (worker.has_committed()) fatal_in_a_row = 0;
      if (++fatal_in_a_row > kMaxFatalInARow) throw;
      log.note(std::string("restarting with state from its changelog: ") + broken.what());
      distrusted = true;
    } catch (const kafka::KafkaError& error) {
      worker.uncount_aborted();
      counted = worker.committed_counts();
      if (error.code() == ExitCode::usage) throw;
      if (around.stop.signal() != 0)
        return Processor::End::no;  // asked to stop: what is committed stands, the rest comes again
      if (error.code() == ExitCode::connection) throw;
      if (!error.is_unanswered()) refuse_missing_topics({job, around, plan, *admin, log});
      if (worker.has_committed() || worker.was_away()) fatal_in_a_row = unanswered_in_a_row = 0;
      // An outage is nobody's fault, and may last.
      if (error.is_unanswered()) {
        if (++unanswered_in_a_row > kMaxUnansweredInARow) throw;
      } else if (++fatal_in_a_row > kMaxFatalInARow) {
        throw Error(
            ExitCode::delivery,
            std::string("gave up after ") + std::to_string(kMaxFatalInARow) +
                " restarts in a row: " + error.what(),
            kafka::is_refused_by_settings(error)
                ? error.hint()
                : "does another process run as " + slot->instance_id() + "? Give each its own --instance");
      }
      // The next worker reads those of its outputs; the changelog's stand in the plan.
      if (kafka::is_refused_by_settings(error) && !plan.changelog.empty())
        prepared->changelog_max_bytes = io::limits_of(admin->topic_config(plan.changelog)).max_bytes;
      if (error.is_fencing() && !worker.member_id().empty() && !join_unanswered) {
        refuse_rival(slot->instance_id(), worker.member_id(), around, *admin, plan.group,
                     worker.was_away() ? kRivalLooksAfterSleep : kRivalLooks);
      }
      // Fenced before the group knew us: another one joins under our name at this moment, and each join
      // fences the other. One of the two has to give way; it is the one that was asleep, for the other came
      // while it slept.
      slept = (slept && !worker.has_committed()) || worker.was_away();
      join_unanswered = worker.member_id().empty();
      if (error.is_fencing() && worker.member_id().empty()) {
        if (slept) throw rival_error(slot->instance_id());
        around.pause(kRivalLook);
      }
      if (around.observer) around.observer->restarted();
      log.note(std::string("restarting from the committed offsets: ") + error.what());
    } catch (const Error&) {
      worker.uncount_aborted();
      throw;
    }
  }
}

}  // namespace kutils::flow
