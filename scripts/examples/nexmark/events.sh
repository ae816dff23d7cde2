#!/usr/bin/env bash
# The events of the Nexmark benchmark in three topics of four partitions: person and auction, keyed by id, bid, keyed by auction.
#
#   eval "$(scripts/kafka start)"; scripts/examples/nexmark/events.sh [EVENTS [KGEN-OPTION...]]; scripts/examples/nexmark/q5.sh
#
# EVENTS are 100000 unless given, 100 a second of their own time, so that windows of 10 seconds have something to tell apart. The
# queries allow for events that are 5 seconds late: events.sh 100000 --out-of-order 400.
. "${0%/*}/topics"
n=${1:-100000}
ktopic create --partitions 4 --config cleanup.policy=compact "${p}person" >/dev/null
ktopic create --partitions 4 --config cleanup.policy=compact "${p}auction" >/dev/null
ktopic create --partitions 4 "${p}bid" >/dev/null
# kgen refuses an option of one value that is given twice.
case " ${*:2} " in *' --event-rate'*) rate=() ;; *) rate=(--event-rate 100) ;; esac
events() { kgen -q --seed 7 "${rate[@]}" -c "$1" --key "$2" "${@:5}" "nexmark:$3" "$4"; }
events $((n / 50)) id person "${p}person" "${@:2}"
events $((n * 3 / 50)) id auction "${p}auction" "${@:2}"
events $((n * 46 / 50)) auction bid "${p}bid" "${@:2}"
