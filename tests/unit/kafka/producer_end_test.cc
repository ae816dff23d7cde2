// A program that is asked to end while no broker answers ends within seconds.
#include <chrono>

#include "kafka/producer.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::kafka;

namespace {

ClientConfig nowhere(bool asked_to_end) {
  ClientConfig config;
  config.set_brokers("127.0.0.1:1");
  config.set_asked_to_end([asked_to_end] { return asked_to_end; });
  return config;
}

template <typename Call>
std::chrono::seconds failing(Call call, Severity severity) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    call();
    FAIL("did not throw");
  } catch (const KafkaError& error) {
    CHECK(error.severity() == severity);
    CHECK(error.code() == ExitCode::delivery);
  }
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
}

}  // namespace

TEST_CASE("asked to end: transactions are not initialised for half a minute more") {
  const auto producer = make_transactional_producer(nowhere(true), "id");
  CHECK(failing([&] { producer->init(); }, Severity::abort) < std::chrono::seconds(8));
}

TEST_CASE("asked to end: what nobody acknowledges fails the flush after some seconds") {
  const auto producer = make_idempotent_producer(nowhere(true));
  Output output;
  output.value = std::string_view("hello");
  producer->produce("t", 0, output);
  CHECK(failing([&] { producer->flush(); }, Severity::fatal) < std::chrono::seconds(8));
}
