// run() with the machine's own parts; apart from run.cc, so that its tests need no librdkafka.
#include <cstdio>
#include <random>
#include <thread>

#include "base/murmur2.h"
#include "flow/run.h"

namespace kutils::flow {
namespace {

std::string random_token() {
  std::random_device random;
  char text[20];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return text;
}

class InterimSink final : public io::Sink {
 public:
  InterimSink(kafka::Producer& producer, std::string topic, int32_t partitions)
      : producer_(producer), topic_(std::move(topic)), partitions_(partitions) {}
  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    int32_t p = output.keeps_key && origin && origin->partition >= 0 ? origin->partition % partitions_
                : output.key.is_null()                               ? 0
                                       : murmur2_partition(output.key.view(), partitions_);
    producer_.produce(topic_, p, output);
    return std::nullopt;
  }
  void flush() override { producer_.flush(); }

 private:
  kafka::Producer& producer_;
  std::string topic_;
  int32_t partitions_;
};

}  // namespace

ExitCode run(const Job& job) {
  const SystemClock clock;
  StderrLog log(job.tool, job.quiet);
  const StopSignals stop;
  const std::string token = random_token();
  const kafka::ClientConfig& client = job.client;
  return run(
      job,
      Surroundings{
          clock,
          log,
          stop,
          [&] { return kafka::make_admin(client); },
          [&](const std::string& group, const std::string& instance) {
            return kafka::make_group_consumer(client, group, instance);
          },
          [&] { return kafka::make_idempotent_producer(client); },
          [&](const std::string& id) { return kafka::make_transactional_producer(client, id); },
          [&](kafka::Producer& producer, kafka::Admin& admin, const std::string& topic,
              const auto&) -> std::unique_ptr<io::Sink> {
            return std::make_unique<InterimSink>(producer, topic, admin.find_topic(topic)->partitions);
          },
          [&](kafka::Admin& admin, const Range& range, const std::vector<kafka::TopicPartition>& partitions) {
            std::vector<PartitionRange> ranges;
            for (const auto& at : partitions) {
              const auto marks = admin.watermarks(at);
              PartitionRange one{at, range.from == "end" ? marks.high : marks.low, std::nullopt};
              if (range.exit_at_end) one.end = marks.high;
              ranges.push_back(one);
            }
            return ranges;
          },
          {},
          [](Millis wait) { std::this_thread::sleep_for(wait); },
          token});
}

}  // namespace kutils::flow
