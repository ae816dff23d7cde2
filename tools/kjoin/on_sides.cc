#include "kjoin/on_sides.h"

#include <initializer_list>
#include <string_view>

#include "base/nesting.h"
#include "base/trim.h"

namespace kutils {

namespace {

// Without the first of `names` that stands in front of a dot; as it is where none does.
std::string_view without_side(std::string_view field, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (!name.empty() && field.size() > name.size() + 1 && field.starts_with(name) &&
        field[name.size()] == '.')
      return field.substr(name.size() + 1);
  return field;
}

bool is_plain(std::string_view field) {
  for (const char c : field)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
      return false;
  return !field.empty() && !(field.front() >= '0' && field.front() <= '9');
}

std::optional<size_t> place_of_comparison(const std::string& text) {
  const size_t at = text.find("==");
  if (at == std::string::npos || at == 0 || text[at - 1] == '=') return std::nullopt;
  return at;
}

}  // namespace

std::optional<size_t> place_of_equals(const std::string& text) {
  Nesting nesting;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!nesting.take(text[i]) || text[i] != '=') continue;
    if (i + 1 < text.size() && text[i + 1] == '=') {
      nesting.take(text[++i]);
    } else if (i > 0 && text[i - 1] != '!' && text[i - 1] != '<' && text[i - 1] != '>') {
      return i;
    }
  }
  return std::nullopt;
}

std::optional<SqlCondition> sql_condition(const std::string& on, const std::string& left_topic,
                                          const std::string& right_topic) {
  const std::optional<size_t> compares = place_of_comparison(on);
  const std::optional<size_t> equals = compares ? compares : place_of_equals(on);
  if (!equals) return std::nullopt;
  const std::string_view text = on;
  const std::string_view left = trim(text.substr(0, *equals)),
                         right = trim(text.substr(*equals + (compares ? 2 : 1)));
  const std::string_view of_left = without_side(left, {"left", "l", "a", left_topic}),
                         of_right = without_side(right, {"right", "r", "b", right_topic});
  if (!is_plain(of_left) || !is_plain(of_right)) return std::nullopt;
  return SqlCondition{compares.has_value(), of_left.size() < left.size() && of_right.size() < right.size(),
                      std::string(of_left), std::string(of_right)};
}

}  // namespace kutils
