#include "io/record_search.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>

#include "base/error.h"
#include "io/first_record.h"

namespace kutils::io {
namespace {

using Clock = std::chrono::steady_clock;
constexpr Clock::duration kStallTimeout = std::chrono::seconds(30);
constexpr Millis kWait{100};

// Reads spans side by side, each from its low to its end or until `see` has seen enough of it; calls
// see(index, record) for each record, which returns false for enough, and see_end(index, offset) where no
// more can be read before a span's end.
template <typename See, typename SeeEnd>
void read_spans(const std::vector<SearchSpan>& spans, const MakeReader& make_reader, const See& see,
                const SeeEnd& see_end) {
  struct Open {
    size_t index;
    int64_t end;
  };
  std::map<kafka::TopicPartition, Open> open;
  std::vector<kafka::PartitionOffset> from;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].low >= spans[i].end) continue;
    open[spans[i].at] = {i, spans[i].end};
    from.push_back({spans[i].at, spans[i].low, {}});
  }
  if (open.empty()) return;
  const auto reader = make_reader();
  reader->start(from);
  const auto finish = [&](const kafka::TopicPartition& at) {
    if (open.erase(at) > 0) reader->stop(at);
  };
  auto progress = Clock::now();
  Batch batch;
  while (!open.empty()) {
    batch.clear();
    const kafka::Polled polled = reader->poll(batch, kWait);
    for (const Record& record : batch.records()) {
      const kafka::TopicPartition at{std::string(record.topic), record.partition};
      const auto found = open.find(at);
      if (found == open.end()) continue;
      const Open one = found->second;
      const bool goes_on = record.offset >= one.end || see(one.index, record);
      if (!goes_on || record.offset + 1 >= one.end) finish(at);
    }
    // The end of what can be read: behind it there may be control records, or an open transaction.
    for (const auto& met : polled.ends) {
      const auto found = open.find(met.at);
      if (found == open.end()) continue;
      if (met.offset < found->second.end) see_end(found->second.index, met.offset);
      finish(met.at);
    }
    if (!batch.empty() || !polled.ends.empty()) progress = Clock::now();
    if (Clock::now() - progress > kStallTimeout)
      throw Error(ExitCode::connection, "no answer from the brokers while looking for where to read",
                  "give -o with offsets");
  }
}

struct Seen {
  int64_t offset;
  int64_t time;
};

// The last `count` records of each span, the oldest first. `ends` become where the spans can be read to.
std::vector<std::deque<Seen>> last_records(const std::vector<SearchSpan>& spans, size_t count,
                                           const MakeReader& make_reader, std::vector<int64_t>& ends) {
  std::vector<std::deque<Seen>> last(spans.size());
  std::vector<int64_t> read_from;  // all from here on has been read
  for (const SearchSpan& span : spans) read_from.push_back(span.end);
  for (int64_t length = static_cast<int64_t>(std::max<size_t>(count, 50)) * 2;; length *= 2) {
    std::vector<SearchSpan> stretches;
    std::vector<size_t> whose;
    for (size_t i = 0; i < spans.size(); ++i) {
      if (read_from[i] <= spans[i].low || last[i].size() >= count) continue;
      const int64_t from = read_from[i] - std::min(length, read_from[i] - spans[i].low);
      stretches.push_back({spans[i].at, from, read_from[i]});
      whose.push_back(i);
      read_from[i] = from;
    }
    if (stretches.empty()) return last;
    std::vector<std::deque<Seen>> seen(stretches.size());
    read_spans(
        stretches, make_reader,
        [&](size_t i, const Record& record) {
          seen[i].push_back({record.offset, record.timestamp});
          if (seen[i].size() > count) seen[i].pop_front();
          return true;
        },
        [&](size_t i, int64_t offset) { ends[whose[i]] = std::min(ends[whose[i]], offset); });
    for (size_t i = 0; i < stretches.size(); ++i) {
      auto& kept = last[whose[i]];
      for (; !seen[i].empty() && kept.size() < count; seen[i].pop_back()) kept.push_front(seen[i].back());
    }
  }
}

}  // namespace

std::vector<int64_t> tail_starts(const std::vector<SearchSpan>& spans, int64_t count,
                                 const MakeReader& make_reader) {
  std::vector<int64_t> starts;
  int64_t all = 0;
  for (const SearchSpan& span : spans) {
    starts.push_back(count > 0 ? span.low : span.end);
    all += std::max<int64_t>(span.end - span.low, 0);
  }
  if (all <= count || count <= 0) return starts;
  for (size_t i = 0; i < spans.size(); ++i) starts[i] = spans[i].end;
  auto last = last_records(spans, static_cast<size_t>(count), make_reader, starts);
  for (int64_t taken = 0; taken < count; ++taken) {
    size_t newest = spans.size();
    for (size_t i = 0; i < spans.size(); ++i) {
      if (last[i].empty()) continue;
      if (newest == spans.size() || last[i].back().time > last[newest].back().time) newest = i;
    }
    if (newest == spans.size()) break;
    starts[newest] = last[newest].back().offset;
    last[newest].pop_back();
  }
  return starts;
}

std::vector<int64_t> first_at_or_after(const std::vector<SearchSpan>& spans, int64_t time_ms, bool to_start,
                                       const MakeReader& make_reader) {
  std::vector<int64_t> out;
  for (const SearchSpan& span : spans) out.push_back(span.end);
  read_spans(
      spans, make_reader,
      [&](size_t i, const Record& record) {
        if (record.timestamp < time_ms) return true;
        out[i] = record.offset;
        return false;
      },
      [&](size_t i, int64_t offset) {
        if (to_start) out[i] = offset;
      });
  return out;
}

std::vector<FirstRecord> first_records(const std::vector<SearchSpan>& spans, const MakeReader& make_reader) {
  std::vector<FirstRecord> out(spans.size());
  read_spans(
      spans, make_reader,
      [&](size_t index, const Record& record) {
        out[index].time_ms = record.timestamp;
        return false;
      },
      [&](size_t index, int64_t) { out[index].is_held_back = !out[index].time_ms; });
  return out;
}

}  // namespace kutils::io
