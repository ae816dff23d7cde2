// Words of other languages, and how they are written here: the tables behind the rules. A row that is added here
// gets one in tests/tool/hints.bats.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace kutils::expr::habits {

// `$1`, `$2`: the arguments, as they were written. Other names of functions of ours.
struct Spelling {
  std::string_view name;  // in lower case
  size_t arguments;
  std::string_view ours;
};
constexpr Spelling kCalls[] = {
    {"len", 1, "size($1)"},
    {"length", 1, "size($1)"},
    {"char_length", 1, "size($1)"},
    {"strlen", 1, "size($1)"},
    {"lower", 1, "$1.lowerAscii()"},
    {"lcase", 1, "$1.lowerAscii()"},
    {"to_lower", 1, "$1.lowerAscii()"},
    {"tolower", 1, "$1.lowerAscii()"},
    {"ascii_downcase", 1, "$1.lowerAscii()"},
    {"upper", 1, "$1.upperAscii()"},
    {"ucase", 1, "$1.upperAscii()"},
    {"to_upper", 1, "$1.upperAscii()"},
    {"toupper", 1, "$1.upperAscii()"},
    {"ascii_upcase", 1, "$1.upperAscii()"},
    {"trim", 1, "$1.trim()"},
    {"contains", 2, "$1.contains($2)"},
    {"startswith", 2, "$1.startsWith($2)"},
    {"starts_with", 2, "$1.startsWith($2)"},
    {"endswith", 2, "$1.endsWith($2)"},
    {"ends_with", 2, "$1.endsWith($2)"},
    {"regexp_like", 2, "$1.matches($2)"},
    {"regexp_matches", 2, "$1.matches($2)"},
    {"rlike", 2, "$1.matches($2)"},
    {"split", 2, "$1.split($2)"},
    {"replace", 3, "$1.replace($2, $3)"},
    {"concat", 2, "$1 + $2"},
    {"concat", 3, "$1 + $2 + $3"},
    {"concat", 4, "$1 + $2 + $3 + $4"},
    {"left", 2, "$1.substring(0, $2)"},
    {"isnull", 1, "!has($1) || $1 == null"},
    {"is_null", 1, "!has($1) || $1 == null"},
    {"notnull", 1, "has($1) && $1 != null"},
    {"isnotnull", 1, "has($1) && $1 != null"},
    {"defined", 1, "has($1)"},
    {"isset", 1, "has($1)"},
    {"ifnull", 2, "coalesce($1, $2)"},
    {"isnull", 2, "coalesce($1, $2)"},
    {"nvl", 2, "coalesce($1, $2)"},
    {"if", 3, "$1 ? $2 : $3"},
    {"iif", 3, "$1 ? $2 : $3"},
    {"tonumber", 1, "double($1)"},
    {"number", 1, "double($1)"},
    {"tofloat", 1, "double($1)"},
    {"todouble", 1, "double($1)"},
    {"to_double", 1, "double($1)"},
    {"parsefloat", 1, "double($1)"},
    {"toint", 1, "int($1)"},
    {"to_int", 1, "int($1)"},
    {"parseint", 1, "int($1)"},
    {"integer", 1, "int($1)"},
    {"tostring", 1, "string($1)"},
    {"to_string", 1, "string($1)"},
    {"str", 1, "string($1)"},
    {"float", 1, "double($1)"},
    {"abs", 1, "math.abs($1)"},
    {"ceil", 1, "math.ceil($1)"},
    {"floor", 1, "math.floor($1)"},
    {"round", 1, "math.round($1)"},
    {"sqrt", 1, "math.sqrt($1)"},
    {"trunc", 1, "math.trunc($1)"},
    {"sign", 1, "math.sign($1)"},
    {"greatest", 2, "math.greatest($1, $2)"},
    {"least", 2, "math.least($1, $2)"},
    {"max", 2, "math.greatest($1, $2)"},
    {"min", 2, "math.least($1, $2)"},
    {"mod", 2, "$1 % $2"},
    {"typeof", 1, "string(type($1))"},
    {"keys", 1, "$1.map(k, k)"},
    {"values", 1, "$1.transformList(k, v, v)"},
    {"regexp_replace", 3, "regex.replace($1, $2, $3)"},
    {"regexp_extract", 2, "regex.extract($1, $2).value()"},
    {"current_timestamp", 0, "now()"},
    {"getdate", 0, "now()"},
    {"sysdate", 0, "now()"},
    {"time", 0, "int(now())"},
    {"systime", 0, "int(now())"},
    {"unix_timestamp", 0, "int(now())"},
    {"date.now", 0, "int(now())"},
    {"exists", 1, "has($1)"},
    {"rand", 0, "random()"},
    {"math.random", 0, "random()"},
    {"random.random", 0, "random()"},
    {"math.max", 2, "math.greatest($1, $2)"},
    {"math.min", 2, "math.least($1, $2)"},
    {"math.round", 1, "math.round($1)"},
    {"math.floor", 1, "math.floor($1)"},
    {"math.ceil", 1, "math.ceil($1)"},
    {"math.trunc", 1, "math.trunc($1)"},
    {"math.abs", 1, "math.abs($1)"},
    {"math.sqrt", 1, "math.sqrt($1)"},
    {"select", 1, "$1"},
};
constexpr Spelling kAggregates[] = {
    {"median", 1, "percentile($1, 50)"},
    {"p50", 1, "percentile($1, 50)"},
    {"p90", 1, "percentile($1, 90)"},
    {"p95", 1, "percentile($1, 95)"},
    {"p99", 1, "percentile($1, 99)"},
    {"mean", 1, "avg($1)"},
    {"average", 1, "avg($1)"},
    {"std", 1, "stddev($1)"},
    {"count_distinct", 1, "distinct($1)"},
    {"nunique", 1, "distinct($1)"},
    {"uniq", 1, "distinct($1)"},
    {"array_agg", 1, "collect($1)"},
    {"list", 1, "collect($1)"},
    {"total", 1, "sum($1)"},
    {"stdev", 1, "stddev($1)"},
    {"stddev_samp", 1, "stddev($1)"},
    {"var", 1, "variance($1)"},
    {"var_samp", 1, "variance($1)"},
    {"variance_samp", 1, "variance($1)"},
    {"p999", 1, "percentile($1, 99.9)"},
    {"first_value", 1, "first($1)"},
    {"any_value", 1, "first($1)"},
    {"last_value", 1, "last($1)"},
    {"countdistinct", 1, "distinct($1)"},
    {"approx_count_distinct", 1, "approx_distinct($1)"},
    {"count_if", 1, "count() if $1"},
    {"countif", 1, "count() if $1"},
    {"sum_if", 2, "sum($1) if $2"},
    {"sumif", 2, "sum($1) if $2"},
};
// Functions that other languages write in capitals.
constexpr std::string_view kOurs[] = {"count",  "sum",      "min",    "max",       "avg",
                                      "first",  "last",     "stddev", "distinct",  "approx_distinct",
                                      "top",    "coalesce", "has",    "size",      "int",
                                      "double", "bool",     "string", "timestamp", "percentile",
                                      "fold",   "collect",  "bytes",  "now",       "random",
                                      "uuid",   "hash",     "json",   "duration"};
// Methods whose whole call is written differently here; `$0` is the receiver.
constexpr Spelling kRewrittenMethods[] = {
    {"isnull", 0, "!has($0) || $0 == null"},
    {"isna", 0, "!has($0) || $0 == null"},
    {"notnull", 0, "has($0) && $0 != null"},
    {"notna", 0, "has($0) && $0 != null"},
    {"tostring", 0, "string($0)"},
    {"to_s", 0, "string($0)"},
    {"toint", 0, "int($0)"},
    {"to_i", 0, "int($0)"},
    {"concat", 1, "$0 + $1"},
    {"keys", 0, "$0.map(k, k)"},
    {"values", 0, "$0.transformList(k, v, v)"},
    {"gsub", 2, "regex.replace($0, $1, $2)"},
    {"sub", 2, "regex.replace($0, $1, $2, 1)"},
};
// Words between two operands: comparisons, and methods of the left one.
constexpr std::pair<std::string_view, std::string_view> kComparisons[] = {
    {"eq", "=="}, {"equals", "=="}, {"ne", "!="}, {"neq", "!="}, {"gt", ">"},
    {"ge", ">="}, {"gte", ">="},    {"lt", "<"},  {"le", "<="},  {"lte", "<="}};
constexpr std::pair<std::string_view, std::string_view> kInfixMethods[] = {
    {"contains", "contains"},      {"includes", "contains"}, {"has", "contains"},
    {"matches", "matches"},        {"match", "matches"},     {"startswith", "startsWith"},
    {"starts_with", "startsWith"}, {"endswith", "endsWith"}, {"ends_with", "endsWith"}};
// Aggregates, also by other languages' names.
constexpr std::string_view kAggregateNames[] = {
    "count", "sum",      "avg", "mean",       "median",  "stddev",          "first",
    "last",  "distinct", "top", "percentile", "collect", "approx_distinct", "variance"};
// What jq and Miller do to a stream of records, where no such function exists: what does it here.
constexpr std::pair<std::string_view, std::string_view> kStreamFunctions[] = {
    {"group_by", "records are grouped by an option of ktable: ktable --by EXPR 'count()' IN"},
    {"unique_by", "one row for each key is a table: ktable --by EXPR 'count()' IN"},
    {"unique", "one row for each value is a table: ktable --by EXPR 'count()' IN"},
    {"sort_by",
     "rows of a table are sorted where they are printed: kread -e -O table --sort COLUMN table:IN"},
    {"limit", "the number of records that are written is an option: -m N"},
    {"head", "the number of records that are written is an option: -m N"},
    {"tail", "the last records of a topic are an option: --tail N"}};
// Parts of a time: SQL's functions.
constexpr std::pair<std::string_view, std::string_view> kTimeParts[] = {
    {"year", "getFullYear()"},   {"month", "getMonth() + 1"}, {"day", "getDate()"},
    {"dayofmonth", "getDate()"}, {"hour", "getHours()"},      {"minute", "getMinutes()"},
    {"second", "getSeconds()"}};
constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {"int", "int"},        {"integer", "int"},    {"bigint", "int"},         {"long", "int"},
    {"int64", "int"},      {"double", "double"},  {"float", "double"},       {"real", "double"},
    {"decimal", "double"}, {"numeric", "double"}, {"float64", "double"},     {"string", "string"},
    {"str", "string"},     {"text", "string"},    {"varchar", "string"},     {"char", "string"},
    {"boolean", "bool"},   {"bool", "bool"},      {"timestamp", "timestamp"}};
// Words that may also be a field's name: they are foreign only where the record has no such field.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"True", "true"},
                                                                    {"TRUE", "true"},
                                                                    {"False", "false"},
                                                                    {"FALSE", "false"},
                                                                    {"None", "null"},
                                                                    {"NULL", "null"},
                                                                    {"Null", "null"},
                                                                    {"nil", "null"},
                                                                    {"undefined", "null"},
                                                                    {"now", "now()"},
                                                                    {"_now", "now()"},
                                                                    {"NOW", "now()"},
                                                                    {"current_timestamp", "now()"},
                                                                    {"CURRENT_TIMESTAMP", "now()"},
                                                                    {"key", "_key"},
                                                                    {"value", "_value"},
                                                                    {"offset", "_offset"},
                                                                    {"partition", "_partition"},
                                                                    {"topic", "_topic"},
                                                                    {"headers", "_headers"},
                                                                    {"timestamp", "_ts"},
                                                                    {"_timestamp", "_ts"},
                                                                    {"ts", "_ts"}};
constexpr Spelling kMethods[] = {
    {"tolowercase", 0, "lowerAscii"},
    {"lower", 0, "lowerAscii"},
    {"touppercase", 0, "upperAscii"},
    {"upper", 0, "upperAscii"},
    {"length", 0, "size"},
    {"len", 0, "size"},
    {"strip", 0, "trim"},
    {"includes", 1, "contains"},
    {"replaceall", 2, "replace"},
    {"startswith", 1, "startsWith"},
    {"endswith", 1, "endsWith"},
    {"test", 1, "matches"},
    {"match", 1, "matches"},
};

}  // namespace kutils::expr::habits
