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

# text_examples PAGE: the commands set off in its text, and those within sentences, also behind a pipe. What a line begins with
# in `` is a message.
text_examples() {
  local tools
  tools="($(paste -sd '|' "$KUTILS_BUILD_DIR/tools.list"))"
  { tr '\n' ' ' <"$1" | grep -oE "\*(printf|echo|cat|zcat) [^*]*\| $tools [^*]*(\\\\\*[^*]*)*\*" | sed -E 's/^\*//; s/\*$//; s/\\([^a-z0-9])/\1/g'; } || true
  sed -nE "s/^    (($tools|curl) .*)/\1/p" "$1"
  awk -v tool="^$tools " '/^```/ {inside = !inside} inside && $0 ~ tool' "$1"
  { tr '\n' ' ' <"$1" | grep -oE "\*$tools [^*]*(\\\\\*[^*]*)*\*" | sed -E 's/^\*//; s/\*$//; s/\\(.)/\1/g'; } || true
  { grep -v '^`' "$1" | tr '\n' ' ' | grep -oE "\`$tools [^\`]*\`" | tr -d '`'; } || true
}

@test "the examples of all man pages and of README run as written" {
  local tool page
  # Run elsewhere: the tutorial and the pages of formats (above), kutils-kcat(7) (looking.bats), functions (test_expr), and
  # README's tour (examples.bats).
  {
    for tool in $(cat "$KUTILS_BUILD_DIR/tools.list"); do
      "$tool" --help-man examples | sed -n 's/^    //p'
      text_examples "$KUTILS_SOURCE_DIR/man/$tool.md"
    done
    for page in kutils-{options,security,expr,state} fragments/{endpoints,exit,expressions,files,null}; do
      text_examples "$KUTILS_SOURCE_DIR/man/$page.md"
    done
    awk '/^```/ {inside = !inside} inside && /^k/' "$KUTILS_SOURCE_DIR/man/kutils.md"
    sed -nE 's/^\| `k[a-z]+` \| [^|]* \| `(.*)` \|$/\1/p; s/^    (k[a-z]+ .*)/\1/p' "$KUTILS_SOURCE_DIR/README.md"
    awk '/^```sh$/ {inside = 1; next} /^```/ {inside = 0} inside && /^(k|curl)/' "$KUTILS_SOURCE_DIR/README.md"
  } >all.txt
  # Left out: what is no whole command (`kread -o`, `koffset show GROUP`, `kmap '| CMD'`).
  grep -vE '\.\.\.|^k[a-z]+ --?[a-z-]+$|^(koffset reset|kdedup _key|klag --max-age 5m -q)$|\b(GROUP|OLD|STEP|EXPR|TOPIC|IN|OUT|CMD)\b| G$' all.txt |
    awk '!seen[$0]++' >examples.txt
  [ "$(wc -l <examples.txt)" -gt 140 ]
  "$KUTILS_SOURCE_DIR/scripts/kafka" run bash "$KUTILS_SOURCE_DIR/tests/support/page_examples.bash" examples.txt 3>&-
}
