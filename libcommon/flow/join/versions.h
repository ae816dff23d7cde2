// A table's row at several times, for stream records out of order (--table-grace).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/varint.h"

namespace kutils::flow {

struct Version {
  int64_t time = 0;
  bool deleted = false;
  std::string value;
};

// In order of time, each until the next one begins.
class Versions {
 public:
  bool empty() const { return list_.empty(); }
  // Of the same time the last that came counts.
  void put(Version version);
  // The one that held at `time`; a time before all of them has none, but `older_is_first`: then the first.
  // nullptr: none, or it was deleted.
  const Version* at(int64_t time, bool older_is_first) const;
  // Forgets what ended before `limit`: no record of an earlier time can be joined any more.
  void forget_before(int64_t limit);
  // The time from which on one could be forgotten, if `limit` reached it; kNever (INT64_MAX): none.
  int64_t next_forgotten() const;

  void encode(std::string& out) const;
  void decode(Reader& in);

 private:
  std::vector<Version> list_;
};

}  // namespace kutils::flow
