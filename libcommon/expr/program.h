// A compiled expression: a tree of operations, each with the function that runs it. Names are resolved,
// constants folded. Evaluating it allocates from the context's arena only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "data/json_fields.h"
#include "expr/ast.h"
#include "expr/comparisons.h"
#include "expr/context.h"
#include "expr/registry.h"
#include "expr/source_error.h"
#include "expr/value.h"

namespace kutils::expr {

struct Op;
using Run = Value (*)(const Op&, Context&);

struct Op {
  Run run = nullptr;
  Op** arguments = nullptr;
  uint32_t count = 0;
  uint32_t slot = 0;            // field, local variable, or a flag
  Value constant;               // constant, or a name
  const void* data = nullptr;   // by operation: overloads, a field's error, a WatchedComparison
  uint32_t begin = 0, end = 0;  // where an error of it is shown
  uint32_t turn = 1;            // what a turn of a comprehension takes, in steps

  // What the checker knows; not read by run.
  Kinds kinds = kAnyValue | bit(Kind::error);
  bool is_constant = false;
  bool varies = false;                    // depends on the record, the time or chance
  uint32_t outermost_local = UINT32_MAX;  // the lowest local that it reads
  const SourceError* cause = nullptr;     // where `kinds` is nothing but error: why
};

inline Value run(const Op* op, Context& context) { return op->run(*op, context); }

// What names mean.
struct Scope {
  bool record = false;               // plain identifiers are fields
  bool value_has_fields = true;      // else (a codec that gives no JSON) naming a field is an error
  bool lenient = false;              // unknown names fail when they are evaluated, not before
  bool strict_numbers = false;       // see Context
  bool watches_comparisons = false;  // see WatchedComparison
  Kinds accumulated = 0;             // not 0: `_acc` is bound, to one of these kinds; it is local variable 0
  std::vector<std::string> named;    // values that are set for each evaluation: local variables from 0 on
  FieldSet* fields = nullptr;
  std::map<std::string, Value, std::less<>> variables;
  std::vector<std::pair<std::string, std::string>> arguments;  // _arg
  std::function<void(const std::string&)> warn;                // may be empty
};

// A call of a function: the overloads that take this number of arguments.
struct Call {
  const Function* function = nullptr;
  std::vector<const Overload*> overloads;
};

// A comparison whose operands are looked at when it is evaluated.
struct WatchedComparison {
  Comparison comparison;
  uint32_t operand = 0;        // which argument of the operation is no constant; 2: both
  MetOperands* met = nullptr;  // of the run's ComparisonLog; null: this is not watched
};

// The name of fold's value so far.
inline constexpr const char* kAccumulated = "_acc";

// How the error of a missing field begins; its name and a ' follow.
inline constexpr std::string_view kNoField = "no field '";

struct Program {
  Context folding;  // its arena holds the constants; its limits bound the folding of the whole program
  Arena arena;      // the operations
  std::deque<SourceError> causes;
  std::deque<std::string> texts;
  std::deque<Call> calls;
  std::deque<std::vector<bool>> flags;
  std::deque<WatchedComparison> comparisons;
  Op* root = nullptr;
  uint32_t locals = 0;
  bool reads_value = false;   // a field or _value
  bool reads_fields = false;  // needs the pass of the FieldReader
  bool reads_accumulated = false;
  bool is_plain_field = false;  // the expression is nothing but the field in `plain_slot`
  uint32_t plain_slot = 0;
  bool is_whole_value = false;  // it is nothing but _value
};

// Throws SourceError for what is wrong whatever the record is: unknown names, wrong arity, type errors on
// every path.
std::unique_ptr<Program> compile(const Node& node, Scope& scope);

// Runs the program. Never throws; limits give an error value.
Value evaluate(const Program& program, Context& context);

// "any of the kinds" for messages: "int or string".
std::string kinds_text(Kinds kinds);

}  // namespace kutils::expr
