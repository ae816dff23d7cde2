#!/usr/bin/env bats
# kexpr: values, lines, --var, files of cases, errors that show the place.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }

gives() { # EXPR OUTPUT
  run kexpr "$1"
  [ "$status" -eq 0 ] && [ "$output" = "$2" ] || { echo "$1: exit code $status, $output; expected $2"; return 1; }
}

@test "values: a string as it is, anything else as JSON" {
  gives '1 + 2 * 3' 7
  gives '7 / 2' 3
  gives '7.0 / 2.0' 3.5
  gives '"a" + "b"' ab
  gives '[1, {"a": null}, "x"]' '[1,{"a":null},"x"]'
  gives 'null' null
  gives '1 < 2 && "a" in ["a"]' true
  gives 'type(1)' int
  gives 'duration("2d") > duration("36h")' true
  gives 'timestamp("2020-02-28T23:00:00Z") + duration("25h")' 2020-03-01T00:00:00Z
  gives '"a-b-c".split("-").size() * 2' 6
  gives '[1, 2, 3].filter(x, x > 1).map(x, x * x)' '[4,9]'
}

@test "without IN stdin is not read" {
  [ "$(printf 'one\ntwo\n' | { kexpr '1 + 1'; cat; })" = '2
one
two' ]
}

@test "lines: one value each; a bad one is said, exit 4" {
  [ "$(printf '%s\n' '{"a":1}' '{"a":2.5}' | kexpr 'a * 2' -)" = '2
5.0' ]
  printf '%s\n' '{"name":"Ada"}' '{"name":"Bob"}' >in.ndjson
  [ "$(kexpr '"hello " + name' ./in.ndjson)" = 'hello Ada
hello Bob' ]
  run kexpr 'size(nme)' ./in.ndjson
  [ "$status" -eq 4 ]
  says "line 1" "no field 'nme'; did you mean 'name'?" "^"
  # An integer beyond int64 is uint, not a rounded double.
  [ "$(echo '{"n":1.50,"big":12345678901234567890}' | kexpr '[n, big]' -)" = '[1.50,12345678901234567890]' ]
}

@test "--var binds names to JSON, also beside a record's fields" {
  [ "$(kexpr --var 'limit=100' 'limit * 2')" = 200 ]
  [ "$(kexpr --var 'who="Ada"' --var 'list=[1,2]' 'who + string(list.size())')" = Ada2 ]
  [ "$(kexpr --var 'm={"a":{"b":[7]}}' 'm.a.b[0]')" = 7 ]
  [ "$(echo '{"n":5}' | kexpr --var 'limit=3' 'n > limit' -)" = true ]
  refused_with 2 kexpr --var limit 1; says "'limit' is not NAME=JSON"
  refused_with 2 kexpr --var 'a=x' a; says "--var a: not JSON" '"text"'
}

@test "--arg is a string" {
  [ "$(echo '{"n":"5"}' | kexpr --arg who=5 'n == _arg.who' -)" = true ]
}

@test "errors show the place; what is wrong before a record is read is exit 2" {
  refused_with 2 kexpr '1 +'; says "EXPR: the expression ends too early" "     ^"
  refused_with 2 kexpr 'nosuch(1)'; says "unknown function 'nosuch'" "  ^~~~~~"
  refused_with 2 kexpr '1 / 0'; says "division by zero" "    ^"
  refused_with 2 kexpr 'a'; says "unknown name 'a'" "^"
  refused_with 2 kexpr '"a" + 1'; says '"a" + 1' "^"
  refused_with 2 kexpr; says "EXPR is missing"
  refused_with 2 kexpr --var 'x=0' '1 / x'; says "division by zero" "    ^"
  echo '{"x":0}' >zero.ndjson
  refused_with 4 kexpr '1 / x' ./zero.ndjson; says "line 1" "division by zero" "    ^"
}

@test "@FILE holds the expression, with comments; the caret is on the right line" {
  printf '# half of it\n10 /\n2\n' >half.cel
  gives @half.cel 5
  printf '1 +\nnosuch(2)\n' >bad.cel
  refused_with 2 kexpr @bad.cel; says "  nosuch(2)
  ^~~~~~"
}

@test "--cases: a line for each that fails, counts, exit 1 if any failed" {
  cat >good.jsonl <<'C'
{"name":"plus","expr":"x + 1","vars":{"x":{"int":"1"}},"want":{"int":"2"}}
{"name":"fails as it must","expr":"1 / x","vars":{"x":{"int":"0"}},"error":true}

{"name":"list","expr":"[1u, 'a']","want":{"list":[{"uint":"1"},{"string":"a"}]}}
C
  run kexpr --cases good.jsonl
  [ "$status" -eq 0 ]
  [ "$output" = "3 passed, 0 failed, 0 skipped" ]
  cat >bad.jsonl <<'C'
{"name":"right","expr":"1 + 1","want":{"int":"2"}}
{"file":"f","section":"s","name":"wrong","expr":"1 + 1","want":{"int":"3"}}
{"name":"does not fail","expr":"1","error":true}
C
  run kexpr --cases bad.jsonl
  [ "$status" -eq 1 ]
  [ "${lines[0]}" = "bad.jsonl:2: f/s/wrong: 1 + 1: gave int 2, wanted int 3" ]
  [[ ${lines[1]} == "bad.jsonl:3: does not fail: 1: "* ]]
  [ "${lines[2]}" = "1 passed, 2 failed, 0 skipped" ]
}

@test "--cases: a file that is none, or is not there, is exit 2" {
  refused_with 2 kexpr --cases ./nothing; says "./nothing" "No such file"
  refused_with 2 kexpr --cases .; says "cannot read ." "Is a directory"
  echo nonsense >n.jsonl
  refused_with 2 kexpr --cases n.jsonl; says "n.jsonl:1" "not JSON"
  refused_with 2 kexpr --cases n.jsonl a; says "--cases takes no EXPR"
}

@test "--functions prints the registry, and one with its example" {
  [ "$(kexpr --functions | wc -l)" -gt 50 ]
  run kexpr --functions size
  [ "$status" -eq 0 ]
  [[ ${lines[0]} == "size("* ]]
}

@test "or() of an optional takes an optional" {
  refused_with 2 kexpr 'optional.of(1).or(1)'; says "or() takes an optional, not int" "orValue()"
}
