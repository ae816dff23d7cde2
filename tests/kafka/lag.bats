#!/usr/bin/env bats
# klag and kwait: what waits for a group, and waiting for things, on a real broker.

bats_require_minimum_version 1.5.0
setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# The total's records and age.
total() { klag --total -O json "$@" | jq -r '[.lag, .age_ms] | @csv'; }

@test "klag: records and age per partition and in total; ends of transactions are no lag" {
  new_topic src 2
  local group=$src-group
  for i in $(seq 10); do echo "{\"n\":$i}"; done | kwrite -q -p 0 --time 'now() - duration("1h")' "$src"
  refused_with 2 klag "$group"; says "group '$group' has committed nothing" "TOOL.IN.OUT.HASH"
  refused_with 2 klag "$group" "$src-none"; says "there is no topic '$src-none'"
  # Exactly once: the last thing in the output topic is the end of a transaction.
  kfilter -q -e -c 4 -g "$group" 'n > 0' "$src" "$src-out"
  klag -O json "$group" "$src" >lag.out
  same <(printf '%s\n' '["'"$src"'",0,10,6,true]' '["'"$src"'",1,0,0,false]' '[null,null,null,6,true]') \
    <(jq -c '[.topic, .partition, .end, .lag, .age_ms > 3500000 and .age_ms < 7200000]' lag.out)
  klag "$group" >table.out
  grep -qE "^$src +0 +4 +10 +6 +1h" table.out
  tail -n 1 table.out | grep -qE '^\(total\) +6 +1h'
  kfilter -q -e -g "$group" 'n > 0' "$src" "$src-out"
  [ "$(total "$group")" = 0,0 ]
  # A reader of the output that stops behind the last record, in front of the transaction's end.
  kread -q -e -g "$src-reader" "$src-out" >read.out
  [ "$(wc -l <read.out)" -eq 10 ]
  [ "$(total "$src-reader")" = 0,0 ]
}

@test "klag, kwait, koffset: a misspelt group is answered with the one that is near" {
  new_topic src 1
  seq 5 | produce "$src"
  local group=$src-billing
  kread -e -g "$group" -O text "$src" >read.out
  refused_with 2 klag "${group}s"
  says "group '${group}s' has committed nothing" "did you mean: klag $group"
  refused_with 2 koffset show "${group}s"; says "did you mean: koffset show $group"
  kfilter -q -e true "$src" "$src-out"
  refused_with 2 klag "$src-out"; says "did you mean: klag kfilter.$src.$src-out."
  bash -c "$(sed -n 's/.*did you mean: //p' <<<"$output")" >lag.out
  refused_with 2 koffset reset -o beginning "$src-out"; says "did you mean: koffset reset -o beginning kfilter.$src.$src-out."
  # A place is for the first run: the note has the command that begins there again.
  run -0 kfilter -e --tail 2 true "$src" "$src-out"
  says "0 in, 0 out"
  run -0 bash -c "$(sed -n 's/^  to begin there again: //p' <<<"$output")"
  run -0 kfilter -e --tail 2 true "$src" "$src-out"
  says "2 in, 2 out"
  refused_with 1 kwait --timeout 2s lag 0 "${group}s"; says "Did you mean '$group'?"
  refused_with 2 klag another; says "koffset list"
  [[ $output != *"did you mean"* ]]
}

@test "klag: thresholds are exit codes, --watch looks again" {
  new_topic src 1
  local group=$src-group
  seq 5 | kwrite -q "$src"
  kread -q -c 2 -g "$group" "$src" >/dev/null
  klag -q --max-records 3 --max-age 1h "$group"
  refused_with 1 klag -q --max-records 2 "$group"
  refused_with 1 klag -q --max-age 0 "$group"
  start_tool watch klag --watch 100ms --total -O json "$group"
  wait_for 20 file_has watch.out '"lag":3'
  kread -q -e -g "$group" "$src" >/dev/null
  wait_for 20 file_has watch.out '"lag":0'
  stop_tool "$started"
}

@test "kwait: for a topic, records, one that matches, a group; gives up in time" {
  src=$(topic_name src)
  refused_with 1 kwait --timeout 300ms topic "$src"; says "gave up after 300ms: there is no topic '$src'"
  refused_with 1 kwait -q --timeout 300ms topic "$src"; [ -z "$output" ]
  refused_with 2 kwait -q --new topic "$src"; says "--new is about records"  # errors are printed
  start_tool topic kwait --timeout 1m topic "$src"
  local topic=$started
  start_tool records kwait --timeout 1m records 5 "$src"
  local records=$started
  start_tool match kwait --timeout 1m record 'n == 4' "$src"
  local match=$started
  new_topic src 2
  end_of_tool "$topic"; [ "$status" -eq 0 ]
  for i in 1 2 3; do echo "{\"n\":$i}"; done | kwrite -q --atomic "$src"
  # Three records and the ends of a transaction.
  refused_with 1 kwait --timeout 1s records 4 "$src"; says "has 3 of 4 records"
  refused_with 1 kwait --timeout 1s record 'n == 4' "$src"; says "no record of topic '$src' matches"
  if ended "$records"; then return 1; fi
  for i in 4 5; do echo "{\"n\":$i}"; done | kwrite -q "$src"
  end_of_tool "$records"; [ "$status" -eq 0 ]
  end_of_tool "$match"; [ "$status" -eq 0 ]
  refused_with 1 kwait --timeout 1s --new record 'n == 4' "$src"

  new_topic other 2
  seq 5 | kwrite -q "$other"
  local group=$other-group
  refused_with 1 kwait --timeout 1s lag 0 "$group"; says "group '$group' has committed nothing"
  kread -q -c 2 -g "$group" "$other" >/dev/null
  refused_with 1 kwait --timeout 1s lag 2 "$group"; says "has a lag of 3"
  kwait --timeout 1m lag 3 "$group" "$other"
  start_tool lag kwait --timeout 1m lag 0 "$group"
  local lag=$started
  kread -q -e -g "$group" "$other" >/dev/null
  end_of_tool "$lag"; [ "$status" -eq 0 ]
}
