// A stage that passes every record on as it came: kread, kwrite; kcp, which also keeps the partition number.
#pragma once

#include "flow/topology/pass.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

class PassStage final : public Stage {
 public:
  // `partition`: where all go (kwrite -p).
  explicit PassStage(bool keeps_partition = false, int32_t partition = kNoPartition)
      : keeps_partition_(keeps_partition), partition_(partition) {}
  void process(const Record& record, Emitter& out) override {
    Output output = pass(record);
    output.partition = keeps_partition_ ? record.partition : partition_;
    out.emit(&record, output);
  }

 private:
  bool keeps_partition_;
  int32_t partition_;
};

}  // namespace kutils::flow
