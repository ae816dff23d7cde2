// Outputs over one sink per port and one for dead letters.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/topology/outputs.h"
#include "io/sink.h"

namespace kutils::flow {

class SinkOutputs final : public Outputs {
 public:
  // Makes the sink of a port that a record has named (ports.h).
  using OpenNamed = std::function<std::unique_ptr<io::Sink>(uint32_t port)>;

  // `dead_letters` may be null if no policy asks for it. Owns the sinks.
  SinkOutputs(std::string tool, std::vector<std::unique_ptr<io::Sink>> ports,
              std::unique_ptr<io::Sink> dead_letters, OpenNamed open_named = {})
      : tool_(std::move(tool)),
        ports_(std::move(ports)),
        dead_letters_(std::move(dead_letters)),
        open_named_(std::move(open_named)) {}

  std::optional<RecordError> write(const Record* origin, const Output& output) override;
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return ports_.at(0)->too_far_ahead(ms); }
  void dead_letter(const Record& origin, const RecordError& error) override;
  void dead_result(const Output& result, const RecordError& error) override {
    dead_result(Record(), result, error);
  }
  // `from`: the partition whose state made it.
  void dead_result(const Record& from, const Output& result, const RecordError& error);
  void flush();
  void spare();
  void close();  // see io::Sink
  bool reader_gone();

 private:
  std::string tool_;
  std::vector<std::unique_ptr<io::Sink>> ports_;
  std::unique_ptr<io::Sink> dead_letters_;
  OpenNamed open_named_;
  std::map<uint32_t, std::unique_ptr<io::Sink>> named_;  // by port
};

}  // namespace kutils::flow
