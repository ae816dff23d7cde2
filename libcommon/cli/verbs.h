// Tools whose first operand is a verb: what is said where it is none of theirs.
#pragma once

#include <string>
#include <vector>

namespace kutils::cli {

// The verb that was meant by a slip or by another tool's word for it (`ls`, `rm`); "" where none is near.
std::string nearest_verb(const std::string& verb, const std::vector<std::string>& verbs);

// Throws usage_error: with the command that was meant, if that is clear, else the verbs. `arguments` are the operands
// behind it; `looks` is the verb that looks at one thing: it was forgotten where there is nothing but a name. `has_place`,
// `has_settings`: whether options say where, and what is changed.
[[noreturn]] void refuse_verb(const std::string& tool, const std::string& verb,
                              const std::vector<std::string>& verbs,
                              const std::vector<std::string>& arguments, const std::string& looks,
                              bool has_place = false, bool has_settings = false);

inline constexpr const char* kGroupNames =
    "koffset list shows all groups; a tool's group is what -g names, else TOOL.IN.OUT.HASH";
// Throws `what`, said of an operand that names no group that is `known`, with the command for one that may be meant.
[[noreturn]] void refuse_group(const std::string& what, const std::string& group,
                               const std::vector<std::string>& known);

}  // namespace kutils::cli
