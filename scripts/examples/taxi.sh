#!/usr/bin/env bash
# The taxi course: rides from a CSV file are sent as JSON at a rate, printed, split by amount and re-keyed by vendor.
#
#   eval "$(scripts/kafka start)"; scripts/examples/taxi.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PATH=$here/../../build/bin:$PATH
p=${TOPIC_PREFIX:-taxi-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"

# As if they happened now, 50 a second. Other tools may run at the same time and see each ride as it comes.
kwrite -q -I csv --rate 50 --key VendorID "$here/rides.csv" "$p.rides" &
writer=$!
wait $writer

echo "--- print"
kread -e -c 3 "$p.rides"

echo "--- cheap rides to low_amount, the rest to high_amount, in one transaction"
kbranch -e "$p.low_amount=total_amount < 40" "$p.rides" "$p.high_amount"
kread -e -c 3 "$p.low_amount"
kread -e -c 3 "$p.high_amount"

echo "--- re-key by vendor"
kgroupby -e 'VendorID' "$p.high_amount" "$p.by_vendor"
kread -e -c 3 -K ' -> ' "$p.by_vendor"

# --- is it right? ---
same() { # same WHAT WANT GOT
  if [ "$2" = "$3" ]; then echo "ok: $1: $3"; else echo "WRONG: $1: expected $2, got $3" >&2; exit 1; fi
}
# shellcheck disable=SC2016  # awk's $NF
amount='NR > 1 { amount = $NF }' # the last column
same "rides" "$(awk -F, "$amount NR > 1 { n++ } END { print n }" "$here/rides.csv")" "$(kread -e "$p.rides" | wc -l)"
same "low amounts" "$(awk -F, "$amount NR > 1 && amount < 40 { n++ } END { print n }" "$here/rides.csv")" \
  "$(kread -e "$p.low_amount" | jq -c 'select(.total_amount < 40)' | wc -l)"
same "high amounts" "$(awk -F, "$amount NR > 1 && amount >= 40 { n++ } END { print n }" "$here/rides.csv")" \
  "$(kread -e "$p.high_amount" | jq -c 'select(.total_amount >= 40)' | wc -l)"
same "sum of all" "$(awk -F, "$amount NR > 1 { s += amount } END { printf \"%.2f\", s }" "$here/rides.csv")" \
  "$( (kread -e "$p.low_amount"; kread -e "$p.high_amount") | jq -s 'map(.total_amount) | add * 100 | round / 100' | xargs printf '%.2f')"
same "keys" "$(kread -e "$p.high_amount" | wc -l)" \
  "$(kread -e -J "$p.by_vendor" | jq -c 'select(.key == (.payload | fromjson | .VendorID | tostring))' | wc -l)"
