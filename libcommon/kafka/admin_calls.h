// How the admin's questions and orders reach the cluster: one client, whom to ask, how long, and what is asked
// again. Internal to kafka/. What is asked and ordered stands in admin_questions.h and librdkafka_admin.cc.
//
// The client is a consumer handle without a group that reads uncommitted, so that its watermarks are the ends of
// the logs. Every call has a time limit and throws KafkaError; asked to end, none is tried again.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/suspend_aware_deadline.h"

namespace kutils::kafka {

class AdminCalls {
 public:
  // Of one call to the client, and of one order to the cluster, whose answer is awaited a little longer.
  struct Limits {
    int call_ms;
    int order_ms;
    Millis retry;  // how long a call is tried again; 0: once
  };
  using SteadyClock = std::chrono::steady_clock;

  explicit AdminCalls(const ClientConfig& config);

  // Admin::connect(), Admin::try_once().
  void reach_a_broker(Millis limit);
  void ask_once() { limits_ = kOnce; }
  // What the client saw of its brokers. `refused`: the login was.
  KafkaError no_connection(rd_kafka_resp_err_t code, bool refused);

  Client& client() { return client_; }
  const ClientConfig& config() const { return config_; }
  const Limits& limits() const { return limits_; }

  bool asked_to_end() const { return config_.asked_to_end() && config_.asked_to_end()(); }
  // Asked to end, nothing is tried again.
  bool is_over(SuspendAwareDeadline& awake) const { return awake.is_over() || asked_to_end(); }
  // What one broker has made others may not know of yet: until when, and whether it may still come.
  static SteadyClock::time_point known_by() { return SteadyClock::now() + kNewsLimit; }
  bool may_come(SteadyClock::time_point known_by) const {
    return limits_.retry > Millis(0) && SteadyClock::now() < known_by && !asked_to_end();
  }

  // The member that commits and asks for a group, named but never joined. Reads committed: asks for stable
  // offsets.
  Client& member_of(const std::string& group);
  // One of them, whichever.
  Client& any_member_or(const std::string& group) {
    return groups_.empty() ? member_of(group) : *groups_.begin()->second;
  }

  // Sends a request; the answer comes to the queue.
  using Send = std::function<void(rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue)>;
  // The answer of whoever has to give it; not null.
  EventHandle admin_call(const std::string& what, rd_kafka_admin_op_t operation, const Send& send);
  // One order to one broker, without another try.
  rd_kafka_resp_err_t order_at(Client& client, int32_t broker, rd_kafka_admin_op_t operation,
                               EventHandle& event, const Send& send);
  // One round, within some seconds: the brokers are asked in turn until its coordinator answers, first the
  // one that did last. Each by its number, because librdkafka must not look for the coordinator itself: when
  // one comes up after such a request has timed out, the process is aborted ("eonce->refcnt > 0"; 2.0
  // to 2.8). Where there never was a group there is no coordinator either: no error, and no answer.
  rd_kafka_resp_err_t ask_coordinator(const std::function<rd_kafka_resp_err_t(int32_t broker)>& ask_broker);

  // Until `call` gives no error. Throws one that does not pass, or does not within `limit`.
  using Call = std::function<rd_kafka_resp_err_t()>;
  void retry(const std::string& what, const Call& call) { retry(what, call, limits_.retry); }
  void retry(const std::string& what, const Call& call, Millis limit);
  MetadataHandle retried(const std::string& what,
                         const std::function<rd_kafka_resp_err_t(const rd_kafka_metadata_t**)>& call);

 private:
  static constexpr Limits kRetrying{5000, 15'000, Millis(30'000)};
  static constexpr Limits kOnce{2000, 2000, Millis(0)};
  static constexpr auto kDescribeLimit = std::chrono::seconds(3);
  static constexpr auto kNewsLimit = std::chrono::seconds(3);

  // Empty if none comes within `limit`, or within some seconds once the program is asked to end.
  EventHandle answer(rd_kafka_queue_t* queue, Millis limit) const;
  bool has_no_groups();
  bool all_failed_in_tls();
  std::string scram_hint() const;

  const ClientConfig config_;
  Client client_;
  Limits limits_ = kRetrying;
  std::map<std::string, std::unique_ptr<Client>> groups_;
  std::atomic<int32_t> coordinator_{0};  // the broker to ask first about a group
};

}  // namespace kutils::kafka
