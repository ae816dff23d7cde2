#!/usr/bin/env bats
# Input topics that get more partitions, are deleted or recreated, under running tools and between runs.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

quick=(-X topic.metadata.refresh.interval.ms=300)

# numbers FROM TO: records with a key, a number and a time.
numbers() { seq "$1" "$2" | awk '{ printf "k%d\t{\"n\":%d,\"k\":\"k%d\"}\n", $1 % 20, $1, $1 % 20 }'; }
send() { numbers "$1" "$2" | produce "$3" -K '\t'; }
numbers_are() { same <(seq "$1" "$2") <(consume "$3" | jq .n | sort -n); }
# The newest count of each group in each window, summed: the test may run across the end of one.
counted() { consume "$1" | jq -s 'map({("\(.k) \(.window_start)"): .c}) | add | add'; }
counted_is() { [ "$(counted "$1")" = "$2" ]; }

# How many records of $src the group has done.
committed_sum() { test_topics committed "$1" "$src" | awk '{ n += $2 } END { print n + 0 }'; }

@test "offsets that expired or were deleted: a tool without state refuses to process all of it again, and says -o" {
  new_topic src 2
  new_topic dst 2
  send 1 100 "$src"
  kfilter -e -g "$dst" true "$src" "$dst"
  test_topics forget "$dst" "$src"
  refused_with 2 kfilter -e -g "$dst" true "$src" "$dst"
  says "has read topic '$src' before" "has no offsets of it any more" "-o beginning" "-o end"
  numbers_are 1 100 "$dst"
  send 101 200 "$src"
  kfilter -e -g "$dst" -o end true "$src" "$dst"
  send 201 300 "$src"
  kfilter -e -g "$dst" true "$src" "$dst"
  same <(seq 1 100; seq 201 300) <(consume "$dst" | jq .n | sort -n)
}

@test "the offset of one partition was deleted: a tool without state names it, on any machine; an added one is new" {
  new_topic src 2
  new_topic beside 2
  new_topic dst 2
  new_topic merged 2
  new_topic keyed 2
  numbers 1 100 | produce "$src" -K '\t'
  numbers 101 200 | produce "$beside" -K '\t'
  both() { kcp -e -g "$dst" "$src,$beside" "$dst"; }
  merge() { kmerge -e -g "$merged" "$src,$beside" "$merged"; }
  by_key() { kgroupby -e -g "$keyed" k "$src" "$keyed"; }
  for one in both merge by_key; do $one; done
  test_topics forget "$dst" "$beside" 1
  test_topics forget "$merged" "$beside" 1 # which is not subscribed to: the broker lets it go while the tool runs, too
  test_topics forget "$keyed" "$src" 0
  for machine in here elsewhere; do
    [ "$machine" = here ] || KUTILS_STATE_DIR=$BATS_TEST_TMPDIR/elsewhere
    for one in both merge; do
      refused_with 2 "$one"
      says "has read $beside [1] before" "no offset there any more" "-o beginning" "-o end" "koffset commit"
    done
    refused_with 2 by_key
    says "has read $src [0] before"
  done
  numbers_are 1 200 "$dst"
  numbers_are 1 200 "$merged"
  numbers_are 1 100 "$keyed"
  # The remedies.
  kmerge -e -g "$merged" -o end "$src,$beside" "$merged" 2>notes
  grep -q -- "-o end applies to $beside \[1\], where it has none" notes
  koffset commit -q --execute "$dst" "$beside:1=end"
  both
  numbers_are 1 200 "$merged"
  numbers_are 1 200 "$dst"
  # To forget a topic is no accident.
  koffset delete -q --execute "$dst" "$beside"
  both
  same <({ seq 1 200; seq 101 200; } | sort -n) <(consume "$dst" | jq .n | sort -n)
  # Partitions that were added, on a machine that knows nothing of the group.
  test_topics grow "$src" 4
  test_topics grow "$beside" 4
  numbers 201 300 | produce "$src" -K '\t' -p 3
  KUTILS_STATE_DIR=$BATS_TEST_TMPDIR/third merge
  numbers_are 1 300 "$merged"
}

@test "offsets that were deleted under --by: rows and the changelog say where to go on" {
  new_topic src 2
  for one in rows counts some windows; do new_topic "$one" 2; done
  send 1 100 "$src"
  of_table() { ktable -e -g "$rows" --by k 'c=count()' "table:$src" "$rows"; }
  of_stream() { ktable -e -g "$counts" --by k 'c=count()' "$src" "$counts"; }
  of_one() { ktable -e -g "$some" --by k 'c=count()' "$src" "$some"; }
  of_windows() { kwindow -e -g "$windows" --by k -w 1d 'c=count()' "$src" "$windows"; }
  for one in of_table of_stream of_one of_windows; do $one; done
  for one in rows counts some windows; do test_topics forget "${!one}" "$src"; done
  test_topics forget "$some" "$some-repartition"
  test_topics forget "$windows" "$windows-repartition"
  # Nothing new, and on another machine.
  of_windows
  rm -rf "${KUTILS_STATE_DIR:?}/$some"
  send 101 200 "$src"
  for one in of_table of_stream of_one of_windows; do $one 2>>notes; done
  # 20 keys, each a row of one group.
  [ "$(kquery "$rows" | jq -s 'map(.c) | add')" = 20 ]
  for one in counts some; do [ "$(kquery "${!one}" | jq -s 'map(.c) | add')" = 200 ]; done
  counted_is "$windows" 200
  grep -q "group $counts has no offsets in $src any more: it continues at those in its changelog" notes
  # The topic is another one.
  before=$(count "$counts")
  test_topics delete "$src"
  test_topics create "$src" 2
  send 5001 6000 "$src"
  refused_with 2 of_stream
  says "$src" "deleted and recreated" "-g NAME"
  [ "$(count "$counts")" = "$before" ]
}

@test "offsets that were deleted under --by of a group that an earlier version made: it is refused" {
  new_topic src 2
  new_topic counts 2
  send 1 100 "$src"
  test_topics create "$counts-changelog" 2 cleanup.policy=compact
  ktable -e -g "$counts" --by k 'c=count()' "$src" "$counts"
  test_topics forget "$counts" "$src"
  send 101 200 "$src"
  refused_with 2 ktable -e -g "$counts" --by k 'c=count()' "$src" "$counts"
  says "group $counts has run before, but has no offsets in $src" "-g NAME"
  # All of them: nothing is read before that is seen, or what stands before the internal topic would be written again.
  test_topics forget "$counts" "$counts-repartition"
  before=$(kread -e "$counts-repartition" 2>/dev/null | wc -l)
  refused_with 2 ktable -e -g "$counts" --by k 'c=count()' "$src" "$counts"
  says "group $counts has state, but no offsets" "-g NAME"
  [ "$(kread -e "$counts-repartition" 2>/dev/null | wc -l)" = "$before" ]
  [ "$(kquery "$counts" | jq -s 'map(.c) | add')" = 100 ]
  # The remedy.
  ktable -e -g "$counts-2" --by k 'c=count()' "$src" "$counts"
  [ "$(kquery "$counts-2" | jq -s 'map(.c) | add')" = 200 ]
}

@test "partitions added under running tools: stateless ones and --by take them, others with state stop with 2" {
  new_topic src 2
  for one in filter both window by; do new_topic "$one" 2; done
  send 1 1000 "$src"
  start_tool filter kfilter -g "$filter" "${quick[@]}" -o end 'n > 1000' "$src" "$filter"
  start_tool both kfilter -g "$both" -j 2 "${quick[@]}" true "$src" "$both"
  start_tool window kwindow -g "$window" -j 2 "${quick[@]}" -w 1h 'c=count()' "$src" "$window"
  window_pid=$started
  start_tool by kwindow -g "$by" -j 2 "${quick[@]}" -w 1h --by k 'c=count()' "$src" "$by"
  for one in filter both window by; do wait_for 60 caught_up "${!one}" "$src"; done
  test_topics grow "$src" 4
  send 1001 3000 "$src"
  end_of_tool "$window_pid" 60
  [ "$status" -eq 2 ]
  file_has window.err "partitions were added to $src during the run: it had 2, now"
  # What it had read of the old ones stands, and none of the new ones was touched.
  [ "$(test_topics committed "$window" "$src" | awk '$1 >= 2 && $2 == "-"' | wc -l)" -eq 2 ]
  for one in filter both by; do wait_for 60 caught_up "${!one}" "$src"; done
  numbers_are 1001 3000 "$filter"
  numbers_are 1 3000 "$both"
  wait_for 60 counted_is "$by" 3000
  for pid in "${tool_pids[@]}"; do
    [ "$pid" = "$window_pid" ] || { stop_tool "$pid"; [ "$status" -eq 143 ]; }
  done
}

@test "partitions added to one of two topics that are read side by side: kmerge waits for the other's, kjoin stops with 2" {
  new_topic left 2
  new_topic right 2
  for one in merged joined looked; do new_topic "$one" 2; done
  send 1 500 "$left"
  send 1 500 "$right"
  start_tool merged kmerge -g "$merged" "${quick[@]}" "$left,$right" "$merged"
  merge_pid=$started
  start_tool joined kjoin -g "$joined" "${quick[@]}" --within 1d "$left" "$right" "$joined"
  join_pid=$started
  start_tool looked kjoin -g "$looked" "${quick[@]}" --on k=_key "$left" "table:$right" "$looked"
  look_pid=$started
  for one in merged joined looked; do
    wait_for 60 caught_up "${!one}" "$left"
    wait_for 60 caught_up "${!one}" "$right"
  done
  # The group gives out the partitions of the left topic: of new ones of the right one it does not tell.
  test_topics grow "$right" 4
  for pid in "$join_pid" "$look_pid"; do
    end_of_tool "$pid" 60
    [ "$status" -eq 2 ]
  done
  for file in joined.err looked.err; do file_has $file "partitions were added to $right during the run: it had 2"; done
  test_topics grow "$left" 4
  send 501 1000 "$left"
  send 501 1000 "$right"
  wait_for 60 caught_up "$merged" "$left"
  wait_for 60 caught_up "$merged" "$right"
  [ "$(count "$merged")" -eq 2000 ]
  # The other one does not follow: said, and after that it goes on where it stopped.
  test_topics grow "$left" 5
  send 1001 1500 "$left"
  end_of_tool "$merge_pid" 60
  [ "$status" -eq 2 ]
  file_has merged.err "partitions were added to $left during the run: it has 5 now, and $right, .* 4"
  file_has merged.err "ktopic grow --execute 5 $right"
  test_topics grow "$right" 5
  kmerge -q -e -g "$merged" "$left,$right" "$merged"
  [ "$(count "$merged")" -eq 2500 ]
}

# frozen PID COMMAND...: runs COMMAND while the process stands still, so that it sees none of what happens meanwhile.
frozen() {
  local pid=$1
  shift
  kill -STOP "$pid"
  "$@"
  kill -CONT "$pid"
}
recreate_beyond() {
  test_topics delete "$src"
  test_topics create "$src" 2
  send 5001 9000 "$src"
}

@test "an input that is recreated and filled beyond the offset under running tools: they end with 2, and so do the next runs" {
  new_topic src 2
  new_topic dst 2
  new_topic counts 2
  send 1 1000 "$src"
  start_tool filter kfilter -g "$dst" true "$src" "$dst"
  filter=$started
  start_tool window kwindow -g "$counts" -w 1h 'c=count()' "$src" "$counts"
  window=$started
  wait_for 60 caught_up "$dst" "$src"
  wait_for 60 caught_up "$counts" "$src"
  frozen "$filter" frozen "$window" recreate_beyond
  for pid in "$filter" "$window"; do
    end_of_tool "$pid" 60
    [ "$status" -eq 2 ]
  done
  # Nothing of the new topic was committed.
  numbers_are 1 1000 "$dst"
  grep -q 'kfilter: 1000 in' filter.err
  grep -q 'kwindow: 1000 in' window.err
  for file in filter.err window.err; do
    file_has $file "deleted and recreated|lost its offset"
    file_has $file "-g NAME"
  done
  refused_with 2 kfilter -e -g "$dst" true "$src" "$dst"
  says "$src" "deleted and recreated"
  refused_with 2 kwindow -e -g "$counts" -w 1h 'c=count()' "$src" "$counts"
}

lines_are() { [ "$(wc -l <"$1")" -eq "$2" ]; }
@test "a topic that is recreated and filled beyond the place that was read to, without a group: kread, a --global table" {
  new_topic src 2
  new_topic in 2
  new_topic dst 2
  send 1 1000 "$src"
  start_tool lines kread "$src"
  lines=$started
  start_tool join kjoin -g "$dst" --global "$in" "table:$src" "$dst"
  join=$started
  wait_for 60 lines_are lines.out 1000
  send 1 10 "$in"
  wait_for 60 count_is "$dst" 10
  frozen "$lines" frozen "$join" recreate_beyond
  end_of_tool "$lines" 60
  [ "$status" -eq 2 ]
  file_has lines.err "$src.* deleted and recreated.*first records may have been skipped"
  wait_for 60 file_has join.err "$src.* deleted and recreated"
  send 11 11 "$in"
  end_of_tool "$join" 60
  [ "$status" -eq 2 ]
  [ "$(count "$dst")" -eq 10 ]
}

recreate_alike() {
  test_topics delete "$src"
  test_topics create "$src" 2
  send 5001 6000 "$src"
}
@test "an input that is recreated with exactly as many records as were read: noticed while nothing more comes" {
  new_topic src 2
  new_topic in 2
  for one in filter table joined keyed merged sides; do new_topic "$one" 2; done
  send 1 1000 "$src"
  start_tool filter kfilter -g "$filter" true "$src" "$filter"
  start_tool table ktable -g "$table" --by k 'c=count()' "$src" "$table"
  start_tool lines kread "$src"
  start_tool join kjoin -g "$joined" --global "$in" "table:$src" "$joined"
  start_tool keyed ktable -g "$keyed" 'c=count()' "$src" "$keyed"
  start_tool merge kmerge -g "$merged" "$in,$src" "$merged"
  start_tool sides kjoin -g "$sides" --within 1h "$in" "$src" "$sides"
  for one in filter table keyed merged sides; do wait_for 60 caught_up "${!one}" "$src"; done
  wait_for 60 lines_are lines.out 1000
  send 1 10 "$in"
  wait_for 60 count_is "$joined" 10
  # None of them sees the topic while it is not there.
  for pid in "${tool_pids[@]}"; do kill -STOP "$pid"; done
  recreate_alike
  for pid in "${tool_pids[@]}"; do kill -CONT "$pid"; done
  for one in filter table lines join keyed merge sides; do
    wait_for 30 file_has $one.err "$src.* deleted and recreated"
  done
  send 11 11 "$in"
  for pid in "${tool_pids[@]}"; do
    end_of_tool "$pid" 30
    [ "$status" -eq 2 ] || { echo "exit $status"; return 1; }
  done
  numbers_are 1 1000 "$filter"
  [ "$(count "$joined")" -eq 10 ]
  refused_with 2 kfilter -e -g "$filter" true "$src" "$filter"
}

@test "a topic that is recreated before a group that began at its end has read a record: refused in the run and in the next" {
  new_topic src 2
  for one in filter table by regrouped; do new_topic "$one" 2; done
  send 1 1000 "$src"
  start_tool filter kfilter -o end -g "$filter" true "$src" "$filter"
  start_tool table ktable -o end -g "$table" 'c=count()' "$src" "$table"
  start_tool by ktable -o end -g "$by" --by k 'c=count()' "$src" "$by"
  start_tool regrouped kgroupby -o end -g "$regrouped" n "$src" "$regrouped"
  for one in filter table by regrouped; do wait_for 60 caught_up "${!one}" "$src"; done
  for pid in "${tool_pids[@]}"; do kill -STOP "$pid"; done
  recreate_beyond
  for pid in "${tool_pids[@]}"; do kill -CONT "$pid"; done
  for pid in "${tool_pids[@]}"; do
    end_of_tool "$pid" 60
    [ "$status" -eq 2 ] || { echo "exit $status"; return 1; }
  done
  for one in filter table by regrouped; do
    file_has $one.err "deleted and recreated|lost its offset"
    [ "$(count "${!one}")" -eq 0 ]
  done
  refused_with 2 ktable -e -g "$table" 'c=count()' "$src" "$table"
  refused_with 2 ktable -e -g "$by" --by k 'c=count()' "$src" "$by"
}

@test "a stop right after an input was recreated hides nothing from the next run" {
  new_topic src 2
  new_topic dst 2
  send 1 1000 "$src"
  start_tool filter kfilter -g "$dst" true "$src" "$dst"
  wait_for 60 caught_up "$dst" "$src"
  frozen "$started" recreate_beyond
  stop_tool "$started"
  [ "$status" -eq 143 ] || [ "$status" -eq 2 ]
  refused_with 2 kfilter -e -g "$dst" true "$src" "$dst"
  says "$src" "deleted and recreated"
}

@test "an input that is deleted under running tools: said within some seconds, exit code 2" {
  new_topic src 2
  new_topic dst 2
  send 1 100 "$src"
  start_tool filter kfilter -g "$dst" true "$src" "$dst"
  filter=$started
  start_tool window kwindow -w 1h -g "$dst-w" 'c=count()' "$src" "$dst"
  window=$started
  start_tool lines kread "$src"
  lines=$started
  wait_for 60 caught_up "$dst" "$src"
  wait_for 60 caught_up "$dst-w" "$src"
  wait_for 60 test -s lines.out
  test_topics delete "$src"
  for pid in "$filter" "$window" "$lines"; do
    end_of_tool "$pid" 40
    [ "$status" -eq 2 ]
  done
  for file in filter.err window.err lines.err; do file_has $file "topic '$src' was deleted|lost its offset"; done
}

@test "an output that is deleted under running tools: said within seconds, exit code 2, and nobody creates it again" {
  new_topic src 2
  new_topic quiet 2
  new_topic out 2
  for one in busy letters still; do new_topic "$one" 2; done
  send 1 100 "$src"
  # One has nothing to write when it goes, one writes on, one loses its dead letters' topic only.
  start_tool still kfilter -g "$still" true "$quiet" "$still"
  start_tool busy kfilter -g "$busy" true "$src" "$busy"
  start_tool letters kfilter -g "$letters-g" --on-error "dead-letter:$letters" 'n > 0' "$src" "$out"
  mkfifo lines.in
  new_topic lines 2
  start_tool lines kwrite - "$lines"
  exec 7>lines.in
  echo 1 >&7
  wait_for 30 caught_up "$busy" "$src"
  wait_for 30 caught_up "$letters-g" "$src"
  wait_for 30 caught_up "$still" "$quiet"
  for one in busy letters still lines; do test_topics delete "${!one}"; done
  send 101 200 "$src"
  for one in busy letters still lines; do wait_for 20 file_has $one.err "topic '${!one}' was deleted while the tool wrote"; done
  for pid in "${tool_pids[@]}"; do
    end_of_tool "$pid" 40
    [ "$status" -eq 2 ]
  done
  grep -q "kfilter: $(committed_sum "$busy") in" busy.err
  for one in busy letters still; do [ "$(grep -c "was deleted while the tool wrote" $one.err)" -eq 1 ]; done
  for one in busy letters still lines; do
    refused_with 2 kread -e "${!one}"
    says "no topic '${!one}'"
  done
  exec 7>&-
}

has_one() { [ "$(count "$1")" -eq 1 ]; }
# A look each second does not meet the gap, and a producer may wait for the old topic's leader without end: eight
# tools, for one noticed by its own acknowledgements in some runs without anything else.
@test "outputs that are recreated at once under running tools: each ends with 2, and nothing is lost or doubled" {
  new_topic src 2
  send 1 1000 "$src"
  all='dst1 dst2 dst3 dst4 dst5 dst6 dst7 dst8'
  for one in $all lines; do new_topic "$one" 2; done
  for one in $all; do start_tool "$one" kfilter -g "${!one}" true "$src" "${!one}"; done
  mkfifo lines.in
  start_tool lines kwrite - "$lines"
  exec 7>lines.in
  echo 1 >&7
  for one in $all; do wait_for 60 caught_up "${!one}" "$src"; done
  wait_for 60 has_one "$lines"
  # Not met by a look, so that the records come in between.
  for pid in "${tool_pids[@]}"; do kill -STOP "$pid"; done
  for one in $all lines; do
    test_topics delete "${!one}"
    test_topics create "${!one}" 2
  done
  send 1001 1100 "$src"
  for pid in "${tool_pids[@]}"; do kill -CONT "$pid"; done
  for pid in "${tool_pids[@]}"; do
    end_of_tool "$pid" 30
    [ "$status" -eq 2 ] || { echo "exit $status"; return 1; }
  done
  for one in $all lines; do
    [ "$(grep -Ec "topic '${!one}' was deleted and recreated while the tool wrote to it" $one.err)" -eq 1 ]
  done
  exec 7>&-
  for one in $all; do
    grep -q "kfilter: $(committed_sum "${!one}") in" $one.err
    kfilter -q -e -g "${!one}" true "$src" "${!one}"
    numbers_are 1001 1100 "${!one}"
  done
}

rows() { consume "$1" -f '%k %s\n' | awk '{ row[$1] = $0 } END { for (k in row) print row[k] }' | sort; }
@test "settings of topics that are tightened under running tools: read again, and what they refuse is said by record" {
  new_topic src 2
  new_topic copy 2
  new_topic table 2
  new_topic counts 2
  local topic each
  start_tool copy kfilter -g "$copy" true "$src" "$copy"
  local copier=$started
  start_tool table ktable -g "$table" --emit update 'c=count()' "$src" "$table"
  local tabler=$started
  start_tool counts ktable -g "$counts" --by k --emit update 'c=count()' "$src" "$counts"
  local counter=$started
  send 1 1000 "$src"
  for each in "$copy" "$table" "$counts"; do wait_for 30 caught_up "$each" "$src"; done
  # Less than a batch of records, and more than one record.
  for topic in "$copy" "$table-changelog" "$counts-repartition"; do
    ktopic alter --execute --config max.message.bytes=800 "$topic"
  done
  send 1001 2000 "$src"
  for each in "$copy" "$table" "$counts"; do wait_for 30 caught_up "$each" "$src"; done
  # A signal ends a run before what waits in the internal topic.
  wait_for 30 caught_up "$counts" "$counts-repartition"
  stop_tool "$tabler"
  stop_tool "$counter"
  numbers_are 1 2000 "$copy"
  for each in "$table" "$counts"; do
    [ "$(consume "$each" -J | jq -s 'map({(.key): (.payload | fromjson | .c)}) | add | add')" = 2000 ]
  done
  printf 'k\t{"n":2001,"text":"%0900d"}\n' 0 | produce "$src" -K '\t'
  end_of_tool "$copier" 20
  [ "$status" -eq 4 ]
  file_has copy.err "takes 800 \\(max.message.bytes\\)"
}

@test "settings of an internal topic under which it would lose records or their times: refused, with what to do" {
  new_topic src 2
  new_topic dst 2
  send 1 100 "$src"
  local run=(ktable -e -g "$dst" --by k 'c=count()' "$src" "$dst") setting
  "${run[@]}"
  ktopic describe "$dst-repartition" >described
  file_has described 'message.timestamp.type *CreateTime'
  for setting in cleanup.policy=compact message.timestamp.type=LogAppendTime; do
    ktopic alter --execute --config "$setting" "$dst-repartition"
    refused_with 2 "${run[@]}"
    says "the internal topic $dst-repartition has $setting" "-g NAME"
    bash -c "$(grep -oE 'ktopic alter [^;]*' err.txt)"
  done
  "${run[@]}"
}

@test "a changelog that was deleted and recreated: the rows on this machine are all that is left, and are not wiped" {
  new_topic src 2
  new_topic dst 2
  send 1 100 "$src"
  ktable -e -g "$dst" 'c=count()' "$src" "$dst"
  test_topics delete "$dst-changelog"
  wait_for 20 test_topics create "$dst-changelog" 2 cleanup.policy=compact
  send 101 200 "$src"
  for _ in 1 2; do
    refused_with 2 ktable -e -g "$dst" 'c=count()' "$src" "$dst"
    says "$dst-changelog" "holds no rows, and the state on this machine has some"
  done
  [ "$(kquery "$dst" | jq -s 'map(.c) | add')" = 100 ]
}

@test "an internal topic of a group that is deleted under running tools: code 2 and which, nothing more is committed" {
  new_topic src 2
  new_topic plain 2
  new_topic by 2
  send 1 1000 "$src"
  start_tool plain ktable -g "$plain" 'c=count()' "$src" "$plain"
  start_tool by ktable -g "$by" --by 'g="g" + string(n % 10)' 'c=count()' "$src" "$by"
  wait_for 60 caught_up "$plain" "$src"
  wait_for 60 caught_up "$by" "$src"
  wait_for 60 caught_up "$by" "$by-repartition"
  rows "$plain" >plain.rows
  rows "$by" >by.rows
  test_topics delete "$plain-changelog" "$by-repartition"
  send 1001 1100 "$src"
  for pid in "${tool_pids[@]}"; do
    end_of_tool "$pid" 60
    [ "$status" -eq 2 ] || { echo "exit $status"; return 1; }
  done
  grep -q "$plain-changelog" plain.err
  grep -q "$by-repartition" by.err
  for one in plain by; do
    grep -q -- "-g NAME" $one.err
    same $one.rows <(rows "${!one}")
  done
  refused_with 2 ktable -e -g "$plain" 'c=count()' "$src" "$plain"
  says "$plain-changelog is missing" "-g NAME"
  refused_with 2 ktable -e -g "$by" --by 'g="g" + string(n % 10)' 'c=count()' "$src" "$by"
  says "$by-repartition is missing" "-g NAME"
}
