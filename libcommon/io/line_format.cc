#include "io/line_format.h"

#include <cctype>
#include <vector>

#include "base/nearest_name.h"
#include "io/csv.h"
#include "io/envelope.h"
#include "io/hex_writer.h"
#include "io/line_parser.h"
#include "io/line_writer.h"
#include "io/plain_lines.h"
#include "io/regex_lines.h"
#include "io/table_writer.h"
#include "io/template_writer.h"

namespace kutils::io {
namespace {

// A new format is a line here and its file.
constexpr LineFormatInfo kFormats[] = {
    {"json", "one JSON value per line", true, true, make_json_parser, make_plain_writer},
    {"envelope", "all of a record as a JSON object, as kcat -J", false, false, make_envelope_parser,
     make_envelope_writer},
    {"csv", "comma-separated, the first row names the fields", false, true, make_csv_parser, make_csv_writer},
    {"tsv", "the same with tabs", false, true, make_tsv_parser, make_tsv_writer},
    {"text", "a line is the value, as it is", true, true, make_text_parser, make_plain_writer},
    {"re", "re:REGEX, named groups are the fields (in only)", true, true, make_regex_parser, nullptr},
    {"table", "aligned columns for people (out only)", false, true, nullptr, make_table_writer},
    {"hex", "key, headers and value byte by byte, as hexdump -C (out only)", false, false, nullptr,
     make_hex_writer},
};

std::string all_names(bool input) {
  std::string names;
  for (const LineFormatInfo& info : kFormats) {
    if (input ? info.make_parser != nullptr : info.make_writer != nullptr)
      names.append(names.empty() ? "" : " ").append(info.name);
  }
  return names;
}

// Codecs around a parser: the lines hold the decoded form, records the bytes.
class EncodingParser final : public LineParser {
 public:
  EncodingParser(std::unique_ptr<LineParser> inner, const LineFormat& format)
      : inner_(std::move(inner)), key_codec_(format.key_codec), value_codec_(format.value_codec) {}
  const char* find_end(const char* from, const char* end, char terminator) override {
    return inner_->find_end(from, end, terminator);
  }
  bool spans_lines() const override { return inner_->spans_lines(); }
  Got parse(std::string_view line, Batch& batch, Record& record, RecordError& error) override {
    const Got got = inner_->parse(line, batch, record, error);
    if (got != Got::record) return got;
    if (!encode(key_codec_, record.key, batch, error) || !encode(value_codec_, record.value, batch, error))
      return Got::error;
    return got;
  }

 private:
  bool encode(const std::optional<Codec>& codec, MaybeBytes& bytes, Batch& batch, RecordError& error) {
    if (!codec || codec->is_identity() || bytes.is_null()) return true;
    auto encoded = codec->encode(bytes.view(), scratch_);
    if (!encoded) {
      error = std::move(encoded.error());
      return false;
    }
    bytes = batch.arena().copy(*encoded);
    return true;
  }

  std::unique_ptr<LineParser> inner_;
  std::optional<Codec> key_codec_;
  std::optional<Codec> value_codec_;
  std::string scratch_;
};

class DecodingWriter final : public LineWriter {
 public:
  DecodingWriter(std::unique_ptr<LineWriter> inner, const LineFormat& format)
      : inner_(std::move(inner)), key_codec_(format.key_codec), value_codec_(format.value_codec) {}
  std::optional<RecordError> write(const Record* origin, const Output& output, std::string& out) override {
    Output decoded = output;
    if (auto error = decode(key_codec_, decoded.key, key_)) return error;
    if (auto error = decode(value_codec_, decoded.value, value_)) return error;
    return inner_->write(origin, decoded, out);
  }
  void flush(std::string& out) override { inner_->flush(out); }
  void finish(std::string& out) override { inner_->finish(out); }

 private:
  std::unique_ptr<LineWriter> inner_;
  std::optional<Codec> key_codec_;
  std::optional<Codec> value_codec_;
  std::string key_;
  std::string value_;
};

bool has_codec(const LineFormat& format) {
  return (format.key_codec && !format.key_codec->is_identity()) ||
         (format.value_codec && !format.value_codec->is_identity());
}

}  // namespace

std::span<const LineFormatInfo> line_formats() { return kFormats; }

LineFormat::LineFormat() : info(&kFormats[0]) {}
std::string_view LineFormat::name() const { return info->name; }

LineFormat parse_line_format(std::string_view text, std::string_view option) {
  const bool input = option != "-O";
  LineFormat format;
  const std::string where = std::string(option) + " " + std::string(text) + ": ";
  std::string_view name = text;
  if (text.substr(0, 3) == "re:") {
    name = "re";
    format.regex = text.substr(3);
  }
  for (const LineFormatInfo& info : kFormats) {
    if (info.name != name) continue;
    format.info = &info;
    if (input ? !info.make_parser : !info.make_writer)
      throw usage_error(where + "this format can only be " + (input ? "written" : "read"),
                        "the formats here are " + all_names(input));
    if (name == "re" && text.substr(0, 3) != "re:")
      throw usage_error(where + "the expression is missing", "write re:REGEX");
    if (input) check_input_format(format);
    return format;
  }
  std::vector<std::string> names;
  for (const LineFormatInfo& info : kFormats) names.emplace_back(info.name);
  const std::string near = nearest_name(name, names);
  throw usage_error(where + "there is no such format", (near.empty() ? "" : "did you mean '" + near + "'? ") +
                                                           "The formats are " + all_names(input));
}

std::string unescape_option(std::string_view text, std::string_view option) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char c = i + 1 < text.size() ? text[i + 1] : '\0';
    const auto hex = [&](size_t at) -> int {
      if (at >= text.size() || !std::isxdigit(static_cast<unsigned char>(text[at]))) return -1;
      const char digit = static_cast<char>(std::tolower(static_cast<unsigned char>(text[at])));
      return digit <= '9' ? digit - '0' : digit - 'a' + 10;
    };
    switch (c) {
      case 't':
        out += '\t';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case '0':
        out += '\0';
        break;
      case '\\':
        out += '\\';
        break;
      case 'x':
        if (hex(i + 2) >= 0 && hex(i + 3) >= 0) {
          out += static_cast<char>(hex(i + 2) * 16 + hex(i + 3));
          i += 2;
          break;
        }
        [[fallthrough]];
      default:
        throw usage_error(std::string(option) + ": '" + std::string(text) +
                              "' has an unknown escape at byte " + std::to_string(i),
                          "known are \\t \\n \\r \\0 \\\\ \\xNN");
    }
    ++i;
  }
  return out;
}

void check_input_format(const LineFormat& format) {
  const std::string name(format.name());
  if (!format.info->make_parser) throw usage_error("-I " + name + ": this format can only be written");
  if (format.key_separator) {
    if (!format.info->takes_key_separator)
      throw usage_error("-K cannot be used with " + name + " lines", "take the key from a field: --key NAME");
    if (format.key_separator->empty()) throw usage_error("-K: the separator is empty");
  }
  if (format.null_marker && !format.info->takes_null_marker)
    throw usage_error("-Z cannot be used with " + name + " lines: null is null there");
  // Compiles what the format holds, and throws what is wrong with it.
  format.info->make_parser(format);
}

void check_output_format(const LineFormat& format) {
  const std::string name(format.name());
  if (!format.info->make_writer) throw usage_error("-O " + name + ": this format can only be read");
  if (format.key_separator) {
    if (!format.info->takes_key_separator || !format.output_template.empty())
      throw usage_error("-K cannot be used with " +
                        (format.output_template.empty() ? name + " lines" : "-f"));
    if (format.key_separator->empty()) throw usage_error("-K: the separator is empty");
  }
  if (format.null_marker && format.output_template.empty() && !format.info->takes_null_marker)
    throw usage_error("-Z cannot be used with " + name + " lines: null is null there");
  make_line_writer(format);
}

std::unique_ptr<LineParser> make_line_parser(const LineFormat& format) {
  auto parser = format.info->make_parser(format);
  if (!has_codec(format)) return parser;
  return std::make_unique<EncodingParser>(std::move(parser), format);
}

std::optional<RecordError> decode(const std::optional<Codec>& codec, MaybeBytes& bytes,
                                  std::string& scratch) {
  if (!codec || codec->is_identity() || bytes.is_null()) return std::nullopt;
  auto decoded = codec->decode(bytes.view(), scratch);
  if (!decoded) return std::move(decoded.error());
  bytes = *decoded;
  return std::nullopt;
}

std::unique_ptr<LineWriter> make_line_writer(const LineFormat& format) {
  // It shows the record to expressions as it is, and decodes by itself.
  if (!format.output_template.empty()) return make_template_writer(format);
  auto writer = format.info->make_writer(format);
  if (!has_codec(format)) return writer;
  return std::make_unique<DecodingWriter>(std::move(writer), format);
}

bool KeyedLines::split(std::string_view line, Record& record, RecordError& error) const {
  std::string_view value = line;
  if (separator_) {
    const size_t at = line.find(*separator_);
    if (at == std::string_view::npos) {
      error = {Reason::bad_line, "the key separator '" + *separator_ + "' of -K is not in the line"};
      return false;
    }
    record.key = line.substr(0, at);
    if (null_ && record.key.view() == *null_) record.key = MaybeBytes();
    value = line.substr(at + separator_->size());
  }
  record.value = null_ && value == *null_ ? MaybeBytes() : MaybeBytes(value);
  return true;
}

}  // namespace kutils::io
