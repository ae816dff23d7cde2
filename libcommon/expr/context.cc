#include "expr/context.h"

#include <algorithm>
#include <random>

#include "expr/json_reader.h"
#include "expr/regex_cache.h"

namespace kutils::expr {
namespace {
constexpr size_t kIndexFrom = 9;   // entries; smaller maps are searched faster in order
constexpr size_t kStepItems = 16;  // items of a list or map that is built: one step

void check_weight(size_t weight) {
  if (weight > kMaxResultBytes)
    throw LimitExceeded{"the expression makes a value of more than 64 MiB of text"};
}

void weigh(MapValue& map) {
  map.weight = 8;
  uint32_t deepest = 0;
  for (const MapEntry& entry : map) {
    map.weight += weight(entry.key) + weight(entry.value);
    deepest = std::max(deepest, levels(entry.value));
  }
  map.levels = deepest + 1;
  check_weight(map.weight);
  check_levels(map.levels);
}

}  // namespace

void check_levels(uint32_t levels) {
  if (levels > kMaxLevels) throw LimitExceeded{"the expression nests a value deeper than 2,000 levels"};
}

Context::Context() : json_reader(std::make_unique<JsonReader>()), regexes(std::make_unique<RegexCache>()) {
  static const SystemClock system_clock;
  clock = &system_clock;
  stop = &process_stop();
  std::random_device device;
  random_state = static_cast<uint64_t>(device()) << 32 | device();
}
Context::~Context() = default;

void Context::look() {
  if (used_steps > kMaxSteps)
    throw LimitExceeded{"the expression takes more than 10,000,000 steps for one record"};
  next_look = std::min(used_steps + kLookSteps, kMaxSteps + 1);
  if (stop->signal() == 0) return;
  const int64_t now = clock->steady_us();
  if (stop_seen_us == 0) stop_seen_us = now;
  if (now - stop_seen_us >= kStopTimeoutUs) throw Interrupted();
}

Value Context::list(const std::vector<Value>& items) {
  auto* copy = allocate_array<Value>(items.size());
  for (size_t i = 0; i < items.size(); ++i) copy[i] = items[i];
  return list(copy, items.size());
}

Value Context::list(const Value* items, size_t n) {
  auto* list = allocate_array<ListValue>(1);
  *list = {};
  list->items = items;
  list->size = n;
  list->weight = 8;
  steps(n / kStepItems);
  uint32_t deepest = 0;
  for (size_t i = 0; i < n; ++i) {
    list->weight += weight(items[i]);
    deepest = std::max(deepest, levels(items[i]));
  }
  list->levels = deepest + 1;
  check_weight(list->weight);
  check_levels(list->levels);
  return Value::list(list);
}

Value Context::map(MapEntry* entries, size_t n, bool last_wins) {
  auto* map = allocate_array<MapValue>(1);
  *map = {};
  map->entries = entries;
  if (n < kIndexFrom) {
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      size_t k = 0;
      while (k < kept && !equals(entries[k].key, entries[i].key)) ++k;
      if (k < kept && !last_wins) return fail("the map has a repeated key");
      if (k < kept)
        entries[k].value = entries[i].value;
      else
        entries[kept++] = entries[i];
    }
    map->size = kept;
    weigh(*map);
    return Value::map(map);
  }
  uint32_t places = 16;
  while (places < 2 * n) places *= 2;
  auto* index = allocate_array<uint32_t>(places);
  std::memset(index, 0, places * sizeof(uint32_t));
  steps(n / kStepItems);
  const uint32_t mask = places - 1;
  uint32_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    uint64_t at = hash(entries[i].key) & mask;
    while (index[at] != 0 && !equals(entries[index[at] - 1].key, entries[i].key)) {
      at = (at + 1) & mask;
      steps();  // an attacker may choose keys whose hashes collide
    }
    if (index[at] != 0 && !last_wins) return fail("the map has a repeated key");
    if (index[at] != 0) {
      entries[index[at] - 1].value = entries[i].value;
    } else {
      entries[kept] = entries[i];
      index[at] = ++kept;
    }
  }
  map->size = kept;
  map->index = index;
  map->index_mask = mask;
  weigh(*map);
  return Value::map(map);
}

Value Context::some(const Value& value) {
  auto* copy = allocate_array<Value>(1);
  *copy = value;
  return Value::optional(copy);
}

Value Context::address(Kind kind, const AddressValue& address) {
  auto* copy = allocate_array<AddressValue>(1);
  *copy = address;
  return Value::address(kind, copy);
}

Value Context::fail(Reason reason, std::string_view message) {
  auto* error = allocate_array<ErrorValue>(1);
  *error = {reason, copy(message), 0, 0};
  return Value::error(error);
}

uint64_t Context::random_bits() {
  random_state += 0x9e3779b97f4a7c15ULL;
  uint64_t z = random_state;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  return z ^ z >> 31;
}

double Context::random() { return static_cast<double>(random_bits() >> 11) * 0x1.0p-53; }

}  // namespace kutils::expr
