// What a record costs in stages with state, without Kafka: reading by expressions, aggregating, the store on
// disk, commits.
//   bench_state [RECORDS [NAME]]   only the measurements whose name begins with NAME
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <random>
#include <span>

#include "flow/aggregate/expression_reader.h"
#include "flow/join/join_stage.h"
#include "flow/table/table_stage.h"
#include "flow/window/window_stage.h"
#include "state/partition_store.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

class Sink final : public Emitter {
 public:
  size_t outputs = 0, failures = 0, bytes = 0;
  void emit(const Record*, const Output& output) override {
    ++outputs;
    bytes += output.value.size();
  }
  void fail(const Record&, RecordError) override { ++failures; }
  void drop(const Record&, DropReason) override {}
};

// The key is the record's key, the argument a number: what is left is the stage's own cost.
class BareReader final : public RecordReader {
 public:
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override {
    grouped.key = record.key.view();
    grouped.time = record.timestamp;
    argument_ = {true, ScalarValue::of(record.offset)};
    grouped.arguments = {&argument_, 1};
    return std::nullopt;
  }

 private:
  Argument argument_;
};

struct Input {
  std::vector<std::string> keys, values;
  std::vector<Record> records;
  Input(size_t count, size_t keys_in_all) {
    std::mt19937_64 random(7);
    keys.reserve(count);
    values.reserve(count);
    for (size_t i = 0; i < count; ++i) add("/page/" + std::to_string(random() % keys_in_all), "in", random);
  }
  // So many records of the right, each with another key and in no order, and as many of the left with the same keys: all
  // of them behind those of the right, or each behind its own.
  explicit Input(size_t rows, bool side_by_side) {
    std::mt19937_64 random(7);
    std::vector<size_t> order(rows);
    std::iota(order.begin(), order.end(), size_t{0});
    keys.reserve(2 * rows);
    values.reserve(2 * rows);
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t key : order) {
      add("/page/" + std::to_string(key), "right", random);
      if (side_by_side) add("/page/" + std::to_string(key), "left", random);
    }
    if (side_by_side) return;
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t key : order) add("/page/" + std::to_string(key), "left", random);
  }

 private:
  void add(std::string key, std::string_view topic, std::mt19937_64& random) {
    const size_t i = records.size();
    keys.push_back(std::move(key));
    values.push_back(R"({"email":"user)" + std::to_string(i % 1000) + R"(@example.com","uri":")" +
                     keys.back() + R"(","number":)" + std::to_string(random() % 1000) +
                     R"(,"agent":"Mozilla/5.0 X11 Linux"})");
    Record record;
    record.topic = topic;
    record.key = std::string_view(keys.back());
    record.value = std::string_view(values.back());
    record.timestamp =
        1'700'000'000'000 + static_cast<int64_t>(i / 20);  // 20,000 records a second of event time
    record.partition = 0;
    record.offset = static_cast<int64_t>(i);
    records.push_back(record);
  }
};

double cpu_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);  // all threads: RocksDB's too
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

const char* only = "";

// `together`: records of a run, which the stage is told of before; 1: it is not.
template <typename MakeStage>
void measure(const char* name, const Input& input, const MakeStage& make_stage, size_t together = 1) {
  if (std::strncmp(name, only, std::strlen(only)) != 0) return;
  std::string dir = (std::filesystem::temp_directory_path() / "kutils-bench-XXXXXX").string();
  if (::mkdtemp(dir.data()) == nullptr) std::abort();
  Sink sink;
  size_t changes = 0;
  const double before = cpu_seconds();
  {
    state::StateEnvironment environment;
    state::PartitionStore store(environment, dir);
    const auto stage = make_stage(store.operator_store(1));
    size_t since = 0;
    const auto commit = [&] {
      stage->before_commit(sink);
      const size_t taken = store.take_changes().size();
      changes += taken;
      store.applied(static_cast<int64_t>(changes), 0);
      since = 0;
    };
    for (size_t i = 0; i < input.records.size(); ++i) {
      if (together > 1 && i % together == 0)
        stage->look_ahead(std::span(input.records).subspan(i, std::min(together, input.records.size() - i)));
      stage->process(input.records[i], sink);
      if (++since == 100'000) commit();  // a commit every 100 ms at a million records a second
    }
    commit();
    store.close();
  }
  const double seconds = cpu_seconds() - before;
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  std::printf("%-44s %7.0f ns CPU/record  %9zu outputs %9zu changelog rows%s\n", name,
              seconds / static_cast<double>(input.records.size()) * 1e9, sink.outputs, changes,
              sink.failures > 0 ? "  FAILURES" : "");
}

}  // namespace

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000'000;
  if (argc > 2) only = argv[2];
  const AggregateSet sum({{"total", "sum", "number", {}, ""}});
  const AggregateSet counts({{"n", "count", "", {}, ""}});
  const auto reader = [](const AggregateSet& set, bool bare,
                         const char* by) -> std::unique_ptr<RecordReader> {
    if (bare) return std::make_unique<BareReader>();
    GroupingPlan plan;
    plan.by = by;
    return std::make_unique<ExpressionReader>(plan, expr::Options(), set, nullptr);
  };
  for (const size_t keys : {size_t{1000}, size_t{1'000'000}}) {
    const Input input(count, keys);
    std::printf("%zu records, %zu keys\n", count, keys);
    for (const bool bare : {true, false}) {
      const std::string how = bare ? ", without expressions" : ", JSON and expressions";
      measure(("sum by key" + how).c_str(), input, [&](state::Store& store) {
        return make_aggregate_table(TableOptions(), sum, reader(sum, bare, "uri"), store);
      });
      for (const Emit emit : {Emit::commit, Emit::close}) {
        WindowOptions options;
        options.window = parse_window_spec("10s");
        options.emit = emit;
        measure(((emit == Emit::close ? "tumbling 10s count, close" : "tumbling 10s count") + how).c_str(),
                input, [&](state::Store& store) {
                  return make_window_stage(options, counts, reader(counts, bare, "uri"), store);
                });
      }
    }
  }
  {
    const size_t rows = count / 2;
    std::printf("%zu records of both sides, %zu keys\n", count, rows);
    JoinOptions options;
    options.right_topic = "right";
    JoinOptions close = options;
    close.span = {60'000, 60'000, 0};
    for (const bool side_by_side : {false, true}) {
      const Input input(rows, side_by_side);
      const std::string name = side_by_side ? "side by side: " : "";
      for (const size_t together : {1, 500, 2000}) {
        const std::string how = ", " + std::to_string(together) + " together";
        measure((name + "stream-table" + how).c_str(), input,
                [&](state::Store& store) { return make_stream_table_join(options, store); }, together);
        measure((name + "table-table" + how).c_str(), input,
                [&](state::Store& store) { return make_table_join(options, store); }, together);
        measure((name + "stream-stream" + how).c_str(), input,
                [&](state::Store& store) { return make_stream_join(close, store, nullptr); }, together);
      }
    }
  }
  if (std::strncmp("restore", only, std::strlen(only)) == 0) {
    std::printf("restore\n");
    const size_t rows = 1'000'000;
    std::vector<std::string> keys, values;
    for (size_t i = 0; i < rows; ++i) {
      keys.push_back("\x01g/page/" + std::to_string(i * 7919 % rows));
      values.push_back("\x01" + std::to_string(i));
    }
    std::string dir = (std::filesystem::temp_directory_path() / "kutils-bench-XXXXXX").string();
    if (::mkdtemp(dir.data()) == nullptr) std::abort();
    const auto start = std::chrono::steady_clock::now();
    const double before = cpu_seconds();
    {
      state::StateEnvironment environment;
      state::PartitionStore store(environment, dir);
      std::vector<state::Change> batch;
      for (size_t i = 0; i < rows; ++i) {
        batch.push_back({keys[i], MaybeBytes(values[i])});
        if (batch.size() == 10'000) {
          store.restore(batch, static_cast<int64_t>(i + 1), 0);
          batch.clear();
        }
      }
      store.close();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%.0f rows/s applied, %.0f ns CPU/row\n", static_cast<double>(rows) / seconds,
                (cpu_seconds() - before) / static_cast<double>(rows) * 1e9);
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak RSS %ld MB (the input's own memory included)\n", usage.ru_maxrss / 1024);
}
