#!/usr/bin/env bats
# The stateless tools between topics, lines and files, as a new user runs them, on a real broker.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

clicks() {
  local i
  for i in $(seq "$1"); do printf '{"uri":"/%d","number":%d,"email":"u%d@x.org"}\n' $((i % 7)) "$i" "$i"; done
}

@test "filter, map, groupby from topic to topic give what jq gives" {
  clicks 3000 >in
  new_topic src 3
  kwrite -q --key uri ./in "$src"
  popular=$(topic_name popular) mapped=$(topic_name mapped) grouped=$(topic_name grouped)
  kfilter -e 'number >= 100' "$src" "$popular"
  kmap -e 'uri, twice=number * 2' "$popular" "$mapped"
  kgroupby -e uri "$mapped" "$grouped"
  consume "$grouped" -J | jq -c '[.key, .payload]' | sort >got
  jq -c 'select(.number >= 100) | [.uri, ({uri, twice: (.number * 2)} | tojson)]' in | sort >want
  same want got
  # again: nothing is new
  kgroupby -e uri "$mapped" "$grouped"
  [ "$(count "$grouped")" -eq 2901 ]
}

@test "kmap --each: one record to several between topics, all of them or none" {
  # The fourth record's second item is larger than dst takes.
  jq -nc '(1, 2, 3), 4, 5 | {id: ., l: [range(.)]} | if .id == 4 then .l = [1, ("x" * 3000), 2] else . end' >in
  new_topic src 1
  new_topic dst 2 max.message.bytes=2000
  kwrite -q ./in "$src"
  run kmap -e -g "$dst.g" --each 'x=l' 'id, x' --key 'string(id)' "$src" "$dst"
  [ "$status" -eq 4 ]
  [[ $output == *"$src [0] @ 3: too large"* ]]
  jq -c 'select(.id < 4) | {id, x: .l[]}' in | sort >want
  same want <(consume "$dst" | sort)
  # The next run meets it again, and nothing of it is written; skipped, all else is there once.
  run kmap -e -g "$dst.g" --each 'x=l' 'id, x' --key 'string(id)' "$src" "$dst"
  [ "$status" -eq 4 ]
  same want <(consume "$dst" | sort)
  kmap -e -g "$dst.g" --on-error skip --each 'x=l' 'id, x' --key 'string(id)' "$src" "$dst"
  jq -c 'select(.id == 5) | {id, x: .l[]}' in >>want
  same <(sort want) <(consume "$dst" | jq -c 'select(.id != 4)' | sort)
  # -m ends with the record that wrote the Nth output.
  out=$(topic_name out)
  kmap -e -m 2 --each 'x=l' 'id, x' "$src" "$out"
  [ "$(count "$out")" -eq 3 ]
}

@test "topic to lines, topic to file, file to topic" {
  clicks 100 >in
  new_topic src 3
  kwrite -q ./in "$src"
  kfilter -e 'number > 90' "$src" | jq .number | sort -n >got
  same <(seq 91 100) got
  kfilter -e 'number > 90' "$src" ./file
  [ "$(wc -l <file)" -eq 10 ]
  # Also to a file that is there.
  for _ in 1 2; do
    kmap -e number "$src" ./numbers
    [ "$(wc -l <numbers)" -eq 100 ]
  done
  new_topic dst
  kmap '=number' ./file "$dst"
  consume "$dst" | sort -n >got
  same <(seq 91 100) got
  kread -e -c 3 "$dst" >got
  [ "$(wc -l <got)" -eq 3 ]
}

@test "kbranch: the first match wins, the rest to OUT, all of it" {
  for n in 10 50 39 40 5 100; do echo "{\"total\":$n}"; done >in
  new_topic rides
  low=$(topic_name low) high=$(topic_name high)
  kwrite -q ./in "$rides"
  kbranch -e "$low=total < 40" "$rides" "$high"
  same <(printf '%s\n' 5 10 39) <(consume "$low" | jq .total | sort -n)
  same <(printf '%s\n' 40 50 100) <(consume "$high" | jq .total | sort -n)
  # The same command goes on where it stopped.
  echo '{"total":7}' | kwrite -q - "$rides"
  kbranch -e "$low=total < 40" "$rides" "$high"
  same <(printf '%s\n' 5 7 10 39) <(consume "$low" | jq .total | sort -n)
}

@test "kbranch --all: to each that matches, the rest to OUT" {
  seq 0 9 | jq -c '{n: .}' >in
  new_topic src 2
  kwrite -q --key 'string(n)' ./in "$src"
  even=$(topic_name even) big=$(topic_name big) rest=$(topic_name rest)
  kbranch -e --all "$even=n % 2 == 0, $big=n > 5" "$src" "$rest"
  same <(printf '%s\n' 0 2 4 6 8) <(consume "$even" | jq .n | sort -n)
  same <(printf '%s\n' 6 7 8 9) <(consume "$big" | jq .n | sort -n)
  same <(printf '%s\n' 1 3 5) <(consume "$rest" | jq .n | sort -n)
}

@test "a dead-letter topic that a tool makes takes a record of any time" {
  new_topic src 1 message.timestamp.after.max.ms=9223372036854775807
  dst=$(topic_name dst) dead=$(topic_name dead)
  jq -nc '[1, 2] | .[] | {ts: ((now * 1000 | floor) + (if . == 2 then 315360000000 else 0 end)), key: "k", payload: "{\"n\":\(.)}"}' |
    kwrite -q -J - "$src"
  kwindow -e --close-at-end -w 1h --on-error "dead-letter:$dead" 'n=count()' "$src" "$dst"
  same <(echo '{"n":2}') <(consume "$dead")
}

@test "kcp topic, file, topic keeps everything, and so do pipes of envelopes" {
  new_topic src 2
  kcp - "$src" <<'END'
{"partition":1,"ts":1700000000123,"tstype":"create","headers":["a","1","a","2","n",null],"key":"k","payload":"{\"n\": 1 }"}
{"partition":0,"ts":1700000000456,"tstype":"create","headers":["b",{"base64":"/w=="}],"key_base64":"AP8=","payload_base64":"AAEC/w=="}
{"partition":1,"ts":1700000000789,"tstype":"create","key":"gone","payload":null}
{"partition":1,"ts":1700000000790,"tstype":"create","key":"","payload":""}
{"partition":0,"ts":1700000000791,"tstype":"create","key":null,"payload":"{\"n\":2}"}
END
  new_topic copy 2
  kcp -e "$src" ./export
  [ "$(wc -l <export)" -eq 5 ]
  kcp ./export "$copy"
  local format='%p %T %k|%S|%s|%h\n'
  consume "$src" -f "$format" | sort >want
  consume "$copy" -f "$format" | sort >got
  same want got
  # A topic that kcp creates has room for all partitions of the file.
  local created
  created=$(topic_name created)
  kcp ./export "$created"
  consume "$created" -f "$format" | sort >got
  same want got
  [ "$(ktopic list -O json "$created" | jq .partitions)" -eq 2 ]
  kcp --partitions 3 ./export "$created-3"
  [ "$(ktopic list -O json "$created-3" | jq .partitions)" -eq 3 ]
  new_topic direct 2
  kcp -e "$src" "$direct"
  consume "$direct" -f "$format" | sort >got
  same want got
  new_topic piped 2
  kread -e -J "$src" | kfilter -J 'true' | kwrite -J "$piped"
  local free='%T %k|%S|%s|%h\n'
  consume "$src" -f "$free" | sort >want
  consume "$piped" -f "$free" | sort >got
  same want got
}

@test "--key, --header, --time and codecs on topics" {
  clicks 3 >in
  new_topic src
  new_topic dst
  kwrite -q ./in "$src"
  kfilter -e --key uri --header 'n=number' --time '1700000000000 + number' --value-codec json:json+base64 'true' "$src" "$dst"
  consume "$dst" -f '%T %k %h %s\n' >got
  [ "$(sed -n 1p got)" = "1700000000001 /1 n=1 $(sed -n 1p in | tr -d '\n' | base64 -w0)" ]
  kread -e --value-codec json+base64 "$dst" | jq .number >got
  same <(seq 3) got
}

@test "a bad record ends it with 4, skip and dead-letter go on" {
  new_topic src
  printf '%s\n' '{"n":1}' '{"n":' '{"n":3}' | produce "$src"
  new_topic dst
  run kfilter -e 'n > 0' "$src" "$dst"
  [ "$status" -eq 4 ]
  [[ $output == *"$src [0] @ 1"*"not JSON"* ]]
  [[ $output == *"kread -c 1 -p 0 -o 1 $src"* ]]
  [ "$(count "$dst")" -eq 1 ]
  dead=$(topic_name dead)
  run kfilter -e --on-error "dead-letter:$dead" 'n > 0' "$src" "$dst"
  [ "$status" -eq 0 ]
  [ "$(count "$dst")" -eq 2 ]
  [ "$(consume "$dead")" = '{"n":' ]
}

@test "-j: several workers in one process, each a member of its own" {
  clicks 6000 >in
  new_topic src 6
  kwrite -q ./in "$src"
  dst=$(topic_name dst) bad=$(topic_name bad)
  kfilter -e -j 3 'number >= 100' "$src" "$dst" 2>said
  [ "$(grep -c created said)" -eq 1 ]
  grep -q '6000 in, 5901 out, 99 filtered' said
  [ "$(count "$dst")" -eq 5901 ]
  # one that fails ends all, with its own error and code
  run kfilter -e -j 3 'nosuch > 1' "$src" "$bad"
  [ "$status" -eq 4 ]
  [[ $output == *"no field 'nosuch'"* ]]
  run kfilter -j 2 true - -
  [ "$status" -eq 2 ]
  run kfilter -j 2 -c 5 true "$src" "$dst"
  [ "$status" -eq 2 ]
}

@test "failed half way: what came before is committed, the position can be pasted, the next run goes on exactly once" {
  new_topic src
  { clicks 50; echo '{"number":'; clicks 50; } | produce "$src"
  new_topic dst
  run kfilter -e 'number > 0' "$src" "$dst"
  [ "$status" -eq 4 ]
  [ "$(count "$dst")" -eq 50 ]
  pasted=$(sed -n 's/^ *to see it: //p' <<<"$output")
  [ "$pasted" = "kread -c 1 -p 0 -o 50 $src" ]
  [ "$($pasted)" = '{"number":' ]
  run kfilter -e 'number > 0' "$src" "$dst"
  [ "$status" -eq 4 ]
  [ "$(count "$dst")" -eq 50 ]
  kfilter -e --on-error skip 'number > 0' "$src" "$dst"
  kfilter -e --on-error skip 'number > 0' "$src" "$dst"
  same <({ clicks 50; clicks 50; }) <(consume "$dst")
}

@test "signals end it after a commit; the next run has nothing to do" {
  local signal
  new_topic src
  clicks 100 | produce "$src"
  for signal in TERM:143 INT:130; do
    new_topic "dst_${signal%:*}"
    dst=dst_${signal%:*} dst=${!dst}
    start_tool "tool${signal%:*}" env --default-signal=INT kfilter -g "group-$dst" 'number > 0' "$src" "$dst"
    wait_for 30 count_is "$dst" 100
    stop_tool "$started" "${signal%:*}"
    [ "$status" -eq "${signal#*:}" ]
    run kfilter -e -g "group-$dst" 'number > 0' "$src" "$dst"
    [ "$status" -eq 0 ]
    [[ $output == *"0 in, 0 out"* ]]
  done
}

@test "a full disk under a file that a topic is read to" {
  [ -w /dev/full ] || skip "no /dev/full here"
  new_topic src
  clicks 3 | produce "$src"
  for tool in kread "kfilter number>0" kcp; do
    # shellcheck disable=SC2086
    case $tool in
      kread) run bash -c "kread -e $src >/dev/full" ;;
      *) run $tool -e "$src" /dev/full ;;
    esac
    [ "$status" -eq 5 ] || { echo "$tool: $status $output"; return 1; }
    [[ $output == *"No space left"* ]]
  done
}

@test "a forgotten SPEC, a misspelt topic and a partition that is not there" {
  new_topic src
  run kfilter "$src" ./out
  [ "$status" -eq 2 ]
  run kfilter plain "${src}x"
  [ "$status" -eq 2 ]
  # Both are there, so nothing can be refused.
  local clicks=clicks_$$_$RANDOM
  test_topics create "$clicks" 1
  run kfilter -e "$clicks" "$src"
  [[ $output == *"'$clicks' is taken as the EXPR, and there is a topic of that name; to read it: kfilter EXPR $clicks $src"* ]]
  run kmap -e "$clicks" "$src"
  [[ $output == *"'$clicks' is taken as the LIST, and there is a topic of that name; to read it: kmap LIST $clicks $src"* ]]
  run kread -e "${src}x"
  [ "$status" -eq 2 ]
  [[ $output == *"did you mean '$src'"* ]]
  run kread -e -p 7 "$src"
  [ "$status" -eq 2 ]
  [[ $output == *"has only 0"* ]]
  run kread -e -p 0,7 "$src" # the 7 is not left out in silence
  [ "$status" -eq 2 ]
  run kread -e -o stored "$src"
  [ "$status" -eq 2 ]
}

@test "a group made for something else refuses and says what differs" {
  new_topic src
  echo '{"n":1}' | produce "$src"
  new_topic dst
  kfilter -e 'n > 0' "$src" "$dst"
  run kfilter -e 'n > 5' "$src" "$dst"
  [ "$status" -eq 2 ]
  [[ $output == *"n > 0"*"n > 5"* ]]
  [[ $output == *"--accept-change"* ]]
  kfilter -e --accept-change 'n > 5' "$src" "$dst"
  kfilter -e 'n > 5' "$src" "$dst" # and that is what the group is for now, though nothing had come
}

@test "a group that failed at its first record takes the corrected command; not while another process runs, nor once a record was processed" {
  new_topic src 2
  printf '%s\n' '{"n":1}' '{"n":2}' | produce "$src"
  new_topic dst
  refused_with 4 kfilter -e 'm > 0' "$src" "$dst"
  run kfilter -e 'n > 1' "$src" "$dst"
  [ "$status" -eq 0 ]
  [[ $output == *"has processed no record yet: it takes this configuration"* ]]
  [ "$(consume "$dst" | jq .n)" = 2 ]
  refused_with 2 kfilter -e 'n > 0' "$src" "$dst"
  says "stores another configuration"
  # Nothing has come, and somebody waits for it.
  new_topic quiet
  new_topic none
  kfilter 'n > 1' "$quiet" "$none" 2>waits.err 3>&- &
  local waits=$!
  is_read() { koffset list -O json | grep -F "$quiet" | grep -q Stable; }
  wait_for 20 is_read
  refused_with 2 kfilter -e 'n > 2' "$quiet" "$none"
  kill "$waits"
  wait "$waits" || true
  kfilter -e 'n > 2' "$quiet" "$none"
  kfilter -e 'n > 2' "$quiet" "$none"
}

@test "a group with state that failed at its first record takes the corrected command, also with --by" {
  new_topic src 2
  printf '%s\n' '{"n":1,"k":"a"}' '{"n":2,"k":"a"}' '{"n":3,"k":"b"}' | kwrite -q "$src"
  new_topic dst
  refused_with 4 ktable -e 'n=count()' "$src" "$dst"
  says "no key: use --by"
  refused_with 4 ktable -e 'n=count(), s=sum(n)' "$src" "$dst"
  run ktable -e --by k 'n=count()' "$src" "$dst"
  [ "$status" -eq 0 ]
  [[ $output == *"has processed no record yet: it takes this configuration"* ]]
  same <(printf '%s\n' '{"k":"a","n":2}' '{"k":"b","n":1}') <(consume "$dst" | sort)
  ktable -e --by k 'n=count()' "$src" "$dst"
  echo '{"n":3,"k":"b"}' | kwrite -q "$src"
  rm -rf "$KUTILS_STATE_DIR"
  ktable -e --by k 'n=count()' "$src" "$dst"
  same <(printf '%s\n' '{"k":"a","n":2}' '{"k":"b","n":1}' '{"k":"b","n":2}') <(consume "$dst" | sort)
  refused_with 2 ktable -e --by k 'n=count(), s=sum(n)' "$src" "$dst"
  says "stores another configuration"
  new_topic two
  refused_with 4 ktable -e --by m 'n=count()' "$src" "$two"
  run ktable -e --by k 'n=sum(n)' "$src" "$two"
  [ "$status" -eq 0 ]
  same <(printf '%s\n' '{"k":"a","n":3}' '{"k":"b","n":6}') <(consume "$two" | sort)
  # The state of --by has a partition more, of positions.
  new_topic three
  refused_with 4 ktable -e --by m 'n=count()' "$src" "$three"
  refused_with 2 ktable -e 'n=count()' "$src" "$three"
  says "stores another configuration, whose changelog topic has 3 partitions in place of 2" "koffset reset --execute"
}

@test "a group remembers what its expressions were given, not how it was spelled" {
  new_topic src
  echo '{"n":1}' | produce "$src"
  new_topic dst
  kfilter -e --arg min=0 'n > int(_arg.min)' "$src" "$dst"
  kfilter -e --arg min=0 '(n>int(_arg.min))' "$src" "$dst"
  for _ in 1 2; do kfilter -e -g "$dst-headers" --header a=n --header b=n+1 --header a=n+2 'n > 0' "$src" "$dst"; done
  run kfilter -e --arg min=1 'n > int(_arg.min)' "$src" "$dst"
  [ "$status" -eq 2 ]
  [[ $output == *"--arg min was '0', is '1'"* ]]
  run kfilter -e --arg min=0 --value-codec raw 'int(_arg.min) == 0' -g "$dst-codec" "$src" "$dst"
  run kfilter -e --arg min=0 'int(_arg.min) == 0' -g "$dst-codec" "$src" "$dst"
  [ "$status" -eq 0 ] # a stateless tool with a name notes it and goes on
  [[ $output == *"--value-codec was 'raw:raw', is not set"* ]]
  new_topic windows
  kwindow -e --total -w 60s --grace 60s 'n=count()' "$src" "$windows"
  kwindow -e --total -w 1m --grace 1m --emit commit 'n=count()' "$src" "$windows"
  run kwindow -e --total -w 1m --grace 2m 'n=count()' "$src" "$windows"
  [ "$status" -eq 2 ]
  [[ $output == *"--grace was '1m', is '2m'"* ]]
}

@test "a pattern that very many topics match" {
  # The counts of all their partitions would not fit into the metadata of a commit (4096 bytes).
  new_topic dst
  local name i
  name=$(topic_name many)
  for i in {1..150}; do test_topics create "$name.$i.of.longer.names" 1; done
  for i in 1 77 150; do echo "{\"n\":$i}" | kwrite -q "$name.$i.of.longer.names"; done
  kfilter -e -g "$dst" -o end 'n > 0' "^$name" "$dst"
  for i in 1 77 150; do echo "{\"n\":$((i + 1000))}" | kwrite -q "$name.$i.of.longer.names"; done
  # One that came later is read from its beginning, whatever -o said on the first start.
  echo '{"n":2000}' | kwrite -q "$name.0.new"
  kfilter -e -g "$dst" -o end 'n > 0' "^$name" "$dst"
  [ "$(kread -e "$dst" | sort | paste -sd' ')" = '{"n":1001} {"n":1077} {"n":1150} {"n":2000}' ]
}

@test "from lines a topic is created when the first good record is there, or at a good end" {
  src=$(topic_name new)
  # exists: whether the topic is there.
  exists() { ktopic list | grep -q "^$src "; }
  echo 'no json' >bad
  refused_with 4 kwrite ./bad "$src"
  if exists; then return 1; fi
  refused_with 2 kwrite --no-create ./bad "$src"; says "--no-create"
  printf 'no json\n{"n":1}\nno json\n' | kwrite -q --on-error skip - "$src" || true
  same <(echo '{"n":1}') <(kread -e "$src")
  src=$src-2
  kwrite -q - "$src" </dev/null
  exists
  # Behind a pipe that brought nothing it is not: the program in front of it may have failed.
  src=$src-pipe
  { kgen -c 5 clicks | kgroupby country | kwrite - "$src"; } 2>err.txt || true
  if exists; then return 1; fi
  grep -q "^kwrite: no record came through the pipe, so topic '$src' is not created" err.txt
  echo '{"n":1}' | kfilter -q 'n > 1' - "$src"
  exists
  src=$src-3
  mkfifo in
  start_tool one kwrite ./in "$src"
  exec 8>in
  echo '{"n":1}' >&8
  wait_for 20 exists
  # What is written is looked at from then on.
  ktopic delete --execute "$src" >/dev/null
  end_of_tool "$started"
  exec 8>&-
  file_has one.err "deleted"
}

@test "topics that are not there" {
  run kfilter -e 'n > 0' "$(topic_name nosuch)" "$(topic_name out)"
  [ "$status" -eq 2 ]
  [[ $output == *"no topic"* ]]
  new_topic src
  run kfilter -e --no-create 'n > 0' "$src" "$(topic_name out)"
  [ "$status" -eq 2 ]
  echo '{"n":1}' >afile
  run kread -e afile
  [ "$status" -eq 2 ]
  [[ $output == *"./afile"*"topic:afile"* ]]
  run timeout 5 kfilter -e 'n > 0' afile "$(topic_name out)"
  [ "$status" -eq 2 ]
  [[ $output == *"./afile"* ]]
  run kfilter -e 'n > 0' "$src" afile
  [ "$status" -eq 2 ]
  [[ $output == *"./afile"* ]]
}

@test "an unreachable broker and a wrong password end it soon with 3" {
  local before=$SECONDS
  run kfilter -e -b 127.0.0.1:1 'n > 0' a b
  [ "$status" -eq 3 ]
  [[ $output == *127.0.0.1:1* ]]
  [ "$(grep -c refused <<<"$output")" -eq 1 ] || { echo "told twice: $output"; return 1; }
  run kread -e -b "$KUTILS_SASL_BROKERS" -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN \
    -X sasl.username=kutils -X sasl.password=wrong a
  [ "$status" -eq 3 ]
  [[ ${output,,} == *authenti* ]]
  [ $((SECONDS - before)) -le 30 ]
}

@test "a record too large for the output topic is a record error" {
  new_topic src
  { printf '{"n":1,"x":"'; head -c 5000 /dev/zero | tr '\0' x; printf '"}\n{"n":2}\n'; } | produce "$src"
  new_topic dst 1 max.message.bytes=1000
  run kfilter -e 'n > 0' "$src" "$dst"
  [ "$status" -eq 4 ]
  [[ $output == *"too large"* ]]
  kfilter -e --on-error skip 'n > 0' "$src" "$dst"
  [ "$(count "$dst")" -eq 1 ]
}

# Five records of 2023 in two partitions, each in a transaction of its own, whose end has the time of now.
event_times() {
  new_topic src 2
  for n in 1 2 3 4 5; do
    printf '{"key":"%s","payload":"{\\"n\\":%d}","ts":%d}\n' $((n % 2)) "$n" $((1700000000000 + n)) | kwrite -q --atomic -J - "$src"
  done
  [ "$(kread -J -e "$src" | jq .partition | sort -u | wc -l)" -eq 2 ]
}

@test "--since and --until mean records, not the ends of transactions between them" {
  event_times
  [ "$(kread -e --until 1700000000004 "$src" | jq .n | sort | tr '\n' ' ')" = "1 2 3 " ]
  [ "$(kread -e --since 1700000000004 "$src" | jq .n | sort | tr '\n' ' ')" = "4 5 " ]
  [ "$(kread --since 1700000000002 --until 1700000000004 "$src" | jq .n | sort | tr '\n' ' ')" = "2 3 " ]
  [ -z "$(kread -e --since 1h "$src")" ]
  kfilter -e --since 1700000000004 'n > 0' "$src" "$src-out"
  [ "$(count "$src-out")" -eq 2 ]
}

@test "kread --tail counts records: not offsets of transactions' ends, and over all partitions" {
  event_times
  [ "$(kread -e --tail 1 "$src")" = '{"n":5}' ]
  [ "$(kread -e --tail 3 "$src" | sort | jq .n | tr '\n' ' ')" = "3 4 5 " ]
  [ "$(kread -e --tail 2 --until 1700000000004 "$src" | sort | jq .n | tr '\n' ' ')" = "2 3 " ]
  [ "$(kread -e --tail 9 "$src" | wc -l)" -eq 5 ]
  [ -z "$(kread -e --tail 0 "$src")" ]
}

@test "a record of time 0 does not become one of now" {
  new_topic src
  echo '{"key":"a","payload":"{\"n\":1}","ts":0}' >in
  run kwrite -J ./in "$src"
  [ "$status" -eq 0 ]
  [[ $output == *"0 ms since 1970"* ]]
  [ "$(kread -J -e "$src" | jq .ts)" -eq 1 ]
}

@test "kread: ranges, and a reader that hangs up on a quiet topic" {
  clicks 10 >in
  new_topic src
  kwrite -q ./in "$src"
  [ "$(kread -o 3 -c 2 "$src" | jq .number | tr '\n' ' ')" = "4 5 " ]
  [ "$(kread -e -o -2 "$src" | jq .number | tr '\n' ' ')" = "9 10 " ]
  [ "$(kread --tail 3 -e "$src" | jq .number | tr '\n' ' ')" = "8 9 10 " ]
  [ "$(kread -e --since 1h "$src" | wc -l)" -eq 10 ]
  run timeout 15 bash -c "kread $src | head -1"
  [ "$status" -eq 0 ]
  [ "$output" = "$(head -1 in)" ]
}

@test "in a group: a reader that hangs up on a quiet topic ends the tool" {
  clicks 10 >in
  new_topic src
  kwrite -q ./in "$src"
  run timeout 20 bash -c "kfilter -q -g $src-group 'number > 0' $src | head -1"
  [ "$status" -eq 0 ]
  [ "$output" = "$(head -1 in)" ]
}

@test "partitions that are added while a topic is read on and on: read, too; windows of it end and say so" {
  new_topic grown 1
  echo '{"a":0}' | kwrite -q --key a "$grown"
  start_tool reads kread "$grown"
  reads=$started
  start_tool counts kwindow -w 1s 'count()' "$grown"
  counts=$started
  wait_for 10 test -s reads.out
  test_topics grow "$grown" 3
  for n in 1 2 3 4 5 6; do echo "{\"a\":$n}"; done | kwrite -q --key a "$grown"
  all_read() { [ "$(wc -l <reads.out)" -eq 7 ]; }
  wait_for 40 all_read
  file_has reads.err "has more partitions now: 2 new, read from the beginning"
  stop_tool "$reads"
  end_of_tool "$counts" 30
  [ "$status" -eq 2 ]
  file_has counts.err "start kwindow again"
}

@test "kwrite --atomic: all or nothing" {
  new_topic dst
  clicks 10 >in
  kwrite --atomic ./in "$dst"
  [ "$(count "$dst")" -eq 10 ]
  run bash -c "{ cat in; echo '{'; } | kwrite --atomic --on-error fail $dst"
  [ "$status" -eq 4 ]
  says "nothing was written" "11 in, 0 out"
  [ "$(count "$dst")" -eq 10 ]
}

@test "kbranch --to: each record once in the topic that it names, through kill -9; names that cannot be, and too many" {
  new_topic in 2
  new_topic rest 2
  new_topic bad 2
  awk 'BEGIN { for (i = 0; i < 4000; i++) printf "{\"n\":%d,\"to\":%s}\n", i, i % 5 == 4 ? "null" : "\"" i % 5 "\"" }' |
    kwrite --key n "$in"
  to='to == null ? null : "'$rest'-" + to'
  for round in 1 2 3; do
    start_tool "$round" kbranch -g "$rest" --to "$to" "$in" "$rest"
    wait_for 30 count_at_least "$rest" $((round * 50))
    kill -KILL "$started"
    end_of_tool "$started"
  done
  kbranch -e -g "$rest" --to "$to" "$in" "$rest"
  for i in 0 1 2 3; do
    same <(consume "$in" -f '%p %k %T %s\n' | grep "\"to\":\"$i\"" | sort) <(consume "$rest-$i" -f '%p %k %T %s\n' | sort)
  done
  same <(consume "$in" -f '%p %k %s\n' | grep null | sort) <(consume "$rest" -f '%p %k %s\n' | sort)
  # In the partitions' order.
  consume "$rest-1" -f '%p %k\n' | awk '$2 <= last[$1] && ($1 in last) { exit 1 } { last[$1] = $2 }'
  # What is no topic, what is read, and the third of two are bad records.
  new_topic more 1
  printf '%s\n' '"a b"' '"__x"' "\"$more\"" 1 "\"$rest-0\"" "\"$rest-1\"" "\"$rest-new\"" | sed 's/.*/{"to":&}/' | kwrite "$more"
  kbranch -e -g "$rest.more" --topics 2 --on-error "dead-letter:$bad" --to to "$more" "$rest" 2>err
  grep -q '7 in, 2 out' err
  same <(printf '{"to":%s}\n' '"__x"' '"a b"' "\"$more\"" "\"$rest-new\"" 1 | sort) <(consume "$bad" | sort)
  run kbranch -e -g "$rest.named" --to '"x"' "$in" -
  [ "$status" -eq 2 ]
  run kbranch --to --all to "$in" "$rest"
  [ "$status" -eq 2 ]
}

@test "kbranch --to: a topic that it named and that is deleted while it runs is no longer created: code 2 and which" {
  new_topic in 1
  new_topic rest 1
  start_tool branch kbranch -g "$rest" --to "to == null ? null : '$rest-' + to" "$in" "$rest"
  printf '%s\n' '{"to":"a"}' '{"to":"b"}' '{"to":null}' | kwrite -q "$in"
  wait_for 30 count_is "$rest" 1
  wait_for 30 caught_up "$rest" "$in"
  test_topics delete "$rest-b"
  wait_for 20 file_has branch.err "topic '$rest-b' was deleted while the tool wrote"
  end_of_tool "$started" 30
  [ "$status" -eq 2 ]
  [ "$(grep -c "created topic $rest-b" branch.err)" -eq 1 ]
  run kread -e "$rest-b"
  says "no topic '$rest-b'"
}
