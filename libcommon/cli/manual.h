// The parts of the man pages that are made from the tables which the parsers read.
#pragma once

#include <optional>
#include <string>

namespace kutils::cli {

// Markdown. `part`: where, times, formats, tokens, codecs, on-error, dead-letters, defaults. nullopt: no such
// part.
std::optional<std::string> manual_part(const std::string& part);
// Its names, for messages.
std::string manual_parts();

}  // namespace kutils::cli
