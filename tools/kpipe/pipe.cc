#include "kpipe/pipe.h"

#include <algorithm>
#include <utility>

#include "cli/command_line.h"
#include "cli/help.h"
#include "flow/tasks/state_support.h"
#include "kpipe/meant_pipe.h"

namespace kutils {
namespace {

// Parses the stage's words, and gives it its job.
void set_up(cli::StreamTool& tool, const std::vector<std::string>& words) {
  const cli::ToolInfo info = stage_info(tool);
  cli::OptionTable table;
  tool.declare(table);
  const int count = static_cast<int>(words.size());
  const cli::CommandLine line = cli::parse_command_line(info, table, count, as_argv(words).data());
  cli::set_options(table, line);
  if (line.operands.size() > info.operands.size())
    throw usage_error("one operand too many: '" + line.operands[info.operands.size()] + "'",
                      "IN and OUT stand once, at the end: kpipe ... -- IN OUT");
  tool.setup(cli::name_operands(info, line.operands));
}

}  // namespace

std::string names_of_stages() {
  std::string names;
  for (const StageTool& tool : stage_tools()) names += (names.empty() ? "" : " ") + std::string(tool.name);
  return names;
}

PipeWords split_pipe(const std::vector<std::string>& words, const cli::OptionTable& options) {
  refuse_other_spellings(words);
  PipeWords pipe;
  auto end = std::find(words.rbegin(), words.rend(), "--");
  std::vector<std::string> stages(words.begin(), end == words.rend() ? words.end() : end.base() - 1);
  if (end != words.rend()) pipe.operands.assign(end.base(), words.end());
  pipe.stages.emplace_back();
  for (const std::string& word : stages) {
    if (word == "then") {
      pipe.stages.emplace_back();
    } else {
      pipe.stages.back().words.push_back(word);
    }
  }
  for (size_t i = 0; i < pipe.stages.size(); ++i) {
    auto& [stage, name] = pipe.stages[i];
    if (stage.empty())
      throw usage_error(
          "stage " + std::to_string(i + 1) + " is empty: a tool stands before and behind 'then'", kPipeUsage);
    find_stage_tool(stage.front());
    if (stage.size() > 2 && stage[stage.size() - 2] == "as") {
      name = stage.back();
      stage.resize(stage.size() - 2);
      for (size_t other = 0; other < i; ++other)
        if (pipe.stages[other].name == name)
          throw usage_error("two stages are called '" + name + "'", "as NAME gives each a name of its own");
    }
  }
  if (const auto meant = with_spec_before_dashes(pipe))
    throw CorrectedError("'" + pipe.operands[0] + "' stands where IN does", *meant);
  refuse_options_as_names(pipe, options);
  if (pipe.operands.size() > 2)
    throw usage_error("one operand too many: '" + pipe.operands[2] + "'", kPipeUsage);
  return pipe;
}

std::optional<std::string> help_of_stage(const std::vector<PipeWords::Stage>& stages) {
  for (const PipeWords::Stage& stage : stages) {
    if (stage.words.size() != 2) continue;
    const bool all = stage.words[1] == "--help-all";
    if (!all && stage.words[1] != "--help" && stage.words[1] != "-h") continue;
    const auto tool = find_stage_tool(stage.words.front()).make();
    tool->shared().become_stage({});
    cli::ToolInfo info = stage_info(*tool);
    info.name = "kpipe " + info.name;
    info.examples.clear();
    cli::OptionTable table;
    tool->declare(table);
    return all ? cli::full_help(info, table) : cli::short_help(info, table);
  }
  return std::nullopt;
}

bool ends_in_table(const PipeWords& pipe) {
  return find_stage_tool(pipe.stages.back().words.front()).make()->shared().updates_rows();
}

std::string name_of_stage(size_t number, const PipeWords::Stage& stage) {
  return "stage " + std::to_string(number + 1) + ", " + stage.words.front();
}

std::vector<std::unique_ptr<cli::StreamTool>> add_stages(const PipeWords& pipe,
                                                         const cli::SharedOptions& shared,
                                                         const cli::OptionTable& options, flow::Job& job,
                                                         flow::RunParts& parts) {
  const std::vector<PipeWords::Stage>& stages = pipe.stages;
  cli::PipePlace place;
  place.has_keys = job.in.is_topic() || shared.lines_have_keys();
  place.has_times = job.in.is_topic() || shared.lines_have_times();
  if (job.in.is_lines() && shared.lines_are_text()) place.value_codec = "text";
  const bool shows_keys = shared.output_shows_keys(job);
  bool is_table = job.in.table;  // what the stage reads
  std::vector<std::unique_ptr<cli::StreamTool>> tools;
  size_t last_rows = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    tools.push_back(find_stage_tool(stages[i].words.front()).make());
    if (tools[i]->shared().has_rows()) last_rows = i;
  }
  for (size_t i = 0; i < stages.size(); ++i) {
    const std::string& name = stages[i].words.front();
    const std::string at = name_of_stage(i, stages[i]);
    const auto& tool = tools[i];
    place.pipe = job;
    place.pipe.in.table = is_table;
    place.is_first = i == 0;
    place.reads_internal_topic = job.topology.has_internal_topic();
    // kquery finds the rows of the last table or windows by OUT's name, and those of other stages by the
    // stage's name.
    place.pipe.table = !stages[i].name.empty() ? stages[i].name
                       : i == last_rows        ? std::string()
                                               : name + ":" + std::to_string(i + 1);
    place.shows_keys = i + 1 < stages.size() || shows_keys;
    try {
      tool->shared().become_stage(place);
      set_up(*tool, stages[i].words);
    } catch (const CorrectedError& error) {
      throw CorrectedError(at + ": " + error.what(), of_pipe(error.correction(), i, pipe));
    } catch (const Error& error) {
      const bool is_option = std::string_view(error.what()).starts_with("unknown option");
      if (const auto meant = meant_pipe(pipe, i, options, is_option))
        throw CorrectedError(at + ": " + error.what(), *meant);
      throw Error(error.code(), at + ": " + error.what(),
                  is_option ? option_hint(stages[i].words) : error.hint());
    }
    const flow::Job& stage = tool->job();
    if (i == 0) job.in.topics = stage.in.topics;  // kjoin --on reads RIGHT with it
    for (const flow::Setting& setting : stage.settings)
      job.settings.push_back({std::to_string(i + 1) + " " + name + " " + setting.name, setting.value});
    if (i > 0 && is_table) job.settings.push_back({std::to_string(i + 1) + " " + name + " IN is", "a table"});
    // What it keeps and changes of a table is a table. Rows that it makes of one are read as their changes.
    is_table &= !tool->shared().has_rows() && !stage.changes_keys;
    const auto ports = static_cast<uint32_t>(job.more_outputs.size());
    bool is_behind = false;
    for (const flow::SubTopology& sub : stage.topology.subs()) {
      if (std::exchange(is_behind, true)) {
        job.topology.add_internal_topic();
        place.rekeyed = false;
      }
      for (size_t k = 0; k < sub.operators.size(); ++k) {
        flow::Operator one = sub.operators[k];
        one.name = stages[i].name.empty() ? name : name + ":" + stages[i].name;
        one.place = static_cast<int>(i + 1);
        one.other_ports = ports;
        job.topology.add(std::move(one));
        for (const flow::CopartitionedSource& source : sub.copartitioned)
          if (source.to == k) {
            job.topology.add_copartitioned(source.topic, source.is_table);
            job.max_wait = stage.max_wait;
          }
      }
    }
    job.more_outputs.insert(job.more_outputs.end(), stage.more_outputs.begin(), stage.more_outputs.end());
    const flow::RunParts& opened = tool->parts();
    parts.insert(parts.end(), opened.begin(), opened.end());
    if (stage.named_outputs && job.named_outputs)
      throw usage_error(at + ": another stage has --to already",
                        "use two commands: the second reads what the first writes");
    if (stage.named_outputs) job.named_outputs = stage.named_outputs;
    job.counts_silence |= stage.counts_silence;
    if (stage.close_at_end && !std::exchange(job.close_at_end, true))
      job.closes_from = job.topology.subs().size() - 1;
    job.changes_keys |= stage.changes_keys;
    job.cache_bytes = std::max(job.cache_bytes, stage.cache_bytes);
    place.rekeyed |= stage.changes_keys;
    place.has_keys |= stage.changes_keys;
    place.has_times |= tool->shared().sets_time() || stage.stateful();
    if (tool->shared().emits_json()) place.value_codec.clear();
  }
  for (const flow::SubTopology& sub : job.topology.subs())
    for (const flow::CopartitionedSource& source : sub.copartitioned)
      for (const flow::MoreOutput& more : job.more_outputs)
        if (more.at.name == source.topic)
          throw usage_error(
              "'" + source.topic +
                  "' is both an output and what kjoin reads: the tool would read what it writes",
              "write to another topic");
  if (job.closes_from == job.topology.subs().size() - 1) job.closes_from.reset();
  if (job.closes_from && job.workers > 1)
    throw usage_error(
        "--close-at-end: what one stage writes at its end is to be read before the next one is closed",
        "leave out -j: one worker closes them in turn");
  if (job.stateful()) flow::give_state(job);
  return tools;
}

}  // namespace kutils
