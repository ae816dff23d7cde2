#!/usr/bin/env bash
# Suspicious log-ins: those that come from an address on a list, and who they were for. The list is a table; what is struck off it
# raises no alarm any more.
#
#   eval "$(scripts/kafka start)"; scripts/examples/logins.sh
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-logins-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A log-in a second from 200 addresses, keyed by user; every tenth address is listed, before the first log-in.
kgen --seed 3 -c 2000 --partitions 3 --key user --time '1767225600000 + _offset * 1000' \
  'user="user" + string(int(random() * 50.0)), ip="10.0.0." + string(int(random() * 200.0)), ok=random() < 0.7' "$p.logins"
ktopic create --partitions 2 --config cleanup.policy=compact "$p.suspicious" >/dev/null
for n in $(seq 0 10 190); do echo "{\"ip\":\"10.0.0.$n\",\"why\":\"list $((n % 3))\"}"; done |
  kwrite --key ip --time 1767000000000 "$p.suspicious"

echo "--- log-ins from a listed address"
kjoin -e --on ip --select 'left.user, left.ip, left.ok, right.why' "$p.logins" "table:$p.suspicious" "$p.alarms"
kread -e -c 3 "$p.alarms"

echo "--- users with more than three of them that succeeded"
ktable -e --by user 'n=count() if ok' "$p.alarms" "$p.users"
kread -e --latest-per-key "$p.users" | kfilter 'n > 3' >"$dir/users"
head -n 3 "$dir/users"

# --- is it right? ---
kread -e "$p.logins" >"$dir/logins"
kread -e "$p.alarms" | jq -cS . | sort >"$dir/got"
jq -cS '(.ip | split(".")[3] | tonumber) as $n | select($n % 10 == 0) | {user, ip, ok, why: "list \($n % 3)"}' "$dir/logins" |
  sort >"$dir/want"
check() { # check WHAT FILE FILE
  if [ -s "$2" ] && cmp -s "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1" >&2; diff "$2" "$3" | head -n 5 >&2; exit 1; fi
}
check "alarms are the log-ins from listed addresses" "$dir/want" "$dir/got"
jq -rs 'group_by(.user)[] | "\(.[0].user) \(map(select(.ok)) | length)"' "$dir/want" | sort >"$dir/want.users"
kread -e --latest-per-key "$p.users" | jq -r '"\(.user) \(.n)"' | sort >"$dir/got"
check "each user's alarms are counted" "$dir/want.users" "$dir/got"
