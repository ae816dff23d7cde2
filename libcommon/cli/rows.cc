#include "cli/rows.h"

#include "base/error.h"
#include "data/json_write.h"
#include "io/line_sink.h"

namespace kutils::cli {

void Row::begin(std::string_view name) {
  if (json_.size() > 1) json_ += ',';
  append_json_string(name, json_);
  json_ += ':';
}
Row& Row::text(std::string_view name, std::string_view value) {
  begin(name);
  append_json_string(value, json_);
  return *this;
}
Row& Row::number(std::string_view name, int64_t value) { return raw(name, std::to_string(value)); }
Row& Row::number(std::string_view name, std::optional<int64_t> value) {
  return value ? number(name, *value) : null(name);
}
Row& Row::flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
Row& Row::null(std::string_view name) { return raw(name, "null"); }
Row& Row::raw(std::string_view name, std::string_view json) {
  begin(name);
  json_ += json;
  return *this;
}

void Rows::declare(OptionTable& table) {
  table.add({.names = "-O",
             .metavar = "FORMAT",
             .help = "lines written: table (default), json csv tsv",
             .by_default = "table",
             .example = "-O csv",
             .in_short_help = true,
             .set =
                 [this](const std::string& text) {
                   const io::LineFormat format = io::parse_line_format(text, "-O");
                   io::check_output_format(format);
                   set(format);
                 },
             .choices = {"table", "json", "csv", "tsv"}});
  table.add({.names = "--json",
             .help = "the same as -O json",
             .example = "ktopic list --json",
             .set = [this](const std::string&) { set(io::parse_line_format("json", "-O")); }});
}

void Rows::set(const io::LineFormat& format) {
  if (given_ && format.name() != format_.name())
    throw usage_error("-O and --json both set the format of lines", "leave one of the two out");
  format_ = format;
  given_ = true;
}

void Rows::prefer_json() {
  if (!given_) format_ = io::parse_line_format("json", "-O");
}

bool Rows::print() {
  const auto out = io::make_line_sink(1, false, "standard output", format_);
  try {
    for (const std::string& json : rows_) {
      Output row;
      row.value = std::string_view(json);
      if (const auto refused = out->write(nullptr, row)) throw Error(ExitCode::bad_record, refused->message);
    }
    out->flush();
    out->close();
  } catch (const io::ReaderGone&) {
    return false;
  }
  rows_.clear();
  return true;
}

}  // namespace kutils::cli
