#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# kread's choices on a real broker, and kutils-kcat(7): each line of its table runs, here as kcat or Kafka's scripts
# would be called.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

@test "kread --grep, --key-is, --latest-per-key; times without @" {
  new_topic t 8
  for i in $(seq 40); do echo "k$((i % 5)):{\"n\":$i,\"w\":\"Wörd$i\"}"; done | produce "$t" -K :
  printf 'k9:\xff\xfe bin\n' | produce "$t" -K :
  same <(consume "$t" | grep -a 'd1[0-9]"' | sort) <(kread -q -e --grep 'd1[0-9]"' "$t" | sort)
  same <(consume "$t" | grep -ai 'WÖRD7\|wörd7' | sort) <(kread -q -e --grep '(?i)w\xc3\xb6rd7' "$t" | sort)
  [ "$(kread -q -e --grep 'bin$' "$t" | wc -l)" -eq 1 ]
  same <(consume "$t" -f '%k %s\n' | sed -n 's/^k3 //p') <(kread -q -e --key-is k3 "$t")
  same <(consume "$t" -f '%k %s\n' | grep '^k3 .*"n":[12]' | cut -d' ' -f2) <(kread -q -e --key-is k3 --grep '"n":[12]' "$t")
  # Only that partition is read: one more record of the key elsewhere is not seen, and with -p it is.
  local home
  home=$(consume "$t" -f '%k %p\n' | sed -n 's/^k3 //p' | sort -u)
  echo 'k3:{"n":1000}' | kcat -P -q -b "$KUTILS_BROKERS" -t "$t" -p $(((home + 1) % 8)) -K :
  [ "$(kread -q -e --key-is k3 "$t" | wc -l)" -eq 8 ]
  [ "$(kread -q -e --key-is k3 -p 0-7 "$t" | wc -l)" -eq 9 ]
  kread -e --key-is nobody "$t" 2>err
  grep -qE 'no record of the key in partition [0-7], where murmur2 puts it.*-p 0-7' err
  same <(consume "$t" -f '%k %s\n' | sed -n 's/^k1 //p' | tail -1) <(kread -q -e --key-is k1 --latest-per-key "$t")
  # Of the last values those that match.
  same <(kread -q -e "table:$t" | grep -a 'd3[0-9]' | sort) <(kread -q -e --latest-per-key --grep 'd3[0-9]' "$t" | sort)
  [ "$(kread -q -e --latest-per-key "$t" | wc -l)" -eq 6 ]
  [ "$(kread -q -e --latest-per-key --where 'n < 38' "$t" | wc -l)" -eq 2 ]  # 36, 37; k3's is 1000 or 38
  refused_with 2 kread --latest-per-key "$t"; says "needs an end" "kread table:$t"
  refused_with 2 kread --grep '(' "$t"; says "--grep (" "missing"
  kread -q -o -2h: -e "$t" | sort >recent
  same <(consume "$t" | sort) recent
  [ -z "$(kread -q -o -2h:+1h "$t")" ]
}

# page_lines FILE: kutils-kcat(7)'s lines as THEIRS<TAB>OURS<TAB>SECTION. A line without a counterpart begins with "none"; what it
# names instead is OURS, else `:`.
page_lines() {
  awk '/^# / {section = substr($0, 3)} /^`/ {theirs = $0; gsub(/^`|`$/, "", theirs)}
    /^:   (`|none; )/ {ours = /`/ ? $0 : "`:"; sub(/^[^`]*`/, "", ours); sub(/`.*/, "", ours); print theirs "\t" ours "\t" section}' "$1"
}

@test "kutils-kcat(7): each line runs; kread prints what kcat prints" {
  new_topic clicks 1
  new_topic counts 1
  new_topic fresh 1
  local theirs ours section both=0 all=0 pageviews
  pageviews=$(topic_name pageviews)
  for i in 1 2 3 4 5 6 7 8; do echo "k$i:{\"n\":$i,\"at\":$((1700000000000 + i * 1000))}"; done >records
  kwrite -q -K : --time at ./records "$clicks"
  kwrite -q -K : --time at ./records "$fresh"
  printf '%s\n' 1:10 -2:20 | kwrite -q -I text -K : --key-codec i32 --value-codec i64 - "$counts"
  printf '%s\n' one two three >lines.txt
  printf '%s\n' 'k1:{"n":1}' 'k2:{"n":2}' >keyed.txt
  printf '%s\n' '{"n":1}' '{"n":2000}' >values.ndjson
  echo '{"topic":"t","partition":0,"offset":0,"ts":1700000000000,"key":"k","payload":"{}","headers":["a","b"]}' >envelopes.ndjson
  echo 'k1 one' >spaced.txt
  base64 lines.txt >lines.b64
  echo "\"$clicks\",0,2" >offsets.csv
  echo "bootstrap.servers=$KUTILS_BROKERS" >kcat.conf
  export KCAT_CONFIG=$PWD/kcat.conf
  page_lines "$KUTILS_SOURCE_DIR/man/kutils-kcat.md" |
    sed "s/\bclicks\b/$clicks/g; s/\bcounts\b/$counts/g; s/\bpageviews\b/$pageviews/g; s/\bbilling\b/$clicks-billing/g; s/$clicks-billing\.json/billing.json/g" >lines
  while IFS=$'\t' read -r theirs ours section; do
    all=$((all + 1))
    # What stands in front of them in the page has written lines of text to the topic.
    [ "$section" != FAUST ] || ours=${ours//"$clicks"/"$fresh"}
    timeout 30 bash -o pipefail -c "$ours" >ours.out 2>ours.err </dev/null || { echo "$ours: exit code $?: $(cat ours.err)"; return 1; }
    case $section in 'READING, KCAT' | 'READING, KCAT, WITH ANOTHER OUTPUT')
      timeout 30 bash -c "$theirs" >theirs.out 2>theirs.err </dev/null || { echo "$theirs: $(cat theirs.err)"; return 1; } ;;
    esac
    [ "$section" = 'READING, KCAT' ] || continue
    both=$((both + 1))
    diff -u theirs.out ours.out || { echo "$theirs and $ours differ"; return 1; }
  done <lines
  [ "$both" -ge 20 ]
  [ "$all" -eq "$(grep -c "^:   " "$KUTILS_SOURCE_DIR/man/kutils-kcat.md")" ]
}

@test "kutils-kcat(7) has every option of kcat and of the scripts that read, write and show groups" {
  page_lines "$KUTILS_SOURCE_DIR/man/kutils-kcat.md" | cut -f1 >theirs
  # has COMMAND OPTIONS: each of OPTIONS stands in a line of COMMAND.
  has() {
    local option missing=''
    for option in $2; do grep -q "^$1 \(.* \)\?$option\( \|\$\)" theirs || missing+=" $option"; done
    [ -z "$missing" ] || { echo "the page lacks, of $1:$missing"; return 1; }
  }
  kcat -h >help.txt 2>&1 || true
  has kcat "$(grep -oE '^  -[A-Za-z]( \| -[A-Z])*' help.txt | grep -oE -- '-[A-Za-z]' | sort -u | xargs)"
  "$KUTILS_SOURCE_DIR/scripts/kafka" groups --help >help.txt 2>&1 || true
  local options
  options=$(grep -oE '^--[a-z][a-z-]+' help.txt | sort -u | xargs)
  [ "$(wc -w <<<"$options")" -gt 25 ]
  has kafka-consumer-groups "$options"
  local script command
  for script in consume produce; do
    command=kafka-console-${script}r
    "$KUTILS_SOURCE_DIR/scripts/kafka" $script --help >help.txt 2>&1 || true
    options=$(grep -oE '^--[a-z][a-z.-]+' help.txt | sort -u | xargs)
    [ "$(wc -w <<<"$options")" -gt 15 ]
    has "$command" "$options"
  done
}

@test "kutils-kcat(7) has every option, token and offset of rpk topic consume, produce, list and describe" {
  # rpk is not at hand: these are of its reference for Redpanda 26.1, and what its sources have beside (deprecated ones).
  page_lines "$KUTILS_SOURCE_DIR/man/kutils-kcat.md" | cut -f1 >theirs
  local command option missing='' looked=0
  while read -r command options; do
    for option in $options; do
      looked=$((looked + 1))
      # -o|--offset: either of them
      grep -qE -- "^rpk topic $command (.* )?($option)( |\$)" theirs || missing+=" $command:$option"
    done
  done <<'END'
consume -b|--balancer --fetch-max-bytes --fetch-max-partition-bytes --fetch-max-wait -f|--format -g|--group --meta-only -n|--num
consume -o|--offset -p|--partitions --pretty-print --print-control-records --rack --read-committed -r|--regex --use-schema-registry --commit
produce --acks --allow-auto-topic-creation -z|--compression --delivery-timeout -f|--format -H|--header -k|--key --max-message-bytes
produce -o|--output-format -p|--partition --schema-id --schema-key-id --schema-key-type --schema-type -Z|--tombstone -n|--num -j|--jvm-partitioner -t|--timestamp
list -d|--detailed --format -i|--internal -r|--regex --config -X|--config-opt --ignore-profile --profile -v|--verbose
describe --format -a|--print-all -c|--print-configs -p|--print-partitions -s|--print-summary -r|--regex --stable --page --page-size --watermarks --detailed
END
  # Tokens of -f and their modifiers.
  local token
  for token in %t %T %k %K %v %V %h %H %p %o %e %d %a %x %y '%[' '%|' '%]' %% '%{' '%}' %i \
    '{hex}' '{base64}' '{base64raw}' '{unpack[' '{hex8}' '{big32}' '{little16}' '{go[' '{strftime[' '{compression}' '{timestamp-type}'; do
    looked=$((looked + 1))
    grep -F -- "$token" theirs | grep -q '^rpk topic consume .* -f ' || missing+=" consume:$token"
  done
  for token in %t %k %K %v %V %h %H %p '{hex}' '{base64}' '{json}' '{re#' '{4}'; do
    looked=$((looked + 1))
    grep -F -- "$token" theirs | grep -q '^rpk topic produce .*-f ' || missing+=" produce:$token"
  done
  # Words of -o, a regular expression each.
  for token in start oldest end newest :end '\+[0-9]' -[0-9] '[0-9]+' '[0-9]+:' ':[0-9]+' '[0-9]+:[0-9]+' '@[0-9]+' '@:[^ ]+' '@[^: ]+:[^ ]+' \
    '@-[0-9a-z]+:' '@-[0-9a-z]+:-[0-9a-z]+' '@[0-9-]+:[0-9]+h' '@-[0-9a-z]+:end'; do
    looked=$((looked + 1))
    grep -qE -- "^rpk topic consume .*-o $token( |\$)" theirs || missing+=" consume:-o:$token"
  done
  [ "$looked" -gt 100 ]
  [ -z "$missing" ] || { echo "the page lacks, of rpk topic:$missing"; return 1; }
}

@test "a range of offsets is an end: it is counted, sorted, and a table of it printed once" {
  new_topic src
  for n in 3 1 2 9; do echo "{\"n\":$n}"; done | produce "$src"
  [ "$(kread --count -o 0:3 "$src")" = 3 ]
  [ "$(kread -O table --sort n -o 0:3 "$src" | tr -d ' ' | xargs)" = 'n 1 2 3' ]
  [ "$(ktable --total -o 1:3 's=sum(n)' "$src")" = '{"s":3}' ]
  run kread --count -o 1: "$src"
  [ "$status" -eq 2 ]
}

@test "kread's first line stands on a terminal within 150 ms after its start" {
  # The fastest of eleven: what a loaded machine adds is no wait of kread's.
  if grep -qE '^KUTILS_SANITIZE:STRING=.' "$KUTILS_BUILD_DIR/CMakeCache.txt"; then skip "the bound is that of ordinary builds"; fi
  new_topic src 3
  seq 3000 | sed 's/.*/{"n":&}/' | kwrite -q "$src"
  python3 - "$src" >took <<'END'
import os, pty, select, signal, statistics, sys, time

def first_line():
    began = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("kread", ["kread", "-q", sys.argv[1]])
    select.select([terminal], [], [], 20)
    took = time.monotonic() - began
    line = os.read(terminal, 1000)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert line.startswith(b'{"n":'), line
    return 1000 * took

took = [first_line() for _ in range(11)]
print(round(min(took)), round(statistics.median(took)), round(max(took)))
END
  echo "# fastest, median, longest: $(cat took) ms" >&3
  [ "$(cut -d' ' -f1 took)" -le 150 ]
}
