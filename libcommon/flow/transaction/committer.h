// How what was done becomes final: the outputs and the positions they stand for.
//
//   AlternatingTransactions  exactly once: both in one transaction, on two transactional ids strictly in turn
//                     (rules 1-4)
//   PlainCommits      at least once: outputs delivered, then the positions committed (rules 5, 29)
// One thread. No call is made by a destructor: a committer that is dropped is a process that died.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/signal.h"
#include "kafka/group_consumer.h"
#include "kafka/producer.h"

namespace kutils::flow {

class Committer {
 public:
  virtual ~Committer() = default;
  virtual void begin() = 0;  // REQUIRES: !open()
  virtual bool open() const = 0;
  virtual size_t producer_index() const = 0;  // which of producers() the open transaction has
  virtual std::vector<kafka::Producer*> producers() = 0;
  // `member`: the member id that the group gave the offsets' partitions to.
  // Throws KafkaError; the transaction is then still open and must be aborted, or, if the error is fatal, be
  // left with everything else. REQUIRES: open(), offsets not empty.
  virtual void commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
                      const std::string& member) = 0;
  virtual void abort() = 0;
};

class AlternatingTransactions final : public Committer {
 public:
  // Both already initialised. `timeout`: how long an answer to a commit is waited for; once asked to stop,
  // some seconds.
  AlternatingTransactions(std::unique_ptr<kafka::TransactionalProducer> first,
                          std::unique_ptr<kafka::TransactionalProducer> second, const Clock& clock,
                          const StopRequest& stop, Millis timeout)
      : producers_{std::move(first), std::move(second)}, clock_(clock), stop_(stop), timeout_(timeout) {}
  void begin() override;
  bool open() const override { return open_; }
  size_t producer_index() const override { return current_; }
  std::vector<kafka::Producer*> producers() override { return {producers_[0].get(), producers_[1].get()}; }
  void commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
              const std::string& member) override;
  void abort() override;

 private:
  void commit_until_answered(kafka::TransactionalProducer& producer, kafka::GroupConsumer& consumer);

  std::array<std::unique_ptr<kafka::TransactionalProducer>, 2> producers_;
  const Clock& clock_;
  const StopRequest& stop_;
  const Millis timeout_;
  size_t current_ = 0;
  bool open_ = false;
};

class PlainCommits final : public Committer {
 public:
  explicit PlainCommits(std::unique_ptr<kafka::Producer> producer) : producer_(std::move(producer)) {}
  void begin() override { open_ = true; }
  bool open() const override { return open_; }
  size_t producer_index() const override { return 0; }
  std::vector<kafka::Producer*> producers() override { return {producer_.get()}; }
  void commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
              const std::string& member) override;
  void abort() override { open_ = false; }

 private:
  std::unique_ptr<kafka::Producer> producer_;
  bool open_ = false;
};

class LineCommits final : public Committer {
 public:
  explicit LineCommits(std::function<void()> flush) : flush_(std::move(flush)) {}
  void begin() override { open_ = true; }
  bool open() const override { return open_; }
  size_t producer_index() const override { return 0; }
  std::vector<kafka::Producer*> producers() override { return {}; }
  void commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
              const std::string& member) override;
  void abort() override { open_ = false; }

 private:
  std::function<void()> flush_;
  bool open_ = false;
};

}  // namespace kutils::flow
