// The table of functions: what the checker resolves, the evaluator calls, --functions and kutils-expr(7)
// print, and the tests run. A function is one entry; to add one, write it in the file of its library and add
// a line to that table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expr/context.h"
#include "expr/value.h"

namespace kutils::expr {

// Gets arguments of the kinds that its overload names, none of them an error (unless the overload takes
// errors).
using Implementation = Value (*)(Context& context, const Value* arguments, size_t count);

struct Overload {
  Kinds result = kAnyValue;
  std::vector<Kinds> parameters;  // a method's receiver is the first
  Implementation run = nullptr;
  bool variadic = false;  // the last parameter once or more
};

enum class Form : uint8_t { function, method, either };

struct Function {
  std::string_view name;  // qualified: "math.floor"
  Form form = Form::function;
  std::vector<Overload> overloads;
  std::string_view signature;  // for people: "STRING.charAt(INT) -> string"
  std::string_view line;       // what it does, one line
  std::string_view example;    // an expression that is true
  bool addition = false;       // ours, not CEL's
  bool varies = false;         // its result is not settled by its arguments: never folded
  bool exact = false;          // int and double are not converted into each other
  int pattern = -1;            // the argument that is a regular expression
  bool passes_on = false;      // passes numbers on as they are written, also those beyond a double
};

// Parameters and results in the tables.
constexpr Kinds kBool = bit(Kind::boolean), kInt = bit(Kind::integer), kUint = bit(Kind::unsigned_integer),
                kDouble = bit(Kind::real), kString = bit(Kind::string), kBytes = bit(Kind::bytes),
                kList = bit(Kind::list), kMap = bit(Kind::map), kTimestamp = bit(Kind::timestamp),
                kDuration = bit(Kind::duration), kType = bit(Kind::type), kOptional = bit(Kind::optional),
                kNull = bit(Kind::null), kIp = bit(Kind::ip), kCidr = bit(Kind::cidr);

// The libraries, each in functions_NAME.cc.
std::span<const Function> core_functions();
std::span<const Function> string_functions();
std::span<const Function> math_functions();
std::span<const Function> time_functions();
std::span<const Function> list_functions();
std::span<const Function> regex_functions();
std::span<const Function> network_functions();
std::span<const Function> addition_functions();

// Functions of the tables that have files of their own.
Value parse_url(Context& context, const Value* arguments, size_t count);

struct Library {
  std::string_view title;
  std::span<const Function> functions;
};
std::vector<Library> libraries();

// Operators, macros and special forms: not called through the table, but documented and tested from one as
// functions are.
struct SpecialForm {
  std::string_view name, signature, line, example;
  bool addition = false;
};
std::span<const SpecialForm> special_forms();

// Empty: no such function. `method`: whether it is called on a receiver. More than one where libraries share
// a name.
std::vector<const Function*> find_functions(std::string_view name, bool method);
// Every function and method name, for "did you mean".
std::vector<std::string_view> function_names();

// What --functions [NAME] prints: all with their lines, or one in full. Empty: no such function.
std::string describe_functions(std::string_view name = {});
// The function part of kutils-expr(7), as markdown.
std::string functions_as_markdown();

}  // namespace kutils::expr
