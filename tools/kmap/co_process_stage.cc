#include "kmap/co_process_stage.h"

#include <algorithm>

#include "flow/topology/interrupted.h"
#include "flow/topology/pass.h"

namespace kutils {

void CoProcessStage::process(const Record& record, flow::Emitter& out) {
  if (record.value.is_null()) {
    if (!keep_null_) return out.drop(record, flow::DropReason::tombstone);
    flush(out);  // in its place among the others
    return out.emit(&record, flow::pass(record));
  }
  std::string_view line = record.value.view();
  if (line.find('\n') != line.npos) {
    // Between JSON's tokens a newline is white space; within a string JSON allows none.
    const char first = line[std::min(line.find_first_not_of(" \t\r\n"), line.size() - 1)];
    if (first != '{' && first != '[') {
      flush(out);
      return out.fail(
          record, {Reason::co_process, "the value holds a newline, and a co-process is asked line by line"});
    }
    std::string& text = rewritten_.emplace_back(line);
    std::replace(text.begin(), text.end(), '\n', ' ');
    line = text;
  }
  asked_.push_back(&record);
  lines_.push_back(line);
}

void CoProcessStage::flush(flow::Emitter& out) {
  const CoProcess::Answers& answers = process_.ask(lines_);
  size_t at = 0;
  for (size_t i = 0; i < answers.ends.size(); ++i) {
    if (at == answers.ends[i]) out.drop(*asked_[i], flow::DropReason::filtered);
    for (; at < answers.ends[i]; ++at) {
      Output output = flow::pass(*asked_[i]);
      output.value = MaybeBytes(answers.lines[at]);
      out.emit(asked_[i], output);
    }
  }
  const Record* const unanswered =
      answers.ends.size() < asked_.size() ? asked_[answers.ends.size()] : nullptr;
  asked_.clear();
  lines_.clear();
  rewritten_.clear();
  if (unanswered) throw flow::InterruptedBefore(*unanswered);
}

void CoProcessStage::close(flow::Emitter& out) {
  flush(out);
  process_.finish();
}

}  // namespace kutils
