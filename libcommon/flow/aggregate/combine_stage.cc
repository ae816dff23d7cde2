#include "flow/aggregate/combine_stage.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "flow/aggregate/combine_limits.h"
#include "flow/aggregate/combine_sessions.h"
#include "flow/aggregate/combined.h"
#include "flow/aggregate/piece_writer.h"
#include "flow/aggregate/repartition_stage.h"
#include "flow/aggregate/row_table.h"
#include "flow/tasks/source_headers.h"
#include "flow/topology/output_times.h"

namespace kutils::flow {
namespace {

// Whether no other text is an equal number: where the order of equal ones does not tell, the spelling could.
bool is_only_spelling(const ScalarValue& scalar) {
  const std::string_view text = scalar.text;
  if (scalar.kind == ScalarValue::Kind::integer) return scalar.integer != 0 || text.empty() || text == "0";
  if (scalar.kind != ScalarValue::Kind::real) return true;
  const double size = std::fabs(scalar.real);
  if (!(size >= 1e-3 && size < 1e9) || size == std::floor(size)) return false;
  return text.empty() || (text.size() <= 15 && text.back() != '0' &&
                          text.find_first_not_of("-0123456789.") == std::string_view::npos);
}

// What a row has beside its state: where its records lie in the stage's `sources_`, one behind the other.
struct Piece {
  int64_t offset;  // of the first record
  int64_t last_offset, last_time;
  double reach;
  uint32_t first, last;
};

class CombineStage final : public Stage {
 public:
  CombineStage(CombinePlan plan, const AggregateSet& set, std::unique_ptr<RecordReader> reader)
      : plan_(std::move(plan)),
        front_(set.items(), true),
        reader_(std::move(reader)),
        groups_(front_, sizeof(Piece)) {
    for (size_t i = 0; i < set.items().size(); ++i) has_sources_ |= set.function(i).compares();
  }

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    GroupedRecord grouped;
    if (auto error = reader_->read(record, grouped)) return out.fail(record, std::move(*error));
    if (auto refused = times_.judge(grouped.time, out)) return out.fail(record, std::move(*refused));
    if (plan_.next_close && (grouped.time >= next_close_ || (has_sources_ && grouped.time < time_)))
      reach_close(grouped.time, out);
    if (!add(record, grouped, out)) {
      send_all(out);
      single_.send(record, grouped, out);
    }
  }
  void before_commit(Emitter& out) override { send_all(out); }
  void close(Emitter& out) override { send_all(out); }

 private:
  // What waits was before the close of some window, and this is not. Where the group may refuse records, whose
  // times then count for nothing, any of the others might be the first to close it: so all of them lie between
  // the same two closes.
  void reach_close(int64_t time, Emitter& out) {
    const int64_t next = plan_.next_close(time);
    time_ = next == next_close_ ? std::min(time_, time) : time;
    if (next == next_close_) return;
    send_all(out);
    next_close_ = next;
  }

  // False: it cannot be combined with others.
  bool add(const Record& record, const GroupedRecord& grouped, Emitter& out) {
    const double reach = front_.reach(grouped.arguments);
    if (reach >= kSmallReach && !plan_.keeps_order) return false;
    if (reach >= kSmallReach && !has_sources_) {
      send_all(out);
      has_sources_ = true;
    }
    size_t bytes = grouped.key.size() + (has_sources_ ? source_size(record) : 0);
    for (const Argument& argument : grouped.arguments) {
      bytes += sizeof(double) + argument.scalar.text.size();
      if (argument.scalar.key != nullptr) bytes += argument.scalar.key->text.size();
    }
    if (bytes > kMostBytes || (!plan_.keeps_order && spelling_tells(grouped.arguments))) return false;
    place_.clear();
    if (plan_.place_of && !plan_.place_of(grouped.time, place_)) return false;
    const size_t place_size = place_.size();
    std::string_view key = grouped.key;
    if (place_size > 0) key = place_.append(grouped.key);
    Row* row = groups_.find_or_add(key).first;
    place_size_ = place_size;
    partition_ = record.partition;
    const bool is_full =
        row->records == std::numeric_limits<decltype(row->records)>::max() || row->heap + bytes > kMostBytes;
    if (is_full || (row->exists && front_.can_add(groups_.state(row), grouped.arguments))) {
      if (!plan_.next_close) {  // a table has no time that another group's piece might move
        send(row, out);
      } else {
        send_all(out);
        row = groups_.find_or_add(key).first;
      }
    }
    // Even alone: whether it is an error is for the group to say.
    if (front_.add(groups_.state(row), grouped.arguments)) return false;
    Piece& piece = piece_of(row);
    if (!row->exists) {
      row->exists = true;
      row->key_is_text = grouped.key_is_text;
      row->time = grouped.time;
      piece = Piece{};
      piece.offset = piece.last_offset = record.offset;
    } else {
      row->time = std::max(row->time, grouped.time);
    }
    piece.reach += reach;
    if (has_sources_) keep_source(record, grouped, piece, row->records == 0);
    ++row->records;
    row->heap += static_cast<uint32_t>(bytes);
    heap_ += bytes;
    ++records_;
    // Where groups hardly repeat they need not be many: what goes on together is packed in any case.
    const bool repeats = groups_.size() != kManyGroups || records_ >= 2 * kManyGroups;
    if (!repeats || groups_.memory() + heap_ > kMostMemory) send_all(out);
    return true;
  }

  bool spelling_tells(std::span<const Argument> arguments) const {
    for (size_t i = 0; i < arguments.size(); ++i)
      if (arguments[i].present && front_.function(i).compares() && !is_only_spelling(arguments[i].scalar))
        return true;
    return false;
  }

  Piece& piece_of(Row* row) const { return *reinterpret_cast<Piece*>(groups_.beside(row)); }

  // As `next:u32 size:u32 source`; all groups' lie in one buffer.
  void keep_source(const Record& record, const GroupedRecord& grouped, Piece& piece, bool is_first) {
    const auto at = static_cast<uint32_t>(sources_.size());
    sources_.resize(at + 2 * sizeof(uint32_t));
    append_source(record, grouped, piece.last_offset, piece.last_time, sources_);
    const auto size = static_cast<uint32_t>(sources_.size() - at - 2 * sizeof(uint32_t));
    std::memcpy(&sources_[at + sizeof(uint32_t)], &size, sizeof size);
    if (is_first) {
      piece.first = at;
    } else {
      std::memcpy(&sources_[piece.last], &at, sizeof at);
    }
    piece.last = at;
    piece.last_offset = record.offset;
    piece.last_time = grouped.time;
  }

  void send_all(Emitter& out) {
    for (Row* row : groups_.rows())
      if (row->exists) emit(row, out);
    groups_.clear(kMostMemory / 4);
    heap_ = 0;
    sources_.clear();
    if (sources_.capacity() > kMostMemory / 4) std::string().swap(sources_);
    records_ = 0;
  }

  // One alone; what comes next of its group begins another piece.
  void send(Row* row, Emitter& out) {
    if (!row->exists) return;
    emit(row, out);
    front_.destroy(groups_.state(row));
    front_.init(groups_.state(row));
    row->exists = false;
    row->records = 0;
    row->heap = 0;
  }

  void emit(Row* row, Emitter& out) {
    const Piece& piece = piece_of(row);
    value_.clear();
    encode_combined(front_, row->key_is_text, row->records, groups_.state(row), has_sources_, value_);
    if (has_sources_) {
      put_double(value_, piece.reach);
      uint32_t at = piece.first;
      for (uint32_t left = row->records; left > 0; --left) {
        uint32_t size;
        std::memcpy(&size, &sources_[at + sizeof(uint32_t)], sizeof size);
        value_.append(sources_, at + 2 * sizeof(uint32_t), size);
        std::memcpy(&at, &sources_[at], sizeof at);
      }
    }
    pieces_.write(partition_, piece.offset, groups_.key(row).substr(place_size_), value_, row->time, out);
  }

  const CombinePlan plan_;
  const AggregateSet front_;
  std::unique_ptr<RecordReader> reader_;
  OutputTimes times_;
  SingleRecords single_;
  PieceWriter pieces_;
  RowTable groups_;                 // by place and group, each with its piece
  size_t place_size_ = 0;           // of all rows that are there
  int64_t next_close_ = INT64_MIN;  // when a window could close by the source's time
  int64_t time_ = INT64_MIN;        // no window closes between this and that
  int32_t partition_ = 0;           // of the newest record
  bool has_sources_ = false;        // pieces have their records with them
  std::string sources_;             // of all of them
  size_t heap_ = 0;                 // bytes that rows hold elsewhere
  size_t records_ = 0;              // that wait
  std::string place_, value_;
};

}  // namespace

bool can_combine(const AggregateSet& set, const CombinePlan& plan) {
  for (size_t i = 0; i < set.items().size(); ++i) {
    const Aggregate& one = set.function(i);
    if (!one.combines() || (one.is_ordered() && (!plan.keeps_order || plan.sessions))) return false;
    if (one.compares() && plan.sessions) return false;
  }
  return true;
}

std::unique_ptr<Stage> make_combine_stage(CombinePlan plan, const AggregateSet& set,
                                          std::unique_ptr<RecordReader> reader) {
  if (plan.sessions) return make_combine_sessions(*plan.sessions, set, std::move(reader));
  return std::make_unique<CombineStage>(std::move(plan), set, std::move(reader));
}

}  // namespace kutils::flow
