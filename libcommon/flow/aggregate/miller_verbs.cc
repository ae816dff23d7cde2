#include "flow/aggregate/miller_verbs.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace kutils::flow {
namespace {

std::vector<std::string> pieces_of(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// One accumulator of stats1 over a field; empty: it has no counterpart.
std::string aggregate(const std::string& name, const std::string& field) {
  constexpr std::pair<std::string_view, std::string_view> kSame[] = {
      {"sum", "sum"},      {"mean", "avg"},
      {"avg", "avg"},      {"min", "min"},
      {"max", "max"},      {"first", "first"},
      {"last", "last"},    {"stddev", "stddev"},
      {"var", "variance"}, {"distinct_count", "distinct"},
  };
  for (const auto& [theirs, ours] : kSame)
    if (name == theirs) return std::string(ours) + "(" + field + ")";
  if (name == "count") return "count()";
  const std::string percent = name == "median" ? "50" : name.starts_with("p") ? name.substr(1) : "";
  double value = 0;
  const auto [end, error] = std::from_chars(percent.data(), percent.data() + percent.size(), value);
  if (percent.empty() || error != std::errc() || end != percent.data() + percent.size()) return {};
  return field + "_" + (name == "median" ? "p50" : "p" + percent.substr(0, percent.find('.'))) +
         "=percentile(" + field + ", " + percent + ")";
}

}  // namespace

std::optional<Correction> from_miller(std::string_view list) {
  const std::vector<std::string> words = pieces_of(list, ' ');
  if (words.empty() || (words.size() > 1 && words[1].front() != '-')) return std::nullopt;
  const std::string& verb = words[0];
  std::vector<std::string> accumulators, fields;
  std::string groups;
  for (size_t i = 1; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return std::nullopt;
    if (words[i] == "-a")
      accumulators = pieces_of(words[i + 1], ',');
    else if (words[i] == "-f")
      fields = pieces_of(words[i + 1], ',');
    else if (words[i] == "-g")
      groups = words[i + 1];
    else
      return std::nullopt;
  }
  const bool is_named = verb == "sum" || verb == "mean" || verb == "min" || verb == "max" || verb == "median";
  if (verb == "count-distinct" && groups.empty() && !fields.empty()) {
    for (const std::string& one : fields) groups += (groups.empty() ? "" : ",") + one;
    accumulators = {"count"};
    fields = {""};
  } else if (verb == "count" && words.size() > 1 && fields.empty() && accumulators.empty()) {
    accumulators = {"count"};
    fields = {""};
  } else if (is_named && accumulators.empty() && !fields.empty()) {
    accumulators = {verb};
  } else if (verb != "stats1" || accumulators.empty() || fields.empty()) {
    return std::nullopt;
  }
  Correction meant;
  meant.spec = "";
  bool counts = false;
  for (const std::string& field : fields)
    for (const std::string& name : accumulators) {
      if (name == "count" && std::exchange(counts, true)) continue;  // the same of each field
      const std::string one = aggregate(name, field);
      if (one.empty()) return std::nullopt;
      *meant.spec += (meant.spec->empty() ? "" : ", ") + one;
    }
  meant.add = {groups.empty() ? std::pair<std::string, std::string>{"--total", ""}
                              : std::pair<std::string, std::string>{"--by", groups}};
  return meant;
}

}  // namespace kutils::flow
