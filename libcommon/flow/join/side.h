// Which input of a join a record belongs to. Both inputs of a task come through one Stage::process().
//
// A record of the right topic is of the right side. One that came through an internal topic says its side in
// a header, for that topic may carry both. All else is left.
#pragma once

#include <cstdint>
#include <string_view>

#include "data/record.h"

namespace kutils::flow {

enum class Side : uint8_t { left = 0, right = 1 };
constexpr Side other(Side side) { return side == Side::left ? Side::right : Side::left; }

// Behind the record's own headers; the value is "right" or "left".
constexpr std::string_view kSideHeader = "kutils.side";

inline Header side_header(Side side) {
  return {kSideHeader, std::string_view(side == Side::right ? "right" : "left")};
}

// The side that the record's header names, the last one of this name; left without such a header.
inline Side side_of(const Record& record) {
  for (size_t i = record.headers.size(); i-- > 0;)
    if (record.headers[i].name == kSideHeader)
      return record.headers[i].value.view() == "right" ? Side::right : Side::left;
  return Side::left;
}
// `in_headers`: records that are not of the right topic came through an internal topic. Else a header of this
// name is somebody else's.
inline Side side_of(const Record& record, std::string_view right_topic, bool in_headers) {
  if (record.topic == right_topic) return Side::right;
  return in_headers ? side_of(record) : Side::left;
}

}  // namespace kutils::flow
