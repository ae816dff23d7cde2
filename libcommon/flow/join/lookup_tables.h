// The tables that kjoin looks rows up in: a whole topic (--global), or a file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "expr/expressions.h"
#include "flow/join/lookup_table.h"
#include "io/endpoint.h"
#include "io/line_format.h"

namespace kutils::flow {

// All partitions of the topic `at`, read from their beginning without a group: the newest value of each key, which
// a NULL value deletes. open() returns when they are read to the ends that they had when it began. Rows
// that are no JSON or have no key are treated as --on-error says of records; no dead letters are written of them.
std::shared_ptr<LookupTable> make_global_table(io::Endpoint at);

struct LookupFile {
  std::string path;
  io::LineFormat format;
  std::string key;  // the expression over a row that gives its key
  expr::Options options = {};
  std::optional<Millis> reload = std::nullopt;  // how often to look whether it has changed
};
// The rows of a file. A file that has changed replaces all rows at once; one that cannot be read, or has an
// unusable row, replaces none, and a note says why. Throws usage_error for a bad expression.
std::shared_ptr<LookupTable> make_file_table(const LookupFile& file);

}  // namespace kutils::flow
