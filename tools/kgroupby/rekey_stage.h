// kgroupby: gives each record a new key, so that it goes where records of that key go. Value, headers and
// time as they came.
#pragma once

#include <string>
#include <vector>

#include "expr/expressions.h"
#include "flow/topology/stage.h"

namespace kutils {

struct RekeyPlan {
  std::string keys;  // EXPR, or EXPR,EXPR: a JSON array
  expr::Options options;
  bool keep_null = false;
};

class RekeyStage final : public flow::Stage {
 public:
  explicit RekeyStage(const RekeyPlan& plan);  // throws usage_error
  void process(const Record& record, flow::Emitter& out) override;
  std::string canonical() const;

 private:
  std::optional<RecordError> make_key();

  expr::Expressions expressions_;
  std::vector<size_t> keys_;
  bool keep_null_;
  std::string key_;
};

}  // namespace kutils
