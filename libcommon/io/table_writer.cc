#include "io/table_writer.h"

#include <algorithm>
#include <vector>

#include "base/correction.h"
#include "base/display_width.h"
#include "base/nearest_name.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "data/json_fields.h"
#include "io/json_dress.h"
#include "io/line_writer.h"

namespace kutils::io {
namespace {

constexpr size_t kMaxRowsHeld = 1000;

// The longest beginning of `text` that is at most `columns` wide.
std::string_view cut(std::string_view text, size_t columns) {
  if (display_width(text) <= columns) return text;
  size_t at = 0;
  while (at < text.size()) {
    const size_t next = at + std::max<size_t>(1, utf8_sequence(text.substr(at)));
    if (display_width(text.substr(0, next)) > columns) break;
    at = next;
  }
  return text.substr(0, at);
}

class TableWriter final : public LineWriter {
 public:
  explicit TableWriter(const LineFormat& format)
      : null_(format.null_marker.value_or("null")), colours_(format.dress.colour) {
    reader_.want_members();
  }

  std::optional<RecordError> write(const Record*, const Output& output, std::string& out) override {
    std::vector<std::string> names;
    std::vector<TableCell> row;
    // What is no object still is a row: of one cell.
    if (output.value.is_null() || reader_.read(output.value.view())) {
      names.emplace_back("value");
      row.push_back({output.value.is_null() ? null_ : printable(output.value.view()), false});
    } else {
      for (const JsonMember& member : reader_.members()) {
        names.push_back(printable(member.name));
        row.push_back(table_cell(member.value_raw, null_, scratch_));
      }
    }
    if (colours_)  // the sink does not escape what has colours
      for (TableCell& cell : row) cell.text = kutils::printable(cell.text);
    if (names != columns_) {
      flush(out);
      columns_ = std::move(names);
      widths_.assign(columns_.size(), 0);
      for (size_t i = 0; i < columns_.size(); ++i) widths_[i] = display_width(columns_[i]);
      header_due_ = true;
    }
    rows_.push_back(std::move(row));
    if (rows_.size() >= kMaxRowsHeld) flush(out);
    return std::nullopt;
  }

  void flush(std::string& out) override {
    if (rows_.empty()) return;
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], display_width(row[i].text));
    }
    if (header_due_) {
      std::vector<TableCell> header;
      for (size_t i = 0; i < columns_.size(); ++i)
        header.push_back(
            {colours_ ? kutils::printable(columns_[i]) : columns_[i], rows_.front()[i].right, kNameColour});
      append(header, out);
      header_due_ = false;
    }
    for (const auto& row : rows_) append(row, out);
    rows_.clear();
  }

 private:
  void append(const std::vector<TableCell>& row, std::string& out) const {
    std::vector<const TableCell*> cells;
    for (const TableCell& cell : row) cells.push_back(&cell);
    append_table_row(cells, widths_, colours_, std::string::npos, out);
  }

  std::string null_;
  const bool colours_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
  std::vector<std::string> columns_;
  std::vector<size_t> widths_;
  std::vector<std::vector<TableCell>> rows_;
  bool header_due_ = false;
  std::string scratch_;
};

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
      continue;
    }
    out += "\\x";
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TableCell table_cell(std::string_view raw, const std::string& null, std::string& scratch) {
  const std::string_view colour = colour_of(raw);
  if (raw == "null") return {null, false, colour};
  if (raw[0] != '"') return {std::string(raw), raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'), colour};
  return {printable(parse_scalar(raw, scratch)->string), false, colour};
}

void append_table_row(const std::vector<const TableCell*>& cells, const std::vector<size_t>& widths,
                      bool colours, size_t most, std::string& out) {
  size_t used = 0;  // columns
  const auto append = [&](std::string_view text, std::string_view colour) {
    text = cut(text, most - used);
    used += display_width(text);
    if (text.empty()) return;
    if (colours) out += colour;
    out += text;
    if (colours && !colour.empty()) out += kNoColour;
  };
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string_view text = cells[i] == nullptr ? std::string_view() : std::string_view(cells[i]->text);
    const bool right = cells[i] != nullptr && cells[i]->right;
    const std::string pad(widths[i] - std::min(widths[i], display_width(text)), ' ');
    if (i > 0) append("  ", {});
    if (right) append(pad, {});
    append(text, cells[i] == nullptr ? std::string_view() : cells[i]->colour);
    if (!right && i + 1 < cells.size()) append(pad, {});
  }
  out += '\n';
}

void check_sort_column(const std::string& sort_by, const std::vector<std::string>& columns) {
  const std::string sign = sort_by.starts_with('-') ? "-" : "", name = sort_by.substr(sign.size());
  if (name.empty() || std::find(columns.begin(), columns.end(), name) != columns.end()) return;
  std::string names;
  for (const std::string& column : columns) names.append(names.empty() ? "" : ", ").append(column);
  const std::string message = "--sort " + sort_by + ": the rows have no column '" + name + "'";
  const std::string near = nearest_name(name, columns);
  if (near.empty()) throw usage_error(message, "their columns are " + names);
  throw CorrectedError(
      message, {.before = "their columns are " + names + "; write: ", .add = {{"--sort", sign + near}}});
}

std::unique_ptr<LineWriter> make_table_writer(const LineFormat& format) {
  if (format.live || !format.sort_by.empty()) return make_whole_table_writer(format);
  return std::make_unique<TableWriter>(format);
}

}  // namespace kutils::io
