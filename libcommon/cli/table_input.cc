#include "cli/table_input.h"

#include "base/clock.h"
#include "flow/table/map_store.h"
#include "flow/table/table_stage.h"
#include "flow/tasks/state_support.h"
#include "flow/topology/forwarding_stage.h"
#include "io/range.h"

namespace kutils::cli {
namespace {

// A stage with the rows that it needs to outlive it.
class WithRows final : public flow::ForwardingStage {
 public:
  WithRows(std::unique_ptr<flow::MapStore> rows, std::unique_ptr<flow::Stage> inner)
      : ForwardingStage(std::move(inner)), rows_(std::move(rows)) {}
  ~WithRows() override { inner_.reset(); }

 private:
  std::unique_ptr<flow::MapStore> rows_;
};

}  // namespace

bool has_end(const flow::Job& job) {
  if (job.in.is_lines() || job.range.exit_at_end || job.max_input || !job.range.until.empty()) return true;
  return io::parse_range(job.range, SystemClock().wall_ms()).to.has_value();
}

void read_table(flow::Job& job) {
  if (!job.in.table) return;
  if (job.in.is_topic() && job.out.is_topic()) {
    job.topology.last().has_state = true;
    flow::give_state(job);
  }
  flow::StageFactory& make = job.topology.last().make;
  if (job.out.is_lines() && has_end(job)) {
    make = [inner = make](const flow::StageContext& context) {
      return flow::make_latest_values(inner(context));
    };
    return;
  }
  make = [inner = make](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
    if (context.store != nullptr) return flow::make_table_view(inner(context), *context.store);
    auto rows = std::make_unique<flow::MapStore>();
    auto view = flow::make_table_view(inner(context), *rows);
    return std::make_unique<WithRows>(std::move(rows), std::move(view));
  };
}

}  // namespace kutils::cli
