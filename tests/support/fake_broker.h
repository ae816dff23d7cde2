// A broker in memory for tests of the run loop: topics, transactions, one group with one real member. It does
// what a real one was seen to do where the delivery protocol depends on it:
//   - offsets sent with another generation are refused; those with none are accepted, whoever leads the group
//   (rule 2)
//   - initialising a transactional id fences its older holder and aborts its open transaction
//   - committed offsets of an open transaction do not show; asking for them while one is pending would wait
//   for ever
//   - a read_committed reader stops at the first record of an open transaction
//   - records that were deleted are not there to be read
// It can fail or "kill" at the n-th call, and run a script when the member polls.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/range.h"
#include "io/sink.h"
#include "io/source.h"
#include "kafka/admin.h"
#include "kafka/group_consumer.h"
#include "kafka/producer.h"

namespace kutils::testing {

// Thrown by a call to stand for kill -9: nobody catches it, nothing is tidied up.
struct Killed {};

class FakeBroker {
 public:
  using TP = kafka::TopicPartition;
  // unanswered_*: the client gave up waiting for an answer, what was asked for was done or not. For a commit
  // of a transaction that is no failure yet: its caller calls it again, `unanswered_for` times in vain.
  enum class Fault {
    none,
    kill_before,
    kill_after,
    abort_before,
    retriable_before,
    fatal_before,
    fatal_after,
    unanswered_before,
    unanswered_after,
    // Nothing fails yet. Somebody else initialises our transactional ids; the group takes all away and gives
    // it back; the group goes on without us, and we are told at the next poll.
    fenced,
    rebalanced,
    lost
  };

  struct Entry {
    std::string value;
    size_t transaction = 0;  // 0: none, visible at once
    bool marker = false;
    std::optional<std::string> key{};
    bool is_null = false;  // a tombstone
  };
  struct Transaction {
    std::string id;
    enum class State { open, committed, aborted } state = State::open;
    std::vector<kafka::PartitionOffset> offsets;
  };

  std::map<std::string, std::vector<std::vector<Entry>>> topics;
  std::vector<Transaction> transactions{Transaction{"", Transaction::State::committed, {}}};
  std::map<TP, kafka::PartitionOffset> committed_offsets;
  std::map<std::string, std::map<std::string, std::string>> configs;  // of topics
  std::map<TP, int64_t> deleted_before;
  std::map<std::string, int> epochs;
  std::map<std::string, size_t> open_transaction;
  std::vector<std::string> created;
  int generation = 1;
  std::string member_id = "member";  // what the group knows our member by
  bool in_memory = false;
  std::vector<kafka::GroupMember> members;
  size_t batch_size = 5;
  bool alternates = false;  // a batch has one record of each partition in turn, as in order of time

  // Faults.
  int calls = 0;
  int fault_at = -1;
  Fault fault = Fault::none;
  std::map<int, Fault> more_faults;   // by call
  int plain_commits = 0;              // of positions, outside of transactions
  int most_calls = 1'000'000;         // more of them, and it stands still
  std::set<std::string> refused_ids;  // transactional ids that nobody may initialise
  bool admin_counts = false;          // calls of the admin are calls too
  int unanswered_for = 1;
  std::function<void()> wait_in_vain;   // what a call that is not answered takes
  bool killed = false;                  // the process that calls: it makes no call any more
  std::function<void(Fault)> on_event;  // fenced, rebalanced, lost
  std::function<void()> on_wait;        // what goes on while an answer is waited for that is not there yet
  // The member's polls, counted from 1; the script may call revoke(), lose() and give().
  std::function<void(int poll)> on_poll;
  int polls = 0;
  int stayed_alive = 0;
  int left = 0;  // members that left in order

  // What went against the protocol; empty in a good run.
  std::vector<std::string> violations;
  std::vector<std::string> initialised;  // transactional ids, in their order
  // Transactions that hold up who waits for an offset time out, else he would wait for ever.
  bool transactions_time_out = false;
  std::string last_ended_id;  // of the last transaction that was committed or aborted by its holder

  void add_topic(const std::string& name, size_t partitions) { topics[name].resize(partitions); }
  void write(const std::string& topic, size_t partition, const std::string& value) {
    topics[topic][partition].push_back({value, 0, false});
  }
  void write_keyed(const std::string& topic, size_t partition, const std::string& key,
                   const std::string& value) {
    topics[topic][partition].push_back({value, 0, false, key});
  }
  // What a compacted topic comes to: the last committed value of each key, tombstones gone.
  std::map<std::string, std::string> read_table(const std::string& topic, size_t partition) const {
    std::map<std::string, std::string> rows;
    for (const Entry& entry : topics.at(topic)[partition]) {
      const auto state = transactions[entry.transaction].state;
      if (state == Transaction::State::open) break;
      if (entry.marker || state != Transaction::State::committed) continue;
      rows.erase(entry.key.value_or(""));
      if (!entry.is_null) rows[entry.key.value_or("")] = entry.value;
    }
    return rows;
  }
  // The record at `offset`, for a read_committed reader; null: nothing for it there.
  const Entry* committed_entry(const TP& at, size_t offset) const {
    const Entry& entry = topics.at(at.topic)[static_cast<size_t>(at.partition)][offset];
    return entry.marker || transactions[entry.transaction].state != Transaction::State::committed ? nullptr
                                                                                                  : &entry;
  }
  // What a read_committed reader gets, and the values in order.
  std::vector<std::string> read(const std::string& topic, size_t partition) const {
    std::vector<std::string> values;
    for (const Entry& entry : topics.at(topic)[partition]) {
      const auto state = transactions[entry.transaction].state;
      if (state == Transaction::State::open) break;
      if (!entry.marker && state == Transaction::State::committed) values.push_back(entry.value);
    }
    return values;
  }
  int64_t low(const TP& at) const {
    const auto found = deleted_before.find(at);
    return found == deleted_before.end() ? 0 : found->second;
  }
  size_t last_stable(const TP& at) const {
    const auto& log = topics.at(at.topic)[static_cast<size_t>(at.partition)];
    size_t offset = 0;
    while (offset < log.size() && transactions[log[offset].transaction].state != Transaction::State::open)
      ++offset;
    return offset;
  }

  // Runs `effect` as one call to the broker, or fails it.
  template <typename F>
  auto call(const char* what, F effect) {
    const Fault now = next_fault();
    if (now == Fault::kill_before) throw_killed();
    if (now >= Fault::fenced && on_event) on_event(now);
    if (now == Fault::abort_before) throw error(kafka::Severity::abort, what);
    if (now == Fault::retriable_before) throw error(kafka::Severity::retriable, what);
    if (now == Fault::fatal_before) throw error(kafka::Severity::fatal, what);
    if (now == Fault::unanswered_before) throw unanswered(what);
    if constexpr (std::is_void_v<decltype(effect())>) {
      effect();
      if (now == Fault::kill_after) throw_killed();
      if (now == Fault::fatal_after) throw error(kafka::Severity::fatal, what);
      if (now == Fault::unanswered_after) throw unanswered(what);
    } else {
      auto result = effect();
      if (now == Fault::kill_after) throw_killed();
      if (now == Fault::fatal_after) throw error(kafka::Severity::fatal, what);
      if (now == Fault::unanswered_after) throw unanswered(what);
      return result;
    }
  }
  Fault fault_at_call(int call) const {
    if (call == fault_at) return fault;
    const auto found = more_faults.find(call);
    return found == more_faults.end() ? Fault::none : found->second;
  }
  [[noreturn]] void throw_killed() {
    killed = true;
    throw Killed();
  }
  Fault next_fault() {
    if (killed) throw Killed();
    if (++calls > most_calls) throw std::logic_error("it makes calls without end");
    return fault_at_call(calls);
  }
  static kafka::KafkaError error(kafka::Severity severity, const std::string& what) {
    return {ExitCode::delivery, severity, -1, "injected: " + what};
  }
  kafka::KafkaError unanswered(const std::string& what) const {
    if (wait_in_vain) wait_in_vain();
    return {ExitCode::delivery, kafka::Severity::abort, -185, "injected: no answer to " + what};
  }

  void end_transaction(size_t number, bool commit) {
    Transaction& one = transactions[number];
    one.state = commit ? Transaction::State::committed : Transaction::State::aborted;
    for (auto& [name, partitions] : topics) {
      for (auto& log : partitions) {
        if (std::any_of(log.begin(), log.end(), [&](const Entry& e) { return e.transaction == number; })) {
          log.push_back({"", 0, true});
        }
      }
    }
    if (!commit) return;
    for (const auto& offset : one.offsets) committed_offsets[offset.at] = offset;
  }
  void fence(const std::string& id) {
    ++epochs[id];
    const auto open = open_transaction.find(id);
    if (open == open_transaction.end()) return;
    end_transaction(open->second, false);
    open_transaction.erase(open);
  }
  bool is_stable(const TP& at) const {
    for (const Transaction& one : transactions) {
      if (one.state != Transaction::State::open) continue;
      for (const auto& offset : one.offsets)
        if (offset.at == at) return false;
    }
    return true;
  }
  void wait_for_transactions() {
    if (on_wait) on_wait();
    while (transactions_time_out && !open_transaction.empty())
      fence(std::string(open_transaction.begin()->first));
  }
  kafka::PartitionOffset stable_offset(const TP& at) {
    if (!is_stable(at)) wait_for_transactions();
    if (!is_stable(at)) throw std::logic_error("an unstable offset was asked for: would wait for ever");
    const auto found = committed_offsets.find(at);
    return found == committed_offsets.end() ? kafka::PartitionOffset{at, kafka::kOffsetNone, {}}
                                            : found->second;
  }
};

class FakeAdmin final : public kafka::Admin {
 public:
  explicit FakeAdmin(FakeBroker& broker) : broker_(broker) {}
  void connect(Millis) override {}
  void try_once() override { is_tried_once_ = true; }
  bool is_in_memory() override { return broker_.in_memory; }
  std::string cluster_id() override { return broker_.in_memory ? "mockCluster1" : "fake"; }
  std::optional<kafka::TopicInfo> find_topic(const std::string& name) override {
    ask("find_topic");
    const auto found = broker_.topics.find(name);
    if (found == broker_.topics.end()) return std::nullopt;
    return kafka::TopicInfo{name, static_cast<int32_t>(found->second.size()), 1};
  }
  std::vector<kafka::TopicInfo> topics() override {
    std::vector<kafka::TopicInfo> all;
    for (const auto& [name, partitions] : broker_.topics) all.push_back(*find_topic(name));
    return all;
  }
  bool create_topic(const kafka::NewTopic& topic) override {
    ask("create_topic");
    broker_.add_topic(topic.name, static_cast<size_t>(topic.partitions));
    broker_.created.push_back(topic.name);
    return true;
  }
  std::map<std::string, std::string> topic_config(const std::string& name) override {
    ask("topic_config");
    const auto found = broker_.configs.find(name);
    return found == broker_.configs.end() ? std::map<std::string, std::string>() : found->second;
  }
  kafka::Watermarks watermarks(const kafka::TopicPartition& at) override {
    ask("watermarks");
    return {broker_.low(at),
            static_cast<int64_t>(broker_.topics.at(at.topic)[static_cast<size_t>(at.partition)].size())};
  }
  std::vector<kafka::PartitionOffset> offsets_for_time(const std::vector<kafka::TopicPartition>&,
                                                       int64_t) override {
    return {};
  }
  std::vector<kafka::PartitionOffset> committed(
      const std::string&, const std::vector<kafka::TopicPartition>& partitions) override {
    ask("committed offsets");
    std::vector<kafka::PartitionOffset> offsets;
    for (const auto& at : partitions) {
      if (is_tried_once_ && !broker_.is_stable(at))
        throw FakeBroker::error(kafka::Severity::retriable, "UNSTABLE_OFFSET_COMMIT");
      offsets.push_back(broker_.stable_offset(at));
    }
    return offsets;
  }
  std::vector<kafka::GroupMember> group_members(const std::string&) override {
    ask("group_members");
    return broker_.members;
  }
  kafka::GroupCoverage coverage(const std::string&, const std::vector<kafka::TopicPartition>&) override {
    ask("coverage");
    return {true, {}};
  }
  void delete_records(const std::vector<kafka::PartitionOffset>& before) override {
    ask("delete_records");
    for (const auto& one : before)
      broker_.deleted_before[one.at] = std::max(broker_.deleted_before[one.at], one.offset);
  }

 private:
  void ask(const char* what) {
    if (broker_.admin_counts) broker_.call(what, [] {});
  }
  FakeBroker& broker_;
  bool is_tried_once_ = false;
};

class FakeProducer final : public kafka::TransactionalProducer {
 public:
  FakeProducer(FakeBroker& broker, std::string id) : broker_(broker), id_(std::move(id)) {}
  void init() override {
    broker_.call("init", [&] {
      if (broker_.refused_ids.count(id_) > 0)
        throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::fatal, 53, "not authorized");
      broker_.initialised.push_back(id_);
      broker_.fence(id_);
      if (broker_.last_ended_id == id_) broker_.last_ended_id.clear();
      epoch_ = broker_.epochs[id_];
    });
  }
  void begin() override {
    // Asks nobody: it cannot have been done without our knowing.
    if (broker_.fault_at_call(broker_.calls + 1) == FakeBroker::Fault::unanswered_after) {
      ++broker_.calls;
      throw broker_.unanswered("begin");
    }
    broker_.call("begin", [&] {
      check_fenced();
      check_no_commit("begin");
      if (id_ == broker_.last_ended_id) broker_.violations.push_back("two transactions in a row on " + id_);
      for (const auto& [id, number] : broker_.open_transaction) {
        if (id.substr(0, id.size() - 1) != id_.substr(0, id_.size() - 1)) continue;  // another process's
        broker_.violations.push_back("began on " + id_ + " while one is open on " + id);
      }
      broker_.transactions.push_back({id_, FakeBroker::Transaction::State::open, {}});
      broker_.open_transaction[id_] = number_ = broker_.transactions.size() - 1;
    });
  }
  void produce(const std::string& topic, int32_t partition, const Output& output) override {
    broker_.call("produce", [&] {
      if (!id_.empty()) check_fenced();
      check_batch(topic, partition, output);
      auto& log = broker_.topics.at(topic)[static_cast<size_t>(partition)];
      FakeBroker::Entry entry;
      entry.is_null = output.value.is_null();
      if (!entry.is_null) entry.value = output.value.view();
      if (!output.key.is_null()) entry.key = output.key.view();
      entry.transaction = id_.empty() ? 0 : number_;
      log.push_back(std::move(entry));
      delivered_[{topic, partition}] = static_cast<int64_t>(log.size()) - 1;
    });
  }
  void flush() override {
    broker_.call("flush", [&] { batches_.clear(); });
  }
  void send_offsets(const std::vector<kafka::PartitionOffset>& offsets,
                    const kafka::GroupMetadata& group) override {
    broker_.call("send_offsets", [&] {
      check_fenced();
      check_no_commit("send_offsets");
      if (group.generation >= 0 && group.generation != broker_.generation) {
        throw FakeBroker::error(kafka::Severity::abort, "ILLEGAL_GENERATION");
      }
      auto& sent = broker_.transactions[number_].offsets;
      sent.insert(sent.end(), offsets.begin(), offsets.end());
    });
  }
  void commit() override {
    const FakeBroker::Fault now = broker_.fault_at_call(broker_.calls + 1);
    if (now == FakeBroker::Fault::unanswered_before) asked_in_vain_ = broker_.unanswered_for;
    if (now == FakeBroker::Fault::unanswered_after) {
      if (broker_.open_transaction.count(id_) > 0 || !is_unanswered_) do_commit();
      asked_in_vain_ = broker_.unanswered_for;
    }
    if (asked_in_vain_ > 0) {
      ++broker_.calls;
      --asked_in_vain_;
      is_unanswered_ = true;
      const kafka::KafkaError sorted = broker_.unanswered("commit");
      throw kafka::KafkaError(sorted.code(), kafka::Severity::retriable, sorted.kafka_code(), sorted.what());
    }
    broker_.call("commit", [&] {
      if (broker_.open_transaction.count(id_) > 0 || !is_unanswered_) do_commit();
      is_unanswered_ = false;
    });
  }
  void abort() override {
    broker_.call("abort", [&] {
      check_fenced();
      check_no_commit("abort");
      batches_.clear();
      broker_.end_transaction(number_, false);
      broker_.open_transaction.erase(id_);
      broker_.last_ended_id = id_;
    });
  }
  int64_t delivered_offset(const std::string& topic, int32_t partition) override {
    const auto found = delivered_.find({topic, partition});
    if (found == delivered_.end()) return kNoOffset;
    const int64_t offset = found->second;
    delivered_.erase(found);  // since it was last asked
    return offset;
  }

 private:
  void check_fenced() const {
    if (epoch_ != broker_.epochs[id_])
      throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::fatal, -144, "fenced");
  }
  void do_commit() {
    check_fenced();
    if (broker_.transactions[number_].offsets.empty() && id_.find("-atomic-") == std::string::npos)
      broker_.violations.push_back("a transaction without offsets");
    broker_.end_transaction(number_, true);
    broker_.open_transaction.erase(id_);
    broker_.last_ended_id = id_;
  }
  // What waits goes out as one batch, and the topic judges that.
  void check_batch(const std::string& topic, int32_t partition, const Output& output) {
    const auto config = broker_.configs.find(topic);
    if (config == broker_.configs.end() || config->second.count("max.message.bytes") == 0) return;
    size_t& bytes = batches_[{topic, partition}];
    bytes += output.key.size() + output.value.size() + (bytes == 0 ? 70 : 9);
    if (bytes > std::stoul(config->second.at("max.message.bytes")))
      throw FakeBroker::error(kafka::Severity::abort, "MSG_SIZE_TOO_LARGE: " + topic);
  }
  // A commit that was sent and not answered: librdkafka takes no other call.
  void check_no_commit(const std::string& what) const {
    if (!is_unanswered_) return;
    broker_.violations.push_back(what + " after a commit that was not answered");
    throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::abort, -173, "conflict");
  }
  FakeBroker& broker_;
  std::string id_;
  int epoch_ = -1;
  int asked_in_vain_ = 0;
  bool is_unanswered_ = false;
  size_t number_ = 0;
  std::map<kafka::TopicPartition, int64_t> delivered_;
  std::map<kafka::TopicPartition, size_t> batches_;
};

// Copies an entry into a batch.
inline void append_record(Batch& batch, const kafka::TopicPartition& at, int64_t offset,
                          const FakeBroker::Entry& entry) {
  Record record;
  record.topic = batch.arena().copy(at.topic);
  record.partition = at.partition;
  record.offset = offset;
  if (entry.key) record.key = batch.arena().copy(*entry.key);
  if (!entry.is_null) record.value = batch.arena().copy(entry.value);
  batch.records().push_back(record);
}

// Reads a range without a group, read_committed.
class FakeTopicSource final : public io::Source {
 public:
  FakeTopicSource(FakeBroker& broker, std::vector<io::PartitionRange> ranges)
      : broker_(broker), ranges_(std::move(ranges)) {}
  io::Fill poll(Batch& batch, Millis) override {
    return broker_.call("read", [&] {
      bool ended = true;
      for (io::PartitionRange& range : ranges_) {
        const auto end = std::min(static_cast<int64_t>(broker_.last_stable(range.at)), *range.end);
        for (size_t room = broker_.batch_size; room > 0 && range.from < end; --room, ++range.from) {
          if (const auto* entry = broker_.committed_entry(range.at, static_cast<size_t>(range.from)))
            append_record(batch, range.at, range.from, *entry);
        }
        ended = ended && range.from >= *range.end;
      }
      if (!ended && batch.empty()) broker_.wait_for_transactions();
      return ended ? io::Fill::end : batch.empty() ? io::Fill::nothing : io::Fill::records;
    });
  }

 private:
  FakeBroker& broker_;
  std::vector<io::PartitionRange> ranges_;
};

class FakeConsumer final : public kafka::GroupConsumer {
 public:
  explicit FakeConsumer(FakeBroker& broker) : broker_(broker) {}
  ~FakeConsumer() override {
    if (broker_member() == this) broker_member() = nullptr;
  }
  void subscribe(const std::vector<std::string>& topics) override {
    ++broker_.generation;
    generation_ = broker_.generation;
    broker_member() = this;
    subscribed_ = topics;
    for (const std::string& topic : topics) {
      for (size_t p = 0; p < broker_.topics.at(topic).size(); ++p) {
        to_assign_.push_back({topic, static_cast<int32_t>(p)});
      }
    }
  }
  kafka::Polled poll(Batch& batch, Millis, kafka::RebalanceListener& listener) override {
    return broker_.call("poll", [&] {
      kafka::Polled polled;
      serve_events(listener);
      size_t room = broker_.batch_size;
      for (bool more = broker_.alternates; more && room > 0;) {
        more = false;
        for (auto& [at, position] : positions_) {
          if (room == 0 || position >= static_cast<int64_t>(broker_.last_stable(at))) continue;
          more = true;
          const auto* entry = broker_.committed_entry(at, static_cast<size_t>(position));
          if (entry != nullptr) append_record(batch, at, position, *entry), --room;
          ++position;
        }
      }
      const std::vector<kafka::TopicPartition> held = held_companions();
      for (auto& [at, position] : positions_) {
        const auto end = static_cast<int64_t>(broker_.last_stable(at));
        if (position < end && std::find(held.begin(), held.end(), at) != held.end()) continue;
        bool any = false;
        if (position < broker_.low(at))
          broker_.violations.push_back("deleted before it was read: " + at.topic);
        while (position < end && room > 0) {
          if (const auto* entry = broker_.committed_entry(at, static_cast<size_t>(position))) {
            append_record(batch, at, position, *entry);
            --room;
            any = true;
          }
          ++position;
        }
        if (position == end && !any) polled.ends.push_back({at, position, {}});
      }
      polled.any = !batch.empty();
      return polled;
    });
  }
  void serve(kafka::RebalanceListener& listener) override {
    broker_.call("serve", [&] { serve_events(listener); });
  }
  void stay_alive() override { ++broker_.stayed_alive; }
  void start(const std::vector<kafka::PartitionOffset>& from) override {
    broker_.call("start", [&] {
      for (const auto& one : from) positions_[one.at] = one.offset;
    });
  }
  void stop(const std::vector<kafka::TopicPartition>& partitions) override {
    for (const auto& at : partitions) positions_.erase(at);
  }
  void rewind(const std::vector<kafka::PartitionOffset>& to) override {
    broker_.call("rewind", [&] {
      for (const auto& one : to) positions_[one.at] = one.offset;
    });
  }
  void read_together(kafka::Companions companions) override { companions_ = std::move(companions); }
  void hold_back(const kafka::TopicPartition&, bool) override {}
  std::vector<kafka::PartitionOffset> committed(
      const std::vector<kafka::TopicPartition>& partitions) override {
    return broker_.call("committed", [&] {
      std::vector<kafka::PartitionOffset> offsets;
      for (const auto& at : partitions) offsets.push_back(broker_.stable_offset(at));
      return offsets;
    });
  }
  void commit(const std::vector<kafka::PartitionOffset>& offsets) override {
    ++broker_.plain_commits;
    broker_.call("commit offsets", [&] {
      if (generation_ != broker_.generation)
        throw FakeBroker::error(kafka::Severity::abort, "ILLEGAL_GENERATION");
      for (const auto& one : offsets) broker_.committed_offsets[one.at] = one;
    });
  }
  kafka::GroupMetadata group_metadata() override {
    if (unusable_) return {nullptr, -1, ""};
    return {nullptr, generation_, broker_.member_id};
  }
  bool assignment_lost() override { return false; }
  kafka::Watermarks fetched_watermarks(const kafka::TopicPartition& at) override {
    return {0, static_cast<int64_t>(broker_.topics.at(at.topic)[static_cast<size_t>(at.partition)].size())};
  }
  void leave(kafka::RebalanceListener& listener, bool) override {
    broker_.call("leave", [&] {
      ++broker_.left;
      std::vector<kafka::TopicPartition> all;
      for (const auto& at : given()) all.push_back(at);
      if (!all.empty()) listener.on_revoked(with_companions(all), false);
      positions_.clear();
    });
  }

  // For scripts.
  static FakeConsumer*& broker_member() {
    static FakeConsumer* member = nullptr;
    return member;
  }
  // The group takes these away in an orderly way; `then` runs when they are gone.
  void revoke(const std::vector<kafka::TopicPartition>& partitions, std::function<void()> then) {
    to_revoke_ = partitions;
    after_revoke_ = std::move(then);
  }
  // The group goes on without us. We do not know yet: that comes with tell().
  void lose(bool metadata_unusable) {
    ++broker_.generation;
    unusable_ = metadata_unusable;
  }
  // Put out of the group, and back in it under another id, with what it held before (librdkafka 2.0.2).
  void rejoin_in_secret() {
    broker_.member_id += '+';
    generation_ = ++broker_.generation;
  }
  void tell() {
    to_revoke_ = given();
    to_assign_ = to_revoke_;
    lost_ = true;
  }
  void give(const kafka::TopicPartition& at) { to_assign_.push_back(at); }
  // All of it is taken away with the next poll, and given back.
  void take_and_give(bool lost) {
    // One rebalance at a time.
    if (positions_.empty() || !to_revoke_.empty() || !to_assign_.empty()) return;
    to_revoke_ = given();
    to_assign_.insert(to_assign_.end(), to_revoke_.begin(), to_revoke_.end());
    lost_ = lost;
    if (lost) ++broker_.generation;
  }

 private:
  // What is started, without companions: the group gives those to nobody.
  std::vector<kafka::TopicPartition> given() const {
    std::vector<kafka::TopicPartition> all;
    for (const auto& [at, position] : positions_)
      if (std::find(subscribed_.begin(), subscribed_.end(), at.topic) != subscribed_.end()) all.push_back(at);
    return all;
  }
  std::vector<kafka::TopicPartition> with_companions(const std::vector<kafka::TopicPartition>& given) const {
    if (!companions_.of) return given;
    std::vector<kafka::TopicPartition> all;
    for (const auto& first : given) {
      for (auto& companion : companions_.of(first)) all.push_back(std::move(companion));
      all.push_back(first);
    }
    return all;
  }
  // Those that wait for a first source that is still written.
  std::vector<kafka::TopicPartition> held_companions() const {
    std::vector<kafka::TopicPartition> held;
    if (!companions_.comes_more) return held;
    for (const auto& first : given()) {
      int64_t position = positions_.at(first);
      const auto end = static_cast<int64_t>(broker_.last_stable(first));
      while (position < end && !broker_.committed_entry(first, static_cast<size_t>(position))) ++position;
      if (position < end || !companions_.comes_more(first, position)) continue;
      for (auto& companion : companions_.of(first)) held.push_back(std::move(companion));
    }
    return held;
  }
  void serve_events(kafka::RebalanceListener& listener) {
    ++broker_.polls;
    if (broker_.on_poll) broker_.on_poll(broker_.polls);
    if (!to_revoke_.empty()) {
      const auto gone = with_companions(std::exchange(to_revoke_, {}));
      listener.on_revoked(gone, lost_);
      for (const auto& at : gone) positions_.erase(at);
      if (lost_) generation_ = broker_.generation;
      lost_ = false;
      unusable_ = false;
      if (after_revoke_) std::exchange(after_revoke_, nullptr)();
    }
    if (!to_assign_.empty()) {
      generation_ = broker_.generation;
      listener.on_assigned(std::exchange(to_assign_, {}));
    }
  }
  kafka::Companions companions_;
  std::vector<std::string> subscribed_;
  FakeBroker& broker_;
  int generation_ = -1;
  std::map<kafka::TopicPartition, int64_t> positions_;
  std::vector<kafka::TopicPartition> to_assign_;
  std::vector<kafka::TopicPartition> to_revoke_;
  std::function<void()> after_revoke_;
  bool lost_ = false;
  bool unusable_ = false;
};

// Writes to the origin's partition.
class FakeTopicSink final : public io::Sink {
 public:
  FakeTopicSink(kafka::Producer& producer, std::string topic)
      : producer_(producer), topic_(std::move(topic)) {}
  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    if (output.value.view() == "huge") return RecordError{Reason::too_large, "too large"};
    producer_.produce(topic_, origin && origin->partition >= 0 ? origin->partition : 0, output);
    return std::nullopt;
  }
  void flush() override { producer_.flush(); }

 private:
  kafka::Producer& producer_;
  std::string topic_;
};

}  // namespace kutils::testing
