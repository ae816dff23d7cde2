#include "serve/metrics.h"

#include <utility>
#include <vector>

namespace kutils::serve {
namespace {

std::string escaped(const std::string& label) {
  std::string out;
  for (const char c : label) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

class Text {
 public:
  Text(const std::string& tool, const std::string& group) {
    common_ = "tool=\"" + escaped(tool) + "\"";
    if (!group.empty()) common_ += ",group=\"" + escaped(group) + "\"";
  }
  void family(const char* name, const char* type, const char* help) {
    name_ = std::string("kutils_") + name;
    out_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  void value(const std::string& number, const char* label = nullptr, const std::string& of = {}) {
    out_ += name_ + "{" + common_;
    if (label != nullptr) out_ += std::string(",") + label + "=\"" + escaped(of) + "\"";
    out_ += "} " + number + "\n";
  }
  void counter(const char* name, const char* help, uint64_t number) {
    family(name, "counter", help);
    value(std::to_string(number));
  }
  void gauge(const char* name, const char* help, const std::string& number) {
    family(name, "gauge", help);
    value(number);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string common_, name_, out_;
};

}  // namespace

std::string prometheus_text(const Figures& figures, const std::string& tool, const std::string& group) {
  Text text(tool, group);
  const flow::Report::Counts& counts = figures.counts;
  text.counter("records_in_total", "Records read and committed.", counts.in);
  text.counter("records_out_total", "Records written and committed.", counts.out);
  text.counter("records_dead_lettered_total", "Records written to the dead letters.", counts.dead_letters);
  text.counter("records_repeated_total", "Records that came again and were ignored.", counts.repeated);
  text.family("records_failed_total", "counter", "Records that could not be processed, by reason.");
  for (const auto& [reason, number] : counts.failures_by_reason)
    text.value(std::to_string(number), "reason", reason);
  text.family("records_dropped_total", "counter", "Records not passed on, by reason.");
  for (size_t i = 0; i < counts.drops.size(); ++i)
    text.value(std::to_string(counts.drops[i]), "reason", flow::to_string(static_cast<flow::DropReason>(i)));
  text.counter("commits_total", "Commits; transactions where there are any.", figures.commits);
  text.counter("transactions_aborted_total", "Aborted transactions, whose records came again.",
               figures.aborted);
  text.counter("worker_restarts_total", "Times that the worker was rebuilt after a fatal error.",
               figures.restarted);
  text.gauge("partitions", "Partitions assigned to this process.", std::to_string(figures.partitions));
  if (figures.lag)
    text.gauge("lag_records", "Records between the position and the end, assigned partitions.",
               std::to_string(*figures.lag));
  if (!figures.restores.empty()) {
    text.family("restored_rows_total", "counter", "Changelog records read to restore a partition's state.");
    for (const auto& [partition, restore] : figures.restores)
      text.value(std::to_string(restore.rows), "partition", std::to_string(partition));
    text.family("restore_remaining_rows", "gauge", "Changelog records still to be read.");
    for (const auto& [partition, restore] : figures.restores)
      text.value(
          std::to_string(restore.done || restore.rows >= restore.total ? 0 : restore.total - restore.rows),
          "partition", std::to_string(partition));
  }
  return text.take();
}

}  // namespace kutils::serve
