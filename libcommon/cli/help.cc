#include "cli/help.h"

#include <algorithm>
#include <cctype>

#include "cli/command_line.h"
#include "cli/manual.h"

namespace kutils::cli {
namespace {

constexpr size_t kWidth = 80;
constexpr Group kGroups[] = {Group::tool,    Group::output,   Group::lines,  Group::reading,
                             Group::cluster, Group::delivery, Group::general};

std::string label(const Option& option) {
  std::string out;
  for (const std::string& name : split_names(option.names)) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  if (!option.metavar.empty()) out += " " + option.metavar;
  return out;
}

// `left` and `text` in two columns, the text wrapped under itself.
void add_row(std::string& out, const std::string& left, const std::string& text, size_t column) {
  std::string line = "  " + left;
  if (line.size() + 2 > column) {
    if (line.size() + 2 + text.size() <= kWidth) {
      out += line + "  " + text + "\n";
      return;
    }
    out += line + "\n";
    line.clear();
  }
  line.resize(column, ' ');
  size_t from = 0;
  while (from < text.size()) {
    size_t length = text.size() - from;
    if (line.size() + length > kWidth) {
      const size_t space = text.rfind(' ', from + kWidth - line.size());
      length = space == text.npos || space <= from ? length : space - from;
    }
    out += line + text.substr(from, length) + "\n";
    from += length;
    while (from < text.size() && text[from] == ' ') ++from;
    line.assign(column, ' ');
  }
}

std::string head(const ToolInfo& info) {
  std::string out = "Usage: " + info.name + " [OPTIONS] " + operand_usage(info) + "\n" + info.summary + "\n";
  bool any = false;
  for (const Operand& operand : info.operands) {
    if (operand.help.empty()) continue;
    if (!any) out += '\n';
    any = true;
    add_row(out, operand.name, operand.help, 10);
  }
  return out;
}

// The pages of section 7 that go with a tool, as bash takes them behind `man`.
std::string pages_in_depth(const ToolInfo& info, const OptionTable& table) {
  const bool has_expressions =
      std::any_of(info.operands.begin(), info.operands.end(),
                  [](const Operand& one) { return one.is_spec; }) ||
      std::any_of(table.options().begin(), table.options().end(),
                  [](const Option& one) { return one.metavar.find("EXPR") != std::string::npos; });
  return has_expressions ? "kutils-{options,expr,security}" : "kutils-{options,security}";
}

std::string examples(const ToolInfo& info) {
  std::string out = "\nExamples:\n";
  for (const Example& example : info.examples) {
    out += "  " + example.command;
    if (!example.what.empty()) out += "  # " + example.what;
    out += '\n';
  }
  return out;
}

std::string man_head(const ToolInfo& info) {
  std::string upper = info.name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string summary = info.summary.substr(0, info.summary.find_last_not_of('.') + 1);
  summary[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(summary[0])));
  return "---\ntitle: " + upper +
         "\nsection: 1\nheader: kutils\nfooter: kutils " KUTILS_VERSION "\n---\n\n# NAME\n\n" + info.name +
         " - " + markdown(summary) + "\n\n# SYNOPSIS\n\n**" + info.name + "** \\[*OPTIONS*\\] " +
         markdown(operand_usage(info)) + "\n";
}

// A page has room for what --help has not: values, default and an example, all of the one table.
std::string man_paragraph(const Option& option) {
  std::string out = markdown(option.help) + ".";
  const bool says_all =
      std::all_of(option.choices.begin(), option.choices.end(),
                  [&](const std::string& value) { return option.help.find(value) != std::string::npos; });
  if (!says_all) {
    std::string values;
    for (const std::string& value : option.choices) values += (values.empty() ? "" : ", ") + value;
    out += " Values: " + markdown(values) + ".";
  }
  if (!option.by_default.empty()) out += " Default: " + markdown(option.by_default) + ".";
  if (!option.example.empty()) out += " Example: **" + markdown(option.example) + "**";
  return out;
}

std::string man_options(const OptionTable& table) {
  std::string out;
  for (const Group group : kGroups) {
    std::string rows;
    for (const Option& option : table.options()) {
      if (option.hidden || option.group != group) continue;
      std::string term;
      for (const std::string& name : split_names(option.names)) {
        term += (term.empty() ? "**" : ", **") + markdown(name) + "**";
      }
      if (!option.metavar.empty()) term += " *" + markdown(option.metavar) + "*";
      rows += term + "\n:   " + man_paragraph(option) + "\n\n";
    }
    if (!rows.empty()) out += std::string("## ") + title(group) + "\n\n" + rows;
  }
  return out;
}

// For a test that runs them: GROUP, names and example of each option, by tabs.
std::string option_examples(const OptionTable& table) {
  std::string out;
  for (const Option& option : table.options())
    if (!option.hidden)
      out += std::string(title(option.group)) + "\t" + option.names + (option.metavar.empty() ? "" : " ") +
             option.metavar + "\t" + option.by_default + "\t" + option.example + "\n";
  return out;
}

std::string man_examples(const ToolInfo& info) {
  std::string out = "# EXAMPLES\n\n";
  for (const Example& example : info.examples) {
    out += "    " + example.command + (example.what.empty() ? "" : "  # " + example.what) + "\n";
  }
  return out;
}

}  // namespace

std::string markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]<>#|$^~'\"@-.").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string short_help(const ToolInfo& info, const OptionTable& table) {
  std::string rows;
  for (const Option& option : table.options()) {
    if (!option.hidden && option.in_short_help) add_row(rows, label(option), option.help, 22);
  }
  return head(info) + (rows.empty() ? "" : "\n" + rows) + "\nAll options: " + info.name +
         " --help-all; man " + info.name + " " + pages_in_depth(info, table) + "\n" + examples(info);
}

std::string full_help(const ToolInfo& info, const OptionTable& table) {
  std::string out = head(info);
  for (const Group group : kGroups) {
    std::string rows;
    for (const Option& option : table.options()) {
      if (!option.hidden && option.group == group) add_row(rows, label(option), option.help, 26);
    }
    if (!rows.empty()) out += std::string("\n") + title(group) + ":\n" + rows;
  }
  return out + examples(info);
}

std::string man_part(const ToolInfo& info, const OptionTable& table, const std::string& part) {
  if (part == "head") return man_head(info);
  if (part == "options") return man_options(table);
  if (part == "examples") return man_examples(info);
  if (part == "option-examples") return option_examples(table);
  if (auto made = manual_part(part)) return *made;
  throw usage_error("--help-man: '" + part + "' is not a part of a page",
                    "there are head, options, option-examples, examples, " + manual_parts());
}

}  // namespace kutils::cli
