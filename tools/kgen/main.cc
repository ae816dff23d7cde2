// kgen clicks|taxi|nexmark|LIST [OUT]: synthetic data, and values sent on time.
#include <random>

#include "base/clock.h"
#include "base/correction.h"
#include "base/duration.h"
#include "base/nearest_name.h"
#include "base/time_format.h"
#include "cli/stream_tool.h"
#include "flow/topology/pass_stage.h"
#include "io/paced_source.h"
#include "kgen/cron.h"
#include "kgen/generator_source.h"
#include "kmap/map_stage.h"

namespace {

using namespace kutils;

constexpr size_t kBatch = 4096;
constexpr int64_t kNexmarkBegin = 1'767'225'600'000;  // 2026-01-01
constexpr double kNexmarkRate = 10'000;               // the standard's

// A LIST stands on nothing: fields in it can only be a mistake, or a mistyped name of a generator.
void require_no_fields(const std::string& list, const expr::Options& options) {
  expr::Expressions expressions(options);
  bool fields = false;
  for (const expr::ListItem& item :
       expr::parse_list(list, "WHAT", expr::Unnamed::refused, expr::Paths::allowed)) {
    if (item.kind == expr::ListItem::Kind::field || item.kind == expr::ListItem::Kind::whole)
      expressions.add(item.expression, "WHAT");
    else
      fields = true;
  }
  if (!fields && !expressions.reads_fields()) return;
  std::vector<std::string> names;
  std::string known;
  for (const GeneratorInfo& info : generators()) {
    names.emplace_back(info.name);
    known.append(known.empty() ? "" : ", ").append(info.name);
  }
  const std::string near = nearest_name(list, names);
  throw usage_error("WHAT: '" + list + "' reads fields of a record, and kgen has no records to read",
                    (near.empty() ? "" : "did you mean '" + near + "'? ") + "There are " + known +
                        ", and lists such as 'n=_offset, r=random()'");
}

class GenTool final : public cli::StreamTool {
 public:
  GenTool()
      : StreamTool(
            {.reads_topics = false, .reads_lines = false, .groups = false, .shapes_see_output = true}) {}
  cli::ToolInfo info() const override {
    return {
        "kgen",
        "Make records: synthetic data, or a list of expressions again and again.",
        {{"WHAT", true,
          "clicks, taxi, nexmark, nexmark:KIND, or a LIST as kmap's, evaluated per record; _offset counts from 0",
          true},
         {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
        {{"kgen --rate 100 clicks clicks"}, {"kgen --every 5s 'n=_offset, r=random()' ticks"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--rate",
                 .metavar = "N",
                 .help = "N records a second; else as fast as possible",
                 .by_default = "as fast as possible",
                 .example = "--rate 100",
                 .in_short_help = true,
                 .set = [this](const std::string& text) { rate_ = io::parse_rate(text); }});
    options.add({.names = "--every",
                 .metavar = "D",
                 .help = "one record each D, or as a crontab says: '*/5 * * * *', @hourly",
                 .by_default = "none",
                 .example = "--every 10s",
                 .in_short_help = true,
                 .set = [this](const std::string& text) {
                   if (Cron::is_meant(text))
                     cron_.emplace(text, "--every");
                   else
                     every_ = parse_duration_option("--every", text);
                 }});
    options.add({.names = "--count",
                 .metavar = "N",
                 .help = "end after N records; else never",
                 .by_default = "no limit",
                 .example = "--count 1000",
                 .in_short_help = true,
                 .set = [this](const std::string& text) {
                   count_ = cli::parse_number("--count", text, 0, INT64_MAX);
                 }});
    options.add({.names = "--begin",
                 .metavar = "TIME",
                 .help = "nexmark: when the first event happens; else 2026-01-01",
                 .by_default = "2026-01-01",
                 .example = "kgen --begin 2026-11-20 -c 3 nexmark",
                 .set = [this](const std::string& text) { begin_ = text; }});
    options.add(
        {.names = "--event-rate",
         .metavar = "N",
         .help = "nexmark: N events in a second of their own time; else as --rate, or 10000",
         .by_default = "--rate, else 10000",
         .example = "kgen --event-rate 1000 -c 3 nexmark",
         .set = [this](const std::string& text) { event_rate_ = io::parse_rate(text, "--event-rate"); }});
    options.add({.names = "--out-of-order",
                 .metavar = "N",
                 .help = "nexmark: each N events come in another order; else in order of time",
                 .by_default = "0, in order of time",
                 .example = "kgen --out-of-order 10 -c 30 nexmark",
                 .set = [this](const std::string& text) {
                   out_of_order_ = cli::parse_number("--out-of-order", text, 1, 1'000'000);
                 }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    const std::string what = operands.get("WHAT"), out = operands.find("OUT").value_or("");
    // `kgen 100 clicks`
    if (!what.empty() && what.find_first_not_of("0123456789") == std::string::npos)
      throw CorrectedError("WHAT: '" + what + "' is a number",
                           {.before = "a number of records is: ",
                            .add = {{"-c", what}},
                            .operands = {{find_generator(out) != nullptr ? out : "clicks"}}});
    job_ = shared_.make_job("kgen", std::nullopt, operands.find("OUT"));
    if (every_) {
      if (rate_) throw usage_error("--rate and --every both set the pace; give one of them");
      if (every_->count() == 0)
        throw usage_error("--every 0: the time between two records must be above 0",
                          "give a time such as --every 5s, or leave it out");
      rate_ = 1000.0 / static_cast<double>(every_->count());
    }
    if (cron_ && (rate_ || every_))
      throw usage_error("--rate and --every both set the pace; give one of them");
    // A topic with such a name would be made, and written to without end.
    if (!out.empty() && out.find_first_not_of("0123456789") == std::string::npos)
      throw CorrectedError(
          "OUT: '" + out + "' is a number; a topic of that name is written topic:" + out,
          {.before = "a number of records is: ", .add = {{"-c", out}}, .operands = {{what}}});
    // --seed is shared with random() in expressions; 0: none was given.
    uint64_t seed = shared_.expressions().random_seed;
    if (seed == 0) seed = std::random_device{}();
    const GeneratorInfo* info = find_generator(what);
    const GeneratorOptions generator = generator_options(seed, info);
    if (info) {
      job_.set_stage([](const flow::StageContext&) { return std::make_unique<flow::PassStage>(); });
    } else {
      const MapPlan plan{.list = what, .options = shared_.expressions()};
      require_no_fields(what, plan.options);
      job_.settings.push_back({"LIST", MapStage(plan).canonical()});
      job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<MapStage>(plan); });
    }
    job_.open_lines_in = [info, generator, rate = rate_, cron = cron_,
                          count = count_]() -> std::unique_ptr<io::Source> {
      auto source = std::make_unique<GeneratorSource>(info ? info->make(generator) : make_empty_generator(),
                                                      count, rate || cron ? size_t{1} : kBatch);
      if (cron) return std::make_unique<CronSource>(std::move(source), *cron);
      if (!rate) return source;
      return std::make_unique<io::PacedSource>(std::move(source), *rate);
    };
    shared_.shape(job_);
  }

 private:
  GeneratorOptions generator_options(uint64_t seed, const GeneratorInfo* info) const {
    if (!info || !info->has_times) {
      const char* given = begin_          ? "--begin"
                          : event_rate_   ? "--event-rate"
                          : out_of_order_ ? "--out-of-order"
                                          : nullptr;
      if (given)
        throw usage_error(std::string(given) + ": only nexmark has times of its own",
                          "--time EXPR sets them");
    }
    GeneratorOptions options{
        .seed = seed, .begin_ms = kNexmarkBegin, .events_per_second = kNexmarkRate, .out_of_order = 1};
    if (begin_) {
      const auto ms = parse_time_ms(*begin_, SystemClock().wall_ms());
      if (!ms)
        throw usage_error("--begin: '" + *begin_ + "' is not a time", "2026-01-01T00:00:00Z, now, -1h");
      options.begin_ms = *ms;
    }
    if (event_rate_ || rate_) options.events_per_second = event_rate_ ? *event_rate_ : *rate_;
    if (out_of_order_) options.out_of_order = *out_of_order_;
    if (options.out_of_order % kOutOfOrderStep == 0)
      throw usage_error("--out-of-order: " + std::to_string(options.out_of_order) +
                            " would leave the events in order, as every multiple of " +
                            std::to_string(kOutOfOrderStep),
                        "take " + std::to_string(options.out_of_order + 1));
    return options;
  }

  std::optional<std::string> begin_;
  std::optional<double> event_rate_;
  std::optional<int64_t> out_of_order_;
  std::optional<double> rate_;
  std::optional<Millis> every_;
  std::optional<Cron> cron_;
  std::optional<int64_t> count_;
};

}  // namespace

int main(int argc, char** argv) {
  GenTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
