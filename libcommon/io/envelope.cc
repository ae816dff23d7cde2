#include "io/envelope.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/base64.h"
#include "base/utf8.h"
#include "data/json_fields.h"
#include "data/json_write.h"
#include "io/line_parser.h"
#include "io/line_writer.h"

namespace kutils::io {
namespace {

// Members that are read, in the order of kcat's envelope.
enum Slot : size_t {
  kTopic,
  kPartition,
  kOffset,
  kTsType,
  kTs,
  kHeaders,
  kKey,
  kKeyBase64,
  kPayload,
  kPayloadBase64,
  kValue
};
constexpr const char* kNames[] = {"topic", "partition",  "offset",  "tstype",         "ts",   "headers",
                                  "key",   "key_base64", "payload", "payload_base64", "value"};

struct TimestampName {
  const char* name;
  TimestampType type;
};
constexpr TimestampName kTimestampNames[] = {{"unknown", TimestampType::none},
                                             {"create", TimestampType::create_time},
                                             {"logappend", TimestampType::log_append_time}};

RecordError bad(std::string message) { return {Reason::bad_line, "envelope: " + std::move(message)}; }

class EnvelopeParser final : public LineParser {
 public:
  EnvelopeParser() {
    for (const char* name : kNames) fields_.slot(name);
  }

  Got parse(std::string_view line, Batch& batch, Record& record, RecordError& error) override {
    if (std::exchange(is_first_, false)) line = without_byte_order_mark(line);
    if (line.find_first_not_of(" \t\r\n") == std::string_view::npos) return Got::nothing;
    reader_.keep_strings_in(&batch.arena());
    auto wrong = reader_.read(line);
    if (!wrong) wrong = take(batch.arena(), record);
    if (!wrong) return Got::record;
    error = std::move(*wrong);
    return Got::error;
  }

 private:
  std::optional<RecordError> take(Arena& arena, Record& record) {
    if (auto wrong = take_origin(record)) return wrong;
    if (auto wrong = take_time(record)) return wrong;
    if (auto wrong = take_headers(arena, record)) return wrong;
    if (auto wrong = take_bytes(kKey, kKeyBase64, arena, record.key)) return wrong;
    if (reader_[kValue].type == JsonType::missing) {
      if (reader_[kPayload].type == JsonType::missing && reader_[kPayloadBase64].type == JsonType::missing)
        return bad(
            "there is neither 'payload' nor 'payload_base64' nor 'value'"
            "\n  plain JSON is read without -J, and by kwrite, not kcp; to write envelopes all the same: -O envelope");
      return take_bytes(kPayload, kPayloadBase64, arena, record.value);
    }
    if (given(kPayload) || given(kPayloadBase64)) return bad("'value' and 'payload' are both there");
    record.value = reader_[kValue].raw;
    return std::nullopt;
  }

  bool given(Slot slot) const {
    return reader_[slot].type != JsonType::missing && reader_[slot].type != JsonType::null;
  }
  static std::string quoted(Slot slot) { return std::string("'").append(kNames[slot]).append("'"); }

  std::optional<RecordError> take_origin(Record& record) const {
    if (given(kTopic)) {
      if (reader_[kTopic].type != JsonType::string) return bad("'topic' is not a string");
    }
    // Only a full address replaces the line's own: messages shall name one place that exists.
    if (!given(kPartition)) return std::nullopt;
    const JsonField& partition = reader_[kPartition];
    if (partition.type != JsonType::integer || partition.integer < -1 ||
        partition.integer > std::numeric_limits<int32_t>::max())
      return bad("'partition' is not a partition number");
    if (given(kOffset) && reader_[kOffset].type != JsonType::integer)
      return bad("'offset' is not an integer");
    if (partition.integer < 0) return std::nullopt;
    record.partition = static_cast<int32_t>(partition.integer);
    if (given(kTopic)) record.topic = reader_[kTopic].string;
    if (given(kOffset)) record.offset = reader_[kOffset].integer;
    return std::nullopt;
  }

  std::optional<RecordError> take_time(Record& record) const {
    record.timestamp_type = TimestampType::create_time;
    if (given(kTsType)) {
      const std::string_view name = reader_[kTsType].type == JsonType::string ? reader_[kTsType].string : "";
      const auto found = std::find_if(std::begin(kTimestampNames), std::end(kTimestampNames),
                                      [&](const TimestampName& known) { return known.name == name; });
      if (found == std::end(kTimestampNames))
        return bad("'tstype' is neither create nor logappend nor unknown");
      record.timestamp_type = found->type;
    }
    if (given(kTs)) {
      if (reader_[kTs].type != JsonType::integer) return bad("'ts' is not an integer, in milliseconds");
      record.timestamp = reader_[kTs].integer;
    }
    // kcat writes "unknown" and 0, or -1, for a record without a time.
    if (record.timestamp_type == TimestampType::none || record.timestamp == kNoTimestamp) {
      record.timestamp = kNoTimestamp;
      record.timestamp_type = TimestampType::none;
    }
    return std::nullopt;
  }

  std::optional<RecordError> take_bytes(Slot text, Slot base64, Arena& arena, MaybeBytes& bytes) {
    if (given(base64)) {
      if (given(text)) return bad(quoted(text) + " and " + quoted(base64) + " are both there");
      if (reader_[base64].type != JsonType::string) return bad(quoted(base64) + " is not a string");
      return take_base64(quoted(base64), reader_[base64].string, arena, bytes);
    }
    if (!given(text)) return std::nullopt;
    if (reader_[text].type != JsonType::string)
      return bad(quoted(text) + " is neither a string nor null" +
                 (text == kPayload ? " (embedded JSON goes into 'value')" : ""));
    bytes = reader_[text].string;
    return std::nullopt;
  }

  std::optional<RecordError> take_base64(const std::string& name, std::string_view text, Arena& arena,
                                         MaybeBytes& bytes) {
    scratch_.clear();
    if (const auto position = append_from_base64(text, scratch_))
      return bad(name + " is not base64 at byte " + std::to_string(*position));
    bytes = arena.copy(scratch_);
    return std::nullopt;
  }

  // Headers are rare and short: a DOM is good enough for them.
  std::optional<RecordError> take_headers(Arena& arena, Record& record) {
    if (!given(kHeaders)) return std::nullopt;
    const std::string_view raw = reader_[kHeaders].raw;
    rapidjson::Document list;
    list.Parse<rapidjson::kParseIterativeFlag>(raw.data(), raw.size());
    const char* shape = "'headers' is not a flat array of names and values";
    if (list.HasParseError() || !list.IsArray() || list.Size() % 2 != 0) return bad(shape);
    if (list.Empty()) return std::nullopt;
    const size_t count = list.Size() / 2;
    Header* headers = arena.allocate_array<Header>(count);
    const auto copy = [&](const rapidjson::Value& text) {
      return arena.copy(std::string_view(text.GetString(), text.GetStringLength()));
    };
    for (size_t i = 0; i < count; ++i) {
      const rapidjson::Value& name = list[static_cast<rapidjson::SizeType>(2 * i)];
      const rapidjson::Value& value = list[static_cast<rapidjson::SizeType>(2 * i + 1)];
      if (!name.IsString()) return bad(shape);
      Header* header = new (&headers[i]) Header();
      header->name = copy(name);
      if (value.IsString()) {
        header->value = copy(value);
      } else if (value.IsObject() && value.MemberCount() == 1 && value.HasMember("base64") &&
                 value["base64"].IsString()) {
        const std::string_view text(value["base64"].GetString(), value["base64"].GetStringLength());
        if (auto wrong = take_base64("the value of header '" + std::string(header->name) + "'", text, arena,
                                     header->value))
          return wrong;
      } else if (!value.IsNull()) {
        return bad("the value of header '" + std::string(header->name) +
                   "' is neither a string nor null nor {\"base64\":...}");
      }
    }
    record.headers = {headers, count};
    return std::nullopt;
  }

  FieldSet fields_;
  FieldReader reader_{fields_};
  std::string scratch_;
  bool is_first_ = true;
};

class EnvelopeWriter final : public LineWriter {
 public:
  explicit EnvelopeWriter(const LineFormat& format)
      : embed_(format.embed), dress_(format.dress), end_(format.nul_ended ? '\0' : '\n') {}

  std::optional<RecordError> write(const Record* origin, const Output& output, std::string& out) override {
    if (dress_.any()) {
      plain_.clear();
      append(origin, output, plain_);
      append_dressed(plain_, dress_, out);
    } else {
      append(origin, output, out);
    }
    out += end_;
    return std::nullopt;
  }

 private:
  void append(const Record* origin, const Output& output, std::string& out) {
    out += '{';
    if (origin && origin->partition != kNoPartition) {
      out += "\"topic\":";
      append_json_string(origin->topic, out);
      out += ",\"partition\":";
      append_json_int(origin->partition, out);
      out += ",\"offset\":";
      append_json_int(origin->offset, out);
      out += ',';
    }
    if (output.timestamp != kNoTimestamp) {
      out += origin && origin->timestamp_type == TimestampType::log_append_time &&
                     origin->timestamp == output.timestamp
                 ? "\"tstype\":\"logappend\",\"ts\":"
                 : "\"tstype\":\"create\",\"ts\":";
      append_json_int(output.timestamp, out);
      out += ',';
    }
    if (!output.headers.empty()) append_headers(output.headers, out);
    append_bytes("\"key", output.key, out);
    out += ',';
    const bool embedded = embed_ && !output.value.is_null() && append_embedded(output.value.view(), out);
    if (!embedded) append_bytes("\"payload", output.value, out);
    out += '}';
  }

  static void append_headers(std::span<const Header> headers, std::string& out) {
    out += "\"headers\":[";
    for (const Header& header : headers) {
      if (&header != headers.data()) out += ',';
      append_json_string(header.name, out);
      out += ',';
      if (header.value.is_null()) {
        out += "null";
      } else if (is_utf8(header.value.view())) {
        append_json_string(header.value.view(), out);
      } else {
        out += "{\"base64\":\"";
        append_base64(header.value.view(), out);
        out += "\"}";
      }
    }
    out += "],";
  }
  static void append_bytes(std::string_view name, const MaybeBytes& bytes, std::string& out) {
    out += name;
    if (bytes.is_null()) {
      out += "\":null";
    } else if (is_utf8(bytes.view())) {
      out += "\":";
      append_json_string(bytes.view(), out);
    } else {
      out += "_base64\":\"";
      append_base64(bytes.view(), out);
      out += '"';
    }
  }
  bool append_embedded(std::string_view value, std::string& out) {
    if (const auto wrong = reader_.read(value); wrong && wrong->reason != Reason::not_an_object) return false;
    if (!is_utf8(value)) return false;
    out += "\"value\":";
    const size_t from = out.size();
    out += value;
    // Line ends between tokens; within strings JSON has none.
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(from), out.end(),
        [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return true;
  }

  bool embed_;
  JsonDress dress_;
  std::string plain_;
  char end_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
};

}  // namespace

LooksLikeEnvelope looks_like_envelope(std::string_view line) {
  const FieldSet none;
  FieldReader reader(none);
  reader.want_members();
  if (reader.read(line)) return LooksLikeEnvelope::no;
  unsigned seen = 0;
  bool fits = true;  // what names the record's place, and its bytes
  for (const JsonMember& member : reader.members()) {
    const auto* const known = std::find(std::begin(kNames), std::end(kNames), member.name);
    if (known == std::end(kNames) && member.name != "broker")  // of kcat
      return LooksLikeEnvelope::no;
    if (known == std::end(kNames)) continue;
    const auto slot = static_cast<Slot>(known - std::begin(kNames));
    seen |= 1U << slot;
    const char first = member.value_raw.empty() ? ' ' : member.value_raw[0];
    const bool is_number = first >= '0' && first <= '9';
    if (slot == kTopic) fits = fits && first == '"';
    if (slot == kPartition || slot == kOffset) fits = fits && is_number;
    if (slot == kPayload || slot == kKey) fits = fits && (first == '"' || member.value_raw == "null");
  }
  const auto has = [seen](Slot slot) { return (seen >> slot & 1U) != 0; };
  // A key and a value alone may well be the fields of a record.
  if (!(has(kKey) || has(kKeyBase64)) ||
      !(has(kPayload) || has(kPayloadBase64) || (has(kValue) && (has(kTs) || has(kOffset)))))
    return LooksLikeEnvelope::no;
  return fits && has(kTopic) && has(kPartition) && has(kOffset) ? LooksLikeEnvelope::surely
                                                                : LooksLikeEnvelope::perhaps;
}

std::unique_ptr<LineParser> make_envelope_parser(const LineFormat&) {
  return std::make_unique<EnvelopeParser>();
}
std::unique_ptr<LineWriter> make_envelope_writer(const LineFormat& format) {
  return std::make_unique<EnvelopeWriter>(format);
}

}  // namespace kutils::io
