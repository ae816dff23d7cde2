// What a group was made for, kept in the metadata of its committed offsets (rule 18), so that the
// same group is not used for something else without a word.
//
// Format, text in UTF-8: `kutils1`, then for each setting U+001F, its name, `=`, its value. Backslash, U+001F
// and control characters are escaped in values. A value longer than kMaxValue bytes is cut and followed by
// `~` and its murmur2 in hex; settings beyond kMaxSettings bytes, and partition counts beyond kMaxPartitions
// bytes more, become one setting, `further settings` or `partitions of N further inputs`, that is the
// murmur2 of them all. They still compare, and the broker's limit for metadata (4096 by default) holds, also
// for a pattern that hundreds of topics match.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/topology/job.h"

namespace kutils::flow {

class Fingerprint {
 public:
  static constexpr size_t kMaxValue = 240;
  static constexpr size_t kMaxSettings = 2800;
  static constexpr size_t kMaxPartitions = 1000;

  // `partitions`: `topic:count` of the inputs, in order.
  Fingerprint(const Job& job, const std::vector<std::pair<std::string, int32_t>>& partitions);

  // nullopt: not written by us (empty after a reset by hand, or another program's).
  static std::optional<Fingerprint> decode(std::string_view metadata);
  const std::string& encoded() const { return encoded_; }

  // One line for each setting that differs: `SPEC was 'a > 1', is 'a > 2'`. Partition counts only with
  // `counts_too`.
  std::vector<std::string> differences_from(const Fingerprint& earlier, bool counts_too) const;
  // How many partitions this topic, an input of `now`, had then: nullopt: as many as now; 0: it was no input
  // yet, or that cannot be told because the inputs beyond kMaxPartitions are others now.
  std::optional<int32_t> partitions_of(std::string_view topic, const Fingerprint& now) const;

 private:
  Fingerprint() = default;
  // Adds what fits, and the murmur2 of the rest under the name that `rest_name` gives it for its size.
  void add(const std::vector<Setting>& settings, size_t limit,
           const std::function<std::string(size_t)>& rest_name);
  std::vector<Setting> settings_;
  std::string encoded_;
};

}  // namespace kutils::flow
