#include "io/regex_lines.h"

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <string>
#include <vector>

#include "base/utf8.h"
#include "data/json_write.h"
#include "io/cell.h"
#include "io/line_parser.h"

namespace kutils::io {
namespace {

RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

class RegexParser final : public LineParser {
 public:
  explicit RegexParser(const LineFormat& format)
      : keyed_(format), strings_(format.csv_strings), regex_(format.regex, options()) {
    const std::string where = "re:" + format.regex + ": ";
    if (!regex_.ok()) throw usage_error(where + regex_.error());
    // In the order of the groups in the expression.
    for (const auto& [number, name] : regex_.CapturingGroupNames()) {
      std::string prefix = groups_.empty() ? "" : ",";
      append_json_string(name, prefix);
      groups_.push_back({number, prefix + ":"});
    }
    if (groups_.empty())
      throw usage_error(where + "it has no named group to make a field of", "write (?P<NAME>...)");
    matches_.resize(static_cast<size_t>(regex_.NumberOfCapturingGroups()) + 1);
  }

  Got parse(std::string_view line, Batch& batch, Record& record, RecordError& error) override {
    if (!keyed_.split(line, record, error)) return Got::error;
    if (record.value.is_null()) return Got::record;
    const std::string_view text = record.value.view();
    // RE2 would stop at such a byte, and the field be a piece of what stands there.
    if (!all_ascii(text) && !is_utf8(text)) {
      error = {Reason::bad_line, std::string("the line is ") + kNotUtf8};
      return Got::error;
    }
    if (!regex_.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::UNANCHORED,
                      matches_.data(), static_cast<int>(matches_.size()))) {
      error = {Reason::bad_line, "the line does not match " + regex_.pattern()};
      return Got::error;
    }
    json_ = '{';
    for (const auto& [number, prefix] : groups_) {
      const auto& match = matches_[static_cast<size_t>(number)];
      json_ += prefix;
      if (match.data() == nullptr) {
        json_ += "null";
      } else if (!append_cell_json({match.data(), match.size()}, strings_, json_)) {
        const size_t quote = prefix.find('"');
        error = {Reason::bad_line,
                 "the group " + prefix.substr(quote, prefix.size() - quote - 1) + " is " + kNotUtf8};
        return Got::error;
      }
    }
    json_ += '}';
    record.value = batch.arena().copy(json_);
    return Got::record;
  }

 private:
  struct Group {
    int number;
    std::string prefix;  // `,"NAME":`, the first without its comma
  };
  KeyedLines keyed_;
  bool strings_;
  RE2 regex_;
  std::vector<Group> groups_;
  std::vector<re2::StringPiece> matches_;
  std::string json_;
};

}  // namespace

std::unique_ptr<LineParser> make_regex_parser(const LineFormat& format) {
  return std::make_unique<RegexParser>(format);
}

}  // namespace kutils::io
