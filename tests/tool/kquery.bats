#!/usr/bin/env bats
# kquery on the state that a stopped tool left behind; no broker.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }

# Two partitions of a table `totals`, and windows `per_uri`.
make_states() {
  make_state state ktable.clicks 0 totals - 'n=count(), total=sum(x)' <<'R'
/a 1000 {"x":1}
/b 2000 {"x":2.5}
/a 3000 {"x":3}
R
  make_state state ktable.clicks 1 totals - 'n=count(), total=sum(x)' <<'R'
/ab 1000 {"x":10}
R
  make_state state kwindow.clicks 0 per_uri 10s 'n=count()' <<'R'
/a 1000 {}
/a 11000 {}
/a 12000 {}
/b 12000 {}
R
}

@test "a key, several, a prefix, all; over all partitions" {
  make_states
  [ "$(kquery totals /a)" = '{"key":"/a","n":2,"total":4}' ]
  [ "$(kquery totals /ab /b | sort)" = '{"key":"/ab","n":1,"total":10}
{"key":"/b","n":1,"total":2.5}' ]
  [ "$(kquery --prefix /a totals | sort)" = '{"key":"/a","n":2,"total":4}
{"key":"/ab","n":1,"total":10}' ]
  [ "$(kquery totals | wc -l)" -eq 3 ]
  [ "$(kquery -g ktable.clicks totals | wc -l)" -eq 3 ]
  [ "$(kquery ktable.clicks /a)" = '{"key":"/a","n":2,"total":4}' ]
}

@test "a file where the database should be, a state whose tables several groups have: said in plain words" {
  make_states
  make_state state kwindow.other 0 per_uri 10s 'n=count()' <<<'/a 1000 {}'
  refused_with 2 kquery nosuch
  says "there is that of 'per_uri', 'totals'"
  rm -r state/ktable.clicks/0/db
  touch state/ktable.clicks/0/db
  refused_with 5 kquery -g ktable.clicks totals
  says "state/ktable.clicks/0/db is not a directory" "remove it"
}

@test "no row in the windows asked for: why that may be" {
  make_states
  refused_with 1 kquery --at 1970-01-01T00:01:00Z per_uri /a
  says "no row has the key '/a'" "--expires"
}

@test "no window at all, asked for without a key: said, and no row" {
  make_states
  refused_with 1 kquery --at 1970-01-01T00:01:00Z per_uri
  says "no window in the time asked for" "--expires"
  refused_with 1 kquery -q --from 1970-01-01T00:01:00Z per_uri
  [ -z "$output" ]
}

@test "without a broker it is said as of when the rows are" {
  make_states
  kquery totals /a 2>said
  grep -q "state of group 'ktable.clicks', 2 partitions, as of .*; it is not known whether the group has committed more since: no brokers are given" said
  [ -z "$(kquery -q totals /a 2>&1 >/dev/null)" ]
}

@test "a range that ends before it begins is refused" {
  make_states
  refused_with 2 kquery --from 1970-01-01T00:01:00Z --until 1970-01-01T00:00:30Z per_uri
  says "the range ends before it begins" "--until"
}

@test "a running tool answers with values alone: envelopes are refused" {
  refused_with 2 kquery --http 1 -O envelope totals
  says "-O envelope"
}

@test "an absent key is exit code 1, what is there is printed" {
  make_states
  refused_with 1 kquery totals /nothing
  says "'/nothing'"
  refused_with 1 kquery -q totals /nothing
  [ -z "$output" ]
  run kquery -q totals /nothing /a
  [ "$status" -eq 1 ]
  [ "$output" = '{"key":"/a","n":2,"total":4}' ]
  refused_with 1 kquery --prefix x totals
}

@test "windows: all, a range, a time, the change" {
  make_states
  [ "$(kquery per_uri /a | jq -c '[.window_start, .n]')" = '["1970-01-01T00:00:00.000Z",1]
["1970-01-01T00:00:10.000Z",2]' ]
  [ "$(kquery --until 10000 per_uri | jq -c .n)" = 1 ]
  [ "$(kquery --from 1970-01-01T00:00:10Z per_uri /a | jq .n)" = 2 ]
  [ "$(kquery --at current per_uri /b | jq .n)" = 1 ]
  [ "$(kquery --at 9999 per_uri /a | jq .n)" = 1 ]
  [ "$(kquery --delta 10s per_uri /a | jq -c '[.n, .since_start]')" = '[1,"1970-01-01T00:00:00.000Z"]' ]
  refused_with 1 kquery --at now per_uri /a
}

@test "a table for people, CSV" {
  make_states
  kquery -O table totals /a >out
  head -1 out | grep -q 'key.*n.*total'
  [ "$(kquery -O csv totals /a)" = 'key,n,total
/a,2,4' ]
}

@test "reading changes nothing, not even a file" {
  make_states
  find state -type f -exec md5sum {} + | sort >before
  kquery totals >/dev/null
  kquery per_uri >/dev/null
  find state -type f -exec md5sum {} + | sort >after
  cmp before after
  chmod -R a-w state
  [ "$(kquery totals | wc -l)" -eq 3 ]
  chmod -R u+w state
}

@test "no state: says where it looked and what is there" {
  refused_with 2 kquery totals; says "$KUTILS_STATE_DIR" "--state-dir"
  make_states
  refused_with 2 kquery total; says "'total'" "'totals'" "'per_uri'"
  refused_with 2 kquery -g other totals; says "'other'" "'ktable.clicks'"
  refused_with 2 kquery -g kwindow.clicks totals; says "'per_uri'"
  refused_with 2 kquery --state-dir ./elsewhere totals; says ./elsewhere
}

@test "two groups that write one topic: -g chooses" {
  make_states
  echo '/c 1 {}' | make_state state other 0 totals - 'n=count()'
  refused_with 2 kquery totals; says "'ktable.clicks', 'other'" -g
  [ "$(kquery -g other totals)" = '{"key":"/c","n":1}' ]
}

@test "in use: says to ask the process" {
  make_states
  mkfifo go
  flock state/ktable.clicks/1/lock sh -c ': >locked; read -r _ <go' & holder=$!
  until [ -e locked ]; do read -r -t 0.02 _ <> <(:) || true; done
  refused_with 2 kquery totals; says "in use" "--http"
  refused_with 2 kquery -g ktable.clicks totals; says "in use" "--http"
  [ "$(kquery per_uri /b | jq .n)" = 1 ]
  echo >go
  wait $holder
  [ "$(kquery totals /b | jq .n)" = 1 ]
}

@test "questions that do not fit are refused" {
  make_states
  refused_with 2 kquery --at now totals; says "--at"
  refused_with 2 kquery --delta 1m totals /a; says "--delta"
  refused_with 2 kquery --from 1 totals; says "--from"
  refused_with 2 kquery --prefix a totals b; says "--prefix"
  refused_with 2 kquery --at soon per_uri; says "soon" "ISO"
  refused_with 2 kquery; says "missing operand TABLE"
}

@test "a state of another version, a broken one" {
  make_states
  rm -rf state/kwindow.clicks
  for file in state/ktable.clicks/0/db/*.sst; do truncate -s 20 "$file"; done
  refused_with 5 kquery -g ktable.clicks totals; says "state/ktable.clicks/0" "is damaged" "restores the missing rows from its changelog topic"
  make_state state x 0 odd - 'n=count()' </dev/null
  rm -r state/x/0/db/CURRENT
  refused_with 5 kquery -g x odd; says "state/x/0"
}
