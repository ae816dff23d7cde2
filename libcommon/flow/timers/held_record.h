// A record kept in a row until it goes on as it came: key, value, headers, time.
//
// flags:u8 (1: a value, 2: a key) timestamp:signed key:bytes value:bytes n:varint { name:bytes null:u8
// value:bytes }
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/varint.h"
#include "data/record.h"
#include "state/state_error.h"

namespace kutils::flow {

inline void encode_record(const Record& record, std::string& out) {
  out.push_back(static_cast<char>((record.value.is_null() ? 0 : 1) | (record.key.is_null() ? 0 : 2)));
  put_signed(out, record.timestamp);
  put_bytes(out, record.key.view());
  put_bytes(out, record.value.view());
  put_varint(out, record.headers.size());
  for (const Header& header : record.headers) {
    put_bytes(out, header.name);
    out.push_back(header.value.is_null() ? 1 : 0);
    put_bytes(out, header.value.view());
  }
}

// What encode_record() wrote, as an output again.
class HeldRecord {
 public:
  // Its views are those of `bytes` and of this object. Throws state::CorruptState.
  const Output& decode(std::string_view bytes) {
    Reader in(bytes);
    output_ = Output();
    headers_.clear();
    const uint8_t flags = in.byte();
    output_.timestamp = in.signed_varint();
    const std::string_view key = in.bytes(), value = in.bytes();
    if ((flags & 2) != 0) output_.key = key;
    if ((flags & 1) != 0) output_.value = value;
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const std::string_view name = in.bytes();
      const bool is_null = in.byte() != 0;
      const std::string_view text = in.bytes();
      headers_.push_back({name, is_null ? MaybeBytes() : MaybeBytes(text)});
    }
    if (!in.ok() || !in.at_end()) throw state::CorruptState("a held record in the state is broken");
    output_.headers = headers_;
    return output_;
  }

 private:
  Output output_;
  std::vector<Header> headers_;
};

}  // namespace kutils::flow
