// Over librdkafka's simple consumer: it needs no group.id, and so can leave no trace of one.
#include "kafka/partition_reader.h"

#include <map>

#include "kafka/client.h"
#include "kafka/fetch_backoff_waker.h"
#include "kafka/message_reader.h"

namespace kutils::kafka {
namespace {

constexpr size_t kMaxRecords = 2000;

class LibrdkafkaReader final : public PartitionReader {
 public:
  explicit LibrdkafkaReader(const ClientConfig& config)
      : client_(std::make_shared<Client>(RD_KAFKA_CONSUMER, config, std::map<std::string, std::string>{}, 0)),
        queue_(rd_kafka_queue_new(client_->get())),
        waker_(std::make_unique<FetchBackoffWaker>(client_)) {}

  ~LibrdkafkaReader() override {
    waker_.reset();
    for (auto& [at, started] : started_) rd_kafka_consume_stop(topics_.at(at.topic).get(), at.partition);
  }

  void start(const std::vector<PartitionOffset>& from) override {
    for (const PartitionOffset& at : from) {
      TopicHandle& topic = topics_[at.at.topic];
      if (!topic) topic.reset(rd_kafka_topic_new(client_->get(), at.at.topic.c_str(), nullptr));
      if (!topic || rd_kafka_consume_start_queue(topic.get(), at.at.partition, at.offset, queue_.get()) != 0)
        throw to_error(rd_kafka_last_error(), "reading of " + to_string(at.at), ExitCode::connection,
                       Severity::fatal);
      started_[at.at] = Started{at.offset, false};
    }
    changed();
    waker_->set_lagging(at_end_ < started_.size());
  }

  void stop(const TopicPartition& partition) override {
    const auto found = started_.find(partition);
    if (found == started_.end()) return;
    rd_kafka_consume_stop(topics_.at(partition.topic).get(), partition.partition);
    if (found->second.at_end) --at_end_;
    started_.erase(found);
    changed();
  }

  int64_t fetched_high(const TopicPartition& at) override {
    int64_t low = -1, high = -1;
    rd_kafka_get_watermark_offsets(client_->get(), at.topic.c_str(), at.partition, &low, &high);
    return high;
  }

  Polled poll(Batch& batch, Millis wait) override {
    Polled out;
    rd_kafka_poll(client_->get(), 0);  // lets it tell of lost brokers
    const auto chunk = std::make_shared<MessageChunk>(client_);
    auto& messages = chunk->messages();
    take_messages(queue_.get(), messages, kMaxRecords, wait);
    size_t keep = 0;
    batch.records().reserve(batch.records().size() + messages.size());
    std::unique_ptr<KafkaError> failure;
    for (rd_kafka_message_t* message : messages) {
      Started* started = message->rkt ? started_of(message) : nullptr;
      if (message->err) {
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
          if (started) {
            set_at_end(*started, true);
            out.ends.push_back(
                {{rd_kafka_topic_name(message->rkt), message->partition}, message->offset, {}});
          }
        } else if (!is_passing(message->err) && !failure) {
          std::string where;
          if (message->rkt)
            where = " of " + to_string({rd_kafka_topic_name(message->rkt), message->partition});
          if (started) where += " from offset " + std::to_string(started->next);
          failure =
              std::make_unique<KafkaError>(to_error(message->err, "reading" + where, ExitCode::connection,
                                                    Severity::fatal, rd_kafka_message_errstr(message)));
        }
        rd_kafka_message_destroy(message);
        continue;
      }
      if (!started || message->offset < started->next) {
        rd_kafka_message_destroy(message);
        continue;
      }
      started->next = message->offset + 1;
      if (started->at_end) set_at_end(*started, false);
      reader_.append(batch, message);
      messages[keep++] = message;
    }
    messages.resize(keep);
    if (!messages.empty()) batch.hold(chunk);
    if (failure) throw *failure;
    waker_->set_lagging(at_end_ < started_.size());
    out.any = !batch.empty();
    return out;
  }

 private:
  struct Started {
    int64_t next = 0;
    bool at_end = false;
  };

  Started* started_of(const rd_kafka_message_t* message) {
    if (last_ && last_topic_ == message->rkt && last_partition_ == message->partition) return last_;
    const auto found = started_.find({rd_kafka_topic_name(message->rkt), message->partition});
    if (found == started_.end()) return nullptr;
    last_topic_ = message->rkt;
    last_partition_ = message->partition;
    last_ = &found->second;
    return last_;
  }

  void set_at_end(Started& started, bool value) {
    if (started.at_end == value) return;
    started.at_end = value;
    if (value)
      ++at_end_;
    else
      --at_end_;
  }

  void changed() {
    last_ = nullptr;
    std::vector<TopicPartition> all;
    for (const auto& [at, started] : started_) all.push_back(at);
    waker_->set_partitions(std::move(all));
  }

  std::shared_ptr<Client> client_;
  QueueHandle queue_;
  std::map<std::string, TopicHandle> topics_;
  std::map<TopicPartition, Started> started_;
  size_t at_end_ = 0;
  Started* last_ = nullptr;
  const rd_kafka_topic_t* last_topic_ = nullptr;
  int32_t last_partition_ = -1;
  MessageReader reader_;
  std::unique_ptr<FetchBackoffWaker> waker_;
};

}  // namespace

std::unique_ptr<PartitionReader> make_partition_reader(const ClientConfig& config) {
  return std::make_unique<LibrdkafkaReader>(config);
}

}  // namespace kutils::kafka
