// The format of a file's lines by its name, for hints.
#pragma once

#include <string>

namespace kutils::cli {

// What -I takes; "": JSON, or not known.
inline std::string format_of_file(const std::string& path) {
  if (path.ends_with(".csv")) return "csv";
  if (path.ends_with(".tsv")) return "tsv";
  return path.ends_with(".txt") || path.ends_with(".log") ? "text" : "";
}

}  // namespace kutils::cli
