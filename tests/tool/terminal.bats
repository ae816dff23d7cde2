#!/usr/bin/env bats
# What a person sees: in a real terminal.

setup() {
  local support=${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support
  . "$support/kafka.bash"; . "$support/terminal.bash"
  shell_setup; unset KUTILS_BROKERS; open_terminal
}
teardown() { close_terminal; kafka_teardown; }

@test "progress is not glued to rows" {
  mkfifo in
  type_line 'kfilter --progress true <in'
  exec 8>in
  echo '{"n":1}' >&8
  wait_for 20 screen_has '^kfilter: [0-9.]+/s'
  echo '{"n":2}' >&8
  wait_for 20 screen_has '"n":2'
  screen_has '^\{"n":2\}$' || show_screen
  exec 8>&-
}

@test "no progress where rows go to the terminal, or to a pipe whose reader prints there" {
  # Progress is drawn after half a second.
  type_line '(echo 1; sleep 1.2; echo 2) | kfilter true; (echo 3; sleep 1.2; echo 4) | kfilter true | cat; echo ended'
  wait_for 20 screen_has '^ended$'
  [ "$(screen | sed -n '/^1$/,/^ended$/p')" = $'1\n2\n3\n4\nended' ] || show_screen
}

@test "a tool in the background draws neither progress nor its table into what the shell shows" {
  mkfifo in rows
  exec 8<>in 9<>rows
  # Progress is drawn each half second, a table with each row.
  type_line 'clear; kfilter --progress true <in >kept & ktable --by k --emit update -O table "n=count()" <rows &'
  type_line 'clear; seq 2; echo ready'
  wait_for 20 screen_has '^ready$'
  for ((i = 1; i <= 30; i++)); do
    echo "{\"n\":$i}" >&8
    echo "{\"k\":\"a\"}" >&9
    sleep 0.05
  done
  wait_for 20 file_has kept '"n":30\}'
  sleep 0.6
  echo '{"n":31}' >&8
  wait_for 20 file_has kept '"n":31\}'
  [ "$(screen | sed '/^$/d')" = $'1\n2\nready\n$' ] || show_screen
  # In the foreground again both are drawn.
  type_line 'fg %2'
  wait_for 20 screen_has '^ktable'
  echo '{"k":"a"}' >&9
  wait_for 20 screen_has '^a +31$'
  press C-c
  wait_for 20 screen_has '\$ *$'
  type_line 'clear; fg %1'
  wait_for 20 screen_has '^kfilter: [0-9.]+/s'
  press C-c
  wait_for 20 screen_has '\$ *$'
}

@test "no progress where somebody types what is read" {
  # Progress is drawn after half a second.
  type_line 'clear; kbroker kwrite -I text typed'
  wait_for 20 screen_has 'reading from the terminal'
  type_line one
  sleep 1.2
  type_line two
  press C-d
  wait_for 20 screen_has 'kwrite: 2 in, 2 out'
  ! screen_has '/s' || show_screen
}

@test "who reads the terminal says so; kgen reads nothing" {
  type_line "kgen -c 1 'n=1'; echo ended"
  wait_for 20 screen_has '^ended$'
  ! screen_has 'reading from the terminal' || show_screen
  type_line 'kfilter true'
  wait_for 20 screen_has '^kfilter: reading from the terminal; Ctrl-D ends it$'
  type_line '{"n":7}'
  press C-d
  wait_for 20 screen_has '^kfilter: reading.*$'
  type_line 'echo code $?'
  wait_for 20 screen_has '^code 0$'
}

@test "a table on a terminal is drawn again in place, sorted; in a pipe rows are appended" {
  mkfifo in
  type_line 'clear; ktable --by k --emit update -O table --sort -n "n=count()" <in'
  exec 8>in
  printf '{"k":"%s"}\n' a b b >&8
  wait_for 20 screen_has '^b +2$'
  [ "$(screen | sed '/^$/d')" = $'k  n\nb  2\na  1' ] || show_screen
  printf '{"k":"%s"}\n' a a >&8
  wait_for 20 screen_has '^a +3$'
  # The old rows are gone, and the order is that of now.
  [ "$(screen | sed '/^$/d')" = $'k  n\na  3\nb  2' ] || show_screen
  # More than the screen holds: the first rows, and how many there are beside them.
  seq -f '{"k":"key%g"}' 100 >&8
  wait_for 20 screen_has '^\.\.\. [0-9]+ more$'
  [ "$(screen | grep -c '^key')" -lt 30 ] || show_screen
  [ "$(screen | sed -n 2,3p | tr -s ' ')" = $'a 3\nb 2' ] || show_screen
  exec 8>&-
  # At the end all of it stands there.
  wait_for 20 screen_has '^\$ *$'
  [ "$(screen -S -200 | grep -cE '^key[0-9]+ +1$')" -ge 100 ] || show_screen
  [ "$(printf '{"k":"%s"}\n' a b b | ktable --by k --emit update -O table 'n=count()')" = $'k  n\na  1\nb  1\nb  2' ]
}

@test "a pipe that ends in a table is drawn again in place, sorted, as the tool alone" {
  mkfifo in
  type_line 'clear; kpipe -O table --sort -n kmap "k" then ktable --by k --emit update "n=count()" <in'
  exec 8>in
  printf '{"k":"%s"}\n' a b b >&8
  wait_for 20 screen_has '^b +2$'
  printf '{"k":"%s"}\n' a a >&8
  wait_for 20 screen_has '^a +3$'
  [ "$(screen | sed '/^$/d')" = $'k  n\na  3\nb  2' ] || show_screen
  exec 8>&-
  wait_for 20 screen_has '^\$ *$'
  # Each record of other tools is a row of its own.
  type_line 'clear; printf "{\"k\":1}\n{\"k\":1}\n" | kscan -O table "k, n=count()"; printf "{\"k\":1}\n{\"k\":1}\n" | kpipe -O table ktable --emit update "n=count()" then kmap "n"; echo ended'
  wait_for 20 screen_has '^ended$'
  [ "$(screen | sed '/^[$]/d; /^$/d' | tr -d ' ')" = $'kn\n11\n12\nn\n1\n2\nended' ] || show_screen
}

@test "a table on a terminal whose --sort names no column ends when the columns are known" {
  mkfifo in
  type_line 'clear; kpipe -O table --sort m ktable --by k --emit update "n=count()" <in; echo code $?'
  exec 8>in
  echo '{"k":"a"}' >&8
  wait_for 20 screen_has '^code 2$'
  screen_has "^kpipe: --sort m: the rows have no column 'm'$" || show_screen
  screen_has '^  their columns are k, n' || show_screen
  exec 8>&-
}

@test "kread --sort TOPIC: the column is missing, and nobody types what is to be sorted" {
  type_line 'clear; kread -O table --sort scores; echo code $?'
  wait_for 20 screen_has '^code 2$'
  screen_has "^  write: kread -O table --sort COLUMN scores$" || show_screen
}

@test "--color always on a terminal: what records hold is shown, not done, in whatever format" {
  printf '{"a":"\\u001b[31mx"}\nb\033]0;title\007c\n\033[2Jd\n' >in
  type_line 'clear; kread --color always ./in; kread --color always -O text ./in; kread --color always -O csv --on-error skip -q ./in; echo end'
  wait_for 20 screen_has '^end$'
  [ "$(screen | grep -cF 'b\x1b]0;title\x07c')" -eq 2 ]
  [ "$(screen | grep -cF '\x1b[2Jd')" -eq 2 ]
  screen | grep -qF '{"a":"\u001b[31mx"}'
  screen | grep -qF '\x1b[31mx'
  screen -e | grep -qF $'\033[32m"' || { screen -e | cat -v; return 1; }
}

@test "--color always colours a table that is drawn again, too" {
  mkfifo in
  type_line 'clear; ktable --color always --by k --emit update -O table "n=count()" <in'
  exec 8>in
  echo '{"k":"a"}' >&8
  wait_for 20 screen_has '^a +1$'
  screen -e | grep -qF $'\033[36m1' || { screen -e | cat -v; return 1; }
  screen -e | grep -qF $'\033[32m\033[' || screen -e | grep -qF $'\033[32ma' || { screen -e | cat -v; return 1; }
  exec 8>&-
}

@test "klag --watch is drawn again in place on a terminal, the total first" {
  cat >script <<'END'
clear
seq 3 | kwrite -q src
kread -q -c 1 -g g src >first
(until [ -e seen ]; do sleep 0.1; done; seq 4 | kwrite -q src) &
klag --watch 200ms g
END
  type_line 'kbroker bash ./script'
  wait_for 30 screen_has '^\(total\) .* 2 '
  touch seen
  wait_for 30 screen_has '^\(total\) .* 6 '
  [ "$(screen | grep -c '^(total)')" -eq 1 ] || show_screen
  [ "$(screen | grep -c '^topic')" -eq 1 ] || show_screen
  press C-c
  wait_for 20 screen_has '\$ *$'
}

@test "kread table: is drawn again, too, and deleted rows go" {
  cat >script <<'END'
clear
put() { printf '%s\n' "$@" | kwrite -q -K = -Z null users; }
put 'a={"u":"a","n":1}' 'b={"u":"b","n":5}'
(until [ -e seen ]; do sleep 0.1; done; put 'b=null' 'a={"u":"a","n":2}') &
kread -O table table:users
END
  type_line 'kbroker bash ./script'
  wait_for 30 screen_has '^b +5$'
  touch seen
  wait_for 30 screen_has '^a +2$'
  [ "$(screen | sed '/^$/d; /^k/d')" = $'u  n\na  2' ] || show_screen
  press C-c
  wait_for 20 screen_has '\$ *$'
}
