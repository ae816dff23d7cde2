// Producers over librdkafka.
//
// Every record is reported, as an event on the main queue, and freed here with its report: the thread that
// made the copy frees it, so the allocator hands the same warm memory out again. Left to librdkafka's threads
// (delivery.report.only.error) a copy from topic to topic costs 15 % more CPU, and the heap grows by 10 MB.
#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <unordered_map>

#include "kafka/client.h"
#include "kafka/producer.h"
#include "kafka/topic_refusal.h"

namespace kutils::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kCallLimitMs = 5000;      // of one attempt; what is retriable is called again
constexpr int kLastCallLimitMs = 1000;  // once the program is asked to end, and nobody answers
constexpr auto kAbortFlushLimit = std::chrono::seconds(5);
constexpr auto kGivenUpFlushLimit = std::chrono::milliseconds(500);
// Once the program is asked to end. Nothing is lost: what is not committed comes again.
constexpr auto kEndLimit = std::chrono::seconds(5);
constexpr auto kReportLimit = std::chrono::milliseconds(100);
constexpr auto kGlance = std::chrono::milliseconds(50);

class LibrdkafkaProducer final : public TransactionalProducer {
 public:
  LibrdkafkaProducer(const ClientConfig& config, const std::string& transactional_id)
      : transactional_(!transactional_id.empty()),
        name_(transactional_ ? "transactional producer " + transactional_id : "producer"),
        retry_limit_(config.transaction_ends_within()),
        note_(config.note()),
        asked_to_end_(config.asked_to_end()),
        client_(std::make_shared<Client>(RD_KAFKA_PRODUCER, config, properties(config, transactional_id),
                                         RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR)),
        queue_(rd_kafka_queue_get_main(client_->get())) {}

  ~LibrdkafkaProducer() override {
    // What is undelivered here belongs to a program that ends or to a transaction that nobody will commit.
    rd_kafka_purge(client_->get(),
                   RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  }

  void produce(const std::string& topic, int32_t partition, const Output& output) override {
    Topic& at = topic_of(topic);
    std::array<rd_kafka_vu_t, 7> parts;  // NOLINT: filled as far as used
    size_t n = 0;
    parts[n].vtype = RD_KAFKA_VTYPE_RKT;
    parts[n++].u.rkt = at.handle.get();
    parts[n].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[n++].u.i32 = partition;
    parts[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[n++].u.i = RD_KAFKA_MSG_F_COPY;
    if (!output.key.is_null()) {
      parts[n].vtype = RD_KAFKA_VTYPE_KEY;
      parts[n++].u.mem = {const_cast<char*>(output.key.data()), output.key.size()};
    }
    if (!output.value.is_null()) {
      parts[n].vtype = RD_KAFKA_VTYPE_VALUE;
      parts[n++].u.mem = {const_cast<char*>(output.value.data()), output.value.size()};
    }
    if (output.timestamp != kNoTimestamp) {
      parts[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
      parts[n++].u.i64 = output.timestamp == 0 ? time_of_zero() : output.timestamp;
    }
    rd_kafka_headers_t* headers = nullptr;
    if (!output.headers.empty()) {
      headers = rd_kafka_headers_new(output.headers.size());
      for (const Header& header : output.headers) {
        rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                            header.value.data(),
                            header.value.is_null() ? 0 : static_cast<ssize_t>(header.value.size()));
      }
      parts[n].vtype = RD_KAFKA_VTYPE_HEADERS;
      parts[n++].u.headers = headers;
    }
    for (;;) {
      const ErrorHandle error(rd_kafka_produceva(client_->get(), parts.data(), n));
      if (!error) break;
      if (rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        serve(10);
        try {
          if (meanwhile_) meanwhile_();
        } catch (...) {
          if (headers) rd_kafka_headers_destroy(headers);
          throw;
        }
        if (!rd_kafka_fatal_error(client_->get(), nullptr, 0) && !is_over()) continue;
      }
      if (headers) rd_kafka_headers_destroy(headers);
      throw_if_fatal();
      if (is_over()) throw unacknowledged();
      serve_failure();
      throw_if_failed();  // why the transaction can only be aborted
      throw to_error(error.get(), name_ + ": " + topic + " [" + std::to_string(partition) + "]",
                     ExitCode::delivery, transactional_ ? Severity::abort : Severity::fatal);
    }
    ++in_flight_;
    // Reports must not pile up between flushes.
    if (++since_served_ >= 1000) {
      since_served_ = 0;
      serve(0);
    }
  }

  void flush() override {
    wait_delivered(std::nullopt);
    throw_if_fatal();
    throw_if_failed();
    if (in_flight_ > 0) throw unacknowledged();
  }

  void meanwhile(std::function<void()> look) override { meanwhile_ = std::move(look); }

  int64_t delivered_offset(const std::string& topic, int32_t partition) override {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return kNoOffset;
    auto& delivered = found->second->delivered;
    const auto i = static_cast<size_t>(partition);
    return i < delivered.size() ? std::exchange(delivered[i], kNoOffset) : kNoOffset;
  }

  PartitionOffset newest_acknowledged(const std::string& topic) const override {
    PartitionOffset out{{topic, 0}, kNoOffset, {}};
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return out;
    const auto& newest = found->second->newest;
    for (size_t i = 0; i < newest.size(); ++i) {
      if (newest[i] > out.offset) out = {{topic, static_cast<int32_t>(i)}, newest[i], {}};
    }
    return out;
  }

  void init() override {
    call(
        "init of transactions", [&] { return rd_kafka_init_transactions(client_->get(), kCallLimitMs); },
        SteadyClock::duration::zero());
  }

  void begin() override {
    forget();
    call("begin of a transaction", [&] { return rd_kafka_begin_transaction(client_->get()); });
  }

  void send_offsets(const std::vector<PartitionOffset>& offsets, const GroupMetadata& group) override {
    // The broker would take offsets without a member and fence nobody (rule 2).
    if (!group.usable()) {
      throw KafkaError(ExitCode::delivery, Severity::abort, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
                       name_ + ": not a member of the group at this moment, so no offsets can be committed");
    }
    const std::shared_ptr<const rd_kafka_topic_partition_list_t> list(to_list(offsets));
    call("offsets in the transaction", [&] {
      return beside([client = client_, list, handle = group.handle] {
        return rd_kafka_send_offsets_to_transaction(
            client->get(), list.get(), static_cast<const rd_kafka_consumer_group_metadata_t*>(handle.get()),
            kCallLimitMs);
      });
    });
  }

  void commit() override {
    flush();  // librdkafka would wait for reports, which only we take
    const ErrorHandle error(rd_kafka_commit_transaction(client_->get(), kCallLimitMs));
    if (!error) return;
    serve(0);
    throw ended_if_refused(
        to_error(error.get(), name_ + ": commit of a transaction", ExitCode::delivery, Severity::abort));
  }

  void give_up_undelivered() override { gives_up_ = true; }

  void abort() override {
    // Aborting with records in flight ends in INVALID_TXN_STATE, which 2.0.2 takes for fatal.
    wait_delivered(gives_up_ ? SteadyClock::duration(kGivenUpFlushLimit) : kAbortFlushLimit);
    call("abort of a transaction", [&] {
      return rd_kafka_abort_transaction(client_->get(), is_over() ? kLastCallLimitMs : kCallLimitMs);
    });
    serve(0);
    forget();
  }

 private:
  struct Topic {
    TopicHandle handle;
    // By partition: the largest offset acknowledged since it was last asked for, and ever.
    std::vector<int64_t> delivered;
    std::vector<int64_t> newest;
  };

  static std::map<std::string, std::string> properties(const ClientConfig& config,
                                                       const std::string& transactional_id) {
    std::map<std::string, std::string> out{{"delivery.report.only.error", "false"}};
    if (!transactional_id.empty()) out["transactional.id"] = transactional_id;
    // While a request of a partition is unanswered, an idempotent producer of librdkafka sends it no other, and
    // once the linger of the records that wait is over, its thread polls without a pause until the answer: an
    // eighth of kfilter's time over a backlog. Records of a transaction are not visible before its commit, which
    // ends the linger (wait_delivered()), so that there it may be longer than an answer takes.
    if (config.producer_value("linger.ms").empty() && config.producer_value("queue.buffering.max.ms").empty())
      out["linger.ms"] = transactional_id.empty() ? "1" : "50";
    return out;
  }

  Topic& topic_of(const std::string& name) {
    if (last_topic_ && *last_name_ == name) return *last_topic_;
    auto found = topics_.find(name);
    if (found == topics_.end()) {
      auto topic = std::make_unique<Topic>();
      rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(client_->get());
      rd_kafka_topic_conf_set_opaque(conf, topic.get());
      topic->handle.reset(rd_kafka_topic_new(client_->get(), name.c_str(), conf));
      if (!topic->handle)
        throw to_error(rd_kafka_last_error(), name_ + ": topic " + name, ExitCode::delivery, Severity::fatal);
      found = topics_.emplace(name, std::move(topic)).first;
    }
    last_name_ = &found->first;
    last_topic_ = found->second.get();
    return *last_topic_;
  }

  // Takes delivery reports; waits for the first at most `wait_ms`.
  void serve(int wait_ms) {
    for (;;) {
      const EventHandle event(rd_kafka_queue_poll(queue_.get(), wait_ms));
      if (!event) return;
      wait_ms = 0;
      switch (rd_kafka_event_type(event.get())) {
        case RD_KAFKA_EVENT_DR:
          take_reports(event.get());
          break;
        case RD_KAFKA_EVENT_ERROR:
          client_->events().error(rd_kafka_event_error(event.get()),
                                  rd_kafka_event_error_string(event.get()));
          break;
        default:
          break;
      }
    }
  }

  void take_reports(rd_kafka_event_t* event) {
    const rd_kafka_message_t* latest = nullptr;  // of the partition that reports come from in a row
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
      --in_flight_;
      if (message->err) {
        take_failure(*message);
        continue;
      }
      if (end_seen_) end_seen_ = SteadyClock::now();
      if (latest && latest->rkt == message->rkt && latest->partition == message->partition &&
          message->offset > latest->offset) {
        latest = message;
        continue;
      }
      if (latest) note_delivered(*latest);
      latest = message;
    }
    if (latest) note_delivered(*latest);
  }

  // librdkafka refuses records of a transaction that can only be aborted a moment before it reports the record that
  // failed, which is the reason.
  void serve_failure() {
    const auto deadline = SteadyClock::now() + kReportLimit;
    do serve(transactional_ ? 5 : 0);
    while (transactional_ && !failure_ && SteadyClock::now() < deadline);
  }

  void note_delivered(const rd_kafka_message_t& message) {
    Topic& topic = *static_cast<Topic*>(rd_kafka_topic_opaque(message.rkt));
    auto& delivered = topic.delivered;
    const auto i = static_cast<size_t>(message.partition);
    if (i >= delivered.size()) delivered.resize(i + 1, kNoOffset);
    delivered[i] = std::max(delivered[i], message.offset);
    // Acknowledgements of an idempotent producer come in order, and a log gives no offset twice.
    auto& newest = topic.newest;
    if (i >= newest.size()) newest.resize(i + 1, kNoOffset);
    if (message.offset >= 0 && message.offset <= newest[i] && !recreated_) note_recreated(message, newest[i]);
    newest[i] = std::max(newest[i], message.offset);
  }

  void note_recreated(const rd_kafka_message_t& message, int64_t newest) {
    const std::string topic = rd_kafka_topic_name(message.rkt);
    recreated_ = std::make_unique<RecreatedTopic>(
        topic,
        "topic '" + topic +
            "' was deleted and recreated while the tool wrote to it, or it lost records: partition " +
            std::to_string(message.partition) + " took a record at offset " + std::to_string(message.offset) +
            " after one at " + std::to_string(newest),
        "the records that it held are gone");
  }

  void take_failure(const rd_kafka_message_t& message) {
    // Thrown away by an abort: no failure, and it may be reported after the abort.
    if (message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
      return;
    if (failure_) return;
    const std::string where =
        std::string(rd_kafka_topic_name(message.rkt)) + " [" + std::to_string(message.partition) + "]";
    const auto error =
        to_error(message.err, "delivery to " + where + " failed", ExitCode::delivery, Severity::fatal);
    // Delivery was retried by librdkafka already, as long as it may: here it is over. What a topic's settings refuse
    // is refused again, until they are read again by who makes the next producer.
    const bool may_pass = transactional_ && !error.is_not_authorized() && !is_refused_by_settings(error);
    failure_ = std::make_unique<KafkaError>(
        error.code(), may_pass ? Severity::abort : Severity::fatal, error.kafka_code(), error.what(),
        is_refused_by_settings(error)
            ? "its settings were changed and refuse this record; to see them: ktopic describe " +
                  std::string(rd_kafka_topic_name(message.rkt))
            : error.hint());
  }

  // librdkafka takes 0 for "now", and a record of 1970 would make all others late.
  int64_t time_of_zero() {
    if (note_ && !noted_zero_)
      note_("a record's time is 0 ms since 1970, which librdkafka cannot write: 1 ms is written instead");
    noted_zero_ = true;
    return 1;
  }

  // A permission that is missing stays so. librdkafka 2.0.2 cannot abort such a transaction (INVALID_TXN_STATE,
  // which it takes for fatal), so that the reason would be lost; the broker ends it, or the next init().
  KafkaError ended_if_refused(const KafkaError& error) const {
    if (!error.is_not_authorized()) return error;
    std::string what = error.what();
    if (error.kafka_code() == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) what += topics_written();
    return KafkaError(error.code(), Severity::fatal, error.kafka_code(), what, error.hint());
  }

  std::string topics_written() const {
    if (topics_.empty()) return {};  // yet; who has the producer knows
    std::string text = "; topics written:";
    for (const auto& [name, topic] : topics_) text += " " + name;
    return text;
  }

  // Until all is reported; nullopt: as long as librdkafka tries (message.timeout.ms, or the transaction's
  // timeout).
  void wait_delivered(std::optional<SteadyClock::duration> limit) {
    const auto deadline = SteadyClock::now() + limit.value_or(SteadyClock::duration::zero());
    for (;;) {
      if (gives_up_) rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE);
      serve(0);
      if (in_flight_ <= 0) return;
      // Ends the linger, if it takes until librdkafka's threads are awake. It waits for reports that only we
      // take, so that it always takes its whole time.
      rd_kafka_flush(client_->get(), 1);
      serve(20);
      if (in_flight_ <= 0) return;
      if (rd_kafka_fatal_error(client_->get(), nullptr, 0)) return;
      if ((limit && SteadyClock::now() > deadline) || is_over()) return;
      if (!limit && meanwhile_) meanwhile_();
    }
  }

  KafkaError unacknowledged() const {
    return KafkaError(ExitCode::delivery, transactional_ ? Severity::abort : Severity::fatal,
                      RD_KAFKA_RESP_ERR__TIMED_OUT,
                      name_ + ": asked to end while the brokers do not acknowledge " +
                          std::to_string(in_flight_) + " records");
  }

  // Asked to end, and `limit` since that was first seen here, or something was acknowledged.
  bool is_over(SteadyClock::duration limit = kEndLimit) {
    if (!asked_to_end_ || !asked_to_end_()) return false;
    if (!end_seen_) end_seen_ = SteadyClock::now();
    return SteadyClock::now() - *end_seen_ >= limit;
  }

  void throw_if_fatal() {
    char why[512] = "";
    const auto code = rd_kafka_fatal_error(client_->get(), why, sizeof why);
    // What a producer asks for before its first record is given to whoever may write to any topic.
    if (code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
      throw KafkaError(
          ExitCode::connection, Severity::fatal, code, name_ + ": " + why + topics_written(),
          "the user needs the permission WRITE on the topic; kutils-security(7) lists all of them");
    if (code) throw KafkaError(ExitCode::delivery, Severity::fatal, code, name_ + ": " + why);
  }

  void throw_if_failed() {
    if (recreated_) throw RecreatedTopic(*recreated_);  // whatever is tried again, it stays so
    if (!failure_) return;
    const auto failure = std::exchange(failure_, nullptr);
    throw *failure;
  }

  // For a call whose time limit librdkafka 2.0.2 does not keep: where a broker stands still, the one that sends
  // offsets returns after a minute (seen). Made on a thread of its own, which is left behind, with the client,
  // where the program is asked to end and cannot wait for it.
  rd_kafka_error_t* beside(std::function<rd_kafka_error_t*()> attempt) {
    std::packaged_task<rd_kafka_error_t*()> task(std::move(attempt));
    std::future<rd_kafka_error_t*> answer = task.get_future();
    std::thread(std::move(task)).detach();
    while (answer.wait_for(kGlance) != std::future_status::ready) {
      if (!is_over()) continue;
      client_->leave_to_the_end(client_);
      throw KafkaError(ExitCode::delivery, Severity::fatal, RD_KAFKA_RESP_ERR__TIMED_OUT,
                       name_ + ": asked to end while the brokers do not answer");
    }
    return answer.get();
  }

  // `at_end`: how long it goes on once the program is asked to end.
  template <typename Call>
  void call(const char* what, Call attempt, SteadyClock::duration at_end = kEndLimit) {
    const auto deadline = SteadyClock::now() + retry_limit_;
    for (;;) {
      const ErrorHandle error(attempt());
      if (!error) return;
      const KafkaError sorted = to_error(error.get(), name_ + ": " + what, ExitCode::delivery,
                                         transactional_ ? Severity::abort : Severity::fatal);
      if (sorted.severity() != Severity::retriable) throw ended_if_refused(sorted);
      if (SteadyClock::now() > deadline || is_over(at_end))
        throw KafkaError(sorted.code(), Severity::abort, sorted.kafka_code(), sorted.what());
      serve(5);  // most of them have waited inside already; some wait for reports to be taken
    }
  }

  void forget() {
    failure_ = nullptr;
    for (auto& [name, topic] : topics_) topic->delivered.clear();
  }

  const bool transactional_;
  const std::string name_;
  const Millis retry_limit_;
  const ClientConfig::Note note_;
  const ClientConfig::AskedToEnd asked_to_end_;
  std::function<void()> meanwhile_;
  std::optional<SteadyClock::time_point> end_seen_;
  bool noted_zero_ = false;
  const std::shared_ptr<Client> client_;
  QueueHandle queue_;
  std::unordered_map<std::string, std::unique_ptr<Topic>> topics_;
  const std::string* last_name_ = nullptr;
  Topic* last_topic_ = nullptr;
  std::unique_ptr<KafkaError> failure_;
  std::unique_ptr<RecreatedTopic> recreated_;
  bool gives_up_ = false;
  int64_t in_flight_ = 0;  // records without a report yet
  int since_served_ = 0;
};

}  // namespace

std::unique_ptr<Producer> make_idempotent_producer(const ClientConfig& config) {
  return std::make_unique<LibrdkafkaProducer>(config, std::string());
}

std::unique_ptr<TransactionalProducer> make_transactional_producer(const ClientConfig& config,
                                                                   const std::string& transactional_id) {
  return std::make_unique<LibrdkafkaProducer>(config, transactional_id);
}

}  // namespace kutils::kafka
