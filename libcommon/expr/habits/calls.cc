// Calls of functions and methods, and words between operands that are methods here.
#include <algorithm>
#include <iterator>

#include "expr/habits/rules.h"
#include "expr/habits/words.h"

namespace kutils::expr::habits {
namespace {

using Done = std::optional<std::string>;

bool is_whole(const std::string& text) {
  return !text.empty() && text.size() < 9 && text.find_first_not_of("0123456789") == text.npos;
}

// SQL's substring(x, FROM, COUNT) counts from 1; JavaScript's x.substr(FROM, COUNT) from 0.
std::string part(const std::string& what, const std::string& from, const std::string& count, int first) {
  if (!is_whole(from) || !(count.empty() || is_whole(count)) || std::stoi(from) < 0) return {};
  const int begin = std::max(std::stoi(from) - first, 0);  // who counts from 1 has no 0
  return what + ".substring(" + std::to_string(begin) +
         (count.empty() ? "" : ", " + std::to_string(begin + std::stoi(count))) + ")";
}

std::string bracketed(const std::string& text) { return has_operators(text) ? "(" + text + ")" : text; }

// Python's randint(FROM, TO), both included; of one argument, numbers below it.
std::string random_integer(const std::vector<std::string>& arguments) {
  const std::string from = arguments.size() == 2 ? bracketed(arguments[0]) : "0";
  const std::string& to = arguments.back();
  std::string count = bracketed(to);
  if (arguments.size() == 2)
    count = is_whole(from) && is_whole(to) && std::stoi(to) >= std::stoi(from)
                ? std::to_string(std::stoi(to) - std::stoi(from) + 1)
                : "(" + count + " - " + from + " + 1)";
  return (from == "0" ? "" : from + " + ") + "int(random() * " + count + ")";
}

// Calls whose translation depends on their arguments.
std::string special(const Pieces& p, size_t i, size_t behind, const std::string& name,
                    const std::vector<std::string>& arguments) {
  const size_t n = arguments.size();
  const auto is_text = [](const std::string& one) { return one.front() == '"' || one.front() == '\''; };
  if ((name == "substr" || name == "substring" || name == "mid") && (n == 2 || n == 3))
    return part(arguments[0], arguments[1], n == 3 ? arguments[2] : "", 1);
  if (name == "concat" && n > 1) {
    // SQL and Kafka's turn numbers into text by themselves.
    std::string out;
    for (const std::string& one : arguments) {
      const bool gives_text = is_text(one) || one.starts_with("string(") || one.ends_with(".lower()") ||
                              one.ends_with(".upper()");
      out += (out.empty() ? "" : " + ") + (gives_text ? one : "string(" + one + ")");
    }
    return p.stands_alone(i, behind) ? out : "(" + out + ")";
  }
  if ((name == "sprintf" || name == "printf" || name == "format") && n > 1 && is_text(arguments[0])) {
    std::string rest;
    for (size_t k = 1; k < n; ++k) rest += (k > 1 ? ", " : "") + arguments[k];
    return arguments[0] + ".format([" + rest + "])";
  }
  // Of numbers that are not whole here, so that none is divided as whole ones.
  if (name == "round" && n == 2 && is_whole(arguments[1]) && std::stoi(arguments[1]) < 16) {
    const std::string scale = "1" + std::string(static_cast<size_t>(std::stoi(arguments[1])), '0') + ".0";
    const std::string out = "math.round(" + bracketed(arguments[0]) + " * " + scale + ") / " + scale;
    return p.stands_alone(i, behind) ? out : "(" + out + ")";
  }
  if (name == "split_part" && n == 3 && is_whole(arguments[2]) && std::stoi(arguments[2]) > 0)
    return bracketed(arguments[0]) + ".split(" + arguments[1] + ")[" +
           std::to_string(std::stoi(arguments[2]) - 1) + "]";
  if ((name == "concat_ws" && n > 1) || (name == "join" && n > 2 && is_text(arguments[0]))) {
    std::string parts;
    for (size_t k = 1; k < n; ++k) parts += (k > 1 ? ", string(" : "string(") + arguments[k] + ")";
    return "[" + parts + "].join(" + arguments[0] + ")";
  }
  if ((name == "pow" || name == "power" || name == "math.pow") && n == 2)
    return power_of(arguments[0], arguments[1]);
  // Miller's and R's order, or awk's: the pattern first.
  if ((name == "gsub" || name == "sub") && n == 3) {
    const size_t subject = is_text(arguments[0]) ? 2 : 0;
    const std::string limit = name == "sub" ? ", 1" : "";
    return "regex.replace(" + arguments[subject] + ", " + arguments[subject == 0 ? 1 : 0] + ", " +
           arguments[subject == 0 ? 2 : 1] + limit + ")";
  }
  if (name == "quantile" && n == 2 && p.is_list() &&
      arguments[0].rfind("0.", 0) == 0)  // R's order, and jq's of some
    return special(p, i, behind, name, {arguments[1], arguments[0]});
  if ((name == "quantile" || name == "percentile_cont" || name == "percentile_disc") && n == 2 &&
      p.is_list() && arguments[1].size() > 2 && arguments[1].size() < 6 && arguments[1].rfind("0.", 0) == 0 &&
      is_whole(arguments[1].substr(2))) {
    std::string percent = arguments[1].substr(2);
    percent.resize(std::max<size_t>(percent.size(), 2), '0');
    if (percent.size() > 2) percent.insert(2, ".");
    if (percent[0] == '0') percent.erase(0, 1);
    return "percentile(" + arguments[0] + ", " + percent + ")";
  }
  if (name == "count" && n == 1 && p.is_list() && arguments[0] != "*" && arguments[0] != "1" &&
      arguments[0].rfind("distinct", 0) != 0 && arguments[0].rfind("DISTINCT", 0) != 0) {
    const auto pieces = scan(arguments[0]);
    if (pieces.size() == 1 && pieces[0].kind == Piece::Kind::word)
      return "count() if has(" + arguments[0] + ") && " + arguments[0] + " != null";
    return "count() if " + arguments[0];
  }
  return time_call(name, arguments);
}

// a contains b, a starts with b, a eq b
Done word_between(const Pieces& p, size_t i) {
  const std::string& word = p[i].text;
  for (const auto& [theirs, ours] : kComparisons)
    if (theirs == word) return p.replaced(i, i + 1, std::string(ours));
  std::string method;
  size_t right = i + 1;
  for (const auto& [theirs, ours] : kInfixMethods)
    if (theirs == word) method = ours;
  if ((word == "starts" || word == "ends") && p.is(i + 1, "with")) {
    method = word == "starts" ? "startsWith" : "endsWith";
    ++right;
  }
  if (method.empty()) return std::nullopt;
  const size_t left = p.operand_before(i), end = p.operand_after(right);
  // In `count() if has(a)` a condition begins, and no operand ends.
  if (left == i || end == right || p.is(i - 1, "if")) return std::nullopt;
  const bool bracketed = p.is(right, "(") && p.behind_bracket(right) == end;
  const std::string argument = p.written(right, end);
  return p.replaced(left, end,
                    p.written(left, i) + "." + method + (bracketed ? argument : "(" + argument + ")"));
}

}  // namespace

std::optional<std::string> rewrite_call(const Pieces& p, size_t i) {
  const bool selected = i > 0 && p.is(i - 1, ".");
  const size_t behind = p.behind_bracket(i + 1);
  if (behind == 0) return std::nullopt;
  std::vector<std::string> arguments;
  size_t from = i + 2;
  int depth = 0;
  for (size_t at = i + 2; at + 1 <= behind; ++at) {
    if (p.is(at, "(") || p.is(at, "[") || p.is(at, "{")) ++depth;
    const bool last = at + 1 == behind;
    if (last || (depth == 0 && (p.is(at, ",") || p.is(at, ";")))) {
      if (at > from) arguments.push_back(p.written(from, at));
      from = at + 1;
    }
    if (p.is(at, ")") || p.is(at, "]") || p.is(at, "}")) --depth;
  }
  const std::string& name = p[i].text;
  const auto as = [&](const Spelling& ours, const std::string& receiver, size_t begin) {
    const bool is_operator =
        has_operators(std::string(ours.ours.substr(ours.ours.find(' ') + 1))) &&
        (ours.ours.find('(') == std::string_view::npos || ours.ours.find("||") != std::string_view::npos ||
         ours.ours.find("&&") != std::string_view::npos);
    std::string out;
    for (size_t at = 0; at < ours.ours.size(); ++at) {
      if (ours.ours[at] != '$') {
        out += ours.ours[at];
        continue;
      }
      const auto number = static_cast<size_t>(ours.ours[++at] - '0');
      const std::string& argument = number == 0 ? receiver : arguments[number - 1];
      const bool is_receiver = at + 1 < ours.ours.size() && ours.ours[at + 1] == '.';
      out += (is_receiver || is_operator) && has_operators(argument) ? "(" + argument + ")" : argument;
    }
    return p.replaced(begin, behind, is_operator && !p.stands_alone(begin, behind) ? "(" + out + ")" : out);
  };
  const auto alone = [&](const std::string& out, size_t begin) {
    return p.stands_alone(begin, behind) || out.rfind("int(", 0) == 0 ? out : "(" + out + ")";
  };
  const auto known = [&](const Spelling& one) {
    return one.name == name && one.arguments == arguments.size();
  };
  // Math.max of JavaScript and of SQL's dialects.
  const bool is_library =
      selected && i > 1 &&
      std::find(std::begin(kLibraries), std::end(kLibraries), p[i - 2].text) != std::end(kLibraries);
  if (is_library && !p.is(i - 3, ".")) {
    const std::string dotted = p[i - 2].text + "." + name;
    const auto of_library = std::find_if(std::begin(kCalls), std::end(kCalls), [&](const Spelling& one) {
      return one.name == dotted && one.arguments == arguments.size();
    });
    if (of_library != std::end(kCalls) &&
        of_library->ours.substr(0, dotted.size() + 1) != p.written(i - 2, i + 2))
      return as(*of_library, {}, i - 2);
    if (const std::string out = special(p, i - 2, behind, dotted, arguments); !out.empty())
      return p.replaced(i - 2, behind, out);
    if (dotted == "random.randint" && arguments.size() == 2)
      return p.replaced(i - 2, behind, alone(random_integer(arguments), i - 2));
  }
  if (selected) {
    const size_t left = p.primary_before(i - 1);
    const auto other = std::find_if(std::begin(kRewrittenMethods), std::end(kRewrittenMethods), known);
    if (left < i - 1 && other != std::end(kRewrittenMethods)) return as(*other, p.written(left, i - 1), left);
    if (left < i - 1 && name == "substr" && !arguments.empty() && arguments.size() < 3) {
      const std::string out =
          part(p.written(left, i - 1), arguments[0], arguments.size() == 2 ? arguments[1] : "", 0);
      if (!out.empty()) return p.replaced(left, behind, out);
    }
    if (left < i - 1 && name == "tofixed" && arguments.size() == 1 && is_whole(arguments[0]))
      return p.replaced(left, behind,
                        "\"%." + arguments[0] + "f\".format([double(" + p.written(left, i - 1) + ")])");
    for (const Spelling& method : kMethods)
      if (method.name == name && method.arguments == arguments.size() &&
          p.text().substr(p[i].begin, name.size()) != method.ours)
        return p.replaced(i, i + 1, std::string(method.ours));
    return std::nullopt;
  }
  if (name == "count" && arguments.size() == 1) {
    // Also in --having, which is no list.
    if (arguments[0] == "*" || arguments[0] == "1") return p.replaced(i, behind, "count()");
    if (p.is_list() && p.is(i + 2, "distinct"))
      return p.replaced(i, behind, "distinct(" + p.written(i + 3, behind - 1) + ")");
  }
  // sum("number"): the field is meant, of which there are numbers.
  constexpr std::string_view kOfNumbers[] = {"sum",    "avg",      "mean", "median",
                                             "stddev", "variance", "min",  "max"};
  if (p.is_list() && arguments.size() == 1 && behind == i + 4 && p[i + 2].kind == Piece::Kind::string &&
      std::find(std::begin(kOfNumbers), std::end(kOfNumbers), name) != std::end(kOfNumbers)) {
    const std::string field = arguments[0].substr(1, arguments[0].size() - 2);
    const auto pieces = scan(field);
    if (pieces.size() == 1 && pieces[0].kind == Piece::Kind::word) return p.replaced(i + 2, i + 3, field);
  }
  // jq's has("email")
  if (name == "has" && arguments.size() == 1 && behind == i + 4 && p[i + 2].kind == Piece::Kind::string) {
    const std::string field = arguments[0].substr(1, arguments[0].size() - 2);
    const auto pieces = scan(field);
    const bool is_name = pieces.size() == 1 && pieces[0].kind == Piece::Kind::word;
    return p.replaced(i + 2, i + 3, is_name ? field : "_value[" + arguments[0] + "]");
  }
  const std::string as_written(p.text().substr(p[i].begin, name.size()));
  if (as_written != name && std::find(std::begin(kOurs), std::end(kOurs), name) != std::end(kOurs))
    return p.replaced(i, i + 1, name);
  if (name == "randint" && (arguments.size() == 1 || arguments.size() == 2))
    return p.replaced(i, behind, alone(random_integer(arguments), i));
  const auto found = std::find_if(std::begin(kCalls), std::end(kCalls), known);
  if (found != std::end(kCalls)) return as(*found, {}, i);
  const auto aggregate = std::find_if(std::begin(kAggregates), std::end(kAggregates), known);
  if (p.is_list() && aggregate != std::end(kAggregates)) {
    // Two percentiles of one field would have one name.
    const bool is_unnamed = p.item_begin(i) == i && (i == 0 || p.is(i - 1, ","));
    if (name[0] == 'p' && is_unnamed && i + 4 == behind && p[i + 2].kind == Piece::Kind::word)  // p50(x)
      return p.replaced(i, i + 1, name + "_" + p.written(i + 2, i + 3) + "=" + name);
    return as(*aggregate, {}, i);
  }
  if (const std::string out = special(p, i, behind, name, arguments); !out.empty())
    return p.replaced(i, behind, out);
  return std::nullopt;
}

std::optional<std::string> rewrite_infix_word(const Pieces& p, size_t i) {
  if (p.is_infix(i) && p[i - 1].kind != Piece::Kind::symbol) {
    if (auto done = word_between(p, i)) return done;
  }
  const bool of_shell = i > 1 && i + 1 < p.size() && p.is(i - 1, "-") && !p.is(i + 1, "(") &&
                        p[i - 1].end == p[i].begin && p[i - 2].end < p[i - 1].begin;
  if (!of_shell) return std::nullopt;
  for (const auto& [theirs, ours] : kComparisons)
    if (theirs == p[i].text && theirs.size() == 2) return p.replaced(i - 1, i + 1, std::string(ours));
  return std::nullopt;
}

}  // namespace kutils::expr::habits
