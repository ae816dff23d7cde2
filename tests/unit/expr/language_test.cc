// Rules of the language, each as an expression that is true, or one that must fail.
#include <optional>
#include <string_view>

#include "expr/expressions.h"
#include "support/catch.h"

using namespace kutils;

namespace {

// nullopt: it failed, before running or when run.
std::optional<bool> truth(std::string_view expression) {
  expr::Expressions set{expr::Options{.record = false}};
  try {
    const size_t handle = set.add(expression, "");
    if (set.bind(Record{})) return std::nullopt;
    const expr::Value value = set.evaluate(handle);
    if (!value.is_bool()) return std::nullopt;
    return value.as_bool();
  } catch (const Error&) {
    return std::nullopt;
  }
}

constexpr std::string_view kTrue[] = {
    // literals
    R"('\u0041\x42\103\U00000044' == "ABCD")",
    R"('\ud83d\uDE00' == '\U0001F600')",
    R"(r'\n' == '\\n')",
    R"(r'\' == '\\' && br"\" == b'\\' && r'''\''' == '\\')",
    R"(b'\xff\377' == b'\377\xFF')",
    R"("""a"b""" == 'a"b')",
    "json('1844674407370955161584467440737095') == 1844674407370955161584467440737095.0",
    "json('[-18446744073709551615.9e3, 5e-324,1e-400]') == [-18446744073709551615.9e3, 5e-324, 0.0]",
    "0x10 == 16 && 0xFFu == 255u && -0x1 == -1",
    ".5 == 0.5 && 1e3 == 1000.0",
    "-9223372036854775808 < -9223372036854775807",
    "b'é' == b'\\xc3\\xa9'",
    "'\\377' == 'ÿ'",
    "true // a comment\n && true",
    // precedence
    "1 + 2 * 3 == 7",
    "(1 + 2) * 3 == 9",
    "10 - 3 - 2 == 5",
    "!false && true || false",
    "true ? false ? false : true : false",
    "-2 * -2 == 4",
    "1 in [1] == true",
    "2 - -2 == 4",
    // logic
    "(1 / 0 > 0) || true",
    "!(false && 1 / 0 > 0)",
    "true || 'a' == 1 / 0",
    // numbers
    "7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1",
    "1.0 / 0.0 > 1e308",
    "!(0.0 / 0.0 == 0.0 / 0.0) && 0.0 / 0.0 != 1",
    "1 == 1.0 && 1u == 1 && 2.0 == 2u",
    "!(1 == '1') && [1, 2u] == [1.0, 2] && {'a': 1} == {'a': 1u}",
    "1 < 1.5 && 1u > 0.5 && -1 < 0u",
    "18446744073709551615u > -1",
    "1 + 2.5 == 3.5 && type(1 + 1u) == uint && type(1u - 2) == int && 1u - 2 == -1",
    "math.floor(3) == 3.0 && 'abc'.charAt(1.0) == 'b'",
    // strings
    "'é'.size() == 1 && size(b'\\xc3\\xa9') == 2",
    "'a' < 'b' && 'a' < 'aa' && 'Z' < 'a'",
    "'x'.split('') == ['x'] && ''.split(',') == ['']",
    "'abab'.replace('', '-') == '-a-b-a-b-'",
    "'a,b,c'.split(',', 2) == ['a', 'b,c']",
    "'%05'.size() == 3",
    "'%x %X %o %b'.format([255, 255, 8, 5]) == 'ff FF 10 101'",
    "'%s %s'.format([[1, 'a'], {'b': null}]) == '[1, a] {b: null}'",
    "'%s'.format([duration('90m')]) == '5400s'",
    "'%.2e'.format([12345]) == '1.23e+04'",
    "'%s %d'.format([1e6, 1e21]) == '1000000 1000000000000000000000'",
    "'%s %s %s %s'.format([-1e-7, -0.0, 1234.5, 1e15]) == '-0.0000001 -0 1234.5 1000000000000000'",
    "'%s %s'.format([0.0 / 0.0, [-1.0 / 0.0]]) == 'NaN [-Infinity]'",
    "'%s'.format([b'a\\xff\\xfeb\\xe2\\x82']) == 'a\ufffdb\ufffd'",
    "'%s'.format([timestamp('2024-05-01T12:00:00.100Z')]) == '2024-05-01T12:00:00.1Z'",
    "base64.decode('YWJj\\r\\nZA==') == b'abcd'",
    "regex.replace('abc', 'b*', '-') == '-a-c-' && regex.extractAll('xbx', 'b*') == ['', 'b', '']",
    "regex.replace('e\u0301', r'\\B', '-') == 'e\u0301-'",
    "'\\t x\\u2003'.trim() == 'x'",
    "'añb'.reverse() == 'bña'",
    // lists, maps, types
    "[1] + [2] == [1, 2] && 2 in [1, 2.0]",
    "{'a': 1}.a == 1 && {1: 'x'}[1u] == 'x' && {2u: 'y'}[2.0] == 'y'",
    "!('b' in {'a': 1}) && 'a' in {'a': 1}",
    "has({'a': null}.a)",
    "{'if': 1}.if == 1 && {'a-b': 1}.`a-b` == 1",
    "type([]) == list && type({}) == map && type(type(1)) == type && type(null) == null_type",
    "[7, 8][1.0] == 8 && [7, 8][0u] == 7",
    // conversions
    "int('-12') == -12 && int(-1.9) == -1 && uint(3.9) == 3u && double('1e3') == 1000.0",
    "string(1.5) == '1.5' && string(-0.0045) == '-0.0045' && string(true) == 'true'",
    "string(b'abc') == 'abc' && bytes('ÿ') == b'\\303\\277'",
    "bool('1') && !bool('f')",
    "int(timestamp('1970-01-01T00:01:00Z')) == 60",
    "string(duration('1h')) == '3600s'",
    "string(timestamp('2024-05-01T12:00:00.120Z')) == '2024-05-01T12:00:00.12Z'",
    "int('+5') == 5 && double('1e-400') == 0.0 && math.isNaN(double('nan'))",
    "math.isNaN(math.greatest(0.0 / 0.0))",
    "int(duration('-1.5us')) == -1500",
    "optional.ofNonZeroValue(optional.none()).hasValue()",
    "string(ip('::1.2.3.4')) == '::102:304' && string(ip('::1')) == '::1' && string(ip('::1:0')) == '::1:0'",
    // macros
    "[1, 2, 3].all(x, x > 0) && [].all(x, false)",
    "![].exists(x, true) && [1, 0].exists(x, 1 / x == 1)",
    "[1, 2].exists_one(x, x == 2)",
    "{'a': 1, 'b': 2}.map(k, k) == ['a', 'b']",
    "[[1, 2], [3]].all(l, l.all(x, x > 0))",
    "[1, 2, 3].map(x, x * 2).filter(x, x > 2) == [4, 6]",
    "cel.bind(x, 1 / 0, true || x > 0)",
    "[1, 2].transformMap(i, v, v * 2) == {0: 2, 1: 4}",
    "[3, 1].map(x, [x].map(y, y + x)) == [[6], [2]]",
    // optionals
    "{}.?a.orValue(1) == 1 && {'a': {'b': 2}}.?a.?b.value() == 2",
    "[1][?5] == optional.none()",
    "{?'a': optional.none(), 'b': 1} == {'b': 1}",
    "optional.of(1).or(optional.of(1 / 0)).value() == 1",
    "optional.of({'a': 1}).a == optional.of(1)",
    // time
    "timestamp('2024-03-31T01:30:00Z').getHours('Europe/Berlin') == 3",
    "timestamp('2024-01-01T00:00:00+01:00') < timestamp('2024-01-01T00:00:00Z')",
    "timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('1d')",
    "duration('-1.5s').getMilliseconds() == -500",
    "timestamp('2009-02-13T23:31:30Z').getMinutes('-09:30') == 1",
};

constexpr std::string_view kFails[] = {
    "9223372036854775807 + 1",
    "-9223372036854775808 / -1",
    "-9223372036854775808 % -1",
    "0u - 1u",
    "1 / 0",
    "1u % 0u",
    "1.5 % 1.0",
    "-(1u)",
    "!1",
    "'a' + 1",
    "true + true",
    "'a' < 1",
    "null < null",
    "[1] < [2]",
    "1 && true",
    "1 ? true : false",
    "[1, 2][2]",
    "[1][-1]",
    "[1][0.5]",
    "{'a': 1}.b",
    "{1.5: 1}",
    "{null: 1}",
    "{'a': 1, 'a': 2}",
    "{1: 1, 1u: 2}",
    R"('\ud83d' == '')",
    R"('\ud83d\u0041' == '')",
    R"('\ude00\ud83d' == '')",
    R"('\ud83d\ude' == '')",
    R"(r'a\'b' == '')",
    "rb'a' == b'a'",
    "0X1F == 31",
    "int('1x')",
    "uint('+5')",
    "double('1e400')",
    "double('-1e400')",
    "double('-nan')",
    "double('+nan')",
    "math.greatest(0.0 / 0.0, 1.0)",
    "math.least([1, 0.0 / 0.0])",
    "lists.range(-1)",
    "'abc'.indexOf('c', 4)",
    "'abc'.lastIndexOf('c', -1)",
    "'%s'.format([optional.of(1)])",
    "int('')",
    "int(9223372036854775808.0)",
    "int(-9223372036854775808.0)",
    "int(0.0 / 0.0)",
    "uint(-1)",
    "uint('-1')",
    "double('x')",
    "bool('yes')",
    "string(b'\\xff')",
    "timestamp('2024-02-30T00:00:00Z')",
    "timestamp('2024-01-01')",
    "timestamp(253402300800)",
    "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
    "duration('1')",
    "duration('300000h') + duration('2600000h')",
    "'a'.charAt(2)",
    "'a'.substring(2)",
    "'abc'.substring(2, 1)",
    "'%d'.format([])",
    "'%d'.format(['a'])",
    "'%q'.format([1])",
    "[1].exists(x, x)",
    "[1, 'a'].all(x, x > 0)",
    "[1, 0].map(x, 1 / x)",
    "[3, 0].exists_one(x, 1 / x == 0)",
    "optional.none().value()",
    "'\\ud800'",
    "'\\x4'",
    "'\\q'",
    "b'\\u0041'",
    "1.",
    "08x",
    "a b",
    "1 +",
    "[1, 2",
    "{'a' 1}",
    "f()",
    "'a'.f()",
    "math.f()",
    "if",
    "x.in",
    "1 = 1",
    "a && b | c",
    "'a'.matches('(')",
    "[1].map(1, 2)",
    "has(1)",
    "9223372036854775808",
    "18446744073709551616u",
    "1e999",
    "math.greatest([])",
    "math.bitShiftLeft(1, -1)",
    "math.abs(-9223372036854775808)",
    "base64.decode('a')",
    "[1, 'a'].sort()",
    "lists.range(100000000)",
    "timestamp('2024-01-01T00:00:00Z').getHours('Europe/Nowhere')",
    "ip('::ffff:1.2.3.4')",
    "cidr('10.0.0.0/33')",
};

}  // namespace

TEST_CASE("rules that hold") {
  for (const std::string_view expression : kTrue) {
    INFO(expression);
    CHECK(truth(expression) == std::optional<bool>(true));
  }
}

TEST_CASE("what must fail fails") {
  for (const std::string_view expression : kFails) {
    INFO(expression);
    CHECK_FALSE(truth(expression).has_value());
    expr::Expressions set{expr::Options{.record = false}};
    try {
      const size_t handle = set.add(expression, "");
      REQUIRE_FALSE(set.bind(Record{}));
      CHECK(set.evaluate(handle).is_error());
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::usage);
    }
  }
}
