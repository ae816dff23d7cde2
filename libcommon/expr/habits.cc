#include "expr/habits.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <vector>

#include "data/json_write.h"

namespace kutils::expr {
namespace {

constexpr size_t kMaxText = 400;
constexpr int kMaxRewrites = 30;

// `$1`, `$2`: the arguments, as they were written. Other names of functions of ours.
struct Call {
  std::string_view name;  // in lower case
  size_t arguments;
  std::string_view ours;
};
constexpr Call kCalls[] = {
    {"len", 1, "size($1)"},
    {"length", 1, "size($1)"},
    {"char_length", 1, "size($1)"},
    {"lower", 1, "$1.lowerAscii()"},
    {"lcase", 1, "$1.lowerAscii()"},
    {"to_lower", 1, "$1.lowerAscii()"},
    {"tolower", 1, "$1.lowerAscii()"},
    {"ascii_downcase", 1, "$1.lowerAscii()"},
    {"upper", 1, "$1.upperAscii()"},
    {"ucase", 1, "$1.upperAscii()"},
    {"to_upper", 1, "$1.upperAscii()"},
    {"toupper", 1, "$1.upperAscii()"},
    {"ascii_upcase", 1, "$1.upperAscii()"},
    {"trim", 1, "$1.trim()"},
    {"contains", 2, "$1.contains($2)"},
    {"startswith", 2, "$1.startsWith($2)"},
    {"starts_with", 2, "$1.startsWith($2)"},
    {"endswith", 2, "$1.endsWith($2)"},
    {"ends_with", 2, "$1.endsWith($2)"},
    {"regexp_like", 2, "$1.matches($2)"},
    {"regexp_matches", 2, "$1.matches($2)"},
    {"rlike", 2, "$1.matches($2)"},
    {"split", 2, "$1.split($2)"},
    {"replace", 3, "$1.replace($2, $3)"},
    {"concat", 2, "$1 + $2"},
    {"ifnull", 2, "coalesce($1, $2)"},
    {"nvl", 2, "coalesce($1, $2)"},
    {"if", 3, "$1 ? $2 : $3"},
    {"iif", 3, "$1 ? $2 : $3"},
    {"tonumber", 1, "double($1)"},
    {"tostring", 1, "string($1)"},
    {"str", 1, "string($1)"},
    {"float", 1, "double($1)"},
    {"abs", 1, "math.abs($1)"},
    {"ceil", 1, "math.ceil($1)"},
    {"floor", 1, "math.floor($1)"},
    {"round", 1, "math.round($1)"},
    {"sqrt", 1, "math.sqrt($1)"},
    {"greatest", 2, "math.greatest($1, $2)"},
    {"least", 2, "math.least($1, $2)"},
    {"exists", 1, "has($1)"},
    {"select", 1, "$1"},
};
constexpr Call kAggregates[] = {
    {"median", 1, "percentile($1, 50)"},
    {"p50", 1, "percentile($1, 50)"},
    {"p90", 1, "percentile($1, 90)"},
    {"p95", 1, "percentile($1, 95)"},
    {"p99", 1, "percentile($1, 99)"},
    {"mean", 1, "avg($1)"},
    {"average", 1, "avg($1)"},
    {"std", 1, "stddev($1)"},
    {"count_distinct", 1, "distinct($1)"},
    {"nunique", 1, "distinct($1)"},
    {"uniq", 1, "distinct($1)"},
    {"array_agg", 1, "collect($1)"},
    {"list", 1, "collect($1)"},
};
constexpr Call kMethods[] = {
    {"tolowercase", 0, "lowerAscii"},
    {"lower", 0, "lowerAscii"},
    {"touppercase", 0, "upperAscii"},
    {"upper", 0, "upperAscii"},
    {"length", 0, "size"},
    {"len", 0, "size"},
    {"strip", 0, "trim"},
    {"includes", 1, "contains"},
    {"startswith", 1, "startsWith"},
    {"endswith", 1, "endsWith"},
    {"test", 1, "matches"},
    {"match", 1, "matches"},
};

struct Piece {
  enum class Kind { word, number, string, symbol } kind;
  size_t begin, end;
  std::string text;  // words in lower case
};

std::vector<Piece> scan(std::string_view text) {
  std::vector<Piece> out;
  const auto is_word = [&](size_t at) {
    return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_' ||
                                (static_cast<unsigned char>(text[at]) & 0x80) != 0);
  };
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    const size_t begin = at;
    auto kind = Piece::Kind::symbol;
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
      continue;
    }
    const bool is_raw =
        (c == 'r' || c == 'b') && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\'');
    if (c == '"' || c == '\'' || c == '`' || is_raw) {
      kind = c == '`' ? Piece::Kind::word : Piece::Kind::string;
      if (is_raw) ++at;
      const char quote = text[at++];
      while (at < text.size() && text[at] != quote) at += text[at] == '\\' && !is_raw ? 2 : 1;
      at = std::min(at + 1, text.size());
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      kind = Piece::Kind::number;
      while (is_word(at) || (at < text.size() && text[at] == '.')) ++at;
    } else if (is_word(at)) {
      kind = Piece::Kind::word;
      while (is_word(at)) ++at;
    } else {
      static constexpr std::string_view kSymbols[] = {
          "===", "!==", "=~", "!~", "<>", "==", "!=", "<=", ">=", "&&", "||"};
      const auto found = std::find_if(std::begin(kSymbols), std::end(kSymbols), [&](std::string_view symbol) {
        return text.substr(at, symbol.size()) == symbol;
      });
      at += found == std::end(kSymbols) ? 1 : found->size();
    }
    std::string word(text.substr(begin, at - begin));
    if (kind == Piece::Kind::word && c != '`')
      std::transform(word.begin(), word.end(), word.begin(),
                     [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    out.push_back({kind, begin, at, std::move(word)});
  }
  return out;
}

// Finds one such spelling at a time; the text is scanned again behind each.
class Rewriter {
 public:
  Rewriter(std::string_view text, bool is_list) : text_(text), is_list_(is_list), pieces_(scan(text)) {}

  std::optional<std::string> once() const {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      auto done = pieces_[i].kind == Piece::Kind::word     ? word(i)
                  : pieces_[i].kind == Piece::Kind::symbol ? symbol(i)
                                                           : std::nullopt;
      if (done) return done;
    }
    return std::nullopt;
  }

 private:
  using Done = std::optional<std::string>;

  bool is(size_t i, std::string_view what) const {
    return i < pieces_.size() && pieces_[i].kind != Piece::Kind::string && pieces_[i].text == what;
  }
  // Pieces [from, to) as written.
  std::string written(size_t from, size_t to) const {
    if (from >= to || to > pieces_.size()) return {};
    return std::string(text_.substr(pieces_[from].begin, pieces_[to - 1].end - pieces_[from].begin));
  }
  Done replaced(size_t from, size_t to, const std::string& by) const {
    std::string out(text_.substr(0, pieces_[from].begin));
    out += by;
    out += text_.substr(pieces_[to - 1].end);
    return out;
  }
  // Behind the bracket that closes `open`; 0: none does.
  size_t behind_bracket(size_t open) const {
    int depth = 0;
    for (size_t i = open; i < pieces_.size(); ++i) {
      if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
      if ((is(i, ")") || is(i, "]") || is(i, "}")) && --depth == 0) return i + 1;
    }
    return 0;
  }
  bool is_arithmetic(size_t i) const {
    return is(i, "+") || is(i, "-") || is(i, "*") || is(i, "/") || is(i, "%");
  }
  // What binds weaker than a call or a selection: in front of `.` and beside an operator it needs brackets.
  static bool has_operators(const std::string& text) {
    const auto pieces = scan(text);
    return std::any_of(pieces.begin(), pieces.end(), [](const Piece& one) {
      return one.kind == Piece::Kind::symbol &&
             std::string_view(".,()[]").find(one.text) == std::string_view::npos;
    });
  }
  // Whether what stands at [from, to) is an item, an argument or in brackets of its own.
  bool stands_alone(size_t from, size_t to) const {
    const bool left = from == 0 || is(from - 1, ",") || is(from - 1, "(") || is(from - 1, "[") ||
                      (is_list_ && from == 2 && is(1, "=")) || (is_list_ && from > 2 && is(from - 1, "=") && is(from - 3, ","));
    const bool right = to == pieces_.size() || is(to, ",") || is(to, ")") || is(to, "]");
    return left && right;
  }
  // Where the operand that ends in front of `end` begins: names, calls, selections. `end`: there is none, or
  // an operator in front of it takes it for itself.
  size_t operand_before(size_t end) const {
    const size_t begin = primary_before(end);
    return begin > 0 && begin < end && is_arithmetic(begin - 1) ? end : begin;
  }
  size_t primary_before(size_t end) const {
    size_t i = end;
    while (i > 0) {
      if (is(i - 1, ")") || is(i - 1, "]")) {
        int depth = 0;
        size_t open = i;
        do {
          --open;
          if (is(open, ")") || is(open, "]")) ++depth;
          if (is(open, "(") || is(open, "[")) --depth;
        } while (open > 0 && depth > 0);
        if (depth > 0) return end;
        i = open;
        if (i == 0 || pieces_[i - 1].kind != Piece::Kind::word) return i;
        continue;
      }
      if (pieces_[i - 1].kind == Piece::Kind::symbol) return end;
      --i;
      if (i < 2 || !is(i - 1, ".")) return i;
      --i;  // what is selected from
    }
    return i;
  }
  // Behind the operand that begins at `from`. `from`: there is none, or an operator behind it takes it.
  size_t operand_after(size_t from) const {
    const size_t behind = primary_after(from);
    return is_arithmetic(behind) ? from : behind;
  }
  size_t primary_after(size_t from) const {
    size_t i = from;
    if (is(i, "-") || is(i, "!")) ++i;
    if (i >= pieces_.size()) return from;
    if (is(i, "(") || is(i, "[")) {
      i = behind_bracket(i);
      if (i == 0) return from;
    } else if (pieces_[i].kind == Piece::Kind::symbol) {
      return from;
    } else {
      ++i;
    }
    while (i < pieces_.size()) {
      if (is(i, "(") || is(i, "[")) {
        const size_t behind = behind_bracket(i);
        if (behind == 0) return i;
        i = behind;
      } else if (is(i, ".") && i + 1 < pieces_.size()) {
        i += 2;
      } else {
        return i;
      }
    }
    return i;
  }

  Done word(size_t i) const {
    const std::string& word = pieces_[i].text;
    const bool selected = i > 0 && is(i - 1, ".");
    if (is(i + 1, "(") && word != "in" && word != "and" && word != "or" && word != "not")
      return call(i, selected);
    if (selected) return std::nullopt;
    const bool infix = i > 0 && i + 1 < pieces_.size();
    if (infix && (word == "and" || word == "or")) return replaced(i, i + 1, word == "and" ? "&&" : "||");
    if (infix && word == "between") return between(i);
    if (infix && word == "like") return like(i, false);
    if (infix && word == "is") return is_null(i);
    if (infix && word == "in" && is(i + 1, "(")) return in(i, i, false);
    if (infix && word == "not" && is(i + 1, "in")) return in(i, i + 1, true);
    if (infix && word == "not" && is(i + 1, "like")) return like(i, true);
    if (word == "not" && i + 1 < pieces_.size()) return negation(i);
    if (infix && word == "as" && is_list_) return alias(i);
    return std::nullopt;
  }

  Done symbol(size_t i) const {
    const std::string& symbol = pieces_[i].text;
    if (symbol == "<>" || symbol == "!==") return replaced(i, i + 1, "!=");
    if (symbol == "===") return replaced(i, i + 1, "==");
    if (symbol == "=~" || symbol == "!~") return matches(i);
    // In a list the one behind a name at the beginning of an item gives it its name.
    const bool names = is_list_ && (i == 0 || is(i - 1, ",") || i == 1 || is(i - 2, ","));
    if (symbol == "=" && !names) return replaced(i, i + 1, "==");
    return std::nullopt;
  }

  Done call(size_t i, bool selected) const {
    const size_t behind = behind_bracket(i + 1);
    if (behind == 0) return std::nullopt;
    std::vector<std::string> arguments;
    size_t from = i + 2;
    int depth = 0;
    for (size_t at = i + 2; at + 1 <= behind; ++at) {
      if (is(at, "(") || is(at, "[") || is(at, "{")) ++depth;
      const bool last = at + 1 == behind;
      if (last || (depth == 0 && (is(at, ",") || is(at, ";")))) {
        if (at > from) arguments.push_back(written(from, at));
        from = at + 1;
      }
      if (is(at, ")") || is(at, "]") || is(at, "}")) --depth;
    }
    const std::string& name = pieces_[i].text;
    if (selected) {
      for (const Call& method : kMethods)
        if (method.name == name && method.arguments == arguments.size() &&
            text_.substr(pieces_[i].begin, name.size()) != method.ours)
          return replaced(i, i + 1, std::string(method.ours));
      return std::nullopt;
    }
    if (name == "count" && arguments.size() == 1 && is_list_) {
      if (arguments[0] == "*" || arguments[0] == "1") return replaced(i, behind, "count()");
      if (is(i + 2, "distinct")) return replaced(i, behind, "distinct(" + written(i + 3, behind - 1) + ")");
    }
    const auto as = [&](const Call& ours) {
      const bool is_operator = has_operators(std::string(ours.ours.substr(ours.ours.find(' ') + 1))) &&
                               ours.ours.find('(') == std::string_view::npos;
      std::string out;
      for (size_t at = 0; at < ours.ours.size(); ++at) {
        if (ours.ours[at] != '$') {
          out += ours.ours[at];
          continue;
        }
        const std::string& argument = arguments[static_cast<size_t>(ours.ours[++at] - '1')];
        const bool is_receiver = at + 1 < ours.ours.size() && ours.ours[at + 1] == '.';
        out += (is_receiver || is_operator) && has_operators(argument) ? "(" + argument + ")" : argument;
      }
      return replaced(i, behind, is_operator && !stands_alone(i, behind) ? "(" + out + ")" : out);
    };
    const auto known = [&](const Call& one) { return one.name == name && one.arguments == arguments.size(); };
    const auto found = std::find_if(std::begin(kCalls), std::end(kCalls), known);
    if (found != std::end(kCalls)) return as(*found);
    const auto aggregate = std::find_if(std::begin(kAggregates), std::end(kAggregates), known);
    if (is_list_ && aggregate != std::end(kAggregates)) return as(*aggregate);
    return std::nullopt;
  }

  Done between(size_t i) const {
    const size_t left = operand_before(i);
    const size_t middle = operand_after(i + 1);
    if (left == i || middle == i + 1 || !is(middle, "and")) return std::nullopt;
    const size_t right = operand_after(middle + 1);
    if (right == middle + 1) return std::nullopt;
    const std::string what = written(left, i);
    return replaced(
        left, right,
        what + " >= " + written(i + 1, middle) + " && " + what + " <= " + written(middle + 1, right));
  }

  Done like(size_t i, bool negated) const {
    const size_t left = operand_before(i);
    const size_t pattern = i + (negated ? 2 : 1);
    if (left == i || pattern >= pieces_.size() || pieces_[pattern].kind != Piece::Kind::string)
      return std::nullopt;
    std::string text = pieces_[pattern].text.substr(1, pieces_[pattern].text.size() - 2);
    const bool open_left = !text.empty() && text.front() == '%';
    if (open_left) text.erase(0, 1);
    const bool open_right = !text.empty() && text.back() == '%';
    if (open_right) text.pop_back();
    const bool simple = text.find_first_of("%_") == std::string::npos;
    const std::string what = written(left, i);
    std::string out;
    if (simple && !open_left && !open_right)
      return replaced(left, pattern + 1, what + (negated ? " != " : " == ") + "\"" + text + "\"");
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
    return replaced(left, pattern + 1, (negated ? "!" : "") + out);
  }

  Done is_null(size_t i) const {
    const bool negated = is(i + 1, "not");
    const size_t last = i + (negated ? 2 : 1);
    if (!is(last, "null") && !is(last, "none")) return std::nullopt;
    // A field that is not there is null in SQL; here it is an error of the record, unless asked for.
    const bool is_field = pieces_[i - 1].kind == Piece::Kind::word && pieces_[i - 1].text[0] != '_' &&
                          operand_before(i) == i - 1;
    if (is_field) {
      const std::string name = written(i - 1, i);
      const std::string out = negated ? "has(" + name + ") && " + name + " != null"
                                      : "!has(" + name + ") || " + name + " == null";
      return replaced(i - 1, last + 1, stands_alone(i - 1, last + 1) ? out : "(" + out + ")");
    }
    return replaced(i, last + 1, negated ? "!= null" : "== null");
  }

  // `from` is `in`, or the `not` in front of it.
  Done in(size_t from, size_t i, bool negated) const {
    const size_t left = operand_before(from);
    if (left == from || i + 1 >= pieces_.size()) return std::nullopt;
    size_t right = operand_after(i + 1);
    std::string list = written(i + 1, right);
    if (is(i + 1, "(")) {
      right = behind_bracket(i + 1);
      if (right == 0) return std::nullopt;
      list = "[" + written(i + 2, right - 1) + "]";
    }
    const std::string out = written(left, from) + " in " + list;
    return replaced(left, right, negated ? "!(" + out + ")" : out);
  }

  // SQL's and Python's `not` reaches as far as the next `and`.
  Done negation(size_t i) const {
    size_t to = i + 1;
    int depth = 0;
    for (; to < pieces_.size(); ++to) {
      if (is(to, "(") || is(to, "[")) ++depth;
      if ((is(to, ")") || is(to, "]")) && --depth < 0) break;
      if (depth == 0 && (is(to, "and") || is(to, "or") || is(to, "&&") || is(to, "||") || is(to, ","))) break;
    }
    if (to == i + 1) return std::nullopt;
    const bool bracketed = is(i + 1, "(") && behind_bracket(i + 1) == to;
    return replaced(i, to, bracketed ? "!" + written(i + 1, to) : "!(" + written(i + 1, to) + ")");
  }

  Done matches(size_t i) const {
    const size_t left = operand_before(i);
    if (left == i || i + 1 >= pieces_.size()) return std::nullopt;
    const bool negated = pieces_[i].text == "!~";
    size_t right = operand_after(i + 1);
    std::string regex = written(i + 1, right);
    if (is(i + 1, "/")) {  // =~ /x/
      const size_t close = text_.find('/', pieces_[i + 1].end);
      if (close == std::string_view::npos) return std::nullopt;
      regex.clear();
      append_json_string(text_.substr(pieces_[i + 1].end, close - pieces_[i + 1].end), regex);
      right = i + 2;
      while (right < pieces_.size() && pieces_[right].begin <= close) ++right;
    }
    if (regex.empty()) return std::nullopt;
    return replaced(left, right, (negated ? "!" : "") + written(left, i) + ".matches(" + regex + ")");
  }

  Done alias(size_t i) const {
    if (pieces_[i + 1].kind != Piece::Kind::word || (i + 2 < pieces_.size() && !is(i + 2, ",")))
      return std::nullopt;
    size_t from = i;
    int depth = 0;
    while (from > 0) {
      if (is(from - 1, ")") || is(from - 1, "]") || is(from - 1, "}")) ++depth;
      if (is(from - 1, "(") || is(from - 1, "[") || is(from - 1, "{")) --depth;
      if (depth == 0 && is(from - 1, ",")) break;
      --from;
    }
    if (from == i) return std::nullopt;
    return replaced(from, i + 2, written(i + 1, i + 2) + "=" + written(from, i));
  }

  std::string_view text_;
  bool is_list_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::optional<std::string> in_our_spelling(std::string_view text, bool is_list,
                                           const std::function<bool(const std::string&)>& fits) {
  if (text.size() > kMaxText || text.find('\n') != std::string_view::npos) return std::nullopt;
  std::string now(text);
  for (int n = 0; n < kMaxRewrites; ++n) {
    auto next = Rewriter(now, is_list).once();
    if (!next || *next == now) break;
    now = std::move(*next);
  }
  if (now == text || !fits(now)) return std::nullopt;
  return now;
}

std::string with_our_spelling(std::string hint, std::string_view text, bool is_list,
                              const std::function<bool(const std::string&)>& fits) {
  const auto ours = in_our_spelling(text, is_list, fits);
  if (!ours) return hint;
  return (hint.rfind("write ", 0) == 0 ? hint : "write") + ": " + *ours;
}

}  // namespace kutils::expr
