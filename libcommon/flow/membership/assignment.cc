#include "flow/membership/assignment.h"

#include <algorithm>

namespace kutils::flow {

OwnedPartition& Assignment::add(OwnedPartition partition) {
  remove(partition.at);
  owned_.push_back(std::make_unique<OwnedPartition>(std::move(partition)));
  return *owned_.back();
}

void Assignment::remove(const kafka::TopicPartition& at) {
  found_.clear();
  owned_.erase(std::remove_if(owned_.begin(), owned_.end(), [&](const auto& one) { return one->at == at; }),
               owned_.end());
}

OwnedPartition* Assignment::find(std::string_view topic, int32_t partition) {
  const auto number = static_cast<size_t>(std::max(partition, 0));
  if (number >= found_.size()) found_.resize(number + 1);
  OwnedPartition*& last = found_[number];
  if (last && last->at.topic == topic && last->at.partition == partition) return last;
  for (const auto& one : owned_) {
    if (one->at.partition == partition && one->at.topic == topic) return last = one.get();
  }
  return nullptr;
}

}  // namespace kutils::flow
