#!/usr/bin/env bash
# Page views by region: views are enriched with their user's region, then counted by region and minute.
#
#   eval "$(scripts/kafka start)"; scripts/examples/regions.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-regions-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Four views a second for ten minutes, keyed by user; users live in one of five regions.
kgen --seed 21 -c 2400 --partitions 3 --key user --time '1767225600000 + n * 250' \
  'n=_offset, user="u" + string(int(random() * 100.0)), page="/p" + string(int(random() * 20.0))' "$p.views"
ktopic create --partitions 3 --config cleanup.policy=compact "$p.users" >/dev/null
for n in $(seq 0 99); do echo "{\"user\":\"u$n\",\"region\":\"R$((n % 5))\"}"; done |
  kwrite --key user --time 1767225599000 "$p.users"

echo "--- views with the region of their user"
kjoin -e --select 'left.n, left.page, right.region' "$p.views" "table:$p.users" "$p.views_by_user"
kread -e -c 3 "$p.views_by_user"

echo "--- by region, per minute"
kwindow -e --close-at-end --emit close -w 1m --by region 'views=count(), pages=distinct(page)' "$p.views_by_user" "$p.views_by_region"
kread -e -c 4 -O table "$p.views_by_region"

# --- is it right? ---
check() { # check WHAT FILE FILE
  if [ -s "$2" ] && cmp -s "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1" >&2; diff "$2" "$3" | head -n 5 >&2; exit 1; fi
}
kread -e "$p.views" | jq -rs 'group_by([(.n / 240 | floor), (.user[1:] | tonumber) % 5])[] |
  "\(.[0].n / 240 | floor) R\((.[0].user[1:] | tonumber) % 5) \(length) \(map(.page) | unique | length)"' | sort >"$dir/want"
kread -e "$p.views_by_region" |
  jq -r '"\(((.window_start | sub("\\.000"; "") | fromdate) - 1767225600) / 60) \(.region) \(.views) \(.pages)"' | sort >"$dir/got"
check "views and pages by region and minute" "$dir/want" "$dir/got"
