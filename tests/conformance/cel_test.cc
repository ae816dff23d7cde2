// Runs expression cases (expr/cases.h) with the product's own code.
//
//   test_cel FILE...    the repository's own, which always run; each function and special form of the
//   registry
//                       must be among them, with the example that its page shows
//   test_cel --public   CEL's public conformance cases: from $KUTILS_CEL_CASES (which then must exist), else
//   from
//                       ../shared/cel beside the source folder; exit code 77, which ctest counts as skipped,
//                       where there are none
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/json_write.h"
#include "expr/cases.h"
#include "expr/registry.h"

using namespace kutils;

namespace {

constexpr int kNotRun = 77;

// All of the public cases that may be skipped, by name and expression. This list can only shrink.
constexpr std::pair<std::string_view, std::string_view> kSkipped[] = {
    {"dyn_error", "math.ceil(dyn(1))"},
    {"dyn_error", "math.floor(dyn(1))"},
};

bool may_be_skipped(const expr::SkippedCase& skipped) {
  return std::find(std::begin(kSkipped), std::end(kSkipped),
                   std::pair<std::string_view, std::string_view>(skipped.name, skipped.expression)) !=
         std::end(kSkipped);
}

// Whether all is well. `all_must_run`: a skipped case is a fault unless it is in the list.
bool run(std::istream& in, const std::string& path, bool all_must_run) {
  const auto report = expr::run_cases(in, path, [](const std::string& line) { std::cout << line << "\n"; });
  for (const auto& [file, counts] : report.by_file)
    std::cout << file << ": " << counts.passed << " passed, " << counts.failed << " failed, "
              << counts.skipped << " skipped\n";
  bool well = report.total.passed > 0 && report.total.failed == 0;
  for (const auto& skipped : report.skipped) {
    std::cout << "skipped " << skipped.name << ": " << skipped.expression << ": " << expr::kWhySkipped
              << "\n";
    if (all_must_run && !may_be_skipped(skipped)) well = false;
  }
  return well;
}

// Whether every example of the registry is a case.
bool has_all_examples(const std::string& cases) {
  bool well = true;
  const auto look = [&](std::string_view name, std::string_view example) {
    std::string expression = "\"expr\": ";
    append_json_string(example, expression);
    if (cases.find(expression) != std::string::npos) return;
    std::cout << name
              << ": its example is no case: {\"file\": \"language\", \"section\": \"examples\", \"name\": \""
              << name << "\", " << expression << ", \"want\": {\"bool\": true}}\n";
    well = false;
  };
  for (const expr::Library& library : expr::libraries())
    for (const expr::Function& function : library.functions) look(function.name, function.example);
  for (const expr::SpecialForm& form : expr::special_forms()) look(form.name, form.example);
  return well;
}

int run_public() {
  const char* given = std::getenv("KUTILS_CEL_CASES");
  const std::string path =
      given ? given : std::string(KUTILS_SOURCE_DIR) + "/../shared/cel/conformance.jsonl";
  std::ifstream in(path);
  if (in) return run(in, path, given == nullptr) ? 0 : 1;
  if (given) {
    std::cout << "KUTILS_CEL_CASES: cannot read " << path << "\n";
    return 1;
  }
  std::cout << "skipped: no CEL conformance cases at " << path << " (KUTILS_CEL_CASES names another file)\n";
  return kNotRun;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> files(argv + 1, argv + argc);
  if (files == std::vector<std::string>{"--public"}) return run_public();
  bool well = !files.empty();
  std::string all;
  for (const std::string& path : files) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    all += text.str();
    if (!in || !run(text, path, true)) well = false;
  }
  return has_all_examples(all) && well ? 0 : 1;
} catch (const Error& error) {
  std::cout << error.what() << "\n";
  return 1;
}
