#include "io/plain_lines.h"

#include <utility>

#include "data/json_fields.h"
#include "io/csv_header.h"
#include "io/envelope.h"
#include "io/line_parser.h"
#include "io/line_writer.h"

namespace kutils::io {
namespace {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r\n") == std::string_view::npos; }

// Begins as no JSON value does.
bool is_plain_text(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  if (first == line.npos) return false;
  const std::string_view text = line.substr(first);
  return std::string_view("{[\"-0123456789").find(text[0]) == std::string_view::npos &&
         text.rfind("true", 0) != 0 && text.rfind("false", 0) != 0 && text.rfind("null", 0) != 0;
}

// What a line that is no JSON seems to be, with what takes it.
std::string what_it_is(std::string_view line, std::string_view value) {
  // Said once, with the command (cli/line_options.cc).
  if (!format_of_header(line).empty()) return {};
  if (is_plain_text(value)) return "; lines that are text are taken by -I text";
  const size_t first = value.find_first_not_of(" \t"), last = value.find_last_not_of(" \t\r");
  const bool opens = first != value.npos && (value[first] == '{' || value[first] == '[');
  const bool closes = opens && (value[last] == '}' || value[last] == ']');
  // Printed over several lines, or several in one.
  if (opens && (!closes || value.find("}{") != value.npos || value.find("} {") != value.npos))
    return "; a record is one line: jq -c . makes lines of any JSON";
  return {};
}

class JsonParser final : public LineParser {
 public:
  explicit JsonParser(const LineFormat& format)
      : keyed_(format),
        plain_(keyed_.plain()),
        check_(format.check_json),
        found_envelope_(format.found_envelope) {}

  Got parse(std::string_view line, Batch&, Record& record, RecordError& error) override {
    if (std::exchange(is_first_, false)) line = without_byte_order_mark(line);
    // Blank lines are no records, as with jq: many programs end their output with one.
    if (line.empty() || (line[0] <= ' ' && is_blank(line))) return Got::nothing;
    if (found_envelope_) {
      const auto found = std::exchange(found_envelope_, nullptr);
      if (const auto looks = looks_like_envelope(line); looks != LooksLikeEnvelope::no)
        found(looks == LooksLikeEnvelope::surely);
    }
    if (plain_)
      record.value = line;
    else if (!keyed_.split(line, record, error))
      return Got::error;
    if (check_ && !record.value.is_null()) {
      if (auto bad = reader_.read(record.value.view()); bad && bad->reason != Reason::not_an_object) {
        error = std::move(*bad);
        if (error.reason == Reason::not_json) error.message += what_it_is(line, record.value.view());
        return Got::error;
      }
    }
    return Got::record;
  }

 private:
  KeyedLines keyed_;
  bool plain_;
  bool check_;
  std::function<void(bool)> found_envelope_;
  bool is_first_ = true;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
};

class TextParser final : public LineParser {
 public:
  explicit TextParser(const LineFormat& format) : keyed_(format) {}
  Got parse(std::string_view line, Batch&, Record& record, RecordError& error) override {
    return keyed_.split(line, record, error) ? Got::record : Got::error;
  }

 private:
  KeyedLines keyed_;
};

class PlainWriter final : public LineWriter {
 public:
  explicit PlainWriter(const LineFormat& format)
      : separator_(format.key_separator),
        null_(format.null_marker),
        dresser_(format.name() == "json" ? format.dress : JsonDress()),
        end_(format.nul_ended ? '\0' : '\n') {}

  std::optional<RecordError> write(const Record*, const Output& output, std::string& out) override {
    if (separator_) {
      if (!output.key.is_null())
        out += output.key.view();
      else if (null_)
        out += *null_;
      out += *separator_;
    }
    if (!output.value.is_null())
      dresser_.append(output.value.view(), out);
    else
      out += null_ ? std::string_view(*null_) : std::string_view("null");
    out += end_;
    return std::nullopt;
  }

 private:
  std::optional<std::string> separator_;
  std::optional<std::string> null_;
  ValueDresser dresser_;
  char end_;
};

}  // namespace

std::unique_ptr<LineParser> make_json_parser(const LineFormat& format) {
  return std::make_unique<JsonParser>(format);
}
std::unique_ptr<LineParser> make_text_parser(const LineFormat& format) {
  return std::make_unique<TextParser>(format);
}
std::unique_ptr<LineWriter> make_plain_writer(const LineFormat& format) {
  return std::make_unique<PlainWriter>(format);
}

}  // namespace kutils::io
