// The worker's transactions, of which one is open at most: outputs, changelog rows, dead letters and the
// positions that they stand for become final together, or not at all (rules 1 to 5). When they do is its pacing;
// what goes into them is their caller's business.
//
//   begin_if_needed() → outputs(), producers → commit(), or abort()
//
// Calls throw KafkaError. After one the transaction is still open and is to be aborted; if it is fatal, this
// object is to be dropped. Its destructor makes no calls: dropped, it is a process that died. One thread;
// references outlive it.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "flow/membership/assignment.h"
#include "flow/membership/instance_slot.h"
#include "flow/run/worker_context.h"
#include "flow/tasks/changelog_writer.h"
#include "flow/transaction/commit_memory.h"
#include "flow/transaction/commit_pacer.h"
#include "flow/transaction/committer.h"
#include "flow/transaction/transactional_outputs.h"

namespace kutils::flow {

class TransactionManager {
 public:
  // Makes the producers and initialises them (rule 10). `lines`: topic to lines with -g, else null. `owned`: whose
  // states' rows go along.
  TransactionManager(const WorkerContext& context, const InstanceSlot& slot, SinkOutputs* lines,
                     Assignment& owned, CommitMemory& memory);

  bool is_open() const { return committer_->open(); }
  void begin_if_needed();
  // Those of the transaction that is open; what is written opens one.
  TransactionalOutputs& outputs() { return outputs_; }

  // Outputs were written whose time by the clock has come: however much input waits, they do not wait for more of
  // it, as outputs of a backlog do.
  void hurry() { is_urgent_ = true; }
  // The open transaction's time has come; `lag` in records, `dirty_rows` of the states.
  bool due(int64_t lag, size_t dirty_rows) const;
  // How long the loop may wait before it must ask again. REQUIRES: is_open().
  Millis poll_timeout(int64_t lag, size_t dirty_rows) const;

  // The open transaction, with these positions and the rows of their states. Throws KafkaError(abort) if there
  // are none: it would not be fenced (rule 1). `member`: who the group gave the partitions to. `lag`: what there was
  // to do when it was begun to be committed.
  void commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
              const std::string& member, int64_t lag);
  // First positions, before the first record: alone. REQUIRES: !is_open().
  void commit_first(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
                    const std::string& member);
  void abort() {
    if (committer_->open()) committer_->abort();
  }
  // Aborts without a wait for what was not delivered: a topic that is gone takes no delivery.
  void abort_undelivered();
  // A transaction failed with this error and is to be aborted. How long to wait before the next one; throws
  // Error(delivery) after too many in a row.
  Millis count_abort(const kafka::KafkaError& error);

  // All that something is written through.
  std::vector<kafka::Producer*> producers() const;
  bool has_committed() const { return has_committed_; }

 private:
  bool is_visible(size_t dirty_rows) const;
  void tell_written(kafka::GroupConsumer& consumer) const;
  void remember(const std::vector<kafka::PartitionOffset>& committed);

  const WorkerContext context_;
  CommitMemory& memory_;
  const std::unique_ptr<Committer> committer_;
  const std::unique_ptr<kafka::Producer> outside_;  // stateful, at least once: what outputs go through
  TransactionalOutputs outputs_;
  const std::unique_ptr<ChangelogWriter> changelog_;  // stateful jobs
  CommitPacer pacer_;
  bool is_urgent_ = false;   // the open one
  uint64_t opened_out_ = 0;  // outputs written when the transaction began
  int aborts_in_a_row_ = 0;
  bool has_committed_ = false;
  std::set<kafka::TopicPartition> remembered_;  // by commit_memory.h
};

}  // namespace kutils::flow
