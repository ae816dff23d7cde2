#!/usr/bin/env bats
# What deploy/ has for services: units, manifests, alerts and panels fit the tools as they are.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; deploy=$KUTILS_SOURCE_DIR/deploy; }
teardown() { kafka_teardown; }

@test "alerts and panels ask for metrics that a tool serves" {
  new_topic in
  echo '{"n":1}' | kwrite -q "$in"
  start_tool table ktable --http 0 --by n 'count()' "$in" "$in-out"
  wait_for 20 file_has table.err 'http://.*/metrics'
  at=$(sed -n 's,.*http://\(.*\)/metrics.*,\1,p' table.err)
  counted() { curl -sS "http://$at/metrics" >metrics.out && grep -qE '^kutils_records_in_total.* [1-9]' metrics.out; }
  wait_for 30 counted
  sed -n 's/^# TYPE \([^ ]*\) histogram$/\1_bucket\n\1_sum\n\1_count/p; s/^# TYPE \([^ ]*\) .*/\1/p' metrics.out | sort -u >served
  cat "$deploy/prometheus/alerts.yml" "$deploy/grafana/kutils.json" | grep -oE '\b(kutils|process)_[a-z_]+' | sort -u >asked
  [ "$(wc -l <asked)" -ge 12 ]
  ! grep -vxFf served asked || { echo "not served"; return 1; }
  # Each alert and panel is of groups that can be told apart.
  jq -e '[.panels[].targets[].expr] | length >= 10' "$deploy/grafana/kutils.json" >/dev/null
  jq -e '.templating.list | map(.name) | index("group")' "$deploy/grafana/kutils.json" >/dev/null
  if command -v promtool >/dev/null; then promtool check rules "$deploy/prometheus/alerts.yml"; fi
}

@test "the command lines of manifests and of the unit are taken as they stand" {
  python3 - "$deploy"/kubernetes/*.yaml >commands <<'END'
import json, re, shlex, sys
for path in sys.argv[1:]:
    for args in re.findall(r"^ *args: (\[.*\])$", open(path).read(), re.M):
        print(shlex.join(json.loads(args)))
END
  sed -n 's/^#   exec //p' "$deploy/systemd/kutils@.service" >>commands
  [ "$(wc -l <commands)" -eq 3 ]
  while read -r command; do
    read -r tool rest <<<"$command"
    bash -c "$tool --explain $rest" >said 2>&1 || { echo "$command: $(cat said)"; return 1; }
    grep -q 'group totals' said
  done <commands
  if python3 -c 'import yaml' 2>err; then
    python3 -c 'import sys, yaml; [list(yaml.safe_load_all(open(path))) for path in sys.argv[1:]]' \
      "$deploy"/kubernetes/*.yaml "$deploy"/prometheus/*.yml
  fi
  # Probes ask for what is served.
  grep -qF 'path: /healthz' "$deploy/kubernetes/deployment.yaml"
  grep -qF 'path: /readyz' "$deploy/kubernetes/deployment.yaml"
}

@test "the unit is what systemd takes; the image has what a build needs" {
  if command -v systemd-analyze >/dev/null; then
    cp "$deploy/systemd/kutils@.service" .
    # Pages that are not installed here are no fault of the unit, and other units may have faults of their own.
    systemd-analyze verify ./kutils@.service 2>&1 | grep 'kutils@' | grep -v "Command 'man " >said || true
    if grep . said; then return 1; fi
  fi
  for package in $("$KUTILS_SOURCE_DIR/scripts/packages" --list build); do
    [ "$package" = ccache ] || grep -qwF -- "$package" "$deploy/Containerfile" || { echo "the image lacks $package"; return 1; }
  done
}

@test "Debian packages: made by cpack, with what they need; the tools run from where they are unpacked" {
  for program in cpack dpkg-shlibdeps; do command -v $program >/dev/null || skip "$program is not installed"; done
  if grep -qE '^KUTILS_SANITIZE:STRING=.' "$KUTILS_BUILD_DIR/CMakeCache.txt"; then skip "packages are of ordinary builds"; fi
  (cd "$KUTILS_BUILD_DIR" && cpack -B "$BATS_TEST_TMPDIR/packages") >cpack.out 2>&1 || { tail -20 cpack.out; return 1; }
  ls packages/kutils_*.deb packages/kutils-doc_*_all.deb
  dpkg-deb -f packages/kutils_*.deb Depends >depends
  for library in librdkafka1 librocksdb libre2 tzdata; do grep -q "$library" depends || { cat depends; return 1; }; done
  dpkg-deb -x packages/kutils_*.deb root
  dpkg-deb -x packages/kutils-doc_*.deb root
  for file in usr/lib/systemd/system/kutils@.service usr/share/bash-completion/completions/kread usr/share/doc/kutils/copyright \
    usr/share/doc/kutils-doc/deploy/Containerfile usr/share/doc/kutils-doc/examples/words.sh; do
    [ -e "root/$file" ] || { echo "no $file"; return 1; }
  done
  if command -v lintian >/dev/null; then # slow, and not among the packages of the tests
    run lintian --allow-root packages/*.deb
    echo "$output"
    [ -z "$output" ]
  fi
  # Every tool, and nothing else; with state, so that the second library is found, too.
  same <(sort "$KUTILS_BUILD_DIR/tools.list") <(ls root/usr/bin)
  new_topic in
  echo '{"n":1}' | root/usr/bin/kwrite -q "$in"
  root/usr/bin/ktable -q -e --by n 'count()' "$in" "$in-out"
  [ "$(root/usr/bin/kquery "$in-out")" = '{"n":1,"count":1}' ]
}
