// An expression as words, numbers, strings and symbols, before any parser has seen it: what the rules for other
// languages' spellings look at.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::expr::habits {

struct Piece {
  enum class Kind { word, number, string, symbol } kind;
  size_t begin, end;  // in the text
  std::string text;   // words in lower case
};

std::vector<Piece> scan(std::string_view text);

// Operators that bind weaker than a call or a selection: an operand with one of them needs brackets before
// `.` and next to an operator.
bool has_operators(const std::string& text);

// The pieces of `text`, which must outlive it. Indices beyond the last piece are no piece of any text.
class Pieces {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  // `is_list`: `NAME=` names an item, and items are separated by commas.
  Pieces(std::string_view text, bool is_list) : text_(text), is_list_(is_list), pieces_(scan(text)) {}

  size_t size() const { return pieces_.size(); }
  const Piece& operator[](size_t i) const { return pieces_[i]; }
  auto begin() const { return pieces_.begin(); }
  auto end() const { return pieces_.end(); }
  std::string_view text() const { return text_; }
  bool is_list() const { return is_list_; }

  // Whether piece `i` is this word or symbol.
  bool is(size_t i, std::string_view what) const;
  // Pieces [from, to) as written.
  std::string written(size_t from, size_t to) const;
  // The whole text with pieces [from, to) replaced.
  std::optional<std::string> replaced(size_t from, size_t to, const std::string& by) const;
  // Behind the bracket that closes `open`; 0: none does.
  size_t behind_bracket(size_t open) const;
  // Between two other pieces.
  bool is_infix(size_t i) const { return i > 0 && i + 1 < pieces_.size(); }
  bool is_arithmetic(size_t i) const;
  // Whether [from, to) is a whole item, a whole argument, or in brackets of its own.
  bool stands_alone(size_t from, size_t to) const;
  // Where the operand that ends before `end` begins: names, calls, selections. Returns `end` if there is
  // none, or if an operator before it binds it more tightly.
  size_t operand_before(size_t end) const;
  // The same, whatever stands before it.
  size_t primary_before(size_t end) const;
  // Where the operand that begins at `from` ends. Returns `from` if there is none, or if an operator after it
  // binds it more tightly.
  size_t operand_after(size_t from) const;
  // The same, whatever stands behind it.
  size_t primary_after(size_t from) const;
  // The start and the end of the item or argument that holds piece `i`.
  size_t item_begin(size_t i) const;
  size_t item_end(size_t i) const;
  // The next piece from `i` on that is `what`, outside of brackets opened since; kNone if there is none.
  size_t next_of(size_t i, std::string_view what) const;

 private:
  std::string_view text_;
  bool is_list_;
  std::vector<Piece> pieces_;
};

}  // namespace kutils::expr::habits
