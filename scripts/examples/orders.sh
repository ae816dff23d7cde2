#!/usr/bin/env bash
# Orders without a dispatch: what should have happened and did not, told once, when three days have passed.
#
#   eval "$(scripts/kafka start)"; scripts/examples/orders.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-orders-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# An order every five minutes, keyed by customer. Each leaves the house up to four days later; one in five never does. The topics have
# other keys and numbers of partitions: --on brings together what belongs together.
kgen --seed 11 -c 2000 --partitions 3 --key customer --time '1767225600000 + id * 300000' \
  'id=_offset, customer="c" + string(int(random() * 40.0)), hours=int(random() * 120.0)' "$p.orders"
kread -e -J "$p.orders" >"$dir/orders"
jq -cs 'map((.payload | fromjson) as $o | select($o.hours < 96) | {order: $o.id, at: (.ts + $o.hours * 3600000)}) | sort_by(.at)[]' \
  "$dir/orders" | kwrite --key order --time at --partitions 2 "$p.dispatches"

echo "--- orders that were not dispatched within three days"
# Here the end of the topics decides about the newest orders; a tool that runs on waits until their three days are over.
kjoin -e --close-at-end --anti --within 3d --on id=order --select 'left.id, left.customer' "$p.orders" "$p.dispatches" "$p.missing"
kread -e -c 3 "$p.missing"

# --- is it right? ---
check() { # check WHAT FILE FILE
  if [ -s "$2" ] && cmp -s "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1" >&2; diff "$2" "$3" | head -n 5 >&2; exit 1; fi
}
jq -cS '.payload | fromjson | select(.hours > 72) | {id, customer}' "$dir/orders" | sort >"$dir/want"
kread -e "$p.missing" | jq -cS . | sort >"$dir/got"
check "missing are the orders of more than 72 hours, each once" "$dir/want" "$dir/got"
