#include "kafka/client.h"

#include <sys/resource.h>

#include <cstdlib>
#include <cstring>

#include "base/clock.h"

namespace kutils::kafka {
namespace {

// "host:9092/bootstrap: Connect to ... failed: ..." -> "host:9092"
std::string address_of(const std::string& text) {
  size_t end = text.find(": ");
  if (end == std::string::npos) return {};
  const size_t slash = text.find('/');
  if (slash != std::string::npos && slash < end) {
    // "sasl_ssl://host:9092/bootstrap": the protocol has slashes too.
    const size_t scheme = text.find("://");
    const size_t from = scheme != std::string::npos && scheme < end ? scheme + 3 : 0;
    return text.substr(from, text.find('/', from) - from);
  }
  return text.substr(0, end);
}

// What a user lacks who may connect.
std::string permission_hint(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "the user lacks a permission on this topic; kutils-security(7) lists those that each tool needs";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "the user needs the permission READ on this group; kutils-security(7) lists all of them";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "the user lacks a permission on the cluster; kutils-security(7) lists those that each tool needs";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "the user needs the permission WRITE on this transactional id, or on a prefix of it "
             "(kutils-security(7)); without transactions: in tools without state --delivery at-least-once, of kwrite "
             "no --atomic";
    default:
      return {};
  }
}

bool is_authorisation(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string ClientEvents::Failure::address() const { return address_of(text); }

void ClientEvents::error(rd_kafka_resp_err_t code, const std::string& text) {
  std::string note;
  {
    const std::lock_guard lock(mutex_);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
      if (!notes_outages_) return;
      // At most every half minute: it comes with each attempt.
      const int64_t now = SystemClock().steady_us() / 1000;
      if (noted_at_ms_ >= 0 && now - noted_at_ms_ < 30'000) return;
      noted_at_ms_ = now;
      note = "no broker can be reached, still trying";
      if (!failures_.empty()) note += ": " + failures_.back().text;
    } else {
      const std::string address = address_of(text);
      for (auto it = failures_.begin(); it != failures_.end();) {
        it = it->address() == address ? failures_.erase(it) : it + 1;
      }
      failures_.push_back({code, text});
      if (failures_.size() > 16) failures_.pop_front();
    }
  }
  if (!note.empty() && note_) note_(note);
}

// What is fatal comes to us as an error too, and is said in our own words.
void ClientEvents::log(const std::string& facility, const std::string& text, bool debugging) {
  if (note_ && debugging) note_(facility + ": " + text);
}

std::vector<ClientEvents::Failure> ClientEvents::failures() const {
  const std::lock_guard lock(mutex_);
  return {failures_.begin(), failures_.end()};
}

std::optional<ClientEvents::Failure> ClientEvents::authentication_failure() const {
  const std::lock_guard lock(mutex_);
  for (const Failure& failure : failures_) {
    if (is_authorisation(failure.code)) return failure;
  }
  return std::nullopt;
}

namespace {

// Of pipes and sockets that the library needs beside those of a few brokers. With fewer it waits in silence
// for sockets that it cannot open.
constexpr rlim_t kLeastOpenFiles = 64;

void check_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kLeastOpenFiles) return;
  throw usage_error("this process may open " + std::to_string(limit.rlim_cur) +
                        " files, and needs at least " + std::to_string(kLeastOpenFiles) +
                        " to speak to a broker",
                    "raise the limit: ulimit -n 1024 (ulimit -Hn shows how far), LimitNOFILE= of a service");
}

}  // namespace

Client::Client(rd_kafka_type_t type, const ClientConfig& config,
               const std::map<std::string, std::string>& more, int events)
    : events_(std::make_unique<ClientEvents>(config.note())) {
  if (config.brokers().empty())
    throw usage_error("no brokers are given",
                      "give -b HOST:PORT or set KUTILS_BROKERS; 'kbroker' starts one in memory");
  check_open_files();
  ConfHandle conf(rd_kafka_conf_new());
  std::map<std::string, std::string> properties =
      type == RD_KAFKA_CONSUMER ? config.consumer() : config.producer();
  for (const auto& [name, value] : more) properties[name] = value;
  properties["bootstrap.servers"] = config.brokers();
  if (properties.find("client.id") == properties.end()) properties["client.id"] = "kutils";
  char why[512] = "";
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
      throw usage_error("property " + name + "=" + value + ": " + why);
    if (name == "debug" && !value.empty()) debugging_ = true;
  }
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_events(conf.get(), events);
  handle_ = rd_kafka_new(type, conf.get(), why, sizeof why);
  if (!handle_) {
    const bool no_mechanism = std::strstr(why, "kerberos") != nullptr &&
                              properties.count("sasl.mechanism") == 0 &&
                              properties.count("sasl.mechanisms") == 0;
    throw usage_error(
        std::string("Kafka client: ") + why,
        no_mechanism
            ? "without sasl.mechanism it is Kerberos: set -X sasl.mechanism=PLAIN, SCRAM-SHA-512, ..."
            : "check the properties given with -X, with -F and in the environment");
  }
  (void)conf.release();  // rd_kafka_new took it
}

Client::~Client() {
  if (handle_) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void Client::on_error(rd_kafka_t*, int code, const char* text, void* opaque) {
  static_cast<Client*>(opaque)->events_->error(static_cast<rd_kafka_resp_err_t>(code), text ? text : "");
}

void Client::on_log(const rd_kafka_t* rk, int, const char* facility, const char* text) {
  auto* self = static_cast<Client*>(rd_kafka_opaque(rk));
  if (self) self->events_->log(facility, text, self->debugging_);
}

PartitionListHandle to_list(const std::vector<PartitionOffset>& offsets) {
  PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const PartitionOffset& offset : offsets) {
    auto* entry = rd_kafka_topic_partition_list_add(list.get(), offset.at.topic.c_str(), offset.at.partition);
    entry->offset = offset.offset;
    if (!offset.metadata.empty()) {
      // The list frees it with free().
      entry->metadata = std::malloc(offset.metadata.size());
      if (!entry->metadata) throw std::bad_alloc();
      std::memcpy(entry->metadata, offset.metadata.data(), offset.metadata.size());
      entry->metadata_size = offset.metadata.size();
    }
  }
  return list;
}

PartitionListHandle to_list(const std::vector<TopicPartition>& partitions) {
  PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& partition : partitions)
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  return list;
}

std::vector<PartitionOffset> from_list(const rd_kafka_topic_partition_list_t* list) {
  std::vector<PartitionOffset> out;
  if (!list) return out;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    PartitionOffset offset{{entry.topic, entry.partition}, entry.offset, {}};
    if (entry.metadata && entry.metadata_size > 0)
      offset.metadata.assign(static_cast<const char*>(entry.metadata), entry.metadata_size);
    out.push_back(std::move(offset));
  }
  return out;
}

std::vector<TopicPartition> partitions_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> out;
  for (int i = 0; list && i < list->cnt; ++i) out.push_back({list->elems[i].topic, list->elems[i].partition});
  return out;
}

std::string to_string(const TopicPartition& partition) {
  return partition.topic + " [" + std::to_string(partition.partition) + "]";
}

bool is_passing(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
      return true;
    default:
      return false;
  }
}

KafkaError to_error(const rd_kafka_error_t* error, const std::string& what, ExitCode code,
                    Severity unflagged) {
  Severity severity = unflagged;
  if (rd_kafka_error_is_fatal(error))
    severity = Severity::fatal;
  else if (rd_kafka_error_txn_requires_abort(error))
    severity = Severity::abort;
  else if (rd_kafka_error_is_retriable(error))
    severity = Severity::retriable;
  const auto kafka_code = rd_kafka_error_code(error);
  if (is_authorisation(kafka_code)) code = ExitCode::connection;
  return KafkaError(code, severity, kafka_code, what + ": " + rd_kafka_error_string(error),
                    permission_hint(kafka_code));
}

KafkaError to_error(rd_kafka_resp_err_t code, const std::string& what, ExitCode exit_code, Severity unflagged,
                    const std::string& detail) {
  Severity severity = is_passing(code) ? Severity::retriable : unflagged;
  if (code == RD_KAFKA_RESP_ERR__FATAL) severity = Severity::fatal;
  if (is_authorisation(code)) exit_code = ExitCode::connection;
  return KafkaError(exit_code, severity, code,
                    what + ": " + (detail.empty() ? rd_kafka_err2str(code) : detail), permission_hint(code));
}

KafkaError with_controller_hint(const KafkaError& error) {
  const int code = error.kafka_code();
  if (!error.hint().empty() ||
      (code != RD_KAFKA_RESP_ERR__TIMED_OUT && code != RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT &&
       code != RD_KAFKA_RESP_ERR_NOT_CONTROLLER))
    return error;
  return KafkaError(
      error.code(), error.severity(), code, error.what(),
      "the broker that is the controller carries it out, and none did in time: are all brokers up, and "
      "reachable under the addresses that they give (advertised.listeners)? The same command may be "
      "given again");
}

void check(rd_kafka_error_t* error, const std::string& what) {
  if (!error) return;
  const ErrorHandle owner(error);
  throw to_error(error, what, ExitCode::delivery, Severity::fatal);
}

}  // namespace kutils::kafka
