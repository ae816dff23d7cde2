#!/usr/bin/env bats
# A machine that has been built on for long has more than scripts/packages would bring to one that has nothing.

@test "each library that CMake looks for by pkg-config is one that scripts/packages installs" {
  command -v dpkg-query >/dev/null || skip "not a Debian machine"
  cd "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}"
  local module package looked=0
  for module in $(grep -rhoE --include=CMakeLists.txt 'pkg_check_modules\(.*\)' CMakeLists.txt libcommon tools tests | sed -E 's/.* ([^ ]+)\)/\1/' | sort -u); do
    package=$(dpkg-query -S "$(pkg-config --variable=pcfiledir "$module")/$module.pc" | cut -d: -f1)
    scripts/packages --list build test | grep -qxF "$package" || { echo "$module is of $package"; return 1; }
    looked=$((looked + 1))
  done
  [ "$looked" -ge 4 ]
}
