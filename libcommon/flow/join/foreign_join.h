// Two tables, of which the left one's rows name rows of the right one by a field: a join by foreign key.
//
//   left table  -> asking    one task for each partition of LEFT
//   internal topic 1, by foreign key, and the right table -> answering
//   internal topic 2, by left key -> joining -> OUT
//
// Asking knows by which foreign key each row was asked for. A row that comes or changes is told to topic 2, and
// asks in topic 1, where it also takes back what it asked before under another key. Answering keeps the right's
// rows and who asks for each; it answers who begins to ask, and all who ask when a row changes. Joining keeps the
// left rows, and believes only an answer to the row of now: each names the place of the left record that asked
// (foreign_messages.h), so that answers to earlier rows, which come from other tasks and in any order, change
// nothing. A row stands in topic 2 before every answer to it, since who answers has read what was written with it.
//
// The places of records are unique where hashes of values are not, and no left row is kept twice for it. All three
// in a line, with the left row sent on, need neither co-partitioning of LEFT nor a way back to its tasks.
//
// What a result is does not depend on what comes first; which results came before the last one does.
#pragma once

#include <memory>

#include "flow/join/join_stage.h"
#include "flow/topology/stage.h"
#include "state/store.h"

namespace kutils::flow {

// All take the same options: on, format, left_topic, right_topic; the type without `right`. Throws usage_error for
// an expression that cannot be one.

// Emits to topic 1; at port kPastNext to topic 2.
std::unique_ptr<Stage> make_foreign_asking(const JoinOptions& options, state::Store& store);
// Takes records of topic 1 and of the right topic.
std::unique_ptr<Stage> make_foreign_answering(const JoinOptions& options, state::Store& store);
std::unique_ptr<Stage> make_foreign_joining(const JoinOptions& options, state::Store& store);

}  // namespace kutils::flow
