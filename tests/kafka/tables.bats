#!/usr/bin/env bats
# shellcheck disable=SC2154
# Tables as input, and a table of one row, on a real broker.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# users KEY:JSON|KEY:...: records of $users; an empty value is a tombstone.
users() {
  local one
  for one in "$@"; do printf '%s\t%s\n' "${one%%:*}" "${one#*:}"; done | produce "$users" -Z -K "$(printf '\t')"
}
all() { consume "$1" -f '%k=%s %S\n' | sed 's/ -1$/ gone/; s/ [0-9]*$//'; }

@test "kfilter over a table: a tombstone for a key that stops matching, once, whatever becomes of the local state" {
  new_topic users 2 cleanup.policy=compact
  new_topic adults 2
  users 'a:{"age":20}' 'b:{"age":10}' 'c:{"age":40}'
  kfilter -e 'age >= 18' "table:$users" "$adults"
  same <(printf '%s\n' 'a={"age":20}' 'c={"age":40}') <(all "$adults" | sort)
  users 'a:{"age":5}' 'b:{"age":11}'
  kfilter -e 'age >= 18' "table:$users" "$adults"
  users 'a:{"age":6}' 'a:' 'c:'
  rm -rf "$KUTILS_STATE_DIR"
  kfilter -e 'age >= 18' "table:$users" "$adults"
  users 'c:' 'b:' 'b:{"age":18}'
  kfilter -e 'age >= 18' "table:$users" "$adults"
  same <(printf '%s\n' 'a= gone' 'a={"age":20}' 'b={"age":18}' 'c= gone' 'c={"age":40}') <(all "$adults" | sort)
  run kfilter -e 'age >= 18' "$users" "$adults"
  [ "$status" -eq 2 ]
  [[ $output == *"IN is"* && $output == *"table"* ]]
}

@test "kmap over a table, between topics and to lines; kread of one; a command over one is refused" {
  new_topic users 2
  new_topic names 2
  users 'a:{"age":20,"x":1}' 'b:{"age":10}' 'a:{"age":21}' 'b:'
  kmap -e 'age' "table:$users" "$names"
  same <(printf '%s\n' 'a={"age":20}' 'a={"age":21}' 'b= gone' 'b={"age":10}') <(all "$names" | sort)
  kfilter -e -K = 'age > 20' "table:$users" >lines
  same <(echo 'a={"age":21}') lines
  kread -e -K = "table:$users" >lines
  same <(echo 'a={"age":21}') lines
  # Only the last values count, also of those that matched before: one rule for all that write lines.
  kfilter -e -K = 'age < 21' "table:$users" >lines
  same /dev/null lines
  kmap -e -K = 'age, twice=age * 2' "table:$users" >lines
  same <(echo 'a={"age":21,"twice":42}') lines
  kmap -c 2 -J 'age' "table:$users" >lines
  [ "$(wc -l <lines)" -le 2 ]
  ktable -e --total 'n=count(), s=sum(age)' "table:$users" "$names"
  kread -e "table:$names" >lines
  grep -qx '{"n":1,"s":21}' lines
  kread -e "$users" >lines
  [ "$(wc -l <lines)" -eq 4 ]
  run kmap -e '| cat' "table:$users" "$names"
  [ "$status" -eq 2 ]
  run kgroupby -e age "table:$users" "$names"
  [ "$status" -eq 2 ]
}

@test "ktable over a table: a changed row is taken back" {
  new_topic users 2
  new_topic ages 2
  users 'a:{"age":20}' 'b:{"age":10}' 'a:{"age":21}' 'c:{"age":10}' 'b:'
  ktable -e 'n=count(), s=sum(age)' "table:$users" "$ages"
  consume "$ages" | jq -sc 'map({(.key): [.n, .s]}) | add' >got
  same <(echo '{"a":[1,21],"b":[0,0],"c":[1,10]}') <(jq -Sc . got)
  ktable -e --by age 'n=count()' "table:$users" >got
  same <(printf '%s\n' '{"age":10,"n":1}' '{"age":20,"n":0}' '{"age":21,"n":1}') <(sort got)
  run ktable -e 'm=max(age)' "table:$users" "$ages"
  [ "$status" -eq 2 ]
}

@test "ktable --total over four partitions is one row, also with two instances and over several runs" {
  new_topic src 4
  new_topic dst 1
  seq 1 1000 | awk '{ printf "k%d\t{\"n\":%d}\n", $1 % 17, $1 }' | produce "$src" -K "$(printf '\t')"
  ktable -e --total 'n=count(), s=sum(n)' "$src" "$dst"
  [ "$(consume "$dst" | tail -n 1)" = '{"n":1000,"s":500500}' ]
  group=total-$dst
  new_topic other 1
  start_tool one ktable -g "$group" --total 'n=count(), s=sum(n)' "$src" "$other"
  start_tool two ktable -g "$group" --total 'n=count(), s=sum(n)' "$src" "$other"
  last_is() { [ "$(consume "$other" | tail -n 1)" = "$1" ]; }
  wait_for 40 last_is '{"n":1000,"s":500500}'
  seq 1001 2000 | awk '{ printf "k%d\t{\"n\":%d}\n", $1 % 17, $1 }' | produce "$src" -K "$(printf '\t')"
  wait_for 40 last_is '{"n":2000,"s":2001000}'
  consume "$other" | jq .n >n
  sort -n -c n
}

@test "ktable --total of an empty topic is one row with 0, once, however often and by how many it is run" {
  new_topic in 3
  new_topic out 2
  new_topic sums 2
  new_topic kept 1
  # Two of one group, at once; each waits for the other.
  start_tool one ktable -e -g "$out" --total 'n=count(), s=sum(number)' "$in" "$out"
  local first=$started
  start_tool two ktable -e -g "$out" --total 'n=count(), s=sum(number)' "$in" "$out"
  wait "$first" "$started"
  wait "$first"
  same <(echo '={"n":0,"s":0}') <(all "$out")
  # Again, and with the state lost: the row is there.
  ktable -e -g "$out" --total 'n=count(), s=sum(number)' "$in" "$out"
  rm -rf "$KUTILS_STATE_DIR"
  ktable -e -g "$out" --total 'n=count(), s=sum(number)' "$in" "$out"
  same <(echo '={"n":0,"s":0}') <(all "$out")
  # The first record changes it.
  echo '{"number":4}' | produce "$in"
  ktable -e -g "$out" --total 'n=count(), s=sum(number)' "$in" "$out"
  same <(printf '%s\n' '={"n":0,"s":0}' '={"n":1,"s":4}') <(all "$out")
  ktable -e -g "$out" --total 'n=count(), s=sum(number)' "$in" "$out"
  [ "$(all "$out" | wc -l)" -eq 2 ]
  # Over a table, in a pipe and with --having, which is not true of it; without --total no group is known.
  new_topic empty 2
  ktable -e -g "$sums" --total 'n=count()' "table:$empty" "$sums"
  ktable -e -g "$sums" --total 'n=count()' "table:$empty" "$sums"
  same <(echo '={"n":0}') <(all "$sums")
  kpipe -e -g "$kept" kfilter true then ktable --total 'n=count()' then kmap 'n, x=n + 1' -- "$empty" "$kept"
  same <(echo '={"n":0,"x":1}') <(all "$kept")
  local none count=0
  for options in "--total --having n>0" "--by number" "--total --emit close" "--total --expires 1h"; do
    none=none$((++count))
    new_topic "$none" 1
    none=${!none}
    ktable -e -g "$none" $options 'n=count()' "$empty" "$none"
    [ -z "$(all "$none")" ] || { echo "$options"; return 1; }
  done
  # To the end it closes at.
  new_topic closed 3
  ktable -e --close-at-end --emit close -g "$closed" --total 'n=count()' "$empty" "$closed"
  same <(echo '={"n":0}') <(all "$closed")
}

@test "fold: in order and exactly once through kill -9, by record key and behind --by" {
  seq 1 60000 | awk '{ printf "k%d\t{\"k\":\"k%d\",\"n\":%d}\n", $1 % 7, $1 % 7, $1 }' >lines
  # A chain: a record lost, doubled or out of order changes it for good.
  awk -F'[\t:,}]' '{ n = $5; h[$1] = (h[$1] * 31 + n) % 1000003; l[$1] = n } END { for (k in h) print k, h[k], l[k] }' lines | sort >expected
  local by n aggregates='h=fold(0, (_acc * 31 + n) % 1000003), last=fold({}, {"n": n, "before": has(_acc.n) ? _acc.n : null})'
  for by in "" k; do
    new_topic "src$by" 2
    new_topic "dst$by" 2
    local from="src$by" to="dst$by"
    tool=(ktable -g "fold-${!to}" --commit-interval 5ms:5ms ${by:+--by "$by"})
    for n in 1 2 3; do
      sed -n "$((n * 20000 - 19999)),$((n * 20000))p" lines | produce "${!from}" -K "$(printf '\t')"
      before=$(count "${!to}")
      start_tool "fold$by$n" "${tool[@]}" "$aggregates" "${!from}" "${!to}"
      wait_for 30 count_at_least "${!to}" $((before + 1))
      kill -KILL "$started"
    done
    "${tool[@]}" -e "$aggregates" "${!from}" "${!to}"
    consume "${!to}" -f '%k %s\n' | awk '{ row[$1] = $2 } END { for (k in row) print k, row[k] }' |
      sed -E 's/^(k[0-9]) .*"h":([0-9]+),"last":\{"n":([0-9]+),.*/\1 \2 \3/' | sort >got
    same expected got
  done
  run ktable -e 'v=fold(0, _acc + n)' "table:$src" "$dst"
  [ "$status" -eq 2 ]
  [[ $output == *"fold() cannot take a value back"* ]]
}

# The groups that `users`' rows make, computed without kutils: the last value of each key.
regrouped() {
  consume "$users" -f '%k\t%S\t%s\n' | jq -RnSc '[inputs | split("\t")] | reduce .[] as [$k, $size, $v]
      ({rows: {}, seen: {}}; ($v | if $size == "-1" then null else fromjson end) as $row | .rows[$k] = $row
        | if $row.team != null then .seen[$row.team] = [0, 0] else . end)
    | reduce (.rows[] | select(.team != null)) as $row (.seen; .[$row.team] |= [.[0] + 1, .[1] + $row.pay])'
}
newest_groups() { consume "$1" | jq -sSc 'map({(.team): [.n, .pay]}) | add'; }
# The same, with all that a group keeps values for.
regrouped_values() {
  consume "$users" -f '%k\t%S\t%s\n' | jq -RnSc '[inputs | split("\t")] | reduce .[] as [$k, $size, $v]
      ({rows: {}, seen: {}}; ($v | if $size == "-1" then null else fromjson end) as $row | .rows[$k] = $row
        | if $row.team != null then .seen[$row.team] = [] else . end)
    | reduce (.rows[] | select(.team != null)) as $row (.seen; .[$row.team] += [$row.pay])
    | map_values(sort | [length, (add // 0), .[0], .[-1], (reverse | .[:2]), .])'
}
newest_values() { consume "$1" | jq -sSc 'map({(.team): [.n, .pay, .lo, .hi, .best, (.all | sort)]}) | add'; }

@test "ktable --by over a table, topic to topic: rows that move, leave and come back; kquery shows the groups only" {
  new_topic users 3 cleanup.policy=compact
  new_topic teams 2
  users 'a:{"team":"x","pay":1}' 'b:{"team":"x","pay":2}' 'c:{"team":"y","pay":10}'
  ktable -e --emit update --by team 'n=count(), pay=sum(pay)' "table:$users" "$teams"
  users 'a:{"team":"y","pay":5}' 'b:{"team":"x","pay":3}' 'd:'
  ktable -e --emit update --by team 'n=count(), pay=sum(pay)' "table:$users" "$teams"
  # One change for b, which stays; two for a, which moves; none for d, which never was.
  [ "$(count "$teams")" -eq 6 ]
  same <(regrouped) <(newest_groups "$teams")
  rm -rf "$KUTILS_STATE_DIR"
  users 'b:' 'c:{"team":null,"pay":1}' 'd:' 'e:{"team":"z","pay":7}'
  ktable -e --emit update --by team 'n=count(), pay=sum(pay)' "table:$users" "$teams"
  same <(echo '{"x":[0,0],"y":[1,5],"z":[1,7]}') <(newest_groups "$teams")
  [ "$(count "$teams")" -eq 9 ]
  [ "$(consume "$teams" -f '%S\n' | grep -cx -- -1)" -eq 0 ]  # no deletion
  kquery "$teams" >got
  same <(printf '%s\n' '{"team":"x","n":0,"pay":0}' '{"team":"y","n":1,"pay":5}' '{"team":"z","n":1,"pay":7}') <(sort got)
  run ktable -e --by team 'first(pay)' "table:$users" "$teams"
  [ "$status" -eq 2 ]
  [[ $output == *"first() cannot take a value back"* ]]
}

@test "ktable --total over a table, topic to topic, and a live one asked by --http" {
  new_topic users 3
  new_topic sum 1
  users 'a:{"team":"x","pay":1}' 'b:{"team":"x","pay":2}'
  start_tool live ktable --http 127.0.0.1:0 --total 'n=count(), pay=sum(pay)' "table:$users" "$sum"
  last_is() { [ "$(consume "$sum" | tail -n 1)" = "$1" ]; }
  wait_for 40 last_is '{"n":2,"pay":3}'
  users 'a:{"team":"y","pay":10}' 'b:'
  wait_for 40 last_is '{"n":1,"pay":10}'
  address=$(grep -o '127.0.0.1:[0-9]*' live.err | head -n 1)
  same <(echo '{"n":1,"pay":10}') <(kquery --http "$address" "$sum")
  stop_tool "$started"
  [ "$status" -eq 143 ]
}

@test "ktable --by over a table: kill -9 in the midst, state lost now and then; the groups are those of a batch computation" {
  new_topic users 4
  new_topic teams 3
  local delivery round i=0 values='n=count(), pay=sum(pay), lo=min(pay), hi=max(pay), best=top(pay, 2), all=collect(pay)'
  for delivery in exactly-once at-least-once; do
    run_it() { start_tool "$delivery-$1" ktable -g "$users-$delivery" --delivery "$delivery" --by team "$values" "table:$users" "$teams-$delivery"; }
    for round in 1 2 3 4 5; do
      run_it "$round"
      seq $((i * 2000)) $((++i * 2000)) | awk '{ r = ($1 * 7919) % 101; k = "k" r
        if ($1 % 11 == 0) print k "\t"; else if ($1 % 13 == 0) printf "%s\t{\"team\":null,\"pay\":1}\n", k
        else printf "%s\t{\"team\":\"t%d\",\"pay\":%d}\n", k, ($1 + r) % 7, $1 % 1000 }' | produce "$users" -Z -K "$(printf '\t')"
      wait_for 40 count_at_least "$teams-$delivery" $round
      stop_tool "$started" KILL
      [ $((round % 3)) -ne 2 ] || rm -rf "$KUTILS_STATE_DIR/$users-$delivery"
    done
    run_it last
    wait_for 40 caught_up "$users-$delivery" "$users"
    wait_for 40 caught_up "$users-$delivery" "$users-$delivery-repartition"
    stop_tool "$started"
    same <(regrouped_values) <(newest_values "$teams-$delivery")
  done
}

@test "kwindow to lines: silence moves time on, and a partition without records holds nothing back" {
  new_topic src 2
  printf '%s\n' '{"key":"a","payload":"{}","ts":1000}' '{"key":"a","payload":"{}","ts":7000}' | kwrite -q -J - "$src"
  start_tool idle kwindow -w 5s --idle 1s --emit close 'n=count()' "$src"
  wait_for 25 file_has idle.out '"window_start":"1970-01-01T00:00:05.000Z"'
  stop_tool "$started"
}

@test "kwindow to lines: partitions read at different speeds make nothing late; those that end or are not read hold nothing back" {
  new_topic src 4
  # An hour in partition 0, half of it in 2, each in the order of time; nothing in 1; half a minute in 3.
  awk 'BEGIN {
    size[0] = 6000; size[1] = 0; size[2] = 3000; size[3] = 50
    for (p = 0; p < 4; ++p)
      for (i = 0; i < size[p]; ++i)
        printf "{\"partition\":%d,\"ts\":%d,\"tstype\":\"create\",\"key\":\"k\",\"payload\":\"{}\"}\n", p, 1000000 + i * 3600 / size[0] * 1000
  }' | kcp -q - "$src"
  kwindow -q -e -w 10s --time-format ms 'n=count()' "$src" >all
  [ "$(jq -s 'map(.n) | add' all)" -eq 9050 ]
  kwindow -q -e -p 1,2 -w 10s --time-format ms 'n=count()' "$src" >one
  [ "$(jq -s 'map(.n) | add' one)" -eq 3000 ]
  # Partitions of the same number in several topics are different ones.
  new_topic other 1
  awk 'BEGIN { for (i = 0; i < 6000; ++i) printf "{\"ts\":%d,\"tstype\":\"create\",\"key\":\"k\",\"payload\":\"{}\"}\n", 1000000 + i * 600 }' | kcp -q - "$other"
  kwindow -q -e -w 10s --time-format ms 'n=count()' "$src,$other" >both
  [ "$(jq -s 'map(.n) | add' both)" -eq 15050 ]
  # Windows close as the records come, not all at the end.
  kwindow -q -e -c 2999 -p 1,2 -w 10s --time-format ms 'n=count()' "$src" >some
  [ "$(wc -l <some)" -gt 100 ]
}

@test "--by: what expressions, late records, messages and dead letters show is the record of IN, not the internal one" {
  new_topic src 2
  new_topic dst 2
  new_topic late 2
  new_topic dead 2
  for i in 0 1 2 3; do
    printf '{"topic":"t","partition":%d,"ts":%d,"tstype":"create","key":"key%d","headers":["h","v%d"],"payload":"{\\"g\\":\\"a\\",\\"at\\":%d,\\"n\\":9223372036854775800}"}\n' \
      $((i % 2)) $((1700000000000 + i)) "$i" "$i" $((1600000000000 + i))
  done | kcp -q - "$src"
  local aggregates='k=distinct(_key), t=distinct(_topic), p=max(_partition), o=max(_offset), ts=max(_ts), h=distinct(_headers.h), n=count()'
  ktable -q -e -g "table-$dst" --by g --time at "$aggregates" "$src" "$dst"
  consume "$dst" | tail -n 1 >row
  jq -e '.k == 4 and .t == 1 and .p == 1 and .o == 1 and .ts == 1700000000003 and .h == 4 and .n == 4' row

  # A record so late that its window is closed comes as it was, to the partition that it came from.
  printf '{"topic":"t","partition":%d,"ts":%d,"key":"%s","headers":["h","x"],"payload":"{\\"g\\":\\"a\\",\\"n\\":1}"}\n' 1 1700000900000 new 1 1600000000000 old | kcp -q - "$src"
  kwindow -q -e -g "window-$dst" -w 10s --by g --late "$late" 'n=count()' "$src" "$dst"
  kcat -C -q -b "$KUTILS_BROKERS" -X isolation.level=read_committed -o beginning -e -J -t "$late" | tail -n 1 |
    jq -e '.key == "old" and .partition == 1 and .ts == 1600000000000 and .headers == ["h", "x"]'

  # Only the stage behind finds that the sum overflows.
  ktable -e -g "sum-$dst" --by g --on-error "dead-letter:$dead" 'sum(n)' "$src" "$dst" 2>said
  grep -E "$src \[[01]\] @ [0-9]+.*overflow|$src.*overflow" said
  run grep repartition said
  [ "$status" -eq 1 ]
  consume "$dead" -f '%k\n' | sort -u >keys
  grep -qE '^key[0-3]$' keys
}

@test "--by over several topics: their partitions are different sources, also where the counts differ; kill -9 in the midst" {
  new_topic one 2
  new_topic two 3
  local topic
  for topic in "$one" "$two"; do
    kgen clicks --seed 3 -c 6000 | kmap -q '*, at=1700000000000 + _offset * 100' | kgroupby -q -O envelope uri | kwrite -q -J --time at "$topic"
  done
  # An in-order backlog: what the one topic gave before the other makes nothing late.
  kwindow -q -e -g "w-$one" -w 10s --by 'country' --emit close --close-at-end 'n=count()' "$one,$two" "w-$one" 2>said
  run grep late said
  [ "$status" -eq 1 ]
  { consume "$one" && consume "$two"; } | jq -s -c 'sort_by(.at)[]' | kwindow -q --time at -w 10s --by country --emit close 'n=count()' | sort >want
  consume "w-$one" | sort >got
  [ -s want ]
  same want got
  local pid
  for _ in 1 2 3; do
    ktable -q -e -g "t-$one" --by uri 'n=count(), s=sum(number)' "$one,$two" "t-$one" 2>/dev/null &
    pid=$!
    sleep 0.3
    kill -9 $pid 2>/dev/null || :
    wait $pid || :
  done
  ktable -q -e -g "t-$one" --by uri 'n=count(), s=sum(number)' "$one,$two" "t-$one"
  { consume "$one" && consume "$two"; } | ktable -q --by uri 'n=count(), s=sum(number)' | sort >want
  kread -q -e "table:t-$one" | sort >got
  same want got
}

@test "--by: records of a group are combined before the internal topic; results as with --no-combine" {
  new_topic src 3
  kgen clicks --seed 3 -c 20000 | kmap -q '*, at=1700000000000 + _offset * 10 - (_offset % 7 == 0 ? 9000 : 0)' |
    kwrite -q --time at "$src"
  local tool n=0
  for tool in "ktable 'n=count(), total=sum(number), large=count() if number > 50, each=distinct(number), lo=min(number)'" "kwindow -w 10s --grace 20s 'n=count(), total=sum(number), hi=max(number)'" \
    "kwindow -w 30s/10s --grace 20s --emit close --close-at-end 'n=count()'"; do
    local to=() how one
    for how in '' --no-combine; do
      n=$((n + 1))
      new_topic "out$n" 2
      to+=("out$n")
      eval "$tool -q -e --by uri $how -g g$n-$src '$src' '$(eval echo "\$out$n")'"
    done
    kread -q -e "${!to[0]}" >combined
    kread -q -e "${!to[1]}" >single
    for one in combined single; do
      python3 -c '
import json, sys
rows = {}
for line in sys.stdin:
    row = json.loads(line)
    rows[row["uri"], row.get("window_start")] = row
for place in sorted(rows, key=str): print(json.dumps(rows[place], sort_keys=True))' <"$one" >"$one.rows"
    done
    [ -s combined.rows ]
    diff combined.rows single.rows
  done
}

@test "--by: what a group refuses is the record's own dead letter, combined or not, and comes after --on-error fail too" {
  new_topic src 1
  # Group b began with text, so that it refuses numbers; a refuses text, and sums overflow in c.
  {
    echo '{"g":"b","x":"old","n":0}'
    for i in 1 2 3; do
      printf '{"g":"a","x":%d,"n":0}\n{"g":"b","x":%d,"n":0}\n' "$i" "$i"
    done
    echo '{"g":"a","x":"new","n":0}'
    for i in 1 2 3; do echo "{\"g\":\"c\",\"x\":$i,\"n\":4000000000000000000}"; done
  } | kwrite -q "$src"
  local how n=0 options=('' --no-combine)
  for how in "${options[@]}"; do
    n=$((n + 1))
    new_topic "out$n" 1
    new_topic "dead$n" 1
    local out=out$n dead=dead$n
    out=${!out} dead=${!dead}
    run ktable -e -g "$out" $how --by g 'n=count(), hi=max(x), sum=sum(n)' "$src" "$out"
    [ "$status" -eq 4 ]
    [[ $output == *"$src [0] @ 2: "*"max(): cannot compare int with string"* ]]
    run ktable -e -g "$out" $how --by g --on-error "dead-letter:$dead" 'n=count(), hi=max(x), sum=sum(n)' "$src" "$out"
    [ "$status" -eq 0 ]
    consume "$out" -f '%k %s\n' | awk '{ row[$1] = $0 } END { for (key in row) print row[key] }' | sort >"rows$n"
    consume "$dead" -f '%s %h\n' | sort >"refused$n"
  done
  diff rows1 rows2
  diff refused1 refused2
  [ "$(wc -l <refused1)" -eq 5 ]
  grep -q '^{"g":"a","x":"new","n":0}.*kutils.offset=7' refused1
}

@test "ktable --having, --expires, --delete-if and computed columns: what stands in OUT after kills; each deletion once" {
  new_topic in 2
  new_topic busy 2
  new_topic live 2
  # k0..k9; sums grow and fall, so that rows begin and cease to match.
  # Each key is silent for ten minutes once.
  jq -nr 'range(6000) | select(. % 10 != (. / 600 | floor)) | "k\(. % 10)\t{\"k\":\"k\(. % 10)\",\"n\":\(if (. / 700 | floor) % 2 == 0 then 1 else -1 end),\"i\":\(.)}"' >lines
  having=(ktable -g "having-$in" --commit-interval 5ms:5ms --having 's > 20 && count() > 5' 's=sum(n), twice=s * 2')
  life=(ktable -g "life-$in" --commit-interval 5ms:5ms --time i --time-unit s --expires 1m --delete-if 's >= 30' 's=sum(n), n=count()')
  for n in 1 2 3; do
    sed -n "$((n * 1800 - 1799)),$((n * 1800))p" lines | produce "$in" -K "$(printf '\t')"
    for one in having life; do
      declare -n tool=$one
      local to=$busy
      [ "$one" = having ] || to=$live
      before=$(count "$to")
      start_tool "$one$n" "${tool[@]}" "$in" "$to"
      wait_for 30 count_at_least "$to" $((before + 1))
      kill -KILL "$started"
      rm -rf "${KUTILS_STATE_DIR:?}/$([ "$n" = 2 ] && echo "$one-$in" || echo none)"
    done
  done
  "${having[@]}" -e "$in" "$busy"
  "${life[@]}" -e "$in" "$live"
  for one in busy live; do
    # A deletion follows a row.
    consume "${!one}" -f '%k %S %s\n' | awk '$2 == -1 { if (!there[$1]) exit 1; there[$1] = 0; next } { there[$1] = 1 }'
    consume "${!one}" -f '%k %S %s\n' | awk '$2 == -1 { delete row[$1]; next } { row[$1] = $3 } END { for (k in row) print row[k] }' |
      jq -c '[.key, .s]' | sort >"$one.got"
  done
  cut -f 2 lines | jq -sc 'group_by(.k)[] | [.[0].k, (map(.n) | add)] | select(.[1] > 20)' | sort >busy.want
  same busy.want busy.got
  # Over lines the same, in one process and without a kill.
  cut -f 2 lines | ktable --by k --time i --time-unit s --expires 1m --delete-if 's >= 30' 's=sum(n), n=count()' | jq -c '[.k, .s]' | sort >live.want
  same live.want live.got
  [ -s live.want ]
}

@test "ktable --expires with --by: as over lines, whoever is killed; --having is not added to a group that ran without" {
  new_topic in 1
  new_topic live 2
  # Each key is silent for ten minutes once. One source, so that stream time is that of the lines.
  jq -nc 'range(4800) | select(. % 8 != (. / 600 | floor)) | {k: "k\(. % 8)", i: .}' >lines
  local tool=(ktable -g "life-$in" --commit-interval 5ms:5ms --by k --time i --time-unit s --expires 1m)
  for n in 1 2 3; do
    sed -n "$((n * 1400 - 1399)),$((n * 1400))p" lines | produce "$in"
    before=$(count "$live")
    start_tool "life$n" "${tool[@]}" 'n=count(), last=max(i)' "$in" "$live"
    wait_for 30 count_at_least "$live" $((before + 1))
    stop_tool "$started" KILL
    [ "$n" != 2 ] || rm -rf "${KUTILS_STATE_DIR:?}/life-$in"
  done
  "${tool[@]}" -e 'n=count(), last=max(i)' "$in" "$live"
  consume "$live" -f '%k %S %s\n' | awk '$2 == -1 { if (!there[$1]) exit 1; there[$1] = 0; next } { there[$1] = 1 }'
  consume "$live" -f '%k %S %s\n' | awk '$2 == -1 { delete row[$1]; next } { row[$1] = $3 } END { for (k in row) print row[k] }' | jq -c . | sort >got
  # One after the other key ended and began again, but the last.
  jq -sc 'group_by(.k)[] | {k: .[0].k} + ([foreach .[].i as $i ({n: 0}; if .last and $i - .last > 60 then {n: 1, last: $i} else {n: (.n + 1), last: $i} end)] | last)' lines |
    jq -c 'select(.last >= 4700)' | sort >want
  same want got
  [ "$(wc -l <want)" -eq 7 ]
  run ktable -e -g "life-$in" --commit-interval 5ms:5ms --by k --time i --time-unit s --expires 1m --having 'n > 2' 'n=count(), last=max(i)' "$in" "$live"
  [ "$status" -eq 2 ]
  [[ $output == *"--having was not set, is 'n > 2'"*"koffset reset --execute life-$in"* ]]
}

@test "kwindow --having and computed columns, kpipe, kquery: what stands in OUT after kills; taken back once" {
  new_topic in 2
  new_topic out 2
  new_topic piped 2
  jq -nr 'range(4000) | "k\(. % 5)\t{\"k\":\"k\(. % 5)\",\"n\":\(if (. / 90 | floor) % 2 == 0 then 3 else -2 end),\"i\":\(.)}"' >lines
  tool=(kwindow -g "windows-$in" -w 200s --time i --time-unit s --grace 2h --emit update --commit-interval 5ms:5ms --by k --having 's > 20' 's=sum(n), mean=s / count()')
  for n in 1 2 3; do
    sed -n "$((n * 1300 - 1299)),$((n * 1300))p" lines | produce "$in" -K "$(printf '\t')"
    before=$(count "$out")
    start_tool "window$n" "${tool[@]}" "$in" "$out"
    wait_for 30 count_at_least "$out" $((before + 1))
    kill -KILL "$started"
    [ "$n" != 2 ] || rm -rf "${KUTILS_STATE_DIR:?}/windows-$in"
  done
  sed -n '3901,4000p' lines | produce "$in" -K "$(printf '\t')"
  "${tool[@]}" -e "$in" "$out"
  kpipe -e -g "pipe-$in" kfilter 'n != 0' then ktable --by k --having 's > 100' 's=sum(n), mean=s * 1.0 / count()' then kmap 'k, mean' -- "$in" "$piped"
  consume "$out" -f '%s\n' | jq -c 'if ._deleted then [.k, .window_start, null] else [.k, .window_start, .s, .mean] end' >got
  jq -se 'reduce .[] as $w ({there: {}, good: true}; "\($w[0]) \($w[1])" as $id
    | .good = (.good and ($w[2] != null or .there[$id])) | .there[$id] = ($w[2] != null)) | .good' got
  jq -sc 'reduce .[] as $w ({}; if $w[2] == null then del(.["\($w[0]) \($w[1])"]) else .["\($w[0]) \($w[1])"] = $w end) | .[]' got | sort >out.got
  cut -f 2 lines | jq -sc 'group_by([.k, (.i / 200 | floor)])[] | {k: .[0].k, w: (.[0].i / 200 | floor * 200), s: map(.n) | add, c: length}
    | select(.s > 20) | [.k, (.w | todate | sub("Z$"; ".000Z")), .s, (.s / .c | floor)]' | sort >out.want
  same out.want out.got
  [ "$(grep -c null got)" -gt 0 ]
  kquery -g "windows-$in" "$out" | jq -c '[.k, .window_start, .s, .mean]' | sort >queried
  same out.want queried
  consume "$piped" -f '%s\n' | jq -sSc 'map({(.k): .mean}) | add' >piped.got
  cut -f 2 lines | jq -sSc '[group_by(.k)[] | {k: .[0].k, s: map(.n) | add, c: length} | select(.s > 100) | {(.k): (.s / .c)}] | add' >piped.want
  same piped.want piped.got
}

@test "rows of several MB: a state keeps them, also restored; where the changelog takes less, the message says what to do" {
  new_topic numbers 1
  new_topic counted 1
  kgen -q -c 150000 'i=_offset' "$numbers"
  kgen -q -c 150000 'i=_offset + 100000' "$numbers"
  ktable -q -e --total -g "$counted-g" 'n=count(), of=distinct(i)' "$numbers" "$counted"
  [ "$(kread -q -e "$counted" | tail -n 1)" = '{"n":300000,"of":250000}' ]
  rm -rf "$KUTILS_STATE_DIR"
  kgen -q -c 10 'i=_offset + 249995' "$numbers"
  ktable -q -e --total -g "$counted-g" 'n=count(), of=distinct(i)' "$numbers" "$counted"
  [ "$(kread -q -e "$counted" | tail -n 1)" = '{"n":300010,"of":250005}' ]
  # As an earlier version, or the cluster's policy, made it.
  ktopic alter --execute --config max.message.bytes=1048588 "$counted-g-changelog" >/dev/null
  kgen -q -c 10 'i=_offset' "$numbers"
  run ktable -e --total -g "$counted-g" 'n=count(), of=distinct(i)' "$numbers" "$counted"
  [ "$status" -eq 5 ]
  [[ $output == *"a row of the state has grown too large"*"takes 1048588 (max.message.bytes)"*"ktopic alter --execute --config max.message.bytes="*"$counted-g-changelog"* ]]
  ktopic alter --execute --config max.message.bytes=8388608 "$counted-g-changelog" >/dev/null
  ktable -q -e --total -g "$counted-g" 'n=count(), of=distinct(i)' "$numbers" "$counted"
  [ "$(kread -q -e "$counted" | tail -n 1)" = '{"n":300020,"of":250005}' ]
}
