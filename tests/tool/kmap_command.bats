#!/usr/bin/env bats
# kmap '| CMD': a command that answers line by line.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }
teardown() { kafka_teardown; }

@test "values go through the command, key and headers stay" {
  echo '{"key":"k","headers":["a","1"],"payload":"{\"n\":1}"}' | kmap -J '| sed s/n/m/' | jq -c '[.key,.headers,.payload]' >got
  [ "$(cat got)" = '["k",["a","1"],"{\"m\":1}"]' ]
}

@test "many lines, more than any pipe holds" {
  seq 200000 | kmap -I text -O text '| sed s/^/x/' >got
  seq 200000 | sed s/^/x/ | cmp - got
}

@test "the command is kept: started once" {
  printf '1\n2\n3\n' | kmap -I text -O text '| echo started >>starts; exec cat' >got
  [ "$(wc -l <starts)" -eq 1 ]
  [ "$(wc -l <got)" -eq 3 ]
}

@test "answers come while the input waits" {
  mkfifo in out
  kmap -I text -O text '| sed s/^/x/' <in >out 3>&- & tool_pids=($!)
  exec 8>in 9<out
  echo 1 >&8
  read -r -t 5 -u 9 line
  [ "$line" = x1 ]
  exec 8>&- 9<&-
}

@test "a command that dies, is missing, or says too much ends it with code 4" {
  run bash -c 'seq 5 | kmap -I text -O text "| head -2"'
  [ "$status" -eq 4 ]
  [[ $output == *"co-process 'head -2' ended with status 0 after answering 2 of"* ]]
  run bash -c 'seq 5 | kmap -I text -O text "| nosuchcommand"'
  [ "$status" -eq 4 ]
  [[ $output == *"nosuchcommand"* ]]
  run bash -c 'seq 5 | kmap -I text -O text "| sed p"'
  [ "$status" -eq 4 ]
  [[ $output == *"more lines"* ]]
  run bash -c 'seq 5 | kmap -I text -O text "| cat; exit 3"'
  [ "$status" -eq 4 ]
  [[ $output == *"status 3"* ]]
}

@test "a signal while the command is silent: what it answered comes out, and the tool ends soon" {
  mkfifo in
  start_tool one kmap -I text -O text '| read a; echo $a; read b; echo $b; echo $$ >waiting; exec sleep 1000' ./in
  exec 8>in
  seq 5 >&8
  wait_for 20 test -s waiting
  stop_tool "$started" TERM 12  # its silence would be borne for 30 s
  [ "$status" -eq 143 ]
  [ "$(cat one.out)" = $'1\n2' ]
  run kill -0 "$(cat waiting)"
  [ "$status" -ne 0 ]
  exec 8>&-
  # The same while its end is waited for.
  echo 1 >two.txt
  start_tool two kmap -I text -O text '| read a; echo $a; echo $$ >last; exec sleep 1000' ./two.txt
  wait_for 20 test -s last
  stop_tool "$started" TERM 12
  [ "$status" -eq 143 ]
  [ "$(cat two.out)" = 1 ]
}

@test "two lines for one and none for the next are no answers, though their number is right" {
  # Both lines in one write: whether the second of two writes is seen before the next line is asked is a matter of time.
  twice() { seq 9 | kmap -I text -O text "| while read -r n; do case \$n in $1) printf 'a\nb\n' ;; $(($1 + 1))) ;; *) echo \$n ;; esac; done"; }
  for line in 1 5; do
    run twice "$line"
    [ "$status" -eq 4 ] || { echo "$line: $status: $output"; return 1; }
    [[ $output == *"answered more lines than it got"*"--each-line"* ]] || { echo "$output"; return 1; }
  done
  # jq writes them one after the other: seen as good as always, and here asked until it is.
  printf '%s\n' '{"items":[1,2]}' '{"items":[]}' '{"items":[3]}' >in.ndjson
  echo '.items[]' >items.jq
  refuses_items() {
    run kmap '| jq -c --unbuffered -f items.jq' ./in.ndjson
    [ "$status" -eq 4 ] && [[ $output == *"answered more lines than it got"* ]]
  }
  wait_for 30 refuses_items
}

# Where the program is known, nothing is read: its answers would be those of other records.
@test "a program of jq that gives several lines or none is refused, and what is advised gives them all" {
  printf '%s\n' '{"items":[{"n":1},{"n":2}],"n":1}' '{"items":[],"n":2}' '{"items":[{"n":3}],"n":3}' >in.ndjson
  several() {  # several PROGRAM [OPTIONS OF JQ]
    run kmap "| jq ${2--c} '$1'" ./in.ndjson
    [[ $status -eq 2 && $output == *"gives several lines for a record or none"* ]] || { echo "$1: $status $output"; return 1; }
    bash -c "$(sed -n 's/^.*one that ends them: //p' <<<"$output")" >got
    jq ${2--c} "$1" in.ndjson >want
    cmp got want || { echo "$output"; return 1; }
  }
  several '.items[]'
  several '.items[] | .n'
  several '.items[]?.n' -r
  several 'select(.n > 1)'
  several '.items | map(select(.n > 1)) | .[]'
  several 'if .n > 1 then . else empty end'
  several '.n, .n + 1'
  several '(.items[])'
  several '{n, item: .items[]}'
  several '.items[] | "\(.n), \"x\""' -r
  several '.items[].n as $n | $n'
  run kpipe kmap "| jq -c '.items[]'" then kfilter 'n > 1' -- ./in.ndjson
  [ "$(bash -c "$(sed -n 's/^.*one that ends them: //p' <<<"$output")")" = '{"n":2}
{"n":3}' ] || { echo "$output"; return 1; }
  # One line each, or nobody can know.
  for one in '[.items[]]' 'first(.n)' '.items[] |= . + {}' '.items' '.items | map(select(.n > 1))' '[.[] | select(. == 1)]' \
    'select(.n > 1) // null' 'reduce .items[] as $i (0; . + $i.n)' '{n, items}' '.items // []' '.n | if . > 1 then "a,b" else "select(" end' \
    'del(.items[])' '.items[0:1]' '.["items"]'; do
    jq -c "$one" in.ndjson >want
    kmap "| jq -c '$one'" ./in.ndjson >got || { echo "$one"; return 1; }
    cmp got want || { echo "$one"; return 1; }
  done
}

@test "no process is left behind" {
  printf '1\n' | kmap -I text -O text "| echo \$\$ >pid; exec cat" >/dev/null
  ! kill -0 "$(cat pid)" 2>/dev/null
}

@test "values with newlines and without value" {
  printf '%s\n' '{"key":"a","payload":"{\"n\":\n1}"}' '{"key":"b","payload":null}' | kmap -J --keep-null '| cat' | jq -c .payload >got
  [ "$(cat got)" = '"{\"n\": 1}"
null' ]
}

@test "--each-line: several lines or none for each, between topics, too" {
  printf '%s\n' '{"items":[{"n":1},{"n":2}]}' '{"items":[]}' '{"items":[{"n":3}]}' >in.ndjson
  [ "$(kmap --each-line --answer-end '""' '| jq -c --unbuffered ".items[], \"\""' ./in.ndjson | tr -d '\n')" = '{"n":1}{"n":2}{"n":3}' ]
  [ "$(seq 3 | kmap -I text -O text --each-line '| while read -r n; do seq "$n"; echo; done' | tr '\n' ' ')" = '1 1 2 1 2 3 ' ]
  cat >script <<'END'
  kwrite -q --key '"k"' --header 'h="1"' ./in.ndjson src
  kmap -q -e --each-line --answer-end end '| while read -r x; do echo "$x" | jq -c ".items[]"; echo end; done' src dst
  kread -q -e -J dst | jq -c '[.key, .headers, .payload]'
END
  [ "$(kbroker bash script 2>/dev/null)" = $'["k",["h","1"],"{\\"n\\":1}"]\n["k",["h","1"],"{\\"n\\":2}"]\n["k",["h","1"],"{\\"n\\":3}"]' ]
  run bash -c 'seq 2 | kmap -I text -O text --each-line "| head -1"'
  [ "$status" -eq 4 ]
  [[ $output == *"--answer-end"* ]]
  run bash -c 'kmap --answer-end x "| cat" <in.ndjson'
  [ "$status" -eq 2 ]
  run bash -c 'kmap --each-line a <in.ndjson'
  [ "$status" -eq 2 ]
}
