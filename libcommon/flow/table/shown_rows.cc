// Store: kViewRow key -> (empty): OUT has this key. Where lines tell of a deletion: the row's key fields.
#include "flow/table/shown_rows.h"

#include "data/json_fields.h"
#include "flow/topology/forwarding_stage.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

class ShownRows final : public ForwardingStage, private Emitter {
 public:
  ShownRows(std::unique_ptr<Stage> inner, const TableOptions& options, state::Store& store)
      : ForwardingStage(std::move(inner)),
        store_(store),
        key_fields_(options.key_names.size()),
        deletions_are_rows_(options.deletions_are_rows) {
    reader_.want_members();
  }

 private:
  Emitter& around(Emitter& out) override {
    out_ = &out;
    return *this;
  }
  void emit(const Record* origin, const Output& output) override {
    key_.assign(1, state::kViewRow).append(output.key.view());
    const auto before = store_.get(key_);
    if (!output.value.is_null()) {
      out_->emit(origin, output);
      if (!before && !out_->refused()) store_.put(key_, key_fields(output.value.view()));
      return;
    }
    if (!before) return;
    Output gone = output;
    if (deletions_are_rows_) {
      value_.assign("{").append(*before).append("\"_deleted\":true}");
      gone.value = std::string_view(value_);
    }
    out_->emit(origin, gone);
    if (!out_->refused()) store_.erase(key_);
  }
  void fail(const Record& origin, RecordError error) override { out_->fail(origin, std::move(error)); }
  void fail_made(const Record* origin, const Record& made, RecordError error) override {
    out_->fail_made(origin, made, std::move(error));
  }
  void drop(const Record& origin, DropReason reason) override { out_->drop(origin, reason); }
  bool refused() const override { return out_->refused(); }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return out_->too_far_ahead(ms); }

  // `"a":1,"b":"x",`: they stand first.
  std::string_view key_fields(std::string_view row) {
    fields_.clear();
    if (!deletions_are_rows_ || key_fields_ == 0 || reader_.read(row)) return fields_;
    for (size_t i = 0; i < key_fields_; ++i) {
      const JsonMember& member = reader_.members()[i];
      fields_.append(member.name_raw).append(":").append(member.value_raw).append(",");
    }
    return fields_;
  }

  state::Store& store_;
  const size_t key_fields_;
  const bool deletions_are_rows_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
  Emitter* out_ = nullptr;
  std::string key_, fields_, value_;
};

}  // namespace

std::unique_ptr<Stage> make_shown(std::unique_ptr<Stage> table, const TableOptions& options, bool over_table,
                                  const AggregateSet& set, state::Store& store) {
  if (options.after) table = make_suppress(std::move(table), options, over_table, store);
  if (set.columns().having.empty() && set.columns().delete_if.empty() && !options.expires) return table;
  return std::make_unique<ShownRows>(std::move(table), options, store);
}

}  // namespace kutils::flow
