#!/usr/bin/env bats
# kill -9 and restart of the only instance: nothing lost or doubled, and the first new record soon.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
}
teardown() { kafka_teardown; }

now_ms() { echo $(($(date +%s%N) / 1000000)); }

@test "after kill -9 the first new record comes within 1.5 s" {
  new_topic in 2
  new_topic out 2
  start_tool writer stream_check fill "$in" 100000 --rate 500
  writer=$started
  start_tool run0 kfilter -g "$out" 'number >= 100' "$in" "$out"
  wait_for 20 count_at_least "$out" 100
  took=()
  for round in 1 2 3; do
    kill -KILL "$started"
    wait "$started" 2>/dev/null || true
    # A reader that stands at the end of the output before the tool is started again, so that it sees only what is new.
    # With nobody writing, the end is where the last committed transaction left it.
    kcat -C -b "$KUTILS_BROKERS" -X isolation.level=read_committed -X fetch.wait.max.ms=10 -o end -c 1 -t "$out" >"first$round" 2>"reader$round.err" 3>&- &
    reader=$!
    tool_pids+=("$reader")
    wait_for 20 file_has "reader$round.err" 'Reached end of topic .*\[1\]|Reached end of topic .*\[0\]'
    from=$(now_ms)
    start_tool "run$round" kfilter -g "$out" 'number >= 100' "$in" "$out"
    tool=$started
    end_of_tool "$reader" 30
    took+=($(($(now_ms) - from)))
    started=$tool
  done
  echo "first new record after: ${took[*]} ms"
  # One of three may suffer from whatever else the machine does.
  [ "$(printf '%s\n' "${took[@]}" | sort -n | sed -n 2p)" -le 1500 ]
  kill "$writer"
  wait "$writer" 2>/dev/null || true
  wait_for 30 caught_up "$out" "$in"
  stop_tool "$tool"
  stream_check verify "$in" "$out" --number-at-least 100
}
