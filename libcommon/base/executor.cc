#include "base/executor.h"

namespace kutils {
namespace {

class OnThread final : public Executor::Started {
 public:
  explicit OnThread(std::function<void()> work) : end_(std::async(std::launch::async, std::move(work))) {}
  void wait() override { end_.wait(); }
  bool wait_for(Millis limit) override { return end_.wait_for(limit) == std::future_status::ready; }
  bool drop() override {
    end_.wait();
    return true;
  }

 private:
  std::future<void> end_;  // of std::async: its destructor waits
};

}  // namespace

std::unique_ptr<Executor::Started> ThreadExecutor::start(std::function<void()> work) {
  return std::make_unique<OnThread>(std::move(work));
}

}  // namespace kutils
