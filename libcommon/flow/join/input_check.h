// What can be wrong with the topics of a join, and is seen only by looking at them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/run/run_part.h"

namespace kutils::flow {

struct JoinInputs {
  std::string left, right;
  bool left_is_table = false, right_is_table = false;
  // Which sides are read partition by partition, each with the same partition of the other one; a side that is
  // not goes through an internal topic, whose keys lie where murmur2 puts them.
  bool left_as_it_lies = true, right_as_it_lies = true;
  bool looks_at_keys = true;
};

// A key seen lying in a partition.
struct PlacedKey {
  std::string key;
  int32_t partition = 0;
};
// Why the sides cannot be joined partition by partition; empty: nothing says so. `left` and `right`: keys that
// were seen, with the partition in which they lie; empty for a side that was not looked at (see JoinInputs).
// Refused is only what cannot be right: of keys on both sides many lie in different partitions; or hardly any
// key of one side does not lie where murmur2 puts it, and many of the other's do. A few keys, or keys placed
// the same way by another partitioner, are no reason.
struct Misplaced {
  std::string what;
  std::vector<std::string> topics;  // to be brought where murmur2 puts their keys
};
Misplaced judge_places(const JoinInputs& inputs, int32_t partitions, const std::vector<PlacedKey>& left,
                       const std::vector<PlacedKey>& right);

// Before the workers begin: a note for each table whose topic is not compacted; usage_error for keys that were
// placed by different partitioners, judged by the newest records of each side. What the cluster does not
// say, within two seconds or at all, is passed over.
std::shared_ptr<RunPart> make_input_check(const JoinInputs& inputs);

}  // namespace kutils::flow
