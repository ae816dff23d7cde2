#include "io/table_writer.h"

#include <algorithm>
#include <vector>

#include "base/display_width.h"
#include "data/json_fields.h"
#include "io/line_writer.h"

namespace kutils::io {
namespace {

constexpr size_t kMaxRowsHeld = 1000;

class TableWriter final : public LineWriter {
 public:
  explicit TableWriter(const LineFormat& format) : null_(format.null_marker.value_or("null")) {
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
      for (size_t i = 0; i < columns_.size(); ++i) header.push_back({columns_[i], rows_.front()[i].right});
      append_row(header, out);
      header_due_ = false;
    }
    for (const auto& row : rows_) append_row(row, out);
    rows_.clear();
  }

 private:
  void append_row(const std::vector<TableCell>& row, std::string& out) const {
    for (size_t i = 0; i < row.size(); ++i) {
      const size_t pad = widths_[i] - std::min(widths_[i], display_width(row[i].text));
      if (i > 0) out += "  ";
      if (row[i].right) out.append(pad, ' ');
      out += row[i].text;
      if (!row[i].right && i + 1 < row.size()) out.append(pad, ' ');
    }
    out += '\n';
  }

  std::string null_;
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
  if (raw == "null") return {null, false};
  if (raw[0] != '"') return {std::string(raw), raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9')};
  return {printable(parse_scalar(raw, scratch)->string), false};
}

std::unique_ptr<LineWriter> make_table_writer(const LineFormat& format) {
  if (format.live || !format.sort_by.empty()) return make_whole_table_writer(format);
  return std::make_unique<TableWriter>(format);
}

}  // namespace kutils::io
