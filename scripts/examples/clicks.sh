#!/usr/bin/env bash
# The click-event course: a stream of page clicks is printed, cleaned, filtered, scored, re-keyed and encoded.
# Each step is one small program from topic to topic. Here each ends at what is there when it starts (-e); without -e
# they run on for ever, side by side, and pick up where they left off after a crash.
#
#   eval "$(scripts/kafka start)"; scripts/examples/clicks.sh
#
# The script checks what came out against jq, so it is a test too.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-course-$$} # so that two runs do not meet
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"

kgen --seed 7 -c 1000 --partitions 4 clicks "$p.clicks"

echo "--- print"
kread -e -c 3 "$p.clicks"

echo "--- drop the email"
kmap -e '*, -email' "$p.clicks" "$p.clean"
kread -e -c 3 "$p.clean"

echo "--- numbers of 100 and more to a topic of their own, keyed by uri"
kfilter -e --key uri 'number >= 100' "$p.clean" "$p.popular"
kread -e -c 3 -K ' -> ' "$p.popular"

echo "--- a score for each"
kscore -e 'score=random()' "$p.popular" "$p.scored"
kread -e -c 3 "$p.scored"

echo "--- re-key by uri: what belongs together comes together"
kgroupby -e uri "$p.clean" "$p.by_uri"
kread -e -c 3 -K ' -> ' "$p.by_uri"

echo "--- the values as base64 over JSON, as some consumers want them"
kmap -e --value-codec json:json+base64 '*' "$p.popular" "$p.encoded"
kread -e -c 3 --value-codec raw -O text "$p.encoded"

# --- is it right? ---
check() { # check WHAT FILE FILE
  if cmp -s "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1" >&2; diff "$2" "$3" | head -n 5 >&2; exit 1; fi
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
kread -e "$p.clicks" | jq -cS 'del(.email)' | sort >"$dir/want"
kread -e "$p.clean" | jq -cS . | sort >"$dir/got"
check "clean is clicks without email" "$dir/want" "$dir/got"
jq -cS 'select(.number >= 100)' "$dir/want" >"$dir/want.popular"
kread -e "$p.popular" | jq -cS . | sort >"$dir/got"
check "popular holds each number >= 100" "$dir/want.popular" "$dir/got"
kread -e "$p.scored" | jq -cS 'select(.score >= 0 and .score < 1) | del(.score)' | sort >"$dir/got"
check "scored is popular with a score" "$dir/want.popular" "$dir/got"
kread -e -J "$p.by_uri" | jq -cS 'select(.key == (.payload | fromjson | .uri)) | .payload | fromjson' | sort >"$dir/got"
check "by_uri holds all, keyed by uri" "$dir/want" "$dir/got"
kread -e -J "$p.by_uri" | jq -r '"\(.key) \(.partition)"' | sort -u | cut -d' ' -f1 | sort >"$dir/got"
check "each uri is in one partition" <(sort -u "$dir/got") "$dir/got"
kread -e --value-codec raw -O text "$p.encoded" | base64 -d -i | jq -cS . | sort >"$dir/got"
check "encoded is popular in base64" "$dir/want.popular" "$dir/got"
