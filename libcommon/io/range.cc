#include "io/range.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/duration.h"
#include "base/error.h"
#include "base/time_format.h"
#include "io/read_as_utc.h"
#include "kafka/ends_of_many.h"

namespace kutils::io {
namespace {

constexpr WhereForm kForms[] = {
    {"beginning", "the oldest record that is stored (start, oldest, earliest, smallest)"},
    {"end", "the end at startup (newest, latest, largest)"},
    {"stored", "the offset that the group of -g committed; the beginning where it has none"},
    {"N", "the offset N, in each partition"},
    {"+N", "N records after the beginning of each partition"},
    {"-N", "N records before the end of each partition (--tail N: over all partitions)"},
    {"A:B",
     "from A up to, not including, B; a partition that does not reach to B yet is waited for, unless -e is given; 100: and :end have one side"},
    {"@T", "the first record at or after the time T (s@T)"},
    {"@T1:T2",
     "between two times; a plain duration as T2 counts from T1, @-2h:30m, or @-2h:+30m; a time of day is the next one behind T1"},
    {"T:", "times need no @ where they cannot be offsets: -2h:, 2026-01-31T09:30Z:+5m"},
    {"e@T", "from the beginning to the time T (:@T)"},
};
constexpr WhereForm kTimeForms[] = {
    {"2026-01-31", "midnight"},
    {"2026-01-31T09:30",
     "a space may stand for the T; seconds and their fraction may follow, and Z or +01:00"},
    {"09:30", "the last time that the clock showed it"},
    {"today", "midnight; also 'today 09:30'"},
    {"yesterday", "the midnight before"},
    {"1h", "an hour ago; also -1h, and 500ms 10s 5m 2d 1w"},
    {"+1h", "in an hour"},
    {"now", "the time of the call"},
    {"1769851800000", "milliseconds since the epoch"},
};

std::string all_of(std::span<const WhereForm> forms) {
  std::string out;
  for (const WhereForm& form : forms) out.append(out.empty() ? "" : ", ").append(form.text);
  return out;
}
std::string times() { return "times are written like " + all_of(kTimeForms); }
std::string grammar() { return "-o takes " + all_of(kForms) + ";\n" + times(); }

// As seconds 2001 to 2128; as ms 12 to 58 days after the epoch.
constexpr int64_t kSecondsFrom = 1'000'000'000, kSecondsUntil = 5'000'000'000;

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// An end of a range that is no time.
std::optional<Place> parse_place(std::string_view text) {
  if (text == "beginning" || text == "start" || text == "oldest" || text == "earliest" ||
      text == "smallest" || text == "stored")
    return Place{Place::Kind::beginning, 0};
  if (text == "end" || text == "newest" || text == "latest" || text == "largest")
    return Place{Place::Kind::end, 0};
  if (text.empty()) return std::nullopt;
  const char sign = text[0];
  const auto value = number(sign == '+' || sign == '-' ? text.substr(1) : text);
  if (!value || *value < 0) return std::nullopt;
  if (sign == '+') return Place{Place::Kind::after_begin, *value};
  if (sign == '-') return Place{Place::Kind::before_end, *value};
  return Place{Place::Kind::offset, *value};
}

// A time in seconds, as `date +%s` prints it, would be taken for one in January 1970: all that is there, or
// nothing.
void refuse_seconds(std::string_view text) {
  const auto value = number(text);
  if (!value || *value < kSecondsFrom || *value >= kSecondsUntil) return;
  throw usage_error(std::string(text) + " as a time is " + format_iso_ms(*value) +
                        ": it looks like seconds since the epoch, and ms are expected",
                    "write " + std::string(text) + "000, or " + format_iso_ms(*value * 1000));
}

// --since 300: five minutes are meant, and a time in January 1970 is all that is there.
void refuse_bare_length(const std::string& option, std::string_view text) {
  const auto value = number(text);
  if (!value || *value <= 0 || *value >= kSecondsFrom) return;
  throw usage_error(option + " " + std::string(text) + ": a time without unit is ms since the epoch, " +
                        format_iso_ms(*value),
                    "a length of time has its unit: " + option + " " + std::string(text) + "s");
}

Error not_a_time(const std::string& option, const std::string& text) {
  const std::string meant = duration_in_words(text);
  return usage_error(option + " " + text + ": not a time",
                     meant.empty() ? times() : "write: " + option + " " + meant);
}

// -o 5-10, 5..10, first: what is meant; "" where it is not clear.
std::string place_in_words(std::string_view text) {
  if (text == "first" || text == "begin" || text == "0%") return "beginning";
  if (text == "last") return "-1";
  if (text == "newest" || text == "tail") return "end";
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const size_t behind = text.find_first_not_of("-.", digits);
  if (digits == 0 || behind == text.npos || behind == digits ||
      text.find_first_not_of("0123456789", behind) != text.npos)
    return {};
  return std::string(text.substr(0, digits)) + ":" + std::string(text.substr(behind));
}

constexpr int64_t kDayMs = 86'400'000;

bool is_time_of_day(std::string_view text) {
  return text.size() > 2 && text[0] >= '0' && text[0] <= '9' && (text[1] == ':' || text[2] == ':');
}

// 09:30 and 12:05 are meant as times of day: offsets are not written with leading zeros. 12:30 may be offsets.
bool is_time_for_certain(std::string_view text) {
  const size_t colon = text.find(':');
  if (!is_time_of_day(text) || text.find(':', colon + 1) != text.npos || text.size() != colon + 3)
    return false;
  return (colon == 2 && text[0] == '0') || text[colon + 1] == '0';
}

// The clock that times without a zone are read on.
struct Now {
  int64_t ms;
  Zone zone;
};

std::optional<Place> parse_time(std::string_view text, const Now& now) {
  refuse_seconds(text);
  const auto ms = parse_time_ms(text, now.ms, now.zone);
  if (!ms) return std::nullopt;
  return Place{Place::Kind::time, *ms};
}

// A time of day that ends what began later on its day is the next day's.
std::optional<Place> after(const std::optional<Place>& first, std::string_view text,
                           std::optional<Place> second) {
  if (is_time_of_day(text) && first && first->kind == Place::Kind::time && second &&
      second->value < first->value)
    second->value += kDayMs;
  return second;
}

// The second time of @T1:T2: a plain duration counts from the first, a time of day is the next one behind it. An @
// in front of it may be written again.
std::optional<Place> parse_second_time(std::string_view text, const std::optional<Place>& first,
                                       const Now& now) {
  if (text.starts_with('@')) text.remove_prefix(1);
  if (text == "end") return Place{Place::Kind::end, 0};
  if (first && first->kind == Place::Kind::time && is_time_of_day(text))
    return parse_time(text, {first->value + kDayMs, now.zone});
  const std::string_view length = text.substr(text.starts_with('+') ? 1 : 0);
  if (first && !length.empty() && length[0] >= '0' && length[0] <= '9') {
    if (const auto duration = parse_duration(length))
      return Place{Place::Kind::time, first->value + std::chrono::duration_cast<Millis>(*duration).count()};
  }
  return parse_time(text, now);
}

std::optional<RangePlaces> parse_times(std::string_view text, const Now& now) {
  // Times have colons of their own: the first one that leaves two times, or none at all.
  if (const auto whole = parse_time(text, now)) return RangePlaces{*whole, std::nullopt};
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    const std::string_view left = text.substr(0, colon), right = text.substr(colon + 1);
    if (left.size() <= 2 && number(left)) continue;  // of a time of day, 09:30:10:30, not ms since the epoch
    std::optional<Place> from;
    if (!left.empty()) {
      from = parse_time(left, now);
      if (!from) continue;
    }
    if (right.empty()) {
      if (from) return RangePlaces{*from, std::nullopt};
      continue;
    }
    if (const auto to = parse_second_time(right, from, now)) return RangePlaces{from.value_or(Place{}), to};
  }
  return std::nullopt;
}

std::optional<RangePlaces> parse_plain(std::string_view text, const Now& now) {
  if (text.empty()) return RangePlaces{};
  if (const auto place = parse_place(text)) return RangePlaces{*place, std::nullopt};
  if (text[0] == '@') return parse_times(text.substr(1), now);
  if (text.substr(0, 2) == ":@") {
    const auto to = parse_time(text.substr(2), now);
    if (!to) return std::nullopt;
    return RangePlaces{Place{}, to};
  }
  if (text.substr(0, 2) == "s@") {
    const size_t second = std::min(text.find(":e@"), text.find(",e@"));
    const auto from = parse_time(text.substr(2, second == std::string_view::npos ? second : second - 2), now);
    if (!from) return std::nullopt;
    if (second == std::string_view::npos) return RangePlaces{*from, std::nullopt};
    const auto to = parse_time(text.substr(second + 3), now);
    if (!to) return std::nullopt;
    return RangePlaces{*from, to};
  }
  if (text.substr(0, 2) == "e@") {
    const auto to = parse_time(text.substr(2), now);
    if (!to) return std::nullopt;
    return RangePlaces{Place{}, to};
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  RangePlaces out;
  const std::string_view left = text.substr(0, colon), right = text.substr(colon + 1);
  if (!left.empty()) {
    const auto from = parse_place(left);
    if (!from) return std::nullopt;
    out.from = *from;
  }
  if (!right.empty()) {
    out.to = parse_place(right);
    if (!out.to) return std::nullopt;
  }
  if (left.empty() && right.empty()) return std::nullopt;
  return out;
}

// `-2h:`, `2026-01-31T09:30Z:+5m`: times need no @ where they cannot be offsets.
std::optional<RangePlaces> parse_from(std::string_view text, const Now& now) {
  const auto plain = parse_plain(text, now);
  return plain || text.starts_with('@') ? plain : parse_times(text, now);
}

int64_t offset_of(const Place& place, const kafka::Watermarks& marks, int64_t by_time) {
  const auto within = [&](int64_t offset) {
    return std::clamp(offset, marks.low, std::max(marks.low, marks.high));
  };
  switch (place.kind) {
    case Place::Kind::beginning:
      return marks.low;
    case Place::Kind::end:
      return marks.high;
    case Place::Kind::offset:
      return within(place.value);
    case Place::Kind::after_begin:
      return within(marks.low + place.value);
    case Place::Kind::before_end:
      return within(marks.high - place.value);
    case Place::Kind::time:
      return within(by_time);
  }
  return marks.low;
}

}  // namespace

std::span<const WhereForm> where_forms() { return kForms; }
std::span<const WhereForm> time_forms() { return kTimeForms; }

RangePlaces parse_range(const Range& range, int64_t now_ms) {
  const Now now{now_ms, range.zone};
  const auto parsed = parse_from(range.from, now);
  if (!parsed) {
    const std::string meant = place_in_words(range.from);
    throw usage_error("-o " + range.from + ": not a position in a topic",
                      parse_time(range.from, now) ? "a position by its time is: -o @" + range.from
                      : meant.empty()             ? grammar()
                                                  : "write: -o " + meant);
  }
  if (is_time_for_certain(range.from))
    throw usage_error("-o " + range.from + ": offsets have no zero in front, and a time of day needs an @",
                      "write: -o @" + range.from);
  RangePlaces out = *parsed;
  const bool says_start =
      !range.from.empty() && range.from != ":end" && range.from.substr(0, 2) != "e@" && range.from[0] != ':';
  const int starts = (says_start ? 1 : 0) + (range.since.empty() ? 0 : 1) + (range.tail ? 1 : 0);
  if (starts > 1) throw usage_error("-o, --since and --tail each say where to begin", "give one of them");
  if (!range.since.empty()) {
    refuse_bare_length("--since", range.since);
    const auto from = parse_time(range.since, now);
    if (!from) throw not_a_time("--since", range.since);
    out.from = *from;
  }
  if (range.tail) {
    if (*range.tail < 0) throw usage_error("--tail " + std::to_string(*range.tail) + ": negative");
    out.from = Place{Place::Kind::before_end, *range.tail};
  }
  if (!range.until.empty()) {
    if (out.to)
      throw usage_error("-o " + range.from + " and --until both say where to end", "give one of them");
    out.to = after(out.from, range.until, parse_time(range.until, now));
    if (!out.to) throw not_a_time("--until", range.until);
  }
  if (out.to && out.to->kind == Place::Kind::time && out.to->value > now_ms && !range.exit_at_end)
    throw usage_error(
        "the end of the range lies in the future: " + format_iso_ms(out.to->value),
        "records until then have not come yet; to end before: -e (at the current end), -c, -m or a signal");
  if (out.to && out.to->kind == Place::Kind::time && out.from.kind == Place::Kind::time &&
      out.to->value < out.from.value)
    throw usage_error("the range ends before it begins: " + format_iso_ms(out.from.value) + " to " +
                      format_iso_ms(out.to->value));
  if (out.to && out.to->kind == Place::Kind::offset && out.from.kind == Place::Kind::offset &&
      out.to->value < out.from.value)
    throw usage_error("-o " + range.from + ": ends before it begins",
                      parse_time(range.from, now) ? "a time of day is: -o @" + range.from : "");
  return out;
}

std::vector<std::string> read_as_utc(const Range& range, int64_t now_ms) {
  std::vector<std::string> notes;
  if (range.zone == Zone::local || local_zone_is_utc(now_ms)) return notes;
  const auto add = [&](const std::string& option, const std::string& times) {
    notes.push_back(option + " is read as UTC, " + times + "; for this machine's time add --local");
  };
  const auto utc = parse_from(range.from, {now_ms, Zone::utc}),
             local = parse_from(range.from, {now_ms, Zone::local});
  if (utc && local && (utc->from != local->from || utc->to != local->to)) {
    std::string times;
    for (const auto& place : {std::make_optional(utc->from), utc->to})
      if (place && place->kind == Place::Kind::time)
        times += (times.empty() ? "" : " to ") + format_iso_ms(place->value);
    add("-o " + range.from, times);
  }
  for (const auto& [option, text] : {std::pair{"--since ", range.since}, {"--until ", range.until}}) {
    const auto ms = parse_time_ms(text, now_ms);
    if (ms && depends_on_zone(text)) add(option + text, format_iso_ms(*ms));
  }
  return notes;
}

std::string duration_in_words(std::string_view text) {
  std::string word;
  for (const char c : text)
    if (c != ' ' && c != '_') word += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (word.starts_with("now-")) word.erase(0, 4);
  if (word.starts_with("last")) word.erase(0, 4);
  if (word.ends_with("ago")) word.erase(word.size() - 3);
  const size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  const std::string unit = word.substr(digits);
  constexpr std::pair<std::string_view, char> kUnits[] = {
      {"s", 's'},   {"sec", 's'},  {"secs", 's'},   {"second", 's'},  {"seconds", 's'}, {"m", 'm'},
      {"min", 'm'}, {"mins", 'm'}, {"minute", 'm'}, {"minutes", 'm'}, {"h", 'h'},       {"hr", 'h'},
      {"hrs", 'h'}, {"hour", 'h'}, {"hours", 'h'},  {"d", 'd'},       {"day", 'd'},     {"days", 'd'},
      {"w", 'w'},   {"week", 'w'}, {"weeks", 'w'}};
  for (const auto& [theirs, ours] : kUnits)
    if (unit == theirs && digits < 10) return (digits == 0 ? "1" : word.substr(0, digits)) + ours;
  return {};
}

std::string start_and_end(const std::vector<std::string>& places) {
  if (places.size() != 2) return {};
  const bool is_reversed = places[0].starts_with("e@");
  const std::string &start = places[is_reversed ? 1 : 0], &end = places[is_reversed ? 0 : 1];
  const bool is_range = start.starts_with("s@") && end.starts_with("e@") && start.find("e@") == start.npos;
  return is_range ? start + ":" + end : std::string();
}

std::vector<int32_t> parse_partitions(const std::string& text) {
  std::vector<int32_t> out;
  const auto bad = [&] {
    return usage_error("-p " + text + ": not a list of partitions", "write for example -p 0,2,4-7");
  };
  constexpr int64_t kMost = 1'000'000;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view item = std::string_view(text).substr(at, comma - at);
    const size_t dash = item.find('-');
    const auto first = number(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(item.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last > kMost) throw bad();
    for (int64_t p = *first; p <= *last; ++p) out.push_back(static_cast<int32_t>(p));
    at = comma + 1;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string deleted_text(const PartitionRange& range) {
  return range.at.topic + " [" + std::to_string(range.at.partition) + "]: offset " +
         std::to_string(range.deleted_from) +
         " was deleted by retention; the first record left is at offset " + std::to_string(range.from);
}

std::vector<PartitionRange> resolve_range(kafka::Admin& admin, const Range& range,
                                          const std::vector<kafka::TopicPartition>& partitions,
                                          int64_t now_ms, const MakeReader& make_reader) {
  const RangePlaces places = parse_range(range, now_ms);
  auto all_marks = kafka::ends_of_many(admin, partitions);
  const auto by_time = [&](const Place& place, bool to_start) {
    std::map<kafka::TopicPartition, int64_t> out;
    if (place.kind != Place::Kind::time) return out;
    if (!admin.is_in_memory()) {
      for (const auto& found : admin.offsets_for_time(partitions, place.value)) out[found.at] = found.offset;
    } else if (make_reader) {  // it cannot look up times
      for (const auto& [at, marks] : all_marks) out[at] = marks.low;
    } else {
      throw usage_error("the in-memory broker cannot look up offsets by time",
                        "give -o with offsets, or use a real broker");
    }
    if (!make_reader) return out;
    std::vector<SearchSpan> spans;
    for (const auto& [at, offset] : out)
      spans.push_back({at, std::max(offset, all_marks[at].low), all_marks[at].high});
    const auto exact = first_at_or_after(spans, place.value, to_start, make_reader);
    for (size_t i = 0; i < spans.size(); ++i) out[spans[i].at] = exact[i];
    return out;
  };
  auto from_times = by_time(places.from, true);
  auto to_times = places.to ? by_time(*places.to, false) : std::map<kafka::TopicPartition, int64_t>();
  std::vector<PartitionRange> out;
  std::vector<SearchSpan> spans;
  bool any_within = false;
  for (const auto& at : partitions) {
    const kafka::Watermarks marks = all_marks[at];
    PartitionRange one;
    one.at = at;
    one.from = offset_of(places.from, marks, from_times[at]);
    if (places.from.kind != Place::Kind::offset || places.from.value <= marks.high) any_within = true;
    // `-o 0` is another word for the beginning.
    if (places.from.kind == Place::Kind::offset && places.from.value > 0 && places.from.value < marks.low)
      one.deleted_from = places.from.value;
    if (places.to) {
      // An exact end may lie ahead: it is read up to there.
      one.end = places.to->kind == Place::Kind::offset ? places.to->value
                                                       : offset_of(*places.to, marks, to_times[at]);
    }
    if (range.exit_at_end) one.end = std::min(one.end.value_or(marks.high), marks.high);
    spans.push_back({at, marks.low, std::min(one.end.value_or(marks.high), marks.high)});
    out.push_back(one);
  }
  if (range.tail && make_reader) {
    const auto starts = tail_starts(spans, *range.tail, make_reader);
    for (size_t i = 0; i < out.size(); ++i) out[i].from = starts[i];
  }
  if (!any_within && !partitions.empty()) {
    const auto longest = *std::max_element(
        partitions.begin(), partitions.end(),
        [&](const auto& a, const auto& b) { return all_marks[a].high < all_marks[b].high; });
    throw usage_error(
        "offset " + std::to_string(places.from.value) + " is beyond the end of every partition read",
        longest.topic + " [" + std::to_string(longest.partition) + "]" +
            (partitions.size() == 1 ? " ends at " : ", the longest, ends at ") +
            std::to_string(all_marks[longest].high));
  }
  return out;
}

}  // namespace kutils::io
