// Writes where the key belongs; a record that keeps its key keeps its partition where both topics have as
// many. Does not take `huge`.
#pragma once

#include <string>
#include <utility>

#include "base/murmur2.h"
#include "support/fake_broker.h"

namespace kutils::testing {

class KeyedSink final : public io::Sink {
 public:
  KeyedSink(FakeBroker& broker, kafka::Producer& producer, std::string topic)
      : broker_(broker), producer_(producer), topic_(std::move(topic)) {}
  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    if (output.key.view() == "huge" || output.value.view() == "huge")
      return RecordError{Reason::too_large, "too large"};
    const auto count = static_cast<uint32_t>(broker_.topics.at(topic_).size());
    const int32_t at = output.keeps_key && origin && origin->partition >= 0 &&
                               broker_.topics.at(std::string(origin->topic)).size() == count
                           ? origin->partition
                           : static_cast<int32_t>((murmur2(output.key.view()) & 0x7fffffff) % count);
    producer_.produce(topic_, at, output);
    return std::nullopt;
  }
  void flush() override { producer_.flush(); }

 private:
  FakeBroker& broker_;
  kafka::Producer& producer_;
  std::string topic_;
};

}  // namespace kutils::testing
