#!/usr/bin/env bash
# Payments: what was sent twice is dropped; fraud per country: cards that are used in two countries within five minutes.
#
#   eval "$(scripts/kafka start)"; scripts/examples/payments.sh
# shellcheck disable=SC1010 # kpipe's word
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-payments-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Two payments a second by 200 cards, mostly at home; every tenth is sent a second time, 2 seconds later.
kgen --seed 13 -c 2000 -J --key card --time '1767225600000 + n * 500' 'n=_offset, card="c" + string(int(random() * 200.0)),
  country=["DE", "FR", "US", "BR"][random() < 0.9 ? 0 : int(random() * 4.0)], amount=int(random() * 900.0) - 300' >"$dir/payments"
{ cat "$dir/payments"; jq -c 'select((.payload | fromjson | .n) % 10 == 0) | .ts += 2000' "$dir/payments"; } | jq -cs 'sort_by(.ts)[]' |
  kwrite -q -J --partitions 3 - "$p.sent"
kwrite -q -J --partitions 3 "$dir/payments" "$p.payments"

echo "--- each payment once"
kdedup -e n --within 1m "$p.sent" "$p.once"

echo "--- cards in two countries within five minutes, and how often per country"
kpipe -e kscan 'card, country, from=lag(country), quick=coalesce(_ts - lag(_ts) <= 300000, false)' then \
  kfilter 'quick && country != from' then ktable --by country 'frauds=count(), cards=distinct(card)' -- "$p.payments" "$p.frauds"
kread -e --latest-per-key "$p.frauds"

# --- is it right? ---
kread -e "$p.frauds" --latest-per-key >"$dir/frauds"
kread -e "$p.once" >"$dir/once"
python3 - "$dir" <<'PY'
import collections, json, sys
rows = lambda name: [json.loads(line) for line in open(f"{sys.argv[1]}/{name}")]
want = sorted(json.loads(record["payload"])["n"] for record in rows("payments"))
assert sorted(row["n"] for row in rows("once")) == want
last, frauds, cards = ({}, collections.Counter(), collections.defaultdict(set))
for record in rows("payments"):
    payment, ts = json.loads(record["payload"]), record["ts"]
    card, country = payment["card"], payment["country"]
    if card in last and last[card][0] != country and ts - last[card][1] <= 300000:
        frauds[country] += 1
        cards[country].add(card)
    last[card] = (country, ts)
want = {country: (n, len(cards[country])) for country, n in frauds.items()}
got = {row["country"]: (row["frauds"], row["cards"]) for row in rows("frauds")}
assert want and got == want, (want, got)
print(f"ok: {sum(frauds.values())} frauds in {len(want)} countries")
PY
