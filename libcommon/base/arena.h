// Memory for views that live as long as a batch or a record: allocated by moving a pointer, freed all at
// once. Keeps its blocks over reset(), so that a steady flow allocates nothing. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace kutils {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  // Uninitialised memory, aligned for any scalar. Never null.
  char* allocate(size_t size) {
    const size_t aligned = (size + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);
    if (static_cast<size_t>(end_ - next_) < aligned || next_ == nullptr) grow(aligned);
    char* result = next_;
    next_ += aligned;
    return result;
  }
  // For trivially destructible T only: nothing is destroyed.
  template <typename T>
  T* allocate_array(size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    return reinterpret_cast<T*>(allocate(n * sizeof(T)));
  }
  std::string_view copy(std::string_view bytes) {
    char* to = allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }
  // All that was allocated becomes invalid; the memory is kept for reuse, at most `keep` bytes of it.
  void reset(size_t keep = SIZE_MAX) {
    current_ = 0;
    size_t kept = 0;
    while (kept < blocks_.size() && blocks_[kept].size <= keep) keep -= blocks_[kept++].size;
    blocks_.resize(kept);
    next_ = blocks_.empty() ? nullptr : blocks_[0].memory.get();
    end_ = blocks_.empty() ? nullptr : next_ + blocks_[0].size;
  }

 private:
  struct Block {
    std::unique_ptr<char[]> memory;
    size_t size;
  };
  static constexpr size_t kFirstBlockSize = 1024;
  static constexpr size_t kBlockSize = 64 * 1024;

  void grow(size_t at_least) {
    while (!blocks_.empty() && current_ + 1 < blocks_.size()) {
      Block& block = blocks_[++current_];
      if (block.size >= at_least) {
        next_ = block.memory.get();
        end_ = next_ + block.size;
        return;
      }
    }
    // The first ones are small: there may be one arena for each of thousands of windows.
    const size_t usual = std::min(kBlockSize, kFirstBlockSize << std::min<size_t>(2 * blocks_.size(), 32));
    const size_t size = std::max(at_least, usual);
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    current_ = blocks_.size() - 1;
    next_ = blocks_.back().memory.get();
    end_ = next_ + size;
  }

  std::vector<Block> blocks_;
  size_t current_ = 0;
  char* next_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace kutils
