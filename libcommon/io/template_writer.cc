#include "io/template_writer.h"

#include <string>
#include <vector>

#include "base/big_endian.h"
#include "data/json_write.h"
#include "io/line_writer.h"

namespace kutils::io {
namespace {

// What a token is made from. `text`, `expression` have no letter.
constexpr TemplateToken kTokens[] = {
    {"s", "the value"},
    {"S", "its length in bytes, -1 for null"},
    {"R", "the same as 4 bytes, big endian"},
    {"k", "the key"},
    {"K", "its length, -1 for null"},
    {"T", "the time, ms since the epoch, -1 for none"},
    {"h", "the headers, NAME=VALUE,..."},
    {"t", "the topic it came from"},
    {"p", "the partition"},
    {"o", "the offset"},
    {"%", "a percent sign"},
};
constexpr char kText = 0;
constexpr char kExpression = '{';

struct Piece {
  char kind;
  std::string text;   // kText
  size_t handle = 0;  // kExpression
};

// Where the `}` stands that ends the expression at `from`: braces nest, strings hide them.
size_t find_brace(std::string_view text, size_t from) {
  int depth = 0;
  for (size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      for (++i; i < text.size() && text[i] != c; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && depth-- == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

class TemplateWriter final : public LineWriter {
 public:
  explicit TemplateWriter(const LineFormat& format)
      : null_(format.null_marker.value_or("")),
        key_codec_(format.key_codec),
        value_codec_(format.value_codec),
        dresser_({.colour = format.dress.colour}),
        expressions_(format.expressions) {
    const std::string_view text = format.output_template;
    std::string literal;
    const auto end_literal = [&] {
      if (!literal.empty()) pieces_.push_back({kText, unescape_option(literal, "-f"), 0});
      literal.clear();
    };
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) {
        literal.append(text.substr(i, 2));
        ++i;
        continue;
      }
      if (text[i] != '%') {
        literal += text[i];
        continue;
      }
      if (++i == text.size()) throw usage_error("-f: a '%' stands at the end", "write %% for a percent sign");
      if (text[i] == kExpression) {
        const size_t end = find_brace(text, i + 1);
        if (end == std::string_view::npos)
          throw usage_error("-f: '%{' at byte " + std::to_string(i - 1) + " has no '}'");
        if (!expressions_) throw usage_error("-f: %{EXPR} is not available here");
        end_literal();
        pieces_.push_back({kExpression, {}, expressions_->add(text.substr(i + 1, end - i - 1))});
        i = end;
      } else if (text[i] == '%') {
        literal += '%';
      } else {
        require_token(text[i]);
        end_literal();
        pieces_.push_back({text[i], {}, 0});
      }
    }
    end_literal();
  }

  std::optional<RecordError> write(const Record* origin, const Output& output, std::string& out) override {
    Record record;
    if (origin) record = *origin;
    record.key = output.key;
    record.value = output.value;
    record.headers = output.headers;
    record.timestamp = output.timestamp;
    MaybeBytes key = output.key;
    MaybeBytes value = output.value;
    if (auto error = decode(key_codec_, key, key_scratch_)) return error;
    if (auto error = decode(value_codec_, value, value_scratch_)) return error;
    const size_t before = out.size();
    for (const Piece& piece : pieces_) {
      if (piece.kind != kExpression) {
        append(piece, record, key, value, out);
      } else if (auto error = expressions_->append(record, piece.handle, out)) {
        out.resize(before);
        return error;
      }
    }
    return std::nullopt;
  }

 private:
  static void require_token(char letter) {
    std::string known;
    for (const TemplateToken& token : kTokens) {
      if (token.letter[0] == letter) return;
      known.append("%").append(token.letter).append(" ");
    }
    // rpk's letters where ours, kcat's, are others.
    const char* theirs = letter == 'v'   ? "rpk's %v, the value, is %s here; "
                         : letter == 'd' ? "rpk's %d, the time, is %T here; "
                                         : "";
    throw usage_error(std::string("-f: there is no token '%") + letter + "'",
                      theirs + ("known are " + known) + "%{EXPR}");
  }
  static int64_t length(const MaybeBytes& bytes) {
    return bytes.is_null() ? -1 : static_cast<int64_t>(bytes.size());
  }

  void append(const Piece& piece, const Record& record, const MaybeBytes& key, const MaybeBytes& value,
              std::string& out) {
    switch (piece.kind) {
      case kText:
        out += piece.text;
        break;
      case 's':
        if (value.is_null())
          out += null_;
        else
          dresser_.append(value.view(), out);
        break;
      case 'S':
        append_json_int(length(value), out);
        break;
      case 'R':
        append_big_endian(static_cast<int32_t>(length(value)), out);
        break;
      case 'k':
        out += key.is_null() ? std::string_view(null_) : key.view();
        break;
      case 'K':
        append_json_int(length(key), out);
        break;
      case 'T':
        append_json_int(record.timestamp, out);
        break;
      case 't':
        out += record.topic;
        break;
      case 'p':
        append_json_int(record.partition, out);
        break;
      case 'o':
        append_json_int(record.offset, out);
        break;
      case 'h':
        for (const Header& header : record.headers) {
          if (&header != record.headers.data()) out += ',';
          out.append(header.name).append("=").append(header.value.is_null() ? "NULL" : header.value.view());
        }
        break;
      default:
        break;
    }
  }

  std::string null_;
  std::optional<Codec> key_codec_;
  std::optional<Codec> value_codec_;
  ValueDresser dresser_;  // for --color always
  const TemplateExpressions* expressions_;
  std::vector<Piece> pieces_;
  std::string key_scratch_;
  std::string value_scratch_;
};

}  // namespace

std::span<const TemplateToken> template_tokens() { return kTokens; }

std::unique_ptr<LineWriter> make_template_writer(const LineFormat& format) {
  return std::make_unique<TemplateWriter>(format);
}

}  // namespace kutils::io
