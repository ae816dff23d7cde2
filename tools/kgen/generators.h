// Synthetic data: records made from a number and a seed, the same on every machine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kutils {

class Generator {
 public:
  virtual ~Generator() = default;
  // Appends the JSON value of record `n`. Called with n = 0, 1, 2, ... in order.
  virtual void append(int64_t n, std::string& out) = 0;
};

// One line of the table: --help, the man page and the parser read it.
struct GeneratorInfo {
  std::string_view name;
  std::string_view doc;
  std::unique_ptr<Generator> (*make)(uint64_t seed);
};
std::span<const GeneratorInfo> generators();
const GeneratorInfo* find_generator(std::string_view name);  // null: none of that name

// `{}` each time: what a LIST is evaluated over.
std::unique_ptr<Generator> make_empty_generator();

}  // namespace kutils
