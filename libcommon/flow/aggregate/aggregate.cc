#include "flow/aggregate/aggregate.h"

#include <cmath>
#include <cstdio>
#include <limits>

#include "flow/aggregate/by_key.h"
#include "flow/aggregate/first_last.h"
#include "flow/aggregate/fold.h"
#include "flow/aggregate/numeric.h"
#include "flow/aggregate/row_values.h"
#include "flow/aggregate/sketches.h"
#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {
namespace {

size_t limit_of(const AggregateItem& item) {
  const std::vector<double>& parameters = item.parameters;
  if (parameters.empty()) return std::numeric_limits<size_t>::max();
  const double limit = parameters[0];
  if (!(limit >= 1 && limit <= 1e9 && limit == std::floor(limit)))
    throw usage_error(item.function + "(): the number of values must be a whole number from 1 on");
  return static_cast<size_t>(limit);
}

double percent_of(const AggregateItem& item) {
  const std::vector<double>& parameters = item.parameters;
  if (!(parameters[0] >= 0 && parameters[0] <= 100))
    throw usage_error("percentile(): the second argument must be from 0 to 100",
                      "the median is percentile(x, 50)");
  // Other programs take a share there: percentile(x, 0.95) would be about the minimum.
  if (parameters[0] > 0 && parameters[0] < 1) {
    char percent[32];
    std::snprintf(percent, sizeof percent, "%g", parameters[0] * 100);
    throw usage_error("percentile(): the second argument is percent, and this is less than one",
                      "write: percentile(" + item.argument + ", " + percent + ")");
  }
  return parameters[0];
}

using Item = const AggregateItem&;

constexpr AggregateFunction kFunctions[] = {
    {"count", "count()", "number of records", 0, 0, [](Item) { return make_count(); }},
    {"sum", "sum(x)", "sum; of integers an exact 64-bit integer, with doubles a compensated double", 1, 1,
     [](Item) { return make_sum(); }},
    {"min", "min(x)", "smallest value", 1, 1, [](Item) { return make_extreme(false); }, false, false, nullptr,
     [](Item) { return make_row_values(RowValues::min); }},
    {"max", "max(x)", "largest value", 1, 1, [](Item) { return make_extreme(true); }, false, false, nullptr,
     [](Item) { return make_row_values(RowValues::max); }},
    {"avg", "avg(x)", "mean, a double", 1, 1, [](Item) { return make_avg(); }},
    {"first", "first(x)", "the value that arrived first; first(x, key): first_by", 1, 1,
     [](Item) { return make_first(); }, false, false, "first_by"},
    {"last", "last(x)", "the value that arrived last; last(x, key): last_by", 1, 1,
     [](Item) { return make_last(); }, false, false, "last_by"},
    {"lag", "lag(x[, n])",
     "the value n before the last one, in order of arrival; n is 1 unless given, null counts as a value", 1,
     2, [](Item i) { return make_lag(i.parameters.empty() ? 1 : limit_of(i)); }},
    {"max_by", "max_by(x, key)",
     "x of the record with the largest key; of equal ones the one that came first", 2, 2,
     [](Item) { return make_by_key(ByKey::max); }, false, true, nullptr,
     [](Item) { return make_row_values(RowValues::max_by); }},
    {"min_by", "min_by(x, key)",
     "x of the record with the smallest key; of equal ones the one that came first", 2, 2,
     [](Item) { return make_by_key(ByKey::min); }, false, true, nullptr,
     [](Item) { return make_row_values(RowValues::min_by); }},
    {"max_all_by", "max_all_by(x, key)", "list of x of all records with the largest key, as they came", 2, 2,
     [](Item) { return make_by_key(ByKey::max_all); }, false, true, nullptr,
     [](Item) { return make_row_values(RowValues::max_all_by); }},
    {"first_by", "first_by(x, key)", "x of the record with the smallest key, as min_by", 2, 2,
     [](Item) { return make_by_key(ByKey::first); }, false, true, nullptr,
     [](Item) { return make_row_values(RowValues::min_by); }},
    {"last_by", "last_by(x, key)",
     "x of the record with the largest key; of equal ones the one that came last", 2, 2,
     [](Item) { return make_by_key(ByKey::last); }, false, true, nullptr,
     [](Item) { return make_row_values(RowValues::max_by); }},
    {"stddev", "stddev(x)", "sample standard deviation; null for fewer than two values", 1, 1,
     [](Item) { return make_stddev(); }},
    {"variance", "variance(x)", "sample variance, the square of stddev; null for fewer than two values", 1, 1,
     [](Item) { return make_variance(); }},
    {"distinct", "distinct(x)", "number of different values, exact: keeps them all", 1, 1,
     [](Item) { return make_distinct(); }},
    {"approx_distinct", "approx_distinct(x)",
     "number of different values, standard error 1.6 %, at most 4 KB", 1, 1,
     [](Item) { return make_approx_distinct(); }},
    {"percentile", "percentile(x, p)", "value at percent p (0 to 100), within 1 % of its size", 2, 2,
     [](Item i) { return make_percentile(percent_of(i)); }},
    {"top", "top(x, n)", "list of the n largest values, largest first; top(x, n, key): top_by", 2, 2,
     [](Item i) { return make_top(limit_of(i)); }, false, false, "top_by",
     [](Item i) { return make_row_values(RowValues::top, limit_of(i)); }},
    {"top_by", "top_by(x, n, key)", "list of x of the n records with the largest keys, largest first", 3, 3,
     [](Item i) { return make_by_key(ByKey::top, limit_of(i)); }, false, true, nullptr,
     [](Item i) { return make_row_values(RowValues::top_by, limit_of(i)); }},
    {"fold", "fold(init, expr)",
     "the value of expr, in which _acc is the value so far, init at first; at most 256 KiB", 2, 2,
     [](Item i) { return make_fold(i.initial_value); }, true},
    {"collect", "collect(x[, n])", "list of the values as they arrived, the first n of them", 1, 2,
     [](Item i) { return make_collect(limit_of(i)); }, false, false, nullptr,
     [](Item i) { return make_row_values(RowValues::collect, limit_of(i)); }},
};

}  // namespace

std::span<const AggregateFunction> aggregate_functions() { return kFunctions; }

const AggregateFunction* find_aggregate_function(std::string_view name) {
  for (const AggregateFunction& function : kFunctions)
    if (function.name == name) return &function;
  return nullptr;
}

std::unique_ptr<Aggregate> make_aggregate(const AggregateFunction& function, const AggregateItem& item) {
  return item.of_rows && function.make_of_rows != nullptr ? function.make_of_rows(item) : function.make(item);
}

RecordError needs_number(std::string_view function, const ScalarValue& argument) {
  std::string message(function);
  message += "() needs a number, not a ";
  message += to_string(argument.kind);
  return {Reason::wrong_type, std::move(message)};
}

RecordError sum_overflow(std::string_view function) {
  return {Reason::overflow, std::string(function) + "(): the sum is beyond 64 bits"};
}

}  // namespace kutils::flow
