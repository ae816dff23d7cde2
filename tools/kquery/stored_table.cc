#include "kquery/stored_table.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <tuple>

#include "base/duration.h"
#include "base/time_format.h"
#include "state/layout.h"
#include "state/state_error.h"

namespace kutils::kquery {
namespace {

const char* const kStartAgain =
    "start the tool again as before: it restores the missing rows from its changelog topic, also with -e where there is nothing new";

// Rebuilding is the tool's work: it has the changelog.
Error damaged(const std::string& group, int32_t partition, const std::string& why, const std::string& hint) {
  return Error(
      ExitCode::delivery,
      "the state of group '" + group + "' is damaged: partition " + std::to_string(partition) + ": " + why,
      hint);
}

// For what a tool with nothing to do does not meet.
std::string delete_it(const std::string& group) {
  return "delete it with 'kstate delete --execute " + group +
         "', and start the tool again as before, also with -e:\nit restores all from the changelog topic";
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return out;
}

}  // namespace

std::unique_ptr<StoredTable> StoredTable::find(const std::string& state_dir, const std::string& table,
                                               const std::optional<std::string>& group) {
  std::error_code error;
  if (!std::filesystem::is_directory(state_dir, error))
    throw usage_error("there is no state in " + state_dir + (error ? ": " + error.message() : std::string()),
                      "--state-dir or $KUTILS_STATE_DIR says where the tool kept it");
  const std::vector<std::string> here = state::stored_groups(state_dir);
  if (group) {
    if (std::find(here.begin(), here.end(), *group) == here.end())
      throw usage_error(
          "there is no state of group '" + *group + "' in " + state_dir,
          here.empty() ? "there is none of any group" : "there is that of " + quoted_list(here));
    auto found = std::make_unique<StoredTable>();
    const bool has_rows = found->open(state_dir, *group, table);
    found->refuse_incomplete();
    if (!has_rows) throw usage_error("group '" + *group + "' has committed no rows yet");
    if (found->description_.output != table && table != *group)
      throw usage_error("group '" + *group + "' writes '" + found->description_.output + "', not '" + table +
                        "'");
    return found;
  }
  std::vector<std::string> matches, others, in_use;
  std::optional<Error> unknown;  // why rows that may be of this table cannot be read
  std::unique_ptr<StoredTable> match;
  for (const std::string& name : here) {
    auto one = std::make_unique<StoredTable>();
    try {
      if (!one->open(state_dir, name, table)) {
        if (name == table) one->refuse_incomplete();
        if (one->incomplete_ && !unknown) unknown = one->incomplete_;
        continue;
      }
    } catch (const state::StateInUse&) {
      if (name == table) throw;
      in_use.push_back(name);
      continue;
    } catch (const Error&) {
      // Of another group, perhaps; -g asks for it by name.
      if (name == table) throw;
      others.push_back(name);
      continue;
    }
    if (one->description_.output != table && name != table) {
      others.push_back(one->description_.output.empty() ? name : one->description_.output);
      continue;
    }
    matches.push_back(name);
    match = std::move(one);
  }
  if (matches.size() > 1)
    throw usage_error("several groups keep state for '" + table + "': " + quoted_list(matches),
                      "choose one with -g");
  if (match) {
    match->refuse_incomplete();
    return match;
  }
  if (unknown)
    throw Error(unknown->code(),
                std::string(unknown->what()) + "\n  so it does not say whether '" + table + "' is its table",
                unknown->hint());
  std::string hint;
  if (!in_use.empty()) {
    hint = quoted_list(in_use) + (in_use.size() == 1 ? " is" : " are") +
           " in use by a running tool; if it was started with --http ADDR, ask it: kquery --http ADDR " +
           table;
  } else if (!others.empty()) {
    std::sort(others.begin(), others.end());
    others.erase(std::unique(others.begin(), others.end()), others.end());
    hint = "there is that of " + quoted_list(others);
  } else {
    hint = "--state-dir or $KUTILS_STATE_DIR says where the tool kept it";
  }
  throw usage_error("there is no state of a table '" + table + "' in " + state_dir, hint);
}

bool StoredTable::open(const std::string& state_dir, const std::string& group, const std::string& table) {
  group_ = group;
  owner_ = state::owner_of(state_dir, group);
  // Rows of a source table say nothing of themselves; stages of a pipe have a name each.
  struct Rows {
    size_t part;
    uint8_t op;
    flow::StateDescription description;
  };
  std::vector<Rows> all;
  // An operator's state of an input partition lies in one directory: a second one is a copy that was put there.
  std::map<std::tuple<uint8_t, std::string, int32_t>, int32_t> directory_of;
  bool has_rows = false;
  for (const int32_t partition : state::stored_partitions(state_dir, group)) {
    std::unique_ptr<state::StoredPartition> stored;
    try {
      stored = std::make_unique<state::StoredPartition>(environment_,
                                                        state::newest_directory(state_dir, group, partition));
    } catch (const state::StateInUse&) {
      throw;
    } catch (const state::CorruptState& broken) {
      // Other partitions may tell whether it is the state that is asked for.
      if (!incomplete_) incomplete_ = damaged(group, partition, broken.what(), kStartAgain);
      continue;
    } catch (const Error& error) {
      if (!incomplete_) incomplete_ = error;
      continue;
    }
    if (!incomplete_ && !stored->incomplete().empty())
      incomplete_ = usage_error("the state of group '" + group + "' is incomplete: partition " +
                                    std::to_string(partition) + ": " + stored->incomplete(),
                                kStartAgain);
    for (const auto& [op, meta] : stored->metas()) {
      has_rows = true;
      for (const state::InputPosition& at : meta.positions) {
        const auto [first, is_new] = directory_of.try_emplace({op, at.topic, at.partition}, partition);
        if (!is_new && !incomplete_)
          incomplete_ =
              damaged(group, partition, "it is a copy of partition " + std::to_string(first->second),
                      delete_it(group));
      }
      if (auto description = flow::parse_description(meta.description))
        all.push_back({parts_.size(), op, std::move(*description)});
    }
    parts_.push_back({partition, std::move(stored), false});
  }
  if (has_rows && all.empty())
    throw usage_error("the state of group '" + group + "' does not say what its rows are",
                      "it belongs to neither a table nor windows, or a newer kutils wrote it");
  if (all.empty()) return false;
  auto chosen = std::find_if(all.begin(), all.end(),
                             [&](const Rows& rows) { return rows.description.output == table; });
  if (chosen == all.end()) {
    // The last stage's lie in the first partitions.
    chosen = all.begin();
    for (auto one = all.begin(); one != all.end() && one->part == all.front().part; ++one) chosen = one;
  }
  op_ = chosen->op;
  for (const Rows& rows : all)
    parts_[rows.part].is_shown |= rows.op == op_ && rows.description.output == chosen->description.output;
  description_ = std::move(chosen->description);
  return true;
}

void StoredTable::refuse_incomplete() const {
  if (incomplete_) throw *incomplete_;
}

std::string StoredTable::origin(int64_t now_ms) const {
  int64_t newest = 0, shown = 0;
  for (const Part& part : parts_) {
    if (!part.is_shown) continue;
    ++shown;
    newest = std::max(newest, part.stored->applied_wall_ms());
  }
  const auto age = std::chrono::seconds(std::max<int64_t>(0, now_ms - newest) / 1000);
  return "state of group '" + group_ + "', " + std::to_string(shown) +
         (shown == 1 ? " partition" : " partitions") + ", as of " + format_iso_ms(newest) + ", " +
         format_duration(age) + " ago";
}

bool StoredTable::run(flow::TableQuery& query, int64_t now_ms, const flow::TableQuery::TakeRow& take) {
  for (const Part& part : parts_) {
    if (!part.is_shown) continue;
    const auto meta = part.stored->metas().find(op_);
    if (meta == part.stored->metas().end()) continue;
    try {
      const auto cursor = part.stored->rows().cursor();
      if (!query.run(*cursor, op_, meta->second.times.stream_time, now_ms, take)) return false;
    } catch (const state::CorruptState& broken) {
      throw damaged(group_, part.number, broken.what(), delete_it(group_));
    }
  }
  return true;
}

}  // namespace kutils::kquery
