#!/usr/bin/env bash
# Requests per minute of a web server's access log, in a plain pipe: no broker at all.
#
#   scripts/examples/access_log.sh                        # a log made up for the purpose
#   scripts/examples/access_log.sh /var/log/nginx/access.log
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

log=${1:-$dir/access.log}
if [ $# -eq 0 ]; then # ten minutes in the combined format; slow requests are written late, as web servers do
  awk 'BEGIN {
    srand(1)
    for (i = 0; i < 3000; ++i) {
      second = int(i / 5) - int(rand() * 3); if (second < 0) second = 0
      status = rand() < 0.05 ? 502 : rand() < 0.1 ? 404 : 200
      printf "10.0.0.%d - - [24/Dec/2025:18:%02d:%02d +0100] \"GET /page/%d HTTP/1.1\" %d %s \"-\" \"curl/8\"\n",
        rand() * 9, 30 + int(second / 60), second % 60, rand() * 20, status, status == 502 ? "-" : int(rand() * 9000)
    }
  }' >"$log"
fi
line='re:^(?P<client>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<bytes>\S+)'

echo "--- requests, errors and bytes per minute"
kwindow -I "$line" --time 'parse_time(time, "%d/%b/%Y:%H:%M:%S %z")' --grace 1m -w 1m \
  'requests=count(), errors=count() if status >= 500, bytes=sum(bytes) if type(bytes) == int' <"$log" >"$dir/minutes"
head -n 3 "$dir/minutes"

echo "--- the same as a table for people, and the three busiest pages"
kwindow -I "$line" --time 'parse_time(time, "%d/%b/%Y:%H:%M:%S %z")' --grace 1m -w 1m -O table 'requests=count()' <"$log"
ktable -I "$line" --by 'path=request.split(" ")[1]' 'n=count()' <"$log" | jq -sc 'sort_by(-.n)[:3][]'

# --- is it right? ---
# Minutes of the zone in the log are minutes of UTC where the offset is whole minutes: so the n-th here is the n-th there.
awk '{
  minute = substr($4, 2, 17)
  if (!(minute in n)) order[++count] = minute
  ++n[minute]; if ($9 >= 500) ++errors[minute]; if ($10 != "-") bytes[minute] += $10
} END { for (i = 1; i <= count; ++i) printf "%d %d %d\n", n[order[i]], errors[order[i]], bytes[order[i]] }' "$log" >"$dir/want"
jq -r '"\(.requests) \(.errors) \(.bytes // 0)"' "$dir/minutes" >"$dir/got"
if cmp -s "$dir/want" "$dir/got"; then
  echo "ok: $(wc -l <"$dir/got") minutes"
else
  echo "WRONG: per minute" >&2
  diff "$dir/want" "$dir/got" | head -n 5 >&2
  exit 1
fi
