#include "serve/run_views.h"

#include <algorithm>

namespace kutils::serve {
namespace {

// A loop that did not come round for so long hangs, or its broker does.
constexpr int64_t kStuckUs = 30'000'000;
// Records that were dropped as late are worth a look for so long.
constexpr int64_t kLateUs = 60'000'000;
constexpr std::string_view kTable = "/table/";

// Supervisors ask without a token; it says nothing of the records.
bool is_health(const std::string& path) { return path == "/health" || path == "/healthz"; }

uint64_t late_of(const flow::Report::Counts& counts) {
  return counts.drops[static_cast<size_t>(flow::DropReason::late)];
}

}  // namespace

RunViews::RunViews(const HttpAddress& address, std::string tool, std::string group, const Clock& clock,
                   HttpAccess access, const std::string& state_dir)
    : tool_(std::move(tool)),
      group_(std::move(group)),
      clock_(clock),
      tables_(group_),
      server_(std::make_unique<HttpServer>(address, routes(), std::move(access))),
      announcement_(state_dir, server_->address()) {}

HttpRoutes RunViews::routes() {
  return {[this](const HttpRequest& request) { return answer_at_once(request); },
          [this](const HttpRequest& request) { return table(request); }, is_health};
}

void RunViews::turned(std::optional<int64_t> lag, size_t partitions) {
  turned_us_.store(clock_.steady_us(), std::memory_order_relaxed);
  lag_.store(lag.value_or(-1), std::memory_order_relaxed);
  partitions_.store(partitions, std::memory_order_relaxed);
}

void RunViews::committed(const flow::Report::Counts& counts) {
  const std::lock_guard lock(mutex_);
  if (late_of(counts) > late_of(figures_.counts)) late_us_ = std::max<int64_t>(clock_.steady_us(), 1);
  figures_.counts = counts;
  ++figures_.commits;
}

void RunViews::aborted() {
  const std::lock_guard lock(mutex_);
  ++figures_.aborted;
}

void RunViews::restarted() {
  const std::lock_guard lock(mutex_);
  ++figures_.restarted;
}

void RunViews::restoring(int32_t partition, uint64_t rows, uint64_t total) {
  const std::lock_guard lock(mutex_);
  figures_.restores[partition] = {rows, total, false};
}

void RunViews::opened(int32_t partition, state::Backend* rows) {
  {
    const std::lock_guard lock(mutex_);
    figures_.restores[partition].done = true;
  }
  if (rows != nullptr) tables_.add(partition, *rows);
}

void RunViews::closing(int32_t partition) {
  tables_.remove(partition);
  const std::lock_guard lock(mutex_);
  figures_.restores.erase(partition);
}

Figures RunViews::figures() const {
  Figures copy;
  {
    const std::lock_guard lock(mutex_);
    copy = figures_;
  }
  const int64_t lag = lag_.load(std::memory_order_relaxed);
  if (lag >= 0) copy.lag = lag;
  copy.partitions = partitions_.load(std::memory_order_relaxed);
  return copy;
}

HttpReply RunViews::table(const HttpRequest& request) const {
  const Figures before = figures();  // what is restored meanwhile may not be in the answer
  HttpReply reply = tables_.answer(request.path.substr(kTable.size()), request, clock_.wall_ms());
  // All keys that were asked for are there.
  if (reply.status == 200 && request.parameters.count("key") > 0) return reply;
  for (const auto& [partition, restore] : before.restores) {
    if (restore.done || reply.status == 400) continue;
    return {503, HttpReply().type,
            "partition " + std::to_string(partition) + " is being restored: " + std::to_string(restore.rows) +
                " of at most " + std::to_string(restore.total) + " rows\nask again when /health says ok\n"};
  }
  if (reply.status == 404 && reply.type != LiveTables::kLines && tables_.size() == 0)
    return {503, HttpReply().type,
            "this process holds no partition now: it is starting, or others of its group have all\n"
            "ask again in a moment, or another instance of the group\n"};
  return reply;
}

HttpReply RunViews::health() const {
  const int64_t turned = turned_us_.load(std::memory_order_relaxed);
  const Figures now = figures();
  bool is_restoring = false;
  for (const auto& [partition, restore] : now.restores) is_restoring |= !restore.done;
  const bool is_stuck = turned != 0 && clock_.steady_us() - turned > kStuckUs;
  const int64_t late_us = late_us_.load(std::memory_order_relaxed);
  const bool drops = late_us != 0 && clock_.steady_us() - late_us < kLateUs;
  const char* status = is_stuck       ? "stuck"
                       : is_restoring ? "restoring"
                       : turned == 0  ? "starting"
                       : drops        ? "degraded"
                                      : "ok";
  std::string body =
      std::string("{\"status\":\"") + status + "\",\"partitions\":" + std::to_string(now.partitions);
  if (now.lag) body += ",\"lag\":" + std::to_string(*now.lag);
  if (const uint64_t late = late_of(now.counts); late > 0) body += ",\"late\":" + std::to_string(late);
  return {is_stuck ? 503 : 200, "application/json", body + "}\n"};
}

std::optional<HttpReply> RunViews::answer_at_once(const HttpRequest& request) const {
  if (request.path == "/metrics")
    return HttpReply{200, "text/plain; version=0.0.4; charset=utf-8",
                     prometheus_text(figures(), tool_, group_)};
  if (is_health(request.path)) return health();
  if (request.path.rfind(kTable, 0) == 0) return std::nullopt;
  return HttpReply{404, HttpReply().type, "there is /metrics, /health, /table/NAME\n"};
}

}  // namespace kutils::serve
