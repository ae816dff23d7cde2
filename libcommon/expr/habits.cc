#include "expr/habits.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "expr/habits/rules.h"
#include "expr/habits/words.h"

namespace kutils::expr {
namespace {

using habits::Piece;
using habits::Pieces;
using habits::Rule;
using habits::Rules;
using habits::scan;

constexpr size_t kMaxText = 400;
constexpr int kMaxRewrites = 30;

// In the order in which they are asked.
const std::vector<Rules>& origins() {
  static const std::vector<Rules> all = {habits::python_rules(),     habits::regex_rules(),
                                         habits::javascript_rules(), habits::time_rules(),
                                         habits::sql_rules(),        habits::jq_rules()};
  return all;
}

std::optional<std::string> first_of(std::vector<Rule> Rules::*table, const Pieces& p, size_t i) {
  for (const Rules& origin : origins()) {
    for (const Rule& rule : origin.*table) {
      if (rule.spelling != p[i].text) continue;
      if (!rule.rewrite) return p.replaced(i, i + 1, std::string(rule.ours));
      if (auto done = rule.rewrite(p, i)) return done;
    }
  }
  return std::nullopt;
}

std::optional<std::string> rewrite_word(const Pieces& p, size_t i) {
  const std::string& word = p[i].text;
  const bool selected = i > 0 && p.is(i - 1, ".");
  if (!selected) {
    if (auto done = first_of(&Rules::statements, p, i)) return done;
    if (auto done = habits::rewrite_infix_word(p, i)) return done;
  }
  if (p.is(i + 1, "(") && word != "in" && word != "and" && word != "or" && word != "not")
    return habits::rewrite_call(p, i);
  if (selected) return std::nullopt;
  return first_of(&Rules::words, p, i);
}

// Quotes, spaces and signs that editors and chats put in place of those of the keyboard.
std::string with_plain_signs(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kSigns[] = {
      {"\u201c", "\""}, {"\u201d", "\""}, {"\u201e", "\""}, {"\u00ab", "\""}, {"\u00bb", "\""},
      {"\u2018", "'"},  {"\u2019", "'"},  {"\u00a0", " "},  {"\u2212", "-"},  {"\u2013", "-"},
      {"\u00d7", "*"},  {"\u2264", "<="}, {"\u2265", ">="}, {"\u2260", "!="}};
  std::string out;
  char quote = 0;  // a string's own characters stay
  for (size_t at = 0; at < text.size();) {
    if (quote != 0 || text[at] == '"' || text[at] == '\'') {
      if (quote == 0)
        quote = text[at];
      else if (text[at] == quote)
        quote = 0;
      else if (text[at] == '\\' && at + 1 < text.size())
        out += text[at++];
      out += text[at++];
      continue;
    }
    const auto found = std::find_if(std::begin(kSigns), std::end(kSigns),
                                    [&](const auto& one) { return text.substr(at).starts_with(one.first); });
    out += found == std::end(kSigns) ? text.substr(at, 1) : found->second;
    at += found == std::end(kSigns) ? 1 : found->first.size();
  }
  return out;
}

// A name with other letters than those of ASCII stands in backticks.
std::optional<std::string> quoted_name(const Pieces& p, size_t i) {
  const std::string name = p.written(i, i + 1);
  const bool has_others = std::any_of(name.begin(), name.end(),
                                      [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; });
  if (!has_others || name.front() == '`' || p.is(i + 1, "(")) return std::nullopt;
  return p.replaced(i, i + 1, "`" + name + "`");
}

// One spelling at a time; the text is scanned again behind each.
std::optional<std::string> rewritten_once(const Pieces& p) {
  for (size_t i = 0; i < p.size(); ++i)
    if (auto done = habits::alias_without_as(p, i)) return done;
  for (size_t i = 0; i < p.size(); ++i) {
    std::optional<std::string> done;
    if (p[i].kind == Piece::Kind::word) done = quoted_name(p, i);
    if (p[i].kind == Piece::Kind::word && !done) done = rewrite_word(p, i);
    if (p[i].kind == Piece::Kind::symbol) done = first_of(&Rules::symbols, p, i);
    if (p[i].kind == Piece::Kind::number) done = habits::whole_number(p, i);
    if (p[i].kind == Piece::Kind::number && !done) done = habits::rewrite_number(p, i);
    if (p[i].kind == Piece::Kind::string) done = habits::interpolation(p, i);
    if (done) return done;
  }
  return std::nullopt;
}

bool is_number_in_quotes(std::string_view written) {
  if (written.size() < 3 || (written.front() != '"' && written.front() != '\'')) return false;
  const std::string_view inner = written.substr(1, written.size() - 2);
  return inner.find_first_not_of("0123456789.") == inner.npos && inner.front() != '.' && inner.back() != '.';
}

}  // namespace

constexpr std::string_view kAggregated = "records are aggregated by ktable";

std::string aggregate_hint(std::string_view name, const std::string& argument) {
  if (std::find(std::begin(habits::kAggregateNames), std::end(habits::kAggregateNames), name) ==
      std::end(habits::kAggregateNames))
    return {};
  const std::string ours = name == "median"  ? "percentile(" + argument + ", 50)"
                           : name == "mean"  ? "avg(" + argument + ")"
                           : name == "count" ? "count()"
                                             : std::string(name) + "(" + argument + ")";
  return std::string(kAggregated) + ", by groups with --by EXPR, and per window by kwindow: ktable --total " +
         shell_word(ours) + " IN";
}

std::optional<std::string> in_our_spelling(std::string_view text, bool is_list,
                                           const std::function<bool(const std::string&)>& fits) {
  if (text.size() > kMaxText || text.find('\n') != std::string_view::npos) return std::nullopt;
  std::string now = with_plain_signs(text);
  // SQL's end of a statement, and a comma behind the last item.
  while (!now.empty() && (now.back() == ';' || now.back() == ' ' || now.back() == ',')) now.pop_back();
  for (int n = 0; n < kMaxRewrites; ++n) {
    auto next = rewritten_once(Pieces(now, is_list));
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
  const auto foreign = std::find_if(std::begin(habits::kNames), std::end(habits::kNames),
                                    [&](const auto& one) { return one.first == missing; });
  std::string out;
  size_t copied = 0;
  const std::vector<Piece> pieces = scan(text);
  // Words that are one value of several, or a negation that reaches too short.
  if (says(" needs bool, not ")) {
    const Pieces p(text, false);
    for (size_t i = 0; i < p.size(); ++i) {
      std::optional<std::string> whole;
      if (p.is(i, "||") || p.is(i, "&&")) whole = habits::alternatives(p, i);
      if (p.is(i, "!") && says("! needs bool")) whole = habits::short_negation(p, i);
      // Truth of other languages: a field that is there, and not empty.
      const size_t behind = p.primary_after(i + 1);
      if (p.is(i, "!") && !whole && says("! needs bool, not string") && behind > i + 1)
        whole = p.replaced(i, behind, "coalesce(" + p.written(i + 1, behind) + ", \"\") == \"\"");
      if (whole && fits(*whole)) return whole;
    }
  }
  const bool compares = std::any_of(pieces.begin(), pieces.end(), [](const Piece& one) {
    return one.kind == Piece::Kind::symbol && (one.text == "==" || one.text == "!=" || one.text == "<" ||
                                               one.text == ">" || one.text == "<=" || one.text == ">=");
  });
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto is = [&](size_t at, std::string_view what) {
      return at < pieces.size() && pieces[at].kind != Piece::Kind::string && pieces[at].text == what;
    };
    const std::string_view written = text.substr(pieces[i].begin, pieces[i].end - pieces[i].begin);
    const bool selected = i > 0 && is(i - 1, ".");
    const bool calls = is(i + 1, "(");
    std::string by;
    if (!missing.empty()) {
      if (foreign != std::end(habits::kNames) && written == missing && !selected && !calls)
        by = foreign->second;
    } else if (says("|| needs bool, not string") && is(i, "||") && !compares) {
      // The left one is a string, the right one may be a number.
      const Pieces p(text, false);
      const size_t behind = p.primary_after(i + 1);
      if (behind == i + 1) continue;
      out += text.substr(copied, pieces[i].begin - copied);
      out += behind == i + 2 && pieces[i + 1].kind == Piece::Kind::string
                 ? "+ " + p.written(i + 1, behind)
                 : "+ string(" + p.written(i + 1, behind) + ")";
      copied = pieces[behind - 1].end;
      i = behind - 1;
      continue;
    } else if (says("string in string") && is(i, "in")) {
      const Pieces p(text, false);
      const size_t left = p.primary_before(i), behind = p.primary_after(i + 1);
      if (left == i || behind == i + 1) continue;
      if (auto whole =
              p.replaced(left, behind, p.written(i + 1, behind) + ".contains(" + p.written(left, i) + ")");
          fits(*whole))
        return whole;
      continue;
    } else if (says("timestamp is out of range") && written == "timestamp" && calls && !selected) {
      by = "timestamp_ms";
    } else if (says("contains does not take (list") && selected && calls && written == "contains") {
      const Pieces p(text, false);
      const size_t left = p.primary_before(i - 1), behind = p.behind_bracket(i + 1);
      if (behind == 0 || left == i - 1) continue;
      if (auto whole =
              p.replaced(left, behind, p.written(i + 2, behind - 1) + " in " + p.written(left, i - 1));
          fits(*whole))
        return whole;
      continue;
    } else if (says("only a map has fields") && selected && !calls &&
               (written == "length" || written == "size" || written == "len")) {
      by = "size()";
    } else if (says("string has no fields or items") && i > 0 && is(i, "[") && is(i + 2, "]") &&
               pieces[i + 1].kind == Piece::Kind::number && pieces[i - 1].kind == Piece::Kind::word) {
      by = ".charAt(" + pieces[i + 1].text + ")";
      i += 2;
    } else if ((says("int > string") || says("int < string") || says("int >= string") ||
                says("int <= string") || says("double > string") || says("double < string") ||
                says("double >= string") || says("double <= string")) &&
               pieces[i].kind == Piece::Kind::string && is_number_in_quotes(written) && i > 0 &&
               (is(i - 1, "<") || is(i - 1, "<=") || is(i - 1, ">") || is(i - 1, ">="))) {
      by = written.substr(1, written.size() - 2);
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

std::optional<std::string> with_nearest_names(const std::string& text,
                                              const std::vector<std::string>& fields) {
  if (text.size() > kMaxText) return std::nullopt;
  const Pieces p(text, true);
  std::string out;
  size_t copied = 0, corrected = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const std::string name = p.written(i, i + 1);
    if (p[i].kind != Piece::Kind::word || name[0] == '_' || name[0] == '`' || p.is(i + 1, "(") ||
        p.is(i + 1, "=") || (i > 0 && p.is(i - 1, ".")) ||
        std::find(fields.begin(), fields.end(), name) != fields.end())
      continue;
    const std::string near = nearest_name(name, fields);
    if (near.empty()) continue;
    out += text.substr(copied, p[i].begin - copied) + near;
    copied = p[i].end;
    ++corrected;
  }
  if (corrected < 2) return std::nullopt;
  return out + text.substr(copied);
}

std::string with_our_spelling(std::string hint, std::string_view text, bool is_list,
                              const std::function<bool(const std::string&)>& fits) {
  // Another aggregate would be none here either.
  if (hint.starts_with(kAggregated)) return hint;
  const auto ours = in_our_spelling(text, is_list, fits);
  if (ours) return "write: " + *ours;
  const Pieces p(text, is_list);
  for (size_t i = 0; !is_list && hint.empty() && i + 3 < p.size(); ++i)
    if (p.is(i, "count") && p.is(i + 1, "(") && p.is(i + 2, "*") && p.is(i + 3, ")"))
      return aggregate_hint("count");
  if (text.size() > kMaxText || text.find('\n') != std::string_view::npos) return hint;
  const auto mended = [](const std::string& part, bool part_is_list) {
    const auto other = in_our_spelling(part, part_is_list, [](const std::string&) { return true; });
    return other ? *other : part;
  };
  while (!text.empty() && (text.back() == ';' || text.back() == ' ')) text.remove_suffix(1);
  if (const auto command = habits::sql_as_command(text, is_list, mended))
    return "each clause of SQL is a tool; write: " + *command;
  return hint;
}

SimpleSelect simple_select(std::string_view text) {
  while (!text.empty() && (text.back() == ';' || text.back() == ' ')) text.remove_suffix(1);
  const Pieces p(text, true);
  const size_t from = p.next_of(0, "from");
  if (!p.is(0, "select") || from == Pieces::kNone || from < 2) return {};
  // A name of a topic may have dots and dashes.
  const std::string name(text.substr(p[from].end));
  const size_t begin = name.find_first_not_of(' ');
  if (begin == name.npos || name.find(' ', begin) != name.npos) return {};
  const std::string columns = p.written(1, from);
  const auto ours = in_our_spelling(columns, true, [](const std::string&) { return true; });
  return {ours.value_or(columns), name.substr(begin)};
}

std::string named_spelling(std::string_view list, size_t position,
                           const std::function<bool(const std::string&)>& fits) {
  if (position > list.size()) return {};
  // Spelled as here it may need none.
  if (const auto ours = in_our_spelling(list, true, fits)) return *ours;
  const std::string named =
      std::string(list.substr(0, position)) + "NAME=" + std::string(list.substr(position));
  if (const auto ours = in_our_spelling(named, true, fits)) return *ours;
  return fits(named) ? named : std::string();
}

std::string stream_function_hint(std::string_view name, const std::string& argument) {
  for (const auto& [theirs, ours] : habits::kStreamFunctions) {
    if (theirs != name) continue;
    std::string hint(ours);
    const size_t at = hint.find("--by EXPR");
    const size_t dot = argument.starts_with('.') ? 1 : 0;
    if (at != hint.npos && argument.size() > dot && argument != "x")
      hint.replace(at, 9, "--by " + shell_word(argument.substr(dot)));
    if (const size_t lag = hint.find("lag(x)");
        lag != hint.npos && dot == 0 && !argument.empty() && argument != "EXPR")
      hint.replace(lag, 6, "lag(" + argument + ")");
    return hint;
  }
  return {};
}

}  // namespace kutils::expr
