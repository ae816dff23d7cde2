#!/usr/bin/env bats
# Two processes as if on different hosts: own mount namespaces, the same host name, empty state directories under the
# same path, the same group. They must share the work and leave each other alone (design: not host name and slot).

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
  unshare --mount true 2>/dev/null || skip "unshare --mount is not permitted here"
}
teardown() { kafka_teardown; }

on_host() { # on_host NAME COMMAND...: the command sees a state directory of its own, empty
  start_tool "$1" unshare --mount sh -c 'mount -t tmpfs none "$KUTILS_STATE_DIR" && exec "$@"' sh "${@:2}"
}

@test "two hosts with the same name do not fence each other" {
  new_topic in 4
  new_topic out 4
  mkdir -p "$KUTILS_STATE_DIR"
  on_host first kfilter -g "$out" 'number >= 100' "$in" "$out"
  first=$started
  on_host second kfilter -g "$out" 'number >= 100' "$in" "$out"
  second=$started
  wait_for 20 group_is "$out" "Stable 2"
  stream_check fill "$in" 5000 --rate 1000
  wait_for 30 caught_up "$out" "$in"
  kill -0 "$first"
  kill -0 "$second"
  stop_tool "$first"
  [ "$status" -eq 0 ] || [ "$status" -eq 143 ]
  stream_check fill "$in" 2000 --first 5000
  wait_for 30 caught_up "$out" "$in"
  stop_tool "$second"
  [ "$status" -eq 0 ] || [ "$status" -eq 143 ]
  stream_check verify "$in" "$out" --number-at-least 100
}
