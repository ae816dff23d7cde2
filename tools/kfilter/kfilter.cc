// kfilter EXPR [IN [OUT]]: keep matching records.
#include "kfilter/kfilter.h"

#include <algorithm>

#include "base/log.h"
#include "cli/grouping_options.h"
#include "cli/held_in_memory.h"
#include "cli/stream_tool.h"
#include "cli/table_input.h"
#include "flow/tasks/state_support.h"
#include "kfilter/changed_stage.h"
#include "kfilter/filter_stage.h"

namespace kutils {
namespace {

class FilterTool final : public cli::StreamTool {
 public:
  FilterTool() : StreamTool({.keep_null = true, .tables = true}) {}
  cli::ToolInfo info() const override {
    return {"kfilter",
            "Keep the records for which EXPR is true, bytes untouched.",
            {{"EXPR", true, "a condition, with --changed a value; @FILE reads it from a file", true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kfilter --changed country --by user clicks moved"},
             {"kfilter 'country in [\"DE\", \"FR\"] && has(email)' < clicks.ndjson"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--changed",
               .help = "keep a record if EXPR differs from its key's last record",
               .example = "kfilter --changed --by user country clicks moved",
               .in_short_help = true,
               .set = [this](const std::string&) { changed_ = true; }});
    grouping_.declare(table, {.by = true, .total = true});
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kfilter", operands.find("IN"), operands.find("OUT"));
    const FilterPlan plan{operands.get("EXPR"), shared_.expressions(), shared_.keep_null()};
    if (changed_) return set_up_changed(plan);
    grouping_.refuse_given("without --changed: each record is judged alone",
                           "add --changed, or leave it out");
    job_.settings.push_back({"EXPR", FilterStage(plan).canonical()});
    job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<FilterStage>(plan); });
    cli::read_table(job_);
    shared_.shape(job_);
    // grep's -v. What it wrote into a topic, and the group that remembers it, would stay.
    if (job_.verbose == 1 && job_.out.is_topic() && !shared_.place()) {
      const std::string keeps = "!(" + operands.get("EXPR") + ")";
      throw CorrectedError(
          "-v prints more messages, and does not turn EXPR round as grep's -v does; with a topic as OUT, -v alone is refused",
          {.before = "more messages: " + shared_.hint({.before = "", .add = {{"-vv", ""}}, .drop = {"-v"}}) +
                     "\nthe records for which EXPR is not true: ",
           .drop = {"-v"},
           .spec = keeps});
    }
    if (job_.verbose == 1 && !shared_.place())
      StderrLog("kfilter", shared_.quiet())
          .note(shared_.hint(
              {.before = "-v prints more messages; to keep the records for which EXPR is not true: ",
               .drop = {"-v"},
               .spec = "!(" + operands.get("EXPR") + ")"}));
  }

 private:
  void set_up_changed(const FilterPlan& plan) {
    if (job_.in.table)
      throw usage_error("--changed keeps some of a stream's records: IN cannot be table:",
                        "for the stream of its changes write " + job_.in.name);
    if (plan.keep_null)
      throw usage_error("--keep-null and --changed exclude each other: a record without value has no EXPR",
                        "leave one of the two out");
    cli::refuse_lost_rows(job_, "what came before");
    expr::Expressions checked(plan.options);
    try {
      job_.settings.push_back({"EXPR", checked.canonical(checked.add(plan.condition, "EXPR"))});
    } catch (const Error& error) {
      if (std::string_view(error.what()).find("unexpected ','") == std::string_view::npos) throw;
      throw Error(error.code(), error.what(), "several values are a list: --changed '[a, b]'");
    }
    job_.settings.push_back({"--changed", "yes"});
    const bool has_keys = job_.in.is_topic() || shared_.lines_have_keys();
    FilterPlan quiet = plan;
    quiet.options.warn = {};
    grouping_.shape(job_, {}, shared_.expressions(), has_keys, false, {},
                    [quiet](const flow::AggregateSet&, std::unique_ptr<flow::RecordReader> reader,
                            state::Store& store, const flow::StageContext&) {
                      return std::make_unique<ChangedStage>(quiet, std::move(reader), store, size_t{2} << 20);
                    },
                    {}, {});
    // Records come out under their own keys, which another value has brought to this task.
    job_.changes_keys = job_.topology.has_internal_topic() && !grouping_.is_by_key();
    job_.topology.last().follows_order = true;
    job_.topology.last().keeps_sources = true;
    const size_t own = job_.settings.size();
    shared_.shape(job_);
    // Behind an internal topic the record that they would look at is not the one of IN.
    const auto shaped = std::find_if(
        job_.settings.begin() + static_cast<std::ptrdiff_t>(own), job_.settings.end(), [](const auto& one) {
          return one.name == "--key" || one.name == "--time" || one.name.starts_with("--header");
        });
    if (shaped != job_.settings.end() && job_.topology.has_internal_topic())
      throw usage_error(
          shaped->name + " and --by exclude each other with --changed",
          "kpipe kfilter --changed EXPR --by EXPR then kmap " + shaped->name + " ... '*' -- IN OUT");
    job_.cache_bytes = grouping_.cache_bytes();
    flow::give_state(job_);
  }

  cli::GroupingOptions grouping_;
  bool changed_ = false;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kfilter() { return std::make_unique<FilterTool>(); }

}  // namespace kutils
