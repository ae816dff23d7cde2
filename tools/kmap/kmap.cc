// kmap LIST [IN [OUT]]: SQL's SELECT.
#include "kmap/kmap.h"

#include <memory>
#include <optional>

#include "base/correction.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "cli/stream_tool.h"
#include "cli/table_input.h"
#include "kmap/co_process_stage.h"
#include "kmap/jq_command.h"
#include "kmap/map_stage.h"

namespace kutils {
namespace {

class MapTool final : public cli::StreamTool {
 public:
  MapTool() : StreamTool({.keep_null = true, .tables = true, .emits_json = true}) {}
  cli::ToolInfo info() const override {
    return {"kmap",
            "Build a new value for each record, like SQL's SELECT.",
            {{"LIST", true,
              "'a, b' these fields; '*, x=EXPR' adds; '*, -x' drops; '*, y=x, -x'"
              " renames; '=EXPR' the whole value; '| CMD' asks a command line by line",
              true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kmap '*, -email' clicks clean"}, {"kmap 'uri, big=number > 100' < clicks.ndjson"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--each-line",
                 .help = "'| CMD': any number of lines per record, then a blank one",
                 .example = "kmap --each-line '| ./split' clicks words",
                 .set = [this](const std::string&) { each_line_ = true; }});
    options.add({.names = "--answer-end",
                 .metavar = "TEXT",
                 .help = "--each-line: the line that ends an answer, if not a blank one",
                 .by_default = "a blank line",
                 .example = "kmap --each-line --answer-end . '| ./program' clicks out",
                 .set = [this](const std::string& text) { answer_end_ = text; }});
    options.add({.names = "--each",
                 .metavar = "[I,]NAME=LIST",
                 .help = "one record for each item of LIST, NAME in expressions",
                 .by_default = "one record for each record",
                 .example = "kmap --each item=items 'id, item' orders items",
                 .in_short_help = true,
                 .set = [this](const std::string& text) { each_ = EachItem{text}; }});
    options.add({.names = "--each-left",
                 .help = "--each: a record without items is one, with NAME null",
                 .example = "kmap --each item=items --each-left 'id, item' orders items",
                 .set = [this](const std::string&) { each_left_ = true; }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    if (each_) shared_.let_shapes_see_output();
    job_ = shared_.make_job("kmap", operands.find("IN"), operands.find("OUT"));
    const std::string& list = operands.get("LIST");
    const std::vector<expr::ListItem> items = map_items(list, "LIST");
    if (each_left_ && !each_)
      throw usage_error("--each-left is about the records of --each", "add --each NAME=LIST");
    if (each_ && job_.in.table)
      throw usage_error("--each cannot be used on a table: a key would have several values",
                        "write the stream, " + job_.in.name);
    if (items.size() == 1 && items[0].kind == expr::ListItem::Kind::command) {
      if (each_)
        throw usage_error("--each and a command exclude each other: the command's lines are the records");
      if (job_.in.table)
        throw usage_error("LIST: a command cannot be used on a table: its answers come later",
                          "write the stream, " + job_.in.name);
      std::string command = items[0].expression;
      command.erase(0, command.find_first_not_of(" \t"));
      job_.settings.push_back({"LIST", "| " + command});
      CoProcess::Options options;
      if (each_line_) options.end_line = answer_end_.value_or("");
      if (!each_line_) refuse_several_answers(command, operands.find("IN"));
      if (each_line_) job_.settings.push_back({"--each-line", "ends with '" + *options.end_line + "'"});
      if (answer_end_ && !each_line_)
        throw usage_error("--answer-end is about answers of several lines", "add --each-line");
      options.note = [log = std::make_shared<StderrLog>("kmap", shared_.quiet())](const std::string& text) {
        log->note(text);
      };
      job_.set_stage([command, options, keep_null = shared_.keep_null()](const flow::StageContext&) {
        return std::make_unique<CoProcessStage>(command, options, keep_null);
      });
    } else {
      if (each_line_ || answer_end_)
        throw usage_error(std::string(each_line_ ? "--each-line" : "--answer-end") +
                              " is about a command's answers, and LIST is not a command",
                          "a command is written '| CMD'");
      MapPlan plan{.list = list, .options = shared_.expressions(), .keep_null = shared_.keep_null()};
      plan.each = each_;
      if (each_) plan.each->left = each_left_;
      const MapStage checked(plan);
      if (each_) job_.settings.push_back({"--each", checked.canonical_each()});
      job_.settings.push_back({"LIST", checked.canonical()});
      drops_ = checked.drops();
      if (!drops_.empty()) plan.drops_seen = drops_seen_ = std::make_shared<DropsSeen>(drops_.size());
      job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<MapStage>(plan); });
    }
    cli::read_table(job_);
    shared_.shape(job_);
  }
  // A mistyped name drops nothing, and the field that should be dropped is still in the output.
  std::vector<std::string> last_notes() const override {
    std::vector<std::string> notes;
    for (size_t i = 0; i < drops_.size(); ++i) {
      if (!drops_seen_->any_record || drops_seen_->seen[i]) continue;
      notes.push_back("no record had the field '" + drops_[i] + "', which LIST drops");
    }
    return notes;
  }

 private:
  // One line is taken for each record: of several, the next records would get the others.
  static void refuse_several_answers(const std::string& command, const std::optional<std::string>& in) {
    if (const std::string program = program_of_all_lines(command); !program.empty() && in)
      throw usage_error("'" + program + "' gives no line for each line, as the command behind | must",
                        "it stands behind the tool: kread " +
                            std::string(io::parse_endpoint("IN", *in).is_topic() ? "-e " : "") +
                            shell_word(*in) + " | " + command);
    const auto meant = jq_for_each_line(command);
    if (!meant) return;
    Correction with_end{.before = "any number of lines, and one that ends them: ",
                        .add = {{"--each-line", ""}},
                        .drop = {"--answer-end"},
                        .spec = "| " + meant->command};
    if (!meant->answer_end.empty()) {
      with_end.add.emplace_back("--answer-end", meant->answer_end);
      with_end.drop.clear();
    }
    throw CorrectedError("'" + command +
                             "' gives several lines for a record or none, and each record takes one: "
                             "records would get the answers of others",
                         with_end);
  }

  bool each_line_ = false;
  std::optional<EachItem> each_;
  bool each_left_ = false;
  std::optional<std::string> answer_end_;
  std::vector<std::string> drops_;
  std::shared_ptr<DropsSeen> drops_seen_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kmap() { return std::make_unique<MapTool>(); }

}  // namespace kutils
