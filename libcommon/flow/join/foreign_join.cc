// Stores:
//   asking     kSourceRow key -> asks:u8 [place foreign-key]    asks 0: by none, for it is null
//   answering  kTableRow foreign-key -> time:signed value
//              kGroupRow foreign-key -> n:varint [ n x key:bytes place ]    who asks for it; without askers there is no row
//              kKeyRow foreign-key:bytes key -> place                   where they are too many for that row
//   joining    kPairRow key -> flags:u8 place time:signed [right-time:signed] row
//              flags: 1: a result stands in the output, 2: of a pair, and right-time is its right row's
#include "flow/join/foreign_join.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/varint.h"
#include "flow/join/foreign_messages.h"
#include "flow/join/join_key.h"
#include "flow/join/join_output.h"
#include "flow/table/no_key.h"
#include "flow/topology/output_times.h"
#include "flow/topology/ports.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

RecordError not_ours() {
  return {
      Reason::bad_codec,
      "not a record of a join by foreign key: another program than this group's kjoin wrote to its internal topic"};
}

void emit_to(uint32_t port, const Record& origin, std::string_view key, std::string_view message,
             int64_t time, Emitter& out) {
  Output output;
  output.key = key;
  output.value = message;
  output.timestamp = time;
  output.keeps_key = false;
  output.port = port;
  out.emit(&origin, output);
}

// The rows under the records' keys, of these kinds.
void read_rows_ahead(std::span<const Record> records, std::initializer_list<char> kinds,
                     state::Store& store) {
  std::string key;
  for (const Record& record : records) {
    if (record.key.is_null()) continue;
    for (const char kind : kinds) store.will_get(key.assign(1, kind).append(record.key.view()));
  }
  store.read_ahead();
}

class Asking final : public Stage {
 public:
  Asking(const JoinOptions& options, state::Store& store)
      : result_(options.format), foreign_(options.on, options.format.options), store_(store) {}

  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    if (auto error = result_.check(record.value)) return out.fail(record, std::move(*error));
    MaybeBytes key;  // the foreign one
    if (!record.value.is_null()) {
      const Result<MaybeBytes> read = foreign_.read(record);
      if (!read) return out.fail(record, read.error());
      key = *read;
    }
    if (auto refused = times_.judge(record.timestamp, out)) return out.fail(record, std::move(*refused));
    const bool was = find(record.key.view());
    if (record.value.is_null()) {
      if (!was) return out.drop(record, DropReason::tombstone);
      if (!tell({Told::Kind::deletion, false, {}, record.timestamp, {}}, record, out)) return;
      if (asks_) take_back(before_, record, out);
      store_.erase(key_);
      ++dirty_;
      return;
    }
    // What is refused for its size must leave all as it was. A question is never larger than the row that asks.
    if (!key.is_null() && !ask(key.view(), place_of(record), record, out)) return;
    if (!tell({Told::Kind::row, !key.is_null(), place_of(record), record.timestamp, record.value}, record,
              out)) {
      if (!key.is_null() && asks_ && before_ == key.view()) {
        ask(before_, place_, record, out);
      } else if (!key.is_null()) {
        take_back(key.view(), record, out);
      }
      return;
    }
    if (asks_ && (key.is_null() || before_ != key.view())) take_back(before_, record, out);
    put(record, key);
  }
  void look_ahead(std::span<const Record> records) override {
    read_rows_ahead(records, {state::kSourceRow}, store_);
  }
  size_t dirty_rows() const override { return dirty_; }
  void before_commit(Emitter&) override { dirty_ = 0; }

 private:
  // False: there is no such row. Else what it asks for, in asks_, place_ and before_.
  bool find(std::string_view key) {
    key_.assign(1, state::kSourceRow).append(key);
    asks_ = false;
    const auto stored = store_.get(key_);
    if (!stored) return false;
    Reader in(*stored);
    asks_ = in.byte() != 0;
    if (asks_) {
      place_ = read_place(in);
      before_ = in.rest();
    }
    if (!in.ok()) throw state::CorruptState("a row of a join's left table in the state is broken");
    return true;
  }

  void put(const Record& record, MaybeBytes key) {
    row_.assign(1, key.is_null() ? '\0' : '\1');
    if (!key.is_null()) {
      put_place(row_, place_of(record));
      row_ += key.view();
    }
    store_.put(key_, row_);
    ++dirty_;
  }

  // Each: false: it was refused, and the record has failed.
  bool tell(const Told& told, const Record& record, Emitter& out) {
    message_.clear();
    encode(told, message_);
    emit_to(kPastNext, record, record.key.view(), message_, record.timestamp, out);
    return !out.refused();
  }
  bool ask(std::string_view key, const Place& place, const Record& record, Emitter& out) {
    message_.clear();
    encode(Ask{true, place, record.key.view()}, message_);
    emit_to(0, record, key, message_, record.timestamp, out);
    return !out.refused();
  }
  void take_back(std::string_view key, const Record& record, Emitter& out) {
    message_.clear();
    encode(Ask{false, {}, record.key.view()}, message_);
    emit_to(0, record, key, message_, record.timestamp, out);
  }

  JoinResult result_;
  JoinKey foreign_;
  state::Store& store_;
  OutputTimes times_;
  bool asks_ = false;
  Place place_;
  std::string before_;  // the foreign key until now
  std::string key_, row_, message_;
  size_t dirty_ = 0;
};

class Answering final : public Stage {
 public:
  Answering(const JoinOptions& options, state::Store& store)
      : right_topic_(options.right_topic), result_(options.format), store_(store) {}

  void process(const Record& record, Emitter& out) override {
    if (record.topic == right_topic_) return change(record, out);
    Ask ask;
    if (record.key.is_null() || record.value.is_null() || !decode(record.value.view(), ask))
      return out.fail(record, not_ours());
    load_askers(record.key.view());
    if (!ask.subscribes) return listed_ ? unlist(ask.key) : forget(record.key.view(), ask.key);
    place_.clear();
    put_place(place_, ask.place);
    if (listed_) {
      list(record.key.view(), ask.key);
    } else {
      note(record.key.view(), ask.key);
    }
    const TableRow row = find(record.key.view());
    message_.clear();
    encode_answer(row.value, row.time, message_);
    message_ += place_;
    emit_to(0, record, ask.key, message_, std::max(record.timestamp, row.time), out);
  }
  void look_ahead(std::span<const Record> records) override {
    read_rows_ahead(records, {state::kTableRow, state::kGroupRow}, store_);
  }
  size_t dirty_rows() const override { return dirty_; }
  void before_commit(Emitter&) override { dirty_ = 0; }

 private:
  void change(const Record& record, Emitter& out) {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    if (auto error = result_.check(record.value)) return out.fail(record, std::move(*error));
    if (auto refused = times_.judge(record.timestamp, out)) return out.fail(record, std::move(*refused));
    const TableRow before = find(record.key.view());
    if (record.value.is_null() && before.value.is_null()) return out.drop(record, DropReason::tombstone);
    // Too large for some who ask: then it is told to none, and stays what it was.
    if (!tell_all(record, {record.value, record.timestamp}, out)) {
      tell_all(record, before, out);
      return;
    }
    key_.assign(1, state::kTableRow).append(record.key.view());
    ++dirty_;
    if (record.value.is_null()) return store_.erase(key_);
    row_.clear();
    put_signed(row_, record.timestamp);
    row_ += record.value.view();
    store_.put(key_, row_);
  }

  // Lives until the next call.
  TableRow find(std::string_view key) {
    key_.assign(1, state::kTableRow).append(key);
    const auto stored = store_.get(key_);
    if (!stored) return {};
    row_ = *stored;
    Reader in(row_);
    TableRow row;
    row.time = in.signed_varint();
    if (!in.ok()) throw state::CorruptState("a row of a join's table in the state is broken");
    row.value = in.rest();
    return row;
  }
  void set_asker(std::string_view foreign, std::string_view key) {
    key_.assign(1, state::kKeyRow);
    put_bytes(key_, foreign);
    key_ += key;
  }

  // --- who asks. A few stand in one row, which a look-up finds: a scan sorts all that the transaction has written,
  // and a change of each right row would make one. Many have rows of their own: rewriting a long list for each that
  // comes would cost more than the scan.

  void load_askers(std::string_view foreign) {
    askers_key_.assign(1, state::kGroupRow).append(foreign);
    askers_ = 0;
    list_.clear();
    listed_ = true;
    const auto stored = store_.get(askers_key_);
    if (!stored) return;
    Reader in(*stored);
    askers_ = in.varint();
    list_ = in.rest();
    listed_ = !list_.empty();
    if (!in.ok() || askers_ == 0) throw broken_askers();
  }
  void put_askers() {
    ++dirty_;
    if (askers_ == 0) return store_.erase(askers_key_);
    asker_row_.clear();
    put_varint(asker_row_, askers_);
    if (listed_) asker_row_ += list_;
    store_.put(askers_key_, asker_row_);
  }
  static state::CorruptState broken_askers() {
    return state::CorruptState("the rows that ask for a key are broken in the state");
  }
  // `take` gets each one's key, place, and where in the list it begins and ends, until it returns false.
  template <typename Take>
  void each_listed(const Take& take) const {
    Reader in(list_);
    while (!in.at_end()) {
      const size_t begin = list_.size() - in.rest().size();
      const std::string_view key = in.bytes();
      const Place place = read_place(in);
      if (!in.ok()) throw broken_askers();
      if (!take(key, place, begin, list_.size() - in.rest().size())) return;
    }
  }
  // Takes its entry out of the list. Where it stood; nullopt: it has none.
  std::optional<size_t> take_out(std::string_view key) {
    std::pair<size_t, size_t> found{0, 0};
    each_listed([&](std::string_view asker, const Place&, size_t begin, size_t end) {
      if (asker == key) found = {begin, end};
      return asker != key;
    });
    if (found.second == 0) return std::nullopt;
    list_.erase(found.first, found.second - found.first);
    return found.first;
  }
  void unlist(std::string_view key) {
    if (!take_out(key)) return;
    --askers_;
    put_askers();
  }
  // With place_.
  void list(std::string_view foreign, std::string_view key) {
    const std::optional<size_t> before = take_out(key);
    if (!before) ++askers_;
    asker_row_.clear();
    put_bytes(asker_row_, key);
    asker_row_ += place_;
    list_.insert(before.value_or(list_.size()), asker_row_);
    if (list_.size() > kListBytes && askers_ > 1) {
      each_listed([&](std::string_view asker, const Place& place, size_t, size_t) {
        set_asker(foreign, asker);
        asker_row_.clear();
        put_place(asker_row_, place);
        store_.put(key_, asker_row_);
        return true;
      });
      listed_ = false;
    }
    put_askers();
  }
  void forget(std::string_view foreign, std::string_view key) {
    set_asker(foreign, key);
    if (!store_.get(key_)) return;
    store_.erase(key_);
    --askers_;
    put_askers();
  }
  void note(std::string_view foreign, std::string_view key) {
    set_asker(foreign, key);
    const bool is_new = !store_.get(key_).has_value();
    store_.put(key_, place_);
    ++dirty_;
    if (!is_new) return;
    ++askers_;
    put_askers();
  }

  // False: one was refused, and the record has failed.
  bool tell_all(const Record& record, const TableRow& row, Emitter& out) {
    load_askers(record.key.view());
    if (askers_ == 0) return true;
    message_.clear();
    encode_answer(row.value, row.time, message_);
    const size_t answer = message_.size();
    bool refused = false;
    const auto tell = [&](std::string_view asker) {
      emit_to(0, record, asker, message_, record.timestamp, out);
      refused = out.refused();
      return !refused;
    };
    if (listed_) {
      each_listed([&](std::string_view asker, const Place& place, size_t, size_t) {
        message_.resize(answer);
        put_place(message_, place);
        return tell(asker);
      });
      return !refused;
    }
    set_asker(record.key.view(), {});
    store_.scan(key_, {}, [&](std::string_view asker, std::string_view place) {
      if (asker.substr(0, key_.size()) != key_) return false;
      message_.resize(answer);
      message_ += place;
      return tell(asker.substr(key_.size()));
    });
    return !refused;
  }

  static constexpr size_t kListBytes = 1000;

  const std::string right_topic_;
  JoinResult result_;
  state::Store& store_;
  OutputTimes times_;
  uint64_t askers_ = 0;  // as loaded last, with the key of their row
  bool listed_ = true;   // in list_; else in rows of their own
  std::string askers_key_, list_, asker_row_;
  std::string key_, row_, place_, message_;
  size_t dirty_ = 0;
};

constexpr uint8_t kStands = 1;
constexpr uint8_t kOfPair = 2;

class Joining final : public Stage {
 public:
  Joining(const JoinOptions& options, state::Store& store)
      : options_(options), result_(options.format), store_(store) {}

  void process(const Record& record, Emitter& out) override {
    Told told;
    if (record.key.is_null() || record.value.is_null() || !decode(record.value.view(), told))
      return out.fail(record, not_ours());
    const bool was = find(record.key.view());
    switch (told.kind) {
      case Told::Kind::row: {
        // Until it is answered, what stands for the row before it stays.
        place_ = told.place;
        left_ = {told.row, told.time};
        if (!told.asks) show(record, {}, out);
        return put();
      }
      case Told::Kind::deletion:
        if (!was) return;
        if (stands_) {
          const int64_t time = std::max(told.time, right_time_);
          emit_result(&shown(record), record.key, MaybeBytes(), time, out);
          if (out.refused()) return;
        }
        ++dirty_;
        return store_.erase(key_);
      case Told::Kind::answer:
        if (!was || told.place != place_) return;  // of a row that is no more
        if (show(record, {told.row, told.time}, out)) put();
    }
  }
  void look_ahead(std::span<const Record> records) override {
    read_rows_ahead(records, {state::kPairRow}, store_);
  }
  size_t dirty_rows() const override { return dirty_; }
  void before_commit(Emitter&) override { dirty_ = 0; }

 private:
  // False: there is no such row.
  bool find(std::string_view key) {
    key_.assign(1, state::kPairRow).append(key);
    stands_ = false;
    right_time_ = kNoTimestamp;
    const auto stored = store_.get(key_);
    if (!stored) return false;
    bytes_ = *stored;
    Reader in(bytes_);
    const uint8_t flags = in.byte();
    stands_ = (flags & kStands) != 0;
    place_ = read_place(in);
    left_.time = in.signed_varint();
    if ((flags & kOfPair) != 0) right_time_ = in.signed_varint();
    if (!in.ok()) throw state::CorruptState("a row of a join by foreign key in the state is broken");
    left_.value = in.rest();
    return true;
  }

  void put() {
    written_.assign(1, static_cast<char>((stands_ ? kStands : 0) | (right_time_ >= 0 ? kOfPair : 0)));
    put_place(written_, place_);
    put_signed(written_, left_.time);
    if (right_time_ >= 0) put_signed(written_, right_time_);
    written_ += left_.value.view();
    store_.put(key_, written_);
    ++dirty_;
  }

  // The left row as the record that it was, for messages and dead letters.
  const Record& shown(const Record& record) {
    row_ = Record();
    row_.topic = options_.left_topic;
    row_.partition = place_.partition;
    row_.offset = place_.offset;
    row_.key = record.key;
    row_.value = left_.value;
    row_.timestamp = left_.time;
    row_.timestamp_type = TimestampType::create_time;
    return row_;
  }

  // Writes the result with this right row, or that there is none any more. False: it was refused, and what stands is
  // what stood.
  bool show(const Record& record, const TableRow& right, Emitter& out) {
    value_.clear();
    const Result<bool> made = result_.make_of_rows(options_.type, record.key, left_, right, value_);
    if (!made) return out.fail_made(&record, shown(record), made.error()), false;
    const int64_t time = std::max(left_.time, right.time);
    if (*made) {
      emit_result(&shown(record), record.key, std::string_view(value_), time, out);
    } else if (stands_) {
      // The deletion of a right row has a time; of another key's it counts when what stands was made.
      const int64_t now = right.time < 0 ? std::max(time, right_time_) : time;
      emit_result(&shown(record), record.key, MaybeBytes(), now, out);
    }
    if ((*made || stands_) && out.refused()) return false;
    stands_ = *made;
    right_time_ = *made && !right.value.is_null() ? right.time : kNoTimestamp;
    return true;
  }

  const JoinOptions options_;
  JoinResult result_;
  state::Store& store_;
  Record row_;
  Place place_;
  TableRow left_;
  bool stands_ = false;
  int64_t right_time_ = kNoTimestamp;  // of the right row in what stands
  std::string key_, bytes_, written_, value_;
  size_t dirty_ = 0;
};

}  // namespace

std::unique_ptr<Stage> make_foreign_asking(const JoinOptions& options, state::Store& store) {
  return std::make_unique<Asking>(options, store);
}
std::unique_ptr<Stage> make_foreign_answering(const JoinOptions& options, state::Store& store) {
  return std::make_unique<Answering>(options, store);
}
std::unique_ptr<Stage> make_foreign_joining(const JoinOptions& options, state::Store& store) {
  return std::make_unique<Joining>(options, store);
}

}  // namespace kutils::flow
