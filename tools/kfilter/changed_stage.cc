#include "kfilter/changed_stage.h"

#include "flow/topology/pass.h"

namespace kutils {

ChangedStage::ChangedStage(const FilterPlan& plan, std::unique_ptr<flow::RecordReader> reader,
                           state::Store& store, size_t cache_bytes)
    : expressions_(plan.options),
      value_(expressions_.add(plan.condition, "EXPR")),
      reader_(std::move(reader)),
      rows_(store, {}, cache_bytes) {}

void ChangedStage::process(const Record& record, flow::Emitter& out) {
  if (record.value.is_null()) {
    if (!reader_->read_times(record, times_)) out.drop(record, flow::DropReason::tombstone);
    return;
  }
  if (auto error = reader_->read(record, grouped_)) return out.fail(record, std::move(*error));
  const Record& origin = *grouped_.origin;
  if (auto error = expressions_.bind(origin)) return out.fail(record, std::move(*error));
  const Result<expr::Value> value = expressions_.get(value_);
  if (!value) return out.fail(record, value.error());
  text_.clear();
  if (auto error = expr::append_key_json(*value, text_)) return out.fail(record, std::move(*error));
  auto& node = rows_.load(grouped_.key);
  if (node.value.is_known && node.value.value == text_) return out.drop(record, flow::DropReason::filtered);
  out.emit(&origin, flow::pass(origin));
  if (out.refused()) return;
  node.value.is_known = true;
  node.value.value = text_;
  rows_.touch(node);
}

}  // namespace kutils
