// kbranch: sends each record to the first output whose condition is true, or to all of them, the rest to OUT.
// Bytes untouched.
#pragma once

#include <string>
#include <vector>

#include "expr/expressions.h"
#include "flow/topology/stage.h"

namespace kutils {

// `OUTPUT=COND` of the list, in order. Outputs are ports 1, 2, ...; the same output may stand twice.
struct Branch {
  std::string output;  // an endpoint as written
  std::string condition;
};
std::vector<Branch> parse_branches(const std::string& list);  // throws usage_error

struct BranchPlan {
  std::vector<Branch> branches;
  std::vector<uint32_t> ports;  // of each branch
  expr::Options options;
  bool keep_null = false;
  bool all = false;  // to each output one of whose conditions is true, once
};

class BranchStage final : public flow::Stage {
 public:
  explicit BranchStage(const BranchPlan& plan);  // throws usage_error for a bad condition
  void process(const Record& record, flow::Emitter& out) override;
  std::string canonical() const;

 private:
  expr::Expressions expressions_;
  std::vector<Branch> branches_;
  std::vector<uint32_t> ports_;
  std::vector<std::string> names_;  // of the conditions, for messages
  std::vector<size_t> conditions_;
  bool keep_null_;
  bool all_;
  std::vector<uint32_t> matched_;  // ports of this record
};

}  // namespace kutils
