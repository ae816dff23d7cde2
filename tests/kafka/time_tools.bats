#!/usr/bin/env bats
# shellcheck disable=SC2154
# The tools that bend time, on a real broker.

bats_require_minimum_version 1.5.0
setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

all() { consume "$1" -f '%k %s\n' | sort; }
# events COUNT KEYS FROM: {"id":..,"n":..,"t":..}, a tenth of a second apart; records of one id come COUNT/KEYS times.
events() {
  awk -v count="$1" -v keys="$2" -v from="$3" 'BEGIN { for (i = from; i < from + count; i++)
    printf "{\"id\":%d,\"n\":%d,\"t\":%.0f}\n", (i * 7919) % keys, i, 1000000000000 + i * 100 }'
}

@test "kdedup by a field: each id once, through kill -9 again and again, also if the state is lost" {
  new_topic in 3
  new_topic out 3
  events 6000 4000 0 | kwrite --key n --time t "$in"  # keys say nothing about ids
  for round in 1 2 3 4 5; do
    start_tool "$round" kdedup -g "$out" id --within 1h "$in" "$out"
    wait_for 30 count_at_least "$out" $((round * 300))
    kill -KILL "$started"
    end_of_tool "$started"
    [ "$round" != 3 ] || rm -rf "$KUTILS_STATE_DIR"
  done
  kdedup -e -g "$out" id --within 1h "$in" "$out"
  [ "$(count "$out")" -eq 4000 ]
  [ "$(consume "$out" | jq .id | sort -un | wc -l)" -eq 4000 ]
  # As it came: bytes, key, time.
  consume "$in" -f '%k %T %s\n' | sort >before
  consume "$out" -f '%k %T %s\n' | sort >after
  [ -z "$(comm -13 before after)" ]
  events 1000 4000 6000 | kwrite --key n --time t "$in"
  kdedup -e -g "$out" id --within 1h "$in" "$out"
  [ "$(count "$out")" -eq 4000 ]
}

@test "kdedup _key: the first of each key in D of event time; --keep last: the last, when D has passed" {
  new_topic in 2
  new_topic first 2
  new_topic last 2
  printf '%s\n' 'a 0' 'a 4' 'b 5' 'a 9' 'a 10' 'b 12' 'a 21' 'c 40' |
    awk '{ printf "{\"k\":\"%s\",\"t\":%.0f}\n", $1, 1000000000000 + $2 * 1000 }' | kwrite -p 1 --key k --time t "$in"
  kdedup -e _key --within 10s "$in" "$first"
  same <(printf '%s\n' 'a 0' 'a 10' 'a 21' 'b 5' 'c 40') \
    <(consume "$first" | jq -r '"\(.k) \((.t - 1000000000000) / 1000)"' | sort)
  kdedup -e _key --within 10s --keep last "$in" "$last"
  same <(printf '%s\n' 'a 10' 'a 21' 'a 9' 'b 12') \
    <(consume "$last" | jq -r '"\(.k) \((.t - 1000000000000) / 1000)"' | sort)
  # Partition and time stay.
  consume "$last" -f '%p %T %s\n' | jq -e -R 'capture("^1 (?<T>[0-9]+) (?<v>.*)$") | .T == (.v | fromjson.t | tostring)' >checks
  [ "$(grep -c true checks)" -eq 4 ]
  kdedup -e --close-at-end _key --within 10s --keep last "$in" "$last"
  [ "$(count "$last")" -eq 5 ]
}

# in_order N: stdin's `GROUP NUMBER` lines, N of them, each group's numbers rising.
in_order() { awk -v want="$1" '$2 < last[$1] { print "out of order:", $0; exit 1 } { last[$1] = $2; n++ } END { if (n != want) { print n; exit 1 } }'; }

@test "kdelay: each record once, when it is due and not before, in order of due, through kill -9" {
  new_topic in 2
  new_topic out 2 message.timestamp.type=LogAppendTime
  first=$(($(date +%s%3N) + 12000))
  awk -v first=$first 'BEGIN { for (i = 0; i < 2000; i++) printf "{\"n\":%d,\"at\":%.0f}\n", i, first + (i * 7919) % 6000 }' |
    kwrite --key n "$in"
  kdelay -e -g "$out" at "$in" "$out"  # a pause: what waits is in the state
  is_early=$(($(date +%s%3N) < first))
  [ "$is_early" = 0 ] || [ "$(count "$out")" -eq 0 ]
  for round in 1 2 3; do
    start_tool "$round" kdelay -g "$out" at "$in" "$out"
    wait_for 40 count_at_least "$out" $((round * 400))
    kill -KILL "$started"
    end_of_tool "$started"
    [ "$round" != 2 ] || rm -rf "$KUTILS_STATE_DIR"
  done
  start_tool rest kdelay -g "$out" at "$in" "$out"
  wait_for 40 count_is "$out" 2000
  stop_tool "$started"
  [ "$status" -eq 143 ]
  same <(consume "$in" -f '%k %s\n' | sort) <(consume "$out" -f '%k %s\n' | sort)
  consume "$out" -f '%p %T %s\n' | sed 's/{.*"at":\([0-9]*\)}/\1/' >times
  [ "$(awk '$2 < $3' times | wc -l)" -eq 0 ]  # none before its time
  [ "$is_early" = 0 ] || cut -d' ' -f1,3 times | in_order 2000
}

@test "kdelay: a record from before 1970 is refused when it is read, with its place, not when it is due" {
  new_topic out
  run -4 timeout 30 kdelay -J 1h - "$out" <<<'{"payload":"{}","ts":-5}'
  says "standard input line 1: no usable time: the record's own time is before 1970"
  run -4 timeout 30 kdelay -J at - "$out" <<<'{"payload":"{\"at\":\"2999-01-01T00:00:00Z\"}","ts":-5}'
  says "standard input line 1: no usable time: the record's own time is before 1970"
  [ "$(count "$out")" -eq 0 ]
}

@test "kdelay and ktake -e: what has become due since the last run goes out, though IN has nothing new" {
  new_topic in 2
  new_topic due 2
  new_topic taken 2
  at=$(($(date +%s%3N) + 5000))
  seq 3000 | jq -c --argjson at "$at" '{n: ., at: $at}' | kwrite "$in"
  kdelay -e -g "$due" at "$in" "$due"
  ktake -e -g "$taken" 5000 --within 1s "$in" "$taken"
  new_topic keyed 2
  ktake -e -g "$keyed" --by at 5000 --within 1s "$in" "$keyed"
  wait_for 20 eval '[ "$(date +%s%3N)" -gt "$at" ]'
  kdelay -e -g "$due" at "$in" "$due"
  [ "$(count "$due")" -eq 3000 ]
  ktake -e -g "$taken" 5000 --within 1s "$in" "$taken"
  [ "$(consume "$taken" | jq -s 'map(length) | add')" -eq 3000 ]
  ktake -e -g "$keyed" --by at 5000 --within 1s "$in" "$keyed"
  [ "$(consume "$keyed" | jq -s 'map(length) | add')" -eq 3000 ]
}

values() { consume "$1" | jq -c '.[]' | wc -l; }
values_are() { [ "$(values "$1")" -eq "$2" ]; }
values_at_least() { [ "$(values "$1")" -ge "$2" ]; }

@test "ktake: each value in one array of its key, full or when D has passed, in order, through kill -9" {
  new_topic in 1
  new_topic out 2
  events 3000 7 0 | kwrite "$in"
  for round in 1 2 3; do
    start_tool "$round" ktake -g "$out" 25 --within 2s --by id "$in" "$out"
    wait_for 40 values_at_least "$out" $((round * 300))
    kill -KILL "$started"
    end_of_tool "$started"
    [ "$round" != 2 ] || rm -rf "$KUTILS_STATE_DIR"
  done
  start_tool rest ktake -g "$out" 25 --within 2s --by id "$in" "$out"
  wait_for 60 values_are "$out" 3000  # what is not full, too
  stop_tool "$started"
  consume "$out" -f '%k %s\n' >arrays
  sed 's/^[0-9]* //' arrays | jq -e 'length <= 25 and (map(.id) | unique | length) == 1' >checks
  if grep -qv true checks; then false; fi
  same <(sed 's/ \[.*//' arrays) <(sed 's/^[0-9]* //' arrays | jq '.[0].id')
  sed 's/^[0-9]* //' arrays | jq -r '.[] | "\(.id) \(.n)"' | in_order 3000
}

@test "ktake by partition: what is not full waits from run to run; kpipe takes it as a stage" {
  new_topic in 1
  new_topic out 1
  events 7 7 0 | kwrite "$in"
  ktake -e 5 "$in" "$out"
  [ "$(values "$out")" -eq 5 ]
  events 3 7 7 | kwrite "$in"
  ktake -e 5 "$in" "$out"
  same <(printf '%s\n' '[0,1,2,3,4]' '[5,6,7,8,9]') <(consume "$out" | jq -c 'map(.n)')
  new_topic piped 1
  kpipe -e kfilter 'n > 1' then kdedup id --within 1h then ktake 2 -- "$in" "$piped"
  same <(printf '%s\n' '[2,3]' '[4,5]' '[6,7]') <(consume "$piped" | jq -c 'map(.n)')
}

@test "kdedup passes records without a value where EXPR does not read it, also behind kgroupby in a pipe" {
  new_topic in 2
  new_topic out 2
  new_topic piped 2
  new_topic by_value 2
  printf '%s\n' 'a:{"id":1}' 'b:' 'a:{"id":2}' 'c:' 'b:{"id":3}' 'c:' | produce "$in" -K: -Z -H own=1
  # The internal topic carries them; before, they were dropped on the way.
  kdedup -e '_key + "!"' --within 1h "$in" "$out"
  same <(printf '%s\n' 'a {"id":1} own=1' 'b NULL own=1' 'c NULL own=1') <(consume "$out" -Z -f '%k %s %h\n' | sort)
  kpipe -e kgroupby --keep-null '_key + "!"' then kdedup _key --within 1h -- "$in" "$piped"
  same <(printf '%s\n' 'a! {"id":1} own=1' 'b! NULL own=1' 'c! NULL own=1') <(consume "$piped" -Z -f '%k %s %h\n' | sort)
  # An EXPR that reads the value drops them, counted.
  kdedup -e id --within 1h "$in" "$by_value" 2>err
  grep -q '6 in, 3 out, 3 tombstone' err
  [ "$(count "$by_value")" -eq 3 ]
}

@test "ksample: every Nth over several runs, the same keys everywhere" {
  new_topic in 1
  new_topic out 1
  events 25 1000 1 | kwrite "$in"
  ksample -e 1/10 "$in" "$out"
  events 25 1000 26 | kwrite "$in"
  ksample -e 1/10 "$in" "$out"
  same <(printf '%s\n' 10 20 30 40 50) <(consume "$out" | jq .n)
  new_topic some 3
  ksample -e 30% --by n "$in" "$some"
  same <(consume "$some" | sort) <(consume "$in" | ksample 0.3 --by n | sort)
  [ "$(ksample -e 5 "$in" - | wc -l)" -eq 5 ]
}

# timed TOPIC PARTITION SECOND...: a record of each second.
timed() {
  local topic=$1 partition=$2
  shift 2
  printf '%s\n' "$@" | awk '{ printf "{\"t\":%.0f}\n", 1000000000000 + $1 * 1000 }' | kwrite -q -p "$partition" --time t "$topic"
}
seconds() { consume "$1" -f '%p %s\n' | sed 's/{"t":10000*\([0-9]*\)000}/\1/' | awk '{ print $1, $2 + 0 }'; }

@test "kmerge: in order of time within each partition, a topic at its end is waited for, each record once" {
  new_topic left 2
  new_topic right 2
  new_topic out 2
  timed "$left" 0 $(seq 1 2 999)
  timed "$right" 0 $(seq 2 2 1000)
  timed "$right" 1 3 4 9
  timed "$left" 1 1 5 8
  start_tool one kmerge -g "$out" --max-wait 1s "$left,$right" "$out"
  wait_for 30 count_at_least "$out" 400
  kill -KILL "$started"
  end_of_tool "$started"
  kmerge -e -g "$out" --max-wait 1s "$left,$right" "$out"
  seconds "$out" | sort -s -n -k1,1 >got
  same <({ seq -f '0 %g' 1 1000; printf '1 %d\n' 1 3 4 5 8 9; }) got
  # Live: right's next one is waited for, and goes first.
  start_tool two kmerge -g "$out" --max-wait 25s "$left,$right" "$out"
  timed "$left" 1 20
  timed "$right" 1 15 30
  wait_for 60 count_is "$out" 1008  # 30 waits for left
  stop_tool "$started"
  same <(printf '1 %d\n' 9 15 20) <(seconds "$out" | grep '^1' | tail -3)
  run kmerge -e -g x "$left" "$out"
  [ "$status" -eq 2 ]
  [[ $output == *"nothing to merge"* ]]
}

@test "ktake: between two commits more comes for an array than a row of the changelog takes" {
  new_topic in 1
  new_topic out 1 max.message.bytes=8000000
  for from in 0 3000; do
    awk -v from="$from" 'BEGIN { pad = sprintf("%1000s", ""); for (i = from; i < from + 3000; i++) printf "{\"n\":%d,\"pad\":\"%s\"}\n", i, pad }' |
      kwrite -q "$in"
    ktake -e -g "$out" --commit-interval 5s 5000 "$in" "$out"
    rm -rf "$KUTILS_STATE_DIR"
  done
  [ "$(count "$out")" -eq 1 ]
  kread -e "$out" | jq -e 'map(.n) == [range(5000)]'
}
