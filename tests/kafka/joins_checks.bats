#!/usr/bin/env bats
# shellcheck disable=SC2154
# kjoin: what is wrong with its inputs is seen and said; self-joins.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/joins.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# keys FIRST LAST: records with keys k<FIRST> to k<LAST>.
keys() { seq "$1" "$2" | awk '{ printf "k%d\t{\"n\":%d}\n", $1, $1 }'; }
# By another partitioner than produce has: kcat's own default for keys.
produce_crc() { kcat -P -q -b "$KUTILS_BROKERS" -X topic.partitioner=consistent_random -t "$1" -K "$(printf '\t')"; }

@test "kjoin: keys that another partitioner placed are refused with the command that mends it; trusted, they are joined" {
  new_topic left 4
  new_topic right 4
  new_topic out 4
  keys 1 60 | produce "$left" -K "$(printf '\t')"
  keys 1 60 | produce_crc "$right"
  refused_with 2 kjoin -q -e --within 1h "$left" "$right" "$out"
  says "equal keys are not in equal partitions" "of $left" "of $right" "kgroupby --partitions 4 _key $right $right-keyed"
  [[ $output != *"_key $left"* ]]
  # The command, as it is said.
  local command
  command=$(grep -o "kgroupby .*" err.txt)
  eval "${command/kgroupby/kgroupby -q -e}"
  kjoin -q -e --within 1h "$left" "$right-keyed" "$out"
  [ "$(count "$out")" -eq 60 ]
  run kjoin -q -e -g "t-$out" --trust-partitioning --within 1h "$left" "$right" "t-$out"
  [ "$status" -eq 0 ]
  # No key on both sides: told by murmur2 alone. The same of a table that a field of LEFT names.
  new_topic other 4
  keys 100 180 | produce_crc "$other"
  refused_with 2 kjoin -q -e --left "$left" "table:$other" "$out"
  says "the keys of $other were not placed by murmur2, those of $left were"
  refused_with 2 kjoin -q -e --left --on '"k" + string(n)' "$left" "table:$other" "$out"
  says "the keys of $other were not placed by murmur2"
}

@test "kjoin: keys that one other partitioner placed, null keys, few keys and one partition are joined" {
  new_topic left 4
  new_topic right 4
  new_topic out 4
  keys 1 60 | produce_crc "$left"
  keys 1 60 | produce_crc "$right"
  seq 1 200 | awk '{ print "{\"n\":" $1 "}" }' | produce "$left"
  kjoin -q -e --within 1h "$left" "$right" "$out"
  [ "$(count "$out")" -eq 60 ]
  new_topic few 4
  keys 200 210 | produce_crc "$few"
  kjoin -q -e -g "f-$out" --within 1h "$few" "$right" "$out"
  new_topic one 1
  new_topic same 1
  keys 1 30 | produce_crc "$one"
  keys 1 30 | produce "$same" -K "$(printf '\t')"
  kjoin -q -e -g "o-$out" --within 1h "$one" "$same" "o-$out"
  wait_for 20 count_is "o-$out" 30
}

@test "kjoin: a topic with itself: every pair of its records, read once, over runs; by a field" {
  new_topic clicks 2
  new_topic out 2
  new_topic by 2
  rows "$clicks" 'a:{"n":1}' 'a:{"n":2}' 'b:{"n":3}'
  kjoin -q -e --within 1h --where 'left.n < right.n' --select 'left.n, r=right.n' "$clicks" "$clicks" "$out"
  same <(echo 'a={"n":1,"r":2}') <(all "$out" | sort)
  rows "$clicks" 'a:{"n":4}'
  rm -rf "$KUTILS_STATE_DIR"
  kjoin -q -e --within 1h --where 'left.n < right.n' --select 'left.n, r=right.n' "$clicks" "$clicks" "$out"
  same <(printf '%s\n' 'a={"n":1,"r":2}' 'a={"n":1,"r":4}' 'a={"n":2,"r":4}') <(all "$out" | sort)
  # Without a condition each record is also its own match; with another field on either side it is not.
  kjoin -q -e -g "all-$out" --within 1h "$clicks" "$clicks" "all-$out"
  [ "$(count "all-$out")" -eq 10 ]
  kjoin -q -e --within 1h --on 'n + 1=n' --select 'left.n, r=right.n' "$clicks" "$clicks" "$by"
  same <(printf '%s\n' '2={"n":1,"r":2}' '3={"n":2,"r":3}' '4={"n":3,"r":4}') <(all "$by" | sort)
}

@test "kjoin: a table that is not compacted is noted once, with what to do; then no more" {
  new_topic left 2
  new_topic users 2
  new_topic out 2
  rows "$left" 'a:{"n":1}'
  rows "$users" 'a:{"m":1}'
  run kjoin -e "$left" "table:$users" "$out"
  [ "$status" -eq 0 ]
  [ "$(grep -c "the topic is not compacted" <<<"$output")" -eq 1 ]
  says "table:$users"
  local command
  command=$(grep -o 'ktopic .*' <<<"$output")
  eval "$command"
  run kjoin -e -g "again-$out" "$left" "table:$users" "$out"
  [ "$status" -eq 0 ]
  [[ $output != *"not compacted"* ]]
  # Each of two, and one that is held whole.
  run kjoin -e -g "two-$out" "table:$left" "table:$users" "$out"
  says "table:$left: the topic is not compacted"
  run kjoin -e -g "global-$out" --global "$users" "table:$left" "$out"
  says "table:$left: the topic is not compacted"
}

@test "kjoin: a table's record without a key is refused; of a field that both sides have --merge keeps the left's, with a note" {
  new_topic left 1
  new_topic users 1 cleanup.policy=delete
  new_topic out 1
  echo '{"m":1}' | produce "$users"
  rows "$users" 'a:{"n":2,"id":7}'
  rows "$left" 'a:{"n":1,"id":7}'
  refused_with 4 kjoin -q -e "$left" "table:$users" "$out"
  says "$users [0] @ 0" "a table's record needs a key" "kgroupby EXPR IN OUT"
  run kjoin -e -g "m-$out" --on-error skip --merge "$left" "table:$users" "$out"
  says "different values 1 time" "--prefix r_ keeps both"
  same <(echo 'a={"n":1,"id":7}') <(all "$out" | sort)
  new_topic prefixed 1
  run kjoin -e -g "p-$out" --on-error skip --merge --prefix u_ "$left" "table:$users" "$prefixed"
  [[ $output != *"different values"* ]]
  same <(echo 'a={"n":1,"id":7,"u_n":2,"u_id":7}') <(all "$prefixed" | sort)
}

@test "kjoin: an input at its end is waited for, the note says which, and output goes on after --max-wait" {
  new_topic left 1
  new_topic right 1
  new_topic out 1
  start_tool one kjoin --within 1h --left --max-wait 12s "$left" "$right" "$out"
  rows "$right" 'a:{"m":1}'
  rows "$left" 'a:{"n":1}'
  wait_for 40 file_has one.err "waiting for records of $right \[0\]"
  wait_for 40 count_is "$out" 1
  [ "$(grep -c "waiting for records" one.err)" -eq 1 ]
  stop_tool "$started"
}
