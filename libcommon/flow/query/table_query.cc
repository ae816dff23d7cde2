#include "flow/query/table_query.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/duration.h"
#include "base/murmur2.h"
#include "base/time_format.h"
#include "base/varint.h"
#include "data/json_fields.h"
#include "data/json_write.h"
#include "expr/context.h"
#include "expr/value.h"
#include "flow/topology/stage.h"
#include "flow/window/session_rows.h"
#include "flow/window/sliding_index.h"
#include "flow/window/time_windows.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
constexpr int64_t kLast = std::numeric_limits<int64_t>::max();

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

int64_t parse_time(const char* option, const std::string& text, int64_t now_ms) {
  if (const auto time = parse_time_ms(text, now_ms)) return *time;
  throw usage_error(std::string(option) + ": '" + text + "' is not a time",
                    "an ISO time, ms since the epoch, now, or a time before now: -1h");
}

// The bytes of the key as the result shows them; one output each, none where --having does not hold.
class TakeOutput final : public Emitter {
 public:
  explicit TakeOutput(const TableQuery::TakeRow& take) : take_(take) {}
  void emit(const Record*, const Output& output) override {
    goes_on = take_(output.key, output.value.view(), output.timestamp);
  }
  void fail(const Record&, RecordError) override {}
  // A column cannot be computed: the aggregates are shown.
  void fail_made(const Record*, const Record& made, RecordError) override {
    goes_on = take_(made.key, made.value.view(), made.timestamp);
  }
  void drop(const Record&, DropReason) override {}
  bool goes_on = true;

 private:
  const TableQuery::TakeRow& take_;
};

// `now` minus `then`, both `"a":1,"b":2.5`: of numbers the difference, of anything else null, as of what only
// one of them has (a column that could not be computed).
std::string subtract_results(const std::string& now, const std::string& then) {
  const FieldSet none;
  FieldReader left(none), right(none);
  left.want_members();
  right.want_members();
  const std::string left_text = "{" + now + "}", right_text = "{" + then + "}";
  if (left.read(left_text) || right.read(right_text))
    throw state::CorruptState("a row of the state cannot be shown");
  std::string out;
  for (size_t i = 0; i < left.members().size(); ++i) {
    const JsonMember& member = left.members()[i];
    if (!out.empty()) out += ',';
    out.append(member.name_raw).push_back(':');
    const auto& others = right.members();
    const auto other = std::find_if(others.begin(), others.end(),
                                    [&](const JsonMember& one) { return one.name_raw == member.name_raw; });
    std::string scratch_a, scratch_b;
    const auto a = parse_scalar(member.value_raw, scratch_a),
               b = parse_scalar(other == others.end() ? "null" : other->value_raw, scratch_b);
    const auto real = [](const std::optional<JsonField>& field) -> std::optional<double> {
      if (!field) return std::nullopt;
      if (field->type == JsonType::integer) return static_cast<double>(field->integer);
      if (field->type == JsonType::unsigned_integer) return static_cast<double>(field->unsigned_integer);
      if (field->type == JsonType::real) return field->real.value;
      return std::nullopt;
    };
    int64_t whole = 0;
    if (a && b && a->type == JsonType::integer && b->type == JsonType::integer &&
        !__builtin_sub_overflow(a->integer, b->integer, &whole)) {
      append_json_int(whole, out);
      continue;
    }
    const auto x = real(a), y = real(b);
    if (!x || !y || !append_json_double(*x - *y, out)) out += "null";
  }
  return out;
}

// The key as a group that is not a string is stored: equal numbers have one spelling, and there is no white
// space. nullopt: the key is a string or not JSON, or has that spelling already.
std::optional<std::string> other_spelling(const std::string& key) {
  expr::Context context;
  const expr::Value value = context.json(key);
  if (value.is_error() || value.is_string()) return std::nullopt;
  std::string bytes;
  if (expr::append_key_json(value, bytes) || bytes == key) return std::nullopt;
  return bytes;
}

}  // namespace

void set_range(Query& query, const std::string& from, const std::string& until, int64_t now_ms) {
  if (!from.empty()) query.from = parse_time("--from", from, now_ms);
  if (!until.empty()) query.until = parse_time("--until", until, now_ms);
  if (query.from && query.until && *query.until < *query.from)
    throw usage_error("the range ends before it begins: --from " + from + " --until " + until);
}

void set_at(Query& query, const std::string& at, int64_t now_ms) {
  if (at.empty()) return;
  if (at == "now") {
    query.at = Query::At::now;
  } else if (at == "current") {
    query.at = Query::At::current;
  } else {
    query.at = Query::At::time;
    query.at_ms = parse_time("--at", at, now_ms);
  }
}

void set_delta(Query& query, const std::string& delta) {
  if (!delta.empty()) query.delta = parse_duration_option("--delta", delta).count();
}

// One window or one table's row, as it stands in the state.
struct TableQuery::Seen {
  std::string_view key;
  bool key_is_text;
  int64_t start, end;  // as shown; 0: a table's
  int64_t time;
  const char* state;
};

class TableQuery::Walk {
 public:
  // Gives the rows of the keys that `query` asks for.
  Walk(TableQuery& owner, const Query& query, state::Cursor& rows, uint8_t op, int64_t stream_time)
      : owner_(owner),
        query_(query),
        set_(owner.set_),
        rows_(rows),
        op_(static_cast<char>(op)),
        stream_time_(stream_time) {}

  // Tables.
  template <typename F>
  bool table_rows(const F& take) {
    return groups(prefix(state::kGroupRow), [&](std::string_view group, std::string_view value) {
      Row row(*this, value);
      return take(Seen{group, row.key_is_text, 0, 0, row.time, row.state.get()});
    });
  }

  // Windows that begin in [low, high) and, if `at` is given, hold it.
  template <typename F>
  bool windows(int64_t low, int64_t high, std::optional<int64_t> at, const F& take) {
    const WindowSpec& spec = *owner_.description_.window;
    const auto wanted = [&](int64_t start, int64_t end) {
      if (start < low || start >= high) return false;
      return !at || (start <= *at && (spec.is_aligned() ? *at < end : *at <= end));
    };
    if (spec.is_aligned()) return aligned(spec, low, high, at, wanted, take);
    const bool goes_on = groups(prefix(state::kKeyRow), [&](std::string_view group, std::string_view value) {
      Reader in(value);
      in.signed_varint();  // when its timer is due
      return spec.kind == WindowSpec::Kind::session ? sessions(group, in, wanted, take)
                                                    : sliding(group, in, wanted, take);
    });
    return goes_on && closed(wanted, take);
  }

 private:
  struct Row {
    Row(Walk& walk, std::string_view bytes) : state(walk.set_) {
      Reader in(bytes);
      key_is_text = (in.byte() & 1) != 0;
      time = in.signed_varint();
      walk.set_.decode(state.get(), in);
      check(in);
    }
    OwnedState state;
    bool key_is_text = true;
    int64_t time = 0;
  };

  static void check(const Reader& in) {
    if (!in.ok() || !in.at_end()) throw state::CorruptState("a row in the state is broken");
  }
  std::string prefix(char kind) const { return {op_, kind}; }

  // Rows whose key is `base` and a group that was asked for.
  template <typename F>
  bool groups(const std::string& base, const F& take) {
    const Query& query = query_;
    if (!query.keys.empty()) {
      for (size_t i = 0; i < query.keys.size(); ++i) {
        const std::string& key = query.keys[i];
        // Another spelling of a key that the query asks for, too.
        if (i >= owner_.asked_ &&
            std::find(query.keys.begin(), query.keys.begin() + static_cast<std::ptrdiff_t>(i), key) !=
                query.keys.begin() + static_cast<std::ptrdiff_t>(i))
          continue;
        const std::string full = base + key;
        rows_.seek(full);
        if (rows_.valid() && rows_.key() == full && !take(rows_.key().substr(base.size()), rows_.value()))
          return false;
      }
      return true;
    }
    const std::string from = base + query.prefix.value_or("");
    for (rows_.seek(from); rows_.valid() && begins_with(rows_.key(), from); rows_.next())
      if (!take(rows_.key().substr(base.size()), rows_.value())) return false;
    return true;
  }
  bool asked_for(std::string_view group) const {
    const Query& query = query_;
    if (!query.keys.empty())
      return std::find(query.keys.begin(), query.keys.end(), group) != query.keys.end();
    return begins_with(group, query.prefix.value_or(""));
  }

  template <typename W, typename F>
  bool aligned(const WindowSpec& spec, int64_t low, int64_t high, std::optional<int64_t> at, const W& wanted,
               const F& take) {
    const auto windows = make_time_windows(spec);
    int64_t start = low;
    if (at) {
      if (*at < 0) return true;
      std::vector<TimeWindow> holding;
      windows->windows_of(*at, holding);
      if (holding.empty()) return true;
      start = std::max(start, holding.front().start);
      high = std::min(high, holding.back().start + 1);
    }
    const std::string kind = prefix(state::kWindowRow);
    // A seek per window: those of one key lie apart.
    while (start < high) {
      std::string from = kind;
      put_ordered(from, start);
      rows_.seek(from);
      if (!rows_.valid() || !begins_with(rows_.key(), kind)) return true;
      if (rows_.key().size() < kind.size() + 8)
        throw state::CorruptState("a window's key in the state is too short");
      start = get_ordered(rows_.key().substr(kind.size()));
      if (start >= high) return true;
      const int64_t end = windows->end_of(start);
      if (wanted(start, end)) {
        std::string base = kind;
        put_ordered(base, start);
        const bool goes_on = groups(base, [&](std::string_view group, std::string_view value) {
          Row row(*this, value);
          return take(Seen{group, row.key_is_text, start, end, row.time, row.state.get()});
        });
        if (!goes_on) return false;
      }
      if (start == kLast) return true;
      ++start;
    }
    return true;
  }

  template <typename W, typename F>
  bool sessions(std::string_view group, Reader& in, const W& wanted, const F& take) {
    Sessions all;
    SessionCodec(set_).decode(in, all);
    check(in);
    for (const auto& [time, session] : all.list) {
      if (!wanted(session.first, session.last)) continue;
      if (!take(Seen{group, all.key_is_text, session.first, session.last, session.last, session.state.get()}))
        return false;
    }
    return true;
  }

  template <typename W, typename F>
  bool sliding(std::string_view group, Reader& in, const W& wanted, const F& take) {
    Events events;
    EventCodec(set_).decode(in, events);
    check(in);
    const SlidingWindows windows{owner_.description_.window->size};
    std::vector<int64_t> starts;
    windows.all_starts(events, starts);
    SlidingIndex index(set_, events.list, events.gone);
    for (const int64_t start : starts) {
      const int64_t end = start + windows.reach;
      // A closed one is only partly covered by the records that are left; while it is kept it has a row of
      // its own.
      const bool is_closed = stream_time_ != kNoTime && end + 1 + owner_.description_.grace <= stream_time_;
      if (is_closed || !wanted(start, end)) continue;
      const SlidingIndex::Window window = index.window(start, end);
      if (!take(Seen{group, events.key_is_text, start, end, window.newest, window.state})) return false;
    }
    return true;
  }

  template <typename W, typename F>
  bool closed(const W& wanted, const F& take) {
    const std::string kind = prefix(state::kClosedRow);
    for (rows_.seek(kind); rows_.valid() && begins_with(rows_.key(), kind); rows_.next()) {
      const std::string_view key = rows_.key().substr(kind.size());
      if (key.size() < 16) throw state::CorruptState("a closed window's key in the state is too short");
      const int64_t end = get_ordered(key), start = get_ordered(key.substr(8));
      if (!asked_for(key.substr(16)) || !wanted(start, end)) continue;
      Row row(*this, rows_.value());
      if (!take(Seen{key.substr(16), row.key_is_text, start, end, row.time, row.state.get()})) return false;
    }
    return true;
  }

  TableQuery& owner_;
  const Query& query_;
  const AggregateSet& set_;
  state::Cursor& rows_;
  const char op_;
  const int64_t stream_time_;
};

TableQuery::TableQuery(StateDescription description, Query query)
    : description_(std::move(description)),
      query_(std::move(query)),
      set_(RowPlan{description_.aggregates, description_.columns}),
      shape_(set_),
      output_(set_, OutputFormat{.key_names = description_.key_names,
                                 .windowed_key = false,
                                 .bounds_in_key = false,
                                 .times_as_ms = description_.times_as_ms}),
      labels_(make_labels(description_.key_names)),
      asked_(query_.keys.size()),
      found_(std::max<size_t>(1, query_.keys.size())) {
  for (size_t i = 0; i < asked_; ++i) {
    auto other = other_spelling(query_.keys[i]);
    if (!other) continue;
    query_.keys.push_back(std::move(*other));
    spelling_of_.push_back(i);
  }
  if (!query_.keys.empty() && query_.prefix)
    throw usage_error("a KEY and --prefix cannot be combined", "give one of them");
  if (!description_.window) {
    if (query_.from || query_.until)
      throw usage_error("--from and --until ask for windows, and these are the rows of a table");
    if (query_.delta) throw usage_error("--delta compares windows, and these are the rows of a table");
    if (query_.at != Query::At::any)
      throw usage_error("--at asks for windows, and these are the rows of a table");
  }
  if (query_.delta && query_.at == Query::At::any) query_.at = Query::At::current;
}

TableQuery::~TableQuery() = default;

std::vector<std::string> TableQuery::missing() const {
  std::vector<std::string> keys;
  for (size_t i = 0; i < asked_; ++i)
    if (!found_[i]) keys.push_back(query_.keys[i]);
  if (query_.prefix && !found_[0]) keys.push_back(*query_.prefix);
  return keys;
}

std::set<int32_t> TableQuery::partitions_of_keys(int32_t count) const {
  std::set<int32_t> partitions;
  for (const std::string& key : query_.keys) partitions.insert(murmur2_partition(key, count));
  return partitions;
}

bool TableQuery::note(const Seen& row) {
  bool is_asked_for = query_.keys.empty();
  if (is_asked_for) found_[0] = true;
  for (size_t i = 0; i < query_.keys.size(); ++i) {
    if (query_.keys[i] != row.key || (i >= asked_ && row.key_is_text)) continue;
    found_[i < asked_ ? i : spelling_of_[i - asked_]] = true;
    is_asked_for = true;
  }
  found_any_ |= is_asked_for;
  return is_asked_for;
}

bool TableQuery::run(state::Cursor& rows, uint8_t op, int64_t stream_time, int64_t now_ms,
                     const TakeRow& take) {
  Walk walk(*this, query_, rows, op, stream_time);
  const auto key_of = [&](std::string_view group) {
    return labels_.empty() ? MaybeBytes() : MaybeBytes(group);
  };
  std::string json;
  if (!description_.window) {
    return walk.table_rows([&](const Seen& row) {
      json = '{';
      append_key_fields(row.key, row.key_is_text, labels_, json);
      // Where a column cannot be computed, the aggregates are shown.
      const Result<bool> shows = shape_.finish(row.key, row.time, row.state, json);
      if ((shows && !*shows) || !note(row)) return true;
      return take(MaybeBytes(row.key), json, row.time);
    });
  }
  const int64_t low = query_.from.value_or(kFirst), high = query_.until.value_or(kLast);
  std::optional<int64_t> at;
  switch (query_.at) {
    case Query::At::any:
      break;
    case Query::At::now:
      at = now_ms;
      break;
    case Query::At::current:
      if (stream_time == kNoTime) return true;
      at = stream_time;
      // --close-at-end and --idle move stream time beyond the windows: the current ones are the last then.
      {
        const Query everything;
        Walk all(*this, everything, rows, op, stream_time);
        bool any = false;
        all.windows(kFirst, kLast, at, [&](const Seen&) { return any = true, false; });
        if (any) break;
        int64_t newest = kNoTime;
        all.windows(kFirst, kLast, std::nullopt, [&](const Seen& row) {
          newest = std::max(newest, row.time);
          return true;
        });
        if (newest == kNoTime) return true;
        at = newest;
      }
      break;
    case Query::At::time:
      at = query_.at_ms;
      break;
  }
  const Seen* seen = nullptr;
  const TakeRow take_noted = [&](MaybeBytes key, std::string_view row, int64_t time) {
    return !note(*seen) || take(key, row, time);
  };
  TakeOutput out(take_noted);
  if (!query_.delta) {
    return walk.windows(low, high, at, [&](const Seen& row) {
      seen = &row;
      output_.emit(nullptr, {row.key, row.key_is_text, row.start, row.end}, row.time, row.state, out);
      return out.goes_on;
    });
  }
  // Of several windows that hold a time the one that began first is taken: it has seen most.
  struct Change {
    bool key_is_text = true;
    struct Side {
      bool exists = false;
      int64_t start = 0, end = 0, time = 0;
      std::string result;
    } now, then;
  };
  std::map<std::string, Change> changes;
  const auto collect = [&](int64_t when, Change::Side Change::*side) {
    walk.windows(low, high, when, [&](const Seen& row) {
      json = '{';
      const Result<bool> shows = shape_.finish(row.key, row.time, row.state, json);
      if ((shows && !*shows) || !note(row)) return true;
      Change& change = changes[std::string(row.key)];
      change.key_is_text = row.key_is_text;
      Change::Side& one = change.*side;
      if (one.exists && one.start <= row.start) return true;
      one = {true, row.start, row.end, row.time, {}};
      one.result = json.substr(1, json.size() - 2);
      return true;
    });
  };
  collect(*at, &Change::now);
  collect(*at - *query_.delta, &Change::then);
  std::string nothing;
  const OwnedState empty(set_);
  // The condition, which may not hold for it, is not asked.
  RowPlan bare{description_.aggregates, description_.columns};
  bare.columns.having.clear();
  const AggregateSet shown(std::move(bare));
  json = '{';
  (void)RowShape(shown).finish({}, 0, empty.get(), json);
  nothing = json.substr(1, json.size() - 2);
  const auto append_time = [&](const char* name, const Change::Side& side, bool end) {
    json += std::string("\"") + name + "\":";
    const int64_t ms = end ? side.end : side.start;
    if (!side.exists) {
      json += "null";
    } else if (description_.times_as_ms) {
      append_json_int(ms, json);
    } else {
      json += '"';
      append_iso_ms(ms, json);
      json += '"';
    }
    json += ',';
  };
  for (const auto& [key, change] : changes) {
    json = '{';
    append_key_fields(key, change.key_is_text, labels_, json);
    append_time("window_start", change.now, false);
    append_time("window_end", change.now, true);
    append_time("since_start", change.then, false);
    json += subtract_results(change.now.exists ? change.now.result : nothing,
                             change.then.exists ? change.then.result : nothing);
    json += '}';
    if (!take(key_of(key), json, change.now.exists ? change.now.time : change.then.time)) return false;
  }
  return true;
}

}  // namespace kutils::flow
