// kgen clicks|taxi|LIST [OUT]: synthetic data, and values sent on time.
#include <random>

#include "base/duration.h"
#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "cli/stream_tool.h"
#include "flow/topology/pass_stage.h"
#include "kgen/generator_source.h"
#include "kmap/map_stage.h"
#include "kwrite/paced_source.h"

namespace {

using namespace kutils;

constexpr size_t kBatch = 4096;

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
                 .set = [this](const std::string& text) { count_ = cli::parse_number("--count", text, 0, INT64_MAX); }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kgen", std::nullopt, operands.find("OUT"));
    if (every_) {
      if (rate_) throw usage_error("--rate and --every set the same; give one");
      if (every_->count() == 0) throw usage_error("--every: 0 is not an interval");
      rate_ = 1000.0 / static_cast<double>(every_->count());
    }
    const std::string what = operands.get("WHAT");
    // A topic with such a name would be made, and written to without end.
    const std::string out = operands.find("OUT").value_or("");
    if (!out.empty() && out.find_first_not_of("0123456789") == std::string::npos)
      throw usage_error("OUT: '" + out + "' is a number; a topic of that name is written topic:" + out,
                        "a number of records is: kgen -c " + out + " " + shell_word(what));
    // --seed is shared with random() in expressions; 0: none was given.
    uint64_t seed = shared_.expressions().random_seed;
    if (seed == 0) seed = std::random_device{}();
    const GeneratorInfo* info = find_generator(what);
    if (info) {
      job_.set_stage([](const flow::StageContext&) { return std::make_unique<flow::PassStage>(); });
    } else {
      const MapPlan plan{.list = what, .options = shared_.expressions()};
      require_no_fields(what, plan.options);
      job_.settings.push_back({"LIST", MapStage(plan).canonical()});
      job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<MapStage>(plan); });
    }
    job_.open_lines_in = [info, seed, rate = rate_, count = count_]() -> std::unique_ptr<io::Source> {
      auto source = std::make_unique<GeneratorSource>(info ? info->make(seed) : make_empty_generator(), count,
                                                      rate ? size_t{1} : kBatch);
      if (!rate) return source;
      return std::make_unique<PacedSource>(std::move(source), *rate);
    };
    shared_.shape(job_);
  }

 private:
  std::optional<double> rate_;
  std::optional<Millis> every_;
  std::optional<int64_t> count_;
};

}  // namespace

int main(int argc, char** argv) {
  GenTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
