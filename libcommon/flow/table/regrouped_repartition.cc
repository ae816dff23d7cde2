// A table over a table whose groups are elsewhere than its rows: one stage in front of the repartition topic,
// one behind it.
//
// In front, each partition of IN keeps what its rows gave (source_rows.h); a changed row becomes one change
// of its group, or, where it moves, one of the group that it leaves and one of that which it joins. A row's
// changes of one group come from one partition in order, through one producer, so that they are behind in
// order too.
//
// A group may refuse a change (a sum that would leave 64 bits), and the front cannot know. What of that row
// is then in the group stands behind in
//   kRefusedRow source:signed row:bytes group -> in-group:u8 { present:u8 [scalar] }
// and is what the row's next change of that group takes back.
#include "flow/table/no_key.h"
#include "flow/table/regrouped_groups.h"
#include "flow/table/row_change.h"
#include "flow/table/shown_rows.h"
#include "flow/tasks/source_headers.h"
#include "flow/topology/output_times.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

class InFront final : public Stage {
 public:
  InFront(const AggregateSet& set, std::unique_ptr<RecordReader> reader, state::Store& store)
      : reader_(std::move(reader)), rows_(set, store) {}

  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    const SourceRows::Found& old = rows_.find(record.key.view());
    GroupedRecord grouped;
    if (record.value.is_null()) {
      if (!old.exists) return out.drop(record, DropReason::tombstone);
      if (auto refused = times_.judge(record.timestamp, out)) return out.fail(record, std::move(*refused));
      if (old.in_group && !send(record, &old.part, nullptr, record.timestamp, out)) return;
      return rows_.erase();
    }
    if (auto error = reader_->read(record, grouped)) return out.fail(record, std::move(*error));
    if (auto refused = times_.judge(grouped.time, out)) return out.fail(record, std::move(*refused));
    const Contribution part{grouped.key, grouped.key_is_text, grouped.arguments};
    const Contribution* now = grouped.has_group ? &part : nullptr;
    if (old.in_group && now != nullptr && old.part.group == now->group) {
      if (!send(record, &old.part, now, grouped.time, out)) return;
      return rows_.put(now);
    }
    if (old.in_group && !send(record, &old.part, nullptr, grouped.time, out)) return;
    // Too large for the topic: the row, which has left its old group, is in none.
    if (now != nullptr && !send(record, nullptr, now, grouped.time, out)) now = nullptr;
    rows_.put(now);
  }
  size_t dirty_rows() const override { return rows_.dirty(); }
  void before_commit(Emitter&) override { rows_.committing(); }
  void close(Emitter&) override {}

 private:
  // One change of one group. False: it was refused.
  bool send(const Record& record, const Contribution* from, const Contribution* to, int64_t time,
            Emitter& out) {
    const Contribution& group = to != nullptr ? *to : *from;
    RowChange change;
    change.group_is_text = group.group_is_text;
    change.source = record.partition;
    change.row = record.key.view();
    if (from != nullptr) change.takes_back = true, change.taken = from->arguments;
    if (to != nullptr) change.adds = true, change.added = to->arguments;
    value_.clear();
    encode(change, value_);
    headers_.clear();
    source_.append(record, time, group.group, headers_);
    Output output;
    output.key = group.group;  // --total: empty, not null
    output.value = std::string_view(value_);
    output.headers = headers_;
    output.timestamp = time;
    output.keeps_key = false;
    out.emit(&record, output);
    return !out.refused();
  }

  std::unique_ptr<RecordReader> reader_;
  SourceRows rows_;
  OutputTimes times_;
  SourceHeaders source_;
  std::vector<Header> headers_;
  std::string value_;
};

class Behind final : public Stage {
 public:
  Behind(TableOptions options, const AggregateSet& set, state::Store& store)
      : taken_(set.items().size()),
        added_(set.items().size()),
        kept_(set.items().size()),
        store_(store),
        groups_(std::move(options), set, store) {
    store_.scan(std::string(1, state::kRefusedRow), std::string(1, state::kRefusedRow + 1),
                [this](std::string_view, std::string_view) { return !(has_refused_ = true); });
  }

  void process(const Record& record, Emitter& out) override {
    RowChange change;
    if (record.key.is_null() || record.value.is_null() ||
        !decode(record.value.view(), taken_, added_, change)) {
      return out.fail(
          record,
          {Reason::bad_codec,
           "not the change of a row: another program than this group's ktable wrote to its internal topic"});
    }
    Contribution from{record.key.view(), change.group_is_text, change.taken};
    const Contribution to{record.key.view(), change.group_is_text, change.added};
    bool takes_back = change.takes_back;
    bool was_refused = false;
    if (has_refused_) {
      set_refused_key(change, record.key.view());
      if (const auto stored = store_.get(key_)) {
        was_refused = true;
        bytes_ = *stored;
        Reader in(bytes_);
        takes_back = in.byte() != 0;
        if (takes_back) kept_.read(in);
        if (!in.ok() || !in.at_end()) throw state::CorruptState("a refused row in the state is broken");
        from.arguments = kept_.view();
      }
    }
    if (auto refused = groups_.change(record, takes_back ? &from : nullptr, change.adds ? &to : nullptr,
                                      record.timestamp, out)) {
      if (!was_refused) {
        set_refused_key(change, record.key.view());
        bytes_.assign(1, takes_back ? 1 : 0);
        if (takes_back) encode_arguments(change.taken, bytes_);
        store_.put(key_, bytes_);
        has_refused_ = true;
      }
      return out.fail(record, std::move(*refused));
    }
    if (was_refused) store_.erase(key_);
  }
  void tick(int64_t wall_ms, Emitter& out) override { groups_.tick(wall_ms, out); }
  std::optional<int64_t> next_wakeup() const override { return groups_.next_wakeup(); }
  size_t dirty_rows() const override { return groups_.dirty_rows(); }
  void before_commit(Emitter& out) override { groups_.before_commit(out); }
  void all_read(bool /*after_rest*/, Emitter& out) override { groups_.all_read(out); }
  void close(Emitter& out) override { groups_.close(out); }

 private:
  void set_refused_key(const RowChange& change, std::string_view group) {
    key_.assign(1, state::kRefusedRow);
    put_signed(key_, change.source);
    put_bytes(key_, change.row);
    key_.append(group);
  }

  ReadArguments taken_, added_, kept_;
  state::Store& store_;
  RegroupedGroups groups_;
  bool has_refused_ = false;
  std::string key_, bytes_;
};

}  // namespace

std::unique_ptr<Stage> make_source_table(const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                                         state::Store& store) {
  return std::make_unique<InFront>(set, std::move(reader), store);
}

std::unique_ptr<Stage> make_regrouped_changes(TableOptions options, const AggregateSet& set,
                                              state::Store& store) {
  if (options.after) options.emit = TableEmit::update;
  const TableOptions held = options;
  auto table = std::make_unique<Behind>(std::move(options), set, store);
  return make_shown(std::move(table), held, true, set, store);
}

}  // namespace kutils::flow
