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

@test "--color always colours a value that is JSON" {
  local e=$'\e'
  [ "$(kexpr --color always '{"a": [1, null]}')" = "{$e[34;1m\"a\"$e[0m:[$e[36m1$e[0m,$e[35mnull$e[0m]}" ]
  [ "$(kexpr --color always '"a"')" = a ]
  [ "$(kexpr --color always 'timestamp("2020-01-01T00:00:00Z")')" = 2020-01-01T00:00:00Z ]
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

@test "functions of lists and maps, each as a command over records, empty lists and nulls" {
  cat >lists.ndjson <<'END'
{"l":[3,1,2],"items":[{"n":2,"sku":"b","price":1.5},{"n":1,"sku":"a","price":2.0},{"n":2,"sku":"a","price":0.5}],"m":{"a":1,"b":2},"o":{"b":3,"c":4}}
{"l":[],"items":[],"m":{},"o":{}}
{"l":[5,null,7.5],"items":[{"n":1,"sku":"c","price":4}],"m":{"x":null},"o":{"x":1}}
END
  # same EXPR JQ: newer versions of jq print a number that was read as it was written, so that 2.0 is not 2.
  same() {
    kmap "=$1" ./lists.ndjson 2>/dev/null | jq -c "$numbers" >got
    jq -c "$2 | $numbers" lists.ndjson >want
    diff got want || { echo "$1"; return 1; }
  }
  local numbers='walk(if type == "number" then . + 0 else . end)'
  same 'l.sum()' '.l | add // 0'
  same 'l.avg()' '.l | map(values) | if length == 0 then null else add / length end'
  same 'l.filter(x, x != null).reduce(p, x, 0, p + x)' '.l | add // 0'
  same 'l.take(2)' '.l[:2]'
  same 'l.drop(1)' '.l[1:]'
  same 'l.last(2)' '.l[-2:]'
  same 'l.last().orValue(-1)' '.l[-1] // -1'
  same 'l.first().orValue(-1)' '.l[0] // -1'
  same 'items.sortBy(x, desc(x.n), x.sku)' '.items | sort_by(-.n, .sku)'
  same 'items.sortBy(x, x.sku, desc(x.price))' '.items | sort_by(.sku, -.price)'
  same 'm.merge(o)' '.m + .o'
  same 'items.map(x, x.n * x.price).sum()' '.items | map(.n * .price) | add // 0'
  [ "$(kfilter 'l.sum() > 6' ./lists.ndjson 2>/dev/null | wc -l)" -eq 1 ]
  [ "$(ktable --total 't=sum(l.sum()), n=max(size(l))' ./lists.ndjson)" = '{"t":18.5,"n":3}' ]
  [ "$(kmap --each 'x=l.take(1)' 'x' ./lists.ndjson | tr '\n' ' ')" = '{"x":3} {"x":5} ' ]
  run kmap '=l.take(-1)' ./lists.ndjson
  [ "$status" -eq 4 ]
  [[ $output == *"take(): a negative number of items"* ]]
  run kmap '=m.merge(l)' ./lists.ndjson
  [ "$status" -eq 4 ]
  [[ $output == *"merge does not take (map, list)"* ]]
}

# A member of an object is looked for in the text where that is plain; else, and by an index, the object is opened.
@test "a member of a field is the same whichever way it is found" {
  cat >members.ndjson <<'END'
{"a":{"b":1,"c":"x"}}
{"a":{"b":1,"c":2,"b":"last"}}
{"a":{ "c" : [1, {"b": 2}] , "b" : { "c" : [1, 2.50] } }}
{"a":{"b":-0,"c":-12}}
{"a":{"b":1.50,"c":1e3}}
{"a":{"b":12345678901234567890,"c":123456789012345678}}
{"a":{"b":"tab\tquote\"","c":"plain"}}
{"a":{"c":"\"b\":1","\u0062":7}}
{"a":{"b":true,"c":null}}
{"a":{"b":"é","c":""}}
{"a":{"b":{},"c":[]}}
{"a":{"c":1}}
{"a":{}}
{"a":[{"b":1}]}
{"a":"b"}
END
  printf '{"a":{"b":1,"c":"\xff"}}\n' >>members.ndjson
  printf '{"a":{"long":"%s","b":1,"c":2}}\n' "$(head -c 2000 /dev/zero | tr '\0' x)" >>members.ndjson
  local x y
  for x in b c; do
    kmap -q --on-error skip "x=a.$x, t=type(a.$x) == string" ./members.ndjson >one 2>one.err
    kmap -q --on-error skip "x=a[\"$x\"], t=type(a[\"$x\"]) == string" ./members.ndjson >other 2>other.err
    diff one other
    [ "$(wc -l <one)" -ge 11 ]
    y=$(kmap -q --on-error skip "n=a.$x == 1" ./members.ndjson 2>/dev/null)
    [ "$y" = "$(kmap -q --on-error skip "n=a[\"$x\"] == 1" ./members.ndjson 2>/dev/null)" ]
  done
}
