// A stage that passes every record on as it came: kread, kwrite; kcp, which also keeps the partition number.
#pragma once

#include "flow/pass.h"
#include "flow/stage.h"

namespace kutils::flow {

class PassStage final : public Stage {
 public:
  explicit PassStage(bool keeps_partition = false) : keeps_partition_(keeps_partition) {}
  void process(const Record& record, Emitter& out) override {
    Output output = pass(record);
    if (keeps_partition_) output.partition = record.partition;
    out.emit(&record, output);
  }

 private:
  bool keeps_partition_;
};

}  // namespace kutils::flow
