// Topics that records name, as outputs beside those that the tool knows before it runs (kbranch --to). Each name
// becomes a port when it is first seen; the sinks of ports are made when they are first written to. Used by all
// workers of a process.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/topology/ports.h"

namespace kutils::flow {

class NamedOutputs {
 public:
  explicit NamedOutputs(size_t most) : most_(most) {}

  size_t most() const { return most_; }
  // nullopt: it would be one more than there may be.
  std::optional<uint32_t> port_of(std::string_view topic) {
    const std::lock_guard lock(mutex_);
    if (const auto known = ports_.find(topic); known != ports_.end()) return known->second;
    if (topics_.size() == most_) return std::nullopt;
    const uint32_t port = kFirstNamed + static_cast<uint32_t>(topics_.size());
    topics_.emplace_back(topic);
    ports_.emplace(topic, port);
    return port;
  }
  // REQUIRES: port_of() gave it.
  std::string topic_of(uint32_t port) const {
    const std::lock_guard lock(mutex_);
    return topics_.at(port - kFirstNamed);
  }

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  std::map<std::string, uint32_t, std::less<>> ports_;
  std::vector<std::string> topics_;
};

}  // namespace kutils::flow
