#include "serve/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>
#include <vector>

namespace kutils::serve {
namespace {

// As short as it can be, and as exact as it need be.
std::string decimal(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.10g", number);
  return text.data();
}
std::string seconds_of(int64_t ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%lld.%03lld", static_cast<long long>(ms / 1000),
                static_cast<long long>(ms % 1000));
  return text.data();
}

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
  void histogram(const char* name, const char* help, const CommitTimes& times) {
    family(name, "histogram", help);
    uint64_t all = 0;
    for (size_t i = 0; i < times.counts.size(); ++i) {
      all += times.counts[i];
      const std::string bound = i < CommitTimes::kBounds.size() ? decimal(CommitTimes::kBounds[i]) : "+Inf";
      out_ += name_ + "_bucket{" + common_ + ",le=\"" + bound + "\"} " + std::to_string(all) + "\n";
    }
    out_ += name_ + "_sum{" + common_ + "} " + decimal(times.sum) + "\n";
    out_ += name_ + "_count{" + common_ + "} " + std::to_string(all) + "\n";
  }
  // Of the process: names and form that all programs share.
  void process(const char* name, const char* type, const char* help, const std::string& number) {
    const std::string whole = std::string("process_") + name;
    out_ += "# HELP " + whole + " " + help + "\n# TYPE " + whole + " " + type + "\n" + whole + " " + number +
            "\n";
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
  text.histogram("commit_duration_seconds", "Time that commits took.", figures.commit_times);
  text.counter("transactions_aborted_total", "Aborted transactions, whose records came again.",
               figures.aborted);
  text.counter("worker_restarts_total", "Times that the worker was rebuilt after a fatal error.",
               figures.restarted);
  text.gauge("partitions", "Partitions assigned to this process.", std::to_string(figures.partitions));
  if (figures.lag)
    text.gauge("lag_records", "Records between the position and the end, assigned partitions.",
               std::to_string(*figures.lag));
  if (figures.record_time_ms)
    text.gauge("stream_time_seconds",
               "Largest time of the records processed; time() minus it is how old they are.",
               seconds_of(*figures.record_time_ms));
  if (figures.state_bytes)
    text.gauge("state_bytes", "Bytes of files of the group's state on this machine.",
               std::to_string(*figures.state_bytes));
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
  if (!figures.version.empty()) {
    text.family("build_info", "gauge", "Which version runs; always 1.");
    text.value("1", "version", figures.version);
  }
  text.process("cpu_seconds_total", "counter", "CPU time of the process.",
               decimal(figures.process.cpu_seconds));
  text.process("resident_memory_bytes", "gauge", "Memory that the process has.",
               std::to_string(figures.process.resident_bytes));
  text.process("start_time_seconds", "gauge", "When the process began, since the epoch.",
               seconds_of(figures.started_ms));
  return text.take();
}

void CommitTimes::add(double seconds) {
  sum += seconds;
  ++counts[static_cast<size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin())];
}

ProcessFigures process_figures() {
  ProcessFigures out;
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    out.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  }
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  if (file >> size >> resident) out.resident_bytes = resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return out;
}

}  // namespace kutils::serve
