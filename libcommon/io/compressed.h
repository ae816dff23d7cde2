// Files of compressors, told by the bytes that they begin with.
#pragma once

#include <cstddef>
#include <string_view>

namespace kutils::io {

struct Compression {
  std::string_view name;    // gzip
  std::string_view reader;  // the program that prints what is compressed: zcat
};

// As many bytes tell each of them.
constexpr size_t kCompressionBytes = 10;

// What begins with `bytes`; null: nothing that is known.
const Compression* find_compression(std::string_view bytes);

}  // namespace kutils::io
