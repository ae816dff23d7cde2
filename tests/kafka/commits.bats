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

@test "-m: records that a command answered beyond it are not in the state of the stages around it" {
  new_topic src
  seq 100 | sed 's/.*/k:{"id":&}/' | produce "$src" -K:
  seq 100 >want
  local number=0 pipe word most dst
  for pipe in "kmap |_cat then kscan n=count()" "kscan n=count() then kmap |_cat" \
    "kgroupby id-id then kmap |_cat then kscan n=count()"; do
    dst=dst$((++number))
    new_topic "$dst"
    dst=${!dst}
    local stages=()
    for word in $pipe; do stages+=("${word//_/ }"); done
    for most in 5 1 30; do kpipe -g "$dst" -e -m $most "${stages[@]}" -- "$src" "$dst"; done
    kpipe -g "$dst" -e "${stages[@]}" -- "$src" "$dst"
    same want <(consume "$dst" | jq .n)
  done
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

# Two groups whose rows grow: of b's more than OUT takes.
growing_rows() {
  new_topic src
  new_topic dst 1 max.message.bytes=600
  new_topic dead
  printf '%s\n' '{"k":"a","n":1,"t":1000}' '{"k":"b","n":1,"t":1000}' | kwrite -q --key k --time t - "$src"
}
grow_on() {
  { for n in 2 3 4; do printf '{"k":"b","n":%d,"t":1000,"s":"%0300d"}\n' "$n" 0; done
    echo '{"k":"a","n":2,"t":1000}'; } | kwrite -q --key k --time t - "$src"
}

@test "a record fails once, however many of its windows OUT refuses" {
  growing_rows
  grow_on
  kwindow -e --emit update --on-error dead-letter:"$dead" -w 40s/10s 'n=count(), all=collect(_value)' "$src" "$dst" 2>said
  # b's rows of two and three records and more are too large, in four windows each.
  same <(printf '%s\n' 3 4) <(consume "$dead" | jq .n)
  grep -q '2 dead letters, 2 failed (2 too large)' said
}

@test "a row that OUT refuses at a commit is the dead letter itself, and is said once for its key" {
  growing_rows
  local table=(ktable -e --on-error "dead-letter:$dead" 'n=count(), all=collect(_value)' "$src" "$dst")
  "${table[@]}"
  grow_on
  "${table[@]}" 2>said
  # OUT keeps b's old row; the dead letters have the new one, under its key.
  same <(printf 'a {"n":1}\nb {"n":1}\na {"n":2}\n') <(consume "$dst" -f '%k %s\n' | jq -Rr 'capture("(?<k>.) (?<v>.*)") | .k + " " + (.v | fromjson | {n} | tojson)')
  [ "$(consume "$dead" -f '%k %s\n' | sed 's/^b //' | jq .n)" -eq 4 ]
  [ "$(consume "$dead" -J | jq -r '.headers as $h | [range(0; $h|length; 2)] | map({($h[.]): $h[.+1]}) | add | [."kutils.topic", ."kutils.offset"] | join(" ")')" = "$src -1" ]
  grep -q 'an output made from the state: too large: {"key":"b","n":4' said
  grep -q 'OUT keeps the value that it has for this key' said
  # It is too large again, and for dead letters that take no more than OUT it has no value.
  new_topic small 1 max.message.bytes=600
  grow_on
  run ktable -e --on-error "dead-letter:$small" 'n=count(), all=collect(_value)' "$src" "$dst"
  [ "$status" -eq 0 ]
  [ "$(consume "$small" -f '%k %S\n')" = "b -1" ]
  # The state has it, and what is refused under `fail` is not committed.
  [ "$(kquery "$dst" b | jq .n)" -eq 7 ]
  echo '{"k":"b","n":9,"t":1000}' | kwrite -q --key k --time t - "$src"
  for _ in 1 2; do
    run ktable -e 'n=count(), all=collect(_value)' "$src" "$dst"
    [ "$status" -eq 4 ]
    says 'an output made from the state: too large: {"key":"b","n":8'
    says 'on-error skip'
  done
  [ "$(kquery "$dst" b | jq .n)" -eq 7 ]
  [ "$(count "$dst")" -eq 4 ]
}

@test "windows that a record closes and that OUT refuses are dead letters, not that record" {
  growing_rows
  grow_on
  echo '{"k":"c","n":1,"t":90000}' | kwrite -q --key k --time t - "$src"
  kwindow -e --emit close --on-error dead-letter:"$dead" -w 10s 'n=count(), all=collect(_value)' "$src" "$dst" 2>said
  [ "$(consume "$dead" -f '%k %s\n' | sed 's/^b //' | jq .n)" -eq 4 ]
  [ "$(consume "$dst" -f '%k\n')" = a ]
  grep -q '@ 6: too large: an output made when it came, {"key":"b"' said
}

@test "topics of the state that take small batches only get no others" {
  new_topic src 2
  new_topic dst 2
  test_topics create "$src-g-changelog" 2 cleanup.policy=compact max.message.bytes=5000
  test_topics create "$src-g-repartition" 2 max.message.bytes=1000
  seq 5000 | sed 's/.*/{"k":&}/' | produce "$src"
  ktable -e -g "$src-g" --by k 'n=count()' "$src" "$dst"
  [ "$(kquery "$dst" | grep -c '"n":1}')" -eq 5000 ]
}

@test "a slow command keeps its place in the group: what it has answered is committed in between" {
  new_topic src
  new_topic dst
  seq 400 | produce "$src"
  # 8 s for one batch; the group's poll interval and session time-out are 6
  cat >slow <<'END'
while IFS= read -r line; do sleep 0.02; printf '%s\n' "$line"; done
END
  kmap -e -X max.poll.interval.ms=6000 -X session.timeout.ms=6000 '| sh ./slow' "$src" "$dst" 2>said
  same <(seq 400) <(consume "$dst")
  grep -q '^kmap: 400 in, 400 out' said
  if grep -q 'restarting from' said; then cat said; return 1; fi
}

@test "a signal while a command is silent: the tool ends soon, nothing is lost or doubled" {
  new_topic src
  new_topic dst
  seq 5 | produce "$src"
  # The first time it answers two lines and then no more, as a command that buffers.
  cat >command <<'END'
[ ! -e again ] || exec cat
read -r a; echo "$a"; read -r b; echo "$b"
echo 1 >again
exec sleep 1000
END
  start_tool one kmap '| sh ./command' "$src" "$dst"
  wait_for 20 test -e again
  stop_tool "$started" TERM 12  # its silence would be borne for 30 s
  [ "$status" -eq 143 ]
  kmap -e '| sh ./command' "$src" "$dst"
  same <(seq 5) <(consume "$dst")
  rm again
  # To lines, with a group of its own.
  start_tool lines kmap -g "$dst-lines" '| sh ./command' "$src"
  wait_for 20 test -e again
  stop_tool "$started" TERM 12
  [ "$status" -eq 143 ]
  kmap -g "$dst-lines" -e '| sh ./command' "$src" >>lines.out
  same <(seq 5) lines.out
}

@test "a command that fails: the group is left, so that the corrected one runs at once" {
  new_topic src
  new_topic dst
  seq 5 | produce "$src"
  local wrong
  # Whether the command is gone before it is written to differs from run to run.
  for wrong in '| head -n 1' '| no-such-command' '| true' '| true' '| true'; do
    run kmap -e -g "$dst" "$wrong" "$src" "$dst"
    [ "$status" -eq 4 ]
    wait_for 5 group_is "$dst" "Empty 0"
  done
  # Nor does a log that nobody reads end it.
  kmap -e -g "$dst" '| cat' "$src" "$dst" 2> >(:)
  same <(seq 5) <(consume "$dst")
}
