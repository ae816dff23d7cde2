// The operators' semantics, apart from how operands are found.
#pragma once

#include "expr/context.h"
#include "expr/value.h"

namespace kutils::expr {

enum class Operator : uint8_t {
  add,
  subtract,
  multiply,
  divide,
  modulo,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  in
};

// What the operator gives for operands of these kinds; 0: there is no such operation.
Kinds operator_result(Operator op, Kind a, Kind b);
std::string_view operator_text(Operator op);

// Operands are no errors. A failure is an error value.
Value arithmetic(Operator op, const Value& a, const Value& b, Context& context);
Value negate(const Value& a, Context& context);
Value in_list_or_map(const Value& a, const Value& b, Context& context);
// a[b] of a list or a map; what is not there is a failure.
Value index(const Value& a, const Value& b, Context& context);
Value no_such_operation(Operator op, const Value& a, const Value& b, Context& context);

}  // namespace kutils::expr
