#include "kafka/client_config.h"
#include "kafka/client.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "base/error.h"
#include "kafka/properties.h"
#include "support/catch.h"

using kutils::Error;
using kutils::ExitCode;
using kutils::kafka::ClientConfig;

namespace {

// Sets a variable for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;

 private:
  const char* name_;
};

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int fd = mkstemp(path_);
    REQUIRE(fd >= 0);
    close(fd);
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { unlink(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/kutils-test-XXXXXX";
};

std::string message_of(ClientConfig& config, const std::string& name, const std::string& value) {
  try {
    config.set(name, value);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    return std::string(error.what()) + " / " + error.hint();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every default is known to the installed librdkafka, and goes to its side") {
  const ClientConfig config;
  for (const auto& [name, value] : config.consumer()) {
    CAPTURE(name);
    CHECK(kutils::kafka::known_properties().at(name).consumer);
  }
  CHECK(config.consumer_value("isolation.level") == "read_committed");
  CHECK(config.producer_value("enable.idempotence") == "true");
  CHECK(config.producer_value("isolation.level", "absent") == "absent");
  CHECK(config.consumer_value("session.timeout.ms") == "30000");
}

TEST_CASE("a property goes to the side that has it, a prefix sets one side") {
  ClientConfig config;
  config.set("linger.ms", "7");
  CHECK(config.producer_value("linger.ms") == "7");
  CHECK(config.consumer_value("linger.ms", "absent") == "absent");
  config.set("consumer.client.id", "reader");
  CHECK(config.consumer_value("client.id") == "reader");
  CHECK(config.producer_value("client.id", "absent") == "absent");
  config.set("security.protocol", "SASL_PLAINTEXT");
  CHECK(config.consumer_value("security.protocol") == "SASL_PLAINTEXT");
  CHECK(config.producer_value("security.protocol") == "SASL_PLAINTEXT");
  config.set("bootstrap.servers", "a:1,b:2");
  CHECK(config.brokers() == "a:1,b:2");
}

TEST_CASE("wrong properties are refused with what to do") {
  ClientConfig config;
  CHECK(message_of(config, "sasl.pasword", "x").find("did you mean sasl.password?") != std::string::npos);
  CHECK(message_of(config, "nothing.like.any.of.them.at.all", "x").find("'-X list' shows all") !=
        std::string::npos);
  CHECK(message_of(config, "linger.ms", "soon").find("linger.ms") != std::string::npos);
  CHECK(message_of(config, "consumer.linger.ms", "5").find("property of the producer") != std::string::npos);
  CHECK(message_of(config, "group.id", "g").find("-g") != std::string::npos);
  CHECK(message_of(config, "enable.auto.commit", "true").find("set by the tools") != std::string::npos);
  CHECK(message_of(config, "enable.auto.commit", "false") == "accepted");
  CHECK_THROWS_AS(config.set_assignment("linger.ms"), Error);
  config.set_assignment("linger.ms=3");
  CHECK(config.producer_value("linger.ms") == "3");
}

TEST_CASE("brokers: a port that is none is refused wherever it was written") {
  const auto refusal_of = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::usage);
      return error.what();
    }
    return "accepted";
  };
  ClientConfig config;
  for (const char* good : {"h", "h:1", "h:9092,i:65535", " h:9092 , i", "::1", "[::1]:9092", "SSL://h:9093",
                           "127.0.0.1:09092"}) {
    CAPTURE(good);
    CHECK(refusal_of([&] { config.set_brokers(good); }) == "accepted");
    CHECK(config.brokers() == good);
  }
  for (const char* bad : {"h:0", "h:65536", "h:99999", "h:", "h:x", "h:9092x", "h:-1",
                          "h:99999999999999999999", "i:1,h:99999", "[::1]:99999", "SSL://h:99999"}) {
    CAPTURE(bad);
    CHECK(refusal_of([&] { config.set_brokers(bad); }).find("is not a port") != std::string::npos);
  }
  for (const char* bad : {"http://h:9092", "kafka://h", "i:1,https://h"}) {
    CAPTURE(bad);
    CHECK(refusal_of([&] { config.set_brokers(bad); }).find("is no protocol of Kafka") != std::string::npos);
  }
  for (const char* bad : {"h:1 i:2", "h i", "h:1;i:2"}) {
    CAPTURE(bad);
    CHECK(refusal_of([&] { config.set_brokers(bad); }).find("commas separate") != std::string::npos);
  }
  CHECK(refusal_of([&] { config.set_brokers("sasl_ssl://h:1"); }) == "accepted");
  CHECK(refusal_of([&] { config.set_brokers("h:99999"); }).find("-b h:99999: '99999'") == 0);
  CHECK(refusal_of([&] { config.set("bootstrap.servers", "h:0"); }).find("bootstrap.servers h:0") == 0);
  CHECK(refusal_of([&] { config.set("metadata.broker.list", "h:0"); }).find("metadata.broker.list") == 0);
  const Variable brokers("KUTILS_BROKERS", "h:70000");
  CHECK(refusal_of([&] { config.read_environment(); }).find("$KUTILS_BROKERS h:70000") == 0);
}

TEST_CASE("an order that was not carried out in time names the controller") {
  using namespace kutils::kafka;
  const auto late = to_error(RD_KAFKA_RESP_ERR__TIMED_OUT, "creation of topic t", ExitCode::connection,
                             Severity::fatal, "Timed out waiting for controller");
  const auto hinted = with_controller_hint(late);
  CHECK(std::string(hinted.what()) == late.what());
  CHECK(hinted.code() == late.code());
  CHECK(hinted.severity() == late.severity());
  CHECK(hinted.hint().find("are all brokers up") != std::string::npos);
  const auto other = to_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "creation of topic t",
                              ExitCode::usage, Severity::fatal);
  CHECK(with_controller_hint(other).hint() == other.hint());
}

TEST_CASE("files: kcat's syntax, and errors name file and line") {
  const TemporaryFile good("# cluster\n\n bootstrap.servers = one:9092 \nsasl.password=a=b#c\r\n");
  ClientConfig config;
  config.read_file(good.path());
  CHECK(config.brokers() == "one:9092");
  CHECK(config.consumer_value("sasl.password") == "a=b#c");
  const TemporaryFile bad("\nsasl.pasword=x\n");
  try {
    config.read_file(bad.path());
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(bad.path() + ":2: ") == 0);
  }
  CHECK_THROWS_AS(config.read_file("/nowhere/at/all"), Error);
}

TEST_CASE("no message shows what may be a secret") {
  const auto said_of = [](const std::function<void(ClientConfig&)>& call) {
    ClientConfig config;
    try {
      call(config);
    } catch (const Error& error) {
      return std::string(error.what()) + "\n" + error.hint();
    }
    return std::string("accepted");
  };
  for (const char* line : {"sasl.password hunter2", "hunter2", "hunter2Base64==", "=hunter2",
                           "-----BEGIN hunter2-----=", "x.sasl.passwordhunter2/+=", "linger.ms:hunter2"}) {
    CAPTURE(line);
    const TemporaryFile file(std::string("# one\n") + line + "\n");
    const std::string in_file = said_of([&](ClientConfig& config) { config.read_file(file.path()); });
    CHECK(in_file.find(file.path() + ":2: ") == 0);
    CHECK(in_file.find("hunter2") == std::string::npos);
    const std::string given = said_of([&](ClientConfig& config) { config.set_assignment(line); });
    CHECK(given != "accepted");
    CHECK(given.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("the order of the sources") {
  const TemporaryFile file("bootstrap.servers=file:1\nsasl.password=file\nsasl.username=file\n");
  const Variable named("KUTILS_CONFIG", file.path());
  const Variable brokers("KUTILS_BROKERS", "environment:1");
  const Variable password("KUTILS_X_SASL_PASSWORD", "environment");
  const Variable one_side("KUTILS_X_CONSUMER_CLIENT_ID", "reader");
  ClientConfig config;
  config.read_default_file();
  CHECK(config.brokers() == "file:1");
  config.read_environment();
  CHECK(config.brokers() == "environment:1");
  CHECK(config.producer_value("sasl.password") == "environment");
  CHECK(config.producer_value("sasl.username") == "file");
  CHECK(config.consumer_value("client.id") == "reader");
  config.set_assignment("sasl.password=option");
  CHECK(config.producer_value("sasl.password") == "option");
}

TEST_CASE("an unknown property in the environment is named as it was written") {
  const Variable wrong("KUTILS_X_SASL_PASWORD", "x");
  ClientConfig config;
  try {
    config.read_environment();
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("$KUTILS_X_SASL_PASWORD: ") == 0);
  }
}

TEST_CASE("-X list shows every property") {
  const std::string list = ClientConfig::list_properties();
  CHECK(list.find("sasl.password") != std::string::npos);
  CHECK(list.find("compression.codec") != std::string::npos);
  CHECK(list.find("none, gzip, snappy") != std::string::npos);
}

TEST_CASE("a transaction that was left open is waited for as long as the broker may keep it") {
  ClientConfig config;
  CHECK(config.transaction_ends_within() == kutils::Millis(60'000));
  config.set("transaction.timeout.ms", "120000");
  CHECK(config.transaction_ends_within() == kutils::Millis(150'000));
}
