#include "flow/tasks/source_marks.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "flow/tasks/source_headers.h"
#include "flow/topology/stage.h"
#include "state/meta.h"

namespace kutils::flow {
namespace {

constexpr int64_t kNothing = INT64_MIN;
constexpr std::string_view kIdle = "-1";  // instead of a time; earlier versions ignore it

template <typename Number>
bool parse(const Header& header, Number& number) {
  const std::string_view text = header.value.view();
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

}  // namespace

SourceMarks::SourceMarks(int32_t sources, int32_t partitions, NextClose next_close)
    : sources_(std::max(sources, 1)),
      next_close_(std::move(next_close)),
      targets_(static_cast<size_t>(std::max(partitions, 1))) {}

void SourceMarks::tell(int32_t number, Source& source, int32_t partition, int64_t time) {
  int64_t& told = source.told[static_cast<size_t>(partition)];
  told_.push_back({number, partition, told});
  told = time;
}

SourceMarks::Source& SourceMarks::source_of(int32_t number) {
  if (number != last_number_ || !last_) {
    last_ = &known_.try_emplace(number, Source{kNothing, kNothing, {}}).first->second;
    last_number_ = number;
    if (last_->told.empty()) last_->told.assign(targets_.size(), kNothing);
  }
  return *last_;
}

void SourceMarks::read(int32_t number, int64_t now_us) {
  Source& source = source_of(number);
  if (std::exchange(source.wrote, false) || source.wrote_us == 0) {
    source.wrote_us = now_us;
    source.is_idle = false;
  } else if (now_us - source.wrote_us >= kSilentSourceMs * 1000) {
    passes_nothing(number, now_us);
  }
}

void SourceMarks::passes_nothing(int32_t number, int64_t now_us) {
  Source& source = source_of(number);
  source.wrote_us = now_us;
  source.is_idle = waits_ = true;
  due_us_ = now_us;
}

void SourceMarks::write_idle(const Write& write) const {
  std::vector<std::string> numbers;
  for (const auto& [number, source] : known_)
    if (source.is_idle) numbers.push_back(std::to_string(number));
  if (numbers.empty()) return;
  std::vector<Header> headers;
  for (const std::string& number : numbers) {
    headers.push_back({kSourcePartitionHeader, std::string_view(number)});
    headers.push_back({kSourceTimeHeader, kIdle});
  }
  Output mark;
  mark.headers = headers;
  mark.keeps_key = false;
  for (const auto& [number, source] : known_)
    if (source.time != kNothing) mark.timestamp = std::max(mark.timestamp, source.time);
  for (int32_t p = 0; p < static_cast<int32_t>(targets_.size()); ++p) {
    mark.partition = p;
    write(p, mark);
  }
}

void SourceMarks::wrote(int32_t number, int64_t time, int32_t partition) {
  source_of(number).wrote = true;
  last_->is_idle = false;  // what is combined goes on with the commit only
  if (time > last_->time) {
    last_->time = time;
    moved_ = true;
  }
  // A partition knows what its newest record told, which need not be the largest time.
  if (time > last_->told[static_cast<size_t>(partition)]) tell(number, *last_, partition, time);
}

bool SourceMarks::could_close(const std::vector<int32_t>& sources, int32_t partition) {
  int64_t told = kNothing, close = 0;
  for (const int32_t number : sources) {
    const Source& source = known_.at(number);
    const int64_t before = source.told[static_cast<size_t>(partition)];
    if (before == kNothing || !next_close_) return true;  // its first word
    if (before != std::exchange(told, before)) close = next_close_(before);
    if (close <= source.time) return true;
  }
  return false;
}

void SourceMarks::write(int64_t now_us, bool all, const Write& write) {
  if (!moved_ && !waits_) return;
  moved_ = waits_ = false;
  if (known_.empty()) return;
  write_idle(write);
  // Our share of what the group may write.
  const int64_t interval = kIntervalUs * sources_ / static_cast<int64_t>(known_.size());
  int64_t due = INT64_MAX;
  std::vector<int32_t> moved;
  std::vector<std::string> texts;
  std::vector<Header> headers;
  for (int32_t p = 0; p < static_cast<int32_t>(targets_.size()); ++p) {
    moved.clear();
    for (const auto& [number, source] : known_)
      if (source.told[static_cast<size_t>(p)] < source.time) moved.push_back(number);
    if (moved.empty()) continue;
    Target& target = targets_[static_cast<size_t>(p)];
    const bool is_due = all || now_us - target.last_us >= interval;
    const int64_t paid = std::max(target.paid_until_us, now_us);
    const bool may_now = paid - now_us <= (kBurst - 1) * kIntervalUs;
    if (!is_due && !(may_now && could_close(moved, p))) {
      waits_ = true;
      // The next second of a burst, or our turn. What could close by then is seen with the next commit.
      due = std::min(due, target.last_us + interval);
      if (!may_now) due = std::min(due, paid - (kBurst - 1) * kIntervalUs);
      continue;
    }
    target.last_us = now_us;
    target.paid_until_us = paid + kIntervalUs;
    texts.clear();
    texts.reserve(2 * moved.size());  // headers view them
    headers.clear();
    Output mark;
    for (const int32_t number : moved) {
      Source& source = known_.at(number);
      mark.timestamp = std::max(mark.timestamp, source.time);
      headers.push_back(
          {kSourcePartitionHeader, std::string_view(texts.emplace_back(std::to_string(number)))});
      headers.push_back(
          {kSourceTimeHeader, std::string_view(texts.emplace_back(std::to_string(source.time)))});
      tell(number, source, p, source.time);
    }
    mark.headers = headers;
    mark.keeps_key = false;
    mark.partition = p;
    write(p, mark);
  }
  due_us_ = due;
}

void SourceMarks::committed() {
  told_.clear();
  for (auto& [number, source] : known_) {
    source.time_before = source.time;
    source.is_idle = false;
  }
}

void SourceMarks::aborted() {
  for (auto undo = told_.rbegin(); undo != told_.rend(); ++undo) {
    const auto found = known_.find(undo->source);
    if (found != known_.end()) found->second.told[static_cast<size_t>(undo->partition)] = undo->before;
  }
  told_.clear();
  waits_ = false;
  for (auto& [number, source] : known_) {
    const int64_t time = source.time = source.time_before;
    waits_ =
        waits_ || source.is_idle ||
        std::any_of(source.told.begin(), source.told.end(), [time](int64_t told) { return told < time; });
  }
  if (waits_) due_us_ = 0;
}

void SourceMarks::forget(int32_t source) {
  known_.erase(source);
  last_ = nullptr;
}

bool is_mark(const Record& record) {
  const size_t n = record.headers.size();
  return record.value.is_null() && record.key.is_null() && n >= 2 &&
         record.headers[n - 2].name == kSourcePartitionHeader &&
         record.headers[n - 1].name == kSourceTimeHeader;
}

void read_mark(const Record& mark, const std::function<void(int32_t source, int64_t time)>& each) {
  for (size_t i = 0; i + 1 < mark.headers.size(); i += 2) {
    int32_t source = -1;
    int64_t time = 0;
    if (!parse(mark.headers[i], source) || !parse(mark.headers[i + 1], time) || source < 0) continue;
    each(source, time >= 0 ? time : state::kNoTime);
  }
}

}  // namespace kutils::flow
