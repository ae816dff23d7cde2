// kmap '| CMD': each value goes to a command as one line, and its answer takes the value's place; with
// --each-line each line of the answer becomes a record, and no line drops it. Key, headers and time stay.
// Asked in batches, at flush().
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "flow/topology/stage.h"
#include "kmap/co_process.h"

namespace kutils {

class CoProcessStage final : public flow::Stage {
 public:
  CoProcessStage(std::string command, CoProcess::Options options, bool keep_null)
      : process_(std::move(command), std::move(options)), keep_null_(keep_null) {}
  void process(const Record& record, flow::Emitter& out) override;
  void flush(flow::Emitter& out) override;
  bool keeps_records() const override { return true; }
  void close(flow::Emitter& out) override;

 private:
  CoProcess process_;
  bool keep_null_;
  std::vector<const Record*> asked_;
  std::vector<std::string_view> lines_;
  std::deque<std::string> rewritten_;  // values that held newlines; a deque, for views must stay
};

}  // namespace kutils
