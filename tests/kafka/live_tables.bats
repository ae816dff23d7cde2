#!/usr/bin/env bats
# Tables and windows of running tools, asked over --http by kquery and by curl. Answers are compared with what jq computes
# from the input.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# serve NAME COMMAND...: starts it; sets $at to its address once it answers.
serve() {
  local name=$1
  start_tool "$@"
  wait_for 20 file_has "$name.err" 'http://.*/metrics'
  at=$(sed -n 's,.*http://\(.*\)/metrics.*,\1,p' "$name.err")
}
ask() { curl -sS -G "http://$at/table/$1" "${@:2}"; }         # ask TABLE [--data-urlencode NAME=VALUE]...
says_of_all() { [ "$(kquery --http "$at" "$1" 2>/dev/null | jq -s 'map(.n) | add')" = "$2" ]; }  # TABLE COUNT
T=1767225600000  # 2026-01-01T00:00:00Z

@test "a live table: a key, several, a prefix, all, as of the last commit" {
  new_topic in 3
  out=$(topic_name out)
  kgen --seed 1 -c 500 clicks "$in"
  serve table ktable -g "$out-group" --http 0 --by uri 'n=count(), total=sum(number)' "$in" "$out"
  wait_for 30 says_of_all "$out" 500
  kread -e "$in" | jq -sc 'group_by(.uri)[] | {uri: .[0].uri, n: length, total: map(.number) | add}' | sort >want

  same want <(kquery --http "$at" "$out" | sort)
  same want <(ask "$out" | sort)
  same <(grep '"uri":"/search"' want) <(kquery --http "$at" "$out" /search)
  same <(grep '"uri":"/search"' want) <(ask "$out" --data-urlencode key=/search)
  same <(grep -E '"uri":"/(search|home)"' want) <(kquery --http "$at" "$out" /search /home | sort)
  same <(grep -E '"uri":"/(search|home)"' want) <(ask "$out" --data-urlencode key=/search --data-urlencode key=/home | sort)
  same <(grep '"uri":"/product/4' want) <(kquery --http "$at" --prefix /product/4 "$out" | sort)
  same <(grep '"uri":"/product/4' want) <(ask "$out" --data-urlencode prefix=/product/4 | sort)
  # By the group's name too, and as a table for people.
  same want <(kquery --http "$at" "$out-group" | sort)
  [ "$(kquery --http "$at" -O table "$out" /search | head -n 1 | tr -s ' ')" = "uri n total" ]

  # It is live: what comes is in the next answer.
  kgen --seed 2 -c 100 clicks "$in"
  wait_for 30 says_of_all "$out" 600
  kread -e "$in" | jq -sc 'group_by(.uri)[] | {uri: .[0].uri, n: length, total: map(.number) | add}' | sort >want
  same want <(kquery --http "$at" "$out" | sort)
  curl -sS "http://$at/metrics" | grep -E '^kutils_'
  [ "$(curl -sS -o /dev/null -w '%{http_code}' "http://$at/health")" = 200 ]
}

@test "what is not there: exit codes and HTTP statuses" {
  new_topic in
  out=$(topic_name out)
  kgen --seed 1 -c 10 clicks "$in"
  serve table ktable --http 0 --by uri 'n=count()' "$in" "$out"
  wait_for 30 says_of_all "$out" 10
  refused_with 1 kquery --http "$at" "$out" /nothing
  says "no row has the key '/nothing'"
  [ "$(ask "$out" -o /dev/null -w '%{http_code}' --data-urlencode key=/nothing)" = 404 ]
  refused_with 2 kquery --http "$at" other /home
  says "the table here is '$out', not 'other'"
  refused_with 2 kquery --http "$at" --at now "$out" /home
  says "windows"
  [ "$(ask "$out" -o /dev/null -w '%{http_code}' --data-urlencode at=now)" = 400 ]
  [ "$(ask "$out" -o /dev/null -w '%{http_code}' --data-urlencode what=now)" = 400 ]
  # The state itself is in use, its tool is found and asked; where nobody answers, nobody does.
  refused_with 2 kquery --state-dir "$KUTILS_STATE_DIR" "$out" /home
  says "--http"
  same <(kquery --http "$at" "$out" /home) <(kquery "$out" /home)
  stop_tool "$started"
  refused_with 3 kquery --http "$at" "$out" /home
  # And now its state can be read.
  [ "$(kquery "$out" | jq -s 'map(.n) | add')" -eq 10 ]
}

@test "live windows: of a key in a range, at a time, and by how much they changed" {
  new_topic in
  out=$(topic_name out)
  # Two minutes, a record each 100 ms, of three keys in turn with sums that differ from window to window.
  kgen -q -c 1200 --time "$T + _offset * 100" 'k="k" + string(_offset % 3), x=_offset' "$in"
  serve windows kwindow --http 0 -w 10s --expires 10m --by k 'n=count(), sum=sum(x)' "$in" "$out"
  wait_for 30 says_of_all "$out" 1200
  kread -e -J "$in" | jq -sc --argjson t "$T" '
    map((.payload | fromjson) + {w: (.ts - .ts % 10000)}) | group_by([.k, .w])[] |
    {k: .[0].k, w: .[0].w, n: length, sum: map(.x) | add}' >want
  iso='def ms: sub("\\.000Z$"; "Z") | fromdateiso8601 * 1000; {k, w: (.window_start | ms), n, sum}'
  same <(sort want) <(kquery --http "$at" "$out" | jq -c "$iso" | sort)

  # Of one key, those that begin in a range.
  jq -c --argjson t "$T" 'select(.k == "k1" and .w >= $t + 20000 and .w < $t + 60000)' want | sort >some
  [ "$(wc -l <some)" -eq 4 ]
  same some <(kquery --http "$at" --from 2026-01-01T00:00:20Z --until 2026-01-01T00:01:00Z "$out" k1 | jq -c "$iso" | sort)
  same some <(ask "$out" --data-urlencode key=k1 --data-urlencode from=2026-01-01T00:00:20Z --data-urlencode until=$((T + 60000)) | jq -c "$iso" | sort)
  # Of all keys, the window that holds a time; the newest one, by the records' time; none by the clock on the wall.
  jq -c --argjson t "$T" 'select(.w == $t + 30000)' want | sort >some
  [ "$(wc -l <some)" -eq 3 ]
  same some <(kquery --http "$at" --at 2026-01-01T00:00:35Z "$out" | jq -c "$iso" | sort)
  same some <(ask "$out" --data-urlencode at=2026-01-01T00:00:35Z | jq -c "$iso" | sort)
  jq -c --argjson t "$T" 'select(.w == $t + 110000 and .k == "k2")' want >some
  same some <(kquery --http "$at" --at current "$out" k2 | jq -c "$iso")
  refused_with 1 kquery --http "$at" --at now "$out" k2
  # The change since: of the window that holds a time against the one a while before.
  jq -sc --argjson t "$T" 'map(select(.k == "k0")) | INDEX(.w | tostring) as $of |
    $of[$t + 110000 | tostring] as $new | $of[$t + 80000 | tostring] as $old |
    {k: "k0", n: ($new.n - $old.n), sum: ($new.sum - $old.sum)}' want >some
  same some <(kquery --http "$at" --delta 30s "$out" k0 | jq -c '{k, n, sum}')
  same some <(ask "$out" --data-urlencode key=k0 --data-urlencode delta=30s | jq -c '{k, n, sum}')
  jq -sc --argjson t "$T" 'map(select(.k == "k0")) | INDEX(.w | tostring) as $of |
    $of[$t + 60000 | tostring] as $new | $of[$t + 50000 | tostring] as $old |
    {k: "k0", n: ($new.n - $old.n), sum: ($new.sum - $old.sum)}' want >some
  same some <(kquery --http "$at" --at 2026-01-01T00:01:00Z --delta 10s "$out" k0 | jq -c '{k, n, sum}')
  same some <(ask "$out" --data-urlencode key=k0 --data-urlencode at=2026-01-01T00:01:00Z --data-urlencode delta=10s | jq -c '{k, n, sum}')
}

@test "metrics are what Prometheus takes, with commits, stream time and state; health, readiness; the page" {
  new_topic in 2
  out=$(topic_name out)
  kgen -c 400 'uri="/p" + string(_offset % 5), number=_offset' "$in"
  printf '%s\n' '{"uri":"<script>alert(1)</script>","number":7}' '{"uri":"/x"' | kwrite -q -I text --time "timestamp('2024-01-02T03:04:05Z')" "$in"
  serve table ktable -g "$out-group" --http 0 -j 2 --on-error skip --by uri 'n=count(), total=sum(number)' "$in" "$out"
  wait_for 30 says_of_all "$out" 401
  figure() { awk -v name="$1" 'index($1, name "{") == 1 || $1 == name {sum += $NF} END {print sum + 0}' metrics.out; }
  look() { curl -sS "http://$at/metrics" >metrics.out; }
  # The numbers, as of the last commit.
  counted() { look && [ "$(figure kutils_records_in_total)" -ge 402 ] && [ "$(figure kutils_records_failed_total)" -eq 1 ]; }
  wait_for 30 counted
  "$KUTILS_SOURCE_DIR/tests/support/check_metrics" <metrics.out
  if command -v promtool >/dev/null; then promtool check metrics <metrics.out; fi
  [ "$(figure kutils_commit_duration_seconds_count)" -eq "$(figure kutils_commits_total)" ]
  [ "$(figure kutils_commit_duration_seconds_sum | cut -d. -f1)" -lt 60 ]
  [ "$(figure kutils_state_bytes)" -gt 0 ]
  # The records' times: of those made now, not of the older ones that came behind them.
  awk -v now="$(date +%s)" '/^kutils_stream_time_seconds/ {exit !($2 > now - 600 && $2 < now + 60)}' metrics.out
  [ "$(figure process_resident_memory_bytes)" -gt 1000000 ]
  for path in health healthz readyz; do
    [ "$(curl -sS -o /dev/null -w '%{http_code}' "http://$at/$path")" = 200 ]
  done

  curl -sS "http://$at/" >page.html
  for text in "<title>ktable $out-group</title>" 'records in</td>' '<polyline' "/table/$out\"" 'not JSON' '-changelog'; do
    grep -qF -- "$text" page.html || { echo "the page lacks $text"; return 1; }
  done
  # What records hold is text.
  wait_for 20 page_has '&lt;script&gt;alert(1)'
  if grep -q '<script' page.html; then return 1; fi
}
page_has() { curl -sS "http://$at/" >page.html; grep -qF -- "$1" page.html; }

@test "a page with a token: a browser asks for it as a password" {
  new_topic in
  out=$(topic_name out)
  serve table kfilter --http 0 --http-token s3cret true "$in" "$out"
  [ "$(curl -sS -o /dev/null -w '%{http_code}' "http://$at/")" = 401 ]
  curl -sS -D - -o /dev/null "http://$at/" | grep -qi '^WWW-Authenticate: Basic'
  [ "$(curl -sS -o /dev/null -w '%{http_code}' -u any:wrong "http://$at/")" = 401 ]
  [ "$(curl -sS -o /dev/null -w '%{http_code}' -u any:s3cret "http://$at/")" = 200 ]
  is_ready() { [ "$(curl -sS -o /dev/null -w '%{http_code}' "http://$at/readyz")" = 200 ]; }
  wait_for 20 is_ready  # without the token; 503 until it has joined its group
  # ktop sends it, too.
  tool_is() { ktop --once --every 0 -O json tools | jq -es "any(.http == \":${at##*:}\" and .status == \"$1\")"; }
  wait_for 20 tool_is 'needs a token'
  export KUTILS_HTTP_TOKEN=s3cret
  wait_for 20 tool_is ok
}
