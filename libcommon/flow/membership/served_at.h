// Where the instance that made a commit can be asked over HTTP (--http): in the commit's metadata, behind
// the fingerprint and the mark (origins.h), as U+0001 HOST:PORT. So the group's commits say who has which
// partition, and kquery finds the owner of a key.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kutils::flow {

// The broker's limit for metadata is 4,096 bytes; fingerprint and mark leave this.
constexpr size_t kMaxServedAt = 128;

// Empty: the instance that made the commit does not serve HTTP, or is of an earlier version.
inline std::string_view served_at(std::string_view metadata) {
  const size_t mark = metadata.find('\x01');
  const size_t address = mark == metadata.npos ? mark : metadata.find('\x01', mark + 1);
  return address == metadata.npos ? std::string_view() : metadata.substr(address + 1);
}

// `metadata`: a fingerprint with a mark or without. An empty address leaves it as it is.
inline std::string with_served_at(std::string metadata, std::string_view address) {
  if (address.empty()) return metadata;
  if (metadata.find('\x01') == metadata.npos) metadata += '\x01';
  return metadata.append(1, '\x01').append(address);
}

}  // namespace kutils::flow
