// MapStage's --each: one record to several.
#include <algorithm>

#include "expr/context.h"
#include "flow/topology/pass.h"
#include "kmap/map_stage.h"

namespace kutils {
namespace {

// What one record becomes is made as a whole before any of it is written, so that a failure leaves nothing behind.
constexpr size_t kMaxBytes = expr::kMaxResultBytes;

}  // namespace

void MapStage::read_each(const MapPlan& plan) {
  const std::string what = "--each";
  const std::vector<expr::ListItem> items = expr::parse_list(plan.each->text, what, expr::Unnamed::nothing);
  const auto is_field = [](const expr::ListItem& item) {
    return item.kind == expr::ListItem::Kind::field && item.condition.empty();
  };
  const bool one = items.size() == 1;
  const bool is_well_formed = (one || items.size() == 2) &&
                              std::all_of(items.begin(), items.end(), is_field) && items.back().named &&
                              (one || (!items[0].named && items[0].name == items[0].expression));
  if (!is_well_formed)
    throw usage_error(what + ": '" + plan.each->text + "' is not NAME=LIST or PLACE, NAME=LIST",
                      "write --each 'w=text.split(\" \")', with the place from 0 --each 'i, w=...'");
  each_ = expressions_.add(items.back().expression, what);
  for (const expr::ListItem& item : items) {
    if (item.name.starts_with('_'))
      throw usage_error(what + ": '" + item.name +
                        "': names that begin with _ belong to the record's metadata");
    if (!one && items[0].name == items[1].name)
      throw usage_error(what + ": both names are '" + item.name + "'");
    expressions_.declare(item.name);
    each_text_ += (each_text_.empty() ? "" : ", ") + item.name;
  }
  each_text_ += "=" + expressions_.canonical(*each_);
  each_names_ = items.size();
}

std::string MapStage::canonical_each() const { return each_text_ + (each_left_ ? " left" : ""); }

void MapStage::explode(const Record& record, flow::Emitter& out) {
  const Result<expr::Value> list = expressions_.get(*each_);
  if (!list) return out.fail(record, RecordError(list.error()));
  const bool is_map = list->kind() == expr::Kind::map;
  if (!is_map && list->kind() != expr::Kind::list && !list->is_null())
    return out.fail(record, {Reason::wrong_type, "--each: " + each_text_ + " is " +
                                                     std::string(expr::friendly_name(list->kind())) +
                                                     ", not a list or a map"});
  size_t n = 0;
  if (!list->is_null()) n = is_map ? list->as_map().size : list->as_list().size;
  const bool none = n == 0;
  if (none && !each_left_) return out.drop(record, flow::DropReason::filtered);
  expressions_.share_limits();
  ends_.clear();
  for (size_t i = 0; i < std::max<size_t>(n, 1); ++i) {
    expr::Value place, item;
    if (!none && is_map) {
      place = list->as_map().entries[i].key;
      item = each_names_ == 1 ? place : list->as_map().entries[i].value;
    } else if (!none) {
      place = expr::Value::integer(static_cast<int64_t>(i));
      item = list->as_list().items[i];
    }
    if (each_names_ == 2) expressions_.set(0, place);
    expressions_.set(each_names_ - 1, item);
    start_ = text_.size();
    if (whole_) {
      const Result<expr::Value> value = expressions_.get(*whole_);
      if (!value) return out.fail(record, RecordError(value.error()));
      if (value->is_null()) {
        ends_.push_back(std::nullopt);
        continue;
      }
      if (auto error = expr::append_json(*value, text_)) return out.fail(record, std::move(*error));
    } else if (auto error = make_object()) {
      return out.fail(record, std::move(*error));
    }
    if (text_.size() > kMaxBytes)
      return out.fail(record,
                      {Reason::too_large, "--each: the record's " + std::to_string(n) +
                                              " items make more than 64 MiB of records; name the fields that "
                                              "are needed in the place of *"});
    ends_.push_back(text_.size());
  }
  size_t begin = 0;
  for (const std::optional<size_t>& end : ends_) {
    Output output = flow::pass(record);
    output.value = end ? MaybeBytes(std::string_view(text_).substr(begin, *end - begin)) : MaybeBytes();
    if (end) begin = *end;
    out.emit(&record, output);
    if (out.refused()) return;
  }
}

}  // namespace kutils
