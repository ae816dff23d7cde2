#!/usr/bin/env bash
# Word count: each line becomes one record for each of its words, and a table counts them. One process, exactly once.
#
#   eval "$(scripts/kafka start)"; scripts/examples/words.sh [FILE]
#
# The script counts the words in Python, too, so it is a test.
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-words-$$} # so that two runs do not meet
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
file=${1:-$(cd "$(dirname "$0")/../.." && pwd)/README.md}

jq -cR '{text: .}' "$file" | kwrite -q - "$p.lines"
# shellcheck disable=SC1010 # kpipe's word
kpipe -e kmap --each 'word=regex.extractAll(text.lower(), "\\pL+")' 'word' then ktable --by word 'n=count()' -- "$p.lines" "$p.counts"
kquery "$p.counts" >"$dir/counts"
echo "--- the words that come most often"
jq -sc 'sort_by(-.n, .word)[:5][]' "$dir/counts"

# --- is it right? ---
python3 - "$file" "$dir/counts" <<'PY'
import collections, json, re, sys
want = collections.Counter(re.findall(r"[^\W\d_]+", open(sys.argv[1], encoding="utf-8").read().lower()))
got = {row["word"]: row["n"] for row in map(json.loads, open(sys.argv[2]))}
if got != want:
    sys.exit(f"WRONG: {sorted(set(got.items()) ^ set(want.items()))[:5]}")
print(f"ok: {len(got)} words")
PY
