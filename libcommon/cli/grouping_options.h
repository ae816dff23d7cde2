// What ktable, kwindow and other tools with rows per key share: the options that say how records are grouped,
// and the stage over a store made of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/option_table.h"
#include "flow/aggregate/combine_stage.h"
#include "flow/aggregate/expression_reader.h"
#include "flow/query/description.h"
#include "flow/topology/job.h"

namespace kutils::cli {

class GroupingOptions {
 public:
  // --by, --total, --having, --time, --time-unit, --close-at-end, --no-combine, --cache
  void declare(OptionTable& table) { declare_aggregates(table, true); }
  // The same with less in --help.
  void declare_crowded(OptionTable& table) { declare_aggregates(table, false); }
  // For tools without aggregates: of these, those that mean something there.
  struct Declared {
    bool by = false;            // else group_by() says it
    bool total = false;         // --total
    bool time = false;          // --time, --time-unit
    bool close_at_end = false;  // something is held back that the end could show
  };
  void declare(OptionTable& table, const Declared& what);
  // What the list of aggregates is called in messages. Before shape().
  void name_list(const std::string& name) { plan_.list_name = name; }
  // As --by, for an operand of this name; empty: by record key.
  void group_by(const std::string& expression, const std::string& name) {
    plan_.by = expression;
    plan_.by_name = name;
  }

  // The records of a task are one group, whatever their keys, and stay where they are. Before shape().
  void take_all() { plan_.total = stays_in_place_ = true; }

  // For tools that pass records on: whether those without a value are taken as others, which is where neither
  // group nor time is read from it. Before shape(). Throws usage_error.
  bool take_null(const expr::Options& options) {
    return plan_.takes_null = !flow::reads_value(plan_, options);
  }

  using MakeStage = std::function<std::unique_ptr<flow::Stage>(
      const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader, state::Store& store,
      const flow::StageContext& context)>;
  // For `table:` as IN of a job with a repartition: the stage in front of it, and what takes MakeStage's
  // place behind it.
  struct TableHalves {
    std::function<std::unique_ptr<flow::Stage>(
        const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader, state::Store& store)>
        in_front;
    std::function<std::unique_ptr<flow::Stage>(const flow::AggregateSet& set, state::Store& store,
                                               const flow::StageContext& context)>
        behind;
  };
  // How the records of one group may be aggregated before the internal topic (combine_stage.h). Nothing is
  // where what is made shows single records: of every change, of late ones.
  struct Combining {
    bool allowed = false;
    bool keeps_order = true;                                              // see flow::can_combine()
    std::function<bool(int64_t time, std::string& place)> place_of = {};  // see flow::CombinePlan; windows
    std::optional<flow::SessionPlan> sessions = {};
  };

  // Parses `aggregates` and the options' expressions, adds to job.settings and to job.topology the
  // operator and, for --by on a topic to a topic, an internal topic before it. Where the context has no store
  // (lines), the stage has one of its own in memory. `description` says what the rows are; its output, key
  // names and aggregates are filled in here. `needs_time`: a record without time is an error. `has_keys`: the
  // input's records can have keys; plain lines have none, and are one group. `next_close`: see
  // flow::Operator. A description without a tool: the rows are no aggregates, and kquery does not show them;
  // `aggregates` is then empty. Throws usage_error.
  void shape(flow::Job& job, const std::string& aggregates, const expr::Options& options, bool has_keys,
             bool needs_time, flow::StateDescription description, const MakeStage& make_stage,
             const TableHalves& halves, const Combining& combining,
             const std::function<int64_t(int64_t)>& next_close = {});
  // The output's key fields.
  std::vector<std::string> key_names(bool has_keys) const {
    return plan_.by.empty() && !has_keys ? std::vector<std::string>() : flow::group_names(plan_);
  }
  // For tools that do not call shape(). Throws usage_error.
  void refuse_idle_cache(const flow::Job& job) const;
  // For a use of a tool that has no rows: throws usage_error if --by, --total or --cache was given.
  void refuse_given(const std::string& where, const std::string& instead) const;
  // After shape(): of the output's rows.
  const std::vector<std::string>& columns() const { return columns_; }
  bool closes_at_end() const { return close_at_end_; }
  size_t cache_bytes() const { return cache_bytes_; }
  // ktable: --delete-if. Before shape().
  void delete_if(const std::string& condition) { delete_if_ = condition; }
  bool has_time() const { return !plan_.time.empty(); }
  bool is_by_key() const { return plan_.by.empty() && !plan_.total; }
  // The tool is a stage of a pipe, which has IN and OUT. Before shape().
  void become_stage() { is_stage_ = true; }
  // --max-ahead, `text` empty if it is not given. Before shape(). `effect`: what a time far ahead would do in
  // this tool; if it is given, the limit is 24h by default.
  void limit_times(const std::string& text, const std::string& effect);
  std::optional<int64_t> max_ahead() const { return plan_.max_ahead; }  // ms

 private:
  void declare_aggregates(OptionTable& table, bool having_in_short_help);
  void declare_by(OptionTable& table);
  void declare_total(OptionTable& table);
  void declare_time(OptionTable& table);
  void declare_close_at_end(OptionTable& table, const char* help);
  void declare_cache(OptionTable& table);

  flow::GroupingPlan plan_;
  std::vector<std::string> columns_;
  std::string having_, delete_if_;
  bool close_at_end_ = false;
  bool unit_is_given_ = false;
  bool cache_is_given_ = false;
  bool combines_ = true;
  bool is_stage_ = false;
  bool stays_in_place_ = false;
  size_t cache_bytes_ = size_t{64} << 20;
};

// Throws usage_error for a value that --emit does not take; `all`: those that it takes.
[[noreturn]] void refuse_emit(const std::string& value, const std::string& all);

}  // namespace kutils::cli
