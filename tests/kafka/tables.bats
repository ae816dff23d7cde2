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
