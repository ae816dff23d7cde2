#!/usr/bin/env bash
# Clicks enriched by users: each click meets the row that its user had at the time of the click; users change, and some are not known.
#
#   eval "$(scripts/kafka start)"; scripts/examples/enriched.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-enriched-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Clicks of users 0 to 59, a second apart. Rows of users 0 to 49 from the beginning; after 1,000 seconds those of even number move, and
# every tenth is deleted. Both topics are keyed by user, in as many partitions.
kgen --seed 9 -c 2000 --partitions 3 --key user --time '1767225600000 + n * 1000' \
  'n=_offset, user="u" + string(int(random() * 60.0)), page="/p" + string(int(random() * 9.0))' "$p.clicks"
ktopic create --partitions 3 --config cleanup.policy=compact "$p.users" >/dev/null
{
  for n in $(seq 0 49); do printf '{"key":"u%d","ts":1767225599000,"payload":"{\\"name\\":\\"user %d\\",\\"city\\":\\"Bonn\\"}"}\n' "$n" "$n"; done
  for n in $(seq 2 2 48); do printf '{"key":"u%d","ts":1767226599500,"payload":"{\\"name\\":\\"user %d\\",\\"city\\":\\"Ulm\\"}"}\n' "$n" "$n"; done
  for n in $(seq 0 10 40); do printf '{"key":"u%d","ts":1767226599600,"payload":null}\n' "$n"; done
} | kwrite -J "$p.users"

echo "--- clicks with name and city, or null for both"
kjoin -e --left --select 'left.n, left.user, left.page, right.name, right.city' "$p.clicks" "table:$p.users" "$p.enriched"
kread -e -c 3 "$p.enriched"

echo "--- clicks of nobody that is known"
kjoin -e -g "$p.unknown" --anti --select 'left.user, left.page' "$p.clicks" "table:$p.users" "$p.unknown"
kread -e -c 3 "$p.unknown"

# --- is it right? ---
check() { # check WHAT FILE FILE
  if [ -s "$2" ] && cmp -s "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1" >&2; diff "$2" "$3" | head -n 5 >&2; exit 1; fi
}
kread -e "$p.clicks" | jq -cS '(.user[1:] | tonumber) as $u | . +
  if $u >= 50 or (.n >= 1000 and $u % 10 == 0) then {name: null, city: null}
  else {name: "user \($u)", city: (if .n >= 1000 and $u % 2 == 0 then "Ulm" else "Bonn" end)} end' | sort >"$dir/want"
kread -e "$p.enriched" | jq -cS . | sort >"$dir/got"
check "each click has the row of its time" "$dir/want" "$dir/got"
jq -cS 'select(.name == null) | {user, page}' "$dir/want" | sort >"$dir/want.unknown"
kread -e "$p.unknown" | jq -cS . | sort >"$dir/got"
check "unknown are the clicks without a row" "$dir/want.unknown" "$dir/got"
