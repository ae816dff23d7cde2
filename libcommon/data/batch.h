// What a Source gives at a time: some records and the memory that their views point into.
//
// A batch is filled, processed and cleared by one thread. Views handed out are valid until clear(). `hold()`
// ties the life of foreign memory (librdkafka messages) to the batch.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "data/record.h"

namespace kutils {

class Batch {
 public:
  Batch() = default;
  Batch(const Batch&) = delete;  // records point into its arena
  Batch& operator=(const Batch&) = delete;

  std::vector<Record>& records() { return records_; }
  const std::vector<Record>& records() const { return records_; }
  Arena& arena() { return arena_; }
  bool empty() const { return records_.empty(); }
  void hold(std::shared_ptr<void> memory) { held_.push_back(std::move(memory)); }
  void clear() {
    records_.clear();
    held_.clear();
    arena_.reset();
  }

 private:
  std::vector<Record> records_;
  std::vector<std::shared_ptr<void>> held_;
  Arena arena_;
};

}  // namespace kutils
