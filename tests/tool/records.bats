#!/usr/bin/env bats
# Records that cannot be processed, on lines: what is said, what goes on, the exit code.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }

feed() { printf '%s\n' '{"n":1}' '{"n":' '{"m":1}' '{"n":"x"}' '{"n":3}'; }

@test "report: each is said, the rest goes on, exit 4" {
  run bash -c "$(declare -f feed); feed | kfilter 'n > 0' 2>err"
  [ "$status" -eq 4 ]
  [ "$output" = '{"n":1}
{"n":3}' ]
  [ "$(grep -c 'line [234]' err)" -eq 3 ]
}

@test "fail: ends at the first, what came before is written" {
  run bash -c "$(declare -f feed); feed | kfilter --on-error fail 'n > 0' 2>err"
  [ "$status" -eq 4 ]
  [ "$output" = '{"n":1}' ]
  grep -q 'line 2' err
}

@test "skip: counted, exit 0" {
  run bash -c "$(declare -f feed); feed | kfilter --on-error skip 'n > 0' 2>err"
  [ "$status" -eq 0 ]
  [ "$output" = '{"n":1}
{"n":3}' ]
  grep -q '3 ' err
}

@test "a misspelt field: the record's nearest one is named" {
  run bash -c "echo '{\"a\":1,\"number\":7}' | kfilter 'numbr > 1'"
  [ "$status" -eq 4 ]
  [[ $output == *"no field 'numbr'; did you mean 'number'?"* ]]
}

@test "fail: says how to go on" {
  run bash -c "echo '{}' | kfilter --on-error fail 'n > 1'"
  [ "$status" -eq 4 ]
  [[ $output == *"--on-error skip"* ]]
}

@test "of errors of one kind the first is said in full, also where their values differ" {
  run bash -c "seq 30 | sed 's/.*/{\"v\":\"x&\"}/' | kmap 'n=int(v)' 2>&1 >/dev/null | tee err | wc -l"
  [ "$(grep -c 'standard input line' err)" -eq 2 ]
  grep -q 'line 2: the same with another value' err
  grep -q '30 failed' err
  run bash -c "seq 30 | sed 's/.*/{\"v&\":1}/' | kread -O csv 2>&1 >/dev/null | tee err | wc -l"
  [ "$(grep -c 'standard input line' err)" -eq 2 ]
  grep -q "line 2: unfit for the output format: the record's fields are v2, and the columns of the first row are v1" err
  run bash -c "seq 30 | kfilter 'n > 0' 2>&1 >/dev/null | tee err | wc -l"
  [ "$(grep -c 'standard input line' err)" -eq 2 ]
  grep -q 'line 2: the same' err
  grep -q '30 failed' err
}

@test "a table of records without time has rows without time; what waits by time refuses" {
  [ "$(printf '%s\n' '{"key":"a","payload":"{}"}' | ktable -J 'n=count()')" = '{"key":"a","payload":"{\"key\":\"a\",\"n\":1}"}' ]
  echo '{"a":1}' >in
  refused_with 2 ktable --emit after:5s --by a 'n=count()' ./in
  says "--emit after: needs a time, and plain lines have none"
  echo '{"key":"a","payload":"{}"}' >in
  refused_with 4 ktable -I envelope --emit after:5s 'n=count()' ./in
  says "the record has no time: use --time EXPR or --time wall"
}

@test "kread --stats and --types as CSV: one header, each row with all columns" {
  jq -nc 'range(40) | {n: ., text: ("x" * .)}' >in
  local what
  for what in --stats --types; do
    kread "$what" ./in -O csv >got.csv
    kread "$what" ./in -O json >got.json
    [ "$(python3 -c 'import csv, sys; print(*{len(row) for row in csv.reader(open(sys.argv[1]))})' got.csv)" = "$(jq -s 'map(keys) | add | unique | length' got.json)" ]
    [ "$(wc -l <got.csv)" -eq $(($(wc -l <got.json) + 1)) ]
  done
  grep -q '^topic,partition,records,.*,bytes_up_to,percent$' <(kread --stats ./in -O csv)
}
