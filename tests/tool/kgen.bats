#!/usr/bin/env bats
# Synthetic data: the same for a seed, well-formed, paced, and ended by a count or a reader that hangs up.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }
teardown() { kafka_teardown; }

@test "a seed gives the same data, no seed other data" {
  kgen --seed 7 --count 500 clicks >a
  kgen --seed 7 --count 500 clicks >b
  same a b
  ! diff -q <(kgen --count 500 clicks) <(kgen --count 500 clicks)
}

@test "all of it is JSON, with the promised fields" {
  [ "$(kgen --count 1000 clicks | jq -c 'select(.number >= 0 and .number < 200 and (.uri | startswith("/")) and has("email"))' | wc -l)" = 1000 ]
  [ "$(kgen --count 1000 taxi | jq -c 'select(.total_amount > 0 and has("VendorID") and (keys | length) == 18)' | wc -l)" = 1000 ]
}

@test "a list is evaluated for each record" {
  [ "$(kgen --count 3 'n=_offset * 2')" = '{"n":0}
{"n":2}
{"n":4}' ]
  [ "$(kgen -c 2 '=_offset')" = '0
1' ]
}

@test "a mistyped name is no list" {
  run kgen --count 1 clik
  [ "$status" = 2 ]
  [[ "$output" == *"kgen has no records to read"* ]]
}

@test "it ends when the reader hangs up" {
  kgen clicks | head -1 | jq -e .number
}

@test "--key, --time and --header of a list see the record that it makes" {
  [ "$(kgen -c 2 -J --key user --time 'n * 1000' --header 'h=n + 1' 'user="u" + string(_offset), n=_offset')" = '{"tstype":"create","ts":0,"headers":["h","1"],"key":"u0","payload":"{\"user\":\"u0\",\"n\":0}"}
{"tstype":"create","ts":1000,"headers":["h","2"],"key":"u1","payload":"{\"user\":\"u1\",\"n\":1}"}' ]
  [ "$(kgen -c 1 --seed 1 -J --key uri clicks | jq -r .key)" = "$(kgen -c 1 --seed 1 clicks | jq -r .uri)" ]
}

@test "the distributions that the page names" {
  kgen --seed 1 -c 4000 clicks >clicks.ndjson
  [ "$(jq -s '[(map(.number) | min, max), (map(.country) | unique | length), (map(select(.uri | startswith("/product/") | not)) | length * 100 / 4000 | . > 56 and . < 64),
    (map(.user + "@example.org" == .email) | all), (map(.ms) | min >= 1.1 and max <= 400.9)]' -c clicks.ndjson)" = '[0,199,10,true,true,true]' ]
  kgen --seed 1 -c 4000 'user=cel.bind(r, random(), int(1000 * r * r * r)), a=["a", "b"][int(2 * random())]' >skewed.ndjson
  [ "$(jq -s '[(map(select(.user < 125)) | length * 100 / 4000 | . > 46 and . < 54), (map(.a) | unique | length)]' -c skewed.ndjson)" = '[true,2]' ]
}

@test "nexmark: kinds in proportion, fields, times, and references that exist" {
  kgen --seed 7 -c 10000 --event-rate 100 nexmark >events
  [ "$(jq -r .event events | sort | uniq -c | tr -s ' ' | tr '\n' ,)" = " 600 auction, 9200 bid, 200 person," ]
  [ "$(jq -c 'select(.event == "person") | keys_unsorted' events | uniq)" = '["event","id","name","emailAddress","creditCard","city","state","dateTime","extra"]' ]
  [ "$(jq -c 'select(.event == "auction") | keys_unsorted' events | uniq)" = '["event","id","itemName","description","initialBid","reserve","dateTime","expires","seller","category","extra"]' ]
  [ "$(jq -c 'select(.event == "bid") | keys_unsorted' events | uniq)" = '["event","auction","bidder","price","channel","url","dateTime","extra"]' ]
  [ "$(jq -r .dateTime events | sed -n '1p;2p;$p' | tr '\n' ,)" = "2026-01-01T00:00:00.000Z,2026-01-01T00:00:00.010Z,2026-01-01T00:01:39.990Z," ]
  # Ids count up. Who is named exists by then, but for ten ids in advance.
  [ "$(jq -sc 'map(select(.event == "auction").id) == [range(1000; 1600)], (map(select(.event == "person").id) == [range(1000; 1200)])' events | tr '\n' ,)" = true,true, ]
  [ "$(jq -nc 'foreach inputs as $e ({p: 999, a: 999}; if $e.event == "person" then .p = $e.id elif $e.event == "auction" then .a = $e.id else . end;
    select($e.event == "bid" and ($e.auction > .a + 10 or $e.bidder > .p + 10 or $e.auction < 1000 or $e.bidder < 1000) or $e.event == "auction" and ($e.seller > .p + 10 or $e.expires <= $e.dateTime)))' events)" = '' ]
  # The hot ones and the prices, each within a few percent.
  [ "$(jq -sc 'def share(f): (map(select(f)) | length) * 100 / length | round; map(select(.event == "bid")) | .[:2000] |
    [share(.auction == 1000 or .auction == 1100), share(.bidder == 1001), share(.channel | startswith("channel-")), share(.price < 100000)] | map(. / 10 | round)' events)" = '[5,8,5,5]' ]
  [ "$(jq -s 'map(select(.event == "bid").price) | min < 200 and max > 90000000 and max <= 100000000' events)" = true ]
}

@test "nexmark: one kind alone is the same events; out of order, each once" {
  kgen --seed 7 -c 5000 nexmark >events
  for kind in person:100 auction:300 bid:4600; do
    kgen --seed 7 -c "${kind#*:}" "nexmark:${kind%:*}" >one
    jq -c --arg kind "${kind%:*}" 'select(.event == $kind) | del(.event)' events >same
    same one same
  done
  kgen --seed 7 -c 5000 --out-of-order 1000 nexmark >mixed
  if cmp -s events mixed; then false; fi
  same <(sort events) <(sort mixed)
  [ "$(head -n 1000 mixed | sort | md5sum)" = "$(head -n 1000 events | sort | md5sum)" ]
}

@test "nexmark: its time is the record's; --begin, --event-rate and --rate set it" {
  [ "$(kgen --seed 7 -c 2 -J --begin 2026-02-01 --event-rate 1 nexmark | jq -c '[.ts, (.payload | fromjson | .dateTime)]' | tr '\n' ,)" = '[1769904000000,"2026-02-01T00:00:00.000Z"],[1769904001000,"2026-02-01T00:00:01.000Z"],' ]
  [ "$(kgen -c 2 -J --rate 500 nexmark | jq -c .ts | tr '\n' ,)" = '1767225600000,1767225600002,' ]
  run kgen -c 1 --event-rate 5 clicks
  [ "$status" = 2 ]
  [[ "$output" == *"--event-rate: only nexmark has times of its own"* ]]
  run kgen -c 1 --out-of-order 1906 nexmark
  [ "$status" = 2 ]
  [[ "$output" == *"--out-of-order: 1906 would leave the events in order, as every multiple of 953"*1907* ]]
  run kgen -c 1 --event-rate x nexmark
  [[ "$output" == *"--event-rate: 'x'"* ]]
}
