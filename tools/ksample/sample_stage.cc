#include "ksample/sample_stage.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>
#include <vector>

#include "base/murmur2.h"
#include "base/varint.h"
#include "flow/timers/held_record.h"
#include "flow/topology/pass.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils {
namespace {

// All bits of the result depend on all of `bits` (splitmix64's finaliser). A key's partition is its murmur2
// modulo a small number: a share by that alone could be a share of partitions.
uint64_t mix(uint64_t bits) {
  bits += 0x9e3779b97f4a7c15U;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31);
}

class RateStage final : public flow::Stage {
 public:
  explicit RateStage(const SamplePlan& plan)
      : expressions_(plan.options), keep_null_(plan.keep_null), seed_(mix(plan.seed)), rate_(plan.rate) {
    if (!plan.by.empty()) by_ = expressions_.add(plan.by, "--by");
  }
  void process(const Record& record, flow::Emitter& out) override {
    uint64_t hash = seed_;
    if (by_) {
      if (record.value.is_null() && expressions_.reads_fields()) {
        if (!keep_null_) return out.drop(record, flow::DropReason::tombstone);
        return out.emit(&record, flow::pass(record));
      }
      if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
      const Result<expr::Value> value = expressions_.get(*by_);
      if (!value) return out.fail(record, value.error());
      key_.clear();
      if (const auto any = expr::append_key(*value, key_); !any) return out.fail(record, any.error());
      hash = mix(hash ^ murmur2(key_));
    } else {
      // The same again when the record is read again.
      hash = mix(mix(hash ^ static_cast<uint64_t>(record.offset)) ^ static_cast<uint64_t>(record.partition));
    }
    // 53 bits are a double's.
    if (static_cast<double>(hash >> 11) < rate_ * 0x1p53)
      out.emit(&record, flow::pass(record));
    else
      out.drop(record, flow::DropReason::filtered);
  }
  std::string canonical() const { return expressions_.canonical(*by_); }

 private:
  expr::Expressions expressions_;
  std::optional<size_t> by_;
  const bool keep_null_;
  const uint64_t seed_;
  const double rate_;
  std::string key_;
};

// Store: kKeyRow -> passed-over:signed, since the last one that went on.
class EveryStage final : public flow::Stage {
 public:
  EveryStage(int64_t count, state::Store* store) : count_(count), store_(store) {
    if (store_ == nullptr || store_->in_memory()) return;
    if (const auto stored = store_->get(kRow)) {
      Reader in(*stored);
      passed_over_ = stored_ = in.signed_varint();
      if (!in.ok()) throw state::CorruptState("the count of records in the state is broken");
    }
  }
  void process(const Record& record, flow::Emitter& out) override {
    if (++passed_over_ < count_) return out.drop(record, flow::DropReason::filtered);
    passed_over_ = 0;
    out.emit(&record, flow::pass(record));
  }
  void before_commit(flow::Emitter&) override {
    if (passed_over_ == stored_ || store_->in_memory()) return;
    std::string value;
    put_signed(value, passed_over_);
    store_->put(kRow, value);
    stored_ = passed_over_;
  }
  size_t dirty_rows() const override { return passed_over_ != stored_ ? 1 : 0; }

 private:
  static constexpr std::string_view kRow{&state::kKeyRow, 1};
  const int64_t count_;
  state::Store* const store_;
  int64_t passed_over_ = 0;
  int64_t stored_ = 0;
};

// Each record has the same chance, however many there are (Vitter's algorithm R).
class ReservoirStage final : public flow::Stage {
 public:
  explicit ReservoirStage(const SamplePlan& plan)
      : count_(static_cast<uint64_t>(plan.count)),
        random_(plan.seed != 0 ? plan.seed : std::random_device{}()) {}
  void process(const Record& record, flow::Emitter& out) override {
    const uint64_t number = seen_++;
    uint64_t place = number;
    if (number >= count_) {
      out.drop(record, flow::DropReason::filtered);
      place = std::uniform_int_distribution<uint64_t>(0, number)(random_);
      if (place >= count_) return;
    } else {
      kept_.emplace_back();
    }
    kept_[place].number = number;
    kept_[place].record.clear();
    flow::encode_record(record, kept_[place].record);
  }
  void close(flow::Emitter& out) override {
    std::sort(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) { return a.number < b.number; });
    for (const Kept& one : kept_) out.emit(nullptr, held_.decode(one.record));
    kept_.clear();
  }

 private:
  struct Kept {
    uint64_t number = 0;
    std::string record;
  };
  const uint64_t count_;
  std::mt19937_64 random_;
  uint64_t seen_ = 0;
  std::vector<Kept> kept_;
  flow::HeldRecord held_;
};

// The whole text; nullopt: it is no number.
template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

SamplePlan parse_sample(const std::string& text) {
  const auto refuse = [&] {
    return usage_error(
        "HOW: '" + text + "' is neither a share nor a number of records",
        "write a share, 10% or 0.1; every hundredth record, 1/100; or a number of records, 1000");
  };
  SamplePlan plan;
  const bool is_percent = text.ends_with('%');
  if (is_percent || text.find('.') != std::string::npos) {
    // Not from_chars: clang 14's library has none for doubles.
    const std::string digits = text.substr(0, text.size() - (is_percent ? 1 : 0));
    if (digits.empty() || digits.find_first_not_of("0123456789.") != std::string::npos ||
        std::count(digits.begin(), digits.end(), '.') > 1)
      throw refuse();
    plan.rate = std::stod("0" + digits) / (is_percent ? 100 : 1);
    if (!(plan.rate > 0 && plan.rate <= 1)) throw refuse();
    return plan;
  }
  const bool is_every = text.starts_with("1/");
  plan.kind = is_every ? SamplePlan::Kind::every : SamplePlan::Kind::reservoir;
  const auto number = number_of<int64_t>(std::string_view(text).substr(is_every ? 2 : 0));
  if (!number || *number < 1) throw refuse();
  plan.count = *number;
  return plan;
}

std::string to_string(const SamplePlan& plan) {
  switch (plan.kind) {
    case SamplePlan::Kind::rate:
      return std::to_string(plan.rate);
    case SamplePlan::Kind::every:
      return "1/" + std::to_string(plan.count);
    case SamplePlan::Kind::reservoir:
      return std::to_string(plan.count);
  }
  return {};
}

std::unique_ptr<flow::Stage> make_sample_stage(const SamplePlan& plan, state::Store* store) {
  switch (plan.kind) {
    case SamplePlan::Kind::rate:
      return std::make_unique<RateStage>(plan);
    case SamplePlan::Kind::every:
      return std::make_unique<EveryStage>(plan.count, store);
    case SamplePlan::Kind::reservoir:
      return std::make_unique<ReservoirStage>(plan);
  }
  return nullptr;
}

std::string canonical_by(const SamplePlan& plan) { return RateStage(plan).canonical(); }

}  // namespace kutils
