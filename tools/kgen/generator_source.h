// A source that makes its records: for kgen. Their offset counts from 0, they have no key, and a time of
// their own only if the data has one.
#pragma once

#include <memory>
#include <optional>

#include "io/source.h"
#include "kgen/generators.h"

namespace kutils {

class GeneratorSource final : public io::Source {
 public:
  // `count`: ends after so many; nullopt: never. `batch`: how many at a time; small where they are paced.
  GeneratorSource(std::unique_ptr<Generator> generator, std::optional<int64_t> count, size_t batch)
      : generator_(std::move(generator)), count_(count), batch_(batch) {}
  io::Fill poll(Batch& batch, Millis wait) override;

 private:
  std::unique_ptr<Generator> generator_;
  std::optional<int64_t> count_;
  size_t batch_;
  int64_t next_ = 0;
  std::string text_;
};

}  // namespace kutils
