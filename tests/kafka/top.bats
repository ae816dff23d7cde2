#!/usr/bin/env bats
# ktop: a live screen of groups, topics and running tools; --once for scripts.

setup() {
  local support=${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support
  . "$support/kafka.bash"; . "$support/terminal.bash"
  kafka_setup
}
teardown() { close_terminal; kafka_teardown; }

once() { ktop --once --every 0 -O json "$@"; }
of() { once "$1" | jq -c "select(.${1%s} == \"$2\") | $3"; }  # of groups|topics NAME FILTER

@test "ktop --once: groups, topics, what they are made of, running tools; rates; as table, csv, json" {
  new_topic src 2
  seq 30 | produce "$src" -p 0
  kread -q -c 10 -g "$src-slow" -O text "$src" >/dev/null
  [ "$(of groups "$src-slow" '[.state, .members, .lag, .tool]')" = '["empty",0,20,"kread"]' ]
  [ "$(of topics "$src" '[.partitions, .records, .in_per_s, .groups, .lag]')" = '[2,30,null,1,20]' ]
  same <(printf '%s\n' '[0,0,30,1,"1 of 1"]' '[1,0,0,1,"1 of 1"]') \
    <(once topics "$src" | jq -c '[.partition, .begin, .end, .leader, .in_sync]')
  [ "$(once groups "$src-slow" | jq -c 'select(.partition == 0) | [.topic, .partition, .committed, .end, .lag, .age_ms < 100000]')" = "[\"$src\",0,10,30,20,true]" ]
  [ "$(once --sort -records topics | jq .records | sort -nrc && echo sorted)" = sorted ]
  ktop --once --every 0 -O csv groups | head -n 1 | grep -qx 'group,state,members,lag,read_per_s,left_ms,tool'
  ktop --once --every 0 | grep -qE "^$src-slow +empty +0 +20 .*kread"
  # Internal topics on request only.
  if of topics __consumer_offsets .topic | grep -q .; then return 1; fi
  once --internal topics | jq -es 'any(.topic == "__consumer_offsets" and .use == "the cluster'\''s own")' >/dev/null

  # A tool with --http is found by itself, with its figures; one without by its group.
  start_tool serves kfilter --http 0 -g "$src-serves" '_value != 7' "$src" "$src-out"
  local serves=$started
  start_tool plain kfilter -g "$src-plain" true "$src" "$src-out2"
  wait_for 20 caught_up "$src-serves" "$src"
  wait_for 20 caught_up "$src-plain" "$src"
  at=$(sed -n 's,.*http://127.0.0.1\(:.*\)/metrics.*,\1,p' serves.err)
  tool_is() { [ "$(once tools | jq -c "select(.group == \"$1\") | $2")" = "$3" ]; }
  wait_for 20 tool_is "$src-serves" '[.tool, .http, .status, .lag, .failed]' "[\"kfilter\",\"$at\",\"ok\",0,0]"
  wait_for 20 tool_is "$src-plain" '[.tool, .http, .status, .lag]' '["kfilter","","stable",0]'
  ktop --once --every 0 -O json tools "$at" >figures.out
  jq -es 'any(.figure == "records_in_total" and .value == 30)' figures.out >/dev/null
  # Rates are of the time between two looks.
  start_tool gen kgen --rate 200 clicks "$src"
  rates() {
    ktop --once --every 1s -O json topics >now.out
    jq -es "any(.topic == \"$src\" and .in_per_s > 20 and .in_per_s < 1000)" now.out
  }
  wait_for 30 rates
  # An ended tool is gone, also one that was killed.
  stop_tool "$serves" KILL
  gone() { ! once tools | grep -q "\"$at\""; }
  wait_for 20 gone
}

@test "ktop: what is wrong is said: names, options, no terminal" {
  refused_with 2 ktop; says "not a terminal" "ktop --once"
  refused_with 2 ktop --once --every 0 groups no-such-group; says "there is no group 'no-such-group'"
  refused_with 2 ktop --once --every 0 topics no-such-topic; says "there is no topic 'no-such-topic'"
  refused_with 2 ktop --once nonsense; says "groups, topics, tools"
  refused_with 2 ktop -O json; says "ktop --once -O json"
  refused_with 2 ktop --once --sort nothing --every 0; says "there are group, state"
  refused_with 3 ktop -b 127.0.0.1:1 --once
}

@test "ktop on a terminal of 80x24: views, selection, order, filter, drilling in, help, quit" {
  new_topic aaa 2
  new_topic bbb 1
  seq 30 | produce "$aaa" -p 0
  seq 5 | produce "$bbb"
  kread -q -c 10 -g "$aaa-g" -O text "$aaa" >/dev/null
  open_terminal 80 24
  type_line 'ktop --every 200ms; echo code $?'
  wait_for 20 screen_has '^GROUP .*LAGv'
  [ "$(screen | wc -l)" -eq 24 ] || show_screen
  screen | sed -n 24p | grep -q 'q quit' || show_screen
  # Only what is this test's.
  press 2
  wait_for 20 screen_has '^TOPIC '
  type_keys() { in_tmux send-keys -l "$1"; }
  type_keys /; type_keys "${aaa##*-}"; press Enter
  wait_for 20 screen_has "/${aaa##*-}"
  # By name: s from IN/S over GROUPS, LAG and USE to TOPIC.
  type_keys ssss
  wait_for 20 screen_has '^TOPIC\^'
  rows() { screen | sed -n '4,23p' | grep -oE '^[^ ]+'; }
  both() { [ "$(rows | grep -cE -- '-(aaa|bbb)-|-aaa|-bbb')" -eq 2 ]; }
  wait_for 20 both || show_screen
  first=$(rows | head -n 1)
  type_keys r
  wait_for 20 screen_has '^TOPICv'
  [ "$(rows | head -n 1)" != "$first" ] || show_screen
  type_keys r
  wait_for 20 screen_has '^TOPIC\^'
  press Enter  # the first one: aaa
  wait_for 20 screen_has '^ +0 +0 +30 +30 .* 1 of 1' || show_screen
  screen_has " > $aaa" || show_screen
  # It is live.
  seq 12 | produce "$aaa" -p 1
  wait_for 20 screen_has '^ +1 +0 +12 +12 ' || show_screen
  press Escape
  wait_for 20 screen_has '^TOPIC\^'
  press 1
  type_keys /; type_keys "$aaa-g"; press Enter
  wait_for 20 screen_has 'empty +0 +32|empty +0 +20' || show_screen
  press Enter
  wait_for 20 screen_has '0 +10 +30 +20 ' || show_screen
  type_keys h
  wait_for 20 screen_has 'Any key goes back'
  type_keys x
  # A small screen shows the least that matters, and nothing wraps.
  in_tmux resize-window -x 40 -y 10
  press Escape
  wait_for 20 screen_has '^GROUP +.*LAGv'
  [ "$(screen | wc -l)" -eq 10 ] || show_screen
  type_keys q
  # The terminal is as it was.
  wait_for 20 screen_has '^code 0$' || show_screen
  if screen_has 'ktop  127'; then show_screen; fi
  type_line 'ktop'
  wait_for 20 screen_has '^GROUP'
  press C-c
  type_line 'echo code $?'
  wait_for 20 screen_has '^code 130$' || show_screen
}
