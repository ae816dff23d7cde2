// Texts made from a tool's data: --help, --help-all, the options of its man page.
#pragma once

#include <string>

#include "cli/tool.h"

namespace kutils::cli {

std::string short_help(const ToolInfo& info, const OptionTable& table);  // fits a screen
std::string full_help(const ToolInfo& info, const OptionTable& table);
// A part of the man page in markdown for pandoc: head (title, NAME, SYNOPSIS), options, examples. Throws
// usage_error for another.
std::string man_part(const ToolInfo& info, const OptionTable& table, const std::string& part);
// Text as pandoc's markdown, which must take it as it is.
std::string markdown(const std::string& text);

}  // namespace kutils::cli
