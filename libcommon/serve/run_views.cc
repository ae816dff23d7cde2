#include "serve/run_views.h"

#include <algorithm>
#include <filesystem>

#include "serve/status_page.h"
#include "state/layout.h"

namespace kutils::serve {
namespace {

// A loop that did not come round for so long hangs, or its broker does.
constexpr int64_t kStuckUs = 30'000'000;
// Records that were dropped as late are worth a look for so long.
constexpr int64_t kLateUs = 60'000'000;
constexpr std::string_view kTable = "/table/";

// Supervisors ask without a token; it says nothing of the records.
bool is_health(const std::string& path) {
  return path == "/health" || path == "/healthz" || path == "/readyz";
}
constexpr int64_t kSampleUs = 1'000'000;
constexpr size_t kMostSamples = 300;

// Of the group's files on this machine.
uint64_t bytes_of_state(const std::string& state_dir, const std::string& group) {
  uint64_t bytes = 0;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator it(state::group_directory(state_dir, group), failed),
       end;
       !failed && it != end; it.increment(failed)) {
    std::error_code gone;  // files come and go
    const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

uint64_t late_of(const flow::Report::Counts& counts) {
  return counts.drops[static_cast<size_t>(flow::DropReason::late)];
}

}  // namespace

RunViews::RunViews(const HttpAddress& address, RunAbout about, const Clock& clock, HttpAccess access,
                   const std::string& state_dir)
    : about_(std::move(about)),
      started_ms_(clock.wall_ms()),
      state_dir_(state_dir),
      clock_(clock),
      tables_(about_.group),
      advertised_(access.advertised),
      server_(std::make_unique<HttpServer>(address, routes(), std::move(access))),
      served_at_(to_string(reachable_address(server_->address(), advertised_))),
      announcement_(state_dir, server_->address()) {}

HttpRoutes RunViews::routes() {
  return {[this](const HttpRequest& request) { return answer_at_once(request); },
          [this](const HttpRequest& request) { return request.path == "/" ? page() : table(request); },
          is_health};
}

void RunViews::turned(std::optional<int64_t> lag, size_t partitions) {
  turned_us_.store(clock_.steady_us(), std::memory_order_relaxed);
  lag_.store(lag.value_or(-1), std::memory_order_relaxed);
  partitions_.store(partitions, std::memory_order_relaxed);
  const int64_t now_us = clock_.steady_us();
  if (sampled_us_ != 0 && now_us - sampled_us_ < kSampleUs) return;
  sampled_us_ = now_us;
  const std::lock_guard lock(mutex_);
  samples_.push_back({now_us, figures_.counts.in, figures_.counts.out, lag.value_or(-1)});
  if (samples_.size() > kMostSamples) samples_.pop_front();
}

void RunViews::commit_done(const flow::CommitNews& news) {
  const std::lock_guard lock(mutex_);
  figures_.commit_times.add(static_cast<double>(news.took_us) / 1e6);
  if (news.record_time_ms >= 0)
    figures_.record_time_ms = std::max(figures_.record_time_ms.value_or(0), news.record_time_ms);
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
  if (rows == nullptr) return;
  has_state_files_ = true;
  tables_.add(partition, *rows);
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
  if (has_state_files_) copy.state_bytes = bytes_of_state(state_dir_, about_.group);
  copy.process = process_figures();
  copy.started_ms = started_ms_;
  copy.version = about_.version;
  return copy;
}

HttpReply RunViews::table(const HttpRequest& request) const {
  const Figures before = figures();  // what is restored meanwhile may not be in the answer
  auto [reply, is_complete] = tables_.answer(request.path.substr(kTable.size()), request, clock_.wall_ms());
  // All keys that were asked for are there.
  if (is_complete || (reply.status == 200 && request.parameters.count("key") > 0)) return reply;
  for (const auto& [partition, restore] : before.restores) {
    if (restore.done || reply.status == 400) continue;
    return {503, HttpReply().type,
            "partition " + std::to_string(partition) + " is being restored: " + std::to_string(restore.rows) +
                " of at most " + std::to_string(restore.total) + " rows\nask again when /readyz says ok\n"};
  }
  if (reply.status == 404 && reply.type != LiveTables::kLines && tables_.size() == 0)
    return {503, HttpReply().type,
            "this process holds no partition now: it is starting, or others of its group have all\n"
            "ask again in a moment, or another instance of the group\n"};
  return reply;
}

const char* RunViews::status(const Figures& now) const {
  const int64_t turned = turned_us_.load(std::memory_order_relaxed);
  bool is_restoring = false;
  for (const auto& [partition, restore] : now.restores) is_restoring |= !restore.done;
  const int64_t late_us = late_us_.load(std::memory_order_relaxed);
  const bool drops = late_us != 0 && clock_.steady_us() - late_us < kLateUs;
  if (turned != 0 && clock_.steady_us() - turned > kStuckUs) return "stuck";
  return is_restoring ? "restoring" : turned == 0 ? "starting" : drops ? "degraded" : "ok";
}

HttpReply RunViews::health(bool asks_if_ready) const {
  const Figures now = figures();
  const std::string_view word = status(now);
  std::string body =
      "{\"status\":\"" + std::string(word) + "\",\"partitions\":" + std::to_string(now.partitions);
  if (now.lag) body += ",\"lag\":" + std::to_string(*now.lag);
  if (const uint64_t late = late_of(now.counts); late > 0) body += ",\"late\":" + std::to_string(late);
  // Alive is what a restart would not help; ready is who answers and processes.
  const bool is_well = word != "stuck" && !(asks_if_ready && (word == "starting" || word == "restoring"));
  return {is_well ? 200 : 503, "application/json", body + "}\n"};
}

HttpReply RunViews::page() const {
  PageFacts facts{about_, figures(), {}, {}, {}};
  facts.status = status(facts.figures);
  facts.tables = tables_.first_rows(kRowsOfPage, clock_.wall_ms());
  facts.now_ms = clock_.wall_ms();
  const std::lock_guard lock(mutex_);
  facts.samples.assign(samples_.begin(), samples_.end());
  return {200, "text/html; charset=utf-8", status_page(facts)};
}

std::optional<HttpReply> RunViews::answer_at_once(const HttpRequest& request) const {
  if (request.path == "/metrics")
    return HttpReply{200, "text/plain; version=0.0.4; charset=utf-8",
                     prometheus_text(figures(), about_.tool, about_.group)};
  if (is_health(request.path)) return health(request.path == "/readyz");
  if (request.path == "/" || request.path.rfind(kTable, 0) == 0) return std::nullopt;
  return HttpReply{404, HttpReply().type, "paths are /, /metrics, /healthz, /readyz, /table/NAME\n"};
}

}  // namespace kutils::serve
