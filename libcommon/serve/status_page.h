// The page that a run serves to people: what it is, how it is, what came, its tables. HTML without a script,
// which loads itself again. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "serve/metrics.h"
#include "serve/run_views.h"

namespace kutils::serve {

constexpr size_t kRowsOfPage = 20;  // at most, of each table

struct PageFacts {
  const RunAbout& about;
  Figures figures;
  std::string status;
  std::vector<Sample> samples;
  std::map<std::string, std::vector<std::string>> tables;  // the first rows as JSON objects
  int64_t now_ms = 0;
};

// Nothing that records or names hold is taken as HTML.
std::string status_page(const PageFacts& facts);

}  // namespace kutils::serve
