#include "cli/verbs.h"

#include <algorithm>
#include <string_view>

#include "base/correction.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "base/word_list.h"

namespace kutils::cli {
namespace {

// Of ours the first that the tool has is meant.
struct Synonyms {
  std::string_view theirs;  // separated by spaces
  std::string_view ours[2];
};
constexpr Synonyms kSynonyms[] = {
    {"ls all", {"list", ""}},
    {"rm remove drop del destroy", {"delete", ""}},
    {"show desc info get inspect cat stat", {"describe", "show"}},
    {"describe", {"show", ""}},
    {"add new make mk", {"create", ""}},
    {"set config configure change update edit alter-config add-config", {"alter", "commit"}},
    {"describe-config describe-configs", {"describe", ""}},
    {"seek assign", {"commit", ""}},
    {"resize scale expand add-partitions", {"grow", ""}},
    {"truncate purge empty delete-records trim-prefix", {"trim", ""}},
    {"rewind reset-offsets", {"reset", ""}},
    {"dump save backup", {"export", ""}},
    {"load restore", {"import", ""}},
};

}  // namespace

std::string nearest_verb(const std::string& verb, const std::vector<std::string>& verbs) {
  for (const Synonyms& one : kSynonyms) {
    if (!has_word(one.theirs, verb)) continue;
    for (const std::string_view ours : one.ours)
      if (std::find(verbs.begin(), verbs.end(), ours) != verbs.end()) return std::string(ours);
  }
  return nearest_name(verb, verbs);
}

void refuse_verb(const std::string& tool, const std::string& verb, const std::vector<std::string>& verbs,
                 const std::vector<std::string>& arguments, const std::string& looks, bool has_place,
                 bool has_settings) {
  // `ktopic clicks describe`
  if (!arguments.empty() && std::find(verbs.begin(), verbs.end(), arguments[0]) != verbs.end()) {
    std::vector<std::string> operands = arguments;
    operands.insert(operands.begin() + 1, verb);
    throw CorrectedError("'" + arguments[0] + "' comes first", {.operands = operands});
  }
  if (tool == "koffset" && verb == "lag")
    throw CorrectedError(tool + " has no command '" + verb + "'",
                         {.before = "how far groups are behind: ", .tool = "klag", .operands = arguments});
  if (const std::string near = nearest_verb(verb, verbs); !near.empty()) {
    Correction meant;
    std::vector<std::string> operands = arguments;
    // `koffset rewind GROUP 1h`
    if (tool == "koffset" && near == "reset" && operands.size() > 1 && !has_place &&
        parse_duration(operands.back())) {
      meant.add.emplace_back("--since", operands.back());
      operands.pop_back();
    }
    const auto setting = std::find_if(operands.begin(), operands.end(),
                                      [](const std::string& one) { return one.find('=') != one.npos; });
    if (tool == "ktopic" && near == "alter") {
      // Who names no value wants to see them.
      if (setting == operands.end() && !has_settings) {
        operands.insert(operands.begin(), "describe");
        throw CorrectedError(
            tool + " has no command '" + verb + "'",
            {.before = "settings are shown by: ", .add = {{"--all", ""}}, .operands = operands});
      }
      for (auto at = setting; at != operands.end();) {
        if (at->find('=') == at->npos) {
          ++at;
          continue;
        }
        meant.add.emplace_back("--config", *at);
        at = operands.erase(at);
      }
    }
    // All records, unless a place is named.
    if (near == "trim" && !has_place) meant.add.emplace_back("-o", "end");
    const auto is_number = [](const std::string& one) {
      return !one.empty() && one.find_first_not_of("0123456789") == one.npos;
    };
    if (near == "grow" && operands.size() > 1 && !is_number(operands[0]) && is_number(operands.back()))
      std::rotate(operands.begin(), operands.end() - 1, operands.end());
    operands.insert(operands.begin(), near);
    meant.operands = operands;
    throw CorrectedError(tool + " has no command '" + verb + "'", meant);
  }
  std::string all;
  for (const std::string& one : verbs) all += (all.empty() ? "" : ", ") + one;
  if (arguments.empty() && !verb.empty()) all += "; of one: " + tool + " " + looks + " " + shell_word(verb);
  throw usage_error(tool + " has no command '" + verb + "'", all);
}

void refuse_group(const std::string& what, const std::string& group, const std::vector<std::string>& known) {
  const std::vector<std::string> near = near_groups(group, known);
  if (near.empty()) throw usage_error(what, kGroupNames);
  Correction meant{.before = "did you mean: "};
  if (near.size() > 1)
    meant.before = std::to_string(near.size()) + " groups have it in their names (koffset list); the first: ";
  meant.replaced = {group, near.front()};
  throw CorrectedError(what, meant);
}

}  // namespace kutils::cli
