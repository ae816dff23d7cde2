// Two tables. Both rows of a key are one row of the store, so that a change costs one read and one write.
//
// Store: kPairRow key -> flags:u8 [left-time:signed left:bytes] [right-time:signed right:bytes]
// flags: 1: there is a left row, 2: a right one, 4: a result stands in the output.
#include <algorithm>
#include <string>

#include "base/varint.h"
#include "flow/join/dirty_weight.h"
#include "flow/join/join_output.h"
#include "flow/join/join_stage.h"
#include "flow/table/no_key.h"
#include "flow/topology/output_times.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

constexpr uint8_t kHasLeft = 1;
constexpr uint8_t kHasRight = 2;
constexpr uint8_t kStands = 4;

class TableJoin final : public Stage {
 public:
  TableJoin(const JoinOptions& options, state::Store& store)
      : options_(options), result_(options.format), store_(store) {}

  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    if (auto error = result_.check(record.value)) return out.fail(record, std::move(*error));
    if (auto refused = times_.judge(record.timestamp, out)) return out.fail(record, std::move(*refused));
    const Side side = side_of(record, options_.right_topic, options_.sides_in_headers);
    TableRow rows[2];
    const bool stood = read(record.key.view(), rows);
    TableRow& mine = rows[static_cast<size_t>(side)];
    const TableRow& theirs = rows[static_cast<size_t>(other(side))];
    if (record.value.is_null() && mine.value.is_null()) return out.drop(record, DropReason::tombstone);
    mine = {record.value, record.timestamp};

    value_.clear();
    const Result<bool> stands = result_.make_of_rows(options_.type, record.key, rows[0], rows[1], value_);
    if (!stands) return out.fail(record, stands.error());
    const int64_t time = theirs.value.is_null() ? record.timestamp : std::max(record.timestamp, theirs.time);
    if (*stands) {
      emit_result(&record, record.key, std::string_view(value_), time, out);
    } else if (stood) {
      emit_result(&record, record.key, MaybeBytes(), time, out);
    }
    if ((*stands || stood) && out.refused()) return;  // the rows stay what the output shows
    write(rows, *stands);
  }
  void look_ahead(std::span<const Record> records) override {
    for (const Record& record : records) {
      if (record.key.is_null()) continue;
      set_key(record.key.view());
      store_.will_get(key_);
    }
    store_.read_ahead();
  }
  size_t dirty_rows() const override { return dirty_; }
  void before_commit(Emitter&) override { dirty_ = 0; }

 private:
  // Views into bytes_. True: a result stands.
  bool read(std::string_view key, TableRow (&rows)[2]) {
    set_key(key);
    const auto stored = store_.get(key_);
    if (!stored) return false;
    bytes_ = *stored;
    Reader in(bytes_);
    const uint8_t flags = in.byte();
    for (size_t side = 0; side < 2; ++side) {
      if ((flags & (side == 0 ? kHasLeft : kHasRight)) == 0) continue;
      rows[side].time = in.signed_varint();
      rows[side].value = in.bytes();
    }
    if (!in.ok() || !in.at_end()) throw state::CorruptState("a row of two tables in the state is broken");
    return (flags & kStands) != 0;
  }

  void set_key(std::string_view key) { key_.assign(1, state::kPairRow).append(key); }

  void write(const TableRow (&rows)[2], bool stands) {
    if (rows[0].value.is_null() && rows[1].value.is_null()) {
      dirty_ += dirty_weight(0);
      return store_.erase(key_);
    }
    written_.assign(1, static_cast<char>((rows[0].value.is_null() ? 0 : kHasLeft) |
                                         (rows[1].value.is_null() ? 0 : kHasRight) | (stands ? kStands : 0)));
    for (const TableRow& row : rows) {
      if (row.value.is_null()) continue;
      put_signed(written_, row.time);
      put_bytes(written_, row.value.view());
    }
    store_.put(key_, written_);
    dirty_ += dirty_weight(written_.size());
  }

  const JoinOptions options_;
  JoinResult result_;
  state::Store& store_;
  OutputTimes times_;
  std::string key_, bytes_, written_, value_;
  size_t dirty_ = 0;
};

}  // namespace

std::unique_ptr<Stage> make_table_join(const JoinOptions& options, state::Store& store) {
  return std::make_unique<TableJoin>(options, store);
}

}  // namespace kutils::flow
