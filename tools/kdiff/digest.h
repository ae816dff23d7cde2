// What of a record is compared, and a number that stands for it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "data/json_fields.h"
#include "data/record.h"

namespace kutils::kdiff {

// 128 bits: that two different records of 10^9 have the same one has a chance of 10^-20.
struct Digest {
  uint64_t high = 0;
  uint64_t low = 0;
  friend bool operator==(const Digest&, const Digest&) = default;
};
struct DigestHash {
  size_t operator()(const Digest& digest) const { return static_cast<size_t>(digest.low); }
};
Digest digest_of(std::string_view text);
// Of many, in any order.
class DigestSum {
 public:
  void add(const Digest& digest);
  friend bool operator==(const DigestSum&, const DigestSum&) = default;

 private:
  uint64_t high_ = 0, low_ = 0;
};

struct Compared {
  bool key = true;
  bool headers = false;
  bool time = false;
  bool bytes = false;             // values as bytes; else fields of JSON objects in any order
  std::set<std::string> ignored;  // fields of the value
};

// Not thread-safe. Views that it gives live until the next call.
class Comparer {
 public:
  explicit Comparer(Compared what) : what_(std::move(what)) { reader_.want_members(); }
  // Equal for two records if they are equal in what is compared.
  std::string_view whole(const Record& record);
  std::string_view value(const Record& record);  // without the key

 private:
  void append_value(const Record& record);
  void append(char kind, const MaybeBytes& bytes);

  Compared what_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
  std::string text_;
};

}  // namespace kutils::kdiff
