#include "flow/topology/chain.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flow/topology/ports.h"
#include "flow/topology/waiting.h"

namespace kutils::flow {
namespace {

// An operator's output, as the record that the next operator reads.
struct Made {
  Record record;
  const Record* input = nullptr;  // the chain's input record that caused it; null: a timer did
  bool keeps_key = true;          // it still has the key of `input`
};

// A copy that lives until flush(), for an operator that keeps its records.
struct Held {
  Made made;
  std::string bytes;
  std::vector<Header> headers;

  explicit Held(const Made& from) : made(from) {
    const Record& record = from.record;
    size_t size = record.key.size() + record.value.size();
    for (const Header& header : record.headers) size += header.name.size() + header.value.size();
    bytes.reserve(size);  // so that views into it stay
    made.record.key = keep(record.key);
    made.record.value = keep(record.value);
    for (const Header& header : record.headers)
      headers.push_back({keep(MaybeBytes(header.name)).view(), keep(header.value)});
    made.record.headers = headers;
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  MaybeBytes keep(const MaybeBytes& from) {
    if (from.is_null()) return from;
    const size_t at = bytes.size();
    bytes += from.view();
    return MaybeBytes(std::string_view(bytes).substr(at));
  }
};

class Chain final : public Stage, public Waiting {
 public:
  Chain(const SubTopology& sub, const StageContext& context, const StoreOf& store_of)
      : clock_(context.clock),
        tells_beside_(context.input_partitions <= 1 && !sub.copartitioned.empty()),
        silent_ms_(tells_beside_ ? sub.copartitioned.size() + 1
                                 : static_cast<size_t>(std::max(context.input_partitions, 1)),
                   0),
        beside_(sub.copartitioned) {
    home_.partition = context.partition;
    uint8_t stores = 0;
    bool one_source = false;
    for (const Operator& one : sub.operators) {
      StageContext here = context;
      here.store = one.has_state && store_of ? store_of(++stores) : nullptr;
      // Outputs of an operator with state belong to the task; before it, records belong to their source
      // partitions.
      if (one_source) here.input_partitions = 1, here.input_topics.clear();
      links_.emplace_back(*this, links_.size(), one, one.make(here)).is_one_source = one_source;
      one_source |= one.has_state;
    }
  }

  void process(const Record& record, Emitter& out) override {
    out_ = &out;
    for (size_t i = 0; i < beside_.size(); ++i) {
      if (record.topic != beside_[i].topic) continue;
      if (tells_beside_) silent_ms_[i + 1] = 0;
      if (beside_[i].to > 0) return enter(links_[beside_[i].to], record);
      return links_.front().stage->process(record, links_.front());
    }
    if (tells_beside_) silent_ms_[0] = 0;
    home_.topic = record.topic;
    links_.front().stage->process(record, links_.front());
  }
  // What later operators will read is not made yet.
  void look_ahead(std::span<const Record> records) override {
    const auto goes_on = [](const CopartitionedSource& source) { return source.to > 0; };
    if (std::none_of(beside_.begin(), beside_.end(), goes_on)) links_.front().stage->look_ahead(records);
  }
  void flush(Emitter& out) override {
    out_ = &out;
    for (Link& link : links_) flush(link);
  }
  bool keeps_records() const override { return links_.front().stage->keeps_records(); }
  void tick(int64_t wall_ms, Emitter& out) override {
    out_ = &out;
    for (Link& link : links_) {
      flush(link);
      link.stage->tick(wall_ms, link);
    }
  }
  std::optional<int64_t> next_wakeup() const override {
    std::optional<int64_t> first;
    for (const Link& link : links_) {
      const auto due = link.stage->next_wakeup();
      if (due && (!first || *due < *first)) first = due;
    }
    return first;
  }
  uint64_t waiting() const override {
    uint64_t count = 0;
    for (const Link& link : links_) count += count_waiting(*link.stage);
    return count;
  }
  // Operators in order, so that outputs of one still pass the next in the same transaction.
  void before_commit(Emitter& out) override {
    out_ = &out;
    for (Link& link : links_) {
      flush(link);
      link.stage->before_commit(link);
    }
  }
  size_t dirty_rows() const override {
    size_t rows = 0;
    for (const Link& link : links_) rows += link.stage->dirty_rows();
    return rows;
  }
  void silent(int32_t source, int64_t silent_ms, Emitter& out) override {
    out_ = &out;
    const size_t number = silent_ms_.size() == 1 ? 0 : static_cast<size_t>(std::max(source, 0));
    if (number < silent_ms_.size()) silent_ms_[number] = silent_ms;
    if (tells_beside_) return tell_silence(number);
    // Behind state the task is one source: as silent as the least silent of its own.
    const int64_t all = *std::min_element(silent_ms_.begin(), silent_ms_.end());
    for (Link& link : links_)
      link.stage->silent(link.is_one_source ? 0 : source, link.is_one_source ? all : silent_ms, link);
  }
  void source_ended(int32_t source, Emitter& out) override {
    out_ = &out;
    for (Link& link : links_)
      if (!link.is_one_source) link.stage->source_ended(source, link);
  }
  void all_read(bool after_rest, Emitter& out) override {
    out_ = &out;
    for (Link& link : links_)
      if (!link.is_one_source) link.stage->all_read(after_rest, link);
  }
  void close(Emitter& out) override {
    out_ = &out;
    for (Link& link : links_) {
      link.stage->close(link);
      link.held.clear();
    }
  }

 private:
  // An operator, and what takes its outputs: the next one reads them; what the last one makes leaves the
  // chain.
  struct Link final : Emitter {
    Link(Chain& chain_of, size_t place_in_chain, const Operator& one, std::unique_ptr<Stage> made)
        : chain(chain_of), index(place_in_chain), other_ports(one.other_ports), stage(std::move(made)) {
      if (one.place > 0) name = "stage " + std::to_string(one.place) + ", " + one.name + ": ";
    }
    void emit(const Record* origin, const Output& output) override { chain.emit(*this, origin, output); }
    void fail(const Record& origin, RecordError error) override {
      chain.fail(*this, origin, std::move(error));
    }
    void fail_made(const Record* origin, const Record& made, RecordError error) override {
      // Only who reads the chain's input knows better what that was made of.
      if (index > 0) return fail(origin ? *origin : made, std::move(error));
      chain.fail_made(*this, origin, made, std::move(error));
    }
    void drop(const Record& origin, DropReason reason) override {
      const Made* made = made_of(&origin);
      chain.out_->drop(made && made->input ? *made->input : origin, reason);
    }
    bool refused() const override { return is_refused; }
    // All records made from it have its time, however many operators follow.
    std::optional<RecordError> too_far_ahead(int64_t ms) override { return chain.out_->too_far_ahead(ms); }

    // Null: `origin` is the chain's input, or is null.
    const Made* made_of(const Record* origin) const {
      if (current && origin == &current->record) return current;
      for (const Held& one : held)
        if (origin == &one.made.record) return &one.made;
      // A copy of the current record.
      if (current && origin && origin->offset == current->record.offset &&
          origin->partition == current->record.partition)
        return current;
      return nullptr;
    }

    Chain& chain;
    const size_t index;
    const uint32_t other_ports;
    std::unique_ptr<Stage> stage;
    bool is_one_source = false;  // see above
    std::string name;
    const Made* current = nullptr;  // what the operator reads now; null: the chain's input, or nothing
    std::deque<Held> held;
    bool is_refused = false;
  };

  // This answers also the records that earlier operators have just emitted.
  static void flush(Link& link) {
    link.stage->flush(link);
    link.held.clear();
  }

  void emit(Link& from, const Record* origin, const Output& output) {
    const Made* made = from.index == 0 ? nullptr : from.made_of(origin);
    const Record* input = from.index == 0 ? origin : made ? made->input : nullptr;
    const bool keeps_key = output.keeps_key && (!made || made->keeps_key);
    const uint64_t failures = failures_;
    if (from.index + 1 == links_.size() || output.port != 0) {
      leave(from, input, output, keeps_key);
    } else {
      pass_on(links_[from.index + 1], origin, input, output, keeps_key);
    }
    from.is_refused = failures_ != failures;
  }

  // Of the sources beside the first one each operator hears what it reads: as 0 the least silent one of those that
  // come through the operators before it, as 1 its own.
  void tell_silence(size_t of) {
    const auto to = [&](size_t source) { return source == 0 ? size_t{0} : beside_[source - 1].to; };
    for (Link& link : links_) {
      if (of >= silent_ms_.size() || to(of) > link.index) continue;
      int64_t through = silent_ms_[0];
      std::optional<int64_t> own;
      for (size_t source = 1; source < silent_ms_.size(); ++source) {
        if (to(source) < link.index) through = std::min(through, silent_ms_[source]);
        if (to(source) == link.index) own = silent_ms_[source];
      }
      link.stage->silent(0, through, link);
      if (own) link.stage->silent(1, *own, link);
    }
  }

  void leave(const Link& from, const Record* input, const Output& output, bool keeps_key) {
    if (keeps_key == output.keeps_key && (output.port == 0 || from.other_ports == 0)) {
      out_->emit(input, output);
    } else {
      Output placed = output;
      placed.keeps_key = keeps_key;
      if (placed.port != 0 && placed.port < kFirstNamed) placed.port += from.other_ports;
      out_->emit(input, placed);
    }
    if (out_->refused()) ++failures_;
  }

  void pass_on(Link& to, const Record* origin, const Record* input, const Output& output, bool keeps_key) {
    Made made;
    made.record = origin ? *origin : home_;
    made.record.key = output.key;
    made.record.value = output.value;
    made.record.headers = output.headers;
    made.record.timestamp = output.timestamp;
    made.record.timestamp_type = TimestampType::create_time;
    if (output.timestamp == kNoTimestamp && clock_) made.record.timestamp = clock_->wall_ms();
    made.input = input;
    made.keeps_key = keeps_key;
    const Made* before = to.current;
    to.current = to.stage->keeps_records() ? &to.held.emplace_back(made).made : &made;
    to.stage->process(to.current->record, to);
    to.current = before;
  }

  // A record of a source beside the first one goes to an operator further on.
  void enter(Link& to, const Record& record) {
    Made made;
    made.record = record;
    made.input = &record;
    const Made* before = to.current;
    to.current = to.stage->keeps_records() ? &to.held.emplace_back(made).made : &made;
    to.stage->process(to.current->record, to);
    to.current = before;
  }

  void fail_made(Link& from, const Record* origin, const Record& made, RecordError error) {
    ++failures_;
    from.is_refused = true;
    error.message.insert(0, from.name);
    out_->fail_made(origin, made, std::move(error));
  }

  void fail(Link& from, const Record& origin, RecordError error) {
    ++failures_;
    from.is_refused = true;
    error.message.insert(0, from.name);
    const Made* made = from.index == 0 ? nullptr : from.made_of(&origin);
    if (made) {
      out_->fail_made(made->input, made->record, std::move(error));
    } else {
      out_->fail(origin, std::move(error));
    }
  }

  const Clock* const clock_;
  std::deque<Link> links_;
  Emitter* out_ = nullptr;
  // Origin of outputs that no record caused: of the first source, for an operator takes what is of a topic beside
  // it for that source's record.
  Record home_;
  uint64_t failures_ = 0;
  // Sources are the first one, which is 0, and those beside it; else those that an internal topic tells apart.
  const bool tells_beside_;
  std::vector<int64_t> silent_ms_;  // by source
  const std::vector<CopartitionedSource> beside_;
};

}  // namespace

std::unique_ptr<Stage> make_chain(const SubTopology& sub, StageContext context, const StoreOf& store_of) {
  const Operator& first = sub.operators.front();
  if (sub.operators.size() > 1 || first.place > 0) return std::make_unique<Chain>(sub, context, store_of);
  context.store = first.has_state && store_of ? store_of(1) : nullptr;
  return first.make(context);
}

}  // namespace kutils::flow
