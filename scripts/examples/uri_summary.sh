#!/usr/bin/env bash
# Sums of `number` by `uri` over page clicks: all of them in a table, per minute, and over the last 30 seconds every
# 5 seconds, where closed windows stay readable for 10 minutes. The click-event course's tables.
#
#   eval "$(scripts/kafka start)"; scripts/examples/uri_summary.sh
#
# The script computes the same sums in Python from the clicks as they are, so it is a test too.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-uri-$$} # so that two runs do not meet
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Five minutes of clicks that come up to two seconds out of order.
kgen --seed 11 -c 2000 --time '1767225600000 + _offset * 150 - int(random() * 2000.0)' --partitions 4 clicks "$p.clicks"

echo "--- the sum of number for each uri: a table"
ktable -e --by uri 'total=sum(number)' "$p.clicks" "$p.uri_summary"
kquery "$p.uri_summary" /home /search

echo "--- per minute"
# --grace: how long past its end a window still takes what comes late.
kwindow -e -w 1m --grace 5s --by uri 'total=sum(number)' "$p.clicks" "$p.per_minute"
# Without --expires only what is still open can be asked; what has closed is in the topic.
kquery "$p.per_minute" /home

echo "--- over 30 seconds, a new window every 5; closed ones can be asked for 10 minutes"
kwindow -e -w 30s/5s --grace 5s --expires 10m --by uri 'total=sum(number)' "$p.clicks" "$p.recent"
kquery --from 2026-01-01T00:02:00Z --until 2026-01-01T00:02:20Z "$p.recent" /home
echo "--- now, and by how much more than a minute ago"
kquery --at current "$p.recent" /home
kquery --delta 1m "$p.recent" /home

# --- is it right? ---
kread -e -f '%T %{number} %{uri}\n' "$p.clicks" >"$dir/clicks"
kquery "$p.uri_summary" >"$dir/table"
# Each update of a window replaces the one before it; a key's updates are in one partition, so in order.
kread -e "$p.per_minute" >"$dir/per_minute"
kread -e "$p.recent" >"$dir/recent"
kquery "$p.recent" >"$dir/recent.state"
python3 - "$dir" <<'PY'
import collections, datetime, json, sys
directory = sys.argv[1]
clicks = []
for line in open(directory + "/clicks"):
    ms, number, uri = line.split(" ", 2)
    clicks.append((int(ms), int(number), uri.strip()))
table, minute, recent = (collections.defaultdict(int) for _ in range(3))
for ms, number, uri in clicks:
    table[uri] += number
    minute[uri, ms // 60000 * 60000] += number
    for start in range(ms // 5000 * 5000 - 25000, ms // 5000 * 5000 + 1, 5000):
        recent[uri, start] += number

def ms_of(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
def windows(name):
    return {(row["uri"], ms_of(row["window_start"])): row["total"] for row in map(json.loads, open(directory + "/" + name))}
def check(what, want, got):
    if dict(want) != got:
        sys.exit(f"WRONG: {what}: {len(want)} rows expected, {len(got)} there; "
                 f"first difference {sorted(set(want.items()) ^ set(got.items()))[:2]}")
    print(f"ok: {what}: {len(got)} rows")
check("table", table, {row["uri"]: row["total"] for row in map(json.loads, open(directory + "/table"))})
check("per minute", minute, windows("per_minute"))
check("30 s every 5 s", recent, windows("recent"))
check("30 s every 5 s, in the state", recent, windows("recent.state"))
PY
