// The meta row of an operator: where its state stands (rule 17). One per operator and partition,
// under a reserved key, in every transaction that sends an offset for a partition which the operator reads.
// It is the truth; the group's offset is its mirror. Layout: state_format.h, kutils-state(5).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::state {

constexpr int64_t kNoTime = INT64_MIN;

// Largest record time seen from each source partition (behind a repartition several, else one).
struct SourceTime {
  int32_t source = 0;
  int64_t time = kNoTime;  // ms
  friend bool operator==(const SourceTime&, const SourceTime&) = default;
};
struct StreamTimes {
  std::vector<SourceTime> sources;
  int64_t stream_time = kNoTime;  // never goes back, whatever the sources' minimum says
  friend bool operator==(const StreamTimes&, const StreamTimes&) = default;
};

struct InputPosition {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;  // of the next record to process
  // The last record that was processed, so that a topic which was recreated is told from one whose group
  // offsets expired.
  int64_t last_offset = -1;  // -1: none yet
  uint64_t last_digest = 0;
  friend bool operator==(const InputPosition&, const InputPosition&) = default;
};

struct Meta {
  std::string fingerprint;
  std::string description;  // what the rows are, for kquery
  int32_t input_partitions = 0;
  int64_t last_wall_ms = 0;
  std::vector<InputPosition> positions;
  StreamTimes times;
  // Drawn at random when a state begins at nothing. Rows of another lineage belong to another state of the
  // same name: its changelog was deleted and recreated.
  std::string lineage;

  const InputPosition* find_position(std::string_view topic, int32_t partition) const;
  std::optional<int64_t> position(std::string_view topic, int32_t partition) const;
  void set_position(std::string_view topic, int32_t partition, int64_t offset);
  // REQUIRES: the position is set.
  void set_last_record(std::string_view topic, int32_t partition, int64_t offset, uint64_t digest);
  friend bool operator==(const Meta&, const Meta&) = default;
};

void encode_meta(const Meta& meta, std::string& out);
// Throws Error(usage) if a newer kutils wrote it, CorruptState if it is broken.
Meta decode_meta(std::string_view bytes);
// The meta rows among a partition's rows, by operator. Throws as decode_meta().
class Cursor;
std::map<uint8_t, Meta> read_meta_rows(Cursor& rows);

// What to do with an input partition at start, from the group's offset, the meta row and the input's log.
struct Resume {
  enum class Action {
    start,               // both absent: a new group
    resume,              // at `offset`
    input_recreated,     // refuse: the input was recreated, the state belongs to the old one
    offsets_were_reset,  // refuse: the group's offset was changed by hand, the state was not
    state_missing,       // refuse: the group has an offset, but there is no state for it (changelog deleted)
    gap,                 // what comes next was deleted by retention: an error unless --on-gap skip
  } action = Action::start;
  int64_t offset = 0;
};
Resume decide_resume(std::optional<int64_t> group_offset, std::optional<int64_t> meta_offset,
                     int64_t log_start, int64_t log_end);

}  // namespace kutils::state
