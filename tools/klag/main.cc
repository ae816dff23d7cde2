// klag GROUP [TOPIC...]: how far a group is behind, in records and in time.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "data/json_write.h"
#include "io/line_sink.h"
#include "klag/group_lag.h"

namespace {

using namespace kutils;

constexpr Millis kLeastPause{10};

class LagTool final : public cli::Tool {
 public:
  LagTool() : format_(io::parse_line_format("table", "-O")) {}
  cli::ToolInfo info() const override {
    return {"klag",
            "How far a group is behind, in records and in time: per partition and in total.",
            {{"GROUP", true, "the consumer group"},
             {.name = "TOPIC", .help = "these only; else all of which the group committed", .is_many = true}},
            {{"klag billing"}, {"klag --max-records 10000 --max-age 5m -q billing", "for cron: 1 if above"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--max-records",
               .metavar = "N",
               .help = "exit code 1 if more records wait in total",
               .by_default = "no limit",
               .example = "--max-records 1000",
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 max_records_ = cli::parse_number("--max-records", text, 0, INT64_MAX);
               }});
    table.add({.names = "--max-age",
               .metavar = "D",
               .help = "exit code 1 if an unread record is older than D",
               .by_default = "no limit",
               .example = "--max-age 5m",
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 max_age_ms_ = parse_duration_option("--max-age", text).count();
               }});
    table.add({.names = "--watch",
               .metavar = "D",
               .help = "look again each D, until stopped",
               .by_default = "it looks once",
               .example = "--watch 10s",
               .in_short_help = true,
               .set = [this](const std::string& text) { watch_ = parse_duration_option("--watch", text); }});
    table.add({.names = "--total",
               .help = "the total only",
               .example = "klag --total billing",
               .in_short_help = true,
               .set = [this](const std::string&) { total_only_ = true; }});
    table.add({.names = "-O",
               .metavar = "FORMAT",
               .help = "lines written: table (default), json csv tsv",
               .by_default = "table",
               .example = "-O json",
               .in_short_help = true,
               .set = [this](const std::string& text) { format_ = io::parse_line_format(text, "-O"); },
               .choices = {"table", "json", "csv", "tsv"}});
    cluster_.declare(table);
    table.add({.names = "-q",
               .help = "print nothing; the exit code is the answer",
               .example = "klag -q --max-age 5m billing",
               .group = cli::Group::general,
               .in_short_help = true,
               .set = [this](const std::string&) { quiet_ = true; }});
  }
  void setup(const cli::Operands& operands) override {
    group_ = operands.get("GROUP");
    if (group_.empty()) throw usage_error("the group's name is empty", "koffset list shows all");
    topics_ = operands.rest();
    io::check_output_format(format_);
    const bool judges = max_records_ || max_age_ms_;
    if (watch_ && judges)
      throw usage_error("--watch runs until it is stopped; --max-records and --max-age need one answer",
                        "leave out --watch, or read the total: klag --watch 10s --total -O json GROUP");
    if (watch_ && watch_->count() == 0) throw usage_error("--watch needs a time above 0", "write --watch 5s");
    if (quiet_ && !judges)
      throw usage_error("-q prints nothing, and no threshold is given", "add --max-records N or --max-age D");
    client_ = cluster_.config_with_brokers();
  }
  ExitCode run() override {
    klag::GroupLag group(client_, group_, topics_);
    const SystemClock clock;
    bool in_outage = false;
    while (true) {
      std::optional<klag::Lag> lag;
      try {
        lag = group.look(clock.wall_ms());
      } catch (const Error& error) {
        // With --watch an outage is waited out.
        if (!watch_ || error.code() != ExitCode::connection) throw;
        if (!in_outage)
          log_.note(std::string(error.what()) + "; looking again each " + format_duration(*watch_));
        in_outage = true;
        pause();
        continue;
      }
      if (std::exchange(in_outage, false)) log_.note("the brokers answer again");
      if (!lag) {
        const std::string what =
            "group '" + group_ + "' has committed nothing" +
            (topics_.empty()
                 ? ""
                 : " of " + (topics_.size() == 1 ? "'" + topics_[0] + "'" : std::string("these topics")));
        if (topics_.empty()) cli::refuse_group(what, group_, klag::group_names(client_));
        throw usage_error(what, cli::kGroupNames);
      }
      if (!quiet_ && !print(*lag)) return static_cast<ExitCode>(128 + 13);  // as one that SIGPIPE ended
      if (!watch_)
        return (max_records_ && lag->records > *max_records_) || (max_age_ms_ && lag->age_ms > *max_age_ms_)
                   ? ExitCode::answer_is_no
                   : ExitCode::ok;
      pause();
    }
  }

 private:
  void pause() const { std::this_thread::sleep_for(std::max(*watch_, kLeastPause)); }
  // Looks go below each other, but for a table on a terminal, which is drawn again in place.
  bool draws_in_place() const {
    const char* terminal = std::getenv("TERM");
    return watch_ && format_.name() == "table" && isatty(STDOUT_FILENO) == 1 && terminal &&
           std::string_view(terminal) != "dumb";
  }
  // False: the reader of standard output is gone.
  bool print(const klag::Lag& lag) {
    const bool in_place = draws_in_place();
    if (!out_ || !in_place) {
      io::LineFormat format = format_;
      format.live = format.newest_rows = in_place;
      out_ = io::make_line_sink(STDOUT_FILENO, false, "standard output", format);
    }
    const auto put = [&](const std::string& json, const std::string& place) {
      Output row;
      row.key = std::string_view(place);
      row.value = std::string_view(json);
      if (const auto refused = out_->write(nullptr, row)) throw Error(ExitCode::bad_record, refused->message);
    };
    try {
      const auto put_partitions = [&] {
        if (total_only_) return;
        for (const klag::PartitionLag& at : lag.partitions)
          put(row_of(at), at.at.topic + " " + std::to_string(at.at.partition));
      };
      if (!in_place) put_partitions();
      // In a table for people the last line names itself, as no topic can be called; programs know it by its nulls.
      const std::string total =
          format_.name() == "table"
              ? "{\"topic\":\"(total)\",\"partition\":\"\",\"committed\":\"\",\"end\":\"\","
              : "{\"topic\":null,\"partition\":null,\"committed\":null,\"end\":null,";
      put(total + lag_of(lag.records, lag.age_ms), "");
      // The screen may be too small for all partitions: the total stands first there.
      if (in_place) put_partitions();
      out_->flush();
      if (!in_place) out_->close();
    } catch (const io::ReaderGone&) {
      return false;
    }
    return true;
  }
  std::string row_of(const klag::PartitionLag& at) const {
    std::string json = "{\"topic\":";
    append_json_string(at.at.topic, json);
    json += ",\"partition\":" + std::to_string(at.at.partition) +
            ",\"committed\":" + (at.committed ? std::to_string(*at.committed) : "null") +
            ",\"end\":" + std::to_string(at.end) + ",";
    return json + lag_of(at.records, at.age_ms);
  }
  // People read durations, programs read milliseconds.
  std::string lag_of(int64_t records, int64_t age_ms) const {
    const std::string lag = "\"lag\":" + std::to_string(records);
    if (format_.name() == "table")
      return lag + ",\"age\":\"" + format_duration(std::chrono::milliseconds(age_ms)) + "\"}";
    return lag + ",\"age_ms\":" + std::to_string(age_ms) + "}";
  }

  std::string group_;
  std::vector<std::string> topics_;
  std::optional<int64_t> max_records_, max_age_ms_;
  std::optional<Millis> watch_;
  bool total_only_ = false, quiet_ = false;
  io::LineFormat format_;
  std::unique_ptr<io::Sink> out_;
  StderrLog log_{"klag", false};
  cli::ClusterOptions cluster_;
  kafka::ClientConfig client_;
};

}  // namespace

int main(int argc, char** argv) {
  LagTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
