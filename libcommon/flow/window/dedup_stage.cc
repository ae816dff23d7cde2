// First wins: the times of what was passed on, in buckets that are D wide, so that a key has at most one time
// in each, and all that can be less than D away from a record lies in three of them. A bucket goes as a whole
// when no record that is not late can come near it.
//
// Store, first: kWindowRow start key -> time:signed, counted from the bucket's start.
// Store, last: kHeldRow key -> due:signed held (HeldCodec); kTimerRow.
#include "flow/window/dedup_stage.h"

#include <algorithm>
#include <deque>
#include <map>

#include "flow/aggregate/keyed_rows.h"
#include "flow/timers/held_record.h"
#include "flow/topology/pass.h"
#include "flow/window/key_times.h"
#include "state/state_error.h"

namespace kutils::flow {
namespace {

WindowOptions window_of(const DedupOptions& options) {
  WindowOptions window = options.window;
  window.emit = Emit::close;
  if (options.keep_last) window.grace = 0;
  return window;
}

class FirstStage final : public WindowStage {
 public:
  FirstStage(const DedupOptions& options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
             state::Store& store)
      : WindowStage(window_of(options), set, std::move(reader), store), within_(options.within) {
    load_starts();
  }
  size_t dirty_rows() const override { return dirty_; }

 protected:
  Result<bool> take(const Record&, const GroupedRecord& grouped, int64_t now, Emitter& out) override {
    const int64_t time = grouped.time;
    const bool is_late = time + options_.grace < now;
    const bool is_duplicate = !is_late && has_near(grouped.key, time);
    move_on(grouped, out);
    if (is_late) return false;
    const Record& origin = *grouped.origin;
    if (is_duplicate) {
      out.drop(origin, DropReason::duplicate);
      return true;
    }
    out.emit(&origin, pass(origin));
    // One that OUT refuses was not passed on, and the next one of the key is no duplicate.
    if (!out.refused()) note(grouped.key, time);
    return true;
  }

  void close_until(int64_t now, Emitter&) override {
    while (!buckets_.empty() && is_over(buckets_.begin()->first, now)) {
      if (!store_.in_memory()) over_.push_back(buckets_.begin()->first);
      buckets_.erase(buckets_.begin());
    }
  }
  // Nothing is held back.
  int64_t last_close() override { return kNoTime; }
  void emit_changes(Emitter&) override {}

  void write_back() override {
    const size_t written = dirty_;
    dirty_ = 0;
    if (store_.in_memory()) return;
    size_t memory = 0;
    for (auto& [start, bucket] : buckets_) {
      for (const KeyTimes::Place place : bucket->dirty) {
        const KeyTimes::Entry row = bucket->times.at(place);
        row_key(start, row.key);
        value_.clear();
        put_signed(value_, row.number);
        store_.put(key_, value_);
      }
      bucket->dirty.clear();
      memory += bucket->times.memory();
    }
    erase_over(kLeastErased + 2 * written);
    // Times are small, and a look-up of each new key in the database is dear.
    if (memory <= most_memory()) return;
    for (auto& [start, bucket] : buckets_) {
      if (bucket->times.size() == 0) continue;
      bucket->times.clear();
      bucket->is_whole = false;
      std::vector<KeyTimes::Place>().swap(bucket->dirty);
    }
  }

 private:
  static constexpr size_t kLeastErased = 10'000;  // rows in a transaction

  struct Bucket {
    KeyTimes times;  // counted from the bucket's start
    std::vector<KeyTimes::Place> dirty;
    bool is_whole = true;  // the store has no row that the table has not
  };

  int64_t start_of(int64_t time) const { return time / within_ * within_; }
  bool is_over(int64_t start, int64_t now) const { return start + 2 * within_ + options_.grace <= now; }
  size_t most_memory() const { return std::min(options_.cache_bytes, 4 * store_.memory_share()); }

  bool has_near(std::string_view key, int64_t time) {
    hash_ = KeyTimes::hash_of(key);
    const int64_t start = start_of(time);
    for (auto at = buckets_.lower_bound(start - within_);
         at != buckets_.end() && at->first <= start + within_; ++at) {
      const std::optional<int64_t> other = find(at->first, *at->second, key);
      if (other && std::max(*other - time, time - *other) < within_) return true;
    }
    return false;
  }

  // The time of the key, of hash_.
  std::optional<int64_t> find(int64_t start, Bucket& bucket, std::string_view key) {
    if (const KeyTimes::Place place = bucket.times.find(key, hash_))
      return start + bucket.times.at(place).number;
    if (bucket.is_whole) return std::nullopt;
    row_key(start, key);
    const auto found = store_.get(key_);
    if (!found) return std::nullopt;
    const int64_t number = decode(*found);
    bucket.times.add(key, hash_, number);
    return start + number;
  }

  // REQUIRES: has_near() was called for it last.
  void note(std::string_view key, int64_t time) {
    const int64_t start = start_of(time);
    std::unique_ptr<Bucket>& bucket = buckets_[start];
    if (!bucket) bucket = std::make_unique<Bucket>();
    const KeyTimes::Place place = bucket->times.add(key, hash_, time - start);
    if (store_.in_memory()) return;
    bucket->dirty.push_back(place);
    ++dirty_;
  }

  void row_key(int64_t start, std::string_view key) {
    key_.assign(1, state::kWindowRow);
    put_ordered(key_, start);
    key_.append(key);
  }
  static int64_t decode(std::string_view value) {
    Reader in(value);
    const int64_t number = in.signed_varint();
    if (!in.ok() || !in.at_end() || number < 0)
      throw state::CorruptState("a row of a key in the state is broken");
    return number;
  }

  // A seek per bucket.
  void load_starts() {
    if (store_.in_memory()) return;
    std::string from(1, state::kWindowRow);
    for (;;) {
      std::optional<int64_t> found;
      store_.scan(from, std::string(1, state::kWindowRow + 1), [&](std::string_view key, std::string_view) {
        if (key.size() < kKeyAt) throw state::CorruptState("a row's key in the state is too short");
        found = get_ordered(key.substr(1));
        return false;
      });
      if (!found) break;
      if (clock_.now() != kNoTime && is_over(*found, clock_.now())) {
        over_.push_back(*found);
      } else {
        auto bucket = std::make_unique<Bucket>();
        bucket->is_whole = false;
        buckets_[*found] = std::move(bucket);
      }
      row_key(*found + 1, {});
      from = key_;
    }
    load_times();
  }

  // The newest buckets, as far as there is memory for them: a row that is read in order costs a tenth of what
  // a look-up costs.
  void load_times() {
    const size_t most = most_memory() - most_memory() / 8;  // new ones come at once
    size_t memory = 0;
    for (auto at = buckets_.rbegin(); at != buckets_.rend() && memory < most; ++at) {
      row_key(at->first, {});
      const std::string from = key_;
      row_key(at->first + 1, {});
      Bucket& bucket = *at->second;
      bucket.is_whole = true;
      store_.scan(from, key_, [&](std::string_view key, std::string_view value) {
        bucket.is_whole = memory + bucket.times.memory() < most;
        key.remove_prefix(kKeyAt);
        if (bucket.is_whole) bucket.times.add(key, KeyTimes::hash_of(key), decode(value));
        return bucket.is_whole;
      });
      memory += bucket.times.memory();
    }
  }

  // A few with each commit: the keys of an hour in one transaction would hold up all others.
  void erase_over(size_t most) {
    while (!over_.empty() && most > 0) {
      const int64_t start = over_.front();
      row_key(start, {});
      std::string from = std::max(key_, erased_until_);
      row_key(start + 1, {});
      std::vector<std::string> rows;
      store_.scan(from, key_, [&](std::string_view key, std::string_view) {
        rows.emplace_back(key);
        return rows.size() < most;
      });
      for (const std::string& row : rows) store_.erase(row);
      if (rows.size() < most) over_.pop_front();
      if (!rows.empty()) erased_until_ = rows.back() + '\0';
      most -= rows.size();
    }
  }

  static constexpr size_t kKeyAt = 9;  // in a row's key

  const int64_t within_;
  std::map<int64_t, std::unique_ptr<Bucket>> buckets_;  // by start
  std::deque<int64_t> over_;  // starts of those whose rows are to be erased, in order
  std::string erased_until_;  // rows before it are
  size_t dirty_ = 0;
  size_t hash_ = 0;  // of the key that was looked for last
  std::string key_;
  std::string value_;
};

// A wait of a key, and what goes on at its end.
struct Wait {
  int64_t first = 0;        // time of the record that opened it
  bool is_over = false;     // it has gone on; nothing else is here
  bool is_rekeyed = false;  // it came through an internal topic
  int64_t time = 0;         // of the record, as --time has it
  std::string record;       // held_record.h
};
struct Waits {
  std::vector<Wait> list;  // in the order in which they were opened
  bool empty() const { return list.empty(); }
};

// n:varint { flags:u8 (1: over, 2: through an internal topic) first:signed [time:signed record:bytes] }
struct WaitCodec {
  Waits make() const { return {}; }
  void encode(const Waits& waits, std::string& out) const {
    put_varint(out, waits.list.size());
    for (const Wait& one : waits.list) {
      out.push_back(static_cast<char>((one.is_over ? 1 : 0) | (one.is_rekeyed ? 2 : 0)));
      put_signed(out, one.first);
      if (one.is_over) continue;
      put_signed(out, one.time);
      put_bytes(out, one.record);
    }
  }
  void decode(Reader& in, Waits& waits) const {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      Wait& one = waits.list.emplace_back();
      const uint8_t flags = in.byte();
      one.is_over = (flags & 1) != 0;
      one.is_rekeyed = (flags & 2) != 0;
      one.first = in.signed_varint();
      if (one.is_over) continue;
      one.time = in.signed_varint();
      one.record = in.bytes();
    }
  }
};

class LastStage final : public WindowStage {
 public:
  LastStage(const DedupOptions& options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
            state::Store& store)
      : WindowStage(window_of(options), set, std::move(reader), store),
        within_(options.within),
        rows_(store, {}, options_.cache_bytes, state::kHeldRow) {}
  size_t dirty_rows() const override { return rows_.dirty(); }

 protected:
  Result<bool> take(const Record& record, const GroupedRecord& grouped, int64_t now, Emitter& out) override {
    move_on(grouped, out);  // what it makes due is as it was before
    const int64_t time = grouped.time;
    if (time + within_ <= now) return false;
    auto& node = rows_.load(grouped.key);
    Wait* wait = nullptr;
    for (Wait& one : node.value.list) {
      const bool is_near = std::max(time - one.first, one.first - time) < within_;
      if (is_near && !one.is_over) wait = &one;
      if (wait != nullptr) break;
    }
    if (wait == nullptr) {
      for (const Wait& one : node.value.list)
        if (one.is_over && time < one.first + within_) return false;
      wait = &node.value.list.emplace_back();
      wait->first = time;
      keep(*grouped.origin, time, &record != grouped.origin, *wait);
    } else {
      out.drop(*grouped.origin, DropReason::duplicate);
      if (time >= wait->time) keep(*grouped.origin, time, &record != grouped.origin, *wait);
    }
    rows_.touch(node);
    rows_.arm(node, wait->first + within_);
    return true;
  }

  void close_until(int64_t now, Emitter& out) override {
    rows_.fire(now, [&](auto& node) {
      // The first of its dates only: what other keys have before the next one goes before it.
      std::vector<Wait>& list = node.value.list;
      const auto first = std::min_element(
          list.begin(), list.end(), [&](const Wait& a, const Wait& b) { return date_of(a) < date_of(b); });
      if (first == list.end()) return kNever;
      if (date_of(*first) <= now && !first->is_over) {
        emit(*first, out);
      } else if (date_of(*first) <= now) {
        list.erase(first);
      }
      int64_t next = kNever;
      for (const Wait& one : list) next = std::min(next, date_of(one));
      return next;
    });
  }
  int64_t last_close() override {
    int64_t last = kNoTime;
    rows_.for_each([&](const Waits& waits) {
      for (const Wait& one : waits.list)
        if (!one.is_over) last = std::max(last, one.first + within_);
    });
    return last;
  }
  void emit_changes(Emitter&) override {}
  void write_back() override { rows_.write_back(); }

 private:
  // When it goes on, or, having done so, is forgotten: all that belongs to it is late then in any case.
  int64_t date_of(const Wait& wait) const { return wait.first + (wait.is_over ? 2 : 1) * within_; }

  static void keep(const Record& record, int64_t time, bool is_rekeyed, Wait& wait) {
    wait.time = time;
    wait.is_rekeyed = is_rekeyed;
    wait.record.clear();
    encode_record(record, wait.record);
  }

  void emit(Wait& wait, Emitter& out) {
    Output output = held_.decode(wait.record);
    output.keeps_key = !wait.is_rekeyed;
    out.emit(nullptr, output);
    Wait over;
    over.first = wait.first;
    over.is_over = true;
    wait = std::move(over);
  }

  const int64_t within_;
  KeyedRows<Waits, WaitCodec> rows_;
  HeldRecord held_;
};

}  // namespace

std::unique_ptr<Stage> make_dedup_stage(DedupOptions options, const AggregateSet& set,
                                        std::unique_ptr<RecordReader> reader, state::Store& store) {
  if (options.keep_last) return std::make_unique<LastStage>(options, set, std::move(reader), store);
  return std::make_unique<FirstStage>(options, set, std::move(reader), store);
}

int64_t next_expiry(const DedupOptions& options, int64_t time) {
  if (options.keep_last) return time + 1;
  const int64_t step = std::max<int64_t>(1, options.within / 10);
  return (time / step + 1) * step;
}

}  // namespace kutils::flow
