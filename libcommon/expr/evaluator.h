// The functions that run operations, for the compiler to choose from.
#pragma once

#include "expr/operators.h"
#include "expr/program.h"

namespace kutils::expr {

// The place of an error that has none yet is the operation's.
Value locate(Value value, const Op& op);

Value run_constant(const Op& op, Context& context);
Value run_field(const Op& op, Context& context);      // slot; data: the ErrorValue of a missing field
Value run_has_field(const Op& op, Context& context);  // slot
Value run_local(const Op& op, Context& context);      // slot
Value run_key(const Op& op, Context& context);
Value run_value(const Op& op, Context& context);
Value run_timestamp(const Op& op, Context& context);  // as a number
Value run_time(const Op& op, Context& context);       // as a timestamp
Value run_topic(const Op& op, Context& context);
Value run_partition(const Op& op, Context& context);
Value run_offset(const Op& op, Context& context);
Value run_headers(const Op& op, Context& context);
Value run_fail(const Op& op, Context& context);             // constant: the message; slot: the Reason
Value run_select(const Op& op, Context& context);           // argument; constant: the name
Value run_select_in_field(const Op& op, Context& context);  // the same of run_field
Value run_optional_select(const Op& op, Context& context);
Value run_has_select(const Op& op, Context& context);
Value run_index(const Op& op, Context& context);  // two arguments
Value run_optional_index(const Op& op, Context& context);
Value run_has_index(const Op& op, Context& context);
Value run_and(const Op& op, Context& context);
Value run_or(const Op& op, Context& context);
Value run_not(const Op& op, Context& context);
Value run_negate(const Op& op, Context& context);
Value run_conditional(const Op& op, Context& context);
Value run_list(const Op& op, Context& context);     // data: const std::vector<bool>*, optional items; or null
Value run_map(const Op& op, Context& context);      // the same; key, value ...
Value run_call(const Op& op, Context& context);     // data: Call
Value run_lazy_or(const Op& op, Context& context);  // OPTIONAL.or(OPTIONAL)
Value run_or_value(const Op& op, Context& context);  // OPTIONAL.orValue(X)
Value run_coalesce(const Op& op, Context& context);
Value run_bind(const Op& op, Context& context);  // slot
Run run_operator(Operator op);
// The same of ==, != and `in`, with data: WatchedComparison.
Run run_watched(Operator op);
// slot: the first variable; constant: integer, how many there are (1 or 2). Arguments: range, then one or
// two.
Run run_macro(Macro macro);

}  // namespace kutils::expr
