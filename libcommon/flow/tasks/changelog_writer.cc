#include "flow/tasks/changelog_writer.h"

#include <bit>

#include "flow/tasks/input_positions.h"
#include "io/topic_sink.h"

namespace kutils::flow {

void ChangelogWriter::write(const std::vector<kafka::PartitionOffset>& offsets) {
  const int64_t now = context_.around.clock.wall_ms();
  for (const auto& offset : offsets) {
    OwnedPartition& partition = *owned_.find(offset.at.topic, offset.at.partition);
    if (!partition.state) {
      if (!partition.state_number && partition.next != partition.committed) write_position(offset);
      continue;
    }
    const int32_t changelog = context_.plan.changelog_partition_of(*partition.state_number);
    positions_.assign(1, {offset.at, offset.offset, partition.last_record});
    for (const auto& at : context_.plan.companions_of(offset.at)) {
      if (const OwnedPartition* one = owned_.find(at.topic, at.partition))
        positions_.push_back({at, one->next, one->last_record});
    }
    const StateMark mark{positions_, now, context_.plan.fingerprint, context_.plan.inputs.front().second};
    for (const state::Change& change : partition.state->changes(mark)) {
      Output row;
      row.key = MaybeBytes(change.key);
      row.value = change.value;
      check_size(row, offset);
      produce(changelog, row);
    }
  }
  if (outside_) outside_->flush();
  check_changelog(offsets);
}

void ChangelogWriter::write_first(const std::vector<kafka::PartitionOffset>& offsets) {
  for (const auto& offset : offsets) write_position(offset);
}

void ChangelogWriter::write_position(const kafka::PartitionOffset& position) {
  const auto& rows = context_.plan.position_rows;
  if (!rows) return;
  const std::string key = position_key(position.at), value = position_value(position);
  Output row;
  row.key = std::string_view(key);
  row.value = std::string_view(value);
  produce(*rows, row);
}

void ChangelogWriter::produce(int32_t partition, const Output& row) {
  if (batches_.is_small() && batches_.must_flush_before(partition, io::batch_bytes(row))) producer().flush();
  producer().produce(context_.plan.changelog, partition, row);
}

// Judged before it is produced (rule 6): the broker would refuse the whole transaction, again and again.
void ChangelogWriter::check_size(const Output& row, const kafka::PartitionOffset& at) {
  const int64_t most = context_.plan.changelog_max_bytes;
  if (static_cast<int64_t>(row.key.size() + row.value.size()) <= most / 2) return;
  const int64_t bytes = io::batch_bytes(row);
  if (bytes <= most) return;
  committer_.abort();
  throw Error(
      ExitCode::delivery,
      "a row of the state has grown too large, at " + at.at.topic + " [" + std::to_string(at.at.partition) +
          "] before " + std::to_string(at.offset) + ": " + std::to_string(bytes) +
          " bytes; the changelog topic " + context_.plan.changelog + " takes " + std::to_string(most) +
          " (max.message.bytes)",
      "let it take more, and start the tool again, which continues where it stopped: ktopic alter --execute --config "
      "max.message.bytes=" +
          std::to_string(std::bit_ceil(static_cast<uint64_t>(bytes) * 2)) + " " + context_.plan.changelog +
          ";\n"
          "or keep less of each group, under another name with -g NAME");
}

// The changelog's offsets only grow, unless it is deleted and recreated while the tool runs: then it lacks
// rows that the state has. Found before the commit, for afterwards it would look like a state of its own.
void ChangelogWriter::check_changelog(const std::vector<kafka::PartitionOffset>& offsets) {
  producer().flush();
  batches_.flushed();
  for (const auto& offset : offsets) {
    OwnedPartition& partition = *owned_.find(offset.at.topic, offset.at.partition);
    if (!partition.state) continue;
    const int32_t changelog = context_.plan.changelog_partition_of(*partition.state_number);
    partition.changes_end = producer().delivered_offset(context_.plan.changelog, changelog) + 1;
    const int64_t applied = partition.state->changelog_offset().value_or(0);
    if (partition.changes_end == 0 || partition.changes_end > applied) continue;
    committer_.abort();
    throw usage_error(
        "the changelog topic " + context_.plan.changelog +
            " was deleted and recreated during the run: partition " + std::to_string(changelog) +
            " ends at " + std::to_string(partition.changes_end) + ", its rows stand at " +
            std::to_string(applied),
        "nothing was committed to it; start from the beginning under another name with -g NAME");
  }
}

void ChangelogWriter::apply(const std::vector<kafka::PartitionOffset>& offsets) {
  for (const auto& offset : offsets) {
    OwnedPartition& partition = *owned_.find(offset.at.topic, offset.at.partition);
    if (!partition.state) continue;
    const int64_t end = partition.changes_end;
    partition.state->applied(end == 0 ? std::nullopt : std::optional<int64_t>(end),
                             context_.around.clock.wall_ms());
  }
}

}  // namespace kutils::flow
