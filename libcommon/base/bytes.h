// Bytes that may be absent. Kafka tells a NULL key or value from an empty one, and so do all tools.
#pragma once

#include <cstddef>
#include <string_view>

namespace kutils {

// A view; owns nothing. NULL is data() == nullptr; an empty value has a non-null data().
class MaybeBytes {
 public:
  constexpr MaybeBytes() = default;             // NULL
  constexpr MaybeBytes(std::string_view bytes)  // NOLINT: implicit on purpose
      : data_(bytes.data() ? bytes.data() : ""), size_(bytes.size()) {}
  // From Kafka's pointer and length: a null pointer is NULL.
  static constexpr MaybeBytes from(const void* data, size_t size) {
    return data ? MaybeBytes(std::string_view(static_cast<const char*>(data), size)) : MaybeBytes();
  }
  constexpr bool is_null() const { return data_ == nullptr; }
  constexpr const char* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  // REQUIRES: !is_null(), or that empty and NULL mean the same to the caller.
  constexpr std::string_view view() const { return {data_ ? data_ : "", size_}; }
  friend constexpr bool operator==(const MaybeBytes& a, const MaybeBytes& b) {
    return a.is_null() == b.is_null() && a.view() == b.view();
  }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace kutils
