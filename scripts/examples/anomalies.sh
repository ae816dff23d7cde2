#!/usr/bin/env bash
# Anomaly detection: a reading is one if it is three times the mean of all readings of its sensor before it. One process, exactly once.
#
#   eval "$(scripts/kafka start)"; scripts/examples/anomalies.sh
#
# The script computes the same in Python, so it is a test.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-anomalies-$$} # so that two runs do not meet
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

kgen -q --seed 11 -c 3000 --partitions 2 --key sensor \
  'sensor="s" + string(int(random() * 7.0)), temp=int(20.0 + random() * 5.0) + (random() < 0.01 ? 100 : 0)' "$p.readings"
detect() {
  # shellcheck disable=SC1010 # kpipe's word
  kpipe -e "$@" kscan '*, n=count(), sum=sum(temp)' then kfilter 'n > 10 && temp * (n - 1) > 3 * (sum - temp)' then kmap 'sensor, n, temp' \
    -- "$p.readings" "$p.alarms"
}
detect -c 1000 # as if it had been stopped there: what it knows of each sensor is kept
detect
echo "--- the first alarms"
kread -e -c 3 "$p.alarms"

# --- is it right? ---
kread -e "$p.readings" >"$dir/readings"
kread -e "$p.alarms" >"$dir/alarms"
python3 - "$dir/readings" "$dir/alarms" <<'PY'
import collections, json, sys
before, want = collections.defaultdict(list), []
for row in map(json.loads, open(sys.argv[1])):
    known = before[row["sensor"]]
    if len(known) >= 10 and row["temp"] * len(known) > 3 * sum(known):
        want.append((row["sensor"], len(known) + 1, row["temp"]))
    known.append(row["temp"])
got = [(row["sensor"], row["n"], row["temp"]) for row in map(json.loads, open(sys.argv[2]))]
if sorted(got) != sorted(want) or not want:
    sys.exit(f"WRONG: {len(got)} alarms, {len(want)} must be: {sorted(set(got) ^ set(want))[:5]}")
print(f"ok: {len(got)} alarms")
PY
