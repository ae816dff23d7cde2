// kwait WHAT ...: until a topic exists, a group has no lag, a topic has records, a record matches.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/correction.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/nearest_name.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "kafka/partition_reader.h"
#include "kfilter/filter_stage.h"
#include "klag/group_lag.h"

namespace {

using namespace kutils;

constexpr Millis kLook{250};
constexpr Millis kConnectLimit{5'000};

// Whether the condition is true for the current record. A record for which it cannot be evaluated does not
// match.
class Matched final : public flow::Emitter {
 public:
  bool any = false;
  std::string error;  // of the record, if EXPR failed for it
  void emit(const Record*, const Output&) override { any = true; }
  void fail(const Record&, RecordError why) override { error = why.message; }
  void drop(const Record&, flow::DropReason) override {}
};

class WaitTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"kwait",
            "Wait until a topic exists, a group has no lag, a topic has records, one matches.",
            {{"WHAT", true, "topic NAME | lag N GROUP [TOPIC]... |"},
             {.name = "ARG", .help = "records N TOPIC | record EXPR TOPIC", .is_many = true}},
            {{"kwait --timeout 5m lag 0 billing", "all is read"}, {"kwait record 'id == 7' orders"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add(
        {.names = "--timeout",
         .metavar = "D",
         .help = "give up after D, with exit code 1; else wait without limit",
         .by_default = "no limit",
         .example = "kwait --timeout 5m lag 0 billing",
         .in_short_help = true,
         .set = [this](const std::string& text) { timeout_ = parse_duration_option("--timeout", text); }});
    table.add({.names = "--new",
               .help = "records, record: only what is written from now on",
               .example = "kwait --new --timeout 10s records 1 clicks",
               .in_short_help = true,
               .set = [this](const std::string&) { only_new_ = true; }});
    cluster_.declare(table);
    table.add({.names = "-q",
               .help = "print nothing; the exit code is the answer",
               .example = "kwait -q --timeout 5m lag 0 billing",
               .group = cli::Group::general,
               .in_short_help = true,
               .set = [this](const std::string&) { quiet_ = true; }});
  }
  void setup(const cli::Operands& operands) override {
    what_ = operands.get("WHAT");
    arguments_ = operands.rest();
    refuse_swapped();
    if (what_ == "topic") {
      need(1, 1, "NAME");
      name_ = arguments_[0];
    } else if (what_ == "lag") {
      need(2, SIZE_MAX, "N GROUP [TOPIC]...");
      count_ = cli::parse_number("N", arguments_[0], 0, INT64_MAX);
      name_ = arguments_[1];
      if (name_.empty()) throw usage_error("the group's name is empty", "koffset list shows all");
    } else if (what_ == "records") {
      need(2, 2, "N TOPIC");
      count_ = cli::parse_number("N", arguments_[0], 1, INT64_MAX);
      name_ = arguments_[1];
    } else if (what_ == "record") {
      need(2, 2, "EXPR TOPIC");
      count_ = 1;
      name_ = arguments_[1];
      filter_.emplace(FilterPlan{arguments_[0], {}, false});
    } else {
      throw usage_error("kwait cannot wait for '" + what_ + "'",
                        "topic NAME, lag N GROUP, records N TOPIC, record EXPR TOPIC");
    }
    if (only_new_ && what_.rfind("record", 0) != 0)
      throw usage_error("--new is about records; 'kwait " + what_ + "' reads none", "leave it out");
    if (quiet_) log_.emplace("kwait", true);
    client_ = cluster_.config_with_brokers();
  }
  ExitCode run() override {
    try {
      wait();
    } catch (const Error& error) {
      if (!quiet_ || error.code() != ExitCode::answer_is_no) throw;
      return ExitCode::answer_is_no;
    }
    return ExitCode::ok;
  }

 private:
  void wait() {
    if (what_ == "lag") {
      wait_for_lag();
    } else {
      const auto admin = kafka::make_admin(client_);
      admin->connect(kConnectLimit);
      const int32_t partitions = wait_for_topic(*admin);
      if (what_ != "topic") wait_for_records(*admin, partitions);
    }
  }

  // `kwait orders topic`, `kwait lag billing 0`, `kwait record orders 'id == 7'`
  void refuse_swapped() const {
    const auto is_form = [](const std::string& one) {
      return one == "topic" || one == "lag" || one == "records" || one == "record";
    };
    const auto is_number = [](const std::string& one) {
      return !one.empty() && one.find_first_not_of("0123456789") == one.npos;
    };
    const auto is_expression = [](const std::string& one) { return one.find_first_of(" <>=!(") != one.npos; };
    const auto refuse = [](const std::string& why, const std::vector<std::string>& words) {
      throw CorrectedError(why, {.operands = words});
    };
    if (!is_form(what_) && arguments_.size() == 1 && is_form(arguments_[0]))
      refuse("'" + arguments_[0] + "' comes first, then its argument", {arguments_[0], what_});
    if (arguments_.size() < 2) return;
    const std::string &first = arguments_[0], &second = arguments_[1];
    const bool counts = what_ == "lag" || what_ == "records";
    if ((counts && !is_number(first) && is_number(second)) ||
        (what_ == "record" && !is_expression(first) && is_expression(second))) {
      std::vector<std::string> words = {what_, second, first};
      words.insert(words.end(), arguments_.begin() + 2, arguments_.end());
      refuse(counts ? "the number comes before the name" : "the expression comes before the topic", words);
    }
  }

  void need(size_t least, size_t most, const std::string& arguments) const {
    if (arguments_.size() < least || arguments_.size() > most)
      throw usage_error("kwait " + what_ + " takes " + arguments, "kwait --help shows all forms");
  }

  // Throws when the time limit is over; `so_far` says what was seen last.
  void check_time(const std::string& so_far) const {
    if (timeout_ && std::chrono::steady_clock::now() - began_ >= *timeout_)
      throw Error(ExitCode::answer_is_no, "gave up after " + format_duration(*timeout_) + ": " + so_far);
  }
  Millis until_next_look() const {
    if (!timeout_) return kLook;
    const auto left =
        std::chrono::duration_cast<Millis>(began_ + *timeout_ - std::chrono::steady_clock::now());
    return std::clamp(left, Millis(1), kLook);
  }

  int32_t wait_for_topic(kafka::Admin& admin) const {
    while (true) {
      if (const auto topic = admin.find_topic(name_)) return topic->partitions;
      check_time("there is no topic '" + name_ + "'");
      std::this_thread::sleep_for(until_next_look());
    }
  }

  void wait_for_lag() {
    klag::GroupLag group(client_, name_, {arguments_.begin() + 2, arguments_.end()});
    while (true) {
      const auto lag = group.look(SystemClock().wall_ms());
      if (lag && lag->records <= count_) return;
      if (!lag && !std::exchange(has_noted_, true)) {
        // Its tool may not have been started yet. A slip would be waited for silently.
        const std::string near = nearest_name(name_, klag::group_names(client_));
        if (!near.empty())
          log_->note("waiting; group '" + name_ + "' has committed nothing yet. Did you mean '" + near +
                     "'?");
      }
      check_time("group '" + name_ + "' " +
                 (lag ? "has a lag of " + std::to_string(lag->records) : "has committed nothing"));
      std::this_thread::sleep_for(until_next_look());
    }
  }

  // Reads the records, because offsets do not tell how many there are: ends of transactions take offsets,
  // too.
  void wait_for_records(kafka::Admin& admin, int32_t partitions) {
    std::vector<kafka::PartitionOffset> from;
    for (int32_t partition = 0; partition < partitions; ++partition) {
      const TopicPartition at{name_, partition};
      const kafka::Watermarks marks = admin.watermarks(at);
      from.push_back({at, only_new_ ? marks.high : marks.low, {}});
    }
    const auto reader = kafka::make_partition_reader(client_);
    reader->start(from);
    Batch batch;
    for (int64_t found = 0; true;) {
      batch.clear();
      reader->poll(batch, until_next_look());
      for (const Record& record : batch.records()) {
        if (filter_ && !matches(record)) continue;
        if (++found >= count_) return;
      }
      const std::string topic = "topic '" + name_ + "'";
      check_time(filter_ ? "no record of " + topic + " matches"
                         : topic + " has " + std::to_string(found) + " of " + std::to_string(count_) +
                               " records");
    }
  }
  bool matches(const Record& record) {
    Matched matched;
    filter_->process(record, matched);
    // A misspelt field would be waited for silently.
    if (!matched.error.empty() && !std::exchange(has_failed_, true))
      log_->note("a record on which EXPR fails does not match: " + matched.error);
    return matched.any;
  }

  std::string what_, name_;
  std::vector<std::string> arguments_;
  int64_t count_ = 0;
  std::optional<FilterStage> filter_;
  std::optional<Millis> timeout_;
  bool only_new_ = false, quiet_ = false;
  bool has_noted_ = false;
  bool has_failed_ = false;
  std::optional<StderrLog> log_{std::in_place, "kwait", false};
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  cli::ClusterOptions cluster_;
  kafka::ClientConfig client_;
};

}  // namespace

int main(int argc, char** argv) {
  WaitTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
