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
  refused kread -G group clicks; says "-g NAME"
  refused kread -C -t clicks; says "kread TOPIC"
  refused kwrite -P -t clicks; says "kwrite TOPIC"
  refused kread --from-beginning clicks; says "-o beginning"
  refused kread --bootstrap-server localhost:9092 clicks; says "-b HOST"
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
  refused kfilter x table:a b; says "table:a"
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
