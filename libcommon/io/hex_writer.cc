#include "io/hex_writer.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/printable.h"
#include "base/time_format.h"

namespace kutils::io {
namespace {

constexpr size_t kPerLine = 16;

void append_dump(std::string_view bytes, std::string& out) {
  char text[32];
  for (size_t at = 0; at < bytes.size(); at += kPerLine) {
    const std::string_view line = bytes.substr(at, kPerLine);
    std::snprintf(text, sizeof text, "%08zx ", at);
    out += text;
    for (size_t i = 0; i < kPerLine; ++i) {
      if (i == kPerLine / 2) out += ' ';
      if (i < line.size()) {
        std::snprintf(text, sizeof text, " %02x", static_cast<unsigned>(static_cast<unsigned char>(line[i])));
        out += text;
      } else {
        out += "   ";
      }
    }
    out += "  |";
    for (const char c : line) out += c >= ' ' && c <= '~' ? c : '.';
    out += "|\n";
  }
}

void append_part(const std::string& name, const MaybeBytes& bytes, std::string& out) {
  if (bytes.is_null()) {
    out += name + ": null\n";
    return;
  }
  out += name + ": " + std::to_string(bytes.size()) + (bytes.size() == 1 ? " byte\n" : " bytes\n");
  append_dump(bytes.view(), out);
}

class HexWriter final : public LineWriter {
 public:
  std::optional<RecordError> write(const Record* origin, const Output& output, std::string& out) override {
    if (!is_first_) out += '\n';
    is_first_ = false;
    if (origin && origin->partition != kNoPartition) {
      out += std::string(origin->topic) + " [" + std::to_string(origin->partition) + "] @ " +
             std::to_string(origin->offset);
      if (output.timestamp != kNoTimestamp) out += "  " + format_iso_ms(output.timestamp);
      out += '\n';
    }
    append_part("key", output.key, out);
    for (const Header& header : output.headers)
      append_part("header " + printable_line(header.name), header.value, out);
    append_part("value", output.value, out);
    return std::nullopt;
  }

 private:
  bool is_first_ = true;
};

}  // namespace

std::unique_ptr<LineWriter> make_hex_writer(const LineFormat&) { return std::make_unique<HexWriter>(); }

}  // namespace kutils::io
