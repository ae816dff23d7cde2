// Tumbling, hopping and calendar windows.
//
// Rows of open windows lie decoded in one RowTable per window start, written to the store before each commit.
// A window that is new needs no look-up in the store; one whose rows were let go (memory, restart) looks each
// key up once. When it closes, its rows are in the table, in the store, or in both; a table that is whole is
// all there is to emit. Of windows that close together the store is scanned once: each scan sorts what the
// transaction has written, and walks over all that the database does not have yet.
//
// Store: kWindowRow start key -> row (row_table.h).
#include <algorithm>
#include <map>

#include "flow/aggregate/combined.h"
#include "flow/aggregate/row_table.h"
#include "flow/window/time_windows.h"
#include "flow/window/window_stage.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

struct Bucket {
  explicit Bucket(const AggregateSet& set) : table(set) {}
  int64_t start = 0;
  int64_t end = 0;
  RowTable table;
  std::vector<Row*> dirty;
  std::vector<Row*> changed;
  bool whole = true;  // the store has no row that the table has not
};

class AlignedStage final : public WindowStage {
 public:
  AlignedStage(WindowOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
               state::Store& store)
      : WindowStage(std::move(options), set, std::move(reader), store),
        windows_(make_time_windows(options_.window)) {
    load_starts();
  }

  size_t dirty_rows() const override {
    size_t rows = 0;
    for (const auto& [start, bucket] : buckets_) rows += bucket->dirty.size();
    return rows;
  }

 protected:
  Result<bool> take(const Record& record, const GroupedRecord& grouped, int64_t now, Emitter& out) override {
    windows_->windows_of(grouped.time, open_);
    size_t kept = 0;
    for (const TimeWindow& window : open_)
      if (!is_closed(window.end, now)) open_[kept++] = window;
    open_.resize(kept);
    rows_.clear();
    for (const TimeWindow& window : open_) {
      Bucket& bucket = bucket_of(window);
      Row* row = find_row(bucket, grouped);
      if (auto refused = can_add(set_, bucket.table.state(row), grouped)) return *refused;
      rows_.push_back({&bucket, row});
    }
    move_on(grouped, out);
    for (const auto& [bucket, row] : rows_) {
      add_checked(set_, bucket->table.state(row), grouped);
      if (!row->exists) {
        row->exists = true;
        row->time = grouped.time;
        row->key_is_text = grouped.key_is_text;
      } else {
        row->time = std::max(row->time, grouped.time);
      }
      if (!row->dirty) {
        row->dirty = true;
        bucket->dirty.push_back(row);
      }
      if (options_.emit == Emit::update) {
        emit(&record, *bucket, row, out);
      } else if (options_.emit == Emit::commit && !row->changed) {
        row->changed = true;
        bucket->changed.push_back(row);
      }
    }
    return !open_.empty();
  }

  void close_until(int64_t now, Emitter& out) override {
    // Starts and ends are in the same order.
    while (!buckets_.empty() && is_closed(buckets_.begin()->second->end, now)) {
      if (options_.emit == Emit::close && !buckets_.begin()->second->whole) load_closed(now);
      close_bucket(*buckets_.begin()->second, out);
      last_ = nullptr;
      buckets_.erase(buckets_.begin());
    }
    while (!kept_.empty() && windows_->end_of(kept_.front()) + options_.grace + options_.expires <= now) {
      erase_rows(kept_.front());
      kept_.erase(kept_.begin());
    }
  }

  int64_t last_close() override {
    for (auto at = buckets_.rbegin(); at != buckets_.rend(); ++at) {
      const Bucket& bucket = *at->second;
      const std::vector<Row*>& rows = bucket.table.rows();
      // A record that was refused leaves an empty one.
      if (!bucket.whole || std::any_of(rows.begin(), rows.end(), [](const Row* row) { return row->exists; }))
        return bucket.end + options_.grace;
    }
    return kNoTime;
  }

  void emit_changes(Emitter& out) override {
    for (const auto& [start, bucket] : buckets_) {
      for (Row* row : bucket->changed) {
        row->changed = false;
        emit(nullptr, *bucket, row, out);
      }
      bucket->changed.clear();
    }
  }

  void write_back() override {
    if (store_.in_memory()) return;  // the tables are the state
    size_t memory = 0;
    for (const auto& [start, bucket] : buckets_) {
      write_rows(*bucket);
      memory += bucket->table.memory();
    }
    if (memory <= most_memory()) return;
    // The oldest first: the newest ones get most records.
    for (const auto& [start, bucket] : buckets_) {
      if (memory <= most_memory() / 2) return;
      if (bucket->table.size() == 0) continue;
      memory -= bucket->table.memory();
      bucket->table.clear(0);
      bucket->whole = false;
      std::vector<Row*>().swap(bucket->dirty);
      std::vector<Row*>().swap(bucket->changed);
    }
  }

 private:
  bool is_closed(int64_t end, int64_t now) const { return end + options_.grace <= now; }
  size_t most_memory() const { return std::min(2 * options_.cache_bytes, store_.memory_share()); }

  static int64_t start_of(std::string_view key) {
    if (key.size() < 9) throw state::CorruptState("a window's key in the state is too short");
    return get_ordered(key.substr(1));
  }

  // Which windows the store holds: a seek per window.
  void load_starts() {
    std::string from(1, state::kWindowRow);
    for (;;) {
      std::optional<int64_t> found;
      store_.scan(from, std::string(1, state::kWindowRow + 1), [&](std::string_view key, std::string_view) {
        found = start_of(key);
        return false;
      });
      if (!found) return;
      const int64_t end = windows_->end_of(*found);
      if (clock_.now() != kNoTime && is_closed(end, clock_.now())) {
        kept_.push_back(*found);
      } else {
        Bucket& bucket = *(buckets_[*found] = std::make_unique<Bucket>(set_));
        bucket.start = *found;
        bucket.end = end;
        bucket.whole = false;
      }
      from.assign(1, state::kWindowRow);
      put_ordered(from, *found + 1);
    }
  }

  Bucket& bucket_of(const TimeWindow& window) {
    if (last_ != nullptr && last_->start == window.start) return *last_;
    std::unique_ptr<Bucket>& slot = buckets_[window.start];
    if (!slot) {
      slot = std::make_unique<Bucket>(set_);
      slot->start = window.start;
      slot->end = window.end;
    }
    return *(last_ = slot.get());
  }

  Row* find_row(Bucket& bucket, const GroupedRecord& grouped) {
    const auto [row, is_new] = bucket.table.find_or_add(grouped.key);
    if (is_new && !bucket.whole) {
      row_key(bucket.start, grouped.key);
      if (const auto found = store_.get(key_)) decode(*found, bucket.table, row);
    }
    return row;
  }

  void row_key(int64_t start, std::string_view key) {
    key_.assign(1, state::kWindowRow);
    put_ordered(key_, start);
    key_.append(key);
  }

  void decode(std::string_view bytes, RowTable& table, Row* row) {
    Reader in(bytes);
    row->key_is_text = (in.byte() & 1) != 0;
    row->time = in.signed_varint();
    set_.decode(table.state(row), in);
    if (!in.ok() || !in.at_end()) throw state::CorruptState("a window's row in the state is broken");
    row->exists = row->stored = true;
  }

  void write_rows(Bucket& bucket) {
    for (Row* row : bucket.dirty) {
      row->dirty = false;
      row->stored = true;
      row_key(bucket.start, bucket.table.key(row));
      value_.clear();
      encode_row(set_, row->key_is_text, row->time, bucket.table.state(row), value_);
      bucket.table.weigh(row, value_.size());
      store_.put(key_, value_);
    }
    bucket.dirty.clear();
  }

  void emit(const Record* origin, const Bucket& bucket, Row* row, Emitter& out) {
    output_.emit(origin, {bucket.table.key(row), row->key_is_text, bucket.start, bucket.end}, row->time,
                 bucket.table.state(row), out);
  }

  void close_bucket(Bucket& bucket, Emitter& out) {
    const bool emits_all = options_.emit == Emit::close;
    if (!emits_all) {
      for (Row* row : bucket.changed) emit(nullptr, bucket, row, out);
      bucket.changed.clear();
    }
    const bool keeps = options_.expires > 0 && !store_.in_memory();
    if (emits_all)
      for (Row* row : in_order(bucket.table))
        if (row->exists) emit(nullptr, bucket, row, out);
    if (keeps) {
      write_rows(bucket);
      kept_.push_back(bucket.start);
    } else if (!bucket.whole) {
      erase_rows(bucket.start);
    } else {
      // A row that never reached the store needs no deletion.
      for (Row* row : bucket.table.rows()) {
        if (!row->stored) continue;
        row_key(bucket.start, bucket.table.key(row));
        store_.erase(key_);
      }
    }
  }

  // As they came; between topics by key, so that several runs give the order of one: what takes rows by number
  // (ktake behind it) would else cut them differently after a restart.
  std::vector<Row*> in_order(const RowTable& table) const {
    std::vector<Row*> rows = table.rows();
    if (!store_.in_memory())
      std::sort(rows.begin(), rows.end(), [&](Row* a, Row* b) { return table.key(a) < table.key(b); });
    return rows;
  }

  void scan_start(int64_t start, const std::function<bool(std::string_view, std::string_view)>& row) {
    std::string from(1, state::kWindowRow), to(1, state::kWindowRow);
    put_ordered(from, start);
    put_ordered(to, start + 1);
    store_.scan(from, to, row);
  }

  // Makes the first window whole, and those behind it that are closed, too, as far as the memory goes. REQUIRES: the
  // first one is closed.
  void load_closed(int64_t now) {
    auto at = buckets_.begin();
    const auto end =
        std::find_if(at, buckets_.end(), [&](const auto& one) { return !is_closed(one.second->end, now); });
    std::string from(1, state::kWindowRow), to(1, state::kWindowRow);
    put_ordered(from, at->first);
    put_ordered(to, std::prev(end)->first + 1);
    size_t memory = 0;
    store_.scan(from, to, [&](std::string_view key, std::string_view value) {
      const int64_t start = start_of(key);
      for (; at->first < start; ++at) {
        at->second->whole = true;
        memory += at->second->table.memory();
        if (memory > most_memory()) return false;
      }
      Bucket& bucket = *at->second;
      if (at->first != start || bucket.whole) return true;
      const auto [row, is_new] = bucket.table.find_or_add(key.substr(9));
      if (is_new) decode(value, bucket.table, row);
      row->stored = true;
      return true;
    });
    if (memory > most_memory()) return;
    for (; at != end; ++at) at->second->whole = true;
  }

  void erase_rows(int64_t start) {
    std::vector<std::string> keys;
    scan_start(start, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    });
    for (const std::string& key : keys) store_.erase(key);
  }

  std::unique_ptr<TimeWindows> windows_;
  std::map<int64_t, std::unique_ptr<Bucket>> buckets_;  // open windows by start
  std::vector<int64_t> kept_;  // starts of closed ones that are still readable, in order
  Bucket* last_ = nullptr;
  std::vector<TimeWindow> open_;
  std::vector<std::pair<Bucket*, Row*>> rows_;
  std::string key_;
  std::string value_;
};

}  // namespace

std::unique_ptr<Stage> make_aligned_stage(WindowOptions options, const AggregateSet& set,
                                          std::unique_ptr<RecordReader> reader, state::Store& store) {
  return std::make_unique<AlignedStage>(std::move(options), set, std::move(reader), store);
}

}  // namespace kutils::flow
