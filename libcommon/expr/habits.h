// What people write who come from SQL, jq, Python or JavaScript, and how it is written here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kutils::expr {

// The whole of `text` with such spellings replaced: `len(uri) > 3` is `size(uri) > 3`, `a like "x%"` is
// `a.startsWith("x")`. nullopt: it has none, or what results is not taken by `fits` either. `is_list`:
// `NAME=` names an item, and `x as y` is `y=x`.
std::optional<std::string> in_our_spelling(std::string_view text, bool is_list,
                                           const std::function<bool(const std::string&)>& fits);

// `hint`, and behind it the whole in our spelling where there is one: `write: size(uri) > 3`.
std::string with_our_spelling(std::string hint, std::string_view text, bool is_list,
                              const std::function<bool(const std::string&)>& fits);

}  // namespace kutils::expr
