// GroupConsumer over librdkafka.
//
// Records and group events come through two queues: each partition's own queue is forwarded to `data_queue_`,
// so that the consumer's queue carries rebalances and errors only. Rebalances are events, never callbacks:
// the listener runs in poll() between batches, may throw, and no record of a batch belongs to a partition
// that left meanwhile. A waiting data queue is woken when something comes to the other
// (rd_kafka_queue_yield).
#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "kafka/client.h"
#include "kafka/fetch_backoff_waker.h"
#include "kafka/group_consumer.h"
#include "kafka/group_metadata.h"
#include "kafka/message_reader.h"
#include "kafka/ordered_reading.h"

namespace kutils::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMaxRecords = 2000;
// In order of time a batch's messages lie apart in memory, where the processor does not fetch the next ones by
// itself: a batch of this size stays in its cache until it is done.
constexpr size_t kMaxOrderedRecords = 1000;
constexpr auto kAgainSoon = Millis(20);  // where a partition is waited for
constexpr auto kCommittedLimit =
    std::chrono::seconds(60);  // coordinators move in a broker's fail-over: 9-14 s
constexpr std::chrono::seconds kCommitLimit{30};
constexpr auto kCommitAnswerLimit = std::chrono::milliseconds(5000);
constexpr std::chrono::seconds kLeaveLimit{5};
constexpr std::chrono::seconds kJoinLimit{1};
constexpr auto kDestroyLimit = std::chrono::milliseconds(500);
constexpr auto kClosedDestroyLimit = std::chrono::milliseconds(3000);
constexpr Millis kRefreshLimit{500};
constexpr auto kUnknownTopicGrace = std::chrono::seconds(20);  // a new topic is not known everywhere at once

class LibrdkafkaConsumer final : public GroupConsumer, private OrderedReading::Feed {
 public:
  LibrdkafkaConsumer(const ClientConfig& config, const std::string& group, const std::string& instance_id)
      : group_(group),
        note_(config.note()),
        asked_to_end_(config.asked_to_end()),
        client_(make_client(config, group, instance_id)) {
    rd_kafka_poll_set_consumer(client_->get());
    events_queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
    data_queue_.reset(rd_kafka_queue_new(client_->get()));
    idle_queue_.reset(rd_kafka_queue_new(client_->get()));
    rd_kafka_queue_cb_event_enable(
        events_queue_.get(),
        [](rd_kafka_t*, void* data_queue) {
          rd_kafka_queue_yield(static_cast<rd_kafka_queue_t*>(data_queue));
        },
        data_queue_.get());
    waker_ = std::make_unique<FetchBackoffWaker>(client_);
  }

  ~LibrdkafkaConsumer() override {
    rd_kafka_queue_cb_event_enable(events_queue_.get(), nullptr, nullptr);
    // Dropped while it still reads: what comes for a partition must not wake a queue that is gone.
    for (const auto& [at, slot] : slots_) disconnect(*slot);
    waker_.reset();
    // librdkafka before 2.3 aborts the process ("Assertion `assignor_state' failed") when a cooperative
    // consumer is destroyed between its join and its first assignment, as one that is fenced or asked to stop
    // while it starts. Such a one is left to the end of the process, with what its threads use.
    if (subscribed_at_ != SteadyClock::time_point() && !assigned_once_ && rd_kafka_version() < 0x02030000)
      client_->leave_to_the_end(client_);
    // One that is fenced or dropped in the middle of a rebalance may never come to an end: librdkafka 2.0.2's
    // main thread waits for the group's state machine, and what destroys it for that thread (seen: a worker
    // that was to be rebuilt hung here). Nor does one that was closed, if a topic that it read was deleted
    // (seen). So it is waited for only a moment. All that belongs to the handle goes first.
    released_.clear();
    slots_.clear();
    data_queue_.reset();
    idle_queue_.reset();
    events_queue_.reset();
    std::promise<void> promise;
    const auto destroyed = promise.get_future();
    std::thread([client = std::move(client_), promise = std::move(promise)]() mutable {
      client.reset();
      promise.set_value();
    }).detach();
    (void)destroyed.wait_for(closed_ ? kClosedDestroyLimit : kDestroyLimit);
  }

  void subscribe(const std::vector<std::string>& topics) override {
    PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
    for (const std::string& topic : topics)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto code = rd_kafka_subscribe(client_->get(), list.get());
    if (code) throw to_error(code, "subscription failed", ExitCode::connection, Severity::fatal);
    subscribed_at_ = SteadyClock::now();
  }

  Polled poll(Batch& batch, Millis wait, RebalanceListener& listener) override {
    serve_events(listener);
    Polled out;
    const auto chunk = std::make_shared<MessageChunk>(client_);
    if (in_order_) {
      for (const Millis limit : {Millis(0), wait}) {
        if (limit.count() > 0) wait_for_any(ordered_.waits() ? std::min(limit, kAgainSoon) : limit);
        if (ordered_.has_forgotten()) gather_ordered();
        ordered_.take(kMaxOrderedRecords, SteadyClock::now(), chunk->messages(), out.ends);
        if (!chunk->messages().empty() || !out.ends.empty()) break;
      }
      reader_.append_all(batch, chunk->messages());
      if (!chunk->messages().empty()) batch.hold(chunk);
      waker_->set_lagging(at_end_ < slots_.size());
      out.any = !batch.empty();
      return out;
    }
    deliver_released(batch, *chunk, out);
    const size_t kept = chunk->messages().size();
    take_messages(data_queue_.get(), chunk->messages(), kMaxRecords, kept > 0 ? Millis(0) : wait);
    deliver(batch, *chunk, kept, out);
    if (!chunk->messages().empty()) batch.hold(chunk);
    waker_->set_lagging(at_end_ < slots_.size());
    out.any = !batch.empty();
    return out;
  }

  void serve(RebalanceListener& listener) override {
    stay_alive();
    serve_events(listener);
  }

  void stay_alive() override {
    pull_events();
    std::vector<rd_kafka_message_t*> none;
    take_messages(idle_queue_.get(), none, 1, Millis(0));
  }

  void start(const std::vector<PartitionOffset>& from) override {
    if (from.empty()) return;
    pull_events();
    for (const PartitionOffset& at : from) {
      Slot& slot = add_slot(at.at);
      slot.next = at.offset;
    }
    check(rd_kafka_incremental_assign(client_->get(), to_list(from).get()), "assignment failed");
    // Once more: the stop of an earlier assignment of the same partition, which librdkafka's main thread may
    // have handled after add_slot(), takes the forwarding away. By now it is behind us.
    for (const PartitionOffset& at : from) {
      const Slot& slot = *slots_.at(at.at);
      if (!slot.held) connect(slot);
    }
    slots_changed();
  }

  void stop(const std::vector<TopicPartition>& partitions) override {
    pull_events();
    unassign(partitions, true);
  }

  void rewind(const std::vector<PartitionOffset>& to) override {
    if (to.empty()) return;
    pull_events();
    std::vector<TopicPartition> partitions;
    std::vector<PartitionOffset> owned;
    for (const PartitionOffset& at : to) {
      if (slots_.find(at.at) == slots_.end()) continue;  // left meanwhile
      partitions.push_back(at.at);
      owned.push_back(at);
    }
    if (partitions.empty()) return;
    unassign(partitions, true);
    start(owned);
  }

  void read_in_order_of_time(std::set<std::string> apart) override {
    in_order_ = true;
    ordered_.read_apart(std::move(apart));
  }
  void read_at_one_pace(std::function<bool(const TopicPartition& at)> is_paced) override {
    in_order_ = true;
    ordered_.read_at_one_pace(std::move(is_paced));
  }
  void expect(const std::vector<PartitionOffset>& ends) override {
    for (const PartitionOffset& end : ends) {
      const auto found = slots_.find(end.at);
      if (found != slots_.end()) found->second->expected = std::max(found->second->expected, end.offset);
    }
  }
  void read_together(Companions companions) override {
    in_order_ = true;
    companions_of_ = companions.of;
    ordered_.read_together(std::move(companions));
  }

  void hold_back(const TopicPartition& partition, bool held) override {
    if (in_order_) return;
    const auto found = slots_.find(partition);
    if (found == slots_.end()) return;
    Slot& slot = *found->second;
    if (slot.held == held) return;
    slot.held = held;
    // Not forwarded, its queue fills and the fetcher stops by itself; what was forwarded before waits in the
    // stash.
    rd_kafka_queue_forward(slot.queue.get(), held ? nullptr : data_queue_.get());
    if (!held && (!slot.stash.empty() || slot.untold_end >= 0)) released_.push_back(partition);
  }

  std::vector<PartitionOffset> committed(const std::vector<TopicPartition>& partitions) override {
    if (partitions.empty()) return {};
    const auto deadline = SteadyClock::now() + kCommittedLimit;
    bool noted = false;
    for (;;) {
      const PartitionListHandle list = to_list(partitions);
      auto code = rd_kafka_committed(client_->get(), list.get(), 5000);
      std::string where;
      for (int i = 0; !code && i < list->cnt; ++i) {
        code = list->elems[i].err;
        if (code)
          where = " of " + std::string(list->elems[i].topic) + " [" +
                  std::to_string(list->elems[i].partition) + "]";
      }
      if (!code) return from_list(list.get());
      const auto error = to_error(code, "committed offsets" + where + " of group " + group_,
                                  ExitCode::delivery, Severity::fatal);
      if (error.severity() != Severity::retriable || SteadyClock::now() > deadline || asked_to_end())
        throw error;
      // One call may take seconds, all of them a minute: the user is told what is waited for.
      if (code == RD_KAFKA_RESP_ERR__TIMED_OUT && note_ && !std::exchange(noted, true))
        note_(
            "waiting for the offsets of group " + group_ +
            ": the cluster has not told them for some seconds; a transaction that is open may hold them, and that of a "
            "process that was killed is ended by the broker after its transaction.timeout.ms");
      std::this_thread::sleep_for(Millis(10));
    }
  }

  void commit(const std::vector<PartitionOffset>& offsets) override {
    if (offsets.empty()) return;
    const auto begin = SteadyClock::now();
    for (;;) {
      const auto code = commit_once(offsets);
      if (!code) return;
      // Generation and membership errors are ordinary: rewind to what is committed and go on.
      const auto error = to_error(code, "offsets of group " + group_, ExitCode::delivery, Severity::abort);
      if (rd_kafka_fatal_error(client_->get(), nullptr, 0)) throw_fatal();
      if (error.severity() != Severity::retriable) throw error;
      if (SteadyClock::now() > begin + (asked_to_end() ? kLeaveLimit : kCommitLimit) ||
          code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS)
        throw KafkaError(error.code(), Severity::abort, code, error.what());
      // Whether it was committed is not known: what is committed will be read again.
      if (code == RD_KAFKA_RESP_ERR__TIMED_OUT)
        throw KafkaError(error.code(), Severity::abort, code, error.what());
      std::this_thread::sleep_for(Millis(20));
    }
  }

  // rd_kafka_commit() itself waits without a limit: for ever where the coordinator does not answer.
  rd_kafka_resp_err_t commit_once(const std::vector<PartitionOffset>& offsets) {
    const PartitionListHandle list = to_list(offsets);
    const QueueHandle answers(rd_kafka_queue_new(client_->get()));
    const auto refused = rd_kafka_commit_queue(client_->get(), list.get(), answers.get(), nullptr, nullptr);
    if (refused) return refused;
    const EventHandle answer(
        rd_kafka_queue_poll(answers.get(), static_cast<int>(kCommitAnswerLimit.count())));
    if (!answer) return RD_KAFKA_RESP_ERR__TIMED_OUT;
    auto code = rd_kafka_event_error(answer.get());
    const rd_kafka_topic_partition_list_t* done = rd_kafka_event_topic_partition_list(answer.get());
    for (int i = 0; !code && done && i < done->cnt; ++i) code = done->elems[i].err;
    return code;
  }

  GroupMetadata group_metadata() override {
    auto* handle = rd_kafka_consumer_group_metadata(client_->get());
    GroupMetadata out;
    if (!handle) return out;  // not usable()
    out.handle = std::shared_ptr<void>(handle, [](void* metadata) {
      rd_kafka_consumer_group_metadata_destroy(static_cast<rd_kafka_consumer_group_metadata_t*>(metadata));
    });
    void* bytes = nullptr;
    size_t size = 0;
    check(rd_kafka_consumer_group_metadata_write(handle, &bytes, &size), "group metadata");
    const auto identity = parse_group_metadata({static_cast<const char*>(bytes), size});
    rd_kafka_mem_free(client_->get(), bytes);
    if (!identity)
      throw Error(ExitCode::delivery, "the installed librdkafka " + std::string(rd_kafka_version_str()) +
                                          " writes group metadata in a form that is not known");
    out.generation = identity->generation;
    out.member_id = identity->member_id;
    return out;
  }

  bool assignment_lost() override { return rd_kafka_assignment_lost(client_->get()) != 0; }

  Watermarks fetched_watermarks(const TopicPartition& partition) override {
    Watermarks out;
    const auto code = rd_kafka_get_watermark_offsets(client_->get(), partition.topic.c_str(),
                                                     partition.partition, &out.low, &out.high);
    if (code || out.high < 0) out = {0, -1};
    return out;
  }

  void leave(RebalanceListener& listener, bool stay) override {
    const auto deadline = SteadyClock::now() + kLeaveLimit;
    rd_kafka_t* rk = client_->get();
    waker_->set_lagging(false);
    if (!stay && !rd_kafka_fatal_error(rk, nullptr, 0)) {
      // A member can only leave once it is one: a join that is under way would hold its place for a session.
      const auto join_deadline = SteadyClock::now() + kJoinLimit;
      const bool joins = subscribed_at_ != SteadyClock::time_point();
      while (joins && !group_metadata().usable() && SteadyClock::now() < join_deadline)
        serve_one_event(listener, 20);
      // A plain close of a static member tells nobody; to unsubscribe does, if the close does not begin
      // before the LeaveGroup is sent. That it is shows in the member id: it is given up with it.
      const bool joined = group_metadata().usable();
      rd_kafka_unsubscribe(rk);
      while (group_owns_ && SteadyClock::now() < deadline) {
        serve_one_event(listener, 50);
      }
      while (joined && has_member_id() && SteadyClock::now() < deadline) {
        serve_one_event(listener, 1);
      }
    }
    QueueHandle close_queue(rd_kafka_queue_new(rk));
    const ErrorHandle refused(rd_kafka_consumer_close_queue(rk, close_queue.get()));
    while (!refused && !rd_kafka_consumer_closed(rk)) {
      if (SteadyClock::now() > deadline) {
        // It can neither be closed nor destroyed without waiting: left to the end of the process, with what
        // its threads use.
        client_->leave_to_the_end(client_);
        if (note_)
          note_("leaving the group " + group_ +
                " took too long; the others take over after its session timeout");
        return;
      }
      EventHandle event(rd_kafka_queue_poll(close_queue.get(), 20));
      if (event) take_event(std::move(event));
      serve_pending(listener);
    }
    closed_ = !refused;
  }

 private:
  struct Slot : OrderedPartition {
    QueueHandle queue;
    bool held = false;
    std::deque<rd_kafka_message_t*> stash;  // came while held, in order
    SteadyClock::time_point started_at = SteadyClock::now();

    ~Slot() {
      for (rd_kafka_message_t* message : stash) rd_kafka_message_destroy(message);
    }
  };
  struct Rebalance {
    bool assign = false;
    bool lost = false;
    bool answered = false;  // a revoke that an unassign in between has answered already
    std::vector<TopicPartition> partitions;
  };

  static std::shared_ptr<Client> make_client(const ClientConfig& config, const std::string& group,
                                             const std::string& instance_id) {
    if (config.consumer_value("isolation.level") == "read_uncommitted")
      throw usage_error("isolation.level=read_uncommitted: a group reads committed records only",
                        "kread without -g takes it");
    std::map<std::string, std::string> more{{"group.id", group}};
    if (!instance_id.empty()) more["group.instance.id"] = instance_id;
    return std::make_shared<Client>(RD_KAFKA_CONSUMER, config, more,
                                    RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR);
  }

  [[noreturn]] void throw_fatal() {
    char why[512] = "";
    const auto code = rd_kafka_fatal_error(client_->get(), why, sizeof why);
    throw KafkaError(ExitCode::delivery, Severity::fatal, code, "consumer of group " + group_ + ": " + why);
  }

  // Nothing is tried again then.
  bool asked_to_end() const { return asked_to_end_ && asked_to_end_(); }

  bool has_member_id() {
    char* id = rd_kafka_memberid(client_->get());
    const bool has = id && *id;
    if (id) rd_kafka_mem_free(client_->get(), id);
    return has;
  }

  // --- events ---

  void pull_events() {
    while (EventHandle event{rd_kafka_queue_poll(events_queue_.get(), 0)}) take_event(std::move(event));
  }

  void take_event(EventHandle event) {
    rd_kafka_event_t* raw = event.get();
    switch (rd_kafka_event_type(raw)) {
      case RD_KAFKA_EVENT_REBALANCE: {
        Rebalance rebalance;
        rebalance.assign = rd_kafka_event_error(raw) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        assigned_once_ = assigned_once_ || rebalance.assign;
        rebalance.lost = !rebalance.assign && rd_kafka_assignment_lost(client_->get());
        rebalance.partitions = partitions_of(rd_kafka_event_topic_partition_list(raw));
        pending_.push_back(std::move(rebalance));
        break;
      }
      case RD_KAFKA_EVENT_ERROR:
        take_error(rd_kafka_event_error(raw), rd_kafka_event_error_string(raw));
        break;
      default:
        break;
    }
  }

  // A position that retention has overtaken is judged when the loop rewinds; a late poll has lost its
  // partitions only.
  static bool rewinds(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED || code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
  }

  void take_error(rd_kafka_resp_err_t code, const char* text) {
    if (rd_kafka_fatal_error(client_->get(), nullptr, 0)) {
      fatal_ = true;
    } else if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
               SteadyClock::now() - subscribed_at_ < kUnknownTopicGrace) {
      if (note_) note_(text);
    } else if (is_passing(code) || code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__SSL ||
               code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
      client_->events().error(code, text);
    } else if (!error_) {
      error_ = std::make_unique<KafkaError>(to_error(code, "consumer of group " + group_, ExitCode::delivery,
                                                     rewinds(code) ? Severity::abort : Severity::fatal,
                                                     text ? text : ""));
    }
  }

  void serve_events(RebalanceListener& listener) {
    pull_events();
    serve_pending(listener);
    if (fatal_) throw_fatal();
    if (error_) {
      const auto error = std::move(error_);
      throw *error;
    }
  }

  void serve_one_event(RebalanceListener& listener, int wait_ms) {
    EventHandle event(rd_kafka_queue_poll(events_queue_.get(), wait_ms));
    if (event) take_event(std::move(event));
    serve_pending(listener);
    if (fatal_) group_owns_ = false;
  }

  void serve_pending(RebalanceListener& listener) {
    while (!pending_.empty()) {
      const Rebalance rebalance = std::move(pending_.front());
      pending_.pop_front();
      find_purged();
      if (rebalance.assign) {
        for (const TopicPartition& partition : rebalance.partitions) owned_[partition] = true;
        group_owns_ = !owned_.empty();
        answer_assign();
        listener.on_assigned(rebalance.partitions);
      } else {
        for (const TopicPartition& partition : rebalance.partitions) owned_.erase(partition);
        group_owns_ = !owned_.empty();
        const std::vector<TopicPartition> leaving = with_companions(rebalance.partitions);
        try {
          listener.on_revoked(leaving, rebalance.lost || rebalance.answered);
        } catch (...) {
          unassign(leaving, !rebalance.answered);  // the group must not wait for us
          throw;
        }
        unassign(leaving, !rebalance.answered);
      }
      repair_purged();
    }
  }

  std::vector<TopicPartition> with_companions(const std::vector<TopicPartition>& given) const {
    if (!companions_of_) return given;
    std::vector<TopicPartition> all;
    for (const TopicPartition& first : given) {
      for (TopicPartition& companion : companions_of_(first)) all.push_back(std::move(companion));
      all.push_back(first);
    }
    return all;
  }

  void answer_assign() {
    const PartitionListHandle nothing(rd_kafka_topic_partition_list_new(0));
    check(rd_kafka_incremental_assign(client_->get(), nothing.get()), "assignment failed");
  }

  // Takes these out of librdkafka's assignment; those that were never started are not in it. `must_answer`: a
  // pending revoke waits for this call, even if nothing is left to take out.
  void unassign(const std::vector<TopicPartition>& partitions, bool must_answer) {
    std::vector<TopicPartition> started;
    for (const TopicPartition& partition : partitions) {
      if (remove_slot(partition)) started.push_back(partition);
    }
    // The call answers a revoke that has not been served yet: what it names leaves now, and nothing of it may
    // be committed any more. What called (a rewind) has thrown away the open work already.
    for (Rebalance& rebalance : pending_) {
      if (rebalance.assign || rebalance.answered) continue;
      rebalance.answered = true;
      for (const TopicPartition& partition : with_companions(rebalance.partitions)) {
        if (remove_slot(partition)) started.push_back(partition);
      }
    }
    if (started.empty() && !must_answer) return;
    slots_changed();
    check(rd_kafka_incremental_unassign(client_->get(), to_list(started).get()), "unassignment failed");
    // A revoke that came after the last look at the events has been answered as well, or it came after this call:
    // nobody can tell. The partitions may be another member's by now, and the group has forgotten that they were
    // lost, so they are lost here, before a record more of them is taken or committed.
    pull_events();
    for (Rebalance& rebalance : pending_) rebalance.lost = rebalance.lost || !rebalance.assign;
  }

  // --- librdkafka before 2.2 loses records in a batch that a rebalance interrupts ---
  // It pauses all partitions at each rebalance, and a pause that falls into a running consume_batch takes the
  // partition's records out of that batch again, but its position stays behind them. So at each rebalance the
  // position that librdkafka has is compared with ours, and a partition where they differ is set back.

  void find_purged() {
    if (slots_.empty()) return;
    std::vector<TopicPartition> all;
    for (const auto& [at, slot] : slots_) all.push_back(at);
    const PartitionListHandle list = to_list(all);
    if (rd_kafka_position(client_->get(), list.get())) return;
    for (const PartitionOffset& position : from_list(list.get())) {
      const Slot& slot = *slots_.at(position.at);
      if (position.offset >= 0 && slot.next >= 0 && position.offset != slot.next)
        purged_.push_back({position.at, slot.next, {}});
    }
  }

  void repair_purged() {
    const auto purged = std::move(purged_);
    purged_.clear();
    for (const PartitionOffset& at : purged) {
      const auto found = slots_.find(at.at);
      if (found == slots_.end() || found->second->next != at.offset || found->second->held) continue;
      rewind({{at.at, found->second->given(), {}}});
    }
  }

  // --- partitions ---

  Slot& add_slot(const TopicPartition& at) {
    auto& slot = slots_[at];
    if (!slot) {
      slot = std::make_unique<Slot>();
      slot->at = at;
      slot->queue.reset(rd_kafka_queue_get_partition(client_->get(), at.topic.c_str(), at.partition));
      if (!slot->queue) throw Error(ExitCode::delivery, "no queue for " + to_string(at));
      connect(*slot);
    }
    return *slot;
  }

  // Its messages come to `data_queue_`; in order of time they stay in a queue of its own, and only wake us.
  void connect(const Slot& slot) {
    rd_kafka_queue_forward(slot.queue.get(), in_order_ ? nullptr : data_queue_.get());
    if (!in_order_) return;
    rd_kafka_queue_cb_event_enable(
        slot.queue.get(),
        [](rd_kafka_t*, void* data_queue) {
          rd_kafka_queue_yield(static_cast<rd_kafka_queue_t*>(data_queue));
        },
        data_queue_.get());
  }

  void disconnect(const Slot& slot) {
    if (in_order_) rd_kafka_queue_cb_event_enable(slot.queue.get(), nullptr, nullptr);
  }

  bool remove_slot(const TopicPartition& at) {
    const auto found = slots_.find(at);
    if (found == slots_.end()) return false;
    disconnect(*found->second);
    ordered_.forget();
    if (found->second->at_end) --at_end_;
    slots_.erase(found);
    last_slot_ = nullptr;
    return true;
  }

  void slots_changed() {
    last_slot_ = nullptr;
    ordered_.forget();
    std::vector<TopicPartition> all;
    for (const auto& [at, slot] : slots_) all.push_back(at);
    waker_->set_partitions(std::move(all));
  }

  Slot* slot_of(const rd_kafka_message_t* message) {
    // Records come in runs of one partition.
    if (last_slot_ && last_topic_ == message->rkt && last_slot_->at.partition == message->partition)
      return last_slot_;
    const auto found = slots_.find({rd_kafka_topic_name(message->rkt), message->partition});
    if (found == slots_.end()) return nullptr;
    last_topic_ = message->rkt;
    last_slot_ = found->second.get();
    return last_slot_;
  }

  static void set_at_end(Slot& slot, bool value, size_t& count) {
    if (slot.at_end == value) return;
    slot.at_end = value;
    if (value)
      ++count;
    else
      --count;
  }

  // Messages from index `from` on; those that are not handed out leave the chunk.
  void deliver(Batch& batch, MessageChunk& chunk, size_t from, Polled& out) {
    auto& messages = chunk.messages();
    size_t keep = from;
    batch.records().reserve(batch.records().size() + messages.size() - from);
    for (size_t i = from; i < messages.size(); ++i) {
      rd_kafka_message_t* message = messages[i];
      Slot* slot = message->rkt ? slot_of(message) : nullptr;
      if (message->err) {
        if (slot && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
          set_at_end(*slot, true, at_end_);
          slot->next = std::max(slot->next, message->offset);  // past control records
          if (slot->held)
            slot->untold_end = message->offset;
          else
            out.ends.push_back({slot->at, message->offset, {}});
        } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
          take_message_error(message, slot);
        }
        rd_kafka_message_destroy(message);
        continue;
      }
      // Fetched for an assignment that is over, or fetched again after a resume that librdkafka did on its
      // own.
      if (!slot || message->offset < slot->next) {
        rd_kafka_message_destroy(message);
        continue;
      }
      slot->next = message->offset + 1;
      if (slot->at_end) set_at_end(*slot, false, at_end_);
      if (slot->held) {
        slot->stash.push_back(message);
        continue;
      }
      reader_.append(batch, message);
      messages[keep++] = message;
    }
    messages.resize(keep);
  }

  // --- in order of time ---

  // Nothing comes to this queue but the wake-ups. Asked once, for a look that waits for nothing would take
  // one.
  void wait_for_any(Millis wait) {
    rd_kafka_message_t* none = nullptr;
    if (rd_kafka_consume_batch_queue(data_queue_.get(), static_cast<int>(wait.count()), &none, 1) == 1)
      rd_kafka_message_destroy(none);
  }

  void gather_ordered() {
    std::vector<OrderedPartition*> started;
    for (const auto& [at, slot] : slots_) started.push_back(slot.get());
    ordered_.gather(started, [this](const TopicPartition& at) { return owned_.count(at) > 0; });
  }

  void feed(OrderedPartition& partition, size_t most) override {
    Slot& slot = static_cast<Slot&>(partition);
    fetched_.clear();
    take_messages(slot.queue.get(), fetched_, most, Millis(0));
    for (rd_kafka_message_t* message : fetched_) put_into_line(slot, message);
  }

  int64_t known_end(const TopicPartition& at) override { return fetched_watermarks(at).high; }

  void put_into_line(Slot& slot, rd_kafka_message_t* message) {
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      set_at_end(slot, true, at_end_);
      slot.next = std::max(slot.next, message->offset);  // past control records
      slot.untold_end = message->offset;
    } else if (message->err) {
      take_message_error(message, &slot);
    } else if (message->offset >= slot.next) {
      slot.next = message->offset + 1;
      slot.untold_end = -1;
      if (slot.at_end) set_at_end(slot, false, at_end_);
      slot.line.push(rd_kafka_message_timestamp(message, nullptr), message);
      return;
    }
    rd_kafka_message_destroy(message);
  }

  void deliver_released(Batch& batch, MessageChunk& chunk, Polled& out) {
    for (const TopicPartition& at : std::exchange(released_, {})) {
      const auto found = slots_.find(at);
      if (found == slots_.end() || found->second->held) continue;
      Slot& slot = *found->second;
      for (rd_kafka_message_t* message : slot.stash) {
        reader_.append(batch, message);
        chunk.messages().push_back(message);
      }
      slot.stash.clear();
      if (slot.untold_end >= 0) out.ends.push_back({at, std::exchange(slot.untold_end, -1), {}});
    }
  }

  void take_message_error(const rd_kafka_message_t* message, const Slot* slot) {
    if (is_passing(message->err)) return;
    // The group gives out partitions that were just added as soon as its leader knows them; this client may
    // not yet. It goes on asking, and begins when it learns of them.
    if (message->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && slot &&
        SteadyClock::now() - slot->started_at < kUnknownTopicGrace)
      return refresh_metadata();
    std::string text = rd_kafka_message_errstr(message);
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && slot) {
      // A gap: the records from here on are gone by retention. The position goes with the text.
      text = to_string(slot->at) + " from offset " + std::to_string(slot->next) + ": " + text;
    }
    take_error(message->err, text.c_str());
  }

  // What the client knows of its topics comes from such answers, whoever asked.
  void refresh_metadata() {
    const rd_kafka_metadata_t* raw = nullptr;
    (void)rd_kafka_metadata(client_->get(), 0, nullptr, &raw, static_cast<int>(kRefreshLimit.count()));
    const MetadataHandle metadata(raw);
  }

  std::string group_;
  ClientConfig::Note note_;
  ClientConfig::AskedToEnd asked_to_end_;
  std::shared_ptr<Client> client_;
  QueueHandle events_queue_;
  QueueHandle data_queue_;
  QueueHandle idle_queue_;  // nothing ever comes to it
  std::unique_ptr<FetchBackoffWaker> waker_;
  SteadyClock::time_point subscribed_at_;

  std::map<TopicPartition, std::unique_ptr<Slot>> slots_;  // started ones
  std::map<TopicPartition, bool> owned_;                   // given by the group and not yet revoked
  bool in_order_ = false;
  std::function<std::vector<TopicPartition>(const TopicPartition&)>
      companions_of_;  // empty: all by themselves
  OrderedReading ordered_{*this, [this](const std::string& text) {
                            if (note_) note_(text);
                          }};
  std::vector<rd_kafka_message_t*> fetched_;  // only while feed() runs
  bool group_owns_ = false;
  bool assigned_once_ = false;
  bool closed_ = false;
  size_t at_end_ = 0;
  Slot* last_slot_ = nullptr;
  const rd_kafka_topic_t* last_topic_ = nullptr;
  std::vector<TopicPartition> released_;
  std::vector<PartitionOffset> purged_;
  std::deque<Rebalance> pending_;
  bool fatal_ = false;
  std::unique_ptr<KafkaError> error_;
  MessageReader reader_;
};

}  // namespace

std::unique_ptr<GroupConsumer> make_group_consumer(const ClientConfig& config, const std::string& group,
                                                   const std::string& instance_id) {
  return std::make_unique<LibrdkafkaConsumer>(config, group, instance_id);
}

}  // namespace kutils::kafka
