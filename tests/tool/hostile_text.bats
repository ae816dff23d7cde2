#!/usr/bin/env bats
# Records whose text would act on a terminal: escaped in messages and in what a terminal shows, untouched in pipes.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; }

hostile=$'red \e[31m bell \a csi \xc2\x9b2J turned \xe2\x80\xae .'
shown='red \x1b[31m bell \x07 csi \u009b2J turned \u202e .'
# on_terminal COMMAND: what it writes to a terminal.
on_terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }

@test "messages escape what came from a record" {
  jq -nc --arg a "$hostile" '{$a}' >in
  local code=0
  kfilter 'int(a) > 1' ./in >out.txt 2>err.txt || code=$?
  [ "$code" -eq 4 ]
  grep -qF 'red \x1b[31m bell \x07' err.txt || { cat -v err.txt; return 1; }
  if LC_ALL=C grep -q $'[\e\a\x80-\x9f]' err.txt; then cat -v err.txt; return 1; fi
}

@test "a terminal is shown text, a pipe gets the bytes" {
  printf '%s\n' "$hostile" >in
  kfilter -I text -O text true ./in >out
  cmp in out
  kfilter -I text -O text true ./in | cmp in -
  [ "$(on_terminal 'kfilter -I text -O text true ./in')" = "$shown" ] || { on_terminal 'kfilter -I text -O text true ./in' | cat -v; return 1; }
  # -O table: C1 and what turns text round come through JSON as well.
  jq -nc --arg a $'csi \xc2\x9b2J turned \xe2\x80\xae .' '{$a}' >in.ndjson
  on_terminal 'kfilter -O table true ./in.ndjson' | grep -qF 'csi \u009b2J turned \u202e .'
}

@test "kexpr without records: what a string or the file of cases holds" {
  [ "$(on_terminal 'kexpr '"'"'"red \u001b[31m bell \u0007"'"'")" = 'red \x1b[31m bell \x07' ]
  [ "$(kexpr '"red \u001b[31m"')" = $'red \e[31m' ]
  [ "$(on_terminal 'kexpr '"'"'"a\n\tb"'"'")" = $'a\n\tb' ]
  jq -nc --arg a "$hostile" '{file: "f", section: "s", name: $a, expr: "1", want: {int: "2"}}' >cases.jsonl
  kexpr --cases ./cases.jsonl | grep -qF "$hostile"
  if on_terminal 'kexpr --cases ./cases.jsonl' | LC_ALL=C grep -q $'[\e\a\x80-\x9f]'; then return 1; fi
}

@test "a message does not print a long value" {
  head -c 100000 /dev/zero | tr '\0' x >in
  local code=0
  kfilter -I text 'int(_value) > 1' ./in >out.txt 2>err.txt || code=$?
  [ "$code" -eq 4 ]
  [ "$(wc -c <err.txt)" -lt 800 ]
  kfilter 'a > 1' ./in >out.txt 2>err.txt || code=$?
  [ "$(wc -c <err.txt)" -lt 800 ]
}

@test "files whose lines have no end are refused, not read on and on" {
  local one code
  for one in 'kread -F /dev/zero -e t' 'env KUTILS_CONFIG=/dev/zero kread -e t' 'kfilter @/dev/zero ./in'; do
    code=0
    # shellcheck disable=SC2086
    ( ulimit -v 4000000; timeout 20 $one ) >out.txt 2>err.txt </dev/null || code=$?
    [ "$code" -eq 2 ] || { echo "$one: $code"; cat err.txt; return 1; }
    grep -q "'/dev/zero' has a line of more than 1 MiB: it is not a text file" err.txt || { cat err.txt; return 1; }
  done
  code=0
  yes '' | timeout 20 kfilter @/dev/stdin ./in >out.txt 2>err.txt || code=$?
  [ "$code" -eq 2 ]
  grep -q "longer than 1 MiB" err.txt
}

@test "limits of the process: named at once" {
  code=0
  ( ulimit -n 40; timeout 10 kread -b localhost:1 -e -c 1 t ) >out.txt 2>err.txt || code=$?
  [ "$code" -eq 2 ] || { echo "exit $code"; cat err.txt; return 1; }
  grep -q 'may open 40 files, and needs at least' err.txt
  grep -q 'ulimit -n' err.txt
  # What needs no broker runs with it.
  [ "$(ulimit -n 40; kexpr '1 + 1')" = 2 ]
  # Address space: whatever fails first, nobody is asked to report it.
  local limit
  for limit in 120000 200000 400000; do
    ( ulimit -v $limit; echo '{"a":1}' | timeout 20 kfilter 'a > 0' ) >out.txt 2>err.txt || true
    if grep -qi 'please report\|terminate' err.txt; then cat err.txt; return 1; fi
    ( ulimit -v $limit; timeout 20 kread -b localhost:1 -e -c 1 t ) >out.txt 2>err.txt || true
    if grep -qi 'please report\|terminate' err.txt; then cat err.txt; return 1; fi
  done
  # A library that is refused memory ends the process: the limit is named, whatever called abort().
  mkfifo lines
  ( ulimit -v 8000000; exec kfilter true ./lines ) >out.txt 2>err.txt &
  local started=$!
  exec 9>lines  # returns once kfilter has opened it
  kill -ABRT "$started"
  code=0
  wait "$started" || code=$?
  exec 9>&-
  [ "$code" -eq 5 ]
  grep -q 'may have 8000000 KiB of address space (ulimit -v): raise the limit' err.txt
}
