#include "expr/habits/pieces.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace kutils::expr::habits {

std::vector<Piece> scan(std::string_view text) {
  std::vector<Piece> out;
  const auto is_word = [&](size_t at) {
    return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_' ||
                                (static_cast<unsigned char>(text[at]) & 0x80) != 0);
  };
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    const size_t begin = at;
    auto kind = Piece::Kind::symbol;
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
      continue;
    }
    const bool is_raw =
        (c == 'r' || c == 'b') && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\'');
    if (c == '"' || c == '\'' || c == '`' || is_raw) {
      kind = c == '`' ? Piece::Kind::word : Piece::Kind::string;
      if (is_raw) ++at;
      const char quote = text[at++];
      while (at < text.size() && text[at] != quote) at += text[at] == '\\' && !is_raw ? 2 : 1;
      at = std::min(at + 1, text.size());
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      kind = Piece::Kind::number;
      while (is_word(at) || (at < text.size() && text[at] == '.')) ++at;
    } else if (is_word(at)) {
      kind = Piece::Kind::word;
      while (is_word(at)) ++at;
    } else {
      static constexpr std::string_view kSymbols[] = {">==", "<==", "===", "!==", "!~*", "~*", "=~", "!~",
                                                      "<>",  "==",  "!=",  "<=",  ">=",  "&&", "||", "??",
                                                      "?:",  "//",  "::",  "=>",  "=<",  "**"};
      const auto found = std::find_if(std::begin(kSymbols), std::end(kSymbols), [&](std::string_view symbol) {
        return text.substr(at, symbol.size()) == symbol;
      });
      at += found == std::end(kSymbols) ? 1 : found->size();
    }
    std::string word(text.substr(begin, at - begin));
    if (kind == Piece::Kind::word && c != '`')
      std::transform(word.begin(), word.end(), word.begin(),
                     [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    out.push_back({kind, begin, at, std::move(word)});
  }
  return out;
}

bool has_operators(const std::string& text) {
  const auto pieces = scan(text);
  return std::any_of(pieces.begin(), pieces.end(), [](const Piece& one) {
    return one.kind == Piece::Kind::symbol &&
           std::string_view(".,()[]").find(one.text) == std::string_view::npos;
  });
}

bool Pieces::is(size_t i, std::string_view what) const {
  return i < pieces_.size() && pieces_[i].kind != Piece::Kind::string && pieces_[i].text == what;
}

std::string Pieces::written(size_t from, size_t to) const {
  if (from >= to || to > pieces_.size()) return {};
  return std::string(text_.substr(pieces_[from].begin, pieces_[to - 1].end - pieces_[from].begin));
}

std::optional<std::string> Pieces::replaced(size_t from, size_t to, const std::string& by) const {
  std::string out(text_.substr(0, pieces_[from].begin));
  out += by;
  out += text_.substr(pieces_[to - 1].end);
  return out;
}

size_t Pieces::behind_bracket(size_t open) const {
  int depth = 0;
  for (size_t i = open; i < pieces_.size(); ++i) {
    if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
    if ((is(i, ")") || is(i, "]") || is(i, "}")) && --depth == 0) return i + 1;
  }
  return 0;
}

bool Pieces::is_arithmetic(size_t i) const {
  return is(i, "+") || is(i, "-") || is(i, "*") || is(i, "/") || is(i, "%");
}

bool Pieces::stands_alone(size_t from, size_t to) const {
  const bool left = from == 0 || is(from - 1, ",") || is(from - 1, "(") || is(from - 1, "[") ||
                    (is_list_ && from == 2 && is(1, "=")) ||
                    (is_list_ && from > 2 && is(from - 1, "=") && is(from - 3, ","));
  const bool right = to == pieces_.size() || is(to, ",") || is(to, ")") || is(to, "]");
  return left && right;
}

size_t Pieces::operand_before(size_t end) const {
  const size_t begin = primary_before(end);
  return begin > 0 && begin < end && is_arithmetic(begin - 1) ? end : begin;
}

size_t Pieces::primary_before(size_t end) const {
  size_t i = end;
  while (i > 0) {
    if (is(i - 1, ")") || is(i - 1, "]")) {
      int depth = 0;
      size_t open = i;
      do {
        --open;
        if (is(open, ")") || is(open, "]")) ++depth;
        if (is(open, "(") || is(open, "[")) --depth;
      } while (open > 0 && depth > 0);
      if (depth > 0) return end;
      i = open;
      if (i == 0 || pieces_[i - 1].kind != Piece::Kind::word) return i;
      continue;
    }
    if (pieces_[i - 1].kind == Piece::Kind::symbol) return end;
    --i;
    if (i < 1 || !is(i - 1, ".")) return i;
    --i;  // what is selected from; nothing in jq's .name
    if (i == 0 || (pieces_[i - 1].kind == Piece::Kind::symbol && !is(i - 1, ")") && !is(i - 1, "]")))
      return i;
  }
  return i;
}

size_t Pieces::operand_after(size_t from) const {
  const size_t behind = primary_after(from);
  return is_arithmetic(behind) ? from : behind;
}

size_t Pieces::primary_after(size_t from) const {
  size_t i = from;
  if (is(i, "-") || is(i, "!")) ++i;
  if (i >= pieces_.size()) return from;
  if (is(i, "(") || is(i, "[")) {
    i = behind_bracket(i);
    if (i == 0) return from;
  } else if (pieces_[i].kind == Piece::Kind::symbol) {
    return from;
  } else {
    ++i;
  }
  while (i < pieces_.size()) {
    if (is(i, "(") || is(i, "[")) {
      const size_t behind = behind_bracket(i);
      if (behind == 0) return i;
      i = behind;
    } else if (is(i, ".") && i + 1 < pieces_.size()) {
      i += 2;
    } else {
      return i;
    }
  }
  return i;
}

size_t Pieces::item_begin(size_t i) const {
  int depth = 0;
  while (i > 0) {
    if (is(i - 1, ")") || is(i - 1, "]") || is(i - 1, "}")) ++depth;
    if ((is(i - 1, "(") || is(i - 1, "[") || is(i - 1, "{")) && --depth < 0) break;
    if (depth == 0 && (is(i - 1, ",") || (is_list_ && is(i - 1, "=")))) break;
    --i;
  }
  return i;
}

size_t Pieces::item_end(size_t i) const {
  int depth = 0;
  for (; i < pieces_.size(); ++i) {
    if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
    if ((is(i, ")") || is(i, "]") || is(i, "}")) && --depth < 0) break;
    if (depth == 0 && is(i, ",")) break;
  }
  return i;
}

size_t Pieces::next_of(size_t i, std::string_view what) const {
  int depth = 0;
  for (; i < pieces_.size(); ++i) {
    if (depth == 0 && is(i, what)) return i;
    if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
    if ((is(i, ")") || is(i, "]") || is(i, "}")) && --depth < 0) break;
  }
  return kNone;
}

}  // namespace kutils::expr::habits
