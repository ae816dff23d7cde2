// SQL: CASE, CAST, LIKE, BETWEEN, IS NULL, IN (...), AS, NOT, * EXCEPT and the rest of a SELECT.
#include <algorithm>
#include <cctype>
#include <iterator>

#include "base/shell_word.h"
#include "expr/habits/rules.h"
#include "expr/habits/words.h"

namespace kutils::expr::habits {
namespace {

using Done = std::optional<std::string>;

// SELECT x, WHERE x
Done leading_word(const Pieces& p, size_t i) {
  if (i != 0 || p.size() < 2 || p.is(1, "(") || p.is(1, "=") || p[1].kind == Piece::Kind::symbol)
    return std::nullopt;
  return p.replaced(0, 2, p.written(1, 2));
}

// x FROM topic
Done from(const Pieces& p, size_t i) {
  if (i == 0 || i + 2 != p.size() || p[i - 1].kind == Piece::Kind::symbol) return std::nullopt;
  return std::string(p.text().substr(0, p[i - 1].end));
}

// sum(x) WHERE y
Done condition_of_aggregate(const Pieces& p, size_t i) {
  if (!p.is_list() || !p.is_infix(i) || !p.is(i - 1, ")")) return std::nullopt;
  return p.replaced(i, i + 1, "if");
}

// sum(x) FILTER (WHERE y)
Done filter(const Pieces& p, size_t i) {
  if (!p.is_list() || !p.is_infix(i) || !p.is(i - 1, ")") || !p.is(i + 1, "(") || !p.is(i + 2, "where"))
    return std::nullopt;
  const size_t behind = p.behind_bracket(i + 1);
  if (behind <= i + 4) return std::nullopt;
  return p.replaced(i, behind, "if " + p.written(i + 3, behind - 1));
}

// n=count
Done bare_count(const Pieces& p, size_t i) {
  if (!p.is_list() || i + 1 != p.size() || (i != 0 && !(i == 2 && p.is(1, "=")))) return std::nullopt;
  return p.replaced(i, i + 1, "count()");
}

// lag(x) OVER (PARTITION BY y): kscan and ktable have --by for all items.
Done over(const Pieces& p, size_t i) {
  if (!p.is_list() || !p.is_infix(i) || !p.is(i - 1, ")") || !p.is(i + 1, "(")) return std::nullopt;
  const size_t behind = p.behind_bracket(i + 1);
  // A frame chooses rows: without it the result is another one.
  for (size_t at = i + 2; at < behind; ++at)
    if (p.is(at, "rows") || p.is(at, "range") || p.is(at, "groups")) return std::nullopt;
  return behind == 0 ? std::nullopt : p.replaced(i - 1, behind, ")");
}

// CASE WHEN a THEN b [WHEN ...] [ELSE c] END
Done cases(const Pieces& p, size_t i) {
  const size_t end = p.next_of(i + 1, "end");
  if (end == Pieces::kNone || !p.is(i + 1, "when")) return std::nullopt;
  std::string out;
  size_t at = i + 1;
  while (p.is(at, "when")) {
    const size_t then = p.next_of(at + 1, "then");
    if (then == Pieces::kNone || then > end) return std::nullopt;
    const size_t next = std::min({p.next_of(then + 1, "when"), p.next_of(then + 1, "else"), end});
    out += p.written(at + 1, then) + " ? " + p.written(then + 1, next) + " : ";
    at = next;
  }
  out += p.is(at, "else") ? p.written(at + 1, end) : "null";
  return p.replaced(i, end + 1, p.stands_alone(i, end + 1) || p.is(end + 1, "as") ? out : "(" + out + ")");
}

std::string type_named(const std::string& name) {
  for (const auto& [theirs, ours] : kTypes)
    if (theirs == name) return std::string(ours);
  return {};
}

Done cast(const Pieces& p, size_t i) {
  if (!p.is(i + 1, "(")) return std::nullopt;
  const size_t behind = p.behind_bracket(i + 1);
  const size_t as = behind == 0 ? Pieces::kNone : p.next_of(i + 2, "as");
  if (as == Pieces::kNone || as + 1 >= behind || as == i + 2) return std::nullopt;
  const std::string type = type_named(p[as + 1].text);
  if (type.empty()) return std::nullopt;
  return p.replaced(i, behind, type + "(" + p.written(i + 2, as) + ")");
}

Done cast_behind(const Pieces& p, size_t i) {
  const size_t left = p.primary_before(i);
  const std::string type = i + 1 < p.size() ? type_named(p[i + 1].text) : std::string();
  if (left == i || type.empty()) return std::nullopt;
  const std::string what = p.written(left, i);
  const bool bracketed = what.front() == '(' && p.behind_bracket(left) == i;
  return p.replaced(left, i + 2, bracketed ? type + what : type + "(" + what + ")");
}

// `* EXCEPT (a, b)`
Done except(const Pieces& p, size_t i) {
  if (!p.is_list() || i == 0 || !p.is(i - 1, "*")) return std::nullopt;
  const bool bracketed = p.is(i + 1, "(");
  const size_t end = bracketed ? p.behind_bracket(i + 1) : i + 2;
  if (end == 0 || end > p.size()) return std::nullopt;
  std::string out;
  for (size_t at = i + 1; at < end; ++at)
    if (p[at].kind == Piece::Kind::word) out += ", -" + p.written(at, at + 1);
  if (out.empty()) return std::nullopt;
  return p.replaced(i - 1, end, "*" + out);
}

// `i`: `between`, or the `not` in front of it.
Done between(const Pieces& p, size_t i) {
  if (!p.is_infix(i)) return std::nullopt;
  const bool negated = p.is(i, "not");
  const size_t first = i + (negated ? 2 : 1);
  if (negated && !p.is(i + 1, "between")) return std::nullopt;
  const size_t left = p.operand_before(i);
  const size_t middle = p.operand_after(first);
  if (left == i || middle == first || !p.is(middle, "and")) return std::nullopt;
  const size_t right = p.operand_after(middle + 1);
  if (right == middle + 1) return std::nullopt;
  const std::string what = p.written(left, i);
  const std::string out =
      what + " >= " + p.written(first, middle) + " && " + what + " <= " + p.written(middle + 1, right);
  return p.replaced(left, right, negated ? "!(" + out + ")" : out);
}

// a LIKE b, a NOT LIKE b, a ILIKE b
Done like(const Pieces& p, size_t i) {
  const bool negated = p.is(i, "not");
  if (!p.is_infix(i) || (negated && !p.is(i + 1, "like") && !p.is(i + 1, "ilike"))) return std::nullopt;
  const size_t left = p.operand_before(i);
  const size_t pattern = i + (negated ? 2 : 1);
  const bool any_case = p.is(pattern - 1, "ilike");
  if (left == i || pattern >= p.size() || p[pattern].kind != Piece::Kind::string) return std::nullopt;
  std::string text = p[pattern].text.substr(1, p[pattern].text.size() - 2);
  if (any_case) {
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x80; })) return std::nullopt;
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  const bool open_left = !text.empty() && text.front() == '%';
  if (open_left) text.erase(0, 1);
  const bool open_right = !text.empty() && text.back() == '%';
  if (open_right) text.pop_back();
  const bool simple = text.find_first_of("%_") == std::string::npos;
  const std::string what = p.written(left, i) + (any_case ? ".lower()" : "");
  std::string out;
  if (simple && !open_left && !open_right)
    return p.replaced(left, pattern + 1, what + (negated ? " != " : " == ") + "\"" + text + "\"");
  if (simple) {
    const char* method = open_left && open_right ? "contains" : open_right ? "startsWith" : "endsWith";
    out = what + "." + method + "(\"" + text + "\")";
  } else {
    std::string regex;
    for (const char c : text) {
      if (c == '%')
        regex += ".*";
      else if (c == '_')
        regex += '.';
      else if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos)
        regex.append("[").append(1, c).append("]");
      else
        regex += c;
    }
    out = what + ".matches(\"" + (open_left ? "" : "^") + regex + (open_right ? "" : "$") + "\")";
  }
  return p.replaced(left, pattern + 1, (negated ? "!" : "") + out);
}

// DE: text whose quotes were forgotten, as fields are seldom in capitals.
bool is_capitals(const Pieces& p, size_t i) {
  if (i >= p.size() || p[i].kind != Piece::Kind::word || p.is(i + 1, "(") || p.is(i + 1, ".") ||
      p.is(i + 1, "["))
    return false;
  const std::string word = p.written(i, i + 1);
  return word.size() > 1 && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == word.npos &&
         std::none_of(std::begin(kNames), std::end(kNames),
                      [&](const auto& one) { return one.first == word; });
}

Done is_null(const Pieces& p, size_t i) {
  if (!p.is_infix(i)) return std::nullopt;
  const bool negated = p.is(i + 1, "not");
  const size_t last = i + (negated ? 2 : 1);
  const size_t subject = p.operand_before(i);
  if (p.is(last, "empty") && subject != i)
    return p.replaced(subject, last + 1,
                      "coalesce(" + p.written(subject, i) + ", \"\") " + (negated ? "!=" : "==") + " \"\"");
  // country is "DE", country is DE
  const bool is_literal = last < p.size() && (p[last].kind == Piece::Kind::string ||
                                              p[last].kind == Piece::Kind::number || is_capitals(p, last));
  if (is_literal && !p.is(last, "null") && subject != i)
    return p.replaced(i, last + 1,
                      std::string(negated ? "!= " : "== ") + (is_capitals(p, last) ? "\"" : "") +
                          p.written(last, last + 1) + (is_capitals(p, last) ? "\"" : ""));
  if (!p.is(last, "null") && !p.is(last, "none") && !p.is(last, "missing")) return std::nullopt;
  // A missing field is null in SQL; here it is a record error, unless has() asks for it.
  const bool is_field =
      p[i - 1].kind == Piece::Kind::word && p[i - 1].text[0] != '_' && p.operand_before(i) == i - 1;
  if (is_field) {
    const std::string name = p.written(i - 1, i);
    const std::string out =
        negated ? "has(" + name + ") && " + name + " != null" : "!has(" + name + ") || " + name + " == null";
    return p.replaced(i - 1, last + 1, p.stands_alone(i - 1, last + 1) ? out : "(" + out + ")");
  }
  // user.id, where there may be no user.
  const size_t left = p.operand_before(i);
  bool is_path = left + 1 < i && p[left].text[0] != '_';
  for (size_t at = left; at < i; ++at) is_path &= p[at].kind == Piece::Kind::word || p.is(at, ".");
  const std::string null = negated ? "!= null" : "== null";
  if (is_path) return p.replaced(left, last + 1, "coalesce(" + p.written(left, i) + ", null) " + null);
  return p.replaced(i, last + 1, null);
}

// a IN 1..10
Done in_range(const Pieces& p, size_t from) {
  const bool negated = p.is(from, "not");
  const size_t i = from + (negated ? 1 : 0);
  if (!p.is_infix(from) || !p.is(i, "in") || i + 1 >= p.size() || p[i + 1].kind != Piece::Kind::number)
    return std::nullopt;
  const std::string& range = p[i + 1].text;
  const size_t dots = range.find("..");
  const size_t behind = dots == range.npos ? range.npos : range.find_first_not_of('.', dots);
  const size_t left = p.operand_before(from);
  if (left == from || behind == range.npos || dots == 0) return std::nullopt;
  const std::string what = p.written(left, from);
  const std::string out =
      what + " >= " + range.substr(0, dots) + " && " + what + " <= " + range.substr(behind);
  return p.replaced(left, i + 2, negated ? "!(" + out + ")" : out);
}

// a IN (b, c), a NOT IN b
Done in(const Pieces& p, size_t from) {
  const bool negated = p.is(from, "not");
  const size_t i = from + (negated ? 1 : 0);
  if (!p.is_infix(from) || !p.is(i, "in")) return std::nullopt;
  // country in DE,FR
  if (!p.is_list() && !p.is(i + 1, "(") && !p.is(i + 1, "{") && p.is(i + 2, ",")) {
    const size_t subject = p.operand_before(from);
    std::string values;
    size_t at = i + 1;
    for (;; at += 2) {
      const bool is_name = is_capitals(p, at);
      if (at >= p.size() ||
          (!is_name && p[at].kind != Piece::Kind::string && p[at].kind != Piece::Kind::number))
        return std::nullopt;
      values += (values.empty() ? "" : ", ") + std::string(is_name ? "\"" : "") + p.written(at, at + 1) +
                (is_name ? "\"" : "");
      if (!p.is(at + 1, ",")) break;
    }
    if (subject == from) return std::nullopt;
    const std::string out = p.written(subject, from) + " in [" + values + "]";
    return p.replaced(subject, at + 1, negated ? "!(" + out + ")" : out);
  }
  if (!negated && !p.is(i + 1, "(") && !p.is(i + 1, "{")) {
    if (p.is(i + 1, "[") && p.written(i, i + 1) != "in") return p.replaced(i, i + 1, "in");
    return std::nullopt;
  }
  const size_t left = p.operand_before(from);
  if (left == from || i + 1 >= p.size()) return std::nullopt;
  size_t right = p.operand_after(i + 1);
  std::string list = p.written(i + 1, right);
  if (p.is(i + 1, "{") && p.next_of(i + 2, ":") != Pieces::kNone) return std::nullopt;
  if (p.is(i + 1, "(") || p.is(i + 1, "{")) {
    right = p.behind_bracket(i + 1);
    if (right == 0) return std::nullopt;
    list = "[" + p.written(i + 2, right - 1) + "]";
  }
  const std::string out = p.written(left, from) + " in " + list;
  return p.replaced(left, right, negated ? "!(" + out + ")" : out);
}

// SQL's and Python's `not` reaches as far as the next `and`.
Done negation(const Pieces& p, size_t i) {
  if (i + 1 >= p.size()) return std::nullopt;
  if (i > 0 && (p.is(i + 1, "in") || p.is(i + 1, "between") || p.is(i + 1, "like") || p.is(i + 1, "ilike")))
    return std::nullopt;  // not IN: rules of their own
  size_t to = i + 1;
  int depth = 0;
  for (; to < p.size(); ++to) {
    if (p.is(to, "(") || p.is(to, "[")) ++depth;
    if ((p.is(to, ")") || p.is(to, "]")) && --depth < 0) break;
    if (depth == 0 &&
        (p.is(to, "and") || p.is(to, "or") || p.is(to, "&&") || p.is(to, "||") || p.is(to, ",")))
      break;
  }
  if (to == i + 1) return std::nullopt;
  const bool bracketed = p.is(i + 1, "(") && p.behind_bracket(i + 1) == to;
  return p.replaced(i, to, bracketed ? "!" + p.written(i + 1, to) : "!(" + p.written(i + 1, to) + ")");
}

Done alias(const Pieces& p, size_t i) {
  if (!p.is_infix(i)) return std::nullopt;
  // A single expression has no name.
  if (!p.is_list())
    return i + 2 == p.size() && p[i + 1].kind == Piece::Kind::word
               ? p.replaced(i - 1, i + 2, p.written(i - 1, i))
               : std::nullopt;
  if (p[i + 1].kind != Piece::Kind::word || (i + 2 < p.size() && !p.is(i + 2, ","))) return std::nullopt;
  size_t from = i;
  int depth = 0;
  while (from > 0) {
    if (p.is(from - 1, ")") || p.is(from - 1, "]") || p.is(from - 1, "}")) ++depth;
    if (p.is(from - 1, "(") || p.is(from - 1, "[") || p.is(from - 1, "{")) --depth;
    if (depth == 0 && p.is(from - 1, ",")) break;
    --from;
  }
  if (from == i) return std::nullopt;
  const bool named = from + 2 < i && p[from].kind == Piece::Kind::word && p.is(from + 1, "=");
  return p.replaced(from, i + 2, p.written(i + 1, i + 2) + "=" + p.written(from + (named ? 2 : 0), i));
}

// a = b. In a list the one behind a name at the beginning of an item gives it its name.
Done equality(const Pieces& p, size_t i) {
  const bool names = p.is_list() && (i == 0 || p.is(i - 1, ",") || i == 1 || p.is(i - 2, ","));
  if (names) return std::nullopt;
  if (p.is_list()) {  // the path of a field within a field
    size_t begin = i;
    while (begin > 0 && (p[begin - 1].kind == Piece::Kind::word || p.is(begin - 1, "."))) --begin;
    int depth = 0;
    for (size_t at = 0; at < begin; ++at) {
      if (p.is(at, "(") || p.is(at, "[") || p.is(at, "{")) ++depth;
      if (p.is(at, ")") || p.is(at, "]") || p.is(at, "}")) --depth;
    }
    if (depth == 0 && begin < i && !p.is(begin, ".") && (begin == 0 || p.is(begin - 1, ",")))
      return std::nullopt;
  }
  // country = DE: who forgets one '=' forgets the quotes, too, and fields are seldom in capitals.
  if (is_capitals(p, i + 1)) return p.replaced(i, i + 2, "== \"" + p.written(i + 1, i + 2) + "\"");
  return p.replaced(i, i + 1, "==");
}

Done infix_as(const Pieces& p, size_t i, std::string_view ours) {
  if (!p.is_infix(i)) return std::nullopt;
  return p.replaced(i, i + 1, std::string(ours));
}

// A stream is never complete, so that there is nothing to sort; of what ends jq sorts rows, and a table sorts itself.
Done sorted_command(const std::string& order, const std::string& limit, const std::string& from,
                    bool is_table, const std::vector<std::string>& stages) {
  const Pieces words(order, false);
  const bool descends = words.size() == 2 && words.is(1, "desc");
  if (words.size() == 0 || words[0].kind != Piece::Kind::word ||
      (words.size() > 1 && !descends && !(words.size() == 2 && words.is(1, "asc"))))
    return std::nullopt;
  const std::string column = words.written(0, 1), in = from.empty() ? "IN" : shell_word(from);
  if (is_table) {
    if (stages.size() != 1 || !limit.empty()) return std::nullopt;
    const size_t space = stages[0].find(' ');
    return stages[0].substr(0, space) + " -e -O table --sort " + (descends ? "-" : "") + column + " " +
           stages[0].substr(space + 1) + " " + in;
  }
  std::string jq = "sort_by(." + column + ")";
  if (descends) jq += " | reverse";
  if (!limit.empty()) jq = (descends ? "(" + jq + ")" : jq) + "[:" + limit + "]";
  std::string out = "kread -e " + in + " | jq -cs " + shell_word(jq + "[]");
  for (const std::string& stage : stages) out += " | " + stage;
  return out;
}

}  // namespace

// `number n`, `count(*) n`: a name without AS, at the end of an item.
std::optional<std::string> alias_without_as(const Pieces& p, size_t i) {
  if (!p.is_list() || i == 0 || p[i].kind != Piece::Kind::word || p.item_end(i) != i + 1) return std::nullopt;
  const bool is_behind_value = p[i - 1].kind == Piece::Kind::word || p.is(i - 1, ")") || p.is(i - 1, "]");
  constexpr std::string_view kOperators[] = {
      "jq",      "and",      "or",   "not",    "in",      "is",       "as",     "if",     "else",
      "end",     "then",     "when", "like",   "between", "where",    "filter", "having", "by",
      "from",    "distinct", "asc",  "desc",   "null",    "contains", "eq",     "ne",     "except",
      "exclude", "without",  "drop", "remove", "exists",  "typeof"};
  const auto is_operator = [&](size_t at) {
    return std::any_of(std::begin(kOperators), std::end(kOperators),
                       [&](std::string_view one) { return p.is(at, one); });
  };
  const size_t from = p.item_begin(i);
  if (!is_behind_value || from == i || is_operator(i) || is_operator(i - 1) ||
      (from > 0 && p.is(from - 1, "=")))
    return std::nullopt;
  // `a b` is rather a forgotten comma.
  const bool has_aliases = std::any_of(
      p.begin(), p.end(), [](const Piece& one) { return one.kind == Piece::Kind::word && one.text == "as"; });
  if (i == from + 1 && !has_aliases) return std::nullopt;
  for (size_t at = from; at < i; ++at)
    if (is_operator(at) || p.is(at, "=") || p.is(at, ":")) return std::nullopt;
  return p.replaced(from, i + 1, p.written(i, i + 1) + "=" + p.written(from, i));
}

// country == "DE" || "FR", country != 1 and 2, country == ("DE" || "FR"): one field and several values.
std::optional<std::string> alternatives(const Pieces& p, size_t i) {
  const auto is_value = [&](size_t at) {
    return at < p.size() &&
           (p[at].kind == Piece::Kind::string || p[at].kind == Piece::Kind::number || is_capitals(p, at));
  };
  const auto written_value = [&](size_t at) {
    return is_capitals(p, at) ? "\"" + p.written(at, at + 1) + "\"" : p.written(at, at + 1);
  };
  if (i < 3 || !is_value(i - 1)) return std::nullopt;
  const bool bracketed = p.is(i - 2, "(");
  const size_t sign = i - (bracketed ? 3 : 2);
  const bool negated = p.is(sign, "!=") || p.is(sign, "<>") || p.is(sign, "!==");
  const bool equals =
      p.is(sign, "==") || p.is(sign, "===") || p.is(sign, "is") || (p.is(sign, "=") && !p.is_list());
  const size_t left = p.operand_before(sign);
  if ((!equals && !negated) || left == sign) return std::nullopt;
  const bool by_and = p.is(i, "and") || p.is(i, "&&");
  if (by_and && !negated) return std::nullopt;
  std::string list = written_value(i - 1);
  size_t end = i;
  while (p[end].text == p[i].text && is_value(end + 1)) {
    const size_t behind = end + 2;
    const bool ends = behind >= p.size() || p.is(behind, ")") || p.is(behind, "]") || p.is(behind, ",") ||
                      p.is(behind, "?") || p.is(behind, "and") || p.is(behind, "&&") || p.is(behind, "or") ||
                      p.is(behind, "||") || p.is(behind, "|");
    if (!ends) break;
    list += ", " + written_value(end + 1);
    end = behind;
    if (end >= p.size()) break;
  }
  if (end == i || (bracketed && !p.is(end, ")"))) return std::nullopt;
  const std::string out = p.written(left, sign) + " in [" + list + "]";
  return p.replaced(left, end + (bracketed ? 1 : 0), negated ? "!(" + out + ")" : out);
}

namespace {

// Whether each column calls an aggregate: there is one row then, without GROUP BY.
bool are_aggregates(const std::string& columns) {
  const Pieces items(columns, true);
  for (size_t at = 0; at < items.size();) {
    const size_t end = std::min(items.next_of(at, ","), items.size());
    bool calls = false;
    for (size_t i = at; i < end; ++i) {
      const bool is_aggregate = items.is(i, "min") || items.is(i, "max") ||
                                std::find(std::begin(kAggregateNames), std::end(kAggregateNames),
                                          items[i].text) != std::end(kAggregateNames);
      calls |= is_aggregate && items[i].kind == Piece::Kind::word && items.is(i + 1, "(");
    }
    if (!calls) return false;
    at = end + 1;
  }
  return items.size() > 0;
}

}  // namespace

std::optional<std::string> sql_as_command(
    std::string_view text, bool is_list,
    const std::function<std::string(const std::string& part, bool is_list)>& mend) {
  const Pieces p(text, false);
  // SELECT DISTINCT a, b FROM t: a row for each.
  const size_t distinct = p.is(0, "select") ? 1 : 0;
  if (is_list && p.is(distinct, "distinct") && distinct + 1 < p.size() && !p.is(distinct + 1, "=")) {
    const size_t names = p.next_of(distinct + 1, "from");
    const size_t end = std::min(names, p.size());
    if (names != Pieces::kNone && names + 2 != p.size()) return std::nullopt;
    if (end == distinct + 1) return std::nullopt;
    return "ktable --by " + shell_word(mend(p.written(distinct + 1, end), true)) + " 'count()' " +
           (names == Pieces::kNone ? "IN" : shell_word(p.written(names + 1, p.size())));
  }
  // Where each clause begins, and what stands in it.
  constexpr std::string_view kClauses[] = {"select", "from", "where", "group", "having", "order", "limit"};
  std::string select, from, where, group, having, order, limit;
  std::string* const parts[] = {&select, &from, &where, &group, &having, &order, &limit};
  size_t clauses = 0;
  for (size_t at = 0; at < p.size();) {
    size_t words = 0;
    std::string* part = &select;
    for (size_t k = 0; k < std::size(kClauses); ++k) {
      const bool has_by = k == 3 || k == 5;
      if (!p.is(at, kClauses[k]) || (k == 0 && at > 0) || (has_by && !p.is(at + 1, "by"))) continue;
      part = parts[k];
      words = has_by ? 2 : 1;
      clauses += k > 1 ? 1 : 0;
      break;
    }
    if ((words == 0 && at > 0) || !part->empty()) return std::nullopt;  // twice
    size_t end = p.size();
    for (const std::string_view clause : kClauses) end = std::min(end, p.next_of(at + words, clause));
    if (end <= at + words && !(at == 0 && words == 0)) return std::nullopt;
    *part = p.written(at + words, end);
    at = end;
  }
  const bool is_total = is_list && p.is(0, "select") && group.empty() && are_aggregates(select);
  if ((clauses == 0 && !(is_total && !from.empty())) || (!having.empty() && group.empty()))
    return std::nullopt;
  if (!is_list && where.empty() && !p.is(0, "select")) where.swap(select);
  const bool is_condition = select.empty() || select == "*";
  if (!limit.empty() && limit.find_first_not_of("0123456789") != limit.npos) return std::nullopt;
  std::vector<std::string> stages;
  if (!where.empty()) stages.push_back("kfilter " + shell_word(mend(where, false)));
  if (!group.empty()) {
    // The columns of the group are there without being asked for.
    std::string aggregates;
    const Pieces items(select, true);
    for (size_t at = 0; at < items.size();) {
      const size_t end = items.next_of(at, ",") == Pieces::kNone ? items.size() : items.next_of(at, ",");
      const std::string item = items.written(at, end);
      if (item.find('(') != item.npos) aggregates += (aggregates.empty() ? "" : ", ") + item;
      at = end + 1;
    }
    if (aggregates.empty()) aggregates = "count()";
    stages.push_back("ktable --by " + shell_word(mend(group, true)) + " " +
                     (having.empty() ? "" : "--having " + shell_word(mend(having, false)) + " ") +
                     shell_word(mend(aggregates, true)));
  } else if (is_total) {
    stages.push_back("ktable --total " + shell_word(mend(select, true)));
  } else if (!is_condition) {
    stages.push_back("kmap " + shell_word(mend(select, true)));
  }
  if (!order.empty()) return sorted_command(order, limit, from, !group.empty(), stages);
  if (stages.empty()) return std::nullopt;
  const std::string in = from.empty() ? "IN" : shell_word(from);
  const std::string options = limit.empty() ? " " : " -m " + limit + " ";
  if (stages.size() == 1) {
    const size_t space = stages[0].find(' ');
    return stages[0].substr(0, space) + options + stages[0].substr(space + 1) + " " + in;
  }
  std::string out = "kpipe" + options + stages[0];
  for (size_t i = 1; i < stages.size(); ++i) out += " then " + stages[i];
  return out + " -- " + in;
}

Rules sql_rules() {
  return {
      {{"select", leading_word},
       {"where", leading_word},
       {"from", from},
       {"except", except},
       {"exclude", except},
       {"without", except},
       {"but", except},
       {"where", condition_of_aggregate},
       {"filter", filter},
       {"over", over},
       {"count", bare_count},
       {"case", cases},
       {"cast", cast},
       {"try_cast", cast}},
      {{"and", [](const Pieces& p, size_t i) { return infix_as(p, i, "&&"); }},
       {"or", [](const Pieces& p, size_t i) { return infix_as(p, i, "||"); }},
       {"mod", [](const Pieces& p, size_t i) { return infix_as(p, i, "%"); }},
       {"between", between},
       {"like", like},
       {"ilike", like},
       {"is", is_null},
       {"in", in_range},
       {"in", in},
       {"not", in_range},
       {"not", in},
       {"not", between},
       {"not", like},
       {"not", negation},
       {"as", alias}},
      {{"<>", nullptr, "!="}, {"=<", nullptr, "<="}, {"=", equality}, {"::", cast_behind}},
  };
}

}  // namespace kutils::expr::habits
