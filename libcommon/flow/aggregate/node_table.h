// Objects by key, which stay where they are while they live: those of KeyedRows.
//
// An open hash table with linear probing, of eight bytes a slot, that names the objects by number; these lie in chunks
// of 64. Apart from what an object itself asks for there is no allocation for each, and a key that is not here is mostly
// found out in the slots alone. One thread.
//
// Node needs: std::string key, the same as long as it lives; uint32_t hash and uint32_t number, which are the table's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace kutils::flow {

template <typename Node>
class NodeTable {
 public:
  NodeTable() = default;
  ~NodeTable() { clear(0); }
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  static uint32_t hash_of(std::string_view key) {
    const uint64_t hash = std::hash<std::string_view>{}(key);
    return static_cast<uint32_t>(hash ^ (hash >> 32U));
  }

  size_t size() const { return size_; }
  // nullptr: it is not here. `hash` is hash_of(key).
  Node* find(std::string_view key, uint32_t hash) const {
    if (size_ == 0) return nullptr;
    for (size_t i = hash & mask(); slots_[i].number != 0; i = (i + 1) & mask())
      if (slots_[i].hash == hash && at(slots_[i].number)->key == key) return at(slots_[i].number);
    return nullptr;
  }
  // REQUIRES: node.key is not here, and `hash` is its.
  Node& add(Node node, uint32_t hash) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    uint32_t number = made_ + 1;
    if (!free_.empty()) {
      number = free_.back();
      free_.pop_back();
    } else {
      if (made_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Chunk>());
      ++made_;
    }
    Node* const added = new (place(number)) Node(std::move(node));
    added->hash = hash;
    added->number = number;
    enter({hash, number});
    ++size_;
    return *added;
  }
  void erase(Node& node) {
    size_t hole = node.hash & mask();
    while (slots_[hole].number != node.number) hole = (hole + 1) & mask();
    // What lies behind the hole moves up, unless that were in front of the slot where it belongs.
    for (size_t i = hole;;) {
      i = (i + 1) & mask();
      if (slots_[i].number == 0) break;
      const size_t home = slots_[i].hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = Slot();
    --size_;
    free_.push_back(node.number);
    node.~Node();
  }
  // Of the memory at most `keep` bytes stay for the next ones.
  void clear(size_t keep) {
    for (const Slot& slot : slots_)
      if (slot.number != 0) at(slot.number)->~Node();
    const size_t keep_chunks = keep / 2 / sizeof(Chunk);
    if (chunks_.size() > keep_chunks) chunks_.resize(keep_chunks);
    if (slots_.size() * sizeof(Slot) > keep / 2) {
      std::vector<Slot>().swap(slots_);
    } else {
      slots_.assign(slots_.size(), Slot());
    }
    std::vector<uint32_t>().swap(free_);
    size_ = 0;
    made_ = 0;
  }
  // In no order.
  template <typename F>
  void for_each(const F& look) const {
    for (const Slot& slot : slots_)
      if (slot.number != 0) look(*at(slot.number));
  }

 private:
  static constexpr size_t kChunk = 64;
  struct Chunk {
    alignas(Node) std::byte bytes[kChunk * sizeof(Node)];
  };
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = 0;  // from 1; 0: empty
  };

  size_t mask() const { return slots_.size() - 1; }
  std::byte* place(uint32_t number) const {
    return chunks_[(number - 1) / kChunk]->bytes + (number - 1) % kChunk * sizeof(Node);
  }
  Node* at(uint32_t number) const { return std::launder(reinterpret_cast<Node*>(place(number))); }
  void enter(Slot slot) {
    size_t i = slot.hash & mask();
    while (slots_[i].number != 0) i = (i + 1) & mask();
    slots_[i] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.number != 0) enter(slot);
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  uint32_t made_ = 0;           // numbers up to it are in use, or free
  std::vector<uint32_t> free_;  // of objects that were erased
};

}  // namespace kutils::flow
