#!/usr/bin/env bats
# shellcheck disable=SC2154
# kjoin on a real broker, with kcat as writer and witness.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/joins.bash"; kafka_setup; }
teardown() { kafka_teardown; }

@test "kjoin: a stream with a table, whose rows change and go, over runs and lost state" {
  new_topic orders 2
  new_topic users 2 cleanup.policy=compact
  new_topic out 2
  rows "$users" 'a:{"name":"Ann"}' 'b:{"name":"Bob"}'
  rows "$orders" 'a:{"id":1}' 'b:{"id":2}' 'c:{"id":3}'
  kjoin -e --left --select 'left.id, right.name' "$orders" "table:$users" "$out"
  rows "$users" 'a:' 'b:{"name":"Bert"}'
  rm -rf "$KUTILS_STATE_DIR"
  rows "$orders" 'a:{"id":4}' 'b:{"id":5}'
  kjoin -e --left --select 'left.id, right.name' "$orders" "table:$users" "$out"
  same <(printf '%s\n' 'a={"id":1,"name":"Ann"}' 'a={"id":4,"name":null}' 'b={"id":2,"name":"Bob"}' \
    'b={"id":5,"name":"Bert"}' 'c={"id":3,"name":null}') <(all "$out")
}

@test "kjoin: two streams, a record that waits over a run, the unmatched at --close-at-end" {
  new_topic orders 2
  new_topic dispatches 2
  new_topic out 2
  rows "$orders" 'a:{"id":1}' 'b:{"id":2}'
  kjoin -e --within 1h --left "$orders" "$dispatches" "$out"
  [ "$(count "$out")" -eq 0 ]
  rows "$dispatches" 'a:{"by":"x"}' 'z:{"by":"y"}'
  kjoin -e --within 1h --left "$orders" "$dispatches" "$out"
  same <(echo 'a={"left":{"id":1},"right":{"by":"x"}}') <(all "$out")
  kjoin -e --within 1h --left --close-at-end "$orders" "$dispatches" "$out"
  same <(printf '%s\n' 'a={"left":{"id":1},"right":{"by":"x"}}' 'b={"left":{"id":2},"right":null}') <(all "$out")
  # Other windows are other results.
  run kjoin -e --within 2h --left "$orders" "$dispatches" "$out"
  [ "$status" -eq 2 ]
  [[ $output == *"--before"* ]]
}

@test "kjoin: two tables, tombstones where results stood; one instance is killed half-way" {
  new_topic left 2
  new_topic right 2
  new_topic out 2
  start_tool first kjoin -g "$out" --merge --prefix r_ "table:$left" "table:$right" "$out"
  rows "$left" 'a:{"x":1}' 'b:{"x":2}'
  rows "$right" 'a:{"y":1}' 'b:{"y":2}' 'c:{"y":3}'
  wait_for 40 count_is "$out" 2
  kill -KILL "$started"
  rows "$right" 'a:' 'c:'
  rows "$left" 'b:{"x":4}' 'c:{"x":5}'
  start_tool second kjoin -g "$out" --merge --prefix r_ "table:$left" "table:$right" "$out"
  wait_for 60 count_is "$out" 4
  rows "$right" 'c:{"y":6}'
  wait_for 20 count_is "$out" 5
  stop_tool "$started"
  [ "$status" -eq 143 ]
  same <(printf '%s\n' 'a={"x":1,"r_y":1}' 'a=-' 'b={"x":2,"r_y":2}' 'b={"x":4,"r_y":2}' 'c={"x":5,"r_y":6}') \
    <(all "$out")
}

@test "kjoin: unequal partitions are refused with the command that mends it; values that are no JSON by --on-error" {
  new_topic left 2
  new_topic right 3
  new_topic table 2
  new_topic out 2
  run kjoin -e --within 1s "$left" "$right" "$out"
  [ "$status" -eq 2 ]
  [[ $output == *"has 2 partitions"*"has 3 partitions"*"kgroupby --partitions"* ]]
  rows "$table" 'a:1' 'b:2'
  rows "$left" 'a:nonsense' 'b:1'
  run kjoin -e "$left" "table:$table" "$out"
  [ "$status" -eq 4 ]
  [[ $output == *"$left"*"not JSON"* ]]
  run kjoin -e --on-error skip "$left" "table:$table" "$out"
  [ "$status" -eq 0 ]
  same <(echo 'b={"left":1,"right":2}') <(all "$out")
}

@test "kjoin --on: two streams by fields of theirs, other partitions; a stream's field that names a table's row" {
  new_topic orders 2
  new_topic sent 3
  new_topic users 2
  new_topic out 2
  new_topic named 2
  rows "$users" '7:{"name":"Ann"}' '8:{"name":"Bob"}'
  seq 1 40 | awk '{ printf "k%d\t{\"id\":%d,\"user\":%d}\n", $1 % 5, $1, 7 + $1 % 3 }' | produce "$orders" -K "$(printf '\t')"
  seq 1 2 40 | awk '{ printf "s%d\t{\"of\":%d}\n", $1, $1 }' | produce "$sent" -K "$(printf '\t')"
  kjoin -e --within 1h --on id=of --select 'left.id, right.of' "$orders" "$sent" "$out"
  same <(seq 1 2 40 | awk '{ printf "%d={\"id\":%d,\"of\":%d}\n", $1, $1, $1 }' | sort) <(all "$out" | sort)
  kjoin -e --left --on user --select 'left.id, right.name' "$orders" "table:$users" "$named"
  [ "$(all "$named" | grep -c '"name":"Ann"')" -eq 13 ]
  [ "$(all "$named" | grep -c '"name":null')" -eq 13 ]
  [ "$(count "$named")" -eq 40 ]
}

@test "kjoin --on: both sides by a field of theirs, whatever their partitions; orders without a dispatch" {
  new_topic orders 2
  new_topic dispatches 3
  new_topic out 2
  local i
  for i in {1..40}; do echo "{\"topic\":\"t\",\"key\":\"o$i\",\"ts\":$((1700000000000 + i * 1000)),\"tstype\":\"create\",\"payload\":\"{\\\"id\\\":$i}\"}"; done | kcp -q - "$orders"
  for i in {1..40}; do
    [ $((i % 4)) -eq 0 ] || echo "{\"topic\":\"t\",\"key\":\"d$((i * 7))\",\"ts\":$((1700000000000 + i * 1000 + 9)),\"tstype\":\"create\",\"payload\":\"{\\\"of\\\":$i}\"}"
  done | kcp -q - "$dispatches"
  kjoin -q -e -g "p-$out" --within 3s --on id=of --select 'left.id, right.of' "$orders" "$dispatches" "p-$out"
  wait_for 20 count_is "p-$out" 30
  consume "p-$out" | jq -es 'all(.[]; .id == .of)'
  kjoin -q -e -g "a-$out" --close-at-end --anti --within 3s --on id=of "$orders" "$dispatches" "$out"
  wait_for 20 count_is "$out" 10
  same <(printf '%s\n' {4..40..4}) <(consume "$out" | jq .left.id | sort -n)
}

@test "kjoin --on: a stream by a field with a table by its key; a dead letter is the record as it came" {
  new_topic orders 3
  new_topic users 2 cleanup.policy=compact
  new_topic out 2
  new_topic dead 1
  rows "$users" 'ann:{"name":"Ann"}' 'bob:{"name":"Bob"}'
  rows "$orders" '1:{"user":"ann"}' '2:{"user":"bob"}' '3:{"user":"cid"}' '4:{"who":"ann"}'
  kjoin -q -e --left --on user --on-error "dead-letter:$dead" --select 'left.user, right.name' "$orders" "table:$users" "$out"
  same <(printf '%s\n' 'ann={"user":"ann","name":"Ann"}' 'bob={"user":"bob","name":"Bob"}' 'cid={"user":"cid","name":null}') <(all "$out")
  wait_for 20 count_is "$dead" 1
  same <(echo '4={"who":"ann"}') <(all "$dead")
  run kjoin --outer --on user "table:$orders" "table:$users" "$out"
  [ "$status" -eq 2 ]
  [[ $output == *"no row of LEFT names would have no key in OUT"* ]]
}

# changes FROM TO left|right: rows of 40 orders, whose customers change, and of 13 customers; some are deleted.
changes() {
  seq "$1" "$2" | awk -v side="$3" '{
    if (side == "left") {
      customer = $1 % 9 == 0 ? "null" : sprintf("%d", $1 * 5 % 14)
      printf "o%d\t%s\n", $1 * 7 % 40, $1 % 8 == 3 ? "" : sprintf("{\"n\":%d,\"customer\":%s}", $1, customer)
    } else {
      printf "%d\t%s\n", $1 * 3 % 13, $1 % 6 == 1 ? "" : sprintf("{\"name\":\"c%d\"}", $1)
    } }'
}
# The last row of each key, as one object by key.
newest() {
  consume "$1" -J | jq -s 'reduce .[] as $r ({}; if $r.payload == null then del(.[$r.key]) else .[$r.key] = ($r.payload | fromjson) end)'
}

@test "kjoin --on: two tables by a key that rows change; killed again and again it equals a plain join" {
  new_topic orders 3
  new_topic customers 2
  new_topic out 2
  new_topic left 4
  local round tab
  tab=$(printf '\t')
  for round in 0 1 2 3; do
    start_tool "tool$round" kjoin -g "$out" --on customer "table:$orders" "table:$customers" "$out"
    changes $((round * 300)) $((round * 300 + 299)) left | produce "$orders" -Z -K "$tab"
    changes $((round * 100)) $((round * 100 + 99)) right | produce "$customers" -Z -K "$tab"
    wait_for 60 count_at_least "$out" $((round * 30 + 1))
    kill -KILL "$started"
    [ "$round" -ne 1 ] || rm -rf "$KUTILS_STATE_DIR"
  done
  kjoin -q -e -g "$out" --on customer "table:$orders" "table:$customers" "$out"
  kjoin -q -e -g "$left" --left --select 'left.n, right.name' --on customer=_key "table:$orders" "table:$customers" "$left"
  newest "$orders" >l
  newest "$customers" >r
  jq -n -S --slurpfile l l --slurpfile r r '$l[0] | map_values(. as $o | $r[0][$o.customer | tostring] as $c |
    select($o.customer != null and $c != null) | {left: $o, right: $c})' >inner
  [ "$(jq length inner)" -gt 5 ]
  same inner <(newest "$out" | jq -S .)
  jq -n -S --slurpfile l l --slurpfile r r '$l[0] | map_values({n, name: $r[0][.customer | tostring].name})' >outer
  [ "$(jq length outer)" -gt "$(jq length inner)" ]
  same outer <(newest "$left" | jq -S .)
  # A change of one customer changes all orders of it, and nothing else.
  local before one
  before=$(count "$out")
  one=$(jq -r '[.[].left.customer] | group_by(.) | max_by(length)[0]' inner)
  printf '%s\t{"name":"new"}\n' "$one" | produce "$customers" -K "$tab"
  kjoin -q -e -g "$out" --on customer "table:$orders" "table:$customers" "$out"
  [ "$(($(count "$out") - before))" -eq "$(jq --argjson c "$one" '[.[] | select(.left.customer == $c)] | length' inner)" ]
}

@test "kjoin: records that came before the rows, and such without a key, are told of at the end, with the command" {
  new_topic orders
  new_topic users
  new_topic nobody
  for i in {1..70}; do echo "{\"user\":\"u$((i % 7))\"}"; done | kwrite -q "$orders"
  sleep 0.1
  printf '{"id":"u%d"}\n' 1 2 3 4 5 6 | kwrite -q --key id "$users"
  echo '{"user":null}' | kwrite -q "$nobody"
  local early none
  early="60 of 70 records of $orders came before the row of their key in $users, in order of time, and did not match it"
  none="70 of 70 records of $orders have no key and match nothing"
  new_topic out1
  run kjoin -e --on user "$orders" "table:$users" "$out1"
  [ "$status" -eq 0 ]
  [[ $output == *"$early"$'\n'"  to look up the rows as they are now: "* ]]
  run bash -c "${output##*now: } 2>&1"
  [[ $output == *"60 out"* && $output != *"came before"* ]]
  new_topic out2
  run kjoin -e "$orders" "table:$users" "$out2"
  [[ $output == *"$none"$'\n'"  to join by a field: kjoin -e --on EXPR -g $out2-on $orders table:$users $out2" ]]
  run bash -c "kjoin -e --on user -g $out2-on --global $orders table:$users $out2 2>&1"
  [[ $output == *"60 out"* ]]
  new_topic out3
  run kjoin -e --within 1d "$orders" "$users" "$out3"
  [[ $output == *"$none"$'\n'"  to join by a field: kjoin -e --within 1d --on EXPR -g $out3-on $orders $users $out3" ]]
  new_topic out4
  run kjoin -q -e "$orders" "table:$users" "$out4"
  [ -z "$output" ]
  new_topic out5
  run kjoin -e --on user "$nobody" "table:$users" "$out5"
  [[ $output == *"--on 'user' is null in 1 of 1 records of $nobody, which match nothing" ]]
  new_topic out6
  run kpipe -e kjoin --on user "table:$users" then kmap '*' -- "$orders" "$out6"
  [[ $output == *"stage 1, kjoin: $early; --global looks up the rows as they are now" ]]
  # Later records meet the rows: nothing to tell.
  new_topic out7
  for i in {1..70}; do echo "{\"user\":\"u$((i % 7))\"}"; done | kwrite -q "$nobody"
  run kjoin -e --on user "$nobody" "table:$users" "$out7"
  [[ $output == *"60 out, 11 filtered" ]]
}

# Persons and what they sell in 100 s of 10,000 events a second: 80,000 records. Where the internal topic was filled in the order of
# fetching, results stood up to 40 s behind later ones, and kdedup dropped 800 and more of the 8,428 persons as late.
@test "kjoin --on: results of a backlog come in order of time, so that nothing is late behind it" {
  local of out
  for of in person:20000 auction:60000; do
    kgen -q --seed 7 --event-rate 10000 -c "${of#*:}" --key id -J "nexmark:${of%:*}" >"${of%:*}.json"
    test_topics create "$(topic_name "${of%:*}")" 4
    kwrite -q -J - "$(topic_name "${of%:*}")" <"${of%:*}.json"
  done
  new_topic sales 4
  kjoin -q -e -w 10s --grace 5s --on id=seller --select 'left.id' "$(topic_name person)" "$(topic_name auction)" "$sales"
  consume "$sales" -f '%p %T\n' >times
  awk '$2 > most[$1] { most[$1] = $2 } most[$1] - $2 > behind { behind = most[$1] - $2 } END { print behind + 0, "ms behind"; exit behind > 1000 }' times
  run kdedup -e -g "$sales-d" id --within 10s "$sales" "$sales-new"
  [ "$status" -eq 0 ]
  [[ $output != *late* ]] || { echo "$output"; return 1; }
  jq -rs --slurpfile sold <(jq -c '.payload | fromjson | [.seller, .dateTime[:18]]' auction.json) \
    '($sold | map({key: tojson, value: 1}) | from_entries) as $by | map(.payload | fromjson | select($by[[.id, .dateTime[:18]] | tojson]) | .id)[]' \
    person.json | sort >want
  diff -q want <(consume "$sales-new" | jq .id | sort)
}

# A fetch for the table's end alone is held by the broker for its time, and nothing else is fetched meanwhile.
@test "kjoin: the backlog of a stream does not wait for news of a table that is at its end" {
  new_topic clicks 1
  new_topic pages 1
  new_topic out 1
  fill_clicks "$clicks" 200000 1000 1000 # later than all rows
  fill_clicks "$pages" 1000 1000
  local start=$SECONDS
  kjoin -q -e "$clicks" "table:$pages" "$out"
  echo "took: $((SECONDS - start)) s"
  [ $((SECONDS - start)) -le 8 ]
  [ "$(count "$out")" -eq 200000 ]
}

# at TOPIC KEY:MS:JSON...: records with times.
at() {
  local one topic=$1
  for one in "${@:2}"; do
    jq -cn --arg one "$one" '$one | capture("^(?<key>[^:]*):(?<ts>[0-9]+):(?<payload>.*)$") | .ts |= tonumber'
  done | kwrite -q -J - "$topic"
}

@test "kjoin, kmerge: a record that is out of order does not pull the one in front of it along" {
  new_topic left 1
  new_topic right 1
  new_topic out 1
  new_topic merged 1
  at "$left" 'k:100000:"L100"' 'k:140000:"L140"' 'k:95000:"L95"'
  at "$right" 'k:101000:"R101"' 'k:125000:"R125"' 'k:133000:"R133"'
  kjoin -e --close-at-end --outer --within 10s "$left" "$right" "$out"
  same <(printf '%s\n' 'k={"left":"L100","right":"R101"}' 'k={"left":null,"right":"R125"}' 'k={"left":"L140","right":"R133"}') \
    <(all "$out")
  kmerge -e -g "$merged" "$left,$right" "$merged"
  [ "$(consume "$merged" -f '%s ')" = '"L100" "R101" "R125" "R133" "L140" "L95" ' ]
  new_topic sales 1
  new_topic prices 1
  at "$sales" 'k:200000:"S200"' 'k:100000:"S100"'
  at "$prices" 'k:50000:50' 'k:150000:150'
  kjoin -e -g "$sales" --table-grace 1h "$sales" "table:$prices" "$sales-out"
  same <(printf '%s\n' 'k={"left":"S200","right":150}' 'k={"left":"S100","right":50}') <(all "$sales-out")
}

# Held open for 5 s by the tool that writes it; --max-wait is 1 s.
@test "kjoin, kmerge: what stands in a transaction that is open is waited for, as any input that lags" {
  new_topic src 1
  new_topic right 1
  new_topic left 1
  new_topic out 1
  new_topic merged 1
  start_tool join kjoin -g "$out" --left "$left" "table:$right" "$out"
  local join=$started
  start_tool merge kmerge -g "$merged" "$left,$right" "$merged"
  local merge=$started
  start_tool writer kcp --commit-interval 5s:5s "$src" "$right"
  wait_for 60 group_is "$out" "Stable 1"
  wait_for 60 group_is "$merged" "Stable 1"
  at "$src" 'k:100000:"R100"'
  wait_for 30 is_written "$right"
  [ "$(count "$right")" -eq 0 ] # the transaction is open
  at "$left" 'k:101000:"L101"'
  wait_for 60 count_is "$out" 1
  [ "$(all "$out")" = 'k={"left":"L101","right":"R100"}' ]
  wait_for 60 count_is "$merged" 2
  [ "$(consume "$merged" -f '%s ')" = '"R100" "L101" ' ]
  stop_tool "$started"
  stop_tool "$join"
  stop_tool "$merge"
}
is_written() { [ "$(kcat -C -q -b "$KUTILS_BROKERS" -X isolation.level=read_uncommitted -o beginning -e -t "$1" -f '\n' | wc -l)" -ge 1 ]; }

# $KUTILS_RECORDS_AHEAD: how many. The bound is the same for a million.
@test "kjoin: an input that is far ahead of the other one waits in its topic, not in memory" {
  local ahead=${KUTILS_RECORDS_AHEAD:-200000} i
  new_topic far
  new_topic near
  new_topic out
  fill_clicks "$far" "$ahead" 1000
  start_tool one kjoin -q -g "$out" --within 1s --max-wait 1h "$far" "$near" "$out"
  for i in {1..10}; do
    # The same record as FAR's of this number: a tenth of FAR is now before it in time, and all the rest behind it.
    fill_clicks "$near" 1 1000 $((ahead * i / 10))
    wait_for 60 committed_at_least $((ahead * i / 10))
  done
  local peak
  peak=$(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$started/status")
  stop_tool "$started"
  [ "$status" -eq 143 ] || [ "$status" -eq 0 ]
  echo "peak: $peak MB"
  [ "$peak" -lt 110 ]
  # Pairs of equal keys, a second apart at most. NEAR's last record waits: FAR is at its end, and may have older ones yet.
  consume "$near" -f '%k %T\n' | head -n 9 >near.list
  consume "$far" -f '%k %T\n' | awk 'NR == FNR { key[NR] = $1; at[NR] = $2; n = NR; next }
    { for (i = 1; i <= n; i++) if ($1 == key[i] && $2 - at[i] <= 1000 && at[i] - $2 <= 1000) pairs++ } END { print pairs }' near.list - >pairs
  echo "pairs: $(cat pairs), rows: $(count "$out")"
  [ "$(count "$out")" -eq "$(cat pairs)" ]
  [ "$(cat pairs)" -ge 9 ]
}

committed_at_least() { [ "$(test_topics committed "$out" "$far" | awk '{ n += $2 } END { print n + 0 }')" -ge "$1" ]; }
