// From lines to records: one parser per format. A parser may keep state over the lines of its input (a CSV
// header).
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "data/batch.h"
#include "io/line_format.h"

namespace kutils::io {

class LineParser {
 public:
  enum class Got {
    record,
    nothing,  // a blank line, a header: no record, no error
    error,
  };

  virtual ~LineParser() = default;
  // Where the record ends that is being looked at: its terminator, or null if there is none in [from, end).
  // Called with the bytes in order, each once, so that a format may count quotes.
  virtual const char* find_end(const char* from, const char* end, char terminator) {
    return static_cast<const char*>(std::memchr(from, terminator, static_cast<size_t>(end - from)));
  }
  // `line` has no terminator and lives as long as the batch. Fills what it knows of `record`, whose other
  // members are set already; `error` is set if that is the answer.
  virtual Got parse(std::string_view line, Batch& batch, Record& record, RecordError& error) = 0;
  // Whether a record may span lines, so that line numbers must be counted.
  virtual bool spans_lines() const { return false; }
  // Whether the first line names the columns: parse() throws Error if it cannot.
  virtual bool has_header() const { return false; }
};

// Takes away the byte order mark that may stand before the first line of UTF-8 text: Windows' editors write
// it. Only where text is structured; what is passed on as it is (text, re:) keeps its bytes.
inline std::string_view without_byte_order_mark(std::string_view line) {
  return line.substr(line.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0);
}

// REQUIRES: check_input_format() did not throw.
std::unique_ptr<LineParser> make_line_parser(const LineFormat& format);

// What json, text and re: share: -K and -Z.
class KeyedLines {
 public:
  explicit KeyedLines(const LineFormat& format)
      : separator_(format.key_separator), null_(format.null_marker) {}
  bool plain() const { return !separator_ && !null_; }
  // Splits off the key; false: no separator in the line, `error` says so.
  bool split(std::string_view line, Record& record, RecordError& error) const;

 private:
  std::optional<std::string> separator_;
  std::optional<std::string> null_;
};

}  // namespace kutils::io
