// Functions and macros: which overload can be meant, and what it gives.
#include <algorithm>

#include "expr/compiler.h"
#include "expr/habits.h"
#include "expr/parser.h"
#include "expr/regex_cache.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

bool takes(const Overload& overload, size_t n) {
  return overload.variadic ? n >= overload.parameters.size() : n == overload.parameters.size();
}

uint32_t outermost(const std::vector<Op*>& arguments, uint32_t depth) {
  uint32_t lowest = UINT32_MAX;
  for (const Op* argument : arguments) {
    if (argument->outermost_local < depth) lowest = std::min(lowest, argument->outermost_local);
  }
  return lowest;
}

}  // namespace

Op* Compiler::call(const Node& node) {
  if (node.name == "coalesce" && !node.children.empty()) return coalesce(node);
  std::vector<const Node*> arguments;
  for (const auto& child : node.children) arguments.push_back(child.get());
  return call_named(node, node.name, false, arguments);
}

Op* Compiler::method(const Node& node) {
  const std::string base = dotted(*node.children[0]);
  std::vector<const Node*> arguments;
  if (!base.empty() && local(root_of(*node.children[0])) < 0) {
    const std::string qualified = base + "." + node.name;
    if (!find_functions(qualified, false).empty()) {
      for (size_t i = 1; i < node.children.size(); ++i) arguments.push_back(node.children[i].get());
      return call_named(node, qualified, false, arguments);
    }
    // A name of a library, and no such function in it.
    const auto names = function_names();
    const bool library = std::any_of(names.begin(), names.end(), [&](std::string_view n) {
      return n.size() > base.size() && n.substr(0, base.size()) == base && n[base.size()] == '.';
    });
    if (library && !scope_.lenient && !scope_.variables.count(base) &&
        find_functions(node.name, true).empty())
      refuse(node, "unknown function '" + qualified + "'", did_you_mean(nearest(qualified, names)));
  }
  const bool or_ = node.name == "or";
  if ((or_ || node.name == "orValue") && node.children.size() == 2) {
    Op* a = compile(*node.children[0]);
    Op* b = compile(*node.children[1]);
    Op* op = make(node, or_ ? run_lazy_or : run_or_value, or_ ? kOptional | kError : kAnyValue | kError);
    set_arguments(op, {a, b});
    if (!inherit_error(op, a) && !(a->kinds & kOptional))
      return certain_error(op, node.name + "() is for optionals, not " + kinds_text(a->kinds),
                           "x.?name is optional, coalesce(a, b) takes any");
    // Of a second one that may fail nothing is said: it may never be asked.
    if (or_ && (b->kinds & ~kError) && !(b->kinds & kOptional))
      return certain_error(op, "or() takes an optional, not " + kinds_text(b->kinds & ~kError),
                           "orValue() takes any value");
    return op;
  }
  for (const auto& child : node.children) arguments.push_back(child.get());
  return call_named(node, node.name, true, arguments);
}

Op* Compiler::coalesce(const Node& node) {
  std::vector<Op*> arguments;
  Kinds kinds = 0;
  for (const auto& child : node.children) {
    arguments.push_back(compile(*child));
    kinds |= arguments.back()->kinds;
  }
  Op* op = make(node, run_coalesce, kinds);
  set_arguments(op, arguments);
  if (kinds == kError) inherit_error(op, arguments.back());
  return op;
}

Op* Compiler::unknown_function(const Node& node, const std::string& name, bool as_method) {
  if (scope_.lenient) return fails_when_run(node, Reason::expression, "unknown function '" + name + "'");
  const bool other_form = !find_functions(name, !as_method).empty();
  if (!as_method) {
    // sum(x) is the aggregate, x.sum() the method of a list.
    const std::string argument = node.children.size() == 1 ? print(*node.children[0]) : "x";
    if (const std::string hint = aggregate_hint(name, argument); !hint.empty())
      refuse(node,
             "'" + name + "' is an aggregate, and aggregates need many records" +
                 (other_form ? " (of a list it is x." + name + "())" : ""),
             hint);
    if (const std::string hint = stream_function_hint(name, argument); !other_form && !hint.empty())
      refuse(node, "unknown function '" + name + "'", hint);
  }
  if (other_form)
    refuse(node, "'" + name + "' is " + (as_method ? "no method" : "a method"),
           as_method ? "write " + name + "(x)" : "write x." + name + "(...)");
  // all(x, COND) and its like are no functions: their arguments were not what they take.
  const std::string near = nearest(name, function_names());
  if (near == name)
    refuse(node, "'" + name + "' does not take these arguments",
           "it is called as in: [1, 2]." + name + "(x, " + (name == "map" ? "x + 1" : "x > 1") + ")");
  refuse(node, std::string("unknown ") + (as_method ? "method" : "function") + " '" + name + "'",
         did_you_mean(near));
}

Op* Compiler::call_named(const Node& node, const std::string& name, bool as_method,
                         const std::vector<const Node*>& arguments) {
  const auto functions = find_functions(name, as_method);
  if (functions.empty()) return unknown_function(node, name, as_method);
  Call& target = program_.calls.emplace_back();
  target.function = functions[0];
  Kinds result = kError;
  bool varies = false;
  for (const Function* function : functions) {
    for (const Overload& overload : function->overloads) {
      if (takes(overload, arguments.size())) target.overloads.push_back(&overload);
    }
    varies = varies || function->varies;
  }
  if (target.overloads.empty()) {
    std::string signatures;
    for (const Function* function : functions)
      signatures += (signatures.empty() ? "" : "; ") + std::string(function->signature);
    if (scope_.lenient) return fails_when_run(node, Reason::wrong_type, "no such overload: " + signatures);
    refuse(node,
           name + "() does not take " + std::to_string(arguments.size() - (as_method ? 1 : 0)) + " argument" +
               (arguments.size() - (as_method ? 1 : 0) == 1 ? "" : "s"),
           "it is " + signatures);
  }
  std::vector<Op*> compiled;
  for (const Node* argument : arguments) compiled.push_back(compile(*argument));
  Op* op = make(node, run_call, kError);
  set_arguments(op, compiled);
  op->data = &target;
  op->varies = op->varies || varies;
  for (const Op* argument : compiled) {
    if (inherit_error(op, argument)) return op;
  }
  // Which overloads can be meant.
  bool possible = false;
  for (const Overload* overload : target.overloads) {
    bool fits = true;
    for (size_t i = 0; i < compiled.size() && fits; ++i) {
      Kinds wanted = overload->parameters[std::min(i, overload->parameters.size() - 1)];
      if (!target.function->exact && (wanted & (kInt | kDouble))) wanted |= kNumbers;
      fits = (compiled[i]->kinds & wanted) != 0;
    }
    if (!fits) continue;
    possible = true;
    result |= overload->result;
  }
  if (!possible) {
    std::string kinds;
    for (const Op* argument : compiled) kinds += (kinds.empty() ? "" : ", ") + kinds_text(argument->kinds);
    return certain_error(op, name + " does not take (" + kinds + ")",
                         "it is " + std::string(functions[0]->signature));
  }
  op->kinds = result;
  if (target.function->pattern >= 0)
    check_pattern(*compiled[static_cast<size_t>(target.function->pattern)], op);
  return op;
}

void Compiler::check_pattern(const Op& pattern, Op* op) {
  if (!pattern.is_constant || !pattern.constant.is_string()) return;
  std::string error;
  if (program_.folding.regexes->get(pattern.constant.as_string(), error)) return;
  op->begin = pattern.begin;
  op->end = pattern.end;
  certain_error(op, "not a regular expression: " + error);
}

Op* Compiler::macro(const Node& node) {
  const bool of_optional = node.macro == Macro::opt_map || node.macro == Macro::opt_flat_map;
  Op* range = compile(*node.children[0]);
  const size_t depth = locals_.size();
  std::vector<Op*> arguments = {range};
  size_t next = 1;
  bool varies = range->varies;
  if (node.macro == Macro::reduce) {
    // The first value does not see the variables.
    arguments.push_back(compile(*node.children[next++]));
    varies = varies || arguments.back()->varies;
  }
  // With a constant range the turns vary only by what else they read.
  for (const std::string& variable : node.variables) push_local(variable, kAnyValue, varies);
  const uint32_t made = made_;
  for (size_t i = next; i < node.children.size(); ++i) arguments.push_back(compile(*node.children[i]));
  const uint32_t in_a_turn = made_ - made;
  locals_.resize(depth);
  Kinds result = kList | kError;
  switch (node.macro) {
    case Macro::all:
    case Macro::exists:
    case Macro::exists_one:
      result = kBool | kError;
      break;
    case Macro::transform_map:
    case Macro::transform_map_entry:
      result = kMap | kError;
      break;
    case Macro::opt_map:
    case Macro::opt_flat_map:
      result = kOptional | kError;
      break;
    case Macro::reduce:
      result = kAnyValue | kError;
      break;
    default:
      break;
  }
  Op* op = make(node, run_macro(node.macro), result);
  op->slot = static_cast<uint32_t>(depth);
  op->constant = Value::integer(static_cast<int64_t>(node.variables.size()));
  op->turn = 1 + in_a_turn / kStepOperations;
  if (node.macro == Macro::sort_by) op->data = &program_.flags.emplace_back(node.optional_items);
  set_arguments(op, arguments);
  // Its own variables are no dependence.
  op->outermost_local = outermost(arguments, static_cast<uint32_t>(depth));
  if (inherit_error(op, range)) return op;
  const bool of_list = node.macro == Macro::sort_by || node.macro == Macro::reduce;
  const Kinds wanted = of_optional ? kOptional : of_list ? kList : kList | kMap;
  if (!(range->kinds & wanted))
    return certain_error(
        op, node.name + "() works on " + kinds_text(wanted) + ", not " + kinds_text(range->kinds));
  return op;
}

Op* Compiler::bind(const Node& node) {
  Op* value = compile(*node.children[0]);
  const size_t depth = locals_.size();
  push_local(node.variables[0], value->kinds, value->varies);
  if (value->kinds == kError) locals_.back().kinds = kError | kAnyValue;
  Op* body = compile(*node.children[1]);
  locals_.resize(depth);
  Op* op = make(node, run_bind, body->kinds);
  op->slot = static_cast<uint32_t>(depth);
  set_arguments(op, {value, body});
  op->outermost_local = outermost({value, body}, static_cast<uint32_t>(depth));
  inherit_error(op, body);
  return op;
}

}  // namespace kutils::expr
