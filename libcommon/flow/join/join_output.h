// How a join's results leave it.
#pragma once

#include <cstdint>
#include <string_view>

#include "data/record.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

// A NULL value: what stood there is no more.
inline void emit_result(const Record* origin, MaybeBytes key, MaybeBytes value, int64_t time, Emitter& out) {
  Output output;
  output.key = key;
  output.value = value;
  output.timestamp = time;
  output.is_result = true;
  out.emit(origin, output);
}

// A result of records that came earlier could not be made.
inline void fail_result(const Record* origin, MaybeBytes key, MaybeBytes value, int64_t time,
                        RecordError error, Emitter& out) {
  Record made;
  made.key = key;
  made.value = value;
  made.timestamp = time;
  made.timestamp_type = TimestampType::create_time;
  if (origin != nullptr) {
    made.topic = origin->topic;
    made.partition = origin->partition;
    made.offset = origin->offset;
  }
  out.fail_made(origin, made, std::move(error));
}

}  // namespace kutils::flow
