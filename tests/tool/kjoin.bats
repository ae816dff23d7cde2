#!/usr/bin/env bats
# kjoin's own mistakes on the command line: exit code 2, what and what to do, nothing on stdout, no broker asked.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; }

refused() { refused_with 2 "$@"; }

@test "kjoin: what makes no join is refused" {
  export KUTILS_BROKERS=localhost:1
  refused kjoin a; says "missing operand RIGHT"
  refused kjoin a b c; says "--within D is missing: how far apart in time" "-w D" "table:b"
  refused kjoin --within -1s a b c; says "--within" "negative"
  refused kjoin --before -1s a b c; says "--before" "negative"
  refused kjoin -w -10s a b c; says "-w" "negative"
  refused kjoin --within 1s --grace -1s a b c; says "--grace" "negative"
  refused kjoin --within 1s -w 10s a b c; says "all but one of the three"
  refused kjoin -w 0s a b c; says "a window needs a length"
  refused kjoin --within 1s a table:b c; says "--within is about two streams" "RIGHT is a table"
  refused kjoin --grace 1s table:a table:b c; says "both sides are tables"
  refused kjoin --table-grace 1s --within 1s a b c; says "neither side is a table"
  refused kjoin table:a b c; says "the stream must be LEFT" "kjoin b table:a c"
  refused kjoin a table:a c; says "the same topic, 'a', which is read as a table" "--within D" "kcp"
  refused kjoin table:a table:a c; says "the same topic, 'a'"
  refused kjoin --merge --within 1s a a c; says "the same fields" "--prefix r_"
  refused kjoin --within 1s a b a; says "would read what it writes"
  refused kjoin --within 1s a b b; says "both RIGHT and OUT"
  refused kjoin --within 1s ./a b c; says "LEFT './a' is lines"
  refused kjoin --within 1s a b -; says "OUT '-' is lines"
  refused kjoin --within 1s a,b c d; says "is several topics"
  refused kjoin --outer a table:b c; says "--outer"
  refused kjoin --left --outer --within 1s a b c; says "contradict"
  refused kjoin --outer --where 'left.a == right.b' table:a table:b c; says "--where"
  refused kjoin --prefix r_ a table:b c; says "--prefix does nothing"
  refused kjoin --merge --select left.a a table:b c; says "--merge and --select"
  refused kjoin --where 'left.a ==' a table:b c; says "--where"
  refused kjoin --select 'left.a, right.' a table:b c; says "--select"
  refused kjoin --close-at-end --within 1s a b c; says "no end"
  refused kjoin --close-at-end -e a table:b c; says "nothing waits"
  refused kjoin --outer --on a table:b table:c d; says "--outer with --on" "would have no key in OUT"
  refused kjoin --on a=b table:c table:d e; says "its side is _key"
  refused kjoin --on 'a +' table:c table:d e; says "--on"
  refused kjoin --within 1s --on a table:b table:c d; says "both sides are tables"
  refused kjoin --on a=b c table:d e; says "its side is _key"
  refused kjoin --on a= --within 1s b c d; says "lacks a side"
  refused kjoin --on 'a ==' --within 1s b c d; says "--on"
  refused kjoin --global --within 1s a b c; says "--global is about a table" "table:b"
  refused kjoin --global table:a table:b c; says "LEFT 'table:a' is a table"
  refused kjoin --global --table-grace 1s a table:b c; says "--table-grace does nothing here"
  refused kjoin --global --on a=b a table:b c; says "its side is _key"
  refused kjoin --reload 1s a table:b c; says "--reload is about a file"
  refused kjoin a table:./users.csv c; says "which column of the file" "--on id"
  refused kjoin --on id a ./users.csv c; says "can only be a table" "table:./users.csv"
  refused kjoin --on id a table:./users.txt c; says "does not tell the format of the file"
  refused kjoin --on id --reload 0s a table:./users.csv c; says "the time between two looks must be above 0"
  refused kjoin --on id --global a table:./users.csv c; says "--global does nothing here"
  refused kjoin --on id a table:- c; says "RIGHT '-' is lines"
  refused kjoin --on 'id ==' a table:./users.csv c; says "--on"
  refused kjoin --on 'id=id ==' a table:./users.csv c; says "--on"
  refused kjoin --on id a table:./users.csv c; says "users.csv"
  refused kjoin --cache 10M --global a table:b c; says "--cache does nothing here" "in memory"
  refused kjoin --cache 10M --on id a table:./users.csv c; says "--cache does nothing here"
  kjoin --explain --within 60s a b c >one
  grep -qE '^  and .*b' one || { cat one; return 1; }
  kjoin --explain -g G --on a table:b table:c d >two
  same <(printf '%s\n' 'from table:b' 'to G-repartition' 'from G-repartition' 'and table:c' 'to G-repartition-2' \
    'from G-repartition-2' 'to d') <(grep -E '^  (from|and|to) ' two | sed 's/^  //; s/ (.*//')
}

@test "kjoin --on: 'in' is what was read from LEFT and RIGHT, not from the internal topic" {
  cat >count.sh <<'END'
set -e
printf '{"id":"u%d"}\n' 1 2 | kwrite -q --key id users
for i in {1..200}; do echo "{\"user\":\"u$((i % 7))\"}"; done >orders.ndjson
kwrite -q ./orders.ndjson orders
printf '{"id":"u%d"}\n' 3 4 | kwrite -q --key id users
kwrite -q ./orders.ndjson orders
kjoin -e --on user orders table:users joined
END
  run kbroker --topic users:4 --topic orders:4 bash count.sh
  [ "$status" -eq 0 ]
  [[ $output == *"kjoin: 404 in, "* ]] || { echo "$output"; return 1; }
}
