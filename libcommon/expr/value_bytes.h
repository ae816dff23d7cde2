// Values as bytes that last: what fold() keeps in state, on disk and in changelogs. The grammar stands in
// kutils-state(5), frozen bytes in tests/unit/expr/value_bytes_test.cc.
//
//   value := 0 null | 1 bool:u8 | 2 signed | 3 varint (uint) | 4 double | 5 string:bytes | 6 bytes
//          | 7 seconds:signed nanoseconds:varint (timestamp) | 8 nanoseconds:signed (duration)
//          | 9 n:varint { value } (list) | 10 n:varint { key:value value } (map, in its order)
//          | 11 (the integer -0) | 12 double text:bytes (a number with the text that it was read from)
//
// The kind of a value survives, unlike in JSON: a timestamp comes back as one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/varint.h"
#include "expr/value.h"

namespace kutils::expr {

class Context;

constexpr size_t kMaxKeptBytes = size_t{256} << 10;  // a row of several stays below what topics take
constexpr int kMaxKeptDepth = 1000;                  // as JSON's

constexpr Kinds kKeptKinds = bit(Kind::null) | bit(Kind::boolean) | kNumbers | bit(Kind::string) |
                             bit(Kind::bytes) | bit(Kind::timestamp) | bit(Kind::duration) | bit(Kind::list) |
                             bit(Kind::map);

// Replaces `out`. The error says why not: too large, too deep, a kind that is not kept, NaN or an infinity
// (JSON cannot show them).
[[nodiscard]] std::optional<RecordError> to_bytes(const Value& value, std::string& out);

// Texts point into the bytes, lists and maps into the context's arena. Broken bytes make the reader fail.
Value from_bytes(Reader& in, Context& context);

// As append_json(from_bytes()) gives it, without a context. `json` may be null: then the bytes are only
// checked and passed over.
void bytes_to_json(Reader& in, std::string* json);

}  // namespace kutils::expr
