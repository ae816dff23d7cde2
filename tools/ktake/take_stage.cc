#include "ktake/take_stage.h"

#include <algorithm>
#include <utility>

#include "base/varint.h"
#include "state/state_format.h"

namespace kutils {
namespace {

// A part of an array is a row of its own with each commit, or once it is so large: a backlog brings more between
// two commits than a changelog topic takes as a row.
constexpr size_t kPartBytes = size_t{256} << 10;

}  // namespace

void TakeStage::GroupCodec::encode(const Group& group, std::string& out) const {
  put_varint(out, static_cast<uint64_t>(group.count));
  put_varint(out, static_cast<uint64_t>(group.parts));
  put_signed(out, group.time);
  put_signed(out, group.deadline);
}

void TakeStage::GroupCodec::decode(Reader& in, Group& group) const {
  group.count = static_cast<int64_t>(in.varint());
  group.parts = static_cast<int64_t>(in.varint());
  group.time = in.signed_varint();
  group.deadline = in.signed_varint();
}

TakeStage::TakeStage(const TakePlan& plan, std::unique_ptr<flow::RecordReader> reader, state::Store& store,
                     const Clock* clock)
    : plan_(plan),
      reader_(std::move(reader)),
      expressions_(plan.options),
      value_(expressions_.add("_value", "the value")),
      store_(store),
      clock_(clock),
      rows_(store, {}, plan.cache_bytes, state::kKeyRow, flow::StoredTimers::Rows::of_one_key) {
  if (reader_ || store_.in_memory()) return;
  store_.scan(std::string(1, state::kKeyRow), std::string(1, state::kKeyRow + 1),
              [this](std::string_view key, std::string_view) {
                task_group_ = key.substr(1);
                return false;
              });
}

void TakeStage::process(const Record& record, flow::Emitter& out) {
  if (record.value.is_null()) {
    if (!reader_ || !reader_->read_times(record, times_)) out.drop(record, flow::DropReason::tombstone);
    return;
  }
  const Record* origin = &record;
  if (reader_) {
    flow::GroupedRecord grouped;
    if (auto error = reader_->read(record, grouped)) return out.fail(record, std::move(*error));
    group_ = grouped.key;
    origin = grouped.origin;
  } else if (!task_group_.empty()) {
    group_ = task_group_;
  } else {
    // Where one stage reads several partitions.
    group_.assign(record.topic).append(1, '/').append(std::to_string(record.partition));
    if (!store_.in_memory()) task_group_ = group_;
  }
  if (auto error = expressions_.bind(*origin)) return out.fail(record, std::move(*error));
  const Result<expr::Value> value = expressions_.get(value_);
  if (!value) return out.fail(record, value.error());
  element_.clear();
  if (auto error = expr::append_json(*value, element_)) return out.fail(record, std::move(*error));
  if (auto refused = out.too_far_ahead(origin->timestamp)) return out.fail(record, std::move(*refused));

  Rows::Node& node = rows_.load(group_);
  Group& group = node.value;
  if (group.count == 0) {
    group = {};
    group.time = origin->timestamp;
    if (plan_.within) {
      group.deadline = clock_->wall_ms() + *plan_.within;
      rows_.arm(node, group.deadline);
    }
  }
  if (group.fresh.size() > kPartBytes && !store_.in_memory()) {
    store_.put(part_key(node.key, group.parts++), group.fresh);
    group.fresh.clear();
  }
  if (group.fresh.empty()) {
    if (!store_.in_memory()) changed_.push_back(group_);
  } else {
    group.fresh += ',';
  }
  group.fresh += element_;
  group.time = std::max(group.time, origin->timestamp);
  rows_.touch(node);
  if (++group.count == plan_.count) emit(&record, node, out);
}

const std::string& TakeStage::part_key(const std::string& group, int64_t part) {
  key_.assign(1, state::kHeldRow).append(group);
  put_ordered(key_, part);
  return key_;
}

void TakeStage::emit(const Record* origin, Rows::Node& node, flow::Emitter& out) {
  Group& group = node.value;
  array_.assign(1, '[');
  for (int64_t part = 0; part < group.parts; ++part) {
    const auto values = store_.get(part_key(node.key, part));
    if (!values) throw state::CorruptState("a part of an array is missing in the state");
    if (part > 0) array_ += ',';
    array_ += *values;
    store_.erase(key_);
  }
  if (group.parts > 0 && !group.fresh.empty()) array_ += ',';
  array_ += group.fresh;
  array_ += ']';
  Output output;
  if (reader_) output.key = std::string_view(node.key);
  output.keeps_key = !reader_;
  output.value = std::string_view(array_);
  output.timestamp = group.time;
  output.is_result = true;
  group = {};
  rows_.touch(node);
  out.emit(origin, output);
}

void TakeStage::tick(int64_t wall_ms, flow::Emitter& out) {
  rows_.fire(wall_ms, [&](Rows::Node& node) {
    // A timer of an array that was filled fires for the next one: too early for that, and out of turn.
    if (node.value.count > 0 && node.value.deadline <= node.fired) emit(nullptr, node, out);
    return node.value.count > 0 ? node.value.deadline : flow::kNever;
  });
}

std::optional<int64_t> TakeStage::next_wakeup() const {
  const int64_t due = rows_.next_due();
  return due == flow::kNever ? std::nullopt : std::optional<int64_t>(due);
}

void TakeStage::before_commit(flow::Emitter&) {
  if (!store_.in_memory()) {
    for (const std::string& key : changed_) {
      Rows::Node* node = rows_.find_loaded(key);
      if (node == nullptr || node->value.fresh.empty()) continue;  // it went out
      store_.put(part_key(key, node->value.parts++), node->value.fresh);
      node->value.fresh.clear();
    }
  }
  changed_.clear();
  rows_.write_back();
}

void TakeStage::close(flow::Emitter& out) {
  // In the order of their first values; those that wait for ever are in the order of groups.
  std::vector<std::pair<int64_t, std::string>> left;
  rows_.for_each_loaded([&](const Rows::Node& node) {
    if (node.value.count > 0) left.emplace_back(node.value.deadline, node.key);
  });
  std::sort(left.begin(), left.end());
  for (const auto& [deadline, key] : left) emit(nullptr, rows_.load(key), out);
}

}  // namespace kutils
