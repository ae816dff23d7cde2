// The beginnings and ends of many partitions, as Admin::watermarks() of each: in two requests for all of them where
// `admin` can, else one after the other. Throws KafkaError.
#pragma once

#include <map>
#include <vector>

#include "kafka/admin.h"

namespace kutils::kafka {

std::map<TopicPartition, Watermarks> ends_of_many(Admin& admin,
                                                  const std::vector<TopicPartition>& partitions);

}  // namespace kutils::kafka
