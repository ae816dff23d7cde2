#include "expr/value.h"

#include <arpa/inet.h>
#include <xxhash.h>

#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/base64.h"
#include "base/duration.h"
#include "base/time_format.h"
#include "data/json_write.h"
#include "expr/int128.h"
#include "expr/same_content.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

Int128 wide(const Value& v) {
  return v.kind() == Kind::integer ? static_cast<Int128>(v.as_int()) : static_cast<Int128>(v.as_uint());
}

// An integer meets a double as a double where it is in the integer's range, as the conformance suite wants
// it: so 9223372036854775807 equals 9223372036854775808.0.
int compare_double(double a, const Value& b) {
  if (b.kind() == Kind::integer) {
    if (a < -9223372036854775808.0) return -1;
    if (a > 9223372036854775808.0) return 1;
    const auto d = static_cast<double>(b.as_int());
    return a < d ? -1 : a > d ? 1 : 0;
  }
  if (a < 0) return -1;
  if (a > 18446744073709551616.0) return 1;
  const auto d = static_cast<double>(b.as_uint());
  return a < d ? -1 : a > d ? 1 : 0;
}

Order compare_numbers(const Value& a, const Value& b) {
  const bool a_real = a.kind() == Kind::real;
  const bool b_real = b.kind() == Kind::real;
  if ((a_real && std::isnan(a.as_double())) || (b_real && std::isnan(b.as_double()))) return {0, true};
  if (a_real && b_real)
    return {a.as_double() < b.as_double() ? -1 : a.as_double() > b.as_double() ? 1 : 0, false};
  if (a_real) return {compare_double(a.as_double(), b), false};
  if (b_real) return {-compare_double(b.as_double(), a), false};
  const Int128 x = wide(a);
  const Int128 y = wide(b);
  return {x < y ? -1 : x > y ? 1 : 0, false};
}

uint64_t mix(uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  return h ^ h >> 33;
}

// `as_key`: see append_key_json().
template <bool as_key>
bool write(const Value& value, std::string& out, std::string_view& problem) {
  switch (value.kind()) {
    case Kind::error:
    case Kind::null:
      out += "null";
      return true;
    case Kind::boolean:
      out += value.as_bool() ? "true" : "false";
      return true;
    case Kind::integer:
      if (!as_key && !value.written().empty()) {
        out += value.written();
      } else {
        append_json_int(value.as_int(), out);
      }
      return true;
    case Kind::unsigned_integer:
      append_json_uint(value.as_uint(), out);
      return true;
    case Kind::real: {
      const double d = value.as_double();
      if (!value.written().empty()) {
        if (as_key) {
          append_number_key(value.written(), d, out);
        } else {
          out += value.written();
        }
        return true;
      }
      if (as_key ? append_number_key(d, out) : append_json_double(d, out)) return true;
      problem = std::isnan(d) ? "NaN" : "an infinity";
      return false;
    }
    case Kind::string:
      append_json_string(value.as_string(), out);
      return true;
    case Kind::bytes:
      out.push_back('"');
      append_base64(value.as_string(), out);
      out.push_back('"');
      return true;
    case Kind::timestamp:
      out.push_back('"');
      append_rfc3339(value.seconds(), value.nanoseconds(), out);
      out.push_back('"');
      return true;
    case Kind::duration:
      out.push_back('"');
      out += format_duration(std::chrono::nanoseconds(value.duration_ns()));
      out.push_back('"');
      return true;
    case Kind::list: {
      const ListValue& list = value.as_list();
      if (!as_key && !list.raw.empty()) {
        out += list.raw;
        return true;
      }
      out.push_back('[');
      for (size_t i = 0; i < list.size; ++i) {
        if (i != 0) out.push_back(',');
        if (!write<as_key>(list.items[i], out, problem)) return false;
      }
      out.push_back(']');
      return true;
    }
    case Kind::map: {
      const MapValue& map = value.as_map();
      if (!as_key && !map.raw.empty()) {
        out += map.raw;
        return true;
      }
      out.push_back('{');
      for (size_t i = 0; i < map.size; ++i) {
        if (i != 0) out.push_back(',');
        const Value& key = map.entries[i].key;
        if (key.is_string()) {
          append_json_string(key.as_string(), out);
        } else {
          out.push_back('"');
          if (!write<as_key>(key, out, problem)) return false;
          out.push_back('"');
        }
        out.push_back(':');
        if (!write<as_key>(map.entries[i].value, out, problem)) return false;
      }
      out.push_back('}');
      return true;
    }
    case Kind::type:
      append_json_string(value.as_string(), out);
      return true;
    case Kind::optional:
      if (!value.as_optional()) {
        out += "null";
        return true;
      }
      return write<as_key>(*value.as_optional(), out, problem);
    case Kind::ip:
    case Kind::cidr:
      out.push_back('"');
      append_address(value, out);
      out.push_back('"');
      return true;
  }
  return true;
}

}  // namespace

void append_address(const Value& value, std::string& out) {
  const AddressValue& address = value.as_address();
  char buffer[INET6_ADDRSTRLEN];
  // inet_ntop() writes the last 32 bits of ::/96 as an IPv4 address; CEL writes them as those of any other.
  constexpr unsigned char kZeros[12] = {};
  if (address.family == 6 && std::memcmp(address.bytes, kZeros, sizeof kZeros) == 0 &&
      (address.bytes[12] | address.bytes[13]) != 0) {
    const auto group = [&](size_t i) { return address.bytes[i] << 8 | address.bytes[i + 1]; };
    std::snprintf(buffer, sizeof buffer, "::%x:%x", static_cast<unsigned>(group(12)),
                  static_cast<unsigned>(group(14)));
    out += buffer;
  } else {
    out += inet_ntop(address.family == 4 ? AF_INET : AF_INET6, address.bytes, buffer, sizeof buffer);
  }
  if (value.kind() == Kind::cidr) {
    out.push_back('/');
    append_json_uint(address.prefix, out);
  }
}

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::error:
      return "error";
    case Kind::null:
      return "null_type";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::unsigned_integer:
      return "uint";
    case Kind::real:
      return "double";
    case Kind::string:
      return "string";
    case Kind::bytes:
      return "bytes";
    case Kind::timestamp:
      return "google.protobuf.Timestamp";
    case Kind::duration:
      return "google.protobuf.Duration";
    case Kind::list:
      return "list";
    case Kind::map:
      return "map";
    case Kind::type:
      return "type";
    case Kind::optional:
      return "optional_type";
    case Kind::ip:
      return "net.IP";
    case Kind::cidr:
      return "net.CIDR";
  }
  return "error";
}

std::string_view friendly_name(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::timestamp:
      return "timestamp";
    case Kind::duration:
      return "duration";
    case Kind::optional:
      return "optional";
    case Kind::ip:
      return "ip";
    case Kind::cidr:
      return "cidr";
    default:
      return type_name(kind);
  }
}

bool equals(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) {
    if (!a.is_number() || !b.is_number()) return false;
    const Order order = compare_numbers(a, b);
    return !order.unordered && order.sign == 0;
  }
  switch (a.kind()) {
    case Kind::error:
      return false;
    case Kind::null:
      return true;
    case Kind::boolean:
      return a.as_bool() == b.as_bool();
    case Kind::integer:
      return a.as_int() == b.as_int();
    case Kind::unsigned_integer:
      return a.as_uint() == b.as_uint();
    case Kind::real:
      return a.as_double() == b.as_double();
    case Kind::string:
    case Kind::bytes:
    case Kind::type:
      return a.as_string() == b.as_string();
    case Kind::timestamp:
      return a.seconds() == b.seconds() && a.nanoseconds() == b.nanoseconds();
    case Kind::duration:
      return a.duration_ns() == b.duration_ns();
    case Kind::list:
      return same_content(a.as_list(), b.as_list(), equals);
    case Kind::map:
      return same_content(a.as_map(), b.as_map(), equals);
    case Kind::optional: {
      const Value* x = a.as_optional();
      const Value* y = b.as_optional();
      if (!x || !y) return !x && !y;
      return equals(*x, *y);
    }
    case Kind::ip:
    case Kind::cidr: {
      const AddressValue& x = a.as_address();
      const AddressValue& y = b.as_address();
      return x.family == y.family && x.prefix == y.prefix && std::memcmp(x.bytes, y.bytes, 16) == 0;
    }
  }
  return false;
}

std::optional<Order> compare(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) {
    if (!a.is_number() || !b.is_number()) return std::nullopt;
    return compare_numbers(a, b);
  }
  const auto sign = [](auto x, auto y) { return Order{x < y ? -1 : y < x ? 1 : 0, false}; };
  switch (a.kind()) {
    case Kind::boolean:
      return sign(a.as_bool() ? 1 : 0, b.as_bool() ? 1 : 0);
    case Kind::integer:
      return sign(a.as_int(), b.as_int());
    case Kind::unsigned_integer:
      return sign(a.as_uint(), b.as_uint());
    case Kind::real:
      return compare_numbers(a, b);
    case Kind::string:
    case Kind::bytes:
      return sign(a.as_string().compare(b.as_string()), 0);
    case Kind::duration:
      return sign(a.duration_ns(), b.duration_ns());
    case Kind::timestamp:
      if (a.seconds() != b.seconds()) return sign(a.seconds(), b.seconds());
      return sign(a.nanoseconds(), b.nanoseconds());
    default:
      return std::nullopt;
  }
}

bool precedes(const Value& a, const Value& b) {
  const auto is_nan = [](const Value& v) { return v.kind() == Kind::real && std::isnan(v.as_double()); };
  if (is_nan(a) || is_nan(b)) return !is_nan(a) && is_nan(b);
  const auto order = compare(a, b);
  return order && order->sign < 0;
}

uint64_t hash(const Value& value) {
  const auto tagged = [&](uint64_t h) {
    return mix(h + static_cast<uint64_t>(value.kind()) * 0x9e3779b97f4a7c15ULL);
  };
  switch (value.kind()) {
    // Whole numbers hash alike whatever their kind.
    case Kind::integer:
      return mix(static_cast<uint64_t>(value.as_int()));
    case Kind::unsigned_integer:
      return mix(value.as_uint());
    case Kind::real: {
      const double d = value.as_double();
      if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 && d == std::floor(d))
        return mix(static_cast<uint64_t>(static_cast<int64_t>(d)));
      if (d >= 0 && d < 18446744073709551616.0 && d == std::floor(d)) return mix(static_cast<uint64_t>(d));
      uint64_t bits;
      std::memcpy(&bits, &d, sizeof bits);
      return mix(bits);
    }
    case Kind::boolean:
      return tagged(value.as_bool() ? 1 : 0);
    case Kind::string:
    case Kind::bytes:
    case Kind::type:
      return tagged(XXH64(value.as_string().data(), value.as_string().size(), 0));
    case Kind::timestamp:
      return tagged(static_cast<uint64_t>(value.seconds()) * 31 + value.nanoseconds());
    case Kind::duration:
      return tagged(static_cast<uint64_t>(value.duration_ns()));
    case Kind::list: {
      uint64_t h = tagged(value.as_list().size);
      for (const Value& item : value.as_list()) h = mix(h ^ hash(item));
      return h;
    }
    case Kind::map: {
      uint64_t h = tagged(value.as_map().size);
      for (const MapEntry& entry : value.as_map()) h += mix(hash(entry.key) ^ (hash(entry.value) << 1));
      return h;
    }
    case Kind::optional:
      return value.as_optional() ? mix(hash(*value.as_optional()) + 1) : tagged(0);
    case Kind::ip:
    case Kind::cidr:
      return tagged(XXH64(value.as_address().bytes, 16, value.as_address().prefix));
    case Kind::error:
    case Kind::null:
      break;
  }
  return tagged(0);
}

namespace {
// A double finds the whole number that it is, exactly.
bool same_key(const Value& a, const Value& b) {
  if (a.kind() == b.kind() || !a.is_number() || !b.is_number()) return equals(a, b);
  return hash(a) == hash(b) && equals(a, b);
}
}  // namespace

const Value* find(const MapValue& map, const Value& key) {
  if (map.index) {
    for (uint64_t at = hash(key) & map.index_mask; map.index[at] != 0; at = (at + 1) & map.index_mask) {
      const MapEntry& entry = map.entries[map.index[at] - 1];
      if (same_key(entry.key, key)) return &entry.value;
    }
    return nullptr;
  }
  for (const MapEntry& entry : map) {
    if (same_key(entry.key, key)) return &entry.value;
  }
  return nullptr;
}

const Value* find(const MapValue& map, std::string_view key) { return find(map, Value::string(key)); }

namespace {
template <bool as_key>
std::optional<RecordError> append(const Value& value, std::string& out) {
  const size_t before = out.size();
  std::string_view problem;
  if (write<as_key>(value, out, problem)) return std::nullopt;
  out.resize(before);
  return RecordError{Reason::expression, "JSON cannot hold " + std::string(problem)};
}
}  // namespace

std::optional<RecordError> append_json(const Value& value, std::string& out) {
  return append<false>(value, out);
}
std::optional<RecordError> append_key_json(const Value& value, std::string& out) {
  return append<true>(value, out);
}

Result<bool> append_key(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::null:
      return false;
    case Kind::string:
    case Kind::bytes:
      out += value.as_string();
      return true;
    default:
      if (auto error = append_key_json(value, out)) return *error;
      return true;
  }
}

Result<int64_t> to_time_ms(const Value& value, int64_t unit_ns) {
  const auto bad = [](const std::string& why) { return RecordError{Reason::bad_time, why}; };
  Int128 nanoseconds = 0;
  switch (value.kind()) {
    case Kind::integer:
      nanoseconds = static_cast<Int128>(value.as_int()) * unit_ns;
      break;
    case Kind::unsigned_integer:
      nanoseconds = static_cast<Int128>(value.as_uint()) * unit_ns;
      break;
    case Kind::real: {
      const double d = value.as_double();
      if (!(std::fabs(d) < 9e18)) return bad("the time is beyond the range of Kafka's timestamps");
      // Seconds with a fraction, as many logs have them: nearer to a millisecond than a double's digits are
      // at 1e9 s.
      const double whole = std::floor(d);
      nanoseconds = static_cast<Int128>(whole) * unit_ns +
                    static_cast<Int128>(std::llround((d - whole) * 1e6)) * unit_ns / 1'000'000;
      break;
    }
    case Kind::string: {
      // As on the command line: also with a space, without seconds, and in UTC where no zone is said.
      const auto ms = parse_iso_ms(value.as_string());
      if (!ms) {
        return bad(
            "'" + shortened(value.as_string()) +
            "' is not a time (2024-05-01T12:00:00Z); of another form: parse_time(TEXT, '%d.%m.%Y %H:%M')");
      }
      nanoseconds = static_cast<Int128>(*ms) * 1'000'000;
      break;
    }
    case Kind::timestamp:
      nanoseconds = static_cast<Int128>(value.seconds()) * 1'000'000'000 + value.nanoseconds();
      break;
    default:
      return bad("a time cannot be " + std::string(friendly_name(value.kind())));
  }
  if (nanoseconds < 0) return bad("the time is before 1970");
  const Int128 ms = nanoseconds / 1'000'000;
  if (ms > INT64_MAX) return bad("the time is beyond the range of Kafka's timestamps");
  return static_cast<int64_t>(ms);
}

std::optional<RecordError> append_text(const Value& value, std::string& out) {
  if (value.is_string()) {
    out += value.as_string();
    return std::nullopt;
  }
  if ((value.kind() == Kind::timestamp || value.kind() == Kind::duration || value.kind() == Kind::type ||
       value.kind() == Kind::ip || value.kind() == Kind::cidr || value.kind() == Kind::bytes)) {
    std::string json;
    if (auto error = append_json(value, json)) return error;
    out.append(json, 1, json.size() - 2);
    return std::nullopt;
  }
  return append_json(value, out);
}

}  // namespace kutils::expr
