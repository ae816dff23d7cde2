#include "cli/option_table.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/error.h"

namespace kutils::cli {

const char* title(Group group) {
  switch (group) {
    case Group::tool:
      return "Options";
    case Group::output:
      return "Records and expressions";
    case Group::lines:
      return "Lines";
    case Group::reading:
      return "Where to read, when to end";
    case Group::cluster:
      return "Cluster, group and topics";
    case Group::delivery:
      return "Delivery and errors";
    case Group::general:
      return "General";
  }
  return "";
}

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> out;
  for (size_t from = 0; from <= names.size();) {
    const size_t comma = std::min(names.find(',', from), names.size());
    out.push_back(names.substr(from, comma - from));
    from = comma + 1;
  }
  return out;
}

std::string joined_by_comma(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : ",") + value;
  return out;
}

std::string joined_as_list(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "[" : ", ") + value;
  return out + "]";
}

std::string joined_by_and(const std::vector<std::string>& conditions) {
  std::string out;
  for (const std::string& condition : conditions) out += (out.empty() ? "(" : " && (") + condition + ")";
  return out;
}

void refuse_repeated_name(const std::string& option, const std::string& text,
                          const std::vector<std::string>& earlier) {
  const size_t equals = text.find('=');
  if (equals == text.npos) return;
  const std::string name = text.substr(0, equals);
  for (const std::string& one : earlier)
    if (one.starts_with(name + "="))
      throw usage_error(option + " " + name + " is given twice", "leave one of the two out");
}

void OptionTable::add(Option option) {
  for (const std::string& name : split_names(option.names)) {
    for (const Option& known : options_) {
      for (const std::string& other : split_names(known.names)) {
        if (name == other) throw std::logic_error("option " + name + " declared twice");
      }
    }
  }
  options_.push_back(std::move(option));
}

namespace {

// 10k, 1M, 1_000, 1e6: the number that is meant; "" where it is not clear.
std::string plain_number(std::string_view text) {
  std::string digits;
  size_t at = 0;
  for (; at < text.size() &&
         ((text[at] >= '0' && text[at] <= '9') || ((text[at] == '_' || text[at] == ',') && at > 0));
       ++at)
    if (text[at] != '_' && text[at] != ',') digits += text[at];
  const std::string_view rest = text.substr(at);
  if (digits.empty() || digits.size() > 9) return {};
  if (rest.empty()) return at == digits.size() ? std::string() : digits;
  if (rest == "k" || rest == "K") return digits + "000";
  if (rest == "m" || rest == "M") return digits + "000000";
  if (rest.size() == 2 && (rest[0] == 'e' || rest[0] == 'E') && rest[1] >= '0' && rest[1] <= '9')
    return digits + std::string(static_cast<size_t>(rest[1] - '0'), '0');
  return {};
}

}  // namespace

int64_t parse_number(std::string_view option, std::string_view text, int64_t low, int64_t high) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    std::string range = high == INT64_MAX
                            ? "a whole number from " + std::to_string(low)
                            : "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
    const std::string meant = plain_number(text);
    std::string hint =
        meant.empty() ? "" : "write: " + (option[0] == '-' ? std::string(option) + " " : "") + meant;
    // grep -c
    if (option == "-c" && text.find_first_of("<>=(") != text.npos)
      hint = "records that match are counted by: kfilter '" + std::string(text) + "' IN | wc -l";
    throw usage_error(std::string(option) + ": '" + std::string(text) + "' is not " + range, hint);
  }
  return value;
}

}  // namespace kutils::cli
