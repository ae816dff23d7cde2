#include "kgen/cron.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <ctime>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kutils {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHorizonMs = int64_t{9} * 366 * 86'400'000;  // a 29 February may be eight years away

struct Word {
  const char* name;
  const char* fields;
};
constexpr Word kWords[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                           {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
                           {"@annually", "0 0 1 1 *"}};

struct Field {
  const char* name;
  int least, most;
  std::string_view names;  // of three letters each, from `first` on
  int first;
};
constexpr std::array<Field, 5> kFields = {{{"minute", 0, 59, {}, 0},
                                           {"hour", 0, 23, {}, 0},
                                           {"day of the month", 1, 31, {}, 0},
                                           {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
                                           {"day of the week", 0, 7, "sunmontuewedthufrisat", 0}}};

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    if (end > begin || at != ' ') parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<int> parse_value(const Field& field, std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size())
    return value >= field.least && value <= field.most ? std::optional<int>(value) : std::nullopt;
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const size_t at = name.size() == 3 ? field.names.find(name) : std::string_view::npos;
  if (at == std::string_view::npos || at % 3 != 0) return std::nullopt;
  return field.first + static_cast<int>(at / 3);
}

// `*`, `5`, `1-5`, `*/10`, `1-31/2`, several with commas. False: it is none.
template <size_t N>
bool parse_field(const Field& field, std::string_view text, std::bitset<N>& set) {
  for (const std::string_view part : split(text, ',')) {
    const size_t slash = part.find('/');
    const std::string_view range = part.substr(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) {
      const std::string_view digits = part.substr(slash + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
      if (error != std::errc() || end != digits.data() + digits.size() || step < 1) return false;
    }
    const size_t dash = range.find('-');
    std::optional<int> from = field.least, to = field.most;
    if (range != "*") {
      from = parse_value(field, range.substr(0, dash));
      if (dash != std::string_view::npos)
        to = parse_value(field, range.substr(dash + 1));
      else if (slash == std::string_view::npos)
        to = from;
    }
    if (!from || !to || *from > *to) return false;
    for (int value = *from; value <= *to; value += std::min(step, 60)) set.set(static_cast<size_t>(value));
  }
  return true;
}

}  // namespace

bool Cron::is_meant(const std::string& text) {
  return !text.empty() && (text[0] == '@' || text.find(' ') != std::string::npos);
}

Cron::Cron(const std::string& text, const std::string& what) {
  std::string fields = text;
  for (const Word& word : kWords)
    if (text == word.name) fields = word.fields;
  const std::vector<std::string_view> parts = split(fields, ' ');
  if (parts.size() != kFields.size())
    throw usage_error(
        what + ": '" + text + "' is not five fields of a crontab",
        "minute, hour, day of the month, month, day of the week: '*/5 * * * *'; or @hourly @daily "
        "@weekly @monthly @yearly");
  const auto parse = [&](size_t at, auto& set) {
    if (!parse_field(kFields[at], parts[at], set))
      throw usage_error(
          what + ": '" + std::string(parts[at]) + "' is not a value of the field " + kFields[at].name,
          "write " + std::to_string(kFields[at].least) + " to " + std::to_string(kFields[at].most) +
              ", *, */N, A-B, or several with commas");
  };
  parse(0, minutes_);
  parse(1, hours_);
  parse(2, days_);
  parse(3, months_);
  parse(4, weekdays_);
  weekdays_[0] = weekdays_[7] = weekdays_[0] || weekdays_[7];
  any_day_ = parts[2][0] == '*';
  any_weekday_ = parts[4][0] == '*';
  if (!next_after(SystemClock().wall_ms()))
    throw usage_error(what + ": there is no day such as '" + text + "'",
                      "30 February, for example, never comes");
}

// As in cron(8): where both days are given, either will do.
bool Cron::is_day(const struct tm& at) const {
  if (!months_[static_cast<size_t>(at.tm_mon + 1)]) return false;
  const bool day = days_[static_cast<size_t>(at.tm_mday)],
             weekday = weekdays_[static_cast<size_t>(at.tm_wday)];
  return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

std::optional<int64_t> Cron::next_after(int64_t ms) const {
  const int64_t until = ms + kHorizonMs;
  for (int64_t at = (ms / kMinuteMs + 1) * kMinuteMs; at < until;) {
    const auto seconds = static_cast<std::time_t>(at / 1000);
    struct tm local = {};
    localtime_r(&seconds, &local);
    if (!is_day(local) || !hours_[static_cast<size_t>(local.tm_hour)]) {
      at += (60 - local.tm_min) * kMinuteMs;  // the next hour
    } else if (!minutes_[static_cast<size_t>(local.tm_min)]) {
      at += kMinuteMs;
    } else {
      return at;
    }
  }
  return std::nullopt;
}

io::Fill CronSource::poll(Batch& batch, Millis wait) {
  int64_t now = clock_.wall_ms();
  if (!due_) due_ = cron_.next_after(now);
  if (!due_) return io::Fill::end;
  if (now < *due_) {
    // A signal ends the wait early; the loop looks at it. The clock may be set meanwhile.
    ::poll(nullptr, 0, static_cast<int>(std::min<int64_t>(*due_ - now, wait.count())));
    now = clock_.wall_ms();
    if (now < *due_) return io::Fill::nothing;
  }
  due_ = cron_.next_after(now);
  return inner_->poll(batch, wait);
}

}  // namespace kutils
