// Works out fold's expression for the records of one reader.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "expr/expressions.h"
#include "flow/aggregate/aggregate_set.h"

namespace kutils::flow {

class FoldStep final : public Successor {
 public:
  FoldStep(expr::Expressions& expressions, size_t handle) : expressions_(expressions), handle_(handle) {}
  void next_record() { used_ = read_ = 0; }
  std::optional<RecordError> work_out(const void* state, std::string_view accumulated) override {
    if (used_ == results_.size()) results_.emplace_back();
    auto& [of, value] = results_[used_];
    if (auto error = expressions_.fold(handle_, accumulated, value)) return error;
    of = state;
    ++used_;
    return std::nullopt;
  }
  std::string_view result(const void* state) override {
    // States are asked for in the order in which they were worked out.
    for (size_t tries = 0; tries < used_; ++tries) {
      const auto& [of, value] = results_[read_];
      read_ = read_ + 1 == used_ ? 0 : read_ + 1;
      if (of == state) return value;
    }
    return {};
  }

 private:
  expr::Expressions& expressions_;
  const size_t handle_;
  std::vector<std::pair<const void*, std::string>> results_;  // the first used_ are of the present record
  size_t used_ = 0;
  size_t read_ = 0;  // where result() looks first
};

}  // namespace kutils::flow
