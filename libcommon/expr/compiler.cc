// Operations of an expression, and the kinds that they give.
#include "expr/compiler.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace kutils::expr {
namespace {

bool calls_type(const Node& node) {
  return node.type == NodeType::call && node.name == "type" && node.children.size() == 1;
}

std::string hint_for(Operator o, Kinds a, Kinds b) {
  const Kinds both = a | b;
  if (o == Operator::add && (both & kString)) return "turn the other side into a string with string(x)";
  if ((both & kTimestamp) && (both & kInt))
    return "a number becomes a time with timestamp(x), of milliseconds as in _ts with timestamp_ms(x); _time is the record's";
  if (both & kTimestamp) return "turn the other side into a time with timestamp(x)";
  if (o == Operator::equal || o == Operator::not_equal || o == Operator::in) {
    if (a == kType || b == kType) return "types have no quotes: type(x) == string";
    if (both & kOptional) return "what an optional holds is x.orValue(DEFAULT)";
    if ((both & kString) && (both & kNumbers) && !(a & b))
      return "a text as a number is int(x) or double(x), a number as a text string(x)";
  }
  if (both & kDuration) return "turn the other side into a duration with duration(x)";
  return {};
}

// What the right side may be compared as: of `in` its items. 0: not known.
Kinds matched_with(Operator o, const Op& b) {
  if (o != Operator::in) return b.kinds;
  Kinds kinds = 0;
  if (b.is_constant && b.constant.kind() == Kind::list) {
    for (const Value& item : b.constant.as_list()) kinds |= bit(item.kind());
  } else if (b.run == run_list && b.data == nullptr) {  // without optional items
    for (uint32_t i = 0; i < b.count; ++i) kinds |= b.arguments[i]->kinds;
  }
  return kinds;
}

// Whether both kinds are known, and values of them are never equal. CEL's checker refuses these.
bool never_match(Operator o, const Op& a, const Op& b) {
  const auto comparable = [](Kinds kinds) {
    kinds &= kAnyValue & ~kNull;
    return (kinds & kNumbers) != 0 ? kinds | kNumbers : kinds;
  };
  const Kinds left = comparable(a.kinds), right = comparable(matched_with(o, b));
  return left != 0 && right != 0 && (left & right) == 0;
}

}  // namespace

Compiler::Compiler(Scope& scope, Program& program) : scope_(scope), program_(program) {
  if (scope.accumulated != 0) push_local(kAccumulated, scope.accumulated, true);
  for (const std::string& name : scope.named) push_local(name, kAnyValue, true);
}

Op* Compiler::compile(const Node& node) {
  Op* op = compile_node(node);
  fold(op);
  return op;
}

Op* Compiler::make(const Node& node, Run run, Kinds kinds) {
  auto* op = new (program_.arena.allocate(sizeof(Op))) Op();
  op->run = run;
  op->begin = node.name_begin;
  op->end = node.name_end;
  op->kinds = kinds;
  ++made_;
  return op;
}

void Compiler::whole_place(Op* op, const Node& node) {
  op->begin = node.begin;
  op->end = node.end;
}

void Compiler::set_arguments(Op* op, const std::vector<Op*>& arguments) {
  op->count = static_cast<uint32_t>(arguments.size());
  op->arguments = reinterpret_cast<Op**>(program_.arena.allocate(arguments.size() * sizeof(Op*)));
  for (size_t i = 0; i < arguments.size(); ++i) {
    op->arguments[i] = arguments[i];
    op->varies = op->varies || arguments[i]->varies;
    op->outermost_local = std::min(op->outermost_local, arguments[i]->outermost_local);
  }
}

Op* Compiler::constant(const Node& node, Value value) {
  Op* op = make(node, run_constant, bit(value.kind()));
  whole_place(op, node);
  op->constant = value;
  op->is_constant = true;
  return op;
}

Op* Compiler::certain_error(Op* op, const std::string& message, std::string hint) {
  op->kinds = kError;
  op->cause = keep(SourceError{message, op->begin, op->end, std::move(hint)});
  return op;
}

bool Compiler::inherit_error(Op* op, const Op* argument) {
  if (argument->kinds != kError) return false;
  op->kinds = kError;
  op->cause = argument->cause;
  return true;
}

void Compiler::refuse(const Node& node, const std::string& message, std::string hint) {
  throw SourceError{message, node.name_begin, node.name_end, std::move(hint)};
}

Op* Compiler::fails_when_run(const Node& node, Reason reason, const std::string& message) {
  Op* op = make(node, run_fail, kError | kAnyValue);
  op->slot = static_cast<uint32_t>(reason);
  op->constant = Value::string(keep(message));
  op->varies = true;  // not to be folded into a certain error
  return op;
}

void Compiler::fold(Op* op) {
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

Op* Compiler::compile_node(const Node& node) {
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

Op* Compiler::logical(const Node& node, bool decisive) {
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

Op* Compiler::conditional(const Node& node) {
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

Op* Compiler::unary(const Node& node) {
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

Op* Compiler::compile_side(const Node& node, bool types) {
  const bool before = std::exchange(types_meant_, types_meant_ || types);
  Op* op = compile(node);
  types_meant_ = before;
  return op;
}

Op* Compiler::binary(const Node& node) {
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
  // What fold()'s value may be is not known yet while its kinds are found.
  if (compares && scope_.record && scope_.accumulated == 0 && never_match(o, *a, *b)) {
    const Kinds known = kAnyValue & ~kNull, item = matched_with(o, *b) & known, one = a->kinds & known;
    refuse(node,
           kinds_text(one) + " " + node.name + " " + (o == Operator::in ? "list of " : "") +
               kinds_text(item) + " is always " + (o == Operator::not_equal ? "true" : "false"),
           hint_for(o, one, item));
  }
  if (kinds == kError)
    return certain_error(
        op, "no such operation: " + kinds_text(a->kinds) + " " + node.name + " " + kinds_text(b->kinds),
        hint_for(o, a->kinds, b->kinds));
  if (compares && scope_.watches_comparisons) watch(op, o, node);
  return op;
}

void Compiler::watch(Op* op, Operator o, const Node& node) {
  const Op& a = *op->arguments[0];
  const Op& b = *op->arguments[1];
  const bool is_left = a.varies;  // the operand
  const Op& fixed = is_left ? b : a;
  const Node& written = *node.children[is_left ? 1 : 0];
  WatchedComparison watched;
  if (a.varies && b.varies && o != Operator::in) {
    const auto types = [](Kinds kinds) {
      kinds &= kAnyValue & ~bit(Kind::null);
      return (kinds & kNumbers) != 0 ? kinds | kNumbers : kinds;
    };
    if (types(a.kinds) == types(b.kinds) &&
        (std::has_single_bit(types(a.kinds)) || types(a.kinds) == kNumbers))
      return;  // of one type whatever the record is
    watched.operand = 2;
    watched.comparison.form = Comparison::Form::operands;
    watched.comparison.whole = {node.begin, node.end};
    watched.comparison.operand = {node.children[0]->begin, node.children[0]->end};
    watched.comparison.other = {node.children[1]->begin, node.children[1]->end};
    op->run = run_watched(o);
    op->data = &program_.comparisons.emplace_back(std::move(watched));
    return;
  }
  if (a.varies == b.varies || !fixed.is_constant) return;
  watched.operand = is_left ? 0 : 1;
  Comparison& comparison = watched.comparison;
  comparison.form = o == Operator::equal       ? Comparison::Form::equal
                    : o == Operator::not_equal ? Comparison::Form::not_equal
                    : is_left                  ? Comparison::Form::in_constants
                                               : Comparison::Form::constant_in;
  comparison.whole = {node.begin, node.end};
  comparison.operand = {node.children[watched.operand]->begin, node.children[watched.operand]->end};
  const auto add = [&](const Value& value, const Node& at) {
    constexpr Kinds kLooked = kNumbers | bit(Kind::string) | bit(Kind::boolean);
    // What is compared with "" asks for emptiness, and a number is not empty.
    if (!(bit(value.kind()) & kLooked) || (value.is_string() && value.as_string().empty())) return false;
    const bool is_literal = at.type == NodeType::string || at.type == NodeType::boolean ||
                            at.type == NodeType::integer || at.type == NodeType::unsigned_integer ||
                            at.type == NodeType::real;
    comparison.constants.push_back({{at.begin, at.end},
                                    value.kind(),
                                    value.is_string() ? std::string(value.as_string()) : std::string(),
                                    is_literal});
    comparison.wanted |= value.is_number() ? kNumbers : bit(value.kind());
    return true;
  };
  if (comparison.form == Comparison::Form::in_constants) {
    if (fixed.constant.kind() != Kind::list || written.type != NodeType::list) return;
    const ListValue& items = fixed.constant.as_list();
    if (items.size != written.children.size()) return;
    for (size_t i = 0; i < items.size; ++i)
      if (!add(items.items[i], *written.children[i])) return;
    if (items.size == 0) return;
  } else if (!add(fixed.constant, written)) {
    return;
  }
  const Kinds others = (is_left ? a : b).kinds & kAnyValue & ~bit(Kind::null) & ~comparison.wanted;
  if (others == 0) return;
  op->run = run_watched(o);
  op->data = &program_.comparisons.emplace_back(std::move(watched));
}

Op* Compiler::collection(const Node& node) {
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
  program->is_whole_value = program->root->run == run_value;
  return program;
}

}  // namespace kutils::expr
