#!/usr/bin/env bats
# shellcheck disable=SC2154
# kjoin with tables that are in each process: --global, table:./FILE.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/joins.bash"; kafka_setup; }
teardown() { kafka_teardown; }

@test "kjoin --global: other partitions, keys anywhere; all rows are there before the first record; a restart reads them again" {
  new_topic orders 3
  new_topic users 2
  new_topic out 2
  # Keys lie where no partitioner would put them.
  printf 'a\t{"name":"old"}\nb\t{"name":"Bob"}\nd\t{"name":"gone"}\n' | produce "$users" -p 1 -K "$(printf '\t')"
  seq 1 2000 | awk '{ printf "x%d\t{\"name\":\"%d\"}\n", $1, $1 }' | produce "$users" -p 0 -K "$(printf '\t')"
  printf 'a\t{"name":"Ann"}\nd\t\n' | produce "$users" -p 1 -Z -K "$(printf '\t')"
  rows "$orders" 'a:{"id":1}' 'b:{"id":2}' 'c:{"id":3}' 'd:{"id":4}' 'x2000:{"id":5}'
  kjoin -q -e --left --global --select 'left.id, right.name' "$orders" "table:$users" "$out"
  same <(printf '%s\n' 'a={"id":1,"name":"Ann"}' 'b={"id":2,"name":"Bob"}' 'c={"id":3,"name":null}' \
    'd={"id":4,"name":null}' 'x2000={"id":5,"name":"2000"}') <(all "$out")
  refused_with 2 kjoin -q -e -g "$out" --left --select 'left.id, right.name' "$orders" "table:$users" "$out"
  # A second run, without any state: never rows older than the first run had.
  rows "$orders" 'a:{"id":6}' 'b:{"id":7}'
  rm -rf "$KUTILS_STATE_DIR"
  kjoin -q -e --left --global --select 'left.id, right.name' "$orders" "table:$users" "$out"
  same <(printf '%s\n' 'a={"id":1,"name":"Ann"}' 'a={"id":6,"name":"Ann"}' 'b={"id":2,"name":"Bob"}' 'b={"id":7,"name":"Bob"}') \
    <(all "$out" | grep '^[ab]')
  # Nothing keeps state for it.
  [ "$(kcat -L -b "$KUTILS_BROKERS" | grep -F "$out" | grep -cE 'changelog|repartition')" -eq 0 ]
}

@test "kjoin --global --on: a field names the row, the record keeps its key; rows follow while it runs, in two workers" {
  new_topic orders 2
  new_topic users 3 cleanup.policy=compact
  new_topic out 2
  rows "$users" '7:{"name":"Ann"}'
  start_tool one kjoin -j 2 --global --on user --select 'left.user, right.name' "$orders" "table:$users" "$out"
  rows "$orders" 'a:{"user":7}' 'b:{"user":8}'
  wait_for 40 count_is "$out" 1
  same <(echo 'a={"user":7,"name":"Ann"}') <(all "$out")
  rows "$users" '8:{"name":"Bob"}' '7:'
  rows_followed() { rows "$orders" 'c:{"user":8}' && all "$out" | grep -qF 'c={"user":8,"name":"Bob"}'; }
  wait_for 30 rows_followed
  local before
  before=$(all "$out" | grep -c '^a=')
  rows "$orders" 'a:{"user":7}' 'z:{"user":8}'
  has_z() { all "$out" | grep -q '^z='; }
  wait_for 30 has_z
  [ "$(all "$out" | grep -c '^a=')" -eq "$before" ]
  stop_tool "$started"
  [ "$status" -eq 143 ]
}

@test "kjoin --global: rows that are no JSON end the run, or are left out with --on-error skip; a missing topic is refused" {
  new_topic orders 1
  new_topic users 1
  new_topic out 1
  rows "$users" 'a:{"name":"Ann"}' 'a:nonsense' 'b:{"name":"Bob"}'
  rows "$orders" 'a:{"id":1}' 'b:{"id":2}'
  run kjoin -q -e --global "$orders" "table:$users" "$out"
  [ "$status" -eq 4 ]
  says "$users [0] @ 1: not JSON" "--on-error skip"
  [ "$(count "$out")" -eq 0 ]
  run kjoin -e --global --on-error skip --select 'right.name' "$orders" "table:$users" "$out"
  [ "$status" -eq 0 ]
  [[ $output == *"left out"* ]]
  same <(printf '%s\n' 'a={"name":"Ann"}' 'b={"name":"Bob"}') <(all "$out")
  run kjoin -q -e --no-create --global "$orders" "table:$users-none" "$out"
  [ "$status" -eq 2 ]
  [[ $output == *"there is no topic '$users-none'"* ]]
}

@test "kjoin table:./FILE.csv: by a column; --reload takes a new file at once, a bad one not, a missing one is refused at the start" {
  new_topic orders 2
  new_topic out 2
  rows "$orders" 'k:{"user":7}' 'k:{"user":8}' 'k:{"user":9}'
  run kjoin -q -e --on user=id "$orders" table:./users.csv "$out"
  [ "$status" -eq 2 ]
  [[ $output == *"users.csv"* ]]
  : >users.csv
  run kjoin -q -e --on user=id "$orders" table:./users.csv "$out"
  [ "$status" -eq 4 ]
  [[ $output == *"users.csv is empty"* ]]
  printf 'id,name\n7,Ann\n8,Bob\n7,Anna\n' >users.csv
  run kjoin -q -e --on user "$orders" table:./users.csv "$out"
  [ "$status" -eq 4 ]
  [[ $output == *"its rows have id, name: --on LEFTFIELD=FIELD"* ]]
  run kjoin -e --left --on user=id --select 'left.user, right.name' "$orders" table:./users.csv "$out"
  [ "$status" -eq 0 ]
  [[ $output == *"1 row with a key that an earlier row has"* ]]
  same <(printf '%s\n' 'k={"user":7,"name":"Anna"}' 'k={"user":8,"name":"Bob"}' 'k={"user":9,"name":null}') <(all "$out")

  new_topic live 2
  start_tool one kjoin --on user=id --reload 100ms --select 'right.name' "$orders" table:./users.csv "$live"
  wait_for 40 count_is "$live" 2
  printf 'id,name\n9,Cid\n' >next.csv
  mv next.csv users.csv
  met() { rows "$orders" 'k:{"user":9}' && consume "$live" | grep -qF Cid; }
  wait_for 30 met
  printf 'id,name\n,Nobody\n' >bad.csv
  mv bad.csv users.csv
  wait_for 30 file_has one.err 'users.csv:2: .*rows read before stay in use'
  : >users.csv
  wait_for 30 file_has one.err 'users.csv is empty.*rows read before stay in use'
  rm users.csv
  wait_for 30 file_has one.err 'not there; the rows read before stay in use'
  local before
  before=$(count "$live")
  rows "$orders" 'k:{"user":9}'
  wait_for 30 count_is "$live" $((before + 1))
  printf 'id,name\n9,Dan\n' >next.csv
  mv next.csv users.csv
  met_dan() { rows "$orders" 'k:{"user":9}' && consume "$live" | grep -qF Dan; }
  wait_for 30 met_dan
  stop_tool "$started"
  [ "$status" -eq 143 ]
}
