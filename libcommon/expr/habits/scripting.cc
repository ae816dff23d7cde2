// Python, JavaScript and jq.
#include <algorithm>

#include "expr/habits/rules.h"

namespace kutils::expr::habits {
namespace {

using Done = std::optional<std::string>;

// a if b else c
Done conditional(const Pieces& p, size_t i) {
  if (!p.is_infix(i)) return std::nullopt;
  const size_t otherwise = p.next_of(i + 1, "else");
  if (otherwise == Pieces::kNone || otherwise == i + 1) return std::nullopt;
  const size_t begin = p.item_begin(i), end = p.item_end(otherwise);
  if (begin == i || otherwise + 1 == end) return std::nullopt;
  return p.replaced(
      begin, end,
      p.written(i + 1, otherwise) + " ? " + p.written(begin, i) + " : " + p.written(otherwise + 1, end));
}

// Python's x[1:3], of text.
Done slice(const Pieces& p, size_t i) {
  const size_t behind = p.behind_bracket(i);
  const size_t left = p.primary_before(i);
  if (behind == 0 || left == i || p.is(i + 1, "-")) return std::nullopt;
  const size_t colon = p.next_of(i + 1, ":");
  if (colon == Pieces::kNone || colon >= behind || p.next_of(i + 1, "?") < colon || p.is(colon + 1, "-"))
    return std::nullopt;
  const std::string from = colon == i + 1 ? "0" : p.written(i + 1, colon);
  const std::string to = p.written(colon + 1, behind - 1);
  return p.replaced(left, behind,
                    p.written(left, i) + ".substring(" + from + (to.empty() ? "" : ", " + to) + ")");
}

// x ** 2, x ^ 2
Done power(const Pieces& p, size_t i) {
  const size_t left = p.primary_before(i), right = p.primary_after(i + 1);
  if (left == i || right == i + 1) return std::nullopt;
  const std::string out = power_of(p.written(left, i), p.written(i + 1, right));
  return out.empty() ? std::nullopt
                     : p.replaced(left, right, p.stands_alone(left, right) ? out : "(" + out + ")");
}

// a or "b"
Done literal_default(const Pieces& p, size_t i) {
  if (!p.is_infix(i)) return std::nullopt;
  const size_t left = p.operand_before(i), right = p.operand_after(i + 1);
  const bool is_literal =
      right == i + 2 && (p[i + 1].kind == Piece::Kind::string || p[i + 1].kind == Piece::Kind::number);
  if (left == i || !is_literal || !p.stands_alone(left, right)) return std::nullopt;
  return default_value(p, i);
}

// [1, 2].map(x => x + 1)
Done arrow(const Pieces& p, size_t i) {
  const bool bracketed = i > 3 && p.is(i - 1, ")") && p.is(i - 3, "(");
  const size_t name = i - (bracketed ? 2 : 1), open = name - (bracketed ? 2 : 1);
  if (i < 4 || p[name].kind != Piece::Kind::word || !p.is(open, "(") || !p.is(open - 2, "."))
    return std::nullopt;
  return p.replaced(bracketed ? name - 1 : name, i + 1, p.written(name, name + 1) + ",");
}

// jq's {a, b: .c}: a list of fields.
Done object(const Pieces& p, size_t i) {
  if (i != 0 || !p.is_list()) return std::nullopt;
  if (p.behind_bracket(0) != p.size()) return std::nullopt;
  std::string out;
  for (size_t from = 1; from + 1 < p.size();) {
    const size_t end = std::min(p.item_end(from), p.size() - 1);
    const bool renamed = p.is(from + 1, ":");
    if (end == from || (!renamed && end != from + 1)) return std::nullopt;
    if (!out.empty()) out += ", ";
    std::string name = p.written(from, from + 1);
    if (renamed && p[from].kind == Piece::Kind::string) name = name.substr(1, name.size() - 2);
    out += renamed ? name + "=" + p.written(from + 2, end) : name;
    from = end + 1;
  }
  return out.empty() ? std::nullopt : Done(out);
}

bool compares(const Pieces& p) {
  return std::any_of(p.begin(), p.end(), [](const Piece& one) {
    return one.kind == Piece::Kind::symbol &&
           (one.text == "==" || one.text == "!=" || one.text == "<" || one.text == ">" || one.text == "<=" ||
            one.text == ">=" || one.text == "=");
  });
}

// a == 1 & b == 2
Done logical(const Pieces& p, size_t i) {
  if (!compares(p)) return std::nullopt;
  return p.replaced(i, i + 1, p[i].text + p[i].text);
}

bool names_next(const Pieces& p, size_t i) {
  return i + 1 < p.size() && p[i + 1].kind == Piece::Kind::word && p[i + 1].begin == p[i].end;
}

// $x of Miller and the shell
Done dollar(const Pieces& p, size_t i) {
  if (!names_next(p, i)) return std::nullopt;
  return p.replaced(i, i + 2, p.written(i + 1, i + 2));
}

// @x of Logstash
Done at_sign(const Pieces& p, size_t i) {
  if (!names_next(p, i)) return std::nullopt;
  return p.replaced(i, i + 2, "_value[\"@" + p.written(i + 1, i + 2) + "\"]");
}

}  // namespace

// Before a number, // is Python's whole quotient.
std::optional<std::string> default_value(const Pieces& p, size_t i) {
  const size_t left = p.operand_before(i);
  const size_t right = p.operand_after(i + 1);
  if (left == i || right == i + 1) return std::nullopt;
  const auto kind = p[i + 1].kind;
  const bool is_literal = right == i + 2 && (kind == Piece::Kind::string || kind == Piece::Kind::number);
  const std::string a = p.written(left, i), b = p.written(i + 1, right);
  // A division by 1 changes nothing: this is jq's default value.
  if (p.is(i, "//") && is_literal && kind == Piece::Kind::number && b != "1" &&
      b.find_first_not_of("0.") != b.npos)
    return p.replaced(left, right, "int(math.floor(double(" + a + ") / " + b + "))");
  return p.replaced(left, right, "coalesce(" + a + ", " + b + ")");
}

std::string power_of(std::string base, const std::string& exponent) {
  if (has_operators(base) && base.front() != '(') base = "(" + base + ")";
  if (exponent == "2") return base + " * " + base;
  if (exponent == "3") return base + " * " + base + " * " + base;
  return exponent == "0.5" ? "math.sqrt(" + base + ")" : std::string();
}

Rules python_rules() {
  return {{{"if", conditional}},
          {{"or", literal_default}},
          {{"**", power}, {"^", power}, {"[", slice}, {"&", logical}, {"|", logical}}};
}

Rules javascript_rules() {
  return {{},
          {},
          {{"===", nullptr, "=="},
           {"!==", nullptr, "!="},
           {"=>", arrow},
           {"=>", nullptr, ">="},
           {"??", default_value},
           {"?:", default_value}}};
}

Rules jq_rules() { return {{}, {}, {{"{", object}, {"//", default_value}, {"$", dollar}, {"@", at_sign}}}; }

}  // namespace kutils::expr::habits
