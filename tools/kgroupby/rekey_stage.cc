#include "kgroupby/rekey_stage.h"

#include <utility>

#include "flow/topology/pass.h"

namespace kutils {

RekeyStage::RekeyStage(const RekeyPlan& plan) : expressions_(plan.options), keep_null_(plan.keep_null) {
  for (const expr::ListItem& item : expr::parse_list(plan.keys, "EXPR", expr::Unnamed::nothing)) {
    if (item.kind != expr::ListItem::Kind::field || item.named) {
      throw usage_error("EXPR: '" + plan.keys + "' is not a key",
                        "write one expression, or several as a,b for a JSON array");
    }
    keys_.push_back(expressions_.add(item.expression, "EXPR"));
  }
}

std::string RekeyStage::canonical() const {
  std::string out;
  for (const size_t key : keys_) out += (out.empty() ? "" : ", ") + expressions_.canonical(key);
  return out;
}

std::optional<RecordError> RekeyStage::make_key() {
  key_.clear();
  if (keys_.size() == 1) {
    Result<expr::Value> value = expressions_.get(keys_[0]);
    if (!value) return std::move(value.error());
    Result<bool> any = expr::append_key(*value, key_);
    if (!any) return std::move(any.error());
    if (!*any) return RecordError{Reason::no_key, "the key " + expressions_.canonical(keys_[0]) + " is null"};
    return std::nullopt;
  }
  for (const size_t key : keys_) {
    Result<expr::Value> value = expressions_.get(key);
    if (!value) return std::move(value.error());
    key_ += key_.empty() ? '[' : ',';
    if (auto error = expr::append_key_json(*value, key_)) return error;
  }
  key_ += ']';
  return std::nullopt;
}

void RekeyStage::process(const Record& record, flow::Emitter& out) {
  if (record.value.is_null() && expressions_.reads_fields() && !keep_null_) {
    return out.drop(record, flow::DropReason::tombstone);
  }
  if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
  if (auto error = make_key()) return out.fail(record, std::move(*error));
  Output output = flow::pass(record);
  output.key = MaybeBytes(key_);
  output.keeps_key = false;
  out.emit(&record, output);
}

}  // namespace kutils
