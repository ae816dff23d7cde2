// What `-w` says: `30s` tumbling, `30s/5s` hopping, `sliding:5m`, `session:30m`, `day`, `week`, `month`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kutils::flow {

struct WindowSpec {
  enum class Kind { tumbling, hopping, sliding, session, day, week, month } kind = Kind::tumbling;
  int64_t size = 0;     // ms; sliding: the difference; session: the gap
  int64_t advance = 0;  // hopping; tumbling: the size
  int64_t align = 0;    // --align: ms after the epoch where a tumbling or hopping window begins
  std::string zone;     // day, week, month: --tz
  bool is_aligned() const { return kind != Kind::sliding && kind != Kind::session; }
  bool is_calendar() const { return kind == Kind::day || kind == Kind::week || kind == Kind::month; }
};

// `align` a duration or empty, `zone` an IANA name or empty (UTC). Throws usage_error.
WindowSpec parse_window_spec(std::string_view text, std::string_view align = {}, std::string_view zone = {});
// The first stream time beyond `time` at which a window may close; some times at which none does are among
// them, for calendars and where any record can end a window.
int64_t next_close(const WindowSpec& spec, int64_t grace, int64_t time);
// The same again, for fingerprints.
std::string to_string(const WindowSpec& spec);

}  // namespace kutils::flow
