// A filter's decision on a click, from bytes to true or false with the whole record checked, against a bare
// RapidJSON SAX pass over the same 113 bytes in the same run. The target is a ratio of at most 1.5.
#include <benchmark/benchmark.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <random>
#include <string>
#include <vector>

#include "expr/expressions.h"

using namespace kutils;

namespace {

std::vector<std::string> clicks() {
  std::mt19937 random(1);
  std::vector<std::string> all;
  for (int i = 0; i < 4096; ++i) {
    std::string text = "{\"number\":" + std::to_string(random() % 200) + ",\"country\":\"" +
                       std::string(&"DEFRUSGB"[random() % 4 * 2], 2) + "\",\"uri\":\"/page/" +
                       std::to_string(random() % 1000) + "\",\"email\":\"user" +
                       std::to_string(random() % 100000) + "@example.com\",\"agent\":\"";
    while (text.size() < 111) text += static_cast<char>('a' + random() % 26);
    all.push_back(text + "\"}");
  }
  return all;
}

struct NullHandler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, NullHandler> {};

void bare_sax(benchmark::State& state) {
  const auto all = clicks();
  rapidjson::Reader reader;
  NullHandler handler;
  size_t i = 0;
  for (auto _ : state) {
    const std::string& text = all[i++ & 4095];
    rapidjson::MemoryStream stream(text.data(), text.size());
    benchmark::DoNotOptimize(reader.Parse(stream, handler).IsError());
  }
}
BENCHMARK(bare_sax);

void decide(benchmark::State& state, const char* expression) {
  const auto all = clicks();
  expr::Expressions set{expr::Options{}};
  const size_t handle = set.add(expression, "");
  size_t i = 0;
  Record record;
  for (auto _ : state) {
    record.value = MaybeBytes(all[i++ & 4095]);
    benchmark::DoNotOptimize(set.bind(record).has_value());
    const expr::Value value = set.evaluate(handle);
    benchmark::DoNotOptimize(value.kind());
  }
}
BENCHMARK_CAPTURE(decide, number, "number >= 100");
BENCHMARK_CAPTURE(decide, number_and_country, "number >= 100 && country == \"DE\"");
BENCHMARK_CAPTURE(decide, country_in, "country in [\"DE\", \"FR\"]");
BENCHMARK_CAPTURE(decide, starts_with, "uri.startsWith(\"/page/1\")");
BENCHMARK_CAPTURE(decide, arithmetic, "(number + 1) * 2 % 7 == 3");
BENCHMARK_CAPTURE(decide, matches, "email.matches(\"user[0-9]+9@\")");

void evaluate_only(benchmark::State& state) {
  expr::Expressions set{expr::Options{}};
  const size_t handle = set.add("number >= 100 && country == \"DE\"", "");
  Record record;
  record.value = MaybeBytes(R"({"number":150,"country":"DE"})");
  (void)set.bind(record);
  for (auto _ : state) benchmark::DoNotOptimize(set.evaluate(handle).as_bool());
}
BENCHMARK(evaluate_only);

}  // namespace
