#include "flow/membership/begin_marks.h"

#include <algorithm>
#include <chrono>

#include "data/batch.h"
#include "kafka/ends_of_many.h"

namespace kutils::flow {
namespace {

constexpr Millis kReadLimit{3000};
// Of one look. Where it begins within an open transaction, nothing comes: no record, and no end before that is over.
constexpr Millis kLookLimit{700};
constexpr Millis kGlance{50};
// Behind the last record of a transaction is its marker, and more than one may stand there.
constexpr int64_t kFirstStep = 8;
constexpr int64_t kStepFactor = 64;

// One look at each of `open`, from `step` offsets before its place on. Those that have a record there leave `open`.
void look_back(kafka::PartitionReader& reader, const Environment& around, int64_t step, int64_t until_us,
               const std::map<kafka::TopicPartition, kafka::Watermarks>& logs,
               std::map<kafka::TopicPartition, int64_t>& open, Marks& found) {
  std::vector<kafka::PartitionOffset> from;
  for (const auto& [at, place] : open) from.push_back({at, std::max(logs.at(at).low, place - step), {}});
  reader.start(from);
  std::map<kafka::TopicPartition, int64_t> reading = open;
  const auto done = [&](const kafka::TopicPartition& at) {
    reader.stop(at);
    reading.erase(at);
    if (found.count(at) > 0) open.erase(at);
  };
  while (!reading.empty() && around.clock.steady_us() < until_us && around.stop.signal() == 0) {
    Batch batch;
    const kafka::Polled polled = reader.poll(batch, kGlance);
    for (const Record& record : batch.records()) {
      const kafka::TopicPartition at{std::string(record.topic), record.partition};
      const auto place = reading.find(at);
      if (place == reading.end()) continue;
      if (record.offset < place->second) found[at] = {record.offset, digest_of(record)};
      if (record.offset + 1 >= place->second) done(at);
    }
    for (const auto& end : polled.ends)
      if (reading.count(end.at) > 0) done(end.at);
  }
  for (const auto& [at, place] : std::map(reading)) done(at);
}

}  // namespace

Marks begin_marks(const Environment& around, kafka::Admin& admin,
                  const std::vector<kafka::PartitionOffset>& starts) {
  Marks found;
  std::map<kafka::TopicPartition, int64_t> open;
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& one : starts) {
    if (one.offset <= 0) continue;
    open[one.at] = one.offset;
    partitions.push_back(one.at);
  }
  if (open.empty() || !around.make_mark_reader) return found;
  const auto logs = kafka::ends_of_many(admin, partitions);
  std::erase_if(open, [&](const auto& one) {
    return one.second <= logs.at(one.first).low || one.second > logs.at(one.first).high;
  });
  const int64_t until_us = around.clock.steady_us() + std::chrono::microseconds(kReadLimit).count();
  try {
    std::unique_ptr<kafka::PartitionReader> reader;
    for (int64_t step = kFirstStep; !open.empty(); step *= kStepFactor) {
      if (!reader) reader = around.make_mark_reader();
      const auto looked_at = open;
      const int64_t look_us = around.clock.steady_us() + std::chrono::microseconds(kLookLimit).count();
      look_back(*reader, around, step, std::min(until_us, look_us), logs, open, found);
      // Read from its first record on: there is none.
      for (const auto& [at, place] : looked_at)
        if (place - step <= logs.at(at).low) open.erase(at);
      if (around.clock.steady_us() >= until_us || around.stop.signal() != 0) break;
    }
  } catch (const kafka::KafkaError&) {
    // What it was to read at is gone meanwhile, or the reader cannot go on: the first record that is read becomes the mark.
  }
  return found;
}

}  // namespace kutils::flow
