#include "cli/grouping_options.h"

#include <algorithm>

#include "base/correction.h"
#include "base/duration.h"
#include "base/word_list.h"
#include "cli/time_unit.h"
#include "flow/aggregate/combine_stage.h"
#include "flow/aggregate/repartition_stage.h"
#include "flow/aggregate/row_shape.h"
#include "flow/tasks/state_support.h"
#include "flow/topology/forwarding_stage.h"
#include "io/endpoint.h"
#include "kafka/admin.h"
#include "state/partition_store.h"

namespace kutils::cli {
namespace {

// A stage with what it needs to outlive it: the aggregates, and where the loop keeps no state, its store.
class OwningStage final : public flow::ForwardingStage {
 public:
  OwningStage(std::shared_ptr<const flow::AggregateSet> set, std::unique_ptr<state::PartitionStore> store,
              std::unique_ptr<flow::Stage> inner)
      : ForwardingStage(std::move(inner)), set_(std::move(set)), store_(std::move(store)) {}
  ~OwningStage() override { inner_.reset(); }

 private:
  std::shared_ptr<const flow::AggregateSet> set_;
  std::unique_ptr<state::PartitionStore> store_;
};

// The context's store; where it has none, one of the stage's own, in memory.
state::Store& store_of(const flow::StageContext& context, std::unique_ptr<state::PartitionStore>& own) {
  if (context.store != nullptr) return *context.store;
  own = std::make_unique<state::PartitionStore>();
  return own->operator_store(1);
}

// An output record has each field once.
void check_names(const flow::StateDescription& description) {
  std::vector<std::string> taken = description.key_names;
  const auto take = [&taken](const std::string& name, const std::string& what) {
    if (std::find(taken.begin(), taken.end(), name) != taken.end())
      throw usage_error(what + " would be called '" + name + "', as another field of the output",
                        "give it another name: NAME=...");
    taken.push_back(name);
  };
  if (description.window)
    for (const char* bound : {"window_start", "window_end"}) take(bound, "a bound of the window");
  for (const flow::AggregateItem& item : description.aggregates) take(item.name, item.function + "()");
  for (const flow::RowColumn& column : description.columns.list)
    if (!column.expression.empty()) take(column.name, column.expression);
}

// False also where no broker says it in time: it is asked for a hint only.
bool is_topic(const kafka::ClientConfig& client, const std::string& name) try {
  const auto admin = kafka::make_admin(client);
  admin->connect(Millis(2000));
  return admin->find_topic(name).has_value();
} catch (const Error&) {
  return false;
}

// `ktable clicks OUT`, where AGGS was forgotten: IN is taken for it, and OUT for IN.
void refuse_topic_as_aggregates(const flow::Job& job, const std::string& aggregates,
                                const flow::GroupingPlan& plan) {
  const bool is_one = job.in.kind == io::EndpointKind::topic && job.in.topics.size() <= 1 && !job.in.table;
  if (!is_one || job.out.kind != io::EndpointKind::stdio || job.client.brokers().empty() ||
      !io::is_topic_name(aggregates))
    return;
  // With --by or --total all but the aggregates is there.
  const bool groups = !plan.by.empty() || plan.total;
  if (!is_topic(job.client, aggregates) && !(groups && !is_topic(job.client, job.in.name))) return;
  throw CorrectedError(
      "AGGS is missing: '" + aggregates + "' is not an aggregate",
      {.before = "records are counted by: ", .operands = {{"count()", aggregates, job.in.name}}});
}

// A field that is to group records, too, where some do so already: `--by country`, `uri`.
Correction with_earlier_keys(Correction meant, const std::string& by) {
  for (auto& [name, value] : meant.add)
    if (name == "--by" && !by.empty() && by != value) value = by + "," + value;
  return meant;
}

// `64M`: bytes, or with K, M, G.
size_t parse_size(const std::string& option, const std::string& text) {
  constexpr int64_t kLeast = 1 << 20;
  const size_t unit = text.empty() ? std::string_view::npos : std::string_view("KMG").find(text.back());
  const bool has_unit = unit != std::string_view::npos;
  const int shift = has_unit ? static_cast<int>(unit + 1) * 10 : 0;
  const int64_t size =
      parse_number(option, has_unit ? text.substr(0, text.size() - 1) : text, 0, (int64_t{1} << 42) >> shift)
      << shift;
  if (size < kLeast)
    throw usage_error(option + ": '" + text + "' is less than 1M", "a size such as 64M or 2G");
  return static_cast<size_t>(size);
}

}  // namespace

void GroupingOptions::declare_aggregates(OptionTable& table, bool having_in_short_help) {
  declare_by(table);
  declare_total(table);
  table.add({.names = "--having",
             .metavar = "EXPR",
             .help = "only rows for which this is true: 'n > 2'",
             .by_default = "all rows",
             .example = "--having 'n > 2'",
             .in_short_help = having_in_short_help,
             .joined = joined_by_and,
             .set = [this](const std::string& text) { having_ = text; }});
  declare_time(table);
  declare_close_at_end(table, "with -e, on topics: at the end close windows and write tables");
  table.add({.names = "--no-combine",
             .help = "with --by: send each record through the internal topic, not sums",
             .example = "--by uri --no-combine",
             .group = Group::delivery,
             .set = [this](const std::string&) { combines_ = false; }});
  declare_cache(table);
}

void GroupingOptions::declare(OptionTable& table, const Declared& what) {
  if (what.by) declare_by(table);
  if (what.total) declare_total(table);
  if (what.time) declare_time(table);
  if (what.close_at_end)
    declare_close_at_end(table, "with -e, on topics: at the end write the records held back");
  declare_cache(table);
}

void GroupingOptions::declare_by(OptionTable& table) {
  table.add({.names = "--by",
             .metavar = "EXPR",
             .help = "group by this, not by the record key; 'a,b': by both",
             .by_default = "the record key",
             .example = "--by uri,country",
             .in_short_help = true,
             .joined = joined_by_comma,
             .set = [this](const std::string& text) { plan_.by = text; }});
}

void GroupingOptions::declare_total(OptionTable& table) {
  table.add({.names = "--total",
             .help = "one group of all records",
             .example = "ktable --total 'n=count()' clicks total",
             .set = [this](const std::string&) { plan_.total = true; }});
}

void GroupingOptions::declare_time(OptionTable& table) {
  table.add({.names = "--time",
             .metavar = "EXPR",
             .help = "a record's time: epoch ms, ISO, timestamp; or 'wall'",
             .by_default = "the record's time",
             .example = "--time 'timestamp(at)'",
             .in_short_help = true,
             .set = [this](const std::string& text) { plan_.time = text; }});
  table.add({.names = "--time-unit",
             .metavar = "UNIT",
             .help = "what a number given by --time counts: ns us ms s",
             .by_default = "ms",
             .example = "--time sent --time-unit s",
             .set =
                 [this](const std::string& text) {
                   plan_.time_unit_ns = parse_time_unit(text);
                   unit_is_given_ = true;
                 },
             .choices = {"ns", "us", "ms", "s"}});
}

void GroupingOptions::declare_close_at_end(OptionTable& table, const char* help) {
  table.add({.names = "--close-at-end",
             .help = help,
             .example = "-e --close-at-end",
             .set = [this](const std::string&) { close_at_end_ = true; }});
}

void GroupingOptions::declare_cache(OptionTable& table) {
  table.add({.names = "--cache",
             .metavar = "SIZE",
             .help = "memory for state read from topics; 64M by default",
             .by_default = "64M",
             .example = "--cache 256M",
             .group = Group::delivery,
             .set = [this](const std::string& text) {
               cache_bytes_ = parse_size("--cache", text);
               cache_is_given_ = true;
             }});
}

void GroupingOptions::limit_times(const std::string& text, const std::string& effect) {
  constexpr int64_t kDayMs = 86'400'000;
  if (plan_.time == "wall") {
    if (!text.empty())
      throw usage_error("--max-ahead does nothing here: with --time wall no record is ahead of the clock",
                        "leave it out");
    return;
  }
  if (text == "none" || (text.empty() && effect.empty())) return;
  plan_.ahead_effect = effect;
  plan_.max_ahead = text.empty() ? kDayMs : parse_duration_option("--max-ahead", text).count();
}

void GroupingOptions::refuse_idle_cache(const flow::Job& job) const {
  // Asked by some before they have stages.
  const auto& subs = job.topology.subs();
  if (cache_is_given_ && !subs.empty() && !subs.front().operators.empty() && !job.stateful())
    throw usage_error("--cache does nothing here: no state is kept on disk; a look-up table is all in memory",
                      "leave it out");
  if (cache_is_given_ && !(job.in.is_topic() && job.out.is_topic()))
    throw usage_error("--cache does nothing here: it is for state on disk, which is kept between topics only",
                      "leave it out");
}

void GroupingOptions::refuse_given(const std::string& where, const std::string& instead) const {
  const char* given = !plan_.by.empty() ? "--by"
                      : plan_.total     ? "--total"
                      : cache_is_given_ ? "--cache"
                                        : nullptr;
  if (given != nullptr) throw usage_error(std::string(given) + " does nothing " + where, instead);
}

void GroupingOptions::shape(flow::Job& job, const std::string& aggregates, const expr::Options& options,
                            bool has_keys, bool needs_time, flow::StateDescription description,
                            const MakeStage& make_stage, const TableHalves& halves,
                            const Combining& combining, const std::function<int64_t(int64_t)>& next_close) {
  plan_.needs_time = needs_time;
  plan_.null_group_is_none = job.in.table;
  if (close_at_end_ && !job.range.exit_at_end && job.range.until.empty())
    throw usage_error("--close-at-end: the input has no end", "add -e or --until");
  job.close_at_end = close_at_end_;
  if (unit_is_given_ && (plan_.time.empty() || plan_.time == "wall"))
    throw usage_error(
        "--time-unit does nothing here: it is the unit of numbers that --time EXPR gives, and there is no --time EXPR",
        "leave it out");
  refuse_idle_cache(job);
  // Plain lines have no key: everything is one group.
  if (plan_.by.empty() && !has_keys) plan_.total = true;
  const bool has_aggregates = !description.tool.empty();
  description.key_names = key_names(has_keys);
  std::vector<std::string> fields = description.key_names;
  if (description.window) fields.insert(fields.end(), {"window_start", "window_end"});
  flow::RowPlan row_plan;
  if (has_aggregates) try {
      row_plan = flow::parse_row(aggregates, having_, fields, plan_.list_name, options, delete_if_);
    } catch (const CorrectedError& error) {
      if (!is_stage_) refuse_topic_as_aggregates(job, aggregates, plan_);
      throw CorrectedError(error.what(), with_earlier_keys(error.correction(), plan_.by));
    }
  for (flow::AggregateItem& item : row_plan.aggregates)
    item.of_rows = job.in.table && flow::find_aggregate_function(item.function)->make_of_rows != nullptr;
  const auto set = std::make_shared<const flow::AggregateSet>(std::move(row_plan));
  const flow::RowShape row(*set);
  const SystemClock clock;
  const flow::ExpressionReader checked(plan_, options, *set, &clock);
  std::string canonical;
  for (const flow::AggregateItem& item : set->items()) {
    canonical += (canonical.empty() ? "" : ", ") + item.name + "=" + item.function + "(" +
                 (item.initial.empty() ? "" : item.initial + ", ") + item.argument;
    for (const double parameter : item.parameters) canonical += ", " + std::to_string(parameter);
    if (!item.key.empty()) canonical += ", " + item.key;
    canonical += ")" + (item.condition.empty() ? std::string() : " if " + item.condition);
  }
  if (const std::string computed = row.canonical_columns(); !computed.empty()) canonical += "; " + computed;
  if (has_aggregates) job.settings.push_back({"AGGS", canonical});
  if (row.has_condition()) job.settings.push_back({"--having", row.canonical_condition()});
  if (row.may_delete()) job.settings.push_back({"--delete-if", row.canonical_delete_if()});
  if (!plan_.by.empty()) job.settings.push_back({plan_.by_name, checked.canonical_by()});
  if (plan_.total && !stays_in_place_) job.settings.push_back({"--total", "yes"});
  if (!plan_.time.empty()) job.settings.push_back({"--time", checked.canonical_time()});
  if (plan_.time_unit_ns != kDefaultTimeUnitNs)
    job.settings.push_back({"--time-unit", time_unit_name(plan_.time_unit_ns)});
  flow::give_state(job);
  if (job.out.is_topic()) description.output = job.table.empty() ? job.out.name : job.table;
  description.aggregates = set->items();
  description.columns = set->columns();
  check_names(description);
  columns_ = fields;
  for (const flow::RowColumn& column : description.columns.list) columns_.push_back(column.name);
  if (description.columns.list.empty())
    for (const flow::AggregateItem& item : description.aggregates) columns_.push_back(item.name);

  flow::GroupingPlan behind = plan_;
  const bool is_grouped = !stays_in_place_ && (!plan_.by.empty() || plan_.total);
  const bool repartitions = (is_grouped || job.rekeyed) && job.in.is_topic() && job.out.is_topic();
  flow::GroupingPlan in_front = plan_;
  if (stays_in_place_) {  // what OUT's partitions will have is together: records of equal keys
    in_front.total = false;
    in_front.by_name.clear();
  }
  if (repartitions && job.in.table) {
    const auto rows_in_front = [plan = plan_, options, set,
                                halves](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
      std::unique_ptr<state::PartitionStore> own;
      state::Store& store = store_of(context, own);
      auto reader = std::make_unique<flow::ExpressionReader>(plan, options, *set, context.clock);
      auto inner = halves.in_front(*set, std::move(reader), store);
      return std::make_unique<OwningStage>(set, std::move(own), std::move(inner));
    };
    const auto groups = [set, rows = flow::to_text(description),
                         halves](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
      std::unique_ptr<state::PartitionStore> own;
      state::Store& store = store_of(context, own);
      store.set_description(rows);
      auto inner = halves.behind(*set, store, context);
      return std::make_unique<OwningStage>(set, std::move(own), std::move(inner));
    };
    groups({.clock = &clock});
    job.topology.add({"rows", rows_in_front, true});
    job.topology.add_internal_topic();
    job.topology.add({job.tool, groups, true});
    return;
  }
  if (!combines_ && !repartitions)
    throw usage_error("--no-combine does nothing here: records go through no internal topic", "leave it out");
  if (repartitions) {
    const flow::CombinePlan how{combining.place_of, next_close, combining.keeps_order, combining.sessions};
    // What is combined is of one source.
    const bool combines = combines_ && combining.allowed && job.in.topics.size() <= 1 &&
                          !job.has_sources_apart && flow::can_combine(*set, how);
    job.topology.add(
        {combines ? "combine" : "key",
         [plan = in_front, options, set, combines, how, tells_topic = job.in.topics.size() > 1](
             const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
           auto reader = std::make_unique<flow::ExpressionReader>(plan, options, *set, context.clock);
           return std::make_unique<OwningStage>(
               set, nullptr,
               combines ? flow::make_combine_stage(how, *set, std::move(reader))
                        : flow::make_repartition_stage(std::move(reader), tells_topic, plan.takes_null));
         }});
    job.topology.add_internal_topic();
    behind.time.clear();  // the record came with the time that it was given before
    behind.repartitioned = true;
    behind.source_topic = job.in.name;
  }
  const auto grouping = [behind, options, set, rows = has_aggregates ? flow::to_text(description) : "",
                         make_stage](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
    std::unique_ptr<state::PartitionStore> own;
    state::Store& store = store_of(context, own);
    store.set_description(rows);
    flow::GroupingPlan here = behind;
    here.topics = context.input_topics;
    auto reader = std::make_unique<flow::ExpressionReader>(here, options, *set, context.clock);
    auto inner = make_stage(*set, std::move(reader), store, context);
    return std::make_unique<OwningStage>(set, std::move(own), std::move(inner));
  };
  grouping({.clock = &clock});  // errors are found now, before anything opens
  job.topology.add({job.tool, grouping, true, next_close});
}

void refuse_emit(const std::string& value, const std::string& all) {
  struct Meant {
    const char *theirs, *ours;
  };
  constexpr Meant kMeant[] = {{"final finally end closed on-close on_close window-close once", "close"},
                              {"changes change each every all eager updates record", "update"}};
  const std::string what = "--emit: '" + value + "' is not one of " + all;
  for (const Meant& one : kMeant)
    if (has_word(one.theirs, value)) throw CorrectedError(what, {.add = {{"--emit", one.ours}}});
  throw usage_error(what);
}

}  // namespace kutils::cli
