// Checker and compiler in one pass: each node becomes an operation, with the kinds that its value may have.
// Where only "error" is left, the expression fails whatever the record is, and is refused.
#include <algorithm>
#include <string>

#include "base/nearest_name.h"
#include "expr/evaluator.h"
#include "expr/habits.h"
#include "expr/parser.h"
#include "expr/program.h"
#include "expr/regex_cache.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

constexpr Kinds kError = bit(Kind::error);
constexpr Kinds kJsonKinds = kNull | kBool | kNumbers | kString | kList | kMap;

struct TypeName {
  std::string_view name;
  Kind kind;
};
constexpr TypeName kTypeNames[] = {
    {"bool", Kind::boolean},
    {"int", Kind::integer},
    {"uint", Kind::unsigned_integer},
    {"double", Kind::real},
    {"string", Kind::string},
    {"bytes", Kind::bytes},
    {"list", Kind::list},
    {"map", Kind::map},
    {"null_type", Kind::null},
    {"type", Kind::type},
    {"optional_type", Kind::optional},
    {"google.protobuf.Timestamp", Kind::timestamp},
    {"google.protobuf.Duration", Kind::duration},
    {"net.IP", Kind::ip},
    {"net.CIDR", Kind::cidr},
};

struct Metadata {
  std::string_view name;
  Run run;
  Kinds kinds;
};
constexpr Metadata kMetadata[] = {
    {"_key", run_key, kAnyValue | kError},  // a broken key is an error
    {"_value", run_value, kAnyValue | kError},
    {"_ts", run_timestamp, kInt | kNull},
    {"_topic", run_topic, kString},
    {"_partition", run_partition, kInt | kNull},
    {"_offset", run_offset, kInt | kNull},
    {"_headers", run_headers, kMap},
};

// "a.b.c" of plain selections; empty: something else.
std::string dotted(const Node& node) {
  if (node.type == NodeType::identifier) return node.name;
  if (node.type != NodeType::select || node.optional) return {};
  std::string base = dotted(*node.children[0]);
  if (base.empty()) return base;
  return base + "." + node.name;
}
const Node& root_of(const Node& node) {
  return node.type == NodeType::select ? root_of(*node.children[0]) : node;
}

template <typename Names>
std::string nearest(std::string_view name, const Names& names) {
  std::string best;
  if (name.size() > kMaxMisspelt) return best;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;  // must be below
  for (const auto& candidate : names) {
    const std::string_view whole(candidate);
    const size_t dot = whole.rfind('.');
    size_t distance = edit_distance(name, whole);
    // `floor` for `math.floor`.
    if (dot != std::string_view::npos && name.find('.') == std::string_view::npos)
      distance = std::min(distance, edit_distance(name, whole.substr(dot + 1)));
    if (distance < best_distance) {
      best_distance = distance;
      best = whole;
    }
  }
  return best;
}
std::string did_you_mean(const std::string& name) {
  return name.empty() ? "" : "did you mean '" + name + "'?";
}

class Compiler {
 public:
  Compiler(Scope& scope, Program& program) : scope_(scope), program_(program) {
    if (scope.accumulated != 0) push_local(kAccumulated, scope.accumulated, true);
  }

  Op* compile(const Node& node) {
    Op* op = compile_node(node);
    fold(op);
    return op;
  }

 private:
  // Building ------------------------------------------------------------------------------------

  Op* make(const Node& node, Run run, Kinds kinds) {
    auto* op = new (program_.arena.allocate(sizeof(Op))) Op();
    op->run = run;
    op->begin = node.name_begin;
    op->end = node.name_end;
    op->kinds = kinds;
    ++made_;
    return op;
  }
  void whole_place(Op* op, const Node& node) {
    op->begin = node.begin;
    op->end = node.end;
  }
  void set_arguments(Op* op, const std::vector<Op*>& arguments) {
    op->count = static_cast<uint32_t>(arguments.size());
    op->arguments = reinterpret_cast<Op**>(program_.arena.allocate(arguments.size() * sizeof(Op*)));
    for (size_t i = 0; i < arguments.size(); ++i) {
      op->arguments[i] = arguments[i];
      op->varies = op->varies || arguments[i]->varies;
      op->outermost_local = std::min(op->outermost_local, arguments[i]->outermost_local);
    }
  }
  Op* constant(const Node& node, Value value) {
    Op* op = make(node, run_constant, bit(value.kind()));
    whole_place(op, node);
    op->constant = value;
    op->is_constant = true;
    return op;
  }
  std::string_view keep(std::string_view text) { return program_.texts.emplace_back(text); }
  const SourceError* keep(SourceError error) { return &program_.causes.emplace_back(std::move(error)); }

  Op* certain_error(Op* op, const std::string& message, std::string hint = {}) {
    op->kinds = kError;
    op->cause = keep(SourceError{message, op->begin, op->end, std::move(hint)});
    return op;
  }
  // An argument that always fails makes its operation fail.
  static bool inherit_error(Op* op, const Op* argument) {
    if (argument->kinds != kError) return false;
    op->kinds = kError;
    op->cause = argument->cause;
    return true;
  }

  [[noreturn]] static void refuse(const Node& node, const std::string& message, std::string hint = {}) {
    throw SourceError{message, node.name_begin, node.name_end, std::move(hint)};
  }

  Op* fails_when_run(const Node& node, Reason reason, const std::string& message) {
    Op* op = make(node, run_fail, kError | kAnyValue);
    op->slot = static_cast<uint32_t>(reason);
    op->constant = Value::string(keep(message));
    op->varies = true;  // not to be folded into a certain error
    return op;
  }

  // Constant folding: what neither varies nor reads a variable from outside is run now.
  void fold(Op* op) {
    if (op->is_constant || op->varies || op->kinds == kError || op->outermost_local < locals_.size()) return;
    program_.folding.locals.resize(program_.locals + 2);
    try {
      const Value value = op->run(*op, program_.folding);
      if (value.is_error()) {
        const ErrorValue& error = value.as_error();
        op->kinds = kError;
        op->cause = keep(SourceError{std::string(error.message), error.begin, error.end, {}});
        return;
      }
      op->run = run_constant;
      op->constant = value;
      op->kinds = bit(value.kind());
      op->is_constant = true;
    } catch (const LimitExceeded&) {
      // Left to the evaluation, which has limits of its own. What else is folded must do without steps and
      // memory.
    }
  }

  // Names ---------------------------------------------------------------------------------------

  int local(const Node& node) const {
    if (node.absolute) return -1;
    for (size_t i = locals_.size(); i-- > 0;) {
      if (locals_[i].name == node.name) return static_cast<int>(i);
    }
    return -1;
  }

  Op* field(const Node& node, const std::string& name) {
    if (!scope_.value_has_fields)
      throw SourceError{"'" + name + "' names a field, but the value codec gives no JSON", node.begin,
                        node.end, "use _value, or --value-codec json"};
    Op* op = make(node, run_field, kJsonKinds | kError);
    whole_place(op, node);
    op->slot = static_cast<uint32_t>(scope_.fields->slot(name));
    auto* missing = program_.folding.arena.allocate_array<ErrorValue>(1);
    *missing = {Reason::missing_field, keep(std::string(kNoField) + name + "'"), op->begin, op->end};
    op->data = missing;
    op->varies = true;
    program_.reads_value = program_.reads_fields = true;
    return op;
  }

  Op* read_local(const Node& node, int slot) {
    if (slot == 0 && scope_.accumulated != 0) program_.reads_accumulated = true;
    Op* op = make(node, run_local, locals_[static_cast<size_t>(slot)].kinds);
    op->slot = static_cast<uint32_t>(slot);
    op->outermost_local = op->slot;
    op->varies = locals_[static_cast<size_t>(slot)].varies;
    return op;
  }

  const TypeName* type_name_of(const std::string& name) const {
    if (scope_.record && !types_meant_) return nullptr;
    for (const TypeName& type : kTypeNames) {
      if (type.name == name) return &type;
    }
    return nullptr;
  }

  std::vector<std::string_view> known_names() const {
    std::vector<std::string_view> names;
    for (const auto& entry : scope_.variables) names.push_back(entry.first);
    for (const Local& l : locals_) names.push_back(l.name);
    if (scope_.record) {
      for (const Metadata& m : kMetadata) names.push_back(m.name);
      names.push_back("_arg");
    } else {
      for (const TypeName& type : kTypeNames) names.push_back(type.name);
    }
    return names;
  }

  Op* identifier(const Node& node) {
    if (const int slot = local(node); slot >= 0) return read_local(node, slot);
    if (const auto found = scope_.variables.find(node.name); found != scope_.variables.end())
      return constant(node, found->second);
    if (const TypeName* type = type_name_of(node.name)) return constant(node, Value::type(type->name));
    if (node.name == "_arg") return whole_arg(node);
    if (!scope_.record) {
      if (scope_.lenient)
        return fails_when_run(node, Reason::expression, "unknown variable '" + node.name + "'");
      refuse(node, "unknown name '" + node.name + "'", did_you_mean(nearest(node.name, known_names())));
    }
    for (const Metadata& m : kMetadata) {
      if (m.name != node.name) continue;
      Op* op = make(node, m.run, m.kinds);
      op->varies = true;
      if (m.run == run_value) program_.reads_value = true;
      return op;
    }
    if (node.name == kAccumulated)
      refuse(node, "_acc is the value so far of fold(INIT, EXPR) and is known in its EXPR only",
             "a field of that name is _value._acc");
    if (node.name[0] == '_' && scope_.warn) {
      std::vector<std::string_view> names;
      for (const Metadata& m : kMetadata) names.push_back(m.name);
      names.push_back("_arg");
      if (scope_.accumulated != 0) names.push_back(kAccumulated);
      if (const std::string near = nearest(node.name, names); !near.empty())
        scope_.warn("'" + node.name + "' is read as a field of the record; did you mean " + near + "?");
    }
    return field(node, node.name);
  }

  Op* whole_arg(const Node& node) {
    auto* entries = program_.folding.arena.allocate_array<MapEntry>(scope_.arguments.size());
    for (size_t i = 0; i < scope_.arguments.size(); ++i)
      entries[i] = {Value::string(keep(scope_.arguments[i].first)),
                    Value::string(keep(scope_.arguments[i].second))};
    return constant(node, program_.folding.map(entries, scope_.arguments.size(), true));
  }

  // `_arg.N`, `_value.N`, `_value["N"]`: null pointer if it is none of them.
  Op* special_member(const Node& node, const std::string& name, bool test) {
    const Node& base = *node.children[0];
    if (base.type != NodeType::identifier || node.optional || local(base) >= 0) return nullptr;
    if (scope_.variables.count(base.name)) return nullptr;
    if (base.name == "_arg" && !test) {
      for (const auto& [n, text] : scope_.arguments) {
        if (n == name) return constant(node, Value::string(keep(text)));
      }
      std::vector<std::string> names;
      for (const auto& argument : scope_.arguments) names.push_back(argument.first);
      const std::string near = nearest(name, names);
      refuse(node, "there is no argument '" + name + "'",
             near.empty() ? "give it with --arg " + name + "=VALUE" : did_you_mean(near));
    }
    if (base.name == "_value" && scope_.record && scope_.value_has_fields) {
      Op* op = field(node, name);
      if (test) {
        op->run = run_has_field;
        op->kinds = kBool;
      }
      return op;
    }
    return nullptr;
  }

  // Nodes ---------------------------------------------------------------------------------------

  Op* compile_node(const Node& node) {
    switch (node.type) {
      case NodeType::null:
        return constant(node, Value::null());
      case NodeType::boolean:
        return constant(node, Value::boolean(node.boolean));
      case NodeType::integer:
        return constant(node, Value::integer(node.integer));
      case NodeType::unsigned_integer:
        return constant(node, Value::unsigned_integer(node.unsigned_integer));
      case NodeType::real:
        return constant(node, Value::real(node.real));
      case NodeType::string:
        return constant(node, Value::string(keep(node.name)));
      case NodeType::bytes:
        return constant(node, Value::bytes(keep(node.name)));
      case NodeType::identifier:
        return identifier(node);
      case NodeType::select:
        return select(node);
      case NodeType::index:
        return index(node);
      case NodeType::call:
        return call(node);
      case NodeType::method:
        return method(node);
      case NodeType::list:
      case NodeType::map:
        return collection(node);
      case NodeType::logical_and:
        return logical(node, false);
      case NodeType::logical_or:
        return logical(node, true);
      case NodeType::conditional:
        return conditional(node);
      case NodeType::negate:
      case NodeType::logical_not:
        return unary(node);
      case NodeType::binary:
        return binary(node);
      case NodeType::has:
        return has(node);
      case NodeType::macro:
        return macro(node);
      case NodeType::bind:
        return bind(node);
    }
    return nullptr;
  }

  Op* select(const Node& node) {
    // The longest dotted name that is bound wins.
    const std::string whole = node.optional ? "" : dotted(node);
    if (!whole.empty() && local(root_of(node)) < 0) {
      if (const auto found = scope_.variables.find(whole); found != scope_.variables.end())
        return constant(node, found->second);
      if (const TypeName* type = type_name_of(whole)) return constant(node, Value::type(type->name));
    }
    if (Op* special = special_member(node, node.name, false)) return special;
    Op* base = compile(*node.children[0]);
    Op* op = make(node, node.optional ? run_optional_select : run_select,
                  node.optional ? kOptional | kError : kAnyValue | kError);
    op->constant = Value::string(keep(node.name));
    set_arguments(op, {base});
    if (inherit_error(op, base)) return op;
    if (!(base->kinds & (kMap | kOptional)))
      return certain_error(op, kinds_text(base->kinds) + " has no fields");
    return op;
  }

  Op* index(const Node& node) {
    if (node.children[1]->type == NodeType::string) {
      if (Op* special = special_member(node, node.children[1]->name, false)) {
        whole_place(special, node);
        return special;
      }
    }
    Op* base = compile(*node.children[0]);
    Op* at = compile(*node.children[1]);
    Op* op = make(node, node.optional ? run_optional_index : run_index,
                  node.optional ? kOptional | kError : kAnyValue | kError);
    whole_place(op, *node.children[1]);
    set_arguments(op, {base, at});
    if (inherit_error(op, base) || inherit_error(op, at)) return op;
    if (!(base->kinds & (kMap | kList | kOptional)))
      return certain_error(op, kinds_text(base->kinds) + " cannot be indexed");
    if (!(base->kinds & (kMap | kOptional)) && !(at->kinds & kNumbers))
      return certain_error(op, "a list's index must be int, not " + kinds_text(at->kinds));
    return op;
  }

  Op* has(const Node& node) {
    const Node& what = *node.children[0];
    if (what.type == NodeType::identifier) {
      const auto answer = [&](bool yes) { return constant(node, Value::boolean(yes)); };
      if (local(what) >= 0 || scope_.variables.count(what.name)) return answer(true);
      if (!scope_.record) {
        if (scope_.lenient) return answer(false);
        return answer(what.name == "_arg");
      }
      if (what.name == kAccumulated) return identifier(what);  // refuses
      for (const Metadata& m : kMetadata) {
        if (m.name != what.name) continue;
        Op* op = make(what, run_operator(Operator::not_equal), kBool | kError);
        set_arguments(op, {identifier(what), constant(what, Value::null())});
        return op;
      }
      Op* op = field(what, what.name);
      op->run = run_has_field;
      op->kinds = kBool;
      return op;
    }
    const bool by_index = what.type == NodeType::index;
    if (!by_index || what.children[1]->type == NodeType::string) {
      if (Op* special = special_member(what, by_index ? what.children[1]->name : what.name, true))
        return special;
    }
    std::vector<Op*> arguments = {compile(*what.children[0])};
    if (by_index) arguments.push_back(compile(*what.children[1]));
    Op* op = make(what, by_index ? run_has_index : run_has_select, kBool | kError);
    op->constant = Value::string(keep(what.name));
    set_arguments(op, arguments);
    for (const Op* argument : arguments) {
      if (inherit_error(op, argument)) return op;
    }
    if (!(arguments[0]->kinds & (kMap | kOptional | (by_index ? kList : 0))))
      return certain_error(op, kinds_text(arguments[0]->kinds) + " has no fields");
    return op;
  }

  Op* logical(const Node& node, bool decisive) {
    std::vector<Op*> operands;
    for (const auto& child : node.children) operands.push_back(compile(*child));
    Op* op = make(node, decisive ? run_or : run_and, kBool | kError);
    set_arguments(op, operands);
    const Op* failing = nullptr;
    bool can_absorb = false;
    for (const Op* operand : operands) {
      if (operand->is_constant && operand->kinds == kBool) {
        if (operand->constant.as_bool() == decisive) return constant(node, Value::boolean(decisive));
      } else if (operand->kinds & kBool) {
        can_absorb = true;
      }
      if (!(operand->kinds & kBool) && !failing) failing = operand;
    }
    if (!failing || can_absorb) return op;
    if (inherit_error(op, failing)) return op;
    op->begin = failing->begin;
    op->end = failing->end;
    return certain_error(
        op, std::string(decisive ? "||" : "&&") + " needs bool, not " + kinds_text(failing->kinds));
  }

  Op* conditional(const Node& node) {
    Op* condition = compile(*node.children[0]);
    Op* yes = compile(*node.children[1]);
    Op* no = compile(*node.children[2]);
    if (condition->is_constant && condition->kinds == kBool) return condition->constant.as_bool() ? yes : no;
    Op* op = make(node, run_conditional, yes->kinds | no->kinds | kError);
    set_arguments(op, {condition, yes, no});
    if (inherit_error(op, condition)) return op;
    if (!(condition->kinds & kBool)) {
      whole_place(op, *node.children[0]);
      return certain_error(op, "the condition must be bool, not " + kinds_text(condition->kinds));
    }
    if (yes->kinds == kError && no->kinds == kError) inherit_error(op, yes);
    return op;
  }

  Op* unary(const Node& node) {
    const bool logical = node.type == NodeType::logical_not;
    Op* a = compile(*node.children[0]);
    Op* op = make(node, logical ? run_not : run_negate,
                  logical ? kBool | kError : (a->kinds & (kInt | kDouble)) | kError);
    set_arguments(op, {a});
    if (inherit_error(op, a)) return op;
    const Kinds wanted = logical ? kBool : kInt | kDouble;
    if (!(a->kinds & wanted))
      return certain_error(op, std::string(logical ? "!" : "-") + " does not take " + kinds_text(a->kinds));
    return op;
  }

  static bool calls_type(const Node& node) {
    return node.type == NodeType::call && node.name == "type" && node.children.size() == 1;
  }

  Op* compile_side(const Node& node, bool types) {
    const bool before = std::exchange(types_meant_, types_meant_ || types);
    Op* op = compile(node);
    types_meant_ = before;
    return op;
  }

  Op* binary(const Node& node) {
    Operator o = Operator::add;
    while (operator_text(o) != node.name) o = static_cast<Operator>(static_cast<int>(o) + 1);
    const Node& left = *node.children[0];
    const Node& right = *node.children[1];
    // Opposite a type(...) call, `int` and the like are types, not fields.
    const bool compares = o == Operator::equal || o == Operator::not_equal || o == Operator::in;
    const auto names_type = [](const Node& n) {
      return n.type == NodeType::identifier || n.type == NodeType::select || n.type == NodeType::list;
    };
    Op* a = compile_side(left, compares && calls_type(right) && names_type(left));
    Op* b = compile_side(right, compares && calls_type(left) && names_type(right));
    Kinds kinds = compares ? 0 : kError;
    for (unsigned x = 1; x < 16; ++x) {
      for (unsigned y = 1; y < 16; ++y) {
        if (!(a->kinds >> x & 1) || !(b->kinds >> y & 1)) continue;
        const Kinds result = operator_result(o, static_cast<Kind>(x), static_cast<Kind>(y));
        kinds |= result ? result : kError;
      }
    }
    // int with uint may come out as either.
    if ((kinds & kInt) && (kinds & kUint)) kinds |= kInt | kUint;
    kinds |= (a->kinds | b->kinds) & kError;
    Op* op = make(node, run_operator(o), kinds);
    set_arguments(op, {a, b});
    if (inherit_error(op, a) || inherit_error(op, b)) return op;
    if (kinds == kError)
      return certain_error(
          op, "no such operation: " + kinds_text(a->kinds) + " " + node.name + " " + kinds_text(b->kinds),
          hint_for(o, a->kinds, b->kinds));
    return op;
  }

  static std::string hint_for(Operator o, Kinds a, Kinds b) {
    const Kinds both = a | b;
    if (o == Operator::add && (both & kString)) return "turn the other side into a string with string(x)";
    if ((both & kTimestamp) && (both & kInt))
      return "a number becomes a time with timestamp(x), of milliseconds as in _ts with timestamp_ms(x)";
    if (both & kTimestamp) return "turn the other side into a time with timestamp(x)";
    if (both & kDuration) return "turn the other side into a duration with duration(x)";
    return {};
  }

  Op* collection(const Node& node) {
    const bool is_map = node.type == NodeType::map;
    std::vector<Op*> items;
    for (const auto& child : node.children) items.push_back(compile_side(*child, types_meant_));
    Op* op = make(node, is_map ? run_map : run_list, (is_map ? kMap : kList) | kError);
    whole_place(op, node);
    set_arguments(op, items);
    if (std::find(node.optional_items.begin(), node.optional_items.end(), true) != node.optional_items.end())
      op->data = &program_.flags.emplace_back(node.optional_items);
    for (const Op* item : items) {
      if (inherit_error(op, item)) return op;
    }
    return op;
  }

  // Functions -----------------------------------------------------------------------------------

  Op* call(const Node& node) {
    if (node.name == "coalesce" && !node.children.empty()) return coalesce(node);
    std::vector<const Node*> arguments;
    for (const auto& child : node.children) arguments.push_back(child.get());
    return call_named(node, node.name, false, arguments);
  }

  Op* method(const Node& node) {
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

  Op* coalesce(const Node& node) {
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

  Op* unknown_function(const Node& node, const std::string& name, bool as_method) {
    if (scope_.lenient) return fails_when_run(node, Reason::expression, "unknown function '" + name + "'");
    if (!find_functions(name, !as_method).empty())
      refuse(node, "'" + name + "' is " + (as_method ? "no method" : "a method"),
             as_method ? "write " + name + "(x)" : "write x." + name + "(...)");
    if (!as_method) {
      if (const std::string hint = aggregate_hint(name); !hint.empty())
        refuse(node, "'" + name + "' is an aggregate, and aggregates need many records", hint);
    }
    // all(x, COND) and its like are no functions: their arguments were not what they take.
    const std::string near = nearest(name, function_names());
    if (near == name)
      refuse(node, "'" + name + "' does not take these arguments",
             "it is called as in: [1, 2]." + name + "(x, " + (name == "map" ? "x + 1" : "x > 1") + ")");
    refuse(node, std::string("unknown ") + (as_method ? "method" : "function") + " '" + name + "'",
           did_you_mean(near));
  }

  static bool takes(const Overload& overload, size_t n) {
    return overload.variadic ? n >= overload.parameters.size() : n == overload.parameters.size();
  }

  Op* call_named(const Node& node, const std::string& name, bool as_method,
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
             name + "() does not take " + std::to_string(arguments.size() - (as_method ? 1 : 0)) +
                 " argument" + (arguments.size() - (as_method ? 1 : 0) == 1 ? "" : "s"),
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

  void check_pattern(const Op& pattern, Op* op) {
    if (!pattern.is_constant || !pattern.constant.is_string()) return;
    std::string error;
    if (program_.folding.regexes->get(pattern.constant.as_string(), error)) return;
    op->begin = pattern.begin;
    op->end = pattern.end;
    certain_error(op, "not a regular expression: " + error);
  }

  // Variables -----------------------------------------------------------------------------------

  struct Local {
    std::string name;
    Kinds kinds;
    bool varies;
  };

  void push_local(const std::string& name, Kinds kinds, bool varies) {
    locals_.push_back({name, kinds, varies});
    program_.locals = std::max(program_.locals, static_cast<uint32_t>(locals_.size()));
  }

  Op* macro(const Node& node) {
    const bool of_optional = node.macro == Macro::opt_map || node.macro == Macro::opt_flat_map;
    Op* range = compile(*node.children[0]);
    const size_t depth = locals_.size();
    // With a constant range the turns vary only by what else they read.
    for (const std::string& variable : node.variables) push_local(variable, kAnyValue, range->varies);
    std::vector<Op*> arguments = {range};
    const uint32_t made = made_;
    for (size_t i = 1; i < node.children.size(); ++i) arguments.push_back(compile(*node.children[i]));
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
      default:
        break;
    }
    Op* op = make(node, run_macro(node.macro), result);
    op->slot = static_cast<uint32_t>(depth);
    op->constant = Value::integer(static_cast<int64_t>(node.variables.size()));
    op->turn = 1 + in_a_turn / kStepOperations;
    set_arguments(op, arguments);
    // Its own variables are no dependence.
    op->outermost_local = outermost(arguments, static_cast<uint32_t>(depth));
    if (inherit_error(op, range)) return op;
    const Kinds wanted = of_optional ? kOptional : node.macro == Macro::sort_by ? kList : kList | kMap;
    if (!(range->kinds & wanted))
      return certain_error(
          op, node.name + "() works on " + kinds_text(wanted) + ", not " + kinds_text(range->kinds));
    return op;
  }

  static uint32_t outermost(const std::vector<Op*>& arguments, uint32_t depth) {
    uint32_t lowest = UINT32_MAX;
    for (const Op* argument : arguments) {
      if (argument->outermost_local < depth) lowest = std::min(lowest, argument->outermost_local);
    }
    return lowest;
  }

  Op* bind(const Node& node) {
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

  Scope& scope_;
  Program& program_;
  std::vector<Local> locals_;
  uint32_t made_ = 0;  // operations
  bool types_meant_ = false;
};

}  // namespace

std::string kinds_text(Kinds kinds) {
  kinds &= kAnyValue;
  if (kinds == kAnyValue) return "any value";
  std::vector<std::string_view> names;
  for (unsigned i = 1; i < 16; ++i) {
    if (kinds >> i & 1) names.push_back(friendly_name(static_cast<Kind>(i)));
  }
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i != 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

std::unique_ptr<Program> compile(const Node& node, Scope& scope) {
  auto program = std::make_unique<Program>();
  program->folding.strict_numbers = scope.strict_numbers;
  Compiler compiler(scope, *program);
  program->root = compiler.compile(node);
  if (program->root->kinds == kError && !scope.lenient) throw SourceError(*program->root->cause);
  if (program->root->run == run_field)
    program->plain_slot = program->root->slot, program->is_plain_field = true;
  return program;
}

Value evaluate(const Program& program, Context& context) {
  context.restart();
  if (context.locals.size() < program.locals) context.locals.resize(program.locals);
  try {
    return run(program.root, context);
  } catch (const LimitExceeded& limit) {
    context.restart();
    Value error = context.fail(Reason::expression, limit.message);
    return locate(error, *program.root);
  }
}

}  // namespace kutils::expr
