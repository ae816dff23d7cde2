#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# What people want to do with a topic of orders on their first day: one test for each task, whose command line is what a
# user finds in --help and the pages. Bodies stay short; details are tested elsewhere.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# orders N [PARTITIONS]: a topic in $orders with N records, keyed by customer (4701 to 4715), a second apart.
orders() {
  new_topic orders "${2:-4}"
  seq "$1" | awk '{ printf "{\"id\":%d,\"customer\":%d,\"level\":\"%s\",\"user\":{\"email\":\"u%d@x\"},\"amount\":%.1f,\"at\":%.0f}\n",
    $1, 4701 + $1 % 15, $1 % 10 ? "info" : "error", $1, $1 / 2, 1770000000000 + $1 * 1000 }' |
    kwrite -q --key 'string(customer)' --time at --header 'source="shop"' - "$orders"
}

@test "1. the last ten records, with key, time and headers" {
  orders 100
  kread -e --tail 10 -f '%k %T %h %s\n' "$orders" >got
  [ "$(wc -l <got)" -eq 10 ]
  [ "$(grep -cE '^47[01][0-9] 177000[0-9]* source=shop \{"id":(9[1-9]|100),' got)" -eq 10 ]
}

@test "2. what came since nine this morning" {
  new_topic orders
  local nine now
  now=$(date +%s) nine=$(TZ=Europe/Berlin date -d '09:00' +%s)
  [ "$nine" -le "$now" ] || nine=$(TZ=Europe/Berlin date -d 'yesterday 09:00' +%s)
  printf '{"n":1,"at":%s}\n{"n":2,"at":%s}\n' $(((nine - 60) * 1000)) $(((nine + 1) * 1000)) | kwrite -q --time at - "$orders"
  [ "$(TZ=Europe/Berlin kread -q -e --local --since 09:00 "$orders" | jq .n)" -eq 2 ]
}

@test "3. all records of customer 4711, reading only what must be read" {
  orders 150
  kread -e --key-is 4711 "$orders" 2>err >got
  [ "$(jq -s 'length, (map(.customer) | unique | first)' got | tr '\n' ' ')" = '10 4711 ' ]
}

@test "4. how many records there are, by partition" {
  orders 100
  kread -e --stats -O json "$orders" >got
  same <(consume "$orders" -f '%p\n' | sort | uniq -c | awk '{print $2, $1}') \
    <(jq -r 'select(.partition != null) | "\(.partition) \(.records)"' got)
  [ "$(jq 'select(.topic == "all").records' got)" -eq 100 ]
  [ "$(kread -e --count "$orders")" = 100 ]
  kread -e --stats "$orders" | grep -qE '^topic +partition +records +from +to '
}

@test "5. the record at partition 2, offset 41, and the ten around it" {
  new_topic orders 3
  seq 100 | sed 's/.*/{"n":&}/' | kwrite -q -p 2 - "$orders"
  same <(seq 37 47) <(kread -p 2 -o 36:47 "$orders" | jq .n)
  kread -q -c 1 -p 2 -o 41 -O hex "$orders" | head -1 | grep -q "^$orders \[2\] @ 41 "
}

@test "6. follow errors only, in colour, with local times" {
  orders 20
  TZ=Europe/Berlin start_tool follow kread --color always --where 'level == "error"' \
    -f '%{format_time(_time, "%H:%M:%S", "local")} %s\n' "$orders"
  wait_for 20 file_has follow.out '^03:40:20 '
  grep -q $'\033\\[' follow.out
  [ "$(wc -l <follow.out)" -eq 2 ]
  stop_tool "$started"
}

@test "7. the newest value of each key" {
  orders 100
  kread -q -e --latest-per-key "$orders" | jq -s 'length, (map(.id) | min)' | tr '\n' ' ' >got
  [ "$(cat got)" = '15 86 ' ]
}

@test "8. copy a time of a topic to a file and back, exactly" {
  orders 100
  new_topic copy 4
  kcp -q -e --since 2026-02-02T02:40:10Z --until 2026-02-02T02:41:00Z "$orders" ./part.ndjson
  kcp -q ./part.ndjson "$copy"
  [ "$(kread -e --count "$copy")" = 50 ]
  kdiff --headers --times --since 2026-02-02T02:40:10Z --until 2026-02-02T02:41:00Z "$orders" "$copy"
}

@test "9. which fields the records have, how often, of which type and size" {
  orders 100
  echo '{"id":"x","note":null}' | kwrite -q --key '"4701"' - "$orders"
  kread -e --types -O json "$orders" >got
  [ "$(jq -r 'select(.field == "id").types' got)" = 'int 100, string 1' ]
  [ "$(jq -c 'select(.field == "user.email") | [.times, .types]' got)" = '[100,"string 100"]' ]
  [ "$(jq -c 'select(.field == "note") | [.times, .percent == 1, .types]' got)" = '[1,true,"null 1"]' ]
}

@test "10. which groups read this topic, and how far behind they are" {
  orders 20
  kread -q -e -g "billing-$orders" "$orders" >read.out
  seq 5 | sed 's/.*/{"n":&}/' | kwrite -q - "$orders"
  koffset list -O json | jq -r --arg t "$orders" 'select(.topics | index($t)).group' >groups
  [ "$(cat groups)" = "billing-$orders" ]
  klag -O json --total "$(cat groups)" >lag
  [ "$(jq .lag lag)" -eq 5 ]
  [ "$(jq .age_ms lag)" -gt 0 ]
}
