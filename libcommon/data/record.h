// A record as the tools see it: views into memory that its Batch owns. Copying a Record copies views.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "data/headers.h"

namespace kutils {

enum class TimestampType : uint8_t { none, create_time, log_append_time };

constexpr int32_t kNoPartition = -1;
constexpr int64_t kNoOffset = -1;
constexpr int64_t kNoTimestamp = -1;

struct Record {
  MaybeBytes key;
  MaybeBytes value;  // NULL is a tombstone
  Headers headers;
  int64_t timestamp = kNoTimestamp;  // ms since the epoch
  TimestampType timestamp_type = TimestampType::none;
  // Where it came from. On lines: `topic` is the file's name or "-", partition kNoPartition, offset the
  // line's number counted from 0 (messages show it from 1).
  std::string_view topic;
  int32_t partition = kNoPartition;
  int64_t offset = kNoOffset;
  uint32_t input = 0;  // index of the input endpoint that it came through
};

// What a stage makes of it. Views need to live only until Emitter::emit() returns.
struct Output {
  MaybeBytes key;
  MaybeBytes value;
  std::span<const Header> headers;
  int64_t timestamp = kNoTimestamp;
  // True: the key is the origin's, so that the record keeps its partition number where input and output have
  // as many partitions. False: murmur2 of the key.
  bool keeps_key = true;
  bool is_origin = false;  // key and value as they came, from a stage that else makes its own (--late)
  int32_t partition = kNoPartition;  // set to insist (kcp)
  uint32_t port = 0;                 // which output: 0 is OUT; kbranch's topics are 1, 2, ...
  // Of many records, and the origin is only the one that set it off: a message about it shows how it begins.
  bool is_result = false;
};

}  // namespace kutils
