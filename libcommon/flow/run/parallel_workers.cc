#include "flow/run/parallel_workers.h"

#include <atomic>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "flow/run/commit_observer.h"
#include "flow/run/worker.h"

namespace kutils::flow {
namespace {

class LockedLog final : public Log {
 public:
  explicit LockedLog(Log& log) : log_(log) {}
  void note(std::string_view text) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    log_.note(text);
  }
  void error(std::string_view text) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    log_.error(text);
  }
  std::mutex& mutex() { return mutex_; }

 private:
  Log& log_;
  std::mutex mutex_;
};

// A signal, or one of us that failed.
class JointStop final : public StopRequest {
 public:
  explicit JointStop(const StopRequest& outer) : outer_(outer) {}
  int signal() const override {
    const int signal = outer_.signal();
    return signal != 0 ? signal : (failed_ ? SIGTERM : 0);
  }
  void fail() { failed_ = true; }

 private:
  const StopRequest& outer_;
  std::atomic<bool> failed_{false};
};

// Passes on what the workers say as if it were one.
class Crowd {
 public:
  Crowd(size_t size, RunObserver* outer, Progress& progress, LockedLog& log)
      : shares_(size), outer_(outer), progress_(progress), log_(log) {
    for (size_t i = 0; i < size; ++i) members_.push_back(std::make_unique<Member>(*this, shares_[i]));
  }
  RunObserver* member(size_t i) { return members_[i].get(); }

 private:
  struct Share {
    std::optional<int64_t> lag;
    size_t partitions = 0;
    Report::Counts counts;
  };
  class Member final : public RunObserver, public CommitObserver {
   public:
    Member(Crowd& crowd, Share& share) : crowd_(crowd), share_(share) {}
    std::string served_at() const override {
      return crowd_.outer_ ? crowd_.outer_->served_at() : std::string();
    }
    void planned(const std::vector<StatesOfTopic>& states) override {
      if (crowd_.outer_) crowd_.outer_->planned(states);
    }
    void turned(std::optional<int64_t> lag, size_t partitions) override {
      crowd_.turned(share_, lag, partitions);
    }
    void committed(const Report::Counts& counts) override { crowd_.committed(share_, counts); }
    void commit_done(const CommitNews& news) override { tell_commit(crowd_.outer_, news); }
    void aborted() override {
      if (crowd_.outer_) crowd_.outer_->aborted();
    }
    void restarted() override {
      if (crowd_.outer_) crowd_.outer_->restarted();
    }
    void restoring(int32_t partition, uint64_t rows, uint64_t total) override {
      if (crowd_.outer_) crowd_.outer_->restoring(partition, rows, total);
    }
    void opened(int32_t partition, state::Backend* rows) override {
      if (crowd_.outer_) crowd_.outer_->opened(partition, rows);
    }
    void closing(int32_t partition) override {
      if (crowd_.outer_) crowd_.outer_->closing(partition);
    }

   private:
    Crowd& crowd_;
    Share& share_;
  };

  void turned(Share& share, std::optional<int64_t> lag, size_t partitions) {
    const std::lock_guard<std::mutex> lock(log_.mutex());  // the progress line and the log share stderr
    share.lag = lag;
    share.partitions = partitions;
    int64_t sum = 0;
    size_t all = 0;
    uint64_t in = 0;
    for (const Share& one : shares_) {
      sum += one.lag.value_or(0);
      all += one.partitions;
      in += one.counts.in;
    }
    progress_.update(in, sum);
    if (outer_) outer_->turned(sum, all);
  }
  void committed(Share& share, const Report::Counts& counts) {
    const std::lock_guard<std::mutex> lock(log_.mutex());
    share.counts = counts;
    Report::Counts sum;
    for (const Share& one : shares_) sum += one.counts;
    if (outer_) outer_->committed(sum);
  }

  std::vector<Share> shares_;
  std::vector<std::unique_ptr<Member>> members_;
  RunObserver* outer_;
  Progress& progress_;
  LockedLog& log_;
};

// A name of its own for each, where one was given: it is the member's.
Job job_of(const Job& job, size_t worker) {
  Job own = job;
  if (!own.instance.empty() && worker > 0) own.instance += "." + std::to_string(worker);
  return own;
}

}  // namespace

Processor::End run_workers(const Job& job, const Environment& around, Report& total, Progress& progress,
                           Log& log, OnError::Policy policy) {
  const auto count = static_cast<size_t>(job.workers);
  LockedLog shared_log(log);
  JointStop stop(around.stop);
  Crowd crowd(count, around.observer, progress, shared_log);
  std::mutex mutex;  // of all below
  std::exception_ptr failure;
  Processor::End ended = Processor::End::no;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      const Job own = job_of(job, i);
      const Environment parts = around.beside(shared_log, stop, crowd.member(i));
      Progress silent(job.tool, false, around.clock);
      Report report(shared_log);
      std::exception_ptr error;
      Processor::End end = Processor::End::no;
      try {
        end = run_worker(own, parts, report, silent, shared_log, policy);
      } catch (...) {
        error = std::current_exception();
      }
      const std::lock_guard<std::mutex> lock(mutex);
      total.counts += report.counts;
      if (error && !failure) failure = error;
      if (end == Processor::End::failed) ended = end;
      if (error || end == Processor::End::failed) stop.fail();
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return ended;
}

}  // namespace kutils::flow
