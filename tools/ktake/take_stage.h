// ktake: N values of a group as one array, or fewer when the first of them has waited for so long.
//
// Wall time: a wait ends whether more comes or not. What came in a transaction is written once, as a part of
// its own, so that a large array costs what its values cost.
//
// Store: kKeyRow group -> due:signed count:varint parts:varint time:signed deadline:signed; kTimerRow due
// group; kHeldRow group part:ordered64 -> values, with commas between.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "expr/expressions.h"
#include "flow/aggregate/keyed_rows.h"
#include "flow/aggregate/record_reader.h"
#include "flow/topology/stage.h"

namespace kutils {

struct TakePlan {
  int64_t count = 1;              // N
  std::optional<int64_t> within;  // ms
  expr::Options options = {};
  size_t cache_bytes = size_t{2} << 20;
};

class TakeStage final : public flow::Stage {
 public:
  // `reader`: of groups; null: partitions are groups. `store` and `clock` outlive the stage.
  TakeStage(const TakePlan& plan, std::unique_ptr<flow::RecordReader> reader, state::Store& store,
            const Clock* clock);
  void process(const Record& record, flow::Emitter& out) override;
  void tick(int64_t wall_ms, flow::Emitter& out) override;
  std::optional<int64_t> next_wakeup() const override;
  void before_commit(flow::Emitter& out) override;
  size_t dirty_rows() const override { return rows_.dirty(); }
  void close(flow::Emitter& out) override;

 private:
  struct Group {
    int64_t count = 0;
    int64_t parts = 0;  // in the store
    int64_t time = 0;   // largest of its records
    int64_t deadline = flow::kNever;
    std::string fresh = {};  // values that are in no part
    bool empty() const { return count == 0; }
  };
  struct GroupCodec {
    Group make() const { return {}; }
    void encode(const Group& group, std::string& out) const;
    void decode(Reader& in, Group& group) const;
  };
  using Rows = flow::KeyedRows<Group, GroupCodec>;

  const std::string& part_key(const std::string& group, int64_t part);
  void emit(const Record* origin, Rows::Node& node, flow::Emitter& out);

  const TakePlan plan_;
  std::unique_ptr<flow::RecordReader> reader_;
  expr::Expressions expressions_;
  const size_t value_;
  state::Store& store_;
  const Clock* const clock_;
  Rows rows_;
  std::vector<std::string> changed_;  // groups with values that are in no part
  std::vector<std::pair<int32_t, int64_t>> times_;
  std::string group_;
  // With a state of its own the stage is one partition's: what it calls its one group. What a stage before it makes
  // of no record (a window that closes at the end) has no topic.
  std::string task_group_;
  std::string array_;
  std::string element_;
  std::string key_;
};

}  // namespace kutils
