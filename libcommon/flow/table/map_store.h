// Rows in memory for a stage over lines that keeps few bytes per key: gone with the process. No RocksDB is
// linked for it.
#pragma once

#include <map>
#include <string>

#include "state/store.h"

namespace kutils::flow {

class MapStore final : public state::Store {
 public:
  std::optional<std::string_view> get(std::string_view key) override {
    const auto found = rows_.find(key);
    return found == rows_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  void put(std::string_view key, std::string_view value) override {
    rows_.insert_or_assign(std::string(key), std::string(value));
  }
  void erase(std::string_view key) override {
    if (const auto found = rows_.find(key); found != rows_.end()) rows_.erase(found);
  }
  void scan(std::string_view from, std::string_view to,
            const std::function<bool(std::string_view key, std::string_view value)>& row) override {
    for (auto at = rows_.lower_bound(from); at != rows_.end() && (to.empty() || at->first < to); ++at)
      if (!row(at->first, at->second)) return;
  }
  bool in_memory() const override { return true; }
  const state::StreamTimes& stream_times() const override { return times_; }
  void set_stream_times(state::StreamTimes times) override { times_ = std::move(times); }
  void set_description(std::string) override {}

 private:
  std::map<std::string, std::string, std::less<>> rows_;
  state::StreamTimes times_;
};

}  // namespace kutils::flow
