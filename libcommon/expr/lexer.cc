#include "expr/lexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/utf8.h"
#include "expr/source_error.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

constexpr std::string_view kReserved[] = {
    "as",  "break", "const",     "continue", "else",    "false",  "for",  "function", "if",   "import", "in",
    "let", "loop",  "namespace", "null",     "package", "return", "true", "var",      "void", "while"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_name_start(c) || is_digit(c); }
int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    if (text_.size() > kMaxExpressionBytes)
      throw SourceError{
          "the expression is longer than " + std::to_string(kMaxExpressionBytes) + " bytes", 0, 1, {}};
    if (!is_utf8(text_)) throw SourceError{"the expression is not UTF-8", 0, 1, {}};
    for (;;) {
      skip_space();
      start_ = at_;
      if (at_ >= text_.size()) break;
      next();
    }
    push(TokenType::end);
    return std::move(tokens_);
  }
  std::optional<uint32_t> unended_comment() const { return unended_comment_; }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  [[noreturn]] void fail(const std::string& message, size_t begin, size_t end, std::string hint = {}) const {
    throw SourceError{message, begin, end, std::move(hint)};
  }

  Token& push(TokenType type) {
    Token token;
    token.type = type;
    token.begin = static_cast<uint32_t>(start_);
    token.end = static_cast<uint32_t>(at_);
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        ++at_;
      } else if (c == '/' && peek(1) == '/') {
        const size_t begin = at_;
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        if (at_ == text_.size() && text_.find_first_not_of(" \t\r", begin + 2) != text_.npos)
          unended_comment_ = static_cast<uint32_t>(begin);
      } else {
        break;
      }
    }
  }

  void next() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '"' || c == '\'') return quoted(false, false);
    if (is_name_start(c)) {
      // String prefixes: r, b, br in either case.
      size_t n = 0;
      const bool bytes = peek(n) == 'b' || peek(n) == 'B';
      if (bytes) ++n;
      const bool raw = peek(n) == 'r' || peek(n) == 'R';
      if (raw) ++n;
      if (n > 0 && (peek(n) == '"' || peek(n) == '\'')) {
        at_ += n;
        return quoted(raw, bytes);
      }
      while (is_name(peek())) ++at_;
      push(TokenType::identifier).text = std::string(text_.substr(start_, at_ - start_));
      return;
    }
    if (c == '`') {
      const size_t close = text_.find('`', at_ + 1);
      if (close == std::string_view::npos) fail("this ` is never closed", at_, at_ + 1);
      at_ = close + 1;
      if (close == start_ + 1) fail("an empty name", start_, at_);
      push(TokenType::quoted_identifier).text = std::string(text_.substr(start_ + 1, close - start_ - 1));
      return;
    }
    const char d = peek(1);
    const auto two = [&](TokenType type) { at_ += 2, push(type); };
    const auto one = [&](TokenType type) { at_ += 1, push(type); };
    switch (c) {
      case '.':
        return d == '?' ? two(TokenType::dot_question) : one(TokenType::dot);
      case ',':
        return one(TokenType::comma);
      case ':':
        return one(TokenType::colon);
      case '?':
        return one(TokenType::question);
      case '(':
        return one(TokenType::open_paren);
      case ')':
        return one(TokenType::close_paren);
      case '[':
        return one(TokenType::open_bracket);
      case ']':
        return one(TokenType::close_bracket);
      case '{':
        return one(TokenType::open_brace);
      case '}':
        return one(TokenType::close_brace);
      case '+':
        return one(TokenType::plus);
      case '-':
        return one(TokenType::minus);
      case '*':
        return one(TokenType::star);
      case '/':
        return one(TokenType::slash);
      case '%':
        return one(TokenType::percent);
      case '!':
        return d == '=' ? two(TokenType::not_equal) : one(TokenType::bang);
      case '=':
        return d == '=' ? two(TokenType::equal) : one(TokenType::assign);
      case '<':
        return d == '=' ? two(TokenType::less_equal) : one(TokenType::less);
      case '>':
        return d == '=' ? two(TokenType::greater_equal) : one(TokenType::greater);
      case '|':
        return d == '|' ? two(TokenType::or_or) : one(TokenType::pipe);
      case '&':
        if (d == '&') return two(TokenType::and_and);
        fail("a single & is not an operator", at_, at_ + 1, "write && for 'and', math.bitAnd(a, b) for bits");
      default:
        break;
    }
    size_t end = at_;
    next_code_point(text_, end);
    const bool is_position =
        text_[at_] == '$' && end < text_.size() && text_[end] >= '0' && text_[end] <= '9';
    std::string hint;
    if (is_position)
      hint =
          "fields and columns have names; an argument is --arg NAME=VALUE and in the expression: _arg.NAME";
    else if (is_letter_beyond_ascii())
      hint = "a name with other letters than a-z stands in backticks: `" + word_around(at_) + "`";
    fail("unexpected character '" + std::string(text_.substr(at_, end - at_)) + "'", at_, end, hint);
  }

  // Nor punctuation, signs, spaces or arrows, such as quotes of a text processor.
  bool is_letter_beyond_ascii() const {
    const auto byte = [this](size_t ahead) { return static_cast<unsigned char>(peek(ahead)); };
    if ((byte(0) & 0x80) == 0 || byte(0) == 0xc2) return false;
    if (byte(0) == 0xe2 && byte(1) >= 0x80 && byte(1) <= 0xaf) return false;
    return !(byte(0) == 0xc3 && (byte(1) == 0x97 || byte(1) == 0xb7));
  }
  // The letters, digits and bytes beyond ASCII around a place.
  std::string word_around(size_t at) const {
    const auto belongs = [this](size_t i) {
      return is_name(text_[i]) || (static_cast<unsigned char>(text_[i]) & 0x80) != 0;
    };
    size_t begin = at, end = at;
    while (begin > 0 && belongs(begin - 1)) --begin;
    while (end < text_.size() && belongs(end)) ++end;
    return std::string(text_.substr(begin, end - begin));
  }

  void number() {
    if (peek() == '0' && peek(1) == 'x') {
      at_ += 2;
      const size_t digits = at_;
      while (hex_digit(peek()) >= 0) ++at_;
      if (at_ == digits) fail("hexadecimal digits are missing", start_, at_);
      return whole(text_.substr(digits, at_ - digits), 16);
    }
    bool real = false;
    while (is_digit(peek())) ++at_;
    const size_t digits_end = at_;
    if (peek() == '.' && is_digit(peek(1))) {
      real = true;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      size_t n = 1;
      if (peek(n) == '+' || peek(n) == '-') ++n;
      if (is_digit(peek(n))) {
        real = true;
        at_ += n;
        while (is_digit(peek())) ++at_;
      }
    }
    if (!real) return whole(text_.substr(start_, digits_end - start_), 10);
    reject_suffix();
    const std::string copy(text_.substr(start_, at_ - start_));
    const double value = std::strtod(copy.c_str(), nullptr);
    if (std::isinf(value)) fail("the number is too large for a double", start_, at_);
    push(TokenType::real).real = value;
  }

  void whole(std::string_view digits, int base) {
    const bool is_unsigned = peek() == 'u' || peek() == 'U';
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (is_unsigned) ++at_;
    if (error != std::errc() || (!is_unsigned && value > uint64_t{1} << 63))
      fail("the number does not fit 64 bits", start_, at_, is_unsigned ? "" : "write it as a double: add .0");
    reject_suffix();
    push(is_unsigned ? TokenType::unsigned_integer : TokenType::integer).integer = value;
  }

  void reject_suffix() {
    if (!is_name_start(peek())) return;
    const size_t from = at_;
    while (is_name(peek())) ++at_;
    const std::string suffix(text_.substr(from, at_ - from));
    const bool unit = suffix == "s" || suffix == "ms" || suffix == "m" || suffix == "h" || suffix == "d";
    fail("'" + suffix + "' after a number", start_, at_,
         unit ? "write duration(\"" + std::string(text_.substr(start_, at_ - start_)) + "\")" : "");
  }

  void quoted(bool raw, bool bytes) {
    const char quote = peek();
    const size_t opening = at_;
    const bool triple = peek(1) == quote && peek(2) == quote;
    at_ += triple ? 3 : 1;
    std::string out;
    for (;;) {
      if (at_ >= text_.size()) fail("this string is never closed", start_, opening + (triple ? 3 : 1));
      const char c = peek();
      if (c == quote && (!triple || (peek(1) == quote && peek(2) == quote))) {
        at_ += triple ? 3 : 1;
        break;
      }
      if (!triple && (c == '\n' || c == '\r'))
        fail("this string is never closed", start_, opening + 1,
             "a string over several lines has three quotes");
      if (c == '\\' && !raw) {  // in a raw string it escapes nothing, not even the quote
        escape(bytes, out);
        continue;
      }
      out.push_back(c);
      ++at_;
    }
    push(bytes ? TokenType::bytes : TokenType::string).text = std::move(out);
  }

  void escape(bool bytes, std::string& out) {
    const size_t from = at_;
    const char c = peek(1);
    at_ += 2;
    uint32_t code = 0;
    switch (c) {
      case 'a':
        out.push_back('\a');
        return;
      case 'b':
        out.push_back('\b');
        return;
      case 'f':
        out.push_back('\f');
        return;
      case 'n':
        out.push_back('\n');
        return;
      case 'r':
        out.push_back('\r');
        return;
      case 't':
        out.push_back('\t');
        return;
      case 'v':
        out.push_back('\v');
        return;
      case '\\':
      case '?':
      case '"':
      case '\'':
      case '`':
        out.push_back(c);
        return;
      case 'x':
      case 'X':
        code = hex(2, from);
        break;
      case 'u':
      case 'U':
        if (bytes) fail("bytes have no \\u escapes", from, at_, "write the bytes as \\xHH");
        code = hex(c == 'u' ? 4 : 8, from);
        // A surrogate pair, as in JSON.
        if (c == 'u' && code >= 0xd800 && code < 0xdc00 && peek() == '\\' && peek(1) == 'u') {
          at_ += 2;
          const uint32_t low = hex(4, from);
          if (low < 0xdc00 || low > 0xdfff) fail("half a surrogate pair", from, at_);
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        break;
      case '0':
      case '1':
      case '2':
      case '3': {
        code = static_cast<uint32_t>(c - '0');
        for (int i = 0; i < 2; ++i) {
          if (peek() < '0' || peek() > '7') fail("an octal escape has three digits", from, at_);
          code = code * 8 + static_cast<uint32_t>(text_[at_++] - '0');
        }
        break;
      }
      default:
        fail("unknown escape", from, std::min(at_, text_.size()),
             "write \\\\ for a backslash, or r'...' for a raw string");
    }
    if (bytes) {
      out.push_back(static_cast<char>(code));
      return;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) fail("not a Unicode character", from, at_);
    append_utf8(code, out);
  }

  uint32_t hex(int n, size_t from) {
    uint32_t code = 0;
    for (int i = 0; i < n; ++i) {
      const int digit = hex_digit(peek());
      if (digit < 0) fail("this escape has " + std::to_string(n) + " hexadecimal digits", from, at_);
      code = code << 4 | static_cast<uint32_t>(digit);
      ++at_;
    }
    return code;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::optional<uint32_t> unended_comment_;
  size_t start_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text) { return Lexer(text).run(); }

std::optional<uint32_t> unended_comment(std::string_view text) {
  Lexer lexer(text);
  lexer.run();
  return lexer.unended_comment();
}

void refuse_unended_comment(std::string_view text) {
  if (const auto at = unended_comment(text))
    throw SourceError{"// begins a comment, so the rest of the expression would be left out", *at,
                      text.size(), "a comment ends with its line: put the expression into a file, @FILE"};
}

bool is_reserved(std::string_view word) {
  return std::find(std::begin(kReserved), std::end(kReserved), word) != std::end(kReserved);
}

}  // namespace kutils::expr
