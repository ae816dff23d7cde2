// A record's headers, in their order: views, which live as long as the record's other views.
//
// Those of a message that came from a topic are read when they are first asked for. librdkafka makes a list for each
// message that it is asked about, also for one without headers, and most tools ask about few.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/bytes.h"

namespace kutils {

struct Header {
  std::string_view name;
  MaybeBytes value;
};

class Headers {
 public:
  // Views of the headers of `message`, in `memory`.
  using Read = std::span<const Header> (*)(const void* message, Arena& memory);

  Headers() = default;
  Headers(const Header* views, size_t count) : at_(views), count_(count) {}
  // From whatever holds them.
  template <typename Views>
  requires std::is_convertible_v<const Views&, std::span<const Header>> Headers(const Views& views)
      : Headers(as_span(views).data(), as_span(views).size()) {}
  // `message` and `memory` live as long as the record's views.
  Headers(const void* message, Arena& memory, Read read) : at_(message), memory_(&memory), read_(read) {}

  std::span<const Header> views() const {
    if (read_) {
      const std::span<const Header> views = read_(at_, *memory_);
      at_ = views.data();
      count_ = views.size();
      read_ = nullptr;
    }
    return {static_cast<const Header*>(at_), count_};
  }
  // What a range has: a std::span is made from it.
  bool empty() const { return views().empty(); }
  size_t size() const { return views().size(); }
  const Header* data() const { return views().data(); }
  const Header& operator[](size_t i) const { return views()[i]; }
  const Header& back() const { return views().back(); }
  auto begin() const { return views().begin(); }
  auto end() const { return views().end(); }

 private:
  static std::span<const Header> as_span(std::span<const Header> views) { return views; }

  mutable const void* at_ = nullptr;  // the message until they are read, then the first view
  union {
    mutable size_t count_ = 0;
    Arena* memory_;  // until they are read
  };
  mutable Read read_ = nullptr;  // null: they are read
};

}  // namespace kutils
