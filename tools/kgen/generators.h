// Synthetic data: records made from a number and a seed, the same on every machine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "data/record.h"

namespace kutils {

class Generator {
 public:
  virtual ~Generator() = default;
  // Appends the JSON value of record `n`. Called with n = 0, 1, 2, ... in order.
  virtual void append(int64_t n, std::string& out) = 0;
  // When what was appended last happened, in ms; kNoTimestamp where the data has no times of its own.
  virtual int64_t time_ms() const { return kNoTimestamp; }
};

struct GeneratorOptions {
  uint64_t seed = 0;
  // Of events that have times of their own:
  int64_t begin_ms = 0;          // when the first happens
  double events_per_second = 1;  // above 0
  int64_t out_of_order = 1;      // so many at a time come in another order; 1: in order of time
};

// How many events may come in another order: N is refused if it is a multiple of this.
constexpr int64_t kOutOfOrderStep = 953;

// One line of the table: --help, the man page and the parser read it.
struct GeneratorInfo {
  std::string_view name;
  std::string_view doc;
  std::unique_ptr<Generator> (*make)(const GeneratorOptions& options);
  bool has_times = false;  // the options about times mean something
};
std::span<const GeneratorInfo> generators();
const GeneratorInfo* find_generator(std::string_view name);  // null: none of that name

// `{}` each time: what a LIST is evaluated over.
std::unique_ptr<Generator> make_empty_generator();

}  // namespace kutils
