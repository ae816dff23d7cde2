#!/usr/bin/env bash
# Bank withdrawals: the balance of an account after each entry, and a warning each time that an account becomes overdrawn.
#
#   eval "$(scripts/kafka start)"; scripts/examples/withdrawals.sh
#
# The script computes the same in Python, so it is a test.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-withdrawals-$$} # so that two runs do not meet
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

kgen -q --seed 5 -c 2000 --partitions 2 --key account \
  'account=int(random() * 20.0), amount=int(random() * 100.0) - 48, entry=_offset' "$p.entries"
kscan -e 'account, entry, amount, balance=sum(amount)' "$p.entries" "$p.statement"
# shellcheck disable=SC1010 # kpipe's word
kpipe -e kfilter --changed 'balance < 0' then kfilter 'balance < 0' -- "$p.statement" "$p.overdrawn"
echo "--- the first warnings"
kread -e -c 3 "$p.overdrawn"

# --- is it right? ---
for topic in entries statement overdrawn; do kread -e "$p.$topic" >"$dir/$topic"; done
python3 - "$dir" <<'PY'
import collections, json, sys
rows = lambda name: [json.loads(line) for line in open(f"{sys.argv[1]}/{name}")]
balance, statement, overdrawn = collections.Counter(), [], []
for entry in rows("entries"):
    before = balance[entry["account"]]
    balance[entry["account"]] = now = before + entry["amount"]
    row = {"account": entry["account"], "entry": entry["entry"], "amount": entry["amount"], "balance": now}
    statement.append(row)
    if now < 0 <= before:
        overdrawn.append(row)
by_entry = lambda rows: sorted(rows, key=lambda row: row["entry"])
for name, want in ("statement", statement), ("overdrawn", overdrawn):
    if by_entry(rows(name)) != by_entry(want) or not want:
        sys.exit(f"WRONG: {name}: {len(rows(name))} rows, {len(want)} must be")
    print(f"ok: {name}: {len(want)} rows")
PY
