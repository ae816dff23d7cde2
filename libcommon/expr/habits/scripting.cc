// Python, JavaScript and jq.
#include <algorithm>
#include <cctype>

#include "expr/habits/rules.h"
#include "expr/habits/words.h"

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

// jq's map(.x): a list is made of what each record gives.
Done map_of_records(const Pieces& p, size_t i) {
  if (!p.is_list() || i != 0 || p.size() < 4 || !p.is(1, "(") || p.behind_bracket(1) != p.size())
    return std::nullopt;
  const std::string inner = p.written(2, p.size() - 1);
  if ((inner.find(',') != inner.npos && inner[0] != '{') || inner[0] == '(') return std::nullopt;
  return inner[0] == '{' ? inner : "=" + inner;
}

// The parts of a text with expressions in it, put together; empty: it is none. `open` and `close` stand around an expression.
std::string interpolated(const std::string& text, std::string_view open_mark, char close_mark) {
  std::string out;
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : " + ") + part; };
  for (size_t at = 1; at + 1 < text.size();) {
    const size_t open = std::min(text.find(open_mark, at), text.size() - 1);
    if (open > at) add('"' + text.substr(at, open - at) + '"');
    if (open + 1 >= text.size()) break;
    size_t begin = open + open_mark.size();
    const size_t close = text.find(close_mark, begin);
    // {x:.2f} has a format, and a call's bracket is not the end.
    if (close == text.npos || text.find_first_of("\\:(", begin) < close || close == begin) return {};
    if (text[begin] == '.') ++begin;
    add("string(" + text.substr(begin, close - begin) + ")");
    at = close + 1;
  }
  return out;
}

// Python's f'{a}-{b}'
Done format_string(const Pieces& p, size_t i) {
  if (i + 1 >= p.size() || p[i + 1].kind != Piece::Kind::string || p[i + 1].begin != p[i].end)
    return std::nullopt;
  const std::string text = p.written(i + 1, i + 2);
  const std::string out = text.find('\\') == text.npos ? interpolated(text, "{", '}') : "";
  return out.empty() ? std::nullopt : p.replaced(i, i + 2, out);
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
  const bool behind_all = i == 2 && p.is(0, "*") && p.is(1, ",");
  if ((i != 0 && !behind_all) || !p.is_list()) return std::nullopt;
  if (p.behind_bracket(i) != p.size()) return std::nullopt;
  std::string out;
  for (size_t from = i + 1; from + 1 < p.size();) {
    const size_t end = std::min(p.item_end(from), p.size() - 1);
    const bool renamed = p.is(from + 1, ":");
    if (end == from || (!renamed && end != from + 1)) return std::nullopt;
    if (!out.empty()) out += ", ";
    std::string name = p.written(from, from + 1);
    if (renamed && p[from].kind == Piece::Kind::string) name = name.substr(1, name.size() - 2);
    out += renamed ? name + "=" + p.written(from + 2, end) : name;
    from = end + 1;
  }
  if (out.empty()) return std::nullopt;
  return behind_all ? "*, " + out : out;
}

bool compares(const Pieces& p) {
  return std::any_of(p.begin(), p.end(), [&p](const Piece& one) {
    // In a list it names an item.
    if (one.text == "=" && p.is_list()) return false;
    return one.kind == Piece::Kind::symbol &&
           (one.text == "==" || one.text == "!=" || one.text == "<" || one.text == ">" || one.text == "<=" ||
            one.text == ">=" || one.text == "=");
  });
}

// `. > 1`: the whole record
Done whole_value(const Pieces& p, size_t i) {
  const bool selects = i > 0 &&
                       (p[i - 1].kind != Piece::Kind::symbol || p.is(i - 1, ")") || p.is(i - 1, "]")) &&
                       p[i - 1].end == p[i].begin;
  const bool names = i + 1 < p.size() &&
                     (p[i + 1].kind == Piece::Kind::word || p[i + 1].kind == Piece::Kind::string ||
                      p.is(i + 1, "[") || p.is(i + 1, "?") || p.is(i + 1, ".")) &&
                     p[i + 1].begin == p[i].end;
  const bool begins_update = p.is(i + 1, "+") && p.is(i + 2, "{");
  if (selects || names || begins_update || p.size() == 1) return std::nullopt;
  return p.replaced(i, i + 1, "_value");
}

// .["x"]
Done field_by_index(const Pieces& p, size_t i) {
  const bool is_path =
      i > 0 && (p[i - 1].kind != Piece::Kind::symbol || p.is(i - 1, ")") || p.is(i - 1, "]"));
  if (is_path || !p.is(i + 1, "[") || i + 2 >= p.size() || p[i + 2].kind != Piece::Kind::string)
    return std::nullopt;
  return p.replaced(i, i + 1, "_value");
}

// del(.a, .b)
Done deletion(const Pieces& p, size_t i) {
  if (i != 0 || !p.is_list() || !p.is(1, "(") || p.behind_bracket(1) != p.size()) return std::nullopt;
  std::string out = "*";
  for (size_t at = 2; at + 1 < p.size(); at += 3) {
    const bool is_field = p.is(at, ".") && p[at + 1].kind == Piece::Kind::word;
    if (!is_field || (at + 3 < p.size() && !p.is(at + 2, ","))) return std::nullopt;
    out += ", -" + p.written(at + 1, at + 2);
  }
  return out == "*" ? std::nullopt : Done(out);
}

// `*, .x = 1`: the name of an item.
Done dotted_name(const Pieces& p, size_t i) {
  if (!p.is_list() || i == 0 || !p.is(i - 1, ",") || p.item_begin(i) != i || i + 2 >= p.size() ||
      p[i + 1].kind != Piece::Kind::word || !p.is(i + 2, "="))
    return std::nullopt;
  return p.replaced(i, i + 2, p.written(i + 1, i + 2));
}

// `.x = 1`, `.x |= f`, `.x += 1`, `. + {x: 1}`: all fields, and x.
Done update(const Pieces& p, size_t i) {
  if (i != 0 || !p.is_list() || p.size() < 4) return std::nullopt;
  if (p.is(1, "+") && p.is(2, "{") && p.behind_bracket(2) == p.size()) return p.replaced(0, 2, "*,");
  if (p[1].kind != Piece::Kind::word) return std::nullopt;
  const bool of_old =
      p.is(3, "=") && (p.is(2, "|") || p.is(2, "+") || p.is(2, "-") || p.is(2, "*") || p.is(2, "/"));
  if (!of_old && !p.is(2, "=")) return std::nullopt;
  const size_t from = of_old ? 4 : 3;
  if (from >= p.size() || p.item_end(from) != p.size()) return std::nullopt;
  const std::string name = p.written(1, 2), right = p.written(from, p.size());
  if (!of_old) return "*, " + name + "=" + right;
  if (p.is(2, "|")) {
    if (p.size() != from + 1 || p[from].kind != Piece::Kind::word) return std::nullopt;
    return "*, " + name + "=" + right + "(" + name + ")";
  }
  return "*, " + name + "=" + name + " " + p[2].text + " " +
         (has_operators(right) ? "(" + right + ")" : right);
}

// `a: b` and `a := b` of a list, `a = b; c = d`
Done item_name(const Pieces& p, size_t i) {
  if (!p.is_list() || i == 0 || i + 1 >= p.size() || p[i - 1].kind != Piece::Kind::word) return std::nullopt;
  if (i > 1 && !p.is(i - 2, ",")) return std::nullopt;
  return p.replaced(i, p.is(i + 1, "=") ? i + 2 : i + 1, "=");
}
Done semicolon(const Pieces& p, size_t i) {
  if (!p.is_list() || p.item_begin(i) == i || i + 1 >= p.size()) return std::nullopt;
  return p.replaced(i, i + 1, ",");
}

// Perl's and PHP's "a" . b: texts put together.
Done joined_by_dot(const Pieces& p, size_t i) {
  if (!p.is_infix(i) || p[i - 1].end == p[i].begin || p[i].end == p[i + 1].begin) return std::nullopt;
  return p.replaced(i, i + 1, "+");
}

// `uri -> page`, as shells and mappings have it.
Done arrow_name(const Pieces& p, size_t i) {
  if (!p.is_list() || i == 0 || i + 2 >= p.size() || !p.is(i + 1, ">") || p[i].end != p[i + 1].begin ||
      p[i + 2].kind != Piece::Kind::word || p.item_end(i) != i + 3)
    return std::nullopt;
  const size_t from = p.item_begin(i);
  if (from == i) return std::nullopt;
  return p.replaced(from, i + 3, p.written(i + 2, i + 3) + "=" + p.written(from, i));
}

// `*, !email`, as R's and some shells' patterns leave something out.
Done left_out(const Pieces& p, size_t i) {
  if (!p.is_list() || i < 2 || !p.is(i - 1, ",") || !p.is(0, "*") || i + 1 >= p.size() ||
      p[i + 1].kind != Piece::Kind::word || p.item_end(i) != i + 2)
    return std::nullopt;
  return p.replaced(i, i + 1, "-");
}

// `drop email, user`
Done drop(const Pieces& p, size_t i) {
  if (!p.is_list() || i != 0 || p.size() < 2) return std::nullopt;
  std::string out = "*";
  for (size_t at = 1; at < p.size(); ++at) {
    if (p.is(at, ",")) continue;
    if (p[at].kind != Piece::Kind::word) return std::nullopt;
    out += ", -" + p.written(at, at + 1);
  }
  return out;
}

// `typeof x`
Done typeof_value(const Pieces& p, size_t i) {
  const size_t end = p.primary_after(i + 1);
  if (p.is(i + 1, "(") || end == i + 1) return std::nullopt;
  return p.replaced(i, end, "string(type(" + p.written(i + 1, end) + "))");
}

// `email exists`
Done exists_behind(const Pieces& p, size_t i) {
  const size_t left = p.operand_before(i);
  if (i == 0 || left == i || p[i - 1].kind != Piece::Kind::word) return std::nullopt;
  return p.replaced(left, i + 1, "has(" + p.written(left, i) + ")");
}

// `(int)x`
Done cast_in_front(const Pieces& p, size_t i) {
  if (i + 3 >= p.size() || !p.is(i + 2, ")") || p[i + 3].kind == Piece::Kind::symbol ||
      (i > 0 && (p[i - 1].kind == Piece::Kind::word || p.is(i - 1, ")"))))
    return std::nullopt;
  const auto* const type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                        [&](const auto& one) { return p.is(i + 1, one.first); });
  const size_t end = p.primary_after(i + 3);
  if (type == std::end(kTypes) || end == i + 3) return std::nullopt;
  return p.replaced(i, end, std::string(type->second) + "(" + p.written(i + 3, end) + ")");
}

// `* - a`
Done all_but(const Pieces& p, size_t i) {
  if (!p.is_list() || i != 1 || !p.is(0, "*") || i + 1 >= p.size() || p[i + 1].kind != Piece::Kind::word)
    return std::nullopt;
  return p.replaced(0, 2, "*, -");
}

// uri == /home: text without its quotes, as the shell hands it over.
Done path_as_text(const Pieces& p, size_t i) {
  if (p.operand_before(i) == i || !p.is(i + 1, "/")) return std::nullopt;
  const std::string_view text = p.text();
  const size_t begin = p[i + 1].begin;
  size_t end = begin;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) ||
                               std::string_view("/_.-").find(text[end]) != std::string_view::npos))
    ++end;
  size_t behind = i + 1;
  while (behind < p.size() && p[behind].begin < end) ++behind;
  if (p[behind - 1].end != end) return std::nullopt;
  return p.replaced(i + 1, behind, "\"" + std::string(text.substr(begin, end - begin)) + "\"");
}

// JSONPath's $.a
Done root(const Pieces& p, size_t i) {
  if (!p.is(i + 1, ".") || i + 2 >= p.size() || p[i + 2].kind != Piece::Kind::word) return std::nullopt;
  return p.replaced(i, i + 2, "");
}

// a < b < c
Done chain(const Pieces& p, size_t i) {
  const auto compares_at = [&](size_t at) {
    return p.is(at, "<") || p.is(at, "<=") || p.is(at, ">") || p.is(at, ">=");
  };
  if (p.operand_before(i) == i) return std::nullopt;
  const size_t behind = p.operand_after(i + 1);
  if (behind == i + 1 || !compares_at(behind)) return std::nullopt;
  return p.replaced(behind, behind + 1, "&& " + p.written(i + 1, behind) + " " + p[behind].text);
}

// if a then b elif c then d else e end
Done if_then(const Pieces& p, size_t i) {
  const size_t end = p.next_of(i + 1, "end");
  if (end == Pieces::kNone) return std::nullopt;
  std::string out;
  size_t at = i;
  while (at == i || p.is(at, "elif")) {
    const size_t then = p.next_of(at + 1, "then");
    if (then == Pieces::kNone || then > end) return std::nullopt;
    const size_t next = std::min({p.next_of(then + 1, "elif"), p.next_of(then + 1, "else"), end});
    out += p.written(at + 1, then) + " ? " + p.written(then + 1, next) + " : ";
    at = next;
  }
  if (!p.is(at, "else")) return std::nullopt;
  out += p.written(at + 1, end);
  return p.replaced(i, end + 1, p.stands_alone(i, end + 1) ? out : "(" + out + ")");
}

// .uri | length, .uri | test("^/p"): jq's function of one value.
Done piped(const Pieces& p, size_t i) {
  constexpr std::string_view kMethodsOfText[] = {"test",     "match",    "startswith",
                                                 "endswith", "contains", "split"};
  size_t begin = i;  // of a path, with the dot in front of it
  while (begin > 0 && (p[begin - 1].kind == Piece::Kind::word || p.is(begin - 1, ".")) &&
         (begin == i || p[begin - 1].end == p[begin].begin))
    --begin;
  const size_t left = begin + (begin < i && p.is(begin, ".") ? 1 : 0);
  if (left == i || i + 1 >= p.size() || p[i + 1].kind != Piece::Kind::word) return std::nullopt;
  // What stands in front would belong to it, too.
  const auto opens = [&](size_t at) {
    for (const std::string_view one : {"(", ",", "=", ":", "and", "or", "&&", "||"})
      if (p.is(at, one)) return true;
    return false;
  };
  if (begin > 0 && !opens(begin - 1)) return std::nullopt;
  const std::string value = p.written(left, i);
  const std::string& name = p[i + 1].text;
  if (p.is(i + 2, "(")) {
    const bool is_known =
        std::find(std::begin(kMethodsOfText), std::end(kMethodsOfText), name) != std::end(kMethodsOfText);
    return is_known ? p.replaced(begin, i + 2, value + "." + name) : std::nullopt;
  }
  if (const std::string call = time_call(name, {value}); !call.empty()) return p.replaced(begin, i + 2, call);
  const bool is_known = std::any_of(std::begin(kCalls), std::end(kCalls), [&](const Spelling& one) {
    return one.name == name && one.arguments == 1;
  });
  return is_known ? p.replaced(begin, i + 2, name + "(" + value + ")") : std::nullopt;
}

// a == 1 & b == 2; but not jq's pipe.
Done logical(const Pieces& p, size_t i) {
  if (!compares(p)) return std::nullopt;
  if (p.is(i, "|") && p.is(i + 1, "type")) return std::nullopt;
  if (p.is(i, "|") && (p.is(0, "select") || p.is(0, ".") || p.is(i + 1, ".") || piped(p, i)))
    return std::nullopt;
  return p.replaced(i, i + 1, p[i].text + p[i].text);
}

bool names_next(const Pieces& p, size_t i) {
  return i + 1 < p.size() && p[i + 1].kind == Piece::Kind::word && p[i + 1].begin == p[i].end;
}

// typeof(x) == "number", typeof x === 'number', .x | type == "number"; of type() only names that are none of ours.
Done type_name(const Pieces& p, size_t i) {
  if (i < 2 || i + 1 >= p.size() || p[i + 1].kind != Piece::Kind::string || p[i + 1].text.size() < 4)
    return std::nullopt;
  const std::string name = p[i + 1].text.substr(1, p[i + 1].text.size() - 2);
  size_t begin = i;
  std::string what;
  if (p.is(i - 1, "type")) {  // jq
    if (!p.is(i - 2, "|")) return std::nullopt;
    begin = p.primary_before(i - 2);
    if (begin == i - 2) return std::nullopt;
    what = p.written(begin, i - 2);
    if (begin > 0 && p.is(begin - 1, ".")) --begin;
  } else if (p.is(i - 1, ")")) {
    size_t open = i - 1;
    for (int depth = 0; open > 0; --open) {
      if (p.is(open, ")")) ++depth;
      if (p.is(open, "(") && --depth == 0) break;
    }
    // jq's (.x | type)
    if (p.is(i - 2, "type") && p.is(i - 3, "|")) {
      begin = open;
      what = p.written(p.is(open + 1, ".") ? open + 2 : open + 1, i - 3);
    } else {
      if (open == 0 || open + 1 >= i - 1 || (!p.is(open - 1, "typeof") && !p.is(open - 1, "type")))
        return std::nullopt;
      begin = open - 1;
      what = p.written(open + 1, i - 1);
    }
  } else {
    begin = p.primary_before(i);
    if (begin == i || begin == 0 || !p.is(begin - 1, "typeof")) return std::nullopt;
    what = p.written(begin, i);
    --begin;
  }
  if (what.empty()) return std::nullopt;
  const bool negated = p[i].text[0] == '!';
  if (name == "undefined") return p.replaced(begin, i + 2, (negated ? "has(" : "!has(") + what + ")");
  if (name == "null") return p.replaced(begin, i + 2, what + (negated ? " != null" : " == null"));
  for (const auto& [theirs, ours] : kTypeNames) {
    if (theirs != name) continue;
    std::string is(ours);
    if (p.is(begin, "type") && is == "== " + name) return std::nullopt;  // its own message says it
    if (negated && is[0] == '=') is[0] = '!';
    const std::string out = "type(" + what + ") " + is;
    return p.replaced(begin, i + 2, negated && is[0] == 'i' ? "!(" + out + ")" : out);
  }
  return std::nullopt;
}

// The comparison behind typeof(x).
Done typeof_compared(const Pieces& p, size_t i) {
  const size_t sign = p.is(i + 1, "(") ? p.behind_bracket(i + 1) : p.primary_after(i + 1);
  const bool compares = p.is(sign, "==") || p.is(sign, "!=") || p.is(sign, "===") || p.is(sign, "!==");
  return compares ? type_name(p, sign) : std::nullopt;
}

// `user-id=1` in a list: a name with dashes stands in backticks.
Done dashed_name(const Pieces& p, size_t i) {
  if (!p.is_list() || i == 0 || p[i - 1].kind != Piece::Kind::word) return std::nullopt;
  if (i > 1 && !p.is(i - 2, ",")) return std::nullopt;
  size_t end = i;
  while (p.is(end, "-") && end + 1 < p.size() && p[end].begin == p[end - 1].end &&
         p[end + 1].begin == p[end].end && p[end + 1].kind != Piece::Kind::symbol)
    end += 2;
  if (end == i || !p.is(end, "=")) return std::nullopt;
  return p.replaced(i - 1, end, "`" + p.written(i - 1, end) + "`");
}

// $x of Miller and the shell, ${x}
Done dollar(const Pieces& p, size_t i) {
  if (p.is(i + 1, "{") && i + 3 < p.size() && p[i + 2].kind == Piece::Kind::word && p.is(i + 3, "}"))
    return p.replaced(i, i + 4, p.written(i + 2, i + 3));
  if (!names_next(p, i)) return std::nullopt;
  return p.replaced(i, i + 2, p.written(i + 1, i + 2));
}

// @x of Logstash
Done at_sign(const Pieces& p, size_t i) {
  if (!names_next(p, i)) return std::nullopt;
  return p.replaced(i, i + 2, "_value[\"@" + p.written(i + 1, i + 2) + "\"]");
}

}  // namespace

// !a > 1 is !(a > 1)
std::optional<std::string> short_negation(const Pieces& p, size_t i) {
  const size_t sign = p.primary_after(i + 1);
  const bool compares = p.is(sign, "==") || p.is(sign, "!=") || p.is(sign, "<") || p.is(sign, ">") ||
                        p.is(sign, "<=") || p.is(sign, ">=") || p.is(sign, "in");
  const size_t end = compares ? p.primary_after(sign + 1) : sign;
  if (!compares || end == sign + 1) return std::nullopt;
  return p.replaced(i, end, "!(" + p.written(i + 1, end) + ")");
}

std::optional<std::string> interpolation(const Pieces& p, size_t i) {
  const std::string text = p.written(i, i + 1);
  if (text[0] != '"' || text.find("\\(") == text.npos) return std::nullopt;
  const std::string out = interpolated(text, "\\(", ')');
  return out.empty() ? std::nullopt : p.replaced(i, i + 1, p.stands_alone(i, i + 1) ? out : "(" + out + ")");
}

std::optional<std::string> whole_number(const Pieces& p, size_t i) {
  std::string digits = p.written(i, i + 1);
  if (digits.find('_') == digits.npos || digits.find_first_not_of("0123456789_") != digits.npos)
    return std::nullopt;
  std::erase(digits, '_');
  return p.replaced(i, i + 1, digits);
}

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
  return {{{"f", format_string},
           {"map", map_of_records},
           {"if", conditional},
           {"typeof", typeof_compared},
           {"typeof", typeof_value},
           {"drop", drop},
           {"remove", drop},
           {"exists", exists_behind}},
          {{"or", alternatives}, {"and", alternatives}, {"or", literal_default}},
          {{"||", alternatives}, {"&&", alternatives}, {"|", alternatives}, {"==", type_name},
           {"!=", type_name},    {"===", type_name},   {"!==", type_name},  {"!", short_negation},
           {"**", power},        {"^", power},         {"<", chain},        {"<=", chain},
           {">", chain},         {">=", chain},        {"[", slice},        {"(", cast_in_front},
           {".", joined_by_dot}, {"!", left_out},      {"-", arrow_name},   {"==", path_as_text},
           {"!=", path_as_text}, {"&", logical},       {"|", logical}}};
}

Rules javascript_rules() {
  return {{},
          {},
          {{">==", nullptr, ">="},
           {"<==", nullptr, "<="},
           {"===", nullptr, "=="},
           {"!==", nullptr, "!="},
           {"=>", arrow},
           {"=>", nullptr, ">="},
           {"??", default_value},
           {"?:", default_value}}};
}

Rules jq_rules() {
  return {{{"if", if_then}, {"del", deletion}},
          {},
          {{".", field_by_index},
           {".", whole_value},
           {".", update},
           {".", dotted_name},
           {"{", object},
           {"//", default_value},
           {"|", piped},
           {":", item_name},
           {";", semicolon},
           {"-", dashed_name},
           {"-", all_but},
           {"$", root},
           {"$", dollar},
           {"@", at_sign}}};
}

}  // namespace kutils::expr::habits
