// What the parts of a worker have in common. References: run_worker() owns all of it.
#pragma once

#include "base/log.h"
#include "flow/run/run.h"
#include "flow/run/worker_plan.h"
#include "flow/topology/job.h"
#include "kafka/admin.h"

namespace kutils::flow {

struct WorkerContext {
  const Job& job;
  const Environment& around;
  const WorkerPlan& plan;
  kafka::Admin& admin;
  Log& log;
};

}  // namespace kutils::flow
