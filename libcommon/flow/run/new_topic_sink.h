// A sink to a topic that does not exist yet: it is created when the first output comes, or at the end of a run that ended
// well. A run that fails before its first good record leaves no empty topic behind; nor does one whose input is a pipe
// that brought nothing, for the end of a program that failed looks like any other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "flow/topology/job.h"
#include "io/sink.h"
#include "kafka/admin.h"

namespace kutils::flow {

// Whether an output has to be created. Throws usage_error where it must not be.
bool is_missing(const Job& job, kafka::Admin& admin, const std::string& topic);

class NewTopicSink final : public io::Sink {
 public:
  // `create` creates the topic and opens it; called once. `is_wanted_empty`: asked at a good end where nothing was
  // written; false: the topic is not created.
  NewTopicSink(std::function<std::unique_ptr<io::Sink>()> create, std::function<bool()> is_wanted_empty)
      : create_(std::move(create)), is_wanted_empty_(std::move(is_wanted_empty)) {}
  bool is_created() const { return sink_ != nullptr; }

  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    return created().write(origin, output);
  }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return created().too_far_ahead(ms); }
  void flush() override {
    if (sink_) sink_->flush();
  }
  void spare() override {
    is_spared_ = true;
    if (sink_) sink_->spare();
  }
  void close() override {
    if (sink_ || (!is_spared_ && is_wanted_empty_())) created().close();
  }
  bool reader_gone() override { return sink_ && sink_->reader_gone(); }

 private:
  io::Sink& created() {
    if (!sink_) sink_ = create_();
    return *sink_;
  }

  std::function<std::unique_ptr<io::Sink>()> create_;
  std::function<bool()> is_wanted_empty_;
  std::unique_ptr<io::Sink> sink_;
  bool is_spared_ = false;
};

}  // namespace kutils::flow
