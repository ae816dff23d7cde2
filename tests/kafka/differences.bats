#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# kdiff on a real broker: each expectation is made with kcat and jq, or by hand.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# differs [OPTION]... LEFT RIGHT: exit code 1; the rows as "<key=value", in diff.out.
differs() {
  local code=0
  kdiff --json "$@" >diff.json 2>diff.err || code=$?
  [ $code -eq 1 ] || { echo "exit code $code: $(cat diff.err)"; return 1; }
  jq -r '.side + (if .key then .key + "=" else "" end) + .value' diff.json >diff.out
}

@test "as sets: other partitions, another order of records and of fields are no difference; doubles are" {
  new_topic a 3
  new_topic b 1
  seq 200 | sed 's/.*/k&:{"n":&,"t":"x"}/' | produce "$a" -K :
  seq 200 -1 1 | sed 's/.*/k&:{"t":"x", "n":&}/' | produce "$b" -K :
  kdiff "$a" "$b" 2>err
  grep -qF "200 records in $a, 200 in $b: no difference" err
  differs --bytes "$a" "$b"
  [ "$(wc -l <diff.out)" -eq 20 ]
  grep -qF '380 more differences' diff.err
  echo 'k7:{"n":7,"t":"x"}' | produce "$a" -K :
  echo 'k8:{"n":9,"t":"x"}' | produce "$b" -K :
  differs "$a" "$b"
  same <(printf '%s\n' '<k7={"n":7,"t":"x"}' '>k8={"n":9,"t":"x"}') <(sort diff.out)
  # The place is where kcat finds it.
  local place
  place=$(jq -r 'select(.side == ">").place' diff.json)
  [ "$place" = "$b [0] @ 200" ]
  [ "$(kcat -C -q -b "$KUTILS_BROKERS" -t "$b" -p 0 -o 200 -c 1)" = '{"n":9,"t":"x"}' ]
  refused_with 1 kdiff -q "$a" "$b"
  differs --ignore n "$a" "$b"  # seven and nine are the same now, and the keys differ
  same <(printf '%s\n' '<k7={"n":7,"t":"x"}' '>k8={"n":9,"t":"x"}') <(sort diff.out)
  kdiff -q --ignore n --ignore _key "$a" "$b"
}

@test "which of equal records is shown, and in which order, does not depend on which side was read first" {
  printf '%s\n' 'k8:{"n":8}' 'k1:{"n":1}' >one  # read whole before the other is: each side once
  printf '%s\n' 'k8:{"n":8}' 'k2:{"n":2}' 'k8:{"n":9}' 'k8:{"n":10}' >three
  differs -K : --ignore n ./one ./three
  same <(printf '%s\n' '<k1={"n":1}' '>k2={"n":2}' '>k8={"n":9}' '>k8={"n":10}') diff.out
  [ "$(jq -r .place diff.json | tail -n 2)" = $'./three, line 3\n./three, line 4' ]
  differs -K : --ignore n ./three ./one
  same <(printf '%s\n' '<k2={"n":2}' '>k1={"n":1}' '<k8={"n":9}' '<k8={"n":10}') diff.out
  differs -K : --ignore n --limit 2 ./three ./one
  grep -qF '2 more differences' diff.err
  # A key whose last record stands in another partition: the time says which is the last, not the reading.
  new_topic a 3
  for at in '2 300 third' '0 100 first' '1 200 second'; do
    read -r p ms value <<<"$at"
    echo "{\"topic\":\"$a\",\"partition\":$p,\"ts\":$ms,\"key\":\"k\",\"payload\":\"$value\"}" | kcp - "$a" -q
  done
  printf '%s\n' '{"key":"k","payload":"third"}' >last
  for _ in 1 2 3; do kdiff -q -J --by key "$a" ./last; done
}

@test "by key: the last value of each, deleted keys, and --ignore" {
  new_topic a 2
  new_topic b 2
  printf '%s\n' 'x:{"v":1,"at":1}' 'y:{"v":2,"at":1}' 'x:{"v":3,"at":2}' 'z:{"v":1}' 'z:' | produce "$a" -K : -Z
  printf '%s\n' 'y:{"v":2,"at":9}' 'x:{"v":3,"at":9}' 'w:{"v":1}' 'w:' | produce "$b" -K : -Z
  kdiff -q --by key --ignore at "$a" "$b"
  differs --by key "$a" "$b"
  same <(printf '%s\n' '<x={"v":3,"at":2}' '<y={"v":2,"at":1}' '>x={"v":3,"at":9}' '>y={"v":2,"at":9}') <(sort diff.out)
  kcp -e "$a" ./a.ndjson
  kdiff -q -J --by key "$a" ./a.ndjson
  kdiff -q -J "$a" ./a.ndjson
  kdiff -q -J --times --headers "$a" ./a.ndjson
  kread -e "$a" >values
  kdiff -q -Z null ./values "$a"
  kread -e "$a" | kdiff -q -Z null - "$a"
  refused_with 2 kdiff --by key "$a" ./values; says "lines have no keys" "-J"
}

@test "in order: the first difference of each partition; more at the end is a difference" {
  new_topic a 2
  new_topic b 2
  for p in 0 1; do seq 50 | kcat -P -q -b "$KUTILS_BROKERS" -t "$a" -p $p; done
  seq 50 | kcat -P -q -b "$KUTILS_BROKERS" -t "$b" -p 0
  seq 50 | sed 's/^30$/thirty/' | kcat -P -q -b "$KUTILS_BROKERS" -t "$b" -p 1
  differs --by order "$a" "$b"
  same <(printf '%s\n' '<null=30' '>null=thirty') diff.out
  kdiff -q --by order -p 0 "$a" "$b"
  kdiff -q --by order -p 1 -o :29 "$a" "$b"
  echo 51 | kcat -P -q -b "$KUTILS_BROKERS" -t "$b" -p 0
  differs --by order -p 0 "$a" "$b"
  same <(echo '>null=51') diff.out
  new_topic c 3
  refused_with 2 kdiff --by order "$a" "$c"; says "there are 2 in $a, 3 in $c" "-p"
  seq 50 >fifty
  kdiff -q --by order -p 0 -I text "$a" ./fifty
  printf '%s\n' 2 1 >two
  printf '%s\n' 1 2 >one
  kdiff -q ./one ./two
  refused_with 1 kdiff -q --by order ./one ./two
}

@test "the page's examples run" {
  new_topic clicks 1
  new_topic clicks_copy 2
  seq 5 | tee five | produce "$clicks"
  produce "$clicks_copy" <five
  sed -n '/^@examples/,/^# /p' "$KUTILS_SOURCE_DIR/man/kdiff.md" | grep '^    ' | sed "s/\bclicks_copy\b/$clicks_copy/g; s/\bclicks\b/$clicks/g" >examples
  [ "$(wc -l <examples)" -ge 3 ]
  while read -r example; do
    bash -o pipefail -c "$example" >out 2>err || { echo "$example: $(cat err)"; return 1; }
  done <examples
}
