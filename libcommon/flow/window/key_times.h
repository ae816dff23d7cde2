// A small number for each of many keys, such as a time within a window, in as little memory as may be: some
// dozen bytes and the key. One thread.
//
// An open hash table with linear probing, of one byte of the hash (0: empty) apart from the places, so that
// the look-up of a key that is not there mostly ends in an array that the processor's caches hold. Numbers and
// keys lie in chunks in the order in which they came; nothing is changed, or taken out but all at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace kutils::flow {

class KeyTimes {
 public:
  using Place = uint32_t;  // of a key, from 1

  static size_t hash_of(std::string_view key) { return std::hash<std::string_view>{}(key); }

  // 0: it is not here. `hash` is hash_of(key).
  Place find(std::string_view key, size_t hash) const {
    if (size_ == 0) return 0;
    const size_t mask = tags_.size() - 1;
    const uint8_t tag = tag_of(hash);
    for (size_t i = hash & mask; tags_[i] != 0; i = (i + 1) & mask)
      if (tags_[i] == tag && at(places_[i]).key == key) return places_[i];
    return 0;
  }
  // REQUIRES: the key is not here; number >= 0. Valid until clear().
  Place add(std::string_view key, size_t hash, int64_t number) {
    if ((size_ + 1) * 4 > tags_.size() * 3) grow();
    char head[20];
    const size_t head_size = put_varint(put_varint(head, static_cast<uint64_t>(number)), key.size()) - head;
    const Place place = allocate(head_size + key.size());
    char* to = bytes(place);
    std::memcpy(to, head, head_size);
    if (!key.empty()) std::memcpy(to + head_size, key.data(), key.size());
    enter(place, hash);
    ++size_;
    return place;
  }
  struct Entry {
    int64_t number;
    std::string_view key;
  };
  Entry at(Place place) const {
    const char* from = bytes(place);
    const auto number = static_cast<int64_t>(get_varint(from));
    const size_t size = get_varint(from);
    return {number, {from, size}};
  }
  size_t size() const { return size_; }
  size_t memory() const { return chunk_bytes_ + tags_.size() * (sizeof(uint8_t) + sizeof(Place)); }
  void clear() { *this = KeyTimes(); }

 private:
  static constexpr size_t kUnit = 4;  // bytes that one step of a place stands for
  static constexpr size_t kChunkBytes = 64 * 1024;
  static constexpr size_t kChunkUnits = kChunkBytes / kUnit;
  static constexpr size_t kFirstChunk = 1024;  // there may be one table for each of thousands of windows
  static constexpr size_t kFirstSlots = 16;

  // Bits that do not say where it lies.
  static uint8_t tag_of(size_t hash) { return static_cast<uint8_t>(hash >> 56U | 1U); }
  static char* put_varint(char* to, uint64_t value) {
    for (; value >= 0x80; value >>= 7U) *to++ = static_cast<char>(value | 0x80U);
    *to++ = static_cast<char>(value);
    return to;
  }
  static uint64_t get_varint(const char*& from) {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(*from++);
      value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
  }

  char* bytes(Place place) const {
    const size_t unit = place - 1;
    return chunks_[unit / kChunkUnits].get() + unit % kChunkUnits * kUnit;
  }
  // One that is larger than a chunk has a chunk of its own.
  Place allocate(size_t size) {
    size = (size + kUnit - 1) / kUnit * kUnit;
    if (last_used_ + size > last_size_) {
      last_size_ =
          std::max(size, std::min(kChunkBytes, kFirstChunk << std::min<size_t>(2 * chunks_.size(), 6)));
      last_used_ = 0;
      chunk_bytes_ += last_size_;
      chunks_.push_back(std::make_unique_for_overwrite<char[]>(last_size_));
    }
    const size_t unit = (chunks_.size() - 1) * kChunkUnits + last_used_ / kUnit;
    last_used_ += size;
    return static_cast<Place>(unit + 1);
  }
  void enter(Place place, size_t hash) {
    const size_t mask = tags_.size() - 1;
    size_t i = hash & mask;
    while (tags_[i] != 0) i = (i + 1) & mask;
    tags_[i] = tag_of(hash);
    places_[i] = place;
  }
  void grow() {
    const std::vector<Place> old = std::move(places_);
    const std::vector<uint8_t> old_tags = std::move(tags_);
    const size_t slots = old.empty() ? kFirstSlots : old.size() * 2;
    places_.assign(slots, 0);
    tags_.assign(slots, 0);
    for (size_t i = 0; i < old.size(); ++i)
      if (old_tags[i] != 0) enter(old[i], hash_of(at(old[i]).key));
  }

  std::vector<uint8_t> tags_;  // a power of two, at most three quarters full
  std::vector<Place> places_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t last_size_ = 0, last_used_ = 0;  // of the last chunk, bytes
  size_t chunk_bytes_ = 0;
  size_t size_ = 0;
};

}  // namespace kutils::flow
