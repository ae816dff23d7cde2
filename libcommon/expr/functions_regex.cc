// CEL's matches() and regex extension, by RE2: linear time whatever the pattern.
#include <time.h>

#include <algorithm>
#include <optional>
#include <string>

#include "expr/regex_cache.h"
#include "expr/registry.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;
using re2::StringPiece;

constexpr int kMaxGroups = 64;

StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }
Value view(const StringPiece& text) { return Value::string({text.data() ? text.data() : "", text.size()}); }

// Null pointer: `error` is the result.
const RE2* pattern(Context& context, const Value& text, Value& error) {
  std::string why;
  const uint64_t compiled = context.regexes->compiled;
  const RE2* regex = context.regexes->get(text.as_string(), why);
  if (context.regexes->compiled != compiled)
    context.steps(regex ? static_cast<uint64_t>(regex->ProgramSize()) : text.as_string().size());
  if (!regex) error = context.fail("not a regular expression: " + why);
  return regex;
}

int64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

// One search in `text`. RE2 may fall back to an engine that visits each of the program's instructions for
// each byte, at 25 ns a visit. A large search is charged for that in advance.
enum class Pays { first, if_slow };
bool search(const RE2& regex, std::string_view text, size_t from, StringPiece* found, int n, Context& context,
            Pays pays = Pays::first) {
  constexpr uint64_t kFewVisits = 1'000'000, kStepVisits = 128;
  constexpr uint64_t kLongVisits = 20'000'000;  // half a second
  const size_t bytes = text.size() - from;
  const uint64_t visits = bytes * static_cast<uint64_t>(regex.ProgramSize());
  if (visits <= kFewVisits) return regex.Match(piece(text), from, text.size(), RE2::UNANCHORED, found, n);
  if (pays == Pays::first) context.steps(visits / kStepVisits);
  std::optional<DeafCall> deaf;
  if (visits > kLongVisits) deaf.emplace();
  const int64_t began_ns = thread_cpu_ns();
  const bool matches = regex.Match(piece(text), from, text.size(), RE2::UNANCHORED, found, n);
  deaf.reset();
  // Most searches use the quick engine. Only one that took longer than that engine does is charged.
  constexpr int64_t kSlowNs = 30;  // per byte
  if (pays == Pays::if_slow && thread_cpu_ns() - began_ns > static_cast<int64_t>(bytes) * kSlowNs)
    context.steps(visits / kStepVisits);
  return matches;
}

Value matches(Context& context, Arguments a, size_t) {
  Value error;
  const RE2* regex = pattern(context, a[1], error);
  return regex ? Value::boolean(search(*regex, a[0].as_string(), 0, nullptr, 0, context)) : error;
}

// The first group if there is one, else the whole match; more groups are an error.
Value extract(Context& context, Arguments a, size_t) {
  Value error;
  const RE2* regex = pattern(context, a[1], error);
  if (!regex) return error;
  const int groups = regex->NumberOfCapturingGroups();
  if (groups > 1) return context.fail("extract() takes a pattern with at most one group");
  StringPiece found[2];
  if (!search(*regex, a[0].as_string(), 0, found, groups + 1, context)) return Context::none();
  if (!found[groups].data()) return Context::none();
  return context.some(view(found[groups]));
}

bool within_character(std::string_view utf8, size_t at) {
  return at < utf8.size() && (static_cast<unsigned char>(utf8[at]) & 0xc0) == 0x80;
}

// Whether a search may read far beyond the match that it finds, so that looking for the next one from there
// on reads the same bytes again and again: `a.*b|a` on many a. In a pattern that is a plain row of
// characters and classes, each with any repetition, what keeps a search going behind its match cannot hold
// another match; and without an unbounded repetition none goes far. So what is left are choices and repeated
// groups together with an unbounded repetition.
bool may_read_far(std::string_view pattern) {
  bool chooses = false, unbounded = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (c == '[') {
      i += 1 + (pattern.substr(i + 1, 1) == "^" ? 1 : 0);  // a bracket that comes first is one of the class
      if (pattern.substr(i, 1) == "\\") ++i;
      while (i + 1 < pattern.size() && pattern[i + 1] != ']') i += pattern[i + 1] == '\\' ? 2 : 1;
      ++i;
    } else if (c == '|') {
      chooses = true;
    } else if (c == ')') {
      const char next = i + 1 < pattern.size() ? pattern[i + 1] : 0;
      chooses |= next == '*' || next == '+' || next == '?' || next == '{';
    } else if (c == '*' || c == '+') {
      unbounded = true;
    } else if (c == '{') {
      const size_t end = pattern.find('}', i);
      unbounded |= end != std::string_view::npos && pattern[end - 1] == ',';
    }
  }
  return chooses && unbounded;
}

// Calls `turn` with the groups of each match; it returns false to stop.
template <typename Turn>
void each_match(const RE2& regex, std::string_view text, int groups, Context& context, Turn turn) {
  StringPiece found[kMaxGroups + 1];
  size_t at = 0;
  size_t last_end = std::string_view::npos;
  // Such a search is charged for all that it may read; the others together read the text about once.
  constexpr size_t kFewBytes = 4096, kFarBytes = 64;
  const bool far = text.size() > kFewBytes && may_read_far(regex.pattern());
  while (at <= text.size()) {
    if (far) context.steps((text.size() - at) / kFarBytes);
    if (!search(regex, text, at, found, groups + 1, context, at == 0 ? Pays::first : Pays::if_slow)) return;
    context.steps();
    const auto end = static_cast<size_t>(found[0].data() - text.data()) + found[0].size();
    const bool empty = found[0].empty();
    // An empty match right behind a match is none; nor is \B within a character, which RE2 takes for bytes.
    if (!(empty && (end == last_end || within_character(text, end))) && !turn(found)) return;
    at = last_end = end;
    if (!empty) continue;
    if (at >= text.size()) break;
    do ++at;
    while (within_character(text, at));
  }
}

Value extract_all(Context& context, Arguments a, size_t) {
  Value error;
  const RE2* regex = pattern(context, a[1], error);
  if (!regex) return error;
  const int groups = regex->NumberOfCapturingGroups();
  if (groups > 1) return context.fail("extractAll() takes a pattern with at most one group");
  std::vector<Value> out;
  each_match(*regex, a[0].as_string(), groups, context, [&](const StringPiece* found) {
    if (found[groups].data()) out.push_back(view(found[groups]));
    return true;
  });
  return context.list(out);
}

// \1 to \9 in the replacement are groups, \0 the match, \\ a backslash.
Value replace(Context& context, Arguments a, size_t n) {
  Value error;
  const RE2* regex = pattern(context, a[1], error);
  if (!regex) return error;
  const auto text = a[0].as_string();
  const auto by = a[2].as_string();
  int64_t left = n == 4 ? a[3].as_int() : -1;
  const int groups = std::min(regex->NumberOfCapturingGroups(), kMaxGroups);
  std::string why;
  if (!regex->CheckRewriteString(piece(by), &why)) return context.fail("the replacement is wrong: " + why);
  std::string out;
  size_t copied = 0;
  if (left != 0) {
    each_match(*regex, text, groups, context, [&](const StringPiece* found) {
      const auto begin = static_cast<size_t>(found[0].data() - text.data());
      context.charge(begin - copied + by.size());
      out += text.substr(copied, begin - copied);
      const size_t before = out.size();
      regex->Rewrite(&out, piece(by), found, groups + 1);
      context.charge(out.size() - before);
      copied = begin + found[0].size();
      return --left != 0;
    });
  }
  out += text.substr(copied);
  return context.string(out);
}

Value captures(Context& context, Arguments a, size_t) {
  Value error;
  const RE2* regex = pattern(context, a[1], error);
  if (!regex) return error;
  const int groups = std::min(regex->NumberOfCapturingGroups(), kMaxGroups);
  StringPiece found[kMaxGroups + 1];
  if (!search(*regex, a[0].as_string(), 0, found, groups + 1, context))
    return context.fail("the pattern does not match");
  const auto& names = regex->CapturingGroupNames();
  auto* entries = context.allocate_array<MapEntry>(static_cast<size_t>(groups) + 1);
  for (int i = 0; i <= groups; ++i) {
    const auto name = names.find(i);
    entries[i].key = context.string(name == names.end() ? std::to_string(i) : name->second);
    entries[i].value = found[i].data() ? view(found[i]) : Value::null();
  }
  return context.map(entries, static_cast<size_t>(groups) + 1, true);
}

}  // namespace

std::span<const Function> regex_functions() {
  static const std::vector<Function> kTable = {
      {"matches",
       Form::either,
       {{kBool, {kString, kString}, matches}},
       "STRING.matches(REGEX) -> bool",
       "whether the RE2 pattern is found in the string; also matches(s, re)",
       "'2024-05'.matches('^[0-9]{4}-')",
       false,
       false,
       false,
       1},
      {"regex.extract",
       Form::function,
       {{kOptional, {kString, kString}, extract}},
       "regex.extract(STRING, REGEX) -> optional",
       "an optional of the first match, or of its group; empty without a match",
       "regex.extract('id=17', 'id=([0-9]+)').value() == '17'",
       false,
       false,
       false,
       1},
      {"regex.extractAll",
       Form::function,
       {{kList, {kString, kString}, extract_all}},
       "regex.extractAll(STRING, REGEX) -> list",
       "all matches, or the group of each",
       "regex.extractAll('a1b22', '[0-9]+') == ['1', '22']",
       false,
       false,
       false,
       1},
      {"regex.replace",
       Form::function,
       {{kString, {kString, kString, kString}, replace},
        {kString, {kString, kString, kString, kInt}, replace}},
       "regex.replace(STRING, REGEX, NEW[, LIMIT]) -> string",
       "the string with each match (at most LIMIT) replaced by NEW, in which \\1 is the first group",
       "regex.replace('a-b', '(a)-(b)', r'\\2-\\1') == 'b-a'",
       false,
       false,
       false,
       1},
      {"regex.captures",
       Form::function,
       {{kMap, {kString, kString}, captures}},
       "regex.captures(STRING, REGEX) -> map",
       "the groups of the first match by name, else by number; 0 is the match; no match is an error",
       "regex.captures('GET /x', '(?P<verb>[A-Z]+) (.*)') == {'0': 'GET /x', 'verb': 'GET', '2': '/x'}",
       true,
       false,
       false,
       1},
  };
  return kTable;
}

}  // namespace kutils::expr
