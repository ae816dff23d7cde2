#include "io/record_search.h"

#include <map>

#include "support/catch.h"

using namespace kutils;
using namespace kutils::io;

namespace {

// A log with gaps: offset -> time. Each poll gives two records of each partition, and its end when nothing is
// left.
struct Log {
  std::map<int64_t, int64_t> records;
  int64_t end = 0;
};
using Logs = std::map<int32_t, Log>;

class LogReader final : public kafka::PartitionReader {
 public:
  LogReader(const Logs& logs, int& opened) : logs_(logs) { ++opened; }
  void start(const std::vector<kafka::PartitionOffset>& from) override {
    for (const auto& one : from) next_[one.at] = one.offset;
  }
  void stop(const kafka::TopicPartition& at) override { next_.erase(at); }
  kafka::Polled poll(Batch& batch, Millis) override {
    kafka::Polled out;
    for (auto& [at, next] : next_) {
      const Log& log = logs_.at(at.partition);
      auto record = log.records.lower_bound(next);
      for (int i = 0; i < 2 && record != log.records.end(); ++i, ++record) {
        Record one;
        one.topic = "t";
        one.partition = at.partition;
        one.offset = record->first;
        one.timestamp = record->second;
        batch.records().push_back(one);
        next = record->first + 1;
      }
      if (record == log.records.end()) out.ends.push_back({at, log.end, {}});
    }
    return out;
  }

 private:
  const Logs& logs_;
  std::map<kafka::TopicPartition, int64_t> next_;
};

std::vector<SearchSpan> spans_of(const Logs& logs) {
  std::vector<SearchSpan> out;
  for (const auto& [partition, log] : logs) out.push_back({{"t", partition}, 0, log.end});
  return out;
}

}  // namespace

TEST_CASE("the last records, however far apart their offsets are") {
  Logs logs;
  for (int64_t i = 0; i < 10; ++i) {
    logs[0].records[i * 1000] = 100 + 2 * i;      // ... 116, 118
    logs[1].records[i * 1000 + 5] = 101 + 2 * i;  // ... 117, 119
  }
  logs[0].end = logs[1].end = 20'000;
  logs[2].end = 500;  // only aborted records
  int opened = 0;
  const MakeReader reader = [&] { return std::make_unique<LogReader>(logs, opened); };
  const auto tail = [&](int64_t count) { return tail_starts(spans_of(logs), count, reader); };
  CHECK(tail(0) == std::vector<int64_t>{20'000, 20'000, 500});
  CHECK(opened == 0);
  CHECK(tail(1) == std::vector<int64_t>{20'000, 9005, 500});
  CHECK(tail(3) == std::vector<int64_t>{9000, 8005, 500});
  CHECK(tail(20) == std::vector<int64_t>{0, 5, 500});
  CHECK(tail(21) == std::vector<int64_t>{0, 5, 500});
  opened = 0;
  CHECK(tail(1'000'000) == std::vector<int64_t>{0, 0, 0});
  CHECK(opened == 0);  // there cannot be more
}

TEST_CASE("the first record of a time") {
  Logs logs;
  logs[0].records = {{0, 10}, {2, 30}, {4, 20}, {6, 40}};
  logs[0].end = 8;
  logs[1].end = 3;
  int opened = 0;
  const MakeReader reader = [&] { return std::make_unique<LogReader>(logs, opened); };
  const auto first = [&](int64_t time) { return first_at_or_after(spans_of(logs), time, true, reader); };
  CHECK(first(0) == std::vector<int64_t>{0, 3});
  CHECK(first(20) == std::vector<int64_t>{2, 3});
  CHECK(first(31) == std::vector<int64_t>{6, 3});
  CHECK(first(41) == std::vector<int64_t>{8, 3});
}

// What it has comes with its commit: a start behind it would pass that over in silence.
TEST_CASE("an open transaction holds back the end of what can be read") {
  Logs logs;
  logs[0].records = {{0, 10}, {2, 30}};
  logs[0].end = 4;
  logs[1].end = 3;  // nothing before it
  int opened = 0;
  const MakeReader reader = [&] { return std::make_unique<LogReader>(logs, opened); };
  const std::vector<SearchSpan> spans{{{"t", 0}, 0, 100}, {{"t", 1}, 0, 100}};
  CHECK(first_at_or_after(spans, 20, true, reader) == std::vector<int64_t>{2, 3});
  CHECK(first_at_or_after(spans, 40, true, reader) == std::vector<int64_t>{4, 3});
  CHECK(first_at_or_after(spans, 20, false, reader) == std::vector<int64_t>{2, 100});
  CHECK(first_at_or_after(spans, 40, false, reader) == std::vector<int64_t>{100, 100});
  CHECK(tail_starts(spans, 1, reader) == std::vector<int64_t>{2, 3});
}
