// Reading times by strptime's formats. Of our own, for date.h's reader takes nanoseconds of 64 bits (to the
// year 2262 only), reads uninitialised memory on what does not fit (3.0.1), and needs a stream for each text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kutils::expr {

// A date and a time of day as written: not yet moved to UTC.
struct WrittenTime {
  int64_t seconds = 0;  // since 1970-01-01T00:00:00 of whatever zone it is in
  uint32_t nanoseconds = 0;
  std::optional<int64_t> offset;  // %z: seconds east of UTC
  std::string_view zone;          // %Z: a part of the text
};

// Directives: %Y %m %d %e %y %j %b %B %h %a %A, %H %I %p %M %S (with a fraction, if there is one), %z (+0200,
// +02:00, Z; also %Ez) %Z, and those put together of them: %F %T %D %R %r %c %x %X; %n and %t are space, %%
// is %. Space in the format stands for any, or none. Names in English, in any case. A date is needed, the
// time of day is 00:00:00 if it is not there. nullopt: the text has another form, or there is no such day; or
// `error` says what is wrong with the format.
std::optional<WrittenTime> parse_written_time(std::string_view text, std::string_view format,
                                              std::string& error);

}  // namespace kutils::expr
