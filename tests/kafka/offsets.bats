#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# koffset and kstate on a real broker; test_topics, which uses nothing of kutils, says what was committed.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# offsets GROUP TOPIC: "0:17 1:-"
offsets() { test_topics committed "$1" "$2" | awk '{ printf "%s%s:%s", s, $1, $2; s = " " }'; }
exists() { kcat -L -J -b "$KUTILS_BROKERS" | jq -e --arg t "$1" 'any(.topics[]; .topic == $t)' >/dev/null; }

@test "list and show: state, tool, topics, configuration, offsets; commit and reset of a group without state" {
  new_topic src 2
  new_topic dst 2
  local group=$src-g
  for i in 1 2 3 4 5 6 7 8; do echo "{\"n\":$i,\"at\":$((1700000000000 + i * 1000))}"; done >lines
  head -4 lines | kwrite -q -p 0 --time at "$src"
  tail -4 lines | kwrite -q -p 1 --time at "$src"
  kfilter -q -e -g "$group" 'n > 0' "$src" "$dst"
  [ "$(koffset list --json "$group" | jq -c '[.group, .state, .tool, .stateful, .topics]')" = '["'"$group"'","Empty","kfilter",false,["'"$src"'"]]' ]
  koffset show --json "$group" >show.out
  [ "$(jq -c '[.settings.EXPR, [.offsets[] | [.partition, .committed, .end, .lag]]]' show.out)" = '["(n > 0)",[[0,4,4,0],[1,4,4,0]]]' ]
  koffset show "$group" | grep -qE '^tool +kfilter$'
  # A group may have a name that no topic can have.
  new_topic other 2
  kfilter -q -e -g "../$group €" 'n > 0' "$src" "$other"
  koffset list | grep -qF "../$group €"
  refused_with 2 koffset show "$group-x"; says "there is no group '$group-x'" "did you mean: koffset show $group"

  # The plan commits nothing.
  koffset reset -o 1 --json "$group" >plan.out 2>plan.err
  same <(printf '%s\n' '[0,4,1,3]' '[1,4,1,3]') <(jq -c '[.partition, .committed, .becomes, .lag]' plan.out)
  grep -qF 'nothing was changed' plan.err
  [ "$(offsets "$group" "$src")" = '0:4 1:4' ]
  koffset reset -q -o 1 --execute "$group"
  [ "$(offsets "$group" "$src")" = '0:1 1:1' ]
  # The group is still the same tool's.
  [ "$(koffset show --json "$group" | jq -r .settings.EXPR)" = '(n > 0)' ]
  kfilter -e -g "$group" 'n > 0' "$src" "$dst" 2>err
  if grep -q 'another configuration' err; then return 1; fi
  [ "$(count "$dst")" -eq 14 ]
  local word
  for word in "-o beginning|0:0 1:0" "-o end|0:4 1:4" "-o -1|0:3 1:3" "-o +1|0:1 1:1" "-o 2:|0:2 1:2" "-o s@1700000003000|0:2 1:0" \
    "-o @2023-11-14T22:13:26Z|0:4 1:1" "--since 1700000008000|0:4 1:3" "--tail 3|0:4 1:1" "-p 0 -o 0|0:0 1:1"; do
    # shellcheck disable=SC2086  # words
    koffset reset -q --execute ${word%|*} "$group"
    [ "$(offsets "$group" "$src")" = "${word#*|}" ] || { echo "$word: $(offsets "$group" "$src")"; return 1; }
  done
  koffset commit -q --execute "$group" "$src:0=3" "$src:1=end"
  [ "$(offsets "$group" "$src")" = '0:3 1:4' ]
  refused_with 2 koffset commit --execute "$group" "$src:0,9=1"; says "has 2 partitions only"
}

@test "export, import to another group, delete of a topic's offsets and of the group" {
  new_topic a 2
  new_topic b 1
  local group=$a-g
  # Where records without a key go is chance.
  seq 3 | produce "$a" -p 0
  seq 3 | produce "$a" -p 1
  seq 3 | produce "$b"
  koffset commit -q --execute "$group" "$a=2" "$b=end"
  koffset export "$group" >saved
  [ "$(wc -l <saved)" -eq 3 ]
  koffset import "$group-2" saved
  [ "$(offsets "$group-2" "$b")" = '0:-' ]
  koffset import -q --execute "$group-2" saved
  same <(offsets "$group" "$a"; offsets "$group" "$b") <(offsets "$group-2" "$a"; offsets "$group-2" "$b")
  echo '{"topic":"'"$b"'","partition":0,"offset":9}' >far
  refused_with 2 koffset import --execute "$group" far; says "offset 9 is beyond the end of $b [0], 3"
  echo '{"topic":"'"$b"'","offset":1}' | { ! koffset import --execute "$group" - 2>err; }
  grep -qF 'line 1: no topic, partition and offset' err
  # CSV: our own, and Kafka's with and without the group.
  koffset export -q -O csv "$group" >saved.csv
  printf '"%s",0,1\r\n' "$a" >kafka.csv
  printf 'other,%s,1,0\n' "$a" >>kafka.csv
  koffset import -q --execute "$group-2" kafka.csv
  [ "$(offsets "$group-2" "$a")" = '0:1 1:0' ]
  koffset import -q --execute "$group-2" saved.csv
  same <(offsets "$group" "$a"; offsets "$group" "$b") <(offsets "$group-2" "$a"; offsets "$group-2" "$b")
  for line in "$b" "$b,0" "$b,x,1" "$b,0,-1" ",0,1"; do
    echo "$line" >bad.csv
    refused_with 2 koffset import --execute "$group" bad.csv; says "line 1: no topic, partition and offset"
  done
  mkdir folder
  refused_with 2 koffset import --execute "$group" folder; says "cannot read folder" "nothing was changed"
  refused_with 2 koffset import --execute "$group" /dev/zero; says "a line of more than 1 MiB"
  koffset delete -q --execute "$group" "$a"
  [ "$(offsets "$group" "$a") $(offsets "$group" "$b")" = '0:- 1:- 0:3' ]
  koffset delete "$group-2"
  [ "$(offsets "$group-2" "$b")" = '0:3' ]
  koffset delete -q --execute "$group-2"
  [ "$(offsets "$group-2" "$b")" = '0:-' ]
  # A tool begins as on its first run, though this machine remembers that the group has read the topic.
  kfilter -q -e -g "$group-3" 'true' "$b" "$b-out"
  koffset delete -q --execute "$group-3"
  kfilter -q -e -g "$group-3" 'true' "$b" "$b-out"
  [ "$(count "$b-out")" -eq 6 ]
}

# Fills $src, runs a table over it to its end. Sets $group, $src, $dst.
stateful_group() {
  new_topic "$1" 2
  src=${!1} dst=${!1}-out group=${!1}-g
  for i in $(seq 60); do echo "{\"k\":\"k$((i % 7))\",\"n\":$i}"; done | kwrite -q "$src"
  table
}
table() { ktable -q -e -g "$group" --by k 'c=count(), s=sum(n)' "$src" "$dst"; }
# The newest rows of the records of $dst from offset $1 on, and what jq makes of $src in one go.
rows() { kcat -C -q -b "$KUTILS_BROKERS" -X isolation.level=read_committed -o "$1" -e -t "$dst" | jq -sSc 'map({(.k): [.c, .s]}) | add'; }
batch() { consume "$src" | jq -sSc 'group_by(.k) | map({(.[0].k): [length, (map(.n) | add)]}) | add'; }

in_use() { [[ $(kstate list --json "$group" | jq -r .state) == "in use by $started" ]]; }

@test "reset of a group with state: refused while it runs; afterwards a new run gives the batch result" {
  stateful_group src
  same <(batch) <(rows beginning)
  refused_with 2 koffset commit --execute "$group" "$src=0"; says "has state, which belongs to the offsets"
  refused_with 2 koffset reset --execute -o end "$group"; says "the tool's next run says where to begin" "start the tool with -o end"
  koffset reset --json "$group" >plan.out
  same <(printf '%s\n' "[\"internal topic\",\"$group-repartition\"]" "[\"state on this machine\",\"$KUTILS_STATE_DIR/$group\"]" \
    "[\"changelog\",\"$group-changelog\"]" "[\"offsets\",\"$src\"]") <(jq -c '[.delete, .name]' plan.out)
  exists "$group-changelog"
  [ "$(koffset list --json "$group" | jq .stateful)" = true ]

  start_tool running ktable -g "$group" --by k 'c=count(), s=sum(n)' "$src" "$dst"
  wait_for 30 group_is "$group" "Stable 1"
  refused_with 2 koffset reset --execute "$group"; says "group '$group' is running" "session time-out"
  wait_for 30 in_use
  refused_with 2 kstate delete --execute "$group"; says "is in use by process $started"
  stop_tool "$started"
  wait_for 60 group_is "$group" "Empty 0"
  local before
  before=$(test_topics ends "$dst" | cut -d' ' -f3 | paste -sd, -)
  koffset reset -q --execute "$group"
  if exists "$group-changelog" || exists "$group-repartition" || [ -e "$KUTILS_STATE_DIR/$group" ]; then return 1; fi
  [ "$(offsets "$group" "$src")" = '0:- 1:-' ]
  kfilter -q -e -g "$src-copy" 'n <= 60' "$src" "$src-all"  # nobody else's state is touched
  table
  [ "$(test_topics ends "$dst" | cut -d' ' -f3 | paste -sd, -)" != "$before" ]
  same <(batch) <(rows beginning)
  [ "$(kquery "$dst" | jq -sSc 'map({(.k): [.c, .s]}) | add')" = "$(batch)" ]
}

@test "reset, killed with kill -9 at each step: the tool refuses until it is finished, then gives the batch result" {
  local step pid n last=0 finish told=0
  for step in 1 2 3 4 5; do
    local name=src$step
    stateful_group "$name"
    mkfifo "notes$step"
    koffset reset --execute "$group" >/dev/null 2>"notes$step" 3>&- &
    pid=$!
    tool_pids+=("$pid")
    n=0
    while read -r _; do
      n=$((n + 1))
      [ $n -ne $step ] || kill -KILL "$pid"
    done <"notes$step"
    wait "$pid" || last=$?
    # What the tool does now: refuse, go on with what it had, or begin again. Never a wrong row.
    table 2>err || { grep -qE 'was interrupted|is missing|no offsets|stores another' err || { cat err; return 1; }; }
    # The command that it names finishes it.
    finish=$(sed -n 's/^  finish it: \(koffset reset .*\)/\1/p' err)
    if [ -n "$finish" ]; then told=$((told + 1)); bash -c "$finish" 2>/dev/null; fi
    if [ "$(koffset list --json "$group" | jq .stateful)" = true ]; then koffset reset -q --execute "$group"; fi
    if exists "$group-changelog" || exists "$group-repartition" || [ -e "$KUTILS_STATE_DIR/$group" ]; then return 1; fi
    table
    same <(batch) <(rows beginning)
  done
  [ "$last" -eq 137 ]  # the last one at least was killed
  [ "$told" -gt 0 ]
}

# To its end. Where the one before was killed behind its last step, nothing is left to do.
reset_whole() {
  local code=0
  koffset reset -q --execute "$group" 2>reset.err || code=$?
  [ $code -eq 0 ] || { [ $code -eq 2 ] && grep -q 'there is no group' reset.err; } || { cat reset.err; return 1; }
  if exists "$group-changelog" || exists "$group-repartition" || [ -e "$KUTILS_STATE_DIR/$group" ]; then return 1; fi
}

# KUTILS_RESET_KILLS says how many kills (6).
@test "reset, killed with kill -9 at random moments, again and again: run to its end, the tool gives the batch result" {
  local kills=${KUTILS_RESET_KILLS:-6} seed=${KUTILS_SEED:-$RANDOM} kill began took pid code killed=0 begun=0 complete=0
  echo "KUTILS_SEED=$seed"
  RANDOM=$seed
  stateful_group src
  koffset show "$group" >/dev/null
  began=${EPOCHREALTIME/./}
  koffset reset -q --execute "$group"
  took=$((${EPOCHREALTIME/./} - began))  # microseconds
  table
  for ((kill = 1; kill <= kills; kill++)); do
    # The input grows, so that rows of before cannot pass for the result.
    echo "{\"k\":\"k$((kill % 7))\",\"n\":$((1000 * kill))}" | kwrite -q "$src"
    koffset reset -q --execute "$group" 2>reset.err 3>&- 4>&- &
    pid=$!
    tool_pids+=("$pid")
    sleep "$(awk -v us=$((took * (RANDOM % 1000) / 1000)) 'BEGIN { print us / 1e6 }')"
    kill -KILL "$pid" 2>/dev/null || true
    code=0
    wait "$pid" || code=$?
    [ $code -ne 137 ] || killed=$((killed + 1))
    # What the tool does now: refuse, go on with what it had, or begin again. Never a wrong row.
    if [ $((RANDOM % 2)) -eq 0 ]; then
      if table 2>err; then
        same <(batch) <(rows beginning)
      else
        grep -qE 'was interrupted|is missing|no offsets|stores another' err || { cat err; return 1; }
        begun=$((begun + 1))
      fi
    fi
    [ $((RANDOM % 3)) -gt 0 ] || continue  # the next reset finds what this one left
    reset_whole
    table
    same <(batch) <(rows beginning)
    complete=$((complete + 1))
  done
  reset_whole
  table
  same <(batch) <(rows beginning)
  [ "$(kquery "$dst" | jq -sSc 'map({(.k): [.c, .s]}) | add')" = "$(batch)" ]
  echo "# $kills resets, $killed killed before their end, the tool refused $begun times, $complete ended by another reset" >&3
  [ "$killed" -gt 0 ]
}

@test "kstate: what lies here, its size and age; delete, and the tool restores" {
  stateful_group src
  kstate list --json "$group" >list.out
  [ "$(jq -c '[.group, .partitions, .bytes > 1000, .state]' list.out)" = '["'"$group"'",2,true,"complete"]' ]
  [ $(($(date +%s) - $(jq .written_ms list.out) / 1000)) -lt 60 ]
  [ "$(kstate --by-partition --json list "$group" | jq -sc 'map(.partition)')" = '[0,1]' ]
  kstate delete --older-than 1h >plan.out 2>plan.err
  grep -qF 'nothing to delete' plan.err
  kstate delete "$group" 2>plan.err
  grep -qF 'nothing was changed' plan.err
  [ -d "$KUTILS_STATE_DIR/$group" ]
  refused_with 2 kstate delete --execute "${group}x"; says "no state of group '${group}x'" "did you mean '$group'?"
  start_tool running ktable -g "$group" --by k 'c=count(), s=sum(n)' "$src" "$dst"
  wait_for 30 group_is "$group" "Stable 1"
  wait_for 30 in_use
  stop_tool "$started"
  kstate delete --execute "$group"
  [ ! -e "$KUTILS_STATE_DIR/$group" ]
  echo '{"k":"k1","n":1000}' | kwrite -q "$src"
  table
  same <(batch) <(rows beginning)
}

@test "the pages' examples run" {
  new_topic clicks 2
  seq 10 | produce "$clicks" -p 0
  seq 10 | produce "$clicks" -p 1
  local group=$clicks-billing
  koffset commit -q --execute "$group" "$clicks=1"
  ktable -q -e -g "$clicks-totals" --total 'count()' "$clicks" "$clicks-table"
  { echo kstate; sed -n '/^@examples/,/^# /p' "$KUTILS_SOURCE_DIR/man/koffset.md" | grep '^    '; } |
    sed "s/\bclicks\b/$clicks/g; s/\bbilling\b/$group/g; s/\btotals-group\b/$clicks-totals/g" >examples
  [ "$(wc -l <examples)" -ge 6 ]
  while read -r example; do
    bash -c "$example" >out 2>err || { echo "$example: $(cat err)"; return 1; }
  done <examples
  [ "$(offsets "$group" "$clicks")" = '0:- 1:-' ]
}
