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
