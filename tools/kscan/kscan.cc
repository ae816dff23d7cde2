// kscan LIST [IN [OUT]]: each record, with what came before it under its key.
#include "kscan/kscan.h"

#include <cctype>

#include "base/correction.h"
#include "cli/grouping_options.h"
#include "cli/held_in_memory.h"
#include "expr/habits.h"
#include "flow/tasks/state_support.h"
#include "kscan/scan_list.h"
#include "kscan/scan_stage.h"

namespace kutils {
namespace {

class ScanTool final : public cli::StreamTool {
 public:
  ScanTool() : StreamTool({.aggregates = true, .shapes = false, .emits_json = true}) {}
  cli::ToolInfo info() const override {
    return {"kscan",
            "Each record with what came before it: previous values, running counts and sums.",
            {{"LIST", true, "as kmap's, with lag(x) and aggregates over the records so far; @FILE reads it",
              true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kscan --by user '*, previous=lag(uri), n=count()' clicks scanned"},
             {"kscan --by uri '*, above=number - avg(number)' < clicks.ndjson"}}};
  }
  void declare(cli::OptionTable& table) override {
    grouping_.declare(table, {.by = true, .total = true});
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kscan", operands.find("IN"), operands.find("OUT"));
    if (job_.in.table)
      throw usage_error("a table has one row per key, and none before it: IN cannot be table:",
                        "for the stream of its changes write " + job_.in.name);
    cli::refuse_lost_rows(job_, "what came before");
    const bool has_keys = job_.in.is_topic() || shared_.lines_have_keys();
    grouping_.name_list("LIST");
    if (grouping_.is_by_key()) refuse_partition_by(operands.get("LIST"));
    const ScanList list = read_scan_list(operands.get("LIST"), "LIST", grouping_.key_names(has_keys));
    MapPlan plan{.list = list.list, .options = shared_.expressions(), .given = list.names};
    job_.settings.push_back({"LIST", canonical(list, plan)});
    plan.options.warn = {};
    grouping_.shape(job_, list.aggregates, shared_.expressions(), has_keys, false, {.tool = "kscan"},
                    [plan, words = words_of(list), cache = size_t{2} << 20](
                        const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader,
                        state::Store& store, const flow::StageContext&) {
                      return std::make_unique<ScanStage>(plan, set, std::move(reader), store, cache, words);
                    },
                    {}, {});
    // Records come out under their own keys, which another value has brought to this task.
    job_.changes_keys = job_.topology.has_internal_topic() && !grouping_.is_by_key();
    job_.topology.last().follows_order = true;
    job_.topology.last().keeps_sources = true;
    shared_.shape(job_);
    job_.cache_bytes = grouping_.cache_bytes();
    flow::give_state(job_);
  }

 private:
  // What is wrong with the list is said in the words that were written.
  static std::string canonical(const ScanList& list, const MapPlan& plan) {
    try {
      return MapStage(plan).canonical();
    } catch (const CorrectedError& error) {
      Correction meant = error.correction();
      if (meant.spec) meant.spec = in_written_words(list, *meant.spec);
      throw CorrectedError(in_written_words(list, error.what()), meant);
    } catch (const Error& error) {
      throw Error(error.code(), in_written_words(list, error.what()), in_written_words(list, error.hint()));
    }
  }

  // lag() is null for the first record of a key, and that record is the first one until one has not failed: all do.
  ScanStage::Words words_of(const ScanList& list) const {
    std::string hint;
    if (!list.with_first.empty())
      hint =
          shared_.hint({.before = "lag() of the first record of a key is null: ", .spec = list.with_first});
    if (hint.empty()) hint = "lag() of the first record of a key is null: " + list.with_first;
    return [list, hint](const RecordError& error) {
      std::string text = in_written_words(list, error.message);
      const bool is_of_null = error.reason == Reason::wrong_type && text.find("null") != text.npos;
      if (is_of_null && !list.with_first.empty()) text += "\n  " + hint;
      return text;
    };
  }

  // SQL's lag(x) OVER (PARTITION BY y)
  static void refuse_partition_by(const std::string& list) {
    std::string lower = list;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    constexpr std::string_view kOver = " over (partition by ";
    const size_t over = lower.find(kOver);
    const size_t end = over == lower.npos ? over : lower.find(')', over);
    if (end == lower.npos) return;
    const std::string by = list.substr(over + kOver.size(), end - over - kOver.size());
    if (by.find_first_of(" (") != by.npos && by.find(", ") == by.npos) return;  // ORDER BY
    std::string ours = list.substr(0, over) + list.substr(end + 1);
    const auto is_list = [](const std::string& other) {
      try {
        return !read_scan_list(other, "LIST", {}).names.empty();
      } catch (const Error&) {
        return false;
      }
    };
    // LAG(x)
    if (!is_list(ours)) ours = expr::in_our_spelling(ours, true, is_list).value_or(ours);
    throw CorrectedError("LIST: records are not grouped here, but by an option: 'PARTITION BY " + by + "'",
                         {.add = {{"--by", by}}, .spec = ours});
  }

  cli::GroupingOptions grouping_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kscan() { return std::make_unique<ScanTool>(); }

}  // namespace kutils
