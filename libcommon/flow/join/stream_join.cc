// Two streams. A key's records that wait for a match are pages of some 16 KB each, one value of the store
// (KeyedRows): a hot key costs the pages that changed, and no row grows beyond what a topic takes. Page 0 of a
// key says which further ones there are; a page goes with its last record.
//
// Store: kJoinRow key:bytes [page:varint] -> due:signed page (kutils-state(5)), kTimerRow
// (stored_timers.h) with keys of the same form.
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/varint.h"
#include "flow/aggregate/expression_reader.h"
#include "flow/aggregate/keyed_rows.h"
#include "flow/join/dirty_weight.h"
#include "flow/join/join_output.h"
#include "flow/join/join_stage.h"
#include "flow/tasks/source_headers.h"
#include "flow/tasks/source_marks.h"
#include "flow/topology/output_times.h"
#include "flow/window/source_clock.h"

namespace kutils::flow {
namespace {

// A full page and what was last added to it fit the store's cache of rows (RowCache::kMaxRowBytes): a larger row goes
// straight to the database, and all that is not written yet with it.
constexpr size_t kPageBytes = size_t{16} << 10;
// Far enough from the end of int64 that no reach overflows.
constexpr int64_t kLargestTime = INT64_MAX / 8;

constexpr uint8_t kIsRight = 1;
constexpr uint8_t kMatched = 2;

// A record that waits, as it lies in its page: flags:byte time:signed value:bytes.
struct Waiting {
  size_t from = 0, end = 0;  // its bytes in the page
  Side side = Side::left;
  bool matched = false;
  int64_t time = 0;
  std::string_view value;
};

// Its records stay as they are in the store: most pages hold one or two, which are looked at twice.
class Page {
 public:
  uint64_t first = 1, last = 1;  // page 0: the further pages are [first, last)

  bool empty() const { return records_ == 0 && first == last; }
  bool has_records() const { return records_ > 0; }
  bool has_room() const { return bytes_.size() < kPageBytes; }
  // Whether a record of this side that it holds may have a time in [low, high].
  bool reaches(Side side, int64_t low, int64_t high) const {
    return of(side).from < of(side).end && latest_ >= low && earliest_ <= high;
  }

  void add(Side side, bool matched, int64_t time, std::string_view value) {
    if (bytes_.empty()) bytes_.reserve(2 * (value.size() + kHeadBytes));  // of both sides
    const size_t from = bytes_.size();
    bytes_.push_back(static_cast<char>((side == Side::right ? kIsRight : 0) | (matched ? kMatched : 0)));
    put_signed(bytes_, time);
    put_bytes(bytes_, value);
    has(side, time, from, bytes_.size());
  }
  // Calls `look(record)` for each, in the order in which they came; its value is valid until the page changes.
  template <typename F>
  void for_each(const F& look) const {
    for (Reader in(bytes_); !in.at_end();) look(next(in));
  }
  // The same for those of one side. Of a hot key's many records of the other side only those between them are read.
  template <typename F>
  void for_each(Side side, const F& look) const {
    for (Reader in(std::string_view(bytes_).substr(of(side).from));
         bytes_.size() - in.rest().size() < of(side).end;) {
      const Waiting one = next(in);
      if (one.side == side) look(one);
    }
  }
  // True: it was not yet.
  bool set_matched(size_t from) {
    const bool was = (static_cast<uint8_t>(bytes_[from]) & kMatched) != 0;
    bytes_[from] = static_cast<char>(static_cast<uint8_t>(bytes_[from]) | kMatched);
    return !was;
  }
  // Keeps the records for which `stays(record, its place then)` is true.
  template <typename F>
  void keep_if(const F& stays) {
    size_t to = 0;
    forget();
    for (Reader in(bytes_); !in.at_end();) {
      const Waiting one = next(in);
      if (!stays(one, to)) continue;
      const size_t size = one.end - one.from;
      if (to != one.from) std::memmove(bytes_.data() + to, bytes_.data() + one.from, size);
      has(one.side, one.time, to, to + size);
      to += size;
    }
    bytes_.resize(to);
  }

  void encode(std::string& out) const {
    put_varint(out, first);
    put_varint(out, last);
    put_varint(out, records_);
    out.append(bytes_);
  }
  void decode(Reader& in) {
    first = in.varint();
    last = in.varint();
    if (last < first) in.fail();
    const uint64_t records = in.varint();
    const std::string_view rest = in.rest();
    while (records_ < records && in.ok()) {
      const size_t from = rest.size() - in.rest().size();
      const Waiting one = next(in);
      if (in.ok()) has(one.side, one.time, from, rest.size() - in.rest().size());
    }
    bytes_.assign(rest.substr(0, rest.size() - in.rest().size()));
  }

 private:
  static constexpr size_t kHeadBytes = 16;  // at most, of values below 128 MiB

  Waiting next(Reader& in) const {
    Waiting one;
    one.from = bytes_.size() - in.rest().size();
    const uint8_t flags = in.byte();
    one.side = (flags & kIsRight) != 0 ? Side::right : Side::left;
    one.matched = (flags & kMatched) != 0;
    one.time = in.signed_varint();
    one.value = in.bytes();
    one.end = bytes_.size() - in.rest().size();
    return one;
  }
  // The bytes from the first record of a side to its last; those of the other side between them included.
  struct Extent {
    uint32_t from = 0, end = 0;
  };
  const Extent& of(Side side) const { return of_[side == Side::right ? 1 : 0]; }
  void has(Side side, int64_t time, size_t from, size_t end) {
    Extent& extent = of_[side == Side::right ? 1 : 0];
    if (extent.end == 0) extent.from = static_cast<uint32_t>(from);
    extent.end = static_cast<uint32_t>(end);
    ++records_;
    earliest_ = std::min(earliest_, time);
    latest_ = std::max(latest_, time);
  }
  void forget() {
    of_[0] = of_[1] = {};
    records_ = 0;
    earliest_ = std::numeric_limits<int64_t>::max();
    latest_ = std::numeric_limits<int64_t>::min();
  }

  std::string bytes_;
  Extent of_[2];
  uint64_t records_ = 0;
  int64_t earliest_ = std::numeric_limits<int64_t>::max();
  int64_t latest_ = std::numeric_limits<int64_t>::min();
};

struct PageCodec {
  Page make() const { return {}; }
  void encode(const Page& page, std::string& out) const { page.encode(out); }
  void decode(Reader& in, Page& page) const { page.decode(in); }
};

class StreamJoin final : public Stage {
 public:
  StreamJoin(const JoinOptions& options, state::Store& store, const Clock* clock)
      : options_(options),
        wall_(clock),
        store_(store),
        result_(options.format),
        clock_(options.sources, options.idle, store.stream_times()),
        rows_(store, PageCodec(), options.cache_bytes, state::kJoinRow),
        counter_(options.counts) {}

  void process(const Record& record, Emitter& out) override {
    if (options_.sides_in_headers && is_mark(record)) return take_times(record, out);
    if (!options_.is_self || options_.sides_in_headers) {
      const Taken taken = take(record, side_of(record, options_.right_topic, options_.sides_in_headers), out);
      if (taken.dropped) out.drop(record, *taken.dropped);
      return;
    }
    const Taken left = take(record, Side::left, out);
    if (left.failed) return;
    const Taken right = take(record, Side::right, out);
    if (left.dropped && right.dropped) out.drop(record, *left.dropped);
  }

  void look_ahead(std::span<const Record> records) override {
    for (const Record& record : records) {
      if (record.key.is_null() || record.value.is_null()) continue;
      set_key(record.key.view(), 0);
      rows_.will_load(key_);
    }
    rows_.read_ahead();
  }
  void silent(int32_t source, int64_t silent_ms, Emitter& out) override {
    int64_t all = silent_ms;
    if (options_.sources == 1 && !options_.right_topic.empty() && !options_.is_self) {
      // Both inputs make one stream time: it moves on while neither speaks.
      silent_ms_[source == 0 ? 0 : 1] = silent_ms;
      all = std::min(silent_ms_[0], silent_ms_[1]);
    }
    move_clock(out, [&] { clock_.silent(options_.sources == 1 ? 0 : source, all); });
  }
  void source_ended(int32_t source, Emitter& out) override {
    move_clock(out, [&] { clock_.source_ended(source); });
  }
  void all_read(bool after_rest, Emitter& out) override {
    move_clock(out, [&] { clock_.all_read(after_rest); });
  }
  void before_commit(Emitter&) override {
    counter_.add_up();
    rows_.write_back();
    kept_bytes_ = 0;
    store_.set_stream_times(clock_.times());
  }
  size_t dirty_rows() const override { return rows_.dirty() + dirty_weight_of_bytes(kept_bytes_); }
  void close(Emitter& out) override {
    if (clock_.largest() == kNoTime) return;
    if (store_.in_memory()) return close_until(std::numeric_limits<int64_t>::max() / 2, out);
    // --close-at-end: the state lives on, and what is closed now stays closed.
    int64_t last = kNoTime;
    rows_.for_each([&](const Page& page) {
      page.for_each([&](const Waiting& one) { last = std::max(last, due(one.side, one.time)); });
    });
    if (last == kNoTime) return;
    clock_.move_all_to(last);
    close_until(clock_.now(), out);
  }

 private:
  using Rows = KeyedRows<Page, PageCodec>;
  struct Pair {
    Page* page;
    size_t from;   // of the other record there
    int64_t time;  // its
    size_t end;    // of the result in values_
  };

  // What became of a record as one of a side.
  struct Taken {
    bool failed = false;
    std::optional<DropReason> dropped = std::nullopt;
  };
  static Taken fail(const Record& record, RecordError error, Emitter& out) {
    out.fail(record, std::move(error));
    return {true, std::nullopt};
  }
  Taken take(const Record& record, Side side, Emitter& out) {
    if (auto refused = judge(record, out)) return fail(record, std::move(*refused), out);
    has_spoken(record, side);
    pairs_.clear();
    const int64_t time = record.timestamp;
    const int64_t now = clock_.after(source_, time);
    if (record.value.is_null()) {
      move_on(time, out);
      return {false, DropReason::tombstone};
    }
    if (auto error = result_.check(record.value)) return fail(record, std::move(*error), out);
    counter_.took(side, !record.key.is_null());
    if (record.key.is_null()) {  // it waits for nothing, so that it cannot be late
      if (!stands_alone(side)) {
        move_on(time, out);
        return {false, DropReason::filtered};
      }
      values_.clear();
      const Result<bool> made = make(side, record.key, record.value, MaybeBytes(), time);
      if (!made) return fail(record, made.error(), out);
      move_on(time, out);
      emit_result(&record, record.key, std::string_view(values_), time, out);
      return {};
    }
    if (due(side, time) <= now) {
      move_on(time, out);
      return {false, DropReason::late};
    }
    // All that can fail is made before anything changes.
    values_.clear();
    if (auto error = find_pairs(record, side, now)) return fail(record, std::move(*error), out);
    move_on(time, out);
    const bool matched = !pairs_.empty();
    if (matched && stands_alone(other(side))) note_matches(record.key.view());
    if (options_.type.pairs || stands_alone(other(side)) || (stands_alone(side) && !matched))
      keep(record, side, matched);
    if (!options_.type.pairs) return {};
    size_t from = 0;
    for (const Pair& pair : pairs_) {
      const std::string_view value = std::string_view(values_).substr(from, pair.end - from);
      from = pair.end;
      emit_result(&record, record.key, value, std::max(time, pair.time), out);
    }
    return {};
  }

  void has_spoken(const Record& record, Side side) {
    if (options_.sources > 1) {
      const Record origin = source_record(record, {});
      source_ = options_.source_topics.size() > 1
                    ? source_number(options_.source_topics, origin.topic, origin.partition)
                    : origin.partition;
    }
    silent_ms_[side == Side::left ? 0 : 1] = 0;
    clock_.has_spoken(source_);
  }
  void take_times(const Record& mark, Emitter& out) {
    times_.clear();
    read_mark(mark, [&](int32_t source, int64_t time) { times_.emplace_back(source, time); });
    move_clock(out, [&] { clock_.take_times(times_); });
  }
  template <typename Move>
  void move_clock(Emitter& out, const Move& move) {
    const int64_t before = clock_.now();
    pairs_.clear();
    move();
    if (clock_.now() != before) close_until(clock_.now(), out);
  }

  bool stands_alone(Side side) const { return side == Side::left ? options_.type.left : options_.type.right; }

  std::optional<RecordError> judge(const Record& record, Emitter& out) {
    const int64_t time = record.timestamp;
    if (time < 0)
      return RecordError{Reason::bad_time, "the record has no time, and a join of streams needs it"};
    if (time > kLargestTime)
      return RecordError{Reason::bad_time,
                         "the time " + std::to_string(time) + " ms is too far in the future"};
    if (time > latest_ && options_.max_ahead && wall_ != nullptr) {
      latest_ = wall_->wall_ms() + *options_.max_ahead;
      if (time > latest_)
        return beyond_max_ahead(time, *options_.max_ahead, "end the wait of every record before it");
    }
    return times_taken_.judge(time, out);
  }

  int64_t window_of(int64_t time) const { return time - time % options_.span.tumbling; }
  // The times of the other side's records that match.
  std::pair<int64_t, int64_t> reach(Side side, int64_t time) const {
    const JoinSpan& span = options_.span;
    if (span.tumbling > 0) {
      const int64_t start = window_of(time);
      return {start, start + span.tumbling - 1};
    }
    if (side == Side::left) return {time - span.before, time + span.after};
    return {time - span.after, time + span.before};
  }
  // The stream time from which on it has no match any more.
  int64_t due(Side side, int64_t time) const {
    if (options_.span.tumbling > 0) return window_of(time) + options_.span.tumbling + options_.grace;
    return reach(side, time).second + options_.grace + 1;
  }

  // The value of `mine` of this side with `theirs` of the other one, behind what is in values_.
  Result<bool> make(Side side, MaybeBytes key, MaybeBytes mine, MaybeBytes theirs, int64_t time) {
    return side == Side::left ? result_.make(key, mine, theirs, time, values_)
                              : result_.make(key, theirs, mine, time, values_);
  }

  void set_key(std::string_view key, uint64_t page) {
    key_.clear();
    put_bytes(key_, key);
    if (page > 0) put_varint(key_, page);
  }
  Rows::Node& load(std::string_view key, uint64_t page) {
    set_key(key, page);
    return rows_.load(key_);
  }
  static std::string_view key_of(const Rows::Node& node, bool* is_first = nullptr) {
    Reader in(node.key);
    const std::string_view key = in.bytes();
    if (!in.ok()) throw state::CorruptState("the key of a join's row in the state is broken");
    if (is_first != nullptr) *is_first = in.at_end();
    return key;
  }

  template <typename F>
  void for_each_page(std::string_view key, const F& look) {
    Rows::Node& head = load(key, 0);
    look(head);
    for (uint64_t page = head.value.first; page < head.value.last; ++page) look(load(key, page));
  }

  std::optional<RecordError> find_pairs(const Record& record, Side side, int64_t now) {
    const auto [low, high] = reach(side, record.timestamp);
    const bool needs_value = options_.type.pairs || result_.has_condition();
    std::optional<RecordError> error;
    for_each_page(record.key.view(), [&, low = low, high = high](Rows::Node& node) {
      Page& page = node.value;
      if (error || !page.reaches(other(side), low, high)) return;
      page.for_each(other(side), [&](const Waiting& one) {
        if (error || one.time < low || one.time > high || due(one.side, one.time) <= now) return;
        if (needs_value) {
          const Result<bool> made =
              make(side, record.key, record.value, one.value, std::max(record.timestamp, one.time));
          if (!made) error = made.error();
          if (!made || !*made) return;
        }
        pairs_.push_back({&page, one.from, one.time, values_.size()});
      });
    });
    return error;
  }

  // The records found have a match now. Closing, in between, may have moved them within their pages.
  void note_matches(std::string_view key) {
    size_t next = 0;
    for_each_page(key, [&](Rows::Node& node) {
      bool changed = false;
      for (; next < pairs_.size() && pairs_[next].page == &node.value; ++next)
        changed = node.value.set_matched(pairs_[next].from) || changed;
      if (changed) rows_.touch(node);
    });
  }

  void keep(const Record& record, Side side, bool matched) {
    const bool needs_value = options_.type.pairs || result_.has_condition() || stands_alone(side);
    const std::string_view key = record.key.view();
    Rows::Node* node = &load(key, 0);
    if (node->value.first < node->value.last || !node->value.has_room()) {
      Page& head = node->value;
      const bool has_room = head.first < head.last && load(key, head.last - 1).value.has_room();
      if (!has_room) {
        ++head.last;
        rows_.touch(*node);
      }
      node = &load(key, head.last - 1);
    }
    kept_bytes_ += record.value.size();
    node->value.add(side, matched, record.timestamp, needs_value ? record.value.view() : std::string_view());
    rows_.touch(*node);
    rows_.arm(*node, due(side, record.timestamp));
  }

  // What it closes is not made from the record at hand.
  void move_on(int64_t time, Emitter& out) {
    const int64_t before = clock_.now();
    clock_.advance(source_, time);
    if (clock_.now() != before) close_until(clock_.now(), out);
  }

  void close_until(int64_t now, Emitter& out) {
    rows_.fire(now, [&](Rows::Node& node) {
      bool is_first = true;
      const std::string_view key = key_of(node, &is_first);
      Page& page = node.value;
      int64_t next = kNever;
      page.keep_if([&](const Waiting& one, size_t to) {
        const int64_t until = due(one.side, one.time);
        if (until > now) {
          next = std::min(next, until);
          // What was found in this page stays found.
          for (Pair& pair : pairs_)
            if (pair.page == &page && pair.from == one.from) pair.from = to;
          return true;
        }
        if (!one.matched && stands_alone(one.side)) emit_alone(key, one, out);
        return false;
      });
      if (!page.has_records() && !is_first) trimmed_.emplace_back(key);
      return next;
    });
    if (!trimmed_.empty()) trim(now);
  }

  // Further pages went empty: page 0 forgets them from the front on, and goes too with the last.
  void trim(int64_t now) {
    for (const std::string& key : trimmed_) {
      Rows::Node& head = load(key, 0);
      while (head.value.first < head.value.last && !load(key, head.value.first).value.has_records())
        ++head.value.first;
      if (head.value.first == head.value.last) head.value.first = head.value.last = 1;
      rows_.touch(head);
      if (head.value.empty()) rows_.arm(head, now);
    }
    trimmed_.clear();
    rows_.fire(now, [](Rows::Node&) { return kNever; });
  }

  void emit_alone(std::string_view key, const Waiting& one, Emitter& out) {
    alone_.clear();
    const Result<bool> made = one.side == Side::left
                                  ? result_.make(key, one.value, MaybeBytes(), one.time, alone_)
                                  : result_.make(key, MaybeBytes(), one.value, one.time, alone_);
    if (!made) return fail_result(nullptr, key, one.value, one.time, made.error(), out);
    emit_result(nullptr, key, std::string_view(alone_), one.time, out);
  }

  const JoinOptions options_;
  const Clock* wall_;
  state::Store& store_;
  JoinResult result_;
  SourceClock clock_;
  Rows rows_;
  MatchCounter counter_;
  OutputTimes times_taken_;
  int64_t latest_ = INT64_MIN;     // that max_ahead allowed when the wall clock was last looked at
  int32_t source_ = 0;             // of the present record
  int64_t silent_ms_[2] = {0, 0};  // of left and right
  std::vector<std::pair<int32_t, int64_t>> times_;  // of the mark at hand
  std::vector<Pair> pairs_;                         // of the present record
  std::vector<std::string> trimmed_;
  size_t kept_bytes_ = 0;  // of records kept since the last commit
  std::string key_, values_, alone_;
};

}  // namespace

std::unique_ptr<Stage> make_stream_join(const JoinOptions& options, state::Store& store, const Clock* clock) {
  return std::make_unique<StreamJoin>(options, store, clock);
}

}  // namespace kutils::flow
