// Accessors of timestamps and durations, time zones by Howard Hinnant's date library; parse_time and
// format_time.
#include <date/date.h>
#include <date/tz.h>

#include <chrono>
#include <sstream>

#include "base/time_format.h"
#include "expr/registry.h"
#include "expr/text.h"
#include "expr/time_parser.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;
using Seconds = std::chrono::seconds;

// "+01:00", "-09:30", "02:00"; nullopt: not of this form.
std::optional<int64_t> fixed_offset(std::string_view zone) {
  const bool negative = !zone.empty() && zone[0] == '-';
  if (!zone.empty() && (zone[0] == '-' || zone[0] == '+')) zone.remove_prefix(1);
  if (zone.size() != 5 || zone[2] != ':') return std::nullopt;
  for (const size_t i : {size_t{0}, size_t{1}, size_t{3}, size_t{4}}) {
    if (zone[i] < '0' || zone[i] > '9') return std::nullopt;
  }
  const int64_t hours = (zone[0] - '0') * 10 + (zone[1] - '0');
  const int64_t minutes = (zone[3] - '0') * 10 + (zone[4] - '0');
  if (hours > 23 || minutes > 59) return std::nullopt;
  const int64_t offset = (hours * 60 + minutes) * 60;
  return negative ? -offset : offset;
}

// The zone of the machine on which the expression runs. No zone of the tz database has that name.
constexpr std::string_view kLocal = "local";

// Seconds east of UTC at that time; nullopt: no such zone.
std::optional<int64_t> offset_at(std::string_view zone, int64_t at) {
  if (zone == "UTC" || zone == "Z" || zone.empty()) return 0;
  if (zone == kLocal) return local_offset_at(at).seconds;
  if (const auto fixed = fixed_offset(zone)) return fixed;
  try {
    const auto* found = date::locate_zone(std::string(zone));
    return found->get_info(date::sys_seconds(Seconds(at))).offset.count();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

struct Local {
  date::year_month_day day;
  int64_t second_of_day = 0;
  date::sys_days days;
};

Local split(int64_t at) {
  int64_t days = at / 86'400;
  int64_t rest = at % 86'400;
  if (rest < 0) {
    rest += 86'400;
    --days;
  }
  const date::sys_days whole{date::days(days)};
  return {date::year_month_day(whole), rest, whole};
}

enum class Part {
  year,
  month,
  date,
  day_of_month,
  day_of_week,
  day_of_year,
  hour,
  minute,
  second,
  millisecond
};

template <Part part>
Value part_of(Context& context, Arguments a, size_t n) {
  const auto zone = n == 2 ? a[1].as_string() : std::string_view("UTC");
  const auto offset = offset_at(zone, a[0].seconds());
  if (!offset) return context.fail("no such time zone: " + shortened(zone, 40));
  const Local local = split(a[0].seconds() + *offset);
  switch (part) {
    case Part::year:
      return Value::integer(static_cast<int>(local.day.year()));
    case Part::month:
      return Value::integer(static_cast<int64_t>(static_cast<unsigned>(local.day.month())) - 1);
    case Part::date:
      return Value::integer(static_cast<unsigned>(local.day.day()));
    case Part::day_of_month:
      return Value::integer(static_cast<int64_t>(static_cast<unsigned>(local.day.day())) - 1);
    case Part::day_of_week:
      return Value::integer(date::weekday(local.days).c_encoding());
    case Part::day_of_year:
      return Value::integer((local.days - date::sys_days(local.day.year() / date::January / 1)).count());
    case Part::hour:
      return Value::integer(local.second_of_day / 3600);
    case Part::minute:
      return Value::integer(local.second_of_day / 60 % 60);
    case Part::second:
      return Value::integer(local.second_of_day % 60);
    case Part::millisecond:
      return Value::integer(a[0].nanoseconds() / 1'000'000);
  }
  return {};
}

// Of a duration: the whole in that unit, but the milliseconds are those within the second.
template <int64_t unit_ns>
Value duration_in(Context&, Arguments a, size_t) {
  return Value::integer(a[0].duration_ns() / unit_ns);
}
Value duration_milliseconds(Context&, Arguments a, size_t) {
  return Value::integer(a[0].duration_ns() / 1'000'000 % 1'000);
}

// The offset in the text settles what UTC it is; else the zone that is given; else it is UTC.
Value parse_time(Context& context, Arguments a, size_t n) {
  const auto format = a[1].as_string();
  std::string error;
  const auto written = parse_written_time(a[0].as_string(), format, error);
  if (!error.empty()) return context.fail(error);
  if (!written)
    return context.fail("'" + shortened(a[0].as_string()) + "' is not a time of the format " +
                        std::string(format));
  int64_t at = written->seconds;
  if (at < kMinSeconds || at > kMaxSeconds)
    return context.fail("parse_time() reaches from the year 1 to 9999");
  if (written->offset) {
    at -= *written->offset;
  } else if (n == 3) {
    const auto zone = a[2].as_string();
    if (const auto fixed = fixed_offset(zone)) {
      at -= *fixed;
    } else if (zone == kLocal) {
      at = seconds_of_local(at);
    } else {
      try {
        const auto* found = date::locate_zone(std::string(zone));
        at = found->to_sys(date::local_seconds(Seconds(at)), date::choose::earliest)
                 .time_since_epoch()
                 .count();
      } catch (const std::exception&) {
        return context.fail("no such time zone: " + shortened(zone, 40));
      }
    }
  } else if (!written->zone.empty() && written->zone != "UTC" && written->zone != "GMT" &&
             written->zone != "Z") {
    return context.fail("the offset of the zone " + shortened(written->zone, 40) +
                        " is not known: give parse_time() the zone's name as its third argument");
  }
  if (at < kMinSeconds || at > kMaxSeconds) return context.fail("the timestamp is out of range");
  return Value::timestamp(at, written->nanoseconds);
}

Value format_time(Context& context, Arguments a, size_t n) {
  const auto zone = n == 3 ? a[2].as_string() : std::string_view("UTC");
  const auto offset = offset_at(zone, a[0].seconds());
  if (!offset) return context.fail("no such time zone: " + shortened(zone, 40));
  const std::string format(a[1].as_string());
  context.steps(format.size());
  std::ostringstream out;
  out.imbue(std::locale::classic());
  const std::string abbreviation = zone == kLocal ? local_offset_at(a[0].seconds()).name : std::string(zone);
  const Seconds shift(*offset);
  const Seconds at(a[0].seconds() + *offset);
  // The fraction is shown in the precision that is needed: %S of whole seconds has none.
  if (a[0].nanoseconds() == 0) {
    date::to_stream(out, format.c_str(), date::local_seconds(at), &abbreviation, &shift);
  } else if (a[0].seconds() > INT64_MIN / 1'000'000'000 + 100'000 &&
             a[0].seconds() < INT64_MAX / 1'000'000'000 - 100'000) {
    const date::local_time<std::chrono::nanoseconds> whole(at + std::chrono::nanoseconds(a[0].nanoseconds()));
    if (a[0].nanoseconds() % 1'000'000 == 0)
      date::to_stream(out, format.c_str(), date::floor<std::chrono::milliseconds>(whole), &abbreviation,
                      &shift);
    else
      date::to_stream(out, format.c_str(), whole, &abbreviation, &shift);
  } else {
    return context.fail("format_time() reaches from 1678 to 2261 for fractions of a second");
  }
  if (out.fail()) return context.fail("cannot format a time as " + format);
  return context.string(out.str());
}

}  // namespace

std::span<const Function> time_functions() {
  static const std::vector<Function> kTable = {
      {"getFullYear",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::year>}, {kInt, {kTimestamp, kString}, part_of<Part::year>}},
       "TIMESTAMP.getFullYear([ZONE]) -> int",
       "the year; ZONE is a name (Europe/Berlin), an offset (+01:00) or local (this machine's zone), else UTC",
       "timestamp('2024-12-31T23:30:00Z').getFullYear('+01:00') == 2025"},
      {"getMonth",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::month>}, {kInt, {kTimestamp, kString}, part_of<Part::month>}},
       "TIMESTAMP.getMonth([ZONE]) -> int",
       "the month, January is 0",
       "timestamp('2024-05-01T00:00:00Z').getMonth() == 4"},
      {"getDate",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::date>}, {kInt, {kTimestamp, kString}, part_of<Part::date>}},
       "TIMESTAMP.getDate([ZONE]) -> int",
       "the day of the month, the first is 1",
       "timestamp('2024-05-01T00:00:00Z').getDate() == 1"},
      {"getDayOfMonth",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::day_of_month>},
        {kInt, {kTimestamp, kString}, part_of<Part::day_of_month>}},
       "TIMESTAMP.getDayOfMonth([ZONE]) -> int",
       "the day of the month, the first is 0",
       "timestamp('2024-05-01T00:00:00Z').getDayOfMonth() == 0"},
      {"getDayOfWeek",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::day_of_week>},
        {kInt, {kTimestamp, kString}, part_of<Part::day_of_week>}},
       "TIMESTAMP.getDayOfWeek([ZONE]) -> int",
       "the day of the week, Sunday is 0",
       "timestamp('2024-05-01T00:00:00Z').getDayOfWeek() == 3"},
      {"getDayOfYear",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::day_of_year>},
        {kInt, {kTimestamp, kString}, part_of<Part::day_of_year>}},
       "TIMESTAMP.getDayOfYear([ZONE]) -> int",
       "the day of the year, the first is 0",
       "timestamp('2024-02-01T00:00:00Z').getDayOfYear() == 31"},
      {"getHours",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::hour>},
        {kInt, {kTimestamp, kString}, part_of<Part::hour>},
        {kInt, {kDuration}, duration_in<3'600'000'000'000>}},
       "TIMESTAMP.getHours([ZONE]), DURATION.getHours() -> int",
       "the hour of the day; all hours of a duration",
       "timestamp('2024-05-01T12:00:00Z').getHours('Europe/Berlin') == 14"},
      {"getMinutes",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::minute>},
        {kInt, {kTimestamp, kString}, part_of<Part::minute>},
        {kInt, {kDuration}, duration_in<60'000'000'000>}},
       "TIMESTAMP.getMinutes([ZONE]), DURATION.getMinutes() -> int",
       "the minute of the hour; all minutes of a duration",
       "duration('1h30m').getMinutes() == 90"},
      {"getSeconds",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::second>},
        {kInt, {kTimestamp, kString}, part_of<Part::second>},
        {kInt, {kDuration}, duration_in<1'000'000'000>}},
       "TIMESTAMP.getSeconds([ZONE]), DURATION.getSeconds() -> int",
       "the second of the minute; all seconds of a duration",
       "duration('1m').getSeconds() == 60"},
      {"getMilliseconds",
       Form::method,
       {{kInt, {kTimestamp}, part_of<Part::millisecond>},
        {kInt, {kTimestamp, kString}, part_of<Part::millisecond>},
        {kInt, {kDuration}, duration_milliseconds}},
       "TIMESTAMP.getMilliseconds([ZONE]), DURATION.getMilliseconds() -> int",
       "the milliseconds within the second",
       "duration('1.25s').getMilliseconds() == 250"},
      {"parse_time",
       Form::function,
       {{kTimestamp, {kString, kString}, parse_time}, {kTimestamp, {kString, kString, kString}, parse_time}},
       "parse_time(STRING, FORMAT[, ZONE]) -> timestamp",
       "from text by strptime's format (%F %T, %d/%b/%Y:%H:%M:%S %z); ZONE where the text has no offset, else UTC",
       "parse_time('01/May/2024 14:00', '%d/%b/%Y %H:%M', 'Europe/Berlin') == timestamp('2024-05-01T12:00:00Z')",
       true},
      {"format_time",
       Form::function,
       {{kString, {kTimestamp, kString}, format_time},
        {kString, {kTimestamp, kString, kString}, format_time}},
       "format_time(TIMESTAMP, FORMAT[, ZONE]) -> string",
       "as text by strftime's format",
       "format_time(timestamp('2024-05-01T12:00:00Z'), '%Y-%m-%d %H', 'Europe/Berlin') == '2024-05-01 14'",
       true},
  };
  return kTable;
}

}  // namespace kutils::expr
