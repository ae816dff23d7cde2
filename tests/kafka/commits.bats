#!/usr/bin/env bats
# What is committed, and what must not be: limits, records that fail half-way, calls that nobody answers.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

@test "-m ends at a record: what a command answered beyond it comes in the next run" {
  new_topic src
  new_topic dst
  seq 100 | produce "$src"
  kmap -m 5 '| cat' "$src" "$dst" 2>said
  same <(seq 5) <(consume "$dst")
  grep -q '5 in, 5 out' said
  kmap -e '| cat' "$src" "$dst"
  same <(seq 100) <(consume "$dst")
}

@test "-m: the windows that one record closes are all written" {
  new_topic src
  new_topic dst
  # three keys in one window, then a record that closes it
  printf '%s\n' '{"k":"a","t":1000}' '{"k":"b","t":2000}' '{"k":"c","t":3000}' '{"k":"d","t":20000}' \
    '{"k":"d","t":40000}' '{"k":"d","t":60000}' | kwrite -q --key k --time t - "$src"
  kwindow -e -m 1 --emit close -w 10s 'n=count()' "$src" "$dst"
  [ "$(consume "$dst" | jq -r .key | sort | tr '\n' ' ')" = "a b c " ]
  kwindow -e --emit close -w 10s 'n=count()' "$src" "$dst"
  [ "$(consume "$dst" | jq -r .key | sort | tr '\n' ' ')" = "a b c d d " ]
}

@test "a record that fails half-way is not in the state, and counts once when it is skipped" {
  new_topic src
  new_topic dst 1 max.message.bytes=2000
  # An output so large is refused by dst. As many records before it as make a commit due.
  { seq 30000 | sed 's/.*/{"k":1,"s":""}/'; printf '{"k":2,"s":"%05000d"}\n' 0
    seq 1000 | sed 's/.*/{"k":1,"s":""}/'; } | kwrite -q --key k - "$src"
  for _ in 1 2; do
    run ktable -e --emit update 'n=count(), s=last(s)' "$src" "$dst"
    [ "$status" -eq 4 ]
    says 'too large: an output made when it came'
  done
  ktable -e --emit update --on-error skip 'n=count(), s=last(s)' "$src" "$dst" 2>said
  kquery "$dst" | jq -c '[.key, .n]' >got
  same <(printf '["1",31000]\n["2",1]\n') got
  consume "$dst" | jq .n >got
  same <(seq 31000) got
}

@test "topics of the state that take small batches only get no others" {
  new_topic src 2
  new_topic dst 2
  test_topics create "$src-g-changelog" 2 cleanup.policy=compact max.message.bytes=5000
  test_topics create "$src-g-repartition" 2 max.message.bytes=5000
  seq 5000 | sed 's/.*/{"k":&}/' | produce "$src"
  ktable -e -g "$src-g" --by k 'n=count()' "$src" "$dst"
  [ "$(kquery "$dst" | grep -c '"n":1}')" -eq 5000 ]
}

@test "a slow command keeps its place in the group: what it has answered is committed in between" {
  new_topic src
  new_topic dst
  seq 400 | produce "$src"
  # 8 s for one batch; the group's patience is 6
  cat >slow <<'END'
while IFS= read -r line; do sleep 0.02; printf '%s\n' "$line"; done
END
  kmap -e -X max.poll.interval.ms=6000 -X session.timeout.ms=6000 '| sh ./slow' "$src" "$dst" 2>said
  same <(seq 400) <(consume "$dst")
  grep -q '^kmap: 400 in, 400 out' said
  if grep -q 'restarting from' said; then cat said; return 1; fi
}
