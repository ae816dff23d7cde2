#include "io/topic_sink.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/murmur2.h"
#include "base/time_format.h"
#include "io/batch_limit.h"

namespace kutils::io {
namespace {

int64_t varint_bytes(int64_t value) {
  // Zigzag, seven bits a byte.
  auto rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  int64_t n = 1;
  while (rest >= 0x80) {
    rest >>= 7;
    ++n;
  }
  return n;
}

int64_t sized(int64_t size) { return varint_bytes(size) + size; }
int64_t sized(const MaybeBytes& bytes) {
  return bytes.is_null() ? varint_bytes(-1) : sized(static_cast<int64_t>(bytes.size()));
}

class TopicSink final : public Sink {
 public:
  TopicSink(kafka::Producer& producer, const Clock& clock, TopicSinkOptions options)
      : producer_(producer),
        clock_(clock),
        options_(std::move(options)),
        now_ms_(clock.wall_ms()),
        batches_(options_.limits.max_bytes) {}

  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    if (output.is_result && output.timestamp > 0 && is_ahead(output.timestamp)) {
      Output bounded = output;
      bounded.timestamp = now_ms_;
      return write(origin, bounded);
    }
    const TopicLimits& limits = options_.limits;
    if (limits.needs_key && output.key.is_null()) {
      return RecordError{Reason::refused_by_topic,
                         "topic " + options_.topic + " is compacted and takes no record without key"};
    }
    if (output.timestamp != kNoTimestamp) {
      if (auto error = judge_time(output.timestamp)) return error;
    }
    const auto rough = static_cast<int64_t>(output.key.size() + output.value.size());
    int64_t bytes = 0;
    if (rough > limits.max_bytes / 2 || !output.headers.empty() || batches_.is_small()) {
      bytes = batch_bytes(output);
      if (bytes > limits.max_bytes) {
        return RecordError{Reason::too_large, std::to_string(bytes) +
                                                  " bytes with key, headers and framing; topic " +
                                                  options_.topic + " takes " +
                                                  std::to_string(limits.max_bytes) + " (max.message.bytes)"};
      }
    }
    const int32_t partition = choose(origin, output);
    if (partition < 0 || partition >= options_.partitions) {
      return RecordError{Reason::refused_by_topic, "there is no partition " + std::to_string(partition) +
                                                       ": topic " + options_.topic + " has " +
                                                       std::to_string(options_.partitions)};
    }
    if (batches_.is_small() && batches_.must_flush_before(partition, bytes)) producer_.flush();
    producer_.produce(options_.topic, partition, output);
    return std::nullopt;
  }

  std::optional<RecordError> too_far_ahead(int64_t ms) override {
    if (!is_ahead(ms)) return std::nullopt;
    return refused_time(ms, "ahead of now", "message.timestamp.after.max.ms", options_.limits.after_max_ms);
  }

  void flush() override {
    producer_.flush();
    batches_.flushed();
  }

 private:
  int32_t choose(const Record* origin, const Output& output) {
    if (output.partition != kNoPartition) return output.partition;
    const bool has_origin = origin && origin->partition >= 0;
    if (output.keeps_key && has_origin && counts_match(origin->topic) &&
        origin->partition < options_.partitions)  // else the input has grown since
      return origin->partition;
    if (!output.key.is_null()) return murmur2_partition(output.key.view(), options_.partitions);
    if (has_origin) return origin->partition % options_.partitions;
    next_in_turn_ = (next_in_turn_ + 1) % options_.partitions;
    return next_in_turn_;
  }

  bool counts_match(std::string_view topic) const {
    for (const auto& [name, count] : options_.inputs) {
      if (name == topic) return count == options_.partitions;
    }
    return false;
  }

  bool is_ahead(int64_t ms) {
    const int64_t most = options_.limits.after_max_ms;
    if (most == INT64_MAX || ms - now_ms_ <= most) return false;
    now_ms_ = clock_.wall_ms();
    return ms - now_ms_ > most;
  }

  std::optional<RecordError> judge_time(int64_t ms) {
    const TopicLimits& limits = options_.limits;
    if (ms < 0) return RecordError{Reason::refused_by_topic, "negative timestamp " + std::to_string(ms)};
    if (++judged_ >= 1000) {
      judged_ = 0;
      now_ms_ = clock_.wall_ms();
    }
    if (auto error = too_far_ahead(ms)) return error;
    if (limits.before_max_ms != INT64_MAX && now_ms_ - ms > limits.before_max_ms)
      return refused_time(ms, "before now", "message.timestamp.before.max.ms", limits.before_max_ms);
    return std::nullopt;
  }

  RecordError refused_time(int64_t ms, const char* side, const char* setting, int64_t limit) const {
    return {Reason::refused_by_topic, "timestamp " + format_iso_ms(ms) + " is further " + side +
                                          " than topic " + options_.topic + " takes (" + setting + "=" +
                                          std::to_string(limit) + ")"};
  }

  kafka::Producer& producer_;
  const Clock& clock_;
  const TopicSinkOptions options_;
  int64_t now_ms_;
  int judged_ = 0;
  int32_t next_in_turn_ = -1;
  BatchLimit batches_;
};

}  // namespace

TopicLimits limits_of(const std::map<std::string, std::string>& config) {
  TopicLimits limits;
  const auto read = [&](const char* name, int64_t& into) {
    const auto found = config.find(name);
    if (found == config.end()) return;
    const std::string& text = found->second;
    int64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc()) into = value;
  };
  read("max.message.bytes", limits.max_bytes);
  const auto type = config.find("message.timestamp.type");
  if (type == config.end() || type->second != "LogAppendTime") {
    // Before Kafka 3.6 one setting stood for both.
    read("message.timestamp.difference.max.ms", limits.before_max_ms);
    read("message.timestamp.difference.max.ms", limits.after_max_ms);
    read("message.timestamp.before.max.ms", limits.before_max_ms);
    read("message.timestamp.after.max.ms", limits.after_max_ms);
  }
  const auto policy = config.find("cleanup.policy");
  limits.needs_key = policy != config.end() && policy->second.find("compact") != std::string::npos;
  return limits;
}

int64_t batch_bytes(const Output& output) {
  constexpr int64_t kBatchHeader = 61;
  int64_t record = 1 + 1 + 1;  // attributes, and deltas of 0
  record += sized(output.key) + sized(output.value);
  record += varint_bytes(static_cast<int64_t>(output.headers.size()));
  for (const Header& header : output.headers)
    record += sized(static_cast<int64_t>(header.name.size())) + sized(header.value);
  return kBatchHeader + sized(record);
}

std::unique_ptr<Sink> make_topic_sink(kafka::Producer& producer, const Clock& clock,
                                      TopicSinkOptions options) {
  return std::make_unique<TopicSink>(producer, clock, std::move(options));
}

std::unique_ptr<Sink> make_topic_sink(kafka::Producer& producer, kafka::Admin& admin, const Clock& clock,
                                      const std::string& topic,
                                      const std::vector<std::pair<std::string, int32_t>>& inputs) {
  const auto info = admin.find_topic(topic);
  if (!info || info->partitions <= 0) throw usage_error("there is no topic '" + topic + "'");
  return make_topic_sink(producer, clock,
                         {topic, info->partitions, limits_of(admin.topic_config(topic)), inputs});
}

}  // namespace kutils::io
