#!/usr/bin/env bats
# The in-memory broker, and what the tools do on it (label tool: it needs nothing but our own programs).

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }
teardown() { kafka_teardown; }

@test "README's tour runs on it as written" {
  awk '/^```sh tour$/ {inside = 1; next} /^```/ {inside = 0} inside' "$KUTILS_SOURCE_DIR/README.md" >tour.sh
  [ -s tour.sh ]
  kbroker bash -euo pipefail tour.sh 3>&-
}

@test "stateful tools: tables and every kind of window count all, and nothing is left behind" {
  cat >inside.sh <<'S'
set -euo pipefail
echo "$KUTILS_STATE_DIR" >state_dir
[ -d "$KUTILS_STATE_DIR" ]
kgen --seed 3 -c 400 clicks clicks
kgroupby -e uri clicks by_uri
ktable -e 'n=count()' by_uri keyed
ktable -e --by uri 'n=count()' clicks by
ktable -e --total 'n=count()' clicks total
windows=()
for w in tumbling:10s hopping:20s/10s sliding:sliding:5s session:session:5s; do
  kwindow -e -w "${w#*:}" --by uri --emit update 'n=count()' clicks "${w%%:*}" &
  windows+=($!)
done
wait "${windows[@]}"
kread -e -J keyed >keyed.out
kread -e by >by.out
kread -e total >total.out
kread -e tumbling >tumbling.out
kread -e hopping >hopping.out
kread -e sliding >sliding.out
kread -e session >session.out
kquery by /search >query.out
kread -e clicks >clicks.out
S
  kbroker bash inside.sh 3>&-
  [ ! -e "$(cat state_dir)" ]
  last() { jq -sc 'group_by(.uri)[] | .[-1]' "$1" | sort; }  # by key: one partition, so in order
  jq -sc 'group_by(.uri)[] | {uri: .[0].uri, n: length}' clicks.out | sort >want
  same want <(jq -c '.payload | fromjson' keyed.out | jq -c '{uri: .key, n: .n}' | jq -sc 'group_by(.uri)[] | .[-1]' | sort)
  same want <(last by.out)
  [ "$(tail -n 1 total.out)" = '{"n":400}' ]
  # Each click is in one tumbling window and in two hopping ones.
  [ "$(jq -s 'group_by([.uri, .window_start])[] | .[-1].n' tumbling.out | jq -s add)" -eq 400 ]
  [ "$(jq -s 'group_by([.uri, .window_start])[] | .[-1].n' hopping.out | jq -s add)" -eq 800 ]
  [ "$(jq -s 'length' sliding.out)" -gt 0 ]
  [ "$(jq -s 'group_by([.uri, .window_start, .window_end])[] | .[-1] | select(._deleted | not) | .n' session.out | jq -s add)" -eq 400 ]
  same <(grep "\"/search\"" want) query.out
}

@test "a table goes on where it left off, also after a kill" {
  cat >inside.sh <<'S'
set -euo pipefail
kgen --seed 4 -c 300 clicks clicks
ktable -e --by uri 'n=count()' clicks totals
kgen --seed 5 -c 300 clicks clicks
ktable --by uri 'n=count()' clicks totals &
pid=$!
until [ "$(kread -e totals | jq -s 'group_by(.uri) | map(.[-1].n) | add')" -eq 600 ]; do sleep 0.1; done
kill -KILL $pid
wait $pid || true
kgen --seed 6 -c 300 clicks clicks
ktable -e --by uri 'n=count()' clicks totals
kread -e clicks | jq -sc 'group_by(.uri)[] | {uri: .[0].uri, n: length}' | sort >want
kread -e totals | jq -sc 'group_by(.uri)[] | .[-1]' | sort >got
kquery totals | sort >rows
S
  timeout 100 kbroker bash inside.sh 3>&-
  same want got
  same want rows
}

@test "klag --watch goes on through an outage; kwait notes a field that no record has" {
  cat >inside.sh <<'S'
kgen -q --seed 1 -c 20 clicks a
kread -q -e -g readers a >/dev/null
kwait --timeout 1s record 'numbr == 7' a 2>kwait.err
echo $? >kwait.code
klag --watch 200ms --total -O json readers >watch.out 2>watch.err &
watch=$!
wait_for_text() { for ((i = 0; i < 900; ++i)); do if grep -q "$1" "$2"; then return 0; fi; sleep 0.1; done; return 1; }
wait_for_text lag watch.out
kill -STOP "$PPID"
wait_for_text 'looking again each 200ms' watch.err
kill -CONT "$PPID"
wait_for_text 'the brokers answer again' watch.err
kill "$watch"
wait "$watch"
echo $? >watch.code
S
  kbroker bash inside.sh 3>&- || { cat watch.err; return 1; }
  [ "$(cat kwait.code)" -eq 1 ]
  file_has kwait.err "a record on which EXPR fails does not match: .*no field 'numbr'; did you mean 'number'"
  [ "$(cat watch.code)" -eq 143 ] || { cat watch.err; return 1; }
  [ "$(grep -c 'looking again' watch.err)" -eq 1 ]
}

@test "state elsewhere is not kept: a table is rebuilt from the beginning, and says so" {
  cat >inside.sh <<'S'
set -euo pipefail
export KUTILS_STATE_DIR=$PWD/mine
kgen --seed 4 -c 100 clicks clicks
ktable -e --total 'n=count()' clicks totals
kgen --seed 5 -c 100 clicks clicks
ktable -e --total 'n=count()' clicks totals 2>again.err
kread -e totals | tail -n 1 >got
S
  kbroker bash inside.sh 3>&-
  [ "$(cat got)" = '{"n":200}' ]
  grep 'its state was in the memory of a process that has ended; the partition is read again' again.err
}

@test "a table over a table: rows that change are taken back from their groups, over several runs; without its state it does not go on" {
  cat >inside.sh <<'S'
set -euo pipefail
put() { printf '%s\n' "$@" | kwrite -q -K = users; }
put 'a={"team":"x","pay":1}' 'b={"team":"x","pay":2}'
ktable -q -e --by team 'n=count(), pay=sum(pay)' table:users teams
put 'a={"team":"y","pay":3}' 'b={"team":"x","pay":5}'
ktable -q -e --by team 'n=count(), pay=sum(pay)' table:users teams
kquery teams | sort >got
put 'c={"team":"x","pay":1}'
KUTILS_STATE_DIR=$PWD/mine ktable -e --by team 'n=count(), pay=sum(pay)' table:users teams 2>gone.err || echo $? >gone.code
S
  timeout 100 kbroker bash inside.sh 3>&-
  same <(printf '%s\n' '{"team":"x","n":1,"pay":5}' '{"team":"y","n":1,"pay":3}') got
  [ "$(cat gone.code)" = 2 ]
  grep 'its state was in the memory of a process that has ended, and the groups still contain' gone.err
}

@test "its own options and what it cannot run; the exit code of what it ran" {
  refused_with 2 kbroker --foo; says "unknown option '--foo'"
  refused_with 2 kbroker --topc a:2 true; says "unknown option '--topc'" "'--topic'"
  refused_with 2 kbroker no-such-command; says "no-such-command cannot be run: No such file"
  refused_with 2 kbroker --topic a:0 true; says "from 1 to 1000"
  refused_with 3 kbroker sh -c 'exit 3'
  refused_with 4 kbroker -- sh -c 'exit 4'
  [ "$(kbroker sh -c 'echo "$1"' sh --foo)" = --foo ]
}

@test "without a command: the lines to export, until a signal" {
  start_tool broker kbroker --topic three:3
  wait_for 10 file_has broker.out KUTILS_STATE_DIR=
  . ./broker.out
  wait_for 10 [ -n "$KUTILS_BROKERS" ]
  [ -d "$KUTILS_STATE_DIR" ]
  echo '{"a":1}' | kwrite -q - three
  [ "$(kread -e three)" = '{"a":1}' ]
  stop_tool "$started"
  [ "$status" -eq 143 ]
  [ ! -e "$KUTILS_STATE_DIR" ]
}

@test "a broker that takes connections and answers nothing: said within seconds, with what that may be" {
  start_tool broker kbroker
  wait_for 10 file_has broker.out KUTILS_STATE_DIR=
  . ./broker.out
  kill -STOP "$started"
  run timeout 60 kread -e t
  kill -CONT "$started"
  [ "$status" -eq 3 ]
  [[ $output == *"cannot connect to $KUTILS_BROKERS"*"nothing refused the connection and nothing answered: the broker may be stopped"* ]]
  stop_tool "$started"
}

@test "what a killed one left is removed by the next; a living one keeps its own" {
  export TMPDIR=$PWD/tmp
  mkdir tmp
  start_tool dead kbroker
  wait_for 10 file_has dead.out KUTILS_STATE_DIR=
  kill -9 "$started"
  start_tool alive kbroker
  wait_for 10 file_has alive.out KUTILS_STATE_DIR=
  kbroker true
  [ ! -e "$(. ./dead.out && echo "$KUTILS_STATE_DIR")" ]
  [ -d "$(. ./alive.out && echo "$KUTILS_STATE_DIR")" ]
  stop_tool "$started"
  [ -z "$(ls tmp)" ]
}
