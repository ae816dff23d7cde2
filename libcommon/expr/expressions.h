// The one way in for tools: a set of expressions over the same records.
//
// All expressions of a set share a field table, so that one pass over a record's value serves them all.
// Everything that can be wrong with an expression is found by add(), before any record is read. bind() and
// evaluate() allocate nothing on the heap for scalar expressions. One thread uses a set; a worker has its
// own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/json_fields.h"
#include "data/record.h"
#include "expr/comparisons.h"
#include "expr/value.h"

namespace kutils::expr {

// What the caller will do with the result; a certain mismatch is an error of add().
enum class Expect { any, boolean, number, time };

struct Options {
  std::vector<std::pair<std::string, std::string>> args = {};  // --arg N=V: `_arg.N`
  std::string value_codec = "json";  // how _value's bytes become a value; see data/codec.h
  std::string key_codec = {};        // empty: string if UTF-8, else bytes
  bool trust_json = false;
  uint64_t random_seed = 0;  // 0: from the system
  bool record = true;  // plain names are fields; false (kexpr without IN): only variables and CEL's types
  std::vector<std::pair<std::string, std::string>> variables =
      {};  // name and JSON; they hide fields (kexpr --var)
  // Told by add() what it finds doubtful (a near miss of a metadata name); sets made with the same options
  // say the same.
  std::function<void(const std::string&)> warn = {};
  // Of a run: what its comparisons met is told at its end. Null: this is not watched.
  std::shared_ptr<ComparisonLog> comparisons = {};
};

// Where an expression stands in a list that the user typed: the text before and after it, so that a hint shows
// the whole list.
struct InList {
  std::string before, after;
};

class Expressions {
 public:
  explicit Expressions(Options options);
  ~Expressions();
  Expressions(Expressions&&) noexcept;
  Expressions& operator=(Expressions&&) noexcept;

  // Compiles; the handle is for evaluate(). `what` names it in messages ("SPEC", "--key"). Throws usage_error
  // with the expression and a caret under the place.
  size_t add(std::string_view text, std::string_view what, Expect expect = Expect::any,
             const InList& in_list = {});
  // Expressions that are added from now on know `name` as a value that is set for each evaluation; it hides a
  // field of that name. Returns its number, from 0. REQUIRES: no fold.
  size_t declare(const std::string& name);
  // REQUIRES: the value lives until the next bind().
  void set(size_t number, const Value& value);
  // Until the next bind() all evaluations together have the steps and the memory of one: for what is evaluated
  // many times for a record.
  void share_limits();
  // Also remember every top-level member of the value in order (kmap's `*`).
  void want_members();

  // Takes one pass over the record's value if any expression needs fields. The record's views must stay valid
  // until the next bind(). An error means that no expression can be evaluated: not JSON, codec. A NULL value
  // is no error here: `_value` is null and fields are missing.
  std::optional<RecordError> bind(const Record& record);
  // The value may point into the record, and into memory that the next bind() reuses.
  Value evaluate(size_t handle);
  // evaluate(), and an error value turned into a RecordError whose message shows the expression with a caret.
  Result<Value> get(size_t handle);

  // fold's expression: it also reads `_acc`, the value so far, and gives the next one. Values come and go as
  // bytes (value_bytes.h). `initial` is the first value so far, from which the checker knows what kinds
  // `_acc` can have.
  size_t add_fold(std::string_view text, std::string_view what, std::string_view initial);
  // REQUIRES: bind() succeeded; `accumulated` was made by fold() or constant_bytes(); `next` is another
  // string, replaced. An error: the expression's, or its value cannot be kept.
  std::optional<RecordError> fold(size_t handle, std::string_view accumulated, std::string& next);

  // After bind(): whether the value is a JSON object, and its members (want_members()).
  bool value_is_object() const;
  const std::vector<JsonMember>& members() const;
  bool reads_fields() const;                   // whether any expression reads the record's value
  std::string canonical(size_t handle) const;  // the parsed expression printed again: for fingerprints
  // After bind(): where the expression is nothing but a field of the value or _value, the JSON text that is there,
  // exactly (numbers keep their spelling). nullopt otherwise, or if the field is missing.
  std::optional<std::string_view> raw_json(size_t handle) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The value of an expression that reads no record, as bytes (value_bytes.h). Throws usage_error, also if it
// is not constant or cannot be kept.
std::string constant_bytes(std::string_view text, std::string_view what, const Options& options);

// One item of a tool's list, `[NAME=]EXPR`, `*`, `EXPR.*`, `-NAME`, `=EXPR`, `| CMD`.
struct ListItem {
  enum class Kind { all, spread, drop, field, whole, command } kind = Kind::field;
  std::string name;    // drop: the field; field: NAME, or one derived from EXPR (a plain field's own name)
  bool named = false;  // NAME was written
  // Of a field within a field (`user.name=E`, `-user.name`) the names from the outside in, and `name` is them
  // with dots; else empty.
  std::vector<std::string> path;
  std::string expression;  // field, whole, spread: EXPR; command: the shell command
  size_t position = 0;     // byte where the item's expression begins in the list, for carets
  std::string condition;   // aggregates: what follows `if`, else empty
  size_t condition_position = 0;
};
// What an item is called that nobody named, and that has no name by itself (`a + b`).
enum class Unnamed { refused, nothing };
// Whether the list makes objects, in which fields of fields can be set and dropped, and objects spread.
enum class Paths { refused, allowed };
// Splits at top-level commas (strings, brackets respected). Throws usage_error with a caret.
std::vector<ListItem> parse_list(std::string_view list, std::string_view what,
                                 Unnamed unnamed = Unnamed::refused, Paths paths = Paths::refused);

}  // namespace kutils::expr
