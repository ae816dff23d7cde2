#include "kafka/admin_calls.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "base/signal.h"
#include "kafka/tls_failure.h"

namespace kutils::kafka {
namespace {

using AdminOptionsHandle = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;

constexpr auto kEndLimit = std::chrono::seconds(3);
constexpr Millis kTlsLimit{1000};  // what was refused once in a TLS handshake is refused again
constexpr int kGlanceMs = 100;     // how long we may not see that the program is asked to end

// "host:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)"
// -> "host:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused"
std::string plain(std::string text) {
  const size_t bootstrap = text.find("/bootstrap");
  if (bootstrap != std::string::npos) text.erase(bootstrap, std::string_view("/bootstrap").size());
  const size_t after = text.rfind(" (after ");
  if (after != std::string::npos) text.erase(after);
  return text;
}

}  // namespace

// A broker that expects TLS hangs up: without log.connection.close that would be no event.
AdminCalls::AdminCalls(const ClientConfig& config)
    : config_(config),
      client_(RD_KAFKA_CONSUMER, config,
              {{"isolation.level", "read_uncommitted"}, {"log.connection.close", "true"}}, 0) {
  client_.events().set_notes_outages(false);
}

void AdminCalls::reach_a_broker(Millis limit) {
  SuspendAwareDeadline awake(limit, Millis(400));
  SuspendAwareDeadline handshakes(std::min(limit, kTlsLimit), Millis(400));
  for (;;) {
    const rd_kafka_metadata_t* raw = nullptr;
    const auto code = rd_kafka_metadata(client_.get(), 0, nullptr, &raw, 200);
    const MetadataHandle metadata(raw);
    rd_kafka_poll(client_.get(), 0);  // lets it tell what went wrong
    if (!code && metadata->broker_cnt > 0) {
      client_.events().set_notes_outages(true);
      return;
    }
    const auto refused = client_.events().authentication_failure();
    if (asked_to_end()) throw Interrupted();
    const bool had_time = handshakes.is_over();
    if (refused || awake.is_over() || (had_time && all_failed_in_tls()))
      throw no_connection(code, refused.has_value());
  }
}

bool AdminCalls::all_failed_in_tls() {
  const auto failures = client_.events().failures();
  return !failures.empty() && std::all_of(failures.begin(), failures.end(), is_tls_failure);
}

KafkaError AdminCalls::no_connection(rd_kafka_resp_err_t code, bool refused) {
  rd_kafka_poll(client_.get(), 0);
  std::string why;
  rd_kafka_resp_err_t reason = code;
  const auto failures = client_.events().failures();
  for (const auto& failure : failures) {
    if (!why.empty()) why += "; ";
    why += plain(failure.text);
    reason = failure.code;
  }
  const bool silent = why.empty();
  if (silent) why = config_.brokers() + ": no answer";
  std::string hint;
  if (refused)
    hint = "check sasl.username, sasl.password ($KUTILS_X_SASL_PASSWORD) and sasl.mechanism" + scram_hint();
  else if (const auto tls = std::find_if(failures.begin(), failures.end(), is_tls_failure);
           tls != failures.end())
    hint = tls_hint(*tls, config_);
  else if (silent)
    hint =
        "nothing refused the connection and nothing answered: the broker may be stopped or overloaded, behind a "
        "firewall,\nor expect TLS or a login (security.protocol)";
  else
    hint = "is the broker up, and are -b, $KUTILS_BROKERS and security.protocol right?";
  return KafkaError(ExitCode::connection, Severity::fatal, reason,
                    "cannot connect to " + config_.brokers() + ": " + why, hint);
}

// librdkafka before 2.6.1 sends a nonce twice, which newer brokers refuse with the words for a wrong
// password.
std::string AdminCalls::scram_hint() const {
  std::string mechanism = config_.consumer_value("sasl.mechanism");
  if (mechanism.empty()) mechanism = config_.consumer_value("sasl.mechanisms");
  if (mechanism.rfind("SCRAM", 0) != 0 || rd_kafka_version() >= 0x020601ff) return {};
  return std::string(";\nif they are right: brokers since Kafka 3.7.2, 3.8.1, 3.9 and 4.0 refuse the ") +
         mechanism + " of librdkafka before 2.6.1 (its issue 4895), and this is " + rd_kafka_version_str() +
         ":\nuse PLAIN over TLS, or a newer librdkafka (CONTRIBUTING.md)";
}

EventHandle AdminCalls::answer(rd_kafka_queue_t* queue, Millis limit) const {
  auto until = SteadyClock::now() + limit;
  bool ends = false;
  for (;;) {
    EventHandle event(rd_kafka_queue_poll(queue, kGlanceMs));
    if (event || SteadyClock::now() > until) return event;
    if (ends || !asked_to_end()) continue;
    ends = true;
    until = std::min(until, SteadyClock::now() + kEndLimit);
  }
}

// The topic of all groups is made when a client first looks for a coordinator. Until then each broker says
// that another one is it. Asked for by name, for a topic that we may not see is in no list.
bool AdminCalls::has_no_groups() {
  const TopicHandle topic(rd_kafka_topic_new(client_.get(), "__consumer_offsets", nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  if (!topic || rd_kafka_metadata(client_.get(), 0, topic.get(), &raw, kOnce.call_ms)) return false;
  const MetadataHandle metadata(raw);
  if (metadata->topic_cnt != 1) return false;
  const auto error = metadata->topics[0].err;
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

Client& AdminCalls::member_of(const std::string& group) {
  auto& member = groups_[group];
  if (!member) {
    member = std::make_unique<Client>(
        RD_KAFKA_CONSUMER, config_,
        std::map<std::string, std::string>{
            {"group.id", group}, {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"}},
        0);
  }
  return *member;
}

EventHandle AdminCalls::admin_call(const std::string& what, rd_kafka_admin_op_t operation, const Send& send) {
  char why[512] = "";
  // A question may be asked again and again, an order only if it was hardly carried out.
  const bool is_question =
      operation == RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS || operation == RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
  const int limit_ms = is_question ? limits_.call_ms : limits_.order_ms;
  const AdminOptionsHandle options(rd_kafka_AdminOptions_new(client_.get(), operation));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), limit_ms, why, sizeof why);
  SuspendAwareDeadline awake(limits_.retry, Millis(limit_ms + 10'000));
  for (;;) {
    const QueueHandle queue(rd_kafka_queue_new(client_.get()));
    send(options.get(), queue.get());
    EventHandle event = answer(queue.get(), Millis(limit_ms + 5000));
    const auto code = event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!code) return event;
    const auto error = to_error(code, what, ExitCode::connection, Severity::fatal,
                                event ? rd_kafka_event_error_string(event.get()) : "no answer");
    if (error.severity() != Severity::retriable || is_over(awake))
      throw is_question ? error : with_controller_hint(error);
    // librdkafka sends it to the broker that it took for the controller, also if that one is gone: which one
    // is, it learns from an answer of another.
    const rd_kafka_metadata_t* raw = nullptr;
    if (!rd_kafka_metadata(client_.get(), 0, nullptr, &raw, limits_.call_ms)) rd_kafka_metadata_destroy(raw);
  }
}

void AdminCalls::retry(const std::string& what, const Call& call, Millis limit) {
  SuspendAwareDeadline awake(limit, Millis(limits_.call_ms + 1000));
  for (;;) {
    const rd_kafka_resp_err_t code = call();
    rd_kafka_poll(client_.get(), 0);
    if (!code) return;
    const auto error = to_error(code, what, ExitCode::connection, Severity::fatal);
    if (error.severity() != Severity::retriable || is_over(awake)) throw error;
    std::this_thread::sleep_for(Millis(20));
  }
}

MetadataHandle AdminCalls::retried(
    const std::string& what, const std::function<rd_kafka_resp_err_t(const rd_kafka_metadata_t**)>& call) {
  const rd_kafka_metadata_t* raw = nullptr;
  retry(what, [&] { return call(&raw); });
  return MetadataHandle(raw);
}

rd_kafka_resp_err_t AdminCalls::ask_coordinator(
    const std::function<rd_kafka_resp_err_t(int32_t broker)>& ask_broker) {
  const auto deadline = SteadyClock::now() + kDescribeLimit;
  const rd_kafka_metadata_t* raw = nullptr;
  const auto unreached = rd_kafka_metadata(client_.get(), 0, nullptr, &raw, kOnce.call_ms);
  const MetadataHandle metadata(raw);
  if (unreached) return unreached;
  std::vector<int32_t> brokers;
  for (int i = 0; i < metadata->broker_cnt; ++i) brokers.push_back(metadata->brokers[i].id);
  std::sort(brokers.begin(), brokers.end());
  const auto first = std::lower_bound(brokers.begin(), brokers.end(), coordinator_.load());
  std::rotate(brokers.begin(), first, brokers.end());
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__WAIT_COORD;
  for (const int32_t broker : brokers) {
    code = ask_broker(broker);
    coordinator_ = code == RD_KAFKA_RESP_ERR_NO_ERROR ? broker : broker + 1;
    if (!is_passing(code) || SteadyClock::now() > deadline) break;
  }
  return code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR && has_no_groups() ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
}

rd_kafka_resp_err_t AdminCalls::order_at(Client& client, int32_t broker, rd_kafka_admin_op_t operation,
                                         EventHandle& event, const Send& send) {
  char why[512] = "";
  const AdminOptionsHandle options(rd_kafka_AdminOptions_new(client.get(), operation));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kOnce.order_ms, why, sizeof why);
  if (const auto code = rd_kafka_AdminOptions_set_broker(options.get(), broker, why, sizeof why)) return code;
  const QueueHandle queue(rd_kafka_queue_new(client.get()));
  send(options.get(), queue.get());
  event.reset(rd_kafka_queue_poll(queue.get(), kOnce.order_ms + 1000));
  return event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
}

}  // namespace kutils::kafka
