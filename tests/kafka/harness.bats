#!/usr/bin/env bats
# The harness itself: if these fail, look here first.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
}
teardown() { kafka_teardown; }

@test "a topic is created, filled and read back" {
  new_topic words 3 retention.ms=-1
  printf 'a\nb\nc\n' | produce "$words"
  [ "$(count "$words")" -eq 3 ]
  same <(printf 'a\nb\nc\n') <(consume "$words" | sort)
  [ "$(test_topics ends "$words" | awk '{n += $3} END {print n}')" -eq 3 ]
}

@test "a topic that is there is refused" {
  new_topic once
  run test_topics create "$once" 1
  [ "$status" -eq 1 ]
  [[ $output == *"already exists"* ]]
}

@test "SASL: the right password is let in, a wrong one is not" {
  local -a sasl=(-X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X sasl.username=kutils)
  kcat -L -b "$KUTILS_SASL_BROKERS" "${sasl[@]}" -X sasl.password=kutils-secret
  run kcat -L -m 3 -b "$KUTILS_SASL_BROKERS" "${sasl[@]}" -X sasl.password=wrong
  [ "$status" -ne 0 ]
}

@test "the checker accepts a copy and finds what is lost, doubled and changed" {
  new_topic origin 2
  new_topic copy 2
  stream_check fill "$origin" 1000
  run stream_check verify "$origin" "$origin" --same-partition
  [ "$status" -eq 0 ]
  [[ $output == "in 1000 expected 1000 out 1000 lost 0 doubled 0 foreign 0 disorder 0 moved 0 open 0 aborted 0" ]]
  stream_check fill "$copy" 998
  run stream_check verify "$origin" "$copy"
  [ "$status" -eq 1 ]
  [[ $output == *"lost 2 doubled 0 foreign 0"* ]]
  stream_check fill "$copy" 4 --first 997
  run stream_check verify "$origin" "$copy"
  [ "$status" -eq 1 ]
  [[ $output == *"lost 0 doubled 1 foreign 1"* ]]
}

@test "a process is started, watched and ended" {
  start_tool sleeper sleep 60
  stop_tool "$started"
  [ "$status" -eq 143 ]
  start_tool quick sh -c 'echo out; echo err >&2; exit 3'
  end_of_tool "$started"
  [ "$status" -eq 3 ]
  [ "$(cat quick.out)" = out ]
  file_has quick.err err
}
