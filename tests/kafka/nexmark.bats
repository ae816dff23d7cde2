#!/usr/bin/env bats
# scripts/examples/nexmark: each query's result is that of a batch database over the same events (nexmark/truth.py). KUTILS_NEXMARK=all
# also runs every query in five -e runs over input that comes out of order, and six under kill -9.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
  TOPIC_PREFIX=$(topic_name x).
  export TOPIC_PREFIX LOG=$BATS_TEST_TMPDIR/log SIDE_INPUT=$BATS_TEST_TMPDIR/side_input.csv
  kgen -q -c 10000 -O csv 'key=_offset, value="v" + string(_offset)' >"$SIDE_INPUT"
  queries=$KUTILS_SOURCE_DIR/scripts/examples/nexmark
}
teardown() { kafka_teardown; }

truth() { "$KUTILS_SOURCE_DIR/tests/kafka/nexmark/truth.py" "$BATS_TEST_TMPDIR" "$TOPIC_PREFIX" "$@"; }

# events N [KGEN-OPTION...]: person.json, auction.json, bid.json as envelopes, and their values in *.ndjson.
events() {
  local kind
  for kind in person:1:id auction:3:id bid:46:auction; do
    IFS=: read -r kind share key <<<"$kind"
    kgen -q --seed 7 --event-rate 100 -c $(($1 * share / 50)) -J --key "$key" "${@:2}" "nexmark:$kind" >"$kind.json"
    jq -r .payload "$kind.json" >"$kind.ndjson"
  done
}

# run_queries QUERY...: three at a time; which of them failed.
run_queries() {
  # shellcheck disable=SC2016 # the shell that xargs starts
  printf '%s\n' "$@" | xargs -P 3 -I{} bash -c '"$0/{}.sh" >{}.out 2>&1 3>&- || { echo "{} failed"; cat {}.out; exit 255; }' "$queries"
}

# write_piece I N: the Ith of N pieces of the events.
write_piece() {
  local kind lines first last
  for kind in person auction bid; do
    lines=$(wc -l <"$kind.json") first=$((lines * ($1 - 1) / $2 + 1)) last=$((lines * $1 / $2))
    sed -n "$first,${last}p" "$kind.json" | kwrite -q -J --partitions 4 - "$TOPIC_PREFIX$kind"
  done
}

@test "all 23 queries equal the batch database" {
  "$queries/events.sh" 20000 --out-of-order 400
  events 20000 --out-of-order 400
  run_queries q{0..22}
  truth q{0..22}
}

@test "queries with state in five runs: the same as in one" {
  events 10000 --out-of-order 400
  local list=(q3 q4 q5 q7 q8 q9 q11 q18)
  [ "${KUTILS_NEXMARK:-}" != all ] || list=(q{0..22})
  for piece in 1 2 3 4 5; do
    write_piece "$piece" 5
    run_queries "${list[@]}"
  done
  truth "${list[@]}"
}

# run_killed QUERY MS: its processes get kill -9 after MS milliseconds; notes in QUERY.kills that they still lived.
run_killed() {
  local pid ms=$2
  setsid "$queries/$1.sh" >>"$1.out" 2>&1 3>&- &
  pid=$!
  sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
  kill -KILL -- "-$pid" 2>/dev/null || true
  wait "$pid" || [ $? -ne 137 ] || echo "$ms" >>"$1.kills"
}

@test "queries with state under twenty kill -9 each" {
  [ "${KUTILS_NEXMARK:-}" = all ] || skip "takes minutes: KUTILS_NEXMARK=all, as in scripts/soak"
  local list=(q4 q5 q7 q8 q9 q18) pieces=40 piece query begin
  local -A takes kills
  RANDOM=${KUTILS_SEED:-$$}
  echo "KUTILS_SEED=${KUTILS_SEED:-$$}"
  events 30000 --out-of-order 400
  write_piece 1 $pieces
  for query in "${list[@]}"; do
    begin=${EPOCHREALTIME/./}
    "$queries/$query.sh"
    takes[$query]=$(((${EPOCHREALTIME/./} - begin) / 1000))
    : >"$query.kills"
  done
  for ((piece = 2; piece < pieces; piece++)); do
    write_piece $piece $pieces
    for query in "${list[@]}"; do
      kills[$query]=$(wc -l <"$query.kills")
      [ "${kills[$query]}" -ge 20 ] || run_killed "$query" $((takes[$query] * (RANDOM % 1000) / 1000)) &
    done
    wait
    # What had ended before its kill takes less long than thought: the first run has made the topics.
    for query in "${list[@]}"; do
      [ "$(wc -l <"$query.kills")" -gt "${kills[$query]}" ] || takes[$query]=$((takes[$query] * 8 / 10))
    done
  done
  wc -l -- *.kills
  for query in "${list[@]}"; do [ "$(wc -l <"$query.kills")" -ge 20 ]; done
  write_piece $pieces $pieces
  run_queries "${list[@]}"
  truth "${list[@]}"
}
