#include "flow/cycle_outputs.h"

#include <algorithm>
#include <utility>

#include "base/murmur2.h"

namespace kutils::flow {

CycleOutputs::CycleOutputs(const WorkerContext& context, Committer& committer, SinkOutputs* lines,
                           kafka::Producer* outside, std::function<void()> begin)
    : committer_(committer),
      lines_(lines),
      begin_(std::move(begin)),
      between_count_(std::max(context.plan.repartition_count, 1)) {
  auto inputs = context.plan.inputs;
  if (!context.plan.repartition.empty()) {
    inputs.emplace_back(context.plan.repartition, context.plan.repartition_count);
    for (kafka::Producer* producer : committer_.producers()) {
      between_.push_back(
          context.around.make_topic_sink(*producer, context.admin, context.plan.repartition, inputs));
    }
  }
  for (kafka::Producer* producer : committer_.producers()) {
    std::vector<std::unique_ptr<io::Sink>> ports;
    for (const std::string& topic : context.plan.outputs) {
      ports.push_back(
          context.around.make_topic_sink(outside ? *outside : *producer, context.admin, topic, inputs));
    }
    std::unique_ptr<io::Sink> letters;
    if (!context.plan.dead_letters.empty()) {
      letters = context.around.make_topic_sink(*producer, context.admin, context.plan.dead_letters,
                                               context.plan.inputs);
    }
    sets_.push_back(std::make_unique<SinkOutputs>(context.job.tool, std::move(ports), std::move(letters)));
  }
}

std::optional<RecordError> CycleOutputs::write(const Record* origin, const Output& output) {
  begin_();
  ++written_;
  if (is_in_front_) return write_between(origin, output);
  // What no record caused belongs to the partition whose stage speaks.
  const bool is_at_home = !origin && output.keeps_key && home_.partition >= 0;
  return set().write(is_at_home ? &home_ : origin, output);
}

std::optional<RecordError> CycleOutputs::write_between(const Record* origin, const Output& output) {
  io::Sink& sink = *between_[committer_.producer_index()];
  if (!marks_ || !origin) return sink.write(origin, output);
  Output placed = output;
  placed.partition = murmur2_partition(output.key.view(), between_count_);
  auto refused = sink.write(origin, placed);
  if (!refused) marks_->wrote(origin->partition, output.timestamp, placed.partition);
  return refused;
}

void CycleOutputs::mark(const Output& mark) {
  if (const auto refused = between_[committer_.producer_index()]->write(nullptr, mark))
    throw Error(ExitCode::delivery, "the internal topic of --by takes no mark: " + refused->message);
}

void CycleOutputs::dead_letter(const Record& origin, const RecordError& error) {
  ++written_;
  set().dead_letter(origin, error);
}

void CycleOutputs::set_home(const kafka::TopicPartition* at, bool is_in_front) {
  is_in_front_ = is_in_front;
  home_ = Record();
  if (!at) return;
  home_.topic = at->topic;
  home_.partition = at->partition;
}

}  // namespace kutils::flow
