// The checker and compiler (compile(), program.h), for its own files: compiler.cc has the operations,
// compiler_names.cc what names mean, compiler_calls.cc functions and macros.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "expr/evaluator.h"
#include "expr/parser.h"
#include "expr/program.h"

namespace kutils::expr {

constexpr Kinds kError = bit(Kind::error);

// A name of a type in expressions.
struct TypeName {
  std::string_view name;
  Kind kind;
};

// "a.b.c" of plain selections; empty: something else.
std::string dotted(const Node& node);
const Node& root_of(const Node& node);  // its `a`
// The name that `name` may be a slip of; empty: none is near.
std::string nearest(std::string_view name, const std::vector<std::string_view>& names);
std::string did_you_mean(const std::string& name);  // empty if `name` is

// Compiles one expression into `program`, in one pass over the nodes: each becomes an operation, with the kinds
// that its value may have. Where only "error" is left, the expression fails whatever the record is.
class Compiler {
 public:
  Compiler(Scope& scope, Program& program);
  // Throws SourceError for what is wrong whatever the record is.
  Op* compile(const Node& node);

 private:
  // A variable of a macro, of bind(), or fold's `_acc`.
  struct Local {
    std::string name;
    Kinds kinds;
    bool varies;
  };

  // compiler.cc: operations.
  Op* make(const Node& node, Run run, Kinds kinds);
  void whole_place(Op* op, const Node& node);
  void set_arguments(Op* op, const std::vector<Op*>& arguments);
  Op* constant(const Node& node, Value value);
  std::string_view keep(std::string_view text) { return program_.texts.emplace_back(text); }
  const SourceError* keep(SourceError error) { return &program_.causes.emplace_back(std::move(error)); }
  Op* certain_error(Op* op, const std::string& message, std::string hint = {});
  // An argument that always fails makes its operation fail.
  static bool inherit_error(Op* op, const Op* argument);
  [[noreturn]] static void refuse(const Node& node, const std::string& message, std::string hint = {});
  Op* fails_when_run(const Node& node, Reason reason, const std::string& message);
  // Constant folding: what neither varies nor reads a variable from outside is run now.
  void fold(Op* op);
  Op* compile_node(const Node& node);
  Op* logical(const Node& node, bool decisive);
  Op* conditional(const Node& node);
  Op* unary(const Node& node);
  Op* binary(const Node& node);
  // Has `op`, a comparison of values that may be of the same type or not, look at its operand.
  void watch(Op* op, Operator o, const Node& node);
  Op* collection(const Node& node);
  Op* compile_side(const Node& node, bool types);

  // compiler_names.cc: what names mean.
  int local(const Node& node) const;
  void push_local(const std::string& name, Kinds kinds, bool varies);
  Op* field(const Node& node, const std::string& name);
  Op* read_local(const Node& node, int slot);
  const TypeName* type_name_of(const std::string& name) const;
  std::vector<std::string_view> known_names() const;
  Op* identifier(const Node& node);
  Op* whole_arg(const Node& node);
  // `_arg.N`, `_value.N`, `_value["N"]`: null pointer if it is none of them.
  Op* special_member(const Node& node, const std::string& name, bool test);
  Op* select(const Node& node);
  Op* index(const Node& node);
  Op* has(const Node& node);

  // compiler_calls.cc: functions and macros.
  Op* call(const Node& node);
  Op* method(const Node& node);
  Op* coalesce(const Node& node);
  Op* unknown_function(const Node& node, const std::string& name, bool as_method);
  Op* call_named(const Node& node, const std::string& name, bool as_method,
                 const std::vector<const Node*>& arguments);
  void check_pattern(const Op& pattern, Op* op);
  Op* macro(const Node& node);
  Op* bind(const Node& node);

  Scope& scope_;
  Program& program_;
  std::vector<Local> locals_;
  uint32_t made_ = 0;  // operations
  bool types_meant_ = false;
};

}  // namespace kutils::expr
