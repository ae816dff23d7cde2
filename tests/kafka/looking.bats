#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# kread's choices on a real broker, and kutils-kcat(7): each line of its table runs, here as kcat or Kafka's scripts
# would be called.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

@test "kread --grep, --key-is, --latest-per-key; times without @" {
  new_topic t 8
  for i in $(seq 40); do echo "k$((i % 5)):{\"n\":$i,\"w\":\"Wörd$i\"}"; done | produce "$t" -K :
  printf 'k9:\xff\xfe bin\n' | produce "$t" -K :
  same <(consume "$t" | grep -a 'd1[0-9]"' | sort) <(kread -q -e --grep 'd1[0-9]"' "$t" | sort)
  same <(consume "$t" | grep -ai 'WÖRD7\|wörd7' | sort) <(kread -q -e --grep '(?i)w\xc3\xb6rd7' "$t" | sort)
  [ "$(kread -q -e --grep 'bin$' "$t" | wc -l)" -eq 1 ]
  same <(consume "$t" -f '%k %s\n' | sed -n 's/^k3 //p') <(kread -q -e --key-is k3 "$t")
  same <(consume "$t" -f '%k %s\n' | grep '^k3 .*"n":[12]' | cut -d' ' -f2) <(kread -q -e --key-is k3 --grep '"n":[12]' "$t")
  # Only that partition is read: one more record of the key elsewhere is not seen, and with -p it is.
  local home
  home=$(consume "$t" -f '%k %p\n' | sed -n 's/^k3 //p' | sort -u)
  echo 'k3:{"n":1000}' | kcat -P -q -b "$KUTILS_BROKERS" -t "$t" -p $(((home + 1) % 8)) -K :
  [ "$(kread -q -e --key-is k3 "$t" | wc -l)" -eq 8 ]
  [ "$(kread -q -e --key-is k3 -p 0-7 "$t" | wc -l)" -eq 9 ]
  kread -e --key-is nobody "$t" 2>err
  grep -qE 'no record of the key in partition [0-7], where murmur2 puts it.*-p 0-7' err
  same <(consume "$t" -f '%k %s\n' | sed -n 's/^k1 //p' | tail -1) <(kread -q -e --key-is k1 --latest-per-key "$t")
  # Of the last values those that match.
  same <(kread -q -e "table:$t" | grep -a 'd3[0-9]' | sort) <(kread -q -e --latest-per-key --grep 'd3[0-9]' "$t" | sort)
  [ "$(kread -q -e --latest-per-key "$t" | wc -l)" -eq 6 ]
  [ "$(kread -q -e --latest-per-key --where 'n < 38' "$t" | wc -l)" -eq 2 ]  # 36, 37; k3's is 1000 or 38
  refused_with 2 kread --latest-per-key "$t"; says "needs an end" "kread table:$t"
  refused_with 2 kread --grep '(' "$t"; says "--grep (" "missing"
  kread -q -o -2h: -e "$t" | sort >recent
  same <(consume "$t" | sort) recent
  [ -z "$(kread -q -o -2h:+1h "$t")" ]
}
