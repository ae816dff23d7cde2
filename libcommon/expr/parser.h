// Tokens to a tree: recursive descent over CEL's grammar.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "expr/ast.h"

namespace kutils::expr {

// Throws SourceError. Positions are bytes in `text`.
std::unique_ptr<Node> parse(std::string_view text);

// The tree printed again: one spelling for all ways to write the same expression (space, quotes, brackets).
std::string print(const Node& node);

}  // namespace kutils::expr
