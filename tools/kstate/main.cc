// kstate [VERB] [GROUP...]: what state lies on this machine; its deletion.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/nearest_name.h"
#include "cli/rows.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "state/environment.h"
#include "state/stored_groups.h"
#include "state/stored_partition.h"

namespace {

using namespace kutils;

constexpr auto kReaderGone = static_cast<ExitCode>(128 + 13);  // as one that SIGPIPE ended

class StateTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {
        "kstate",
        "The state of groups on this machine: whose, how large, how old; delete it.",
        {{"VERB", false, "list (default) | delete"},
         {.name = "GROUP", .help = "these only; delete takes one or more, or --older-than", .is_many = true}},
        {{"kstate"}, {"kstate delete --older-than 30d", "the plan; --execute does it"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--execute",
               .help = "delete: do it; else the plan is printed",
               .example = "kstate delete --execute --older-than 30d",
               .in_short_help = true,
               .set = [this](const std::string&) { executes_ = true; }});
    table.add({.names = "--older-than",
               .metavar = "D",
               .help = "only state that was last written longer ago",
               .by_default = "of any age",
               .example = "--older-than 30d",
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 older_than_ = parse_duration_option("--older-than", text);
               }});
    table.add({.names = "--by-partition",
               .help = "list: a line for each partition",
               .example = "kstate list --by-partition",
               .in_short_help = true,
               .set = [this](const std::string&) { by_partition_ = true; }});
    table.add({.names = "--state-dir",
               .metavar = "DIR",
               .help = "where the state lies; see also $KUTILS_STATE_DIR",
               .by_default = "$KUTILS_STATE_DIR, else $XDG_STATE_HOME/kutils, else ~/.local/state/kutils",
               .example = "--state-dir /var/lib/kutils",
               .in_short_help = true,
               .set = [this](const std::string& text) { state_dir_ = text; }});
    rows_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    const std::string verb = operands.find("VERB").value_or("list");
    names_ = operands.rest();
    deletes_ = verb == "delete";
    if (!deletes_ && verb != "list") cli::refuse_verb("kstate", verb, {"list", "delete"}, names_, "list");
    if (deletes_ && by_partition_)
      throw usage_error("kstate delete has no option --by-partition: a group's state is deleted whole",
                        "leave it out");
    if (!deletes_ && executes_)
      throw usage_error("kstate list has no option --execute: it changes nothing", "leave it out");
    if (deletes_ && names_.empty() && !older_than_)
      throw usage_error("kstate delete: GROUP is missing", "name groups, or give --older-than D");
    if (state_dir_.empty()) state_dir_ = cli::default_state_dir();
  }
  ExitCode run() override {
    const int64_t now_ms = SystemClock().wall_ms();
    const std::vector<state::StoredGroupInfo> all = state::list_stored_groups(state_dir_);
    for (const std::string& name : names_) {
      if (std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == name; })) continue;
      std::vector<std::string> known;
      for (const auto& one : all) known.push_back(one.name);
      const std::string near = nearest_name(name, known);
      throw usage_error("no state of group '" + name + "' lies in " + state_dir_,
                        near.empty() ? "'kstate' lists all" : "did you mean '" + near + "'?");
    }
    std::vector<state::StoredGroupInfo> chosen;
    for (const auto& one : all) {
      if (!names_.empty() && std::find(names_.begin(), names_.end(), one.name) == names_.end()) continue;
      if (older_than_ && now_ms - one.used_ms() < older_than_->count()) continue;
      chosen.push_back(one);
    }
    if (executes_) refuse_in_use(chosen);
    for (const auto& one : chosen) {
      if (by_partition_) {
        for (const auto& partition : one.partitions) add_row(one, {partition}, now_ms);
      } else {
        add_row(one, one.partitions, now_ms);
      }
    }
    if (!rows_.print()) return kReaderGone;
    if (!deletes_ && rows_.for_people())
      log_.note((all.empty()      ? "no state lies in "
                 : chosen.empty() ? "none of these lie in "
                                  : "in ") +
                state_dir_);
    if (!deletes_) return ExitCode::ok;
    if (chosen.empty()) {
      log_.note("there is nothing to delete");
    } else if (!executes_) {
      log_.note("this is the plan; nothing was changed. --execute does it");
    } else {
      for (const auto& one : chosen) state::delete_stored_group(state_dir_, one.name);
    }
    return ExitCode::ok;
  }

 private:
  // Before a plan is printed as if it had been done. Deletion itself looks again, and holds the locks.
  static void refuse_in_use(const std::vector<state::StoredGroupInfo>& groups) {
    for (const auto& group : groups) {
      for (const auto& one : group.partitions) {
        if (one.holder == 0) continue;
        throw usage_error(
            "the state of group '" + group.name + "' is in use by " +
                (one.holder > 0 ? "process " + std::to_string(one.holder) : "a running process"),
            "stop the tool first");
      }
    }
  }
  std::string condition_of(const std::string& group,
                           const std::vector<state::StoredPartitionInfo>& partitions) {
    int holder = 0;
    bool is_whole = true;
    for (const auto& one : partitions) {
      if (one.holder != 0) holder = one.holder;
      is_whole = is_whole && (one.mark == state::Mark::Kind::complete || one.mark == state::Mark::Kind::none);
    }
    if (holder != 0) return holder > 0 ? "in use by " + std::to_string(holder) : "in use";
    if (!is_whole) return "incomplete";
    if (!environment_) environment_.emplace();
    const bool is_damaged = std::any_of(partitions.begin(), partitions.end(), [&](const auto& one) {
      return state::is_damaged(*environment_, state::newest_directory(state_dir_, group, one.number));
    });
    return is_damaged ? "damaged" : "complete";
  }
  static std::string people_bytes(int64_t bytes) {
    const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    int64_t tenths = bytes * 10;
    for (; tenths >= 10240 && unit + 1 < std::size(units); ++unit) tenths = (tenths + 512) / 1024;
    std::string text = std::to_string(tenths / 10);
    if (unit > 0 && tenths < 100) text += "." + std::to_string(tenths % 10);
    return text + " " + units[unit];
  }
  void add_row(const state::StoredGroupInfo& group, const std::vector<state::StoredPartitionInfo>& partitions,
               int64_t now_ms) {
    int64_t bytes = 0, used_ms = 0;
    for (const auto& one : partitions) {
      bytes += one.bytes;
      used_ms = std::max(used_ms, one.used_ms);
    }
    cli::Row row;
    row.text("group", group.name);
    if (by_partition_) {
      row.number("partition", int64_t{partitions.front().number});
    } else {
      row.number("partitions", static_cast<int64_t>(partitions.size()));
    }
    if (rows_.for_people()) {
      const int64_t seconds = std::max<int64_t>(0, now_ms - used_ms) / 1000;
      row.text("size", people_bytes(bytes)).text("age", format_duration(std::chrono::seconds(seconds)));
    } else {
      row.number("bytes", bytes).number("written_ms", used_ms);
    }
    row.text("state", condition_of(group.name, partitions)).text("cluster", group.owner.cluster);
    rows_.add(row);
  }

  std::vector<std::string> names_;
  bool deletes_ = false, executes_ = false, by_partition_ = false;
  std::optional<Millis> older_than_;
  std::string state_dir_;
  std::optional<state::StateEnvironment> environment_;  // made when it is needed
  StderrLog log_{"kstate", false};
  cli::Rows rows_;
};

}  // namespace

int main(int argc, char** argv) {
  StateTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
