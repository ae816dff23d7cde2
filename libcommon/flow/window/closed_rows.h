// Closed sessions and sliding windows that stay readable in the store for a while (--expires).
// Store: kClosedRow end start key -> row (row_table.h).
#pragma once

#include <string>
#include <vector>

#include "flow/aggregate/keyed_rows.h"
#include "flow/aggregate/row_table.h"
#include "state/store.h"

namespace kutils::flow {

class ClosedRows {
 public:
  ClosedRows(state::Store& store, bool keeps) : store_(store), keeps_(keeps && !store.in_memory()) {
    if (keeps_) find_first();
  }
  void put(const AggregateSet& set, std::string_view key, bool key_is_text, int64_t start, int64_t end,
           int64_t time, const char* state) {
    if (!keeps_) return;
    std::string row(1, state::kClosedRow), value;
    put_ordered(row, end);
    put_ordered(row, start);
    row.append(key);
    encode_row(set, key_is_text, time, state, value);
    store_.put(row, value);
    if (end < first_) first_ = end;
  }
  // Drops those with `end` below `limit`.
  void expire(int64_t limit) {
    if (!keeps_ || first_ >= limit) return;
    std::string to(1, state::kClosedRow);
    put_ordered(to, limit);
    std::vector<std::string> keys;
    store_.scan(std::string(1, state::kClosedRow), to, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    });
    for (const std::string& key : keys) store_.erase(key);
    find_first();
  }

 private:
  void find_first() {
    first_ = kNever;
    store_.scan(std::string(1, state::kClosedRow), std::string(1, state::kClosedRow + 1),
                [&](std::string_view key, std::string_view) {
                  if (key.size() < 17)
                    throw state::CorruptState("a closed window's key in the state is too short");
                  first_ = get_ordered(key.substr(1));
                  return false;
                });
  }
  state::Store& store_;
  const bool keeps_;
  int64_t first_ = kNever;  // smallest end
};

}  // namespace kutils::flow
