#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <vector>

#include "base/display_width.h"
#include "base/error.h"
#include "base/foreground.h"
#include "base/printable.h"
#include "data/json_fields.h"
#include "data/json_number.h"
#include "io/json_dress.h"
#include "io/line_writer.h"
#include "io/table_writer.h"

namespace kutils::io {
namespace {

constexpr size_t kMaxRows = 100'000;  // in memory; of a live table the row that came first goes then

struct Screen {
  size_t rows = 24;
  size_t columns = 80;
};
Screen screen() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

class WholeTable final : public LineWriter {
 public:
  explicit WholeTable(const LineFormat& format)
      : live_(format.live),
        colours_(format.dress.colour),
        newest_(format.newest_rows),
        sort_by_(format.sort_by),
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
      // Sorted as a number, if it is one.
      const std::string_view value = output.value.view();
      if (!removes) row.cells.emplace(column("value"), shown({printable(value), is_json_number(value)}));
    } else {
      for (const JsonMember& member : reader_.members()) {
        if (member.name == "_deleted" && member.value_raw == "true") removes = true;
        if (member.name == "window_start" || member.name == "window_end") {
          id.append(1, '\0').append(member.value_raw);
          has_window = true;
        }
        row.cells.emplace(column(shown({printable(member.name), false}).text),
                          shown(table_cell(member.value_raw, null_, scratch_)));
      }
    }
    if (!newest_) id = std::to_string(next_);
    const auto known = rows_.find(id);
    if (removes) {
      if (known != rows_.end()) forget(known);
      return std::nullopt;
    }
    windows_ = windows_ || has_window;
    row.number = known != rows_.end() ? known->second.number : next_++;
    const auto [at, is_new] = rows_.insert_or_assign(std::move(id), std::move(row));
    if (is_new) by_number_.emplace(at->second.number, at);
    if (rows_.size() <= kMaxRows) return std::nullopt;
    if (!live_)
      throw usage_error("--sort: there are more than 100,000 rows, which a sorted table holds in memory",
                        "choose fewer, or sort them as lines: ... -O tsv | sort");
    forget(by_number_.begin()->second);
    ++forgotten_;
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

  using Rows = std::map<std::string, Row>;  // by key and window

  void forget(Rows::iterator row) {
    by_number_.erase(row->second.number);
    rows_.erase(row);
  }

  // The sink escapes nothing of what is drawn, for it has codes of its own.
  TableCell shown(TableCell cell) const {
    if (live_ || colours_) cell.text = kutils::printable(cell.text);
    return cell;
  }

  // Where it is not known yet, a new one.
  size_t column(const std::string& name) {
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found != columns_.end()) return static_cast<size_t>(found - columns_.begin());
    columns_.push_back(name);
    widths_.push_back(display_width(name));
    return columns_.size() - 1;
  }

  // Numbers by their size and in front of texts.
  static bool less(const TableCell& a, const TableCell& b) {
    if (a.right != b.right) return a.right;
    if (!a.right) return a.text < b.text;
    return std::strtod(a.text.c_str(), nullptr) < std::strtod(b.text.c_str(), nullptr);
  }

  std::vector<const Row*> sorted() const {
    std::vector<const Row*> rows;
    for (const auto& [number, at] : by_number_) rows.push_back(&at->second);
    // Windows: the newest first, if nothing else is asked for.
    const std::string& by = sort_.empty() && windows_ && live_ ? kWindowStart : sort_;
    const auto found = std::find(columns_.begin(), columns_.end(), by);
    if (by.empty() || found == columns_.end()) return rows;
    const auto at = static_cast<size_t>(found - columns_.begin());
    const bool down = descending_ || sort_.empty();
    std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) {
      const auto x = a->cells.find(at), y = b->cells.find(at);
      // What lacks the column comes last in either order.
      if (x == a->cells.end() || y == b->cells.end()) return x != a->cells.end() && y == b->cells.end();
      return down ? less(y->second, x->second) : less(x->second, y->second);
    });
    return rows;
  }

  void draw(std::string& out, bool whole) {
    if (live_ && drawn_ > 0) out += "\033[" + std::to_string(drawn_) + "A\r\033[J";
    drawn_ = 0;
    if (rows_.empty()) return;
    check_sort_column(sort_by_, columns_);
    const Screen size = screen();
    const std::vector<const Row*> rows = sorted();
    // The header, the rows, a line about the rest, and the line where the cursor stands.
    const size_t room = size.rows > 4 ? size.rows - 3 : 1;
    const size_t shown = whole || rows.size() <= room ? rows.size() : room;
    for (size_t i = 0; i < shown; ++i)
      for (const auto& [at, cell] : rows[i]->cells)
        widths_[at] = std::max(widths_[at], display_width(cell.text));
    const auto line = [&](const std::map<size_t, TableCell>& row) {
      std::vector<const TableCell*> cells;
      for (size_t i = 0; i < columns_.size(); ++i) {
        const auto found = row.find(i);
        cells.push_back(found == row.end() ? nullptr : &found->second);
      }
      // A line that wraps would be two, and the next drawing begin too low.
      append_table_row(cells, widths_, colours_, live_ && !whole ? size.columns : std::string::npos, out);
      ++drawn_;
    };
    std::map<size_t, TableCell> header;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto first = rows.front()->cells.find(i);
      const bool right = first != rows.front()->cells.end() && first->second.right;
      header[i] = {columns_[i], right, kNameColour};
    }
    line(header);
    for (size_t n = 0; n < shown; ++n) line(rows[n]->cells);
    const uint64_t more = rows.size() - shown + forgotten_;
    if (more == 0) return;
    out += "... " + std::to_string(more) + " more\n";
    ++drawn_;
  }

  inline static const std::string kWindowStart = "window_start";
  const bool live_;
  const bool colours_;
  const bool newest_;
  const std::string sort_by_;
  std::string sort_;  // its column
  bool descending_ = false;
  std::string null_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
  std::string scratch_;
  std::vector<std::string> columns_;
  std::vector<size_t> widths_;
  Rows rows_;
  std::map<uint64_t, Rows::iterator> by_number_;
  uint64_t next_ = 0;
  uint64_t forgotten_ = 0;
  size_t drawn_ = 0;  // lines on the terminal that are ours
  bool windows_ = false;
};

}  // namespace

std::unique_ptr<LineWriter> make_whole_table_writer(const LineFormat& format) {
  return std::make_unique<WholeTable>(format);
}

}  // namespace kutils::io
