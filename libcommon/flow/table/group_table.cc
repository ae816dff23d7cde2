#include "flow/table/group_table.h"

#include <algorithm>
#include <utility>

#include "flow/topology/fail_result.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

const std::string kFrom(1, state::kGroupRow);
const std::string kTo(1, state::kGroupRow + 1);

}  // namespace

GroupTable::GroupTable(const AggregateSet& set, std::vector<std::string> key_names, state::Store& store,
                       size_t cache_bytes)
    : set_(set),
      store_(store),
      labels_(make_labels(key_names)),
      cache_bytes_(cache_bytes),
      rows_(set),
      shape_(set),
      whole_(true) {
  // A table that begins empty needs no look-ups until rows are let go.
  store_.scan(kFrom, kTo, [this](std::string_view, std::string_view) { return whole_ = false; });
}

Row* GroupTable::find(std::string_view key) {
  const auto [row, is_new] = rows_.find_or_add(key);
  if (is_new && !whole_) {
    key_.assign(kFrom).append(key);
    if (const auto found = store_.get(key_)) decode(*found, row);
  }
  return row;
}

void GroupTable::decode(std::string_view bytes, Row* row) {
  Reader in(bytes);
  row->key_is_text = (in.byte() & 1) != 0;
  row->time = in.signed_varint();
  set_.decode(rows_.state(row), in);
  if (!in.ok() || !in.at_end()) throw state::CorruptState("a table's row in the state is broken");
  row->exists = row->stored = true;
}

std::optional<RecordError> GroupTable::judge_time(Row* row, int64_t time, Emitter& out) {
  if (auto refused = times_.judge(time, out)) return refused;
  if (row->exists && row->time > time && times_.judge(row->time, out)) row->time = time;
  return std::nullopt;
}

void GroupTable::touch(Row* row, bool key_is_text, int64_t time) {
  if (!row->exists) {
    row->exists = true;
    row->key_is_text = key_is_text;
    row->time = time;
  } else {
    row->time = std::max(row->time, time);
  }
  if (row->dirty) return;
  row->dirty = true;
  dirty_.push_back(row);
}

Row* GroupTable::make_total() {
  Row* const row = find({});
  if (row->exists) return nullptr;
  touch(row, false, kNoTimestamp);
  return row;
}

void show_empty_total(GroupTable& groups, TableEmit emit, Emitter& out) {
  if (emit == TableEmit::close) return;
  Row* const row = groups.make_total();
  if (row == nullptr) return;
  if (emit == TableEmit::update)
    groups.emit(nullptr, row, out);
  else
    groups.note_change(row);
}

Result<bool> GroupTable::deletes(Row* row) {
  if (!shape_.may_delete()) return false;
  value_ = '{';
  append_key_fields(rows_.key(row), row->key_is_text, labels_, value_);
  return shape_.deletes(rows_.key(row), row->time, rows_.state(row), value_);
}

void GroupTable::remove(Row* row, int64_t time) {
  touch(row, row->key_is_text, time);
  set_.destroy(rows_.state(row));
  set_.init(rows_.state(row));
  row->exists = false;
}

void GroupTable::emit(const Record* origin, Row* row, Emitter& out) {
  value_ = '{';
  append_key_fields(rows_.key(row), row->key_is_text, labels_, value_);
  const Result<bool> shown =
      row->exists ? shape_.finish(rows_.key(row), row->time, rows_.state(row), value_) : Result<bool>(false);
  if (!shown)
    return fail_result(origin, rows_.key(row), std::string_view(value_), row->time, shown.error(), out);
  Output output;
  output.key = rows_.key(row);  // --total: an empty one, so that the row has a place in a table
  if (*shown) output.value = std::string_view(value_);
  output.timestamp = row->time;
  output.is_result = true;
  out.emit(origin, output);
}

void GroupTable::note_change(Row* row) {
  if (row->changed) return;
  row->changed = true;
  changed_.push_back(row);
}

void GroupTable::emit_changes(Emitter& out) {
  for (Row* row : changed_) {
    row->changed = false;
    emit(nullptr, row, out);
  }
  changed_.clear();
}

void GroupTable::emit_all(Emitter& out) {
  if (!whole_) {
    store_.scan(kFrom, kTo, [this](std::string_view key, std::string_view value) {
      const auto [row, is_new] = rows_.find_or_add(key.substr(1));
      if (is_new) decode(value, row);
      return true;
    });
    whole_ = true;
  }
  for (Row* row : rows_.rows())
    if (row->exists) emit(nullptr, row, out);
}

void GroupTable::write_back() {
  if (store_.in_memory()) {
    for (Row* row : dirty_) row->dirty = false;
    dirty_.clear();
    return;
  }
  for (Row* row : dirty_) {
    row->dirty = false;
    key_.assign(kFrom).append(rows_.key(row));
    if (!row->exists) {
      if (std::exchange(row->stored, false)) store_.erase(key_);
      continue;
    }
    row->stored = true;
    value_.clear();
    encode_row(set_, row->key_is_text, row->time, rows_.state(row), value_);
    rows_.weigh(row, value_.size());
    store_.put(key_, value_);
  }
  dirty_.clear();
  const size_t share = std::min(cache_bytes_, store_.memory_share());
  if (rows_.memory() <= share) return;
  rows_.clear(share / 8);
  std::vector<Row*>().swap(dirty_);
  std::vector<Row*>().swap(changed_);
  whole_ = false;
}

}  // namespace kutils::flow
