#!/usr/bin/env bash
# User sessions: visits of one user with no more than 30 seconds between one and the next, with how many pages they saw.
#
#   eval "$(scripts/kafka start)"; scripts/examples/sessions.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-sessions-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# An hour of 20 users, one visit a second, keyed by user; so the sessions need no --by.
kgen --seed 5 -c 3600 --partitions 4 --key user --time '1767225600000 + _offset * 1000' \
  'user="user" + string(int(random() * 20.0)), page="/p" + string(int(random() * 9.0))' "$p.visits"

echo "--- sessions as they grow: one that gets longer takes back what was said of it (_deleted)"
kwindow -e -w session:30s --emit update 'visits=count(), pages=distinct(page)' "$p.visits" "$p.growing"
kread -e -c 4 "$p.growing"

echo "--- and once, when they are over"
kwindow -e -w session:30s --emit close 'visits=count(), pages=distinct(page)' "$p.visits" "$p.sessions"
kread -e -c 3 "$p.sessions"

# --- is it right? ---
kread -e -f '%p %T %{user} %{page}\n' "$p.visits" >"$dir/visits"
kread -e "$p.growing" >"$dir/growing"
kread -e "$p.sessions" >"$dir/sessions"
python3 - "$dir" <<'PY'
import collections, datetime, json, sys
directory = sys.argv[1]
gap = 30000
visits = collections.defaultdict(list)
partition_of, newest = {}, collections.defaultdict(int)  # time is a partition's own
for line in open(directory + "/visits"):
    partition, ms, user, page = line.split()
    visits[user].append((int(ms), page))
    partition_of[user] = partition
    newest[partition] = max(newest[partition], int(ms))
want = {}
for user, seen in visits.items():
    seen.sort()
    session = []
    for visit in seen + [(seen[-1][0] + gap + 1, None)]:
        if session and visit[0] - session[-1][0] > gap:
            pages = [page for _, page in session]
            want[user, session[0][0], session[-1][0]] = (len(pages), len(set(pages)))
            session = []
        session.append(visit)
def ms_of(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
def rows(name):
    for row in map(json.loads, open(directory + "/" + name)):
        yield (row["key"], ms_of(row["window_start"]), ms_of(row["window_end"])), row
growing = {}
for key, row in rows("growing"):
    if row.get("_deleted"):
        del growing[key]  # of what was said before
    else:
        growing[key] = (row["visits"], row["pages"])
if growing != want:
    sys.exit(f"WRONG: sessions as they grow: {sorted(set(growing.items()) ^ set(want.items()))[:2]}")
print(f"ok: {len(want)} sessions, grown and merged")
closed = {}
for key, row in rows("sessions"):
    if key in closed:
        sys.exit(f"WRONG: {key} was closed twice")
    closed[key] = (row["visits"], row["pages"])
# Those that may still grow are open.
over = {key: row for key, row in want.items() if key[2] + gap + 1 <= newest[partition_of[key[0]]]}
if closed != over:
    sys.exit(f"WRONG: closed sessions: {sorted(set(closed.items()) ^ set(over.items()))[:2]}")
print(f"ok: {len(closed)} of them closed, each said once")
PY
