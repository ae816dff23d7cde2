// JSON text to values in the arena: RapidJSON's iterative reader, so that depth costs no stack.
#include <rapidjson/memorystream.h>

#include "base/utf8.h"
#include "data/json_number.h"
#include "expr/json_reader.h"

namespace kutils::expr {
namespace {

struct Builder {
  Context& context;
  std::string_view text;
  const rapidjson::MemoryStream& stream;
  std::vector<Value>& stack;
  std::vector<size_t>& starts;
  bool too_deep = false;

  bool push(const Value& value) {
    stack.push_back(value);
    return true;
  }
  bool Null() { return push(Value::null()); }
  bool Bool(bool b) { return push(Value::boolean(b)); }
  bool Int(int i) {
    const bool minus = i == 0 && stream.Tell() >= 2 && text[stream.Tell() - 2] == '-';
    return push(minus ? Value::minus_zero() : Value::integer(i));
  }
  bool Uint(unsigned u) { return push(Value::integer(u)); }
  bool Int64(int64_t i) { return push(Value::integer(i)); }
  bool Uint64(uint64_t u) {
    return push(u <= static_cast<uint64_t>(INT64_MAX) ? Value::integer(static_cast<int64_t>(u))
                                                      : Value::unsigned_integer(u));
  }
  bool Double(double) {
    // It ends here, and nothing that may stand before a number looks like a part of one.
    const std::string_view read = text.substr(0, stream.Tell());
    const std::string_view written = read.substr(read.find_last_not_of("+-.0123456789eE") + 1);
    auto* number = context.allocate_array<WrittenNumber>(1);
    *number = {json_double(written), written.data()};
    return push(Value::written_real(number, written.size()));
  }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }
  bool String(const char* s, rapidjson::SizeType n, bool) { return push(context.string({s, n})); }
  bool Key(const char* s, rapidjson::SizeType n, bool copied) { return String(s, n, copied); }
  bool StartObject() { return open(); }
  bool StartArray() { return open(); }
  bool EndObject(rapidjson::SizeType n) {
    auto* entries = context.allocate_array<MapEntry>(n);
    const size_t from = stack.size() - 2 * n;
    for (size_t i = 0; i < n; ++i) entries[i] = {stack[from + 2 * i], stack[from + 2 * i + 1]};
    stack.resize(from);
    const Value map = context.map(entries, n, true);
    const_cast<MapValue&>(map.as_map()).raw = close();
    return push(map);
  }
  bool EndArray(rapidjson::SizeType n) {
    auto* items = context.allocate_array<Value>(n);
    const size_t from = stack.size() - n;
    for (size_t i = 0; i < n; ++i) items[i] = stack[from + i];
    stack.resize(from);
    const Value list = context.list(items, n);
    const_cast<ListValue&>(list.as_list()).raw = close();
    return push(list);
  }
  bool open() {
    if (starts.size() >= kMaxJsonDepth) {
      too_deep = true;
      return false;
    }
    starts.push_back(stream.Tell());
    return true;
  }
  // The text of the object or array that ends here; none if it spans lines, which a line of output must not.
  std::string_view close() {
    // The iterative reader calls the handler before it takes the bracket.
    const size_t begin = starts.back();
    starts.pop_back();
    const std::string_view raw = text.substr(begin, stream.Tell() + 1 - begin);
    return raw.find('\n') == std::string_view::npos && raw.find('\r') == std::string_view::npos
               ? raw
               : std::string_view();
  }
};

}  // namespace

Value Context::json(std::string_view text) {
  Value value = json(text, text);
  if (json_reader->reader.GetParseErrorCode() == rapidjson::kParseErrorNumberTooBig)
    value = json(with_small_numbers(text), text);
  return value;
}

// `read` is parsed; values are views of `text`, which has the same length.
Value Context::json(std::string_view read, std::string_view text) {
  rapidjson::MemoryStream stream(read.data(), read.size());
  auto& [reader, stack, starts] = *json_reader;
  stack.clear();
  starts.clear();
  Builder builder{*this, text, stream, stack, starts};
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag;
  if (is_utf8(read)) {  // quicker than RapidJSON, which knows the place of what is not
    reader.Parse<kFlags>(stream, builder);
  } else {
    reader.Parse<kFlags | rapidjson::kParseValidateEncodingFlag>(stream, builder);
  }
  if (builder.too_deep) return fail(Reason::not_json, "the JSON is nested deeper than 1000 levels");
  if (reader.GetParseErrorCode() == rapidjson::kParseErrorStringInvalidEncoding)
    return fail(Reason::not_json,
                "a string at byte " + std::to_string(reader.GetErrorOffset()) + " of the JSON is not UTF-8");
  // RapidJSON takes a NUL byte for the end of the text.
  if (!reader.HasParseError() && stream.Tell() != text.size())
    return fail(Reason::not_json, "unexpected NUL byte at byte " + std::to_string(stream.Tell()));
  if (reader.HasParseError() || stack.size() != 1)
    return fail(Reason::not_json, "not JSON at byte " + std::to_string(reader.GetErrorOffset()));
  return stack[0];
}

}  // namespace kutils::expr
