// The rules for other languages' spellings, as tables by origin. A rule looks at one place of an expression and
// replaces what it finds there; habits.cc asks them at each place in turn, and again for what they made.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expr/habits/pieces.h"

namespace kutils::expr::habits {

// The whole text with the spelling at piece `i` replaced; nullopt: it does not apply there.
using Rewrite = std::optional<std::string> (*)(const Pieces& p, size_t i);

struct Rule {
  std::string_view spelling;  // a word in lower case, or a symbol
  Rewrite rewrite = nullptr;
  std::string_view ours = {};  // without `rewrite`: what replaces the word or symbol
};

// Of equal spellings the first rule that applies wins, and an origin's before the next one's.
struct Rules {
  std::vector<Rule> statements;  // words that begin or end a construct of their own, also before `(`
  std::vector<Rule> words;       // other words that are not called or selected
  std::vector<Rule> symbols;
};
Rules sql_rules();
Rules python_rules();
Rules javascript_rules();
Rules jq_rules();
Rules regex_rules();  // Perl, awk, Miller, Postgres: =~ !~ ~*
Rules time_rules();   // _ts beside a time

// Functions and methods of all of them (words.h), by name and number of arguments. `i`: the name.
std::optional<std::string> rewrite_call(const Pieces& p, size_t i);
// a contains b, a starts with b, a eq b, a -gt b
std::optional<std::string> rewrite_infix_word(const Pieces& p, size_t i);
// 1h beside a time
std::optional<std::string> rewrite_number(const Pieces& p, size_t i);

// SQL's clauses as a command: `x WHERE a GROUP BY b LIMIT 3`. `is_list`: x is columns, else a condition. `mend` gives an expression or a list in our
// spelling. nullopt: no clauses, or some for which there is no tool.
std::optional<std::string> sql_as_command(
    std::string_view text, bool is_list,
    const std::function<std::string(const std::string& part, bool is_list)>& mend);

// Parts that several origins use.
std::optional<std::string> default_value(const Pieces& p, size_t i);     // a ?? b: the first one that exists
std::optional<std::string> rewrite_match(const Pieces& p, size_t i);     // a =~ b
std::optional<std::string> alternatives(const Pieces& p, size_t i);      // a == 1 or 2
std::optional<std::string> alias_without_as(const Pieces& p, size_t i);  // SQL's `number n`
std::optional<std::string> short_negation(const Pieces& p, size_t i);    // !a > 1
std::optional<std::string> interpolation(const Pieces& p, size_t i);     // jq's "\(.a)-\(.b)"
std::optional<std::string> whole_number(const Pieces& p, size_t i);      // 1_000
std::string power_of(std::string base, const std::string& exponent);     // empty: not for this exponent
// A call of a function of times; empty: it is none, or none with such arguments.
std::string time_call(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace kutils::expr::habits
