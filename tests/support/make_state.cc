// make_state STATE_DIR GROUP PARTITION OUTPUT WINDOW|- AGGS: the state that ktable (`-`) or kwindow leaves on
// disk after the records on stdin, each line `KEY TIME VALUE`. Grace is a day, so that all windows stay open.
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "flow/aggregate/expression_reader.h"
#include "flow/query/description.h"
#include "flow/table/table_stage.h"
#include "flow/window/window_stage.h"
#include "state/layout.h"
#include "state/partition_store.h"

using namespace kutils;

namespace {

class Strict final : public flow::Emitter {
  void emit(const Record*, const Output&) override {}
  void fail(const Record&, RecordError error) override { throw Error(ExitCode::bad_record, error.message); }
  void drop(const Record&, flow::DropReason) override {}
};

void make(const std::string& dir, int32_t partition, const std::string& group, const std::string& output,
          const std::string& window, const std::string& aggregates) {
  const std::string at = state::partition_directory(dir, group, partition);
  const auto lock = state::PartitionLock::try_acquire(at);
  if (!lock) throw Error(ExitCode::usage, "in use");
  state::StateEnvironment environment;
  state::PartitionStore rows(environment, at);
  state::Store& store = rows.operator_store(1);
  const flow::AggregateSet set(flow::parse_aggregates(aggregates, "AGGS"));
  flow::StateDescription description;
  description.output = output;
  description.key_names = {"key"};
  description.aggregates = set.items();
  auto reader = std::make_unique<flow::ExpressionReader>(flow::GroupingPlan(), expr::Options(), set, nullptr);
  std::unique_ptr<flow::Stage> stage;
  if (window == "-") {
    description.tool = "ktable";
    stage = flow::make_aggregate_table({}, set, std::move(reader), store);
  } else {
    flow::WindowOptions options;
    options.window = flow::parse_window_spec(window);
    options.grace = 86'400'000;
    description.tool = "kwindow";
    description.window = options.window;
    description.grace = options.grace;
    stage = flow::make_window_stage(options, set, std::move(reader), store);
  }
  store.set_description(flow::to_text(description));
  Strict out;
  std::string key, value;
  int64_t time = 0, offset = 0;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream(line) >> key >> time >> value;
    Record record;
    record.key = std::string_view(key);
    record.value = std::string_view(value);
    record.timestamp = time;
    record.partition = partition;
    record.offset = offset++;
    stage->process(record, out);
  }
  stage->before_commit(out);
  const auto changes = static_cast<int64_t>(rows.take_changes().size());
  rows.applied(changes, 1'700'000'000'000);
  stage.reset();
  rows.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  try {
    make(argv[1], std::stoi(argv[3]), argv[2], argv[4], argv[5], argv[6]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_state: %s\n", error.what());
    return 1;
  }
}
