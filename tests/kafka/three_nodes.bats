#!/usr/bin/env bats
# Three nodes, replication 3, min.insync.replicas 2: exactly once while brokers, coordinators among them, are killed
# and restarted one at a time, beside all the other blows of a storm. Longer: scripts/soak.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  shell_setup
  cluster=$BATS_TEST_TMPDIR/cluster
  "$KUTILS_SOURCE_DIR/scripts/kafka" --dir "$cluster" start --nodes 3 --heap 384m 3>&-
}
teardown() {
  "$KUTILS_SOURCE_DIR/scripts/kafka" --dir "$cluster" wipe
  kafka_teardown
}

@test "a storm with broker kills" {
  run "$KUTILS_SOURCE_DIR/tests/kafka/storm/storm.py" brokers --cluster "$cluster" --duration "${KUTILS_SOAK_SECONDS:-40}"
  echo "$output"
  [ "$status" -ne 77 ] || skip "$output"
  [ "$status" -eq 0 ]
}

@test "a group that is asked about while no broker answers" {
  eval "$("$KUTILS_SOURCE_DIR/scripts/kafka" --dir "$cluster" env)"
  KUTILS_TEST_BROKERS=$KUTILS_BROKERS run "$KUTILS_BUILD_DIR/bin/test_kafka_client" '[.frozen]'
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output != *"is not set"* ]]
}
