// kscan's list, `*, prev=lag(temp), mean=sum(x) / count()`: a list of kmap's in which aggregates may stand, taken
// apart into the aggregates and a list that reads their results under names.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kutils {

struct ScanList {
  std::string list;                // for MapStage: `*, prev=prev, mean=_sum_x / _count`
  std::string aggregates;          // for parse_aggregates(): `prev=lag(temp), _sum_x=sum(x), _count=count()`
  std::vector<std::string> names;  // theirs, in order: those that MapStage is given
  // What stands in `list` for what was written: {"_sum_x", "sum(x)"}, {"prev=prev", "prev=lag(temp)"}.
  std::vector<std::pair<std::string, std::string>> written;
  // The list as written, but with a value in place of the null that lag() is for the first record of a key:
  // `coalesce(lag(x), x)`, where an expression computes with it. Empty: none does.
  std::string with_first;
};

// A message about `list` in the words that were written; carets below its lines point to the same place.
std::string in_written_words(const ScanList& list, const std::string& message);

// `taken`: names that rows have besides. Throws usage_error, also if there is no aggregate.
ScanList read_scan_list(const std::string& list, const std::string& what,
                        const std::vector<std::string>& taken);

}  // namespace kutils
