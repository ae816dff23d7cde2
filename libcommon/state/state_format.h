// The bytes of state, on disk and in changelog topics. The grammar stands in man/kutils-state.md, frozen
// bytes in tests/unit/state/format_test.cc; the three must agree. Keys sort by their bytes.
//
//   key      := operator:u8 row-key          operator 1..255: a stage of the pipeline, counted from 1
//             | 0x00 operator:u8             meta row (state/meta.h)
//             | 0x00                         local row: on disk only, never in the changelog
//   row-key  := kWindowRow  start:ordered64 key                an aligned window
//             | kKeyRow     key                                a key's sessions or sliding events
//             | kGroupRow   key                                a table's row: a group's aggregates
//             | kSourceRow  key                                what a row of a source table gave to its group
//             | kRefusedRow source:signed row:bytes group      a row's part of a group that refused its change
//             | kViewRow    key                                a key that a table's filter or map let through
//             | kHeldRow    key                                a value held back by --emit after:D
//             | kTimerRow   due:ordered64 key                  look at the row once stream time reaches `due`, and at
//                                                              those of its members
//             | kClosedRow  end:ordered64 start:ordered64 key  a closed session or sliding window (--expires)
//             | kJoinRow    key:bytes [page:varint]            records of both streams that wait for a match
//             | kTableRow   key                                the row of a join's table
//             | kPairRow    key                                the rows of two tables that are joined
//   ordered64: big-endian with the sign bit flipped, so that bytes sort as the numbers do.
#pragma once

#include <cstdint>
#include <string_view>

namespace kutils::state {

constexpr uint8_t kFormatVersion = 3;
// What was written in format 2 is read, too: there each key has a row of its own for its timer.
constexpr bool is_readable_format(uint8_t version) { return version == 2 || version == kFormatVersion; }
constexpr char kMetaPrefix = '\x00';
constexpr std::string_view kLocalRowKey{"\x00", 1};

constexpr char kWindowRow = 'w';
constexpr char kKeyRow = 'k';
constexpr char kGroupRow = 'g';
constexpr char kSourceRow = 's';
constexpr char kRefusedRow = 'x';
constexpr char kViewRow = 'v';
constexpr char kHeldRow = 'h';
constexpr char kTimerRow = 't';
constexpr char kClosedRow = 'c';
constexpr char kJoinRow = 'j';
constexpr char kTableRow = 'r';
constexpr char kPairRow = 'p';

}  // namespace kutils::state
