// What goes through the repartition topic of a table over a table, under the group's key: what a row gave to
// that group until now, and what it gives from now on. Arguments, not values: what expressions say of the
// source record (its key, its time, its place) is said where that record is read, and no record of the topic
// lacks a value. kutils-state(5) has the grammar, tests/unit/table frozen bytes.
//
//   change := flags:u8 (1: takes back, 2: adds, 4: the group is text) source:signed row:bytes
//   [taken:arguments] [added:arguments]
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "flow/aggregate/aggregate_set.h"
#include "flow/table/source_rows.h"

namespace kutils::flow {

struct RowChange {
  bool takes_back = false;
  bool adds = false;
  bool group_is_text = true;
  int32_t source = 0;    // the row's partition
  std::string_view row;  // its key
  std::span<const Argument> taken, added;
};

void encode(const RowChange& change, std::string& out);
// False: it is none. Views are into `bytes`; `taken` and `added` hold the arguments, one for each aggregate.
bool decode(std::string_view bytes, ReadArguments& taken, ReadArguments& added, RowChange& change);

}  // namespace kutils::flow
