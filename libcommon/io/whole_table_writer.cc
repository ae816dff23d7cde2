#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/display_width.h"
#include "base/foreground.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "data/json_fields.h"
#include "io/line_writer.h"
#include "io/table_writer.h"

namespace kutils::io {
namespace {

constexpr size_t kMaxRows = 100'000;  // beyond them the row that came first goes

struct Screen {
  size_t rows = 24;
  size_t columns = 80;
};
Screen screen() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

// What of `text` fits into so many columns.
std::string_view cut(std::string_view text, size_t columns) {
  size_t at = 0;
  for (size_t shown = 0; at < text.size() && shown < columns; ++shown)
    at += std::max<size_t>(1, utf8_sequence(text.substr(at)));
  return text.substr(0, at);
}

class WholeTable final : public LineWriter {
 public:
  explicit WholeTable(const LineFormat& format)
      : live_(format.live),
        newest_(format.newest_rows),
        sort_(format.sort_by),
        null_(format.null_marker.value_or("null")) {
    if (!sort_.empty() && sort_[0] == '-') {
      descending_ = true;
      sort_.erase(0, 1);
    }
    reader_.want_members();
  }

  std::optional<RecordError> write(const Record*, const Output& output, std::string&) override {
    Row row;
    std::string id(output.key.view());
    bool removes = output.value.is_null();
    bool has_window = false;
    if (removes || reader_.read(output.value.view())) {
      if (!removes) row.cells.emplace(column("value"), TableCell{printable(output.value.view()), false});
    } else {
      for (const JsonMember& member : reader_.members()) {
        if (member.name == "_deleted" && member.value_raw == "true") removes = true;
        if (member.name == "window_start" || member.name == "window_end") {
          id.append(1, '\0').append(member.value_raw);
          has_window = true;
        }
        row.cells.emplace(column(printable(member.name)), table_cell(member.value_raw, null_, scratch_));
      }
    }
    if (!newest_) id = std::to_string(next_);
    const auto known = rows_.find(id);
    if (removes) {
      if (known != rows_.end()) rows_.erase(known);
      return std::nullopt;
    }
    if (!sort_.empty()) {
      const auto by = std::find(columns_.begin(), columns_.end(), sort_);
      if (by == columns_.end() || row.cells.count(static_cast<size_t>(by - columns_.begin())) == 0)
        return RecordError{Reason::not_expressible,
                           "the row has no column '" + sort_ + "' to sort by; it has " + names_of(row)};
    }
    windows_ = windows_ || has_window;
    row.number = known != rows_.end() ? known->second.number : next_++;
    rows_[std::move(id)] = std::move(row);
    if (rows_.size() > kMaxRows)
      rows_.erase(std::min_element(rows_.begin(), rows_.end(), [](const auto& a, const auto& b) {
        return a.second.number < b.second.number;
      }));
    return std::nullopt;
  }

  void flush(std::string& out) override {
    if (!live_) return;
    if (is_in_foreground(STDOUT_FILENO)) return draw(out, false);
    drawn_ = 0;  // the shell has gone on behind it
  }
  void finish(std::string& out) override {
    if (live_ && !is_in_foreground(STDOUT_FILENO)) drawn_ = 0;
    draw(out, true);
  }

 private:
  struct Row {
    std::map<size_t, TableCell> cells;  // by column
    uint64_t number = 0;                // in the order of their first coming
  };

  size_t column(const std::string& name) {
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found != columns_.end()) return static_cast<size_t>(found - columns_.begin());
    columns_.push_back(name);
    widths_.push_back(display_width(name));
    return columns_.size() - 1;
  }

  std::string names_of(const Row& row) const {
    std::string names;
    for (const auto& [at, cell] : row.cells) names.append(names.empty() ? "" : ", ").append(columns_[at]);
    return names;
  }

  // Numbers by their size and in front of texts.
  static bool less(const TableCell& a, const TableCell& b) {
    if (a.right != b.right) return a.right;
    if (!a.right) return a.text < b.text;
    return std::strtod(a.text.c_str(), nullptr) < std::strtod(b.text.c_str(), nullptr);
  }

  std::vector<const Row*> sorted() const {
    std::vector<const Row*> rows;
    for (const auto& [id, row] : rows_) rows.push_back(&row);
    std::sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) { return a->number < b->number; });
    // Windows: the newest first, if nothing else is asked for.
    const std::string& by = sort_.empty() && windows_ && live_ ? kWindowStart : sort_;
    const auto found = std::find(columns_.begin(), columns_.end(), by);
    if (by.empty() || found == columns_.end()) return rows;
    const auto at = static_cast<size_t>(found - columns_.begin());
    const bool down = descending_ || sort_.empty();
    static const TableCell kNothing;
    std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) {
      const auto left = a->cells.find(at), right = b->cells.find(at);
      const TableCell& x = left == a->cells.end() ? kNothing : left->second;
      const TableCell& y = right == b->cells.end() ? kNothing : right->second;
      return down ? less(y, x) : less(x, y);
    });
    return rows;
  }

  void draw(std::string& out, bool whole) {
    if (live_ && drawn_ > 0) out += "\033[" + std::to_string(drawn_) + "A\r\033[J";
    drawn_ = 0;
    if (rows_.empty()) return;
    const Screen size = screen();
    const std::vector<const Row*> rows = sorted();
    // The header, the rows, a line about the rest, and the line where the cursor stands.
    const size_t room = size.rows > 4 ? size.rows - 3 : 1;
    const size_t shown = whole || rows.size() <= room ? rows.size() : room;
    for (size_t i = 0; i < shown; ++i)
      for (const auto& [at, cell] : rows[i]->cells)
        widths_[at] = std::max(widths_[at], display_width(cell.text));
    const auto line = [&](const std::function<const TableCell*(size_t)>& cell_of) {
      std::string text;
      for (size_t i = 0; i < columns_.size(); ++i) {
        const TableCell* cell = cell_of(i);
        const std::string empty;
        const std::string& shows = cell ? cell->text : empty;
        const size_t pad = widths_[i] - std::min(widths_[i], display_width(shows));
        if (i > 0) text += "  ";
        if (cell && cell->right) text.append(pad, ' ');
        text += shows;
        if (!(cell && cell->right) && i + 1 < columns_.size()) text.append(pad, ' ');
      }
      // A line that wraps would be two, and the next drawing begin too low.
      if (live_) text = kutils::printable(text);
      out += live_ && !whole ? cut(text, size.columns) : std::string_view(text);
      out += '\n';
      ++drawn_;
    };
    std::vector<TableCell> header;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto first = rows.front()->cells.find(i);
      header.push_back({columns_[i], first != rows.front()->cells.end() && first->second.right});
    }
    line([&](size_t i) { return &header[i]; });
    for (size_t n = 0; n < shown; ++n)
      line([&](size_t i) {
        const auto found = rows[n]->cells.find(i);
        return found == rows[n]->cells.end() ? nullptr : &found->second;
      });
    if (shown == rows.size()) return;
    out += "... " + std::to_string(rows.size() - shown) + " more\n";
    ++drawn_;
  }

  inline static const std::string kWindowStart = "window_start";
  const bool live_;
  const bool newest_;
  std::string sort_;
  bool descending_ = false;
  std::string null_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
  std::string scratch_;
  std::vector<std::string> columns_;
  std::vector<size_t> widths_;
  std::map<std::string, Row> rows_;
  uint64_t next_ = 0;
  size_t drawn_ = 0;  // lines on the terminal that are ours
  bool windows_ = false;
};

}  // namespace

std::unique_ptr<LineWriter> make_whole_table_writer(const LineFormat& format) {
  return std::make_unique<WholeTable>(format);
}

}  // namespace kutils::io
