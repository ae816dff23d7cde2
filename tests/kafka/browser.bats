#!/usr/bin/env bats
# shellcheck disable=SC2154
# The page of --http in a real browser, Chromium without a window: what it makes of the page, and how it lays it out.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# browse WIDTH URL: the document as it stands in the browser once URL is loaded, in browsed.html.
browse() {
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --disable-dev-shm-usage --user-data-dir="$PWD/profile" --window-size="$1,900" \
    --dump-dom "$2" >browsed.html 2>browser.txt 3>&- 4>&-
}

@test "the page in a browser: rows, rates, links; text of records stays text; nothing is wider than the window" {
  browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no browser: scripts/packages browser"
  new_topic in
  out=$(topic_name out)
  {
    kgen -c 400 'uri="/p" + string(_offset % 5), number=_offset'
    printf '%s\n' '{"uri":"<img src=x onerror=\"document.title=1\">","number":7}' '{"uri":"<script>document.title=2</script>","number":8}' \
      "{\"uri\":\"/$(printf 'long%.0s' {1..60})\",\"number\":9}"
  } | kwrite -q "$in"
  start_tool table ktable --http 0 --by uri 'n=count(), total=sum(number)' "$in" "$out"
  wait_for 20 file_has table.err 'http://.*/metrics'
  at=$(sed -n 's,.*\(http://.*\)/metrics.*,\1,p' table.err)
  all_rows() { [ "$(curl -sS "$at/table/$out" | wc -l)" -eq 8 ]; }
  wait_for 30 all_rows

  browse 1000 "$at/"
  # Records' text made no element and ran nothing.
  grep -q '<title>ktable ' browsed.html
  if grep -qiE '<(img|script)' browsed.html; then return 1; fi
  [ "$(grep -oE '<td>/p[0-4]</td>|<td[^>]*>/p[0-4]<' browsed.html | sort -u | wc -l)" -eq 5 ]
  grep -q 'rows of this process: 8<' browsed.html
  # It loads itself again, and its links lead somewhere.
  grep -q 'http-equiv="refresh"' browsed.html
  grep -oE 'href="[^"]+"' browsed.html | cut -d'"' -f2 >links
  [ "$(wc -l <links)" -ge 4 ]
  while read -r link; do
    [ "$(curl -sS -o linked -w '%{http_code}' "$at/${link#/}")" = 200 ] || { echo "$link"; return 1; }
  done <links

  # How it is laid out, told by a script in a copy: the page itself has none, and forbids them.
  curl -sS "$at/" | sed -E 's/<meta http-equiv=.?[rR]efresh[^>]*>//' >copy.html
  cat >>copy.html <<'END'
<script>
  const drawn = [...document.querySelectorAll('svg')].filter((one) => one.getBoundingClientRect().width > 50).length;
  const empty = [...document.querySelectorAll('td, th')].filter((one) => one.textContent.trim() && !one.getBoundingClientRect().width).length;
  document.title = `window ${innerWidth} page ${document.documentElement.scrollWidth} drawn ${drawn} empty ${empty}`;
</script>
END
  local width
  for width in 1000 500; do
    browse "$width" "file://$PWD/copy.html"
    sed -n 's,.*<title>\(window.*\)</title>.*,\1,p' browsed.html >layout
    awk '{ exit !($1 == "window" && $4 <= $2 && $6 == 3 && $8 == 0) }' layout || { echo "at $width: $(cat layout)"; return 1; }
  done
}
