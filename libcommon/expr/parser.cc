#include "expr/parser.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "data/json_write.h"
#include "expr/lexer.h"
#include "expr/source_error.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

using NodePtr = std::unique_ptr<Node>;

struct MacroRule {
  std::string_view name;
  Macro macro;
  size_t variables;
  size_t expressions;  // after the variables
};
// A call of this name and number of arguments is the macro; any other is an ordinary method.
constexpr MacroRule kMacros[] = {
    {"all", Macro::all, 1, 1},
    {"all", Macro::all, 2, 1},
    {"exists", Macro::exists, 1, 1},
    {"exists", Macro::exists, 2, 1},
    {"exists_one", Macro::exists_one, 1, 1},
    {"exists_one", Macro::exists_one, 2, 1},
    {"existsOne", Macro::exists_one, 1, 1},
    {"existsOne", Macro::exists_one, 2, 1},
    {"map", Macro::map, 1, 1},
    {"map", Macro::map, 1, 2},
    {"filter", Macro::filter, 1, 1},
    {"transformList", Macro::transform_list, 2, 1},
    {"transformList", Macro::transform_list, 2, 2},
    {"transformMap", Macro::transform_map, 2, 1},
    {"transformMap", Macro::transform_map, 2, 2},
    {"transformMapEntry", Macro::transform_map_entry, 2, 1},
    {"transformMapEntry", Macro::transform_map_entry, 2, 2},
    {"reduce", Macro::reduce, 2, 2},
    {"optMap", Macro::opt_map, 1, 1},
    {"optFlatMap", Macro::opt_flat_map, 1, 1},
};

struct BinaryOperator {
  std::string_view text;
  int precedence;
};
BinaryOperator binary_operator(const Token& token) {
  switch (token.type) {
    case TokenType::equal:
      return {"==", 1};
    case TokenType::not_equal:
      return {"!=", 1};
    case TokenType::less:
      return {"<", 1};
    case TokenType::less_equal:
      return {"<=", 1};
    case TokenType::greater:
      return {">", 1};
    case TokenType::greater_equal:
      return {">=", 1};
    case TokenType::identifier:
      return token.text == "in" ? BinaryOperator{"in", 1} : BinaryOperator{"", 0};
    case TokenType::plus:
      return {"+", 2};
    case TokenType::minus:
      return {"-", 2};
    case TokenType::star:
      return {"*", 3};
    case TokenType::slash:
      return {"/", 3};
    case TokenType::percent:
      return {"%", 3};
    default:
      return {"", 0};
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), tokens_(tokenize(text)) {}

  NodePtr run() {
    if (peek().type == TokenType::end) fail("an expression is missing", peek());
    NodePtr node = expression();
    if (peek().type != TokenType::end) unexpected();
    return node;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  bool is(TokenType type) const { return peek().type == type; }
  const Token& take() { return tokens_[at_++]; }
  bool accept(TokenType type) {
    if (!is(type)) return false;
    ++at_;
    return true;
  }

  [[noreturn]] static void fail(const std::string& message, const Token& token, std::string hint = {}) {
    throw SourceError{message, token.begin, token.end, std::move(hint)};
  }

  [[noreturn]] void unexpected() const {
    const Token& token = peek();
    const std::string word(text_.substr(token.begin, token.end - token.begin));
    switch (token.type) {
      case TokenType::end:
        fail("the expression ends too early", token);
      case TokenType::assign:
        fail("a single = does not compare", token, "equality is written ==");
      case TokenType::pipe:
        fail(
            "a single | is not an operator", token,
            "write || for 'or', math.bitOr(a, b) for bits; jq's pipe is the shell's: kfilter EXPR IN | kmap LIST");
      case TokenType::identifier:
        if (word == "and") fail("unexpected 'and'", token, "write &&");
        if (word == "or") fail("unexpected 'or'", token, "write ||");
        if (word == "not") fail("unexpected 'not'", token, "write !");
        break;
      case TokenType::open_brace:
        fail("unexpected '{'", token, "protobuf messages are not part of these tools");
      default:
        break;
    }
    if (at_ > 1) {
      const TokenType before = tokens_[at_ - 1].type;
      // .items[]
      if (word == "]" && word_before(1) == "[" && tokens_[at_ - 2].type == TokenType::identifier)
        fail("unexpected ']'", token,
             "each item of a list becomes a record by: kmap --each 'x=" + word_before(2) + "' x IN");
      // sum(*); count(*) is answered by what was meant
      if (word == "*" && before == TokenType::open_paren && tokens_[at_ - 2].type == TokenType::identifier &&
          word_before(2) != "count")
        fail("unexpected '*'", token,
             "name what goes into it, as in " + word_before(2) + "(amount); records are counted by count()");
    }
    fail("unexpected '" + word + "'", token);
  }
  // The text of the n-th token before the next one.
  std::string word_before(size_t n) const {
    const Token& token = tokens_[at_ - n];
    return std::string(text_.substr(token.begin, token.end - token.begin));
  }

  void expect(TokenType type, std::string_view what, const Token* opening = nullptr) {
    if (accept(type)) return;
    if (opening && is(TokenType::end))
      fail("this '" + std::string(text_.substr(opening->begin, opening->end - opening->begin)) +
               "' is never closed",
           *opening);
    if (is(TokenType::end) || is(TokenType::assign) || is(TokenType::pipe)) unexpected();
    fail("expected '" + std::string(what) + "' here", peek());
  }

  // Counts the nesting of the parser itself.
  class Nested {
   public:
    Nested(Parser& parser, const Token& token) : parser_(parser) {
      if (++parser_.nesting_ > kMaxDepth)
        fail("the expression is nested deeper than " + std::to_string(kMaxDepth) + " levels", token);
    }
    ~Nested() { --parser_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    Parser& parser_;
  };

  NodePtr make(NodeType type, const Token& token) const {
    auto node = std::make_unique<Node>();
    node->type = type;
    node->begin = node->name_begin = token.begin;
    node->end = node->name_end = token.end;
    return node;
  }
  void add(Node& parent, NodePtr child) const {
    parent.depth = std::max(parent.depth, child->depth + 1);
    parent.begin = std::min(parent.begin, child->begin);
    parent.end = std::max(parent.end, child->end);
    if (parent.depth > kMaxDepth)
      throw SourceError{"the expression is nested deeper than " + std::to_string(kMaxDepth) + " levels",
                        child->begin,
                        child->end,
                        {}};
    parent.children.push_back(std::move(child));
  }
  void ends_here(Node& node) const { node.end = tokens_[at_ - 1].end; }

  NodePtr expression() {
    const Nested nested(*this, peek());
    NodePtr condition = logical(TokenType::or_or, NodeType::logical_or);
    if (!is(TokenType::question)) return condition;
    NodePtr node = make(NodeType::conditional, take());
    add(*node, std::move(condition));
    add(*node, expression());
    expect(TokenType::colon, ":");
    add(*node, expression());
    return node;
  }

  // Chains of && and || become one node, so that long ones are not deep.
  NodePtr logical(TokenType token, NodeType type) {
    const auto operand = [&] {
      return type == NodeType::logical_or ? logical(TokenType::and_and, NodeType::logical_and) : binary(1);
    };
    NodePtr first = operand();
    if (!is(token)) return first;
    NodePtr node = make(type, peek());
    add(*node, std::move(first));
    while (accept(token)) add(*node, operand());
    return node;
  }

  NodePtr binary(int precedence) {
    NodePtr left = precedence < 3 ? binary(precedence + 1) : unary();
    for (;;) {
      const BinaryOperator op = binary_operator(peek());
      if (op.precedence != precedence) return left;
      NodePtr node = make(NodeType::binary, take());
      node->name = op.text;
      add(*node, std::move(left));
      add(*node, precedence < 3 ? binary(precedence + 1) : unary());
      left = std::move(node);
    }
  }

  NodePtr unary() {
    if (is(TokenType::minus)) {
      const Token& minus = take();
      if (is(TokenType::integer) || is(TokenType::real)) {
        // The sign belongs to the literal, or -9223372036854775808 could not be written.
        return member(literal(&minus));
      }
      const Nested nested(*this, minus);
      NodePtr node = make(NodeType::negate, minus);
      add(*node, unary());
      return node;
    }
    if (is(TokenType::bang)) {
      const Nested nested(*this, peek());
      NodePtr node = make(NodeType::logical_not, take());
      add(*node, unary());
      return node;
    }
    return member(primary());
  }

  NodePtr literal(const Token* minus) {
    const Token& token = take();
    NodePtr node = make(NodeType::integer, token);
    switch (token.type) {
      case TokenType::integer:
        if (!minus && token.integer > static_cast<uint64_t>(INT64_MAX))
          fail("the number does not fit 64 bits", token,
               "write it as a double (add .0), or unsigned (add u)");
        node->integer = static_cast<int64_t>(minus ? 0 - token.integer : token.integer);
        break;
      case TokenType::unsigned_integer:
        node->type = NodeType::unsigned_integer;
        node->unsigned_integer = token.integer;
        break;
      case TokenType::real:
        node->type = NodeType::real;
        node->real = minus ? -token.real : token.real;
        break;
      case TokenType::string:
        node->type = NodeType::string;
        break;
      default:
        node->type = NodeType::bytes;
    }
    node->name = token.text;
    if (minus) node->begin = node->name_begin = minus->begin;
    return node;
  }

  NodePtr primary() {
    const Token& token = peek();
    switch (token.type) {
      case TokenType::integer:
      case TokenType::unsigned_integer:
      case TokenType::real:
      case TokenType::string:
      case TokenType::bytes:
        return literal(nullptr);
      case TokenType::open_paren: {
        take();
        NodePtr node = expression();
        expect(TokenType::close_paren, ")", &token);
        node->begin = token.begin;
        ends_here(*node);
        return node;
      }
      case TokenType::open_bracket:
        return list();
      case TokenType::open_brace:
        return map();
      case TokenType::dot: {
        take();
        if (!is(TokenType::identifier)) unexpected();
        NodePtr node = name();
        node->absolute = true;
        node->begin = token.begin;
        return node;
      }
      case TokenType::quoted_identifier: {
        NodePtr node = make(NodeType::identifier, take());
        node->name = token.text;
        return node;
      }
      case TokenType::identifier:
        return name();
      default:
        unexpected();
    }
  }

  NodePtr name() {
    const Token& token = take();
    if (token.text == "true" || token.text == "false") {
      NodePtr node = make(NodeType::boolean, token);
      node->boolean = token.text == "true";
      return node;
    }
    if (token.text == "null") return make(NodeType::null, token);
    if (is_reserved(token.text)) {
      if (token.text == "in") {
        --at_;
        unexpected();
      }
      fail("'" + token.text + "' is a reserved word", token,
           "a field of that name is `" + token.text + "` or _value[\"" + token.text + "\"]");
    }
    if (is(TokenType::open_paren)) {
      NodePtr node = make(NodeType::call, token);
      node->name = token.text;
      arguments(*node);
      return token.text == "has" ? has(std::move(node), token) : std::move(node);
    }
    NodePtr node = make(NodeType::identifier, token);
    node->name = token.text;
    return node;
  }

  NodePtr has(NodePtr call, const Token& token) const {
    if (call->children.size() != 1) fail("has() takes one argument", token, "has(NAME) or has(MAP.NAME)");
    const NodeType type = call->children[0]->type;
    if (type != NodeType::select && type != NodeType::identifier && type != NodeType::index)
      throw SourceError{"has() asks for a field", call->children[0]->begin, call->children[0]->end,
                        "has(NAME) or has(MAP.NAME)"};
    call->type = NodeType::has;
    return call;
  }

  // From '(' to ')'.
  void arguments(Node& node) {
    const Token& opening = take();
    if (!is(TokenType::close_paren)) {
      do add(node, expression());
      while (accept(TokenType::comma));
    }
    expect(TokenType::close_paren, ")", &opening);
    ends_here(node);
  }

  NodePtr member(NodePtr node) {
    for (;;) {
      if (is(TokenType::dot) || is(TokenType::dot_question)) {
        const bool optional = take().type == TokenType::dot_question;
        if (!is(TokenType::identifier) && !is(TokenType::quoted_identifier)) unexpected();
        const Token& token = take();
        if (token.text == "in" && token.type == TokenType::identifier) fail("unexpected 'in'", token);
        const bool call = !optional && token.type == TokenType::identifier && is(TokenType::open_paren);
        NodePtr parent = make(call ? NodeType::method : NodeType::select, token);
        parent->name = token.text;
        parent->optional = optional;
        add(*parent, std::move(node));
        if (call) {
          arguments(*parent);
          expand(*parent);
        }
        node = std::move(parent);
      } else if (is(TokenType::open_bracket)) {
        const Token& opening = take();
        NodePtr parent = make(NodeType::index, opening);
        parent->optional = accept(TokenType::question);
        add(*parent, std::move(node));
        add(*parent, expression());
        expect(TokenType::close_bracket, "]", &opening);
        ends_here(*parent);
        node = std::move(parent);
      } else {
        return node;
      }
    }
  }

  static std::string variable(const Node& node, const Node& macro) {
    if (node.type != NodeType::identifier || node.absolute)
      throw SourceError{macro.name + "() needs a plain name for its variable", node.begin, node.end, {}};
    return node.name;
  }

  void expand(Node& node) const {
    auto& children = node.children;
    if (children[0]->type == NodeType::identifier && children[0]->name == "cel" && node.name == "bind" &&
        children.size() == 4) {
      node.type = NodeType::bind;
      node.variables = {variable(*children[1], node)};
      children.erase(children.begin(), children.begin() + 2);
      return;
    }
    if (node.name == "sortBy" && children.size() >= 3) {
      node.type = NodeType::macro;
      node.macro = Macro::sort_by;
      node.variables = {variable(*children[1], node)};
      children.erase(children.begin() + 1);
      for (size_t i = 1; i < children.size(); ++i) {
        const bool descends = children[i]->type == NodeType::call && children[i]->name == "desc" &&
                              children[i]->children.size() == 1;
        node.optional_items.push_back(descends);
        if (descends) children[i] = NodePtr(std::move(children[i]->children[0]));
      }
      return;
    }
    for (const MacroRule& rule : kMacros) {
      if (rule.name != node.name || children.size() != 1 + rule.variables + rule.expressions) continue;
      // `all(x, cond)`, and `all(i, v, cond)`: told apart by the count, which no two rules of a name share
      // but map's filtered form, whose second argument is no variable.
      node.type = NodeType::macro;
      node.macro = rule.macro;
      for (size_t i = 1; i <= rule.variables; ++i) node.variables.push_back(variable(*children[i], node));
      if (rule.variables == 2 && node.variables[0] == node.variables[1])
        throw SourceError{"the two variables have the same name", children[2]->begin, children[2]->end, {}};
      children.erase(children.begin() + 1, children.begin() + 1 + static_cast<ptrdiff_t>(rule.variables));
      return;
    }
  }

  NodePtr list() {
    const Token& opening = take();
    NodePtr node = make(NodeType::list, opening);
    while (!is(TokenType::close_bracket)) {
      node->optional_items.push_back(accept(TokenType::question));
      add(*node, expression());
      if (!accept(TokenType::comma)) break;
    }
    expect(TokenType::close_bracket, "]", &opening);
    ends_here(*node);
    return node;
  }

  NodePtr map() {
    const Token& opening = take();
    NodePtr node = make(NodeType::map, opening);
    while (!is(TokenType::close_brace)) {
      node->optional_items.push_back(accept(TokenType::question));
      add(*node, expression());
      expect(TokenType::colon, ":");
      add(*node, expression());
      if (!accept(TokenType::comma)) break;
    }
    expect(TokenType::close_brace, "}", &opening);
    ends_here(*node);
    return node;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
};

void print_name(const std::string& name, std::string& out) {
  const bool plain =
      !name.empty() && !is_reserved(name) && !(name[0] >= '0' && name[0] <= '9') &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      });
  if (plain)
    out += name;
  else
    out += "`" + name + "`";
}

void print_to(const Node& node, std::string& out);

void print_children(const Node& node, size_t from, std::string_view separator, std::string& out) {
  for (size_t i = from; i < node.children.size(); ++i) {
    if (i != from) out += separator;
    print_to(*node.children[i], out);
  }
}

void print_to(const Node& node, std::string& out) {
  switch (node.type) {
    case NodeType::null:
      out += "null";
      break;
    case NodeType::boolean:
      out += node.boolean ? "true" : "false";
      break;
    case NodeType::integer:
      append_json_int(node.integer, out);
      break;
    case NodeType::unsigned_integer:
      append_json_uint(node.unsigned_integer, out), out += "u";
      break;
    case NodeType::real: {
      std::string text;
      append_double(node.real, text);
      if (text.find_first_of(".eN") == std::string::npos) text += ".0";
      out += text;
      break;
    }
    case NodeType::string:
      append_json_string(node.name, out);
      break;
    case NodeType::bytes: {
      constexpr char kHex[] = "0123456789abcdef";
      out += "b\"";
      for (const char c : node.name) {
        const auto byte = static_cast<unsigned char>(c);
        out += "\\x";
        out.push_back(kHex[byte >> 4]);
        out.push_back(kHex[byte & 15]);
      }
      out += "\"";
      break;
    }
    case NodeType::identifier:
      if (node.absolute) out += ".";
      print_name(node.name, out);
      break;
    case NodeType::select:
      print_to(*node.children[0], out);
      out += node.optional ? ".?" : ".";
      print_name(node.name, out);
      break;
    case NodeType::index:
      print_to(*node.children[0], out);
      out += node.optional ? "[?" : "[";
      print_to(*node.children[1], out);
      out += "]";
      break;
    case NodeType::call:
    case NodeType::has:
      out += node.name + "(";
      print_children(node, 0, ", ", out);
      out += ")";
      break;
    case NodeType::method:
      print_to(*node.children[0], out);
      out += "." + node.name + "(";
      print_children(node, 1, ", ", out);
      out += ")";
      break;
    case NodeType::macro:
      print_to(*node.children[0], out);
      out += "." + node.name + "(";
      for (const std::string& variable : node.variables) out += variable + ", ";
      for (size_t i = 1; i < node.children.size(); ++i) {
        const bool descends = i <= node.optional_items.size() && node.optional_items[i - 1];
        if (i != 1) out += ", ";
        if (descends) out += "desc(";
        print_to(*node.children[i], out);
        if (descends) out += ")";
      }
      out += ")";
      break;
    case NodeType::bind:
      out += "cel.bind(" + node.variables[0] + ", ";
      print_children(node, 0, ", ", out);
      out += ")";
      break;
    case NodeType::list:
      out += "[";
      for (size_t i = 0; i < node.children.size(); ++i) {
        if (i != 0) out += ", ";
        if (node.optional_items[i]) out += "?";
        print_to(*node.children[i], out);
      }
      out += "]";
      break;
    case NodeType::map:
      out += "{";
      for (size_t i = 0; i < node.children.size(); i += 2) {
        if (i != 0) out += ", ";
        if (node.optional_items[i / 2]) out += "?";
        print_to(*node.children[i], out);
        out += ": ";
        print_to(*node.children[i + 1], out);
      }
      out += "}";
      break;
    case NodeType::logical_and:
    case NodeType::logical_or:
      out += "(";
      print_children(node, 0, node.type == NodeType::logical_and ? " && " : " || ", out);
      out += ")";
      break;
    case NodeType::conditional:
      out += "(";
      print_to(*node.children[0], out);
      out += " ? ";
      print_to(*node.children[1], out);
      out += " : ";
      print_to(*node.children[2], out);
      out += ")";
      break;
    case NodeType::negate:
      // Brackets outside too: (-x).a is not -x.a.
      out += "(-(";
      print_to(*node.children[0], out);
      out += "))";
      break;
    case NodeType::logical_not:
      out += "(!(";
      print_to(*node.children[0], out);
      out += "))";
      break;
    case NodeType::binary:
      out += "(";
      print_children(node, 0, " " + node.name + " ", out);
      out += ")";
      break;
  }
}

}  // namespace

std::unique_ptr<Node> parse(std::string_view text) { return Parser(text).run(); }

std::string print(const Node& node) {
  std::string out;
  print_to(node, out);
  return out;
}

}  // namespace kutils::expr
