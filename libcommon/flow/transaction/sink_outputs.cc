#include "flow/transaction/sink_outputs.h"

#include "base/error.h"
#include "flow/errors/dead_letter.h"
#include "flow/run/report.h"
#include "flow/topology/ports.h"

namespace kutils::flow {

std::optional<RecordError> SinkOutputs::write(const Record* origin, const Output& output) {
  if (!is_named(output.port)) return ports_.at(output.port)->write(origin, output);
  std::unique_ptr<io::Sink>& sink = named_[output.port];
  if (!sink) sink = open_named_(output.port);
  return sink->write(origin, output);
}

void SinkOutputs::dead_letter(const Record& origin, const RecordError& error) {
  const DeadLetter letter(tool_, origin, error);
  if (auto refused = dead_letters_->write(&origin, letter.output())) {
    // Nowhere is left to put it, and dropping it would be silent loss.
    throw Error(ExitCode::bad_record,
                "the dead-letter topic refuses " + describe_origin(origin) + ": " + refused->message);
  }
}

void SinkOutputs::dead_result(const Record& from, const Output& result, const RecordError& error) {
  Record made = from;
  made.key = result.key;
  made.value = result.value;
  made.headers = result.headers;
  made.timestamp = result.timestamp;
  if (!dead_letters_->write(&made, DeadLetter(tool_, made, error).output())) return;
  made.value = MaybeBytes();
  dead_letter(made, error);
}

void SinkOutputs::flush() {
  for (auto& sink : ports_) sink->flush();
  for (auto& [port, sink] : named_) sink->flush();
  if (dead_letters_) dead_letters_->flush();
}

void SinkOutputs::spare() {
  for (auto& sink : ports_) sink->spare();
}

void SinkOutputs::close() {
  for (auto& sink : ports_) sink->close();
  for (auto& [port, sink] : named_) sink->close();
  if (dead_letters_) dead_letters_->close();
}

bool SinkOutputs::reader_gone() {
  for (auto& sink : ports_) {
    if (sink->reader_gone()) return true;
  }
  return false;
}

}  // namespace kutils::flow
