#!/usr/bin/env bats
# What the man pages tell people to type runs as written there.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
}
teardown() { kafka_teardown; }

@test "the tutorial kutils(7) and the pages of formats run as written" {
  # All indented commands, in order, in one shell. The topics have plain names, so the broker is one of its own.
  sed -n 's/^    \([a-z]\)/\1/p' "$KUTILS_SOURCE_DIR"/man/kutils{,-envelope,-dead-letters}.md >page.sh
  [ "$(wc -l <page.sh)" -gt 50 ]
  KUTILS_STATE_DIR=$PWD/state "$KUTILS_SOURCE_DIR/scripts/kafka" run bash -eux page.sh >out 2>err 3>&- || { cat err; false; }
  # What was killed in the middle has counted each of its records once; dead letters say why.
  grep -qx 20000 out
  grep -q '^1: wrong type: ' out
}

# page_examples TOOL: the examples at the end of its page; behind `text: ` the commands set off in its text, and those within
# sentences, which may be about records that are not there.
page_examples() {
  local page=$KUTILS_SOURCE_DIR/man/$1.md
  "$1" --help-man examples | sed -n 's/^    //p'
  text_examples "$page" | sed 's/^/text: /'
}
text_examples() {
  local page=$1
  sed -nE 's/^    (k[a-z]+ .*)/\1/p' "$page"
  tr '\n' ' ' <"$page" | grep -oE '\*(k[a-z]+ [^*]*(\\\*[^*]*)*)\*' | sed -E 's/^\*//; s/\*$//; s/\\(.)/\1/g' || true
}

@test "the man pages' examples run as written" {
  # Tools whose examples find what they need in the topics made below; kquery's rows are there at the end. Not run: what is no
  # whole command, and what serves by HTTP until it is ended.
  local tool
  for tool in ktopic kbranch kbroker kcp kexpr kfilter kgen kgroupby klag kmap kread kscan kscore ksort ktable kwait kwindow kpipe kwrite kquery; do
    page_examples "$tool"
  done | grep -vE '\.\.\.|--http|--help|^text: [a-z]+ [a-z]+$' >examples.txt
  [ "$(wc -l <examples.txt)" -gt 40 ]
  cat >run.sh <<'END'
failed=0
# Those that read topics get -e, so that they end; kgen ends after three records, or as many as it says.
run() {
  local example=${1%%  \#*} in=. status
  example=${example#text: }
  local line=$example
  case $example in
    kgen\ *' -c '*) ;;
    kgen\ *'|'*) line=${example/|/-c 3 |} ;;
    kgen\ *) line="$example -c 3" ;;
    kread\ * | kfilter\ * | kmap\ * | kscore\ * | kbranch\ * | kgroupby\ * | kscan\ * | ksort\ * | ktable\ * | kwindow\ * | kpipe\ * | kcp\ *)
      [[ $example == *' -e '* ]] || line=${example/ / -e } ;;
    ktopic\ create*) ktopic delete --execute clicks >rows.txt || return ;;
    kbroker\ --topic*) line="timeout -s INT 1 $example; [ \$? -eq 124 ]" ;;
    klag\ * | kwait\ *) kread -q -e -g billing clicks >rows.txt || return ;;
    kquery\ --at*) line="$example; [ \$? -le 1 ]" ;;  # the windows are closed
  esac
  [[ $example != kcp\ * ]] || in=kcp  # writes a file that others read
  (cd "$in" && timeout 60 bash -o pipefail -c "$line") </dev/null >out.txt 2>err.txt && return
  status=$?
  [[ $1 != text:* ]] || { [ $status -ne 4 ] && ! grep -q 'there is no topic' err.txt; } || return 0
  echo "$line: exit code $status: $(head -n 3 err.txt)"
  failed=1
}
mkdir kcp
kgen -q -c 3 clicks clicks
while IFS= read -r example; do
  [[ $example == *ktopic\ * || -e clicks.ndjson ]] || {
    kgen -q --seed 1 -c 300 --key user clicks clicks
    kgen -q --seed 1 -c 100 taxi rides
    printf '{"id":7,"amount":12.5,"user":{"name":"Ada"},"items":[1,2]}\n' | tee orders.ndjson | kwrite -q orders
    kgen -q --seed 1 -c 9 clicks | tee log.ndjson >clicks.ndjson
    echo '{"at":"2026-03-29T00:30:00Z","amount":3}' >sales.ndjson
    printf 'VendorID,total\n1,2\n' >rides.csv
    echo 'kexpr 1' >pipeline.sh
  }
  run "$example"
done <examples.txt
exit $failed
END
  "$KUTILS_SOURCE_DIR/scripts/kafka" run bash run.sh 3>&-
}
