#include "state/overlay.h"

#include <cstring>

#include "state/sorted_changes.h"

namespace kutils::state {
void Overlay::put(char prefix, std::string_view key, MaybeBytes value) {
  const size_t key_size = key.size() + 1;
  const size_t value_size = value.size();
  char* memory = arena_.allocate(key_size + value_size);
  memory[0] = prefix;
  if (!key.empty()) std::memcpy(memory + 1, key.data(), key.size());
  if (value_size != 0) std::memcpy(memory + key_size, value.data(), value_size);
  const Change change{
      {memory, key_size},
      value.is_null() ? MaybeBytes() : MaybeBytes(std::string_view(memory + key_size, value_size))};
  bytes_ += key_size + value_size;
  if (indexed_) {
    const auto [at, is_new] = index_.try_emplace(change.key, static_cast<uint32_t>(changes_.size()));
    if (!is_new) {  // the order stays as it is
      changes_[at->second].value = change.value;
      return;
    }
  }
  sorted_ = false;
  changes_.push_back(change);
}

const Change* Overlay::find(std::string_view key) {
  if (changes_.empty()) return nullptr;
  if (!indexed_) {
    remove_duplicates();
    index_.clear();
    index_.reserve(changes_.size() * 2);
    for (uint32_t i = 0; i < changes_.size(); ++i) index_.emplace(changes_[i].key, i);
    indexed_ = true;
  }
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &changes_[found->second];
}

std::span<const Change> Overlay::sorted() {
  if (!sorted_) {
    const bool was_indexed = indexed_;
    remove_duplicates();
    // Sorting moved the entries: the next find() makes the index again.
    if (was_indexed) indexed_ = false;
  }
  return changes_;
}

void Overlay::take_sorted(std::vector<Change>& out) {
  remove_duplicates();
  out.clear();
  out.swap(changes_);
  index_.clear();
  indexed_ = false;
}

void Overlay::clear(size_t keep) {
  arena_.reset(keep);
  changes_.clear();
  if (changes_.capacity() * sizeof(Change) > keep) std::vector<Change>().swap(changes_);
  index_.clear();
  indexed_ = sorted_ = false;
  bytes_ = 0;
}

void Overlay::remove_duplicates() {
  if (sorted_) return;
  sort_unique_changes(changes_);
  sorted_ = true;
}

}  // namespace kutils::state
