// A state as the product keeps it, but on a disk that is a map. Its calls are calls to the FakeBroker, and so
// fail or kill like any other.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "flow/tasks/partition_state.h"
#include "state/partition_store.h"
#include "state/state_error.h"
#include "support/fake_broker.h"

namespace kutils::testing {

// What a machine's disk keeps of a state.
struct Disk {
  std::map<std::string, std::string> rows;  // as in the changelog
  std::optional<int64_t> offset;
};

// Whether the disk's calls are calls to the FakeBroker, at which it may fail.
enum class DiskCalls { counted, not_counted };

// A state as the product's, but on a disk that is a map and fails like the broker.
class SimulatedState final : public flow::PartitionState {
 public:
  SimulatedState(FakeBroker& broker, Disk& disk, const flow::StatePlace& place,
                 DiskCalls calls = DiskCalls::counted)
      : broker_(broker), disk_(disk), calls_(calls), rows_(false) {
    if (place.distrusted) disk_ = Disk();
    call("open the state", [&] { restore(place.changelog); });
  }
  state::Store& store(uint8_t number) override { return rows_.operator_store(number); }
  std::optional<int64_t> position(const kafka::TopicPartition& at) override {
    return rows_.has_meta(kOperator) ? rows_.meta(kOperator).position(at.topic, at.partition) : std::nullopt;
  }
  flow::LastRecord last_record(const kafka::TopicPartition& at) override {
    const state::InputPosition* known =
        rows_.has_meta(kOperator) ? rows_.meta(kOperator).find_position(at.topic, at.partition) : nullptr;
    return known && known->last_offset >= 0 ? flow::LastRecord{known->last_offset, known->last_digest}
                                            : flow::LastRecord();
  }
  std::string fingerprint() override {
    return rows_.has_meta(kOperator) ? rows_.meta(kOperator).fingerprint : std::string();
  }
  int64_t last_wall_ms() override {
    return rows_.has_meta(kOperator) ? rows_.meta(kOperator).last_wall_ms : 0;
  }
  state::Resume resume(std::optional<int64_t> group_offset, const kafka::TopicPartition& at,
                       kafka::Watermarks log) override {
    return state::decide_resume(group_offset, position(at), log.low, log.high);
  }
  bool has_changes() override { return rows_.dirty_rows() > 0; }
  std::optional<int64_t> changelog_offset() override { return rows_.changelog_offset(); }
  std::span<const state::Change> changes(const flow::StateMark& mark) override {
    call("changes", [] {});
    state::Meta& meta = rows_.meta(kOperator);
    meta.fingerprint = mark.fingerprint;
    meta.input_partitions = mark.input_partitions;
    meta.last_wall_ms = mark.wall_ms;
    for (const flow::SourcePosition& one : mark.positions) {
      meta.set_position(one.at.topic, one.at.partition, one.offset);
      if (one.last.offset != kNoOffset)
        meta.set_last_record(one.at.topic, one.at.partition, one.last.offset, one.last.digest);
    }
    return changes_ = rows_.take_changes();
  }
  void applied(std::optional<int64_t> next, int64_t wall_ms) override {
    call("apply", [&] {
      for (const state::Change& change : changes_) keep(std::string(change.key), change.value);
      disk_.offset = next.value_or(disk_.offset.value_or(0));
      rows_.applied(*disk_.offset, wall_ms);
    });
  }
  void discard() override { rows_.discard(); }
  void close() override {
    call("close the state", [] {});
  }

 private:
  static constexpr uint8_t kOperator = 1;
  // A disk's failures are its own: broken rows in place of a fatal error, no room in place of others.
  template <typename F>
  void call(const char* what, F effect) {
    if (calls_ == DiskCalls::not_counted) return effect();
    try {
      broker_.call(what, effect);
    } catch (const kafka::KafkaError& error) {
      if (error.severity() == kafka::Severity::fatal) throw state::CorruptState(error.what());
      throw Error(ExitCode::delivery, error.what());
    }
  }
  void restore(const kafka::TopicPartition& changelog) {
    const auto& log = broker_.topics.at(changelog.topic)[static_cast<size_t>(changelog.partition)];
    const auto from = static_cast<size_t>(disk_.offset.value_or(0));
    for (size_t at = from; at < log.size(); ++at) {
      if (const FakeBroker::Entry* entry = broker_.committed_entry(changelog, at))
        keep(*entry->key, entry->is_null ? MaybeBytes() : MaybeBytes(entry->value));
    }
    disk_.offset = static_cast<int64_t>(log.size());
    std::vector<state::Change> changes;
    for (const auto& [key, value] : disk_.rows) changes.push_back({key, MaybeBytes(value)});
    rows_.restore(changes, static_cast<int64_t>(log.size()), 0);
    rows_.finish_restore();
  }

  void keep(const std::string& key, const MaybeBytes& value) {
    disk_.rows.erase(key);
    if (!value.is_null()) disk_.rows[key] = value.view();
  }

  FakeBroker& broker_;
  Disk& disk_;
  const DiskCalls calls_;
  state::PartitionStore rows_;
  std::span<const state::Change> changes_;
};

// Restored beside the worker.
class SimulatedOpening final : public flow::StateOpening {
 public:
  SimulatedOpening(FakeBroker& broker, Disk& disk, const flow::StatePlace& place, Executor& executor,
                   DiskCalls calls = DiskCalls::counted)
      : done_(run_beside(executor, [&broker, &disk, place, calls]() -> std::unique_ptr<flow::PartitionState> {
          return std::make_unique<SimulatedState>(broker, disk, place, calls);
        })) {}
  std::unique_ptr<flow::PartitionState> poll() override { return done_.is_ready() ? done_.get() : nullptr; }
  std::string account() const override { return {}; }
  std::string progress() const override { return {}; }

 private:
  Task<std::unique_ptr<flow::PartitionState>> done_;
};

}  // namespace kutils::testing
