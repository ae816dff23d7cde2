#!/usr/bin/env bats
# shellcheck disable=SC2154,SC1010
# kscan, kfilter --changed and ksort on a real broker.

bats_require_minimum_version 1.5.0
setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# readings COUNT IDS FROM: {"id":..,"n":..,"state":..}; the state of an id changes with every third of its records.
readings() {
  awk -v count="$1" -v ids="$2" -v from="$3" 'BEGIN { for (i = from; i < from + count; i++)
    printf "{\"id\":%d,\"n\":%d,\"state\":\"s%d\"}\n", i % ids, i, int(i / ids / 3) % 2 }'
}

# Each id's records form one chain: the i-th has the n of the one before it, and the sum of all up to it.
chained() {
  jq -r '"\(.id) \(.i) \(.n) \(.prev) \(.s)"' | sort -n -k1,1 -k2,2 | awk -v want="$1" '
    BEGIN { id = "none" }
    $1 != id { id = $1; i = 0; s = 0; before = "null" }
    { i++; s += $3; if ($2 != i || $4 != before || $5 != s) { print "wrong:", $0; bad = 1; exit }; before = $3 }
    END { if (!bad && NR != want) { print NR " records"; bad = 1 }; exit bad }'
}

@test "kscan by a field: previous value, number and sum of each record, once, through kill -9, also if the state is lost" {
  new_topic in 3
  new_topic out 3
  list='*, prev=lag(n), i=count(), s=sum(n)'
  readings 6000 37 0 | kwrite --key n "$in"  # keys say nothing about ids
  for round in 1 2 3 4; do
    start_tool "$round" kscan -g "$out" --by id "$list" "$in" "$out"
    wait_for 30 count_at_least "$out" $((round * 400))
    kill -KILL "$started"
    end_of_tool "$started"
    [ "$round" != 3 ] || rm -rf "$KUTILS_STATE_DIR"
  done
  kscan -e -g "$out" --by id "$list" "$in" "$out"
  consume "$out" | chained 6000
  # Key, partition and time are those that came.
  same <(consume "$in" -f '%p %k %T\n' | sort) <(consume "$out" -f '%p %k %T\n' | sort)
  readings 500 37 6000 | kwrite --key n "$in"
  kscan -e -g "$out" --by id "$list" "$in" "$out"
  consume "$out" | chained 6500
  # The state can be asked, and is not read by another list.
  same <(seq 5 37 6499 | awk '{ s += $1 } END { printf "{\"id\":5,\"i\":%d,\"s\":%d}\n", NR, s }') <(kquery "$out" 5 | jq -c 'del(.prev)')
  run kscan -e -g "$out" --by id '*, i=count()' "$in" "$out"
  [ "$status" -eq 2 ]
  [[ $output == *"LIST"* ]]
}

@test "kscan by record key keeps the order of partitions, five runs of -e; as a stage of kpipe it is re-keyed" {
  new_topic in 2
  new_topic out 2
  for run in 0 1 2 3 4; do
    readings 200 7 $((run * 200)) | kwrite --key id "$in"
    kscan -e -g "$out" '*, prev=lag(n), d=lag(n) == null ? null : n - lag(n), i=count()' "$in" "$out"
  done
  # The same over lines, each partition by itself.
  for p in 0 1; do
    same <(consume "$in" -p "$p" | kscan --by id '*, prev=lag(n), d=lag(n) == null ? null : n - lag(n), i=count()') <(consume "$out" -p "$p")
  done
  new_topic piped 2
  kpipe -e kgroupby state then kscan 'state, i=count()' then kfilter 'i % 100 == 0' -- "$in" "$piped"
  same <(consume "$in" | jq -r .state | sort | uniq -c | awk '{ for (i = 100; i <= $1; i += 100) print $2, i }' | sort) \
    <(consume "$piped" | jq -r '"\(.state) \(.i)"' | sort)
}

@test "kfilter --changed: the first record of each state of a key, through kill -9" {
  new_topic in 1
  new_topic out 1
  readings 6000 10 0 | kwrite --key n "$in"
  for round in 1 2 3; do
    start_tool "$round" kfilter -g "$out" --changed state --by id "$in" "$out"
    wait_for 30 count_at_least "$out" $((round * 100))
    kill -KILL "$started"
    end_of_tool "$started"
    [ "$round" != 2 ] || rm -rf "$KUTILS_STATE_DIR"
  done
  kfilter -e -g "$out" --changed state --by id "$in" "$out"
  same <(readings 6000 10 0 | awk -F'[:,}]' '{ if (last[$2] != $6) print; last[$2] = $6 }') <(consume "$out")
  run kfilter -e -g "$out" --changed n --by id "$in" "$out"
  [ "$status" -eq 2 ]
}

# unsorted FROM TO: {"n":..,"t":..}: n rises, the time jumps back by up to two seconds; equal times are frequent.
unsorted() {
  awk -v from="$1" -v to="$2" 'BEGIN { for (i = from; i < to; i++)
    printf "{\"n\":%d,\"t\":%.0f}\n", i, 1000000000000 + int(i / 4) * 100 - (i * 7919) % 21 * 100 }'
}
# What must come: by time, then place.
by_time() { jq -c '[.t, .n]' | sort -t, -s -n -k1.2,1 -k2n | jq -c '{n: .[1], t: .[0]}'; }

@test "ksort: order of time, ties by place, through kill -9; -e is a pause; late ones go to --late" {
  new_topic in 1
  new_topic out 1
  new_topic late 1
  unsorted 100 4000 | kwrite --time t "$in"
  for round in 1 2 3; do
    start_tool "$round" ksort -g "$out" --within 2s --late "$late" "$in" "$out"
    wait_for 30 count_at_least "$out" $((round * 400))
    kill -KILL "$started"
    end_of_tool "$started"
    [ "$round" != 2 ] || rm -rf "$KUTILS_STATE_DIR"
  done
  ksort -e -g "$out" --within 2s --late "$late" "$in" "$out"
  [ "$(count "$late")" -eq 0 ]
  [ "$(count "$out")" -lt 3900 ]  # the last two seconds are held
  unsorted 4000 4400 | kwrite --time t "$in"
  echo '{"n":9999,"t":1000000000000}' | kwrite --time t "$in"
  ksort -e --close-at-end -g "$out" --within 2s --late "$late" "$in" "$out" 2>err
  same <(unsorted 100 4400 | by_time) <(consume "$out")
  same <(echo '{"n":9999,"t":1000000000000}') <(consume "$late")
  same <(consume "$in" -f '%T %s\n' | grep -v 9999 | sort) <(consume "$out" -f '%T %s\n' | sort)
  run ksort -e -g "$out" --within 3s --late "$late" "$in" "$out"
  [ "$status" -eq 2 ]
}
