// kread [IN]: print a topic or a range of it.
#include <re2/re2.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/correction.h"
#include "base/log.h"
#include "base/murmur2.h"
#include "cli/stream_tool.h"
#include "cli/table_input.h"
#include "flow/table/table_stage.h"
#include "flow/topology/forwarding_stage.h"
#include "flow/topology/pass_stage.h"
#include "kafka/admin.h"
#include "kfilter/filter_stage.h"
#include "kread/summary.h"

namespace {

using namespace kutils;

constexpr Millis kConnectLimit{5'000};

// What --count, --stats and --types leave to the other options: which records, and how the summary is printed.
const std::set<std::string> kBesideSummary = {"-b",
                                              "-X",
                                              "-F",
                                              "-q",
                                              "-v",
                                              "--progress",
                                              "--no-progress",
                                              "-o",
                                              "--since",
                                              "--until",
                                              "--local",
                                              "--tail",
                                              "-p",
                                              "-e",
                                              "-c",
                                              "-I",
                                              "--csv-strings",
                                              "--encoding",
                                              "--rate",
                                              "--arg",
                                              "--explain",
                                              "--dot",
                                              "-O",
                                              "--sort",
                                              "--trust-json"};

// What --grep and --key-is choose by, before anything is decoded.
struct Choice {
  std::shared_ptr<const RE2> value;  // null: any
  std::optional<std::string> key;
  int64_t found = 0;  // records of the key

  bool takes(const Record& record) {
    if (key) {
      if (record.key.is_null() || record.key.view() != *key) return false;
      ++found;
    }
    if (!value) return true;
    const std::string_view text = record.value.view();
    return !record.value.is_null() && RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *value);
  }
};

// For a second --grep: grep's -e A -e B finds what matches either. (?i) would hold for all behind it.
std::string either_pattern(const std::vector<std::string>& patterns) {
  std::string out;
  for (const std::string& one : patterns)
    out += (out.empty() ? "" : "|") + (one.find("(?") == one.npos ? one : "(?:" + one + ")");
  return out;
}

class ChoiceStage final : public flow::ForwardingStage {
 public:
  ChoiceStage(std::shared_ptr<Choice> choice, std::unique_ptr<flow::Stage> inner)
      : ForwardingStage(std::move(inner)), choice_(std::move(choice)) {}
  void process(const Record& record, flow::Emitter& out) override {
    if (choice_->takes(record)) return inner_->process(record, out);
    out.drop(record, flow::DropReason::filtered);
  }

 private:
  std::shared_ptr<Choice> choice_;
};

// How many records were read and printed, for a note.
struct ReadCount {
  int64_t read = 0, printed = 0;
};

class CountStage final : public flow::ForwardingStage, private flow::Emitter {
 public:
  CountStage(std::shared_ptr<ReadCount> count, std::unique_ptr<flow::Stage> inner)
      : ForwardingStage(std::move(inner)), count_(std::move(count)) {}
  void process(const Record& record, flow::Emitter& out) override {
    ++count_->read;
    ForwardingStage::process(record, out);
  }

 private:
  flow::Emitter& around(flow::Emitter& out) override {
    out_ = &out;
    return *this;
  }
  void emit(const Record* origin, const Output& output) override {
    ++count_->printed;
    out_->emit(origin, output);
  }
  void fail(const Record& origin, RecordError error) override { out_->fail(origin, std::move(error)); }
  void fail_made(const Record* origin, const Record& made, RecordError error) override {
    out_->fail_made(origin, made, std::move(error));
  }
  void drop(const Record& origin, flow::DropReason reason) override { out_->drop(origin, reason); }
  bool refused() const override { return out_->refused(); }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return out_->too_far_ahead(ms); }

  std::shared_ptr<ReadCount> count_;
  flow::Emitter* out_ = nullptr;
};

class ReadTool final : public cli::StreamTool {
 public:
  ReadTool() : StreamTool({.writes_topics = false, .tables = true}) {}
  cli::ToolInfo info() const override {
    return {"kread",
            "Print a topic, or a range of it: the value of each record and a newline.",
            {{"IN", false, "a topic, ./FILE or - (stdin, the default)"}},
            {{"kread -e --since 1h clicks"}, {"kread -e --where 'number >= 100' --pretty clicks"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--where",
                 .metavar = "EXPR",
                 .help = "only records for which this is true",
                 .by_default = "all records",
                 .example = "--where 'number >= 100'",
                 .in_short_help = true,
                 .joined = cli::joined_by_and,
                 .set = [this](const std::string& text) { where_ = text; }});
    options.add({.names = "--grep",
                 .metavar = "RE",
                 .help = "only records whose value matches; (?i)RE: any case",
                 .by_default = "all records",
                 .example = "--grep '(?i)error'",
                 .in_short_help = true,
                 .joined = either_pattern,
                 .joined_means = "values that match either: ",
                 .set = [this](const std::string& text) { set_pattern(text); }});
    options.add({.names = "--key-is",
                 .metavar = "TEXT",
                 .help = "only records of this key, from the partition that murmur2 gives it",
                 .by_default = "all records",
                 .example = "--key-is 4711",
                 .set = [this](const std::string& text) { choice_->key = text; }});
    options.add({.names = "--latest-per-key",
                 .help = "only the last value of each key: as table:IN with an end",
                 .example = "-e --latest-per-key",
                 .set = [this](const std::string&) { latest_ = true; }});
    const auto summary = [&](const char* name, Summary kind, const char* help) {
      options.add({.names = name,
                   .help = help,
                   .example = "kread -e " + std::string(name) + " clicks",
                   .in_short_help = true,
                   .set = [this, name, kind](const std::string&) { set_summary(name, kind); }});
    };
    summary("--count", Summary::count, "print only how many records there are");
    summary("--stats", Summary::stats, "print rates, times, keys, nulls and sizes, by partition");
    summary("--types", Summary::fields, "print the fields of the values: how often, types, sizes");
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    if (!operands.find("IN")) {
      refuse_topic_as_format();
      refuse_topic_as_column();
    }
    if (summary_) {
      shared_.refuse_given(kBesideSummary, "with " + summary_name_ + " no records are printed",
                           "leave it out");
      if (*summary_ != Summary::count) shared_.prefer_table();
    }
    job_ = shared_.make_job("kread", operands.find("IN"), std::nullopt);
    if (where_) refuse_rows();
    refuse_topic_as_key();
    if (latest_ && !cli::has_end(job_))
      throw usage_error(
          "--latest-per-key needs an end: a later record may have the last value",
          "add -e, -c N or --until TIME; the changes as they come: kread table:" + job_.in.name);
    if (summary_ && !cli::has_end(job_))
      throw CorrectedError(summary_name_ + " is printed at the end, and '" + job_.in.name + "' has none",
                           {.after = "; or give -c N or --until TIME", .add = {{"-e", ""}}});
    // A table that ends is its last values; one that goes on, its changes.
    const bool latest = latest_ || (job_.in.table && cli::has_end(job_));
    std::optional<FilterPlan> plan;
    if (where_) {
      plan = FilterPlan{*where_, shared_.expressions(), false};
      job_.settings.push_back({"--where", FilterStage(*plan, "--where").canonical()});
    }
    if (where_ && job_.max_input && !job_.max_output && !summary_ && !latest)
      count_ = std::make_shared<ReadCount>();
    if (pattern_) job_.settings.push_back({"--grep", pattern_->pattern()});
    if (choice_->key) job_.settings.push_back({"--key-is", *choice_->key});
    if (latest_) job_.settings.push_back({"--latest-per-key", ""});
    job_.set_stage([plan, latest, pattern = pattern_, choice = choice_, summary = summary_, count = count_,
                    is_text = job_.in.is_lines() && shared_.lines_are_text(),
                    same_columns = shared_.writes_cells() && summary_ != Summary::count](
                       const flow::StageContext&) -> std::unique_ptr<flow::Stage> {
      std::unique_ptr<flow::Stage> stage;
      if (plan) {
        stage = std::make_unique<FilterStage>(*plan, "--where");
      } else {
        stage = std::make_unique<flow::PassStage>();
      }
      // Of the last values; --key-is first, for what it leaves out need not be remembered.
      if (pattern) {
        auto by_value = std::make_shared<Choice>();
        by_value->value = pattern;
        stage = std::make_unique<ChoiceStage>(by_value, std::move(stage));
      }
      if (latest) stage = flow::make_latest_values(std::move(stage));
      if (choice->key) stage = std::make_unique<ChoiceStage>(choice, std::move(stage));
      if (count) stage = std::make_unique<CountStage>(count, std::move(stage));
      if (summary) stage = make_summary(*summary, is_text, same_columns, std::move(stage));
      return stage;
    });
    shared_.shape(job_);
  }
  // `-c 2 --where X`, where two that match are meant.
  std::vector<std::string> last_notes() const override {
    if (!count_ || count_->read < *job_.max_input || count_->printed >= count_->read) return {};
    const std::string wanted = std::to_string(*job_.max_input);
    return {
        "-c counts records read: " + std::to_string(count_->read) + " read, " +
        std::to_string(count_->printed) + " printed\n  " +
        shared_.hint({.before = "for " + wanted + " that match: ", .add = {{"-m", wanted}}, .drop = {"-c"}})};
  }
  ExitCode run() override {
    if (!choice_->key || shared_.explains()) return StreamTool::run();
    const std::optional<int32_t> partition = choose_partition();
    const ExitCode code = StreamTool::run();
    if (partition && choice_->found == 0 && code == ExitCode::ok && !shared_.quiet())
      StderrLog("kread", false)
          .note("no record of the key in partition " + std::to_string(*partition) +
                ", where murmur2 puts it; where another partitioner wrote the topic, look at all: -p 0-" +
                std::to_string(partitions_ - 1));
    return code;
  }

 private:
  // `kread -f clicks`, a habit from tail -f, or -f among bundled options: kread would wait for lines from the
  // terminal.
  void refuse_topic_as_format() const {
    const std::string* format = shared_.line_template();
    if (!format || format->find_first_of("%\\") != std::string::npos) return;
    throw CorrectedError(
        "-f is the format of a record, and '" + *format + "' would print the same for each; IN is missing",
        {.before = "a topic is an operand, and read as it grows: ", .drop = {"-f"}, .operands = {{*format}}});
  }
  // `kread -O table --sort scores`: IN is a terminal then, which is hardly meant.
  void refuse_topic_as_column() const {
    const std::string& column = shared_.sort_column();
    if (column.empty() || isatty(STDIN_FILENO) != 1) return;
    throw CorrectedError("--sort takes a column, and '" + column + "' is taken for it; IN is missing",
                         {.add = {{"--sort", "COLUMN"}}, .operands = {{column}}});
  }
  // `kread --key clicks`, as the console consumer prints keys.
  void refuse_topic_as_key() const {
    const std::optional<std::string>& key = shared_.key_expression();
    if (!key || shared_.output_shows_keys(job_) || (!job_.in.is_topic() && !io::is_topic_name(*key))) return;
    Correction meant;
    meant.before = "keys are printed, with a tab behind each, by: ";
    meant.add = {{"-K", "\\t"}};
    if (!job_.in.is_topic()) {
      meant.drop = {"--key"};
      meant.operands = {*key};
    }
    throw CorrectedError(
        "--key EXPR gives records another key, and the lines that are written show none" +
            std::string(meant.operands ? "" : "; records of one key are chosen by --key-is TEXT"),
        meant);
  }
  void refuse_rows() const {
    if (!job_.in.table) return;
    throw CorrectedError("--where chooses records, and table:" + job_.in.name + " is read as rows",
                         {.before = "kfilter chooses rows: ",
                          .tool = "kfilter",
                          .drop = {"--where"},
                          .operands = {{*where_, "table:" + job_.in.name}}});
  }
  void set_summary(const std::string& name, Summary kind) {
    if (summary_ && summary_name_ != name)
      throw usage_error(summary_name_ + " and " + name + " exclude each other", "leave one of the two out");
    summary_name_ = name;
    summary_ = kind;
  }
  void set_pattern(const std::string& text) {
    RE2::Options options(RE2::Latin1);  // bytes, whatever they are
    options.set_log_errors(false);
    auto pattern = std::make_shared<RE2>(text, options);
    if (!pattern->ok()) throw usage_error("--grep " + text + ": " + pattern->error(), "the syntax is RE2's");
    pattern_ = std::move(pattern);
  }
  // Only the partition that can hold the key is read, where one topic is read and the user did not choose. A
  // group shares out all partitions.
  std::optional<int32_t> choose_partition() {
    const bool is_one = job_.in.kind == io::EndpointKind::topic && job_.in.topics.size() <= 1;
    if (!is_one || !job_.range.partitions.empty() || job_.group_is_explicit) return std::nullopt;
    const auto admin = kafka::make_admin(job_.client);
    admin->connect(kConnectLimit);
    const auto topic = admin->find_topic(job_.in.name);
    if (!topic || topic->partitions <= 0) return std::nullopt;  // the run says so
    partitions_ = topic->partitions;
    const int32_t partition = murmur2_partition(*choice_->key, partitions_);
    job_.range.partitions = {partition};
    return partition;
  }

  std::optional<std::string> where_;
  std::shared_ptr<const RE2> pattern_;
  const std::shared_ptr<Choice> choice_ = std::make_shared<Choice>();  // by key
  std::shared_ptr<ReadCount> count_;                                   // null: nothing is to be noted
  bool latest_ = false;
  std::optional<Summary> summary_;
  std::string summary_name_;
  int32_t partitions_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  ReadTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
