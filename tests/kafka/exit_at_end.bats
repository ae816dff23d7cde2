#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# kread -e while a compacted topic is written by transactions that commit, abort and are killed: it always ends, and prints
# each record below the ends at its start. KUTILS_EXIT_RUNS says how many runs (20); 1,000 take about ten minutes:
#   eval "$(scripts/kafka start)"; KUTILS_EXIT_RUNS=1000 bats tests/kafka/exit_at_end.bats

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() {
  touch stop
  kafka_teardown
}

# records KIND ROUND: 40 records of keys of their own, KIND.ROUND.N, and 40 of few keys, of which compaction leaves the last.
records() {
  seq -f "$1.$2.%g:$2" 40
  seq -f "repeated.$((RANDOM % 9)).%g:$1.$2" 40
}

# transact SIGNAL: stdin as a transaction of kcat; with a SIGNAL it is open for a moment, then gets it.
transact() {
  local pid
  kcat -P -q -b "$KUTILS_BROKERS" -X transactional.id="$t" -X topic.partitioner=murmur2_random -t "$t" -K : 2>>kcat.err &
  pid=$!
  [ -z "$1" ] || { sleep 0.3; kill "-$1" $pid; }
  wait $pid
}

write() {
  local round=0
  while [ ! -e stop ]; do
    round=$((round + 1))
    case $((round % 5)) in
      1) records plain $round | produce "$t" -K : ;;
      2) transact TERM < <(records aborted $round; read -rt 2 _ <>waiting) || true ;;
      3) transact KILL < <(records aborted $round; read -rt 2 _ <>waiting) || true ;;  # the next one aborts it
      *) records committed $round | transact '' ;;
    esac
    echo $round >rounds
  done
}

@test "kread -e ends, with all below its ends, on a topic that is written, aborted and compacted" {
  local runs=${KUTILS_EXIT_RUNS:-20} run began took longest=0
  new_topic t 3 cleanup.policy=compact segment.ms=1000 min.cleanable.dirty.ratio=0.01 delete.retention.ms=100
  mkfifo waiting
  write 3>&- 4>&- &
  tool_pids+=($!)
  written() { [ "$(cat rounds)" -ge "$1" ]; }
  wait_for 60 written 5
  for ((run = 1; run <= runs; run++)); do
    test_topics ends "$t" >ends
    began=${EPOCHREALTIME/./}
    timeout 40 kread -q -e -f '%k %p %o\n' "$t" >read.out || { echo "run $run: exit code $?"; return 1; }
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
    [ $took -le $longest ] || longest=$took
    if grep -m 1 '^aborted' read.out; then echo "run $run: printed what was aborted"; return 1; fi
    awk 'FILENAME == "ends" { end[$1] = $3; next } /^(committed|plain)/ && $3 < end[$2] { print $2, $3 }' ends read.out | sort >"run.$run"
    cksum <"run.$run" >"sum.$run"
    [ "$run" -eq 1 ] || rm "run.$((run - 1))"
    mv ends "ends.$run"
  done
  wait_for 60 written 10
  touch stop
  wait "${tool_pids[0]}"
  # What is there in the end and lay below the ends of a run was there then.
  consume "$t" -f '%k %p %o\n' >all
  [ "$(grep -c '^committed' all)" -ge 160 ]
  grep -q '^plain' all
  for ((run = 1; run <= runs; run++)); do
    awk -v ends="ends.$run" 'FILENAME == ends { end[$1] = $3; next } /^(committed|plain)/ && $3 < end[$2] { print $2, $3 }' "ends.$run" all |
      sort | cksum >expected
    cmp expected "sum.$run" || { echo "run $run did not print what lay below $(xargs <"ends.$run")"; return 1; }
  done
  echo "# $runs runs, $(cat rounds) rounds of writing, $(wc -l <all) records left of $(test_topics ends "$t" | awk '{ n += $3 } END { print n }') offsets, the longest run $longest ms" >&3
}
