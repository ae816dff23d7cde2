// kgen clicks|taxi|LIST [OUT]: synthetic data, and values sent on time.
#include <charconv>
#include <random>

#include "base/duration.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "flow/pass_stage.h"
#include "flow/run.h"
#include "kgen/generator_source.h"
#include "kmap/map_stage.h"
#include "kwrite/paced_source.h"

namespace {

using namespace kutils;

constexpr size_t kBatch = 4096;

uint64_t parse_whole(const std::string& option, const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > static_cast<uint64_t>(INT64_MAX))
    throw usage_error(option + ": '" + text + "' is not a whole number");
  return value;
}

class GenTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"kgen",
            "Make records: synthetic data, or a list of expressions again and again.",
            {{"WHAT", true, "clicks, taxi, or a LIST as kmap's, evaluated per record; _offset counts from 0",
              true},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kgen --rate 100 clicks clicks"}, {"kgen --every 5s 'n=_offset, r=random()' ticks"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--rate",
                 .metavar = "N",
                 .help = "N records a second; else as fast as it goes",
                 .in_short_help = true,
                 .set = [this](const std::string& text) { rate_ = parse_rate(text); }});
    options.add(
        {.names = "--every",
         .metavar = "D",
         .help = "one record each D",
         .in_short_help = true,
         .set = [this](const std::string& text) { every_ = parse_duration_option("--every", text); }});
    options.add({.names = "--count",
                 .metavar = "N",
                 .help = "end after N records; else never",
                 .in_short_help = true,
                 .set = [this](const std::string& text) {
                   count_ = static_cast<int64_t>(parse_whole("--count", text));
                 }});
    options.add({.names = "--seed",
                 .metavar = "N",
                 .help = "the same data each time; else other data",
                 .in_short_help = true,
                 .set = [this](const std::string& text) { seed_ = parse_whole("--seed", text); }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kgen", std::nullopt, operands.find("OUT"));
    if (every_) {
      if (rate_) throw usage_error("--rate and --every say the same; give one");
      if (every_->count() == 0) throw usage_error("--every: 0 is no distance");
      rate_ = 1000.0 / static_cast<double>(every_->count());
    }
    const std::string what = operands.get("WHAT");
    const uint64_t seed = seed_ ? *seed_ : std::random_device{}();
    const GeneratorInfo* info = find_generator(what);
    if (info) {
      job_.make_stage = [](const flow::StageContext&) { return std::make_unique<flow::PassStage>(); };
    } else {
      MapPlan plan{.list = what, .options = shared_.expressions()};
      plan.options.random_seed = seed;
      job_.settings.push_back({"LIST", MapStage(plan).canonical()});
      job_.make_stage = [plan](const flow::StageContext&) { return std::make_unique<MapStage>(plan); };
    }
    job_.open_lines_in = [info, seed, rate = rate_, count = count_]() -> std::unique_ptr<io::Source> {
      auto source = std::make_unique<GeneratorSource>(info ? info->make(seed) : make_empty_generator(), count,
                                                      rate ? size_t{1} : kBatch);
      if (!rate) return source;
      return std::make_unique<PacedSource>(std::move(source), *rate);
    };
    shared_.shape(job_);
  }
  ExitCode run() override { return flow::run(job_); }

 private:
  cli::SharedOptions shared_{{.reads_topics = false, .reads_lines = false, .groups = false}};
  flow::Job job_;
  std::optional<double> rate_;
  std::optional<Millis> every_;
  std::optional<int64_t> count_;
  std::optional<uint64_t> seed_;
};

}  // namespace

int main(int argc, char** argv) {
  GenTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
