// What the three stages of a join by foreign key tell each other (foreign_join.h), as the values of internal
// topics' records. man/kutils-state.md has the grammar, tests/unit/join frozen bytes.
//
//   place := partition:signed offset:varint         of a left record: which row is meant
//   ask   := 's' place key:bytes                    under the foreign key: the row of `key` asks from here on
//          | 'u' key:bytes                          it asks no more
//   told  := 'l' asks:u8 place time:signed row      under the left key: this is its row now; without asks (0) nothing
//                                                   answers
//          | 'd' time:signed                        it was deleted
//          | 'r' has:u8 time:signed row:bytes place the right row, or that there is none (has 0); its time is that of
//                                                   the deletion, or -1
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/varint.h"
#include "data/record.h"

namespace kutils::flow {

// Where a left record stands. It names one version of a row: what answers another one is out of date.
struct Place {
  int32_t partition = 0;
  int64_t offset = 0;
  friend bool operator==(const Place&, const Place&) = default;
};
inline Place place_of(const Record& record) { return {record.partition, record.offset}; }
inline void put_place(std::string& out, const Place& place) {
  put_signed(out, place.partition);
  put_varint(out, static_cast<uint64_t>(place.offset));
}
inline Place read_place(Reader& in) {
  Place place;
  place.partition = static_cast<int32_t>(in.signed_varint());
  place.offset = static_cast<int64_t>(in.varint());
  return place;
}

// Views into what was decoded.
struct Ask {
  bool subscribes = false;
  Place place = {};  // of who subscribes
  std::string_view key;
};
inline void encode(const Ask& ask, std::string& out) {
  out += ask.subscribes ? 's' : 'u';
  if (ask.subscribes) put_place(out, ask.place);
  put_bytes(out, ask.key);
}
// False: it is none.
inline bool decode(std::string_view bytes, Ask& ask) {
  Reader in(bytes);
  const auto kind = static_cast<char>(in.byte());
  ask.subscribes = kind == 's';
  if (ask.subscribes) ask.place = read_place(in);
  ask.key = in.bytes();
  return in.ok() && in.at_end() && (ask.subscribes || kind == 'u');
}

struct Told {
  enum class Kind : char { row = 'l', deletion = 'd', answer = 'r' } kind = Kind::row;
  bool asks = false;  // a row: there will be answers
  Place place = {};   // the row's; of an answer that of the row which asked
  int64_t time = kNoTimestamp;
  MaybeBytes row;  // the left row, or the right one; NULL: there is none
};
// An answer is this with its place behind it: one right row is told to many.
inline void encode_answer(MaybeBytes row, int64_t time, std::string& out) {
  out += static_cast<char>(Told::Kind::answer);
  out += row.is_null() ? '\0' : '\1';
  put_signed(out, time);
  put_bytes(out, row.view());
}
inline void encode(const Told& told, std::string& out) {
  if (told.kind == Told::Kind::answer) {
    encode_answer(told.row, told.time, out);
    return put_place(out, told.place);
  }
  out += static_cast<char>(told.kind);
  if (told.kind == Told::Kind::deletion) return put_signed(out, told.time);
  out += told.asks ? '\1' : '\0';
  put_place(out, told.place);
  put_signed(out, told.time);
  out += told.row.view();
}
inline bool decode(std::string_view bytes, Told& told) {
  Reader in(bytes);
  told = {};
  told.kind = static_cast<Told::Kind>(in.byte());
  switch (told.kind) {
    case Told::Kind::row:
      told.asks = in.byte() != 0;
      told.place = read_place(in);
      told.time = in.signed_varint();
      told.row = in.rest();
      return in.ok();
    case Told::Kind::deletion:
      told.time = in.signed_varint();
      return in.ok() && in.at_end();
    case Told::Kind::answer: {
      const bool has = in.byte() != 0;
      told.time = in.signed_varint();
      const std::string_view row = in.bytes();
      if (has) told.row = row;
      told.place = read_place(in);
      return in.ok() && in.at_end();
    }
  }
  return false;
}

}  // namespace kutils::flow
