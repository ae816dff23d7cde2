// Completion scripts, made from a tool's operands and its option table, and the names of topics and groups that
// they ask the tool for.
#pragma once

#include <string>

#include "cli/tool.h"

namespace kutils::cli {

// `shell`: bash, zsh or fish. Throws usage_error for another.
std::string completion(const ToolInfo& info, const OptionTable& table, const std::string& shell);

// The hidden option that the scripts call, on tools that know a cluster.
constexpr const char* kCompleteNames = "--complete-names";
// A name a line; `what` is topics or groups. Of the brokers that the environment names. Somebody waits at a
// prompt: it takes 1.5 s at most, after which the process ends, and what goes wrong is an empty answer.
std::string names_to_complete(const std::string& what);

}  // namespace kutils::cli
