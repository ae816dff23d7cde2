#include "flow/run/processor.h"

#include "flow/tasks/source_headers.h"
#include "flow/topology/ports.h"

namespace kutils::flow {
namespace {

// Names key and window: they are the first fields of a result.
std::string beginning_of(const Output& output) {
  constexpr size_t kMost = 200;
  const std::string_view whole = (output.value.is_null() ? output.key : output.value).view();
  std::string_view text = whole.substr(0, kMost);
  if (text.size() < whole.size()) {  // between characters
    while (!text.empty() && (static_cast<unsigned char>(whole[text.size()]) & 0xc0) == 0x80)
      text.remove_suffix(1);
  }
  return std::string(text) + (text.size() < whole.size() ? "..." : "");
}

}  // namespace

void Processor::begin(std::span<const Record> records) {
  batch_ = records;
  ends_before_.reset();
  counted_.clear();
  taken_before_ = 0;
  last_refused_.reset();
}

size_t Processor::process(Stage& stage, std::span<const Record> records) {
  size_t taken = 0;
  if (records.size() > 1 && end_ == End::no) guarded([&] { stage.look_ahead(records); });
  for (const Record& record : records) {
    if (end_ != End::no) break;
    if (stop_.signal() != 0 && is_overdue()) {
      end_ = End::stopped;
      break;
    }
    current_ = &record;
    if (!batch_.empty()) taken_before_ = static_cast<size_t>(&record - batch_.data()) + 1;
    out_before_current_ = out_;
    if (reads_in_) {
      ++in_;
      ++report_.counts.in;
    }
    guarded([&] { stage.process(record, *this); });
    if (end_ == End::stopped) {
      if (reads_in_) --in_, --report_.counts.in;
      break;
    }
    ++taken;
    if (reads_in_ && reached(limits_.input, in_) && end_ == End::no) end_ = End::limit;
  }
  current_ = nullptr;
  if (reads_in_ && !batch_.empty() && taken > 0)
    counted_.push_back({static_cast<size_t>(records.data() - batch_.data()), taken});
  return taken;
}

// The current batch is finished, if that does not take long.
bool Processor::is_overdue() {
  const int64_t now = clock_.steady_us();
  if (stop_seen_us_ == 0) stop_seen_us_ = now;
  return now - stop_seen_us_ >= kStopTimeoutUs;
}

void Processor::bad_record(const Record& origin, const RecordError& error) {
  if (end_ != End::no) return;
  ++in_;
  ++report_.counts.in;
  out_before_current_ = out_;
  failed(&origin, error);
  ends_before_.reset();  // it stands between the batch's records, not among them
  if (reached(limits_.input, in_) && end_ == End::no) end_ = End::limit;
}

void Processor::emit(const Record* origin, const Output& output) {
  if (!committing_ && (end_ == End::failed || is_beyond(origin))) return;
  if (!limits_.stops_between_records && !committing_ && reached(limits_.output, out_)) return;
  const bool counts = writes_out_ || (output.port != 0 && output.port != kPastNext);
  refused_ = false;
  if (auto error = outputs_.write(origin, output)) {
    refused_ = true;
    if (output.is_result) {
      const char* when = origin || current_ ? "an output made when it came, " : "";
      error->message = when + beginning_of(output) + ": " + error->message;
    }
    failed(origin, *error, nullptr, &output);
    if (limits_.stateful && end_ == End::failed) failed_half_way_ = true;
    return;
  }
  if (!counts) return;
  ++out_;
  ++report_.counts.out;
  if (reached(limits_.output, out_) && end_ == End::no) reach_limit(origin);
}

void Processor::fail(const Record& origin, RecordError error) {
  if (end_ == End::failed || is_beyond(&origin)) return;
  failed(&origin, error);
}

void Processor::fail_made(const Record* origin, const Record& made, RecordError error) {
  if (!committing_ && (end_ == End::failed || is_beyond(origin))) return;
  failed(origin, error, &made);
  // Earlier operators hold the record's effects in their state.
  if (limits_.stateful && end_ == End::failed) failed_half_way_ = true;
}

void Processor::drop(const Record& origin, DropReason reason) {
  if (end_ != End::failed && !is_beyond(&origin)) report_.dropped(reason);
}

void Processor::reach_limit(const Record* origin) {
  end_ = End::limit;
  if (!limits_.stops_between_records || !origin || committing_ || batch_.empty()) return;
  const size_t at = index_of(*origin);
  // A stage that answers later has taken records behind this one.
  ends_before_ = at + 1;
  is_beyond_limit_ = limits_.stateful && taken_before_ > at + 1;
  uint64_t behind = current_ ? static_cast<uint64_t>(std::max<ptrdiff_t>(0, current_ - &batch_[at])) : 0;
  for (const auto& [first, count] : counted_)
    behind += first > at ? count : first + count > at + 1 ? first + count - at - 1 : 0;
  in_ -= behind;
  report_.counts.in -= behind;
}

bool Processor::is_beyond(const Record* origin) const {
  return end_ == End::limit && ends_before_ && origin && index_of(*origin) >= *ends_before_;
}

void Processor::failed(const Record* origin, const RecordError& error, const Record* made,
                       const Output* refused) {
  const bool is_of_many = refused && !origin;
  if (refused && origin && was_refused(*origin, error.reason)) return;
  if (!origin) origin = current_;  // it has set off what failed
  const bool ends = policy_ == OnError::Policy::fail;
  if (ends && is_on_trial_ && !current_) {
    end_ = End::failed;
    failed_on_trial_ = true;
    return;
  }
  const Record* const place = origin || !made ? origin : cause_;
  Record copy;
  const Record* shown = made ? made : place;
  if (!made && place && !reads_in_) shown = &(copy = source_record(*place, source_topic_));
  if (made && made->offset == kNoOffset) {
    copy = *made;
    if (place) copy.topic = place->topic, copy.partition = place->partition, copy.offset = place->offset;
    shown = &copy;
  }
  std::optional<std::string_view> result_of;
  if (refused && refused->is_result && limits_.stateful) result_of = refused->key.view();
  report_.failed(made && shown->offset == kNoOffset ? nullptr : shown, error, ends, result_of);
  if (policy_ == OnError::Policy::dead_letter && (shown || is_of_many)) {
    if (is_of_many) {
      outputs_.dead_result(*refused, error);
    } else {
      outputs_.dead_letter(*shown, error);
    }
    ++report_.counts.dead_letters;
  }
  if (!ends) return;
  end_ = End::failed;
  if (origin) ends_before_ = index_of(*origin);
  failed_half_way_ = (current_ && out_ > out_before_current_) || (committing_ && limits_.stateful);
}

bool Processor::was_refused(const Record& origin, Reason reason) {
  if (last_refused_ && last_refused_->offset == origin.offset && last_refused_->reason == reason &&
      last_refused_->partition == origin.partition && last_refused_->topic == origin.topic)
    return true;
  last_refused_ = Refused{std::string(origin.topic), origin.partition, origin.offset, reason};
  return false;
}

size_t Processor::index_of(const Record& origin) const {
  return place_of(origin).value_or(current_ ? static_cast<size_t>(current_ - batch_.data()) : 0);
}

std::optional<size_t> Processor::place_of(const Record& origin) const {
  const auto at = reinterpret_cast<uintptr_t>(&origin);
  const auto first = reinterpret_cast<uintptr_t>(batch_.data());
  if (at >= first && at < first + batch_.size_bytes()) return (at - first) / sizeof(Record);
  // A stage that kept a copy of the record: found by its place.
  for (size_t i = 0; i < batch_.size(); ++i) {
    if (batch_[i].offset == origin.offset && batch_[i].partition == origin.partition &&
        batch_[i].topic == origin.topic) {
      return i;
    }
  }
  return std::nullopt;
}

void Processor::end_as_failed(const Report::Counts& then) {
  end_ = End::failed;
  report_.counts.failures = then.failures;
  report_.counts.failures_by_reason = then.failures_by_reason;
}

void Processor::roll_back(const Checkpoint& to) {
  report_.counts = to.counts;
  in_ = to.in;
  out_ = to.out;
  end_ = reached(limits_.input, in_) || reached(limits_.output, out_) ? End::limit : End::no;
  failed_half_way_ = failed_on_trial_ = is_beyond_limit_ = false;
  last_refused_.reset();  // its dead letter was aborted
}

}  // namespace kutils::flow
