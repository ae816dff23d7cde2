// Store: kViewRow key -> (empty): the output has this key.
#include "flow/table/no_key.h"
#include "flow/table/table_stage.h"
#include "flow/topology/forwarding_stage.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

class TableView final : public ForwardingStage, private Emitter {
 public:
  TableView(std::unique_ptr<Stage> inner, state::Store& store)
      : ForwardingStage(std::move(inner)), store_(store) {}

  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    out_ = &out;
    emitted_ = failed_ = false;  // refused: OUT and the known values stay as they were
    if (!record.value.is_null()) inner_->process(record, *this);
    if (failed_) return;
    key_.assign(1, state::kViewRow).append(record.key.view());
    const bool was_there = store_.get(key_).has_value();
    if (emitted_) {
      if (!was_there) store_.put(key_, {});
      return;
    }
    if (!was_there)
      return out.drop(record, record.value.is_null() ? DropReason::tombstone : DropReason::filtered);
    Output gone;
    gone.key = record.key;
    gone.headers = record.headers;
    gone.timestamp = record.timestamp;
    out.emit(&record, gone);
    if (!out.refused()) store_.erase(key_);
  }

 private:
  void emit(const Record* origin, const Output& output) override {
    emitted_ = true;
    out_->emit(origin, output);
    failed_ = failed_ || out_->refused();
  }
  void fail(const Record& origin, RecordError error) override {
    failed_ = true;
    out_->fail(origin, std::move(error));
  }
  void drop(const Record&, DropReason) override {}

  state::Store& store_;
  Emitter* out_ = nullptr;
  bool emitted_ = false;
  bool failed_ = false;
  std::string key_;
};

}  // namespace

std::unique_ptr<Stage> make_table_view(std::unique_ptr<Stage> inner, state::Store& store) {
  return std::make_unique<TableView>(std::move(inner), store);
}

}  // namespace kutils::flow
