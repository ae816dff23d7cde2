// --global: a topic as a look-up table.
#include <atomic>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "data/json_fields.h"
#include "flow/join/lookup_rows.h"
#include "flow/join/lookup_tables.h"
#include "flow/membership/known_topic_source.h"
#include "flow/membership/partition_watch.h"
#include "flow/run/run.h"
#include "flow/run/worker_plan.h"
#include "flow/table/no_key.h"
#include "io/topic_source.h"

namespace kutils::flow {
namespace {

constexpr Millis kPoll{100};
constexpr int64_t kLongLoadUs = 5'000'000;  // a load that takes longer is told

class GlobalTable final : public LookupTable {
 public:
  explicit GlobalTable(io::Endpoint at) : at_(std::move(at)) {}
  ~GlobalTable() override { close(); }

  void open(const Job& job, const Environment& around) override {
    fails_ = job.on_error ? job.on_error->policy == OnError::Policy::fail : job.out.is_topic();
    log_ = &around.log;
    admin_ = around.make_admin();
    admin_->connect(kConnectLimit);
    Job reading = job;
    reading.in = at_;
    const auto topics = find_inputs(reading, around, *admin_, around.log);
    std::vector<kafka::TopicPartition> partitions;
    for (int32_t p = 0; p < topics.front().second; ++p) partitions.push_back({at_.name, p});
    Range range;
    range.exit_at_end = true;
    std::vector<PartitionRange> ranges = around.resolve_range(*admin_, range, partitions);
    load(ranges, around);
    if (around.stop.signal() != 0) return;
    for (PartitionRange& one : ranges) {
      one.from = one.end.value_or(one.from);
      one.end.reset();
    }
    source_ = around.make_topic_source(ranges);
    if (!admin_->is_in_memory())
      source_ = make_known_topic_source(std::move(source_), around,
                                        "start again: the table is read from its beginning then", last_);
    watch_ = std::make_unique<PartitionWatch>(*admin_, topics, around.executor, admin_->is_in_memory());
    clock_ = &around.clock;
    following_ = around.executor.start([this] { follow(); });
  }

  void close() override {
    ends_ = true;
    following_.reset();  // waits for it
    watch_.reset();
    source_.reset();
    admin_.reset();
  }

  bool find(std::string_view key, std::string& row) override {
    if (has_failed_.load(std::memory_order_acquire)) throw Error(*failure_);
    return rows_.find(key, row);
  }

 private:
  void load(const std::vector<PartitionRange>& ranges, const Environment& around) {
    const int64_t began_us = around.clock.steady_us();
    const auto source = around.make_topic_source(ranges);
    Batch batch;
    io::Fill fill = io::Fill::nothing;
    while (fill != io::Fill::end && around.stop.signal() == 0) {
      batch.clear();
      fill = source->poll(batch, kPoll);
      take(batch);
    }
    const int64_t took_us = around.clock.steady_us() - began_us;
    if (took_us > kLongLoadUs)
      log_->note(at_.name + ": " + std::to_string(rows_.size()) + " rows read in " +
                 std::to_string(took_us / 1'000'000) + " s");
  }

  void take(const Batch& batch) {
    if (batch.empty()) return;
    rows_.change([&](LookupRows::Rows& rows) {
      for (const Record& record : batch.records()) put(record, rows);
    });
    const Record& last = batch.records().back();
    last_ = {{at_.name, last.partition}, {last.offset, digest_of(last)}};
  }

  void put(const Record& record, LookupRows::Rows& rows) {
    if (record.key.is_null()) return leave_out(record, no_row_key());
    const auto found = rows.find(record.key.view());
    if (record.value.is_null()) {
      if (found != rows.end()) rows.erase(found);
      return;
    }
    if (auto error = check_json(record.value.view())) return leave_out(record, std::move(*error));
    if (found != rows.end())
      found->second.assign(record.value.view());
    else
      rows.emplace(record.key.view(), record.value.view());
  }

  void leave_out(const Record& record, RecordError error) {
    const std::string text = at_.name + " [" + std::to_string(record.partition) + "] @ " +
                             std::to_string(record.offset) + ": " + to_string(error.reason) + ": " +
                             error.message;
    if (fails_)
      throw Error(ExitCode::bad_record, text, "--on-error skip leaves such rows of a --global table out");
    if (!said_left_out_) log_->note(text + ": this row is left out; more of these are not shown");
    said_left_out_ = true;
  }

  // Beside the threads of the run.
  void follow() {
    try {
      Batch batch;
      while (!ends_) {
        batch.clear();
        source_->poll(batch, kPoll);
        take(batch);
        const auto added = watch_->look(clock_->steady_us());
        if (!watch_->deleted().empty())
          return fail(deleted_error(watch_->deleted(), "start again when the topic exists again"));
        if (!added.empty()) source_->add(added);
      }
    } catch (const kafka::KafkaError& error) {
      // Not as it came: the worker would take it for an error of its own group.
      fail(Error(error.code(), std::string(error.what()),
                 "start again: the table is read from its beginning then"));
    } catch (const Error& error) {
      fail(error);
    } catch (const std::exception& error) {
      fail(Error(ExitCode::delivery, at_.name + ": " + error.what()));
    }
  }
  void fail(const Error& error) {
    failure_ = std::make_unique<Error>(error);
    has_failed_.store(true, std::memory_order_release);
    log_->note(std::string(error.what()) + ": the next record ends the run");
  }

  const io::Endpoint at_;
  bool fails_ = true;
  bool said_left_out_ = false;
  Log* log_ = nullptr;
  const Clock* clock_ = nullptr;
  LookupRows rows_;
  KnownRecord last_;
  std::unique_ptr<kafka::Admin> admin_;
  std::unique_ptr<io::Source> source_;
  std::unique_ptr<PartitionWatch> watch_;
  std::atomic<bool> ends_{false};
  std::unique_ptr<Error> failure_;  // set before has_failed_
  std::atomic<bool> has_failed_{false};
  std::unique_ptr<Executor::Started> following_;  // the last one: it uses the others
};

}  // namespace

std::shared_ptr<LookupTable> make_global_table(io::Endpoint at) {
  return std::make_shared<GlobalTable>(std::move(at));
}

}  // namespace kutils::flow
