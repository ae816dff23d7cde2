#include "io/compressed.h"

namespace kutils::io {
namespace {

using namespace std::string_view_literals;

struct Kind {
  std::string_view begin;
  Compression is;
};
constexpr Kind kKinds[] = {
    {"\x1f\x8b\x08"sv, {"gzip", "zcat"}},
    {"\x1f\x9d"sv, {"compress", "zcat"}},
    {"\x28\xb5\x2f\xfd"sv, {"zstd", "zstdcat"}},
    {"\xfd"
     "7zXZ\0"sv,
     {"xz", "xzcat"}},
    {"\x04\x22\x4d\x18"sv, {"lz4", "lz4cat"}},
};

// Its first three bytes are letters, which a line of text may begin with: "BZh", the block size, and pi.
bool is_bzip2(std::string_view bytes) {
  return bytes.substr(0, 3) == "BZh" && bytes.size() >= 10 && bytes[3] >= '1' && bytes[3] <= '9' &&
         (bytes.substr(4, 6) == "1AY&SY" || bytes.substr(4, 6) == "\x17rE8P\x90"sv);
}

}  // namespace

const Compression* find_compression(std::string_view bytes) {
  for (const Kind& kind : kKinds)
    if (bytes.substr(0, kind.begin.size()) == kind.begin) return &kind.is;
  static constexpr Compression kBzip2 = {"bzip2", "bzcat"};
  return is_bzip2(bytes) ? &kBzip2 : nullptr;
}

}  // namespace kutils::io
