// The list grammar of the tools: `ITEM, ITEM`,
// ITEM = `[NAME=]EXPR [if COND]`, `*`, `-NAME`, `=EXPR`, `| CMD`; in lists that make objects also `EXPR.*`, and
// NAME may be a path, `user.name` or `user["name"]`.
#include <algorithm>

#include "base/trim.h"
#include "expr/ast.h"
#include "expr/expressions.h"
#include "expr/habits.h"
#include "expr/lexer.h"
#include "expr/parser.h"
#include "expr/source_error.h"

namespace kutils::expr {
namespace {

bool is_name(const Token& token) {
  return token.type == TokenType::identifier || token.type == TokenType::quoted_identifier ||
         token.type == TokenType::string;
}

// The name of what nobody named: a field's own, `sum_amount` for sum(amount). Empty: it must be given.
std::string derived_name(const Node& node) {
  switch (node.type) {
    case NodeType::identifier:
    case NodeType::select:
      return node.name;
    case NodeType::index:
      return node.children[1]->type == NodeType::string ? node.children[1]->name : "";
    case NodeType::call: {
      std::string name = node.name;
      for (const auto& child : node.children) {
        const std::string part = derived_name(*child);
        // Numbers (percentile(x, 99)) do not name anything by themselves.
        if (part.empty() && child->type == NodeType::integer)
          name += "_" + std::to_string(child->integer);
        else if (part.empty())
          return {};
        else
          name += "_" + part;
      }
      return name;
    }
    default:
      return {};
  }
}

constexpr const char* kNeedsName = "this item needs a name";
constexpr const char* kNeedsComma = "items are separated by commas: ";

class ListParser {
 public:
  ListParser(std::string_view list, Unnamed unnamed, Paths paths)
      : list_(list), unnamed_(unnamed), paths_(paths) {}

  std::vector<ListItem> run() {
    const std::string_view whole = trim(list_);
    if (!whole.empty() && whole[0] == '|') {
      ListItem item;
      item.kind = ListItem::Kind::command;
      item.expression = std::string(trim(whole.substr(1)));
      item.position = static_cast<size_t>(whole.data() - list_.data()) + 1;
      if (item.expression.empty())
        throw SourceError{"a command is missing after |", item.position, item.position, {}};
      return {item};
    }
    refuse_unended_comment(list_);
    tokens_ = tokenize(list_);
    std::vector<ListItem> items;
    size_t begin = 0;
    int depth = 0;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      switch (tokens_[i].type) {
        case TokenType::open_paren:
        case TokenType::open_bracket:
        case TokenType::open_brace:
          ++depth;
          break;
        case TokenType::close_paren:
        case TokenType::close_bracket:
        case TokenType::close_brace:
          --depth;
          break;
        case TokenType::comma:
          if (depth > 0) break;
          items.push_back(item(begin, i));
          begin = i + 1;
          break;
        case TokenType::end:
          items.push_back(item(begin, i));
          break;
        default:
          break;
      }
    }
    return items;
  }

 private:
  // Tokens [begin, end).
  ListItem item(size_t begin, size_t end) {
    const Token& first = tokens_[begin];
    if (begin == end) throw SourceError{"an item is missing here", first.begin, first.begin, {}};
    ListItem out;
    if (first.type == TokenType::star && end == begin + 1) {
      out.kind = ListItem::Kind::all;
      out.position = first.begin;
      return out;
    }
    if (first.type == TokenType::minus && end == begin + 2 && is_name(tokens_[begin + 1])) {
      out.kind = ListItem::Kind::drop;
      out.name = tokens_[begin + 1].text;
      out.position = first.begin;
      return out;
    }
    if (paths_ == Paths::allowed && end > begin + 2 && tokens_[end - 1].type == TokenType::star &&
        tokens_[end - 2].type == TokenType::dot) {
      out.kind = ListItem::Kind::spread;
      out.position = first.begin;
      out.expression = std::string(text(begin, end - 2));
      (void)checked(begin, end - 2);
      return out;
    }
    size_t from = begin;
    if (const size_t behind = path(begin, end, out); behind != begin) {
      if (out.kind == ListItem::Kind::drop) return out;
      from = behind;
    } else if (first.type == TokenType::assign) {
      out.kind = ListItem::Kind::whole;
      from = begin + 1;
    } else if (end > begin + 1 && is_name(first) && tokens_[begin + 1].type == TokenType::assign) {
      out.name = first.text;
      out.named = true;
      from = begin + 2;
    }
    // `if` is a reserved word, so that it can only be this one.
    size_t to = end;
    int depth = 0;
    for (size_t i = from; i < end; ++i) {
      const TokenType type = tokens_[i].type;
      if (type == TokenType::open_paren || type == TokenType::open_bracket || type == TokenType::open_brace)
        ++depth;
      if (type == TokenType::close_paren || type == TokenType::close_bracket ||
          type == TokenType::close_brace)
        --depth;
      const bool after_dot = i > begin && tokens_[i - 1].type == TokenType::dot;
      if (depth == 0 && type == TokenType::identifier && tokens_[i].text == "if" && !after_dot) {
        to = i;
        break;
      }
    }
    if (from == to)
      throw SourceError{"an expression is missing here", tokens_[from].begin, tokens_[from].begin, {}};
    out.position = tokens_[from].begin;
    out.expression = std::string(text(from, to));
    const auto node = checked(from, to);
    if (to < end) {
      if (to + 1 == end)
        throw SourceError{"a condition is missing after if", tokens_[to].begin, tokens_[to].end, {}};
      out.condition = std::string(text(to + 1, end));
      out.condition_position = tokens_[to + 1].begin;
      (void)checked(to + 1, end);
    }
    if (out.kind == ListItem::Kind::field && !out.named) {
      out.name = derived_name(*node);
      if (out.name.empty() && unnamed_ == Unnamed::refused)
        throw SourceError{kNeedsName, tokens_[from].begin, tokens_[to - 1].end,
                          "write NAME=" + out.expression};
    }
    return out;
  }

  // `user.name=E`, `-user.name`: fills the item's path, and gives where EXPR begins (or the end); `begin` if it
  // is none.
  size_t path(size_t begin, size_t end, ListItem& out) const {
    const bool drops = tokens_[begin].type == TokenType::minus;
    size_t at = begin + (drops ? 1 : 0);
    std::vector<std::string> names;
    if (at < end && is_name(tokens_[at])) names.push_back(tokens_[at++].text);
    while (!names.empty() && at + 1 < end) {
      const Token& next = tokens_[at + 1];
      if (tokens_[at].type == TokenType::dot && is_name(next)) {
        at += 2;
      } else if (tokens_[at].type == TokenType::open_bracket && next.type == TokenType::string &&
                 tokens_[at + 2].type == TokenType::close_bracket) {
        at += 3;
      } else {
        break;
      }
      names.push_back(next.text);
    }
    const bool sets = !drops && at < end && tokens_[at].type == TokenType::assign;
    if (names.size() < 2 || !(sets || (drops && at == end))) return begin;
    if (paths_ == Paths::refused) {
      if (drops) return begin;  // a number with its sign turned
      throw SourceError{"NAME is one name here, and not the path of a field within a field",
                        tokens_[begin].begin,
                        tokens_[at - 1].end,
                        {}};
    }
    if (names.size() > static_cast<size_t>(kMaxDepth))
      throw SourceError{"the path is longer than " + std::to_string(kMaxDepth) + " names",
                        tokens_[begin].begin,
                        tokens_[at - 1].end,
                        {}};
    out.kind = drops ? ListItem::Kind::drop : ListItem::Kind::field;
    out.named = sets;
    out.position = tokens_[begin].begin;
    for (const std::string& name : names) out.name += (out.name.empty() ? "" : ".") + name;
    out.path = std::move(names);
    return sets ? at + 1 : at;
  }

  // Whether the parser stopped at `begin` where a comma would have helped: behind something complete, outside
  // of brackets.
  bool follows_a_whole_item(size_t from, size_t to, size_t begin) const {
    for (size_t i = from + 1; i < to; ++i) {
      if (tokens_[i].begin != begin) continue;
      if (tokens_[i].type != TokenType::identifier && tokens_[i].type != TokenType::string) return false;
      try {
        parse(text(from, i));
        return true;
      } catch (const SourceError&) {
        return false;
      }
    }
    return false;
  }

  std::string_view text(size_t from, size_t to) const {
    return list_.substr(tokens_[from].begin, tokens_[to - 1].end - tokens_[from].begin);
  }

  // Syntax errors are shown in the list, not in the item alone.
  std::unique_ptr<Node> checked(size_t from, size_t to) const {
    try {
      return parse(text(from, to));
    } catch (SourceError& error) {
      error.begin += tokens_[from].begin;
      error.end += tokens_[from].begin;
      if (error.hint.empty() && follows_a_whole_item(from, to, error.begin)) error.hint = kNeedsComma;
      throw;
    }
  }

  std::string_view list_;
  const Unnamed unnamed_;
  const Paths paths_;
  std::vector<Token> tokens_;
};

// In our spelling, with NAME= for items that have no name then; empty: there is no such.
std::string with_names(std::string_view list, Paths paths) {
  auto ours = in_our_spelling(list, true, [](const std::string&) { return true; });
  if (!ours) return {};
  for (int n = 0; n < 10; ++n) {
    try {
      ListParser(*ours, Unnamed::refused, paths).run();
      return *ours;
    } catch (const SourceError& error) {
      if (error.message != kNeedsName) return {};
      ours->insert(error.begin, "NAME=");
    }
  }
  return {};
}

// With the commas that the parser misses; empty: something else is wrong, too.
std::string with_commas(std::string_view list, Unnamed unnamed, Paths paths) {
  std::string out(list);
  for (int n = 0; n < 10; ++n) {
    try {
      ListParser(out, unnamed, paths).run();
      return out;
    } catch (const SourceError& error) {
      if (error.hint != kNeedsComma || error.begin == 0) return {};
      out.insert(out.find_last_not_of(' ', error.begin - 1) + 1, ",");
    }
  }
  return {};
}

}  // namespace

std::vector<ListItem> parse_list(std::string_view list, std::string_view what, Unnamed unnamed, Paths paths) {
  try {
    return ListParser(list, unnamed, paths).run();
  } catch (SourceError& error) {
    const auto fits = [&](const std::string& other) {
      try {
        ListParser(other, unnamed, paths).run();
        return true;
      } catch (const SourceError&) {
        return false;
      }
    };
    if (error.message == kNeedsName) {
      if (const std::string named = named_spelling(list, error.begin, fits); !named.empty())
        error.hint = "write: " + named;
    }
    if (error.hint == kNeedsComma) {
      const std::string apart = with_commas(list, unnamed, paths);
      error.hint += apart.empty() ? "a, b" : apart;
    }
    const std::string before = error.hint;
    error.hint = with_our_spelling(std::move(error.hint), list, true, fits);
    if (error.hint == before && error.message != kNeedsName) {
      const std::string ours = with_names(list, paths);
      if (!ours.empty()) error.hint = "write: " + ours;
    }
    throw to_usage_error(error, list, what);
  }
}

}  // namespace kutils::expr
