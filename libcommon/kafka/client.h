// One librdkafka client with what belongs to it, and owners for its other handles. Internal to kafka/: the
// headers that other folders see do not need rdkafka.h.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kafka/client_config.h"
#include "kafka/group_consumer.h"
#include "kafka/kafka_error.h"

namespace kutils::kafka {

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};
using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using PartitionListHandle =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;
struct MetadataDestroy {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using MetadataHandle = std::unique_ptr<const rd_kafka_metadata_t, MetadataDestroy>;

// What a client said about its brokers while it worked. Written from librdkafka's threads.
class ClientEvents {
 public:
  explicit ClientEvents(ClientConfig::Note note) : note_(std::move(note)) {}
  void error(rd_kafka_resp_err_t code, const std::string& text);
  // Off while a caller waits for the first connection and says itself what went wrong.
  void set_notes_outages(bool on) { notes_outages_ = on; }
  void log(const std::string& facility, const std::string& text, bool debugging);
  struct Failure {
    rd_kafka_resp_err_t code;
    std::string text;
    std::string address() const;  // of the broker: "host:9092"
  };
  // The last failure of each broker address, oldest first.
  std::vector<Failure> failures() const;
  std::optional<Failure> authentication_failure() const;

 private:
  mutable std::mutex mutex_;
  std::deque<Failure> failures_;
  int64_t noted_at_ms_ = -1;
  std::atomic<bool> notes_outages_{true};
  ClientConfig::Note note_;
};

// Owns the rd_kafka_t. Shared by what must not outlive it: batches hold messages that point into it.
class Client {
 public:
  // `properties` are the side's, `more` win over them. `events`: a mask of RD_KAFKA_EVENT_*. Throws
  // usage_error where librdkafka refuses the combination.
  Client(rd_kafka_type_t type, const ClientConfig& config, const std::map<std::string, std::string>& more,
         int events);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  rd_kafka_t* get() const { return handle_; }
  ClientEvents& events() { return *events_; }
  // Never destroys it: `self` is this. What librdkafka's threads use stays until the process ends.
  void leave_to_the_end(std::shared_ptr<Client> self) { self_ = std::move(self); }

 private:
  static void on_error(rd_kafka_t*, int code, const char* text, void* opaque);
  static void on_log(const rd_kafka_t* rk, int level, const char* facility, const char* text);

  std::unique_ptr<ClientEvents> events_;
  bool debugging_ = false;
  rd_kafka_t* handle_ = nullptr;
  std::shared_ptr<Client> self_;
};

PartitionListHandle to_list(const std::vector<PartitionOffset>& offsets);
PartitionListHandle to_list(const std::vector<TopicPartition>& partitions);
std::vector<PartitionOffset> from_list(const rd_kafka_topic_partition_list_t* list);
std::vector<TopicPartition> partitions_of(const rd_kafka_topic_partition_list_t* list);
std::string to_string(const TopicPartition& partition);  // "clicks [3]"

// Errors. `what` says what was being done: "commit of the transaction failed".
// Sorted by librdkafka's flags; one that carries none of them is `unflagged`.
KafkaError to_error(const rd_kafka_error_t* error, const std::string& what, ExitCode code,
                    Severity unflagged);
// Of an order to the cluster that was not carried out in time: says who carries it out. Another error as it is.
KafkaError with_controller_hint(const KafkaError& error);
// For calls that give a bare code, which has no flags: passing states of coordinators, leaders and
// connections are retriable.
KafkaError to_error(rd_kafka_resp_err_t code, const std::string& what, ExitCode exit_code, Severity unflagged,
                    const std::string& detail = {});
bool is_passing(rd_kafka_resp_err_t code);

// For calls on the way of ordinary work (assignments): throws if `error` is one. Takes ownership.
void check(rd_kafka_error_t* error, const std::string& what);

}  // namespace kutils::kafka
