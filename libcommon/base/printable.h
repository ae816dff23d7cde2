// Text that may have come from a record, for a terminal: what would move its cursor, colour it, hide or turn
// round text is shown instead of done.
#pragma once

#include <string>
#include <string_view>

namespace kutils {

// C0 (but newline and tab), DEL, C1, ESC and invalid UTF-8 become \xNN; what sets the direction of text, ends
// lines in Unicode or is not seen at all \uNNNN. A CR before a newline stays, and so do joiners behind what
// is not ASCII: scripts and emoji are written with them.
std::string printable(std::string_view text);
// The same, where newlines are the text's own and not lines of a message.
std::string printable_line(std::string_view text);

}  // namespace kutils
