// A stream with a table: each left record meets the right's row, and only left records have results.
//
// Store: kTableRow key -> time:signed value; with --table-grace kTableRow key -> due:signed versions.
#include <algorithm>
#include <string>
#include <utility>

#include "base/varint.h"
#include "flow/aggregate/keyed_rows.h"
#include "flow/join/dirty_weight.h"
#include "flow/join/join_key.h"
#include "flow/join/join_stage.h"
#include "flow/join/versions.h"
#include "flow/table/no_key.h"
#include "flow/tasks/source_marks.h"
#include "flow/topology/output_times.h"
#include "flow/window/stream_clock.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

class StreamTableJoin : public Stage {
 public:
  explicit StreamTableJoin(const JoinOptions& options, bool has_rows = true)
      : options_(options),
        has_rows_(has_rows),
        result_(options.format),
        row_key_(options.on, options.format.options),
        counter_(options.counts) {}

  void process(const Record& record, Emitter& out) final {
    if (options_.sides_in_headers && is_mark(record)) return;
    if (is_row(record)) return take_row(record, out);
    if (auto error = judge(record)) return out.fail(record, std::move(*error));
    if (moves_time())
      if (auto refused = times_.judge(record.timestamp, out)) return out.fail(record, std::move(*refused));
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    if (auto error = result_.check(record.value)) return out.fail(record, std::move(*error));
    const Result<MaybeBytes> key = row_key_.read(record);
    if (!key) return out.fail(record, key.error());
    moved_to(record.timestamp);
    const MaybeBytes row = key->is_null() ? MaybeBytes() : find(key->view(), record.timestamp);
    counter_.took(Side::left, !key->is_null());
    if (row.is_null() && has_rows_ && !key->is_null()) counter_.missed(key->view());
    value_.clear();
    if (!row.is_null()) {
      const Result<bool> made = result_.make(record.key, record.value, row, record.timestamp, value_);
      if (!made) return out.fail(record, made.error());
      if (*made) {
        counter_.matched();
        if (!options_.type.pairs) return out.drop(record, DropReason::filtered);
        return emit_joined(record, out);
      }
    }
    if (!options_.type.left) return out.drop(record, DropReason::filtered);
    const Result<bool> made = result_.make(record.key, record.value, MaybeBytes(), record.timestamp, value_);
    if (!made) return out.fail(record, made.error());
    emit_joined(record, out);
  }
  void before_commit(Emitter&) final {
    counter_.add_up();
    write_rows();
  }

 protected:
  // The row with this key as the record of this time meets it; NULL: none. Lives until the next call.
  virtual MaybeBytes find(std::string_view key, int64_t time) = 0;
  // The record's value, which is JSON or NULL, is the row now. REQUIRES: it has a key.
  virtual void put(const Record& record) = 0;
  virtual std::optional<RecordError> judge(const Record&) { return std::nullopt; }
  // A left record of this time is taken, which is part of the state if moves_time().
  virtual void moved_to(int64_t) {}
  virtual bool moves_time() const { return false; }
  // Into the store.
  virtual void write_rows() {}

  bool is_row(const Record& record) const {
    return has_rows_ && side_of(record, options_.right_topic, options_.sides_in_headers) == Side::right;
  }

  const JoinOptions options_;
  const bool has_rows_;  // rows come as records of the right side

 private:
  // No result of many: it is this record's alone, and OUT may refuse it as any other's.
  void emit_joined(const Record& record, Emitter& out) {
    Output output;
    output.key = record.key;
    output.value = std::string_view(value_);
    output.timestamp = record.timestamp;
    out.emit(&record, output);
  }
  void take_row(const Record& record, Emitter& out) {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    if (auto error = judge(record)) return out.fail(record, std::move(*error));
    if (auto error = result_.check(record.value)) return out.fail(record, std::move(*error));
    if (!record.value.is_null()) counter_.came(record.key.view());
    put(record);
  }

  JoinResult result_;
  JoinKey row_key_;  // what of a left record names its row
  MatchCounter counter_;
  OutputTimes times_;
  std::string value_;
};

class NewestRows final : public StreamTableJoin {
 public:
  NewestRows(const JoinOptions& options, state::Store& store) : StreamTableJoin(options), store_(store) {}
  size_t dirty_rows() const override { return dirty_; }
  void look_ahead(std::span<const Record> records) override {
    if (!options_.on.empty()) return;  // what names the row is made by an expression
    for (const Record& record : records) {
      // A left record looks for its row, a deletion for what it deletes.
      if (record.key.is_null() || is_row(record) != record.value.is_null()) continue;
      set_key(record.key.view());
      store_.will_get(key_);
    }
    store_.read_ahead();
  }

 private:
  void write_rows() override { dirty_ = 0; }
  MaybeBytes find(std::string_view key, int64_t) override {
    set_key(key);
    const auto stored = store_.get(key_);
    if (!stored) return {};
    row_ = *stored;
    Reader in(row_);
    in.signed_varint();
    if (!in.ok()) throw state::CorruptState("a row of a join's table in the state is broken");
    return in.rest();
  }
  void put(const Record& record) override {
    set_key(record.key.view());
    if (record.value.is_null()) {
      if (!store_.get(key_)) return;
      store_.erase(key_);
      dirty_ += dirty_weight(0);
    } else {
      row_.clear();
      put_signed(row_, record.timestamp);
      row_.append(record.value.view());
      store_.put(key_, row_);
      dirty_ += dirty_weight(row_.size());
    }
  }
  void set_key(std::string_view key) { key_.assign(1, state::kTableRow).append(key); }

  state::Store& store_;
  std::string key_, row_;
  size_t dirty_ = 0;
};

class LookedUpRows final : public StreamTableJoin {
 public:
  LookedUpRows(const JoinOptions& options, std::shared_ptr<LookupTable> table)
      : StreamTableJoin(options, false), table_(std::move(table)) {}

 private:
  MaybeBytes find(std::string_view key, int64_t) override {
    return table_->find(key, row_) ? MaybeBytes(std::string_view(row_)) : MaybeBytes();
  }
  void put(const Record&) override {}

  const std::shared_ptr<LookupTable> table_;
  std::string row_;
};

struct VersionsCodec {
  Versions make() const { return {}; }
  void encode(const Versions& versions, std::string& out) const { versions.encode(out); }
  void decode(Reader& in, Versions& versions) const { versions.decode(in); }
};

class RowsOfTheirTime final : public StreamTableJoin {
 public:
  RowsOfTheirTime(const JoinOptions& options, state::Store& store)
      : StreamTableJoin(options),
        store_(store),
        clock_(1, store.stream_times()),
        rows_(store, VersionsCodec(), options.cache_bytes, state::kTableRow) {}
  size_t dirty_rows() const override { return rows_.dirty(); }
  void look_ahead(std::span<const Record> records) override {
    if (!options_.on.empty()) return;
    for (const Record& record : records)
      if (!record.key.is_null()) rows_.will_load(record.key.view());
    rows_.read_ahead();
  }

 private:
  void write_rows() override {
    rows_.write_back();
    store_.set_stream_times(clock_.times());
  }
  std::optional<RecordError> judge(const Record& record) override {
    if (record.timestamp >= 0) return std::nullopt;
    return RecordError{Reason::bad_time, "the record has no time, and --table-grace needs it"};
  }
  MaybeBytes find(std::string_view key, int64_t time) override {
    const Version* found = rows_.load(key).value.at(time, time < limit());
    return found == nullptr ? MaybeBytes() : MaybeBytes(std::string_view(found->value));
  }
  void put(const Record& record) override {
    moved_to(record.timestamp);
    auto& node = rows_.load(record.key.view());
    node.value.put({record.timestamp, record.value.is_null(), std::string(record.value.view())});
    node.value.forget_before(limit());
    rows_.touch(node);
    arm(node);
    if (node.value.empty()) rows_.arm(node, clock_.now());  // it goes with the next fire()
  }
  int64_t limit() const { return clock_.now() - options_.table_grace; }
  int64_t due(const Versions& versions) const {
    const int64_t next = versions.next_forgotten();
    return next == kNever ? kNever : next + options_.table_grace;
  }
  template <typename Node>
  void arm(Node& node) {
    rows_.arm(node, due(node.value));
  }
  bool moves_time() const override { return true; }
  void moved_to(int64_t time) override {
    const int64_t before = clock_.now();
    clock_.advance(0, time);
    if (clock_.now() == before) return;
    rows_.fire(clock_.now(), [&](auto& node) {
      node.value.forget_before(limit());
      return due(node.value);
    });
  }

  state::Store& store_;
  StreamClock clock_;
  KeyedRows<Versions, VersionsCodec> rows_;
};

}  // namespace

std::unique_ptr<Stage> make_stream_table_join(const JoinOptions& options, state::Store& store) {
  if (options.table_grace > 0) return std::make_unique<RowsOfTheirTime>(options, store);
  return std::make_unique<NewestRows>(options, store);
}

std::unique_ptr<Stage> make_lookup_join(const JoinOptions& options, std::shared_ptr<LookupTable> table) {
  return std::make_unique<LookedUpRows>(options, std::move(table));
}

}  // namespace kutils::flow
