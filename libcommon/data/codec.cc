#include "data/codec.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/base64.h"
#include "base/big_endian.h"
#include "base/nearest_name.h"
#include "base/trim.h"
#include "data/json_fields.h"
#include "data/json_write.h"

namespace kutils {
namespace {

RecordError bad(std::string message) { return {Reason::bad_codec, std::move(message)}; }

RecordError bad_size(std::string_view name, size_t wanted, size_t got) {
  return bad(std::string(name) + ": " + std::to_string(wanted) + " bytes expected, found " +
             std::to_string(got));
}

// A number of JSON text; a string that holds one is accepted too, because keys are strings on lines.
std::optional<JsonField> number(std::string_view decoded) {
  std::string scratch;
  auto field = parse_scalar(trim(decoded), scratch);
  if (field && field->type == JsonType::string) {
    const std::string inner(field->string);
    field = parse_scalar(inner, scratch);
  }
  if (!field || (field->type != JsonType::integer && field->type != JsonType::unsigned_integer &&
                 field->type != JsonType::real))
    return std::nullopt;
  return field;
}

std::string shown(std::string_view text) {
  std::string out("'");
  out.append(text.substr(0, 40)).append(text.size() > 40 ? "...'" : "'");
  return out;
}

template <typename T>
std::optional<RecordError> decode_int(std::string_view name, std::string_view bytes, std::string& out) {
  if (bytes.size() != sizeof(T)) return bad_size(name, sizeof(T), bytes.size());
  append_json_int(read_big_endian<T>(bytes), out);
  return std::nullopt;
}
template <typename T>
std::optional<RecordError> encode_int(std::string_view name, std::string_view decoded, std::string& out) {
  const auto field = number(decoded);
  if (!field) return bad(std::string(name) + ": " + shown(decoded) + " is not a number");
  int64_t value = 0;
  if (field->type == JsonType::integer) {
    value = field->integer;
  } else if (field->type == JsonType::real && field->real.value >= -9223372036854775808.0 &&
             field->real.value < 9223372036854775808.0 &&
             static_cast<double>(static_cast<int64_t>(field->real.value)) == field->real.value) {
    value = static_cast<int64_t>(field->real.value);
  } else {
    return bad(std::string(name) + ": " + shown(decoded) + " is not an integer in its range");
  }
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max())
    return bad(std::string(name) + ": " + shown(decoded) + " is not an integer in its range");
  append_big_endian(static_cast<T>(value), out);
  return std::nullopt;
}

std::optional<RecordError> decode_i32(std::string_view bytes, std::string& out) {
  return decode_int<int32_t>("i32", bytes, out);
}
std::optional<RecordError> encode_i32(std::string_view decoded, std::string& out) {
  return encode_int<int32_t>("i32", decoded, out);
}
std::optional<RecordError> decode_i64(std::string_view bytes, std::string& out) {
  return decode_int<int64_t>("i64", bytes, out);
}
std::optional<RecordError> encode_i64(std::string_view decoded, std::string& out) {
  return encode_int<int64_t>("i64", decoded, out);
}

std::optional<RecordError> decode_f64(std::string_view bytes, std::string& out) {
  if (bytes.size() != 8) return bad_size("f64", 8, bytes.size());
  const auto value = std::bit_cast<double>(read_big_endian<uint64_t>(bytes));
  if (!append_json_double(value, out)) return bad("f64: not a finite number, which JSON cannot hold");
  return std::nullopt;
}
std::optional<RecordError> encode_f64(std::string_view decoded, std::string& out) {
  const auto field = number(decoded);
  if (!field) return bad("f64: " + shown(decoded) + " is not a number");
  double value = field->real.value;
  if (field->type == JsonType::integer) value = static_cast<double>(field->integer);
  if (field->type == JsonType::unsigned_integer) value = static_cast<double>(field->unsigned_integer);
  append_big_endian(std::bit_cast<uint64_t>(value), out);
  return std::nullopt;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}
// Kafka's UUIDSerializer writes the 36 characters; many others the 16 bytes, which are read too.
std::optional<RecordError> decode_uuid(std::string_view bytes, std::string& out) {
  if (bytes.size() == 16) {
    for (size_t i = 0; i < 16; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    return std::nullopt;
  }
  if (!is_uuid(bytes)) return bad("uuid: neither 36 characters of a UUID nor its 16 bytes");
  out += bytes;
  return std::nullopt;
}
std::optional<RecordError> encode_uuid(std::string_view decoded, std::string& out) {
  if (decoded.size() == 38 && decoded.front() == '"') decoded = decoded.substr(1, 36);
  if (!is_uuid(decoded)) return bad("uuid: " + shown(decoded) + " is not a UUID");
  out += decoded;
  return std::nullopt;
}

std::optional<RecordError> decode_base64(std::string_view bytes, std::string& out) {
  if (const auto position = append_from_base64(bytes, out))
    return bad("base64: not base64 at byte " + std::to_string(*position));
  return std::nullopt;
}
std::optional<RecordError> encode_base64(std::string_view decoded, std::string& out) {
  append_base64(decoded, out);
  return std::nullopt;
}

// A new codec is a line here and its two functions.
constexpr CodecLink kLinks[] = {
    {"json", "JSON text", DecodedForm::json, true, nullptr, nullptr},
    {"raw", "the bytes as they are", DecodedForm::bytes, false, nullptr, nullptr},
    {"text", "UTF-8 text, one string", DecodedForm::string, true, nullptr, nullptr},
    {"base64", "bytes written in base64", DecodedForm::bytes, false, decode_base64, encode_base64},
    {"i32", "32-bit integer, big endian (Kafka's IntegerSerializer)", DecodedForm::json, true, decode_i32,
     encode_i32},
    {"i64", "64-bit integer, big endian (LongSerializer)", DecodedForm::json, true, decode_i64, encode_i64},
    {"f64", "double, big endian (DoubleSerializer)", DecodedForm::json, true, decode_f64, encode_f64},
    {"uuid", "UUID as 36 characters (UUIDSerializer); 16 bytes are read too", DecodedForm::string, true,
     decode_uuid, encode_uuid},
};

const CodecLink* find_link(std::string_view name) {
  if (name == "binary") name = "base64";  // Faust's word
  for (const CodecLink& link : kLinks) {
    if (link.name == name) return &link;
  }
  return nullptr;
}

std::string all_names() {
  std::string names;
  for (const CodecLink& link : kLinks) names.append(names.empty() ? "" : " ").append(link.name);
  return names;
}

}  // namespace

std::span<const CodecLink> codec_links() { return kLinks; }

Codec::Codec() : chain_{find_link("json")} {}

Codec Codec::parse(std::string_view text, std::string_view option) {
  const std::string where = std::string(option) + " " + std::string(text) + ": ";
  const bool faust = text.find('|') != std::string_view::npos;
  if (faust && text.find('+') != std::string_view::npos)
    throw usage_error(where + "'+' and '|' do not mix", "in encoding order: json+base64");
  Codec codec;
  codec.chain_.clear();
  std::string_view rest = text;
  while (true) {
    const size_t end = rest.find(faust ? '|' : '+');
    const std::string_view name = rest.substr(0, end);
    const CodecLink* link = find_link(name);
    if (!link) {
      std::vector<std::string> names;
      for (const CodecLink& known : kLinks) names.emplace_back(known.name);
      const std::string near = nearest_name(name, names);
      throw usage_error(where + "there is no codec '" + std::string(name) + "'",
                        near.empty() ? "the codecs are " + all_names()
                                     : "did you mean '" + near + "'? The codecs are " + all_names());
    }
    codec.chain_.push_back(link);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (faust) std::reverse(codec.chain_.begin(), codec.chain_.end());
  for (size_t i = 1; i < codec.chain_.size(); ++i) {
    if (codec.chain_[i]->only_first)
      throw usage_error(where + "'" + std::string(codec.chain_[i]->name) + "' can only come first",
                        "a chain is in encoding order, as json+base64");
  }
  codec.identity_ =
      std::all_of(codec.chain_.begin(), codec.chain_.end(), [](const CodecLink* l) { return !l->decode; });
  return codec;
}

Result<std::string_view> Codec::decode(std::string_view bytes, std::string& scratch) const {
  if (identity_) return bytes;
  std::string next;
  std::string_view now = bytes;
  for (size_t i = chain_.size(); i-- > 0;) {
    if (!chain_[i]->decode) continue;
    next.clear();
    if (auto error = chain_[i]->decode(now, next)) return std::move(*error);
    scratch.swap(next);
    now = scratch;
  }
  return now;
}

Result<std::string_view> Codec::encode(std::string_view decoded, std::string& scratch) const {
  if (identity_) return decoded;
  std::string next;
  std::string_view now = decoded;
  for (const CodecLink* link : chain_) {
    if (!link->encode) continue;
    next.clear();
    if (auto error = link->encode(now, next)) return std::move(*error);
    scratch.swap(next);
    now = scratch;
  }
  return now;
}

std::string Codec::name() const {
  std::string name;
  for (const CodecLink* link : chain_) name.append(name.empty() ? "" : "+").append(link->name);
  return name;
}

CodecPair parse_codec_pair(std::string_view text, std::string_view option) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const Codec both = Codec::parse(text, option);
    return {both, both};
  }
  return {Codec::parse(text.substr(0, colon), option), Codec::parse(text.substr(colon + 1), option)};
}

}  // namespace kutils
