// url.parse(): RFC 3986's parts of a URL.
#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "expr/registry.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// `text` up to the first of `ends`, which is left in `text` with what follows.
std::string_view take_until(std::string_view& text, const char* ends) {
  const size_t at = std::min(text.find_first_of(ends), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at);
  return taken;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// What forms send: + is a space, %41 a byte. What is no escape, or no UTF-8 when decoded, stays as it is.
Value decoded(Context& context, std::string_view text) {
  if (text.find_first_of("+%") == text.npos) return Value::string(text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return is_utf8(out) ? context.string(out) : Value::string(text);
}

Value parameters(Context& context, std::string_view query) {
  const auto separators = static_cast<size_t>(std::count(query.begin(), query.end(), '&'));
  auto* entries = context.allocate_array<MapEntry>(separators + 1);
  size_t n = 0;
  for (size_t from = 0; from <= query.size();) {
    const size_t end = std::min(query.find('&', from), query.size());
    const std::string_view one = query.substr(from, end - from);
    from = end + 1;
    if (one.empty()) continue;
    const size_t equals = std::min(one.find('='), one.size());
    const std::string_view value = one.substr(std::min(equals + 1, one.size()));
    entries[n++] = {decoded(context, one.substr(0, equals)), decoded(context, value)};
  }
  return context.map(entries, n, true);
}

}  // namespace

Value parse_url(Context& context, const Value* arguments, size_t) {
  std::string_view rest = arguments[0].as_string();
  const std::string_view whole = rest;
  const auto fails = [&](const char* why) {
    return context.fail("url.parse(): '" + shortened(whole) + "' " + why);
  };
  if (std::any_of(whole.begin(), whole.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20; }))
    return fails("is not a URL: it has white space or control characters");
  Value scheme, user, host, port, query, fragment;
  const size_t colon = rest.find_first_of(":/?#");
  const auto in_scheme = [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  };
  if (colon != rest.npos && colon > 0 && rest[colon] == ':' && is_letter(rest[0]) &&
      std::all_of(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(colon), in_scheme)) {
    scheme = context.string(lower_case(rest.substr(0, colon)));
    rest.remove_prefix(colon + 1);
  }
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    std::string_view authority = take_until(rest, "/?#");
    if (const size_t at = authority.rfind('@'); at != authority.npos) {
      user = Value::string(authority.substr(0, at));
      authority.remove_prefix(at + 1);
    }
    const size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
    if (bracket == authority.npos) return fails("has an address without its ]");
    const size_t digits = authority.find(':', bracket);
    host = context.string(lower_case(authority.substr(0, digits)));
    if (digits != authority.npos && digits + 1 < authority.size()) {
      uint16_t number = 0;
      const char* end = authority.data() + authority.size();
      const auto [stopped, error] = std::from_chars(authority.data() + digits + 1, end, number);
      if (error != std::errc() || stopped != end)
        return fails("has a port that is not a number from 0 to 65535");
      port = Value::integer(number);
    }
  }
  const Value path = Value::string(take_until(rest, "?#"));
  Value named = context.map(context.allocate_array<MapEntry>(0), 0, true);
  if (rest.starts_with('?')) {
    rest.remove_prefix(1);
    const std::string_view text = take_until(rest, "#");
    query = Value::string(text);
    named = parameters(context, text);
  }
  if (rest.starts_with('#')) fragment = Value::string(rest.substr(1));
  const std::pair<const char*, Value> parts[] = {
      {"scheme", scheme}, {"user", user},   {"host", host},        {"port", port},
      {"path", path},     {"query", query}, {"parameters", named}, {"fragment", fragment}};
  auto* entries = context.allocate_array<MapEntry>(std::size(parts));
  for (size_t i = 0; i < std::size(parts); ++i) entries[i] = {Value::string(parts[i].first), parts[i].second};
  return context.map(entries, std::size(parts), true);
}

}  // namespace kutils::expr
