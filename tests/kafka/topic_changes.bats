#!/usr/bin/env bats
# Input topics that get more partitions, are deleted or recreated, under running tools and between runs.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

quick=(-X topic.metadata.refresh.interval.ms=300)

# numbers FROM TO: records with a key, a number and a time.
numbers() { seq "$1" "$2" | awk '{ printf "k%d\t{\"n\":%d,\"k\":\"k%d\"}\n", $1 % 20, $1, $1 % 20 }'; }
send() { numbers "$1" "$2" | produce "$3" -K '\t'; }
numbers_are() { same <(seq "$1" "$2") <(consume "$3" | jq .n | sort -n); }
# The newest count of each group, summed.
counted() { consume "$1" | jq -c '[.k, .c]' | jq -s 'map({(.[0]): .[1]}) | add | add'; }
counted_is() { [ "$(counted "$1")" = "$2" ]; }

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
  file_has window.err "partitions were added to $src while this worked: it had 2, now"
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
