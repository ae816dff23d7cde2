#!/usr/bin/env bash
# Data that every Debian machine has: what dpkg did (/var/log/dpkg.log; where that is missing, what is installed).
# The same question twice: in plain Unix pipes without any broker, and through topics.
#
#   scripts/examples/packages.sh                                     # pipes only
#   eval "$(scripts/kafka start)"; scripts/examples/packages.sh      # and topics
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-packages-$$}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

log=${DPKG_LOG:-/var/log/dpkg.log}
if [ ! -s "$log" ] || ! grep -q ' install ' "$log"; then
  # The same shape from the list of installed packages, all on the same day.
  log=$dir/dpkg.log
  awk '/^Package: /{p = $2} /^Architecture: /{a = $2} /^Version: /{print "1970-01-01 00:00:00 install " p ":" a " <none> " $2}' \
    /var/lib/dpkg/status >"$log"
fi

line='re:^(?P<day>\S+) (?P<time>\S+) (?P<action>\S+) (?P<what>.*)$'

echo "--- in pipes: the first installs, with package and architecture apart"
kfilter -I "$line" 'action == "install"' "$log" |
  kmap 'day, name=what.split(":")[0], arch=what.split(":")[1].split(" ")[0]' >"$dir/piped"
head -n 3 "$dir/piped"

want=$(awk '$3 == "install"' "$log" | wc -l)
got=$(wc -l <"$dir/piped")
[ "$want" -eq "$got" ] || { echo "WRONG: $want installs in the log, $got in the pipe" >&2; exit 1; }
echo "ok: $got installs"

if [ -z "${KUTILS_BROKERS:-}" ]; then
  echo "(no \$KUTILS_BROKERS: the same through topics is left out)"
  exit
fi

echo "--- through topics: filter, reshape, re-key by name"
kwrite -q -I "$line" "$log" "$p.log"
kfilter -q -e 'action == "install"' "$p.log" "$p.installs"
kmap -q -e 'day, name=what.split(":")[0], arch=what.split(":")[1].split(" ")[0]' "$p.installs" "$p.short"
kgroupby -q -e name "$p.short" "$p.by_name"
kread -q -e -c 3 -K ' -> ' "$p.by_name"
kread -q -e "$p.by_name" | sort >"$dir/through"
sort "$dir/piped" | cmp - "$dir/through" || { echo "WRONG: pipes and topics differ" >&2; exit 1; }
echo "ok: pipes and topics say the same"
