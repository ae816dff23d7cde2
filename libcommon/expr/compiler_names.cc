// What names mean: local variables, bound ones, types, metadata, fields and their members.
#include <algorithm>

#include "base/nearest_name.h"
#include "expr/compiler.h"

namespace kutils::expr {
namespace {

constexpr Kinds kJsonKinds = kNull | kBool | kNumbers | kString | kList | kMap;

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
    {"_time", run_time, kTimestamp | kNull | kError},
    {"_topic", run_topic, kString},
    {"_partition", run_partition, kInt | kNull},
    {"_offset", run_offset, kInt | kNull},
    {"_headers", run_headers, kMap},
};

}  // namespace

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

std::string nearest(std::string_view name, const std::vector<std::string_view>& names) {
  std::string best;
  if (name.size() > kMaxMisspelt) return best;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;  // must be below
  for (const std::string_view whole : names) {
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

int Compiler::local(const Node& node) const {
  if (node.absolute) return -1;
  for (size_t i = locals_.size(); i-- > 0;) {
    if (locals_[i].name == node.name) return static_cast<int>(i);
  }
  return -1;
}

void Compiler::push_local(const std::string& name, Kinds kinds, bool varies) {
  locals_.push_back({name, kinds, varies});
  program_.locals = std::max(program_.locals, static_cast<uint32_t>(locals_.size()));
}

Op* Compiler::field(const Node& node, const std::string& name) {
  if (!scope_.value_has_fields)
    throw SourceError{"'" + name + "' names a field, but the value codec does not give JSON", node.begin,
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

Op* Compiler::read_local(const Node& node, int slot) {
  if (slot == 0 && scope_.accumulated != 0) program_.reads_accumulated = true;
  Op* op = make(node, run_local, locals_[static_cast<size_t>(slot)].kinds);
  op->slot = static_cast<uint32_t>(slot);
  op->outermost_local = op->slot;
  op->varies = locals_[static_cast<size_t>(slot)].varies;
  return op;
}

const TypeName* Compiler::type_name_of(const std::string& name) const {
  if (scope_.record && !types_meant_) return nullptr;
  for (const TypeName& type : kTypeNames) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

std::vector<std::string_view> Compiler::known_names() const {
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

Op* Compiler::identifier(const Node& node) {
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

Op* Compiler::whole_arg(const Node& node) {
  auto* entries = program_.folding.arena.allocate_array<MapEntry>(scope_.arguments.size());
  for (size_t i = 0; i < scope_.arguments.size(); ++i)
    entries[i] = {Value::string(keep(scope_.arguments[i].first)),
                  Value::string(keep(scope_.arguments[i].second))};
  return constant(node, program_.folding.map(entries, scope_.arguments.size(), true));
}

Op* Compiler::special_member(const Node& node, const std::string& name, bool test) {
  const Node& base = *node.children[0];
  if (base.type != NodeType::identifier || node.optional || local(base) >= 0) return nullptr;
  if (scope_.variables.count(base.name)) return nullptr;
  if (base.name == "_arg" && !test) {
    for (const auto& [n, text] : scope_.arguments) {
      if (n == name) return constant(node, Value::string(keep(text)));
    }
    std::vector<std::string_view> names;
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

Op* Compiler::select(const Node& node) {
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
  if (base->run == run_field && !node.optional) op->run = run_select_in_field;
  return op;
}

Op* Compiler::index(const Node& node) {
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

Op* Compiler::has(const Node& node) {
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

}  // namespace kutils::expr
