// What a run says at its end of records that had no match, and why. Only hints are made of it.
//
// Each stage counts for itself and adds what a commit makes final to the sums of the run: one of several threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "flow/join/side.h"

namespace kutils::flow {

// Of all partitions.
struct MatchCounts {
  std::atomic<uint64_t> records[2] = {};      // by side; of a table on the right none
  std::atomic<uint64_t> without_key[2] = {};  // of those: they match nothing
  std::atomic<uint64_t> matched{0};           // of the left
  std::atomic<uint64_t> too_early{0};         // of the left: they came before the row of their key
};

class MatchCounter {
 public:
  // `sums` may be null: then nothing is counted.
  explicit MatchCounter(std::shared_ptr<MatchCounts> sums) : sums_(std::move(sums)) {}

  void took(Side side, bool has_key) {
    ++records_[at(side)];
    without_key_[at(side)] += has_key ? 0 : 1;
  }
  void matched() { ++matched_; }
  // A record of the left that looks for a row that is not there.
  void missed(std::string_view key) {
    if (!sums_) return;
    const size_t hash = std::hash<std::string_view>()(key);
    if (const auto found = missed_.find(hash); found != missed_.end()) {
      ++found->second;
    } else if (missed_.size() < kMostKeys) {
      missed_.emplace(hash, 1);
    }
  }
  // A row that is new.
  void came(std::string_view key) {
    if (missed_.empty()) return;
    const auto found = missed_.find(std::hash<std::string_view>()(key));
    if (found == missed_.end()) return;
    too_early_ += found->second;
    missed_.erase(found);
  }
  // Before a commit.
  void add_up() {
    if (!sums_) return;
    for (size_t i = 0; i < 2; ++i) {
      sums_->records[i] += records_[i];
      sums_->without_key[i] += without_key_[i];
      records_[i] = without_key_[i] = 0;
    }
    sums_->matched += matched_;
    sums_->too_early += too_early_;
    matched_ = too_early_ = 0;
  }

 private:
  static constexpr size_t kMostKeys = 5000;
  static size_t at(Side side) { return static_cast<size_t>(side); }

  const std::shared_ptr<MatchCounts> sums_;
  uint64_t records_[2] = {0, 0}, without_key_[2] = {0, 0}, matched_ = 0, too_early_ = 0;
  std::unordered_map<size_t, uint64_t> missed_;  // hash of the key, how many records
};

}  // namespace kutils::flow
