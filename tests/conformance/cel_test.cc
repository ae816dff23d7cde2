// Runs CEL's public conformance cases with the product's own code: from $KUTILS_CEL_CASES (which then must
// exist), else from
// ../shared/cel beside the source folder, else not at all, with a line that says so.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "expr/cases.h"
#include "support/catch.h"

using namespace kutils;

namespace {
// All that may be skipped, by name and expression. This list can only shrink.
constexpr std::pair<std::string_view, std::string_view> kSkipped[] = {
    {"dyn_error", "math.ceil(dyn(1))"},
    {"dyn_error", "math.floor(dyn(1))"},
};
}  // namespace

TEST_CASE("CEL's conformance cases") {
  std::string path = std::string(KUTILS_SOURCE_DIR) + "/../shared/cel/conformance.jsonl";
  const char* given = std::getenv("KUTILS_CEL_CASES");
  if (given) path = given;
  std::ifstream in(path);
  if (!in) {
    if (given) FAIL("KUTILS_CEL_CASES: cannot read " << path);
    std::cout << "skipped: no CEL conformance cases at " << path
              << " (KUTILS_CEL_CASES names another file)\n";
    return;
  }
  const auto report = expr::run_cases(in, path, [](const std::string& line) { std::cout << line << "\n"; });
  for (const auto& [file, counts] : report.by_file)
    std::cout << file << ": " << counts.passed << " passed, " << counts.failed << " failed, "
              << counts.skipped << " skipped\n";
  std::cout << report.total.passed << " passed, " << report.total.failed << " failed, "
            << report.total.skipped << " skipped\n";
  for (const auto& skipped : report.skipped) {
    std::cout << "skipped " << skipped.name << ": " << skipped.expression << ": " << expr::kWhySkipped
              << "\n";
    // A file that is given may have others.
    if (!given)
      CHECK(std::find(std::begin(kSkipped), std::end(kSkipped),
                      std::pair<std::string_view, std::string_view>(skipped.name, skipped.expression)) !=
            std::end(kSkipped));
  }
  CHECK(report.total.passed > 0);
  CHECK(report.total.failed == 0);
}
