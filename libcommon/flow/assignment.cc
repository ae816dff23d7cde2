#include "flow/assignment.h"

#include <algorithm>

namespace kutils::flow {

OwnedPartition& Assignment::add(OwnedPartition partition) {
  remove(partition.at);
  owned_.push_back(std::make_unique<OwnedPartition>(std::move(partition)));
  return *owned_.back();
}

void Assignment::remove(const kafka::TopicPartition& at) {
  last_ = nullptr;
  owned_.erase(std::remove_if(owned_.begin(), owned_.end(), [&](const auto& one) { return one->at == at; }),
               owned_.end());
}

OwnedPartition* Assignment::find(std::string_view topic, int32_t partition) {
  if (last_ && last_->at.partition == partition && last_->at.topic == topic) return last_;
  for (const auto& one : owned_) {
    if (one->at.partition == partition && one->at.topic == topic) return last_ = one.get();
  }
  return nullptr;
}

}  // namespace kutils::flow
