// The list grammar of the tools: `ITEM, ITEM`,
// ITEM = `[NAME=]EXPR [if COND]`, `*`, `-NAME`, `=EXPR`, `| CMD`.
#include <algorithm>

#include "base/trim.h"
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

class ListParser {
 public:
  ListParser(std::string_view list, Unnamed unnamed) : list_(list), unnamed_(unnamed) {}

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
    refuse_path(begin, end);
    size_t from = begin;
    if (first.type == TokenType::assign) {
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
        throw SourceError{"this item needs a name", tokens_[from].begin, tokens_[to - 1].end,
                          "write NAME=" + out.expression};
    }
    return out;
  }

  // `user.name=1`, `-user.name`: fields of fields are reached by making the outer one.
  void refuse_path(size_t begin, size_t end) const {
    const bool drops = tokens_[begin].type == TokenType::minus;
    std::vector<std::string> path;
    size_t i = begin + (drops ? 1 : 0);
    while (i < end && tokens_[i].type == TokenType::identifier) {
      path.push_back(tokens_[i].text);
      if (++i >= end || tokens_[i].type != TokenType::dot) break;
      ++i;
    }
    const bool sets = !drops && i + 1 < end && tokens_[i].type == TokenType::assign;
    if (path.size() < 2 || !(sets || (drops && i == end))) return;
    // From the inside out: the innermost map with one member dropped or replaced.
    std::string made = sets ? std::string(text(i + 1, end)) : "";
    for (size_t depth = path.size() - 1; depth > 0; --depth) {
      const std::string suffix = depth == 1 ? "" : std::to_string(depth);
      const std::string map = depth == 1 ? path[0] : "v" + (depth == 2 ? "" : std::to_string(depth - 1));
      const std::string k = "k" + suffix, v = "v" + suffix, name = "\"" + path[depth] + "\"";
      const bool innermost = depth + 1 == path.size();
      if (drops && innermost)
        made = map + ".transformMap(" + k + ", " + v + ", " + k + " != " + name + ", " + v + ")";
      else
        made =
            map + ".transformMap(" + k + ", " + v + ", " + k + " == " + name + " ? " + made + " : " + v + ")";
    }
    std::string whole(list_.substr(0, tokens_[begin].begin));
    whole += path[0] + "=" + made;
    whole += list_.substr(tokens_[end - 1].end);
    throw SourceError{drops ? "a field within a field is not dropped by its path"
                            : "a field within a field is not set by its path",
                      tokens_[begin].begin, tokens_[end - 1].end, "write: " + whole};
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
      const std::string_view rest = list_.substr(std::min(error.begin, list_.size()));
      if (error.hint.empty() && (rest.rfind("having ", 0) == 0 || rest.rfind("HAVING ", 0) == 0))
        error.hint =
            "rows are chosen behind the tool that makes them: kpipe ktable AGGS then kfilter COND -- IN OUT";
      if (error.hint.empty() && follows_a_whole_item(from, to, error.begin))
        error.hint = "items are separated by commas: a, b";
      throw;
    }
  }

  std::string_view list_;
  const Unnamed unnamed_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<ListItem> parse_list(std::string_view list, std::string_view what, Unnamed unnamed) {
  try {
    return ListParser(list, unnamed).run();
  } catch (SourceError& error) {
    const auto fits = [unnamed](const std::string& other) {
      try {
        ListParser(other, unnamed).run();
        return true;
      } catch (const SourceError&) {
        return false;
      }
    };
    error.hint = with_our_spelling(std::move(error.hint), list, true, fits);
    throw to_usage_error(error, list, what);
  }
}

}  // namespace kutils::expr
