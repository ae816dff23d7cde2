#!/usr/bin/env bats
# What `cmake --install` makes: small programs over one library, and a second one, with RocksDB, that is loaded where state lies on disk.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  shell_setup
  unset KUTILS_BROKERS
  cmake --install "$KUTILS_BUILD_DIR" --prefix "$PWD/first" >install.log
  mv first root # an installation can be moved
  PATH=$PWD/root/bin:$PATH
  libraries=$(dirname "$(find "$PWD/root" -name libkutils.so)")
}
teardown() { kafka_teardown; }

sanitized() { ! grep -q '^KUTILS_SANITIZE:STRING=$' "$KUTILS_BUILD_DIR/CMakeCache.txt"; }

@test "each tool runs from wherever it was moved to, over the library that lies there, and without RocksDB" {
  local tool
  while read -r tool; do
    [ "$(command -v "$tool")" = "$PWD/root/bin/$tool" ]
    "$tool" --help >help.out
    ldd "root/bin/$tool" >ldd.out
    [ "$(realpath "$(awk '$1 == "libkutils.so" {print $3}' ldd.out)")" = "$(realpath "$libraries/libkutils.so")" ]
    if grep rocksdb ldd.out; then return 1; fi
  done <"$KUTILS_BUILD_DIR/tools.list"
}

@test "all programs and libraries take less than 12 MB without their symbols" {
  # The bound is that of the code that is shipped: instrumented code is several times as large.
  if sanitized; then skip "an instrumented build is not what is installed"; fi
  strip root/bin/* "$libraries"/*
  local bytes
  bytes=$(cat root/bin/* "$libraries"/* | wc -c)
  echo "$bytes bytes"
  [ "$bytes" -lt 12000000 ]
}

@test "state on disk needs the library with RocksDB; where it is missing that is said, and the rest goes on" {
  cat >inside.sh <<'S'
set -euo pipefail
kgen --seed 3 -c 400 clicks clicks
ktable -e --by uri 'n=count()' clicks totals
kfilter -e 'n > 10' table:totals many
kquery totals /search >query.out
kread -e many >many.out
S
  kbroker bash inside.sh 3>&-
  [ -s many.out ] && [ -s query.out ]

  rm "$libraries/libkutils_rocksdb.so"
  cat >inside.sh <<'S'
set -euo pipefail
kgen --seed 3 -c 400 clicks clicks
kfilter -e 'number >= 50' clicks large
kread -e large >large.out
ktable --by uri 'n=count()' - <large.out >lines.out
for command in "ktable --by uri n=count() clicks totals" "kfilter number>50 table:clicks rows"; do
  code=0
  $command >/dev/null 2>err || code=$?
  echo "$code $(cat err)" >>codes
done
S
  kbroker bash inside.sh 3>&-
  [ -s large.out ] && [ -s lines.out ]
  [ "$(grep -c '^2 k[a-z]*: cannot load the library that keeps state on disk: .*/libkutils_rocksdb.so: cannot open shared object file' codes)" -eq 2 ]
  [ "$(grep -c 'install kutils whole' codes)" -eq 2 ]
}

# stamped FILE STAMP: another build's name instead of ours.
stamped() {
  LC_ALL=C sed -i "s/$2/${2%????????}@@@@@@@@/g" "$1"
  LC_ALL=C grep -qF '@@@@@@@@' "$1"
}

@test "programs and libraries of two builds say so in one line, with exit code 2, before they meet" {
  local stamp tool code
  stamp=$(LC_ALL=C grep -aoE '[0-9]+\.[0-9]+\.[0-9]+-[0-9a-f]{12}' root/bin/kfilter | head -n 1)
  [ -n "$stamp" ]
  cp "$libraries/libkutils_rocksdb.so" ours
  stamped "$libraries/libkutils_rocksdb.so" "$stamp"
  cat >inside.sh <<'S'
kgen --seed 3 -c 10 clicks clicks
code=0
ktable --by uri 'n=count()' clicks totals >/dev/null 2>err || code=$?
echo "$code $(cat err)" >code
S
  kbroker bash inside.sh 3>&-
  grep -qE '^2 ktable: .*libkutils_rocksdb\.so is of another build \(.*@@@@@@@@\) than libkutils\.so' code
  mv ours "$libraries/libkutils_rocksdb.so"

  stamped "$libraries/libkutils.so" "$stamp"
  while read -r tool; do
    code=0
    "$tool" --help >out 2>err || code=$?
    [ "$code" -eq 2 ]
    [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ]
    grep -q "^$tool: .*libkutils\.so is of another build (.*@@@@@@@@) than this program ($stamp): install kutils whole" err
  done <"$KUTILS_BUILD_DIR/tools.list"
}
