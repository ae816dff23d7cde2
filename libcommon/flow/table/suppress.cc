// Store: kHeldRow key -> due:signed time:signed flags:u8 (1: a value, else a deletion; 2: it has a key)
// value:bytes; kTimerRow.
#include <algorithm>

#include "flow/aggregate/expression_reader.h"
#include "flow/aggregate/keyed_rows.h"
#include "flow/table/table_stage.h"
#include "flow/topology/forwarding_stage.h"

namespace kutils::flow {
namespace {

struct Held {
  bool waiting = false;
  bool has_value = false;
  bool has_key = true;
  int64_t time = 0;  // of the last change
  std::string value;
  bool empty() const { return !waiting; }
};

struct HeldCodec {
  Held make() const { return {}; }
  void encode(const Held& held, std::string& out) const {
    put_signed(out, held.time);
    out.push_back(static_cast<char>((held.has_value ? 1 : 0) | (held.has_key ? 2 : 0)));
    put_bytes(out, held.value);
  }
  void decode(Reader& in, Held& held) const {
    held.waiting = true;
    held.time = in.signed_varint();
    const uint8_t flags = in.byte();
    held.has_value = (flags & 1) != 0;
    held.has_key = (flags & 2) != 0;
    held.value = in.bytes();
  }
};

class Suppress final : public ForwardingStage, private Emitter {
 public:
  Suppress(std::unique_ptr<Stage> inner, const TableOptions& options, bool over_table, state::Store& store)
      : ForwardingStage(std::move(inner)),
        after_(*options.after),
        suppress_(options.suppress),
        over_table_(over_table),
        store_(store),
        max_ahead_(options.clock != nullptr ? options.max_ahead : std::nullopt),
        clock_(options.clock),
        rows_(store, {}, options.cache_bytes, state::kHeldRow),
        now_(store.stream_times().stream_time) {
    if (is_beyond(now_)) now_ = state::kNoTime;
  }

  void process(const Record& record, Emitter& out) override {
    inner_->process(record, around(out));
    release(out);
  }
  void flush(Emitter& out) override {
    inner_->flush(around(out));
    release(out);
  }
  void before_commit(Emitter& out) override {
    inner_->before_commit(around(out));
    release(out);
    rows_.write_back();
    state::StreamTimes times;
    times.stream_time = now_;
    store_.set_stream_times(std::move(times));
  }
  size_t dirty_rows() const override { return inner_->dirty_rows() + rows_.dirty(); }
  // What is held is the newest there is: the end shows it.
  void close(Emitter& out) override {
    inner_->close(around(out));
    now_ = kNever - 1;
    release(out);
  }

 private:
  Emitter& around(Emitter& out) override {
    out_ = &out;
    return *this;
  }
  void emit(const Record*, const Output& output) override {
    now_ = std::max(now_, output.timestamp);
    // What this change makes due is as it was before: also its own key's.
    if (!suppress_) release(*out_);
    auto& node = rows_.load(output.key.view());
    Held& held = node.value;
    // The previous time also counts as reached if it is further ahead than the limit, as in a state of an
    // earlier version.
    const bool is_first = !held.waiting || (output.timestamp < held.time && is_beyond(held.time));
    held = {true, !output.value.is_null(), !output.key.is_null(), output.timestamp,
            std::string(output.value.view())};
    rows_.touch(node);
    if (is_first) rows_.arm(node, output.timestamp + after_);
  }
  std::optional<RecordError> too_far_ahead(int64_t ms) override {
    if (is_beyond(ms)) return beyond_max_ahead(ms, *max_ahead_, "release every value that is held back");
    return out_->too_far_ahead(ms);
  }
  void fail(const Record& origin, RecordError error) override { out_->fail(origin, std::move(error)); }
  void fail_made(const Record* origin, const Record& made, RecordError error) override {
    out_->fail_made(origin, made, std::move(error));
  }
  void drop(const Record& origin, DropReason reason) override {
    if (over_table_) now_ = std::max(now_, origin.timestamp);
    out_->drop(origin, reason);
  }

  bool is_beyond(int64_t ms) const { return max_ahead_ && ms > clock_->wall_ms() + *max_ahead_; }

  // No record is the origin: the one that makes a value due is not in it.
  void release(Emitter& out) {
    rows_.fire(now_, [&](auto& node) {
      Held& held = node.value;
      Output output;
      if (held.has_key) output.key = std::string_view(node.key);
      if (held.has_value) output.value = std::string_view(held.value);
      output.timestamp = held.time;
      output.is_result = true;
      out.emit(nullptr, output);
      held.waiting = false;
      return kNever;
    });
  }

  const int64_t after_;
  const bool suppress_;
  const bool over_table_;
  state::Store& store_;
  const std::optional<int64_t> max_ahead_;
  const Clock* const clock_;
  KeyedRows<Held, HeldCodec> rows_;
  int64_t now_;
  Emitter* out_ = nullptr;
};

}  // namespace

std::unique_ptr<Stage> make_suppress(std::unique_ptr<Stage> inner, const TableOptions& options,
                                     bool over_table, state::Store& store) {
  return std::make_unique<Suppress>(std::move(inner), options, over_table, store);
}

}  // namespace kutils::flow
