#include "kscan/scan_stage.h"

#include "state/state_error.h"

namespace kutils {
namespace {

// What the list makes of the source record, said of the record that came (behind an internal topic they differ).
class Watch final : public flow::Emitter {
 public:
  Watch(const Record& record, flow::Emitter& out, const ScanStage::Words& words)
      : record_(record), out_(out), words_(words) {}
  bool has_failed() const { return failed_; }
  void emit(const Record* origin, const Output& output) override {
    out_.emit(origin, output);
    failed_ |= out_.refused();
  }
  void fail(const Record&, RecordError error) override {
    failed_ = true;
    if (words_) error.message = words_(error);
    out_.fail(record_, std::move(error));
  }
  void drop(const Record&, flow::DropReason reason) override { out_.drop(record_, reason); }
  bool refused() const override { return out_.refused(); }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return out_.too_far_ahead(ms); }

 private:
  const Record& record_;
  flow::Emitter& out_;
  const ScanStage::Words& words_;
  bool failed_ = false;
};

}  // namespace

ScanStage::ScanStage(const MapPlan& plan, const flow::AggregateSet& set,
                     std::unique_ptr<flow::RecordReader> reader, state::Store& store, size_t cache_bytes,
                     Words words)
    : map_(plan),
      words_(std::move(words)),
      set_(set),
      reader_(std::move(reader)),
      groups_(set, {}, store, cache_bytes),
      members_(no_fields_),
      results_(set.items().size()) {
  members_.want_members();
}

void ScanStage::process(const Record& record, flow::Emitter& out) {
  if (record.value.is_null()) {
    if (!reader_->read_times(record, times_)) out.drop(record, flow::DropReason::tombstone);
    return;
  }
  if (auto error = reader_->read(record, grouped_)) return out.fail(record, std::move(*error));
  if (auto refused = out.too_far_ahead(grouped_.origin->timestamp))
    return out.fail(record, std::move(*refused));
  flow::Row* const row = groups_.find(grouped_.key);
  char* const state = groups_.state(row);
  if (auto refused = set_.can_add(state, grouped_.arguments)) return out.fail(record, std::move(*refused));
  // A set is taken back by its record: encoded before each, it would cost its size.
  using Part = flow::AggregateSet::Part;
  before_.clear();
  constexpr Part kCopied[] = {Part::chosen, Part::others};
  if (row->exists)
    for (const Part part : kCopied) set_.encode(part, state, before_);
  set_.add_checked(state, grouped_.arguments);
  object_.assign(1, '{');
  set_.result(state, object_);
  object_ += '}';
  if (auto error = members_.read(object_))
    throw state::CorruptState("a row's results are not JSON: " + error->message);
  for (size_t i = 0; i < results_.size(); ++i) results_[i] = members_.members()[i].value_raw;
  map_.give(results_);
  Watch watch(record, out, words_);
  map_.process(*grouped_.origin, watch);
  if (!watch.has_failed()) return groups_.touch(row, grouped_.key_is_text, grouped_.time);
  set_.subtract_last(state, grouped_.arguments);
  for (const Part part : kCopied) set_.reset(part, state);
  if (!row->exists) return;
  kutils::Reader in(before_);
  for (const Part part : kCopied) set_.decode(part, state, in);
  if (!in.ok() || !in.at_end()) throw state::CorruptState("a row's state cannot be read back");
}

}  // namespace kutils
