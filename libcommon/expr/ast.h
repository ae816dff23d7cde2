// The tree that the parser makes, as it was written (macros are recognised, names are not resolved).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kutils::expr {

enum class NodeType : uint8_t {
  null,
  boolean,
  integer,
  unsigned_integer,
  real,
  string,
  bytes,
  identifier,  // name; `absolute`: written with a leading dot
  select,      // children[0].name; `optional`: `.?name`
  index,       // children[0][children[1]]; `optional`: `[?x]`
  call,        // name(children...)
  method,      // children[0].name(children[1...])
  list,        // optional_items[i]: `?` before the item
  map,         // key, value, key, value ...
  logical_and,
  logical_or,  // two or more children
  conditional,
  negate,
  logical_not,
  binary,  // operator in `name`: + - * / % == != < <= > >= in
  has,     // children[0] is a select, an index or an identifier
  macro,   // children[0] the list, map or optional; then expressions; see Macro
  bind,    // cel.bind(variables[0], children[0], children[1])
};

enum class Macro : uint8_t {
  all,
  exists,
  exists_one,
  map,
  filter,
  transform_list,
  transform_map,
  transform_map_entry,
  sort_by,  // one expression or more; optional_items[i]: children[1 + i] stood within desc()
  reduce,   // variables: the value so far, the item; children: the list, the first value, the next
  opt_map,
  opt_flat_map
};

struct Node {
  NodeType type = NodeType::null;
  Macro macro = Macro::all;
  bool optional = false;
  bool absolute = false;
  bool boolean = false;
  uint32_t begin = 0, end = 0;            // the whole expression, bytes
  uint32_t name_begin = 0, name_end = 0;  // the operator or name that messages point at
  int depth = 1;                          // of the tree below, itself included
  std::string name;                       // also the contents of string and bytes
  union {
    int64_t integer = 0;
    uint64_t unsigned_integer;
    double real;
  };
  std::vector<std::unique_ptr<Node>> children;
  std::vector<bool> optional_items;
  std::vector<std::string> variables;  // macro: one or two
};

// Nesting beyond this is an error, so that no expression exhausts the stack.
constexpr int kMaxDepth = 250;

}  // namespace kutils::expr
