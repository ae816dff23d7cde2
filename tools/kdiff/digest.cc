#include "kdiff/digest.h"

#include <algorithm>
#include <vector>

namespace kutils::kdiff {
namespace {

uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

Digest digest_of(std::string_view text) {
  // FNV-1a, and the library's own; both spread over all bits.
  uint64_t fnv = 0xcbf29ce484222325U;
  for (const char c : text) fnv = (fnv ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return {mixed(fnv), mixed(std::hash<std::string_view>()(text) + 0x9e3779b97f4a7c15U)};
}

void DigestSum::add(const Digest& digest) {
  low_ += digest.low;
  high_ += digest.high + (low_ < digest.low ? 1 : 0);
}

void Comparer::append(char kind, const MaybeBytes& bytes) {
  text_ += bytes.is_null() ? '-' : kind;
  if (bytes.is_null()) return;
  text_ += std::to_string(bytes.view().size()) + ':';
  text_ += bytes.view();
}

void Comparer::append_value(const Record& record) {
  const bool by_fields = !what_.bytes && !record.value.is_null() && !record.value.view().empty() &&
                         record.value.view().find('{') != std::string_view::npos;
  if (!by_fields || reader_.read(record.value.view()) || !reader_.is_object())
    return append('v', record.value);
  std::vector<JsonMember> members;
  for (const JsonMember& member : reader_.members()) {
    if (what_.ignored.count(std::string(member.name)) == 0) members.push_back(member);
  }
  // Of duplicate names the last one counts, as everywhere.
  std::stable_sort(members.begin(), members.end(),
                   [](const JsonMember& a, const JsonMember& b) { return a.name < b.name; });
  text_ += 'o';
  for (size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i + 1].name == members[i].name) continue;
    append('n', MaybeBytes(members[i].name));
    append('m', MaybeBytes(members[i].value_raw));
  }
}

std::string_view Comparer::value(const Record& record) {
  text_.clear();
  append_value(record);
  if (what_.time) text_ += 't' + std::to_string(record.timestamp);
  if (what_.headers) {
    for (const Header& header : record.headers) {
      append('h', MaybeBytes(header.name));
      append('w', header.value);
    }
  }
  return text_;
}

std::string_view Comparer::whole(const Record& record) {
  value(record);
  if (what_.key) append('k', record.key);
  return text_;
}

}  // namespace kutils::kdiff
