#!/usr/bin/env bats
# shellcheck disable=SC2154
# kpipe on a real broker: it gives what its stages give as processes.

bats_require_minimum_version 1.5.0
setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

all() { consume "$1" -f '%k %s\n' | sort; }
clicks() { kgen clicks --seed 7 -c "$1" | kwrite "$clicks"; }
# $1 records from number $2 on, a tenth of a second apart, over all partitions.
timed_clicks() { kgen clicks --seed 7 -c "$1" | awk -v i="$2" '{ sub(/}$/, ",\"t\":" i++ "00}"); print }' | kwrite --time t "$clicks"; }

@test "a pipe of five stages equals five processes, also in several runs" {
  new_topic clicks 3
  for name in f g s t w out tables; do new_topic "$name" 3; done
  timed_clicks 3000 1
  for from in 3001 5001; do
    kfilter -e 'number >= 100' "$clicks" "$f"
    kgroupby -e uri "$f" "$g"
    kscore -e 'score=number * 2' "$g" "$s"
    ktable -e --emit update 'n=count(), total=sum(score)' "$s" "$t"
    kwindow -e -w 10s --emit close 'changes=count()' "$t" "$w"
    kpipe -e kfilter 'number >= 100' then kgroupby uri then kscore 'score=number * 2' \
      then ktable --emit update 'n=count(), total=sum(score)' then kwindow -w 10s --emit close 'changes=count()' -- "$clicks" "$out"
    timed_clicks 2000 "$from"
  done
  [ "$(all "$w" | wc -l)" -gt 0 ]
  same <(all "$w") <(all "$out")
  kpipe -e kfilter 'number >= 100' then kgroupby uri then ktable 'n=count(), total=sum(number)' -- "$clicks" "$tables"
  kfilter -e 'number >= 100' "$clicks" | sums >expected
  same expected <(kread -e "table:$tables" | jq -c '[.key,.n,.total]' | sort)
}

# uri, how many, sum of number: as jq has them.
sums() {
  jq -sc 'group_by(.uri)[] | [.[0].uri, length, (map(.number) | add)]' | sort
}

@test "two internal topics: counts of counts, by another key" {
  new_topic clicks 2
  new_topic out 2
  clicks 2000
  kpipe -g "$out" -e ktable --by uri 'n=count()' then kwindow --by 'n % 3' -w 1d --emit commit 'c=count()' -- "$clicks" "$out"
  kread -e "table:$out" >rows
  [ "$(jq -s 'map(.c) | add' rows)" -ge 1 ]
  kcat -b "$KUTILS_BROKERS" -L | grep -q "topic \"$out-repartition-2\""
  kpipe -g "$out" --explain ktable --by uri 'n=count()' then kwindow --by 'n % 3' -w 1d --emit commit 'c=count()' -- "$clicks" "$out" >tree
  grep -q "from $out-repartition-2 (2 partitions)" tree
  grep -q "from $clicks (2 partitions)" tree
  grep -q "changelog $out-changelog ([0-9]* partitions)" tree
  kfilter --explain -g g true "$clicks,$out" "$out-missing" | grep -q "from $clicks,$out$"
  kfilter --explain -g g true "^$clicks" "$out-missing" | grep -q 'not there yet'
  kfilter --explain true "$clicks" "$out-missing" | grep -q "to $out-missing (not there yet)"
}

@test "rows that a commit made go to a table by their own key, each by itself" {
  new_topic in 2
  for name in folded single; do new_topic "$name" 2; done
  printf '%s\n' 'a 1' 'b 2' 'a 3' 'c 4' | kwrite -q -K ' ' "$in"
  kpipe -q -e ktable 'n=count()' then ktable --by key 'ns=fold([], _acc + [n])' -- "$in" "$folded"
  kpipe -q -e ktable 'n=count()' then ktable --by key --no-combine 'ns=sum(n)' -- "$in" "$single"
  [ "$(all "$folded" | tr '\n' ,)" = 'a {"key":"a","ns":[2]},b {"key":"b","ns":[1]},c {"key":"c","ns":[1]},' ]
  [ "$(all "$single" | tr '\n' ,)" = 'a {"key":"a","ns":2},b {"key":"b","ns":1},c {"key":"c","ns":1},' ]
}

@test "a table through several stages of a pipe stays one: what a filter drops is deleted, and groups lose it" {
  new_topic users 2
  for name in rows counts lined; do new_topic "$name" 2; done
  put() { kwrite -q --key k "$users"; }
  run_all() {
    kpipe -q -e -g "$rows" kfilter 'n >= 1' then kmap 'k, n' then kfilter 'n < 100' -- "table:$users" "$rows"
    kpipe -q -e -g "$counts" kfilter 'n >= 1' then ktable --by g 'c=count(), s=sum(n)' -- "table:$users" "$counts"
  }
  printf '{"k":"%s","g":"%s","n":%d}\n' a x 1 b x 5 c y 7 d y 100 | put
  run_all
  same <(printf '{"k":"%s","n":%d}\n' a 1 b 5 c 7) <(kread -q -e "table:$rows" | sort)
  same <(echo '{"g":"x","c":2,"s":6}'; echo '{"g":"y","c":2,"s":107}') <(kread -q -e "table:$counts" | sort)
  # In a run of its own: b is filtered out, c moves to x, d comes back below 100.
  printf '{"k":"%s","g":"%s","n":%d}\n' b x 0 c x 8 d y 9 | put
  run_all
  same <(printf '{"k":"%s","n":%d}\n' a 1 c 8 d 9) <(kread -q -e "table:$rows" | sort)
  same <(echo '{"g":"x","c":2,"s":9}'; echo '{"g":"y","c":1,"s":9}') <(kread -q -e "table:$counts" | sort)
  # To lines: the rows at the end.
  same <(echo '{"k":"c"}'; echo '{"k":"d"}') <(kpipe -q -e kfilter 'n > 1' then kmap k -- "table:$users" | sort)
  # What reads no table does not read one behind a filter, either.
  run kpipe -e kfilter 'n > 1' then kwindow -w 1m 'count()' -- "table:$users" "$lined"
  [ "$status" -eq 2 ]
  says 'stage 2, kwindow:' 'does not read tables'
  run kpipe -e kfilter 'n > 1' then kgroupby g -- "table:$users" "$lined"
  [ "$status" -eq 2 ]
  says 'stage 2, kgroupby:' 'does not read tables'
}

@test "-j with --by and a pipe: the same rows; -c, whose records would stay in the internal topic, is refused" {
  new_topic clicks 4
  for name in one two piped; do new_topic "$name" 4; done
  clicks 4000
  ktable -q -e -g "$one" --by uri 'n=count()' "$clicks" "$one"
  ktable -q -e -j 3 -g "$two" --by uri 'n=count()' "$clicks" "$two"
  kpipe -q -e -j 3 -g "$piped" kfilter true then ktable --by uri 'n=count()' -- "$clicks" "$piped"
  [ "$(kread -q -e "table:$one" | jq -s 'map(.n) | add')" -eq 4000 ]
  same <(kread -q -e "table:$one" | sort) <(kread -q -e "table:$two" | sort)
  same <(kread -q -e "table:$one" | sort) <(kread -q -e "table:$piped" | sort)
  local command
  for command in "ktable -c 10 --by uri n=count() $clicks $two" "kwindow -c 10 --total -w 1m n=count() $clicks $two" \
    "kpipe -c 10 kgroupby uri then ktable n=count() -- $clicks $two"; do
    run $command
    [ "$status" -eq 2 ]
    says '-c: the first N records of' 'would wait in the internal topic' 'kread -c N'
  done
  ktable -q -c 10 --by uri 'n=count()' "$clicks" >lines # to lines there is no such topic
  [ "$(jq -s 'map(.n) | add' lines)" -eq 10 ]
}

@test "a record that the second stage refuses: fail, dead letters, skip" {
  new_topic in 1
  new_topic out 1
  new_topic dead 1
  printf '{"k":"%s","x":%s}\n' a 1 a 2 a '"bad"' a 4 | kwrite "$in"
  stages=(kmap '*, y=1' then kgroupby k then ktable --emit update 'n=count()' then kmap 'n, x=10 / (n - 3)')
  run -4 kpipe -g "$out" -e "${stages[@]}" -- "$in" "$out"
  [[ $output == *"stage 4, kmap: "* ]]
  # What came before it is committed, and of it nothing, in no stage's state.
  same <(printf '%s\n' '{"n":1,"x":-5}' '{"n":2,"x":-10}') <(kread -e "$out")
  run -0 kpipe -g "$out" -e --on-error "dead-letter:$dead" "${stages[@]}" -- "$in" "$out"
  same <(printf '%s\n' '{"n":1,"x":-5}' '{"n":2,"x":-10}' '{"n":4,"x":10}') <(kread -e "$out")
  kread -e -J "$dead" >letters
  [ "$(jq -r '.payload | fromjson | .n' letters)" = 3 ]
  grep -q 'stage 4, kmap' letters
  # A row of a state has no place in IN: no command to see it, for the internal topic's records are deleted.
  run -4 kpipe -g "$out-2" -e kgroupby k then ktable --emit update 'n=count()' then kgroupby n then kfilter 'n.x > 1' -- "$in" "$out"
  [[ $output == *"stage 4, kfilter: "* ]]
  [[ $output != *"to see it: kread"* ]] || { echo "$output"; return 1; }
}

# What a stage between two states refuses, n=3 of key a: rows and sums before it and behind it.
@test "a stage between two internal topics refuses a record: fail, then skip; dead letters" {
  new_topic in 1
  new_topic skipped 1
  new_topic letters 1
  new_topic dead 1
  printf '{"k":"%s"}\n' a a b a a | kwrite "$in"
  for out in "$skipped" "$letters"; do
    pipe=(kpipe -q -g "$out" -e ktable --by k --emit update 'n=count()' as "first-$out" then kmap 'n, y=10 / (n - 3)'
      then ktable --total --emit update 'rows=count(), ys=sum(y)' as "second-$out" -- "$in" "$out")
    for again in 1 2; do
      run -4 "${pipe[@]}"
      [[ $output == *"stage 2, kmap: "* ]]
      # What came before it is at least in the second internal topic, from where the next run takes it.
      same <(printf '%s\n' '{"k":"a","n":2}' '{"k":"b","n":1}') <(kquery "first-$out" | sort)
    done
    policy=skip
    [ "$out" = "$skipped" ] || policy=dead-letter:$dead
    run -0 "${pipe[@]:0:4}" --on-error "$policy" "${pipe[@]:4}"
    same <(printf '%s\n' '{"k":"a","n":4}' '{"k":"b","n":1}') <(kquery "first-$out" | sort)
    same <(echo '{"rows":4,"ys":-10}') <(kread -e "table:$out")
    same <(echo '{"rows":4,"ys":-10}') <(kquery "second-$out")
  done
  kread -e -J "$dead" >letters
  [ "$(jq -r '.payload | fromjson | .n' letters)" = 3 ]
  grep -q 'stage 2, kmap' letters
}

@test "a stage refuses a row that a commit made: what came before it is committed, in both states" {
  new_topic in 1
  new_topic out 1
  printf '{"k":"%s","x":1}\n' a b a b a b a b a c a b | kwrite "$in"
  pipe=(kpipe -q -g "$out" -e ktable --by k --no-combine 'n=count()' as rows then kmap 'n, y=10 / (n < 5 ? 1 : 0)'
    then ktable --total 'last=max(n)' as total -- "$in" "$out")
  run -4 "${pipe[@]}"
  [[ $output == *"stage 2, kmap: "* ]]
  [[ $output != *"@ -1"* ]]
  # The fifth a is the ninth record.
  same <(printf '%s\n' '{"k":"a","n":4}' '{"k":"b","n":4}') <(kquery rows | sort)
  run -4 "${pipe[@]}"
  run -0 "${pipe[@]:0:4}" --on-error skip "${pipe[@]:4}"
  same <(printf '%s\n' '{"k":"a","n":6}' '{"k":"b","n":5}' '{"k":"c","n":1}') <(kquery rows | sort)
  same <(echo '{"last":4}') <(kread -e "table:$out")
}

@test "kill -9 again and again: a pipe of two internal topics counts each record once" {
  new_topic in 2
  new_topic out 2
  seq 1 20000 | sed 's/.*/{"n":&}/' | kwrite "$in"
  pipe=(kpipe -g "$out" -e ktable --by 'n % 100' --emit update 'c=count()' then ktable --total 'rows=count(), last=max(c)' -- "$in" "$out")
  for i in 1 2 3 4 5 6; do
    "${pipe[@]}" 2>>log &
    pid=$!
    sleep "0.$((i * 17 % 10))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  "${pipe[@]}"
  # Each of 20,000 records is one change of its group.
  [ "$(kread -e "table:$out")" = '{"rows":20000,"last":200}' ]
}

@test "windows behind a filter that drops all of one partition close" {
  new_topic in 2
  new_topic out 2
  kpipe -q kfilter 'keep' then kwindow -w 1s --by k --emit close 'n=count()' -- "$in" "$out" 2>>log &
  pid=$!
  local i=0 limit=$((SECONDS + 60))
  while [ $SECONDS -lt $limit ]; do
    i=$((i + 1))
    printf '{"keep":true,"k":%s}\n' $((i % 3)) | kwrite -q -p 0 "$in"
    printf '{"keep":false,"k":1}\n' | kwrite -q -p 1 "$in"
    [ -z "$(kread -e "$out")" ] || break
  done
  kill "$pid"
  wait "$pid" || true
  [ -n "$(kread -e "$out")" ]
}

@test "further outputs of a stage before an internal topic go where they are to" {
  new_topic clicks 2
  new_topic out 2
  new_topic low 2
  clicks 1000
  kfilter -e 'number < 50' "$clicks" | sort >want
  run -0 kpipe -e kbranch "$low=number < 50" then ktable --total 'n=count()' -- "$clicks" "$out"
  same want <(kread -e "$low" | sort)
  [ "$(kread -e "table:$out")" = "{\"n\":$((1000 - $(wc -l <want)))}" ]
}

@test "kquery finds each stage's rows by its name, stopped and by --http" {
  new_topic clicks 2
  new_topic out 2
  clicks 500
  pipe=(kpipe -g "$out" ktable --by uri --emit update 'n=count()' as totals then kwindow -w 1d --emit commit 'changes=count()' -- "$clicks" "$out")
  "${pipe[@]::3}" -e "${pipe[@]:3}"
  kread -e "$clicks" | jq -sc 'group_by(.uri)[] | [.[0].uri, length]' | sort >want
  same want <(kquery totals | jq -c '[.uri,.n]' | sort)
  kquery "$out" >windows
  [ "$(jq -s 'map(.changes) | add' windows)" -eq 500 ]
  run -2 kquery nothing
  "${pipe[@]::3}" --http 127.0.0.1:0 "${pipe[@]:3}" 2>log &
  pid=$!
  until grep -q metrics log; do sleep 0.1; done
  at=$(sed -n 's#.*http://\([^/]*\)/metrics.*#\1#p' log | head -1)
  until kquery --http "$at" totals >rows 2>err; do sleep 0.2; done
  kill "$pid"
  wait "$pid" || true
  same want <(jq -c '[.uri,.n]' rows | sort)
}

@test "-e: a partition that a filter drops holds no window open, as with a topic between" {
  for name in in f w out; do new_topic "$name" 2; done
  for i in $(seq 1 9); do printf '{"keep":true,"k":%s,"t":%s000}\n' $((i % 3)) "$i"; done | kwrite -p 0 --time t "$in"
  for i in $(seq 1 9); do printf '{"keep":false,"k":1,"t":%s000}\n' "$i"; done | kwrite -p 1 --time t "$in"
  kfilter -e keep "$in" "$f"
  kwindow -e -w 2s --by k --emit close 'n=count()' "$f" "$w"
  kpipe -e kfilter keep then kwindow -w 2s --by k --emit close 'n=count()' -- "$in" "$out"
  [ "$(all "$w" | wc -l)" -ge 3 ]
  same <(all "$w") <(all "$out")
}

# How often each key was counted: "key n", as the rows of $1 say it; 210 of them if each key was counted as a whole.
keyed_counts() { all "$1" | sed -E 's/^(k[0-9]+) .*"n":([0-9]+).*/\1 \2/' | sort -u; }

@test "behind a stage that groups by another value, rows by record key are those of whole keys" {
  new_topic in 3
  for name in dedup scan changed table; do new_topic "$name" 3; done
  new_topic names 3 cleanup.policy=compact
  for i in 0 1 2 3 4 5 6; do echo "k$i {\"name\":\"k$i\"}"; done | kwrite -q -K ' ' "$names"
  for i in $(seq 0 209); do echo "k$((i % 7)) {\"id\":$i,\"g\":$((i % 4))}"; done | kwrite -q -K ' ' "$in"
  kpipe -e -g "$dedup" kdedup id --within 5s then kscan 'id, n=count()' -- "$in" "$dedup"
  kpipe -e -g "$scan" kscan --by g 'id, m=count()' then kscan 'id, n=count()' -- "$in" "$scan"
  kpipe -e -g "$changed" kfilter --changed id --by g then ktable --emit update 'n=count()' -- "$in" "$changed"
  for name in dedup scan changed; do [ "$(keyed_counts "${!name}" | wc -l)" -eq 210 ]; done
  # A row of the record key does not lie here: said, not looked up in vain.
  run kpipe -e -g "$table" kscan --by g 'id, m=count()' then kjoin "table:$names" -- "$in" "$table"
  [ "$status" -eq 2 ]
  [[ "$output" == *"equal keys are not together here"*"--on _key"* ]]
  kpipe -e -g "$table" kscan --by g 'id, m=count()' then kjoin --on _key --select 'right.name' "table:$names" -- "$in" "$table"
  all "$table" | awk '{ split($2, a, "\""); if ($1 != a[4]) exit 1; ++n } END { exit n != 210 }'
}

@test "behind kgroupby ksort puts the records of each new partition in order" {
  new_topic in 3
  new_topic out 3
  for i in $(seq 300); do echo "{\"k\":\"k$((i % 7))\",\"g\":\"g$((i % 5))\",\"t\":$((1700000000000 + i * 1000 - i % 3 * 1500))}"; done |
    kwrite -q --key k --time t "$in"
  kpipe -e -g "$out" kgroupby g then ksort --within 10s --close-at-end -- "$in" "$out"
  [ "$(all "$out" | wc -l)" -eq 300 ]
  consume "$out" -f '%p %o %T\n' | sort -k1,1n -k2,2n | awk '$1 == p && $3 < t { exit 1 } { p = $1; t = $3 }'
}

@test "a stage behind kbranch --to takes what has no topic" {
  new_topic in 2
  new_topic out 2
  printf '%s\n' '{"g":"a","n":1}' '{"g":null,"n":2}' '{"g":null,"n":3}' | kwrite -q "$in"
  kpipe -e -g "$out" kbranch --to "g == null ? null : '$out-' + g" then kfilter 'n > 2' -- "$in" "$out"
  [ "$(kread -e "$out" | jq -c .n)" = 3 ]
  [ "$(kread -e "$out-a" | jq -c .n)" = 1 ]
}

@test "rows of windows that ktake takes by number: several runs with -m cut the arrays as one run does" {
  new_topic in 1
  new_topic one 1
  new_topic many 1
  # Of each window the last key comes first.
  for i in $(seq 62); do echo "{\"n\":$i,\"u\":$((4 - i % 5)),\"t\":$((1700000000000 + i * 1000))}"; done | kwrite -q --time t "$in"
  stages=(kwindow -w 10s --by u --emit close 'm=max(n)' then ktake 4)
  closing=(kwindow -w 10s --by u --emit close --close-at-end 'm=max(n)' then ktake 4)
  kpipe -q -e -g "$one" "${closing[@]}" -- "$in" "$one"
  [ "$(count "$one")" -eq 9 ]  # 33 rows
  for _ in 1 2 3; do kpipe -q -e -m 2 -g "$many" "${stages[@]}" -- "$in" "$many"; done
  kpipe -q -e -g "$many" "${stages[@]}" -- "$in" "$many"
  # Nothing new comes: what closes at the end goes on in the array that was begun.
  kpipe -q -e -g "$many" "${closing[@]}" -- "$in" "$many"
  same <(consume "$one" -f '%s\n') <(consume "$many" -f '%s\n')
}

@test "--close-at-end closes stage after stage, each after what the one before it wrote" {
  new_topic in 3
  for name in one two three piped kept; do new_topic "$name" 3; done
  for i in $(seq 300); do echo "{\"u\":\"u$((i % 20))\",\"g\":$((i % 7)),\"t\":$((1700000000000 + i * 300))}"; done | kwrite -q --key u --time t "$in"
  # As commands one after the other, each closed at its end.
  kwindow -q -e --close-at-end -g "$one" -w 10s --emit close 'n=count(), g=first(g)' "$in" "$one"
  kwindow -q -e --close-at-end -g "$two" -w 30s --by g --emit close 'n=sum(n), h=first(g % 2)' "$one" "$two"
  ktable -q -e -g "$three" --by h 'n=sum(n), rows=count()' "$two" "$three"
  stages=(kwindow -w 10s --emit close 'n=count(), g=first(g)' then kwindow -w 30s --by g --emit close 'n=sum(n), h=first(g % 2)'
    then ktable --by h 'n=sum(n), rows=count()')
  closing=(kwindow --close-at-end "${stages[@]:1}")
  kpipe -q -e -g "$piped" "${closing[@]}" -- "$in" "$piped"
  [ "$(kread -q -e "table:$three" | jq -s 'map(.n) | add')" -eq 300 ]
  same <(kread -q -e "table:$three" | jq -c '[.h,.n,.rows]' | sort) <(kread -q -e "table:$piped" | jq -c '[.h,.n,.rows]' | sort)
  # Once and for good.
  kpipe -q -e -g "$piped" "${closing[@]}" -- "$in" "$piped"
  [ "$(kread -q -e "table:$piped" | jq -s 'map(.n) | add')" -eq 300 ]
  # A run without it is a pause: what it left open is closed by the next one, which finds nothing to read.
  kpipe -q -e -g "$kept" "${stages[@]}" -- "$in" "$kept"
  [ "$(kread -q -e "table:$kept" | jq -s 'map(.n) | add // 0')" -lt 300 ]
  kpipe -q -e -g "$kept" "${closing[@]}" -- "$in" "$kept"
  same <(kread -q -e "table:$three" | jq -c '[.h,.n,.rows]' | sort) <(kread -q -e "table:$kept" | jq -c '[.h,.n,.rows]' | sort)
}

@test "--close-at-end of several stages is for one process alone" {
  new_topic in 2
  new_topic out 2
  seq 20 | kmap 'u=string(_value % 3)' | kwrite -q --key u "$in"
  stages=(kwindow -w 1d --emit close 'n=count(), g=first(u)' then ktable --by g 'n=sum(n)')
  run kpipe -e -j 2 kwindow --close-at-end "${stages[@]:1}" -- "$in" "$out"
  [ "$status" -eq 2 ]
  says '--close-at-end: what one stage writes at its end' 'leave out -j'
  start_tool other kpipe -g "$out" "${stages[@]}" -- "$in" "$out"
  other=$started
  wait_for 20 caught_up "$out" "$in"
  run kpipe -e -g "$out" kwindow --close-at-end "${stages[@]:1}" -- "$in" "$out"
  [ "$status" -eq 2 ]
  says 'partitions are held by other members of group' 'when the others have ended'
  stop_tool "$other"
  kpipe -q -e -g "$out" kwindow --close-at-end "${stages[@]:1}" -- "$in" "$out"
  [ "$(kread -q -e "table:$out" | jq -s 'map(.n) | add')" -eq 20 ]
}

# fed TOPIC FROM0 TO0 FROM1 TO1: a record each second, from and to in seconds, of partitions 0 and 1.
fed() {
  local p topic=$1
  for p in 0 1; do
    seq "$2" "$3" | awk -v p=$p '{ printf "{\"partition\":%d,\"key\":\"p%d\",\"ts\":%.0f,\"value\":{\"id\":%d,\"k\":\"a\"}}\n", p, p, 1700000000000 + $1 * 1000, $1 * 2 + p }' |
      kwrite -q -p $p -J - "$topic"
    shift 2
  done
}

@test "windows behind a second internal topic wait for the partition of IN that is behind, as separate processes do" {
  local stage times
  for stage in "kscan --by k '*, q=count()'" "kdedup id --within 1h" "kfilter --changed id --by k"; do
    local in out
    in=$(topic_name "src-${stage%% *}") out=$(topic_name "out-${stage%% *}")
    test_topics create "$in" 2
    test_topics create "$out" 2
    # The second partition is 40 s behind.
    for times in '0 99 0 59' '100 199 60 159' '200 299 160 259'; do
      # shellcheck disable=SC2086 # numbers
      fed "$in" $times
      eval "run kpipe -e -g '$out' $stage then kwindow --by 'id % 2' -w 10s --emit close 'n=count()' -- '$in' '$out'"
      [ "$status" -eq 0 ]
      [[ $output != *late* ]] || { echo "$output"; return 1; }
    done
    # The slower one has passed 250 s.
    same <(printf '%s\n' '25 {"key":0,"n":10}' '25 {"key":1,"n":10}') \
      <(consume "$out" | jq -c '{key, n}' | sort | uniq -c | sed 's/^ *//')
  done
}
