#!/usr/bin/env bats
# What comments say of ARCHITECTURE.md is there.

@test "comments name rules of ARCHITECTURE.md, and each rule stands there once" {
  cd "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}"
  if grep -rnE '(protocol|semantics|topology|floors)\.md' libcommon tools man tests --include='*.h' --include='*.cc' --include='*.md'; then return 1; fi
  sed -nE 's/^\| ([0-9]+[ab]?(, [0-9]+[ab]?)*) \| .*/\1/p' ARCHITECTURE.md | tr -d ' ' | tr , '\n' | sort >"$BATS_TEST_TMPDIR/rules"
  [ -z "$(uniq -d "$BATS_TEST_TMPDIR/rules")" ]
  local rule looked=0
  for rule in $(grep -rhoE '\(rules? [0-9]+[ab]?' libcommon | grep -oE '[0-9]+[ab]?' | sort -u); do
    grep -qxF "$rule" "$BATS_TEST_TMPDIR/rules" || { echo "no rule $rule in ARCHITECTURE.md"; return 1; }
    looked=$((looked + 1))
  done
  [ "$looked" -ge 10 ]
}
