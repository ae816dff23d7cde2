// ksample: some of the records, as they came.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "expr/expressions.h"
#include "flow/topology/stage.h"
#include "state/store.h"

namespace kutils {

struct SamplePlan {
  enum class Kind {
    rate,       // a share of them, by a hash: of `by`, else of where the record stands
    every,      // the last of each `count` of a partition
    reservoir,  // `count` of all, when the input ends
  } kind = Kind::rate;
  double rate = 0;  // 0..1
  int64_t count = 1;
  std::string by = {};  // of rate; empty: none
  uint64_t seed = 0;
  expr::Options options = {};
  bool keep_null = false;
};

// `10%`, `0.1`: a share; `1/100`: every hundredth; `1000`: so many. Throws usage_error.
SamplePlan parse_sample(const std::string& text);
// As it is written in settings.
std::string to_string(const SamplePlan& plan);

// Throws usage_error for a bad expression. `every` counts in `store`: null until records come.
std::unique_ptr<flow::Stage> make_sample_stage(const SamplePlan& plan, state::Store* store);
// `by` as it was parsed, for fingerprints.
std::string canonical_by(const SamplePlan& plan);

}  // namespace kutils
