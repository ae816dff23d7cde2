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
