// kbranch: sends each record to the first output whose condition is true, or to all of them, the rest to OUT.
// Bytes untouched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expr/expressions.h"
#include "flow/topology/named_outputs.h"
#include "flow/topology/stage.h"

namespace kutils {

// `OUTPUT=COND` of the list, in order. Outputs are ports 1, 2, ...; the same output may stand twice.
struct Branch {
  std::string output;  // an endpoint as written
  std::string condition;
};
std::vector<Branch> parse_branches(const std::string& list);  // throws usage_error

// --to: the topic is an expression's value.
struct ToPlan {
  std::string expression;
  expr::Options options;
  bool keep_null = false;
  std::vector<std::string> inputs;  // none of which is written to; empty: the one that the record is of
  std::shared_ptr<flow::NamedOutputs> topics;
};

class ToStage final : public flow::Stage {
 public:
  explicit ToStage(const ToPlan& plan);  // throws usage_error for a bad expression
  void process(const Record& record, flow::Emitter& out) override;
  std::string canonical() const { return expressions_.canonical(topic_); }

 private:
  std::optional<RecordError> judge(std::string_view topic, const Record& record) const;

  const ToPlan plan_;
  expr::Expressions expressions_;
  const size_t topic_;
};

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
