#!/usr/bin/env bash
# Send later: reminders lie in a topic and go out at the time that each of them names, also if the tool was killed meanwhile.
#
#   eval "$(scripts/kafka start)"; scripts/examples/reminders.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-reminders-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
sender=''
cleanup() {
  [ -z "$sender" ] || kill -9 "$sender" 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT

# 500 reminders for the next seconds, in no order. The broker notes when each went out (LogAppendTime).
start=$(($(date +%s%3N) + 3000))
kgen --seed 4 -c 500 --partitions 2 --key user --arg start="$start" \
  'user="u" + string(int(random() * 30.0)), n=_offset, at=int(_arg.start) + int(random() * 3000.0)' "$p.reminders"
ktopic create --partitions 2 --config message.timestamp.type=LogAppendTime "$p.due" >/dev/null

echo "--- sent when it is time; the sender is killed half-way, and another one goes on"
sent() { kread -e "$p.due" | wc -l; }
kdelay -g "$p.sender" at "$p.reminders" "$p.due" &
sender=$!
until [ "$(sent)" -ge 200 ]; do kill -0 "$sender"; done
kill -9 "$sender"
wait "$sender" 2>/dev/null || true
kdelay -g "$p.sender" at "$p.reminders" "$p.due" &
sender=$!
until [ "$(sent)" -ge 500 ]; do kill -0 "$sender"; done
kill "$sender"
wait "$sender" || true
sender=''
kread -e -c 3 "$p.due"

# --- is it right? ---
check() { # check WHAT FILE FILE
  if [ -s "$2" ] && cmp -s "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1" >&2; diff "$2" "$3" | head -n 5 >&2; exit 1; fi
}
kread -e "$p.reminders" | sort >"$dir/want"
kread -e "$p.due" | sort >"$dir/got"
check "each reminder was sent once, as it was" "$dir/want" "$dir/got"
kread -e -J "$p.due" | jq -c '(.payload | fromjson | .at) <= .ts' | sort -u >"$dir/got"
echo true >"$dir/want"
check "none was sent before its time" "$dir/want" "$dir/got"
