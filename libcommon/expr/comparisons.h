// Comparisons that compare values of two types each time: `number == "62"` is never true where number is a number. Nothing
// fails then, and nothing is found, so it is said at the end of a run.
//
// A tool gives all of its expressions one ComparisonLog (Options::comparisons). Each comparison by ==, != or `in` of what
// records hold, with a constant or with each other, has one entry there, however many stages and threads evaluate it;
// once operands of one type were met, the entry costs a load and a branch.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "expr/value.h"

namespace kutils::expr {

struct Place {
  uint32_t begin = 0, end = 0;  // bytes of the expression's text
};

// What the compiler knows of a comparison.
struct Comparison {
  struct Constant {
    Place place;
    Kind kind = Kind::null;   // string, a number or boolean
    std::string text;         // of a string: itself
    bool is_literal = false;  // else an expression that reads no record: _arg.N
  };
  enum class Form { equal, not_equal, in_constants, constant_in, operands };

  Form form = Form::equal;
  Place whole;
  Place operand;
  Place other;                      // Form::operands: the right one
  std::vector<Constant> constants;  // several: items of a list
  Kinds wanted = 0;                 // kinds of operands that may be equal to a constant
};

// What the operand of a comparison was. Any thread.
class MetOperands {
 public:
  explicit MetOperands(const Comparison& comparison) : comparison_(comparison) {}
  void see(const Value& operand) {
    if (!fits_.load(std::memory_order_relaxed)) look_at(operand);
  }
  // Form::operands.
  void see(const Value& left, const Value& right) {
    if (!fits_.load(std::memory_order_relaxed)) look_at(left, right);
  }

  const Comparison& comparison() const { return comparison_; }
  bool never_fitted() const { return !fits_.load() && kinds_.load() != 0; }
  // Whether all that it met was null.
  bool only_null() const { return !fits_.load() && kinds_.load() == 0 && had_null_.load(); }
  Kinds kinds() const { return kinds_.load(); }              // without null
  Kinds other_kinds() const { return other_kinds_.load(); }  // of the right operand
  bool had_null() const { return had_null_.load(); }
  // Whether int() and double() take all texts that were met.
  bool all_whole() const { return all_whole_.load(); }
  bool all_numbers() const { return all_numbers_.load(); }

 private:
  void look_at(const Value& operand);
  void look_at(const Value& left, const Value& right);
  void look_at_one(const Value& value);
  void look_at_text(const Value& value);

  const Comparison comparison_;
  std::atomic<bool> fits_{false};
  std::atomic<Kinds> kinds_{0}, other_kinds_{0};
  std::atomic<bool> had_null_{false}, all_whole_{true}, all_numbers_{true};
};

class ComparisonLog {
 public:
  // The entry of a comparison in an expression, which `what` names; `before` and `after` are the list around it. It lives
  // as long as the log. Any thread.
  MetOperands& entry(std::string_view what, std::string_view text, const std::string& before,
                     const std::string& after, const Comparison& comparison);
  // A note for each expression with comparisons that met operands, none of them of a fitting type: which, and what to
  // write.
  std::vector<std::string> notes() const;

 private:
  struct Entry {
    explicit Entry(const Comparison& comparison) : met(comparison) {}
    MetOperands met;
    std::string before, after;
  };

  mutable std::mutex mutex_;
  // By what names the expression, its text and where the comparison begins.
  std::map<std::tuple<std::string, std::string, uint32_t>, Entry> entries_;
};

}  // namespace kutils::expr
