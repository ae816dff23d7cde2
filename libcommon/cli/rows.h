// What tools that ask the cluster print: rows of named cells, as a table for people or as JSON, CSV or TSV for
// programs (-O, --json).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/option_table.h"
#include "io/line_format.h"

namespace kutils::cli {

// One row, its cells in the order in which they are added.
class Row {
 public:
  Row& text(std::string_view name, std::string_view value);
  Row& number(std::string_view name, int64_t value);
  Row& number(std::string_view name, std::optional<int64_t> value);  // null where there is none
  Row& flag(std::string_view name, bool value);
  Row& null(std::string_view name);
  // `json` is a JSON value.
  Row& raw(std::string_view name, std::string_view json);
  std::string json() const { return json_ + "}"; }

 private:
  void begin(std::string_view name);
  std::string json_ = "{";
};

class Rows {
 public:
  Rows() : format_(io::parse_line_format("table", "-O")) {}
  void declare(OptionTable& table);      // -O, --json
  bool given() const { return given_; }  // -O or --json
  // Where no format was given: JSON, for what another program reads.
  void prefer_json();
  // Whether the rows are read by people: durations instead of milliseconds, empty cells instead of null.
  bool for_people() const { return format_.name() == "table"; }
  void add(const Row& row) { rows_.push_back(row.json()); }
  bool empty() const { return rows_.empty(); }
  // Prints all of them to standard output, and forgets them. False: the reader of a pipe is gone.
  bool print();

 private:
  void set(const io::LineFormat& format);

  io::LineFormat format_;
  bool given_ = false;
  std::vector<std::string> rows_;
};

}  // namespace kutils::cli
