// Runs work beside the caller's thread. The caller goes on and checks now and then whether the result is
// ready. Tests replace the threads by an executor of their own and decide when each piece of work runs.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "base/clock.h"

namespace kutils {

class Executor {
 public:
  // One piece of work that was handed over. The destructor cancels work that has not begun, and waits for
  // work that is running.
  class Started {
   public:
    virtual ~Started() = default;
    virtual void wait() = 0;                  // until it has ended
    virtual bool wait_for(Millis limit) = 0;  // true: it has ended within `limit`
    virtual bool drop() = 0;                  // as the destructor; false: cancelled
  };
  virtual ~Executor() = default;
  // `work` does not throw.
  virtual std::unique_ptr<Started> start(std::function<void()> work) = 0;
};

// The result of work that was handed to an executor, as std::future is of std::async. Used by one thread.
template <typename T>
class Task {
 public:
  Task() = default;  // not valid: there is nothing to wait for
  template <typename F>
  Task(Executor& executor, F work) {
    auto job = std::make_shared<std::packaged_task<T()>>(std::move(work));
    result_ = job->get_future();
    started_ = executor.start([job] { (*job)(); });
  }

  // Work was handed over, and its result was not taken yet.
  bool valid() const { return started_ != nullptr; }
  bool is_ready() const { return started_->wait_for(Millis(0)); }
  bool wait_for(Millis limit) const { return started_->wait_for(limit); }
  // Waits for it. Throws what the work has thrown.
  T get() {
    const auto started = std::move(started_);
    started->wait();
    return result_.get();
  }
  // Cancels work that has not begun, and waits for work that is running. Returns whether the work has run, so
  // that get() has a result.
  bool drop() { return started_ && started_->drop(); }

 private:
  std::future<T> result_;
  std::unique_ptr<Executor::Started> started_;
};

template <typename F>
auto run_beside(Executor& executor, F work) {
  return Task<decltype(work())>(executor, std::move(work));
}

// Starts a thread for each piece of work.
class ThreadExecutor final : public Executor {
 public:
  std::unique_ptr<Started> start(std::function<void()> work) override;
};

}  // namespace kutils
