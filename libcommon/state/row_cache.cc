#include "state/row_cache.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace kutils::state {
namespace {

constexpr size_t kUnit = 8;
constexpr size_t kFirstSlots = 64;
constexpr int kTries =
    16;  // rows let go for one that is to be taken in, before it gets a part of a larger one's place

}  // namespace

uint32_t RowCache::hash_of(std::string_view key) {
  const size_t hash = std::hash<std::string_view>{}(key);
  return static_cast<uint32_t>(hash ^ (hash >> 32)) & ((1U << 30) - 1);
}

RowCache::Row& RowCache::row(uint32_t at) const {
  const size_t unit = at - 1;
  return *reinterpret_cast<Row*>(chunks_[unit / kChunkUnits].get() + unit % kChunkUnits);
}

MaybeBytes RowCache::value_of(const Row& row) {
  if (row.value_size == kDeleted) return {};
  return MaybeBytes(std::string_view(bytes_of(row) + row.key_size, row.value_size));
}

size_t RowCache::find_slot(std::string_view key, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.at == 0 || (slot.hash == hash && key_of(row(slot.at)) == key)) return i;
  }
}

RowCache::Known RowCache::find(std::string_view key, std::string_view& value) {
  if (!slots_.empty()) {
    Slot& slot = slots_[find_slot(key, hash_of(key))];
    if (slot.at != 0) {
      slot.referenced = true;
      const MaybeBytes found = value_of(row(slot.at));
      if (found.is_null()) return Known::absent;
      value = found.view();
      return Known::present;
    }
  }
  return complete_ ? Known::absent : Known::no;
}

void RowCache::set(Slot& slot, std::string_view key, MaybeBytes value) {
  Row& to = row(slot.at);
  to.key_size = static_cast<uint16_t>(key.size());
  to.value_size = value.is_null() ? kDeleted : static_cast<uint16_t>(value.size());
  if (!key.empty()) std::memcpy(bytes_of(to), key.data(), key.size());
  if (value.size() != 0) std::memcpy(bytes_of(to) + key.size(), value.data(), value.size());
}

void RowCache::put(std::string_view key, MaybeBytes value, bool dirty) {
  if ((used_ + 1) * 4 > slots_.size() * 3) make_room();
  const uint32_t hash = hash_of(key);
  const size_t needed = units(key.size(), value.size());
  size_t i = find_slot(key, hash);
  if (slots_[i].at == 0 || units_of(row(slots_[i].at)) != needed) {
    const uint32_t at = allocate(needed);
    i = find_slot(key, hash);  // letting others go moves slots
    Slot& slot = slots_[i];
    if (slot.at != 0) {
      release(slot.at);
    } else {
      slot.hash = hash & ((1U << 30) - 1);
      ++used_;
    }
    slot.at = at;
  }
  Slot& slot = slots_[i];
  set(slot, key, value);
  slot.referenced = true;
  if (!dirty) return;
  dirty_bytes_ += needed * kUnit;
  if (slot.dirty) return;
  slot.dirty = true;
  ++dirty_;
}

void RowCache::forget(std::string_view key) {
  complete_ = false;
  if (used_ == 0) return;
  const size_t i = find_slot(key, hash_of(key));
  if (slots_[i].at == 0) return;
  if (slots_[i].dirty) --dirty_;
  release(slots_[i].at);
  erase_slot(i);
}

void RowCache::collect_dirty(std::vector<Change>& out) const {
  out.reserve(dirty_);
  collect_dirty({}, {}, out);
}

void RowCache::collect_dirty(std::string_view from, std::string_view to, std::vector<Change>& out) const {
  out.clear();
  if (dirty_ == 0) return;
  for (const Slot& slot : slots_) {
    if (slot.at == 0 || !slot.dirty) continue;
    const Row& found = row(slot.at);
    const std::string_view key = key_of(found);
    if (key >= from && (to.empty() || key < to)) out.push_back({key, value_of(found)});
  }
}

void RowCache::clean() {
  for (size_t i = 0; i < slots_.size() && dirty_ > 0;) {
    Slot& slot = slots_[i];
    if (slot.at != 0 && slot.dirty) {
      slot.dirty = false;
      --dirty_;
      if (row(slot.at).value_size == kDeleted) {
        // It is nowhere now. Another slot takes this one's place.
        release(slot.at);
        erase_slot(i);
        continue;
      }
    }
    ++i;
  }
  dirty_bytes_ = 0;
}

void RowCache::trim() {
  if (dirty_ > 0) return;
  // The limit has shrunk; or sizes have changed so much that little of what is free fits any more.
  const bool is_worn = memory() > limit_ && free_units_ > chunks_.size() * kChunkUnits / 2;
  if (is_worn || memory() > limit_ + limit_ / 2) clear();
}

uint32_t RowCache::allocate(size_t units) {
  for (int tries = 0; tries < kTries; ++tries) {
    if (const uint32_t at = take_free(units)) return at;
    if (next_unit_ + units <= kChunkUnits || memory() + kChunkUnits * kUnit <= limit_) break;
    if (!let_one_go()) break;
    if (tries + 1 < kTries) continue;
    if (const uint32_t at = take_part(units)) return at;
  }
  if (next_unit_ + units > kChunkUnits) {
    chunks_.push_back(std::make_unique_for_overwrite<uint64_t[]>(kChunkUnits));
    next_unit_ = 0;
  }
  const size_t at = (chunks_.size() - 1) * kChunkUnits + next_unit_ + 1;
  next_unit_ += units;
  return static_cast<uint32_t>(at);
}

uint32_t RowCache::take_free(size_t units) {
  if (units >= free_.size() || free_[units].empty()) return 0;
  const uint32_t at = free_[units].back();
  free_[units].pop_back();
  free_units_ -= units;
  return at;
}

// What is left over is of use to smaller rows, or is lost until the cache is worn (trim()).
uint32_t RowCache::take_part(size_t units) {
  for (size_t size = units + 1; size < free_.size(); ++size) {
    const uint32_t at = take_free(size);
    if (at == 0) continue;
    free_[size - units].push_back(at + static_cast<uint32_t>(units));
    free_units_ += size - units;
    return at;
  }
  return take_free(units);  // it may have been the last one to go
}

void RowCache::release(uint32_t at) {
  const size_t size = units_of(row(at));
  if (size >= free_.size()) free_.resize(size + 1);
  free_[size].push_back(at);
  free_units_ += size;
}

void RowCache::erase_slot(size_t slot) {
  const size_t mask = slots_.size() - 1;
  --used_;
  for (size_t next = (slot + 1) & mask; slots_[next].at != 0; next = (next + 1) & mask) {
    // It may move to the gap if its own place is not behind it.
    const size_t home = slots_[next].hash & mask;
    if (((next - home) & mask) < ((next - slot) & mask)) continue;
    slots_[slot] = slots_[next];
    slot = next;
  }
  slots_[slot] = Slot{0, 0, 0, 0};
}

bool RowCache::let_one_go() {
  const size_t mask = slots_.size() - 1;
  // Twice around: the first may only take second chances away.
  for (size_t steps = 0; steps < 2 * slots_.size(); ++steps) {
    hand_ &= mask;
    Slot& slot = slots_[hand_];
    if (slot.at == 0 || slot.dirty || slot.referenced) {
      slot.referenced = false;
      ++hand_;
      continue;
    }
    complete_ = false;
    release(slot.at);
    erase_slot(hand_);
    return true;
  }
  return false;
}

// For one more slot. A row goes where twice the table would be more than the limit.
void RowCache::make_room() {
  const bool is_large = slots_.size() > kFirstSlots && memory() + slots_.size() * sizeof(Slot) > limit_;
  if (!is_large || !let_one_go()) grow();
}

void RowCache::grow() {
  std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() * 2, Slot{0, 0, 0, 0});
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.at == 0) continue;
    size_t i = slot.hash & mask;
    while (slots_[i].at != 0) i = (i + 1) & mask;
    slots_[i] = slot;
  }
}

void RowCache::clear() {
  complete_ = false;
  std::fill(slots_.begin(), slots_.end(), Slot{0, 0, 0, 0});
  if (slots_.size() * sizeof(Slot) > limit_ / 4) std::vector<Slot>().swap(slots_);
  used_ = hand_ = free_units_ = 0;
  chunks_.clear();
  free_.clear();
  next_unit_ = kChunkUnits;
}

}  // namespace kutils::state
