// How records look as lines: what -I, -O, -J, -K, -Z, -0, -f, --embed, --encoding and
// --csv-strings say.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/codec.h"
#include "data/record.h"
#include "io/json_dress.h"

namespace kutils::io {

class LineParser;
class LineWriter;

// `%{EXPR}` in -f. `add` compiles an expression once (throwing usage_error) and gives its handle; `append`
// evaluates it over a record and appends text. The owner outlives the sinks made with it.
struct TemplateExpressions {
  std::function<size_t(std::string_view expression)> add;
  std::function<std::optional<RecordError>(const Record& record, size_t handle, std::string& out)> append;
};

struct LineFormatInfo;

struct LineFormat {
  LineFormat();                              // json
  const LineFormatInfo* info;                // a line of the table below
  std::string regex;                         // `re:REGEX`
  std::optional<std::string> key_separator;  // -K: KEY SEP VALUE
  std::optional<std::string> null_marker;    // -Z: a key, value or CSV cell that is exactly this is NULL
  bool nul_ended = false;                    // -0: records end with a NUL byte instead of a newline
  JsonDress dress;                           // json, envelope out: --pretty, --color always
  bool live = false;                         // table: drawn again in place, on a terminal
  bool newest_rows = false;                  // table with sort_by: of a key only the newest row
  std::string sort_by;                       // table: --sort COLUMN, or -COLUMN for the largest first
  bool embed = false;                        // envelope out: JSON values as `value`, not as a string
  bool latin1 = false;                       // --encoding latin1 in: lines become UTF-8 before all else
  bool csv_strings = false;                  // csv, tsv, re: in: cells stay strings even if they are numbers
  bool check_json = false;  // json in: a line that is not JSON is unreadable (kwrite; others find out)
  // json in: called once if the first line is an envelope, taken as a value; may throw. See looks_like_envelope().
  std::function<void(bool surely)> found_envelope = {};
  // In: what to write instead, if the input is compressed; `reader` is a program that prints a file's text (zcat). May be
  // empty.
  std::function<std::string(std::string_view reader)> decompressed = {};
  std::string output_template;                       // -f; replaces the format on output
  const TemplateExpressions* expressions = nullptr;  // null: `%{EXPR}` is refused
  // Lines show the decoded form: encoded when read from lines, decoded when written as lines. Envelopes carry
  // the bytes themselves.
  std::optional<Codec> key_codec;
  std::optional<Codec> value_codec;

  std::string_view name() const;
};

// One line of the table of formats: --help, man pages, completion and the parser read it.
struct LineFormatInfo {
  std::string_view name;
  std::string_view doc;
  bool takes_key_separator;
  bool takes_null_marker;
  std::unique_ptr<LineParser> (*make_parser)(const LineFormat&);  // null: only written
  std::unique_ptr<LineWriter> (*make_writer)(const LineFormat&);  // null: only read
};
std::span<const LineFormatInfo> line_formats();

// `text` is a format's name or `re:REGEX`; `option` (-I, -O) says which direction. Throws usage_error with
// the nearest right name; a bad regex with RE2's reason. Other members keep their defaults.
LineFormat parse_line_format(std::string_view text, std::string_view option);

// `\t`, `\n`, `\r`, `\0`, `\\`, `\xNN` in -K, -Z. Throws usage_error for other escapes.
std::string unescape_option(std::string_view text, std::string_view option);

// Throws usage_error for members that do not go together (-K with csv, -f with a bad token, ...).
void check_input_format(const LineFormat& format);
void check_output_format(const LineFormat& format);

}  // namespace kutils::io
