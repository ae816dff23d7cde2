#!/usr/bin/env bats
# shellcheck disable=SC2154
# Many partitions, and what else a large cluster brings, on a real broker.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

@test "256 partitions of state: within --cache + 64 MB, whatever the soft limit of open files; restored a few at a time" {
  new_topic in 256
  new_topic out 256
  kgen -q -c 2000 'u=_offset' "$in" --key u
  ulimit -Sn 256
  ktable -q -e -g "$in-g" 'n=count()' "$in" "$out"
  [ "$(count "$out")" -eq 2000 ]
  rm -rf "$KUTILS_STATE_DIR"
  kgen -q -c 2000 'u=_offset' "$in" --key u
  start_tool table ktable -g "$in-g" 'n=count()' "$in" "$out"
  wait_for 40 count_is "$out" 4000
  [ "$(awk '/VmHWM/ { print $2 }' "/proc/$started/status")" -lt $((128 * 1024)) ]
  stop_tool "$started"
  [ "$(consume "$out" | tail -1 | jq .n)" -eq 2 ]
}

@test "too few open files: which limit, and what to do" {
  new_topic in 64
  new_topic out 64
  kgen -q -c 500 'u=_offset' "$in" --key u
  ulimit -Sn 200
  ulimit -Hn 200
  refused_with 5 ktable -e -q 'n=count()' "$in" "$out"
  says 'Too many open files' 'ulimit -Hn'
}

@test "who ends with nothing to do, or while it starts, keeps nobody waiting for its session" {
  new_topic in 4
  new_topic out 4
  kgen -q -c 100 'u=_offset' "$in" --key u
  kfilter -q -e -g "$in-g" true "$in" "$out"
  kfilter -q -e -g "$in-g" true "$in" "$out"
  timeout 10 kfilter -q -m 1 -g "$in-g" --state-dir "$PWD/elsewhere" true "$in" "$out" &
  kgen -q -c 1 'u=_offset' "$in" --key u
  wait $!
}

@test "names at Kafka's limit, and names that only a group may have" {
  new_topic short 2
  long=$short-$(printf 'x%.0s' {1..200})
  test_topics create "$long" 2
  kgen -q -c 10 'u=_offset' "$long" --key u
  ktable -q -e --by u 'n=count()' "$long" "$short"
  [ "$(count "$short")" -eq 10 ]
  for group in "$long-$long" 'a group'; do
    refused_with 2 ktable -e -g "$group" 'n=count()' "$long" "$short-never"
    says "group '$group'" 'name it with -g'
  done
  refused_with 2 kread -e "$short-never"
  # A stateless tool's group may have any name; what it keeps stays in its state directory.
  mkdir here
  kfilter -q -e --state-dir here/state -g '../../€/..' true "$long" "$short"
  kfilter -q -e --state-dir here/state -g "$(printf '€%.0s' {1..100})" true "$long" "$short"
  [ "$(count "$short")" -eq 30 ]
  [ "$(ls here)" = state ] && [ ! -e '€' ]
}

@test "a row of the state that outgrows the changelog's limit: said at once; a topic that takes more goes on" {
  new_topic in 1
  new_topic out 1
  for n in {1..13}; do printf '{"v":"%0700000d"}\n' "$n"; done | kwrite -q "$in" --key '"k"'
  refused_with 5 timeout 20 ktable -q -e --on-error skip --emit close 'l=collect(v)' "$in" "$out" -g "$in-a"
  says 'a row of the state' "$in-a-changelog takes 8388608 (max.message.bytes)" 'continues where it stopped'
  test_topics create "$in-b-changelog" 1 cleanup.policy=compact max.message.bytes=40000000
  ktable -q -e --emit close 'l=collect(v)' "$in" "$out" -g "$in-b"
  kwindow -q -e --emit close -w 1d 'l=collect(v)' "$in" "$out" -g "$in-c" --on-error skip && return 1
  [ $? -eq 5 ]
}
