// Keyed state of one operator in one partition, ordered by key, as stages use it.
//
// Reads see the open transaction's own writes. Nothing written is durable until the run loop has committed
// (state/partition_store.h): it takes the changes for the changelog topic, commits, then applies them. An
// aborted transaction discards them, and the stage with them: it is made again from the store.
//
// A stage that keeps decoded rows in front of the store writes them back in Stage::before_commit().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "state/meta.h"

namespace kutils::state {

class Store {
 public:
  virtual ~Store() = default;

  // The value, valid until the next call of any method. nullopt: absent.
  virtual std::optional<std::string_view> get(std::string_view key) = 0;
  // Names keys that get() will be asked for soon, and reads the rows of all that were named: on disk together, which
  // costs less than one by one. Changes nothing that get() gives; nothing has to be named.
  virtual void will_get(std::string_view /*key*/) {}
  virtual void read_ahead() {}
  virtual void put(std::string_view key, std::string_view value) = 0;
  virtual void erase(std::string_view key) = 0;
  // Rows with from <= key < to in key order, open writes included; `to` empty: to the end. Stops when `row`
  // returns false. `row` must not call the store; collect, then write. Its views live until it returns.
  virtual void scan(std::string_view from, std::string_view to,
                    const std::function<bool(std::string_view key, std::string_view value)>& row) = 0;

  // True: nothing outlives the process and nobody else reads the rows, so that a stage may keep all of them
  // itself.
  virtual bool in_memory() const = 0;
  // Bytes of decoded rows that a stage may keep from commit to commit (Backend::memory_share()).
  virtual size_t memory_share() const { return size_t{4} << 20; }

  // The operator's times as of the last committed transaction; empty in a new store. What is set here becomes
  // part of the meta row of the open transaction.
  virtual const StreamTimes& stream_times() const = 0;
  virtual void set_stream_times(StreamTimes times) = 0;
  // What the rows are (a tool's own text, kept in the meta row): kquery reads them by it.
  virtual void set_description(std::string description) = 0;
};

}  // namespace kutils::state
