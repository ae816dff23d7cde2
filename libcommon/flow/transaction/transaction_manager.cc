#include "flow/transaction/transaction_manager.h"

#include <algorithm>
#include <string>
#include <utility>

namespace kutils::flow {
namespace {

using kafka::KafkaError;
using kafka::Severity;

constexpr int kMaxAbortsInARow = 60;

Millis transaction_timeout(const Job& job) {
  const auto& properties = job.client.producer();
  const auto found = properties.find("transaction.timeout.ms");
  return Millis(found == properties.end() ? 30'000 : std::stoll(found->second));
}
// Half of the transaction time-out (rule 8).
Millis transaction_limit(const Job& job) { return std::max(Millis(1), transaction_timeout(job) / 2); }
// Beyond the transaction's time-out and a broker's fail-over nothing comes of waiting on.
Millis commit_timeout(const Job& job) { return transaction_timeout(job) + Millis(30'000); }

std::unique_ptr<Committer> make_committer(const WorkerContext& context, const InstanceSlot& slot,
                                          SinkOutputs* lines) {
  const Environment& around = context.around;
  if (lines) return std::make_unique<LineCommits>([lines] { lines->flush(); });
  if (!context.plan.transactional()) return std::make_unique<PlainCommits>(around.make_producer());
  // Side by side: after a kill each waits for the broker to end the dead one's transaction (rule 10).
  const auto lock = slot.lock_for_init(around.stop);
  const std::string& id = slot.transactional_id();
  auto make = [&around](const std::string& name) {
    auto producer = around.make_transactional_producer(name);
    producer->init();
    return producer;
  };
  auto second = run_beside(around.executor, [&] { return make(id + ".1"); });
  auto first = make(id + ".0");
  return std::make_unique<AlternatingTransactions>(std::move(first), second.get(), around.clock, around.stop,
                                                   commit_timeout(context.job));
}

std::unique_ptr<kafka::Producer> make_outside(const WorkerContext& context) {
  const WorkerPlan& plan = context.plan;
  return plan.transactional() && !plan.exactly_once ? context.around.make_producer() : nullptr;
}

std::unique_ptr<ChangelogWriter> make_changelog(const WorkerContext& context, Assignment& owned,
                                                Committer& committer, kafka::Producer* outside) {
  if (!context.job.stateful()) return nullptr;
  return std::make_unique<ChangelogWriter>(context, owned, committer, outside);
}

CommitPacer make_pacer(const WorkerContext& context, bool to_lines) {
  const Job& job = context.job;
  return CommitPacer(context.plan.transactional() || to_lines ? job.commit_min : job.commit_max,
                     job.commit_max, transaction_limit(job));
}

}  // namespace

TransactionManager::TransactionManager(const WorkerContext& context, const InstanceSlot& slot,
                                       SinkOutputs* lines, Assignment& owned, CommitMemory& memory)
    : context_(context),
      memory_(memory),
      committer_(make_committer(context, slot, lines)),
      outside_(make_outside(context)),
      outputs_(context, *committer_, lines, outside_.get(), [this] { begin_if_needed(); }),
      changelog_(make_changelog(context, owned, *committer_, outside_.get())),
      pacer_(make_pacer(context, lines != nullptr)) {}

void TransactionManager::begin_if_needed() {
  if (committer_->open()) return;
  committer_->begin();
  outputs_.forget_pieces();
  opened_out_ = outputs_.written();
  is_urgent_ = false;
  pacer_.opened(context_.around.clock.steady_us());
}

// Whether somebody waits for the open transaction.
bool TransactionManager::is_visible(size_t dirty_rows) const {
  return outputs_.written() > opened_out_ || dirty_rows > 0;
}

bool TransactionManager::due(int64_t lag, size_t dirty_rows) const {
  return pacer_.due(context_.around.clock.steady_us(), is_urgent_ ? 0 : lag, is_visible(dirty_rows),
                    dirty_rows);
}

Millis TransactionManager::poll_timeout(int64_t lag, size_t dirty_rows) const {
  return pacer_.poll_timeout(context_.around.clock.steady_us(), is_urgent_ ? 0 : lag, is_visible(dirty_rows));
}

void TransactionManager::commit(const std::vector<kafka::PartitionOffset>& offsets,
                                kafka::GroupConsumer& consumer, const std::string& member, int64_t lag) {
  if (offsets.empty()) {
    throw KafkaError(ExitCode::delivery, Severity::abort, 0,
                     "the partition that these outputs belong to is no longer assigned");
  }
  outputs_.write_pieces();
  if (changelog_) changelog_->write(offsets);
  committer_->commit(offsets, consumer, member);
  if (changelog_) changelog_->apply(offsets);
  tell_written(consumer);
  remember(offsets);
  pacer_.committed(lag);
  aborts_in_a_row_ = 0;
  has_committed_ = true;
}

// Partitions of an internal topic are read in order of time only if those are waited for that the last fetch found
// empty (rule 28b).
void TransactionManager::tell_written(kafka::GroupConsumer& consumer) const {
  const WorkerPlan& plan = context_.plan;
  if (!plan.in_order_of_time || !plan.has_internal_topic()) return;
  std::vector<kafka::PartitionOffset> ends;
  for (size_t sub = 1; sub < plan.subs.size(); ++sub) {
    for (int32_t p = 0; p < plan.subs[sub].partitions; ++p) {
      int64_t last = kNoOffset;
      for (kafka::Producer* producer : committer_->producers())
        last = std::max(last, producer->delivered_offset(plan.subs[sub].topic, p));
      if (last != kNoOffset) ends.push_back({{plan.subs[sub].topic, p}, last + 1, {}});
    }
  }
  consumer.expect(ends);
}

// In a transaction, as all commits: librdkafka keeps a plain commit that was not answered and makes it at any later
// time, which would set the group back.
void TransactionManager::commit_first(const std::vector<kafka::PartitionOffset>& offsets,
                                      kafka::GroupConsumer& consumer, const std::string& member) {
  begin_if_needed();
  if (changelog_) changelog_->write_first(offsets);
  committer_->commit(offsets, consumer, member);
  remember(offsets);
}

// The cluster may forget it.
void TransactionManager::remember(const std::vector<kafka::PartitionOffset>& committed) {
  if (context_.plan.in_memory) return;
  std::vector<kafka::PartitionOffset> news;
  for (const auto& one : committed)
    if (remembered_.insert(one.at).second) news.push_back(one);
  if (!news.empty()) memory_.add(context_.admin.cluster_id(), news);
}

void TransactionManager::abort_undelivered() {
  for (kafka::Producer* producer : producers()) producer->give_up_undelivered();
  abort();
}

Millis TransactionManager::count_abort(const KafkaError& error) {
  if (++aborts_in_a_row_ > kMaxAbortsInARow) {
    throw Error(ExitCode::delivery,
                std::string("gave up after ") + std::to_string(kMaxAbortsInARow) +
                    " transactions in a row that had to be aborted; the last one: " + error.what(),
                error.hint());
  }
  return Millis(std::min(20 * aborts_in_a_row_, 1000));
}

std::vector<kafka::Producer*> TransactionManager::producers() const {
  std::vector<kafka::Producer*> all = committer_->producers();
  if (outside_) all.push_back(outside_.get());
  return all;
}

}  // namespace kutils::flow
