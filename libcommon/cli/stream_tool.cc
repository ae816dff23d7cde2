#include "cli/stream_tool.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/explain.h"

namespace kutils::cli {

std::vector<std::string> StreamTool::closing_notes() const {
  std::vector<std::string> notes = last_notes();
  for (std::string& note : shared_.notes_of_expressions()) notes.push_back(std::move(note));
  return notes;
}

ExitCode StreamTool::run() {
  const std::optional<Explains> explains = shared_.explains();
  if (!explains) {
    const ExitCode code = flow::run(job_, parts_);
    for (const std::string& text : closing_notes()) StderrLog(job_.tool, shared_.quiet()).note(text);
    return code;
  }
  std::string why;
  const TopicFacts facts = ask_brokers(job_, why);
  const std::string text = *explains == Explains::as_graph ? explain_dot(job_, facts) : explain(job_, facts);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error(ExitCode::delivery, std::string("cannot write to standard output: ") + std::strerror(errno));
  if (!why.empty() && !shared_.quiet()) StderrLog(job_.tool, false).note("partitions are not shown: " + why);
  return ExitCode::ok;
}

}  // namespace kutils::cli
