// kfilter: passes the records for which a condition is true, bytes untouched.
#pragma once

#include <string>

#include "expr/expressions.h"
#include "flow/topology/stage.h"

namespace kutils {

struct FilterPlan {
  std::string condition;
  expr::Options options;
  bool keep_null = false;  // pass records without a value on, where the condition reads fields
};

class FilterStage final : public flow::Stage {
 public:
  // Throws usage_error for a bad condition, which `what` names.
  explicit FilterStage(const FilterPlan& plan, const char* what = "EXPR");
  void process(const Record& record, flow::Emitter& out) override;
  std::string canonical() const { return expressions_.canonical(condition_); }

 private:
  const char* what_;
  expr::Expressions expressions_;
  size_t condition_;
  bool keep_null_;
  bool reads_fields_;
};

}  // namespace kutils
