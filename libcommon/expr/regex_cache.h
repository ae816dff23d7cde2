// Compiled patterns by their text. Constant patterns are compiled before the first record through the same
// cache.
#pragma once

#include <re2/re2.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "expr/context.h"

namespace kutils::expr {

struct RegexCache {
  static constexpr size_t kMaxPatterns = 64;

  // Null pointer: not a regular expression; `error` then says why.
  const RE2* get(std::string_view pattern, std::string& error) {
    if (last && last->pattern() == re2::StringPiece(pattern.data(), pattern.size())) return last;
    auto found = patterns.find(pattern);
    if (found == patterns.end()) {
      if (patterns.size() >= kMaxPatterns) last = nullptr, patterns.clear();
      RE2::Options options;
      options.set_log_errors(false);
      options.set_max_mem(4 << 20);
      ++compiled;
      auto regex = std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
      if (!regex->ok()) {
        error = regex->error();
        return nullptr;
      }
      found = patterns.emplace(std::string(pattern), std::move(regex)).first;
    }
    last = found->second.get();
    return last;
  }

  const RE2* last = nullptr;
  uint64_t compiled = 0;  // how many patterns so far
  std::map<std::string, std::unique_ptr<RE2>, std::less<>> patterns;
};

}  // namespace kutils::expr
