// A broker in this process's memory, for trying things and for tests: librdkafka's mock cluster on 127.0.0.1,
// plaintext. Other processes can use it; it ends with this object, and nothing survives. What it cannot do:
// see rule 29.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace kutils::kafka {

class MemoryBroker {
 public:
  explicit MemoryBroker(int brokers = 1);
  ~MemoryBroker();
  MemoryBroker(const MemoryBroker&) = delete;
  MemoryBroker& operator=(const MemoryBroker&) = delete;
  std::string bootstrap_servers() const;
  // Topics that are only mentioned get 4 partitions.
  void create_topic(const std::string& name, int32_t partitions);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kutils::kafka
