// The sinks of whichever producer holds the open transaction: a sink writes through one producer only, so
// there is one set for each.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "flow/run/worker_context.h"
#include "flow/tasks/piece_packer.h"
#include "flow/tasks/source_marks.h"
#include "flow/transaction/committer.h"
#include "flow/transaction/sink_outputs.h"

namespace kutils::flow {

class TransactionalOutputs final : public Outputs {
 public:
  // `lines`: topic to lines; then there are no other sinks. `outside`: outputs go through it, not through the
  // open transaction. Both may be null. `begin` opens a transaction if none is open: a stage may emit also
  // when no record comes.
  TransactionalOutputs(const WorkerContext& context, Committer& committer, SinkOutputs* lines,
                       kafka::Producer* outside, std::function<void()> begin);

  std::optional<RecordError> write(const Record* origin, const Output& output) override;
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return set().too_far_ahead(ms); }
  void dead_letter(const Record& origin, const RecordError& error) override;
  void dead_result(const Output& result, const RecordError& error) override;
  // What this sub-topology writes to the internal topic behind it is told to `marks`, which outlives this.
  void tell(size_t sub, SourceMarks& marks) { between_[sub].marks = &marks; }
  // A mark, to the partition that it names (source_marks.h).
  void mark(size_t sub, const Output& mark);
  // What is kept to be written together (piece_packer.h) is of the open transaction: it is written before that
  // commits, and forgotten with it.
  void write_pieces();
  void forget_pieces();
  uint64_t written() const { return written_; }

  // The partition whose stage emits next. Null: one stage stands for all partitions. What a sub-topology
  // other than the last one writes goes to the internal topic behind it.
  void set_home(const kafka::TopicPartition* at, size_t sub);

 private:
  // The internal topic behind a sub-topology.
  struct Between {
    explicit Between(int32_t count) : partitions(count), packer(count) {}
    std::vector<std::unique_ptr<io::Sink>> sinks;  // by producer
    const int32_t partitions;
    PiecePacker packer;
    SourceMarks* marks = nullptr;
  };
  std::optional<RecordError> write_between(Between& to, const Record* origin, const Output& output);
  void write_pieces(Between& to);
  SinkOutputs& set() { return lines_ ? *lines_ : *sets_[committer_.producer_index()]; }

  const WorkerPlan& plan_;
  Committer& committer_;
  SinkOutputs* lines_;
  std::function<void()> begin_;
  std::vector<std::unique_ptr<SinkOutputs>> sets_;
  std::vector<Between> between_;  // by sub-topology but the last
  Record home_;
  size_t sub_ = 0;
  uint64_t written_ = 0;
};

}  // namespace kutils::flow
