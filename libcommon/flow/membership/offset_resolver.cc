#include "flow/membership/offset_resolver.h"

#include <algorithm>
#include <map>

#include "data/batch.h"
#include "flow/membership/begin_marks.h"
#include "flow/membership/lost_offsets.h"
#include "flow/membership/origins.h"
#include "flow/tasks/input_positions.h"

namespace kutils::flow {
namespace {

// How long a quiet topic may keep us from seeing that we are asked to stop.
constexpr Millis kGlance{100};

}  // namespace

// Where the state stands decides; the group's offset is its mirror (rule 17).
int64_t OffsetResolver::with_state(PartitionState& state, const kafka::PartitionOffset& commit,
                                   kafka::Watermarks log, bool& is_new) {
  using Action = state::Resume::Action;
  const std::optional<int64_t> group_offset =
      commit.offset == kafka::kOffsetNone ? std::nullopt : std::optional<int64_t>(commit.offset);
  const std::string& group = context_.plan.group;
  const std::string place = commit.at.topic + " [" + std::to_string(commit.at.partition) + "]";
  const std::string again = "start from the beginning under another name with -g NAME";
  if (const std::string known = state.fingerprint(); !known.empty()) {
    const bool counts_matter = context_.plan.input_has_state();
    const auto earlier = Fingerprint::decode(known);
    const auto now = Fingerprint::decode(context_.plan.fingerprint);
    const auto differences =
        earlier && now ? now->differences_from(*earlier, counts_matter) : std::vector<std::string>();
    // Of a group that has processed nothing the state tells no more than where it began.
    const bool is_change_taken = context_.plan.accepts_change && state.position(commit.at) == group_offset &&
                                 (!group_offset || is_start(commit.metadata));
    if (!earlier || (!differences.empty() && !is_change_taken)) {
      std::string text = "the state of group " + group + " stores another configuration:";
      for (const std::string& line : differences) text += "\n  " + line;
      throw usage_error(text, again);
    }
  }
  const state::Resume resume = state.resume(group_offset, commit.at, log);
  switch (resume.action) {
    case Action::start:
      is_new = true;
      return resume.offset;
    case Action::resume:
      if (!group_offset) check_same_input(state, commit.at);
      return resume.offset;
    case Action::input_recreated:
      throw usage_error("the state of " + place + " stands at offset " + std::to_string(resume.offset) +
                            ", beyond the topic's end: the topic was recreated",
                        again);
    case Action::offsets_were_reset:
      // Plain commits: the state may stand behind the group's offset, and says so itself (rule 29).
      if (context_.plan.in_memory) return resume.offset;
      check_restored_all(state, commit.at);
      throw usage_error("the offset of group " + group + " in " + place + " is " +
                            std::to_string(commit.offset) + ", its state stands at " +
                            std::to_string(resume.offset) +
                            ": the offsets were reset by hand, the state was not",
                        again);
    case Action::state_missing:
      if (context_.plan.in_memory && context_.plan.has_internal_topic() && context_.plan.input_has_state()) {
        throw usage_error(
            place +
                ": its state was in the memory of a process that has ended, and the groups still contain its rows",
            again);
      }
      if (context_.plan.in_memory) {
        context_.log.note(
            place + ": its state was in the memory of a process that has ended; the partition is read again");
        is_new = true;
        return resume.offset;
      }
      check_restored_all(state, commit.at);
      throw usage_error("group " + group + " has read " + place + " up to offset " +
                            std::to_string(commit.offset) + ", but " + context_.plan.changelog +
                            " holds no state of it",
                        "was the changelog topic deleted or recreated? " + again);
    case Action::gap:
      break;
  }
  const std::string gap = place + ": the state stands before offset " + std::to_string(resume.offset) +
                          ", the topic's first: records were deleted before they were read";
  if (!context_.job.accept_gap) throw usage_error(gap, "--on-gap skip continues without them; or " + again);
  context_.log.note(gap);
  return resume.offset;
}

// The state is as old as its restore, the group's offset was asked for after that. A process that was stopped in between
// finds what others have done meanwhile. Whose the partition is now the group tells.
void OffsetResolver::check_restored_all(PartitionState& state, const kafka::TopicPartition& at) {
  const WorkerPlan& plan = context_.plan;
  const kafka::TopicPartition rows{plan.changelog, plan.changelog_partition_of(*plan.state_of(at))};
  const int64_t restored = state.changelog_offset().value_or(0);
  const int64_t end = context_.admin.watermarks(rows).high;
  if (end <= restored) return;
  throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::abort, 0,
                          "the state of " + at.topic + " [" + std::to_string(at.partition) +
                              "] was restored up to offset " + std::to_string(restored) + " of " +
                              rows.topic + ", which another process has written on to " +
                              std::to_string(end));
}

// The group has no offset, the state has one. Offsets expire, but they also go when their topic is deleted:
// it is the same topic if the last record that the state has taken in still is what it was. Where that was removed,
// by retention or compaction, nothing that a reader sees lies between it and the position: else it is another topic.
void OffsetResolver::check_same_input(PartitionState& state, const kafka::TopicPartition& at) {
  const std::string again = "start from the beginning under another name with -g NAME";
  if (context_.plan.in_memory) return;
  const LastRecord last = state.last_record(at);
  const int64_t position = state.position(at).value_or(0);
  const int64_t low = context_.admin.watermarks(at).low;
  if (low >= position) return;  // nothing would be skipped
  const std::string place = at.topic + " [" + std::to_string(at.partition) + "]";
  if (last.offset == kNoOffset)
    throw usage_error("group " + context_.plan.group + " has no offset in " + place +
                          " any more. Its state says that it begins at offset " + std::to_string(position) +
                          ", and no record was read: it is not known whether the topic was deleted and "
                          "recreated",
                      again);
  const auto source = context_.around.make_topic_source(
      {{at, std::max(last.offset, low), std::max(last.offset + 1, position)}});
  for (io::Fill fill = io::Fill::nothing; fill != io::Fill::end && context_.around.stop.signal() == 0;) {
    Batch batch;
    fill = source->poll(batch, kGlance);
    for (const Record& record : batch.records()) {
      if (record.offset < last.offset || record.offset >= std::max(last.offset + 1, position)) continue;
      if (record.offset == last.offset && digest_of(record) == last.digest) return;
      throw usage_error("the record at " + place + " @ " + std::to_string(record.offset) +
                            " is not the one that the state of group " + context_.plan.group +
                            " has processed, or began behind: the topic was recreated",
                        again);
    }
  }
}

std::vector<kafka::PartitionOffset> OffsetResolver::without(const std::vector<kafka::TopicPartition>& fresh,
                                                            const BegunPartitions& begun) {
  std::vector<kafka::PartitionOffset> out;
  std::map<kafka::TopicPartition, kafka::PartitionOffset> known;
  if (const auto& rows = context_.plan.position_rows)
    known = read_positions(context_.around, context_.admin, {context_.plan.changelog, *rows});
  // Partitions that came after the group's first start are read from their beginning (rule 19).
  const Range from_beginning;
  std::vector<kafka::TopicPartition> asked, later, lost;
  for (const auto& at : fresh) {
    if (const auto found = known.find(at); found != known.end()) {
      const LastRecord mark = mark_of(found->second.metadata);
      out.push_back({at, found->second.offset, with_mark(context_.plan.fingerprint, mark)});
      continue;
    }
    if (begun.has(at) && !context_.plan.state_of(at) && !context_.plan.in_memory) {
      lost.push_back(at);
      continue;
    }
    const auto earlier = context_.plan.earlier_counts.find(at.topic);
    const bool is_later = context_.plan.sub_of(at.topic) > 0 || context_.plan.came_later(at) ||
                          (earlier != context_.plan.earlier_counts.end() && at.partition >= earlier->second);
    (is_later ? later : asked).push_back(at);
  }
  if (!lost.empty()) throw lost_offsets_error(context_.job, context_.plan, lost);
  Range start = context_.job.range;
  start.until.clear();
  start.exit_at_end = false;
  std::vector<PartitionRange> starts;
  if (!asked.empty()) starts = context_.around.resolve_range(context_.admin, start, asked);
  for (const PartitionRange& one : starts) {
    if (one.deleted_from >= 0) context_.log.note(io::deleted_text(one));
  }
  if (!later.empty()) {
    auto more = context_.around.resolve_range(context_.admin, from_beginning, later);
    starts.insert(starts.end(), more.begin(), more.end());
  }
  const std::string metadata =
      context_.plan.tells_start() ? with_start(context_.plan.fingerprint) : context_.plan.fingerprint;
  for (const PartitionRange& one : starts) out.push_back({one.at, one.from, metadata});
  return out;
}

void OffsetResolver::add_marks(const std::vector<kafka::PartitionOffset*>& places) {
  if (context_.plan.in_memory) return;
  std::vector<kafka::PartitionOffset> without;
  for (const kafka::PartitionOffset* place : places)
    if (mark_of(place->metadata).offset == kNoOffset) without.push_back(*place);
  const Marks marks = begin_marks(context_.around, context_.admin, without);
  for (kafka::PartitionOffset* place : places) {
    const auto mark = marks.find(place->at);
    if (mark == marks.end()) continue;
    const std::string fingerprint(fingerprint_of(place->metadata));
    place->metadata = is_start(place->metadata) ? with_start(fingerprint, mark->second)
                                                : with_mark(fingerprint, mark->second);
  }
}

}  // namespace kutils::flow
