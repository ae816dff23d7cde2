// What each row of a source table gave to its group, so that it can be taken back when the row changes. Used
// where rows are grouped in place and in front of a repartition. One thread.
//
// Store: kSourceRow key -> flags:u8 group:bytes { present:u8 [scalar] }
// flags: 1: in a group, 2: the group's key is text. present: 1, or 2 with the key that max_by and its like go by
// behind the scalar.
//
// Rows in no group are stored too: a deletion of one is then no news, and neither is it an unknown key.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/varint.h"
#include "flow/aggregate/aggregate_set.h"
#include "state/store.h"

namespace kutils::flow {

// A row's part of its group. Views belong to whoever gave it.
struct Contribution {
  std::string_view group;
  bool group_is_text = true;
  std::span<const Argument> arguments;  // one of each aggregate
};

// `{ present:u8 [scalar [key:scalar]] }` of each aggregate.
void encode_arguments(std::span<const Argument> arguments, std::string& out);

// Arguments that were read from bytes.
class ReadArguments {
 public:
  explicit ReadArguments(size_t count) : arguments_(count), keys_(count) {}
  // Views into the reader's bytes. A broken one makes the reader fail.
  void read(Reader& in);
  std::span<const Argument> view() const { return arguments_; }

 private:
  std::vector<Argument> arguments_;
  std::vector<ScalarValue> keys_;  // what arguments' keys point to
};

class SourceRows {
 public:
  SourceRows(const AggregateSet& set, state::Store& store) : arguments_(set.items().size()), store_(store) {}

  struct Found {
    bool exists = false;    // there is such a row
    bool in_group = false;  // and `part` is what it gave
    Contribution part;
  };
  // Lives until the next call. Throws state::CorruptState.
  const Found& find(std::string_view key);
  // The row asked for last is now this; `part` null: in no group.
  void put(const Contribution* part);
  void erase();
  size_t dirty() const { return dirty_; }  // rows written since the last commit
  void committing() { dirty_ = 0; }

 private:
  ReadArguments arguments_;
  state::Store& store_;
  std::string key_, bytes_, value_;
  Found found_;
  size_t dirty_ = 0;
};

}  // namespace kutils::flow
