#!/usr/bin/env bats
# shellcheck disable=SC2154
# Stream time on a real broker: sources tell theirs to every partition of the internal topic (rule 27).

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# each_key FROM TO: a record each half second of event time under each of 16 keys, which lie in all partitions.
each_key() {
  awk -v from="$1" -v to="$2" 'BEGIN { for (i = from; i <= to; ++i) for (k = 0; k < 16; ++k)
    printf "{\"key\":\"k%d\",\"ts\":%.0f,\"tstype\":\"create\",\"payload\":\"{\\\"u\\\":\\\"k%d\\\"}\"}\n", k, 1700000000000 + i * 500, k }'
}

@test "--by on a topic that is keyed that way already: windows close while records come" {
  new_topic src 4
  new_topic dst 2
  start_tool windows kwindow -w 1s --by u --emit close 'n=count()' "$src" "$dst"
  # Traffic goes on: no source ever falls silent. 16 keys, a window each second: those of 10 s.
  local limit=$((SECONDS + 60)) i=0
  until count_at_least "$dst" 160; do
    [ $SECONDS -lt $limit ] || { echo "only $(count "$dst") windows of $((i / 2)) s"; return 1; }
    each_key $i $((i + 1)) | kcp -q - "$src"
    i=$((i + 2))
  done
  stop_tool "$started"
  [ "$status" -eq 143 ]
  # All are whole.
  consume "$dst" | jq -e '.n == 2' >/dev/null
  [ "$(consume "$dst" | jq -c '[.u, .window_start]' | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "-e: what is known of the sources at the end has reached every partition, whatever their number" {
  new_topic src 1
  each_key 0 20 | kcp -q - "$src"
  kgroupby -e u --partitions 3 "$src" "$src-by"
  kwindow -e -w 1s --by u --emit close 'n=count()' "$src-by" "$src-out" 2>err
  # Times go to 10 s: ten windows of each key are closed, the eleventh is open.
  [ "$(count "$src-out")" -eq 160 ] || { cat err; count "$src-out"; return 1; }
  # And it goes on where it was.
  each_key 21 40 | kcp -q - "$src"
  kgroupby -e u "$src" "$src-by"
  kwindow -e -w 1s --by u --emit close 'n=count()' "$src-by" "$src-out"
  [ "$(count "$src-out")" -eq 320 ]
  consume "$src-out" | jq -e '.n == 2' >/dev/null
}

# at MS KEY...: a record of this time under each key.
at() {
  local ms=$1 key
  shift
  for key in "$@"; do printf '{"key":"%s","ts":%s,"tstype":"create","payload":"{\\"u\\":\\"%s\\",\\"t\\":%s}"}\n' "$key" "$ms" "$key" "$ms"; done
}

@test "--idle: time in which the tool stood still is no silence" {
  new_topic src 1
  new_topic dst 1
  new_topic late 1
  start_tool windows kwindow --idle 1s -w 5s --emit update --late "$late" 'n=count()' "$src" "$dst"
  at 1700000001000 a | kcp -q - "$src"
  wait_for 60 count_at_least "$dst" 1
  kill -STOP "$started"
  # Not waiting for something: so long that the window would be closed, if this were silence.
  sleep 6
  at 1700000002000 a | kcp -q - "$src"
  kill -CONT "$started"
  one_more() { [ $(($(count "$dst") + $(count "$late"))) -ge 2 ]; }
  wait_for 60 one_more
  [ "$(count "$late")" -eq 0 ]
  # Silence there is now: the window closes, and what comes for it is late.
  too_late() {
    at 1700000003000 a | kcp -q - "$src"
    count_at_least "$late" 1
  }
  sleep 6
  wait_for 60 too_late
}

@test "--by: times some hours ahead are taken, those of years ahead are an error that says what to do" {
  new_topic src 2
  new_topic dst 2 message.timestamp.after.max.ms=9223372036854775807
  local now
  now=$(date +%s)000
  # The times are fields: their records' own are those of now.
  { at $((now + 10800000)) a b; at $((now + 10900000)) a b; } | jq -c 'del(.ts, .tstype)' | kcp -q - "$src"
  kwindow -e -w 10s --by u --time t --emit update 'n=count()' "$src" "$dst"
  [ "$(count "$dst")" -eq 4 ]
  at $((now + 315360000000)) a | jq -c 'del(.ts, .tstype)' | kcp -q - "$src"
  run kwindow -e -w 10s --by u --time t --emit update 'n=count()' "$src" "$dst"
  [ "$status" -eq 4 ]
  says "--max-ahead none"
  # What is skipped moves no time: nothing after it is late.
  at $((now + 10910000)) a | jq -c 'del(.ts, .tstype)' | kcp -q - "$src"
  kwindow -e -w 10s --by u --time t --emit update --on-error skip 'n=count()' "$src" "$dst"
  [ "$(count "$dst")" -eq 5 ]
}

# backlog: ten minutes in four partitions of very different sizes, each in order of time.
backlog() {
  awk 'BEGIN { size[0] = 20000; size[1] = 400; size[2] = 7000; size[3] = 7
    for (p = 0; p < 4; ++p) for (i = 0; i < size[p]; ++i)
      printf "{\"partition\":%d,\"ts\":%.0f,\"tstype\":\"create\",\"key\":null,\"payload\":\"{\\\"u\\\":\\\"k%d\\\"}\"}\n", p, 1700000000000 + int(i * 600000 / size[p]), (i * 7 + p) % 23 }'
}

@test "a backlog that kgroupby or kcp brings into other partitions stays in order of time: nothing of it is late" {
  new_topic src 4
  new_topic more 2
  backlog | kcp -q - "$src"
  kgroupby -e u "$src" "$src-by"
  run kwindow -e -w 10s --emit close 'n=count()' "$src-by" "$src-out"
  [ "$status" -eq 0 ]
  [[ $output != *late* ]] || { echo "$output"; return 1; }
  # Several topics, with other numbers of partitions.
  backlog | jq -c '.partition %= 2' | sort -t: -k3 | kcp -q - "$more"
  kcp -e -g "$src-g" "$src,$more" "$src-all"
  kfilter -e -g "$src-f" --partitions 1 true "$src,$more" "$src-one"
  for topic in "$src-all" "$src-one"; do
    consume "$topic" -f '%p %T\n' >times
    [ "$(wc -l <times)" -eq 54814 ]
    # Nearly: the tasks of a process, one after the other, write to the partitions of OUT.
  awk '$2 < last[$1] { ++bad } { last[$1] = $2 } END { if (bad > 27) print bad, "are out of order"; exit bad > 27 }' times
  done
}

@test "a record far ahead in a backlog keeps nothing back that stands behind it: nothing is late, joins find the rows of then" {
  new_topic src 4 message.timestamp.after.max.ms=9223372036854775807
  new_topic rows 4 message.timestamp.after.max.ms=9223372036854775807
  new_topic dst 4
  backlog | awk 'NR == 2000 { far = $0; sub(/"ts":[0-9]*/, "\"ts\":4102444800000", far); print far } { print }' >with_one
  kcp -q - "$src" <with_one
  kgroupby -e --on-error skip u "$src" "$src-by"
  run kwindow -e -w 10s --emit close 'n=count()' "$src-by" "$src-out"
  [ "$status" -eq 0 ]
  [[ $output != *late* ]] || { echo "$output"; return 1; }
  # A row each 10 s, and a record each second, of one key in each partition.
  for ((p = 0; p < 4; ++p)); do
    seq 0 299 | awk -v p=$p '{ printf "{\"partition\":%d,\"ts\":%.0f,\"key\":\"k%d\",\"payload\":\"{\\\"v\\\":%d}\"}\n", p, 1700000000000 + $1 * 10000, p, $1 }
      $1 == 20 && p == 0 { print "{\"partition\":0,\"ts\":4102444800000,\"key\":\"other\",\"payload\":\"{}\"}" }'
  done | kcp -q - "$rows"
  test_topics create "$src-clicks" 4
  for ((p = 0; p < 4; ++p)); do
    seq 0 2990 | awk -v p=$p '{ printf "{\"partition\":%d,\"ts\":%.0f,\"key\":\"k%d\",\"payload\":\"{\\\"n\\\":%d}\"}\n", p, 1700000000005 + $1 * 1000, p, $1 }'
  done | kcp -q - "$src-clicks"
  kjoin -e --trust-partitioning "$src-clicks" "table:$rows" "$dst"
  consume "$dst" | jq -s 'map(select(.right.v != (.left.n / 10 | floor))) | length' >wrong
  [ "$(count "$dst")" -eq 11964 ]
  [ "$(cat wrong)" -eq 0 ]
}

# in_order_of_time TOPIC N: N records; of each partition at most 27 stand behind one with a later time. (None, where
# no partition keeps the process waiting for 5 s.)
in_order_of_time() {
  consume "$1" -f '%p %T %s\n' >times
  [ "$(wc -l <times)" -eq "$2" ] || return 1
  awk '$2 < most[$1] { ++bad } $2 > most[$1] { most[$1] = $2 } END { if (bad > 27) print bad, "are out of order"; exit bad > 27 }' times
}

@test "a backlog of several partitions comes in order of time to what looks back behind --by, and goes on in it" {
  new_topic src 4
  backlog | kcp -q - "$src"
  kscan -e --by u 'u, was=lag(_ts), at=_ts' "$src" "$src-scan"
  in_order_of_time "$src-scan" 27407
  [ "$(cut -d' ' -f3- times | jq -c 'select(.was != null and .was > .at)' | wc -l)" -eq 0 ]
  kdedup -e -g "$src-dedup" --within 1s '_partition, _offset' "$src" "$src-once"
  in_order_of_time "$src-once" 27407
  for tool in 'kscan --by u u,was=lag(_ts)' 'ktake --by u 1' 'kdedup --within 1s _partition,_offset'; do
    # Of several commits, all into one partition.
    read -ra command <<<"$tool"
    "${command[@]}" -e -g "$src-${command[0]}" --partitions 1 --commit-interval 50ms:100ms "$src" "$src-${command[0]}"
    in_order_of_time "$src-${command[0]}" 27407
  done
  run kpipe -e -g "$src-p" kfilter --changed _ts --by u then kwindow -w 10s --by u 'n=count()' -- "$src" "$src-windows"
  [ "$status" -eq 0 ]
  [[ $output != *late* ]] || { echo "$output"; return 1; }
}

# ahead FROM TO: records of the keys a and b in turn, with the time of now; the 10th and 11th are two hours ahead.
ahead() {
  awk -v now="$(date +%s)000" -v from="$1" -v to="$2" 'BEGIN { for (i = from; i < to; ++i)
    printf "{\"k\":\"%s\",\"id\":%d,\"t\":%.0f}\n", i % 2 ? "b" : "a", i, now + (i == 10 || i == 11 ? 7200000 : 0) }'
}
# newest TOPIC: each key with the count of its newest row; stored TABLE: those of the state.
newest() { consume "$1" | jq -sr 'map({(.key // .k // "all"): .n}) | add | to_entries | sort_by(.key) | map("\(.key)=\(.value)") | join(" ")'; }
stored() { kquery "$1" | jq -sr 'map("\(.key // .k // "all")=\(.n)") | sort | join(" ")'; }
rows_are() {
  [ "$(newest "$1")" = "$2" ] && [ "$(stored "$1")" = "$2" ] && return
  echo "out: $(newest "$1")"
  echo "state: $(stored "$1")"
  return 1
}
any_time=message.timestamp.after.max.ms=9223372036854775807

@test "ktable: a record further ahead than OUT takes is one record error, counts nowhere, and its key's rows go on" {
  new_topic src 1 $any_time
  new_topic dst 2
  ahead 0 40 | kwrite -q --key k --time t - "$src"
  run ktable -e --emit update 'n=count()' "$src" "$dst"
  [ "$status" -eq 4 ]
  says "further ahead of now than topic $dst takes (message.timestamp.after.max.ms=3600000)"
  rows_are "$dst" "a=5 b=5"
  ktable -e --emit update --on-error "dead-letter:$src-letters" 'n=count()' "$src" "$dst"
  rows_are "$dst" "a=19 b=19"
  [ "$(count "$src-letters")" -eq 2 ]
}

@test "ktable --by, --total, over a table and each --emit: the same" {
  new_topic src 1 $any_time
  new_topic ids 1 $any_time
  ahead 0 40 | kwrite -q --key k --time t - "$src"
  ahead 0 40 | kwrite -q --key id --time t - "$ids"
  local dst number=0
  rows_of() {
    dst=$src-$((++number))
    test_topics create "$dst" 2
    # Skipping is what is tested: err names the limit, and the counts show that only the two records ahead are missing.
    ktable -e --on-error skip "${@:2}" "$dst" 2>err || { cat err; return 1; }
    file_has err 'message.timestamp.after.max.ms'
    file_has err ', 2 failed'
    rows_are "$dst" "$1"
  }
  rows_of "a=19 b=19" --emit commit 'n=count()' "$src"
  rows_of "a=19 b=19" --by k --emit commit 'n=count()' "$src"
  rows_of "a=19 b=19" --by k --emit update 'n=count()' "$src"
  rows_of "a=19 b=19" --by k --emit update 'n=count()' "table:$ids"
  rows_of all=38 --total --emit update 'n=count()' "$src"
}

@test "kwindow: a record further ahead than OUT takes moves no time, neither here nor behind --by" {
  new_topic src 2 $any_time
  local dst how
  ahead 0 40 | kwrite -q --key k --time t - "$src"
  for how in "--emit update" "--by k --emit commit"; do
    dst=$src-${how: -6}
    test_topics create "$dst" 2
    # shellcheck disable=SC2086
    kwindow -e -w 10s --on-error skip $how 'n=count()' "$src" "$dst" 2>err
    file_has err 'message.timestamp.after.max.ms'
    if file_has err late; then cat err; return 1; fi
    [ "$(newest "$dst")" = "a=19 b=19" ] || { newest "$dst"; return 1; }
  done
}

@test "kjoin of each kind, kscan and kmap --time: such a record is a record error, none has the time of now in silence" {
  local how dst number=0 now
  new_topic left 1 $any_time
  new_topic right 1 $any_time
  now=$(date +%s%3N)
  printf '{"k":"%s","id":%s,"t":%s}\n' a 1 "$now" b 2 $((now + 7200000)) a 3 $((now + 1)) | kwrite -q --key k --time t - "$left"
  printf '{"k":"%s","n":%s,"t":%s}\n' a 1 "$now" b 2 "$now" | kwrite -q --key k --time t - "$right"
  # Skipping is what is tested: one record fails, the others go out with their own times.
  ahead_fails() {
    dst=$left-$((++number))
    test_topics create "$dst" 1
    "$@" "$dst" 2>err || { cat err; return 1; }
    file_has err 'message.timestamp.after.max.ms' && file_has err ', 1 failed' || { echo "$*"; cat err; return 1; }
    kread -q -e -f '%T\n' "$dst" >times
    [ -s times ]
    awk -v now="$now" '$1 > now + 1 { exit 1 }' times || { echo "$*"; cat times; return 1; }
  }
  ahead_fails kjoin -e --on-error skip "$left" "table:$right"
  ahead_fails kjoin -e --on-error skip --left "$left" "table:$right"
  ahead_fails kjoin -e --on-error skip --table-grace 1h "$left" "table:$right"
  ahead_fails kjoin -e --on-error skip --global "$left" "table:$right"
  ahead_fails kjoin -e --on-error skip --on k "$left" "table:$right"
  ahead_fails kjoin -e --on-error skip --within 1m "$left" "$right"
  ahead_fails kjoin -e --on-error skip --outer --within 1m --close-at-end "$left" "$right"
  ahead_fails kjoin -e --on-error skip "table:$left" "table:$right"
  ahead_fails kjoin -e --on-error skip --on k "table:$left" "table:$right"
  ahead_fails kscan -e --on-error skip '*, n=count()' "$left"
  ahead_fails kscan -e --on-error skip --by id '*, n=count()' "$left"
  ahead_fails kmap -e --on-error skip --time t '*' "$left"
  ahead_fails ktake -e --on-error skip --within 1h 2 "$left"
  ahead_fails kdedup -e --on-error skip --within 1m id "$left"
}

@test "a state whose rows are further ahead than OUT takes recovers: later rows go out" {
  new_topic src 1 $any_time
  new_topic dst 1 $any_time
  new_topic windows 1 $any_time
  ahead 0 40 | kwrite -q --key k --time t - "$src"
  ktable -e --emit update 'n=count()' "$src" "$dst"
  kwindow -e -w session:1d --emit update 'n=count()' "$src" "$windows"
  test_topics delete "$dst" "$windows"
  test_topics create "$dst" 1
  test_topics create "$windows" 1
  ahead 20 30 | kwrite -q --key k --time t - "$src"
  ktable -e --emit update 'n=count()' "$src" "$dst"
  rows_are "$dst" "a=25 b=25"
  kwindow -e -w session:1d --emit update 'n=count()' "$src" "$windows"
  [ "$(newest "$windows")" = "a=25 b=25" ]
}
