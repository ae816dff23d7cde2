// Walks over the text of expressions, character by character, and tells what stands outside of brackets and strings:
// for who cuts at a comma or an '=' before anything is parsed. A text that is not well formed is cut somewhere, and
// refused by the parser.
#pragma once

#include <cstddef>

namespace kutils {

class Nesting {
 public:
  // Takes the next character. True: it stands outside; brackets and quotes themselves do not.
  bool take(char c) {
    if (quote_ != 0) {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (c == '\\') {
        is_escaped_ = true;
      } else if (c == quote_) {
        quote_ = 0;
      }
      return false;
    }
    switch (c) {
      case '"':
      case '\'':
        quote_ = c;
        return false;
      case '(':
      case '[':
      case '{':
        ++depth_;
        return false;
      case ')':
      case ']':
      case '}':
        if (depth_ > 0) --depth_;
        return false;
      default:
        return depth_ == 0;
    }
  }
  size_t depth() const { return depth_; }  // brackets that are open
  bool in_string() const { return quote_ != 0; }

 private:
  size_t depth_ = 0;
  char quote_ = 0;
  bool is_escaped_ = false;
};

}  // namespace kutils
