// Does the work that is handed to it when the test says, on the test's own thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "base/executor.h"

namespace kutils::testing {

class HandExecutor final : public Executor {
 public:
  enum class When {
    at_once,     // when it is handed over
    when_asked,  // when somebody looks whether it is done
    by_hand      // when the test says, or when nothing but its end is waited for
  };
  When when = When::at_once;
  std::function<void()> in_vain;  // what waiting a while for work that was not done takes
  std::function<void()> after;    // each piece of work; what it throws goes to who had the work done
  int started = 0;

  std::unique_ptr<Started> start(std::function<void()> work) override {
    ++started;
    auto one = std::make_shared<Piece>(Piece{std::move(work)});
    if (when == When::at_once) {
      run(*one);
    } else {
      waiting_.push_back(one);
    }
    return std::make_unique<ByHand>(*this, std::move(one));
  }

  // What was handed over and is not done.
  size_t pending() {
    while (!waiting_.empty() && waiting_.front()->work == nullptr) waiting_.pop_front();
    size_t count = 0;
    for (const auto& one : waiting_) count += one->work ? 1 : 0;
    return count;
  }
  // Does the oldest of it. False: there is none.
  bool run_next() {
    if (pending() == 0) return false;
    const auto one = waiting_.front();
    waiting_.pop_front();
    run(*one);
    return true;
  }
  void run_all() {
    while (run_next()) {
    }
  }

 private:
  struct Piece {
    std::function<void()> work;  // empty: done, or dropped
    bool ended = false;
  };
  class ByHand final : public Started {
   public:
    ByHand(HandExecutor& executor, std::shared_ptr<Piece> piece)
        : executor_(executor), piece_(std::move(piece)) {}
    ~ByHand() override { piece_->work = nullptr; }
    void wait() override { executor_.run(*piece_); }
    bool wait_for(Millis limit) override {
      if (executor_.when == When::when_asked) executor_.run(*piece_);
      if (!piece_->ended && limit.count() > 0 && executor_.in_vain) executor_.in_vain();
      return piece_->ended;
    }
    bool drop() override {
      piece_->work = nullptr;
      return piece_->ended;
    }

   private:
    HandExecutor& executor_;
    const std::shared_ptr<Piece> piece_;
  };

  void run(Piece& one) {
    const auto work = std::exchange(one.work, nullptr);
    if (!work) return;
    work();
    one.ended = true;
    if (after) after();
  }

  std::deque<std::shared_ptr<Piece>> waiting_;
};

}  // namespace kutils::testing
