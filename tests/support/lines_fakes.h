// A source, a sink, a log and stages for tests of the run loop.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/signal.h"
#include "flow/topology/stage.h"
#include "io/sink.h"
#include "io/source.h"

namespace kutils::testing {

class RecordingLog final : public Log {
 public:
  std::vector<std::string> notes;
  std::vector<std::string> errors;
  void note(std::string_view text) override { notes.emplace_back(text); }
  void error(std::string_view text) override { errors.emplace_back(text); }
};

class StopByHand final : public StopRequest {
 public:
  int number = 0;
  int signal() const override { return number; }
};

// Gives the values in batches; an empty batch is "nothing came".
class FakeSource final : public io::Source {
 public:
  explicit FakeSource(std::deque<std::vector<std::string>> batches, bool ends = true)
      : batches_(std::move(batches)), ends_(ends) {}
  // A value that begins with '!' is an unreadable line.
  io::Fill poll(Batch& batch, Millis) override {
    bad_.clear();
    if (batches_.empty()) return ends_ ? io::Fill::end : io::Fill::nothing;
    for (const std::string& value : batches_.front()) {
      Record record;
      record.topic = "./in";
      record.value = batch.arena().copy(value);
      record.offset = line_++;
      if (value.starts_with("!")) {
        bad_.push_back({batch.records().size(), record, {Reason::bad_line, "no"}});
      } else {
        batch.records().push_back(record);
      }
    }
    const bool any = !batches_.front().empty();
    batches_.pop_front();
    return any ? io::Fill::records : io::Fill::nothing;
  }
  const std::vector<io::BadRecord>& bad_records() const override { return bad_; }

 private:
  std::deque<std::vector<std::string>> batches_;
  bool ends_;
  int64_t line_ = 0;
  std::vector<io::BadRecord> bad_;
};

struct SinkContents {
  std::vector<std::string> written;
  size_t flushed = 0;  // how many of them
  int flushes = 0;
  bool gone = false;
};

class FakeSink final : public io::Sink {
 public:
  explicit FakeSink(SinkContents& contents) : contents_(contents) {}
  std::optional<RecordError> write(const Record*, const Output& output) override {
    if (output.value.view() == "huge") return RecordError{Reason::too_large, "too large"};
    contents_.written.emplace_back(output.value.view());
    return std::nullopt;
  }
  void flush() override {
    contents_.flushed = contents_.written.size();
    ++contents_.flushes;
  }
  bool reader_gone() override { return contents_.gone; }

 private:
  SinkContents& contents_;
};

// Passes values on; drops those that begin with '-', fails those that begin with '?'.
class PickyStage : public flow::Stage {
 public:
  void process(const Record& record, flow::Emitter& out) override {
    const std::string_view value = record.value.view();
    if (value.starts_with("-")) return out.drop(record, flow::DropReason::filtered);
    if (value.starts_with("?"))
      return out.fail(record, {Reason::missing_field, "no field \"x" + std::string(value.substr(1)) + "\""});
    Output output;
    output.key = record.key;
    output.value = record.value;
    output.headers = record.headers;
    output.timestamp = record.timestamp;
    out.emit(&record, output);
  }
};

// Answers at flush(), in order, as a co-process does.
class DeferringStage final : public PickyStage {
 public:
  void process(const Record& record, flow::Emitter&) override { kept_.push_back(&record); }
  void flush(flow::Emitter& out) override {
    for (const Record* record : kept_) PickyStage::process(*record, out);
    kept_.clear();
  }

 private:
  std::vector<const Record*> kept_;
};

}  // namespace kutils::testing
