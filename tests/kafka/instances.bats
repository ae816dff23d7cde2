#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2034
# kquery of a table that several instances keep: it finds the owner of a key by the group's commits, asks all of them
# for all rows, and never answers wrongly while partitions move.

bats_require_minimum_version 1.5.0

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# instance NAME [OPTION]...: of the table $out of $in by uri, as on a machine of its own; at_NAME is its address.
instance() {
  local name=$1
  shift
  KUTILS_STATE_DIR="$PWD/state-$name" start_tool "$name" ktable -g "$out-g" --http 0 -X session.timeout.ms=6000 \
    --by uri 'n=count(), total=sum(number)' "$@" "$in" "$out"
  wait_for 30 file_has "$name.err" 'http://.*/metrics'
  at=$(sed -n 's,.*http://\(.*\)/metrics.*,\1,p' "$name.err")
  declare -g "at_$name=$at" "pid_$name=$started"
}
table() { kread -q -e "$in" | jq -sc 'group_by(.uri)[] | {uri: .[0].uri, n: length, total: map(.number) | add}' | sort; }
all_are() { same <(sort "$1") <(kquery "$out" 2>/dev/null | sort); }  # FILE
partitions_of() { curl -sS -u any:s3cret "http://$1/metrics" | awk '/^kutils_partitions/ { print $NF }'; }
# shared COUNT NAME...: each of these has some of the partitions, IN's and the internal topic's, together all.
shared() {
  local name sum=0 some count=$1
  for name in "${@:2}"; do
    local -n address=at_$name
    some=$(partitions_of "$address")
    [ "${some:-0}" -gt 0 ] || return 1
    sum=$((sum + some))
  done
  [ "$sum" -eq "$count" ]
}
status_of() { curl -sS -o answer.json -w '%{http_code}' -G "http://$1/table/$out" "${@:2}"; }

@test "three instances: each key from its owner, all rows from all; who is asked for another's key says where it is" {
  new_topic in 6
  out=$(topic_name out)
  kgen -q --seed 1 -c 2000 clicks "$in"
  for one in a b c; do instance $one; done
  table >want
  wait_for 60 shared 12 a b c
  wait_for 30 all_are want
  # Each key, one by one and together, in the order asked for.
  jq -r .uri want | head -n 12 >keys
  while read -r key; do grep -F "\"$key\"" want; done <keys >some
  mapfile -t keys <keys
  for key in "${keys[@]}"; do kquery "$out" "$key"; done >got
  same some got
  same some <(kquery "$out-g" "${keys[@]}")
  same some <(kquery -g "$out-g" "$out" "${keys[@]}")
  same <(grep '"uri":"/product/4' want) <(kquery --prefix /product/4 "$out" | sort)
  run -1 --separate-stderr kquery "$out" "${keys[0]}" /nothing
  same <(head -n 1 some) <(echo "$output")
  [[ $stderr == *"no row has the key '/nothing'"* ]]
  refused_with 1 kquery --prefix /nothing "$out"
  refused_with 2 kquery --at now "$out"
  says "windows"
  refused_with 2 kquery -g "$out-g" other
  says "the table here is '$out', not 'other'"

  # By curl: one of the three has the row, the others send to its partition, which is named in the group's commits.
  local found=0 partition address
  for address in "$at_a" "$at_b" "$at_c"; do
    case $(status_of "$address" --data-urlencode key=/home) in
      200) found=$((found + 1)); owner=$address ;;
      421) partition=$(jq -r '.partitions[]' answer.json) topic=$(jq -r .topic answer.json) ;;
      *) cat answer.json; return 1 ;;
    esac
  done
  [ "$found" -eq 1 ]
  [ "$topic" = "$out-g-repartition" ]
  for address in "$at_a" "$at_b" "$at_c"; do
    [ "$address" = "$owner" ] && want=200 || want=421
    [ "$(status_of "$address" --data-urlencode key=/home -d topic="$topic" -d partition="$partition")" = $want ]
    [ "$(status_of "$address" -d partition=all)" = 421 ]
    [ "$(status_of "$address" -d group=other)" = 404 ]
    [ "$(status_of "$address" -d partition=x)" = 400 ]
  done
  refused_with 2 kquery --http "$([ "$owner" = "$at_a" ] && echo "$at_b" || echo "$at_a")" "$out" /home
  says "does not have"
  # Stopped, it is the state of this machine that answers.
  for one in a b c; do local -n pid=pid_$one; stop_tool "$pid"; done
  refused_with 2 kquery "$out" /home
  # The first one may have had all partitions before the others came: without one of them, its rows are a part.
  rm -rf "state-a/$out-g/0"
  KUTILS_STATE_DIR=$PWD/state-a kquery --partial "$out" >part 2>/dev/null
  [ "$(wc -l <part)" -lt "$(wc -l <want)" ]
  [ -z "$(comm -13 <(sort want) <(sort part))" ]
}

# ask_often FILE: until the file `stop` is there, all rows and one key: right, or exit code 3 that says what is not reached.
ask_often() {
  local code n=0 errors=0
  while [ ! -e stop ]; do
    code=0
    kquery "$out" >asked.out 2>asked.err || code=$?
    n=$((n + 1))
    case $code in
      0) same "$1" <(sort asked.out) || return 1 ;;
      3) grep -q 'partition\|no answer' asked.err || { cat asked.err; return 1; }
         errors=$((errors + 1)) ;;
      *) echo "exit code $code"; cat asked.err; return 1 ;;
    esac
    code=0
    kquery "$out" /home >asked.out 2>asked.err || code=$?
    case $code in
      0) same <(grep '"/home"' "$1") asked.out || return 1 ;;
      3) errors=$((errors + 1)) ;;
      *) echo "exit code $code of a key"; cat asked.err; return 1 ;;
    esac
  done
  echo $n $errors >asked.counts
}

@test "an instance is killed, another one comes: answers are right or refused, and right when the partitions have moved" {
  new_topic in 6
  out=$(topic_name out)
  kgen -q --seed 2 -c 2000 clicks "$in"
  for one in a b c; do instance $one; done
  table >want
  wait_for 60 shared 12 a b c
  wait_for 30 all_are want
  ask_often want >often.out 2>&1 3>&- 4>&- &
  asking=$!
  kill -9 "$pid_b"
  wait_for 60 shared 12 a c
  # Partitions that move on purpose are back within what kquery waits.
  instance d
  wait_for 60 shared 12 a c d
  stop_tool "$pid_a"
  wait_for 60 shared 12 c d
  touch stop
  wait $asking || { cat often.out; return 1; }
  read -r n errors <asked.counts
  echo "$n rounds, $errors refused"
  [ "$n" -gt 3 ]
  all_are want
  # The dead one's partitions were with nobody for up to 6 s; that is within what kquery waits.
  [ "$errors" -eq 0 ]

  # With nobody in its place: an error that names the partitions, or the rest with --partial.
  kill -STOP "$pid_c"
  kill -9 "$pid_d"
  refused_with 3 timeout 100 kquery "$out" /home
  kill -CONT "$pid_c"
}

@test "an instance without --http, a table by its records' own keys, a token" {
  new_topic in 4
  out=$(topic_name out)
  kgen -q -c 400 --key '_offset % 20' 'x=_offset' "$in"
  kread -q -e -J "$in" | jq -sc 'group_by(.key)[] | {key: .[0].key, n: length}' | sort >want
  one() {
    KUTILS_STATE_DIR="$PWD/state-$1" start_tool "$1" ktable -g "$out-g" "${@:2}" 'n=count()' "$in" "$out"
    [ $# -gt 1 ] || return 0
    wait_for 30 file_has "$1.err" 'http://.*/metrics'
    declare -g "at_$1=$(sed -n 's,.*http://\(.*\)/metrics.*,\1,p' "$1.err")"
  }
  one a --http 0 --http-token s3cret
  one b --http 0 --http-token s3cret
  wait_for 60 shared 4 a b
  refused_with 2 kquery "$out" 3
  says "token"
  export KUTILS_HTTP_TOKEN=s3cret
  wait_for 30 all_are want
  # Who chose the partition of a key is not known: all are asked.
  same <(grep '"key":"*3"*,' want) <(kquery "$out" 3)
  refused_with 1 kquery "$out" nothing

  # What an instance without --http has cannot be asked.
  stop_tool "$started"
  one c
  has_no_address() { refused_with 3 kquery "$out" && says "its instance does not say where it can be asked"; }
  wait_for 60 has_no_address
  kquery --partial "$out" >part 2>err
  grep -q 'does not say where' err
  [ -s part ]
  [ "$(wc -l <part)" -lt "$(wc -l <want)" ]
}
