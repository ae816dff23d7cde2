// FieldReader against what it is measured by: a bare RapidJSON SAX pass over the same 113-byte clicks.
#include <benchmark/benchmark.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <random>
#include <string>
#include <vector>

#include "data/json_fields.h"
#include "data/json_write.h"

using namespace kutils;

namespace {

std::vector<std::string> clicks() {
  std::mt19937 random(1);
  std::vector<std::string> all;
  for (int i = 0; i < 4096; ++i) {
    std::string text = "{\"number\":" + std::to_string(random() % 200) + ",\"uri\":\"/page/" +
                       std::to_string(random() % 1000) + "\",\"email\":\"user" +
                       std::to_string(random() % 100000) + "@example.com\",\"country\":\"" +
                       "DEFRUSGB"[random() % 4 * 2] + "X\",\"agent\":\"";
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

void fields(benchmark::State& state, std::vector<std::string> names, bool trust, bool members) {
  const auto all = clicks();
  FieldSet set;
  for (const auto& name : names) set.slot(name);
  FieldReader reader(set, trust);
  if (members) reader.want_members();
  size_t i = 0;
  for (auto _ : state) {
    const auto error = reader.read(all[i++ & 4095]);
    benchmark::DoNotOptimize(error.has_value());
    benchmark::DoNotOptimize(reader[0]);
  }
}
BENCHMARK_CAPTURE(fields, one, {"number"}, false, false);
BENCHMARK_CAPTURE(fields, one_trusted, {"number"}, true, false);
BENCHMARK_CAPTURE(fields, two, {"number", "country"}, false, false);
BENCHMARK_CAPTURE(fields, five, {"agent", "number", "country", "uri", "email"}, false, false);
BENCHMARK_CAPTURE(fields, members, {"number"}, false, true);

void write_string(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_json_string("user12345@example.com", out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_string);

}  // namespace
