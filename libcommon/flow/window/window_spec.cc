#include "flow/window/window_spec.h"

#include <algorithm>
#include <utility>

#include "base/correction.h"
#include "base/duration.h"
#include "base/error.h"
#include "flow/window/calendar.h"

namespace kutils::flow {
namespace {

constexpr std::string_view kForms =
    "-w takes 30s (tumbling), 30s/5s (hopping), sliding:5m, session:30m, day, week or month";

int64_t positive_ms(std::string_view text) {
  const int64_t ms = parse_duration_option("-w", text).count();
  if (ms <= 0)
    throw usage_error("-w: '" + std::string(text) + "' must be longer than 0", std::string(kForms));
  return ms;
}

// Of one record: they are in memory together, a kilobyte or two each.
constexpr int64_t kMostWindows = 100'000;

std::string ms_text(int64_t ms) { return format_duration(std::chrono::milliseconds(ms)); }

// `10`, `10 seconds`, `tumbling:10s`, `hour`: what is meant; "" where it is not clear.
std::string window_in_words(std::string_view text) {
  if (const size_t slash = text.find('/'); slash != text.npos) {
    std::string length = window_in_words(text.substr(0, slash)),
                step = window_in_words(text.substr(slash + 1));
    const auto first = parse_duration(length), second = parse_duration(step);
    if (!first || !second || first->count() <= 0 || second->count() <= 0) return {};
    if (*second > *first) std::swap(length, step);
    return length + "/" + step;
  }
  std::string word;
  for (const char c : text)
    if (c != ' ') word += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const std::string_view kind : {"tumbling:", "tumble:", "hopping:", "hop:"})
    if (word.starts_with(kind)) word.erase(0, kind.size());
  if (parse_duration(word)) return word;
  if (word == "minutely") return "1m";
  if (word == "hourly") return "1h";
  if (word == "daily") return "day";
  if (word == "weekly") return "week";
  if (word == "monthly" || word == "1mo" || word == "1month") return "month";
  const size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  const std::string number = digits == 0 ? "1" : word.substr(0, digits), unit = word.substr(digits);
  constexpr std::pair<std::string_view, char> kUnits[] = {
      {"", 's'},     {"sec", 's'},   {"secs", 's'},   {"second", 's'},  {"seconds", 's'},
      {"min", 'm'},  {"mins", 'm'},  {"minute", 'm'}, {"minutes", 'm'}, {"hr", 'h'},
      {"hour", 'h'}, {"hours", 'h'}, {"days", 'd'},   {"weeks", 'w'}};
  for (const auto& [theirs, ours] : kUnits)
    if (unit == theirs && (digits > 0 || !unit.empty())) return number + ours;
  return {};
}

}  // namespace

WindowSpec parse_window_spec(std::string_view text, std::string_view align, std::string_view zone) {
  using Kind = WindowSpec::Kind;
  WindowSpec spec;
  const size_t slash = text.find('/');
  if (text == "day" || text == "week" || text == "month") {
    spec.kind = text == "day" ? Kind::day : text == "week" ? Kind::week : Kind::month;
    spec.zone = zone.empty() ? "UTC" : std::string(zone);
    check_zone(spec.zone);
  } else if (text.rfind("sliding:", 0) == 0) {
    spec.kind = Kind::sliding;
    spec.size = positive_ms(text.substr(8));
  } else if (text.rfind("session:", 0) == 0) {
    spec.kind = Kind::session;
    spec.size = positive_ms(text.substr(8));
  } else if (slash != std::string_view::npos) {
    const std::string meant = window_in_words(text);
    if (!meant.empty() && (!parse_duration(text.substr(0, slash)) || !parse_duration(text.substr(slash + 1))))
      throw CorrectedError("-w: '" + std::string(text) + "' is not a window", {.add = {{"-w", meant}}});
    spec.kind = Kind::hopping;
    spec.size = positive_ms(text.substr(0, slash));
    spec.advance = positive_ms(text.substr(slash + 1));
    if (spec.advance > spec.size)
      throw CorrectedError(
          "-w " + std::string(text) +
              ": the advance is longer than the window, so that some records are in no window",
          {.before = "SIZE comes first: ", .add = {{"-w", meant}}});
    if (spec.size / spec.advance > kMostWindows)
      throw usage_error("-w " + std::string(text) + ": each record would be in " +
                            std::to_string(spec.size / spec.advance) + " windows, at most " +
                            std::to_string(kMostWindows) + " are kept",
                        "write a longer ADVANCE, or sliding:" + std::string(text.substr(0, slash)) +
                            " for windows that follow the records");
  } else if (parse_duration(text)) {
    spec.size = spec.advance = positive_ms(text);
  } else {
    const std::string meant = window_in_words(text);
    const std::string what = "-w: '" + std::string(text) + "' is not a window";
    const bool is_number = text.find_first_not_of("0123456789") == text.npos;
    // As Kafka and its streams have lengths.
    if (const auto length = parse_duration(std::string(text) + "ms");
        is_number && length && *length >= std::chrono::seconds(1))
      throw CorrectedError(
          what,
          {.before = "a length has its unit; in seconds: -w " + meant + "\nin milliseconds: ",
           .add = {{"-w", ms_text(std::chrono::duration_cast<std::chrono::milliseconds>(*length).count())}}});
    if (text == "1M")
      throw CorrectedError(what, {.before = "a month is: -w month\na minute is: ", .add = {{"-w", meant}}});
    if (meant.empty()) throw usage_error(what, std::string(kForms));
    throw CorrectedError(what, {.add = {{"-w", meant}}});
  }
  if (!zone.empty() && !spec.is_calendar())
    throw usage_error("--tz goes with -w day, week and month only", "shift other windows with --align");
  if (!align.empty()) {
    if (spec.kind != Kind::tumbling && spec.kind != Kind::hopping)
      throw usage_error("--align goes with tumbling and hopping windows only");
    spec.align = parse_duration_option("--align", align).count() % spec.advance;
  }
  return spec;
}

int64_t next_close(const WindowSpec& spec, int64_t grace, int64_t time) {
  if (!spec.is_aligned()) return time + 1;
  // Days of all zones begin with a minute.
  constexpr int64_t kMinute = 60'000;
  const int64_t step = spec.is_calendar() ? kMinute : spec.advance;
  const int64_t first =
      spec.is_calendar() ? grace : spec.align + spec.size + grace;  // closes are this plus steps
  const int64_t beyond = ((time - first) % step + step) % step;
  return time - beyond + step;
}

std::string to_string(const WindowSpec& spec) {
  using Kind = WindowSpec::Kind;
  const std::string align = spec.align == 0 ? "" : " align " + ms_text(spec.align);
  switch (spec.kind) {
    case Kind::tumbling:
      return ms_text(spec.size) + align;
    case Kind::hopping:
      return ms_text(spec.size) + "/" + ms_text(spec.advance) + align;
    case Kind::sliding:
      return "sliding:" + ms_text(spec.size);
    case Kind::session:
      return "session:" + ms_text(spec.size);
    case Kind::day:
      return "day " + spec.zone;
    case Kind::week:
      return "week " + spec.zone;
    case Kind::month:
      return "month " + spec.zone;
  }
  return "?";
}

}  // namespace kutils::flow
