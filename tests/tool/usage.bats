#!/usr/bin/env bats
# Mistakes on the command line: exit code 2, a message that says what and what to do, nothing on stdout, no broker asked.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }

# refused COMMAND...: with exit code 2 and an empty stdout; $output is stderr, which begins with the tool's name.
refused() {
  refused_with 2 "$@" || return 1
  [[ $output == "$1: "* ]] || { echo "does not begin with the tool's name: $output"; return 1; }
}

@test "an unknown option names the nearest right one" {
  refused kfilter --on-eror skip a
  says "unknown option '--on-eror'" "'--on-error'"
  refused kfilter -y a
  says "unknown option '-y'" --help-all
}

@test "other tools' letters are answered in our spelling" {
  refused kfilter -t clicks a; says "'-t'" "operands"
  refused kread -G group clicks; says "a consumer group is: kread -g group clicks"
  refused kread -C -t clicks; says "write: kread clicks"
  refused kwrite -P -t clicks; says "write: kwrite clicks"
  refused kread --from-beginning clicks; says "-o beginning"
  refused kread --bootstrap-server localhost:9092 clicks; says "brokers are: kread -b localhost:9092 clicks"
}

@test "a forgotten or doubled operand shows the usage" {
  refused kfilter; says "missing operand EXPR" "EXPR [IN [OUT]]"
  refused kbranch 'a=b > 1' in; says "missing operand OUT"
  refused kcp ./a; says "missing operand OUT"
  refused kfilter number '>=' 100 clicks; says "one operand too many: 'clicks'" "quotes"
}

@test "a file in the place of the expression is recognised" {
  echo '{}' >in.ndjson
  refused kfilter ./in.ndjson; says "EXPR is missing" "./in.ndjson"
  refused kfilter in.ndjson; says "EXPR is missing" "'(in.ndjson)'"
  refused kgroupby ./nothing ./in.ndjson; says "EXPR is missing"
}

@test "a SPEC that begins with - is written after --" {
  refused kmap '-email, *' ./in; says "--"
  refused kfilter '-x > 3' ./in; says "-- '-x > 3'"
}

@test "a value is missing, or is no such value" {
  refused kfilter a -c; says "option '-c' needs a value: -c N"
  refused kfilter -c many a; says "-c: 'many' is not a whole number"
  refused kfilter --on-error maybe a; says "--on-error: 'maybe'" "dead-letter:TOPIC"
  refused kfilter --delivery never a; says "--delivery" "at-least-once"
  refused kfilter --commit-interval 1h:1s a; says "MAX is below MIN"
  refused kfilter --commit-interval soon a; says "'soon' is not a duration"
  refused kfilter --color blue a; says "--color"
  refused kfilter -p 3-1 a; says "-p"
  refused kfilter --header x a; says "--header NAME=EXPR"
  refused kfilter -I jsn a; says "-I" "jsn"
  refused kfilter --value-codec bas64 a; says "--value-codec" "base64"
  refused kwrite --rate slow ./x; says "--rate"
}

@test "what cannot be meant is refused in the words of the tool that was asked" {
  export KUTILS_BROKERS=localhost:1  # never asked
  refused kscan 'x=sum(lag(a))' a b; says "'lag(a)' is inside another aggregate" "kpipe kscan '*, NAME=lag(a)' then"
  refused kfilter --changed 'state, city' a b; says "unexpected ','" "--changed '[a, b]'"
  refused ksample --seed 4 1/3 a b; says "--seed does nothing here: 1/3 counts records"
  refused ksort --within 99999999999d a b; says "'99999999999d' is too long" "106751d"
  refused kdelay 99999999999d a b; says "D: '99999999999d' is too long"
  refused kdelay 5dd a b; says "D: '5dd' is not a duration"
  refused kdelay -- -5 a b; says "D: '-5': the time is before 1970"
  refused kdelay 'timestamp("1969-12-31T00:00:00Z")' a b; says "the time is before 1970"
  refused kpipe --close-at-end -e kjoin --within 5s b -- a c; says "'--close-at-end'" "stands behind its name"
}

@test "a bad expression is shown with a caret" {
  refused kfilter 'number >= * 3'; says "number >= * 3" "^"
  refused kfilter 'nosuch(number)'; says "nosuch" "^"
  refused kfilter '"text"'; says "EXPR"
  refused kmap 'a b'; says "^"
  refused kmap 'x=(1'; says "^"
  refused kfilter --key 'a +' 'b > 1'; says "--key" "^"
}

@test "a topic needs brokers, and a file its ./" {
  refused kfilter 'a > 1' clicks; says "-b HOST" "KUTILS_BROKERS"
  refused kread clicks; says "-b HOST"
}

@test "an input file that is not there" {
  refused kfilter 'a > 1' ./nothing.ndjson; says "./nothing.ndjson" "No such file"
}

@test "reading and writing one file is refused" {
  echo '{"a":1}' >f
  refused kfilter 'a > 0' ./f ./f
  [ "$(cat f)" = '{"a":1}' ]
}

@test "a bad librdkafka property" {
  refused kfilter -X fetch.min.byte=1 'a > 1' clicks; says "fetch.min.byte"
}

@test "an unreadable @FILE" {
  refused kfilter @nosuch; says "nosuch" "No such file"
}

@test "kwrite reads lines, not topics" {
  KUTILS_BROKERS=localhost:1 refused kwrite a b; says "kcp a b"
}

@test "a topic read and written at once, and tables where there are none yet" {
  export KUTILS_BROKERS=localhost:1
  refused kcp a a; says "'a' is both IN and OUT"
  refused kfilter -g g x a,b b; says "'b' is both"
  refused kbranch 'a=x' a b; says "'a' is both IN and an output"
  refused kfilter --on-error dead-letter:a x a b; says "dead letters"
  refused kgroupby x table:a b; says "table:a"
}

@test "several topics need a named group" {
  KUTILS_BROKERS=localhost:1 refused kfilter x a,b c; says "-g NAME"
  KUTILS_BROKERS=localhost:1 refused kfilter x '^a' c; says "-g NAME"
}

@test "functions are listed, and a wrong name is helped" {
  run kfilter --functions size
  [ "$status" -eq 0 ]
  [[ $output == size* ]]
  refused kfilter --functions siz; says "siz" "size"
}

@test "kcp copies bytes: a codec that would do nothing is refused" {
  export KUTILS_BROKERS=localhost:1
  refused kcp --value-codec base64 a b; says "--value-codec does nothing here" "kmap --value-codec"
  refused kcp --key-codec i64 a ./b; says "--key-codec does nothing here"
  refused kcp --value-codec json+base64 - -; says "--value-codec does nothing here"
  [ "$(echo '{"a":1}' | kcp --value-codec json:json -I json -O json - -)" = '{"a":1}' ]
}

@test "a forgotten comma in a list" {
  refused kmap 'a b'; says "unexpected 'b'" "    ^" "items are separated by commas"
  refused kscore 'x=1 y=2'; says "items are separated by commas"
  refused ktable 'n=count() m=sum(x)'; says "items are separated by commas"
  refused ktable --by uri 'uri=count()'; says "count() would be called 'uri', as another field of the output" "NAME="
  refused kwindow -w 1s --time t --total 'window_end=count()'; says "called 'window_end'"
  refused kwindow -w 1s --time t --by window_start=u 'count()'; says "called 'window_start'"
  refused kmap '(a b), c'
  [[ $output != *commas* ]]
}

@test "a configuration file that cannot be read: why" {
  refused kfilter -F ./nothing a in; says "./nothing" "No such file"
  refused kfilter -F . a in; says "cannot be read" "Is a directory"
  KUTILS_CONFIG=./nothing refused kread in; says "./nothing" "No such file"
}

@test "a broken CSV header: the file is named, and no broker is asked for a topic" {
  printf 'a,a\n1,2\n' >twice.csv
  # Nobody listens there: the header is read first.
  KUTILS_BROKERS=localhost:1 refused_with 4 kwrite -I csv ./twice.csv out; says "./twice.csv: the header row names the column 'a' twice"
  printf '\n\na,"b\n1,2\n' >open.csv
  refused_with 4 kfilter -I csv 'a > 1' ./open.csv; says "./open.csv: the header row is broken: column 2"
  printf '\xef\xbb\xbfa,b\r\n1,2\r\n' >fine.csv
  [ "$(kmap -I csv 'b, a' ./fine.csv)" = '{"b":2,"a":1}' ]
  [ "$(kmap -I csv 'b, a' - <fine.csv)" = '{"b":2,"a":1}' ]
  printf 'a,b\r1,2\r' >old.csv
  refused_with 4 kmap -I csv a ./old.csv; says "./old.csv: the header row is broken" "CR alone" "tr '\r' '\n'"
  refused_with 4 sh -c 'kmap -I csv a <old.csv'; says "standard input: the header row is broken"
  [ -z "$(printf 'a,b' >only.csv; kmap -I csv a ./only.csv)" ]
}

@test "a pattern as IN: it must be one, and match nothing that is written" {
  refused kread '^[a'; says "'^[a' is not a regular expression: missing ]" "RE2"
  export KUTILS_BROKERS=localhost:1
  refused kcp -g g '^click' clickout; says "'^click' matches OUT 'clickout': the tool would read what it writes"
  refused kfilter -g g --on-error dead-letter:clickbad 'a > 1' '^click' out; says "'clickbad'" "would read what it writes"
  refused kbranch -g g 'clickless=a < 1' '^click' out; says "'clickless'" "would read what it writes"
  refused kfilter --on-error dead-letter:b 'a > 1' -g g a,b out; says "'b' is both IN and the topic of dead letters"
}

@test "what says where to read in a topic is refused for lines" {
  echo '{"a":1}' >in.ndjson
  refused kread --tail 1 ./in.ndjson; says "--tail" "IN './in.ndjson' is lines"
  refused kfilter --since 1h 'a > 0' ./in.ndjson; says "--since"
  refused kfilter --until now 'a > 0' ./in.ndjson; says "--until"
  refused kfilter -o 1:2 'a > 0'; says "-o" "IN '-' is lines"
  refused kfilter -p 3 'a > 0' ./in.ndjson; says "-p"
  [ "$(kread -e ./in.ndjson)" = '{"a":1}' ]
  refused kfilter --delivery exactly-once 'a > 0' ./in.ndjson; says "from topic to topic"
  refused kcp --delivery exactly-once ./in.ndjson out; says "from topic to topic" "kwrite --atomic"
}

@test "an option that does nothing between these ends is refused" {
  export KUTILS_BROKERS=localhost:1
  echo '{"a":1}' >in.ndjson
  refused kfilter -g x true ./in.ndjson; says "-g does nothing here" "IN is lines"
  refused kfilter --commit-interval 1s true ./in.ndjson out; says "--commit-interval" "none is used"
  refused kread --stay in; says "--stay" "-g NAME"
  refused kread --on-gap skip in; says "--on-gap" "-g NAME"
  refused kfilter --group-prefix a. -g b true in out; says "--group-prefix" "whole name"
  refused kfilter --partitions 3 true in -; says "--partitions" "none is"
  refused kcp --no-create ./in.ndjson ./out.ndjson; says "--no-create"
  refused kfilter -I csv true in out; says "-I does nothing here" "IN is a topic"
  refused kfilter --csv-strings true ./in.ndjson; says "-I csv"
  refused kfilter -O csv true in out; says "-O does nothing here" "OUT is a topic"
  refused kgen -f %k clicks out; says "-f does nothing here"
  refused kread --embed in; says "--embed" "-J"
  refused kcp -J in out; says "-J does nothing here" "none are read or written"
  refused kgen -J clicks out; says "-J does nothing here"
  refused kfilter -K : true in out; says "-K does nothing here"
  refused kgen -Z NULL clicks out; says "-Z does nothing here"
  refused kcp -0 in out; says "-0 does nothing here"
  refused kmap --key a '*' in -; says "--key does nothing here" "kmap --key a -J '*' in -"
  refused kread --key a in; says "keys are printed" "kread --key a -K '\t' in"
  refused kgen --header 'h=1' clicks; says "--header does nothing here" "-J"
  refused kfilter --time a true in; says "--time does nothing here" "-J"
  refused kfilter --time-unit s true in out; says "--time-unit" "no --time EXPR"
  refused kfilter --time wall --time-unit s true in out; says "--time-unit" "no --time EXPR"
  refused ktable --time-unit s 'count()' in out; says "--time-unit" "no --time EXPR"
  refused ktable --cache 2M 'count()' ./in.ndjson; says "--cache" "between topics"
  refused ktable --max-ahead 1h 'count()' ./in.ndjson; says "--max-ahead does nothing here" "--time EXPR"
  refused kwindow --expires 1d -w 1m 'count()' in -; says "--expires" "between topics"
  refused kwindow --expires 1d -w 1m --time a 'count()' - out; says "--expires" "between topics"
  refused kwindow --windowed-key -w 1m --time a 'count()' ./in.ndjson; says "--windowed-key does nothing here" "-O envelope"
  kwindow --windowed-key -w 1m --time a -O envelope 'count()' ./in.ndjson | grep -qF '"key":"[\"1970'
  refused kexpr -e '1 + 1'; says "-e does nothing here" "IN"
  refused kexpr -J '1 + 1'; says "-J does nothing here"
  refused kexpr --cases ./x --var a=1; says "--var"
  refused kread -X partitioner=random in; says "property partitioner is set by the tools" "murmur2"
  # What some output or the record can show is taken.
  [ "$(echo '0={"a":1}' | kfilter -K= --key a true)" = '1={"a":1}' ]
  [ "$(kfilter --key a -f '%k' true ./in.ndjson)" = 1 ]
  kbranch -O csv './b.csv=a < 2' ./in.ndjson ./rest.csv
  [ "$(cat b.csv)" = $'a\n1' ]
}

@test "an empty value is refused: a shell variable that is not set" {
  export KUTILS_BROKERS=localhost:1
  refused kread --since '' in; says "the value of '--since' is empty" "shell variable"
  refused ktable --by '' 'count()' in; says "'--by'"
  refused kread -o '' in; says "'-o'"
  refused kfilter -b '' true in; says "'-b'"
  refused kwindow --window '' 'count()' in; says "'-w,--window'"
  refused ktable --by= 'count()' in; says "'--by'"
  refused kread --since= in; says "'--since'"
  refused kread --nosuch= in; says "unknown option '--nosuch'"
  [ "$(printf 'a,b\n1,\n' | kmap -I csv -Z '' 'b')" = '{"b":null}' ]
}

@test "what uses time refuses plain lines until they are given one" {
  echo '{"a":1}' >in.ndjson
  refused kwindow -w 1m 'count()' ./in.ndjson; says "windows need a time" "--time wall"
  refused ktable --emit after:5s 'count()' ./in.ndjson; says "--emit after: needs a time" "--time wall"
}

@test "what is wrong with a range is found before anything opens" {
  export KUTILS_BROKERS=localhost:1
  refused kfilter -o sometime true in out; says "-o sometime: not a position in a topic"
  refused kread --since someday in; says "--since" "yesterday"
  refused kread -o 09:30 in; says "a time of day needs an @" "write: kread -o @09:30 in"
  refused kread -o 23:15 in; says "ends before it begins" "a time of day is: -o @23:15"
  refused kread --until 12:77 in; says "--until"
}

@test "brokers are needed for each topic, and taken where only a branch is one" {
  echo '{"a":1}' >in.ndjson
  refused kbranch 'low=a < 2' ./in.ndjson ./rest; says "no brokers are given, and 'low' is a topic"
  refused kfilter --on-error dead-letter:bad true ./in.ndjson; says "no brokers are given, and 'bad' is a topic"
  refused_with 3 kbranch -b localhost:1 'low=a < 2' ./in.ndjson ./rest; says "cannot connect to localhost:1" "Connection refused"
}

@test "--exit-status: 1 if nothing came out" {
  echo '{"a":1}' >in.ndjson
  refused_with 1 kfilter --exit-status 'a > 1' ./in.ndjson
  [ "$(kfilter --exit-status 'a > 0' ./in.ndjson)" = '{"a":1}' ]
}

@test "kwrite --rate: a bad line in its place" {
  printf '{"a":1}\nbad\n{"a":2}\n' >mix.ndjson
  run kbroker bash -c 'kwrite --rate 1000 --on-error fail ./mix.ndjson out; echo code $?; kread -q -e out'
  says "./mix.ndjson line 2: not JSON" "code 4" '{"a":1}'
  [[ $output != *'{"a":2}'* ]]
  run kbroker bash -c 'kwrite -q --rate 1000 --on-error report ./mix.ndjson out; echo code $?; kread -q -e out | wc -l'
  says "line 2" "code 4"$'\n2'
}

@test "a forgotten topic does not cost a file" {
  printf '{"a":1}\n{"a":2}\n' >victim.ndjson
  refused kwrite ./victim.ndjson; says "OUT './victim.ndjson' is a file" "kwrite ./victim.ndjson TOPIC"
  refused kwrite --atomic - ./victim.ndjson; says "is a file" "kcp - ./victim.ndjson"
  refused kwrite -; says "standard output"
  # An input that cannot be read, or has no header that could be one.
  refused kcp ./nosuch ./victim.ndjson
  refused kfilter true ./nosuch ./victim.ndjson
  printf 'a,a\n1,2\n' >twice.csv
  refused_with 4 bash -c 'kfilter -I csv true - ./victim.ndjson <twice.csv'
  refused kmap 'x=1, x=2' ./victim.ndjson ./victim.ndjson
  KUTILS_BROKERS=localhost:1 refused_with 3 kcp -e in ./victim.ndjson; says "cannot connect"
  same victim.ndjson <(printf '{"a":1}\n{"a":2}\n')
  # A run that ended well without a record leaves an empty file; one with records leaves these.
  echo '{"a":9}' >in.json
  kfilter 'a > 10' - ./victim.ndjson <in.json
  [ ! -s victim.ndjson ]
  printf 'a long line that was there before\n' >victim.ndjson
  kfilter 'a > 1' - ./victim.ndjson <in.json
  [ "$(cat victim.ndjson)" = '{"a":9}' ]
}

# ./*.ndjson, ./*, */a.csv where that matches two files.
@test "from a file, an OUT with something in it is refused: the shell may have named both" {
  printf '{"a":1}\n{"a":2}\n' >a.ndjson
  printf '{"a":3}\n' >b.ndjson
  mkdir sub
  printf 'n\n1\n' >sub/a.csv
  printf 'n\n2\n' >sub/b.csv
  # replaces WHAT OUT HINT COMMAND...: refused before anything is read; the hint, pasted, replaces OUT.
  replaces() {
    cp "$1" kept
    refused "${@:3}"; says "would be replaced" "$(stat -c %s "$1") bytes"
    cmp "$1" kept || return 1
    [ "$(sed -n 's/^  to replace it on purpose: //p' <<<"$output")" = "$2" ] || { echo "$output"; return 1; }
    bash -c "$2"
    ! cmp -s "$1" kept || return 1
    cp kept "$1"
  }
  replaces ./b.ndjson "kfilter 'a > 1' ./a.ndjson > ./b.ndjson" kfilter 'a > 1' ./*.ndjson
  replaces ./b.ndjson "kmap -O csv x=a ./a.ndjson > ./b.ndjson" kmap -O csv 'x=a' ./a.ndjson ./b.ndjson
  replaces ./b.ndjson "ktable --total 'count()' ./a.ndjson > ./b.ndjson" ktable --total 'count()' ./a.ndjson ./b.ndjson
  replaces ./b.ndjson "kpipe kfilter 'a > 1' then kmap x=a -- ./a.ndjson > ./b.ndjson" kpipe kfilter 'a > 1' then kmap 'x=a' -- ./a.ndjson ./b.ndjson
  mkdir one other
  cp a.ndjson one/x.ndjson; cp b.ndjson other/x.ndjson
  replaces other/x.ndjson "kfilter 'a > 1' one/x.ndjson > other/x.ndjson" kfilter 'a > 1' o*/x.ndjson
  cp sub/a.csv one/w.csv
  replaces one/x.ndjson "kfilter -I csv 'n > 0' one/w.csv > one/x.ndjson" kfilter -I csv 'n > 0' one/*
  replaces sub/b.csv "kcp -I csv -O json sub/a.csv - > sub/b.csv" kcp -I csv -O json sub/*.csv
  for tool in "kscan n=count()" "kscore x=1" "kgroupby a" "kdedup a --within 1h" "ksample 1" "ktake 2" "kwindow -w 1m --time wall count()" "ksort --within 1s --time a" "kcp"; do
    refused $tool ./a.ndjson ./b.ndjson; says "would be replaced"
  done
  [ "$(cat b.ndjson)" = '{"a":3}' ]
  # What holds nothing is written, and whatever the input is no file.
  : >empty.ndjson
  kfilter 'a > 1' - ./b.ndjson <a.ndjson
  for out in ./b.ndjson ./empty.ndjson ./new.ndjson; do
    [ "$out" = ./b.ndjson ] || kfilter 'a > 1' ./a.ndjson "$out"
    [ "$(cat "$out")" = '{"a":2}' ] || { echo "$out"; return 1; }
  done
}

@test "kgroupby to lines that show no key is refused, with the command that keeps it" {
  kgen --seed 1 -c 20 clicks >in.ndjson
  refused kgroupby country ./in.ndjson; says "show no key" "kgroupby -O envelope country ./in.ndjson"
  # Both hints, pasted.
  first=$(sed -n 's/.*envelopes have it: //p' err.txt) rest=$(sed -n 's/.*with -J: //p' err.txt)
  bash -c "$first $rest" >rows.ndjson
  [ "$(jq -r .payload rows.ndjson | jq -s 'map(.count) | add')" -eq 20 ]
  kgen --seed 1 -c 20 -J clicks | kgroupby -J country | ktable -J 'count()' >same.ndjson
  same <(jq -c '[.key, .payload]' rows.ndjson | sort) <(jq -c '[.key, .payload]' same.ndjson | sort)
  # -J in front of plain JSON says what to do.
  refused_with 4 kgroupby -J country ./in.ndjson; says "plain JSON" "without -J" "-O envelope"
}

@test "the total of nothing is a row" {
  : >empty
  [ "$(ktable --total 'n=count(), sum(x), max(x)' ./empty)" = '{"n":0,"sum_x":0,"max_x":null}' ]
  [ "$(ktable 'count()' ./empty)" = '{"count":0}' ]
  [ "$(ktable --by a 'count()' ./empty)" = '' ]
  [ "$(kbroker bash -c 'echo "{}" | kwrite -q t; kread -q -e t >/dev/null; ktable -q -e -o end --total "count()" t')" = '{"count":0}' ]
}

@test "what needs transactions is refused by the in-memory broker, and nothing is written" {
  echo '{"a":1}' >in.ndjson
  run kbroker bash -c 'kwrite --atomic ./in.ndjson t; echo code $?; kwrite -q ./in.ndjson t; kread -q -e t
    kfilter -e --delivery exactly-once true t u; echo code $?'
  says "--atomic: the in-memory broker has no transactions" "--delivery exactly-once: the in-memory broker"
  [ "$(grep -c 'code 2' <<<"$output")" -eq 2 ]
  [ "$(grep -c '^{' <<<"$output")" -eq 1 ]
}

@test "a topic that is called like a file is created with a word on files" {
  run kbroker bash -c 'kgen -c 3 clicks c1 && kcp -e c1 c2.ndjson'
  says "created topic c2.ndjson" "a file is ./c2.ndjson"
}

@test "-h and -V, several topics, globs" {
  same <(kread -h) <(kread --help)
  same <(kread -V) <(kread --version)
  export KUTILS_BROKERS=localhost:1
  refused kread a b; says "several topics are one operand: kread a,b"
  refused kread 'x_*'; says "begins with ^: '^x_.*\$'"
  refused kread -z zstd a; says "records are decompressed as they are read: kread a"
  refused kread --limit 3 a; says "is: kread -m 3 a"
  refused ktable --group-by uri 'count()' a; says "ktable --by uri 'count()' a"
  refused kread --list; says "ktopic list"
}

@test "a port that is none is refused, whoever says it" {
  refused kread -b localhost:99999 in; says "-b localhost:99999: '99999' is not a port" "1 to 65535"
  KUTILS_BROKERS=localhost:0 refused kread in; says "\$KUTILS_BROKERS localhost:0"
  refused kread -X bootstrap.servers=localhost:x in; says "bootstrap.servers localhost:x"
  echo bootstrap.servers=localhost:70000 >brokers.conf
  refused kread -F brokers.conf in; says "brokers.conf:1: bootstrap.servers localhost:70000"
}

@test "a near miss of a metadata name is noted, once" {
  echo '{"a":1}' >in.ndjson
  run kfilter '_vlaue == 1 || true' ./in.ndjson
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = "kfilter: '_vlaue' is read as a field of the record; did you mean _value?" ]
  [ "${#lines[@]}" -eq 2 ]
  [ "$(kfilter -q '_vlaue == 1 || true' ./in.ndjson 2>&1)" = '{"a":1}' ]
}

@test "kread --where, --pretty and --color always; a value that is no JSON is written as it is" {
  printf '%s\n' '{"a":1,"b":{"c":["x\"{",-2.50e3],"d":{},"e":[]},"f":null}' '{"a":0}' >in.ndjson
  [ "$(kread --where 'a > 0' ./in.ndjson)" = "$(head -1 in.ndjson)" ]
  refused kread --where 'a >' ./in.ndjson; says "--where: the expression ends too early"
  run kread --where 'a' ./in.ndjson
  [ "$status" -eq 4 ]; says "--where must be true or false, not int"
  KUTILS_BROKERS=localhost:1 refused kread -e --where 'a > 0' table:in; says "kfilter -e 'a > 0' table:in"
  same <(kread --pretty -c 1 ./in.ndjson) - <<'END'
{
  "a": 1,
  "b": {
    "c": [
      "x\"{",
      -2.50e3
    ],
    "d": {},
    "e": []
  },
  "f": null
}
END
  kread --color always -c 1 ./in.ndjson >coloured
  grep -qF $'\u001b[34;1m"a"\u001b[0m:\u001b[36m1\u001b[0m,' coloured
  grep -qF $'\u001b[32m"x\\"{"\u001b[0m' coloured
  [ "$(sed $'s/\u001b\\[[0-9;]*m//g' coloured)" = "$(head -1 in.ndjson)" ]
  [ "$(kread --color auto ./in.ndjson)" = "$(cat in.ndjson)" ]
  echo 'not { JSON' >text
  [ "$(kread --pretty --color always ./text)" = 'not { JSON' ]
  kread -I json -O envelope --pretty -c 1 ./in.ndjson | jq -e .payload >/dev/null
  refused kread --pretty -O csv ./in.ndjson; says "--pretty does nothing here"
}

@test "times of day on this machine's clock, and a word where they are UTC" {
  export KUTILS_BROKERS=localhost:1
  TZ=Europe/Berlin refused_with 3 kread -e --since '2026-01-31 09:30' in; says "--since 2026-01-31 09:30 is read as UTC, 2026-01-31T09:30:00.000Z" "--local"
  TZ=Europe/Berlin refused_with 3 kread -e --since '2026-01-31 09:30Z' in; [[ $output != *"is read as UTC"* ]]
  TZ=UTC refused_with 3 kread -e --since 09:30 in; [[ $output != *"is read as UTC"* ]]
  TZ=Europe/Berlin refused_with 3 kread -e -o @2026-01-31 in; says "-o @2026-01-31 is read as UTC, 2026-01-31T00:00:00.000Z" "--local"
  TZ=Europe/Berlin refused_with 3 koffset reset g -o today; says "-o today is read as UTC" "--local"
  TZ=Europe/Berlin refused_with 3 kread -e -o @-2h in; [[ $output != *"is read as UTC"* ]]
  TZ=Europe/Berlin refused_with 3 kread -e -o 5 in; [[ $output != *"is read as UTC"* ]]
  TZ=Europe/Berlin refused_with 3 kread --local -e --since yesterday --until today in; [[ $output != *"is read as UTC"* ]]
  TZ=Europe/Berlin refused kread --local -e --since 2026-01-31T10:00 --until 2026-01-31T09:00Z -o 1 in; says "--since"
  refused kread --local ./in; says "--local does nothing here"
}

@test "kwrite -p: to one partition" {
  cat >script <<'END'
  seq 5 | kwrite -q --partitions 3 -p 2 --key _value t
  kread -q -e -f '%p %s\n' t | sort
  seq 1 | kwrite -q -p 99 t
END
  run kbroker bash script
  [ "$(head -5 <<<"$output" | grep -c '^2 ')" -eq 5 ] || { echo "$output"; return 1; }
  says "-p 99: there is no such partition: t has 0 to 3"
  refused kwrite -p x t; says "-p: 'x' is not a whole number"
}

@test "--sort: a table in the order of a column" {
  printf '{"k":"%s","n":%s}\n' a 2 b 10 c -1 >in.ndjson
  [ "$(kread -O table --sort -n ./in.ndjson)" = $'k   n\nb  10\na   2\nc  -1' ]
  [ "$(ktable --by k -O table --sort -n 'n=sum(n)' ./in.ndjson)" = $'k   n\nb  10\na   2\nc  -1' ]
  [ "$(ktable --by k -O table --sort=n 'n=sum(n)' ./in.ndjson)" = $'k   n\nc  -1\na   2\nb  10' ]
  refused ktable --by k -O table --sort x 'n=sum(n)' ./in.ndjson; says "--sort x: the rows have no column 'x'" "their columns are k, n"
  # Before anything is read, where the columns are known.
  KUTILS_BROKERS=localhost:1 refused ktable -e -O table --sort -x 'n=sum(n)' t; says "no column 'x'" "their columns are key, n"
  KUTILS_BROKERS=localhost:1 refused kwindow -e -w 10s -O table --sort window_strt 'count()' t
  says "their columns are key, window_start, window_end, count; write: kwindow -e -w 10s -O table --sort window_start 'count()' t"
  for column in key window_start window_end count; do kwindow -I envelope -w 10s -O table --sort "$column" 'count()' </dev/null; done
  # Else where no row has it; a row that lacks it comes last in either order.
  refused kread -O table --sort -nn ./in.ndjson; says "--sort -nn: the rows have no column 'nn'" "write: kread -O table --sort -n ./in.ndjson"
  printf '{"k":"%s"%s}\n' a ',"n":2' b '' c ',"n":10' >some.ndjson
  [ "$(kread -O table --sort n ./some.ndjson)" = $'k   n\na   2\nc  10\nb  ' ]
  [ "$(kread -O table --sort -n ./some.ndjson)" = $'k   n\nc  10\na   2\nb  ' ]
  seq 100001 >many.ndjson
  refused kread -O table --sort value ./many.ndjson; says "more than 100,000 rows"
  [ "$(head -100000 many.ndjson | kread -O table --sort -value | sed -n 2p)" = 100000 ]
  refused kquery --sort n t; says "--sort does nothing here: no table is printed" "write: kquery --sort n -O table t"
  [ "$(kpipe -O table --sort -n kfilter 'n > 0' then ktable --by k 'n=sum(n)' <in.ndjson)" = $'k   n\nb  10\na   2' ]
  refused ktable --by k --sort n 'n=sum(n)' ./in.ndjson; says "--sort does nothing here" "-O table"
  KUTILS_BROKERS=localhost:1 refused ktable -O table --sort n 'n=sum(n)' t; says "--sort: the rows have no end" "-e"
  KUTILS_BROKERS=localhost:1 refused kread -O table --sort n t; says "--sort: the records have no end" "add -e" "table:t"
  printf '{"k":"%s","t":%s}\n' a 1000 b 1000 b 2000 c 1000 c 1000 c 2000 >windows.ndjson
  [ "$(kwindow --by k -O table --sort -n -w 10s --time t 'n=count()' ./windows.ndjson | awk '{print $1, $NF}' | xargs)" = "k n c 3 b 2 a 1" ]
}

@test "klag and kwait: what is wrong is found before a broker is asked" {
  unset KUTILS_BROKERS
  refused klag g; says "no brokers are given" "-b HOST:PORT"
  export KUTILS_BROKERS=localhost:1
  refused klag; says "missing operand GROUP"
  refused klag -q g; says "--max-records N or --max-age D"
  refused klag --watch 1s --max-age 1m g; says "--watch runs until it is stopped"
  refused kwait lag 0; says "kwait lag takes N GROUP [TOPIC]..."
  refused kwait nothing x; says "kwait cannot wait for 'nothing'" "record EXPR TOPIC"
  refused kwait record 'n ==' t; says "EXPR"
  refused kwait records many t; says "'many' is not a whole number"
  refused kwait --new topic t; says "--new is about records"
}

@test "a run that fails before it writes leaves OUT as it was; a file is not offered as what is written over" {
  echo '{"mine":1}' >mine.ndjson
  echo '{"x":1}' >x.json
  run kmap 'y=nofield' - ./mine.ndjson <x.json
  [ "$status" -eq 4 ]
  [ "$(cat mine.ndjson)" = '{"mine":1}' ]
  # One that ends well with nothing to write has written that.
  kfilter 'x > 5' - ./mine.ndjson <x.json
  [ ! -s mine.ndjson ]
  refused kwrite clicks ./mine.ndjson; says "kwrite ./mine.ndjson clicks"
  refused kread -b user:SECRET@host:9092 clicks; says "a broker is HOST:PORT" "sasl.password"
  [[ $output != *SECRET* ]]
  refused kread -e 'number > 100' clicks; says "kread -e --where 'number > 100' clicks"
}

@test "ktopic: what is wrong is found before a broker is asked" {
  unset KUTILS_BROKERS
  refused ktopic list; says "no brokers are given" "-b HOST:PORT"
  export KUTILS_BROKERS=localhost:1
  refused ktopic; says "missing operand VERB"
  refused ktopic lst; says "ktopic has no command 'lst'" "write: ktopic list"
  refused ktopic clicks describe; says "write: ktopic describe clicks"
  refused ktopic delete; says "ktopic delete takes TOPIC..."
  refused ktopic grow clicks; says "ktopic grow takes N TOPIC..."
  refused ktopic grow many clicks; says "'many' is not a whole number"
  refused ktopic create a/b; says "'a/b' cannot be a topic's name"
  refused ktopic create --config retention.ms x; says "not NAME=VALUE"
  refused ktopic create --execute x; says "ktopic create has no option --execute"
  refused ktopic alter x; says "nothing to change"
  refused ktopic trim x; says "the position is missing" "--since TIME"
  refused ktopic trim -o 1:5 x; says "also has an end"
  refused ktopic trim -o nowhere x; says "not a position in a topic"
}

@test "koffset and kstate: what is wrong is found before a broker is asked" {
  unset KUTILS_BROKERS
  refused koffset list; says "no brokers are given"
  export KUTILS_BROKERS=localhost:1
  refused koffset; says "missing operand VERB"
  refused koffset rest g; says "koffset has no command 'rest'" "write: koffset reset g"
  refused koffset billing reset; says "write: koffset reset billing"
  refused koffset show; says "koffset show: GROUP is missing"
  refused koffset commit g; says "TOPIC[:PARTITION]=WHERE"
  refused koffset commit g t:0; says "'=WHERE' is missing"
  refused koffset commit g t:x=1; says "-p x"
  refused koffset commit g t=1:5; says "WHERE is a range"
  refused koffset show -o end g; says "koffset show has no option -o"
  refused koffset export --execute g; says "changes nothing"
  refused koffset import g; says "koffset import takes GROUP FILE"
  refused koffset reset -o nowhere g; says "not a position in a topic"
  refused koffset reset -o 1:5 g; says "-o 1:5 is a range"
  refused kstate totals; says "kstate has no command 'totals'" "of one: kstate list totals"
  refused kstate delete; says "GROUP is missing" "--older-than D"
  refused kstate list --execute; says "no option --execute"
  refused kstate delete x; says "no state of group 'x' lies in $KUTILS_STATE_DIR"
  run kstate
  [ "$status" -eq 0 ]
  [ "$output" = "kstate: no state lies in $KUTILS_STATE_DIR" ]
}

@test "kdiff: what is wrong is found before a broker is asked; two files need none" {
  export KUTILS_BROKERS=localhost:1
  refused kdiff a; says "missing operand RIGHT"
  refused kdiff --by value a b; says "--by value" "set, key, order"
  refused kdiff table:a b; says "--by key"
  refused kdiff - -; says "both stdin"
  refused kdiff -J a b; says "LEFT and RIGHT are topics"
  refused kdiff --times a ./x; says "plain lines have neither" "-J"
  unset KUTILS_BROKERS
  refused kdiff a b; says "-b HOST"
  printf '%s\n' '{"a":1,"b":2}' '{"a":2}' >one
  printf '%s\n' '{"a":2}' '{"b":2, "a":1}' >two
  kdiff -q ./one ./two
  [ "$(kdiff ./one ./two 2>&1)" = 'kdiff: 2 records in ./one, 2 in ./two: no difference' ]
  echo '{"a":3}' >>two
  run kdiff ./one ./two
  [ "$status" -eq 1 ]
  [[ $output == *'>     ./two, line 3  {"a":3}'* ]]
}

@test "kdiff: a file of envelopes, as kcp writes it, is not compared as values" {
  kgen --seed 1 -c 3 clicks | kread -O envelope - >bare
  sed 's/^{/{"topic":"clicks","partition":0,"offset":1,/' bare >whole
  kgen --seed 1 -c 3 clicks >plain
  refused kdiff ./plain ./whole; says "the first line is an envelope" "to read envelopes: kdiff -J ./plain ./whole"
  run bash -c 'kdiff - ./plain <whole'
  [ "$status" -eq 2 ]
  says "to read envelopes: kdiff -J - ./plain"
  # Who names the format means it.
  kdiff -q -I json ./whole ./whole
  kdiff -q -J ./bare ./whole
  # An envelope without its place may be a value.
  run kdiff -q ./bare ./bare
  [ "$status" -eq 0 ]
}

@test "kread: a wrong codec is said before brokers are asked for; summaries need an end" {
  refused kread --key-codec int64 clicks; says "--key-codec int64: there is no codec 'int64'" "i64"
  refused kfilter --value-codec jsn true a b; says "there is no codec 'jsn'"
  refused kread -b h:1 --stats clicks; says "'clicks' has none" "kread -b h:1 --stats -e clicks"
  refused kread -b h:1 --stats --count -e clicks; says "--count and --stats exclude each other"
  refused kread -b h:1 --count -e --key n clicks; says "--key does nothing here: with --count"
  refused kread -b h:1 -f '%k %v\n' clicks; says "there is no token '%v'" "%v, the value, is %s here"
  refused kread -I hex ./in; says "can only be written"
}

@test "dead letters go to a topic: a file or another name is refused as such, whatever IN and OUT are" {
  local in out
  for in in clicks ./in.ndjson -; do
    for out in out ./out.ndjson -; do
      refused kfilter -b h:1 --on-error dead-letter:./bad.ndjson true $in $out; says "dead letters go to a topic" "dead-letter:TOPIC"
      refused kfilter -b h:1 --on-error dead-letter:- true $in $out; says "dead letters go to a topic"
      refused kfilter -b h:1 --on-error 'dead-letter:a b' true $in $out; says "cannot have this name" "letters, digits"
    done
  done
}

@test "an option of one value is given once; what several values mean together is in the hint" {
  seq 0 9 | sed 's/.*/{"n":&,"m":"x&"}/' >in.ndjson
  once() {  # once HINT COMMAND...: refused, and the hint works
    refused "${@:2}"; says "is given twice" "$1"
    bash -c "$1" >hinted 2>hinted.err || { cat hinted.err; return 1; }
  }
  once "kread --where '(n > 3) && (n < 6)' ./in.ndjson" kread --where 'n > 3' --where 'n < 6' ./in.ndjson
  [ "$(wc -l <hinted)" -eq 2 ]
  once "kread --grep 'x1|x2' ./in.ndjson" kread --grep x1 --grep x2 ./in.ndjson
  [ "$(wc -l <hinted)" -eq 2 ]
  once "ktable --by n,m 'count()' ./in.ndjson" ktable --by n --by m 'count()' ./in.ndjson
  [ "$(wc -l <hinted)" -eq 10 ]
  once "ktable --by m --having '(count > 0) && (m == \"x1\")' 'count()' ./in.ndjson" \
    ktable --by m --having 'count > 0' 'count()' ./in.ndjson --having 'm == "x1"'
  [ "$(wc -l <hinted)" -eq 1 ]
  once "kread -m 1 ./in.ndjson" kread -m 1 -m 1 ./in.ndjson
  once "kread -c 2 ./in.ndjson" kread -c 5 ./in.ndjson -c 2
  once "kmap -O envelope --key '[m, n]' m=m ./in.ndjson" kmap -O envelope --key m --key n m=m ./in.ndjson
  once "kwindow --time n -w 2s 'count()' ./in.ndjson" kwindow --time n -w 1s -w 2s 'count()' ./in.ndjson
  refused kread -b h:1 -e -p 0 -p 1-2 clicks; says "-p is given twice: 0, 1-2" "kread -b h:1 -e -p 0,1-2 clicks"
  refused kread -b h:1 -b i:2 -e clicks; says "-b is given twice" "kread -b h:1,i:2 -e clicks"
  refused kfilter -b h:1 -g a -g b true x y; says "-g is given twice" "kfilter -b h:1 -g b true x y"
  refused kpipe -b h:1 kwindow -w 1s --by n --by m 'count()' then kfilter true -- a b; says "--by is given twice" "--by n,m"
  refused kread -b h:1 -X acks=1 -X acks=all clicks; says "-X acks is given twice"
  refused kexpr --var a=1 --var a=2 a; says "--var a is given twice"
  refused ktopic list -b h:1 -O csv --json; says "-O and --json"
  refused kdiff -J -I csv ./in.ndjson ./in.ndjson; says "-I and -J"
  # What the environment and files say is for the command line to override.
  printf 'client.id=file\n' >conf
  KUTILS_BROKERS=h:1 run kread -b localhost:1 -F conf -X client.id=mine -e clicks
  [[ $output != *twice* && $output == *localhost:1* ]]
  # Lists stay lists.
  kmap -O envelope --header a=n --header b=m m=m ./in.ndjson >/dev/null
  [ "$(kexpr --var a=1 --var b=2 a+b)" = 3 ]
}

@test "-f without a token is refused: what other programs write, as it is written here" {
  echo '{"uri":"/a","n":1}' >in.ndjson
  meant() {  # meant HINT OUTPUT FORMAT
    refused kread -f "$3" ./in.ndjson; says "would print the same for each record" "$1"
    [ "$(bash -c "$1")" = "$2" ]
  }
  meant "kread -f '%{uri}\\n' ./in.ndjson" /a '$.uri'
  meant "kread -f '%{uri}\\n' ./in.ndjson" /a uri
  meant "kread -f '%s\\n' ./in.ndjson" '{"uri":"/a","n":1}' '{{.value}}'
  meant "kread -f '%{uri} %{n}\\n' ./in.ndjson" '/a 1' '${uri} {n}'
  meant "kread -O csv ./in.ndjson" $'uri,n\n/a,1' csv
  refused kread -f 'a text' ./in.ndjson; says "tokens are %s"
  [ "$(kread -f 'text\n' ./in.ndjson)" = text ]
  refused kfilter -f '100%%' true ./in.ndjson; says "it has no token"
  [ "$(kread -f 'x%%%s' ./in.ndjson)" = 'x%{"uri":"/a","n":1}' ]
}

@test "a topic that is taken for the EXPR, and nothing to read: said, with the command" {
  refused kfilter -e clicks </dev/null; says "standard input is empty, and 'clicks' is taken for the EXPR" "kfilter -e true clicks"
  refused kmap -e clicks </dev/null; says "taken for the LIST" "kmap -e '*' clicks"
  refused kgroupby -e -J clicks </dev/null; says "kgroupby -e -J _key clicks"
  # Without -e it may be a field, of lines that are not there today.
  run kfilter active </dev/null
  [ "$status" -eq 0 ]
  [[ $output == *"standard input is empty, and 'active' is taken for the EXPR"*"kfilter true active"* ]]
  run kfilter -q active </dev/null
  [ -z "$output" ]
  for spec in true 'a > 1'; do
    run kfilter -e "$spec" </dev/null
    [ "$status" -eq 0 ]
    [[ $output != *empty* ]]
  done
  run kfilter -e active - </dev/null
  [ "$status" -eq 0 ]
  [ "$(echo '{"active":true}' | kfilter -e active 2>err)" = '{"active":true}' ]
  [ ! -s err ]
}

@test "a time in seconds that is taken for milliseconds is noted, with the option that reads it" {
  printf '{"t":%s}\n' 1700000000 1700000060 >in.ndjson
  noted() {
    run "$@"
    [[ $output == *"--time: the first time is 1700000000 ms since the epoch, 1970-01-20"*"2023-11-14"*"add: --time-unit s"* ]] || { echo "$output"; return 1; }
    [ "$(grep -c 'looks like seconds' <<<"$output")" -eq 1 ]
    run "$@" --time-unit s
    [[ $output != *'looks like seconds'* ]]
    [[ $output == *2023-11-14* ]]
  }
  noted kwindow --time t -w 1m --total 'count()' ./in.ndjson
  noted kmap -O envelope --time t 't=timestamp("2023-11-14T00:00:00Z")' ./in.ndjson
  # What means it, and other times, are not noted.
  for time in 't * 1000' 'string(timestamp(t))' '"1970-01-20T16:13:20Z"' 12345 wall; do
    run kwindow --time "$time" -w 1m --total 'count()' ./in.ndjson
    [[ $output != *seconds* ]] || { echo "$time: $output"; return 1; }
  done
}

@test "a value that the shell has cut at a space; --key and -s keep their sense" {
  refused kread -b h:1 -e -f %k %s T; says "kread -b h:1 -e -f '%k %s' T"
  refused kread -b h:1 -e -f %k %s; says "kread -b h:1 -e -f '%k %s'"
  refused kread -b h:1 --since 1 min T; says "kread -b h:1 --since 1m T"
  refused kread -b h:1 -e --since 1 hour ago T; says "kread -b h:1 -e --since 1h T"
  refused kread -b h:1 -e T --since 2026-01-31 09:30; says "--since '2026-01-31 09:30' T"
  refused kread -b h:1 -e --where number == 5 T; says "--where 'number == 5' T"
  refused kread -b h:1 a b; says "kread -b h:1 a,b"
  refused kread -b h:1 -e --key user C; says "kread -b h:1 -e --key user -K '\t' C" "--key-is TEXT"
  refused kread -b h:1 -C -s value=avro -t C; says "-s value=avro has no counterpart" "no schema registry"
  refused kread -b h:1 -C -e -s key=i -s value=q -t C; says "kread -b h:1 -e --key-codec i32 --value-codec i64 C"
}
