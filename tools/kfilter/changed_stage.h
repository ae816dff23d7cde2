// kfilter --changed: passes a record when EXPR's value is another than that of the key's record before it.
//
// Store: kKeyRow key -> due:signed (never) value:bytes, the value as canonical JSON.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "expr/expressions.h"
#include "flow/aggregate/keyed_rows.h"
#include "flow/aggregate/record_reader.h"
#include "flow/topology/stage.h"
#include "kfilter/filter_stage.h"

namespace kutils {

class ChangedStage final : public flow::Stage {
 public:
  // Throws usage_error for a bad expression. `store` outlives the stage.
  ChangedStage(const FilterPlan& plan, std::unique_ptr<flow::RecordReader> reader, state::Store& store,
               size_t cache_bytes);
  // A record that fails, or that OUT refuses, was not.
  void process(const Record& record, flow::Emitter& out) override;
  void before_commit(flow::Emitter&) override { rows_.write_back(); }
  size_t dirty_rows() const override { return rows_.dirty(); }

 private:
  struct Last {
    bool is_known = false;
    std::string value = {};
    bool empty() const { return !is_known; }
  };
  struct LastCodec {
    Last make() const { return {}; }
    void encode(const Last& last, std::string& out) const { put_bytes(out, last.value); }
    void decode(Reader& in, Last& last) const {
      last.value = in.bytes();
      last.is_known = true;
    }
  };

  expr::Expressions expressions_;
  const size_t value_;
  std::unique_ptr<flow::RecordReader> reader_;
  flow::KeyedRows<Last, LastCodec> rows_;
  flow::GroupedRecord grouped_;
  std::vector<std::pair<int32_t, int64_t>> times_;
  std::string text_;
};

}  // namespace kutils
