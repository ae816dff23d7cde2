#include "kafka/properties.h"

#include <librdkafka/rdkafka.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <vector>

#include "base/trim.h"

namespace kutils::kafka {
namespace {

std::string shown_table() {
  char* memory = nullptr;
  size_t size = 0;
  std::FILE* file = open_memstream(&memory, &size);
  if (!file) return {};
  rd_kafka_conf_properties_show(file);
  std::fclose(file);
  std::string text(memory, size);
  std::free(memory);
  return text;
}

// Rows are `name | C/P | range | default | importance | description`; a cell's own bar is written as `\|`.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> out(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      out.back() += '|';
      ++i;
    } else if (line[i] == '|') {
      out.emplace_back();
    } else {
      out.back() += line[i];
    }
  }
  for (std::string& cell : out) cell = std::string(trim(cell));
  return out;
}

std::map<std::string, Property> parse() {
  std::map<std::string, Property> out;
  std::istringstream lines(shown_table());
  for (std::string line; std::getline(lines, line);) {
    const auto row = cells(line);
    if (row.size() < 5 || row[0] == "Property" || row[0].find("---") == 0) continue;
    // Names that are not letters, digits, dots, dashes or underscores are table decoration.
    if (row[0].empty() || row[0].find(' ') != std::string::npos) continue;
    Property& property = out[row[0]];
    const bool both = row[1].find('*') != std::string::npos;
    property.consumer = property.consumer || both || row[1].find('C') != std::string::npos;
    property.producer = property.producer || both || row[1].find('P') != std::string::npos;
    property.range = row[2];
    property.default_value = row[3];
  }
  return out;
}

}  // namespace

const std::map<std::string, Property>& known_properties() {
  static const std::map<std::string, Property> table = parse();
  return table;
}

}  // namespace kutils::kafka
