#!/usr/bin/env bats
# What is first written where a pipe is meant, where operands change places and where a time is compared: each is
# answered, and what the answer says to write works.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; }
teardown() { kafka_teardown; }

# gives OURS COMMAND...: the command is refused (2, or 4 at a record), and what stands behind the last colon is OURS.
gives() {
  local code=0
  "${@:2}" >out.txt 2>err.txt </dev/null || code=$?
  [[ $code -eq 2 || $code -eq 4 ]] || { echo "exit code $code: ${*:2}: $(cat err.txt)"; return 1; }
  hint=$(tail -n 1 err.txt | sed -nE 's/^.*[a-zA-Z^&|=!'\''] ?: //p')
  [ "$hint" = "$1" ] || { echo "${*:2}: $(cat err.txt)"; return 1; }
}

rows() { kgen --seed 1 -c 200 clicks >in.ndjson; }

@test "envelopes that are read as values: refused where they are surely some, else a note; each with the command that reads them" {
  kgen --seed 1 -c 5 -J clicks >envelopes
  # The hint, pasted, has the keys; the second one is silent.
  noted() {  # noted HINT COMMAND...
    "${@:2}" <envelopes >plain 2>err.txt || { cat err.txt; return 1; }
    [ "$(grep -c 'the first line is an envelope' err.txt)" -eq 1 ] || { echo "${*:2}: $(cat err.txt)"; return 1; }
    [ "$(sed -n 's/^  to read envelopes: //p' err.txt)" = "$1" ] || { echo "${*:2}: $(cat err.txt)"; return 1; }
    bash -c "$1" <envelopes >read 2>read.err
    ! grep -q 'the first line' read.err
    bash -c "$(sed -n 's/^  if that is meant: //p' err.txt)" <envelopes >meant 2>meant.err
    [ ! -s meant.err ]
    cmp plain meant
  }
  noted 'kfilter -J true' kfilter true
  [ "$(jq -c .key read)" = "$(jq -c .key envelopes)" ]
  noted "kmap -O csv -I envelope k=_key" kmap -O csv k=_key
  noted "kmap -J '*, x=1'" kmap '*, x=1'
  noted 'kread -J' kread
  noted 'kpipe -J kfilter true' kpipe kfilter true
  noted "ktable --total -J 'count()'" ktable --total 'count()'
  # Those that say where they stand in a topic are surely envelopes; kgen's above may be anything.
  refused() {  # refused HINT COMMAND...
    local code=0
    "${@:2}" <envelopes >plain 2>err.txt || code=$?
    [[ $code -eq 2 && ! -s plain ]] || { echo "$code: $(cat err.txt)"; return 1; }
    [ "$(sed -n 's/^  to read envelopes: //p' err.txt)" = "$1" ] || { echo "${*:2}: $(cat err.txt)"; return 1; }
    bash -c "$1" <envelopes >read
    # -I json: the envelopes are the values.
    bash -c "$(sed -n 's/^  if that is meant: //p' err.txt)" <envelopes >meant 2>meant.err
    [ ! -s meant.err ]
  }
  jq -c '{topic: "t", partition: 0, offset: 0, tstype: "create", ts: 1, key, value: (.payload | fromjson)}' envelopes >embedded
  mv embedded envelopes
  refused 'kfilter -J true' kfilter true
  cmp meant envelopes
  [ "$(jq -c .key read)" = "$(jq -c .key envelopes)" ]
  refused 'kpipe -J kfilter true' kpipe kfilter true
  refused "ktable --total -J 'count()'" ktable --total 'count()'
  [ "$(cat meant)" = '{"count":5}' ]
  # kcat's own.
  echo '{"topic":"t","partition":0,"offset":0,"tstype":"create","ts":1,"broker":0,"headers":["a","b"],"key":"k","payload":"{}"}' >envelopes
  refused 'kfilter -J true' kfilter true
  refused "kmap -O csv -I envelope k=_key" kmap -O csv k=_key
  [ "$(tail -n 1 read)" = k ]
  # Of other types they are fields of a record.
  for line in '{"topic":1,"partition":0,"offset":0,"key":"k","payload":"{}"}' '{"topic":"t","partition":"a","offset":0,"key":"k","payload":"{}"}' \
    '{"topic":"t","partition":0,"offset":0,"key":"k","payload":{}}'; do
    [ "$(kfilter true <<<"$line" 2>/dev/null)" = "$line" ] || { echo "$line"; return 1; }
  done
  # Into a topic, where the keys were lost: nothing is made.
  cat >script <<'END'
    kgen --seed 1 -c 3 -q clicks one
    kread -e -J one | kwrite two 2>err && exit 1
    grep -q "to read envelopes: kwrite -J two$" err
    ktopic list | grep -q '^two' && exit 1
    kread -e -J one | kwrite -J three 2>err
    ! grep envelope err || exit 1
    test "$(kread -e -f "%k\n" three)" = "$(kread -e -f "%k\n" one)"
    kread -e -J one | kwrite -I json four
    test "$(kread -q -e four | jq -r .topic | sort -u)" = one
END
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  # No envelopes: fields of one's own, fewer fields, -q.
  for line in '{"key":"a","value":1}' '{"key":"a","payload":"x","n":1}' '{"payload":"x"}' '{"topic":"t","key":"k"}' '[1]' 'text'; do
    run kread -O json <<<"$line"
    [[ $output != *envelope* ]] || { echo "$line: $output"; return 1; }
  done
  run kfilter -q true <<<'{"key":"k","payload":"{}"}'
  [[ $output != *'the first line'* ]]
}

@test "a time compared with a text is refused, and the hint finds the records" {
  # Two days, at 12:30 and at midnight.
  printf '{"topic":"t","partition":0,"offset":%s,"tstype":"create","ts":%s,"key":null,"payload":"{\\"created\\":\\"%s\\",\\"n\\":%s}"}\n' \
    0 1714566600000 2024-05-01T12:30:00Z 1 1 1714608000000 2024-05-02T00:00:00Z 2 >in.ndjson
  # finds NUMBERS THEIRS: the hint for THEIRS keeps the records with these n.
  finds() {
    local code=0
    kfilter -I envelope "$2" ./in.ndjson >out.txt 2>err.txt || code=$?
    [ "$code" -eq 2 ] || { echo "$2: exit code $code: $(cat out.txt err.txt)"; return 1; }
    hint=$(tail -n 1 err.txt | sed -nE 's/^ *write( ==)?: //p')
    [ -n "$hint" ] || { echo "$2: $(cat err.txt)"; return 1; }
    [ "$(kfilter -I envelope "$hint" ./in.ndjson | jq -sc 'map(.n)')" = "$1" ] || { echo "$2: $hint"; return 1; }
  }
  finds '[1]' '_time == "2024-05-01"'
  finds '[2]' '_time != "2024-05-01"'
  finds '[1]' '_time = "2024-05-01" and n > 0'
  finds '[1]' '"2024-05-01" == _time'
  finds '[1]' '_ts == "2024-05-01"'
  finds '[2]' '_time == "2024-05-02T00:00:00Z"'
  finds '[2]' '_time > "2024-05-01 13:00"'
  finds '[1]' '_time < "2024-05-02T00:00:00+00:00"'
  finds '[2]' '"2024-05-01T13:00:00Z" < _ts'
  finds '[1]' '_time in ["2024-05-01", "2024-05-03"]'
  finds '[2]' '_ts in ["2024-05-02 00:00", "2024-05-03"]'
  finds '[1]' 'created == timestamp("2024-05-01T12:30:00Z")'
  finds '[2]' 'created > timestamp("2024-05-01T13:00:00Z")'
  finds '[1]' '_time == created && n == 1'
  # What is no time has no command, but is refused.
  never() {  # never WORDS THEIRS
    local code=0
    kfilter -I envelope "$2" ./in.ndjson >out.txt 2>err.txt || code=$?
    [ "$code" -eq 2 ] || { echo "$2: exit code $code"; return 1; }
    grep -q "$1" err.txt || { echo "$2: $(cat err.txt)"; return 1; }
  }
  never 'timestamp(x)' '_time == "soon"'
  never 'is always true' '_time != "soon"'
  never 'is always false' '_offset == "1"'
  never 'int(x)' '_partition in ["0", "1"]'
  never 'is always false' '_topic == 1'
  never 'no quotes' 'type(n) == "int"'
  never 'is always false' 'size(created) == "20"'
  kfilter -I envelope --arg n=1 '_offset == int(_arg.n)' ./in.ndjson | jq -e '.n == 2'
  # Fields may be of any kind, as CEL has it.
  [ "$(kfilter -I envelope 'n == "1" || created == 5 || n in ["a", 1]' ./in.ndjson | jq -sc 'map(.n)')" = '[1]' ]
  [ "$(kfilter -I envelope '_key == null && _topic != null && _time != null' ./in.ndjson | wc -l)" -eq 2 ]
  [ "$(kexpr 'timestamp("2024-05-01T00:00:00Z") == "x"')" = false ]
}

@test "EXPR behind the names, numbers and durations too" {
  rows
  export KUTILS_BROKERS=localhost:1
  gives "kfilter -e 'number > 3' clicks out" kfilter -e clicks out 'number > 3'
  gives "kfilter 'number > 3' clicks" kfilter clicks 'number > 3'
  gives "kmap '*, x=1' clicks out" kmap clicks out '*, x=1'
  gives "kgroupby 'country, uri' clicks out" kgroupby clicks out 'country, uri'
  gives "kscan --by id '*, n=count()' clicks out" kscan --by id clicks out '*, n=count()'
  gives 'ktake --within 5s 100 clicks out' ktake --within 5s clicks 100 out
  gives 'ktake 100 clicks out' ktake clicks out 100
  gives 'ksample 1% clicks out' ksample clicks 1% out
  gives 'ksample 1/100 clicks' ksample clicks 1/100
  gives 'ksample --by user 0.1 clicks out' ksample --by user clicks out 0.1
  gives 'kdelay 2d clicks out' kdelay clicks 2d out
  gives 'kdelay -g g 90s clicks out' kdelay -g g clicks out 90s
  gives 'kread clicks,views' kread clicks, views
  gives "kfilter -g g 'n > 3' clicks,views out" kfilter -g g 'n > 3' clicks, views out
  gives 'kmerge -g g a,b,c d' kmerge -g g a, b, c d
  unset KUTILS_BROKERS
  gives 'ktake 3 ./in.ndjson' ktake ./in.ndjson 3
  [ "$(eval "$hint" | head -n 1)" = "$(jq -sc '.[:3]' in.ndjson)" ]
  gives 'ksample 1/2 ./in.ndjson' ksample ./in.ndjson 1/2
  [ "$(eval "$hint" | wc -l)" -eq 100 ]
  gives "ktable --by country --having 'count() > 20' 'count()' ./in.ndjson" ktable --by country 'count(*) having count(*) > 20' ./in.ndjson
  [ "$(eval "$hint" | jq -s 'map(.count) | min > 20')" = true ]
  gives 'p50_ms=percentile(ms, 50), p99_ms=percentile(ms, 99)' ktable --total 'p50(ms), p99(ms)' ./in.ndjson
  ktable --total "$hint" ./in.ndjson | jq -e '.p50_ms < .p99_ms'
}

@test "pipes in other spellings: each hint is the whole pipe" {
  rows
  pipe='kpipe kfilter '\''number > 100'\'' then kmap '\''uri, number'\'''
  gives "$pipe -- ./in.ndjson" kpipe kfilter 'number > 100' '|' kmap 'uri, number' -- ./in.ndjson
  gives "$pipe -- ./in.ndjson" kpipe kfilter 'number > 100' kmap 'uri, number' -- ./in.ndjson
  gives "$pipe -- ./in.ndjson" kpipe kfilter 'number > 100' ./in.ndjson then kmap 'uri, number'
  gives "$pipe -- ./in.ndjson ./out" kpipe kfilter 'number > 100' then kmap 'uri, number' ./in.ndjson ./out
  gives "$pipe -- ./in.ndjson ./out" kpipe kfilter 'number > 100' ./in.ndjson tmp then kmap 'uri, number' tmp ./out
  gives "$pipe -- ./in.ndjson ./out" kpipe kfilter ./in.ndjson 'number > 100' then kmap 'uri, number' ./out
  gives "$pipe -- ./in.ndjson" kpipe ./in.ndjson kfilter 'number > 100' then kmap 'uri, number'
  gives "$pipe -- ./in.ndjson" kpipe ./in.ndjson then kfilter 'number > 100' then kmap 'uri, number'
  gives "$pipe -- ./in.ndjson ./out" kpipe kread ./in.ndjson then kfilter 'number > 100' then kmap 'uri, number' then kwrite ./out
  gives "$pipe -- ./in.ndjson" kpipe 'kfilter number > 100' then 'kmap uri, number' -- ./in.ndjson
  gives "$pipe -- ./in.ndjson" kpipe kfilter 'number > 100' then kmap -- 'uri, number' ./in.ndjson
  gives "kpipe kfilter 'n > 1' -- a,b out" kpipe kfilter -- 'n > 1' a,b out
  gives "kpipe -c 50 kfilter 'number > 100' then kmap 'uri, number' -- ./in.ndjson" kpipe kfilter -c 50 'number > 100' then kmap 'uri, number' -- ./in.ndjson
  [ "$(eval "$hint")" = "$(head -n 50 in.ndjson | jq -c 'select(.number > 100) | {uri, number}')" ]
  [ "$(eval "$pipe -- ./in.ndjson")" = "$(jq -c 'select(.number > 100) | {uri, number}' in.ndjson)" ]
  export KUTILS_BROKERS=localhost:1
  gives 'kpipe kfilter EXPR -- clicks out' kpipe kfilter -- clicks out
  gives "kpipe kfilter 'number > 1' then ktable --by uri AGGS -- ./in.ndjson" kpipe kfilter 'number > 1' then ktable --by uri -- ./in.ndjson
  gives "kpipe -q kfilter 'n > 1' as big then kwindow -w 10s 'count()' -- a b" kpipe -q kfilter 'n > 1' as big '|' kwindow -w 10s 'count()' -- a b
  # Another mistake of a stage is told as it is.
  run kpipe kfilter 'number >' then kmap 'uri' -- ./in.ndjson
  [[ $status -eq 2 && $output == *"stage 1, kfilter"* && $output != *"write:"* ]]
  run kpipe kfilter true then kwrong x -- ./in.ndjson
  [[ $status -eq 2 && $output == *"stages are: "* ]]
}

@test "jq's pipe within an expression, a path that is null, and what command lines of others lost" {
  rows
  # spells TOOL THEIRS JQ-FILTER: with the hint for THEIRS the rows are those of jq.
  spells() {
    "$1" "$2" ./in.ndjson >out.txt 2>err.txt && { echo "$2 is taken"; return 1; }
    hint=$(tail -n 1 err.txt | sed -nE 's/^ *write( &&| ==)?: //p')
    "$1" "$hint" ./in.ndjson >got || { echo "$2: $(cat err.txt)"; return 1; }
    jq -c "$3" in.ndjson >want
    [ -s want ]
    cmp got want || { echo "$2: $hint"; return 1; }
  }
  spells kfilter 'uri | length > 6' 'select(.uri | length > 6)'
  spells kfilter '.uri | test("^/p")' 'select(.uri | test("^/p"))'
  spells kfilter '.number > 3 and (.uri | startswith("/p"))' 'select(.number > 3 and (.uri | startswith("/p")))'
  spells kmap 'u=.uri | ascii_upcase' '{u: (.uri | ascii_upcase)}'
  spells kmap '{uri: .uri, n: (.number | tostring)}' '{uri, n: (.number | tostring)}'
  spells kfilter 'account.id is null and number > 100' 'select(.account.id == null and .number > 100)'
  echo '{"account":{"id":7}}' >in.ndjson
  spells kfilter 'account.id is not null' .
  gives "kwrite -b h:1 -X compression.codec=gzip t" kwrite --bootstrap-server h:1 --topic t --compression-codec --sync
  gives "kread -b h:1 -X consumer.isolation.level=read_uncommitted t" kread --bootstrap-server h:1 --topic t --isolation-level read_uncommitted
  gives 'ktopic list -O json -b h:1' kread -L -J -b h:1
  gives 'ktopic list -b h:1' kread -L -c 1 -b h:1
  grep -q -- '-c is left out: ktopic has no such option' err.txt
  gives 'kwrite --rate 100 clicks' kwrite --throughput 100 clicks
  gives 'ktopic create --partitions 3 --replication 1 clicks' ktopic create clicks -p 3 -r 1
  gives 'ktopic create --config retention.ms=1000 clicks' ktopic create clicks -c retention.ms=1000
  gives "ktable -e --by uri 'count()' clicks" ktable -e --group-by uri 'count()' clicks
  gives "'^cl.*$'" kread 'cl.*'
}

@test "pipes: options behind --, -i and -o, a condition alone, names without k, programs of the shell, ends behind |" {
  rows
  gives "kpipe -e kfilter 'number > 3' then kmap uri -- clicks" kpipe kfilter 'number > 3' then kmap uri -- -e clicks
  gives "kpipe -o beginning -e kfilter 'number > 3' -- clicks out" kpipe kfilter 'number > 3' -- -o beginning clicks -e out
  gives "kpipe kfilter 'number > 3' then kmap uri -- clicks out" kpipe -i clicks -o out kfilter 'number > 3' then kmap uri
  gives "kpipe kfilter 'number > 3' then kmap uri -- ./in.ndjson" kpipe 'number > 3' then map uri -- ./in.ndjson
  [ "$(bash -c "$hint" | wc -l)" -eq "$(jq -c 'select(.number > 3)' in.ndjson | wc -l)" ]
  gives "kpipe kfilter 'number > 3' then kmap uri -- ./in.ndjson | jq -c .uri" kpipe kfilter 'number > 3' then kmap uri then jq -c .uri -- ./in.ndjson
  [ "$(bash -c "$hint" | head -n 1)" = "$(jq -c 'select(.number > 3).uri' in.ndjson | head -n 1)" ]
  gives "kpipe -e kfilter 'number > 3' -- clicks | sort" kpipe -e kfilter 'number > 3' then sort -- clicks
  gives "kpipe kfilter 'number > 3' then kmap uri -- clicks out" kpipe kfilter 'number > 3' '|' kmap uri clicks out
  gives "kpipe kfilter 'number > 3' then kmap uri -- clicks out" kpipe clicks kfilter 'number > 3' then kmap uri out
}
