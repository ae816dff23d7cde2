#include "kfilter/filter_stage.h"

#include <utility>

#include "flow/topology/condition.h"
#include "flow/topology/pass.h"

namespace kutils {

FilterStage::FilterStage(const FilterPlan& plan, const char* what)
    : what_(what),
      expressions_(plan.options),
      condition_(expressions_.add(plan.condition, what, expr::Expect::boolean)),
      keep_null_(plan.keep_null),
      reads_fields_(expressions_.reads_fields()) {}

void FilterStage::process(const Record& record, flow::Emitter& out) {
  if (record.value.is_null() && reads_fields_) {
    if (keep_null_) {
      out.emit(&record, flow::pass(record));
    } else {
      out.drop(record, flow::DropReason::tombstone);
    }
    return;
  }
  if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
  Result<bool> matches = flow::get_condition(expressions_, condition_, what_);
  if (!matches) return out.fail(record, std::move(matches.error()));
  if (*matches) {
    out.emit(&record, flow::pass(record));
  } else {
    out.drop(record, flow::DropReason::filtered);
  }
}

}  // namespace kutils
