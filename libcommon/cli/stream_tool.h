// A tool that runs one Job between IN and OUT: what most of them are.
#pragma once

#include <string>
#include <vector>

#include "cli/shared_options.h"
#include "cli/tool.h"
#include "flow/run/run.h"
#include "flow/run/run_part.h"
#include "flow/topology/job.h"

namespace kutils::cli {

// setup() makes job_ with shared_.make_job(), gives it its stage and calls shared_.shape() last.
class StreamTool : public Tool {
 public:
  void declare(OptionTable& options) override { shared_.declare(options); }
  ExitCode run() override;
  void colour_data() override { shared_.colour_data(); }
  void see_command(const GivenCommand& given) override { shared_.see_command(given); }
  // As a stage of a pipe: become_stage(), declare(), setup(), and then its job has its operators.
  SharedOptions& shared() { return shared_; }
  const flow::Job& job() const { return job_; }
  // What the run of its job has to open.
  const flow::RunParts& parts() const { return parts_; }
  // Notes that only the end of the run can give: the tool's own, and those of its expressions.
  std::vector<std::string> closing_notes() const;

 protected:
  virtual std::vector<std::string> last_notes() const { return {}; }
  explicit StreamTool(Shares shares) : shared_(shares) {}

  SharedOptions shared_;
  flow::Job job_;
  flow::RunParts parts_;
};

}  // namespace kutils::cli
