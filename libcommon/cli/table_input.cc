#include "cli/table_input.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "flow/table/map_store.h"
#include "flow/table/table_stage.h"

namespace kutils::cli {
namespace {

// A stage with the rows that it needs to outlive it.
class WithRows final : public flow::Stage {
 public:
  WithRows(std::unique_ptr<flow::MapStore> rows, std::unique_ptr<flow::Stage> inner)
      : rows_(std::move(rows)), inner_(std::move(inner)) {}
  void process(const Record& record, flow::Emitter& out) override { inner_->process(record, out); }
  void flush(flow::Emitter& out) override { inner_->flush(out); }
  bool keeps_records() const override { return inner_->keeps_records(); }
  void close(flow::Emitter& out) override { inner_->close(out); }

 private:
  std::unique_ptr<flow::MapStore> rows_;
  std::unique_ptr<flow::Stage> inner_;
};

[[noreturn]] void become_stateful(const std::string& tool) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string other = (self.parent_path().parent_path() / "libexec" / "kutils" / tool).string();
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  std::vector<char*> arguments;
  for (size_t at = 0; at < bytes.size(); at += std::strlen(bytes.data() + at) + 1)
    arguments.push_back(bytes.data() + at);
  arguments.push_back(nullptr);
  execv(other.c_str(), arguments.data());
  throw usage_error("cannot start " + other + ": " + std::strerror(errno),
                    "it belongs to the installation: " + tool + " with state");
}

}  // namespace

bool has_end(const flow::Job& job) {
  return job.in.is_lines() || job.range.exit_at_end || job.max_input || !job.range.until.empty();
}

void read_table(flow::Job& job, const std::function<void(flow::Job&)>& give_state) {
  if (!job.in.table) return;
  if (job.in.is_topic() && job.out.is_topic()) {
    if (!give_state) become_stateful(job.tool);
    job.topology.last().has_state = true;
    give_state(job);
  }
  flow::StageFactory& make = job.topology.last().make;
  if (job.out.is_lines() && has_end(job)) {
    make = [inner = make](const flow::StageContext& context) {
      return flow::make_latest_values(inner(context));
    };
    return;
  }
  make = [inner = make](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
    if (context.store != nullptr) return flow::make_table_view(inner(context), *context.store);
    auto rows = std::make_unique<flow::MapStore>();
    auto view = flow::make_table_view(inner(context), *rows);
    return std::make_unique<WithRows>(std::move(rows), std::move(view));
  };
}

}  // namespace kutils::cli
