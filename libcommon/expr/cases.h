// Expression cases in a file, one JSON object a line, as the CEL conformance suite has them: `file`,
// `section`, `name`, `expr`, `vars` (name to VALUE) and either `want` (VALUE) or `error` (must fail; its text
// is not compared).
//
// VALUE is an object of one key: int, uint, double (as strings), string, bytes (base64), bool, null, list,
// map (list of [key, value]), type, timestamp and duration ([seconds, nanoseconds]). Names in `vars` may be
// dotted; the longest prefix that is bound wins.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::expr {

struct CaseCounts {
  size_t passed = 0;
  size_t failed = 0;
  size_t skipped = 0;
};
// A case is skipped only if it demands an error that our addition to CEL takes away: it fails as it must
// where int, uint and double do not mix, and gives a value where they do.
struct SkippedCase {
  std::string name;
  std::string expression;
};
constexpr std::string_view kWhySkipped = "int, uint and double mix, also as arguments (an addition to CEL)";

struct CaseReport {
  CaseCounts total;
  std::map<std::string, CaseCounts> by_file;  // the case's `file` member
  std::vector<SkippedCase> skipped;
};

// `report` gets one line for each failing case. Throws usage_error, with `path` in it, for a line that is no
// case.
CaseReport run_cases(std::istream& in, std::string_view path,
                     const std::function<void(const std::string&)>& report);

}  // namespace kutils::expr
