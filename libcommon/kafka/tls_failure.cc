#include "kafka/tls_failure.h"

#include <utility>

#include "base/shell_word.h"

namespace kutils::kafka {
namespace {

// librdkafka's words for a broker that hangs up at the first request: it has no code of its own.
constexpr const char* kTlsExpected = "connecting to a SSL listener?";
constexpr const char* kNotVerified = "certificate verify failed";

bool says(const ClientEvents::Failure& failure, const char* words) {
  return failure.text.find(words) != std::string::npos;
}

// Without a port where there is none; an IPv6 address stands in brackets.
std::string host_of(const std::string& address) {
  const size_t port = address.rfind(':');
  if (address.rfind('[', 0) == 0) return address.substr(1, address.find(']') - 1);
  return address.substr(0, port);
}

bool is_ip(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

// Its last line but a few is "Verify return code: 0 (ok)", or why not.
std::string openssl_command(const std::string& address, const ClientConfig& config) {
  const std::string host = host_of(address);
  std::string out =
      "openssl s_client -connect " + shell_word(address) +
      (is_ip(host) ? " -verify_ip " : " -servername " + shell_word(host) + " -verify_hostname ") +
      shell_word(host);
  constexpr std::pair<const char*, const char*> kFiles[] = {{"ssl.ca.location", " -CAfile "},
                                                            {"ssl.certificate.location", " -cert "},
                                                            {"ssl.key.location", " -key "}};
  for (const auto& [property, option] : kFiles) {
    const std::string file = config.consumer_value(property);
    if (!file.empty()) out += option + shell_word(file);
  }
  return out + " </dev/null";
}

}  // namespace

bool is_tls_failure(const ClientEvents::Failure& failure) {
  return failure.code == RD_KAFKA_RESP_ERR__SSL || says(failure, kTlsExpected);
}

std::string tls_hint(const ClientEvents::Failure& failure, const ClientConfig& config) {
  if (says(failure, kTlsExpected))
    return "the broker hung up at once: if this port expects TLS, set -X security.protocol=SSL, or SASL_SSL "
           "where it asks for a login, too;\nif it does, this shows its certificate: openssl s_client -connect " +
           shell_word(failure.address()) + " </dev/null";
  const std::string command = openssl_command(failure.address(), config);
  if (!says(failure, kNotVerified))
    return "check security.protocol and the ssl.* properties: this port may not speak TLS, or the broker may ask "
           "for a client's certificate;\nto see what it answers: " +
           command;
  return "the broker's certificate is of an authority that is not in ssl.ca.location, has expired, or is for another "
         "name than " +
         host_of(failure.address()) + ";\n'Verify return code' says which: " + command;
}

}  // namespace kutils::kafka
