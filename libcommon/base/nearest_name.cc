#include "base/nearest_name.h"

#include <algorithm>

namespace kutils {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  if (name.size() > kMaxMisspelt) return best;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  size_t best_rest = 0;  // of names that are equally near the one with fewer letters more
  for (const std::string& candidate : known) {
    // What was begun and not finished is near, however long the rest.
    const bool begins =
        name.size() >= 4 && candidate.size() > name.size() && candidate.compare(0, name.size(), name) == 0;
    const size_t distance = begins ? 1 : edit_distance(name, candidate);
    // Two names without a letter in common are not near, however short.
    const size_t rest = begins ? candidate.size() - name.size() : distance;
    const bool is_nearer =
        distance < best_distance || (distance == best_distance && !best.empty() && rest < best_rest);
    if (is_nearer && distance < name.size()) {
      best_distance = distance;
      best_rest = rest;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::string> near_groups(std::string_view name, const std::vector<std::string>& known) {
  std::vector<std::string> out;
  const std::string part = "." + std::string(name) + ".";
  for (const std::string& one : known)
    if (one.find(part) != one.npos) out.push_back(one);
  if (!out.empty()) return out;
  if (std::string near = nearest_name(name, known); !near.empty()) return {near};
  return out;
}

}  // namespace kutils
