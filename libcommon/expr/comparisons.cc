#include "expr/comparisons.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "expr/text.h"

namespace kutils::expr {
namespace {

// Types as people name them: all numbers are one.
enum class Type { text, number, boolean, list, object, other };

Type type_of(Kind kind) {
  if (bit(kind) & kNumbers) return Type::number;
  switch (kind) {
    case Kind::string:
      return Type::text;
    case Kind::boolean:
      return Type::boolean;
    case Kind::list:
      return Type::list;
    case Kind::map:
      return Type::object;
    default:
      return Type::other;
  }
}

// "a number or a list"
std::string names_of(Kinds kinds) {
  constexpr std::pair<Type, std::string_view> kNames[] = {
      {Type::text, "a text"}, {Type::number, "a number"},  {Type::boolean, "true or false"},
      {Type::list, "a list"}, {Type::object, "an object"}, {Type::other, "a value of another type"},
  };
  std::string out;
  for (const auto& [type, name] : kNames) {
    bool has = false;
    for (unsigned i = 1; i < 16; ++i) has |= (kinds >> i & 1) != 0 && type_of(static_cast<Kind>(i)) == type;
    if (has) out += (out.empty() ? "" : " or ") + std::string(name);
  }
  return out;
}

// Threads share it: it is written only where that changes it.
void add(std::atomic<Kinds>& kinds, Kinds kind) {
  if ((kinds.load(std::memory_order_relaxed) & kind) == 0) kinds.fetch_or(kind, std::memory_order_relaxed);
}

void set(std::atomic<bool>& flag, bool value) {
  if (flag.load(std::memory_order_relaxed) != value) flag.store(value, std::memory_order_relaxed);
}

struct Edit {
  Place place;
  std::string text;
};

std::string_view piece(std::string_view text, Place place) {
  return text.substr(place.begin, place.end - place.begin);
}

// `constant` as an expression of the other type; nullopt: it has no such value.
std::optional<std::string> converted(const Comparison::Constant& constant, std::string_view written,
                                     Type to) {
  const auto by = [&](const char* function) {
    return std::string(function) + "(" + std::string(written) + ")";
  };
  const Type from = type_of(constant.kind);
  if (from == Type::text && to == Type::number) {
    if (const auto whole = read_number<int64_t>(constant.text))
      return constant.is_literal ? std::to_string(*whole) : by("int");
    const auto real = read_number<double>(constant.text);
    if (!real || !std::isfinite(*real)) return std::nullopt;
    std::string out;
    append_double(*real, out);
    return constant.is_literal ? out : by("double");
  }
  if (from == Type::text && to == Type::boolean) {
    if (constant.text != "true" && constant.text != "false") return std::nullopt;
    return constant.is_literal ? constant.text : by("bool");
  }
  if (to == Type::text) {
    if (!constant.is_literal) return by("string");
    if (constant.kind == Kind::unsigned_integer) written.remove_suffix(1);  // 7u
    return "\"" + std::string(written) + "\"";
  }
  if (!constant.is_literal) return std::nullopt;
  if (from == Type::number && to == Type::boolean && (written == "0" || written == "1"))
    return written == "1" ? "true" : "false";
  if (from == Type::boolean && to == Type::number) return written == "true" ? "1" : "0";
  return std::nullopt;
}

// nullopt: they are several, or none.
std::optional<Type> only_type(Kinds kinds) {
  std::optional<Type> only;
  for (unsigned i = 1; i < 16; ++i) {
    if ((kinds >> i & 1) == 0) continue;
    const Type type = type_of(static_cast<Kind>(i));
    if (only && *only != type) return std::nullopt;
    only = type;
  }
  return only;
}

// The same of two operands: a text becomes a number, or else the other one a text.
std::vector<Edit> edits_of_operands(const MetOperands& met, std::string_view text) {
  const Comparison& c = met.comparison();
  const auto left = only_type(met.kinds()), right = only_type(met.other_kinds());
  // What converts a value fails with null.
  if (!left || !right || met.had_null() || (*left == Type::text) == (*right == Type::text)) return {};
  const Place of_text = *left == Type::text ? c.operand : c.other;
  const Place of_other = *left == Type::text ? c.other : c.operand;
  const Type other = *left == Type::text ? *right : *left;
  const auto call = [&](const char* function, Place place) {
    return std::vector<Edit>{{place, std::string(function) + "(" + std::string(piece(text, place)) + ")"}};
  };
  if (other == Type::number && met.all_numbers()) return call(met.all_whole() ? "int" : "double", of_text);
  if (other == Type::number || other == Type::boolean) return call("string", of_other);
  return {};
}

// What makes the comparison meet values of one type; empty: nothing is known to.
std::vector<Edit> edits_of(const MetOperands& met, std::string_view text) {
  using Form = Comparison::Form;
  const Comparison& c = met.comparison();
  if (c.form == Form::operands) return edits_of_operands(met, text);
  const std::optional<Type> operand = only_type(met.kinds());
  if (!operand) return {};
  const std::string field(piece(text, c.operand));
  const bool is_equality = c.form == Form::equal || c.form == Form::not_equal;
  if (*operand == Type::list && is_equality) {
    const std::string in = std::string(piece(text, c.constants[0].place)) + " in " + field;
    return {{c.whole, c.form == Form::equal ? in : "!(" + in + ")"}};
  }
  const bool has_numbers = std::all_of(c.constants.begin(), c.constants.end(),
                                       [](const auto& one) { return type_of(one.kind) == Type::number; });
  if (*operand == Type::text && has_numbers && met.all_numbers() && c.form != Form::constant_in) {
    const std::string number = (met.all_whole() ? "int(" : "double(") + field + ")";
    if (!met.had_null()) return {{c.operand, number}};
    // int(null) would fail.
    std::string out = field + (c.form == Form::not_equal ? " == null || " : " != null && ");
    out += std::string(piece(text, {c.whole.begin, c.operand.begin})) + number +
           std::string(piece(text, {c.operand.end, c.whole.end}));
    const bool is_all = c.whole.begin == 0 && c.whole.end == text.size();
    return {{c.whole, is_all ? out : "(" + out + ")"}};
  }
  std::vector<Edit> edits;
  for (const Comparison::Constant& constant : c.constants) {
    const auto other = converted(constant, piece(text, constant.place), *operand);
    if (!other) return {};
    edits.push_back({constant.place, *other});
  }
  return edits;
}

// Empty: nothing is changed.
std::string edited(std::string_view text, std::vector<Edit> edits) {
  std::sort(edits.begin(), edits.end(),
            [](const Edit& a, const Edit& b) { return a.place.begin < b.place.begin; });
  std::string out;
  size_t at = 0;
  for (const Edit& edit : edits) {
    if (edit.place.begin < at) continue;  // within one before
    out += std::string(text.substr(at, edit.place.begin - at)) + edit.text;
    at = edit.place.end;
  }
  return edits.empty() ? std::string() : out + std::string(text.substr(at));
}

}  // namespace

void MetOperands::look_at(const Value& operand) {
  if (comparison_.form != Comparison::Form::constant_in) return look_at_one(operand);
  // Keys of a map are looked up, whatever they are.
  if (operand.kind() != Kind::list) return fits_.store(true, std::memory_order_relaxed);
  for (const Value& item : operand.as_list()) look_at_one(item);
}

void MetOperands::look_at_one(const Value& value) {
  const Kinds kind = bit(value.kind());
  if (kind & comparison_.wanted) return fits_.store(true, std::memory_order_relaxed);
  if (value.is_null()) return set(had_null_, true);
  add(kinds_, kind);
  look_at_text(value);
}

void MetOperands::look_at(const Value& left, const Value& right) {
  if (left.is_null() || right.is_null()) return set(had_null_, true);
  if (left.kind() == right.kind() || (left.is_number() && right.is_number()))
    return fits_.store(true, std::memory_order_relaxed);
  add(kinds_, bit(left.kind()));
  add(other_kinds_, bit(right.kind()));
  look_at_text(left);
  look_at_text(right);
}

void MetOperands::look_at_text(const Value& value) {
  if (!value.is_string() || !all_numbers_.load(std::memory_order_relaxed)) return;
  if (!read_number<int64_t>(value.as_string())) {
    set(all_whole_, false);
    if (!read_number<double>(value.as_string())) all_numbers_.store(false, std::memory_order_relaxed);
  }
}

MetOperands& ComparisonLog::entry(std::string_view what, std::string_view text, const std::string& before,
                                  const std::string& after, const Comparison& comparison) {
  const std::scoped_lock lock(mutex_);
  const auto [found, is_new] = entries_.try_emplace(
      std::tuple(std::string(what), std::string(text), comparison.whole.begin), comparison);
  if (is_new) {
    found->second.before = before;
    found->second.after = after;
  }
  return found->second.met;
}

std::vector<std::string> ComparisonLog::notes() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> out;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto& [what, text, begin] = at->first;
    std::string said;
    std::vector<Edit> edits;
    const Entry& first = at->second;
    for (; at != entries_.end() && std::get<0>(at->first) == what && std::get<1>(at->first) == text; ++at) {
      const MetOperands& met = at->second.met;
      const Comparison& c = met.comparison();
      if (met.only_null() && piece(text, c.operand) == "_key" && c.form != Comparison::Form::operands)
        out.push_back((what.empty() ? "" : what + ": ") + "'" + shortened(piece(text, c.whole)) +
                      "' met no key: no record has one; keys of lines are read by -K SEP or -J");
      if (!met.never_fitted()) continue;
      const std::string types = names_of(met.kinds()) + " with " +
                                names_of(c.form == Comparison::Form::operands ? met.other_kinds() : c.wanted);
      const std::string shown = "'" + shortened(piece(text, c.whole)) + "'";
      if (said.empty())
        said = (what.empty() ? "" : what + ": ") + shown + " compared " + types +
               " each time, and these are never equal";
      else
        said += "\n  so did " + shown + ": " + types;
      for (Edit& edit : edits_of(met, text)) edits.push_back(std::move(edit));
    }
    if (said.empty()) continue;
    if (const std::string other = edited(text, std::move(edits)); !other.empty())
      said += "\n  write: " + first.before + other + first.after;
    out.push_back(std::move(said));
  }
  return out;
}

}  // namespace kutils::expr
