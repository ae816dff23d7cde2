#!/usr/bin/env bash
# Music charts: the five songs of each genre that were played most, per hour. Plays name a song; its genre stands in a file.
#
#   eval "$(scripts/kafka start)"; scripts/examples/songs.sh
# shellcheck disable=SC1010 # kpipe's word
set -euo pipefail
PATH=$(cd "$(dirname "$0")/../.." && pwd)/build/bin:$PATH
p=${TOPIC_PREFIX:-songs-$$}
: "${KUTILS_BROKERS:?start a broker first: eval \"\$(scripts/kafka start)\"}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A play every 5 s for two hours, of 60 songs, some far more often than others; 20 songs of each of three genres.
kgen --seed 5 -c 1440 --partitions 3 --time '1767225600000 + n * 5000' \
  'n=_offset, song=cel.bind(r, random(), "s" + string(int(60.0 * r * r)))' "$p.plays"
kgen -q -c 60 -O csv 'id="s" + string(_offset), genre=["rock", "jazz", "folk"][_offset % 3]' >"$dir/songs.csv"

echo "--- plays with their genre, counted per song and hour; then the charts"
kpipe -e kjoin --on song=id --select 'left.song, right.genre' "table:$dir/songs.csv" then \
  kwindow -w 1h --close-at-end --by genre,song --emit close 'plays=count()' -- "$p.plays" "$p.counts"
ktable -e --by 'genre, hour=window_start' 'songs=top(song, 5, plays), plays=top(plays, 5)' "$p.counts" "$p.charts"
kread -e --latest-per-key "$p.charts" | tee "$dir/charts"

# --- is it right? --- (of songs that were played as often, any may stand first)
check() { # check WHAT FILE FILE
  if [ -s "$2" ] && cmp -s "$2" "$3"; then echo "ok: $1"; else echo "WRONG: $1" >&2; diff "$2" "$3" | head -n 5 >&2; exit 1; fi
}
kread -e "$p.plays" | jq -cs 'group_by([(.n / 720 | floor), (.song[1:] | tonumber) % 3])[] |
  [(.[0].n / 720 | floor), ["rock", "jazz", "folk"][.[0].song[1:] | tonumber % 3], (group_by(.song) | map(length) | sort | reverse | .[:5])]' | sort >"$dir/want"
jq -c '[(.hour[11:13] | tonumber), .genre, .plays]' "$dir/charts" | sort >"$dir/got"
check "the five largest counts of each genre and hour" "$dir/want" "$dir/got"
kread -e "$p.plays" | jq -r '"\(.n / 720 | floor) \(.song)"' | sort | uniq -c | awk '{ print $2, $3, $1 }' | sort >"$dir/counts"
jq -r '(.hour[11:13] | tonumber) as $h | [.songs, .plays] | transpose[] | "\($h) \(.[0]) \(.[1])"' "$dir/charts" | sort >"$dir/rows"
comm -12 "$dir/counts" "$dir/rows" >"$dir/known"
check "each song has the count that stands beside it" "$dir/known" "$dir/rows"
