#include "expr/habits.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <vector>

#include "data/json_write.h"
#include "expr/foreign_words.h"

namespace kutils::expr {
namespace {

constexpr size_t kMaxText = 400;
constexpr int kMaxRewrites = 30;

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
      static constexpr std::string_view kSymbols[] = {"===", "!==", "!~*", "~*", "=~", "!~", "<>",
                                                      "==",  "!=",  "<=",  ">=", "&&", "||", "??",
                                                      "?:",  "//",  "::",  "=>", "=<", "**"};
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
                  : pieces_[i].kind == Piece::Kind::number ? number(i)
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
  // Operators that bind weaker than a call or a selection: an operand with one of them needs brackets before
  // `.` and next to an operator.
  static bool has_operators(const std::string& text) {
    const auto pieces = scan(text);
    return std::any_of(pieces.begin(), pieces.end(), [](const Piece& one) {
      return one.kind == Piece::Kind::symbol &&
             std::string_view(".,()[]").find(one.text) == std::string_view::npos;
    });
  }
  // Whether [from, to) is a whole item, a whole argument, or in brackets of its own.
  bool stands_alone(size_t from, size_t to) const {
    const bool left = from == 0 || is(from - 1, ",") || is(from - 1, "(") || is(from - 1, "[") ||
                      (is_list_ && from == 2 && is(1, "=")) ||
                      (is_list_ && from > 2 && is(from - 1, "=") && is(from - 3, ","));
    const bool right = to == pieces_.size() || is(to, ",") || is(to, ")") || is(to, "]");
    return left && right;
  }
  // Where the operand that ends before `end` begins: names, calls, selections. Returns `end` if there is
  // none, or if an operator before it binds it more tightly.
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
  // Where the operand that begins at `from` ends. Returns `from` if there is none, or if an operator after it
  // binds it more tightly.
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
    if (!selected) {
      if (auto done = statement(i)) return done;
    }
    const bool infix = i > 0 && i + 1 < pieces_.size();
    if (!selected && infix && pieces_[i - 1].kind != Piece::Kind::symbol) {
      if (auto done = infix_word(i)) return done;
    }
    if (!selected && i > 1 && i + 1 < pieces_.size() && is(i - 1, "-") &&
        pieces_[i - 1].end == pieces_[i].begin &&
        pieces_[i - 2].end < pieces_[i - 1].begin) {  // -gt of the shell
      for (const auto& [theirs, ours] : kComparisons)
        if (theirs == word && theirs.size() == 2 && !is(i + 1, "("))
          return replaced(i - 1, i + 1, std::string(ours));
    }
    if (is(i + 1, "(") && word != "in" && word != "and" && word != "or" && word != "not")
      return call(i, selected);
    if (selected) return std::nullopt;
    if (infix && word == "or") {
      if (auto done = default_value(i, true)) return done;
    }
    if (infix && (word == "and" || word == "or")) return replaced(i, i + 1, word == "and" ? "&&" : "||");
    if (infix && word == "between") return between(i);
    if (infix && (word == "like" || word == "ilike")) return like(i, false);
    if (infix && (word == "rlike" || word == "regexp")) return matches(i);
    if (infix && word == "mod") return replaced(i, i + 1, "%");
    if (infix && word == "is") return is_null(i);
    if (infix && word == "in" && (is(i + 1, "(") || is(i + 1, "{"))) return in(i, i, false);
    if (infix && word == "not" && is(i + 1, "in")) return in(i, i + 1, true);
    if (infix && word == "not" && is(i + 1, "between")) return between(i);
    if (infix && word == "not" && (is(i + 1, "like") || is(i + 1, "ilike"))) return like(i, true);
    if (word == "not" && i + 1 < pieces_.size()) return negation(i);
    if (infix && word == "as" && is_list_) return alias(i);
    return std::nullopt;
  }

  // now() - 1h
  Done number(size_t i) const {
    const std::string& text = pieces_[i].text;
    const size_t unit = text.find_first_not_of("0123456789.");
    if (unit == text.npos) return std::nullopt;
    for (const std::string_view one : {"ms", "s", "m", "h", "d"})
      if (text.substr(unit) == one) return replaced(i, i + 1, "duration(\"" + text + "\")");
    return std::nullopt;
  }

  Done symbol(size_t i) const {
    const std::string& symbol = pieces_[i].text;
    if (symbol == "<>" || symbol == "!==") return replaced(i, i + 1, "!=");
    if (symbol == "===") return replaced(i, i + 1, "==");
    if (symbol == "=~" || symbol == "!~" || symbol == "~" || symbol == "~*" || symbol == "!~*")
      return matches(i);
    if (symbol == "=>") {
      if (auto done = arrow(i)) return done;
    }
    if (symbol == "**" || symbol == "^") return power(i);
    if (auto done = time_comparison(i)) return done;
    if (symbol == "=>" || symbol == "=<") return replaced(i, i + 1, symbol == "=>" ? ">=" : "<=");
    if ((symbol == "&" || symbol == "|") && compares()) return replaced(i, i + 1, symbol + symbol);
    if (symbol == "??" || symbol == "?:" || symbol == "//") return default_value(i, false);
    if (symbol == "::") return cast_behind(i);
    if (symbol == "[") return slice(i);
    const bool names_next = i + 1 < pieces_.size() && pieces_[i + 1].kind == Piece::Kind::word &&
                            pieces_[i + 1].begin == pieces_[i].end;
    if (symbol == "$" && names_next) return replaced(i, i + 2, written(i + 1, i + 2));
    if (symbol == "@" && names_next) return replaced(i, i + 2, "_value[\"@" + written(i + 1, i + 2) + "\"]");
    if (symbol == "{" && i == 0 && is_list_) return object();
    // In a list the one behind a name at the beginning of an item gives it its name.
    const bool names = is_list_ && (i == 0 || is(i - 1, ",") || i == 1 || is(i - 2, ","));
    if (symbol == "=" && !names) return replaced(i, i + 1, "==");
    return std::nullopt;
  }

  // a contains b, a starts with b, a eq b
  Done infix_word(size_t i) const {
    const std::string& word = pieces_[i].text;
    for (const auto& [theirs, ours] : kComparisons)
      if (theirs == word) return replaced(i, i + 1, std::string(ours));
    std::string method;
    size_t right = i + 1;
    for (const auto& [theirs, ours] : kInfixMethods)
      if (theirs == word) method = ours;
    if ((word == "starts" || word == "ends") && is(i + 1, "with")) {
      method = word == "starts" ? "startsWith" : "endsWith";
      ++right;
    }
    if (method.empty()) return std::nullopt;
    const size_t left = operand_before(i), end = operand_after(right);
    if (left == i || end == right) return std::nullopt;
    const bool bracketed = is(right, "(") && behind_bracket(right) == end;
    const std::string argument = written(right, end);
    return replaced(left, end,
                    written(left, i) + "." + method + (bracketed ? argument : "(" + argument + ")"));
  }

  // x ** 2, x ^ 2
  Done power(size_t i) const {
    const size_t left = primary_before(i), right = primary_after(i + 1);
    if (left == i || right == i + 1) return std::nullopt;
    const std::string out = power_of(written(left, i), written(i + 1, right));
    return out.empty() ? std::nullopt
                       : replaced(left, right, stands_alone(left, right) ? out : "(" + out + ")");
  }
  static std::string power_of(std::string base, const std::string& exponent) {
    if (has_operators(base) && base.front() != '(') base = "(" + base + ")";
    if (exponent == "2") return base + " * " + base;
    if (exponent == "3") return base + " * " + base + " * " + base;
    return exponent == "0.5" ? "math.sqrt(" + base + ")" : std::string();
  }

  // [1, 2].map(x => x + 1)
  Done arrow(size_t i) const {
    const bool bracketed = i > 3 && is(i - 1, ")") && is(i - 3, "(");
    const size_t name = i - (bracketed ? 2 : 1), open = name - (bracketed ? 2 : 1);
    if (i < 4 || pieces_[name].kind != Piece::Kind::word || !is(open, "(") || !is(open - 2, "."))
      return std::nullopt;
    return replaced(bracketed ? name - 1 : name, i + 1, written(name, name + 1) + ",");
  }

  // `_ts > now()`, `_ts > "2024-05-01"`: a number beside a time.
  Done time_comparison(size_t i) const {
    const std::string& symbol = pieces_[i].text;
    if (symbol != ">" && symbol != "<" && symbol != ">=" && symbol != "<=" && symbol != "==" &&
        symbol != "!=")
      return std::nullopt;
    const size_t behind = primary_after(i + 1);
    const auto is_time = [&](size_t at) {
      return (is(at, "now") || is(at, "timestamp") || is(at, "timestamp_ms")) && is(at + 1, "(");
    };
    const bool left = i > 0 && is(i - 1, "_ts") && (i < 2 || !is(i - 2, "."));
    const bool is_text = behind == i + 2 && pieces_[i + 1].kind == Piece::Kind::string;
    if (left && is_text) {
      const std::string time = full_time(pieces_[i + 1].text);
      if (time.empty()) return std::nullopt;
      return replaced(i - 1, i + 2, "timestamp_ms(_ts) " + symbol + " timestamp(" + time + ")");
    }
    if (left && is_time(i + 1)) return replaced(i - 1, i, "timestamp_ms(_ts)");
    const size_t begin = primary_before(i);
    if (is(i + 1, "_ts") && behind == i + 2 && begin < i && is_time(begin))
      return replaced(i + 1, i + 2, "timestamp_ms(_ts)");
    return std::nullopt;
  }
  // "2024", "2024-05-01 12:30" as RFC 3339 has it, in quotes; else empty.
  static std::string full_time(const std::string& quoted) {
    constexpr std::string_view kRest = "0000-01-01T00:00:00Z";
    if (quoted.size() < 6 || quoted.size() > kRest.size() + 2) return {};
    std::string time = quoted.substr(1, quoted.size() - 2);
    if (time.size() > 10 && time[10] == ' ') time[10] = 'T';
    if (time.size() != 4 && time.size() != 7 && time.size() != 10 && time.size() != 16 && time.size() != 19)
      return {};
    for (size_t at = 0; at < time.size(); ++at) {
      const bool digit = std::isdigit(static_cast<unsigned char>(kRest[at])) != 0;
      if (digit ? !std::isdigit(static_cast<unsigned char>(time[at])) : time[at] != kRest[at]) return {};
    }
    return '"' + time + std::string(kRest.substr(time.size())) + '"';
  }

  bool compares() const {
    return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& one) {
      return one.kind == Piece::Kind::symbol &&
             (one.text == "==" || one.text == "!=" || one.text == "<" || one.text == ">" ||
              one.text == "<=" || one.text == ">=" || one.text == "=");
    });
  }

  // Constructs with a syntax of their own: SELECT, CASE, CAST, Python's conditional, conditions of
  // aggregates.
  Done statement(size_t i) const {
    const std::string& word = pieces_[i].text;
    const bool infix = i > 0 && i + 1 < pieces_.size();
    if (i == 0 && pieces_.size() > 1 && !is(1, "(") && !is(1, "=") &&
        pieces_[1].kind != Piece::Kind::symbol && (word == "select" || word == "where"))
      return replaced(0, 2, written(1, 2));
    if (infix && word == "from" && i + 2 == pieces_.size() && pieces_[i - 1].kind != Piece::Kind::symbol)
      return std::string(text_.substr(0, pieces_[i - 1].end));
    if ((word == "except" || word == "exclude") && is_list_ && i > 0 && is(i - 1, "*")) return except(i);
    if (is_list_ && infix && is(i - 1, ")")) {
      if (word == "where") return replaced(i, i + 1, "if");
      if (word == "filter" && is(i + 1, "(") && is(i + 2, "where")) {
        const size_t behind = behind_bracket(i + 1);
        if (behind > i + 4) return replaced(i, behind, "if " + written(i + 3, behind - 1));
      }
    }
    if (word == "count" && is_list_ && i + 1 == pieces_.size() && (i == 0 || (i == 2 && is(1, "="))))
      return replaced(i, i + 1, "count()");
    if (infix && word == "if") return conditional(i);
    if (word == "case") return cases(i);
    if ((word == "cast" || word == "try_cast") && is(i + 1, "(")) return cast(i);
    return std::nullopt;
  }

  // The start and the end of the item or argument that holds piece `i`.
  size_t item_begin(size_t i) const {
    int depth = 0;
    while (i > 0) {
      if (is(i - 1, ")") || is(i - 1, "]") || is(i - 1, "}")) ++depth;
      if ((is(i - 1, "(") || is(i - 1, "[") || is(i - 1, "{")) && --depth < 0) break;
      if (depth == 0 && (is(i - 1, ",") || (is_list_ && is(i - 1, "=")))) break;
      --i;
    }
    return i;
  }
  size_t item_end(size_t i) const {
    int depth = 0;
    for (; i < pieces_.size(); ++i) {
      if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
      if ((is(i, ")") || is(i, "]") || is(i, "}")) && --depth < 0) break;
      if (depth == 0 && is(i, ",")) break;
    }
    return i;
  }
  // The next piece from `i` on that is `what`, outside of brackets opened since; `none` if there is none.
  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t next_of(size_t i, std::string_view what) const {
    int depth = 0;
    for (; i < pieces_.size(); ++i) {
      if (depth == 0 && is(i, what)) return i;
      if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
      if ((is(i, ")") || is(i, "]") || is(i, "}")) && --depth < 0) break;
    }
    return kNone;
  }

  Done conditional(size_t i) const {
    const size_t otherwise = next_of(i + 1, "else");
    if (otherwise == kNone || otherwise == i + 1) return std::nullopt;
    const size_t begin = item_begin(i), end = item_end(otherwise);
    if (begin == i || otherwise + 1 == end) return std::nullopt;
    return replaced(
        begin, end,
        written(i + 1, otherwise) + " ? " + written(begin, i) + " : " + written(otherwise + 1, end));
  }

  // CASE WHEN a THEN b [WHEN ...] [ELSE c] END
  Done cases(size_t i) const {
    const size_t end = next_of(i + 1, "end");
    if (end == kNone || !is(i + 1, "when")) return std::nullopt;
    std::string out;
    size_t at = i + 1;
    while (is(at, "when")) {
      const size_t then = next_of(at + 1, "then");
      if (then == kNone || then > end) return std::nullopt;
      const size_t next = std::min({next_of(then + 1, "when"), next_of(then + 1, "else"), end});
      out += written(at + 1, then) + " ? " + written(then + 1, next) + " : ";
      at = next;
    }
    out += is(at, "else") ? written(at + 1, end) : "null";
    return replaced(i, end + 1, stands_alone(i, end + 1) || is(end + 1, "as") ? out : "(" + out + ")");
  }

  static std::string type_named(const std::string& name) {
    for (const auto& [theirs, ours] : kTypes)
      if (theirs == name) return std::string(ours);
    return {};
  }
  Done cast(size_t i) const {
    const size_t behind = behind_bracket(i + 1);
    const size_t as = behind == 0 ? kNone : next_of(i + 2, "as");
    if (as == kNone || as + 1 >= behind || as == i + 2) return std::nullopt;
    const std::string type = type_named(pieces_[as + 1].text);
    if (type.empty()) return std::nullopt;
    return replaced(i, behind, type + "(" + written(i + 2, as) + ")");
  }
  Done cast_behind(size_t i) const {
    const size_t left = primary_before(i);
    const std::string type = i + 1 < pieces_.size() ? type_named(pieces_[i + 1].text) : std::string();
    if (left == i || type.empty()) return std::nullopt;
    const std::string what = written(left, i);
    const bool bracketed = what.front() == '(' && behind_bracket(left) == i;
    return replaced(left, i + 2, bracketed ? type + what : type + "(" + what + ")");
  }

  // `* EXCEPT (a, b)`
  Done except(size_t i) const {
    const bool bracketed = is(i + 1, "(");
    const size_t end = bracketed ? behind_bracket(i + 1) : i + 2;
    if (end == 0 || end > pieces_.size()) return std::nullopt;
    std::string out;
    for (size_t at = i + 1; at < end; ++at)
      if (pieces_[at].kind == Piece::Kind::word) out += ", -" + written(at, at + 1);
    if (out.empty()) return std::nullopt;
    return replaced(i - 1, end, "*" + out);
  }

  // jq's {a, b: .c}: a list of fields.
  Done object() const {
    if (behind_bracket(0) != pieces_.size()) return std::nullopt;
    std::string out;
    for (size_t from = 1; from + 1 < pieces_.size();) {
      const size_t end = std::min(item_end(from), pieces_.size() - 1);
      const bool renamed = is(from + 1, ":");
      if (end == from || (!renamed && end != from + 1)) return std::nullopt;
      if (!out.empty()) out += ", ";
      std::string name = written(from, from + 1);
      if (renamed && pieces_[from].kind == Piece::Kind::string) name = name.substr(1, name.size() - 2);
      out += renamed ? name + "=" + written(from + 2, end) : name;
      from = end + 1;
    }
    return out.empty() ? std::nullopt : Done(out);
  }

  // a ?? b, a // b, a or "b": the first operand that exists. Before a number, // is Python's whole quotient.
  Done default_value(size_t i, bool literal) const {
    const size_t left = operand_before(i);
    const size_t right = operand_after(i + 1);
    if (left == i || right == i + 1) return std::nullopt;
    const auto kind = pieces_[i + 1].kind;
    const bool is_literal = right == i + 2 && (kind == Piece::Kind::string || kind == Piece::Kind::number);
    if (literal && !(is_literal && stands_alone(left, right))) return std::nullopt;
    const std::string a = written(left, i), b = written(i + 1, right);
    // A division by 1 changes nothing: this is jq's default value.
    if (is(i, "//") && is_literal && kind == Piece::Kind::number && b != "1" &&
        b.find_first_not_of("0.") != b.npos)
      return replaced(left, right, "int(math.floor(double(" + a + ") / " + b + "))");
    return replaced(left, right, "coalesce(" + a + ", " + b + ")");
  }

  // Python's x[1:3], of text.
  Done slice(size_t i) const {
    const size_t behind = behind_bracket(i);
    const size_t left = primary_before(i);
    if (behind == 0 || left == i || is(i + 1, "-")) return std::nullopt;
    const size_t colon = next_of(i + 1, ":");
    if (colon == kNone || colon >= behind || next_of(i + 1, "?") < colon || is(colon + 1, "-"))
      return std::nullopt;
    const std::string from = colon == i + 1 ? "0" : written(i + 1, colon);
    const std::string to = written(colon + 1, behind - 1);
    return replaced(left, behind,
                    written(left, i) + ".substring(" + from + (to.empty() ? "" : ", " + to) + ")");
  }

  static bool is_whole(const std::string& text) {
    return !text.empty() && text.size() < 9 && text.find_first_not_of("0123456789") == text.npos;
  }
  // SQL's substring(x, FROM, COUNT) counts from 1; JavaScript's x.substr(FROM, COUNT) from 0.
  static std::string part(const std::string& what, const std::string& from, const std::string& count,
                          int first) {
    if (!is_whole(from) || !(count.empty() || is_whole(count)) || std::stoi(from) < first) return {};
    const int begin = std::stoi(from) - first;
    return what + ".substring(" + std::to_string(begin) +
           (count.empty() ? "" : ", " + std::to_string(begin + std::stoi(count))) + ")";
  }
  // A value that other languages compare with a time directly.
  static std::string as_time(const std::string& what) {
    if (what == "_ts") return "timestamp_ms(_ts)";
    return what == "now()" ? what : "timestamp(" + what + ")";
  }
  // Calls whose translation depends on their arguments.
  std::string special(const std::string& name, const std::vector<std::string>& arguments) const {
    const size_t n = arguments.size();
    const auto is_text = [](const std::string& one) { return one.front() == '"' || one.front() == '\''; };
    if ((name == "substr" || name == "substring" || name == "mid") && (n == 2 || n == 3))
      return part(arguments[0], arguments[1], n == 3 ? arguments[2] : "", 1);
    if ((name == "strftime" || name == "date_format") && n == 2 &&
        is_text(arguments[0]) != is_text(arguments[1])) {
      const size_t format = is_text(arguments[0]) ? 0 : 1;
      return "format_time(" + as_time(arguments[1 - format]) + ", " + arguments[format] + ")";
    }
    if ((name == "date" || name == "to_date" || name == "todate" || name == "to_timestamp" ||
         name == "from_unixtime" || name == "fromtimestamp") &&
        n == 1)
      return as_time(arguments[0]);
    for (const auto& [theirs, ours] : kTimeParts)
      if (theirs == name && n == 1) {
        const std::string out = as_time(arguments[0]) + "." + std::string(ours);
        return has_operators(out) ? "(" + out + ")" : out;
      }
    if ((name == "sprintf" || name == "printf" || name == "format") && n > 1 && is_text(arguments[0])) {
      std::string rest;
      for (size_t i = 1; i < n; ++i) rest += (i > 1 ? ", " : "") + arguments[i];
      return arguments[0] + ".format([" + rest + "])";
    }
    if (name == "pow" && n == 2) return power_of(arguments[0], arguments[1]);
    if ((name == "power" || name == "math.pow") && n == 2) return power_of(arguments[0], arguments[1]);
    // Miller's and R's order, or awk's: the pattern first.
    if ((name == "gsub" || name == "sub") && n == 3) {
      const size_t subject = is_text(arguments[0]) ? 2 : 0;
      const std::string limit = name == "sub" ? ", 1" : "";
      return "regex.replace(" + arguments[subject] + ", " + arguments[subject == 0 ? 1 : 0] + ", " +
             arguments[subject == 0 ? 2 : 1] + limit + ")";
    }
    if (name == "timestamp" && n == 1 && is_text(arguments[0])) {
      const std::string time = full_time(arguments[0]);
      return time.empty() || time.substr(1) == arguments[0].substr(1) ? std::string()
                                                                      : "timestamp(" + time + ")";
    }
    if (name == "date_trunc" && n == 2 && is_text(arguments[0])) {
      const std::string unit = arguments[0].substr(1, arguments[0].size() - 2);
      const std::string format = unit == "day"      ? "%Y-%m-%dT00:00:00Z"
                                 : unit == "hour"   ? "%Y-%m-%dT%H:00:00Z"
                                 : unit == "minute" ? "%Y-%m-%dT%H:%M:00Z"
                                 : unit == "month"  ? "%Y-%m-01T00:00:00Z"
                                 : unit == "year"   ? "%Y-01-01T00:00:00Z"
                                                    : "";
      return format.empty() ? format
                            : "timestamp(format_time(" + as_time(arguments[1]) + ", \"" + format + "\"))";
    }
    if (name == "quantile" && n == 2 && is_list_ && arguments[1].size() > 2 && arguments[1].size() < 6 &&
        arguments[1].rfind("0.", 0) == 0 && is_whole(arguments[1].substr(2))) {
      std::string percent = arguments[1].substr(2);
      percent.resize(std::max<size_t>(percent.size(), 2), '0');
      if (percent.size() > 2) percent.insert(2, ".");
      if (percent[0] == '0') percent.erase(0, 1);
      return "percentile(" + arguments[0] + ", " + percent + ")";
    }
    if (name == "count" && n == 1 && is_list_ && arguments[0] != "*" && arguments[0] != "1" &&
        arguments[0].rfind("distinct", 0) != 0 && arguments[0].rfind("DISTINCT", 0) != 0) {
      const auto pieces = scan(arguments[0]);
      if (pieces.size() == 1 && pieces[0].kind == Piece::Kind::word)
        return "count() if has(" + arguments[0] + ") && " + arguments[0] + " != null";
      return "count() if " + arguments[0];
    }
    return {};
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
    const auto as = [&](const Call& ours, const std::string& receiver, size_t begin) {
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
      return replaced(begin, behind, is_operator && !stands_alone(begin, behind) ? "(" + out + ")" : out);
    };
    const auto known = [&](const Call& one) { return one.name == name && one.arguments == arguments.size(); };
    // Math.max of JavaScript and of SQL's dialects.
    if (selected && (is(i - 2, "math") || is(i - 2, "date")) && !is(i - 3, ".")) {
      const std::string dotted = pieces_[i - 2].text + "." + name;
      const auto of_library = std::find_if(std::begin(kCalls), std::end(kCalls), [&](const Call& one) {
        return one.name == dotted && one.arguments == arguments.size();
      });
      if (of_library != std::end(kCalls) &&
          of_library->ours.substr(0, dotted.size() + 1) != written(i - 2, i + 2))
        return as(*of_library, {}, i - 2);
      if (const std::string out = special(dotted, arguments); !out.empty())
        return replaced(i - 2, behind, out);
    }
    if (selected) {
      const size_t left = primary_before(i - 1);
      const auto other = std::find_if(std::begin(kRewrittenMethods), std::end(kRewrittenMethods), known);
      if (left < i - 1 && other != std::end(kRewrittenMethods)) return as(*other, written(left, i - 1), left);
      if (left < i - 1 && name == "substr" && !arguments.empty() && arguments.size() < 3) {
        const std::string out =
            part(written(left, i - 1), arguments[0], arguments.size() == 2 ? arguments[1] : "", 0);
        if (!out.empty()) return replaced(left, behind, out);
      }
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
    const std::string as_written(text_.substr(pieces_[i].begin, name.size()));
    if (as_written != name && std::find(std::begin(kOurs), std::end(kOurs), name) != std::end(kOurs))
      return replaced(i, i + 1, name);
    const auto found = std::find_if(std::begin(kCalls), std::end(kCalls), known);
    if (found != std::end(kCalls)) return as(*found, {}, i);
    const auto aggregate = std::find_if(std::begin(kAggregates), std::end(kAggregates), known);
    if (is_list_ && aggregate != std::end(kAggregates)) return as(*aggregate, {}, i);
    if (const std::string out = special(name, arguments); !out.empty()) return replaced(i, behind, out);
    return std::nullopt;
  }

  // `i`: `between`, or the `not` in front of it.
  Done between(size_t i) const {
    const bool negated = is(i, "not");
    const size_t first = i + (negated ? 2 : 1);
    const size_t left = operand_before(i);
    const size_t middle = operand_after(first);
    if (left == i || middle == first || !is(middle, "and")) return std::nullopt;
    const size_t right = operand_after(middle + 1);
    if (right == middle + 1) return std::nullopt;
    const std::string what = written(left, i);
    const std::string out =
        what + " >= " + written(first, middle) + " && " + what + " <= " + written(middle + 1, right);
    return replaced(left, right, negated ? "!(" + out + ")" : out);
  }

  Done like(size_t i, bool negated) const {
    const size_t left = operand_before(i);
    const size_t pattern = i + (negated ? 2 : 1);
    const bool any_case = is(pattern - 1, "ilike");
    if (left == i || pattern >= pieces_.size() || pieces_[pattern].kind != Piece::Kind::string)
      return std::nullopt;
    std::string text = pieces_[pattern].text.substr(1, pieces_[pattern].text.size() - 2);
    if (any_case) {
      if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x80; }))
        return std::nullopt;
      std::transform(text.begin(), text.end(), text.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    }
    const bool open_left = !text.empty() && text.front() == '%';
    if (open_left) text.erase(0, 1);
    const bool open_right = !text.empty() && text.back() == '%';
    if (open_right) text.pop_back();
    const bool simple = text.find_first_of("%_") == std::string::npos;
    const std::string what = written(left, i) + (any_case ? ".lowerAscii()" : "");
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
    // A missing field is null in SQL; here it is a record error, unless has() asks for it.
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
    if (is(i + 1, "{") && next_of(i + 2, ":") != kNone) return std::nullopt;
    if (is(i + 1, "(") || is(i + 1, "{")) {
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
    const bool negated = pieces_[i].text[0] == '!';
    const bool any_case = pieces_[i].text.back() == '*';
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
    if (any_case) {
      if (regex.front() != '"' && regex.front() != '\'') return std::nullopt;
      regex.insert(1, "(?i)");
    }
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
    const bool named = from + 2 < i && pieces_[from].kind == Piece::Kind::word && is(from + 1, "=");
    return replaced(from, i + 2, written(i + 1, i + 2) + "=" + written(from + (named ? 2 : 0), i));
  }

  std::string_view text_;
  bool is_list_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::string aggregate_hint(std::string_view name) {
  if (std::find(std::begin(kAggregateNames), std::end(kAggregateNames), name) == std::end(kAggregateNames))
    return {};
  return "records are aggregated by ktable, and per window by kwindow: ktable --by EXPR '" +
         std::string(name) + (name == "count" ? "()" : "(x)") + "' IN";
}

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

std::optional<std::string> for_such_records(std::string_view text, std::string_view missing,
                                            std::string_view complaint,
                                            const std::function<bool(const std::string&)>& fits) {
  if (text.size() > kMaxText || text.find('\n') != std::string_view::npos) return std::nullopt;
  const auto says = [&](std::string_view what) { return complaint.find(what) != std::string_view::npos; };
  const auto foreign = std::find_if(std::begin(kNames), std::end(kNames),
                                    [&](const auto& one) { return one.first == missing; });
  std::string out;
  size_t copied = 0;
  const std::vector<Piece> pieces = scan(text);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto is = [&](size_t at, std::string_view what) {
      return at < pieces.size() && pieces[at].kind != Piece::Kind::string && pieces[at].text == what;
    };
    const std::string_view written = text.substr(pieces[i].begin, pieces[i].end - pieces[i].begin);
    const bool selected = i > 0 && is(i - 1, ".");
    const bool calls = is(i + 1, "(");
    std::string by;
    if (!missing.empty()) {
      if (foreign != std::end(kNames) && written == missing && !selected && !calls) by = foreign->second;
    } else if (says("|| needs bool, not string") && is(i, "||")) {
      by = "+";
    } else if (says("only a map has fields") && selected && !calls &&
               (written == "length" || written == "size" || written == "len")) {
      by = "size()";
    } else if (says("string has no fields or items") && i > 0 && is(i, "[") && is(i + 2, "]") &&
               pieces[i + 1].kind == Piece::Kind::number && pieces[i - 1].kind == Piece::Kind::word) {
      by = ".charAt(" + pieces[i + 1].text + ")";
      i += 2;
    } else if (says("slice does not take (string") && selected && calls && written == "slice") {
      by = "substring";
    }
    if (by.empty()) continue;
    const size_t begin = by[0] == '.' ? pieces[i - 2].begin : pieces[i].begin;
    out += text.substr(copied, begin - copied);
    out += by;
    copied = pieces[i].end;
  }
  if (copied == 0) return std::nullopt;
  out += text.substr(copied);
  if (!fits(out)) return std::nullopt;
  return out;
}

std::string with_our_spelling(std::string hint, std::string_view text, bool is_list,
                              const std::function<bool(const std::string&)>& fits) {
  const auto ours = in_our_spelling(text, is_list, fits);
  if (!ours) return hint;
  // A hint such as `write &&`, but no pattern, and no hint that concerns one item alone.
  const bool says_what = hint.rfind("write ", 0) == 0 && hint.find('(') == std::string::npos &&
                         hint.find("...") == std::string::npos && hint.find("NAME=") == std::string::npos &&
                         hint.find(": ") == std::string::npos;
  return (says_what ? hint : "write") + ": " + *ours;
}

}  // namespace kutils::expr
