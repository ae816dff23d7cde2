// What one part of a worker needs around it, so that it can be tested without the others: a job, a plan and an
// admin over a FakeBroker with topics in and out of two partitions each.
#pragma once

#include <memory>
#include <string>

#include "flow/membership/instance_slot.h"
#include "flow/run/worker_context.h"
#include "support/fake_environment.h"

namespace kutils::testing {

struct PartOfWorker : FakeEnvironment {
  flow::Job job;
  flow::Environment environment = around();
  FakeAdmin admin{broker};
  flow::WorkerPlan plan;
  std::unique_ptr<flow::InstanceSlot> slot = flow::InstanceSlot::take("", "i", "g");

  PartOfWorker() {
    broker.add_topic("in", 2);
    broker.add_topic("out", 2);
    job.tool = "kfilter";
    job.set_stage([](const flow::StageContext&) { return std::make_unique<PickyStage>(); });
    plan.group = "g";
    plan.fingerprint = "f";
    plan.subscription = {"in"};
    plan.inputs = {{"in", 2}};
    plan.outputs = {"out"};
    plan.subs = {{"in", 2, std::nullopt}};
  }
  flow::WorkerContext context() { return {job, environment, plan, admin, log}; }
};

inline Record record_at(const kafka::TopicPartition& at, int64_t offset, std::string_view value = "a") {
  Record record;
  record.topic = at.topic;
  record.partition = at.partition;
  record.offset = offset;
  record.value = MaybeBytes(value);
  return record;
}

}  // namespace kutils::testing
