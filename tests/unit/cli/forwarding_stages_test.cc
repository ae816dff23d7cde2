// Stages around another one pass every call on: also the next one that Stage gets.
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "cli/shaped_stage.h"
#include "cli/table_input.h"
#include "flow/table/map_store.h"
#include "flow/table/table_stage.h"
#include "flow/topology/chain.h"
#include "flow/topology/forwarding_stage.h"
#include "support/catch.h"

namespace kutils::cli {
namespace {

using flow::Emitter;
using flow::Stage;

// Says what it was asked.
class Recording final : public Stage {
 public:
  explicit Recording(std::vector<std::string>& asked) : asked_(asked) {}
  void process(const Record&, Emitter&) override { asked_.emplace_back("process"); }
  void look_ahead(std::span<const Record> records) override {
    asked_.push_back("look_ahead " + std::to_string(records.size()));
  }
  void flush(Emitter&) override { asked_.emplace_back("flush"); }
  bool keeps_records() const override {
    asked_.emplace_back("keeps_records");
    return true;
  }
  void tick(int64_t wall_ms, Emitter&) override { asked_.push_back("tick " + std::to_string(wall_ms)); }
  std::optional<int64_t> next_wakeup() const override {
    asked_.emplace_back("next_wakeup");
    return 17;
  }
  void before_commit(Emitter&) override { asked_.emplace_back("before_commit"); }
  size_t dirty_rows() const override {
    asked_.emplace_back("dirty_rows");
    return 3;
  }
  void silent(int32_t source, int64_t ms, Emitter&) override {
    asked_.push_back("silent " + std::to_string(source) + " " + std::to_string(ms));
  }
  void source_ended(int32_t source, Emitter&) override {
    asked_.push_back("source_ended " + std::to_string(source));
  }
  void all_read(bool after_rest, Emitter&) override {
    asked_.emplace_back(after_rest ? "all_read rest" : "?");
  }
  void close(Emitter&) override { asked_.emplace_back("close"); }

 private:
  std::vector<std::string>& asked_;
};

struct Nothing final : Emitter {
  void emit(const Record*, const Output&) override {}
  void fail(const Record&, RecordError error) override { FAIL(error.message); }
  void drop(const Record&, flow::DropReason) override {}
};

struct Call {
  std::string shown;
  std::function<void(Stage&, Emitter&)> make;
};

std::vector<Call> all_calls() {
  return {{"process",
           [](Stage& stage, Emitter& out) {
             Record record;
             record.topic = "in";
             record.partition = 0;
             record.key = std::string_view("k");
             record.value = std::string_view("v");
             stage.process(record, out);
           }},
          {"look_ahead 2",
           [](Stage& stage, Emitter&) {
             const Record records[2];
             stage.look_ahead(records);
           }},
          {"flush", [](Stage& stage, Emitter& out) { stage.flush(out); }},
          {"keeps_records", [](Stage& stage, Emitter&) { CHECK(stage.keeps_records()); }},
          {"tick 5", [](Stage& stage, Emitter& out) { stage.tick(5, out); }},
          {"next_wakeup", [](Stage& stage, Emitter&) { CHECK(stage.next_wakeup() == 17); }},
          {"before_commit", [](Stage& stage, Emitter& out) { stage.before_commit(out); }},
          {"dirty_rows", [](Stage& stage, Emitter&) { CHECK(stage.dirty_rows() == 3); }},
          {"silent 0 7", [](Stage& stage, Emitter& out) { stage.silent(0, 7, out); }},
          {"source_ended 0", [](Stage& stage, Emitter& out) { stage.source_ended(0, out); }},
          {"all_read rest", [](Stage& stage, Emitter& out) { stage.all_read(true, out); }},
          {"close", [](Stage& stage, Emitter& out) { stage.close(out); }}};
}

class Plain final : public flow::ForwardingStage {
 public:
  explicit Plain(std::unique_ptr<Stage> inner) : ForwardingStage(std::move(inner)) {}
};

TEST_CASE("the calls below are all that a stage has") {
  std::ifstream header("libcommon/flow/topology/stage.h");  // tests run in the source's folder
  REQUIRE(header);
  size_t count = 0;
  bool is_stage = false;
  for (std::string line; std::getline(header, line);) {
    is_stage = (is_stage && line != "};") || line == "class Stage {";
    if (is_stage && line.starts_with("  virtual ") && line.find('~') == std::string::npos) ++count;
  }
  CHECK(count == all_calls().size());
}

TEST_CASE("stages around another one pass every call on") {
  std::vector<std::string> asked;
  const auto inner = [&asked]() -> std::unique_ptr<Stage> { return std::make_unique<Recording>(asked); };
  const ManualClock clock;
  flow::MapStore store;
  flow::TableOptions held;
  held.after = 10;
  flow::Job rows;
  rows.in.kind = io::EndpointKind::topic;
  rows.in.table = true;
  rows.out.kind = io::EndpointKind::stdio;
  rows.set_stage([&](const flow::StageContext&) { return inner(); });
  read_table(rows);
  const flow::SubTopology sub{{{"one", [&](const flow::StageContext&) { return inner(); }, false, {}, 1, 0}}};
  const std::vector<std::pair<std::string, std::function<std::unique_ptr<Stage>()>>> around = {
      {"ForwardingStage", [&]() -> std::unique_ptr<Stage> { return std::make_unique<Plain>(inner()); }},
      {"ShapedStage",
       [&]() -> std::unique_ptr<Stage> {
         return std::make_unique<ShapedStage>(ShapePlan(), inner(), &clock);
       }},
      {"TableView", [&] { return flow::make_table_view(inner(), store); }},
      {"WithRows",
       [&] {
         return rows.topology.last().make(flow::StageContext{0, nullptr, &clock});
       }},
      {"Suppress", [&] { return flow::make_suppress(inner(), held, false, store); }},
      {"Chain", [&] {
         return flow::make_chain(sub, flow::StageContext{0, nullptr, &clock}, {});
       }}};
  for (const auto& [name, make] : around) {
    for (const Call& call : all_calls()) {
      INFO(name << ": " << call.shown);
      Nothing out;
      const auto stage = make();
      asked.clear();
      call.make(*stage, out);
      CHECK(std::find(asked.begin(), asked.end(), call.shown) != asked.end());
    }
  }
}

}  // namespace
}  // namespace kutils::cli
