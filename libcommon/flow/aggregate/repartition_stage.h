// IN -> GROUP-repartition: each record under its group's key, with its time, and with headers that say where
// it came from (source_headers.h). Values are untouched. A null value goes no further (aggregates skip it), unless
// the tool behind takes it.
#pragma once

#include <memory>
#include <vector>

#include "flow/aggregate/expression_reader.h"
#include "flow/tasks/source_headers.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

// `plan.by` is not empty. The aggregates' arguments are evaluated here too, so that a bad record is an error
// at its origin. `tells_topic`: see SourceHeaders. `takes_null`: records without a value go on as others.
std::unique_ptr<Stage> make_repartition_stage(std::unique_ptr<RecordReader> reader, bool tells_topic = false,
                                              bool takes_null = false);

// How one record goes on.
class SingleRecords {
 public:
  explicit SingleRecords(bool tells_topic = false) : source_(tells_topic) {}
  void send(const Record& record, const GroupedRecord& grouped, Emitter& out);

 private:
  SourceHeaders source_;
  std::vector<Header> headers_;
};

}  // namespace kutils::flow
