// The records in a span of a partition, found by reading, as in io/record_search.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "io/record_search.h"

namespace kutils::io {

struct FirstRecord {
  // Of the first record; nullopt: there is none, or none that can be read yet.
  std::optional<int64_t> time_ms;
  bool is_held_back = false;  // an open transaction holds back the rest of the span
};
// Of each span. Throws KafkaError, and Error when nothing comes for 30 s.
std::vector<FirstRecord> first_records(const std::vector<SearchSpan>& spans, const MakeReader& make_reader);

}  // namespace kutils::io
