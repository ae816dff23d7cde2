#include "flow/transaction/transactional_outputs.h"

#include <algorithm>
#include <utility>

#include "base/murmur2.h"
#include "flow/topology/named_outputs.h"
#include "flow/topology/ports.h"

namespace kutils::flow {

TransactionalOutputs::TransactionalOutputs(const WorkerContext& context, Committer& committer,
                                           SinkOutputs* lines, kafka::Producer* outside,
                                           std::function<void()> begin)
    : plan_(context.plan), committer_(committer), lines_(lines), begin_(std::move(begin)) {
  auto inputs = context.plan.inputs;
  for (size_t i = 1; i < context.plan.subs.size(); ++i) {
    const SubPlan& sub = context.plan.subs[i];
    inputs.emplace_back(sub.topic, sub.partitions);
    Between& between = between_.emplace_back(sub.partitions);
    for (kafka::Producer* producer : committer_.producers())
      between.sinks.push_back(context.around.make_topic_sink(*producer, context.admin, sub.topic, inputs));
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
    SinkOutputs::OpenNamed open_named;
    if (context.job.named_outputs)
      open_named = [context, inputs, producer = outside ? outside : producer](uint32_t port) {
        NamedOutputs& named = *context.job.named_outputs;
        const std::string topic = named.topic_of(port);
        named.open(port, [&](const std::string&) {
          ensure_topic(context.job, context.admin, context.log, topic, context.plan.subs.front().partitions);
        });
        return context.around.make_topic_sink(*producer, context.admin, topic, inputs);
      };
    sets_.push_back(std::make_unique<SinkOutputs>(context.job.tool, std::move(ports), std::move(letters),
                                                  std::move(open_named)));
  }
}

std::optional<RecordError> TransactionalOutputs::write(const Record* origin, const Output& output) {
  begin_();
  ++written_;
  if (output.port == kPastNext) return write_between(between_.at(sub_ + 1), origin, output);
  // Outputs of further ports leave the topology at any operator.
  if (output.port == 0 && sub_ < between_.size()) return write_between(between_[sub_], origin, output);
  // Outputs that no record caused belong to the partition of the current stage.
  const bool is_at_home = !origin && output.keeps_key && home_.partition >= 0;
  return set().write(is_at_home ? &home_ : origin, output);
}

std::optional<RecordError> TransactionalOutputs::write_between(Between& to, const Record* origin,
                                                               const Output& output) {
  io::Sink& sink = *to.sinks[committer_.producer_index()];
  const Record* from = origin ? origin : &home_;
  const bool is_piece = PiecePacker::is_piece(origin, output);
  const bool is_told = to.marks && from->partition >= 0 && output.timestamp >= 0;
  const auto write = [&](const Output& pack) { return !sink.write(nullptr, pack); };
  if (!is_piece) write_pieces(to);  // in their order
  if (!is_piece && !is_told) return sink.write(origin, output);
  Output placed = output;
  placed.partition = murmur2_partition(output.key.view(), to.partitions);
  std::optional<RecordError> refused;
  if (is_piece) {
    if (!to.packer.add(placed, write)) throw piece_refused();
  } else {
    refused = sink.write(origin, placed);
  }
  if (!is_told) return refused;
  const int32_t source =
      plan_.in_topics.empty() ? from->partition : plan_.source_number(from->topic, from->partition);
  if (!refused) to.marks->wrote(source, output.timestamp, placed.partition);
  return refused;
}

void TransactionalOutputs::write_pieces(Between& to) {
  io::Sink& sink = *to.sinks[committer_.producer_index()];
  if (!to.packer.write_all([&](const Output& pack) { return !sink.write(nullptr, pack); }))
    throw piece_refused();
}

void TransactionalOutputs::write_pieces() {
  for (Between& to : between_) write_pieces(to);
}

void TransactionalOutputs::forget_pieces() {
  for (Between& to : between_) to.packer.forget();
}

void TransactionalOutputs::mark(size_t sub, const Output& mark) {
  Between& to = between_[sub];
  write_pieces(to);
  if (const auto refused = between_[sub].sinks[committer_.producer_index()]->write(nullptr, mark))
    throw Error(ExitCode::delivery,
                "an internal topic refuses a mark of the end of time: " + refused->message);
}

void TransactionalOutputs::dead_letter(const Record& origin, const RecordError& error) {
  ++written_;
  set().dead_letter(origin, error);
}

void TransactionalOutputs::dead_result(const Output& result, const RecordError& error) {
  ++written_;
  set().dead_result(home_, result, error);
}

void TransactionalOutputs::set_home(const kafka::TopicPartition* at, size_t sub) {
  sub_ = sub;
  home_ = Record();
  if (!at) return;
  home_.topic = at->topic;
  home_.partition = at->partition;
}

}  // namespace kutils::flow
