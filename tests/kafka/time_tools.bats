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
