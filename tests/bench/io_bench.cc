// Lines in, lines out, with and without a field looked at: what a filter costs beside its expression. One
// iteration is a file of 100,000 clicks of 113 bytes; items/s are lines.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <string>

#include "data/json_fields.h"
#include "io/line_sink.h"
#include "io/line_source.h"

using namespace kutils;

namespace {

constexpr int kLines = 100'000;

int clicks_file() {
  static const int fd = [] {
    std::mt19937 random(1);
    std::string all;
    for (int i = 0; i < kLines; ++i) {
      std::string line = "{\"number\":" + std::to_string(random() % 200) + ",\"uri\":\"/page/" +
                         std::to_string(random() % 1000) + "\",\"email\":\"user" +
                         std::to_string(random() % 100000) + "@example.com\",\"country\":\"DE\",\"agent\":\"";
      while (line.size() < 111) line += 'a';
      all += line + "\"}\n";
    }
    const int file = ::memfd_create("clicks", 0);
    if (::write(file, all.data(), all.size()) != static_cast<ssize_t>(all.size())) std::abort();
    return file;
  }();
  return fd;
}

void lines(benchmark::State& state, const char* in, const char* out, bool filter, int key) {
  const int from = clicks_file();
  const int to = ::open("/dev/null", O_WRONLY);
  FieldSet set;
  set.slot("number");
  FieldReader reader(set);
  for (auto _ : state) {
    ::lseek(from, 0, SEEK_SET);
    auto source = io::make_line_source(from, false, "clicks", io::parse_line_format(in, "-I"));
    auto sink = io::make_line_sink(to, false, "null", io::parse_line_format(out, "-O"));
    Batch batch;
    for (io::Fill fill = io::Fill::records; fill != io::Fill::end;) {
      batch.clear();
      fill = source->poll(batch, Millis(0));
      for (const Record& record : batch.records()) {
        if (filter && (reader.read(record.value.view()) || reader[0].integer < 100)) continue;
        Output output;
        output.key = key ? MaybeBytes(std::string_view("key")) : record.key;
        output.value = record.value;
        sink->write(&record, output);
      }
    }
    sink->close();
  }
  state.SetItemsProcessed(state.iterations() * kLines);
  ::close(to);
}
BENCHMARK_CAPTURE(lines, copy, "json", "json", false, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lines, filter, "json", "json", true, 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lines, to_envelope, "json", "envelope", false, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(lines, to_csv, "json", "csv", false, 0)->Unit(benchmark::kMillisecond);

void csv_in(benchmark::State& state) {
  std::string all = "number,uri,email,country,agent\n";
  for (int i = 0; i < kLines; ++i)
    all += std::to_string(i % 200) + ",/page/" + std::to_string(i % 1000) + ",user@example.com,DE,\"a, b\"\n";
  const int from = ::memfd_create("csv", 0);
  if (::write(from, all.data(), all.size()) != static_cast<ssize_t>(all.size())) std::abort();
  for (auto _ : state) {
    ::lseek(from, 0, SEEK_SET);
    auto source = io::make_line_source(from, false, "csv", io::parse_line_format("csv", "-I"));
    Batch batch;
    for (io::Fill fill = io::Fill::records; fill != io::Fill::end;) {
      batch.clear();
      fill = source->poll(batch, Millis(0));
    }
  }
  state.SetItemsProcessed(state.iterations() * kLines);
  ::close(from);
}
BENCHMARK(csv_in)->Unit(benchmark::kMillisecond);

}  // namespace
