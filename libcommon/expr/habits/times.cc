// Times: _ts beside a time, durations, functions of dates.
#include <cctype>

#include "base/duration.h"
#include "base/time_format.h"
#include "expr/habits/rules.h"
#include "expr/habits/words.h"

namespace kutils::expr::habits {
namespace {

using Done = std::optional<std::string>;

// "2024", "2024-05-01 12:30" as RFC 3339 has it, in quotes; else empty.
std::string full_time(const std::string& quoted) {
  constexpr std::string_view kRest = "0000-01-01T00:00:00Z";
  if (quoted.size() < 6) return {};
  std::string time = quoted.substr(1, quoted.size() - 2);
  if (time.size() > 10 && time[10] == ' ') time[10] = 'T';
  const auto iso = parse_iso(time);
  if (iso && iso->is_rfc3339) return '"' + time + '"';
  if (time.size() != 4 && time.size() != 7 && time.size() != 10 && time.size() != 16 && time.size() != 19)
    return {};
  for (size_t at = 0; at < time.size(); ++at) {
    const bool digit = std::isdigit(static_cast<unsigned char>(kRest[at])) != 0;
    if (digit ? !std::isdigit(static_cast<unsigned char>(time[at])) : time[at] != kRest[at]) return {};
  }
  return '"' + time + std::string(kRest.substr(time.size())) + '"';
}

bool is_day(const std::string& quoted) { return quoted.size() == 12 && !full_time(quoted).empty(); }

// Compared with a day's text.
constexpr const char* kDayOfRecord = "format_time(_time, \"%Y-%m-%d\")";

// An operand: the pieces [begin, end).
struct Side {
  size_t begin, end;
  bool is_one() const { return end == begin + 1; }
};

bool is_record_time(const Pieces& p, const Side& side) {
  return side.is_one() && (p.is(side.begin, "_ts") || p.is(side.begin, "_time"));
}

bool is_time(const Pieces& p, const Side& side) {
  const size_t at = side.begin;
  return (side.is_one() && p.is(at, "_time")) ||
         ((p.is(at, "now") || p.is(at, "timestamp") || p.is(at, "timestamp_ms")) && p.is(at + 1, "(") &&
          p.behind_bracket(at + 1) == side.end);
}

bool is_field(const Pieces& p, const Side& side) {
  for (size_t at = side.begin; at < side.end; ++at)
    if (p[at].kind != Piece::Kind::word && !p.is(at, ".")) return false;
  return p[side.begin].text[0] != '_' && !p.is(side.begin, "null");
}

// 1h, "1d", "24 hours ago" as our duration; else empty.
std::string as_duration(const Pieces& p, const Side& side) {
  if (!side.is_one()) {
    const bool is_call = p.is(side.begin, "duration") && p.is(side.begin + 1, "(") &&
                         p.behind_bracket(side.begin + 1) == side.end;
    return is_call ? p.written(side.begin, side.end) : std::string();
  }
  const Piece& piece = p[side.begin];
  std::string text = piece.text;
  if (piece.kind == Piece::Kind::string) text = text.size() > 2 ? text.substr(1, text.size() - 2) : "";
  if (text.ends_with(" ago")) text.resize(text.size() - 4);
  if (text.starts_with("-")) text.erase(0, 1);
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == text.npos || digits > 6) return {};
  std::string unit = text.substr(text.find_first_not_of(' ', digits));
  for (const std::string_view one : {"second", "minute", "hour", "day", "week"})
    if (unit == one || unit == std::string(one) + "s") unit = one[0];
  if (unit == "w") {
    text = std::to_string(std::stoi(text) * 7);
    unit = "d";
  } else {
    text.resize(digits);
  }
  text += unit;
  const auto length = parse_duration(text);
  return length ? "duration(\"" + text + "\")" : std::string();
}

// `now() - "1d"`, `_time > "1h"`: a length of time where a time is compared or moved.
Done length_beside_time(const Pieces& p, size_t i) {
  const Side left{p.primary_before(i), i}, right{i + 1, p.primary_after(i + 1)};
  if (left.begin == i || right.end == right.begin || p.is_arithmetic(right.end)) return std::nullopt;
  const std::string length = as_duration(p, right);
  if (length.empty()) return std::nullopt;
  const bool moves = p.is(i, "-") || p.is(i, "+");
  const bool is_record = is_record_time(p, left);
  if (!is_record && !is_time(p, left)) return std::nullopt;
  const std::string time = is_record ? "_time" : p.written(left.begin, left.end);
  const std::string between = " " + p[i].text + " ";
  // The difference of two times is a length itself.
  const bool is_difference = left.begin > 0 && p.is(left.begin - 1, "-");
  if (moves || is_difference) {
    if (p[right.begin].kind == Piece::Kind::word) return std::nullopt;  // it is one already
    return p.replaced(left.begin, right.end, time + between + length);
  }
  if (p.is(i, "==") || p.is(i, "!=")) return std::nullopt;
  return p.replaced(left.begin, right.end, time + between + "now() - " + length);
}

// `_ts > now()`, `_time == "2024-05-01"`, `created > timestamp("...")`: a number or a text beside a time.
Done time_comparison(const Pieces& p, size_t i) {
  const std::string& symbol = p[i].text;
  const Side left{p.primary_before(i), i}, right{i + 1, p.primary_after(i + 1)};
  if (left.begin == i || right.end == right.begin) return std::nullopt;
  if (auto done = length_beside_time(p, i)) return done;
  // now() - duration("1h") < _ts
  if (symbol != "-" && right.is_one() && p.is(right.begin, "_ts") && p.is(left.begin, "duration") &&
      left.begin > 3 && (p.is(left.begin - 1, "-") || p.is(left.begin - 1, "+")))
    return p.replaced(right.begin, right.end, "_time");
  for (const auto& [time, other] : {std::pair{left, right}, {right, left}}) {
    const bool is_left = time.begin == left.begin;
    const auto both = [&](const std::string& ours, const std::string& theirs) {
      return p.replaced(left.begin, right.end,
                        (is_left ? ours : theirs) + " " + symbol + " " + (is_left ? theirs : ours));
    };
    if (is_time(p, other) && p.is(time.begin, "_ts") && time.is_one())
      return p.replaced(time.begin, time.end, "_time");
    if (symbol == "-") continue;
    if (is_record_time(p, time) && other.is_one() && p[other.begin].kind == Piece::Kind::string) {
      const std::string& text = p[other.begin].text;
      if (is_day(text) && (symbol == "==" || symbol == "!=")) return both(kDayOfRecord, text);
      const std::string full = full_time(text);
      if (!full.empty()) return both("_time", "timestamp(" + full + ")");
    }
    // A field is never a time.
    if (is_time(p, time) && is_field(p, other))
      return p.replaced(other.begin, other.end, "timestamp(" + p.written(other.begin, other.end) + ")");
  }
  return std::nullopt;
}

// _time in ["2024-05-01", "2024-05-02"]
Done time_in(const Pieces& p, size_t i) {
  if (i == 0 || !is_record_time(p, {p.primary_before(i), i}) || !p.is(i + 1, "[")) return std::nullopt;
  const size_t behind = p.behind_bracket(i + 1);
  bool are_days = true;
  std::string times;
  for (size_t at = i + 2; at + 1 < behind; at += 2) {
    if (p[at].kind != Piece::Kind::string || !(p.is(at + 1, ",") || at + 2 == behind)) return std::nullopt;
    const std::string time = full_time(p[at].text);
    if (time.empty()) return std::nullopt;
    are_days &= is_day(p[at].text);
    times += (times.empty() ? "" : ", ") + ("timestamp(" + time + ")");
  }
  if (times.empty()) return std::nullopt;
  return are_days ? p.replaced(i - 1, i, kDayOfRecord)
                  : p.replaced(i - 1, behind, "_time in [" + times + "]");
}

// INTERVAL '1 hour', interval 1 hour
Done interval(const Pieces& p, size_t i) {
  size_t end = i + 2;
  std::string text;
  if (i + 1 < p.size() && p[i + 1].kind == Piece::Kind::string)
    text = p[i + 1].text.substr(1, p[i + 1].text.size() - 2);
  else if (i + 2 < p.size() && p[i + 1].kind == Piece::Kind::number)
    text = p.written(i + 1, ++end);
  const size_t space = text.find(' ');
  if (space == text.npos || space == 0 || text.find_first_not_of("0123456789") != space) return std::nullopt;
  const std::string unit = text.substr(space + 1);
  for (const std::string_view one : {"second", "minute", "hour", "day"})
    if (unit == one || unit == std::string(one) + "s")
      return p.replaced(i, end, "duration(\"" + text.substr(0, space) + one[0] + "\")");
  return std::nullopt;
}

// A value that other languages compare with a time directly.
std::string as_time(const std::string& what) {
  if (what == "_ts") return "_time";
  return what == "now()" ? what : "timestamp(" + what + ")";
}

}  // namespace

// The patterns of to_char ('YYYY-MM-DD HH24:MI:SS') and of Java ("yyyy-MM-dd HH:mm:ss") as strftime's; empty: not known.
static std::string as_strftime(const std::string& quoted, bool is_java) {
  constexpr std::pair<std::string_view, std::string_view> kSql[] = {
      {"YYYY", "%Y"}, {"HH24", "%H"}, {"YY", "%y"}, {"MM", "%m"},
      {"DD", "%d"},   {"HH", "%H"},   {"MI", "%M"}, {"SS", "%S"}};
  constexpr std::pair<std::string_view, std::string_view> kJava[] = {
      {"yyyy", "%Y"}, {"yy", "%y"}, {"MM", "%m"}, {"dd", "%d"}, {"HH", "%H"}, {"mm", "%M"}, {"ss", "%S"}};
  std::string out(1, '"');
  const std::string_view text = std::string_view(quoted).substr(1, quoted.size() - 2);
  for (size_t at = 0; at < text.size();) {
    const auto find = [&](const auto& table) {
      for (const auto& [theirs, ours] : table)
        if (text.substr(at, theirs.size()) == theirs) {
          out += ours;
          at += theirs.size();
          return true;
        }
      return false;
    };
    if (is_java ? find(kJava) : find(kSql)) continue;
    if (is_java && text.substr(at, 3) == "'T'") {
      out += 'T';
      at += 3;
      continue;
    }
    if (std::isalpha(static_cast<unsigned char>(text[at])) != 0 && text[at] != 'T' && text[at] != 'Z')
      return {};
    if (text[at] == '"') {
      ++at;
      continue;
    }
    out += text[at++];
  }
  return out + '"';
}

std::string time_call(const std::string& name, const std::vector<std::string>& arguments) {
  const size_t n = arguments.size();
  const auto is_text = [](const std::string& one) { return one.front() == '"' || one.front() == '\''; };
  if ((name == "strftime" || name == "date_format") && n == 2 &&
      is_text(arguments[0]) != is_text(arguments[1]) &&
      (name == "strftime" || (arguments[0] + arguments[1]).find('%') != std::string::npos)) {
    const size_t format = is_text(arguments[0]) ? 0 : 1;
    return "format_time(" + as_time(arguments[1 - format]) + ", " + arguments[format] + ")";
  }
  if ((name == "to_char" || name == "date_format" || name == "format_timestamp" ||
       name == "timestamptostring") &&
      n == 2 && is_text(arguments[1]) && arguments[1].find('%') == std::string::npos) {
    const std::string format = as_strftime(arguments[1], name != "to_char");
    std::string time = as_time(arguments[0]);
    if (time == "_time" && format.find("%S") != format.npos) time = "timestamp(int(_time))";  // whole seconds
    return format.empty() ? format : "format_time(" + time + ", " + format + ")";
  }
  // Of a date the day is meant, and it is compared with text.
  if ((name == "date" || name == "to_date" || name == "todate") && n == 1)
    return "format_time(" + as_time(arguments[0]) + ", \"%Y-%m-%d\")";
  if ((name == "to_timestamp" || name == "from_unixtime" || name == "fromtimestamp") && n == 1)
    return as_time(arguments[0]);
  for (const auto& [theirs, ours] : kTimeParts)
    if (theirs == name && n == 1) {
      const std::string out = as_time(arguments[0]) + "." + std::string(ours);
      return has_operators(out) ? "(" + out + ")" : out;
    }
  if (name == "timestamp" && n == 1 && is_text(arguments[0])) {
    const std::string time = full_time(arguments[0]);
    return time.empty() || time.substr(1) == arguments[0].substr(1) ? std::string()
                                                                    : "timestamp(" + time + ")";
  }
  if (name == "date_trunc" && n == 2 && is_text(arguments[0])) {
    const std::string unit = arguments[0].substr(1, arguments[0].size() - 2);
    const std::string time = as_time(arguments[1]);
    if (unit == "second") return "timestamp(int(" + time + "))";
    if (unit == "week")  // from Monday on
      return "timestamp(format_time(" + time + " - duration(string((" + time +
             ".getDayOfWeek() + 6) % 7 * 24) + \"h\"), \"%Y-%m-%dT00:00:00Z\"))";
    const std::string format = unit == "day"      ? "%Y-%m-%dT00:00:00Z"
                               : unit == "hour"   ? "%Y-%m-%dT%H:00:00Z"
                               : unit == "minute" ? "%Y-%m-%dT%H:%M:00Z"
                               : unit == "month"  ? "%Y-%m-01T00:00:00Z"
                               : unit == "year"   ? "%Y-01-01T00:00:00Z"
                                                  : "";
    return format.empty() ? format : "timestamp(format_time(" + time + ", \"" + format + "\"))";
  }
  return {};
}

// now() - 1h
std::optional<std::string> rewrite_number(const Pieces& p, size_t i) {
  const std::string& text = p[i].text;
  const size_t unit = text.find_first_not_of("0123456789.");
  if (unit == text.npos) return std::nullopt;
  for (const std::string_view one : {"ms", "s", "m", "h", "d"})
    if (text.substr(unit) == one) return p.replaced(i, i + 1, "duration(\"" + text + "\")");
  return std::nullopt;
}

Rules time_rules() {
  return {{},
          {{"interval", interval}, {"in", time_in}},
          {{">", time_comparison},
           {"<", time_comparison},
           {">=", time_comparison},
           {"<=", time_comparison},
           {"==", time_comparison},
           {"!=", time_comparison},
           {"-", time_comparison},
           {"+", length_beside_time}}};
}

}  // namespace kutils::expr::habits
