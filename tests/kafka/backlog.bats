#!/usr/bin/env bats
# shellcheck disable=SC2154
# kwindow --by over a backlog whose partitions are read at different speeds (rule 27), and what becomes of the repartition topic (20).

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# backlog LATE-EVERY: an hour of records in four partitions of very different sizes, each in the order of time, but for every LATE-EVERY-th
# record of partition 0, which is 90 s old. Lines `PARTITION TIME KEY`.
backlog() {
  awk -v OFMT=%.0f -v late="$1" 'BEGIN {
    size[0] = 40000; size[1] = 400; size[2] = 15000; size[3] = 7
    for (p = 0; p < 4; ++p)
      for (i = 0; i < size[p]; ++i) {
        ts = 1700000000000 + int(i * 3600000 / size[p])
        if (late > 0 && p == 0 && i % late == late - 1) ts -= 90000
        print p, ts, "k" (i * 7 + p) % 23
      }
  }'
}
# The end of time from each partition under so many keys that each partition behind the repartition learns of it: all windows close.
ends() { awk 'BEGIN { for (p = 0; p < 4; ++p) for (k = 0; k < 40; ++k) print p, "1710000000000", "end" k }'; }
send() { awk '{ printf "{\"partition\":%d,\"ts\":%s,\"tstype\":\"create\",\"key\":null,\"payload\":\"{\\\"u\\\":\\\"%s\\\"}\"}\n", $1, $2, $3 }' | kcp -q - "$src"; }
# Windows of 10 s: KEY START COUNT; of all lines, or but for those that are late within their own partition.
windows() {
  awk -v CONVFMT=%.0f -v drop="${1:-}" '$3 !~ /^end/ {
    start = $2 - $2 % 10000
    late = start + 10000 <= max[$1]
    if ($2 > max[$1]) max[$1] = $2
    if (!(late && drop)) ++n[$3 " " start]
  } END { for (w in n) print w, n[w] }' | sort
}
got() { consume "$dst" | jq -r 'select(.u | startswith("end") | not) | "\(.u) \(.window_start) \(.n)"' | sort; }
whole() { same <(windows <lines) <(got) >differences || { head -n 20 differences; return 1; }; }
total() { awk '{ n += $3 } END { print n + 0 }'; }
count_windows() { "${counting[@]}" "$@"; }
begin() {
  new_topic src 4
  new_topic dst 4
  new_topic late 4
  group=group-$dst
  counting=(kwindow -g "$group" -w 10s --by u --emit close --time-format ms --late "$late" 'n=count()' "$src" "$dst")
}

@test "four partitions of a backlog, grace 0: nothing is late, every window is whole" {
  begin
  { backlog 0; ends; } >lines
  send <lines
  count_windows -e
  [ "$(count "$late")" -eq 0 ]
  whole
}

@test "the same with two instances, one of which stands still for a while" {
  begin
  { backlog 0; ends; } >lines
  start_tool one "${counting[@]}"
  start_tool two "${counting[@]}"
  wait_for 30 group_is "$group" "Stable 2"
  send <lines &
  sender=$!
  # Not waiting for something: it is to stand still while the other one works.
  kill -STOP "$started"
  sleep 2
  kill -CONT "$started"
  wait "$sender"
  wait_for 60 caught_up "$group" "$src"
  wait_for 60 caught_up "$group" "$group-repartition"
  all_there() { [ "$(got | wc -l)" -ge "$(windows <lines | wc -l)" ]; }
  wait_for 60 all_there
  [ "$(count "$late")" -eq 0 ]
  whole
}

@test "what is late within its own partition may be late, nothing else is" {
  begin
  { backlog 50; ends; } >lines
  send <lines
  count_windows -e
  local lost
  lost=$(count "$late")
  echo "late: $lost"
  [ "$lost" -le $((40000 / 50)) ]
  [ $(($(got | total) + lost)) -eq "$(windows <lines | total)" ]
  # Each window holds at least what was not late where it came from, and no more than all of it.
  join -a 1 -e 0 -o 0,1.2,2.2 <(windows late <lines | awk '{ print $1 "@" $2, $3 }' | sort) <(got | awk '{ print $1 "@" $2, $3 }' | sort) |
    awk '$3 < $2 { print "too few:", $0; bad = 1 } END { exit bad }'
  join -a 1 -e 0 -o 0,1.2,2.2 <(got | awk '{ print $1 "@" $2, $3 }' | sort) <(windows <lines | awk '{ print $1 "@" $2, $3 }' | sort) |
    awk '$3 < $2 { print "too many:", $0; bad = 1 } END { exit bad }'
}

@test "what was read of the repartition topic is deleted from it" {
  begin
  backlog 0 >lines
  send <lines
  start_tool one "${counting[@]}"
  wait_for 60 caught_up "$group" "$src"
  wait_for 60 caught_up "$group" "$group-repartition"
  begins_later() { test_topics ends "$group-repartition" | awk '$2 == 0 && $3 > 0 { bad = 1 } END { exit bad }'; }
  wait_for 60 begins_later
  # And the tool goes on behind it, also after a restart.
  stop_tool "$started"
  ends >>lines
  ends | send
  count_windows -e
  whole
}

@test "what short -e runs have read of the repartition topic is deleted from it, too" {
  begin
  local run
  for run in 1 2; do
    backlog 0 | awk 'NR % 100 == 0' | send
    count_windows -e
    # All that was committed is gone, and something was.
    test_topics ends "$group-repartition" | awk '{ print $1, $2 }' >begins
    test_topics committed "$group" "$group-repartition" | awk '$2 != "-" { print $1, $2 }' >committed
    same <(grep -Fx -f committed begins) committed
    [ "$(awk '{ n += $2 } END { print n }' committed)" -ge 500 ]
  done
}

@test "--close-at-end: -e alone is a pause, with it windows close once and for good" {
  begin
  for i in 1 2 3 4 5 6; do echo "$((i % 4)) 170000000${i}000 k1"; done >lines
  send <lines
  count_windows -e
  [ "$(count "$dst")" -eq 0 ]
  count_windows -e --close-at-end
  whole
  count_windows -e --close-at-end
  whole
  [ "$(got | wc -l)" -eq 1 ]
  # What comes for a closed window is late; later windows go on.
  printf '%s\n' "0 1700000008000 k1" "0 1700000021000 k1" >>lines
  tail -n 2 lines | send
  count_windows -e --close-at-end
  [ "$(count "$late")" -eq 1 ]
  same <(printf 'k1 1700000000000 6\nk1 1700000020000 1\n') <(got)
  run count_windows --close-at-end
  [ "$status" -eq 2 ]
}

@test "--close-at-end: what a killed process of another state directory held is closed, too" {
  new_topic src 4
  new_topic dst 4
  seq 200 | jq -c '{i: ., key: "k\(. % 40)"}' | kwrite -q --key key - "$src"
  # Each has two of the four partitions when it is killed.
  start_tool one kwindow -g "w-$dst" -X consumer.session.timeout.ms=6000 -w 1h --emit close 'n=count()' --state-dir one "$src" "$dst"
  local one=$started
  start_tool two kwindow -g "w-$dst" -X consumer.session.timeout.ms=6000 -w 1h --emit close 'n=count()' --state-dir two "$src" "$dst"
  local two=$started
  both_members() { [ "$(test_topics members "w-$dst" | wc -l)" -eq 2 ]; }
  wait_for 60 both_members
  seq 201 400 | jq -c '{i: ., key: "k\(. % 40)"}' | kwrite -q --key key - "$src"
  wait_for 60 caught_up "w-$dst" "$src"
  kill -9 "$one" "$two"
  kwindow -e --close-at-end -g "w-$dst" -X consumer.session.timeout.ms=6000 -w 1h --emit close 'n=count()' --state-dir one "$src" "$dst"
  [ "$(consume "$dst" | jq -s 'map(.n) | add')" -eq 400 ]
}

@test "-e: a partition that never had a record does not keep windows open for ever" {
  new_topic src 4
  new_topic dst
  for n in 1 2 3; do echo "{\"u\":\"a\",\"t\":$((n * 60000))}"; done | kwrite -q --key '"same"' --time t "$src"
  kwindow -e -w 1m --by u --time-format ms --emit close 'n=count()' "$src" "$dst"
  [ "$(kread -e "$dst" | jq .window_start | paste -sd' ')" = "60000 120000" ]
}

@test "a late record is written as it came, also where values are encoded" {
  begin
  for t in 1700000000000 1700000100000 1700000001000; do
    jq -nc --argjson ts $t '{$ts, key: "k", payload: ({n: $ts} | tojson | @base64)}'
  done | kwrite -J -q "$src"
  kwindow -e -w 10s --value-codec json+base64 --late "$late" --emit update 'n=count()' "$src" "$dst"
  [ "$(consume "$late" | base64 -d)" = '{"n":1700000001000}' ]
  [ "$(consume "$dst" | head -n 1 | base64 -d | jq .n)" = 1 ]
  kwindow -e -w 10s --value-codec json+base64:json --late "$late.json" --emit update 'n=count()' "$src" "$dst.json"
  [ "$(consume "$late.json")" = '{"n":1700000001000}' ]
}

@test "keys that a codec encodes: a group has the number for a name, and its record the bytes for a key" {
  begin
  for k in 5 5 7; do jq -nc --argjson k $k '{ts: 1700000000000, key: ($k | tojson), payload: "{\"n\":1}"}'; done |
    kwrite -J -q --key-codec i64 "$src"
  echo '{"ts":1600000000000,"key":"9","payload":"{}"}' | kwrite -J -q --key-codec i64 "$src"
  kwindow -e -w 10s --key-codec i64 --late "$late" --emit update 'c=count()' "$src" "$dst"
  ktable -e --key-codec i64 'c=count()' "$src" "$dst.table"
  [ "$(kread -e -J --key-codec i64:raw "$dst.table" | jq -c '[.key, .payload]' | sort | paste -sd' ')" = \
    '["5","{\"key\":5,\"c\":2}"] ["7","{\"key\":7,\"c\":1}"] ["9","{\"key\":9,\"c\":1}"]' ]
  [ "$(kquery "$dst.table" 5 | jq .c)" = 2 ]
  echo '{"key":"\"DE\"","payload":"{}"}' | kwrite -J -q "$dst.quoted"
  ktable -e --key-codec json 'c=count()' "$dst.quoted" "$dst.quoted.table"
  [ "$(kread -e -f '%k %s\n' "$dst.quoted.table")" = '"DE" {"key":"DE","c":1}' ]
  ktable -e --key-codec i64:json --by n 'c=count()' "$src" "$dst.by" --on-error skip
  [ "$(kread -e -J "$dst.by" | jq -r .key)" = 1 ]
  kgroupby -e --key-codec i64 n "$src" "$dst.rekeyed" --on-error skip
  [ "$(consume "$dst.rekeyed" -c 1 -f '%K')" = 8 ]
}

@test "--close-at-end of a table that is written at its end; of sessions" {
  begin
  printf '%s\n' "0 1700000001000 a" "1 1700000002000 b" "2 1700000003000 a" >lines
  send <lines
  ktable -e --by u --emit close -g "t-$dst" 'n=count()' "$src" "$dst"
  [ "$(count "$dst")" -eq 0 ]
  ktable -e --close-at-end --by u --emit close -g "t-$dst" 'n=count()' "$src" "$dst"
  same <(printf 'a 2\nb 1\n') <(consume "$dst" | jq -r '"\(.u) \(.n)"' | sort)
  new_topic sessions
  kwindow -e --close-at-end -w session:1500ms --by u --time-format ms -g "s-$dst" --emit close 'n=count()' "$src" "$sessions"
  same <(printf 'a 1700000001000 1700000001000 1\na 1700000003000 1700000003000 1\nb 1700000002000 1700000002000 1\n') \
    <(consume "$sessions" | jq -r '"\(.u) \(.window_start) \(.window_end) \(.n)"' | sort)
}

@test "a backlog that --key of any tool takes to other partitions comes out in order of time" {
  begin
  backlog 0 >lines
  send <lines
  kmap -e --key u '*' "$src" "$dst"
  [ "$(count "$dst")" -eq "$(wc -l <lines)" ]
  consume "$dst" -f '%p %o %T\n' | sort -k1,1n -k2,2n | awk '$1 == p && $3 < t { exit 1 } { p = $1; t = $3 }'
}
