// What goes through the internal topic in place of many records of one group (combine_stage.h): how many they
// were, what they give together, and the records themselves where the group might refuse one of them.
// kutils-state(5) has the grammar, tests/unit/aggregate frozen bytes.
//
//   combined := flags:u8 records:varint aggregates [reach:double source...] [first:signed length:varint]
//               flags 1: the group is text, 2: each record follows as a source, 4: of a session (combine_sessions.h),
//               from `first`, as a distance from its time, over `length`
//   source   := flags:u8 offset:varint time:signed [key:bytes] [timestamp:signed] value:bytes [headers]
//               flags 1: its key is null, 2: its key follows, else it is the group; 4: its timestamp follows, else
//               it is its time; 8: headers follow. `offset` and `time` are distances from the record before; the
//               first one's are from the header's offset and from 0.
//   headers  := count:varint (name:bytes has_value:u8 [value:bytes])...
//
// Its key is the group, its time the largest of the records' (of a session: the stream time when its first record
// came), and its last header says what it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/record.h"
#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/record_reader.h"
#include "flow/tasks/source_headers.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

inline bool is_combined(const Record& record) {
  return !record.headers.empty() && record.headers.back().name == kCombinedHeader;
}

// `front` is the set in front of the internal topic.
void encode_combined(const AggregateSet& front, bool key_is_text, uint64_t records, const char* state,
                     bool with_sources, std::string& out);
struct SessionSpan {
  int64_t first, last;
};
// Of a session. `time`: the record's.
void encode_combined(const AggregateSet& front, bool key_is_text, uint64_t records, const char* state,
                     int64_t time, const SessionSpan& span, std::string& out);

// A record as a source, behind one of this offset and time.
void append_source(const Record& record, const GroupedRecord& grouped, int64_t offset_before,
                   int64_t time_before, std::string& out);
size_t source_size(const Record& record);  // roughly

// One that was read, until the next. One thread.
class Combined {
 public:
  // `set` outlives it.
  explicit Combined(const AggregateSet& set)
      : set_(set), front_(set.items(), true), part_(front_), risks_(set.items().size()) {}
  // An error: another program than this group's tool wrote it.
  std::optional<RecordError> read(const Record& record);

  bool key_is_text() const { return key_is_text_; }
  // 0: it tells the time alone (sessions).
  uint64_t records() const { return records_; }
  // From the first to the last of the records of a session; none: they are of a window, or of a table.
  const std::optional<SessionSpan>& session() const { return session_; }
  // Whether a group or window with this state takes it: all of it or nothing. Where it has sources, an error
  // says that one of them might be refused: then each is to be judged by itself (take_apart()).
  std::optional<RecordError> can_merge(const char* state) const;
  void merge(char* state) const;  // REQUIRES: can_merge() said nothing
  bool has_sources() const { return has_sources_; }
  // The records, as they were in the source that `first`, of which `group` is the group, is of, and the time that
  // each counts by. An error: the bytes are broken.
  std::optional<RecordError> for_each_source(
      const Record& first, std::string_view group,
      const std::function<void(const Record& source, int64_t time)>& each) const;

 private:
  const AggregateSet& set_;
  const AggregateSet front_;
  OwnedState part_;
  mutable std::vector<MergeRisk> risks_;
  bool key_is_text_ = true;
  bool has_sources_ = false;
  std::optional<SessionSpan> session_;
  uint64_t records_ = 0;
  double reach_ = 0;          // of all records, as Aggregate::reach()
  std::string_view sources_;  // of the record that was read
};

// What a record, or many together, give to a state: all or nothing.
inline std::optional<RecordError> can_add(const AggregateSet& set, const char* state,
                                          const GroupedRecord& grouped) {
  return grouped.combined ? grouped.combined->can_merge(state) : set.can_add(state, grouped.arguments);
}
inline void add_checked(const AggregateSet& set, char* state, const GroupedRecord& grouped) {
  return grouped.combined ? grouped.combined->merge(state) : set.add_checked(state, grouped.arguments);
}

// `whole` was refused by can_add(): whether its records are to be processed one by one instead.
inline bool can_take_apart(const GroupedRecord& grouped) {
  return grouped.combined != nullptr && grouped.combined->has_sources();
}
// Does so. `grouped` is what `process` reads each of them into, by `reader`.
void take_apart(const Record& whole, const GroupedRecord& grouped, RecordReader& reader, Emitter& out,
                const std::function<void(const Record& one, Emitter& out)>& process);

}  // namespace kutils::flow
