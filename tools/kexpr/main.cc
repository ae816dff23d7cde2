// kexpr EXPR [IN]: evaluate an expression, once or for each record.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "expr/cases.h"
#include "flow/run/run.h"
#include "io/json_dress.h"
#include "kexpr/expr_stage.h"

namespace {

using namespace kutils;

// Options that say how the tool works, whatever it works on.
const std::set<std::string> kAlways = {"-b", "-X", "-F", "-q", "-v", "--progress", "--no-progress"};

class ExprTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"kexpr",
            "Evaluate an expression: once, or for each record of IN.",
            {{"EXPR", false, "an expression; @FILE reads it from a file", true},
             {"IN", false, "a topic, ./FILE or -; without it EXPR is evaluated once and stdin is not read"}},
            {{"kexpr 'duration(\"2d\") > duration(\"36h\")'"}, {"kexpr 'number * 2' ./clicks.ndjson"}}};
  }

  void declare(cli::OptionTable& options) override {
    cli::Option variable;
    variable.names = "--var";
    variable.metavar = "NAME=JSON";
    variable.help = "a value for a name of the expression";
    variable.by_default = "none";
    variable.example = "kexpr --var limit=100 'limit * 2'";
    variable.in_short_help = true;
    variable.is_list = true;
    variable.set = [this](const std::string& text) {
      const size_t equals = text.find('=');
      if (equals == std::string::npos || equals == 0)
        throw usage_error("--var: '" + text + "' is not NAME=JSON", "for example --var 'limit=100'");
      const std::string name = text.substr(0, equals);
      for (const auto& [other, value] : variables_)
        if (other == name)
          throw usage_error("--var " + name + " is given twice: " + value + ", " + text.substr(equals + 1),
                            "leave one of the two out");
      variables_.emplace_back(name, text.substr(equals + 1));
    };
    options.add(std::move(variable));
    cli::Option cases;
    cases.names = "--cases";
    cases.metavar = "FILE";
    cases.help = "run a file of expression cases, one JSON object a line; exit 1 if any fails";
    cases.by_default = "EXPR is evaluated";
    cases.example = "kexpr --cases ./cases.jsonl";
    cases.set = [this](const std::string& text) { cases_ = text; };
    options.add(std::move(cases));
    shared_.declare(options);
  }

  void setup(const cli::Operands& operands) override {
    const auto expression = operands.find("EXPR");
    if (cases_) {
      if (expression) throw usage_error("--cases takes no EXPR: the file has the expressions");
      if (!variables_.empty()) throw usage_error("--cases takes no --var: each case has its own 'vars'");
      shared_.refuse_given(kAlways, "--cases reads no records", "leave it out");
      return;
    }
    if (!expression)
      throw usage_error("EXPR is missing", "for example kexpr '1 + 1'; --functions prints all functions");
    const auto in = operands.find("IN");
    if (in) job_ = shared_.make_job("kexpr", in, std::nullopt);
    expr::Options options = shared_.expressions();
    options.variables = variables_;
    if (!in) {
      std::set<std::string> useful = kAlways;
      useful.insert({"--arg", "--seed"});
      shared_.refuse_given(useful, "without IN no record is read", "name IN, or - for standard input");
      options.record = false;
      once_ = std::make_unique<expr::Expressions>(options);
      try {
        handle_ = once_->add(*expression, "EXPR");
      } catch (const Error& error) {
        if (!error.hint().empty() || std::string(error.what()).find("unknown name") == std::string::npos)
          throw;
        throw Error(
            error.code(), error.what(),
            "fields are those of records: kexpr EXPR IN; a name of its own is given by: --var NAME=VALUE");
      }
      return;
    }
    ExprStage check(*expression, options);  // finds what is wrong before anything opens
    job_->set_stage([text = *expression, options](const flow::StageContext&) {
      return std::make_unique<ExprStage>(text, options);
    });
    shared_.shape(*job_);
  }

  void colour_data() override {
    is_coloured_ = true;
    shared_.colour_data();
  }

  ExitCode run() override {
    if (cases_) return run_cases();
    if (job_) {
      const ExitCode code = flow::run(*job_);
      for (const std::string& text : shared_.notes_of_expressions())
        StderrLog("kexpr", shared_.quiet()).note(text);
      return code;
    }
    return evaluate_once();
  }

 private:
  ExitCode evaluate_once() {
    if (auto error = once_->bind(Record{})) throw Error(ExitCode::bad_record, error->message);
    const Result<expr::Value> value = once_->get(handle_);
    if (!value) throw Error(ExitCode::bad_record, value.error().message);
    std::string text;
    if (const auto error = append_text(*value, text)) throw Error(ExitCode::bad_record, error->message);
    std::string line;
    // A string is printed as it is, and what is no value of JSON (a time) without quotes.
    if (is_coloured_ && is_json(value->kind()))
      io::append_dressed(text, {.colour = true}, line);
    else
      line = text;
    return print(line + "\n", ExitCode::ok);
  }

  static bool is_json(expr::Kind kind) {
    using expr::Kind;
    return kind == Kind::null || kind == Kind::boolean || kind == Kind::integer ||
           kind == Kind::unsigned_integer || kind == Kind::real || kind == Kind::list || kind == Kind::map;
  }

  ExitCode run_cases() {
    std::ifstream in(*cases_);
    if (!in) throw usage_error("--cases: cannot read " + *cases_ + ": " + std::strerror(errno));
    std::string out;
    const auto report = expr::run_cases(in, *cases_, [&](const std::string& line) { out += line + "\n"; });
    if (in.bad()) throw usage_error("--cases: cannot read " + *cases_ + ": " + std::strerror(errno));
    out += std::to_string(report.total.passed) + " passed, " + std::to_string(report.total.failed) +
           " failed, " + std::to_string(report.total.skipped) + " skipped\n";
    return print(out, report.total.failed == 0 ? ExitCode::ok : ExitCode::answer_is_no);
  }

  // What came from an escape or a file is shown on a terminal, not done.
  static ExitCode print(const std::string& text, ExitCode code) {
    std::cout << (::isatty(STDOUT_FILENO) == 1 ? io::printable_but_colours(text) : text) << std::flush;
    if (!std::cout)
      throw Error(ExitCode::delivery,
                  "cannot write to standard output: " + std::string(std::strerror(errno)));
    return code;
  }

  cli::SharedOptions shared_{{.writes_topics = false, .groups = false, .shapes = false}};
  std::vector<std::pair<std::string, std::string>> variables_;
  std::optional<std::string> cases_;
  std::optional<flow::Job> job_;
  std::unique_ptr<expr::Expressions> once_;
  size_t handle_ = 0;
  bool is_coloured_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  ExprTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
