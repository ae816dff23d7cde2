#!/usr/bin/env bats
# Plain Unix pipes: flushing, readers that hang up, full disks, signals.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; unset KUTILS_BROKERS; }
teardown() { kafka_teardown; }

clicks() { for i in $(seq "$1"); do printf '{"uri":"/%d","number":%d}\n' $((i % 7)) "$i"; done; }

@test "filter, map, groupby in a pipe give what jq gives" {
  clicks 2000 >in
  kfilter 'number >= 100' <in | kmap 'uri, twice=number * 2' | kgroupby -O envelope uri | jq -c '[.key, .payload]' >got
  jq -c 'select(.number >= 100) | [.uri, ({uri, twice: (.number * 2)} | tojson)]' in >want
  same want got
}

@test "started with a closed stdin or stdout it fails, and does not wait for something of its own" {
  run timeout 10 bash -c 'kfilter "n > 0" <&-'
  [ "$status" -eq 2 ]
  run timeout 10 bash -c 'kwrite -b 127.0.0.1:1 t <&-'
  [[ $status -eq 2 || $status -eq 3 ]]
  run timeout 10 bash -c 'kbroker kwrite t <&-' # under fd 0 librdkafka had a pipe
  [ "$status" -eq 2 ]
  run timeout 10 bash -c 'kexpr 1 >&-'
  [ "$status" -eq 5 ]
  run timeout 10 bash -c 'echo "{\"n\":1}" | kfilter "n > 0" 2>&-'
  [ "$output" = '{"n":1}' ]
}

@test "each record is there at once" {
  mkfifo in out
  kfilter 'n > 0' <in >out 3>&- & tool_pids=($!)
  exec 8>in 9<out
  echo '{"n":1}' >&8
  read -r -t 5 -u 9 line
  [ "$line" = '{"n":1}' ]
  exec 8>&- 9<&-
}

catches_term() { (($((0x$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") & 0x4000)))); }

@test "a signal while the other end of a pipe does nothing ends it soon" {
  mkfifo in out
  start_tool opens kfilter true ./in
  wait_for 20 catches_term "$started"
  stop_tool "$started" TERM 12
  [ "$status" -eq 143 ]
  [ ! -s opens.err ]
  # Whoever reads takes a line and then no more.
  exec 9<>out
  start_tool writes kgen clicks ./out
  read -r -t 20 -u 9 line
  [[ $line == "{"* ]]
  stop_tool "$started" TERM 12
  [ "$status" -eq 143 ]
  exec 9>&-
}

@test "a reader that hangs up ends it, as coreutils" {
  run bash -c 'set -o pipefail; yes "{\"n\":1}" | kfilter "n > 0" 2>err | head -1; echo "${PIPESTATUS[@]}"'
  [ "${lines[0]}" = '{"n":1}' ]
  [[ ${lines[1]} == "141 141 0" ]]
  [ ! -s err ]
}

@test "a reader that hangs up is noticed while waiting" {
  mkfifo in
  start_tool feeder sh -c 'exec 8>in; printf "{\"n\":1}\n" >&8; exec sleep 30'
  run timeout 10 bash -c 'kfilter "n > 0" <in | head -1'
  [ "$status" -eq 0 ]
  [ "$output" = '{"n":1}' ]
}

@test "--explain to a full disk, an empty command" {
  run bash -c "ktable --explain --by a 'count()' >/dev/full"
  [ "$status" -eq 5 ]
  [[ $output == *"cannot write to standard output: No space left on device"* ]]
  run kbroker ''
  [ "$status" -eq 2 ]
  [[ $output == *"the command is empty"* ]]
  [[ "$(kgen --explain clicks)" == *"from kgen: nothing is read"* ]]
}

@test "a full disk is exit 5" {
  [ -w /dev/full ] || skip "no /dev/full here"
  run bash -c 'echo "{\"n\":1}" | kfilter "n > 0" - /dev/full'
  [ "$status" -eq 5 ]
  [[ $output == *"/dev/full"*"No space left"* ]]
  run bash -c 'echo "{\"n\":1}" | kfilter "n > 0" >/dev/full'
  [ "$status" -eq 5 ]
}

@test "SIGTERM and SIGINT end it as the shell expects" {
  mkfifo in
  start_tool feeder sh -c 'exec 8>in; exec sleep 30'
  for signal in TERM:143 INT:130; do
    # A background job of a script ignores SIGINT: as a terminal would start it.
    env --default-signal=INT kfilter 'n > 0' <in >out.txt 2>err.txt 3>&- & pid=$!
    tool_pids+=("$pid")
    wait_for 5 catches "$pid" 15
    stop_tool "$pid" "${signal%:*}" 5
    [ "$status" -eq "${signal#*:}" ] || { echo "$signal: $status"; cat err.txt; return 1; }
  done
}

@test "a shell's loop ends with a tool that Ctrl-C has ended, once or twice" {
  local name
  cat >loop.sh <<'END'
for i in 1 2; do "$@"; echo "next $i"; done
END
  for name in 'kgen --rate 5 clicks' 'kgen --rate 5 clicks; kill -INT 0'; do
    # As a terminal sends it: to the whole group.
    python3 - "${name%%;*}" "$name" >out.txt <<'END'
import os, signal, subprocess, sys, time
shell = subprocess.Popen(["bash", "loop.sh"] + sys.argv[1].split(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         process_group=0, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
shell.stdout.readline()  # the tool runs
os.killpg(shell.pid, signal.SIGINT)
if ";" in sys.argv[2]:
    try:
        os.killpg(shell.pid, signal.SIGINT)
    except ProcessLookupError:
        pass
rest = shell.stdout.read().decode()
print(shell.wait(), "next" in rest)
END
    [ "$(cat out.txt)" = "-2 False" ] || { echo "$name: $(cat out.txt)"; return 1; }
  done
}

@test "kdelay on lines tells how many records a signal has lost" {
  mkfifo in
  start_tool delay kdelay at ./in
  exec 8>in
  printf '{"at":%s}\n' 4102444800000 4102444800001 4102444800002 1 >&8
  wait_for 20 file_has delay.out '"at":1}'
  stop_tool "$started"
  exec 8>&-
  [ "$status" -eq 143 ] || { echo "$status"; cat delay.err; return 1; }
  grep -q 'kdelay: 3 records were still waiting for their time and are lost' delay.err || { cat delay.err; return 1; }
}

@test "SIGTERM while no broker answers yet ends it as the shell expects" {
  local one
  for one in "kfilter true a b" "kread a" "kwrite ./in a" "ktable count() a b"; do
    echo '{}' >in
    # shellcheck disable=SC2086
    start_tool connects $one -b 127.0.0.1:1
    wait_for 20 catches "$started" 15
    stop_tool "$started"
    [ "$status" -eq 143 ] || { echo "$one: $status"; cat connects.err; return 1; }
    if grep -q 'cannot connect' connects.err; then cat connects.err; return 1; fi
  done
}

@test "SIGTERM is heard within a batch, a record and a search that take long" {
  # Many records of one batch, many searches in one record, one search.
  jq -nc 'range(2000) | {n: 200}' >batch
  # In one record ten times half of the steps that an evaluation may take: several seconds on any machine.
  jq -nc '{s: ("ab" * 20000)}' >record
  jq -nc '{s: ("ab" * 200000)}' >search
  local turns='t=lists.range(n).all(i, lists.range(n).all(j, regex.replace("ab" + string(i + j), "(a|b|c|d)*", "x") != ""))'
  local searches
  searches=$(printf ', s%d=regex.extractAll(s, "(a|b)*c|a")' {1..10})
  for one in "batch:$turns" "record:${searches#, }" 'search:t=s.matches("((a|b)(a|b)?){300}c")'; do
    kmap "${one#*:}" "./${one%%:*}" >out.txt 2>err.txt 3>&- & pid=$!
    tool_pids+=("$pid")
    wait_for 10 catches "$pid" 15
    wait_for 20 has_worked "$pid" 20
    stop_tool "$pid" TERM 5
    [ "$status" -eq 143 ] || { echo "$one: $status"; cat err.txt; return 1; }
    [ ! -s out.txt ] || [ "${one%%:*}" = batch ]
  done
}

# has_worked PID N: the process has used N hundredths of a second.
has_worked() { (($(awk '{print $14}' "/proc/$1/stat") >= $2)); }

# catches PID N: the process has a handler for signal N.
catches() { (($((16#$(awk '/^SigCgt/ {print $2}' "/proc/$1/status"))) >> ($2 - 1) & 1)); }

@test "-c and -m end it" {
  run bash -c 'yes "{\"n\":1}" | kfilter -m 3 "n > 0"'
  [ "$status" -eq 0 ]
  [ "${#lines[@]}" -eq 3 ]
  run bash -c 'yes "{\"n\":1}" | kfilter -c 5 "n > 0"'
  [ "$status" -eq 0 ]
  [ "${#lines[@]}" -eq 5 ]
}

@test "envelopes through three tools keep key, headers, time and bytes" {
  cat >in <<'END'
{"ts":1700000000000,"tstype":"create","headers":["a","1","a","2","n",null],"key":"k","payload":"{\"n\": 1}"}
{"ts":1700000000001,"tstype":"create","headers":["b",{"base64":"/w=="}],"key_base64":"/w==","payload":"{\"n\":2}"}
END
  kfilter -J 'n > 0' <in | kmap -J '*' | kcp - - | jq -cS '{ts,headers,key,key_base64,payload}' >got
  jq -cS '{ts,headers,key,key_base64,payload} | .payload |= (fromjson | tojson)' in >want
  same want got
}

@test "requests per minute of an access log: the example checks itself" {
  "$KUTILS_SOURCE_DIR/scripts/examples/access_log.sh"
}

@test "kwindow --idle: a pipe that falls silent closes its windows" {
  mkfifo in
  start_tool feeder sh -c 'exec 8>in; echo "{\"t\":1000}" >&8; exec sleep 30'
  run timeout 20 bash -c 'kwindow -w 2s --idle 500ms --total --time t "n=count()" <in | head -1'
  [ "$status" -eq 0 ]
  [[ $output == *'"n":1'* ]]
}
