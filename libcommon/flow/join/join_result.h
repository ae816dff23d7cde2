// What a pair of records looks like in the output, and whether it is one (--where).
//
//   {"left": ..., "right": ...}    a side that is missing is null
//   --merge                        one flat object: the left's fields, then the right's under a prefix; of a field
//                                  that both have the left's stands
//
// The sides' values are spliced as the bytes that came; only --where and --merge look into them. One thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "data/json_fields.h"
#include "data/record.h"
#include "expr/expressions.h"
#include "flow/join/side.h"

namespace kutils::flow {

// What comes out.
struct JoinType {
  bool pairs = true;
  bool left = false;   // a left record or row without a match, once it is known to have none
  bool right = false;  // the same of the right
};
constexpr JoinType kInnerJoin{true, false, false};
constexpr JoinType kLeftJoin{true, true, false};
constexpr JoinType kOuterJoin{true, true, true};
constexpr JoinType kAntiJoin{false, true, false};

struct TableRow {
  MaybeBytes value;  // NULL: there is none
  int64_t time = kNoTimestamp;
};

struct JoinFormat {
  std::string where;  // over left.x and right.y: what it does not hold for is no pair
  bool merge = false;
  std::string prefix;  // --merge: of the right's fields
  expr::Options options;
  // How often --merge kept the left's value of a field where the right's was a different one; shared by all partitions.
  // null: not counted.
  std::shared_ptr<std::atomic<uint64_t>> left_out = nullptr;
};

class JoinResult {
 public:
  explicit JoinResult(const JoinFormat& format);  // throws usage_error for a bad expression

  // Whether the value can be a side of a pair. A NULL one can.
  std::optional<RecordError> check(MaybeBytes value);
  // Appends the result's value. NULL: the side is missing; not both. False, and nothing is appended: --where
  // does not hold; it is asked only of pairs.
  Result<bool> make(MaybeBytes key, MaybeBytes left, MaybeBytes right, int64_t time, std::string& out);
  // The same of two tables' rows, of which either may be missing. False: they have no
  // result, and what was appended counts for nothing.
  Result<bool> make_of_rows(const JoinType& type, MaybeBytes key, const TableRow& left, const TableRow& right,
                            std::string& out);
  bool has_condition() const { return where_.has_value(); }
  std::string canonical_where() const { return where_ ? expressions_.canonical(*where_) : std::string(); }

 private:
  static void append_sides(MaybeBytes left, MaybeBytes right, std::string& out);
  std::optional<RecordError> append_merged(MaybeBytes left, MaybeBytes right, std::string& out);

  const bool merge_;
  const std::string prefix_;
  const std::shared_ptr<std::atomic<uint64_t>> left_out_;
  expr::Expressions expressions_;
  std::optional<size_t> where_;
  FieldSet no_fields_;
  FieldReader left_, right_;
  std::string pair_;
};

}  // namespace kutils::flow
