#!/usr/bin/env bats
# shellcheck disable=SC2154
# A tool with --http that is asked by clients that mean harm. It goes on working, answers /health and stays small.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# serve COMMAND...: starts it; $at is its address, $port its port.
serve() {
  start_tool table "$@"
  wait_for 20 file_has table.err 'http://.*/metrics'
  at=$(sed -n 's,.*http://\(.*\)/metrics.*,\1,p' table.err)
  port=${at##*:}
}
rows_are() { [ "$(kquery --http "$at" "$1" 2>/dev/null | jq -s 'map(.n) | add')" = "$2" ]; }
peak_mb() { awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$started/status"; }
status_of() { curl -s -m 30 -o /dev/null -w '%{http_code}' "$@" || true; }
# endless BEGIN PIECE: says BEGIN, then PIECE again and again, until the server closes; prints the status of its answer.
endless() {
  timeout 30 python3 - "$port" "$1" "$2" <<'PY'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
begin, piece = (a.encode().decode("unicode_escape").encode() for a in sys.argv[2:4])
answer, sent = b"", 0
try:
    s.sendall(begin)
    while sent < 1 << 30:
        s.sendall(piece * (65536 // len(piece)))
        sent += 65536
except OSError:
    pass
try:
    while part := s.recv(65536):
        answer += part
except OSError:
    pass
print(answer[9:12].decode() if answer else "cut", sent >> 20)
PY
}
# It is alive, answers within two seconds, and counts what comes.
well() {
  [ "$(status_of -m 2 "http://$at/health")" = 200 ] || { echo "no /health: $1"; return 1; }
  kgen -q --seed 2 -c 10 clicks "$in"
  sent=$((sent + 10))
  wait_for 30 rows_are "$out" "$sent" || { echo "no rows: $1"; return 1; }
}
begin() {
  new_topic in
  out=$(topic_name out)
  sent=10
  kgen -q --seed 1 -c 10 clicks "$in"
}

@test "ranges, a POST of 600 MB, endless headers, endless lines: refused, and the tool stays small" {
  begin
  serve ktable -g "$out-g" --http 0 --by uri 'n=count()' "$in" "$out"
  wait_for 30 rows_are "$out" 10
  local before ranges
  before=$(peak_mb)
  ranges=bytes=0-0$(printf ',0-5%.0s' {1..1000})
  [ "$(curl -s -H "Range: $ranges" "http://$at/table/$out" | jq -s 'map(.n) | add')" -eq 10 ]
  well ranges
  truncate -s 600M large
  status_of -X POST -H 'Expect:' -T large "http://$at/metrics" >posted
  grep -qE '^(405|000)$' posted  # 000: cut while it was still sending
  [ "$(status_of -X POST -T large "http://$at/metrics")" = 405 ]
  well "POST"
  # The answer may be lost with the bytes that nobody reads; that it was cut is what counts.
  [[ "$(endless 'GET / HTTP/1.1\r\nHost: localhost\r\n' 'X: yyyyyyyyyyyyyyyyyyyyyy\r\n')" =~ ^(431|cut) ]]
  [[ "$(endless 'GET / HTTP/1.1\r\nHost: localhost\r\nX: ' y)" =~ ^(431|cut) ]]
  [[ "$(endless 'GET /' y)" =~ ^(414|cut) ]]
  well headers
  [ "$(peak_mb)" -lt $((before + 60)) ] || { echo "$before MB, now $(peak_mb) MB"; return 1; }
}

@test "a thousand idle connections and slow clients: /health is answered, descriptors are left for the state" {
  begin
  serve ktable -g "$out-g" --http 0 --by uri 'n=count()' "$in" "$out"
  wait_for 30 rows_are "$out" 10
  ulimit -n 4096 2>/dev/null || ulimit -n "$(ulimit -Hn)"
  # A thousand that say nothing, two that say a byte at a time: those end when they are cut.
  cat >clients.py <<'PY'
import os, socket, sys, threading, time
port = int(sys.argv[1])
def slow():
    s = socket.create_connection(("127.0.0.1", port))
    try:
        while True:
            s.sendall(b"x")
            time.sleep(0.2)
    except OSError:
        pass
several = [threading.Thread(target=slow) for _ in range(2)]
for one in several: one.start()
held = []
for _ in range(1000):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("127.0.0.1", port))
    held.append(s)
print("held", flush=True)
for one in several: one.join()
print("cut", flush=True)
time.sleep(600)
PY
  local tool=$started
  start_tool clients python3 clients.py "$port"
  wait_for 20 file_has clients.out held
  started=$tool
  well "idle and slow clients"
  [ "$(find "/proc/$tool/fd" | wc -l)" -lt 250 ]
  wait_for 30 file_has clients.out cut
  well "after them"
}

@test "a host that is not ours, a token, and what ps shows" {
  begin
  serve ktable -g "$out-g" --http 0 --http-host tables.example.org --http-token s3cret-of-mine --by uri 'n=count()' "$in" "$out"
  if grep -q s3cret "/proc/$started/cmdline"; then return 1; fi
  [ "$(status_of "http://$at/health")" = 200 ]
  [ "$(status_of "http://$at/healthz")" = 200 ]
  [ "$(status_of -H 'Host: evil.example' "http://$at/health")" = 403 ]
  [ "$(status_of "http://$at/metrics")" = 401 ]
  local bearer='Authorization: Bearer s3cret-of-mine'
  [ "$(status_of -H "$bearer" "http://$at/metrics")" = 200 ]
  [ "$(status_of -H "$bearer" -H 'Host: tables.example.org' "http://$at/metrics")" = 200 ]
  [ "$(status_of -H "$bearer" -H "Host: evil.example:$port" "http://$at/metrics")" = 403 ]
  export KUTILS_HTTP_TOKEN=s3cret-of-mine
  wait_for 30 rows_are "$out" 10
  refused_with 2 env KUTILS_HTTP_TOKEN=other kquery --http "$at" "$out"
  says "the token is missing or wrong"
  unset KUTILS_HTTP_TOKEN
  [ "$(kquery --http "$at" --http-token=s3cret-of-mine "$out" | jq -s 'map(.n) | add')" -eq 10 ]
  refused_with 2 ktable --http-token x 'n=count()' "$in" "$out"
  says "--http-token do nothing without --http"
  refused_with 2 ktable --http 0 --http-host a/b 'n=count()' "$in" "$out"
  says "is not the name of a host"
}
