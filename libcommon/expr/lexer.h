// Text to tokens, with byte positions. Grammar: the CEL language definition, "Syntax".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::expr {

enum class TokenType : uint8_t {
  end,
  identifier,
  quoted_identifier,  // `content-type`
  integer,
  unsigned_integer,
  real,
  string,
  bytes,
  dot,
  dot_question,
  comma,
  colon,
  question,
  open_paren,
  close_paren,
  open_bracket,
  close_bracket,
  open_brace,
  close_brace,
  plus,
  minus,
  star,
  slash,
  percent,
  bang,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  and_and,
  or_or,
  assign,  // `=` and `|` belong to lists of expressions, not to expressions
  pipe,
};

struct Token {
  TokenType type = TokenType::end;
  uint32_t begin = 0;
  uint32_t end = 0;
  std::string text;      // identifier: its name; string, bytes: the contents, escapes resolved
  uint64_t integer = 0;  // integer, unsigned_integer: without sign; an integer may be 2^63, for -2^63
  double real = 0;
};

constexpr size_t kMaxExpressionBytes = 1 << 20;

// The last token is `end`. Throws SourceError.
std::vector<Token> tokenize(std::string_view text);

// Finds a comment that is ended by the end of the text instead of a line's end, and is not empty. In a file
// each line ends; on a command line such a comment is `a // b` of jq or Python, of which CEL would see `a`
// only. Throws SourceError.
std::optional<uint32_t> unended_comment(std::string_view text);
// Throws such a comment as an error. Used for expressions that people type, not for cases of the language.
void refuse_unended_comment(std::string_view text);

// CEL's reserved words, which cannot be plain identifiers; `true false null in` among them.
bool is_reserved(std::string_view word);

}  // namespace kutils::expr
