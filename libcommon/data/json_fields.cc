#include "data/json_fields.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/arena.h"
#include "base/utf8.h"
#include "data/json_number.h"
#include "data/plain_json.h"

// The target encoding of the pass below. It keeps no text: strings are found as spans of the input, so only
// whether a string has escapes must be known. RapidJSON calls Transcode() for plain characters (here a whole
// run at a time, which is what makes the pass quick) and puts one character for each escape.
namespace kutils {
struct SpanEncoding : rapidjson::UTF8<> {
  template <typename OutputStream>
  static void Encode(OutputStream& os, unsigned /*codepoint*/) {
    os.Put('u');
  }
};
}  // namespace kutils

namespace rapidjson {
template <>
struct Transcoder<UTF8<>, kutils::SpanEncoding> {
  template <typename InputStream, typename OutputStream>
  RAPIDJSON_FORCEINLINE static bool Transcode(InputStream& is, OutputStream&) {
    // RapidJSON also instantiates this for number text, which is never parsed so here.
    if constexpr (requires { is.skip_plain(); })
      is.skip_plain();
    else
      is.Take();
    return true;
  }
  template <typename InputStream, typename OutputStream>
  static bool Validate(InputStream& is, OutputStream& os) {
    return Transcode(is, os);
  }
};
}  // namespace rapidjson

namespace kutils {
namespace {

using plain_json::special_bytes;

class SpanStream {
 public:
  using Ch = char;
  explicit SpanStream(std::string_view text)
      : at_(text.data()), begin_(text.data()), end_(text.data() + text.size()) {}
  Ch Peek() const { return RAPIDJSON_UNLIKELY(at_ == end_) ? '\0' : *at_; }
  Ch Take() { return RAPIDJSON_UNLIKELY(at_ == end_) ? '\0' : *at_++; }
  size_t Tell() const { return static_cast<size_t>(at_ - begin_); }
  // RapidJSON's concept of a stream wants these; they are never called when reading.
  Ch* PutBegin() { return nullptr; }
  void Put(Ch) {}
  void Flush() {}
  size_t PutEnd(Ch*) { return 0; }

  const char* at() const { return at_; }
  // REQUIRES: the character here is plain, neither quote nor backslash nor control.
  void skip_plain() {
    const char* at = at_ + 1;
    while (end_ - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, 8);
      const uint64_t special = special_bytes(word);
      if (special) {
        at_ = at + (__builtin_ctzll(special) >> 3);
        return;
      }
      at += 8;
    }
    while (at != end_ && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
    at_ = at;
  }

 private:
  const char* at_;
  const char* begin_;
  const char* end_;
};

using SpanReader = rapidjson::GenericReader<rapidjson::UTF8<>, SpanEncoding>;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// The escapes of one string taken by RapidJSON again, with its text this time. A lone low surrogate, which
// RapidJSON lets through, becomes U+FFFD, as in jq.
struct UnescapeEncoding : rapidjson::UTF8<> {
  template <typename OutputStream>
  static void Encode(OutputStream& os, unsigned codepoint) {
    rapidjson::UTF8<>::Encode(os, codepoint >= 0xD800 && codepoint <= 0xDFFF ? 0xFFFDu : codepoint);
  }
};
}  // namespace
}  // namespace kutils

namespace rapidjson {
template <>
struct Transcoder<UTF8<>, kutils::UnescapeEncoding> {
  template <typename InputStream, typename OutputStream>
  RAPIDJSON_FORCEINLINE static bool Transcode(InputStream& is, OutputStream& os) {
    os.Put(is.Take());
    return true;
  }
  template <typename InputStream, typename OutputStream>
  static bool Validate(InputStream& is, OutputStream& os) {
    return Transcode(is, os);
  }
};
}  // namespace rapidjson

namespace kutils {
namespace {

struct TextHandler : rapidjson::BaseReaderHandler<UnescapeEncoding, TextHandler> {
  bool String(const char* text, rapidjson::SizeType size, bool) {
    take(std::string_view(text, size));
    return true;
  }
  explicit TextHandler(Arena* arena_in) : arena(arena_in) {}
  void take(std::string_view text) { result = arena->copy(text); }
  Arena* arena;
  std::string_view result;
};

using Unescaper = rapidjson::GenericReader<rapidjson::UTF8<>, UnescapeEncoding>;

// `raw` with its quotes. REQUIRES: RapidJSON has accepted it.
std::string_view unescape(Unescaper& reader, std::string_view raw, Arena& arena) {
  rapidjson::MemoryStream stream(raw.data(), raw.size());
  TextHandler handler(&arena);
  reader.Parse<rapidjson::kParseDefaultFlags>(stream, handler);
  return handler.result;
}

RecordError not_json(const char* what, size_t position, std::string_view json) {
  std::string message = what;
  if (!message.empty()) message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  while (!message.empty() && message.back() == '.') message.pop_back();
  message += " at byte " + std::to_string(position);
  if (json.empty()) return {Reason::not_json, "the value is empty"};
  // A few characters around the place, so that it is found in a long line.
  const size_t from = position > 12 ? position - 12 : 0;
  std::string near;
  for (const char c : json.substr(from, 24)) near += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  message += ", near '" + near + "'";
  return {Reason::not_json, message};
}

}  // namespace

size_t FieldSet::slot(std::string_view name) {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return i;
  }
  names_.emplace_back(name);
  return names_.size() - 1;
}

struct FieldReader::Impl {
  static constexpr size_t kNone = static_cast<size_t>(-1);
  static constexpr int kPlainLevels = 16;  // of nesting
  struct Name {
    const char* data;
    size_t size;
  };

  Impl(const FieldSet& set, bool trust_in) : field_set(&set), trust(trust_in) {}

  void sync() {
    names.clear();
    lengths = 0;
    for (const std::string& name : field_set->names()) {
      names.push_back({name.data(), name.size()});
      lengths |= uint64_t{1} << std::min<size_t>(name.size(), 63);
    }
    fields.assign(names.size(), JsonField());
    follows.assign(names.size() + 1, 0);
  }

  // Records of one topic have their fields in one order, so the field that came after the last one found the
  // time before is tried first; then all, most of which fail by their length.
  size_t find(std::string_view name) {
    if (!(lengths >> std::min<size_t>(name.size(), 63) & 1)) return kNone;
    const size_t count = names.size();
    const size_t hint = follows[last_found];
    if (matches(hint, name)) {
      last_found = hint + 1;
      return hint;
    }
    for (size_t i = 0; i < count; ++i) {
      if (matches(i, name)) {
        follows[last_found] = i;
        last_found = i + 1;
        return i;
      }
    }
    return kNone;
  }
  bool matches(size_t slot, std::string_view name) const {
    const Name& wanted = names[slot];
    return wanted.size == name.size() && std::memcmp(wanted.data, name.data(), name.size()) == 0;
  }

  void begin();
  bool read_plain(std::string_view json);
  const char* read_plain_value(const char* at, const char* end, JsonField& field) const;
  std::optional<RecordError> read(std::string_view json, std::string_view text, bool& is_too_big);

  const FieldSet* field_set;
  bool trust;
  bool want_members = false;
  std::vector<Name> names;
  uint64_t lengths = 0;  // bit n: a name of n bytes (63: or more) is wanted
  std::vector<JsonField> fields;
  std::vector<size_t> follows;  // by slot found last + 1: slot found next, the time before
  size_t last_found = 0;
  std::vector<JsonMember> members;
  bool is_object = false;
  bool used_arena = false;
  bool too_deep = false;
  std::string patched;              // the text with numbers that RapidJSON takes, where it had others
  const char* read_from = nullptr;  // what RapidJSON reads: the text or `patched`
  const char* text_from = nullptr;
  Arena own_arena;
  Arena* arena = &own_arena;
  SpanReader reader;
  Unescaper unescaper;

  struct Handler;
};

// Knows the position after every token, and finds where a token began by skipping white space and punctuation
// from where the one before ended.
struct FieldReader::Impl::Handler {
  Handler(Impl& owner, const SpanStream& input) : impl(owner), stream(input) {}

  bool Null() { return depth > 1 || scalar(JsonType::null); }
  bool Bool(bool value) {
    if (depth > 1) return true;
    if (current != kNone) impl.fields[current].boolean = value;
    return scalar(JsonType::boolean);
  }
  bool Int(int value) { return Int64(value); }
  bool Uint(unsigned value) { return Int64(value); }
  bool Int64(int64_t value) {
    if (depth > 1) return true;
    if (current != kNone) impl.fields[current].integer = value;
    return scalar(JsonType::integer);
  }
  bool Uint64(uint64_t value) {
    if (depth > 1) return true;
    if (value <= static_cast<uint64_t>(INT64_MAX)) return Int64(static_cast<int64_t>(value));
    if (current != kNone) impl.fields[current].unsigned_integer = value;
    return scalar(JsonType::unsigned_integer);
  }
  bool Double(double) {
    if (depth > 1) return true;
    if (current != kNone) {
      const std::string_view written = value_span();
      impl.fields[current].real = {json_double(written), written.data()};
    }
    return scalar(JsonType::real);
  }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return true; }
  bool String(const char*, rapidjson::SizeType escapes, bool) {
    if (depth > 1) return true;
    if (current != kNone) {
      const std::string_view raw = value_span();
      impl.fields[current].string = text(raw, escapes);
    }
    return scalar(JsonType::string);
  }
  bool Key(const char*, rapidjson::SizeType escapes, bool) {
    if (depth != 1) return true;
    const char* start = token_end;
    while (*start != '"') ++start;
    token_end = stream.at();
    const std::string_view raw = in_text(start, token_end);
    const std::string_view name = text(raw, escapes);
    current = impl.find(name);
    if (impl.want_members) impl.members.push_back({name, raw, {}});
    return true;
  }
  bool StartObject() {
    if (++depth > 1) return deep_enough();
    impl.is_object = true;
    token_end = stream.at();
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return --depth != 1 || scalar(JsonType::object); }
  bool StartArray() { return ++depth == 1 || deep_enough(); }
  bool EndArray(rapidjson::SizeType) { return --depth != 1 || scalar(JsonType::array); }

 private:
  bool deep_enough() {
    if (depth <= kMaxJsonDepth) return true;
    impl.too_deep = true;
    return false;
  }
  std::string_view text(std::string_view raw, rapidjson::SizeType escapes) {
    if (RAPIDJSON_LIKELY(escapes == 0)) return raw.substr(1, raw.size() - 2);
    impl.used_arena = true;
    return unescape(impl.unescaper, raw, *impl.arena);
  }
  // The value that has just ended, at depth 1.
  std::string_view value_span() const {
    const char* start = token_end;
    while (is_space(*start) || *start == ':') ++start;
    return in_text(start, stream.at());
  }
  std::string_view in_text(const char* start, const char* end) const {
    return {impl.text_from + (start - impl.read_from), static_cast<size_t>(end - start)};
  }
  // A value at depth 1 has ended.
  bool scalar(JsonType type) {
    if (current != kNone) {
      JsonField& field = impl.fields[current];
      if (field.type == JsonType::missing) ++filled;
      field.type = type;
      field.raw = value_span();
    }
    if (impl.want_members && !impl.members.empty()) impl.members.back().value_raw = value_span();
    token_end = stream.at();
    current = kNone;
    return !impl.trust || filled < impl.fields.size();
  }

  Impl& impl;
  const SpanStream& stream;
  int depth = 0;
  size_t current = kNone;  // slot of the member being read at depth 1
  size_t filled = 0;
  const char* token_end = nullptr;  // end of the last token at depth 1
};

FieldReader::FieldReader(const FieldSet& fields, bool trust) : impl_(std::make_unique<Impl>(fields, trust)) {
  impl_->sync();
  fields_ = impl_->fields.data();
}
FieldReader::~FieldReader() = default;
FieldReader::FieldReader(FieldReader&&) noexcept = default;
FieldReader& FieldReader::operator=(FieldReader&&) noexcept = default;

void FieldReader::want_members() {
  impl_->want_members = true;
  impl_->trust = false;
}
const std::vector<JsonMember>& FieldReader::members() const { return impl_->members; }
void FieldReader::keep_strings_in(Arena* arena) { impl_->arena = arena ? arena : &impl_->own_arena; }
bool FieldReader::is_object() const { return impl_->is_object; }

void FieldReader::Impl::begin() {
  if (fields.size() != field_set->size()) sync();
  for (JsonField& field : fields) field.type = JsonType::missing;
  members.clear();
  is_object = false;
  last_found = 0;
  if (!used_arena) return;
  own_arena.reset();
  used_arena = false;
}

std::optional<RecordError> FieldReader::read(std::string_view json) {
  Impl& impl = *impl_;
  impl.begin();
  fields_ = impl.fields.data();
  if (impl.read_plain(json)) return std::nullopt;
  impl.begin();
  bool is_too_big = false;
  auto error = impl.read(json, json, is_too_big);
  if (!is_too_big) return error;
  // Rare: RapidJSON refuses a number beyond a double even in a field that no expression reads.
  impl.patched = with_small_numbers(json);
  impl.begin();
  return impl.read(impl.patched, json, is_too_big);
}

// Most texts, for 0.6 of the instructions that RapidJSON takes, with the same result. False: it is not
// plain, and the fields hold anything.
bool FieldReader::Impl::read_plain(std::string_view json) {
  using plain_json::skip_space;
  const char* const end = json.data() + json.size();
  const char* at = skip_space(json.data(), end);
  if (at == end || *at != '{') return false;
  is_object = true;
  at = skip_space(at + 1, end);
  if (at != end && *at == '}') return skip_space(at + 1, end) == end;
  size_t filled = 0;
  JsonField unwanted;
  for (;;) {
    if (at == end || *at != '"') return false;
    const char* const name = at;
    at = plain_json::string_end(at + 1, end);
    if (!at) return false;
    ++at;
    const std::string_view name_raw(name, static_cast<size_t>(at - name));
    at = skip_space(at, end);
    if (at == end || *at != ':') return false;
    at = skip_space(at + 1, end);
    const size_t slot = find(name_raw.substr(1, name_raw.size() - 2));
    JsonField& field = slot == kNone ? unwanted : fields[slot];
    if (slot != kNone && field.type == JsonType::missing) ++filled;
    const char* const value = at;
    at = slot == kNone ? plain_json::value_end(at, end, kPlainLevels) : read_plain_value(at, end, field);
    if (!at) return false;
    const std::string_view value_raw(value, static_cast<size_t>(at - value));
    field.raw = value_raw;
    if (want_members) members.push_back({name_raw.substr(1, name_raw.size() - 2), name_raw, value_raw});
    if (trust && filled == fields.size()) return true;
    at = skip_space(at, end);
    if (at == end) return false;
    if (*at == '}') return skip_space(at + 1, end) == end;
    if (*at != ',') return false;
    at = skip_space(at + 1, end);
  }
}

// Null: as above.
const char* FieldReader::Impl::read_plain_value(const char* at, const char* end, JsonField& field) const {
  const char* const begin = at;
  at = plain_json::value_end(at, end, kPlainLevels);
  if (!at) return nullptr;
  const auto size = static_cast<size_t>(at - begin);
  switch (*begin) {
    case '"':
      field.type = JsonType::string;
      field.string = {begin + 1, size - 2};
      return at;
    case 't':
    case 'f':
      field.type = JsonType::boolean;
      field.boolean = *begin == 't';
      return at;
    case 'n':
      field.type = JsonType::null;
      return at;
    case '{':
      field.type = JsonType::object;
      return at;
    case '[':
      field.type = JsonType::array;
      return at;
    default:
      break;
  }
  if (std::memchr(begin, '.', size) == nullptr) {
    field.type = JsonType::integer;
    field.integer = plain_json::integer(begin, at);
  } else {
    field.type = JsonType::real;
    field.real = {json_double({begin, size}), begin};
  }
  return at;
}

// `json` is parsed; fields and messages are views of `text`. REQUIRES: begin().
std::optional<RecordError> FieldReader::Impl::read(std::string_view json, std::string_view text,
                                                   bool& is_too_big) {
  Impl& impl = *this;
  read_from = json.data();
  text_from = text.data();

  SpanStream stream(json);
  Impl::Handler handler(impl, stream);
  const rapidjson::ParseResult result = impl.reader.Parse<rapidjson::kParseDefaultFlags>(stream, handler);
  // RapidJSON takes a NUL byte for the end of input.
  if (!result.IsError() && stream.Tell() == json.size()) {
    if (impl.is_object) return std::nullopt;
    for (JsonField& field : impl.fields) field.type = JsonType::missing;
    return RecordError{Reason::not_an_object, "the value is JSON, but not an object with fields"};
  }
  if (result.Code() == rapidjson::kParseErrorTermination && !impl.too_deep) return std::nullopt;
  is_too_big = result.Code() == rapidjson::kParseErrorNumberTooBig;

  for (JsonField& field : impl.fields) field.type = JsonType::missing;
  impl.members.clear();
  impl.is_object = false;
  const char* what = "unexpected NUL byte";
  if (impl.too_deep) {
    what = "nested more than 1000 levels deep";
  } else if (result.IsError()) {
    what = rapidjson::GetParseError_En(result.Code());
  }
  impl.too_deep = false;
  return not_json(what, result.IsError() ? result.Offset() : stream.Tell(), text);
}

std::optional<RecordError> check_json(std::string_view json) {
  const FieldSet none;
  FieldReader reader(none);
  auto error = reader.read(json);
  if (error && error->reason == Reason::not_an_object) return std::nullopt;
  return error;
}

std::optional<JsonField> parse_scalar(std::string_view raw, std::string& scratch) {
  if (raw.empty() || is_space(raw.front()) || is_space(raw.back())) return std::nullopt;
  // As the only member of an object, so that the one pass above serves.
  std::string object = "{\"v\":";
  object += raw;
  object += '}';
  FieldSet set;
  set.slot("v");
  FieldReader reader(set);
  reader.want_members();
  if (reader.read(object) || reader.members().size() != 1) return std::nullopt;
  JsonField field = reader[0];
  if (field.raw.size() != raw.size()) return std::nullopt;
  field.raw = raw;
  if (field.type == JsonType::real) field.real.text = raw.data();
  if (field.type == JsonType::string) {
    scratch.assign(field.string);
    field.string = scratch;
  }
  return field;
}

}  // namespace kutils
