// The mark of `koffset reset` in a group's commits: its state is being deleted (tools/koffset/group_reset.h).
#pragma once

#include <string>
#include <string_view>

namespace kutils::flow {

constexpr std::string_view kResetMark = "koffset reset\x1f";

// A commit's metadata while a reset goes on: the mark, then what was there.
// The broker's limit for metadata is 4,096 bytes, and a fingerprint has at most 3,900 (fingerprint.h).
inline std::string with_reset_mark(std::string_view metadata) {
  return std::string(kResetMark) + std::string(metadata.substr(0, metadata.find('\x01')));
}
inline bool is_reset_mark(std::string_view metadata) { return metadata.starts_with(kResetMark); }
inline std::string_view without_reset_mark(std::string_view metadata) {
  return is_reset_mark(metadata) ? metadata.substr(kResetMark.size()) : metadata;
}

}  // namespace kutils::flow
