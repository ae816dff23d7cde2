// kexpr: each record's value becomes what an expression gives, as text.
#pragma once

#include <string>

#include "expr/expressions.h"
#include "flow/topology/stage.h"

namespace kutils {

class ExprStage final : public flow::Stage {
 public:
  ExprStage(const std::string& expression, const expr::Options& options);  // throws usage_error
  void process(const Record& record, flow::Emitter& out) override;

 private:
  expr::Expressions expressions_;
  size_t expression_;
  std::string text_;
};

}  // namespace kutils
