// In front of a join that is not by the record keys: each record goes on, through an internal topic, under the key
// that its side's --on expression gives. Behind it the join tells the sides apart (side.h), the sources (rule 27),
// and shows the record as it was (source_headers.h).
#pragma once

#include <memory>
#include <string>

#include "expr/expressions.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

struct JoinKeys {
  std::string right_topic;  // records of other topics are left ones
  std::string left = {};    // expressions; empty: the record's key
  std::string right = {};
  bool is_self = false;      // each record takes it twice, for either side
  bool tells_topic = false;  // both sides take this way
  expr::Options options = {};
};

// Throws usage_error for an expression that cannot be one. A key that is null is passed on: such a record matches
// nothing.
std::unique_ptr<Stage> make_join_rekey(const JoinKeys& keys);

}  // namespace kutils::flow
