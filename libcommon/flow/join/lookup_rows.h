// The rows of a LookupTable in memory. One thread at a time writes, any read.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace kutils::flow {

class LookupRows {
 public:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  using Rows = std::unordered_map<std::string, std::string, Hash, std::equal_to<>>;

  // What `change` does to the rows is seen as one change.
  template <typename Change>
  void change(Change&& change) {
    const std::unique_lock<std::shared_mutex> lock(mutex_);
    std::forward<Change>(change)(rows_);
  }
  void replace(Rows rows) {
    const std::unique_lock<std::shared_mutex> lock(mutex_);
    rows_.swap(rows);  // the old ones go when the lock is gone
  }
  bool find(std::string_view key, std::string& row) const {
    const std::shared_lock<std::shared_mutex> lock(mutex_);
    const auto found = rows_.find(key);
    if (found == rows_.end()) return false;
    row.assign(found->second);
    return true;
  }
  size_t size() const {
    const std::shared_lock<std::shared_mutex> lock(mutex_);
    return rows_.size();
  }

 private:
  mutable std::shared_mutex mutex_;
  Rows rows_;
};

}  // namespace kutils::flow
