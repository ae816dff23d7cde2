// What ktop shows of looks at the cluster: rows of cells, for the screen and for programs. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/rows.h"
#include "ktop/cluster_look.h"

namespace kutils::ktop {

struct Cell {
  enum class Kind { none, text, count, rate, age };
  Kind kind = Kind::none;
  std::string text = {};
  double number = 0;  // age: milliseconds
};

struct Column {
  std::string title;  // on the screen
  std::string name;   // for programs
  bool is_right = true;
  int weight = 0;  // a narrow screen leaves out columns of the largest weight first; 0: never
};

struct TableRow {
  std::string id;  // what stays when the row moves
  std::vector<Cell> cells;
};

struct Table {
  std::vector<Column> columns;  // the first one takes the room that is left
  std::vector<TableRow> rows;
  size_t sort = 0;          // column to sort by at first
  bool descending = false;  // and how
};

// Of `focus`, at `now`; rates are from `before` to `now`, and missing where there was no look before.
// `internal`: with changelogs, repartition topics and the cluster's own.
Table make_table(const Focus& focus, const Look& now, const Look* before, bool internal);

// Whether what `focus` opens is there.
bool exists(const Focus& focus, const Look& now);

// Of topics but the internal ones: how many, and records a second into them; the lag of all groups.
size_t count_of_topics(const Look& now);
std::optional<double> rate_of_all(const Look& now, const Look* before);
int64_t lag_of_all(const Look& now);

// By a column: numbers before texts, rows without a value last, equal ones by the first column.
void sort_rows(Table& table, size_t column, bool descending);

cli::Row to_row(const Table& table, const TableRow& row, bool for_people);

// At most six columns wide: 12345, 123k, 1.2M, 7.5, 0.1.
std::string short_number(double number);
// At most six: 850ms, 12s, 3m10s, 2h05m, 4d07h, 320d.
std::string short_age(double ms);

}  // namespace kutils::ktop
