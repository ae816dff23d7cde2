// Keyed state of one partition, ordered by key, as stages use it.
//
// Reads see the open transaction's own writes. Nothing written is durable until the run loop has committed: it takes the
// changes (for the changelog topic), commits, then applies them together with the changelog offset that they
// reach, in one write. An aborted transaction discards them. Stages call the first part only, the run loop the second.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace kutils::state {

class Store {
 public:
  virtual ~Store() = default;

  // The value, valid until the next call that writes. nullopt: absent.
  virtual std::optional<std::string_view> get(std::string_view key) = 0;
  virtual void put(std::string_view key, std::string_view value) = 0;
  // `is_new`: the caller knows that there was none, so that no look-up is needed.
  virtual void put_new(std::string_view key, std::string_view value) { put(key, value); }
  virtual void erase(std::string_view key) = 0;
  // Rows with from <= key < to in key order, open writes included; `to` empty: to the end. Stops when `row` returns false.
  // `row` must not write; collect, then write.
  virtual void scan(std::string_view from, std::string_view to,
                    const std::function<bool(std::string_view key, std::string_view value)>& row) = 0;
};

}  // namespace kutils::state
