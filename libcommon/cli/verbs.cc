#include "cli/verbs.h"

#include <algorithm>
#include <string_view>

#include "base/correction.h"
#include "base/error.h"
#include "base/nearest_name.h"
#include "base/shell_word.h"

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
    {"set config configure change update edit", {"alter", "commit"}},
    {"seek assign", {"commit", ""}},
    {"resize scale expand add-partitions", {"grow", ""}},
    {"truncate purge empty delete-records", {"trim", ""}},
    {"rewind reset-offsets", {"reset", ""}},
    {"dump save backup", {"export", ""}},
    {"load restore", {"import", ""}},
};

bool holds(std::string_view words, std::string_view word) {
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

std::string nearest_verb(const std::string& verb, const std::vector<std::string>& verbs) {
  for (const Synonyms& one : kSynonyms) {
    if (!holds(one.theirs, verb)) continue;
    for (const std::string_view ours : one.ours)
      if (std::find(verbs.begin(), verbs.end(), ours) != verbs.end()) return std::string(ours);
  }
  return nearest_name(verb, verbs);
}

void refuse_verb(const std::string& tool, const std::string& verb, const std::vector<std::string>& verbs,
                 const std::vector<std::string>& arguments, const std::string& looks) {
  // `ktopic clicks describe`
  if (!arguments.empty() && std::find(verbs.begin(), verbs.end(), arguments[0]) != verbs.end()) {
    std::vector<std::string> operands = arguments;
    operands.insert(operands.begin() + 1, verb);
    throw CorrectedError("'" + arguments[0] + "' stands before what it is about", {.operands = operands});
  }
  if (const std::string near = nearest_verb(verb, verbs); !near.empty()) {
    std::vector<std::string> operands = arguments;
    operands.insert(operands.begin(), near);
    throw CorrectedError(tool + " has no command '" + verb + "'", {.operands = operands});
  }
  std::string all;
  for (const std::string& one : verbs) all += (all.empty() ? "" : ", ") + one;
  if (arguments.empty() && !verb.empty()) all += "; of one: " + tool + " " + looks + " " + shell_word(verb);
  throw usage_error(tool + " has no command '" + verb + "'", all);
}

}  // namespace kutils::cli
