#include "io/csv.h"

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "data/json_fields.h"
#include "data/json_write.h"
#include "io/cell.h"
#include "io/line_parser.h"
#include "io/line_writer.h"

namespace kutils::io {
namespace {

RecordError bad_row(std::string message) { return {Reason::bad_line, std::move(message)}; }

class CsvParser final : public LineParser {
 public:
  CsvParser(const LineFormat& format, char separator)
      : separator_(separator), strings_(format.csv_strings), null_(format.null_marker) {}

  bool spans_lines() const override { return true; }
  bool has_header() const override { return true; }

  const char* find_end(const char* from, const char* end, char terminator) override {
    for (const char* at = from; at != end; ++at) {
      const char c = *at;
      switch (state_) {
        case State::cell_start:
          if (c == '"') {
            state_ = State::quoted;
            break;
          }
          state_ = State::plain;
          [[fallthrough]];
        case State::plain:
        case State::after_quote:
          if (c == '"' && state_ == State::after_quote) {
            state_ = State::quoted;  // a doubled quote
          } else if (c == separator_) {
            state_ = State::cell_start;
          } else if (c == terminator) {
            state_ = State::cell_start;
            return at;
          } else {
            state_ = State::plain;
          }
          break;
        case State::quoted:
          if (c == '"') state_ = State::after_quote;
          break;
      }
    }
    return nullptr;
  }

  Got parse(std::string_view line, Batch& batch, Record& record, RecordError& error) override {
    if (!has_header_) line = without_byte_order_mark(line);
    // Windows' line ends. Within quotes the quote would come last.
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) return Got::nothing;
    if (!has_header_) {
      take_header(line);
      return Got::nothing;
    }
    json_ = '{';
    size_t count = 0;
    std::string_view rest = line;
    while (true) {
      std::string_view cell;
      const char* wrong = nullptr;
      const bool more = take_cell(rest, cell, wrong);
      if (wrong) return fail(error, "cell " + std::to_string(count + 1) + ": " + wrong);
      if (count < names_.size()) {
        json_ += names_[count];
        if (null_ && cell == *null_)
          json_ += "null";
        else if (!append_cell_json(cell, strings_, json_))
          return fail(error, "cell " + std::to_string(count + 1) + " is " + kNotUtf8);
      }
      ++count;
      if (!more) break;
    }
    if (count != names_.size()) {
      return fail(error, "the row has " + std::to_string(count) + " cells, the header " +
                             std::to_string(names_.size()));
    }
    json_ += '}';
    record.value = batch.arena().copy(json_);
    return Got::record;
  }

 private:
  enum class State { cell_start, plain, quoted, after_quote };

  static Got fail(RecordError& error, std::string message) {
    error = bad_row(std::move(message));
    return Got::error;
  }

  void take_header(std::string_view line) {
    std::vector<std::string> seen;
    std::string_view rest = line;
    bool more = true;
    while (more) {
      std::string_view cell;
      const char* wrong = nullptr;
      const bool quoted = !rest.empty() && rest[0] == '"';
      more = take_cell(rest, cell, wrong);
      if (wrong)
        throw Error(ExitCode::bad_record,
                    "the header row is broken: column " + std::to_string(seen.size() + 1) + ": " + wrong);
      // Else the whole input would be one row of names, and none of its records would come.
      if (!quoted && cell.find('\r') != std::string_view::npos)
        throw Error(ExitCode::bad_record,
                    "the header row is broken: column " + std::to_string(seen.size() + 1) +
                        ": a carriage return stands in the middle of it; do lines end with CR alone?",
                    "lines end with LF or CR LF; change them with: tr '\\r' '\\n' <FILE");
      if (std::find(seen.begin(), seen.end(), cell) != seen.end())
        throw Error(ExitCode::bad_record,
                    "the header row names the column '" + std::string(cell) + "' twice");
      if (!is_utf8(cell))
        throw Error(ExitCode::bad_record,
                    "the header row is broken: column " + std::to_string(seen.size() + 1) + " is not UTF-8",
                    "if it is Latin-1, read it with --encoding latin1");
      seen.emplace_back(cell);
      std::string name = names_.empty() ? "" : ",";
      append_json_string(cell, name);
      names_.push_back(name + ":");
    }
    has_header_ = true;
  }

  // Takes one cell and the separator behind it; true if there was one. `cell` may point into cell_.
  bool take_cell(std::string_view& rest, std::string_view& cell, const char*& wrong) {
    if (rest.empty() || rest[0] != '"') {
      const size_t end = rest.find(separator_);
      cell = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      return end != std::string_view::npos;
    }
    rest.remove_prefix(1);
    bool copied = false;
    while (true) {
      const size_t quote = rest.find('"');
      if (quote == std::string_view::npos) {
        wrong = "its quote is not closed";
        return false;
      }
      const std::string_view part = rest.substr(0, quote);
      rest.remove_prefix(quote + 1);
      if (!rest.empty() && rest[0] == '"') {
        if (!copied) cell_.clear();
        copied = true;
        cell_.append(part).push_back('"');
        rest.remove_prefix(1);
        continue;
      }
      cell = part;
      if (copied) cell = cell_.append(part);
      break;
    }
    if (rest.empty()) return false;
    if (rest[0] != separator_) {
      wrong = "text follows its closing quote";
      return false;
    }
    rest.remove_prefix(1);
    return true;
  }

  char separator_;
  bool strings_;
  std::optional<std::string> null_;
  State state_ = State::cell_start;
  bool has_header_ = false;
  std::vector<std::string> names_;  // `,"NAME":`, the first without its comma
  std::string json_;
  std::string cell_;
};

class CsvWriter final : public LineWriter {
 public:
  CsvWriter(const LineFormat& format, char separator)
      : separator_(separator), end_(format.nul_ended ? '\0' : '\n'), null_(format.null_marker.value_or("")) {
    reader_.want_members();
  }

  std::optional<RecordError> write(const Record*, const Output& output, std::string& out) override {
    if (output.value.is_null()) return RecordError{Reason::not_expressible, "a null value has no columns"};
    if (auto error = reader_.read(output.value.view())) return error;
    const auto& members = reader_.members();
    if (columns_.empty()) {
      if (members.empty())
        return RecordError{Reason::not_expressible, "an object without fields has no columns"};
      for (const JsonMember& member : members) columns_.emplace_back(member.name);
      for (size_t i = 0; i < columns_.size(); ++i) append_cell(columns_[i], i, out);
      out += end_;
    }
    const size_t before = out.size();
    if (members.size() != columns_.size()) return other_columns();
    for (size_t i = 0; i < columns_.size(); ++i) {
      const JsonMember* member = &members[i];
      if (member->name != columns_[i]) {
        const auto found = std::find_if(members.begin(), members.end(),
                                        [&](const JsonMember& m) { return m.name == columns_[i]; });
        if (found == members.end()) {
          out.resize(before);
          return other_columns();
        }
        member = &*found;
      }
      append_value(member->value_raw, i, out);
    }
    out += end_;
    return std::nullopt;
  }

 private:
  RecordError other_columns() const {
    std::string message = "the record's fields are";
    for (const JsonMember& member : reader_.members()) message.append(" ").append(member.name);
    message += ", and the columns of the first row are";
    for (const std::string& column : columns_) message.append(" ").append(column);
    return {Reason::not_expressible, message + "; kmap gives all records the same fields"};
  }
  void append_value(std::string_view raw, size_t i, std::string& out) {
    if (raw == "null") {
      append_cell(null_, i, out);
    } else if (raw[0] != '"') {
      append_cell(raw, i, out);
    } else if (raw.find('\\') == std::string_view::npos) {
      append_cell(raw.substr(1, raw.size() - 2), i, out);
    } else {
      append_cell(parse_scalar(raw, scratch_)->string, i, out);
    }
  }
  void append_cell(std::string_view cell, size_t i, std::string& out) const {
    if (i > 0) out += separator_;
    const char special[] = {separator_, '"', '\n', '\r', end_};
    // A lone empty cell would be a blank line, and a byte order mark in front would not count as text.
    const bool quoted =
        cell.find_first_of(std::string_view(special, sizeof special)) != std::string_view::npos ||
        (cell.empty() && columns_.size() == 1) || cell.substr(0, 3) == "\xEF\xBB\xBF";
    if (!quoted) {
      out += cell;
      return;
    }
    out += '"';
    for (const char c : cell) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }

  char separator_;
  char end_;
  std::string null_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
  std::vector<std::string> columns_;
  std::string scratch_;
};

}  // namespace

std::unique_ptr<LineParser> make_csv_parser(const LineFormat& format) {
  return std::make_unique<CsvParser>(format, ',');
}
std::unique_ptr<LineParser> make_tsv_parser(const LineFormat& format) {
  return std::make_unique<CsvParser>(format, '\t');
}
std::unique_ptr<LineWriter> make_csv_writer(const LineFormat& format) {
  return std::make_unique<CsvWriter>(format, ',');
}
std::unique_ptr<LineWriter> make_tsv_writer(const LineFormat& format) {
  return std::make_unique<CsvWriter>(format, '\t');
}

}  // namespace kutils::io
