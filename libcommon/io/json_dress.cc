#include "io/json_dress.h"

#include <vector>

#include "base/printable.h"

namespace kutils::io {
namespace {

constexpr std::string_view kString = "\033[32m", kNumber = "\033[36m", kWord = "\033[35m";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Behind the token at `from`, which is no space.
size_t token_end(std::string_view json, size_t from) {
  size_t i = from + 1;
  if (json[from] == '"') {
    while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
    return i < json.size() ? i + 1 : json.size();
  }
  if (std::string_view("{}[],:").find(json[from]) != std::string_view::npos) return i;
  while (i < json.size() && !is_space(json[i]) &&
         std::string_view("{}[],:").find(json[i]) == std::string_view::npos)
    ++i;
  return i;
}

}  // namespace

std::string_view colour_of(std::string_view json) {
  const char c = json[0];
  if (c == '{' || c == '[') return {};
  return c == '"' ? kString : c == '-' || (c >= '0' && c <= '9') ? kNumber : kWord;
}

std::string printable_but_colours(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    // Up to the next of the codes.
    size_t end = 0;
    std::string_view code;
    for (; code.empty() && (end = text.find('\033', end)) != text.npos; end += code.empty() ? 1 : 0)
      for (const std::string_view one : {kNameColour, kNoColour, kString, kNumber, kWord})
        if (text.substr(end).starts_with(one)) code = one;
    out += printable(text.substr(0, end));
    out += code;
    text.remove_prefix(end == text.npos ? text.size() : end + code.size());
  }
  return out;
}

void append_dressed(std::string_view json, const JsonDress& dress, std::string& out) {
  std::vector<char> open;  // brackets around
  bool name_next = false;
  bool empty = false;  // behind an opening bracket
  const auto new_line = [&] {
    if (!dress.pretty) return;
    out += '\n';
    out.append(open.size() * 2, ' ');
  };
  for (size_t at = 0; at < json.size();) {
    if (is_space(json[at])) {
      ++at;
      continue;
    }
    const size_t end = token_end(json, at);
    const std::string_view token = json.substr(at, end - at);
    at = end;
    const char c = token[0];
    if (c == '}' || c == ']') {
      if (!open.empty()) open.pop_back();
      if (!empty) new_line();
      out += c;
      empty = name_next = false;
      continue;
    }
    if (empty) new_line();
    empty = false;
    if (c == '{' || c == '[') {
      out += c;
      open.push_back(c);
      empty = true;
      name_next = c == '{';
    } else if (c == ',') {
      out += c;
      new_line();
      name_next = !open.empty() && open.back() == '{';
    } else if (c == ':') {
      out += dress.pretty ? ": " : ":";
      name_next = false;
    } else {
      if (dress.colour) out += name_next ? kNameColour : colour_of(token);
      out += dress.colour ? printable(token) : std::string(token);
      if (dress.colour) out += kNoColour;
    }
  }
}

void ValueDresser::append_if_json(std::string_view value, std::string& out) {
  const auto bad = reader_.read(value);
  if (bad && bad->reason != Reason::not_an_object)
    out += value;
  else
    append_dressed(value, dress_, out);
}

}  // namespace kutils::io
