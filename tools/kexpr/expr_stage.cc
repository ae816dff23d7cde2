#include "kexpr/expr_stage.h"

#include <utility>

namespace kutils {

ExprStage::ExprStage(const std::string& expression, const expr::Options& options)
    : expressions_(options), expression_(expressions_.add(expression, "EXPR")) {}

void ExprStage::process(const Record& record, flow::Emitter& out) {
  if (record.value.is_null() && expressions_.reads_fields())
    return out.drop(record, flow::DropReason::tombstone);
  if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
  Result<expr::Value> value = expressions_.get(expression_);
  if (!value) return out.fail(record, std::move(value.error()));
  text_.clear();
  if (auto error = append_text(*value, text_)) return out.fail(record, std::move(*error));
  Output output;
  output.key = record.key;
  output.value = MaybeBytes(text_);
  output.headers = record.headers;
  output.timestamp = record.timestamp;
  out.emit(&record, output);
}

}  // namespace kutils
