#include "state/sorted_changes.h"

#include <algorithm>
#include <cstdint>

namespace kutils::state {
namespace {

constexpr size_t kPrefix = 8;
constexpr std::ptrdiff_t kSmall = 8;
constexpr std::ptrdiff_t kAhead = 8;

// Eight bytes of a key, behind what all keys around it begin with: most comparisons end here, without a look
// at the keys themselves.
struct Place {
  uint64_t prefix;
  uint32_t index;
};
using Places = std::vector<Place>::iterator;

uint64_t prefix_at(std::string_view key, size_t from) {
  uint64_t prefix = 0;
  if (from + kPrefix <= key.size()) {  // compiles to a load and a swap
    const auto* bytes = reinterpret_cast<const uint8_t*>(key.data() + from);
    for (size_t i = 0; i < kPrefix; ++i) prefix |= static_cast<uint64_t>(bytes[i]) << (56 - 8 * i);
    return prefix;
  }
  for (size_t i = from; i < from + kPrefix; ++i)
    prefix = prefix << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
  return prefix;
}

class Sorter {
 public:
  explicit Sorter(const std::vector<Change>& changes) : changes_(changes) {}

  // REQUIRES: all keys begin with the same `known` bytes.
  void sort(Places first, Places last, size_t known) const {
    if (last - first <= kSmall) return sort_by_keys(first, last);
    const size_t from = common_prefix(first, last, known);
    for (Places at = first; at != last; ++at) {
      load_ahead(at, last);
      at->prefix = prefix_at(key(*at), from);
    }
    std::sort(first, last, [](const Place& a, const Place& b) { return a.prefix < b.prefix; });
    for (Places run = first; run != last;) {
      const Places end =
          std::find_if(run, last, [&](const Place& place) { return place.prefix != run->prefix; });
      if (end - run > 1) sort_run(run, end, from + kPrefix);
      run = end;
    }
  }

 private:
  std::string_view key(const Place& place) const { return changes_[place.index].key; }
  // Keys may lie anywhere: their way to the processor takes longer than what is done with each.
  void load_ahead(Places at, Places last) const {
    if (last - at > kAhead) __builtin_prefetch(key(*(at + kAhead)).data());
  }

  // The same prefix: of keys that reach so far it is known to be equal; a shorter one may only look so.
  void sort_run(Places first, Places last, size_t known) const {
    const bool is_equal =
        std::all_of(first, last, [&](const Place& place) { return key(place).size() >= known; });
    if (is_equal && last - first > kSmall && !same_keys(first, last)) {
      sort(first, last, known);
    } else {
      sort_by_keys(first, last);
    }
  }
  // The writes of one hot key.
  bool same_keys(Places first, Places last) const {
    return std::all_of(first, last, [&](const Place& place) { return key(place) == key(*first); });
  }
  void sort_by_keys(Places first, Places last) const {
    std::sort(first, last, [this](const Place& a, const Place& b) {
      const int order = key(a).compare(key(b));
      return order != 0 ? order < 0 : a.index < b.index;
    });
  }
  size_t common_prefix(Places first, Places last, size_t known) const {
    const std::string_view one = key(*first);
    size_t length = one.size();
    for (Places at = first; at != last && length > known; ++at) {
      load_ahead(at, last);
      const std::string_view other = key(*at);
      length = std::min(length, other.size());
      size_t same = known;
      while (same < length && other[same] == one[same]) ++same;
      length = same;
    }
    return length;
  }

  const std::vector<Change>& changes_;
};

}  // namespace

void sort_changes(std::vector<Change>& changes) {
  if (changes.size() < 2) return;
  std::vector<Place> places(changes.size());
  for (uint32_t i = 0; i < places.size(); ++i) places[i] = {0, i};
  Sorter(changes).sort(places.begin(), places.end(), 0);
  // A copy is some megabytes for a moment; along the cycles of the permutation each step would wait for memory.
  std::vector<Change> sorted;
  sorted.reserve(changes.size());
  for (const Place& place : places) sorted.push_back(changes[place.index]);
  changes = std::move(sorted);
}

void sort_unique_changes(std::vector<Change>& changes) {
  sort_changes(changes);
  size_t kept = 0;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (i + 1 < changes.size() && changes[i + 1].key == changes[i].key) continue;
    changes[kept++] = changes[i];
  }
  changes.resize(kept);
}

}  // namespace kutils::state
