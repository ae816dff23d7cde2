// A result of records that came earlier could not be made.
#pragma once

#include <cstdint>
#include <utility>

#include "data/record.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

// `key` and `value`: what there is of it, for messages and dead letters. `origin`: the record that set it off,
// or null.
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
