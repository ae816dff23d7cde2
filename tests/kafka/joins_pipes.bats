#!/usr/bin/env bats
# shellcheck disable=SC2154,SC1010
# kjoin as a stage of kpipe: it gives what the tools give one after the other.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/joins.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# The newest row of each key, tombstones left out.
newest() { all "$1" | awk -F = '{ row[$1] = $0 } END { for (k in row) if (row[k] !~ /=-$/) print row[k] }' | sort; }

@test "kpipe: kjoin as the first stage, and as a later one beside a table, a file and a whole topic" {
  new_topic orders 2
  new_topic sent 2
  new_topic users 2 cleanup.policy=compact
  new_topic out 2
  rows "$users" 'a:{"name":"Ann"}' 'b:{"name":"Bob"}'
  rows "$orders" 'a:{"id":1,"user":"b"}' 'b:{"id":2,"user":"a"}' 'c:{"id":3,"user":"a"}'
  rows "$sent" 'a:{"of":1}' 'c:{"of":3}'
  kpipe -q -e -g "one-$out" kjoin --within 1h "$sent" then kfilter 'right.of > 1' then kmap 'left.id' -- "$orders" "one-$out"
  same <(echo 'c={"id":3}') <(all "one-$out")
  kpipe -q -e -g "$out" kfilter 'id < 3' then kjoin --select 'left.id, right.name' "table:$users" then kmap '*, more=1' -- "$orders" "$out"
  same <(printf '%s\n' 'a={"id":1,"name":"Ann","more":1}' 'b={"id":2,"name":"Bob","more":1}') <(all "$out")
  kpipe -q -e -g "by-$out" kgroupby user then kjoin --on _key --select 'left.id, right.name' "table:$users" -- "$orders" "by-$out"
  same <(printf '%s\n' 'a={"id":2,"name":"Ann"}' 'a={"id":3,"name":"Ann"}' 'b={"id":1,"name":"Bob"}') <(all "by-$out" | sort)
  kpipe -q -e -g "all-$out" kgroupby user then kjoin --global --select 'left.id, right.name' "table:$users" -- "$orders" "all-$out"
  same <(printf '%s\n' 'a={"id":2,"name":"Ann"}' 'a={"id":3,"name":"Ann"}' 'b={"id":1,"name":"Bob"}') <(all "all-$out" | sort)
  # A file: between topics, from a topic to lines, and between lines without a broker.
  printf 'id,name\n1,Ann\n3,Cid\n' >users.csv
  kpipe -q -e -g "file-$out" kfilter 'id > 1' then kjoin --left --on id --select 'left.id, right.name' table:./users.csv -- "$orders" "file-$out"
  same <(printf '%s\n' 'b={"id":2,"name":null}' 'c={"id":3,"name":"Cid"}') <(all "file-$out")
  same <(echo '{"n":"Ann"}') <(kpipe -q -e kjoin --on id table:./users.csv then kmap 'n=right.name' then kfilter 'n == "Ann"' -- "$orders" -)
  same <(echo '{"left":{"u":1},"right":{"id":1,"name":"Ann"}}') <(echo '{"u":1}' | KUTILS_BROKERS='' kpipe -q kjoin --on u=id table:./users.csv)
}

@test "kpipe: windows and groups of what a join makes; rows that no record caused meet their table's rows" {
  new_topic clicks 2
  new_topic users 2 cleanup.policy=compact
  new_topic names 2 cleanup.policy=compact
  new_topic cities 3 cleanup.policy=compact
  new_topic out 2
  rows "$cities" 'Ulm:{"on":"Donau"}' 'Bonn:{"on":"Rhein"}'
  rows "$users" 'a:{"city":"Ulm"}' 'b:{"city":"Bonn"}'
  rows "$names" 'a:{"name":"Ann"}' 'b:{"name":"Bob"}'
  rows "$clicks" 'a:{"n":1}' 'b:{"n":2}' 'a:{"n":3}' 'c:{"n":4}'
  kpipe -q -e -g "$out" kjoin "table:$users" then ktable --by right.city 'n=count(), total=sum(left.n)' -- "$clicks" "$out"
  same <(printf '%s\n' 'Bonn={"city":"Bonn","n":1,"total":2}' 'Ulm={"city":"Ulm","n":2,"total":4}') <(newest "$out")
  # What a commit makes of a table's rows goes on to the join behind it, also after a row of the table was read last.
  rows "$names" 'x:{"name":"Xi"}' 'y:{"name":"Yo"}' 'z:{"name":"Zoe"}'
  kpipe -q -e -g "n-$out" ktable 'n=count()' then kjoin --select 'left.n, right.name' "table:$names" -- "$clicks" "n-$out"
  same <(printf '%s\n' 'a={"n":2,"name":"Ann"}' 'b={"n":1,"name":"Bob"}') <(newest "n-$out")
  # Behind an internal topic, which has the count of partitions of the table beside it.
  rivers() {
    kpipe -q -e -g "$1-$out" kjoin --select 'left.n, right.city' "table:$users" then kgroupby city then \
      kjoin --on _key --merge "table:$cities" then ktable 'n=count(), river=last(on)' -- "$clicks" "$1-$out"
  }
  rivers c
  same <(printf '%s\n' 'Bonn={"key":"Bonn","n":1,"river":"Rhein"}' 'Ulm={"key":"Ulm","n":2,"river":"Donau"}') <(newest "c-$out")
  # In order of time there, too: a row that is newer than the records matches none of them.
  rows "$cities" 'Ulm:' 'Bonn:{"on":"Mosel"}'
  rivers d
  same <(newest "c-$out") <(newest "d-$out")
}

@test "kpipe: --on of two streams and a foreign key of two tables, as the first stage" {
  new_topic orders 2
  new_topic sent 3
  new_topic customers 3 cleanup.policy=compact
  new_topic out 2
  rows "$orders" 'o1:{"id":1,"customer":"a"}' 'o2:{"id":2,"customer":"b"}' 'o3:{"id":3,"customer":"a"}' 'o4:{"id":4,"customer":"z"}'
  rows "$sent" 's1:{"of":1}' 's3:{"of":3}'
  rows "$customers" 'a:{"country":"DE"}' 'b:{"country":"FR"}'
  kpipe -q -e -g "s-$out" kjoin --within 1h --on id=of "$sent" then kmap 'left.id' -- "$orders" "s-$out"
  same <(printf '%s\n' '1={"id":1}' '3={"id":3}') <(all "s-$out")
  # A group without rows may have been there in between.
  countries() { newest "$out" | grep -v '"n":0'; }
  counted() {
    kpipe -q -e -g "$out" kjoin --on customer "table:$customers" then kfilter 'left.id != 2' then ktable --by right.country 'n=count()' -- "table:$orders" "$out"
  }
  counted
  same <(echo 'DE={"country":"DE","n":2}') <(countries)
  # Changes of either side take back what they gave.
  rows "$orders" 'o3:' 'o4:{"id":4,"customer":"b"}'
  rows "$customers" 'b:{"country":"IT"}'
  rm -rf "$KUTILS_STATE_DIR"
  counted
  same <(printf '%s\n' 'DE={"country":"DE","n":1}' 'IT={"country":"IT","n":1}') <(countries)
  rows "$customers" 'a:'
  counted
  same <(echo 'IT={"country":"IT","n":1}') <(countries)
}

# envelopes FROM TO KIND: records of one second each, orders the last of it; users change, some go.
envelopes() {
  seq "$1" "$2" | awk -v kind="$3" -v q='\\"' '{
    ts = 1700000000000 + $1 * 1000
    if (kind == "users") { key = $1 % 23; value = $1 % 11 == 5 ? "" : "{" q "v" q ":" $1 "," q "c" q ":" q "c" $1 % 3 q "}" }
    if (kind == "sent") { ts += 100; key = $1 * 5 % 23; value = "{" q "of" q ":" $1 "}" }
    if (kind == "orders") { ts += 200; key = $1 * 3 % 23; value = "{" q "n" q ":" $1 "}" }
    printf "{\"topic\":\"t\",\"key\":\"k%d\",\"ts\":%.0f,\"tstype\":\"create\",\"payload\":%s}\n", key, ts, value == "" ? "null" : "\"" value "\"" }'
}

@test "kpipe: a filter, two joins and a table give what the tools by themselves give; kill -9 again and again, lost state" {
  local name round from filter join_table join_stream table
  for name in orders users sent out passed named met separate; do new_topic "$name" 3; done
  filter=(kfilter 'n % 7 != 0')
  join_table=(kjoin --select 'left.n, right.v, right.c' "table:$users")
  join_stream=(kjoin --left --within 20s --select 'left.n, left.v, left.c, right.of' "$sent")
  table=(ktable --by c 'rows=count(), n=sum(n), v=sum(v), of=sum(of)')
  pipe() { start_tool "pipe$1" kpipe -q -e -g "$out" "${filter[@]}" then "${join_table[@]}" then "${join_stream[@]}" then "${table[@]}" -- "$orders" "$out"; }
  # Records or rows of this round are committed.
  began() { test_topics committed "$out" "$orders" | awk -v from="$1" '$2 != "-" { n += $2 } END { exit !(n > from) }'; }
  for round in 0 1 2 3 4; do
    from=$((round * 600))
    for name in users sent orders; do envelopes $from $((from + 599)) $name | kcp -q - "${!name}"; done
    [ $round -ne 3 ] || rm -rf "$KUTILS_STATE_DIR"
    pipe $round
    case $round in 1) wait_for 60 group_is "$out" "Stable 1" ;; 4) break ;; *) wait_for 60 began $from ;; esac
    kill -KILL "$started"
    wait "$started" || :
  done
  end_of_tool "$started" 180
  [ "$status" -eq 0 ]
  "${filter[@]}" -q -e "$orders" "$passed"
  kjoin -q -e --select 'left.n, right.v, right.c' "$passed" "table:$users" "$named"
  kjoin -q -e --left --within 20s --select 'left.n, left.v, left.c, right.of' "$named" "$sent" "$met"
  "${table[@]}" -q -e "$met" "$separate"
  [ "$(newest "$separate" | wc -l)" -eq 3 ]
  same <(newest "$separate") <(newest "$out")
}

@test "kpipe: what a join cannot do as a stage is refused with what can be done; --explain shows its sources" {
  new_topic orders 2
  new_topic sent 2
  new_topic users 2 cleanup.policy=compact
  new_topic many 3 cleanup.policy=compact
  new_topic out 2
  refused_with 2 kpipe -q -e kgroupby user then kjoin "table:$users" -- "$orders" "$out"
  says "stage 2, kjoin" "changed the keys" "--on _key"
  refused_with 2 kpipe -q -e kgroupby user then kjoin --within 1s "$sent" -- "$orders" "$out"
  says "stage 2, kjoin" "changed the keys" "kgroupby before the pipe"
  refused_with 2 kpipe -q -e kfilter 'n > 1' then kjoin --within 1s --on id "$sent" -- "$orders" "$out"
  says "stage 2, kjoin" "only the first stage"
  refused_with 2 kpipe -q -e kfilter 'n > 1' then kjoin --on user "table:$users" -- "table:$orders" "$out"
  says "stage 2, kjoin" "foreign key" "make it the first stage"
  refused_with 2 kpipe -q -e kfilter 'n > 1' then kjoin --within 1s "$orders" -- "$orders" "$out"
  says "stage 2, kjoin" "is also IN" "kcp"
  refused_with 2 kpipe -q -e kjoin "table:$users" then kjoin "table:$users" -- "$orders" "$out"
  says "$users is read twice" "kcp"
  refused_with 2 kpipe -q -e kfilter 'n > 1' then kjoin "table:$many" -- "$orders" "$out"
  says "$orders has 2 partitions" "$many has 3 partitions" "kgroupby --partitions 2 _key $many"
  refused_with 2 kpipe -q -e kfilter 'n > 1' then kjoin "table:$out" -- "$orders" "$out"
  says "both RIGHT and OUT"
  refused_with 2 kpipe -q -e kbranch "$users=n > 1" then kjoin "table:$users" -- "$orders" "$out"
  says "$users" "would read what"
  refused_with 2 kpipe -q kfilter 'n > 1' then kjoin "table:$users"
  says "stage 2, kjoin" "is lines" "kwrite"
  run kpipe --explain kfilter 'n > 1' then kjoin "table:$users" then kgroupby left.n then kjoin --on _key "table:$many" -- "$orders" "$out"
  [ "$status" -eq 0 ]
  says "from $orders (2 partitions)" "and table:$users (2 partitions)" "2 kjoin (state)" "and table:$many (3 partitions)" "4 kjoin (state)"
}

# seconds FROM TO [FIELDS]: a record each second, keys by turns.
seconds() {
  seq "$1" "$2" | awk -v q='\\"' -v more="${3:-}" '{ printf "{\"topic\":\"t\",\"key\":\"k%d\",\"ts\":%.0f,\"tstype\":\"create\",\"payload\":\"{%sn%s:%d,%sg%s:%d%s}\"}\n",
    $1 % 8, 1700000000000 + $1 * 1000, q, q, $1, q, q, $1 % 2, more }'
}

@test "kpipe: windows close before an internal topic, and beside a table that a later stage joins" {
  new_topic clicks 4
  new_topic names 4 cleanup.policy=compact
  new_topic out 4
  seconds 0 399 | kcp -q - "$clicks"
  rows "$names" '0:{"name":"even"}' '1:{"name":"odd"}'
  # By record key, in the tasks of IN: each one hears of its own partition only.
  kpipe -q -e -g "$out" kwindow --emit close -w 10s 'n=count()' then ktable --by n 'm=count()' -- "$clicks" "$out"
  [ "$(newest "$out" | jq -Rs 'split("\n")[:-1] | map(sub("^[^=]*=";"") | fromjson | .n * .m) | add')" -gt 300 ]
  # By a field, behind the internal topic: all partitions of IN are waited for, and the table beside them is none of those.
  kpipe -q -e -g "w-$out" kwindow --emit close --by g -w 100s 'n=count()' then kjoin --select 'left.n, right.name' "table:$names" -- "$clicks" "w-$out"
  seconds 1000 1100 | kcp -q - "$clicks"
  kpipe -q -e -g "w-$out" kwindow --emit close --by g -w 100s 'n=count()' then kjoin --select 'left.n, right.name' "table:$names" -- "$clicks" "w-$out"
  [ "$(all "w-$out" | jq -R 'sub("^[^=]*=";"") | fromjson | .n' | jq -s add)" -eq 400 ]
  all "w-$out" | grep -q '"name":"even"'
}

@test "kpipe: partitions behind which keys are joined and counted in windows are read in order of time" {
  new_topic clicks 4
  new_topic names 4 cleanup.policy=compact
  new_topic out 4
  seconds 0 7999 | kcp -q - "$clicks"
  rows "$names" '0:{"name":"even"}' '1:{"name":"odd"}'
  kpipe -e -g "$out" kgroupby g then kjoin --on _key --left --select 'left.n, right.name' "table:$names" then kwindow --emit close -w 100s 'n=count()' -- "$clicks" "$out" 2>err.txt
  if grep late err.txt; then return 1; fi
  [ "$(all "$out" | jq -R 'sub("^[^=]*=";"") | fromjson | .n' | jq -s add)" -gt 7000 ]
}
