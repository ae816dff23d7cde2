#include "kjoin/select_list.h"

#include <cctype>
#include <string_view>
#include <vector>

#include "kmap/map_stage.h"

namespace kutils {
namespace {

// "left" or "right" for `left.a.b`; empty for anything else.
std::string_view side_of_path(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') return {};
  for (const std::string_view side : {std::string_view("left"), std::string_view("right")})
    if (text.size() > side.size() + 1 && text.substr(0, side.size()) == side && text[side.size()] == '.')
      return side;
  return {};
}

}  // namespace

std::string null_where_missing(const std::string& list, const std::string& what) {
  std::string text = list;
  const std::vector<expr::ListItem> items = map_items(list, what);
  for (size_t i = items.size(); i-- > 0;) {
    const expr::ListItem& item = items[i];
    if (item.kind != expr::ListItem::Kind::field) continue;
    const std::string side(side_of_path(item.expression));
    if (side.empty()) continue;
    std::string made = item.named ? "" : item.name + "=";
    made += side + " == null ? null : " + item.expression;
    text.replace(item.position, item.expression.size(), made);
  }
  return text;
}

std::string with_sides(const std::string& text, const std::string& left, const std::string& right) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  std::string out;
  char quote = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (quote != 0 || c == '"' || c == '\'') {
      if (quote == 0)
        quote = c;
      else if (c == quote)
        quote = 0;
      out += text[at++];
      continue;
    }
    size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string word = text.substr(at, end - at);
    const bool is_side = word == "left" || word == "right";
    const bool begins = end < text.size() && text[end] == '.' && (at == 0 || text[at - 1] != '.') && !is_side;
    out += begins && word == left ? "left" : begins && word == right ? "right" : word;
    if (end == at) out += text[end++];
    at = end;
  }
  return out;
}

}  // namespace kutils
