# Helpers for bats tests, above all for those on a real broker. In a .bats file:
# shellcheck shell=bash
#
#   setup()    { . "$KUTILS_SOURCE_DIR/tests/support/kafka.bash"; kafka_setup; }
#   teardown() { kafka_teardown; }
#
# ctest sets KUTILS_SOURCE_DIR, KUTILS_BUILD_DIR, PATH and KUTILS_KAFKA_DIR. By hand, against a broker of your own:
#   eval "$(scripts/kafka start)"; bats tests/kafka/NAME.bats
# All files of a test live in $BATS_TEST_TMPDIR; its state (KUTILS_STATE_DIR) too, so that tests do not meet.

: "${KUTILS_SOURCE_DIR:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${KUTILS_BUILD_DIR:=$KUTILS_SOURCE_DIR/build}"
case :$PATH: in *":$KUTILS_BUILD_DIR/bin:"*) ;; *) PATH=$KUTILS_BUILD_DIR/bin:$PATH ;; esac
PATH=$KUTILS_BUILD_DIR/tests:$PATH
export KUTILS_SOURCE_DIR KUTILS_BUILD_DIR PATH

# shell_setup: a clean, separate environment for a test without a broker.
shell_setup() {
  cd "$BATS_TEST_TMPDIR" || return 1
  unset KUTILS_CONFIG KUTILS_INSTANCE
  export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config XDG_STATE_HOME=$BATS_TEST_TMPDIR/xdg-state
  export KUTILS_STATE_DIR=$BATS_TEST_TMPDIR/state NO_COLOR=1
  tool_pids=()
}

# kafka_setup: the same, and the broker of this run in KUTILS_BROKERS.
kafka_setup() {
  if [ -n "${KUTILS_KAFKA_DIR:-}" ] && [ -f "$KUTILS_KAFKA_DIR/env" ]; then
    # shellcheck disable=SC1091
    . "$KUTILS_KAFKA_DIR/env"
  fi
  [ -n "${KUTILS_BROKERS:-}" ] || { echo "no broker: eval \"\$(scripts/kafka start)\" first" >&2; return 1; }
  shell_setup
}

# kafka_teardown: no process that the test started outlives it. On failure their stderr is shown.
kafka_teardown() {
  local pid file
  for pid in "${tool_pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait "${tool_pids[@]}" 2>/dev/null || true
  if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
    for file in "$BATS_TEST_TMPDIR"/*.err; do
      [ ! -s "$file" ] || { echo "--- ${file##*/}"; tail -n 20 "$file"; }
    done
  fi
  return 0
}

# --- topics -------------------------------------------------------------------------------------------------------

# topic_name WORD: prints a topic name that no other test and no other run uses.
topic_name() { echo "$(basename "$BATS_TEST_FILENAME" .bats)-$BATS_TEST_NUMBER-$1-${BATS_RUN_TMPDIR##*[-.]}$$"; }

# new_topic VARIABLE [PARTITIONS] [K=V]...: creates a topic with a unique name and puts the name into VARIABLE.
new_topic() {
  local name
  name=$(topic_name "$1")
  test_topics create "$name" "${2:-1}" "${@:3}" || return 1
  printf -v "$1" %s "$name"
}

# produce TOPIC [KCAT-OPTION]...: stdin's lines as records.
produce() { kcat -P -q -b "$KUTILS_BROKERS" -X topic.partitioner=murmur2_random -t "$@"; }

# consume TOPIC [KCAT-OPTION]...: all committed records from beginning to end (-J for the whole envelope).
consume() { kcat -C -q -b "$KUTILS_BROKERS" -X isolation.level=read_committed -X check.crcs=true -o beginning -e -t "$@"; }

# count TOPIC: how many committed records there are.
count() { consume "$1" -f '\n' | wc -l; }

# --- waiting ------------------------------------------------------------------------------------------------------

# wait_for SECONDS COMMAND...: until COMMAND succeeds; fails after SECONDS, saying what was waited for.
wait_for() {
  local limit=$((SECONDS + $1)) what=${*:2}
  shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $limit ]; then echo "waited in vain for: $what" >&2; return 1; fi
    sleep 0.05
  done
}

count_is() { [ "$(count "$1")" -eq "$2" ]; }        # wait_for 20 count_is TOPIC N
count_at_least() { [ "$(count "$1")" -ge "$2" ]; }  # wait_for 20 count_at_least TOPIC N
group_is() { [ "$(test_topics group "$1")" = "$2" ]; }  # wait_for 20 group_is GROUP "Stable 3"
file_has() { grep -qE -- "$2" "$1"; }               # wait_for 20 file_has FILE REGEX
ended() { ! kill -0 "$1" 2>/dev/null; }             # wait_for 20 ended PID

# caught_up GROUP TOPIC: the group's committed offsets are at the ends of all partitions.
caught_up() {
  local ends committed
  ends=$(test_topics ends "$2" | cut -d' ' -f1,3) || return 1
  committed=$(test_topics committed "$1" "$2" | cut -d' ' -f1,2 | sed 's/-$/0/') || return 1
  [ "$ends" = "$committed" ]
}

# --- processes ----------------------------------------------------------------------------------------------------

# start_tool NAME COMMAND...: runs it in the background, stdin from $BATS_TEST_TMPDIR/NAME.in if that file is there,
# output in NAME.out and NAME.err. Sets $started to its pid.
start_tool() {
  local name=$1 input=/dev/null
  shift
  # A function runs in a shell of its own: signals would go to that, and the tool would stay.
  ! declare -F "$1" >/dev/null || { echo "start_tool: $1 is a function" >&2; return 1; }
  [ ! -e "$BATS_TEST_TMPDIR/$name.in" ] || input=$BATS_TEST_TMPDIR/$name.in
  # bats waits for the end of its descriptor 3.
  "$@" <"$input" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- 4>&- &
  started=$!
  tool_pids+=("$started")
}

# stop_tool PID [SIGNAL] [SECONDS]: signals it (TERM) and waits for its end; sets $status to its exit code.
stop_tool() {
  kill "-${2:-TERM}" "$1" 2>/dev/null || true
  end_of_tool "$1" "${3:-15}"
}

# end_of_tool PID [SECONDS]: waits for an end that comes by itself; sets $status. Kills it after SECONDS and fails.
end_of_tool() {
  local limit=$((SECONDS + ${2:-60}))
  while kill -0 "$1" 2>/dev/null; do
    # A child that ended but was not waited for yet still takes signals: look at its state.
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in Z*) break ;; esac
    if [ $SECONDS -ge $limit ]; then
      echo "pid $1 did not end within ${2:-60} s" >&2
      kill -KILL "$1" 2>/dev/null
      return 1
    fi
    sleep 0.02
  done
  status=0
  # shellcheck disable=SC2034  # for the test that called
  wait "$1" 2>/dev/null || status=$?
}

# --- saying what differs ------------------------------------------------------------------------------------------

# same EXPECTED ACTUAL: two files (or process substitutions); shows the difference.
same() { diff -u "$1" "$2"; }

# --- refusals -----------------------------------------------------------------------------------------------------

# refused_with CODE COMMAND...: that exit code and an empty stdout; $output is stderr. stdin is empty.
refused_with() {
  local want=$1 code=0
  shift
  "$@" >out.txt 2>err.txt </dev/null || code=$?
  output=$(cat err.txt)
  [ $code -eq "$want" ] || { echo "exit code $code, stderr: $output"; return 1; }
  [ ! -s out.txt ]
}

# says TEXT...: each is in $output.
says() {
  local part
  for part in "$@"; do
    [[ $output == *"$part"* ]] || { echo "lacks '$part': $output"; return 1; }
  done
}
