#include "flow/aggregate/row_shape.h"

#include <random>

#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

RowPlan plan_of(std::string_view list, std::string_view having = {}) {
  return parse_row(list, having, {"key", "window_start"}, "AGGS", expr::Options());
}

// The row of these x, or what failed.
std::string row_of(const AggregateSet& set, const std::vector<int64_t>& values) {
  OwnedState state(set);
  std::vector<Argument> arguments(set.items().size());
  for (const int64_t value : values) {
    for (Argument& one : arguments) one = {true, ScalarValue::of(value)};
    REQUIRE_FALSE(set.add(state.get(), arguments));
  }
  RowShape shape(set);
  std::string row = R"({"key":"a","window_start":7,)";
  const Result<bool> shown = shape.finish("a", 5, state.get(), row);
  if (!shown) return "! " + shown.error().message;
  return *shown ? row : "-";
}

std::string error_of(std::string_view list, std::string_view having = {}) {
  try {
    const AggregateSet set(plan_of(list, having));
    const RowShape shape(set);
  } catch (const Error& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "none";
}

}  // namespace

TEST_CASE("columns of a row: computed from columns before them, and from aggregates of their own") {
  struct Case {
    const char *list, *having, *row;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"n=count(), s=sum(x)", "", R"({"key":"a","window_start":7,"n":3,"s":12})"},
           {"n=count(), s=sum(x), a=s/n", "", R"({"key":"a","window_start":7,"n":3,"s":12,"a":4})"},
           {"a=sum(x)/count()", "", R"({"key":"a","window_start":7,"a":4})"},
           {"a=sum(x)/count(), n=count()", "", R"({"key":"a","window_start":7,"a":4,"n":3})"},
           {"m=max(x) - min(x), d=m * 2.0, n=count()", "",
            R"({"key":"a","window_start":7,"m":4,"d":8.0,"n":3})"},
           {"n=count(), t=key + string(window_start)", "", R"({"key":"a","window_start":7,"n":3,"t":"a7"})"},
           {"l=collect(x), u=l.map(v, v * 2).filter(v, v > 5), p=math.pow(2, size(l))", "",
            R"({"key":"a","window_start":7,"l":[2,4,6],"u":[8,12],"p":8.0})"},
           {"count(), t=_ts", "", R"({"key":"a","window_start":7,"count":3,"t":5})"},
           {"sum_x=count(), a=sum(x)", "", R"({"key":"a","window_start":7,"sum_x":3,"a":12})"},
           {"sum_x=count(), a=sum(x) + 0", "", R"({"key":"a","window_start":7,"sum_x":3,"a":12})"},
           {"n=count()", "n > 3", "-"},
           {"n=count()", "n > 2", R"({"key":"a","window_start":7,"n":3})"},
           {"n=count()", "sum(x) > 12", "-"},
           {"n=count()", "sum(x) >= 12 && key == 'a'", R"({"key":"a","window_start":7,"n":3})"},
           {"s=sum(x), a=s/0", "s > 100", "-"},
           {"s=sum(x), a=s/(s - 12)", "s > 100 && a > 1", "-"},
       }) {
    CAPTURE(one.list, one.having);
    const AggregateSet set(plan_of(one.list, one.having));
    CHECK(row_of(set, {2, 4, 6}) == one.row);
  }
}

TEST_CASE("columns of a row that fail, and that cannot be") {
  const AggregateSet set(plan_of("n=count(), s=sum(x), a=s/(n-3)"));
  CHECK(row_of(set, {2, 4, 6}).find("! ") == 0);
  CHECK(row_of(set, {2, 4}) == R"({"key":"a","window_start":7,"n":2,"s":6,"a":-6})");
  // The column that fails is named, not the condition that reads it.
  const AggregateSet having(plan_of("n=count(), a=1/(n-3)", "a > 0"));
  CHECK(row_of(having, {2, 4, 6}).find("1/(n-3)") != std::string::npos);
  const AggregateSet text(plan_of("n=count()", "n > 'a'"));
  CHECK(row_of(text, {1}).find("! ") == 0);
  const auto has = [](const std::string& message, const char* part) {
    CAPTURE(message, part);
    CHECK(message.find(part) != std::string::npos);
  };
  has(error_of("n=count(), c=country"), "'country' is not a column of the row");
  has(error_of("n=count(), c=country"),
      "the row has key, window_start, n; a field of the records is first(country)");
  has(error_of("a=n, n=count()"), "'n' is not a column");
  has(error_of("n=count(), m=1"), "names no column of the row and no aggregate");
  has(error_of("count(), sum(x)/count()"), "needs a name");
  has(error_of("n=count(), n=n+1"), "two columns are called 'n'");
  has(error_of("n=count(), a=n+1 if n > 2"), "takes no 'if'");
  has(error_of("n=count(), a=median(n)"), "no aggregate is called median()");
  has(error_of("n=count(), a=n +"), "ends too early");
  has(error_of("n=count()", "m > 2"), "--having: 'm' in 'm > 2' is not a column");
  has(error_of("n=count()", "n + 1"), "--having: true or false is needed");
  has(error_of("n=count()", "n >"), "--having");
  has(error_of("a=sum(x) + sum()"), "it is written sum(x)");
  CHECK(error_of("n=count(), a=[1].map(v, v + n)") == "none");
}

TEST_CASE("columns that are shown are not counted twice, and hidden ones come last") {
  const RowPlan plan = plan_of("a=sum(x)/count(), n=count(), s=sum(x) if x > 1", "max(y) > n");
  REQUIRE(plan.aggregates.size() == 4);
  CHECK(plan.aggregates[0].name == "n");
  CHECK(plan.aggregates[1].name == "s");
  CHECK(plan.aggregates[2].name == "sum_x");
  CHECK(plan.aggregates[3].name == "max_y");
  CHECK(plan.columns.list.size() == 3);
  CHECK(plan.columns.list[0].expression == "sum_x/n");
  CHECK(plan.columns.having == "max_y > n");
  CHECK(plan_of("n=count()", "n > 2").columns.list.empty());
  // Values of --arg are part of the expression, so that who reads the state needs none.
  expr::Options options;
  options.args = {{"least", "it's \"3\""}};
  CHECK(parse_row("n=count()", "n > int(_arg.least)", {}, "AGGS", options).columns.having ==
        R"(n > int("it's \"3\""))");
}
