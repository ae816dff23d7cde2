#include "flow/aggregate/combine_sessions.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "flow/aggregate/combine_limits.h"
#include "flow/aggregate/combined.h"
#include "flow/aggregate/piece_writer.h"
#include "flow/aggregate/repartition_stage.h"
#include "flow/aggregate/row_table.h"
#include "flow/topology/output_times.h"

namespace kutils::flow {
namespace {

// What a row has beside its state.
struct Piece {
  int64_t offset;  // of the first record
  SessionSpan span;
};

class CombineSessions final : public Stage {
 public:
  CombineSessions(SessionPlan plan, const AggregateSet& set, std::unique_ptr<RecordReader> reader)
      : plan_(plan),
        front_(set.items(), true),
        reader_(std::move(reader)),
        groups_(front_, sizeof(Piece)),
        none_(front_) {}

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    GroupedRecord grouped;
    if (auto error = reader_->read(record, grouped)) return out.fail(record, std::move(*error));
    if (auto refused = times_.judge(grouped.time, out)) return out.fail(record, std::move(*refused));
    partition_ = record.partition;
    if (add(record, grouped, out)) return;
    send_all(out);
    single_.send(record, grouped, out);
    latest_ = std::max(latest_, grouped.time);
  }
  void before_commit(Emitter& out) override { send_all(out); }
  void close(Emitter& out) override { send_all(out); }

 private:
  // False: it goes on alone.
  bool add(const Record& record, const GroupedRecord& grouped, Emitter& out) {
    if (front_.reach(grouped.arguments) >= kSmallReach) return false;
    size_t bytes = grouped.key.size();
    for (const Argument& argument : grouped.arguments) bytes += sizeof(double) + argument.scalar.text.size();
    if (bytes > kMostBytes) return false;
    const int64_t now = std::max(now_, grouped.time);
    Row* row = groups_.find_or_add(grouped.key).first;
    if (row->exists && !joins(row, grouped, now, bytes)) row = groups_.add_another(row);
    // Even alone: whether it is an error is for the group to say.
    if (front_.add(groups_.state(row), grouped.arguments)) return false;
    SessionSpan& span = piece_of(row).span;
    if (!row->exists) {
      row->exists = true;
      row->key_is_text = grouped.key_is_text;
      row->time = now;
      piece_of(row).offset = record.offset;
      span = {grouped.time, grouped.time};
    } else {
      span.first = std::min(span.first, grouped.time);
      span.last = std::max(span.last, grouped.time);
    }
    now_ = now;
    ++row->records;
    row->heap += static_cast<uint32_t>(bytes);
    heap_ += bytes;
    ++records_;
    newest_ = row;
    // Where groups hardly repeat they need not be many: what goes on together is packed in any case.
    const bool repeats = groups_.size() != kManyGroups || records_ >= 2 * kManyGroups;
    if (!repeats || groups_.memory() + heap_ > kMostMemory) send_all(out);
    return true;
  }

  bool joins(Row* row, const GroupedRecord& grouped, int64_t now, size_t bytes) const {
    const SessionSpan& span = piece_of(row).span;
    if (span.last + plan_.gap + 1 + plan_.grace <= std::max(now, latest_)) return false;  // closed, perhaps
    if (grouped.time > span.last + plan_.gap || grouped.time < span.first - plan_.gap) return false;
    if (grouped.time < span.first && now != row->time) return false;
    return row->records != std::numeric_limits<decltype(row->records)>::max() &&
           row->heap + bytes <= kMostBytes && !front_.can_add(groups_.state(row), grouped.arguments);
  }

  Piece& piece_of(Row* row) const { return *reinterpret_cast<Piece*>(groups_.beside(row)); }

  void send_all(Emitter& out) {
    if (records_ == 0) return;
    for (Row* row : groups_.rows()) {
      if (!row->exists) continue;
      const Piece& piece = piece_of(row);
      value_.clear();
      encode_combined(front_, row->key_is_text, row->records, groups_.state(row), row->time, piece.span,
                      value_);
      pieces_.write(partition_, piece.offset, groups_.key(row), value_, row->time, out);
      told_ = row->time;
    }
    if (now_ > told_) {
      value_.clear();
      encode_combined(front_, true, 0, none_.get(), now_, {now_, now_}, value_);
      pieces_.write(partition_, piece_of(newest_).offset, groups_.key(newest_), value_, now_, out);
      told_ = now_;
    }
    groups_.clear(kMostMemory / 4);
    heap_ = records_ = 0;
    newest_ = nullptr;
  }

  const SessionPlan plan_;
  const AggregateSet front_;
  std::unique_ptr<RecordReader> reader_;
  OutputTimes times_;
  SingleRecords single_;
  PieceWriter pieces_;
  RowTable groups_;  // each with its piece; of a group in several pieces the newest is found
  const OwnedState none_;
  Row* newest_ = nullptr;          // of the newest record
  int64_t now_ = INT64_MIN;        // the largest time seen, but for records that went on alone:
  int64_t latest_ = INT64_MIN;     // theirs, which counts for nothing where their group refuses them
  int64_t told_ = INT64_MIN;       // by what went on
  int32_t partition_ = 0;          // of the newest record
  size_t heap_ = 0, records_ = 0;  // bytes that rows hold elsewhere; what waits
  std::string value_;
};

}  // namespace

std::unique_ptr<Stage> make_combine_sessions(SessionPlan plan, const AggregateSet& set,
                                             std::unique_ptr<RecordReader> reader) {
  return std::make_unique<CombineSessions>(plan, set, std::move(reader));
}

}  // namespace kutils::flow
