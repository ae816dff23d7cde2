// Topics that records name, as outputs beside those that the tool knows before it runs (kbranch --to). Each name
// becomes a port when it is first seen; the sinks of ports are made when they are first written to. Used by all
// workers of a process.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
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
  // Before it is written to: calls `create` with the topic, once in this process: a topic that is gone later was
  // deleted. REQUIRES: port_of() gave it.
  void open(uint32_t port, const std::function<void(const std::string& topic)>& create) {
    const std::string topic = topic_of(port);
    const std::lock_guard lock(creating_);
    if (is_open(port)) return;
    create(topic);
    const std::lock_guard opened(mutex_);
    open_.push_back(port);
  }
  // `most` of those that were opened, others each time.
  std::vector<std::string> opened(size_t most, size_t& next) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> topics;
    for (size_t i = 0; i < open_.size() && i < most; ++i, ++next)
      topics.push_back(topics_[open_[next % open_.size()] - kFirstNamed]);
    return topics;
  }

 private:
  bool is_open(uint32_t port) const {
    const std::lock_guard lock(mutex_);
    return std::find(open_.begin(), open_.end(), port) != open_.end();
  }

  const size_t most_;
  std::mutex creating_;  // before the other one
  mutable std::mutex mutex_;
  std::map<std::string, uint32_t, std::less<>> ports_;
  std::vector<std::string> topics_;
  std::vector<uint32_t> open_;  // ports
};

}  // namespace kutils::flow
