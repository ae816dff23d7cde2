#!/usr/bin/env bash
# Runs examples of pages as they stand there, each a line of the file $1, on the broker in $KUTILS_BROKERS, which has no
# topics yet. What the examples read is made here: topics, files, groups, and tools that serve by HTTP. Prints what failed;
# exit code 1 if anything did.
set -u
examples=$(realpath "$1")
failed=0 number=0
served=(0 0)

prepare() {
  local topic
  mkdir work && cd work || exit
  export KUTILS_STATE_DIR=$PWD/../state
  # One record that has every field which the examples name.
  echo '{"id":7,"name":"Ada","event_id":1,"customer":"c1","customer_id":"c1","account":"a","user":"u1","email":"u1@x","uri":"/home","country":"DE",
    "state":"on","age":20,"n":10,"ms":10,"number":150,"amount":12.5,"total_amount":12.5,"temp":20.5,"text":"one two","tags":["a"],
    "items":[{"sku":"x"}],"updated":1,"sent":1774744200,"due":1774744200,"at":"2026-03-29T00:30:00Z","send_at":"2026-03-29T00:30:00Z"}' | tr -d '\n' >one.ndjson
  echo >>one.ndjson
  printf 'c1:{"n":1}\n' | tee keyed.txt >keyed_copy.txt
  gzip -c one.ndjson >clicks.gz
  base64 -w 0 one.ndjson | tee encoded.txt | kwrite -q -I text - encoded
  printf '7:{"n":1}\n' | kwrite -q -K : --key-codec i64 - numbered
  ktopic create --partitions 3 wide 2>topics.err || exit
  local records=(orders sent dispatches payments failed orders_bad events readings reminders entries things lines rows shop avro)
  ktopic create --partitions 2 clicks clicks_copy users users_copy customers countries left right web app "${records[@]}" 2>topics.err || exit
  for topic in clicks left right web app; do kgen -q --seed 1 -c 300 --key user clicks "$topic"; done
  kgen -q --seed 1 -c 100 taxi rides
  for topic in "${records[@]}"; do kwrite -q --key customer ./one.ndjson "$topic"; done
  for topic in users users_copy; do kwrite -q --key user ./one.ndjson "$topic"; done
  kwrite -q --key customer ./one.ndjson customers
  kwrite -q --key country ./one.ndjson countries
  kgen -q --seed 1 -c 9 clicks >clicks.ndjson
  ktable -q -e -g stopped --state-dir "$PWD/../other" --by uri 'n=count()' clicks stopped_totals
  for topic in log sales orders a; do cp one.ndjson $topic.ndjson; done
  kcp -q -e users ./users.ndjson
  kcp -q -e orders ./envelopes.ndjson
  printf 'VendorID,total\n1,2\n' | tee rides.csv >clicks.csv
  echo 'kexpr 1' >pipeline.sh
  echo secret >token
  printf '#!/bin/sh\nexec jq -r --unbuffered "tojson, \\"\\""' >./split
  printf '#!/bin/sh\nexec jq -r --unbuffered "tojson, \\".\\""' >./program
  chmod +x split program
  echo "bootstrap.servers=$KUTILS_BROKERS" >secure.conf
  echo '{"expr":"1 + 1 == 2","want":{"bool":true}}' >cases.jsonl
  serve 0 ktable -g totals --on-error skip --by uri 'n=count()' clicks totals
  serve 1 kwindow -g served_windows --on-error skip -w 1m --expires 1d --by uri 'n=count()' clicks per_minute
  trap 'kill "${servers[@]}" 2>kill.err; wait' EXIT
}

# serve I COMMAND...: runs it on a free port, which goes into served[I]: what the pages call 8080 and 8081.
serve() {
  : >"served$1.err"
  KUTILS_STATE_DIR=$PWD/../served-$1 "$2" --http 0 "${@:3}" 2>"served$1.err" &
  servers[$1]=$!
  until served[$1]=$(sed -nE 's|.*http://127.0.0.1:([0-9]+)/.*|\1|p' "served$1.err" | head -n 1) && [ -n "${served[$1]}" ] &&
    curl -sf "http://127.0.0.1:${served[$1]}/readyz" >ready.out; do
    kill -0 "${servers[$1]}" || { cat "served$1.err"; exit 1; }
    sleep 0.1
  done
}

# What EXAMPLE needs beside that: what one before it took away.
provide() {
  case $1 in
    'kdiff -J clicks ./clicks.ndjson') kcp -q -e clicks ./clicks.ndjson ;;
    'kwait --new '*clicks*) { sleep 1; kgen -q -c 3 --key user clicks clicks; } & ;;
    'kcp ./clicks.ndjson '* | 'kcp --'*' ./clicks.ndjson '*) kcp -q -e -c 100 clicks ./clicks.ndjson ;;
    *clicks.ndjson*) kgen -q --seed 1 -c 100 clicks >clicks.ndjson ;;
    'ktopic create '*) ktopic delete --execute "${1##* }" >rows.txt 2>&1 ;;
    ktopic\ *) ktopic create --if-missing --partitions 2 clicks orders >rows.txt 2>&1 ;;
    *billing*)
      kread -q -e -g billing clicks >rows.txt
      [[ $1 != *import* ]] || koffset export billing >billing.json ;;
    *'koffset '*totals-group*) ktable -q -e -g totals-group --by country 'n=count()' clicks totals ;;
    'kdiff '*clicks_copy*)
      ktopic delete --execute clicks_copy >rows.txt
      kcp -q -e clicks ./rows.ndjson
      ktopic create --partitions 2 clicks_copy 2>rows.txt
      kcp -q ./rows.ndjson clicks_copy ;;
  esac
}

# run EXAMPLE: in a shell of its own. Tools that read topics get -e, so that they end; kgen ends after three records, or as
# many as it says.
run() {
  local example=${1%%  *\#*} status=0 most=0
  example=${example%"${example##*[! ]}"}
  example=${example% &}
  local line=$example
  case $example in
    kgen\ *' -c '* | *' --help'* | *--functions* | *--version* | *--completion* | *--explain*) ;;
    kgen\ *'|'*) line=${example/|/-c 3 |} ;;
    kgen\ *--every*) line="$example -c 1" ;;
    kgen\ *) line="$example -c 3" ;;
    ktop) line='ktop --once' ;;
    kbroker\ --topic\ clicks:3*) line="timeout -s INT 1 $example; [ \$? -eq 124 ]" ;;
    'klag --watch'*) line="timeout -s INT 1 $example; [ \$? -eq 124 ]" ;;
    kquery\ *) [[ $example != *--at\ -1h* && $example != *--until* && $example != *--delta*home* ]] || most=1 ;;  # there may be no window then
    kbroker\ * | *' < '*.ndjson | kcp\ *' ./'*\ [a-z]*) ;;
    kread\ * | kfilter\ * | kmap\ * | kscore\ * | kbranch\ * | kgroupby\ * | kscan\ * | ksort\ * | ktable\ * | kwindow\ * | kpipe\ * | kcp\ * | \
      kdedup\ * | kdelay\ * | kjoin\ * | kmerge\ * | ksample\ * | ktake\ *)
      [[ $example =~ ^k[a-z]+\ ([^\'\|]*\ )?-[ec]\  ]] || line=${example/ / -e } ;;
  esac
  # Where something listens is the kernel's choice, where state lies the test's.
  case $line in
    kquery* | *curl*) line=${line//8080/${served[0]}} line=${line//8081/${served[1]}} ;;
    *) line=${line//8080/0} line=${line//8081/0} ;;
  esac
  line=${line//\/var\/lib\/kutils/$PWD/../other}
  provide "$example"
  number=$((number + 1))
  timeout 60 bash -o pipefail -c "$line" </dev/null >../out.txt 2>../err.txt || status=$?
  if [ $status -eq 2 ] && grep -q 'stores another configuration' ../err.txt; then
    # Another example has other settings between these topics: this one is a step of its own.
    status=0
    timeout 60 bash -o pipefail -c "${line/ / -g example$number }" </dev/null >../out.txt 2>../err.txt || status=$?
  fi
  [ $status -gt $most ] || return 0
  echo "$line: exit code $status: $(head -n 3 ../err.txt)"
  failed=1
}

prepare
# What writes other records to the topics that are read comes late, what changes topics last, for groups remember theirs.
while IFS= read -r example; do run "$example"; done < <(
  grep -vE 'kwrite|kmerge|ktopic' "$examples"
  grep -E 'kwrite|kmerge' "$examples"
  grep ktopic "$examples"
)
echo "$number examples"
exit $failed
