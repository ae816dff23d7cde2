#!/usr/bin/env bats
# The Debian packages on a machine that has nothing else: what they depend on is all that the tools need.

@test "the packages install on a new root of this release, the tools run there, and a purge leaves nothing" {
  : "${KUTILS_SOURCE_DIR:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${KUTILS_BUILD_DIR:=$KUTILS_SOURCE_DIR/build}"
  [ "$(id -u)" -eq 0 ] || skip "only root can make a root"
  for program in cpack dpkg-shlibdeps; do command -v $program >/dev/null || skip "$program is not installed"; done
  if grep -qE '^KUTILS_SANITIZE:STRING=.' "$KUTILS_BUILD_DIR/CMakeCache.txt"; then skip "packages are of ordinary builds"; fi
  cd "$BATS_TEST_TMPDIR"
  (cd "$KUTILS_BUILD_DIR" && cpack -B "$BATS_TEST_TMPDIR/packages") >cpack.out 2>&1 || { tail -20 cpack.out; return 1; }
  local suite code=0
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  TMPDIR=$BATS_TEST_TMPDIR "$KUTILS_SOURCE_DIR/scripts/clean-root" "$suite" packages/*.deb >out 2>&1 || code=$?
  cat out
  [ "$code" -ne 3 ] || skip "no root of $suite could be made: $(tail -n 1 out)"
  [ "$code" -eq 0 ]
  grep -q "$suite: installed, run, purged" out
}
