// By what a join knows that a record belongs to others: the record's key, or the value of an --on expression.
#pragma once

#include <optional>
#include <string>

#include "expr/expressions.h"

namespace kutils::flow {

class JoinKey {
 public:
  // `expression` empty: the record's key. Throws usage_error for one that cannot be an expression.
  JoinKey(const std::string& expression, const expr::Options& options) : expressions_(options) {
    if (!expression.empty()) on_ = expressions_.add(expression, "--on");
  }
  // NULL: it has none, and matches nothing. Lives until the next call.
  Result<MaybeBytes> read(const Record& record) {
    if (!on_) return record.key;
    if (auto error = expressions_.bind(record)) return std::move(*error);
    const Result<expr::Value> value = expressions_.get(*on_);
    if (!value) return value.error();
    key_.clear();
    const Result<bool> any = expr::append_key(*value, key_);
    if (!any) return any.error();
    return *any ? MaybeBytes(std::string_view(key_)) : MaybeBytes();
  }

 private:
  expr::Expressions expressions_;
  std::optional<size_t> on_;
  std::string key_;
};

}  // namespace kutils::flow
