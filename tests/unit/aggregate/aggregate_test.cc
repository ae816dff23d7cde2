#include "flow/aggregate/aggregate_set.h"

#include <cmath>
#include <random>

#include "flow/aggregate/row_table.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

std::string result(const AggregateSet& set, const OwnedState& state) {
  std::string json;
  set.result(state.get(), json);
  return json.substr(json.find(':') + 1);
}

// Stands for fold's expression `_acc * 31 + x`, in integers.
class Chain final : public Successor {
 public:
  int64_t x = 0;
  std::optional<RecordError> work_out(const void*, std::string_view accumulated) override {
    Reader in(accumulated);
    const int64_t before = in.byte() == 2 ? in.signed_varint() : 0;
    value_.assign(1, 2);
    put_signed(value_, (before * 31 + x) % 1000003);
    return std::nullopt;
  }
  std::string_view result(const void*) override { return value_; }

 private:
  std::string value_;
};

// A set of one aggregate and a state of it.
struct One {
  explicit One(const std::string& function, std::vector<double> parameters = {})
      : set({{"v", function, "x", std::move(parameters), ""}}), state(set) {}
  std::optional<RecordError> add(const ScalarValue& scalar) {
    if (auto refused = set.function(0).check(scalar)) return refused;
    chain.x = scalar.is_number() ? static_cast<int64_t>(scalar.as_double()) : 0;
    const Argument argument{true, scalar, &chain};
    return set.add(state.get(), {&argument, 1});
  }
  std::optional<RecordError> subtract(const ScalarValue& scalar) {
    const Argument argument{true, scalar, nullptr};
    return set.subtract(state.get(), {&argument, 1});
  }
  std::string value() const { return result(set, state); }
  AggregateSet set;
  OwnedState state;
  Chain chain;
};

ScalarValue i(int64_t v) { return ScalarValue::of(v); }
ScalarValue d(double v) { return ScalarValue::of(v); }
ScalarValue s(std::string_view v) { return ScalarValue::of_string(v); }

std::vector<double> parameters_of(const AggregateFunction& function) {
  if (function.min_arguments < 2) return {};
  return {std::string(function.name).substr(0, 3) == "top" ? 3.0 : 50.0};
}

}  // namespace

TEST_CASE("aggregates: results") {
  One sum("sum");
  CHECK(sum.value() == "0");
  CHECK_FALSE(sum.add(i(INT64_MAX)));
  CHECK(sum.add(i(1))->reason == Reason::overflow);
  CHECK(sum.value() == "9223372036854775807");
  CHECK_FALSE(sum.add(i(-7)));
  CHECK(sum.value() == "9223372036854775800");
  CHECK(sum.add(s("a"))->reason == Reason::wrong_type);

  One compensated("sum");
  for (int n = 0; n < 10; ++n) CHECK_FALSE(compensated.add(d(0.1)));
  CHECK(compensated.value() == "1.0");
  CHECK_FALSE(compensated.add(d(1e100)));
  CHECK_FALSE(compensated.add(d(-1e100)));
  CHECK(compensated.value() == "1.0");
  CHECK_FALSE(compensated.add(d(1e308)));
  CHECK(compensated.add(d(1e308))->reason == Reason::overflow);

  One average("avg");
  CHECK(average.value() == "null");
  average.add(i(1));
  average.add(i(2));
  CHECK(average.value() == "1.5");

  One deviation("stddev");
  deviation.add(i(2));
  CHECK(deviation.value() == "null");
  deviation.add(i(4));
  CHECK(deviation.value() == "1.4142135623730951");
  One variance("variance");
  variance.add(i(2));
  CHECK(variance.value() == "null");
  variance.add(i(4));
  CHECK(variance.value() == "2.0");

  One smallest("min"), largest("max");
  for (const ScalarValue& scalar : {i(3), d(2.5), i(7)}) {
    CHECK_FALSE(smallest.add(scalar));
    CHECK_FALSE(largest.add(scalar));
  }
  CHECK(smallest.value() == "2.5");
  CHECK(largest.value() == "7");
  CHECK(largest.add(s("x"))->reason == Reason::wrong_type);
  CHECK(largest.add(ScalarValue::of_json("[1]"))->reason == Reason::wrong_type);
  One first("first"), last("last");
  for (const ScalarValue& scalar : {s("a"), ScalarValue::of_json("{\"b\":1}"), i(7)}) {
    first.add(scalar);
    last.add(scalar);
  }
  CHECK(first.value() == "\"a\"");
  CHECK(last.value() == "7");

  One top("top", {2});
  for (const int n : {3, 1, 5, 4}) top.add(i(n));
  CHECK(top.value() == "[5,4]");

  One collect("collect", {3});
  for (const int n : {3, 1, 5, 4}) collect.add(i(n));
  CHECK(collect.value() == "[3,1,5]");

  One distinct("distinct");
  for (const ScalarValue& scalar : {i(40), d(40.0), s("40"), ScalarValue::of(true), s("40")})
    distinct.add(scalar);
  CHECK(distinct.value() == "3");
}

TEST_CASE("aggregates: a number that is passed on keeps the text that it came with, also in the state") {
  const auto written = [](ScalarValue scalar, const char* text) {
    scalar.text = text;
    return scalar;
  };
  const ScalarValue long_one = written(d(1.2345678901234568e+22), "12345678901234567890123");
  const ScalarValue next_one = written(d(1.2345678901234568e+22), "12345678901234567890124");
  for (const ScalarValue& scalar :
       {long_one, written(i(0), "-0"), written(d(1.5), "1.50"), written(d(0), "1e-400")}) {
    for (const char* name : {"first", "last", "min", "max", "collect", "top"}) {
      One one(name, {2});
      one.add(scalar);
      const std::string text(scalar.text);
      CHECK(one.value() == (name[0] == 'c' || name[0] == 't' ? "[" + text + "]" : text));
    }
    std::string bytes;
    encode(scalar, bytes);
    Reader in(bytes);
    std::string json;
    append_json(decode_scalar(in), json);
    CHECK((in.ok() && in.at_end()));
    CHECK(json == scalar.text);
  }
  std::string plain, same;
  encode(d(1.5), plain);
  encode(written(d(1.5), "1.5"), same);
  CHECK(plain == same);  // nothing more to keep
  std::string broken =
      "\x84\x02"
      "1e";  // no number
  broken.append(8, '\0');
  Reader in(broken);
  (void)decode_scalar(in);
  CHECK_FALSE(in.ok());

  One distinct("distinct");
  for (const ScalarValue& scalar :
       {i(40), written(d(40.0), "40.0"), long_one, next_one, written(i(0), "-0"), i(0)})
    distinct.add(scalar);
  CHECK(distinct.value() == "4");
}

TEST_CASE("aggregates: sketches stay within their stated errors") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const int size : {1, 10, 400, 600, 5000, 20000, 200000}) {
    One distinct("approx_distinct");
    for (int n = 0; n < size; ++n) {
      const std::string text = std::to_string(random());
      distinct.add(s(text));
      distinct.add(s(text));
    }
    const double estimate = std::stod(distinct.value());
    CAPTURE(size, estimate);
    // Among ten values two share a register in 1 % of the runs, and count once.
    CHECK(std::fabs(estimate - size) <= std::max(1.5, 5 * 0.0163 * size));
  }
  for (const double percent : {0.0, 1.0, 50.0, 99.0, 100.0}) {
    One percentile("percentile", {percent});
    std::vector<double> values;
    for (int n = 0; n < 5001; ++n) {
      const double value = (static_cast<double>(random() % 2000001) - 1000000) / 1000;
      values.push_back(value);
      percentile.add(d(value));
    }
    std::sort(values.begin(), values.end());
    const auto rank = static_cast<size_t>(std::max(1.0, std::ceil(percent / 100 * 5001)));
    const double exact = values[rank - 1];
    CAPTURE(percent, exact);
    CHECK(std::fabs(std::stod(percentile.value()) - exact) <= 0.0100001 * std::fabs(exact));
  }
}

TEST_CASE("percentile: a rank that is whole is taken as it is") {
  for (const double percent : {1.0, 7.0, 14.0, 28.0, 55.0, 99.0, 100.0}) {
    One percentile("percentile", {percent});
    for (int n = 1; n <= 100; ++n) percentile.add(i(n));
    CAPTURE(percent);
    CHECK(std::fabs(std::stod(percentile.value()) - percent) <= 0.0100001 * percent);
  }
}

TEST_CASE("aggregates: merge, subtract and encode keep the result, for every function of the table") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const AggregateFunction& function : aggregate_functions()) {
    CAPTURE(function.name);
    for (int round = 0; round < 50; ++round) {
      std::vector<ScalarValue> values;
      const int size = static_cast<int>(random() % 12);
      for (int n = 0; n < size; ++n) {
        const auto value = static_cast<int64_t>(random() % 100) - 50;
        values.push_back(random() % 2 ? i(value) : d(static_cast<double>(value) / 4));
      }
      One whole(function.name, parameters_of(function)), left(function.name, parameters_of(function)),
          right(function.name, parameters_of(function));
      const size_t cut = values.empty() ? 0 : random() % (values.size() + 1);
      for (size_t n = 0; n < values.size(); ++n) {
        REQUIRE_FALSE(whole.add(values[n]));
        REQUIRE_FALSE((n < cut ? left : right).add(values[n]));
      }
      const bool is_root = std::string(function.name) == "stddev";
      const bool rounds = is_root || std::string(function.name) == "variance";
      const auto same = [&](const One& other) {
        if (!rounds || whole.value() == "null") return other.value() == whole.value();
        // What is taken back leaves a rest of rounding in the variance; its root is far larger where that is
        // 0.
        const double a = std::stod(other.value()), b = std::stod(whole.value());
        return std::fabs(is_root ? a * a - b * b : a - b) < 1e-9;
      };
      std::string bytes;
      whole.set.encode(whole.state.get(), bytes);
      One copy(function.name, parameters_of(function));
      Reader in(bytes);
      copy.set.decode(copy.state.get(), in);
      CHECK((in.ok() && in.at_end()));
      CHECK(copy.value() == whole.value());
      for (size_t n = 0; n < bytes.size(); ++n) {  // cut off anywhere: noticed
        One broken(function.name, parameters_of(function));
        Reader part(std::string_view(bytes).substr(0, n));
        broken.set.decode(broken.state.get(), part);
        CHECK_FALSE((part.ok() && part.at_end()));
      }
      if (whole.set.function(0).has_merge()) {
        CHECK_FALSE(left.set.merge(left.state.get(), right.state.get()));
        CHECK(same(left));
      }
      if (whole.set.function(0).has_subtract()) {
        const std::string before = whole.value();
        One more(function.name, parameters_of(function));
        for (const ScalarValue& value : values) REQUIRE_FALSE(more.add(value));
        for (const int n : {7, 9, 11}) REQUIRE_FALSE(more.add(i(n)));
        for (const int n : {11, 7, 9}) REQUIRE_FALSE(more.subtract(i(n)));
        CHECK(same(more));
      }
    }
  }
}

TEST_CASE("aggregates: an error leaves every aggregate of the set as it was") {
  AggregateSet set({{"n", "count", "", {}, ""}, {"s", "sum", "x", {}, ""}});
  OwnedState state(set);
  const Argument most[] = {{true, {}, nullptr}, {true, i(INT64_MAX), nullptr}};
  CHECK_FALSE(set.add(state.get(), most));
  CHECK(set.add(state.get(), most)->reason == Reason::overflow);
  std::string json;
  set.result(state.get(), json);
  CHECK(json == "\"n\":1,\"s\":9223372036854775807");
}

TEST_CASE("aggregates: what cannot be is refused by name") {
  CHECK_THROWS_AS(AggregateSet({{"a", "median", "x", {}, ""}}), Error);
  CHECK_THROWS_AS(AggregateSet({{"a", "count", "", {}, ""}, {"a", "count", "", {}, ""}}), Error);
  CHECK_THROWS_AS(AggregateSet({{"a", "percentile", "x", {101}, ""}}), Error);
  // A share, as other programs take it.
  try {
    AggregateSet({{"a", "percentile", "x", {0.999}, ""}});
    FAIL("taken as percent");
  } catch (const Error& error) {
    CHECK(error.hint() == "write: percentile(x, 99.9)");
  }
  CHECK_NOTHROW(AggregateSet({{"a", "percentile", "x", {0}, ""}}));
  CHECK_THROWS_AS(AggregateSet({{"a", "top", "x", {0}, ""}}), Error);
  AggregateSet set({{"a", "max", "x", {}, ""}});
  CHECK_THROWS_AS(set.require_subtract("tables over tables"), Error);
  CHECK_NOTHROW(set.require_merge("session windows"));
}

TEST_CASE("scalar: order across number types is exact") {
  CHECK(compare(i(9007199254740993), d(9007199254740992.0)) == 1);
  CHECK(compare(d(9007199254740992.0), i(9007199254740993)) == -1);
  CHECK(compare(i(1), d(1.5)) == -1);
  CHECK(compare(i(-1), d(-1.5)) == 1);
  CHECK(compare(d(2.0), i(2)) == 0);
  CHECK(compare(d(1e30), i(INT64_MAX)) == 1);
  CHECK_FALSE(compare(i(1), s("1")));
}

TEST_CASE("row table: keeps rows apart and in place") {
  AggregateSet set({{"n", "count", "", {}, ""}, {"c", "collect", "x", {}, ""}});
  RowTable table(set);
  for (int round = 0; round < 3; ++round) {
    std::vector<Row*> rows;
    for (int n = 0; n < 2000; ++n) {
      const auto [row, is_new] = table.find_or_add("key" + std::to_string(n));
      REQUIRE(is_new);
      rows.push_back(row);
      const Argument arguments[] = {{true, {}, nullptr}, {true, i(n), nullptr}};
      set.add_checked(table.state(row), arguments);
    }
    for (int n = 0; n < 2000; ++n) {
      const auto [row, is_new] = table.find_or_add("key" + std::to_string(n));
      REQUIRE_FALSE(is_new);
      REQUIRE(row == rows[static_cast<size_t>(n)]);
      REQUIRE(table.key(row) == "key" + std::to_string(n));
    }
    const size_t memory = table.memory();
    table.weigh(rows[0], 1 << 20);
    CHECK(table.memory() > memory + (1 << 20) - 200);
    table.weigh(rows[0], 0);
    CHECK(table.memory() == memory);
    table.clear(0);
    CHECK(table.size() == 0);
  }
}
