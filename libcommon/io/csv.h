// CSV and TSV with RFC 4180's quoting: cells that hold the separator, quotes or line ends stand in quotes,
// quotes within are doubled. The first row names the fields. Read as JSON objects, written from them.
#pragma once

#include <memory>

#include "io/line_format.h"

namespace kutils::io {

std::unique_ptr<LineParser> make_csv_parser(const LineFormat& format);
std::unique_ptr<LineParser> make_tsv_parser(const LineFormat& format);
std::unique_ptr<LineWriter> make_csv_writer(const LineFormat& format);
std::unique_ptr<LineWriter> make_tsv_writer(const LineFormat& format);

}  // namespace kutils::io
