// Writes outputs to one topic through a producer that others may use too (the run loop owns its
// transactions).
//
// Partition: what the output insists on; else the origin's, if the key is the origin's and its topic has as
// many partitions; else Java's murmur2 of the key; a record without key: the origin's partition modulo the
// count, or in turn where the origin has none.
//
// What the broker would refuse is judged before producing, from the topic's settings (rule 6): the
// broker's refusal would abort the whole transaction. A result is never refused for a time too far ahead:
// what it was made from was judged before it counted (too_far_ahead()). If the clock was set back since, or
// the row is older than that rule, it is written with the time of now, so that its group's rows go on.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/sink.h"
#include "kafka/admin.h"
#include "kafka/producer.h"

namespace kutils::io {

struct TopicLimits {
  int64_t max_bytes = 1'048'588;  // of a batch; Kafka's default
  int64_t before_max_ms = INT64_MAX;
  int64_t after_max_ms = INT64_MAX;
  bool needs_key = false;  // compacted
};

// From the broker's answer; settings that an older broker does not have keep their defaults above.
TopicLimits limits_of(const std::map<std::string, std::string>& topic_config);

// Bytes of a batch of this record alone in Kafka's format 2, uncompressed: what max.message.bytes is compared
// with.
int64_t batch_bytes(const Output& output);

struct TopicSinkOptions {
  std::string topic;
  int32_t partitions = 1;
  TopicLimits limits;
  std::vector<std::pair<std::string, int32_t>> inputs;  // topics read, with their partition counts
};
std::unique_ptr<Sink> make_topic_sink(kafka::Producer& producer, const Clock& clock,
                                      TopicSinkOptions options);

// Asks the cluster for count and limits. The topic must exist.
std::unique_ptr<Sink> make_topic_sink(kafka::Producer& producer, kafka::Admin& admin, const Clock& clock,
                                      const std::string& topic,
                                      const std::vector<std::pair<std::string, int32_t>>& inputs);

}  // namespace kutils::io
