// What people write who come from SQL, jq, Python or JavaScript, and how it is written here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::expr {

// The whole of `text` with such spellings replaced: `len(uri) > 3` is `size(uri) > 3`, `a like "x%"` is
// `a.startsWith("x")`. nullopt: it has none, or what results is not taken by `fits` either. `is_list`:
// `NAME=` names an item, and `x as y` is `y=x`.
std::optional<std::string> in_our_spelling(std::string_view text, bool is_list,
                                           const std::function<bool(const std::string&)>& fits);

// The same for a word that only a record shows to be foreign, because a record could have such a field:
// `missing` is the missing field (True, None, offset); else `complaint` is the record's error (`uri.length`,
// `a || b` of texts).
std::optional<std::string> for_such_records(std::string_view text, std::string_view missing,
                                            std::string_view complaint,
                                            const std::function<bool(const std::string&)>& fits);

// `text` with each name that no field has, but some nearly, corrected; nullopt: there are not several. Names of items
// (`n=`), calls and what is selected stay.
std::optional<std::string> with_nearest_names(const std::string& text,
                                              const std::vector<std::string>& fields);

// For an aggregate where records are processed one at a time: the tools that have it. Empty: `name` is none. `argument`
// is its argument, as far as it is known.
std::string aggregate_hint(std::string_view name, const std::string& argument = "x");

// For a function of jq or Miller that changes the stream, not a record: what does that here. Empty: `name` is
// none.
std::string stream_function_hint(std::string_view name, const std::string& argument = "EXPR");

// `list` with `NAME=` at `position`, where an item has no name, and in our spelling. Empty: it does not fit
// then either.
std::string named_spelling(std::string_view list, size_t position,
                           const std::function<bool(const std::string&)>& fits);

// `SELECT a, b AS c FROM t`, and nothing more: the columns in our spelling. `from` is empty where it is something else.
struct SimpleSelect {
  std::string columns, from;
};
SimpleSelect simple_select(std::string_view text);

// `hint`, and behind it the whole in our spelling where there is one: `write: size(uri) > 3`. SQL's clauses
// become a command.
std::string with_our_spelling(std::string hint, std::string_view text, bool is_list,
                              const std::function<bool(const std::string&)>& fits);

}  // namespace kutils::expr
