#include "flow/aggregate/sketches.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>

#include "data/json_write.h"
#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {
namespace {

// Part of the state's format: it must not change.
uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

constexpr int kIndexBits = 12;
constexpr size_t kRegisters = size_t{1} << kIndexBits;
constexpr int kMaxRank = 64 - kIndexBits + 1;
constexpr size_t kMaxSparse = 512;

struct Registers {
  std::vector<uint32_t> sparse;  // sorted; index << 8 | rank
  std::string dense;             // one byte per register; empty while sparse

  void raise(uint32_t index, uint8_t rank) {
    if (!dense.empty()) {
      char& held = dense[index];
      if (static_cast<uint8_t>(held) < rank) held = static_cast<char>(rank);
      return;
    }
    const auto at = std::lower_bound(sparse.begin(), sparse.end(), index << 8);
    if (at != sparse.end() && (*at >> 8) == index) {
      *at = std::max(*at, index << 8 | rank);
      return;
    }
    sparse.insert(at, index << 8 | rank);
    if (sparse.size() > kMaxSparse) become_dense();
  }
  void become_dense() {
    if (!dense.empty()) return;
    dense.assign(kRegisters, '\0');
    for (const uint32_t one : sparse) dense[one >> 8] = static_cast<char>(one & 0xff);
    sparse.clear();
    sparse.shrink_to_fit();
  }
};

double sigma(double x) {
  if (x == 1) return INFINITY;
  double y = 1, z = x;
  for (double before = -1; z != before;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x;
  for (double before = -1; z != before;) {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

double estimate(const Registers& registers) {
  std::array<double, kMaxRank + 1> counts{};
  if (registers.dense.empty()) {
    for (const uint32_t one : registers.sparse) ++counts[one & 0xff];
    counts[0] = static_cast<double>(kRegisters - registers.sparse.size());
  } else {
    for (const char rank : registers.dense) ++counts[static_cast<uint8_t>(rank)];
  }
  constexpr auto m = static_cast<double>(kRegisters);
  double z = m * tau(1 - counts[kMaxRank] / m);
  for (size_t k = kMaxRank - 1; k >= 1; --k) z = 0.5 * (z + counts[k]);
  z += m * sigma(counts[0] / m);
  return 0.72134752044448170368 * m * m / z;  // 1 / (2 ln 2)
}

class ApproxDistinct final : public TypedAggregate<Registers> {
 public:
  void add(void* state, const ScalarValue& argument) const override {
    std::string text;
    append_canonical(argument, text);
    const uint64_t hash = hash64(text);
    const auto index = static_cast<uint32_t>(hash >> (64 - kIndexBits));
    const uint64_t rest = hash << kIndexBits;
    const int rank = rest == 0 ? kMaxRank : std::countl_zero(rest) + 1;
    of(state).raise(index, static_cast<uint8_t>(rank));
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    const Registers& other = of(from);
    for (const uint32_t one : other.sparse) of(into).raise(one >> 8, static_cast<uint8_t>(one & 0xff));
    if (other.dense.empty()) return std::nullopt;
    std::string& own = (of(into).become_dense(), of(into).dense);
    for (size_t i = 0; i < kRegisters; ++i) own[i] = std::max(own[i], other.dense[i]);  // ranks are small
    return std::nullopt;
  }
  void result(const void* state, std::string& json) const override {
    append_json_int(std::llround(estimate(of(state))), json);
  }
  void encode(const void* state, std::string& out) const override {
    const Registers& registers = of(state);
    out.push_back(registers.dense.empty() ? 0 : 1);
    if (!registers.dense.empty()) {
      out += registers.dense;
      return;
    }
    put_varint(out, registers.sparse.size());
    uint32_t before = 0;
    for (const uint32_t one : registers.sparse) {
      put_varint(out, one - before);
      before = one;
    }
  }
  void decode(void* state, Reader& in) const override {
    Registers& registers = of(state);
    if (in.byte() != 0) {
      registers.dense = in.take(kRegisters);
      for (const char rank : registers.dense)
        if (static_cast<uint8_t>(rank) > kMaxRank) return in.fail();
      return;
    }
    const uint64_t size = in.varint();
    if (size > kMaxSparse) return in.fail();
    uint32_t before = 0;
    for (uint64_t i = 0; i < size && in.ok(); ++i) {
      before += static_cast<uint32_t>(in.varint());
      if (before >> 8 >= kRegisters || (before & 0xff) > kMaxRank) return in.fail();
      registers.sparse.push_back(before);
    }
  }
};

constexpr double kAccuracy = 0.01;
constexpr double kGamma = (1 + kAccuracy) / (1 - kAccuracy);

struct Buckets {
  std::map<int32_t, int64_t> positive, negative;  // bucket i holds (gamma^(i-1), gamma^i]
  int64_t zero = 0;
  int64_t count = 0;
};

class Percentile final : public TypedAggregate<Buckets> {
 public:
  explicit Percentile(double percent) : percent_(percent) {}
  std::optional<RecordError> check(const ScalarValue& argument) const override {
    if (!argument.is_number()) return needs_number("percentile", argument);
    return std::nullopt;
  }
  void add(void* state, const ScalarValue& argument) const override {
    change(of(state), argument.as_double(), 1);
  }
  bool has_subtract() const override { return true; }
  void subtract(void* state, const ScalarValue& argument) const override {
    change(of(state), argument.as_double(), -1);
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    combine(of(into), of(from), 1);
    return std::nullopt;
  }
  void absorb(void* into, void* from) const override {
    Buckets &a = of(into), &b = of(from);
    if (a.positive.size() + a.negative.size() < b.positive.size() + b.negative.size()) std::swap(a, b);
    combine(a, b, 1);
  }
  bool has_unmerge() const override { return true; }
  void unmerge(void* into, const void* from) const override { combine(of(into), of(from), -1); }
  void result(const void* state, std::string& json) const override {
    const Buckets& buckets = of(state);
    if (buckets.count <= 0 || !append_json_double(value(buckets), json)) json += "null";
  }
  void encode(const void* state, std::string& out) const override {
    const Buckets& buckets = of(state);
    put_signed(out, buckets.zero);
    for (const auto* side : {&buckets.positive, &buckets.negative}) {
      put_varint(out, side->size());
      for (const auto& [bucket, n] : *side) {
        put_signed(out, bucket);
        put_signed(out, n);
      }
    }
  }
  void decode(void* state, Reader& in) const override {
    Buckets& buckets = of(state);
    buckets.count = buckets.zero = in.signed_varint();
    for (auto* side : {&buckets.positive, &buckets.negative}) {
      for (uint64_t size = in.varint(); size > 0 && in.ok(); --size) {
        const auto bucket = static_cast<int32_t>(in.signed_varint());
        const int64_t n = in.signed_varint();
        side->emplace_hint(side->end(), bucket, n);
        buckets.count += n;
      }
    }
  }

 private:
  static void change(Buckets& buckets, double value, int64_t by) {
    buckets.count += by;
    const double size = std::fabs(value);
    if (size < 1e-300) {
      buckets.zero += by;
      return;
    }
    const auto bucket = static_cast<int32_t>(std::ceil(std::log(size) / std::log(kGamma)));
    change(value > 0 ? buckets.positive : buckets.negative, bucket, by);
  }
  static void change(std::map<int32_t, int64_t>& side, int32_t bucket, int64_t by) {
    const auto at = side.try_emplace(bucket, 0).first;
    if ((at->second += by) == 0) side.erase(at);
  }
  static void combine(Buckets& a, const Buckets& b, int64_t sign) {
    for (const auto& [bucket, n] : b.positive) change(a.positive, bucket, sign * n);
    for (const auto& [bucket, n] : b.negative) change(a.negative, bucket, sign * n);
    a.zero += sign * b.zero;
    a.count += sign * b.count;
  }
  double value(const Buckets& buckets) const {
    const auto middle = [](int32_t bucket) { return 2 * std::pow(kGamma, bucket) / (kGamma + 1); };
    // The smallest value such that at least `percent` of all are not above it. A rank that is whole must not
    // be rounded past itself: 7 / 100 * 100 is above 7.
    const double rank = percent_ * static_cast<double>(buckets.count) / 100;
    int64_t left = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(rank * (1 - 1e-15))));
    for (auto it = buckets.negative.rbegin(); it != buckets.negative.rend(); ++it)
      if ((left -= it->second) <= 0) return -middle(it->first);
    if ((left -= buckets.zero) <= 0) return 0;
    for (const auto& [bucket, n] : buckets.positive)
      if ((left -= n) <= 0) return middle(bucket);
    return buckets.positive.empty() ? 0 : middle(buckets.positive.rbegin()->first);
  }
  double percent_;
};

}  // namespace

std::unique_ptr<Aggregate> make_approx_distinct() { return std::make_unique<ApproxDistinct>(); }
std::unique_ptr<Aggregate> make_percentile(double percent) { return std::make_unique<Percentile>(percent); }

}  // namespace kutils::flow
