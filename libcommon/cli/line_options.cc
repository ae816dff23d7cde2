// What shared options say of lines: formats, codecs, markers, the templates of -f.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/shell_word.h"
#include "cli/envelope_refusal.h"
#include "cli/file_format.h"
#include "cli/given_command.h"
#include "cli/idle_options.h"
#include "cli/replaced_file.h"
#include "cli/shared_options.h"
#include "cli/table_input.h"
#include "io/csv_header.h"
#include "io/line_sink.h"
#include "io/line_source.h"
#include "io/paced_source.h"
#include "io/table_writer.h"

namespace kutils::cli {
namespace {

// The expressions of -f. A template asks for them in order, once per record: the first one, or a step back,
// is a new record.
class Template {
 public:
  explicit Template(const expr::Options& options) : expressions_(options) {
    io_.add = [this](std::string_view text) { return expressions_.add(text, "-f"); };
    io_.append = [this](const Record& record, size_t handle, std::string& out) {
      return append(record, handle, out);
    };
  }
  const io::TemplateExpressions& io() const { return io_; }

 private:
  std::optional<RecordError> append(const Record& record, size_t handle, std::string& out) {
    if (!last_ || handle <= *last_) {
      last_.reset();
      if (auto error = expressions_.bind(record)) return error;
    }
    last_ = handle;
    Result<expr::Value> value = expressions_.get(handle);
    if (!value) return std::move(value.error());
    return expr::append_text(*value, out);
  }

  expr::Expressions expressions_;
  std::optional<size_t> last_;
  io::TemplateExpressions io_;
};

// Looks at what comes first: says so if the input ends without a single line, or begins as CSV does.
class FirstLineCheck final : public io::Source {
 public:
  FirstLineCheck(std::unique_ptr<io::Source> inner, std::function<void()> is_empty,
                 std::function<void(std::string_view line, std::string_view next)> is_csv)
      : inner_(std::move(inner)), is_empty_(std::move(is_empty)), is_csv_(std::move(is_csv)) {}
  io::Fill poll(Batch& batch, Millis wait) override {
    const io::Fill fill = inner_->poll(batch, wait);
    const auto& bad = inner_->bad_records();
    const bool any = !batch.empty() || !bad.empty();
    if (any && is_csv_) is_csv_(line(batch, 0), line(batch, 1));
    if (any) is_empty_ = nullptr;
    if (any) is_csv_ = nullptr;
    if (fill == io::Fill::end && is_empty_) std::exchange(is_empty_, nullptr)();
    return fill;
  }
  const std::vector<io::BadRecord>& bad_records() const override { return inner_->bad_records(); }
  std::vector<kafka::TopicPartition> at_end() const override { return inner_->at_end(); }
  bool may_give(const kafka::TopicPartition& at) const override { return inner_->may_give(at); }
  void add(const std::vector<kafka::TopicPartition>& more) override { inner_->add(more); }

 private:
  // The first or second line, as it was read; "" where there is none.
  std::string_view line(const Batch& batch, size_t number) const {
    const auto& bad = inner_->bad_records();
    size_t bad_before = 0;  // of the lines in front of it
    while (bad_before < bad.size() && bad[bad_before].before + bad_before < number) ++bad_before;
    const bool is_bad = bad_before < bad.size() && bad[bad_before].before + bad_before == number;
    if (!is_bad && number - bad_before >= batch.records().size()) return {};
    const MaybeBytes& value =
        is_bad ? bad[bad_before].origin.value : batch.records()[number - bad_before].value;
    return value.is_null() ? std::string_view() : value.view();
  }
  std::unique_ptr<io::Source> inner_;
  std::function<void()> is_empty_;
  std::function<void(std::string_view line, std::string_view next)> is_csv_;
};

constexpr const char* kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

// What a tool's first operand may be where all records are meant.
std::string spec_of_all(const ToolInfo& info) {
  if (info.name == "kfilter") return "true";
  if (info.name == "kmap") return "*";
  if (info.name == "kgroupby" || info.name == "kdedup") return "_key";
  return info.operands[0].name;
}

// -f '$.uri', '{{.key}}', uri: the template that is meant; "" where it is not clear.
std::string meant_template(const std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> kTokens[] = {
      {"value", "%s"},  {"payload", "%s"},   {"message", "%s"}, {"key", "%k"},       {"topic", "%t"},
      {"offset", "%o"}, {"partition", "%p"}, {"headers", "%h"}, {"timestamp", "%T"}, {"ts", "%T"}};
  const auto token_of = [&](std::string name) -> std::string {
    while (!name.empty() && (name.front() == '.' || name.front() == ' ')) name.erase(0, 1);
    while (!name.empty() && name.back() == ' ') name.pop_back();
    if (name.empty() || (name[0] >= '0' && name[0] <= '9') || name[0] == '-' || name.back() == '.' ||
        name.find_first_not_of(kNameCharacters) != name.npos || name.find('-') != name.npos)
      return {};
    for (const auto& [theirs, ours] : kTokens)
      if (name == theirs || name == "_" + std::string(theirs)) return std::string(ours);
    for (const std::string_view prefix : {"value.", "payload.", "message."})
      if (name.starts_with(prefix)) name.erase(0, prefix.size());
    return "%{" + name + "}";
  };
  std::string out;
  bool any = false;
  for (size_t i = 0; i < text.size();) {
    size_t from = i, end = i;
    std::string_view close;
    for (const auto& [open, closing] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"{{", "}}"}, {"${", "}"}, {"{", "}"}, {"$.", ""}, {"$", ""}}) {
      if (text.compare(i, open.size(), open) != 0) continue;
      from = i + open.size();
      close = closing;
      end = close.empty() ? text.find_first_not_of(
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", from)
                          : text.find(close, from);
      if (end == text.npos && close.empty()) end = text.size();
      break;
    }
    const std::string token =
        from == i || end == text.npos ? std::string() : token_of(text.substr(from, end - from));
    if (token.empty()) {
      out += text[i++];
      continue;
    }
    any = true;
    out += token;
    i = end + close.size();
  }
  if (!any) out = token_of(text);
  return out.empty() || out.ends_with("\\n") ? out : out + "\\n";
}

// Each record would print the same.
void refuse_literal_template(const std::string& text) {
  for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 2))
    if (at + 1 >= text.size() || text[at + 1] != '%') return;
  const std::string what = "-f '" + text + "' would print the same for each record: it has no token";
  for (const io::LineFormatInfo& format : io::line_formats())
    if (format.make_writer != nullptr && text == format.name)
      throw CorrectedError(what, {.add = {{"-O", text}}, .drop = {"-f"}});
  const std::string meant = meant_template(text);
  if (meant.empty() && text.find('\\') != text.npos) return;  // a line for each record, and written as one
  if (meant.empty())
    throw CorrectedError(
        what, {.before = "tokens are %s the value, %k the key, %o the offset, ... and %{EXPR}; write: ",
               .add = {{"-f", "%k %s\\n"}}});
  throw CorrectedError(what,
                       {.before = "a field is %{NAME}, the value %s, the key %k: ", .add = {{"-f", meant}}});
}

}  // namespace

void SharedOptions::parse_formats() {
  const bool envelope = lines_.envelope || shares_.envelope_lines;
  const auto parse = [&](const std::string& text, const char* option) {
    if (lines_.envelope && !text.empty() && text != "envelope") {
      throw usage_error(std::string("-J and ") + option + " " + text + " both set the format of lines",
                        "-J is envelopes both ways; -I and -O are for one way");
    }
    io::LineFormat format = io::parse_line_format(!text.empty() ? text
                                                  : envelope    ? "envelope"
                                                                : "json",
                                                  option);
    format.nul_ended = lines_.nul_ended;
    return format;
  };
  in_format_ = parse(lines_.in, "-I");
  in_format_.csv_strings = lines_.csv_strings;
  in_format_.latin1 = lines_.latin1;
  in_format_.check_json = shares_.checks_json && !value_codec_;
  out_format_ = parse(lines_.out, "-O");
  out_format_.embed = lines_.embed;
  out_format_.sort_by = lines_.sort_by;
  out_format_.dress = {lines_.pretty, lines_.colour};
  if (lines_.format) {
    if (!lines_.out.empty() || lines_.envelope)
      throw usage_error("-f and " + std::string(lines_.envelope ? "-J" : "-O") +
                        " both set the format of lines");
    refuse_literal_template(*lines_.format);
    out_format_.output_template = *lines_.format;
  }
}

// A tool that passes bytes on has nothing to decode, but where lines show it.
void SharedOptions::refuse_idle_codecs(const flow::Job& job) const {
  if (shares_.expressions || shares_.shapes || (!value_codec_ && !key_codec_)) return;
  const bool in_shows = job.in.is_lines() && in_format_.name() != "envelope";
  const bool out_shows =
      job.out.is_lines() && (out_format_.name() != "envelope" || !out_format_.output_template.empty());
  if (in_shows || out_shows) return;
  throw usage_error(
      std::string(value_codec_ ? "--value-codec" : "--key-codec") + " does nothing here: " + job.tool +
          " copies bytes as they are",
      "to change how they are encoded: kmap --value-codec IN:OUT '*' IN OUT, kfilter --key-codec IN:OUT true IN OUT");
}

// Within a tool a record's bytes are encoded; lines show the decoded form (io/line_format.h).
void SharedOptions::set_codecs(const flow::Job& job) {
  // A line of text is a string to expressions, also one that looks like JSON.
  if (!place_ && !value_codec_ && job.in.is_lines() && in_format_.name() == "text")
    expressions_.value_codec = "text";
  if (value_codec_) {
    const CodecPair pair = parse_codec_pair(*value_codec_, "--value-codec");
    expressions_.value_codec = pair.in.name();
    in_format_.value_codec = pair.in;
    out_format_.value_codec = pair.out;
    if (!(pair.in == pair.out)) shape_.kept_value_codec = pair;
    if (!(Codec() == pair.out)) shape_.made_value_codec = CodecPair{Codec(), pair.out};  // from JSON
  }
  if (key_codec_) {
    const CodecPair pair = parse_codec_pair(*key_codec_, "--key-codec");
    expressions_.key_codec = pair.in.name();
    in_format_.key_codec = pair.in;
    out_format_.key_codec = pair.out;
    if (!(pair.in == pair.out)) shape_.kept_key_codec = pair;
    if (!pair.out.is_identity())
      shape_.made_key_codec = CodecPair{Codec::parse("raw", "--key-codec"), pair.out};  // from its text
  }
  shape_.makes_values = shares_.emits_json;
  shape_.makes_keys = shares_.aggregates;
  shape_.options = expressions_;
  shape_.sees_output = shares_.shapes_see_output;
}

// -K and -Z hold for each side that can take them; one of them must.
void SharedOptions::set_markers(const flow::Job& job) {
  const bool in_takes_key = job.in.is_lines() && in_format_.info->takes_key_separator;
  const bool out_takes_key =
      job.out.is_lines() && out_format_.info->takes_key_separator && out_format_.output_template.empty();
  if (lines_.key_separator) {
    const std::string separator = io::unescape_option(*lines_.key_separator, "-K");
    // Where neither takes it, the format's own check says why.
    if (in_takes_key || !out_takes_key) in_format_.key_separator = separator;
    if (out_takes_key || !in_takes_key) out_format_.key_separator = separator;
  }
  const bool in_takes_null = job.in.is_lines() && in_format_.info->takes_null_marker;
  const bool out_takes_null =
      job.out.is_lines() && (out_format_.info->takes_null_marker || !out_format_.output_template.empty());
  if (lines_.null_marker) {
    const std::string marker = io::unescape_option(*lines_.null_marker, "-Z");
    if (in_takes_null || !out_takes_null) in_format_.null_marker = marker;
    if (out_takes_null || !in_takes_null) out_format_.null_marker = marker;
  }
}

std::function<std::unique_ptr<io::Sink>()> SharedOptions::line_opener(const flow::Job& job,
                                                                      const io::Endpoint& out) const {
  const bool rows_have_keys = shares_.updates_rows || job.in.table;
  const bool goes_on = !has_end(job) && !job.max_output;
  io::LineFormat format = out_format_;
  const char* terminal = std::getenv("TERM");
  format.newest_rows = rows_have_keys;
  format.live = rows_have_keys && format.name() == "table" && out.kind == io::EndpointKind::stdio &&
                isatty(STDOUT_FILENO) == 1 && terminal && std::string_view(terminal) != "dumb";
  if (!format.sort_by.empty() && !rows_have_keys && goes_on)
    throw CorrectedError(
        "--sort: the records have no end, and are printed as they come",
        {.before =
             job.in.kind == io::EndpointKind::topic
                 ? "the last value of each key is drawn again in its order on a terminal: IN is table:" +
                       job.in.name + "; else add -e: "
                 : "add -e: ",
         .add = {{"-e", ""}}});
  if (!format.sort_by.empty() && !format.live && goes_on)
    throw usage_error(
        "--sort: the rows have no end, and only on a terminal are they drawn again in their order",
        "add -e, or leave it out: rows are then appended as they come");
  if (format.output_template.empty()) {
    io::check_output_format(format);
    return [out, format] { return io::open_line_sink(out, format); };
  }
  // Shared by the sinks made with it, which run in one thread; lives as long as the job that opens them.
  auto expressions = std::make_shared<Template>(expressions_);
  format.expressions = &expressions->io();
  io::check_output_format(format);
  return [out, format, expressions] { return io::open_line_sink(out, format); };
}

std::string SharedOptions::hint(const Correction& correction) const {
  return given_command_ ? given_command_->hint(correction) : std::string();
}

// `zcat ./clicks.gz | kfilter EXPR -`
std::string SharedOptions::decompressed_hint(const io::Endpoint& in, std::string_view reader) const {
  Correction meant{.before = "decompress it in front: " + std::string(reader)};
  if (in.kind == io::EndpointKind::file) {
    meant.before += " " + shell_word(in.name);
    meant.replaced = {in.name, "-"};
    if (given_command_ != nullptr)
      for (const std::string& one : given_command_->operands())
        if (one == "file:" + in.name) meant.replaced->first = one;
  }
  meant.before += " | ";
  const std::string whole = hint(meant);
  return whole.empty() ? meant.before + "..." : whole;
}

// `kfilter -e clicks`: the topic is taken for the EXPR, and nothing stands where it should be read.
std::function<void()> SharedOptions::forgotten_spec(const flow::Job& job) const {
  if (given_command_ == nullptr || place_ || job.in.kind != io::EndpointKind::stdio ||
      job.out.kind != io::EndpointKind::stdio)
    return nullptr;
  const std::vector<std::string> operands = given_command_->operands();
  const ToolInfo& info = given_command_->info();
  if (operands.size() != 1 || info.operands.empty() || !info.operands[0].is_spec) return nullptr;
  const std::string& name = operands[0];
  const bool is_number = name.find_first_not_of("0123456789.") == name.npos;
  const bool is_form = info.operands[0].has_form != nullptr && info.operands[0].has_form(name);
  if (name.find_first_not_of(kNameCharacters) != name.npos || is_number || is_form || name == "true" ||
      name == "false")
    return nullptr;
  const std::string& spec = info.operands[0].name;
  const std::string text = "standard input is empty, and '" + name + "' is taken for the " + spec;
  const Correction meant{.before = "if '" + name + "' is the input: ",
                         .operands = {{spec_of_all(info), name}}};
  // Of lines -e says nothing.
  if (given_.count("-e") > 0) return [text, meant] { throw CorrectedError(text, meant); };
  return [said = text + "\n  " + hint(meant), tool = job.tool, quiet = quiet_] {
    StderrLog(tool, quiet).note(said);
  };
}

void SharedOptions::check_sort_column(const std::vector<std::string>& columns) const {
  if (out_format_.name() == "table") io::check_sort_column(out_format_.sort_by, columns);
}

void SharedOptions::set_lines(flow::Job& job) const {
  if (job.in.is_lines()) {
    io::check_input_format(in_format_);
    io::LineFormat format = in_format_;
    // Keys would be lost without a word. Who writes -I json means it.
    if (lines_.in.empty())
      // -J is for both ends, unless another option says how lines are written.
      format.found_envelope =
          envelope_refusal(given_command_, job.tool, quiet_, lines_.out.empty() && !lines_.format);
    format.decompressed = [this, in = job.in](std::string_view reader) {
      return decompressed_hint(in, reader);
    };
    std::function<void(std::string_view, std::string_view)> is_csv;
    if (lines_.in.empty() && format.name() == "json" && given_command_ != nullptr)
      is_csv = [csv = hint({.before = "", .add = {{"-I", "csv"}}}),
                tsv = hint({.before = "", .add = {{"-I", "tsv"}}}), tool = job.tool, quiet = quiet_,
                named = format_of_file(job.in.name)](std::string_view line, std::string_view next) {
        std::string_view is = io::format_of_header(line, next);
        // A header that is no list of names, in a file that is named so.
        const bool is_json = line.starts_with('{') || line.starts_with('[');
        if (is.empty() && !is_json && line.find(named == "tsv" ? '\t' : ',') != line.npos &&
            (named == "csv" || named == "tsv"))
          is = named;
        if (is.empty()) return;
        StderrLog(tool, quiet)
            .note("the first line is not JSON but a list of names\n  to read it as a header: " +
                  (is == "tsv" ? tsv : csv));
      };
    job.open_lines_in = [in = job.in, format, is_csv, tool = job.tool, quiet = quiet_, rate = lines_.rate,
                         is_empty = forgotten_spec(job)]() -> std::unique_ptr<io::Source> {
      // Not for kgen, which opens something else.
      if (in.kind == io::EndpointKind::stdio && isatty(STDIN_FILENO) == 1)
        StderrLog(tool, quiet).note("reading from the terminal; Ctrl-D ends it");
      auto source = io::open_line_source(in, format);
      if (is_empty || is_csv) source = std::make_unique<FirstLineCheck>(std::move(source), is_empty, is_csv);
      if (!rate) return source;
      return std::make_unique<io::PacedSource>(std::move(source), *rate);
    };
  }
  if (job.out.is_lines()) job.open_lines_out = line_opener(job, job.out);
  if (job.in.is_lines() && job.out.is_lines()) io::refuse_same_file(job.in, job.out);
  if (given_command_ != nullptr) refuse_replaced_file(job.in, job.out, *given_command_);
}

bool SharedOptions::output_shows_keys(const flow::Job& job) const {
  return place_ ? place_->shows_keys : shows_key({job, in_format_, out_format_});
}

}  // namespace kutils::cli
