#include "kafka/group_metadata.h"

#include <cstring>

namespace kutils::kafka {

std::optional<MemberIdentity> parse_group_metadata(std::string_view bytes) {
  constexpr std::string_view kMagic = "CGMDv2:";
  MemberIdentity out;
  if (bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  bytes.remove_prefix(kMagic.size());
  if (bytes.size() < sizeof out.generation) return std::nullopt;
  std::memcpy(&out.generation, bytes.data(), sizeof out.generation);
  bytes.remove_prefix(sizeof out.generation);
  const size_t group_end = bytes.find('\0');
  if (group_end == std::string_view::npos) return std::nullopt;
  bytes.remove_prefix(group_end + 1);
  const size_t member_end = bytes.find('\0');
  if (member_end == std::string_view::npos || member_end + 1 >= bytes.size()) return std::nullopt;
  out.member_id = std::string(bytes.substr(0, member_end));
  return out;
}

}  // namespace kutils::kafka
