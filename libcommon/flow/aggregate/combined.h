// What goes through the internal topic in place of many records of one group (combine_stage.h): how many they
// were, and their aggregates' state. kutils-state(5) has the grammar, tests/unit/aggregate frozen bytes.
//
//   combined := flags:u8 (1: the group is text) records:varint state
//
// Its key is the group, its time the largest of the records', and its last header says what it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/record.h"
#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/record_reader.h"

namespace kutils::flow {

constexpr std::string_view kCombinedHeader = "kutils.combined";

inline bool is_combined(const Record& record) {
  return !record.headers.empty() && record.headers.back().name == kCombinedHeader;
}

void encode_combined(const AggregateSet& set, bool key_is_text, uint64_t records, const char* state,
                     std::string& out);

// One that was read, until the next. One thread.
class Combined {
 public:
  explicit Combined(const AggregateSet& set) : set_(set), part_(set) {}  // `set` outlives it
  // An error: something else than this group's tool wrote it.
  std::optional<RecordError> read(const Record& record);

  bool key_is_text() const { return key_is_text_; }
  uint64_t records() const { return records_; }
  // Whether a group or window with this state takes it: all of it or nothing.
  std::optional<RecordError> can_merge(const char* state) const;
  void merge(char* state) const;  // REQUIRES: can_merge() said nothing

 private:
  const AggregateSet& set_;
  OwnedState part_;
  bool key_is_text_ = true;
  uint64_t records_ = 0;
};

// What a record, or many together, give to a state: all or nothing.
inline std::optional<RecordError> can_add(const AggregateSet& set, const char* state,
                                          const GroupedRecord& grouped) {
  return grouped.combined ? grouped.combined->can_merge(state) : set.can_add(state, grouped.arguments);
}
inline void add_checked(const AggregateSet& set, char* state, const GroupedRecord& grouped) {
  return grouped.combined ? grouped.combined->merge(state) : set.add_checked(state, grouped.arguments);
}

}  // namespace kutils::flow
