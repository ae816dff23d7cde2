// CEL's strings and encoders extensions. Positions count characters (code points).
#include <locale.h>
#include <wctype.h>

#include <cmath>
#include <cstdio>

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/utf8.h"
#include "data/json_write.h"
#include "expr/registry.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;

Value out_of_range(Context& context, int64_t index) {
  return context.fail("index out of range: " + std::to_string(index));
}

// The byte of character `index`; npos: out of range.
size_t offset_of(std::string_view text, int64_t index) {
  return index < 0 ? std::string_view::npos : code_point_offset(text, static_cast<size_t>(index));
}

Value char_at(Context& context, Arguments a, size_t) {
  const auto text = a[0].as_string();
  const size_t at = offset_of(text, a[1].as_int());
  if (at == std::string_view::npos) return out_of_range(context, a[1].as_int());
  if (at == text.size()) return Value::string("");
  size_t end = at;
  next_code_point(text, end);
  return Value::string(text.substr(at, end - at));
}

Value character_index(std::string_view text, size_t byte) {
  if (byte == std::string_view::npos) return Value::integer(-1);
  return Value::integer(static_cast<int64_t>(count_code_points(text.substr(0, byte))));
}

Value index_of(Context& context, Arguments a, size_t n) {
  const auto text = a[0].as_string();
  size_t from = 0;
  if (n == 3) {
    from = offset_of(text, a[2].as_int());
    if (from == std::string_view::npos) return out_of_range(context, a[2].as_int());
  }
  return character_index(text, find_text(text, a[1].as_string(), from));
}

Value last_index_of(Context& context, Arguments a, size_t n) {
  const auto text = a[0].as_string();
  size_t from = std::string_view::npos;
  if (n == 3) {
    from = offset_of(text, a[2].as_int());
    if (from == std::string_view::npos) return out_of_range(context, a[2].as_int());
  }
  context.work_through(text.size() * a[1].as_string().size());
  return character_index(text, text.rfind(a[1].as_string(), from));
}

Value join(Context& context, Arguments a, size_t n) {
  const auto separator = n == 2 ? a[1].as_string() : std::string_view();
  size_t total = 0;
  const ListValue& list = a[0].as_list();
  context.steps(list.size);
  for (const Value& item : list) {
    if (!item.is_string()) return context.fail(Reason::wrong_type, "join() takes a list of strings");
    total += item.as_string().size() + separator.size();
  }
  context.charge(total);
  std::string out;
  out.reserve(total);
  for (size_t i = 0; i < list.size; ++i) {
    if (i != 0) out += separator;
    out += list.items[i].as_string();
  }
  return context.string(out);
}

Value map_ascii(Context& context, std::string_view text, char from, char to, int shift) {
  char* out = context.allocate(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    out[i] = text[i] >= from && text[i] <= to ? static_cast<char>(text[i] + shift) : text[i];
  }
  return Value::string({out, text.size()});
}
Value lower_ascii(Context& context, Arguments a, size_t) {
  return map_ascii(context, a[0].as_string(), 'A', 'Z', 32);
}
Value upper_ascii(Context& context, Arguments a, size_t) {
  return map_ascii(context, a[0].as_string(), 'a', 'z', -32);
}

// The C library's table for UTF-8, one character for one: ß stays ß. It is built in (glibc 2.35 and newer, musl),
// so that no locale need be installed, and none that the user has set counts.
template <wint_t (*convert)(wint_t, locale_t)>
Value map_case(Context& context, Arguments a, size_t) {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (utf8 == nullptr)
    return context.fail("the C library has no locale C.UTF-8; use lowerAscii(), upperAscii()");
  std::string_view text = a[0].as_string();
  std::string out;
  while (!text.empty()) {
    const size_t size = std::max(utf8_sequence(text), size_t{1});
    uint32_t point = static_cast<unsigned char>(text[0]);
    if (size > 1) point &= 0xffU >> (size + 1);
    for (size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
    append_utf8(static_cast<uint32_t>(convert(static_cast<wint_t>(point), utf8)), out);
    text.remove_prefix(size);
  }
  return context.string(out);
}

Value replace(Context& context, Arguments a, size_t n) {
  const auto text = a[0].as_string();
  const auto old = a[1].as_string();
  const auto by = a[2].as_string();
  int64_t left = n == 4 ? a[3].as_int() : -1;
  std::string out;
  size_t at = 0;
  while (left != 0) {
    size_t found;
    if (old.empty()) {
      // Before every character and at the end.
      found = at;
    } else {
      found = find_text(text, old, at);
      if (found == std::string_view::npos) break;
    }
    out += text.substr(at, found - at);
    context.charge(by.size());
    out += by;
    --left;
    if (old.empty()) {
      if (at >= text.size()) {
        at = text.size();
        break;
      }
      size_t next = at;
      next_code_point(text, next);
      out += text.substr(at, next - at);
      at = next;
    } else {
      at = found + old.size();
    }
  }
  out += text.substr(at);
  return context.string(out);
}

Value split(Context& context, Arguments a, size_t n) {
  const auto text = a[0].as_string();
  const auto separator = a[1].as_string();
  const int64_t limit = n == 3 ? a[2].as_int() : -1;
  std::vector<Value> out;
  if (limit == 0) return context.list(out);
  size_t at = 0;
  while (limit < 0 || static_cast<int64_t>(out.size()) + 1 < limit) {
    size_t found;
    if (separator.empty()) {
      if (at >= text.size()) break;
      found = at;
      next_code_point(text, found);
      if (found >= text.size()) break;
    } else {
      found = find_text(text, separator, at);
      if (found == std::string_view::npos) break;
    }
    context.steps();
    out.push_back(Value::string(text.substr(at, found - at)));
    at = found + separator.size();
  }
  if (!(separator.empty() && text.empty())) out.push_back(Value::string(text.substr(at)));
  return context.list(out);
}

Value substring(Context& context, Arguments a, size_t n) {
  const auto text = a[0].as_string();
  const size_t begin = offset_of(text, a[1].as_int());
  if (begin == std::string_view::npos) return out_of_range(context, a[1].as_int());
  size_t end = text.size();
  if (n == 3) {
    end = offset_of(text, a[2].as_int());
    if (end == std::string_view::npos) return out_of_range(context, a[2].as_int());
    if (end < begin) return context.fail("the end of the substring lies before its start");
  }
  return Value::string(text.substr(begin, end - begin));
}

// Unicode's White_Space.
bool is_space(uint32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

Value trim(Context&, Arguments a, size_t) {
  auto text = a[0].as_string();
  for (size_t at = 0; at < text.size();) {
    size_t next = at;
    if (!is_space(next_code_point(text, next))) {
      text.remove_prefix(at);
      break;
    }
    at = next;
    if (at >= text.size()) return Value::string("");
  }
  while (!text.empty()) {
    size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
    size_t next = at;
    if (!is_space(next_code_point(text, next))) break;
    text.remove_suffix(text.size() - at);
  }
  return Value::string(text);
}

Value reverse(Context& context, Arguments a, size_t) {
  const auto text = a[0].as_string();
  std::string out;
  out.reserve(text.size());
  for (size_t end = text.size(); end > 0;) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
    out += text.substr(begin, end - begin);
    end = begin;
  }
  return context.string(out);
}

Value quote(Context& context, Arguments a, size_t) {
  const auto text = a[0].as_string();
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const uint32_t c = next_code_point(text, i);
    switch (c) {
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\v':
        out += "\\v";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      default:
        append_utf8(c, out);
    }
  }
  out += "\"";
  return context.string(out);
}

// STRING.format(LIST) ----------------------------------------------------------------------------

// Each run of bytes that are not UTF-8 becomes one U+FFFD.
void append_repaired_utf8(std::string_view bytes, std::string& out) {
  bool broken = false;
  while (!bytes.empty()) {
    const size_t size = utf8_sequence(bytes);
    if (size != 0)
      out += bytes.substr(0, size);
    else if (!broken)
      append_utf8(0xfffd, out);
    broken = size == 0;
    bytes.remove_prefix(std::max(size, size_t{1}));
  }
}

// What %s makes of a value; false: cannot be shown.
bool append_shown(const Value& v, std::string& out) {
  switch (v.kind()) {
    case Kind::null:
      out += "null";
      return true;
    case Kind::boolean:
      out += v.as_bool() ? "true" : "false";
      return true;
    case Kind::integer:
      append_json_int(v.as_int(), out);
      return true;
    case Kind::unsigned_integer:
      append_json_uint(v.as_uint(), out);
      return true;
    case Kind::real:
      if (v.written().empty())
        append_plain_double(v.as_double(), out);
      else
        out += v.written();
      return true;
    case Kind::string:
    case Kind::type:
      out += v.as_string();
      return true;
    case Kind::bytes:
      append_repaired_utf8(v.as_string(), out);
      return true;
    case Kind::timestamp:
      append_rfc3339(v.seconds(), v.nanoseconds(), out, Fraction::shortest);
      return true;
    case Kind::duration:
      append_duration_seconds(v.duration_ns(), out);
      return true;
    case Kind::list: {
      out += "[";
      bool first = true;
      for (const Value& item : v.as_list()) {
        if (!std::exchange(first, false)) out += ", ";
        if (!append_shown(item, out)) return false;
      }
      out += "]";
      return true;
    }
    case Kind::map: {
      std::vector<std::pair<std::string, const Value*>> entries;
      for (const MapEntry& entry : v.as_map()) {
        std::string key;
        if (!append_shown(entry.key, key)) return false;
        entries.emplace_back(std::move(key), &entry.value);
      }
      std::sort(entries.begin(), entries.end(),
                [](const auto& x, const auto& y) { return x.first < y.first; });
      out += "{";
      bool first = true;
      for (const auto& [key, value] : entries) {
        if (!std::exchange(first, false)) out += ", ";
        out += key + ": ";
        if (!append_shown(*value, out)) return false;
      }
      out += "}";
      return true;
    }
    case Kind::ip:
    case Kind::cidr:
      append_address(v, out);
      return true;
    case Kind::optional:
    case Kind::error:
      return false;
  }
  return false;
}

// A pointer: of (a ? "x" : "y")[index], g++ 12 with UBSan computes the index for one of the two only.
const char* hex_digits(bool upper) { return upper ? "0123456789ABCDEF" : "0123456789abcdef"; }

void append_based(uint64_t magnitude, bool negative, unsigned base, bool upper, std::string& out) {
  const char* digits = hex_digits(upper);
  char buffer[65];
  int n = 0;
  do {
    buffer[n++] = digits[magnitude % base];
    magnitude /= base;
  } while (magnitude != 0);
  if (negative) out.push_back('-');
  while (n > 0) out.push_back(buffer[--n]);
}

bool append_integer(const Value& v, unsigned base, bool upper, std::string& out) {
  if (v.kind() == Kind::integer) {
    const auto bits = static_cast<uint64_t>(v.as_int());
    append_based(v.as_int() < 0 ? 0 - bits : bits, v.as_int() < 0, base, upper, out);
    return true;
  }
  if (v.kind() != Kind::unsigned_integer) return false;
  append_based(v.as_uint(), false, base, upper, out);
  return true;
}

bool append_clause(char clause, int precision, const Value& v, std::string& out) {
  switch (clause) {
    case 's':
      return append_shown(v, out);
    case 'd':
      if (v.kind() == Kind::real) return append_shown(v, out);
      return append_integer(v, 10, false, out);
    case 'f':
    case 'e': {
      if (!v.is_number()) return false;
      const double d = v.kind() == Kind::real      ? v.as_double()
                       : v.kind() == Kind::integer ? static_cast<double>(v.as_int())
                                                   : static_cast<double>(v.as_uint());
      if (is_beyond_double(v)) return false;
      if (!std::isfinite(d)) {
        append_double(d, out);
        return true;
      }
      char buffer[512];
      const int n = std::snprintf(buffer, sizeof buffer, clause == 'f' ? "%.*f" : "%.*e",
                                  precision < 0 ? 6 : precision, d);
      out.append(buffer, static_cast<size_t>(n));
      return true;
    }
    case 'b':
      if (v.is_bool()) {
        out += v.as_bool() ? "1" : "0";
        return true;
      }
      return append_integer(v, 2, false, out);
    case 'o':
      return append_integer(v, 8, false, out);
    default:
      if (v.kind() == Kind::string || v.kind() == Kind::bytes) {
        for (const char c : v.as_string()) {
          const auto byte = static_cast<unsigned char>(c);
          out.push_back(hex_digits(clause == 'X')[byte >> 4]);
          out.push_back(hex_digits(clause == 'X')[byte & 15]);
        }
        return true;
      }
      return append_integer(v, 16, clause == 'X', out);
  }
}

// Fills what stands at `from` up to `width` characters: with zeros behind its sign, else with spaces before or
// after it.
void widen(std::string& out, size_t from, size_t width, bool zeros, bool left) {
  const size_t size = utf8_width(std::string_view(out).substr(from));
  if (size >= width) return;
  if (left) {
    out.append(width - size, ' ');
  } else {
    const size_t sign = zeros && from < out.size() && out[from] == '-' ? 1 : 0;
    out.insert(from + sign, width - size, zeros ? '0' : ' ');
  }
}

Value format(Context& context, Arguments a, size_t) {
  constexpr int kMaxPrecision = 100;
  constexpr size_t kMaxWidth = 1000;
  const auto pattern = a[0].as_string();
  const ListValue& list = a[1].as_list();
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      out.push_back(pattern[i]);
      continue;
    }
    if (++i >= pattern.size()) return context.fail("the format ends within a clause");
    if (pattern[i] == '%') {
      out.push_back('%');
      continue;
    }
    const bool left = pattern[i] == '-';
    if (left) ++i;
    const bool zeros = !left && i < pattern.size() && pattern[i] == '0';
    size_t width = 0;
    for (; i < pattern.size() && pattern[i] >= '0' && pattern[i] <= '9'; ++i) {
      width = width * 10 + static_cast<size_t>(pattern[i] - '0');
      if (width > kMaxWidth) return context.fail("a width above 1000");
    }
    if (i >= pattern.size()) return context.fail("the format ends within a clause");
    int precision = -1;
    if (pattern[i] == '.') {
      precision = 0;
      size_t digits = 0;
      for (++i; i < pattern.size() && pattern[i] >= '0' && pattern[i] <= '9'; ++i, ++digits) {
        precision = precision * 10 + (pattern[i] - '0');
        if (precision > kMaxPrecision) return context.fail("a precision above 100");
      }
      if (digits == 0 || i >= pattern.size()) return context.fail("the format's precision is unfinished");
    }
    const char clause = pattern[i];
    if (std::string_view("sdfebxXo").find(clause) == std::string_view::npos)
      return context.fail("unrecognized formatting clause '" + std::string(1, clause) + "'");
    if (next >= list.size) return context.fail("format: index " + std::to_string(next) + " out of range");
    const Value& v = list.items[next++];
    const size_t before = out.size();
    if (!append_clause(clause, precision, v, out))
      return context.fail(Reason::wrong_type, "format: %" + std::string(1, clause) + " cannot show " +
                                                  std::string(friendly_name(v.kind())));
    if (width > 0)
      widen(out, before, width,
            zeros && v.is_number() && !(v.kind() == Kind::real && !std::isfinite(v.as_double())), left);
    context.charge(out.size() - before);
  }
  return context.string(out);
}

Value base64_encode(Context& context, Arguments a, size_t) {
  std::string out;
  append_base64(a[0].as_string(), out);
  return context.string(out);
}

Value base64_decode(Context& context, Arguments a, size_t) {
  std::string out;
  std::string_view text = a[0].as_string();
  std::string one_line;
  if (text.find_first_of("\r\n") != std::string_view::npos) {  // as mail and PEM files break it
    for (const char c : text) {
      if (c != '\r' && c != '\n') one_line.push_back(c);
    }
    text = one_line;
  }
  if (const auto wrong = append_from_base64(text, out))
    return context.fail("not base64 at byte " + std::to_string(*wrong));
  return context.bytes(out);
}

}  // namespace

std::span<const Function> string_functions() {
  static const std::vector<Function> kTable = {
      {"charAt",
       Form::method,
       {{kString, {kString, kInt}, char_at}},
       "STRING.charAt(INT) -> string",
       "the character at a position, from 0; empty text at the end of the string",
       "'hello'.charAt(4) == 'o'"},
      {"indexOf",
       Form::method,
       {{kInt, {kString, kString}, index_of}, {kInt, {kString, kString, kInt}, index_of}},
       "STRING.indexOf(STRING[, FROM]) -> int",
       "the position of the first occurrence, or -1",
       "'hello mellow'.indexOf('ello', 2) == 7"},
      {"lastIndexOf",
       Form::method,
       {{kInt, {kString, kString}, last_index_of}, {kInt, {kString, kString, kInt}, last_index_of}},
       "STRING.lastIndexOf(STRING[, FROM]) -> int",
       "the position of the last occurrence, or -1",
       "'hello mellow'.lastIndexOf('ello') == 7"},
      {"join",
       Form::method,
       {{kString, {kList}, join}, {kString, {kList, kString}, join}},
       "LIST.join([SEPARATOR]) -> string",
       "the strings of a list, joined",
       "['a', 'b'].join('-') == 'a-b'"},
      {"lowerAscii",
       Form::method,
       {{kString, {kString}, lower_ascii}},
       "STRING.lowerAscii() -> string",
       "ASCII letters in lower case",
       "'TacoCat'.lowerAscii() == 'tacocat'"},
      {"upperAscii",
       Form::method,
       {{kString, {kString}, upper_ascii}},
       "STRING.upperAscii() -> string",
       "ASCII letters in upper case",
       "'TacoCat'.upperAscii() == 'TACOCAT'"},
      {"lower",
       Form::method,
       {{kString, {kString}, map_case<towlower_l>}},
       "STRING.lower() -> string",
       "letters of all scripts in lower case, a character for each character",
       "'ÄΣТ'.lower() == 'äσт'",
       true},
      {"upper",
       Form::method,
       {{kString, {kString}, map_case<towupper_l>}},
       "STRING.upper() -> string",
       "letters of all scripts in upper case, a character for each character",
       "'äσт'.upper() == 'ÄΣТ'",
       true},
      {"replace",
       Form::method,
       {{kString, {kString, kString, kString}, replace},
        {kString, {kString, kString, kString, kInt}, replace}},
       "STRING.replace(OLD, NEW[, LIMIT]) -> string",
       "the string with each OLD (at most LIMIT) replaced by NEW",
       "'hello hello'.replace('he', 'we', 1) == 'wello hello'"},
      {"split",
       Form::method,
       {{kList, {kString, kString}, split}, {kList, {kString, kString, kInt}, split}},
       "STRING.split(SEPARATOR[, LIMIT]) -> list",
       "the parts between separators, at most LIMIT",
       "'a b c'.split(' ', 2) == ['a', 'b c']"},
      {"substring",
       Form::method,
       {{kString, {kString, kInt}, substring}, {kString, {kString, kInt, kInt}, substring}},
       "STRING.substring(FROM[, TO]) -> string",
       "the characters from FROM up to, not including, TO",
       "'tacocat'.substring(0, 4) == 'taco'"},
      {"trim",
       Form::method,
       {{kString, {kString}, trim}},
       "STRING.trim() -> string",
       "the string without white space at its ends",
       "'  a b '.trim() == 'a b'"},
      {"format",
       Form::method,
       {{kString, {kString, kList}, format}},
       "STRING.format(LIST) -> string",
       "%s %d %f %e %b %x %X %o stand for the items of the list; %.2f sets decimals; %5d, %05d, %-5s a least width (addition)",
       "'%s: %.1f %03d'.format(['x', 1.25, 7]) == 'x: 1.2 007'"},
      {"strings.quote",
       Form::function,
       {{kString, {kString}, quote}},
       "strings.quote(STRING) -> string",
       "the string in double quotes, with escapes",
       "strings.quote('a\\n') == '\"a\\\\n\"'"},
      {"reverse",
       Form::method,
       {{kString, {kString}, reverse}},
       "STRING.reverse() -> string",
       "the characters in reverse order",
       "'gums'.reverse() == 'smug'"},
      {"base64.encode",
       Form::function,
       {{kString, {kBytes}, base64_encode}},
       "base64.encode(BYTES) -> string",
       "bytes as base64",
       "base64.encode(b'hello') == 'aGVsbG8='"},
      {"base64.decode",
       Form::function,
       {{kBytes, {kString}, base64_decode}},
       "base64.decode(STRING) -> bytes",
       "base64 as bytes",
       "base64.decode('aGVsbG8=') == b'hello'"},
  };
  return kTable;
}

}  // namespace kutils::expr
