# shellcheck shell=bash
# What the tests of kjoin share, besides kafka.bash: rows in, and what is in a topic.
. "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"

# rows TOPIC KEY:JSON...: records; an empty value is a tombstone.
rows() {
  local one topic=$1
  shift
  for one in "$@"; do printf '%s\t%s\n' "${one%%:*}" "${one#*:}"; done | produce "$topic" -Z -K "$(printf '\t')"
}
# What is in a topic, by key; values that are null as -.
all() { consume "$1" -J | jq -r '"\(.key)=\(.payload // "-")"' | sort -s -t = -k 1,1; }
