#!/usr/bin/env bats
# The commonest mistakes of people who come from kcat, jq, SQL and Kafka's scripts, ten of each. Each is refused before
# anything is read or written, and what its hint says to write, pasted as it stands, does what was meant.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
  new_topic src 2
  kgen -q --seed 1 -c 60 --key user clicks "$src"
  kread -q -e "$src" >rows
  export src out=$src-out group=$src-group
}
teardown() { kafka_teardown; }

# meant WANT COMMAND...: COMMAND is refused (2); its hint, a whole command or what stands in the place of COMMAND's last
# operand but one, is pasted into a shell, ends with 0 and prints WANT, in any order.
meant() {
  local code=0 hint command=("${@:2}")
  "${@:2}" </dev/null >out.txt 2>err.txt || code=$?
  [ "$code" -eq 2 ] && [ ! -s out.txt ] || { echo "${*:2}: exit code $code: $(cat out.txt err.txt)"; return 1; }
  hint=$(tail -n 1 err.txt | sed -nE 's/^.*: (k[a-z]+ .*)$/\1/p')
  if [ -z "$hint" ]; then
    command[-2]=$(tail -n 1 err.txt | sed -nE 's/^.*[a-zA-Z^&|=!] ?: //p')
    [ -n "${command[-2]}" ] || { echo "${*:2}: no hint: $(cat err.txt)"; return 1; }
    hint=$(printf '%q ' "${command[@]}")
  fi
  timeout 60 bash -c "$hint" <"${input:-/dev/null}" >pasted.txt 2>pasted.err || { echo "${*:2}: $hint: exit code $?: $(cat pasted.err)"; return 1; }
  [ "$(sort pasted.txt)" = "$(sort <<<"$1")" ] || { echo "${*:2}: $hint:"; diff <(sort pasted.txt) <(sort <<<"$1") | head -n 5; return 1; }
}

chosen() { jq -c "$@" rows; }

@test "ten of kcat" {
  local all keyed
  all=$(cat rows)
  keyed=$(kread -q -e -f '%k:%s\n' "$src")
  meant "$all" kread -t "$src" -e
  meant "$all" kread -C -t "$src" -o beginning -e -q
  meant "$(kread -q -c 3 -p 0 "$src")" kread -C -t "$src" -p 0 -c 3
  meant "$keyed" kread -t "$src" -e -K : -u
  meant "$all" kread -G "$group" -e "$src"
  meant "$(kread -q -e -J "$src")" kread -C -t "$src" -J -e
  meant "$(ktopic list "$src")" kread -L -t "$src"
  echo 'k:{"n":1}' >lines
  input=lines meant '' kwrite -P -t "$out" -K :
  [ "$(kread -q -e -f '%k %s\n' "$out")" = 'k {"n":1}' ]
  meant '' kwrite -P -t "$out" -K : -l ./lines
  [ "$(kread -q -e --count "$out")" -eq 2 ]
  meant "$(kread -q -e -o 1 -p 0 -f '%o\n' "$src")" kread -C -t "$src" -p 0 -o 1 -f '%o\n' -e -D x
}

@test "ten of jq" {
  meant "$(chosen 'select(.number > 100)')" kfilter 'select(.number > 100)' ./rows
  meant "$(chosen 'select(.number > 100 and .country == "DE")')" kfilter '.number > 100 and .country == "DE"' ./rows
  meant "$(chosen 'select(.uri | test("^/p"))')" kfilter '.uri | test("^/p")' ./rows
  meant "$(chosen 'select(.email != null)')" kfilter 'has("email")' ./rows
  meant "$(chosen '{uri, n: .number}')" kmap '{uri, n: .number}' ./rows
  meant "$(chosen '{u: (.uri | ascii_upcase)}')" kmap 'u=.uri | ascii_upcase' ./rows
  meant "$(chosen 'del(.email)')" kmap 'del(.email)' ./rows
  meant "$(chosen '. + {x: 1}')" kmap '. + {x: 1}' ./rows
  meant "$(chosen '.country |= ascii_downcase')" kmap '.country |= ascii_downcase' ./rows
  meant "$(jq -c '{x: (.nobody // "none")}' rows)" kmap 'x=.nobody // "none"' ./rows
}

@test "ten of SQL" {
  local by_country
  by_country=$(jq -sc 'group_by(.country)[] | {country: .[0].country, count: length}' rows)
  meant "$(chosen 'select(.country == "DE" and .number != 3)')" \
    kfilter -e "country = 'DE' AND number <> 3" "$src"
  meant "$(chosen 'select(.country == "DE" or .country == "FR")')" kfilter -e "country IN ('DE', 'FR')" "$src"
  meant "$(chosen 'select(.uri | startswith("/p"))')" kfilter -e "uri LIKE '/p%'" "$src"
  meant "$(chosen 'select(.email != null)')" kfilter -e 'email IS NOT NULL' "$src"
  meant "$(chosen 'select(.number >= 10 and .number <= 50)')" kfilter -e 'number BETWEEN 10 AND 50' "$src"
  meant "$(chosen 'select(.number > 100) | {uri}')" kmap -e "SELECT uri FROM $src WHERE number > 100" "$src"
  meant "$(chosen '{page: .uri, c: (.country | ascii_downcase)}')" kmap -e 'uri AS page, lower(country) AS c' "$src"
  meant "$by_country" ktable -e "SELECT country, COUNT(*) FROM $src GROUP BY country" "$src"
  meant "$by_country" ktable -e --by country 'COUNT(*)' "$src"
  meant "$(head -n 5 rows)" kread -e --limit 5 "$src"
}

@test "ten of Kafka's scripts" {
  local server=$KUTILS_BROKERS
  meant "$(cat rows)" kread -e --bootstrap-server "$server" --topic "$src" --from-beginning
  meant "$(kread -q -c 2 -p 1 "$src")" kread --bootstrap-server "$server" --topic "$src" --partition 1 --offset earliest --max-messages 2
  meant "$(kread -q -e -K '\t' "$src")" kread -e --bootstrap-server "$server" --topic "$src" --property print.key=true
  echo 'k:{"n":1}' >lines
  input=lines meant '' kwrite --broker-list "$server" --topic "$out" --property parse.key=true --property key.separator=:
  [ "$(kread -q -e -f '%k %s\n' "$out")" = 'k {"n":1}' ]
  meant "$(ktopic list "$src")" ktopic list --bootstrap-server "$server" --topic "$src"
  meant '' ktopic --bootstrap-server "$server" --create --topic "$src-new" --partitions 3 --replication-factor 1
  [ "$(ktopic list -O json "$src-new" | jq .partitions)" -eq 3 ]
  meant "$(ktopic describe "$src")" ktopic --bootstrap-server "$server" --describe --topic "$src"
  kfilter -q -e -g "$group" true "$src" "$out"
  meant "$(koffset show "$group")" koffset --bootstrap-server "$server" --describe --group "$group"
  meant "$(koffset reset -o beginning "$group")" koffset --bootstrap-server "$server" --reset-offsets --group "$group" --to-earliest --all-topics --dry-run
  meant "$(klag "$group")" klag --bootstrap-server "$server" --group "$group"
}
