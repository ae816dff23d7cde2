#!/usr/bin/env bats
# Three nodes, replication 3, min.insync.replicas 2: exactly once while brokers, coordinators among them, are killed
# and restarted one at a time, beside all the other blows of a storm. Longer: scripts/soak.

setup_file() {
  export KUTILS_TEST_CLUSTER=$BATS_FILE_TMPDIR/cluster
  "${KUTILS_SOURCE_DIR:=$BATS_TEST_DIRNAME/../..}/scripts/kafka" --dir "$KUTILS_TEST_CLUSTER" start --nodes 3 --heap 384m 3>&-
}
teardown_file() { "${KUTILS_SOURCE_DIR:=$BATS_TEST_DIRNAME/../..}/scripts/kafka" --dir "$KUTILS_TEST_CLUSTER" wipe; }
setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  shell_setup
}
teardown() { kafka_teardown; }

# SCENARIO [OPTION]...: a storm on the three nodes.
storm_passes() {
  run "$KUTILS_SOURCE_DIR/tests/kafka/storm/storm.py" "$1" --cluster "$KUTILS_TEST_CLUSTER" "${@:2}"
  echo "$output"
  [ "$status" -ne 77 ] || skip "$output"
  [ "$status" -eq 0 ]
}

# TAG: the tests of the client classes that are for these nodes.
client_passes() {
  eval "$("$KUTILS_SOURCE_DIR/scripts/kafka" --dir "$KUTILS_TEST_CLUSTER" env)"
  KUTILS_TEST_BROKERS=$KUTILS_BROKERS run "$KUTILS_BUILD_DIR/bin/test_kafka_client" "$1"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output != *"is not set"* ]]
}

@test "a storm with broker kills" { storm_passes brokers --duration "${KUTILS_SOAK_SECONDS:-40}"; }

@test "a storm with broker kills over a pipe with two internal topics" {
  storm_passes pipe --duration "${KUTILS_SOAK_SECONDS:-12}" --pause 0.5 --records 10000 --keys 500
}

# Last: they leave topics, and nodes that stand still or are dead.
@test "the ends of a topic that was made a moment ago" { client_passes '[.created]'; }
@test "a group that is asked about while no broker answers" { client_passes '[.frozen]'; }
@test "the ends of a topic whose leader has died" { client_passes '[.leader]'; }
