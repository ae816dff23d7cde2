#include "cli/option_table.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/error.h"

namespace kutils::cli {

const char* title(Group group) {
  switch (group) {
    case Group::tool: return "Options";
    case Group::output: return "Records and expressions";
    case Group::lines: return "Lines";
    case Group::reading: return "Where to read, when to end";
    case Group::cluster: return "Cluster, group and topics";
    case Group::delivery: return "Delivery and errors";
    case Group::general: return "General";
  }
  return "";
}

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> out;
  for (size_t from = 0; from <= names.size();) {
    const size_t comma = std::min(names.find(',', from), names.size());
    out.push_back(names.substr(from, comma - from));
    from = comma + 1;
  }
  return out;
}

void OptionTable::add(Option option) {
  for (const std::string& name : split_names(option.names)) {
    for (const Option& known : options_) {
      for (const std::string& other : split_names(known.names)) {
        if (name == other) throw std::logic_error("option " + name + " declared twice");
      }
    }
  }
  options_.push_back(std::move(option));
}

int64_t parse_number(std::string_view option, std::string_view text, int64_t low, int64_t high) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    std::string range = high == INT64_MAX ? "a whole number from " + std::to_string(low)
                                          : "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
    throw usage_error(std::string(option) + ": '" + std::string(text) + "' is not " + range);
  }
  return value;
}

namespace {

// Damerau's distance restricted to adjacent swaps (optimal string alignment).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest_name(std::string_view wrong, const std::vector<std::string>& names) {
  std::string best;
  size_t best_distance = std::max<size_t>(1, wrong.size() / 3) + 1;
  for (const std::string& name : names) {
    // What was begun and not finished is near, however long the rest.
    const bool begins = wrong.size() >= 4 && name.size() > wrong.size() && name.compare(0, wrong.size(), wrong) == 0;
    const size_t d = begins ? 1 : distance(wrong, name);
    if (d < best_distance) {
      best = name;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace kutils::cli
