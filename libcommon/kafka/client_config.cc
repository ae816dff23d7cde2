#include "kafka/client_config.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/nearest_name.h"
#include "base/read_line.h"
#include "base/trim.h"
#include "kafka/properties.h"
#include "kafka/secret_property.h"

extern char** environ;

namespace kutils::kafka {

bool is_secret_property(const std::string& name) {
  for (const char* word : {"password", "secret", "ssl.key.pem", "jaas", "oauthbearer.config"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

namespace {

enum class Side { both, consumer, producer };

struct Default {
  Side side;
  const char* name;
  const char* value;
};

// Only those that the installed librdkafka knows are set. Why each: the delivery protocol's rules and the
// floors that were measured; what has no word here follows from the tools' way of working (offsets and ends
// are theirs).
constexpr Default kDefaults[] = {
    {Side::both, "topic.metadata.refresh.interval.ms", "30000"},
    {Side::both, "socket.nagle.disable", "true"},
    {Side::both, "log.connection.close", "false"},
    // Consumer. Memory stays bounded by the kilobytes; the message count only must not bound it first.
    {Side::consumer, "queued.max.messages.kbytes", "4096"},
    {Side::consumer, "queued.min.messages", "1000000"},
    {Side::consumer, "fetch.message.max.bytes", "262144"},
    {Side::consumer, "fetch.queue.backoff.ms", "5"},  // before 2.2: a second, see fetch_backoff_waker.h
    {Side::consumer, "session.timeout.ms", "30000"},
    {Side::consumer, "heartbeat.interval.ms", "1000"},
    {Side::consumer, "group.protocol", "classic"},
    {Side::consumer, "partition.assignment.strategy", "cooperative-sticky"},
    {Side::consumer, "isolation.level", "read_committed"},
    {Side::consumer, "enable.auto.commit", "false"},
    {Side::consumer, "enable.auto.offset.store", "false"},
    {Side::consumer, "enable.partition.eof", "true"},
    {Side::consumer, "auto.offset.reset", "error"},
    {Side::both, "allow.auto.create.topics", "false"},  // one that was deleted must not come back by itself
    // Producer. The output topic's own limit is judged before producing; the client's would only be in its
    // way.
    {Side::producer, "enable.idempotence", "true"},
    {Side::producer, "acks", "all"},
    {Side::producer, "queue.buffering.max.kbytes", "16384"},
    {Side::producer, "message.max.bytes", "1000000000"},
    {Side::producer, "transaction.timeout.ms", "30000"},
    {Side::producer, "partitioner", "murmur2_random"},  // says what the tools do: they name each partition
};

struct Owned {
  const char* name;
  const char* instead;
};
// Set by the tools; another value would break what they promise.
constexpr Owned kOwned[] = {
    {"group.id", "name the group with -g"},
    {"group.instance.id", "name the instance with --instance"},
    {"transactional.id", "it follows from -g and --instance"},
    {"enable.auto.commit", "the tools commit offsets together with the results"},
    {"enable.auto.offset.store", "the tools commit offsets together with the results"},
    {"enable.partition.eof", "the tools need it to know the end"},
    {"enable.idempotence", "see --delivery"},
    {"partition.assignment.strategy", "groups rebalance cooperatively"},
    {"group.protocol", "groups use the classic protocol"},
    {"auto.offset.reset", "say where to start with -o"},
    {"partitioner", "a key's partition is murmur2's, as the Java client's default has it"},
};

bool same_value(const std::string& a, std::string_view b) { return a == b; }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// What is said of an unknown name. What cannot be a property's name may be a piece of a secret: a line of a
// key or of a password that was broken.
std::string unknown_name(const std::string& name) {
  constexpr size_t kLongest = 64;
  const bool is_name = name.size() <= kLongest &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string::npos;
  return is_name
             ? "no such property: " + name
             : "the text before '=' is not the name of a property (it is not shown: it could be a part of a secret)";
}

void check_value(const std::string& name, const std::string& value) {
  const std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)> scratch(rd_kafka_conf_new(),
                                                                             rd_kafka_conf_destroy);
  char why[512] = "";
  switch (rd_kafka_conf_set(scratch.get(), name.c_str(), value.c_str(), why, sizeof why)) {
    case RD_KAFKA_CONF_OK:
      return;
    case RD_KAFKA_CONF_INVALID:
      throw usage_error("property " + name + ": " +
                        (is_secret_property(name) ? "librdkafka does not take this value" : why));
    case RD_KAFKA_CONF_UNKNOWN:
      break;
  }
  std::vector<std::string> names;
  for (const auto& [known, property] : known_properties()) names.push_back(known);
  const std::string nearest = nearest_name(name, names);
  throw usage_error(unknown_name(name), nearest.empty()
                                            ? "'-X list' shows all"
                                            : "did you mean " + nearest + "? '-X list' shows all");
}

// librdkafka takes a port by atoi and keeps 16 bits of it: another port, or none, would be connected to.
// Found as librdkafka finds it: an IPv6 address has a port only behind brackets.
void check_brokers(const std::string& brokers, const std::string& written_as) {
  for (size_t from = 0; from <= brokers.size();) {
    const size_t comma = std::min(brokers.find(',', from), brokers.size());
    const std::string address(trim(std::string_view(brokers).substr(from, comma - from)));
    from = comma + 1;
    if (address.find('@') != std::string::npos)  // not shown: what stands before it may be a password
      throw usage_error(written_as + ": a broker is HOST:PORT, without a user or password",
                        "they are properties: sasl.username=..., sasl.password=... in a file, -F FILE");
    const auto refuse = [&](const std::string& why) {
      return usage_error(
          written_as + " " + address + ": " + why,
          "brokers are HOST:PORT,HOST:PORT with ports from 1 to 65535; without :PORT it is 9092");
    };
    if (address.find_first_of(" \t\n;") != std::string::npos)
      throw refuse("commas separate the addresses of brokers");
    const size_t scheme = address.find("://");
    // librdkafka knows no other one, and reports that no broker answers.
    if (scheme != std::string::npos) {
      std::string name = address.substr(0, scheme);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
      if (name != "PLAINTEXT" && name != "SSL" && name != "SASL_PLAINTEXT" && name != "SASL_SSL")
        throw refuse("'" + address.substr(0, scheme) + "://' is no protocol of Kafka");
    }
    const std::string host = address.substr(scheme == std::string::npos ? 0 : scheme + 3);
    const size_t colon = host.rfind(':');
    if (colon == std::string::npos || (host.find(':') != colon && host[colon - 1] != ']')) continue;
    const std::string digits = host.substr(colon + 1);
    int port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error == std::errc() && end == digits.data() + digits.size() && port >= 1 && port <= 65535) continue;
    throw refuse("'" + digits + "' is not a port");
  }
}

}  // namespace

ClientConfig::ClientConfig() {
  const auto& known = known_properties();
  for (const Default& entry : kDefaults) {
    if (known.find(entry.name) == known.end()) continue;
    if (entry.side != Side::producer) consumer_[entry.name] = entry.value;
    if (entry.side != Side::consumer) producer_[entry.name] = entry.value;
  }
}

void ClientConfig::set_brokers(const std::string& brokers, const std::string& written_as) {
  check_brokers(brokers, written_as);
  brokers_ = brokers;
}

void ClientConfig::set(std::string_view written, std::string_view value_view) {
  std::string_view rest = written;
  Side side = Side::both;
  if (take_prefix(rest, "consumer."))
    side = Side::consumer;
  else if (take_prefix(rest, "producer."))
    side = Side::producer;
  const std::string name(rest), value(value_view);
  if (name.empty())
    throw usage_error("there is no name before '='", "write name=value; '-X list' shows all names");
  if (name == "bootstrap.servers" || name == "metadata.broker.list") {
    if (side != Side::both) throw usage_error(std::string(written) + ": both sides talk to the same cluster");
    set_brokers(value, name);
    return;
  }
  for (const Owned& owned : kOwned) {
    if (name != owned.name) continue;
    const auto consumer_has = consumer_.find(name), producer_has = producer_.find(name);
    if ((consumer_has != consumer_.end() && same_value(consumer_has->second, value)) ||
        (producer_has != producer_.end() && same_value(producer_has->second, value)))
      return;
    throw usage_error("property " + name + " is set by the tools", owned.instead);
  }
  check_value(name, value);
  const auto property = known_properties().find(name);
  const bool known = property != known_properties().end();
  const bool for_consumer = side != Side::producer && (!known || property->second.consumer);
  const bool for_producer = side != Side::consumer && (!known || property->second.producer);
  if (!for_consumer && !for_producer) {
    throw usage_error(std::string(written) + ": " + name + " is a property of the " +
                      (property->second.consumer ? "consumer" : "producer"));
  }
  if (for_consumer) consumer_[name] = value;
  if (for_producer) producer_[name] = value;
}

void ClientConfig::set_assignment(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    throw usage_error("-X: no '=' in its argument (which is not shown: it could be a part of a secret)",
                      "write -X name=value; '-X list' shows all names");
  set(trim(text.substr(0, equals)), text.substr(equals + 1));
}

void ClientConfig::read_default_file() {
  if (const char* named = std::getenv("KUTILS_CONFIG"); named && *named) {
    read_file(named);
    return;
  }
  const char* home = std::getenv("HOME");
  if (!home || !*home) return;
  const std::string path = std::string(home) + "/.config/kutils.conf";
  if (std::ifstream(path).good()) read_file(path);
}

void ClientConfig::read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  const auto refuse = [&path] {
    const std::string why = errno != 0 ? std::string(": ") + std::strerror(errno) : std::string();
    return usage_error("configuration file " + path + " cannot be read" + why,
                       "-F FILE, or $KUTILS_CONFIG; lines are NAME=VALUE");
  };
  if (!file) throw refuse();
  int number = 0;
  for (std::string line; kutils::read_line(file, line, path);) {
    ++number;
    const std::string_view text = trim(line);
    if (text.empty() || text[0] == '#') continue;
    const std::string where = path + ":" + std::to_string(number) + ": ";
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos)
      throw usage_error(where + "no '=' in the line (which is not shown: it could be a part of a secret)",
                        "write name=value");
    try {
      set(trim(text.substr(0, equals)), trim(text.substr(equals + 1)));
    } catch (const Error& error) {
      throw usage_error(where + error.what(), error.hint());
    }
  }
  if (file.bad()) throw refuse();
}

void ClientConfig::read_environment() {
  if (const char* brokers = std::getenv("KUTILS_BROKERS"); brokers && *brokers)
    set_brokers(brokers, "$KUTILS_BROKERS");
  constexpr std::string_view kPrefix = "KUTILS_X_";
  for (char** entry = environ; *entry; ++entry) {
    std::string_view text(*entry);
    if (!take_prefix(text, kPrefix)) continue;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    std::string name(text.substr(0, equals));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return c == '_' ? '.' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    try {
      set(name, text.substr(equals + 1));
    } catch (const Error& error) {
      throw usage_error(
          "$" + std::string(kPrefix) + std::string(text.substr(0, equals)) + ": " + error.what(),
          error.hint());
    }
  }
}

std::string ClientConfig::consumer_value(const std::string& name, std::string otherwise) const {
  const auto found = consumer_.find(name);
  return found == consumer_.end() ? std::move(otherwise) : found->second;
}

std::string ClientConfig::producer_value(const std::string& name, std::string otherwise) const {
  const auto found = producer_.find(name);
  return found == producer_.end() ? std::move(otherwise) : found->second;
}

Millis ClientConfig::transaction_ends_within() const {
  return Millis(std::stoll(producer_value("transaction.timeout.ms", "60000")) + 30'000);
}

std::string ClientConfig::list_properties() {
  std::string out;
  size_t width = 0;
  for (const auto& [name, property] : known_properties()) width = std::max(width, name.size());
  for (const auto& [name, property] : known_properties()) {
    std::string line = name;
    line.resize(width + 2, ' ');
    line += property.consumer ? 'C' : ' ';
    line += property.producer ? 'P' : ' ';
    line += "  ";
    line += property.range;
    if (!property.default_value.empty()) line += "  (default " + property.default_value + ")";
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + '\n';
  }
  return out;
}

}  // namespace kutils::kafka
