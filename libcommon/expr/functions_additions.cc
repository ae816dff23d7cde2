// What a stream tool needs beyond CEL.
#include <xxhash.h>

#include <cstdlib>

#include "base/digest.h"
#include "base/murmur2.h"
#include "expr/registry.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;

Value random_double(Context& context, Arguments, size_t) { return Value::real(context.random()); }

Value now(Context& context, Arguments, size_t) {
  const int64_t ms = context.clock->wall_ms();
  return Value::timestamp(ms / 1000, static_cast<uint32_t>(ms % 1000) * 1'000'000);
}

Value timestamp_ms(Context& context, Arguments a, size_t) {
  const int64_t ms = a[0].as_int();
  const int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  if (seconds < kMinSeconds || seconds > kMaxSeconds)
    return context.fail("the timestamp is out of range (milliseconds since 1970; of seconds: timestamp(N))");
  return Value::timestamp(seconds, static_cast<uint32_t>(ms - seconds * 1000) * 1'000'000);
}

Value hash_of(Context& context, Arguments a, size_t n) {
  context.work_through(4 * weight(a[0]));  // the comparison writes numbers as decimals
  std::string text;
  const Result<bool> there = append_key(a[0], text);
  if (!there) return context.fail(there.error().message);
  const auto algorithm = n == 2 ? a[1].as_string() : std::string_view("murmur2");
  if (algorithm == "murmur2") return Value::integer(murmur2(text));
  if (algorithm == "xxh64") return Value::unsigned_integer(XXH64(text.data(), text.size(), 0));
  return context.fail("hash(): the algorithms are 'murmur2' and 'xxh64'");
}

Value sha256(Context& context, Arguments a, size_t) { return context.string(sha256_hex(a[0].as_string())); }
Value md5(Context& context, Arguments a, size_t) { return context.string(md5_hex(a[0].as_string())); }

Value json(Context& context, Arguments a, size_t) { return context.json(context.copy(a[0].as_string())); }

Value to_json(Context& context, Arguments a, size_t) {
  context.work_through(weight(a[0]));
  std::string out;
  if (const auto error = append_json(a[0], out)) return context.fail(error->message);
  return context.string(out);
}

Value uuid(Context& context, Arguments, size_t) {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t high = context.random_bits();
  uint64_t low = context.random_bits();
  high = (high & ~uint64_t{0xf000}) | 0x4000;              // version 4
  low = (low & ~(uint64_t{3} << 62)) | uint64_t{2} << 62;  // RFC 4122's variant
  std::string out;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out.push_back('-');
    const uint64_t half = i < 16 ? high : low;
    out.push_back(kHex[half >> (60 - 4 * (i % 16)) & 15]);
  }
  return context.string(out);
}

Value environment(Context& context, Arguments a, size_t n) {
  const std::string name(a[0].as_string());
  if (const char* text = std::getenv(name.c_str())) return context.string(text);
  if (n == 2) return a[1];
  return context.fail("the environment has no " + name);
}

}  // namespace

std::span<const Function> addition_functions() {
  static const std::vector<Function> kTable = {
      {"random",
       Form::function,
       {{kDouble, {}, random_double}},
       "random() -> double",
       "a random number, at least 0 and below 1",
       "random() < 1.0",
       true,
       true},
      {"now",
       Form::function,
       {{kTimestamp, {}, now}},
       "now() -> timestamp",
       "the current time, by this machine's clock",
       "now() > timestamp('2020-01-01T00:00:00Z')",
       true,
       true},
      {"timestamp_ms",
       Form::function,
       {{kTimestamp, {kInt}, timestamp_ms}},
       "timestamp_ms(INT) -> timestamp",
       "from milliseconds since 1970, as _ts counts them",
       "timestamp_ms(1714564800123) == timestamp('2024-05-01T12:00:00.123Z')",
       true},
      {"uuid",
       Form::function,
       {{kString, {}, uuid}},
       "uuid() -> string",
       "a random UUID (version 4)",
       "uuid().size() == 36",
       true,
       true},
      {"hash",
       Form::function,
       {{kInt, {kAnyValue}, hash_of}, {kInt | kUint, {kAnyValue, kString}, hash_of}},
       "hash(X[, 'murmur2'|'xxh64']) -> int or uint",
       "the hash of X as the bytes of a record key; murmur2 (default) is what Kafka's partitioner uses",
       "hash('a') == hash(b'a')",
       true,
       false,
       false,
       -1,
       true},
      {"sha256",
       Form::function,
       {{kString, {kString | kBytes}, sha256}},
       "sha256(STRING|BYTES) -> string",
       "the SHA-256 digest in hexadecimal",
       "sha256('abc').startsWith('ba7816bf')",
       true},
      {"md5",
       Form::function,
       {{kString, {kString | kBytes}, md5}},
       "md5(STRING|BYTES) -> string",
       "the MD5 digest in hexadecimal; not safe against forgery",
       "md5('abc') == '900150983cd24fb0d6963f7d28e17f72'",
       true},
      {"url.parse",
       Form::function,
       {{kMap, {kString}, parse_url}},
       "url.parse(STRING) -> map",
       "the parts of a URL: scheme, user, host, port, path, query, parameters (the query's, decoded), fragment; null"
       " where there is none",
       "url.parse('http://x.org:80/a?q=b%20c').parameters.q == 'b c'",
       true},
      {"json",
       Form::function,
       {{kAnyValue, {kString | kBytes}, json}},
       "json(STRING) -> X",
       "the value of JSON text",
       "json('{\"a\": [1, 2]}').a[1] == 2",
       true},
      {"to_json",
       Form::function,
       {{kString, {kAnyValue}, to_json}},
       "to_json(X) -> string",
       "any value as JSON text",
       "to_json([1, 'a']) == '[1,\"a\"]'",
       true,
       false,
       false,
       -1,
       true},
      {"env",
       Form::function,
       {{kString, {kString}, environment}, {kString, {kString, kString}, environment}},
       "env(NAME[, DEFAULT]) -> string",
       "an environment variable; without DEFAULT it must be set",
       "env('NO_SUCH_VARIABLE', 'x') == 'x'",
       true},
  };
  return kTable;
}

}  // namespace kutils::expr
