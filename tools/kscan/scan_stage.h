// kscan: each record goes on, with aggregates over the records of its key up to and with it.
//
// Store: kGroupRow key -> row (flow/table/group_table.h), as ktable's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/json_fields.h"
#include "flow/aggregate/record_reader.h"
#include "flow/table/group_table.h"
#include "flow/topology/stage.h"
#include "kmap/map_stage.h"

namespace kutils {

class ScanStage final : public flow::Stage {
 public:
  // How a message about the list is shown. May be empty.
  using Words = std::function<std::string(const RecordError& error)>;
  // `plan.given` are the names of the set's aggregates, in order. `set` and `store` outlive the stage.
  ScanStage(const MapPlan& plan, const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader,
            state::Store& store, size_t cache_bytes, Words words = {});
  // A record that fails, or that OUT refuses, was not: it counts nowhere.
  void process(const Record& record, flow::Emitter& out) override;
  void before_commit(flow::Emitter&) override { groups_.write_back(); }
  size_t dirty_rows() const override { return groups_.dirty(); }

 private:
  MapStage map_;
  Words words_;
  const flow::AggregateSet& set_;
  std::unique_ptr<flow::RecordReader> reader_;
  flow::GroupTable groups_;
  flow::GroupedRecord grouped_;
  std::string object_;  // of the aggregates' results
  FieldSet no_fields_;
  FieldReader members_;
  std::vector<std::string_view> results_;
  std::vector<std::pair<int32_t, int64_t>> times_;
  std::string before_;  // the row's state, before the record
};

}  // namespace kutils
