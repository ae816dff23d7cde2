// What a person sees of ktop, and what keys do: a list or what one of its rows is made of, with a selected
// row, an order and a filter. Pure: looks and keys in, lines out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ktop/tables.h"
#include "ktop/terminal.h"

namespace kutils::ktop {

class Screen {
 public:
  // `colour`: beside bold and reverse, which every terminal has.
  Screen(Focus focus, std::string cluster, bool colour)
      : focus_(std::move(focus)), cluster_(std::move(cluster)), colour_(colour) {}

  // What is asked for now.
  const Focus& focus() const { return focus_; }
  // A look has come; `before` is the one that rates are counted from.
  void show(std::optional<Look> before, Look now);
  // The last look failed: what is shown stays, and says so.
  void fail(const std::string& why) { problem_ = why; }
  // False: the user wants to leave.
  bool press(const Key& key);
  std::vector<std::string> lines(const ScreenSize& size, int64_t now_ms);

 private:
  struct Order {
    size_t column = 0;
    bool descending = false;
  };
  using Place = std::pair<View, bool>;  // a list, or one of it

  Place place() const { return {focus_.view, !focus_.opened.empty()}; }
  Order& order(const Table& table);
  Table table();
  size_t selected_row(const Table& table);
  void open(const Table& table);
  void go(View view);
  void move(int64_t by);
  void edit_filter(const Key& key);
  std::string head(size_t columns, int64_t now_ms) const;
  std::string tabs(size_t columns) const;
  std::string keys_line(size_t columns) const;
  std::vector<std::string> help(const ScreenSize& size) const;
  void append_table(std::vector<std::string>& out, const ScreenSize& size);

  Focus focus_;
  const std::string cluster_;
  const bool colour_;
  std::optional<Look> before_, now_;
  std::string problem_;
  std::string filter_;
  bool edits_filter_ = false, internal_ = false, helps_ = false;
  std::map<Place, Order> orders_;
  std::map<Place, std::string> selected_;        // ids of rows
  std::map<Place, std::vector<size_t>> widths_;  // they only grow, so that columns stand still
  size_t first_ = 0;                             // the row at the top
  size_t room_ = 1;                              // rows that the screen had
};

}  // namespace kutils::ktop
