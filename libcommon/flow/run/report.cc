#include "flow/run/report.h"

#include <algorithm>
#include <string_view>

#include "flow/errors/late_notes.h"

namespace kutils::flow {
namespace {

// A shell takes it as it is, too. An envelope that names its partition, but no topic, has its file's name.
bool is_topic(std::string_view name) {
  constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name[0] != '-' && name.find_first_not_of(safe) == std::string_view::npos;
}

// GROUP-repartition, GROUP-repartition-2 ... What it holds is deleted within seconds.
bool is_internal(std::string_view topic) {
  constexpr std::string_view kEnd = "-repartition";
  const size_t last = topic.find_last_not_of("0123456789");
  if (last + 1 < topic.size() && topic[last] == '-') topic = topic.substr(0, last);
  return topic.ends_with(kEnd);
}

// Values do not fill the screen: most messages cut them themselves, some quote what they got. A line with a
// caret below it is the expression's.
std::string without_long_values(const std::string& message) {
  constexpr size_t kMostBytes = 250;  // 200 of a value, and the words around it
  const size_t end = std::min(message.find('\n'), message.size());
  if (end <= kMostBytes) return message;
  size_t cut = kMostBytes;
  while (cut > 0 && (static_cast<unsigned char>(message[cut]) & 0xc0) == 0x80) --cut;
  return message.substr(0, cut) + "..." + message.substr(end);
}

// What messages that differ in their values only have in common: a source that is broken in one way says so in
// other words for each record. Values stand between quotes or are numbers; behind a semicolon stands advice. The
// expression, its place marked by the caret, is part of it.
std::string kind_of(const RecordError& error) {
  const std::string& message = error.message;
  const size_t end = std::min(message.find('\n'), message.size());
  std::string words = message.substr(0, end);
  const size_t first = words.find_first_of("'\"");
  if (first != words.npos) words.erase(first, words.find_last_of("'\"") - first + 1);
  words.erase(std::min(words.find(';'), words.size()));
  words.erase(std::remove_if(words.begin(), words.end(),
                             [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-'; }),
              words.end());
  return std::string(to_string(error.reason)) + ": " + words + message.substr(end);
}

}  // namespace

std::string describe_origin(const Record& origin) {
  std::string text(origin.topic);
  if (text == "-") text = "standard input";
  if (origin.partition == kNoPartition) return text + " line " + std::to_string(origin.offset + 1);
  return text + " [" + std::to_string(origin.partition) + "] @ " + std::to_string(origin.offset);
}

std::string show_command(const Record& origin) {
  if (origin.partition == kNoPartition || !is_topic(origin.topic) || is_internal(origin.topic)) return {};
  return "kread -c 1 -p " + std::to_string(origin.partition) + " -o " + std::to_string(origin.offset) + " " +
         std::string(origin.topic);
}

void Report::failed(const Record* origin, const RecordError& error, bool last,
                    std::optional<std::string_view> result_of) {
  const auto place = [&] {
    return origin ? describe_origin(*origin) : std::string("an output made from the state");
  };
  ++counts.failures;
  ++counts.failures_by_reason[to_string(error.reason)];
  if (!last) {
    if (shown_ >= kInFull) return;
    const std::string kind = result_of
                                 ? std::string(to_string(error.reason)) + " of key " + std::string(*result_of)
                                 : kind_of(error);
    const auto [said, is_new] = said_.try_emplace(kind, Said{error.message, 0});
    if (!is_new) {
      if (++said->second.again == 1) {
        ++told_;
        const bool is_equal = result_of || said->second.message == error.message;
        log_.error(place() + ": the same" + (is_equal ? "" : " with another value") +
                   "; more of these are counted, not shown");
      }
      return;
    }
  }
  ++shown_;
  ++told_;
  std::string text = place();
  text.append(": ").append(to_string(error.reason)).append(": ").append(without_long_values(error.message));
  if (origin) {
    const std::string command = show_command(*origin);
    if (!command.empty()) text.append("\n  to see it: ").append(command);
  }
  if (result_of && !last) text.append("\n  OUT keeps the value that it has for this key");
  if (last)
    text.append("\n  to continue past such records: --on-error skip, or dead-letter:TOPIC to keep them");
  log_.error(text);
  if (shown_ == kInFull && !last) log_.error("more of these are counted, not shown");
}

Report::Counts& Report::Counts::operator+=(const Counts& other) {
  in += other.in;
  out += other.out;
  dead_letters += other.dead_letters;
  repeated += other.repeated;
  failures += other.failures;
  for (size_t i = 0; i < kDropReasons; ++i) drops[i] += other.drops[i];
  for (const auto& [reason, count] : other.failures_by_reason) failures_by_reason[reason] += count;
  return *this;
}

std::string Report::summary() const {
  std::string text = std::to_string(counts.in) + " in, " + std::to_string(counts.out) + " out";
  for (size_t i = 0; i < Counts::kDropReasons; ++i) {
    if (counts.drops[i] == 0) continue;
    text.append(", ")
        .append(std::to_string(counts.drops[i]))
        .append(" ")
        .append(to_string(static_cast<DropReason>(i)));
  }
  if (counts.repeated > 0) text.append(", ").append(std::to_string(counts.repeated)).append(" seen before");
  if (counts.dead_letters > 0)
    text.append(", ").append(std::to_string(counts.dead_letters)).append(" dead letters");
  if (counts.failures > 0) {
    text.append(", ").append(std::to_string(counts.failures)).append(" failed (");
    bool first = true;
    for (const auto& [reason, count] : counts.failures_by_reason) {
      if (!first) text.append(", ");
      first = false;
      text.append(std::to_string(count)).append(" ").append(reason);
    }
    text.push_back(')');
  }
  return text;
}

void Report::say_summary(bool anyway) {
  if (counts.failures > told_) {
    log_.error(summary());
  } else if (anyway || noteworthy()) {
    log_.note(summary());
  }
  if (const std::string advice = late_advice(counts); !advice.empty()) log_.note(advice);
}

bool Report::noteworthy() const {
  if (counts.failures > 0 || counts.repeated > 0) return true;
  for (size_t i = 0; i < Counts::kDropReasons; ++i) {
    if (static_cast<DropReason>(i) != DropReason::filtered && counts.drops[i] > 0) return true;
  }
  return false;
}

}  // namespace kutils::flow
