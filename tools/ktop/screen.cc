#include "ktop/screen.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/display_width.h"
#include "base/printable.h"
#include "base/utf8.h"

namespace kutils::ktop {
namespace {

constexpr size_t kLeastFirst = 12;  // columns of a name, before others are left out
constexpr std::string_view kBold = "\033[1m", kReverse = "\033[7m", kDim = "\033[2m", kRed = "\033[31m",
                           kPlain = "\033[0m";

std::string cut_to(std::string_view text, size_t columns) {
  std::string out;
  size_t width = 0;
  while (!text.empty()) {
    const size_t n = std::max<size_t>(1, utf8_sequence(text));
    const size_t more = display_width(text.substr(0, n));
    if (width + more > columns) break;
    out += text.substr(0, n);
    width += more;
    text.remove_prefix(n);
  }
  return out;
}

// Exactly so wide. Names that are too long lose their middle: groups differ at their ends.
std::string fitted(const std::string& text, size_t columns, bool right) {
  const size_t width = display_width(text);
  if (width <= columns) {
    const std::string pad(columns - width, ' ');
    return right ? pad + text : text + pad;
  }
  if (columns < 8 || text.size() != width) {
    std::string out = cut_to(text, columns);
    return out + std::string(columns - display_width(out), ' ');
  }
  const size_t tail = (columns - 2) / 2;
  return text.substr(0, columns - 2 - tail) + ".." + text.substr(text.size() - tail);
}

std::string shown(const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::none:
      return "-";
    case Cell::Kind::text:
      return printable_line(cell.text);
    case Cell::Kind::count:
    case Cell::Kind::rate:
      return short_number(cell.number);
    case Cell::Kind::age:
      return short_age(cell.number);
  }
  return {};
}

// Offsets of a partition are read off, not compared at a glance.
bool is_exact(const Column& column) {
  return column.name == "begin" || column.name == "end" || column.name == "committed";
}

std::string styled(std::string_view style, const std::string& text) {
  return std::string(style) + text + std::string(kPlain);
}

const char* word_of(View view) {
  return view == View::groups ? "groups" : view == View::topics ? "topics" : "tools";
}

}  // namespace

void Screen::show(std::optional<Look> before, Look now) {
  before_ = std::move(before);
  now_ = std::move(now);
  problem_.clear();
}

Screen::Order& Screen::order(const Table& table) {
  return orders_.try_emplace(place(), Order{table.sort, table.descending}).first->second;
}

Table Screen::table() {
  if (!now_) return {};
  Table table = make_table(focus_, *now_, before_ ? &*before_ : nullptr, internal_);
  if (!filter_.empty() && focus_.opened.empty()) {
    const auto lacks = [this](const TableRow& row) {
      return std::none_of(row.cells.begin(), row.cells.end(), [this](const Cell& cell) {
        return cell.kind == Cell::Kind::text && cell.text.find(filter_) != std::string::npos;
      });
    };
    table.rows.erase(std::remove_if(table.rows.begin(), table.rows.end(), lacks), table.rows.end());
  }
  const Order by = order(table);
  sort_rows(table, by.column, by.descending);
  return table;
}

size_t Screen::selected_row(const Table& table) {
  const std::string& id = selected_[place()];
  for (size_t i = 0; i < table.rows.size(); ++i)
    if (table.rows[i].id == id) return i;
  return 0;
}

void Screen::open(const Table& table) {
  if (!focus_.opened.empty() || table.rows.empty()) return;
  const TableRow& row = table.rows[selected_row(table)];
  selected_[place()] = row.id;
  Focus next{focus_.view, row.id};
  // A tool without metrics is its group.
  if (focus_.view == View::tools && !exists(next, *now_)) next.view = View::groups;
  focus_ = next;
  selected_.erase(place());
  widths_.erase(place());
  first_ = 0;
}

void Screen::go(View view) {
  focus_ = {view, {}};
  first_ = 0;
  filter_.clear();
}

void Screen::move(int64_t by) {
  const Table rows = table();
  if (rows.rows.empty()) return;
  const auto last = static_cast<int64_t>(rows.rows.size()) - 1;
  const int64_t to = std::clamp<int64_t>(static_cast<int64_t>(selected_row(rows)) + by, 0, last);
  selected_[place()] = rows.rows[static_cast<size_t>(to)].id;
}

void Screen::edit_filter(const Key& key) {
  switch (key.kind) {
    case Key::Kind::text:
      filter_ += key.text;
      break;
    case Key::Kind::backspace:
      while (!filter_.empty() && (static_cast<unsigned char>(filter_.back()) & 0xC0) == 0x80)
        filter_.pop_back();
      if (!filter_.empty()) filter_.pop_back();
      break;
    case Key::Kind::escape:
      filter_.clear();
      edits_filter_ = false;
      break;
    case Key::Kind::enter:
      edits_filter_ = false;
      break;
    default:
      edits_filter_ = false;
  }
}

bool Screen::press(const Key& key) {
  if (edits_filter_) {
    edit_filter(key);
    return true;
  }
  if (std::exchange(helps_, false)) return !(key.kind == Key::Kind::text && key.text == "q");
  const auto page = static_cast<int64_t>(std::max<size_t>(room_, 2) - 1);
  const auto turn_column = [this](size_t by) {
    const Table rows = table();
    if (rows.columns.empty()) return;
    Order& now = order(rows);
    now.column = (now.column + by) % rows.columns.size();
    // What is a number is looked at for its largest.
    now.descending = rows.columns[now.column].is_right;
  };
  const auto back = [this] {
    if (!focus_.opened.empty()) {
      focus_.opened.clear();
      first_ = 0;
    } else {
      filter_.clear();
    }
  };
  const size_t all = std::max<size_t>(1, table().columns.size());
  switch (key.kind) {
    case Key::Kind::up:
      move(-1);
      return true;
    case Key::Kind::down:
      move(1);
      return true;
    case Key::Kind::page_up:
      move(-page);
      return true;
    case Key::Kind::page_down:
      move(page);
      return true;
    case Key::Kind::home:
      move(INT32_MIN);
      return true;
    case Key::Kind::end:
      move(INT32_MAX);
      return true;
    case Key::Kind::left:
      turn_column(all - 1);
      return true;
    case Key::Kind::right:
      turn_column(1);
      return true;
    case Key::Kind::enter:
      open(table());
      return true;
    case Key::Kind::escape:
    case Key::Kind::backspace:
      back();
      return true;
    case Key::Kind::tab:
      go(focus_.view == View::groups   ? View::topics
         : focus_.view == View::topics ? View::tools
                                       : View::groups);
      return true;
    case Key::Kind::text:
      break;
  }
  const std::string& text = key.text;
  if (text == "q") return false;
  if (text == "1") go(View::groups);
  if (text == "2") go(View::topics);
  if (text == "3") go(View::tools);
  if (text == "k") move(-1);
  if (text == "j") move(1);
  if (text == "g") move(INT32_MIN);
  if (text == "G") move(INT32_MAX);
  if (text == "s" || text == ">") turn_column(1);
  if (text == "S" || text == "<") turn_column(all - 1);
  if (text == "i") internal_ = !internal_;
  if (text == "h" || text == "?") helps_ = true;
  if (text == "/" && focus_.opened.empty()) edits_filter_ = true;
  if (text == "r") {
    const Table rows = table();
    if (!rows.columns.empty()) order(rows).descending = !order(rows).descending;
  }
  return true;
}

std::string Screen::head(size_t columns, int64_t now_ms) const {
  std::string left = " ktop  " + cluster_;
  if (now_) {
    left += "   " + std::to_string(now_->groups.size()) + " groups, " +
            std::to_string(count_of_topics(*now_)) + " topics   lag " +
            short_number(static_cast<double>(lag_of_all(*now_)));
    if (const auto rate = rate_of_all(*now_, before_ ? &*before_ : nullptr))
      left += "   in " + short_number(*rate) + "/s";
  }
  const std::time_t seconds = now_ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char time[16];
  std::strftime(time, sizeof time, "%H:%M:%S ", &local);
  const size_t room = columns > 10 ? columns - 10 : columns;
  std::string line = fitted(cut_to(printable_line(left), room), room, false);
  if (columns > 10) line += " " + std::string(time);
  return styled(kReverse, line);
}

std::string Screen::tabs(size_t columns) const {
  std::string line;
  size_t width = 0;
  const auto add = [&](const std::string& text, std::string_view style) {
    const std::string some = cut_to(text, columns - std::min(width, columns));
    width += display_width(some);
    line += style.empty() ? some : styled(style, some);
  };
  int number = 1;
  for (const View view : {View::groups, View::topics, View::tools}) {
    add(" ", {});
    add(std::to_string(number++) + " " + word_of(view), view == focus_.view ? kBold : kDim);
    add(" ", {});
  }
  if (!focus_.opened.empty()) add(" > " + printable_line(focus_.opened), kBold);
  if (edits_filter_ || !filter_.empty())
    add("  /" + printable_line(filter_) + (edits_filter_ ? "_" : ""), kBold);
  std::string news = problem_;
  if (news.empty() && now_)
    for (const std::string& note : now_->notes) news += (news.empty() ? "" : "; ") + note;
  if (!now_ && news.empty()) news = "asking ...";
  if (!news.empty())
    add("  " + printable_line(news), colour_ && !problem_.empty() ? kRed : std::string_view());
  return line;
}

std::string Screen::keys_line(size_t columns) const {
  const char* text = edits_filter_ ? " type what names hold   Enter keep   Esc all"
                     : focus_.opened.empty()
                         ? " Enter open   Tab view   s sort  r reverse  / filter   h help   q quit"
                         : " Esc back   s sort  r reverse   Tab view   h help   q quit";
  return styled(kReverse, fitted(cut_to(text, columns), columns, false));
}

std::vector<std::string> Screen::help(const ScreenSize& size) const {
  static constexpr std::string_view kText[] = {
      "",
      " 1 2 3, Tab        groups, topics, running tools",
      " Up Down, k j      select a row; PgUp PgDn, Home End, g G",
      " Enter             open it: partitions of a group or topic, figures of a tool",
      " Esc, Backspace    back; in a list: without the filter",
      " s S, Right Left   sort by the next or previous column",
      " r                 reverse the order",
      " /                 only rows whose names hold a text",
      " i                 with changelogs, repartition topics, the cluster's own",
      " q, Ctrl-C         quit",
      "",
      " LAG     offsets between what is committed and the end",
      " AGE     how long the first record waits that is not read yet",
      " IN/S    offsets added in a second; ends of transactions count, too",
      " READ/S  offsets that the group committed in a second",
      " LEFT    how long until the group has caught up, at this rate",
      "",
      " Any key goes back.",
  };
  std::vector<std::string> out;
  for (const std::string_view line : kText) {
    if (out.size() + 2 >= size.rows) break;
    out.push_back(cut_to(line, size.columns));
  }
  return out;
}

void Screen::append_table(std::vector<std::string>& out, const ScreenSize& size) {
  const Table table = this->table();
  if (table.columns.empty()) return;
  const auto cell_text = [&](const TableRow& row, size_t column) {
    const Cell& cell = row.cells[column];
    if (cell.kind == Cell::Kind::count && is_exact(table.columns[column]))
      return std::to_string(static_cast<int64_t>(cell.number));
    return shown(cell);
  };
  std::vector<size_t>& widths = widths_[place()];
  widths.resize(table.columns.size());
  for (size_t i = 0; i < table.columns.size(); ++i) {
    // The sorted column's title has a mark behind it.
    widths[i] = std::max(widths[i], table.columns[i].title.size() + (i == order(table).column ? 1 : 0));
    for (const TableRow& row : table.rows) widths[i] = std::max(widths[i], display_width(cell_text(row, i)));
  }
  // What does not fit is left out; the first column gets what is left.
  std::vector<bool> is_shown(table.columns.size(), true);
  const auto taken = [&] {
    size_t all = 0;
    for (size_t i = 1; i < widths.size(); ++i)
      if (is_shown[i]) all += widths[i] + 2;
    return all;
  };
  while (taken() + std::min(kLeastFirst, widths[0]) > size.columns) {
    size_t worst = 0;
    for (size_t i = 1; i < widths.size(); ++i)
      if (is_shown[i] && (worst == 0 || table.columns[i].weight > table.columns[worst].weight)) worst = i;
    if (worst == 0) break;
    // The last text of a row may be cut instead.
    is_shown[worst] = false;
  }
  const size_t room_for_first = size.columns > taken() ? size.columns - taken() : 1;
  const size_t first_width = std::min(widths[0], room_for_first);

  const Order by = order(table);
  const auto line_of = [&](const auto& text_of) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      if (!is_shown[i]) continue;
      if (i > 0) line += "  ";
      line += fitted(text_of(i), i == 0 ? first_width : widths[i], table.columns[i].is_right);
    }
    return cut_to(line, size.columns);
  };
  out.push_back(styled(kBold, line_of([&](size_t i) {
                         return table.columns[i].title + (i == by.column ? (by.descending ? "v" : "^") : "");
                       })));
  room_ = size.rows > out.size() + 1 ? size.rows - out.size() - 1 : 1;
  const size_t selected = selected_row(table);
  if (selected < first_) first_ = selected;
  if (selected >= first_ + room_) first_ = selected - room_ + 1;
  if (first_ + room_ > table.rows.size()) first_ = table.rows.size() > room_ ? table.rows.size() - room_ : 0;
  for (size_t n = first_; n < table.rows.size() && n < first_ + room_; ++n) {
    std::string line = line_of([&](size_t i) { return cell_text(table.rows[n], i); });
    if (n == selected) {
      line += std::string(size.columns - std::min(size.columns, display_width(line)), ' ');
      line = styled(kReverse, line);
    }
    out.push_back(std::move(line));
  }
  if (!table.rows.empty() || !now_) return;
  const char* nothing = !focus_.opened.empty() ? "it is gone, or has no partitions"
                        : !filter_.empty()     ? "nothing has a name that holds this; Esc shows all"
                        : focus_.view == View::tools
                            ? "no tool runs with --http on this machine, or in a group here; "
                              "others: ktop --http HOST:PORT"
                        : focus_.view == View::groups ? "no group has committed an offset"
                                                      : "there are internal topics only; i shows them";
  out.push_back(cut_to(std::string("  ") + nothing, size.columns));
}

std::vector<std::string> Screen::lines(const ScreenSize& size, int64_t now_ms) {
  std::vector<std::string> out;
  out.push_back(head(size.columns, now_ms));
  if (size.rows < 5) return out;
  if (helps_) {
    for (std::string& line : help(size)) out.push_back(std::move(line));
  } else {
    out.push_back(tabs(size.columns));
    append_table(out, size);
  }
  out.resize(size.rows - 1);
  out.push_back(keys_line(size.columns));
  return out;
}

}  // namespace kutils::ktop
