// The HTTP side of a run: a page, /metrics, /healthz, /readyz, /table/NAME. Told by the run loop what happens
// (flow/run/observer.h), asked by HTTP threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "flow/run/commit_observer.h"
#include "flow/run/observer.h"
#include "serve/announcement.h"
#include "serve/http.h"
#include "serve/live_tables.h"
#include "serve/metrics.h"

namespace kutils::serve {

// What does not change while it runs.
struct RunAbout {
  std::string tool;
  std::string group;  // may be empty
  std::string version = {};
  std::string topology = {};  // as --explain says it
  std::vector<std::pair<std::string, std::string>> settings =
      {};  // what the group stores of its configuration
};

// A look at the figures, of which the page draws lines.
struct Sample {
  int64_t steady_us = 0;
  uint64_t in = 0, out = 0;
  int64_t lag = -1;  // -1: not known
};

class RunViews final : public flow::RunObserver, public flow::CommitObserver {
 public:
  // `clock` outlives it. Throws usage_error if the address cannot be bound. In `state_dir` it is announced
  // where to ask; empty: nowhere.
  RunViews(const HttpAddress& address, RunAbout about, const Clock& clock, HttpAccess access = {},
           const std::string& state_dir = {});

  std::string served_at() const override { return served_at_; }
  void planned(const std::vector<flow::StatesOfTopic>& states) override { tables_.know(states); }
  void turned(std::optional<int64_t> lag, size_t partitions) override;
  void committed(const flow::Report::Counts& counts) override;
  void commit_done(const flow::CommitNews& news) override;
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
  // "ok", "starting", "restoring", "stuck", "degraded"
  const char* status(const Figures& now) const;
  HttpReply health(bool asks_if_ready) const;
  HttpReply page() const;
  // The rows of a table; 503 where they may be incomplete for now.
  HttpReply table(const HttpRequest& request) const;
  Figures figures() const;

  const RunAbout about_;
  const int64_t started_ms_;
  const std::string state_dir_;
  std::atomic<bool> has_state_files_{false};
  const Clock& clock_;
  mutable std::mutex mutex_;
  Figures figures_;
  std::deque<Sample> samples_;         // one a second, of the last minutes; by mutex_
  int64_t sampled_us_ = 0;             // the run loop's
  std::atomic<int64_t> turned_us_{0};  // when the loop last came round; 0: not yet
  std::atomic<int64_t> late_us_{0};    // when records were last dropped as late; 0: never
  std::atomic<int64_t> lag_{-1};
  std::atomic<size_t> partitions_{0};
  LiveTables tables_;
  const std::optional<HttpAddress> advertised_;
  std::unique_ptr<HttpServer> server_;  // behind the rest: its threads use it
  const std::string served_at_;
  Announcement announcement_;
};

}  // namespace kutils::serve
