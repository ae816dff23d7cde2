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
