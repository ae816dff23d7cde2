#include "flow/tasks/internal_topics.h"

#include <algorithm>

#include "flow/tasks/source_headers.h"
#include "state/meta.h"

namespace kutils::flow {

InternalTopics::InternalTopics(const WorkerContext& context, const Assignment& owned,
                               TransactionalOutputs& outputs)
    : context_(context), owned_(owned), outputs_(outputs) {
  const auto& plans = context.plan.subs;
  for (size_t sub = 1; sub < plans.size(); ++sub)
    topics_.push_back({RepartitionMaintenance(context, sub), std::nullopt});
  // From here on they stay where they are.
  for (size_t i = 0; i < topics_.size(); ++i) {
    const auto& next_close = context.job.topology.subs()[i + 1].operators.front().next_close;
    if (!next_close) continue;
    topics_[i].marks.emplace(plans[i].sources, plans[i + 1].partitions, next_close);
    outputs.tell(i, *topics_[i].marks);
  }
}

void InternalTopics::processed(const OwnedPartition& partition, std::span<const Record> records,
                               int64_t now_us) {
  if (!has_marks(partition.sub) || !context_.plan.subs[partition.sub].keeps_sources) return;
  SourceMarks& marks = *topics_[partition.sub].marks;
  for (const Record& record : records) {
    if (is_mark(record)) {
      read_mark(record, [&](int32_t source, int64_t time) {
        if (time == state::kNoTime) marks.passes_nothing(source, now_us);
      });
      continue;
    }
    const Record source = source_record(record, context_.plan.inputs.front().first);
    marks.read(context_.plan.in_topics.empty() ? source.partition
                                               : context_.plan.source_number(source.topic, source.partition),
               now_us);
  }
}

void InternalTopics::forget(const OwnedPartition& partition) {
  if (has_marks(partition.sub) && !context_.plan.subs[partition.sub].keeps_sources)
    topics_[partition.sub].marks->forget(number_of(partition));
}

bool InternalTopics::marks_due(int64_t now_us) const {
  return std::any_of(topics_.begin(), topics_.end(),
                     [now_us](const Topic& one) { return one.marks && one.marks->due(now_us); });
}

bool InternalTopics::any_untold() const {
  return std::any_of(topics_.begin(), topics_.end(),
                     [](const Topic& one) { return one.marks && one.marks->any_untold(); });
}

void InternalTopics::write_marks(bool last) {
  for (size_t i = 0; i < topics_.size(); ++i) {
    if (!topics_[i].marks) continue;
    const bool at_ends =
        context_.plan.has_ends && std::all_of(owned_.all().begin(), owned_.all().end(),
                                              [i](const auto& one) { return one->sub > i || one->at_end(); });
    topics_[i].marks->write(context_.around.clock.steady_us(), last || at_ends,
                            [this, i](int32_t, const Output& mark) { outputs_.mark(i, mark); });
  }
}

void InternalTopics::committed() {
  for (Topic& one : topics_)
    if (one.marks) one.marks->committed();
}

void InternalTopics::aborted() {
  for (Topic& one : topics_)
    if (one.marks) one.marks->aborted();
}

void InternalTopics::delete_read(bool at_end) {
  for (Topic& one : topics_) one.maintenance.delete_read(owned_, at_end);
}

}  // namespace kutils::flow
