// What there is to be read of a stretch of a partition, found as io/record_search.h finds records.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "io/record_search.h"

namespace kutils::io {

struct FirstRecord {
  std::optional<int64_t> time_ms;  // of the first record; none: there is none, or none that can be read yet
  bool is_held_back = false;       // and an open transaction holds back the rest of the span
};
// Of each span. Throws KafkaError, and Error when nothing comes for 30 s.
std::vector<FirstRecord> first_records(const std::vector<SearchSpan>& spans, const MakeReader& make_reader);

}  // namespace kutils::io
