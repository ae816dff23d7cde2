// What the parts of a worker have in common. References: run_worker() owns all of it.
#pragma once

#include "base/log.h"
#include "flow/job.h"
#include "flow/run.h"
#include "flow/worker_plan.h"
#include "kafka/admin.h"

namespace kutils::flow {

struct WorkerContext {
  const Job& job;
  const Surroundings& around;
  const WorkerPlan& plan;
  kafka::Admin& admin;
  Log& log;
};

}  // namespace kutils::flow
