// What is known of a co-process by its text: a program of jq that gives several lines for a line, or none, would give a
// record the answer of another one.
#pragma once

#include <optional>
#include <string>

namespace kutils {

// The same command for --each-line: behind each answer it prints a line that ends it.
struct JqEachLine {
  std::string command;
  std::string answer_end;  // that line; empty: a blank one
};

// nullopt: the command ends in no jq, its program gives one line for a line, or that cannot be known.
std::optional<JqEachLine> jq_for_each_line(const std::string& command);

// The program, where a command is one that reads all lines before it prints (sort, wc) or leaves some out (grep);
// else empty.
std::string program_of_all_lines(const std::string& command);

}  // namespace kutils
