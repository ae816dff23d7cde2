#!/usr/bin/env bats
# What somebody new wants to do with a topic of orders (JSON, keyed by customer): running steps, their state, joins,
# windows, bad records. Each line was found from --help and the pages; looking into topics is in tasks.bats.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
  new_topic orders 2
  out=$orders-out group=$orders-step
}
teardown() { kafka_teardown; }

# order ID CUSTOMER AMOUNT [TIME]: a line for kwrite.
order() { echo "{\"id\":$1,\"customer\":\"$2\",\"amount\":$3,\"at\":\"${4:-2024-03-01T12:00:00Z}\"}"; }
put() { kwrite -q --key customer --time 'timestamp(at)' "$orders"; }
ids() { kread -q -e "$1" | jq .id | sort -n | xargs; }  # ids TOPIC

@test "11: start a step again from yesterday" {
  local old recent
  old=$(date -u -d '3 days ago' +%FT%TZ) recent=$(date -u -d '1 minute ago' +%FT%TZ)
  { order 1 a 5 "$old"; order 2 b 5 "$recent"; order 3 a 5 "$recent"; } | put
  kfilter -q -e -g "$group" 'amount > 1' "$orders" "$out"
  [ "$(ids "$out")" = '1 2 3' ]
  koffset reset --since yesterday "$group" >plan.out
  [ "$(klag --total -O json "$group" | jq .lag)" -eq 0 ]  # a plan until --execute
  koffset reset --since yesterday --execute "$group" >plan.out
  kfilter -q -e -g "$group" 'amount > 1' "$orders" "$out"
  [ "$(ids "$out")" = '1 2 2 3 3' ]
}

@test "12: throw away the state of a table and build it again" {
  { order 1 a 5; order 2 b 7; } | put
  ktable -q -e -g "$group" --by customer 'n=count()' "$orders" "$out"
  koffset reset --execute "$group" >plan.out
  ktable -q -e -g "$group" --by customer 'n=count()' "$orders" "$out"
  same <(printf '%s\n' '["a",1]' '["b",1]') <(kquery "$out" | jq -c '[.customer, .n]' | sort)
}

@test "13: which internal topics and directories of state belong to a group, and how large they are" {
  { order 1 a 5; order 2 b 7; } | put
  ktable -q -e -g "$group" --by customer 'n=count()' "$orders" "$out"
  ktopic list "^$group" >topics.out
  grep -qE "^$group-changelog .*changelog of $group" topics.out
  grep -qE "^$group-repartition .*repartition of $group" topics.out
  kstate list "$group" >state.out
  grep -qE "^$group +2 " state.out
  kstate list -O json "$group" | jq -e '.bytes > 0' >/dev/null
}

@test "14: wait in a script until a step has caught up, at most five minutes" {
  order 1 a 5 | put
  start_tool step kfilter -g "$group" true "$orders" "$out"
  kwait --timeout 5m lag 0 "$group"
  [ "$(ids "$out")" = 1 ]
  stop_tool "$started"
  order 2 a 5 | put
  refused_with 1 kwait --timeout 1s lag 0 "$group"
}

@test "15: are two topics equal, but for a field?" {
  new_topic again 3
  printf '%s\n' '{"id":1,"processed_at":1}' '{"id":2,"processed_at":2}' | kwrite -q "$orders"
  printf '%s\n' '{"id":2,"processed_at":7}' '{"id":1,"processed_at":8}' | kwrite -q "$again"
  kdiff -q --ignore processed_at "$orders" "$again"
  refused_with 1 kdiff -q "$orders" "$again"
}

@test "16: join orders with a CSV of customers" {
  { order 1 a 5; order 2 b 7; order 3 c 7; } | put
  printf 'customer,country\na,DE\nb,FR\n' >customers.csv
  kjoin -q -e --left --on customer "$orders" table:./customers.csv "$out"
  kread -q -e "$out" >joined.out
  same <(printf '%s\n' 1DE 2FR 3) <(jq -r '"\(.left.id // .id)\(.right.country // .country // "")"' joined.out | sort)
}

@test "17: the items of an order as records of their own" {
  echo '{"id":1,"items":[{"sku":"x"},{"sku":"y"}]}' | kwrite -q "$orders"
  kmap -q -e --each 'item=items' 'id, sku=item.sku' "$orders" "$out"
  same <(printf '%s\n' '{"id":1,"sku":"x"}' '{"id":1,"sku":"y"}') <(kread -q -e "$out")
}

@test "18: the largest orders of each day and country" {
  printf '%s\n' '{"id":1,"country":"DE","amount":5,"at":"2024-03-01T10:00:00Z"}' '{"id":2,"country":"DE","amount":9,"at":"2024-03-01T11:00:00Z"}' \
    '{"id":3,"country":"DE","amount":7,"at":"2024-03-01T12:00:00Z"}' '{"id":4,"country":"FR","amount":1,"at":"2024-03-01T12:00:00Z"}' \
    '{"id":5,"country":"DE","amount":2,"at":"2024-03-02T12:00:00Z"}' | kwrite -q --time 'timestamp(at)' "$orders"
  kwindow -q -e -w day --by country 'largest=top(id, 2, amount)' "$orders" "$out"
  kquery "$out" | jq -c '[.country, .largest]' | sort >top.out
  same <(printf '%s\n' '["DE",[2,3]]' '["DE",[5]]' '["FR",[4]]') top.out
}

@test "19: an alert if no order comes for ten minutes" {
  order 1 a 5 | put
  # Ten minutes in life.
  alert() { kwait --new --timeout "$1" record true "$orders" || echo 'no order' >alert.out; }
  alert 500ms
  [ -s alert.out ]
  rm alert.out
  start_tool orders kgen --rate 20 'id=_offset, customer="a"' "$orders"
  alert 30s
  [ ! -e alert.out ]
}

@test "20: a step as a service: instances that share the work, metrics, an end in good order" {
  local i
  new_topic many 3
  for i in 1 2 3; do
    start_tool "s$i" ktable --http 0 -g "$group" --by customer 'n=count()' "$many" "$out"
    local "pid$i=$started"
  done
  three() { [ "$(koffset show -O json "$group" | jq '.instances | length')" -eq 3 ]; }
  wait_for 60 three
  for i in 1 2 3; do order "$i" "c$i" 1; done | kwrite -q --key customer "$many"
  wait_for 60 kwait --timeout 1s lag 0 "$group"
  all() { ktop --once --every 0 -O json tools | jq -es "map(select(.group == \"$group\" and .status == \"ok\")) | length == 3"; }
  wait_for 60 all
  stop_tool "$pid1"
  [ "$status" -eq 143 ]
  two() { [ "$(koffset show -O json "$group" | jq '.instances | length')" -eq 2 ]; }
  wait_for 60 two
}

@test "21: drop a field within a field" {
  echo '{"id":1,"user":{"name":"Ada","email":"a@b"}}' | kwrite -q "$orders"
  kmap -q -e '*, -user.email' "$orders" "$out"
  [ "$(kread -q -e "$out")" = '{"id":1,"user":{"name":"Ada"}}' ]
}

@test "22: what is not JSON: lines of syslog, CSV with a header, Avro, bytes" {
  echo '<34>Oct 11 22:14:15 host su: failed' |
    kwrite -q -I 're:<(?P<priority>[0-9]+)>(?P<at>.{15}) (?P<host>[^ ]+) (?P<text>.*)' "$orders"
  printf 'id,amount\n7,2.5\n' | kwrite -q -I csv "$orders"
  kread -q -e "$orders" | sort >json.out
  jq -se 'any(.host == "host" and .text == "su: failed") and any(.id == 7 and .amount == 2.5)' json.out >/dev/null
  new_topic bytes
  printf '\001\377x\n' | produce "$bytes"
  kfilter -q -e --value-codec raw 'size(_value) == 3' "$bytes" "$out"
  [ "$(consume "$out" -f %s | od -An -tx1 | tr -d ' \n')" = 01ff78 ]
  # Avro by a program that knows it: it gets base64, a line each. jq stands for it here.
  kmap -q -e --value-codec raw '=base64.encode(_value)' "$bytes" "$bytes-b64"
  kmap -q -e '| jq --unbuffered -c "{code: .}"' "$bytes-b64" "$bytes-json"
  [ "$(kread -q -e "$bytes-json")" = '{"code":"Af94"}' ]
}

@test "23: a poison record is put aside, and comes back when the step is mended" {
  printf '%s\n' '{"id":1,"amount":5}' '{"id":2,"amount":"5 EUR"}' '{"id":3,"amount":7}' | kwrite -q "$orders"
  kfilter -q -e -g "$group" --on-error "dead-letter:$orders-dead" 'amount > 1' "$orders" "$out"
  [ "$(ids "$out")" = '1 3' ]
  [ "$(ids "$orders-dead")" = 2 ]
  # The mended step, over what was put aside.
  kfilter -q -e -g "$group-again" 'double(string(amount).replace(" EUR", "")) > 1.0' "$orders-dead" "$out"
  [ "$(ids "$out")" = '1 2 3' ]
}

@test "24: a secret for SASL that ps does not show" {
  # No broker asks for it here: it is taken from the environment or a file, and is not an argument.
  export KUTILS_X_SASL_PASSWORD=hidden
  start_tool step kfilter -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X sasl.username=u true "$orders" "$out"
  arguments() { ps -o args= -p "$started" | tee shown | grep -q sasl.username; }
  wait_for 20 arguments
  run grep hidden shown
  [ "$status" -eq 1 ]
  refused_with 2 kread -X sasl.mechanism=NO -F ./secret.conf "$orders"
  says secret.conf
}

@test "25: what a pipeline would do, before it runs" {
  order 1 a 5 | put
  kpipe --explain kfilter 'amount > 1' then ktable --by customer 'n=count()' -- "$orders" "$out" >plan.out
  grep -q "from $orders (2 partitions)" plan.out
  grep -q 'to '"$out" plan.out
  grep -q -- '-changelog' plan.out
  ktopic list "^$out\$" >list.out 2>&1 || true
  if grep -qE "^$out " list.out; then return 1; fi  # nothing was made
}
