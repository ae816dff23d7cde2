#include "flow/query/description.h"

#include <algorithm>

#include "base/duration.h"
#include "data/json_fields.h"
#include "data/json_write.h"
#include "flow/aggregate/json_elements.h"

namespace kutils::flow {
namespace {

// Rows of which something is computed, or all values are kept, are of a version of their own: who knows nothing of that
// would show them wrongly.
constexpr int64_t kVersion = 1;
constexpr int64_t kVersionOfMore = 2;

// `name` of the object `json`; nullopt: it has none, or is none.
std::optional<std::string> text_of(const JsonField& field) {
  if (field.type != JsonType::string) return std::nullopt;
  return std::string(field.string);
}

std::optional<double> number_of(const JsonField& field) {
  switch (field.type) {
    case JsonType::integer:
      return static_cast<double>(field.integer);
    case JsonType::unsigned_integer:
      return static_cast<double>(field.unsigned_integer);
    case JsonType::real:
      return field.real.value;
    default:
      return std::nullopt;
  }
}

bool read_aggregate(std::string_view text, std::vector<AggregateItem>& to) {
  FieldSet names;
  const size_t name = names.slot("name"), function = names.slot("function"),
               parameters = names.slot("parameters"), rows = names.slot("rows");
  FieldReader reader(names);
  if (reader.read(text)) return false;
  const auto item_name = text_of(reader[name]), item_function = text_of(reader[function]);
  if (!item_name || !item_function || find_aggregate_function(*item_function) == nullptr) return false;
  AggregateItem item{*item_name, *item_function, {}, {}, {}};
  bool good = true;
  if (reader[parameters].type == JsonType::array) {
    for_each_json_element(reader[parameters].raw, [&](std::string_view element) {
      std::string scratch;
      const auto field = parse_scalar(element, scratch);
      const auto number = field ? number_of(*field) : std::nullopt;
      if (number) item.parameters.push_back(*number);
      return good = number.has_value();
    });
  }
  item.of_rows = reader[rows].type == JsonType::boolean && reader[rows].boolean;
  to.push_back(std::move(item));
  return good;
}

bool read_column(std::string_view text, std::vector<RowColumn>& to) {
  FieldSet names;
  const size_t name = names.slot("name"), expression = names.slot("expression");
  FieldReader reader(names);
  if (reader.read(text)) return false;
  const auto column = text_of(reader[name]);
  if (!column) return false;
  to.push_back({*column, text_of(reader[expression]).value_or("")});
  return true;
}

}  // namespace

std::string to_text(const StateDescription& description) {
  const RowColumns& columns = description.columns;
  const std::vector<AggregateItem>& items = description.aggregates;
  const bool is_more = !columns.list.empty() || !columns.having.empty() ||
                       std::any_of(items.begin(), items.end(), [](const auto& item) { return item.of_rows; });
  std::string out = "{\"version\":" + std::to_string(is_more ? kVersionOfMore : kVersion) + ",\"tool\":";
  append_json_string(description.tool, out);
  if (!description.output.empty()) {
    out += ",\"output\":";
    append_json_string(description.output, out);
  }
  out += ",\"key\":[";
  for (const std::string& name : description.key_names) {
    if (out.back() != '[') out += ',';
    append_json_string(name, out);
  }
  out += ']';
  if (description.window) {
    WindowSpec bare = *description.window;
    const bool is_calendar = bare.is_calendar();
    bare.align = 0;
    bare.zone.clear();
    std::string window = to_string(bare);
    if (is_calendar) window.pop_back();  // the place of the zone
    out += ",\"window\":";
    append_json_string(window, out);
    if (description.window->align != 0) {
      out += ",\"align\":";
      append_json_string(format_duration(std::chrono::milliseconds(description.window->align)), out);
    }
    if (is_calendar) {
      out += ",\"tz\":";
      append_json_string(description.window->zone, out);
    }
    out += ",\"grace\":" + std::to_string(description.grace);
    out += std::string(",\"times\":") + (description.times_as_ms ? "\"ms\"" : "\"iso\"");
  }
  out += ",\"aggregates\":[";
  for (const AggregateItem& item : description.aggregates) {
    if (out.back() != '[') out += ',';
    out += "{\"name\":";
    append_json_string(item.name, out);
    out += ",\"function\":";
    append_json_string(item.function, out);
    if (!item.parameters.empty()) {
      out += ",\"parameters\":[";
      for (const double parameter : item.parameters) {
        if (out.back() != '[') out += ',';
        if (!append_json_double(parameter, out)) out += "null";
      }
      out += ']';
    }
    if (item.of_rows) out += ",\"rows\":true";
    out += '}';
  }
  out += ']';
  if (!columns.list.empty()) {
    out += ",\"columns\":[";
    for (const RowColumn& column : columns.list) {
      if (out.back() != '[') out += ',';
      out += "{\"name\":";
      append_json_string(column.name, out);
      if (!column.expression.empty()) {
        out += ",\"expression\":";
        append_json_string(column.expression, out);
      }
      out += '}';
    }
    out += ']';
  }
  if (!columns.having.empty()) {
    out += ",\"having\":";
    append_json_string(columns.having, out);
  }
  return out + '}';
}

std::optional<StateDescription> parse_description(std::string_view text) {
  FieldSet names;
  const size_t version = names.slot("version"), tool = names.slot("tool"), output = names.slot("output"),
               key = names.slot("key"), window = names.slot("window"), align = names.slot("align"),
               zone = names.slot("tz"), grace = names.slot("grace"), times = names.slot("times"),
               aggregates = names.slot("aggregates"), columns = names.slot("columns"),
               having = names.slot("having");
  FieldReader reader(names);
  if (reader.read(text)) return std::nullopt;
  if (reader[version].type != JsonType::integer ||
      (reader[version].integer != kVersion && reader[version].integer != kVersionOfMore))
    return std::nullopt;
  if (reader[key].type != JsonType::array || reader[aggregates].type != JsonType::array) return std::nullopt;
  StateDescription description;
  description.tool = text_of(reader[tool]).value_or("");
  description.output = text_of(reader[output]).value_or("");
  bool good = true;
  for_each_json_element(reader[key].raw, [&](std::string_view element) {
    std::string scratch;
    const auto field = parse_scalar(element, scratch);
    const auto name = field ? text_of(*field) : std::nullopt;
    if (name) description.key_names.push_back(*name);
    return good = name.has_value();
  });
  for_each_json_element(reader[aggregates].raw, [&](std::string_view element) {
    return good = good && read_aggregate(element, description.aggregates);
  });
  if (reader[columns].type == JsonType::array)
    for_each_json_element(reader[columns].raw, [&](std::string_view element) {
      return good = good && read_column(element, description.columns.list);
    });
  description.columns.having = text_of(reader[having]).value_or("");
  if (!good) return std::nullopt;
  if (const auto spec = text_of(reader[window])) {
    try {
      description.window =
          parse_window_spec(*spec, text_of(reader[align]).value_or(""), text_of(reader[zone]).value_or(""));
    } catch (const Error&) {
      return std::nullopt;
    }
    if (reader[grace].type != JsonType::integer) return std::nullopt;
    description.grace = reader[grace].integer;
    description.times_as_ms = text_of(reader[times]).value_or("iso") == "ms";
  }
  return description;
}

}  // namespace kutils::flow
