// The HTTP side of a run: /metrics, /health, /table/NAME. Told by the run loop what happens
// (flow/run/observer.h), asked by HTTP threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "flow/run/observer.h"
#include "serve/announcement.h"
#include "serve/http.h"
#include "serve/live_tables.h"
#include "serve/metrics.h"

namespace kutils::serve {

class RunViews final : public flow::RunObserver {
 public:
  // `clock` outlives it. Throws usage_error if the address cannot be bound. In `state_dir` it is announced where
  // to ask; empty: nowhere.
  RunViews(const HttpAddress& address, std::string tool, std::string group, const Clock& clock,
           HttpAccess access = {}, const std::string& state_dir = {});

  void turned(std::optional<int64_t> lag, size_t partitions) override;
  void committed(const flow::Report::Counts& counts) override;
  void aborted() override;
  void restarted() override;
  void restoring(int32_t partition, uint64_t rows, uint64_t total) override;
  void opened(int32_t partition, state::Backend* rows) override;
  void closing(int32_t partition) override;

  const HttpAddress& address() const { return server_->address(); }

 private:
  HttpRoutes routes();
  // What does not wait for state; nullopt: a table's rows are asked for.
  std::optional<HttpReply> answer_at_once(const HttpRequest& request) const;
  HttpReply health() const;
  // The rows of a table; 503 where they may be incomplete for now.
  HttpReply table(const HttpRequest& request) const;
  Figures figures() const;

  const std::string tool_;
  const std::string group_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  Figures figures_;
  std::atomic<int64_t> turned_us_{0};  // when the loop last came round; 0: not yet
  std::atomic<int64_t> late_us_{0};    // when records were last dropped as late; 0: never
  std::atomic<int64_t> lag_{-1};
  std::atomic<size_t> partitions_{0};
  LiveTables tables_;
  std::unique_ptr<HttpServer> server_;  // behind the rest: its threads use it
  Announcement announcement_;
};

}  // namespace kutils::serve
