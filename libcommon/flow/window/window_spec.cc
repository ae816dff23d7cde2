#include "flow/window/window_spec.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "base/correction.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/word_list.h"
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

// `10`, `10seconds`, `hour`, in small letters: what is meant; "" where it is not clear.
std::string length_in_words(const std::string& word) {
  if (parse_duration(word)) return word;
  if (word == "minutely") return "1m";
  if (word == "hourly") return "1h";
  if (word == "daily") return "day";
  if (word == "weekly") return "week";
  if (word == "monthly" || word == "1mo" || word == "1month") return "month";
  const size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  const std::string number = digits == 0 ? "1" : word.substr(0, digits), unit = word.substr(digits);
  constexpr std::pair<std::string_view, char> kUnits[] = {
      {"", 's'},     {"sec", 's'},    {"secs", 's'},    {"second", 's'}, {"seconds", 's'}, {"min", 'm'},
      {"mins", 'm'}, {"minute", 'm'}, {"minutes", 'm'}, {"hr", 'h'},     {"hour", 'h'},    {"hours", 'h'},
      {"day", 'd'},  {"days", 'd'},   {"week", 'w'},    {"weeks", 'w'}};
  for (const auto& [theirs, ours] : kUnits)
    if (unit == theirs && (digits > 0 || !unit.empty())) return number + ours;
  return {};
}

// `10 seconds`, `tumbling:10s`, `HOPPING (SIZE 10 MINUTES, ADVANCE BY 5 MINUTES)`, `session(30m)`: what is meant; "" where
// it is not clear.
std::string window_in_words(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::string_view(" ,:()/").find(c) == std::string_view::npos)
      words.back() += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    else if (!words.back().empty())
      words.emplace_back();
  }
  std::erase_if(words,
                [](const std::string& one) { return has_word("size advance by every window of", one); });
  std::erase(words, "");
  std::string kind;
  if (!words.empty() && has_word("tumbling tumble hopping hop sliding slide session", words.front())) {
    kind = words.front();
    words.erase(words.begin());
  }
  std::vector<std::string> lengths;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    const bool is_number = word.find_first_not_of("0123456789") == word.npos;
    if (is_number && i + 1 < words.size() && !std::isdigit(static_cast<unsigned char>(words[i + 1][0])))
      word += words[++i];
    lengths.push_back(length_in_words(word));
    if (lengths.back().empty()) return {};
  }
  if (lengths.size() == 1 && kind.starts_with("s"))
    return parse_duration(lengths[0]) ? (kind == "session" ? "session:" : "sliding:") + lengths[0] : "";
  if (lengths.size() == 1) return lengths[0];
  // `1 hour 30 minutes` is one length.
  const bool are_two = kind.starts_with("hop") || text.find_first_of(",/") != text.npos;
  if (lengths.size() != 2 || !are_two || kind.starts_with("s")) return {};
  const auto first = parse_duration(lengths[0]), second = parse_duration(lengths[1]);
  if (!first || !second || first->count() <= 0 || second->count() <= 0) return {};
  if (*second > *first) std::swap(lengths[0], lengths[1]);
  return lengths[0] + "/" + lengths[1];
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
    throw CorrectedError(
        "--tz goes with -w day, week and month only",
        {.before = "other windows are shifted by --align; days of that zone: ", .add = {{"-w", "day"}}});
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
