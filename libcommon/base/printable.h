// Text that may have come from a record, for a terminal: what would move its cursor, colour it, hide or turn
// round text is shown instead of done.
#pragma once

#include <string>
#include <string_view>

namespace kutils {

// Control characters of C0 (except newline and tab), DEL, C1, ESC and invalid UTF-8 become \xNN. Characters
// that set the direction of text, end lines in Unicode or are invisible become \uNNNN. A CR before a newline
// stays, and so do joiners after a non-ASCII character: scripts and emoji need them.
std::string printable(std::string_view text);
// The same, where newlines are the text's own and not lines of a message.
std::string printable_line(std::string_view text);

}  // namespace kutils
