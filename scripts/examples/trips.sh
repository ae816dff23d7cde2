#!/usr/bin/env bash
# The taxi course's windows: trips and what they cost, by vendor, per minute and over the last 30 seconds every 5.
#
#   eval "$(scripts/kafka start)"; scripts/examples/trips.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../../build/bin:$PATH
p=${TOPIC_PREFIX:-trips-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A ride's time is when it began, its key the vendor; so the windows need no --by.
kwrite -I csv --key VendorID --time pickup --partitions 2 "$here/rides.csv" "$p.rides"

echo "--- per minute"
kwindow -e -w 1m 'trips=count(), amount=sum(total_amount)' "$p.rides" "$p.per_minute"
kread -e -c 4 -O table "$p.per_minute"

echo "--- over 30 seconds, every 5; closed windows can be asked for 10 minutes, then they leave the state"
kwindow -e -w 30s/5s --expires 10m 'trips=count(), amount=sum(total_amount)' "$p.rides" "$p.recent"
kread -e -c 3 "$p.recent"
kquery --at current "$p.recent"

# --- is it right? ---
kread -e "$p.per_minute" >"$dir/per_minute"
kread -e "$p.recent" >"$dir/recent"
kquery "$p.recent" >"$dir/state"
python3 - "$here/rides.csv" "$dir" <<'PY'
import collections, csv, datetime, json, sys
def ms_of(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
minute, recent = ({}, {})
times = collections.defaultdict(list)
def add(to, key, amount):
    trips, cents = to.get(key, (0, 0))
    to[key] = (trips + 1, cents + round(amount * 100))
for ride in csv.DictReader(open(sys.argv[1])):
    ms, vendor, amount = ms_of(ride["pickup"]), ride["VendorID"], float(ride["total_amount"])
    times[vendor].append(ms)
    add(minute, (vendor, ms // 60000 * 60000), amount)
    for start in range(ms // 5000 * 5000 - 25000, ms // 5000 * 5000 + 1, 5000):
        add(recent, (vendor, start), amount)
def windows(name):
    rows = map(json.loads, open(sys.argv[2] + "/" + name))
    return {(row["key"], ms_of(row["window_start"])): (row["trips"], round(row["amount"] * 100)) for row in rows}
def check(what, want, got):
    if want != got:
        sys.exit(f"WRONG: {what}: {len(want)} rows expected, {len(got)} there; "
                 f"first difference {sorted(set(want.items()) ^ set(got.items()))[:2]}")
    print(f"ok: {what}: {len(got)} rows")
check("per minute", minute, windows("per_minute"))
check("30 s every 5 s", recent, windows("recent"))
# What has expired is gone: stream time is a partition's, so a vendor's own newest ride is the least that has passed.
state = windows("state")
for key, row in state.items():
    assert recent[key] == row, (key, row)
for (vendor, start), row in recent.items():
    if start + 30000 > max(times[vendor]):
        assert (vendor, start) in state, ("missing", vendor, start)
newest = max(map(max, times.values()))
assert all(start + 30000 + 600000 > min(map(max, times.values())) for _, start in state), "an expired window is still there"
assert len(state) < len(recent), "nothing has expired"
print(f"ok: state: {len(state)} of {len(recent)} windows are left")
PY
