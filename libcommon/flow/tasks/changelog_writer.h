// A transaction's rows: into the changelog before the commit, onto disk after it (rules 16 to 18).
#pragma once

#include <vector>

#include "flow/membership/assignment.h"
#include "flow/run/worker_context.h"
#include "flow/transaction/committer.h"
#include "io/batch_limit.h"

namespace kutils::flow {

class ChangelogWriter {
 public:
  // `outside`: a producer that must have delivered before rows stand for it; may be null.
  ChangelogWriter(const WorkerContext& context, Assignment& owned, Committer& committer,
                  kafka::Producer* outside)
      : context_(context),
        owned_(owned),
        committer_(committer),
        outside_(outside),
        batches_(context.plan.changelog_max_bytes) {}

  // The rows of the tasks of `offsets`, each one's meta row among them. REQUIRES: `offsets` names all sources of
  // a task or none, at their positions. Throws Error(usage), the transaction aborted, where the changelog is not
  // the one that the rows on disk came to.
  // Positions of tasks without state that moved have rows of their own (input_positions.h).
  void write(const std::vector<kafka::PartitionOffset>& offsets);
  // First positions, of tasks that are not owned yet.
  void write_first(const std::vector<kafka::PartitionOffset>& offsets);
  // The transaction has committed.
  void apply(const std::vector<kafka::PartitionOffset>& offsets);

 private:
  kafka::Producer& producer() const { return *committer_.producers().at(committer_.producer_index()); }
  void produce(int32_t partition, const Output& row);
  void write_position(const kafka::PartitionOffset& position);
  void check_size(const Output& row, const kafka::PartitionOffset& at);
  void check_changelog(const std::vector<kafka::PartitionOffset>& offsets);

  const WorkerContext context_;
  Assignment& owned_;
  Committer& committer_;
  kafka::Producer* outside_;
  io::BatchLimit batches_;
  std::vector<SourcePosition> positions_;  // only in write()
};

}  // namespace kutils::flow
