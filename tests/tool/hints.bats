#!/usr/bin/env bats
# What people type first who come from kcat, jq, SQL and Kafka's scripts: each is answered by a hint, and the hint works.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; }
teardown() { kafka_teardown; }

# hint COMMAND...: runs it, which must be refused (2, nothing on stdout) or stop at a record (4); puts into $hint what there
# is to paste: what follows `write:` or another word with a colon at the end of the hint's line.
hint() {
  local code=0
  "$@" >out.txt 2>err.txt </dev/null || code=$?
  [[ $code -eq 2 || $code -eq 4 ]] || { echo "exit code $code: $(cat err.txt)"; return 1; }
  [ ! -s out.txt ]
  hint=$(tail -n 1 err.txt | sed -nE 's/^.*[a-zA-Z^&|=!] ?: //p')
  [ -n "$hint" ] || { echo "no hint: $(cat err.txt)"; return 1; }
}

rows() { kgen --seed 1 -c 200 clicks >in.ndjson; }

# spelling TOOL THEIRS JQ-FILTER: TOOL refuses THEIRS; with what it says instead, its rows are those of jq.
spelling() {
  hint "$1" "$2" ./in.ndjson || return 1
  "$1" "$hint" ./in.ndjson >got || { echo "$2: the hint fails: $hint"; return 1; }
  jq -c "$3" in.ndjson >want
  [ -s want ]
  cmp -s got want || { echo "$2: $hint"; diff got want | head -n 5; return 1; }
}

@test "SQL's conditions" {
  rows
  spelling kfilter 'country = "DE" and number > 100' 'select(.country == "DE" and .number > 100)'
  spelling kfilter 'country in ("DE", "FR")' 'select(.country == "DE" or .country == "FR")'
  spelling kfilter 'country not in ("DE", "FR") or number = 0' 'select((.country != "DE" and .country != "FR") or .number == 0)'
  spelling kfilter 'uri like "/p%"' 'select(.uri | startswith("/p"))'
  spelling kfilter "uri not like '%r%'" 'select(.uri | contains("r") | not)'
  spelling kfilter 'email is not null and number <> 4' 'select(.email != null and .number != 4)'
  spelling kfilter 'not number > 100' 'select(.number > 100 | not)'
  spelling kfilter 'number between 10 and 20' 'select(.number >= 10 and .number <= 20)'
  # A field that no row has is null in SQL.
  spelling kfilter 'nobody is null and number > 100' 'select(.number > 100)'
  # Brackets where the parts of a call would bind otherwise.
  spelling kmap 'r=lower(concat(country, uri))' '{r: (.country + .uri | ascii_downcase)}'
  spelling kmap 'r=if(number > 100, "a", "b") + uri' '{r: ((if .number > 100 then "a" else "b" end) + .uri)}'
  spelling kfilter 'number not between 10 and 20' 'select(.number < 10 or .number > 20)'
  # An operator takes part of what stands beside it: no hint rather than a wrong one.
  run kfilter 'number + 1 between 1 and 3' ./in.ndjson
  [ "$status" -eq 2 ]
  [[ $output != *"&&"* ]]
}

@test "functions of jq, SQL, Python and JavaScript" {
  rows
  spelling kfilter 'len(uri) > 6' 'select(.uri | length > 6)'
  spelling kfilter 'lower(country) == "de"' 'select(.country == "DE")'
  spelling kfilter 'country.toLowerCase() === "de"' 'select(.country == "DE")'
  spelling kfilter 'uri =~ "^/p"' 'select(.uri | test("^/p"))'
  spelling kfilter 'uri !~ /r.*c/' 'select(.uri | test("r.*c") | not)'
  spelling kfilter 'select(.number > 100)' 'select(.number > 100)'
  spelling kfilter 'has("email") and number > 100' 'select(has("email") and .number > 100)'
  spelling kfilter '!has("first name") && number > 3' 'select((has("first name") | not) and .number > 3)'
  spelling kmap 'uri, s=startswith(uri, "/p")' '{uri, s: (.uri | startswith("/p"))}'
}

@test "words between operands, powers, arrows and other languages' libraries" {
  rows
  spelling kfilter 'uri contains "r"' 'select(.uri | contains("r"))'
  spelling kfilter 'uri includes "r" and number gt 50' 'select((.uri | contains("r")) and .number > 50)'
  spelling kfilter 'uri.includes("r")' 'select(.uri | contains("r"))'
  spelling kfilter 'uri matches "^/p"' 'select(.uri | test("^/p"))'
  spelling kfilter 'uri starts with "/p"' 'select(.uri | startswith("/p"))'
  spelling kfilter 'uri ends with "h"' 'select(.uri | endswith("h"))'
  spelling kfilter 'uri startswith "/p"' 'select(.uri | startswith("/p"))'
  spelling kfilter 'number eq 4 or number ne 6' 'select(.number == 4 or .number != 6)'
  spelling kfilter 'number -gt 50' 'select(.number > 50)'
  spelling kmap 'q=number^2, c=number ** 3' '{q: (.number * .number), c: (.number * .number * .number)}'
  spelling kmap 'q=pow(number, 2)' '{q: (.number * .number)}'
  spelling kmap 'm=Math.max(number, 100), n=math.min(number, 100)' '{m: ([.number, 100] | max), n: ([.number, 100] | min)}'
  spelling kmap 'r=int(Math.round(ms))' '{r: (.ms | round)}'
  spelling kmap 'l=strlen(uri)' '{l: (.uri | length)}'
  spelling kmap 'g=gsub(uri, "r", "R")' '{g: (.uri | gsub("r"; "R"))}'
  spelling kmap 'g=gsub("r", "R", uri)' '{g: (.uri | gsub("r"; "R"))}'
  spelling kmap 'l=[1, 2].map(x => x + number)' '{l: [1 + .number, 2 + .number]}'
  spelling kmap 'total=number + 1 as x' '{x: (.number + 1)}'
  spelling kmap 'n=nobody // 1' '{n: 1}'
  hint kmap 'r=rand()' ./in.ndjson
  [ "$hint" = 'r=random()' ]
}

@test "_ts beside times as others write them" {
  printf '{"topic":"t","partition":0,"offset":0,"ts":%s000,"headers":[],"key":null,"payload":"{}"}\n' "$(($(date +%s) - 60))" >in.ndjson
  local theirs
  for theirs in '_ts > now() - 1h' '_ts > now() - duration("1h")' 'now() > _ts' '_ts > "2024-05-01"' '_ts >= "2024-05-01 12:30"' \
    '_ts > timestamp("2024-01-01T00:00:00Z")' '_ts > timestamp("2024")'; do
    hint kfilter -I envelope "$theirs" ./in.ndjson || return 1
    [ "$(kfilter -I envelope "$hint" ./in.ndjson | wc -l)" -eq 1 ] || { echo "$theirs: the hint fails: $hint"; return 1; }
  done
}

@test "a method that is called wrongly is not suggested for itself; aggregates where records come one at a time" {
  rows
  run kmap 'l=[1].map(x, 1, 2, 3)' ./in.ndjson
  [ "$status" -eq 2 ]
  [[ $output == *"'map' does not take these arguments"*"[1, 2].map(x, x + 1)"* ]]
  [[ $output != *"did you mean 'map'"* ]]
  hint kmap 'count(*)' ./in.ndjson
  [ "$hint" = "ktable --total 'count()' ./in.ndjson" ]
  hint kmap 'n=count()' ./in.ndjson
  [ "$hint" = "ktable --total 'count()' ./in.ndjson" ]
  [ "$(eval "$hint")" = '{"count":200}' ]
  hint kmap 'group_by(.country)' ./in.ndjson
  [ "$hint" = "ktable --by country 'count()' ./in.ndjson" ]
  [ "$(eval "$hint" | jq -s 'map(.count) | add')" -eq 200 ]
  hint ktable --by uri 'count() having count > 3' ./in.ndjson
  [ "$hint" = "ktable --by uri --having 'count > 3' 'count()' ./in.ndjson" ]
  [ "$(eval "$hint" | wc -l)" -gt 0 ]
  hint kmap '*, p=lag(uri)' ./in.ndjson
  [ "$hint" = "kscan --total '*, previous=lag(uri)' ./in.ndjson" ]
  [ "$(eval "$hint" | wc -l)" -eq 200 ]
  [ "$(kscan --by user '*, previous=lag(uri)' ./in.ndjson | wc -l)" -eq 200 ]
  hint kfilter 'country == $1' ./in.ndjson
  [ "$hint" = '_arg.NAME' ]
  hint kmap 's=sum(number)' ./in.ndjson
  [ "$hint" = "ktable --total 'sum(number)' ./in.ndjson" ]
  [ "$(eval "$hint" | jq .sum_number)" = "$(jq -s 'map(.number) | add' in.ndjson)" ]
  grep -q 'of a list it is x.sum()' err.txt
}

@test "the same error is shown once, however many records have it" {
  rows
  run kfilter --on-error skip 'numbr == 1' ./in.ndjson
  [ "$(grep -c "no field 'numbr'" <<<"$output")" -eq 1 ]
  [[ $output == *"did you mean 'number'"* ]]
  run kmap --on-error skip 'd=uri[0]' ./in.ndjson
  [ "$(grep -c 'string has no fields' <<<"$output")" -eq 1 ]
}

@test "SQL's lists" {
  rows
  spelling kmap 'uri as page, number * 2 as twice' '{page: .uri, twice: (.number * 2)}'
  hint ktable --by country 'count(*), median(ms) as mid' ./in.ndjson
  [ "$(ktable --by country "$hint" ./in.ndjson | jq -s 'map(.count) | add')" -eq 200 ]
  hint ktable 'sum()' ./in.ndjson
  [ "$(ktable "${hint/amount/number}" ./in.ndjson)" = "{\"total\":$(jq -s 'map(.number) | add' in.ndjson)}" ]
}

@test "SQL's CASE, CAST and EXCEPT, conditions of aggregates, capitals" {
  rows
  spelling kmap '* EXCEPT (email, user)' 'del(.email, .user)'
  spelling kmap 'SELECT country, uri FROM clicks' '{country, uri}'
  spelling kmap 'r=case when number > 100 then "a" when number > 50 then "b" else "c" end' \
    '{r: (if .number > 100 then "a" elif .number > 50 then "b" else "c" end)}'
  spelling kmap 'cast(ms as int) as m, number::string as n' '{m: (.ms | trunc), n: (.number | tostring)}'
  spelling kmap 's=substring(uri, 2, 3)' '{s: .uri[1:4]}'
  spelling kmap 'm=max(number, 100), n=MIN(number, 100)' '{m: ([.number, 100] | max), n: ([.number, 100] | min)}'
  spelling kmap 'e=NVL(email, "x")' '{e: .email}'
  spelling kfilter "uri ilike '/P%'" 'select(.uri | startswith("/p"))'
  spelling kfilter 'uri rlike "^/p"' 'select(.uri | startswith("/p"))'
  spelling kfilter 'isnull(nobody) AND number > 100' 'select(.number > 100)'
  spelling kfilter 'number => 100 & country == "DE"' 'select(.number >= 100 and .country == "DE")'
  for theirs in 'COUNT(*) as n' 'count() where number > 100' 'count() FILTER (WHERE number > 100)' 'count_if(number > 100)' \
    'count(number > 100)' 'SUM(number)' 'total(number)' 'quantile(number, 0.5)' 'count' \
    'count(uri)' 'count(has(uri))'; do
    hint ktable --total "$theirs" ./in.ndjson || return 1
    ktable --total "$hint" ./in.ndjson >>aggregates || { echo "$theirs: $hint"; return 1; }
  done
  [ "$(jq -c 'map(.[]) | del(.[7])' -s aggregates)" = "$(jq -sc '(map(select(.number > 100)) | length) as $c | (map(.number) | add) as $s |
    [length, $c, $c, $c, $c, $s, $s, length, length, length]' in.ndjson)" ] ||
    { cat aggregates; return 1; }
}

@test "Python's and JavaScript's conditionals, slices and defaults; jq's objects" {
  rows
  spelling kmap 'r="a" if number > 100 else "b"' '{r: (if .number > 100 then "a" else "b" end)}'
  spelling kmap 's=uri[0:2], t=uri[1:]' '{s: .uri[0:2], t: .uri[1:]}'
  spelling kmap 'n=nobody ?? "x"' '{n: "x"}'
  spelling kmap 'n=.nobody // "x", m=.number // 0' '{n: "x", m: .number}'
  spelling kmap 'e=nobody or "x"' '{e: "x"}'
  spelling kmap 'e=nobody // "x"' '{e: "x"}'
  spelling kmap 'e=number // 7' '{e: (.number / 7 | floor)}'
  spelling kmap '{country, page: .uri}' '{country, page: .uri}'
  spelling kmap 's=toString(number), l=uri.concat("x")' '{s: (.number | tostring), l: (.uri + "x")}'
  spelling kmap 's=sprintf("%s-%s", country, uri)' '{s: "\(.country)-\(.uri)"}'
  spelling kfilter '$country == "DE"' 'select(.country == "DE")'
  spelling kfilter 'country in {"DE", "FR"}' 'select(.country == "DE" or .country == "FR")'
  echo '{"@timestamp":"2024-05-01T12:30:00Z","n":1}' >in.ndjson
  spelling kfilter '@timestamp > "2024"' '.'
  spelling kfilter 'n == 1 && @timestamp > "2024"' '.'
  spelling kmap 'y=year(_value["@timestamp"]), m=month(_value["@timestamp"])' '{y: 2024, m: 5}'
  spelling kmap 'd=strftime(_value["@timestamp"], "%H:%M")' '{d: "12:30"}'
  spelling kfilter 'date(_value["@timestamp"]) = "2024-05-01"' '.'
  spelling kfilter 'to_date(_value["@timestamp"]) >= "2024-05-01" && n == 1' '.'
}

# What is advised for an option of others is an option of this tool, or the advice names tools that have it.
@test "options that a tool does not have are not advised" {
  local tool option other said
  for tool in $(cat "$KUTILS_BUILD_DIR/tools.list"); do
    "$tool" --help-all >all.txt
    for other in --size --window -k -H --order-by --follow --timeout-ms -n --head --max-messages --format -s -G --group --csv --property --brokers --to; do
      if grep -qE -- "(^|[ ,])$other([ ,=]|\$)" all.txt; then continue; fi
      run "$tool" "$other"
      [ "$status" -eq 2 ] || { echo "$tool $other: $status"; return 1; }
      said=$(sed -n 2p <<<"$output")
      [[ $said != *'in tools that have it'* ]] || continue
      if grep -qE "\\b(kread|kwrite|ktopic|koffset|klag|ktable|kwindow|kmap|kfilter|$tool)\\b" <<<"$said"; then continue; fi
      for option in $(sed "s/'[^']*'//g; s/; .*//" <<<"$said" | grep -oE '(^| )--?[a-zA-Z-]+'); do
        grep -qE -- "(^|[ ,])$option([ ,=]|\$)" all.txt || { echo "$tool $other: $said"; return 1; }
      done
    done
  done
}

# record_spelling TOOL THEIRS JQ-FILTER: as spelling(), of what only a record shows to be foreign.
record_spelling() {
  local code=0
  "$1" "$2" ./in.ndjson >out.txt 2>err.txt || code=$?
  [ "$code" -eq 4 ] || { echo "$2: exit code $code"; return 1; }
  hint=$(sed -n 's/^  write: //p' err.txt | head -n 1)
  [ -n "$hint" ] || { echo "$2: no hint: $(cat err.txt)"; return 1; }
  "$1" "$hint" ./in.ndjson >got || { echo "$2: the hint fails: $hint"; return 1; }
  jq -c "$3" in.ndjson >want
  cmp -s got want || { echo "$2: $hint"; diff got want | head -n 5; return 1; }
}

@test "constants, metadata and operators of other languages that could be fields" {
  rows
  record_spelling kfilter 'number >= 0 && True' .
  record_spelling kfilter 'email != None' .
  record_spelling kfilter 'email == NULL' 'empty'
  record_spelling kfilter 'uri.length > 6' 'select(.uri | length > 6)'
  record_spelling kfilter 'uri[1] == "p"' 'select(.uri[1:2] == "p")'
  record_spelling kmap 's=uri.slice(0, 2)' '{s: .uri[0:2]}'
  record_spelling kmap 's=country || "-" || uri' '{s: (.country + "-" + .uri)}'
  record_spelling kmap 'o=offset' '{o: (input_line_number - 1)}'
  # In a list the hint is the whole list.
  record_spelling kmap 'country, s=uri[0], n=number' '{country, s: .uri[0:1], n: .number}'
  run kmap 't=current_timestamp, uri' ./in.ndjson
  [[ $output == *"  write: t=now(), uri"* ]]
  run kfilter 'country == DE' ./in.ndjson
  [[ $output == *"text stands in quotes"*'"DE"'* ]]
  run kmap 's=uri + number' ./in.ndjson
  [[ $output == *"string(X) is a number's text"* ]]
  # A field that is there is no foreign word.
  echo '{"offset":5,"True":1}' >in.ndjson
  [ "$(kmap 'o=offset, t=True' ./in.ndjson)" = '{"o":5,"t":1}' ]
}

@test "aggregates: columns beside them, names, functions within; a record's error shows the whole list" {
  rows
  hint ktable --total 'count(), var(ms)' ./in.ndjson
  [ "$hint" = 'count(), variance(ms)' ]
  ktable --total "$hint, stddev(ms)" ./in.ndjson >got
  jq -e '(.variance_ms - .stddev_ms * .stddev_ms | fabs) < 1e-6 and .variance_ms > 0' got
  hint ktable --by country 'n=count(), sum(len(uri))' ./in.ndjson
  [ "$hint" = 'n=count(), NAME=sum(size(uri))' ]
  [ "$(ktable --by country "$hint" ./in.ndjson | jq -s 'map(.NAME) | add')" = "$(jq -s 'map(.uri | length) | add' in.ndjson)" ]
  local theirs
  for theirs in 'country, count()' 'country, count(*)' 'count() group by country'; do
    hint ktable "$theirs" ./in.ndjson
    hint=${hint/% IN/ ./in.ndjson}
    [ "$(eval "$hint" | jq -s 'map(.count) | add')" -eq 200 ] || { echo "$hint"; return 1; }
  done
  # list THEIRS OURS: of what only a record shows to be foreign.
  list() {
    run kwindow -w 1m --time wall --by country "$1" ./in.ndjson
    [[ $output == *"  write: $2"$'\n'* ]] || { echo "$output"; return 1; }
    run ktable --by country "$1" ./in.ndjson
    [[ $status -eq 4 && $output == *"  write: $2"$'\n'* ]] || { echo "$output"; return 1; }
    ktable --by country "$2" ./in.ndjson >got
  }
  list 'n=count(), s=sum(uri.length)' 'n=count(), s=sum(uri.size())'
  list 's=sum(number) if True, n=count()' 's=sum(number) if true, n=count()'
  list 'max(None), n=count(), p=percentile(ms, 99.5)' 'max_None=max(null), n=count(), p=percentile(ms, 99.5)'
}

@test "random integers, truncated times" {
  rows
  hint kmap 'r=randint(1, 6)' ./in.ndjson
  [ "$hint" = 'r=1 + int(random() * 6)' ]
  local theirs
  for theirs in 'r=randint(1, 6)' 'r=random.randint(1, 6)' 'r=randint(2 - 1, 6)' 'r=randint(6) + 1'; do
    hint kmap "$theirs" ./in.ndjson
    [ "$(kmap --seed 1 "$hint" ./in.ndjson | jq -sc 'map(.r) | unique')" = '[1,2,3,4,5,6]' ] || { echo "$theirs: $hint"; return 1; }
  done
  # A Wednesday.
  echo '{"topic":"t","partition":0,"offset":0,"ts":1714566896789,"headers":[],"key":null,"payload":"{\"t\":\"2024-05-01T12:34:56Z\"}"}' >in.ndjson
  local unit want
  for want in second:2024-05-01T12:34:56Z minute:2024-05-01T12:34:00Z hour:2024-05-01T12:00:00Z day:2024-05-01T00:00:00Z \
    week:2024-04-29T00:00:00Z month:2024-05-01T00:00:00Z year:2024-01-01T00:00:00Z; do
    unit=${want%%:*}
    for theirs in _ts t; do
      hint kmap -I envelope "d=date_trunc('$unit', $theirs)" ./in.ndjson
      [ "$(kmap -I envelope "$hint" ./in.ndjson)" = "{\"d\":\"${want#*:}\"}" ] || { echo "$unit: $hint"; return 1; }
    done
  done
}

@test "jq's updates, deletions, conditionals and pipes; SQL's clauses are a command" {
  rows
  spelling kmap 'del(.email, .user)' 'del(.email, .user)'
  spelling kmap '.country |= ascii_downcase' '.country |= ascii_downcase'
  spelling kmap '.number += 2 * 3' '.number += 6'
  spelling kmap '.number = 1' '.number = 1'
  spelling kmap '. + {x: 1, y: .uri}' '. + {x: 1, y: .uri}'
  spelling kfilter '.["number"] > 100' 'select(.number > 100)'
  spelling kmap 'r=if .number > 100 then "a" elif .number > 50 then "b" else "c" end' \
    '{r: (if .number > 100 then "a" elif .number > 50 then "b" else "c" end)}'
  hint kfilter 'select(.country == "DE") | .uri' ./in.ndjson
  [ "$hint" = 'kfilter EXPR ./in.ndjson | kmap LIST' ]
  hint kmap . ./in.ndjson
  [ "$hint" = "kmap '*' ./in.ndjson" ]
  [ "$(eval "$hint")" = "$(cat in.ndjson)" ]
  # command THEIRS JQ-FILTER: the hint is a command, which makes these rows.
  command_hint() {
    hint "$1" "$2" ./in.ndjson || return 1
    eval "${hint/%@(clicks|IN)/./in.ndjson}" >got || { echo "$2: $hint"; return 1; }
    jq -sc "$3" in.ndjson >want
    cmp -s got want || { echo "$2: $hint"; diff got want | head -n 5; return 1; }
  }
  shopt -s extglob
  command_hint kmap "SELECT uri, number FROM clicks WHERE country = 'DE' LIMIT 3" 'map(select(.country == "DE") | {uri, number})[:3][]'
  command_hint kmap 'select * from clicks where number > 190 and len(uri) > 5' 'map(select(.number > 190 and (.uri | length) > 5))[]'
  command_hint kfilter 'number > 190 LIMIT 2' 'map(select(.number > 190))[:2][]'
  hint ktable 'SELECT country, count(*) FROM clicks GROUP BY country HAVING count > 20' ./in.ndjson
  [ "$hint" = "ktable --by country --having 'count > 20' 'count()' clicks" ]
  [ "$(eval "${hint%clicks}./in.ndjson" | jq -s 'map(.count) | max')" = "$(jq -s 'group_by(.country) | map(length) | max' in.ndjson)" ]
}

@test "lists of other languages: names, separators, columns left out; chained comparisons, intervals, the whole record" {
  rows
  spelling kmap 'uri as page, upper(country) as c' '{page: .uri, c: (.country | ascii_upcase)}'
  local theirs
  for theirs in 'uri, upper(country)' 'uri as uri, upper(country)'; do
    hint kmap "$theirs" ./in.ndjson
    [ "$(kmap "$hint" ./in.ndjson | head -n 1 | jq -c '[keys_unsorted[], .NAME]')" = '["uri","NAME","IN"]' ] || { echo "$theirs: $hint"; return 1; }
  done
  spelling kmap '* - email' 'del(.email)'
  spelling kmap 'page: uri, n: number + 1' '{page: .uri, n: (.number + 1)}'
  spelling kmap '*, page := uri' '. + {page: .uri}'
  spelling kmap 'page = uri; n = number' '{page: .uri, n: .number}'
  spelling kmap 'p=$.uri' '{p: .uri}'
  spelling kfilter '10 < number <= 100' 'select(10 < .number and .number <= 100)'
  spelling kfilter 'user is not missing and number > 3' 'select(.number > 3)'
  record_spelling kmap 'p=payload.uri' '{p: .uri}'
  record_spelling kfilter 'row.number > 100' 'select(.number > 100)'
  hint kmap 'rename(uri, page)' ./in.ndjson
  [ "$hint" = "kmap '*, NEW=OLD, -OLD' ./in.ndjson" ]
  hint ktable --total 'sum(number)/count()' ./in.ndjson
  [ "$(ktable --total "$hint" ./in.ndjson | jq -c '[.[]]')" = "$(jq -sc '[(map(.number) | add / length | floor)]' in.ndjson)" ]
  printf '{"topic":"t","partition":0,"offset":0,"ts":%s000,"headers":[],"key":null,"payload":"{}"}\n' "$(($(date +%s) - 60))" >in.ndjson
  for theirs in '_ts > now() - interval 1 hour' "_ts > now() - INTERVAL '2 hours'" 'now() - _ts < 1h'; do
    hint kfilter -I envelope "$theirs" ./in.ndjson || return 1
    [ "$(kfilter -I envelope "$hint" ./in.ndjson | wc -l)" -eq 1 ] || { echo "$theirs: the hint fails: $hint"; return 1; }
  done
}

@test "options of head and grep, names of windows, a partition behind the topic, a file without ./, text, a condition without quotes" {
  rows
  # gives OURS COMMAND...: the command is refused with this hint.
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives 'kread -q -c 15 clicks' kread -q -15 clicks
  gives 'kread --tail 5 clicks' kread --last 5 clicks
  gives 'kread -c 5 clicks' kread --head 5 clicks
  gives "kwindow -w 5m 'count()' clicks" kwindow --tumbling 5m 'count()' clicks
  gives "kwindow -w session:5m 'count()' clicks" kwindow --session 5m 'count()' clicks
  gives "kpipe kfilter 'n > 1' then kmap '*' -- clicks" kmap --where 'n > 1' '*' clicks
  gives "kmap '*, -email' clicks" kmap --drop email clicks
  gives 'kmap uri clicks' kread --fields uri clicks
  gives 'kread -c 5 clicks' kread --count 5 clicks
  gives 'kread -O hex clicks' kread --hexdump clicks
  gives 'kread -e --types clicks' kread --schema clicks
  gives 'kgroupby uri clicks by_uri' kgroupby --by uri clicks by_uri
  gives 'kread -O csv clicks' kread --csv clicks
  gives "ktable -O table --sort n 'count()' clicks" ktable --order-by n 'count()' clicks
  gives "kwindow -w 5m 'count()' clicks" kwindow 5m 'count()' clicks
  gives 'klag billing' klag --group billing
  gives 'ktopic list' kread -L
  gives 'koffset list' klag --list
  gives 'koffset reset' kfilter --reset-offsets true in out
  gives 'kread -e -p 0 clicks' kread -e clicks:0
  gives 'kread -p 12 clicks' kread 'clicks[12]'
  gives 'kread -p 1,2 clicks' kread clicks:1,2
  gives 'kfilter -e -p 1,2 true clicks' kfilter -e true 'clicks[1,2]'
  gives '--var NAME=VALUE' kexpr '1 + a'
  gives "kpipe kfilter 'number > 3' then kmap uri -- clicks out" kpipe 'kfilter number > 3' then 'kmap uri' -- clicks out
  gives "kpipe kfilter 'EXPR' then kmap 'LIST' -- IN OUT" kpipe 'kwindow -w 5m count()' -- clicks out
  unset KUTILS_BROKERS
  gives './in.ndjson' kmap uri in.ndjson
  run kbroker bash -c 'echo hello | kwrite -q t'
  [[ $output == *"lines that are text are taken by -I text"* ]]
  run kbroker bash -c "echo '{}' | kwrite -q --key key1 t"
  [[ $output == *"stands in quotes within others: --key '\"key1\"'"* ]]
  # `kfilter number>100 in`: all rows are refused for one reason, which is said once.
  run kfilter number ./in.ndjson
  [ "$status" -eq 4 ]
  [ "$(grep -c 'must be true or false, not int' <<<"$output")" -eq 1 ]
  [[ $output == *"not in quotes go to the shell: 'number > 0'"* ]]
}

@test "// is refused where it would swallow the rest, and is a comment in a file" {
  rows
  run kfilter 'number >= 0 // and number > 1000' ./in.ndjson
  [ "$status" -eq 2 ]
  [[ $output == *"// begins a comment"* ]]
  printf 'number > 100 // the large ones' >spec
  [ "$(kfilter @spec ./in.ndjson)" = "$(jq -c 'select(.number > 100)' in.ndjson)" ]
  printf 'country, // where from\n  // and\n uri // where to\n' >spec
  [ "$(kmap @spec ./in.ndjson)" = "$(jq -c '{country, uri}' in.ndjson)" ]
  [ "$(kexpr '"a//b".size() // ')" = 4 ]
}

@test "operands and options in another place: kbranch, kmap, ktable, klag, kwait, one file for both ends" {
  rows
  hint kbranch 'high: number > 100' ./in.ndjson ./rest
  [ "$hint" = "kbranch 'high=number > 100' ./in.ndjson ./rest" ]
  hint kbranch -e 'low: number < 50, mid: number < 100' ./in.ndjson ./rest
  [ "$hint" = "kbranch -e 'low=number < 50,mid=number < 100' ./in.ndjson ./rest" ]
  hint kmap '-email' ./in.ndjson
  [ "$hint" = "kmap '*, -email' ./in.ndjson" ]
  [ "$(eval "$hint")" = "$(jq -c 'del(.email)' in.ndjson)" ]
  hint ktable country 'count()' ./in.ndjson
  [ "$hint" = "ktable --by country 'count()' ./in.ndjson" ]
  [ "$(eval "$hint" | jq -s 'map(.count) | add')" -eq 200 ]
  hint kfilter -e ./in.ndjson 'number > 100' ./out
  [ "$hint" = "kfilter -e 'number > 100' ./in.ndjson ./out" ]
  hint klag -g billing
  [ "$hint" = 'klag billing' ]
  hint kwait orders topic
  [ "$hint" = 'kwait topic orders' ]
  hint kwait lag billing 0
  [ "$hint" = 'kwait lag 0 billing' ]
  hint kwait records orders 5
  [ "$hint" = 'kwait records 5 orders' ]
  hint kwait record orders 'id == 7'
  [ "$hint" = "kwait record 'id == 7' orders" ]
  run bash -c "kmap '*' <in.ndjson >in.ndjson"
  [ "$status" -eq 2 ]
  [[ $output == *"standard input and standard output are the same file"*"rename it"* ]]
}

@test "kread -f TOPIC, kbranch COND IN A B" {
  hint kread -f clicks
  [ "$hint" = 'kread clicks' ]
  [ "$(echo '{}' | kread -f 'x%s\n')" = 'x{}' ]
  hint kbranch 'n > 3' ./in a b
  [ "$hint" = "kbranch 'a=n > 3' ./in b" ]
  hint kbranch 'n > 3' ./in ./b
  [ "$hint" = "kbranch 'TOPIC=n > 3' ./in ./b" ]
}

@test "operands that are forgotten, doubled or swapped, and letters of kcat and Kafka's scripts" {
  cat >script <<'END'
  kgen --seed 1 -c 20 clicks a 2>/dev/null; kgen --seed 2 -c 30 clicks b 2>/dev/null
  pasted() { bash -c "$1" 2>pasted.err | wc -l; }
  hint kread -e a b; [ "$(pasted "$hint")" -eq 50 ] || exit 1
  hint kread -e '?*'; [ "$(pasted "kread -e $hint")" -eq 50 ] || exit 1
  hint kread -e -t a; [ "$(pasted "$hint")" -eq 20 ] || exit 1
  hint kread -C -e -t a; [ "$(pasted "$hint")" -eq 20 ] || exit 1
  hint kread -e -G grp a; [ "$(pasted "$hint")" -eq 20 ] || exit 1
  hint kread --from-beginning a; [ "$(pasted "$hint -e")" -eq 20 ] || exit 1
  hint kread --max-messages 3 a; [ "$(pasted "$hint")" -eq 3 ] || exit 1
  hint kread -L; [[ $hint == 'ktopic list' ]] && ktopic list | grep -q '^a ' || exit 1
  hint kfilter a 'number >= 0' out; [ "$(pasted "${hint/%out/-} -e")" -eq 20 ] || exit 1
  hint kmap a out; [[ $hint == 'kmap LIST a out' ]] || exit 1
  hint kwrite ./a; [[ $hint == 'kwrite ./a TOPIC' ]] || exit 1
  hint kwrite a b; [ "$(pasted "$hint -e; kread -e b")" -eq 50 ] || exit 1
END
  export -f hint
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; cat err.txt; return 1; }
}

@test "whole command lines of kcat and Kafka's scripts, other tools' words for verbs" {
  # gives OURS COMMAND...: the command is refused with this hint.
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  export KUTILS_BROKERS=localhost:1
  gives 'kread -b h:9092 -o beginning -c 3 clicks' kread --bootstrap-server h:9092 --topic clicks --from-beginning --max-messages 3
  gives "kread -f '%T,%k,%s\\n' clicks" kread --topic clicks --property print.key=true --property key.separator=, --property print.timestamp=true
  gives "kwrite -K '\t' clicks" kwrite --topic clicks --property parse.key=true
  gives "kread -K '\t' clicks" kread --formatter-property print.key=true clicks
  gives 'kread -o -2 -e clicks' kread -C -t clicks -o -2 -e -u
  gives 'kwrite -I csv ./rides.csv clicks' kwrite -P -l rides.csv -t clicks
  gives 'ktopic list clicks' kread -L -t clicks
  gives 'ktopic list' ktopic --list
  gives 'ktopic list' ktopic --describe
  gives 'ktopic describe clicks' ktopic --describe --topic=clicks
  gives 'ktopic create --partitions 3 --replication 1 clicks' ktopic --create --topic clicks --partitions 3 --replication-factor 1
  gives 'ktopic create --replication 1 clicks' ktopic create --replication-factor 1 clicks
  gives 'ktopic grow 6 clicks' ktopic --alter --topic clicks --partitions 6
  gives 'ktopic alter --config retention.ms=1000 clicks' ktopic --alter --topic clicks --add-config retention.ms=1000
  gives 'ktopic delete clicks' ktopic --delete --topic clicks
  gives 'koffset list' koffset --list
  gives 'koffset show billing' koffset --describe --group billing
  gives 'koffset list' koffset --describe --all-groups
  gives 'klag billing' klag --describe --group billing
  gives "kread -b h:1 -o beginning -e -c 3 -g g -p 0 -f '%T\t%s\n' clicks" kread --bootstrap-server h:1 --topic clicks --from-beginning \
    --property print.timestamp=true --timeout-ms 1000 --max-messages 3 --group g --partition 0
  grep -q -- '--timeout-ms ends after silence' err.txt
  gives 'kread -b h:1 -X consumer.fetch.min.bytes=1 clicks' kread --bootstrap-server h:1 --topic clicks --foo bar --consumer-property fetch.min.bytes=1
  grep -q -- '--foo is left out' err.txt
  gives 'kwrite -b h:1 -X compression.codec=gzip -X acks=all -K , clicks' kwrite --broker-list h:1 --topic clicks --property parse.key=true \
    --property key.separator=, --compression-codec gzip --request-required-acks all --sync
  gives 'kwrite ./f T' kwrite -P -t T ./f
  gives 'kwrite ./in.ndjson clicks' kwrite -l -t clicks in.ndjson
  gives "kwrite -b h:1 --key '\"key1\"' --header 'a=\"b\"' clicks" kwrite -b h:1 -t clicks -P -k key1 -H a=b
  gives 'kwrite clicks' kwrite -t clicks -T -D ,
  grep -q -- '-D is left out' err.txt
  gives 'koffset reset -o beginning g clicks' koffset reset g --topic clicks --to-earliest
  gives 'kmap -I csv -O json a ./in.csv' kmap --icsv --ojson a ./in.csv
  gives 'koffset list' klag --all-groups
  gives "kread -b h:1 -o beginning '^cl.*$'" kread --bootstrap-server h:1 --whitelist 'cl.*' --from-beginning
  gives "kread -e '^(cl.*|views)$'" kread --include 'cl.*,views' -e
  gives 'ktopic describe -b h:1 clicks' kread -b h:1 -Q -t clicks:0:-1
  gives 'ktopic list' ktopic --zookeeper z:2181 --list
  gives 'kread -e T' kread -Ct T -e
  gives 'kread -p 1,2 clicks' kread -p 1,2 -t clicks
  gives "ktable -b h:1 --by country -o beginning 'count()' clicks" ktable --bootstrap-server h:1 --topic clicks 'count()' --by country --from-beginning
  gives "kmap '*, -total' clicks" kmap -total clicks
  gives 'koffset reset -b h:1 -p 0,1 -o beginning --execute g t' koffset --bootstrap-server h:1 --reset-offsets --group g --topic t:0,1 --to-earliest --execute
  gives 'koffset reset --since 1h30m g' koffset --reset-offsets --group g --all-topics --by-duration PT1H30M --dry-run
  run koffset reset g --shift-by -5
  [[ $status -eq 2 && $output == *"--shift-by is done on what"*"koffset export GROUP | jq"* && $output != *"write:"* ]]
  gives 'koffset reset -o beginning --execute billing clicks' koffset --reset-offsets --group billing --topic clicks --to-earliest --execute
  gives 'koffset reset -o end billing' koffset reset billing --to-latest
  gives 'ktopic delete a b' ktopic rm a b
  gives 'ktopic list' ktopic ls
  gives 'ktopic create a' ktopic new a
  gives 'koffset show billing' koffset describe billing
  gives 'koffset commit billing a=end' koffset set billing a=end
  gives 'kstate delete g' kstate rm g
  gives 'ktopic describe clicks' ktopic clicks
  gives 'ktopic create --partitions 3 clicks' ktopic create clicks 3
  gives 'ktopic alter --config retention.ms=1d clicks' ktopic alter clicks retention.ms=1d
  gives "'^cl.*$'" ktopic describe 'cl*'
  # Nothing that could hold a secret.
  run kread --bootstrap-server h:1 --topic a --consumer-property sasl.password=hunter2 --property x.y=hunter2
  [[ $status -eq 2 && $output != *hunter2* && $output == *"consumer.sasl.password=***"* ]]
  run kread -X sasl.password=hunter2 --bootstrap-server h:1 --topic a
  [ "$status" -eq 2 ]
  [[ $output != *hunter2* ]]
}

@test "ranges, ORDER BY, text without quotes, numbers in quotes, a SPEC that the shell has cut, awk's /re/" {
  rows
  spelling kfilter 'number in 1..10' 'select(.number >= 1 and .number <= 10)'
  spelling kfilter 'number not in 1...190' 'select(.number < 1 or .number > 190)'
  spelling kfilter 'uri==/home' 'select(.uri == "/home")'
  spelling kfilter 'uri != /home && number > 3' 'select(.uri != "/home" and .number > 3)'
  spelling kmap 'u=${uri}' '{u: .uri}'
  record_spelling kfilter 'number > "100"' 'select(.number > 100)'
  hint kfilter 'number > 190 ORDER BY number' ./in.ndjson
  [ "$hint" = "kread -e ./in.ndjson | jq -cs 'sort_by(.number)[]' | kfilter 'number > 190'" ]
  printf '%s\n' "$hint" >command
  same <(jq -cs 'map(select(.number > 190)) | sort_by(.number)[]' in.ndjson) <(. ./command)
  hint kmap 'SELECT uri, number FROM clicks ORDER BY number DESC LIMIT 3' ./in.ndjson
  [ "$hint" = "kread -e clicks | jq -cs '(sort_by(.number) | reverse)[:3][]' | kmap 'uri, number'" ]
  sed 's/^kread -e clicks/cat in.ndjson/' <<<"$hint" >command
  same <(jq -cs 'sort_by(.number) | reverse | .[:3][] | {uri, number}' in.ndjson) <(. ./command)
  hint ktable 'SELECT country, count(*) FROM clicks GROUP BY country ORDER BY count DESC' ./in.ndjson
  [ "$hint" = "ktable -e -O table --sort -count --by country 'count()' clicks" ]
  hint kmap uri number ./in.ndjson
  [ "$(eval "$hint")" = "$(jq -c '{uri, number}' in.ndjson)" ] || { echo "$hint"; return 1; }
  hint kmap uri, number ./in.ndjson
  [ "$(eval "$hint")" = "$(jq -c '{uri, number}' in.ndjson)" ] || { echo "$hint"; return 1; }
  hint kfilter 'number > 3' 'number < 50' ./in.ndjson
  [ "$(eval "$hint")" = "$(jq -c 'select(.number > 3 and .number < 50)' in.ndjson)" ] || { echo "$hint"; return 1; }
  hint kfilter '/DE/' ./in.ndjson
  [ "$hint" = 'kread --grep DE ./in.ndjson' ]
  [ "$(eval "$hint")" = "$(grep DE in.ndjson)" ]
  hint ktable --by uri, country 'count()' ./in.ndjson
  [ "$hint" = "--by 'uri, ...'" ]
  hint kfilter -c 'number > 100' ./in.ndjson
  [ "$(eval "${hint/IN/./in.ndjson}")" -eq "$(jq 'select(.number > 100)' in.ndjson | jq -s length)" ]
}

@test "times, windows, numbers and policies in other words" {
  rows
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives 'kread --since 1h clicks' kread --since '1 hour ago' clicks
  gives 'kread --since 2h clicks' kread --since '2 hours' clicks
  gives 'kread --since 30m clicks' kread --since now-30m clicks
  gives 'kread --since 1w clicks' kread --since 'last week' clicks
  gives 'kread --until 5m clicks' kread --until '5 Minutes ago' clicks
  gives 'kread -o 5:10 clicks' kread -o 5-10 clicks
  gives 'kread -o 5:10 clicks' kread -o 5..10 clicks
  gives 'kread -o beginning clicks' kread -o first clicks
  local window
  for window in 10:10s '10 seconds:10s' 'tumbling:5m:5m' hopping:1m/10s:1m/10s 10s/1m:1m/10s '10 s/1 min:1m/10s' hour:1h 1mo:month \
    60000:1m 1M:1m; do
    gives "kwindow -w ${window##*:} 'count()' clicks" kwindow -w "${window%:*}" 'count()' clicks
  done
  gives "kwindow -w 10s 'count()' clicks" ktable -w 10s 'count()' clicks
  gives 'kread -c 1000 clicks' kread -c 1k clicks
  gives 'kgen -c 1000000 clicks' kgen -c 1e6 clicks
  gives 'kread -c 1000 clicks' kread -c 1_000 clicks
  gives 'kfilter --on-error fail true clicks' kfilter --on-error stop true clicks
  gives 'kfilter --on-error skip true clicks' kfilter --on-error ignore true clicks
  gives 'kfilter --on-error dead-letter:bad true clicks' kfilter --on-error dlq:bad true clicks
  gives 'kfilter --delivery exactly-once true a b' kfilter --delivery exactly_once true a b
  gives 'kgen -c 10 clicks' kgen clicks 10
  gives 'kdedup --within 5s uri clicks' kdedup --by uri --within 5s clicks
  gives 'kjoin --within 1s --on id a b c' kjoin --within 1s --on 'left.id == right.id' a b c
  gives 'kjoin --within 1s --on id=other a b c' kjoin --within 1s --on 'a.id == b.other' a b c
  gives 'kjoin --within 1s --on id=other a b c' kjoin --within 1s --on 'id == other' a b c
  gives 'kjoin --on user=_key a table:users c' kjoin --on 'a.user = users.id' a table:users c
  gives 'kjoin --on customer_id=_key table:orders table:customers c' kjoin --on 'orders.customer_id = customers.id' table:orders table:customers c
  # With one '=' a record may have an object called left: a note.
  KUTILS_BROKERS=localhost:1 run kjoin --explain --within 1s --on 'left.id = right.id' a b c
  [[ $output == *"names the sides, write: --on id"* ]] || { echo "$output"; return 1; }
}

@test "an aggregate in kmap: the command that aggregates, in our spelling" {
  rows
  for one in 'median:percentile(number, 50)' 'mean:avg(number)' 'sum:sum(number)' 'count:count()'; do
    hint kmap "${one%%:*}(number)" ./in.ndjson
    [ "$hint" = "ktable --total '${one#*:}' ./in.ndjson" ] || { echo "$one: $hint"; return 1; }
  done
}

@test "names with letters beyond ASCII, quotes of a text processor" {
  printf '{"größe":%s,"名":"%s"}\n' 1 a 5 b >in.ndjson
  spelling kfilter 'größe > 3' 'select(.["größe"] > 3)'
  spelling kfilter '名 = "b" and größe > 3' 'select(.["名"] == "b" and .["größe"] > 3)'
  spelling kmap '名, x=größe + 1' '{"名": .["名"], x: (.["größe"] + 1)}'
  spelling kmap '*, -größe' 'del(.["größe"])'
  spelling kfilter '_value.größe > 3' 'select(.["größe"] > 3)'
  jq -nc '{uri: "/a", n: 2}, {uri: "“", n: 3}' >in.ndjson
  spelling kfilter 'uri == “/a”' 'select(.uri == "/a")'
  spelling kfilter 'n ≥ 3 && uri == "“"' 'select(.n >= 3)'
  run kfilter 'größe >' ./in.ndjson
  [[ $output == *'stands in backticks: `größe`'* ]]
}

@test "a pipe in one word, kread as a stage, branches in several operands, kfilter -v to a topic" {
  rows
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives "kpipe -e kfilter 'number > 150' -- clicks" kpipe -e kfilter 'number > 150' then kread -- clicks
  gives "kpipe -e kfilter 'number > 150' then kmap uri -- clicks" \
    kpipe -e 'kfilter "number > 150" | kmap uri' -- clicks
  gives "kbranch -e 'low=n < 50,mid=n < 100' clicks high" kbranch -e 'low=n < 50' 'mid=n < 100' clicks high
  gives "kbranch -e 'low=n < 50' clicks high" kbranch -e low 'n < 50' clicks high
  gives "kfilter '!(n > 3)' clicks few" kfilter -v 'n > 3' clicks few
  gives "kjoin --on user=id clicks table:users j" kjoin --on user --on id clicks table:users j
  gives "ksort -e --within 1m --time n clicks s" ksort -e --by n clicks s
  gives "kscan --by uri '*, p=lag(n)' clicks" kscan --by uri '*, p=prev(n)' clicks
  hint kmap "x=f'{uri}-{number}'" ./in.ndjson
  [ "$hint" = "x=string(uri) + \"-\" + string(number)" ]
  hint kmap 'uri number' ./in.ndjson
  [ "$hint" = "uri, number" ]
  run bash -c "printf 'id,name\n1,a\n' | ktable --by name 'n=count()'"
  [ "$status" -eq 4 ]
  [[ $output == *"to read it as a header: ktable --by name -I csv 'n=count()'"* ]]
}

@test "options of SQL's joins, grep, Kafka Streams and of other places; a stage behind --, a key of two" {
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives "kfilter -e '(n >= 100) && (uri != \"/\")' clicks p" kfilter -e 'n >= 100' --where 'uri != "/"' clicks p
  gives "kfilter -e 'n > 3' clicks p" kcp -e --where 'n > 3' clicks p
  gives "kmerge -e -g merge-both clicks,users both" kmerge -e clicks,users both
  gives "kjoin -e clicks table:users j" kjoin -e --inner clicks table:users j
  gives "kjoin -e --left clicks table:users j" kjoin -e --type left clicks table:users j
  gives "kjoin -e --outer clicks users j" kjoin -e --how=full_outer clicks users j
  run kjoin -e --right clicks table:users j
  [[ $status -eq 2 && $output == *"--left, with LEFT and RIGHT in each other's place"* ]]
  gives "ktopic create --config cleanup.policy=delete --config retention.ms=7d t" ktopic create t --config retention=7d --config cleanup=delete
  gives "ktopic alter --config retention.ms=7d t" ktopic alter t --config retention_ms=7d
  gives "kpipe -e kfilter 'n > 1' then kmap uri -- clicks out" kpipe -e kfilter 'n > 1' -- clicks out then kmap uri
  gives "kread -e --grep '(?i)/HOME' clicks" kread clicks -e --grep /HOME -i
  gives "kfilter -e 'n > 1' clicks p" kfilter -e 'n > 1' -o p clicks
  gives "kfilter -e 'n > 1' clicks p" kfilter -e -i clicks -o p 'n > 1'
  gives "kfilter -m 5 'n > 1' clicks p" kfilter -n 5 'n > 1' clicks p
  grep -q 'a number of records is: kfilter' err.txt
  gives "kread -c 3 clicks" kread clicks -n 3
  gives "kwindow -e -w 1m/10s --by uri 'count()' clicks w" kwindow -e -w hopping:1m/10s --by uri 'count()' clicks w
  gives "kwindow -e -w 1m/10s --by uri 'count()' clicks w" kwindow -e -w 10s/1m --by uri 'count()' clicks w
  gives "kwindow -e -w 1m/10s --by uri 'count()' clicks w" kwindow -e -w 1m --every 10s --by uri 'count()' clicks w
  gives "kwindow -w 1m --emit close 'count()' clicks w" kwindow -w 1m --emit final 'count()' clicks w
  gives "ktable --emit update 'count()' clicks w" ktable --emit changes 'count()' clicks w
  gives "kwindow -w 1m --grace 5s 'count()' clicks w" kwindow -w 1m --grace 5 'count()' clicks w
  gives "klag --max-age 5s g" klag --max-age 5 g
  gives "kpipe -e kfilter true then kwindow -w 1m --grace 5s 'count()' -- clicks" \
    kpipe -e kfilter true then kwindow -w 1m --grace 5 'count()' -- clicks
  gives "kmap -e --key '[uri, country]' '*' clicks m" kmap -e --key uri --key country '*' clicks m
  gives "kdedup -e --within 1h user clicks d" kdedup -e user clicks d
  gives "kdedup -e user clicks d" kdedup -e --by user clicks d
  gives "kread -e -f '%k %s\\n' clicks" kread clicks -e -f 'key value'
  echo '{"topic":"clicks","partition":0,"offset":1}' >offsets
  gives "koffset import g offsets" koffset import offsets g
  gives "kgroupby -e EXPR clicks g" kgroupby -e clicks g
  grep -q "if 'clicks' is a field, envelopes have its value: kgroupby -e -O envelope clicks g$" err.txt
}

@test "options of other programs in the place where they stand: the whole command" {
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives "kpipe -e kfilter 'n > 1' then ktable --total 'count()' -- clicks" kfilter -e --count 'n > 1' clicks
  gives "kfilter -m 5 'n > 1' clicks" kfilter --count 5 'n > 1' clicks
  gives "kmap '*, n=1, -uri' clicks" kmap --drop=uri '*, n=1' clicks
  gives "kmap '*, -uri' clicks" kmap --drop=uri clicks
  gives "kmap -e uri clicks out" kcp -e --select uri clicks out
  gives "kread --until 2h clicks" kread --to 2h clicks
  gives "kread -o beginning:500 clicks" kread --to 500 clicks
  gives "kread -o 500 clicks" kread --from 500 clicks
  gives "kread -o beginning clicks" kread --from earliest clicks
  gives "kread --since 2024-01-01 clicks" kread --from 2024-01-01 clicks
  gives "ktable -o end 'count()' clicks" ktable --end 'count()' clicks
  gives "kfilter 'n > 1' clicks" kfilter --follow 'n > 1' clicks
  gives "kfilter -O table --sort n 'n > 1' clicks" kfilter --sort-by n 'n > 1' clicks out
  gives "koffset reset --since 2h g" koffset reset --to 2h g
  gives "kwrite -I csv ./in.csv clicks" kwrite --csv ./in.csv clicks
  gives "kwrite -m 5 clicks" kwrite -n 5 clicks
  gives "kwrite -p 3 ./in clicks" kwrite --partition 3 ./in clicks
  grep -q 'the partition is: kwrite' err.txt
  gives "kcp -m 5 clicks out" kcp --limit 5 clicks out
  gives "ktopic create --partitions 3 --replication 2 t" ktopic create t --partitions=3 --replicas 2
  gives "ktopic delete --execute t" ktopic delete -y t
  gives "ktopic delete --execute t" ktopic delete --force t
  gives "kread clicks" kread --value-only clicks
  gives "kread -v clicks" kread --verbose clicks
  gives "kread --pretty clicks" kread --pretty-print clicks
  gives "kread -e --types clicks" kfilter --schema 'n > 1' clicks
  gives "ktopic describe clicks" kread --describe clicks
  gives "kwrite clicks" kread -P clicks
  gives "kwindow -e -w 1m 'count()' clicks" kread -w clicks
  gives "kjoin --on id clicks table:users j" kjoin --using id clicks table:users j
  gives "kjoin --on id clicks table:users j" kjoin --by id clicks table:users j
  gives "kwindow -w session:30m --by uri 'count()' clicks" kwindow --gap 30m --by uri 'count()' clicks
  gives "kwindow -w 1m/10s --by uri 'count()' clicks" kwindow --hop 10s --size 1m --by uri 'count()' clicks
  gives "ktable --by uri 'count()' clicks" ktable --key uri 'count()' clicks
  gives "kread --tail 5 clicks" kread --last 5 clicks
  gives "kfilter --tail 5 'n > 1' clicks" kfilter --last 5 'n > 1' clicks
  # Where the length is not known, nothing is.
  run kwindow --hop 10s 'count()' clicks
  [[ $status -eq 2 && $output == *"-w LENGTH/STEP"* ]]
}

@test "what is pasted does it: keys of two, lists of SQL's windows, jq's map, || of numbers" {
  rows
  spelling kmap 'map(.number)' '.number'
  spelling kmap 'map(.number + 1)' '.number + 1'
  spelling kmap 'map({uri, n: .number})' '{uri, n: .number}'
  # kmap chooses no records.
  run kmap 'map(select(.number > 3))' ./in.ndjson
  [[ $output != *'=(.number > 3)'* ]]
  record_spelling kmap 'x=uri || number' '{x: "\(.uri)\(.number)"}'
  hint kscan --total '*, p=LAG(number) OVER (ORDER BY number), rn=ROW_NUMBER() OVER ()' ./in.ndjson
  [ "$hint" = '*, p=lag(number), rn=count()' ]
  [ "$(kscan --total "$hint" ./in.ndjson | jq -s '.[9] == .[9] and .[9].p == .[8].number and .[9].rn == 10')" = true ]
  hint kscan '*, p=LAG(number) OVER (PARTITION BY uri), n=number' ./in.ndjson
  [ "$hint" = "kscan --by uri '*, p=lag(number), n=number' ./in.ndjson" ]
  [ "$(eval "$hint" | jq -c 'select(.uri == "/home") | [.p, .number]' | sed -n 2p)" = \
    "$(jq -c 'select(.uri == "/home") | .number' in.ndjson | sed -n 1,2p | jq -sc .)" ]
  hint kmap -O envelope --key uri --key country '*' ./in.ndjson
  [ "$(eval "$hint" | head -n 1 | jq -r .key)" = "$(head -n 1 in.ndjson | jq -c '[.uri, .country]')" ]
}

@test "CSV without -I csv: a list of names, in quotes, by tabs, or a file's name; not a slip before JSON" {
  csv() {
    run "$@"
    [ "$status" -eq 4 ]
    hint=$(sed -n 's/^  to read it as a header: //p' <<<"$output")
    [ "$(grep -c 'header' <<<"$output")" -eq 1 ]
  }
  printf 'id,name\n1,a\n' >people.csv
  cp people.csv people.txt
  printf '"id","full name"\n"1","a"\n' >quoted.txt
  printf 'id\tname\n1\ta\n' >people.tab
  printf 'the id,full name\n1,a\n' >sentence.csv
  csv kmap '*' ./people.txt
  [ "$hint" = "kmap -I csv '*' ./people.txt" ]
  [ "$(eval "$hint")" = '{"id":1,"name":"a"}' ]
  csv kmap '*' ./quoted.txt
  [ "$(eval "$hint")" = '{"id":1,"full name":"a"}' ]
  csv kmap '*' ./people.tab
  [ "$(eval "$hint")" = '{"id":1,"name":"a"}' ]
  csv kmap '*' ./sentence.csv
  [ "$(eval "$hint")" = '{"the id":1,"full name":"a"}' ]
  printf 'hello,world\n{"a":1}\n' >slip.ndjson
  run kmap '*' ./slip.ndjson
  [[ $status -eq 4 && $output != *csv* ]]
  printf 'hello world, again\n' >text
  run kmap '*' ./text
  [[ $status -eq 4 && $output != *csv* ]]
  [ -z "$(kmap -q '*' ./people.csv 2>&1 >/dev/null | grep header)" ]
}

@test "kfilter -v, as grep has it, is answered by the condition turned round" {
  rows
  kfilter -v 'country == "DE" || number > 100' ./in.ndjson >straight 2>err.txt
  grep -q "number > 100" err.txt
  hint=$(sed -nE 's/^kfilter: -v prints more.*: //p' err.txt)
  eval "$hint" >turned
  jq -c 'select((.country == "DE" or .number > 100) | not)' in.ndjson >want
  same turned want
  jq -c 'select(.country == "DE" or .number > 100)' in.ndjson | cmp - straight
  kfilter -vv true ./in.ndjson 2>&1 >straight | { ! grep 'turned\|-v prints'; }
}

@test "what is no line of JSON: over several lines, several in one, compressed" {
  cat >script <<'END'
  printf '{\n "a": 1\n}\n' | kwrite t 2>one || true; grep -q 'jq -c \. makes lines' one || { cat one; exit 1; }
  printf '{"a":1}{"a":2}\n' | kwrite t 2>two || true; grep -q 'jq -c \. makes lines' two || { cat two; exit 1; }
  printf '{"a":1}\n' | gzip | kwrite t 2>three || true; grep -q 'decompress it in front: zcat | kwrite t' three || { cat three; exit 1; }
  printf '{"a":1 "b"}\n' | kwrite t 2>four || true; ! grep -q 'jq -c' four || { cat four; exit 1; }
END
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "a table's columns stand below each other, whatever script the text is in" {
  printf '{"k":"%s","n":%s}\n' '日本語' 1 'ü' 22 '😀😀' 333 'é' 4 'plain' 5 >in.ndjson
  kread -O table ./in.ndjson >got
  printf '%s\n' 'k         n' '日本語    1' 'ü        22' '😀😀    333' 'é         4' 'plain     5' >want
  same want got
}

@test "empty names of groups; names with control characters; a hint is near only with something in common" {
  export KUTILS_BROKERS=localhost:1
  local command
  for command in 'klag' 'koffset show' 'koffset delete --execute' 'kwait lag 0'; do
    run $command ''
    [ "$status" -eq 2 ]
    [[ $output == *"the group's name is empty"* ]] || { echo "$command: $output"; return 1; }
  done
  run kread $'a\nb\tc'
  [[ $output == *"'a\nb\tc' is not a topic name: it has a '\n'"* ]] || { echo "$output"; return 1; }
  run kread größe
  [[ $output == *"it has a 'ö'"* ]]
}

@test "a line of text is a string: types, and what to write" {
  printf '{"a":1}\n5\nxy\n' >text
  [ "$(kread -I text --types -O json ./text | jq -c '[.field, .times, .types]')" = '["_value",3,"string 3"]' ]
  [ "$(kread --types -O json ./text | jq -r .types | head -1)" = 'int 1' ]
  run kfilter -I text '_value > 4' ./text
  [ "$status" -eq 4 ]
  [[ $output == *"a value of text is a string; as a number: int(_value)"* ]]
  [ "$(sed -n 2p text | kfilter -I text -O text 'int(_value) > 4')" = 5 ]
  run kmap -I text 'x=_value.a' ./text
  [[ $output == *"as JSON: json(_value)"* ]]
  [ "$(head -1 text | kmap -I text 'x=json(_value).a')" = '{"x":1}' ]
}

@test "a dropped field that no record had is named" {
  printf '{"email":"x","n":1,"user":{"email":"y"}}\n{"n":2}\n' >in.ndjson
  run kmap '*, -user.emial, -user.email' ./in.ndjson
  [ "$status" -eq 0 ]
  [[ $output == *"kmap: no record had the field 'user.emial', which LIST drops"* ]]
  [[ $output != *"'user.email'"* ]]
  run kmap '*, -emial, -email' ./in.ndjson
  [ "$status" -eq 0 ]
  [[ $output == *"kmap: no record had the field 'emial', which LIST drops"* ]]
  [[ $output != *"'email'"* ]]
  [ -z "$(kmap -q '*, -emial' ./in.ndjson 2>&1 >/dev/null)" ]
  run kpipe kfilter true then kmap '*, -emial, -email' -- ./in.ndjson
  [ "$status" -eq 0 ]
  [[ $output == *"kpipe: stage 2, kmap: no record had the field 'emial', which LIST drops"* ]]
  [[ $output != *"'email'"* ]]
  [ -z "$(kmap '*, -emial' - 2>&1 </dev/null)" ]
}

@test "comparisons of a text with a number that were never equal are named at the end, each with what to write" {
  rows
  printf 'id,n\n007,1\n008,2\n' >ids.csv
  seq 3 >numbers
  # noted LINES COMMAND...: the command says so once, and with EXPR as it says there are that many lines.
  noted() {
    "${@:2}" >got 2>err.txt || { cat err.txt; return 1; }
    [ "$(grep -c 'each time, and these are never equal' err.txt)" -eq 1 ] || { echo "${*:2}: $(cat err.txt)"; return 1; }
    hint=$(sed -n 's/^  write: //p' err.txt)
    local words=("${@:2}") i
    for i in "${!words[@]}"; do [ "${words[i]}" != "$expr" ] || words[i]=$hint; done
    "${words[@]}" >got 2>err.txt
    [ ! -s err.txt ] || { echo "$hint: $(cat err.txt)"; return 1; }
    [ "$(wc -l <got)" -eq "$1" ] || { echo "$hint: $(cat got)"; return 1; }
  }
  local n
  n=$(jq -c 'select(.number == 62)' in.ndjson | wc -l)
  [ "$n" -gt 0 ]
  expr='number == "62"'
  noted "$n" kfilter "$expr" ./in.ndjson
  [ "$hint" = 'number == 62' ]
  noted "$n" kread --where "$expr" ./in.ndjson
  noted 200 kexpr "$expr" ./in.ndjson
  expr='id == 7'
  noted 1 kfilter -I csv "$expr" ./ids.csv
  [ "$hint" = 'int(id) == 7' ]
  expr='_value == 1'
  noted 1 kfilter -I text "$expr" ./numbers
  expr='n=count() if number == "62", total=sum(number)'
  noted 1 ktable --total "$expr" ./in.ndjson
  [ "$hint" = 'n=count() if number == 62, total=sum(number)' ]
  [ "$(jq .n got)" -eq "$n" ]
  expr='*, x=number in ["62", "64"]'
  noted 200 kmap "$expr" ./in.ndjson
  run kpipe kfilter 'number == "62"' then kmap uri -- ./in.ndjson
  [ "$status" -eq 0 ]
  [[ $output == "kpipe: stage 1, kfilter: EXPR: 'number == \"62\"' compared a number with a text each time"* ]]
  expr='number == user || number == uri'
  noted 0 kfilter "$expr" ./in.ndjson
  [ "$hint" = 'string(number) == user || string(number) == uri' ]
  expr='count == "200"'
  noted 1 ktable --total --having "$expr" 'count()' ./in.ndjson
  [ "$hint" = 'count == 200' ]
  run kfilter '_key == "x"' ./in.ndjson
  [[ $output == *"no record has one; keys of lines are read by -K SEP or -J"* ]]
  # Said once, however many records there are; not with -q; not where one record fits, nor where there are none.
  [ -z "$(kfilter -q 'number == "62"' ./in.ndjson 2>&1)" ]
  [ -z "$(cat in.ndjson <(echo '{"number":"1"}') | kfilter 'number == "62"' 2>&1)" ]
  [ -z "$(kfilter 'number == "62"' - 2>&1 </dev/null)" ]
}

@test "grep's letters, SQL's totals, Miller's verbs, files to write, keys, and groups that are all meant" {
  rows
  is() {  # is HINT COMMAND...
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $(cat err.txt)"; return 1; }
  }
  local n
  n=$(grep -ci HOME in.ndjson)
  [ "$n" -gt 0 ]
  is "kread --grep '(?i)HOME' ./in.ndjson" kread --grep -i HOME ./in.ndjson
  [ "$(bash -c "$hint" | wc -l)" -eq "$n" ]
  is "kread -q --grep '(?i)HOME' ./in.ndjson" kread -q --grep -iE HOME ./in.ndjson
  hint kread --grep -iv HOME ./in.ndjson
  [ "$hint" = 'kread ./in.ndjson | grep -iv HOME' ]
  [ "$(bash -c "$hint" | wc -l)" -eq $((200 - n)) ]
  is "ktable --total 'count()' ./in.ndjson" ktable 'select count(*) from ./in.ndjson'
  [ "$(bash -c "$hint")" = '{"count":200}' ]
  is "ktable --total 'n=count(), sum(number)' clicks" ktable 'SELECT count(*) AS n, sum(number) FROM clicks;'
  is "ktable --total 'max(number)' clicks" kread 'select max(number) from clicks'
  is "kpipe kfilter 'number > 3' then ktable --total 'count()' -- clicks" ktable 'select count(*) from clicks where number > 3'
  is "kwindow -e -w 5m --total 'count()' clicks" kwindow -e -w 5m 'select count(*) from clicks'
  is "ktable --total 'sum(number)' ./in.ndjson" ktable 'sum -f number' ./in.ndjson
  [ "$(bash -c "$hint")" = "{\"sum_number\":$(jq -s 'map(.number) | add' in.ndjson)}" ]
  is "ktable --by uri 'avg(ms), ms_p50=percentile(ms, 50), count()' ./in.ndjson" ktable 'stats1 -a mean,p50,count -f ms -g uri' ./in.ndjson
  [ "$(bash -c "$hint" | jq -s 'group_by(.uri) | map(last.count) | add')" -eq 200 ]
  is "ktable --by uri,country 'count()' ./in.ndjson" ktable 'count-distinct -f uri,country' ./in.ndjson
  is "ktable --by uri 'count()' ./in.ndjson" ktable 'count -g uri' ./in.ndjson
  is 'kdiff ./in.ndjson ./in.ndjson > differences' kdiff --output differences ./in.ndjson ./in.ndjson
  is 'kdiff -O csv ./in.ndjson ./in.ndjson' kdiff --output csv ./in.ndjson ./in.ndjson
  is 'kfilter true clicks out' kfilter --output out true clicks
  is 'kread -e clicks > out' kread -e --output out clicks
  is 'kquery totals JP' kquery totals --key JP
  is 'koffset list' koffset reset --all-groups
  is 'koffset list -b h:1' koffset reset --execute -b h:1 --all-groups -o beginning
  export KUTILS_BROKERS=localhost:1
  is 'kcp -e clicks - | kread --rate 2 -I envelope -' kread -e --rate 2 clicks
  is 'kcp -e clicks - | kcp --rate 2 - out' kcp -e --rate 2 clicks out
  is "kcp -e --since 2h -g g clicks - | kfilter -q --rate 2 -I envelope 'number > 3' - out" kfilter -qe --since 2h --rate 2 -g g 'number > 3' clicks out
}

@test "windows of SQL and ksqlDB, times of joins, frames of rows, names of topics in conditions, options of top" {
  rows
  export KUTILS_BROKERS=localhost:1
  is() {  # is HINT COMMAND...
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $(cat err.txt)"; return 1; }
  }
  local theirs ours
  while IFS='|' read -r theirs ours; do
    is "kwindow -e -w $ours 'count()' clicks" kwindow -e -w "$theirs" 'count()' clicks
  done <<'END'
TUMBLING (SIZE 5 MINUTES)|5m
hop 10m 5m|10m/5m
hopping:10m:5m|10m/5m
HOPPING (SIZE 10 MINUTES, ADVANCE BY 5 MINUTES)|10m/5m
hop(5m, 10m)|10m/5m
10m,5m|10m/5m
session(5m)|session:5m
session 30 minutes|session:30m
1 day|1d
END
  run kwindow -e -w '1 hour 30 minutes' 'count()' clicks
  [[ $status -eq 2 && $output != *'1h/30m'* ]]
  is "kwindow -w 1m 'count()' clicks" kwindow 'count()' clicks
  is "kwindow -e -w day --tz Europe/Berlin 'count()' clicks" kwindow -e -w 1d --tz Europe/Berlin 'count()' clicks
  is "kwindow -e -w 5m --emit close 'count()' clicks" kwindow -e -w 5m --suppress 'count()' clicks
  is "kwindow -e -w 5m --time ts --by uri 'count()' clicks" kwindow -e -w 5m --timestamp ts --partition-by uri 'count()' clicks
  is 'ksort -e --within 5s clicks sorted' ksort -e clicks sorted
  is 'kdelay -e 5m clicks out' kdelay -e '5 minutes' clicks out
  is 'kdedup -e --within 5m uri clicks out' kdedup -e --window 5m uri clicks out
  # Joins.
  is 'kjoin --on uri --within 5m clicks users out' kjoin clicks users out --on uri
  grep -q '^  where RIGHT is a table: kjoin --on uri clicks table:users out$' err.txt
  is 'kjoin -e clicks users joined' kjoin -e clicks users
  is 'kjoin -e --on user clicks table:users out' kjoin -e --on user --within 5m clicks table:users out
  is "kjoin --within 5m --where 'left.n == right.n && right.x != \"users.a\"' clicks users out" \
    kjoin --within 5m --where 'clicks.n == users.n && users.x != "users.a"' clicks users out
  is "kjoin --within 5m --select 'n=left.n, right.m' clicks users out" kjoin --within 5m --select 'n=clicks.n, right.m' clicks users out
  run kjoin -1 2 clicks users out
  [[ $status -eq 2 && $output != *'-c 1'* ]]
  # A running sum is not a sum of the last rows: no hint rather than a wrong one.
  run kscan --total '*, a=sum(number) over (order by ts rows 5 preceding)' ./in.ndjson
  [[ $status -eq 2 && $output != *write:* ]] || { echo "$output"; return 1; }
  is "kscan --total '*, a=sum(number)' ./in.ndjson" kscan --total '*, a=cumsum(number)' ./in.ndjson
  is "kscan --total 'd=(number - coalesce(lag(number), number))' ./in.ndjson" kscan --total 'd=delta(number)' ./in.ndjson
  [ "$(bash -c "$hint" | jq -s 'map(.d) | add')" -eq "$(jq -s '.[-1].number - .[0].number' in.ndjson)" ]
  # Groups and the screen.
  is 'koffset reset --since 1h g' koffset rewind g 1h
  is 'klag g' koffset lag g
  is 'ktop --once' ktop -n 1
  is 'ktop --every 1s' ktop -d 1
  is 'ktop topics clicks' ktop --topic clicks
  is 'ktop groups g' ktop --group g
}

@test "hints hold no secrets" {
  run kread -e -X sasl.password=hunter2 -t a
  [ "$status" -eq 2 ]
  [[ $output != *hunter2* ]]
}

@test "a hint keeps the whole command line: every option and value, and the stages of a pipe" {
  rows
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives "ktable -e --by c 'count()' clicks" ktable -e --by c clicks 'count()'
  gives "ktable -q -e -X acks=1 --having 'n > 3' --by=c -b h:1 'n=count()' clicks out" \
    ktable -qe -X acks=1 clicks --having 'n > 3' 'n=count()' --by=c out -b h:1
  gives "kwindow -e --time wall -w 5m 'count()' clicks" kwindow -e --time wall 5m 'count()' clicks
  gives "kfilter --on-error skip 'a > 1' clicks out" kfilter --on-error skip clicks 'a > 1' out
  gives "kmap 'id, uri' clicks" kmap clicks 'id, uri'
  gives "kread -e -c 3 -p 1 a,b" kread -e a -c 3 b -p 1
  gives "kread -e --where 'n > 3' clicks" kread -e 'n > 3' clicks
  gives "kread -e -K '\t' clicks" kread -e --key clicks
  gives "kmap --key country -O envelope '*' ./in.ndjson" kmap --key country '*' ./in.ndjson
  gives "kwrite --atomic --key n ./in.ndjson clicks" kwrite --atomic --key n clicks ./in.ndjson
  gives "ktopic describe -b h:1 --all clicks" ktopic -b h:1 clicks describe --all
  gives "ktopic delete --execute a b" ktopic rm --execute a b
  gives "kwait --timeout 3s record 'id == 7' orders" kwait --timeout 3s record orders 'id == 7'
  gives "kgen --seed 1 -c 10 clicks" kgen --seed 1 clicks 10
  gives "kread -e --grep DE clicks" kfilter -e /DE/ clicks
  gives "cat ./a ./b | kread" kread ./a ./b
  unset KUTILS_BROKERS
  # Pasted, with other records from the same command line as it should have been.
  same_rows() {  # same_rows WANT GIVEN...: what GIVEN's hint writes is what WANT writes
    hint "${@:2}" || return 1
    bash -c "$hint" >got 2>/dev/null
    bash -c "$1" >want 2>/dev/null
    [ -s want ]
    cmp -s got want || { echo "${*:2}: $hint"; return 1; }
  }
  same_rows "ktable --by country --having 'n > 3' -O csv 'n=count()' ./in.ndjson" ktable --by country -O csv ./in.ndjson --having 'n > 3' 'n=count()'
  same_rows "kmap -c 7 -O tsv '*, -email' ./in.ndjson" kmap -c 7 -email -O tsv ./in.ndjson
  same_rows "kmap -m 3 'uri, number' ./in.ndjson" kmap -m 3 uri number ./in.ndjson
  same_rows "kmap -O csv '*' ./in.ndjson" kmap -O csv . ./in.ndjson
  run kgroupby -c 3 country ./in.ndjson
  [[ $output == *": kgroupby -c 3 -O envelope country ./in.ndjson"$'\n'* ]] || { echo "$output"; return 1; }
  run kpipe -c 3 kfilter 'number > 1' then kgroupby --keep-null country as k -- ./in.ndjson
  [[ $output == *": kpipe -c 3 -O envelope kfilter 'number > 1' then kgroupby --keep-null country as k -- ./in.ndjson"$'\n'* ]] || { echo "$output"; return 1; }
  command=$(sed -n 's/.*envelopes have it: //p' <<<"$output")
  [ "$(bash -c "$command" | jq -c .key | wc -l)" -gt 0 ]
}

@test "calls in camel case, aliases of one expression, jq's items, two mistakes at once, ksql's aggregates" {
  rows
  spelling kmap 'c=toLowerCase(country), d=toUpperCase(uri)' '{c: (.country | ascii_downcase), d: (.uri | ascii_upcase)}'
  spelling kfilter 'number > 100 as big' 'select(.number > 100)'
  spelling kfilter 'country = DE AND number <> 4' 'select(.country == "DE" and .number != 4)'
  spelling kmap '*, .user=1' '.user = 1'
  run kmap 'n=nullif(number, 4)' ./in.ndjson
  [ "$(kmap "${output##*write: }" ./in.ndjson)" = "$(jq -c '{n: (if .number == 4 then null else .number end)}' in.ndjson)" ]
  run kmap '.items[]' ./in.ndjson
  [[ $status -eq 2 && $output == *"kmap --each 'x=items' x ./in.ndjson"* ]]
  echo '{"items":[{"a":1},{"a":2}]}' >items.ndjson
  [ "$(kmap --each 'x=items' '=x' ./items.ndjson)" = $'{"a":1}\n{"a":2}' ]
  run ktable 'sum(*)' ./in.ndjson
  [[ $status -eq 2 && $output == *"sum(amount)"*"count()"* ]]
  hint ktable --by country --having 'count(*) > 20' 'count()' ./in.ndjson
  [ "$hint" = 'count() > 20' ]
  [ "$(ktable --by country --having "$hint" 'count()' ./in.ndjson | wc -l)" -eq "$(jq -s 'group_by(.country) | map(select(length > 20)) | length' in.ndjson)" ]
  local theirs
  for theirs in 'topk(number, 3):top(number, 3)' 'collect_list(uri):collect(uri)' 'group_concat(uri):collect(uri)' 'string_agg(uri, ","):collect(uri)' \
    'latest_by_offset(uri):last(uri)' 'earliest_by_offset(uri):first(uri)' 'arg_max(uri, number):max_by(uri, number)'; do
    hint ktable --by country "${theirs%:*}" ./in.ndjson
    [ "$hint" = "${theirs##*:}" ] || { echo "$theirs: $hint"; return 1; }
    ktable --by country "$hint" ./in.ndjson >got
  done
  run kexpr 'timestamp(1700000000000)'
  [[ $output == *"milliseconds are timestamp_ms(x)"* ]]
}

@test "several values of one comparison, letters of all scripts, types, lengths of time: the hint means what was meant" {
  rows
  local both='select(.country == "DE" or .country == "FR")' theirs
  spelling kfilter "country = 'DE' or 'FR'" "$both"
  spelling kfilter 'country = DE or FR' "$both"
  spelling kfilter 'country == ("DE" || "FR")' "$both"
  spelling kfilter "country != 'DE' and 'FR' and number > 3" 'select(.country != "DE" and .country != "FR" and .number > 3)'
  record_spelling kfilter 'country == "DE" || "FR"' "$both"
  record_spelling kfilter 'number == 1 || 2 || 3' 'select(.number == 1 or .number == 2 or .number == 3)'
  spelling kfilter 'country IN ["DE","FR"]' "$both"
  for theirs in 'typeof(number) == "number"' 'typeof number === "number"' 'type(number) == "number"' '(.number | type) == "number"' \
    'typeof(uri) != "number"' 'typeof(nobody) == "undefined"' 'typeof(uri) == "string"'; do
    spelling kfilter "$theirs" .
  done
  spelling kfilter '!number > 5' 'select(.number <= 5)'
  spelling kfilter 'number >== 5' 'select(.number >= 5)'
  spelling kfilter 'number > 5;' 'select(.number > 5)'
  spelling kmap 'uri as u, number n' '{u: .uri, n: .number}'
  spelling kmap 's=substr(uri, 0, 2), t=substr(uri, 1, 2)' '{s: .uri[:2], t: .uri[:2]}'
  spelling kmap 'c=concat(uri, ":", number)' '{c: "\(.uri):\(.number)"}'
  spelling kmap '*, user-id=1' '. + {"user-id": 1}'
  record_spelling kmap 'x=uir, n=numbr' '{x: .uri, n: .number}'
  record_spelling kfilter 'uir == "/home" && numbr > 3' 'select(.uri == "/home" and .number > 3)'
  printf '{"c":"%s","t":["%s"]}\n' ÄÖ a Ä b >in.ndjson
  spelling kfilter 'lower(c) == "äö"' 'select(.c == "ÄÖ")'
  spelling kmap 'c=c.toLowerCase(), d=upcase(c)' '{c: (if .c == "Ä" then "ä" else "äö" end), d: .c}'
  record_spelling kfilter 't.contains("a")' 'select(.t == ["a"])'
  printf '1\n3\n' >in.ndjson
  spelling kfilter '. > 1' 'select(. > 1)'
  local now
  now=$(date +%s)
  printf '{"topic":"t","partition":0,"offset":%s,"ts":%s,"headers":[],"key":null,"payload":"{\\"n\\":%s}"}\n' 0 "$((now - 60))123" 1 1 "$((now - 200000))456" 2 >in.ndjson
  for theirs in '_time > "1h"' '_time > 1h' '_ts > "24 hours ago"' '_time > now() - "1d"' 'now() - "1d" < _ts' 'now() - _time < "1h"' '_time > duration("1h")' \
    '_time >= now() - 1w && n == 1'; do
    hint kfilter -I envelope "$theirs" ./in.ndjson
    [ "$(kfilter -I envelope "$hint" ./in.ndjson | jq -c .n)" = 1 ] || { echo "$theirs: $hint"; return 1; }
  done
  for theirs in 't=from_unixtime(_ts)' 't=to_timestamp(_ts)'; do
    hint kmap -I envelope "$theirs" ./in.ndjson
    [[ "$(kmap -I envelope "$hint" ./in.ndjson | head -n 1)" == *.123Z* ]] || { echo "$theirs: $hint"; return 1; }
  done
  run kmap -I envelope 't=timestamp(_ts)' ./in.ndjson
  [[ $status -eq 4 && $output == *"  write: t=timestamp_ms(_ts)"* ]]
  [[ "$(kmap -I envelope 't=timestamp_ms(_ts)' ./in.ndjson | head -n 1)" == *.123Z* ]]
  hint kmap -I envelope 'd=to_char(_ts, "YYYY-MM-DD HH24:MI:SS")' ./in.ndjson
  [ "$(kmap -I envelope "$hint" ./in.ndjson | head -n 1)" = "{\"d\":\"$(date -u -d "@$((now - 60))" '+%F %T')\"}" ]
  hint kmap -I envelope 'd=date_format(_ts, "dd.MM.yyyy")' ./in.ndjson
  [ "$(kmap -I envelope "$hint" ./in.ndjson | head -n 1)" = "{\"d\":\"$(date -u -d "@$((now - 60))" +%d.%m.%Y)\"}" ]
}

@test "aggregates of a field in quotes, quantiles in either order" {
  rows
  hint ktable --total 'sum("number")' ./in.ndjson
  [ "$hint" = 'sum(number)' ]
  hint ktable --total 'quantile(0.9, number)' ./in.ndjson
  [ "$hint" = 'percentile(number, 90)' ]
  hint ktable --total 'count(*) n, sum(number) s' ./in.ndjson
  [ "$hint" = 'n=count(), s=sum(number)' ]
}

@test "SQL, forgotten operands and options of others: the hint keeps options and names, and works on a broker" {
  cat >script <<'END'
  kgen -q --seed 1 -c 50 clicks clicks; kgen -q --seed 2 -c 5 clicks clicks_p; kgen -q --seed 3 -c 7 clicks views
  # pasted OURS JQ-OR-LINES COMMAND...: the command is refused with this hint, which, pasted, writes so many lines.
  pasted() {
    hint "${@:3}" || exit 1
    [ "$hint" = "$1" ] || { echo "${*:3}: $hint"; exit 1; }
    [ "$(bash -c "$hint" 2>pasted.err | wc -l)" -eq "$2" ] || { echo "$hint: not $2 lines: $(cat pasted.err)"; exit 1; }
  }
  matching=$(kread -q -e clicks | jq -c 'select(.number > 100)' | wc -l)
  countries=$(kread -q -e clicks | jq -r .country | sort -u | wc -l)
  pasted "kfilter -e -q 'number > 100' clicks" "$matching" kfilter -e -q 'SELECT * WHERE number > 100' clicks
  pasted "kpipe -e kfilter 'number > 100' then kmap uri -- clicks" "$matching" kmap -e 'SELECT uri FROM clicks WHERE number > 100;' clicks
  pasted "kpipe -e kfilter 'number > 100' then kmap uri -- clicks o1" 0 kmap -e 'SELECT uri WHERE number > 100' clicks o1
  [ "$(kread -q -e --count o1)" -eq "$matching" ]
  pasted "kfilter -b $KUTILS_BROKERS -e -m 2 'number > 3' clicks" 2 kfilter -b "$KUTILS_BROKERS" -e 'number > 3 LIMIT 2' clicks
  pasted "kread -e clicks" 50 kread -e 'select * from clicks'
  pasted "kmap -e 'u=uri, number' clicks" 50 kread -e 'select uri as u, number from clicks'
  pasted "ktable -e --by country 'count()' clicks" "$countries" kread -e 'select country, count(*) from clicks group by country'
  pasted "ktable -e --by country 'count()' clicks" "$countries" ktable -e --by country clicks
  pasted "ktable -e --by country 'count()' clicks" "$countries" kread -e --count --by country clicks
  pasted "ktable -e 'count()' clicks out" 0 ktable -e clicks 'count()' out
  grep -q "ktable -e --by clicks 'count()' out" err.txt
  pasted "ktable -e --total 'sum(number)' clicks" 1 kmap -e 'sum(number)' clicks
  pasted "kmap -e -m 3 --value-codec text c=_value clicks" 3 kmap -e -m 3 -I text c=_value clicks
  pasted "kmap -e '*' clicks o2 && kread -e -O csv o2" 51 kmap -e -O csv '*' clicks o2
  pasted "ktable -e --by country 'n=count()' clicks o3 && kread -e -O table --sort n table:o3" "$((countries + 1))" \
    ktable -O table --sort n -e --by country 'n=count()' clicks o3
  pasted "kfilter -e '!(number > 100)' clicks" "$((50 - matching))" kfilter -e --not 'number > 100' clicks
  pasted "kread -e --where 'number > 100' clicks" "$matching" kread -e --filter 'number > 100' clicks
  pasted "kpipe -e kfilter 'number > 100' then kmap uri -- clicks" "$matching" kmap -e --where 'number > 100' uri clicks
  pasted "kread -K '\t' -e clicks" 50 kread --keys -e clicks
  pasted "kread -J -e clicks" 50 kread --headers -e clicks
  pasted "kread -J -e clicks" 50 kread --json -e clicks
  pasted "kread -O json -e clicks" 50 kread --output json -e clicks
  pasted "kread -f '%s\n' -e clicks" 50 kread --format '%s\n' -e clicks
  pasted "kread -m 3 clicks" 3 kread --limit 3 clicks
  pasted "kmap -m 3 uri clicks" 3 kmap --limit 3 uri clicks
  pasted "kgen -c 3 clicks" 3 kgen -n 3 clicks
  pasted "kread -e -c 1 -p 0 -o @1000 -f '%o\n' clicks" 1 kread -Q -t clicks:0:1000
  pasted "kmap -e '*, -email' clicks" 50 kmap -e '*,' -email clicks
  pasted "kmap -e '| jq -c .uri' clicks" 50 kmap -e 'jq -c .uri' clicks
  pasted "kmerge -e -g merge-o4 clicks,views o4" 0 kcp -e clicks views o4
  printf 'one\ntwo\n' >lines.txt
  pasted "kwrite -I text ./lines.txt o5" 0 kwrite -P -t o5 -l lines.txt
  pasted "kwrite -I text ./lines.txt o5" 0 kwrite o5 lines.txt
  [ "$(kread -q -e --count o5)" -eq 4 ]
  printf 'a,b\n1,2\n' >rows.csv
  pasted "kwrite -I csv ./rows.csv o6" 0 kwrite -O csv ./rows.csv o6
  run_status=0; kmap -e --header a=b -J '*' clicks >/dev/null 2>err.txt || run_status=$?
  grep -qF -- "--header 'a=\"b\"'" err.txt
  SECONDS=0
  pasted "kgroupby -e uri clicks o7" 0 kgroupby -e clicks uri o7
  [ "$SECONDS" -lt 8 ]
  kread -e click 2>err.txt && exit 1
  grep -q "did you mean 'clicks'?" err.txt
END
  export -f hint
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; cat err.txt; return 1; }
}

@test "AGGS forgotten, a value of --by or -w as an operand, two conditions, rows of kquery, -c with --where" {
  cat >script <<'END'
  kgen -q --seed 1 -c 50 clicks clicks; kgen -q --seed 2 -c 5 clicks views
  gives() {
    hint "${@:2}" || exit 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; exit 1; }
  }
  gives "ktable -e 'count()' clicks t7" ktable -e clicks t7
  gives "ktable -e 'count()' clicks" ktable -e clicks
  gives "ktable -e --by country 'count()' clicks t7" ktable -e --by country clicks t7
  gives "ktable -e --by country 'count()' clicks" ktable -e country clicks
  gives "ktable -e --by country,uri 'count()' clicks" ktable -e --by country uri clicks
  gives "kwindow -e -w 1m --by uri 'count()' clicks t7" kwindow -e -w 1m --by uri clicks t7
  gives "ktable -e --by FIELD 'n=count()' clicks t7" ktable -e --by 'n=count()' clicks t7
  gives "ktable -e --by FIELD 'n=count()' clicks" ktable -e --by 'n=count()' clicks
  gives "kpipe -e kfilter true then ktable --by clicks 'count()' -- clicks" kpipe -e kfilter true then ktable clicks -- clicks
  gives "ktable -e --by uri 'n=count()' clicks t7" ktable -e uri 'n=count()' clicks t7
  gives "ktable -e --by uri 'n=count()' clicks t7" ktable -e 'n=count()' uri clicks t7
  gives "kwindow -e --by uri -w 1m 'n=count()' clicks w1" kwindow -e --by uri 1m 'n=count()' clicks w1
  gives "kwindow -e --by country,uri -w 1m 'n=count()' clicks w1" kwindow -e --by country -w 1m 'n=count()' uri clicks w1
  gives "kfilter -e '(number >= 100) && (uri != \"/home\")' clicks p4" kfilter -e 'number >= 100' 'uri != "/home"' clicks p4
  bash -c "$hint"
  [ "$(kread -q -e --count p4)" -eq "$(kread -q -e clicks | jq -c 'select(.number >= 100 and .uri != "/home")' | wc -l)" ]
  gives "kgroupby -e 'uri, country' clicks g1" kgroupby -e uri country clicks g1
  kfilter -e number '>=' 100 clicks 2>err.txt && exit 1
  grep -q 'needs quotes' err.txt
  kmap -e uri clicks out more 2>err.txt && exit 1
  grep -q 'one operand too many' err.txt
  if grep -q quotes err.txt; then exit 1; fi
  gives "kquery -g x t2 | kfilter 'n > 100'" kquery -g x t2 --where 'n > 100'
  kread clicks -e --where 'number > 190' -c 2 >got 2>err.txt
  [ ! -s got ]
  grep -q -- '-c counts records read: 2 read, 0 printed' err.txt
  command=$(sed -n 's/.*for 2 that match: //p' err.txt)
  [ "$(bash -c "$command" 2>/dev/null | wc -l)" -eq 2 ]
  # Nothing to note: all match, the end came first, -q.
  [ -z "$(kread clicks -e --where 'number >= 0' -c 2 2>&1 >/dev/null | grep counts)" ]
  [ -z "$(kread clicks -e --where 'number > 190' -c 51 2>&1 >/dev/null | grep counts)" ]
  [ -z "$(kread clicks -e -q --where 'number > 190' -c 2 2>&1)" ]
  kread -q -e -g G -c 3 clicks >/dev/null
  klag G click 2>err.txt && exit 1
  grep -q "did you mean 'clicks'?" err.txt
END
  export -f hint
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; cat err.txt; return 1; }
}

@test "CSV files, ./ forgotten, OUT as -o, several topics without -g: pasted on a broker" {
  cat >script <<'END'
  kgen -q --seed 1 -c 20 clicks clicks
  pasted() {
    hint "${@:2}" || exit 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; exit 1; }
    bash -c "$hint" >pasted.out 2>pasted.err || { echo "$hint: $(cat pasted.err)"; exit 1; }
  }
  printf 'id,name\nu1,a\nu2,b\n' >people.csv
  printf '{"id":"u1"}\n{"id":"u2"}\n' >users.ndjson
  kwrite ./people.csv people 2>err.txt && exit 1
  bash -c "$(sed -n 's/^  to read it as a header: //p' err.txt)" 2>pasted.err
  [ "$(kread -q -e people | jq -c .name | tr '\n' ' ')" = '"a" "b" ' ]
  pasted 'kwrite -I csv ./people.csv people2' kwrite people.csv people2
  [ "$(kread -q -e --count people2)" -eq 2 ]
  pasted 'kwrite --key id ./users.ndjson users' kwrite --key id users.ndjson users
  if grep -q kcp err.txt; then exit 1; fi
  [ "$(kread -q -e -f '%k ' users)" = 'u1 u2 ' ]
  pasted "kwrite -I csv ./people.csv people3" kwrite -I csv people.csv people3
  pasted "kfilter -e 'number >= 0' clicks p5" kfilter -e 'number >= 0' -o p5 clicks
  [ "$(kread -q -e --count p5)" -eq 20 ]
  pasted "kmerge -e -g merge-both clicks,people both" kmerge -e clicks,people both
  pasted "kdedup -e --within 1h user clicks d1" kdedup -e user clicks d1
  pasted "kbranch -e 'low=number < 50,mid=number < 100' clicks high" kbranch -e 'low=number < 50' 'mid=number < 100' clicks high
  [ "$(cat <(kread -q -e low) <(kread -q -e mid) <(kread -q -e high) | wc -l)" -eq 20 ]
END
  export -f hint
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; cat err.txt; return 1; }
}

@test "verbs of rpk and Kafka's scripts: each hint is a whole command" {
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives 'koffset commit g clicks=0' koffset set g clicks=0
  gives 'koffset reset -o beginning g' koffset seek g --to start
  gives 'koffset reset -o @1700000000000 g' koffset seek g --to 1700000000000
  gives 'koffset reset -o beginning g' koffset set g --to-earliest
  gives 'koffset list' koffset --list
  run koffset --list
  [[ $output != *ktopic* ]]
  gives 'ktopic describe --all t1' ktopic config t1
  gives 'ktopic alter --config retention.ms=1d t1' ktopic config t1 retention.ms=1d
  gives 'ktopic alter --config retention.ms=1d --config a=b t1' ktopic alter-config t1 retention.ms=1d a=b
  gives 'ktopic trim -o end t1' ktopic truncate t1
  gives 'ktopic trim --tail 5 t1' ktopic purge --tail 5 t1
  gives 'ktopic trim -o 3 t1' ktopic trim-prefix t1 -o 3
  gives 'ktopic trim -o end t1' ktopic trim t1
  gives 'ktopic create --partitions 3 t9' ktopic create -p 3 t9
  gives 'ktopic grow 4 t1' ktopic add-partitions t1 4
  gives 'ktopic grow 4 t1' ktopic grow t1 4
  gives 'ktopic list -O json' ktopic list --output json
}

@test "within a stage of kpipe options of others are answered with the whole pipe; in front of it, too" {
  rows
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  local by="ktable --by uri 'count()'"
  gives "kpipe kfilter 'number > 3' then $by -- clicks out" kpipe kfilter 'number > 3' then ktable --group-by uri 'count()' -- clicks out
  gives "kpipe kfilter 'number > 3' then $by -- clicks out" kpipe kfilter --where 'number > 3' then ktable --key uri 'count()' -- clicks out
  gives "kpipe kfilter 'n > 3' then kfilter 'n > 4' then $by as totals -- clicks" \
    kpipe kfilter 'n > 3' then ktable --by uri --where 'n > 4' 'count()' as totals -- clicks
  gives "kpipe kfilter 'n > 3' then kwindow -w 10s/5s --by uri 'count()' -- clicks out" \
    kpipe kfilter 'n > 3' then kwindow --size 10s --hop 5s --group-by uri 'count()' -- clicks out
  gives "kpipe kfilter 'n > 3' then kwindow --by uri -w 10s 'count()' -- clicks out" kpipe kfilter 'n > 3' then ktable --by uri -w 10s 'count()' -- clicks out
  gives "kpipe kfilter 'n > 3' then kwindow --by uri -w 10s 'count()' -- clicks out" kpipe kfilter 'n > 3' then ktable --by uri --window 10s 'count()' -- clicks out
  gives "kwindow --by uri -w 10s 'count()' clicks" ktable --window 10s --by uri 'count()' clicks
  gives "kpipe kfilter '!(n > 3)' then kmap '*, -email' -- clicks out" kpipe kfilter --invert 'n > 3' then kmap --drop email -- clicks out
  gives "kpipe kfilter true then kmap '*, -email' -- clicks out" kpipe kfilter true then kmap -email -- clicks out
  gives "kpipe kfilter true then kjoin --on uri --left table:pages -- clicks out" kpipe kfilter true then kjoin --by uri --type left table:pages -- clicks out
  gives "kpipe kfilter true then kgroupby uri then kdedup --within 1m uri -- clicks out" \
    kpipe kfilter true then kgroupby --by uri then kdedup --key uri --within 1m -- clicks out
  gives 'ktake 5 clicks out' ktake -n 5 clicks out
  gives "kpipe kfilter true then ktake 5 -- clicks out" kpipe kfilter true then ktake -n 5 -- clicks out
  # What is of the whole pipe stands in front of it.
  gives "kpipe -b h:1 -g g kfilter true then kgroupby uri -- clicks out" kpipe kfilter true then kgroupby uri --bootstrap-server h:1 --group g -- clicks out
  gives "kpipe -o beginning kfilter true then kgroupby uri -- clicks out" kpipe kfilter -t clicks --from-beginning true then kgroupby uri -- out
  gives "kpipe --sort -n -O table kfilter true then $by -- clicks" kpipe kfilter true then ktable --by uri 'count()' --sort -n -O table -- clicks
  gives "kpipe -m 5 -O csv kfilter true then $by -- clicks" kpipe kfilter true then ktable --by uri --limit 5 'count()' --csv -- clicks
  gives "kpipe -b h:1 -g g -o beginning kfilter true then kgroupby uri -- clicks out" \
    kpipe --bootstrap-server h:1 --topic clicks --group g --from-beginning kfilter true then kgroupby uri -- out
  gives "kpipe kfilter true then kgroupby uri -- clicks" kpipe -t clicks kfilter true then kgroupby uri
  gives "kpipe kfilter 'n > 3' then kmap uri -- clicks out" kpipe --where 'n > 3' kmap uri -- clicks out
  # They run.
  hint kpipe kfilter --where 'number > 100' then ktable --group-by uri 'count()' -- ./in.ndjson
  [ "$(eval "$hint" | jq -s 'map(.count) | add')" = "$(jq -s 'map(select(.number > 100)) | length' in.ndjson)" ]
  # No command: what the tool says, of the stage.
  run kpipe kfilter true then kwindow -w 10s --grac 5s 'count()' -- clicks out
  [ "$status" -eq 2 ]
  [[ $output == *"did you mean '--grace'?"*"'kpipe kwindow --help-all'"* ]]
}

@test "kcat's -Z has no value; kcat -P -l writes lines as they are; operands behind a file that is there" {
  rows
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives 'kread -Z NULL -e -K , clicks' kread -C -t clicks -Z -e -K ,
  gives 'kread -e -Z NULL clicks' kread -t clicks -e -Z
  gives 'kread -e -Z NULL -K , clicks' kread -CeZ -t clicks -K,
  gives 'kread -Z NULL -e clicks' kread -Z -e clicks
  gives 'kread -Z - -e clicks' kread -t clicks -Z - -e
  gives "kwrite -Z '' -K , -I text ./keyed.txt clicks" kwrite -P -t clicks -Z -K , -l keyed.txt
  gives 'kwrite -I text ./lines clicks' kwrite -P -t clicks -l lines
  gives 'kwrite -I text ./lines clicks' kwrite -P -l -t clicks lines
  gives 'kwrite -I text -0 ./lines.txt clicks' kwrite -P -t clicks lines.txt
  grep -q 'writes the file as one record' err.txt
  gives 'kwrite ./in.ndjson clicks' kwrite -P -t clicks -l in.ndjson
  gives "kfilter 'n > 3' in.ndjson out" kfilter in.ndjson out 'n > 3'
  gives "kfilter 'n > 3' ./in.ndjson out" kfilter ./in.ndjson out 'n > 3'
  gives "kmap '*, -email' in.ndjson out" kmap in.ndjson out '*, -email'
  run kfilter in.ndjson out
  [[ $output == *"the EXPR is missing: 'in.ndjson' is a file"* ]]
}

@test "a file behind -o, a topic and a file for kread, a branch that is OUT" {
  rows
  hint kfilter -o x.ndjson 'number > 100' ./in.ndjson
  [ "$hint" = "kfilter 'number > 100' ./in.ndjson ./x.ndjson" ]
  hint kread clicks ./copy.ndjson
  [ "$hint" = "kcp -e clicks ./copy.ndjson" ]
  hint kread ./a.ndjson ./b.ndjson
  [ "$hint" = "cat ./a.ndjson ./b.ndjson | kread" ]
  run kbranch -b 127.0.0.1:1 'low=number < 50' clicks low
  [ "$status" -eq 2 ]
  [[ $output == *"'low' is the topic of a branch and OUT"* ]]
}

@test "a length of windows given twice or cut at its space, commas between stages, how long a topic keeps its records" {
  rows
  export KUTILS_BROKERS=localhost:1
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; return 1; }
  }
  gives "kwindow -w session:3m 'count()' clicks" kwindow 'count()' -w session:5m --gap 3m clicks
  gives "kwindow -w 1m 'count()' clicks" kwindow 'count()' -w 1 minute clicks
  run kpipe kfilter 'n > 3' , kmap uri -- clicks out
  [ "$status" -eq 2 ]
  [[ $output == *": kpipe kfilter 'n > 3' then kmap uri -- clicks out" ]]
  gives 'ktopic create --partitions 3 --config retention.ms=1d clicks' ktopic create clicks --partitions=3 --retention 1d
}

@test "compressed input is told by its first bytes, and read as advised" {
  kgen -q --seed 1 -c 50 clicks >plain.ndjson
  kfilter 'number > 100' ./plain.ndjson >want
  [ -s want ]
  local program reader
  for program in gzip:zcat bzip2:bzcat xz:xzcat zstd:zstdcat lz4:lz4cat; do
    reader=${program#*:} program=${program%:*}
    command -v "$program" >/dev/null && command -v "$reader" >/dev/null || continue
    "$program" -c <plain.ndjson >"in.$program"
    hint kfilter 'number > 100' "./in.$program" || return 1
    grep -q "is compressed by $program" err.txt
    [ "$hint" = "$reader ./in.$program | kfilter 'number > 100' -" ] || { echo "$hint"; return 1; }
    bash -c "$hint" | cmp - want
    # A pipe that gives it byte by byte, and as other formats.
    for format in json text csv envelope; do
      run bash -c "dd bs=1 status=none <in.$program | kread -I $format"
      [[ $status -eq 2 && $output == *"standard input is compressed by $program"*"decompress it in front: $reader | kread -I $format"* ]] || { echo "$output"; return 1; }
    done
  done
  hint kpipe kfilter 'number > 100' then kmap uri -- ./in.gzip
  [ "$hint" = "zcat ./in.gzip | kpipe kfilter 'number > 100' then kmap uri -- -" ]
  [ "$(bash -c "$hint" | wc -l)" -eq "$(wc -l <want)" ]
  # Text that begins as bzip2's, short lines and few bytes are no archives.
  printf 'BZh is a name\n' | kread -I text | grep -q 'BZh is'
  printf 'BZ' | kread -I text | grep -q BZ
  printf '\x1f' | kread -I text -O hex | grep -q 1f
  KUTILS_BROKERS=localhost:1 hint kwrite ./in.gzip clicks
  [ "$hint" = 'zcat ./in.gzip | kwrite - clicks' ]
}

@test "lag() computed with: the error has the list that works" {
  printf '{"v":1}\n{"v":5}\n{"v":7}\n' >in.ndjson
  fails() {  # fails OURS THEIRS
    local code=0
    kscan "$2" ./in.ndjson >out.txt 2>err.txt || code=$?
    [ "$code" -eq 4 ]
    ! grep -q '_lag' err.txt || { cat err.txt; return 1; }
    [ "$(sed -n 's/^  lag() of the first record of a key is null: //p' err.txt)" = "kscan $1 ./in.ndjson" ] || { cat err.txt; return 1; }
    bash -c "$(sed -n 's/^  lag() of the first record of a key is null: //p' err.txt)" >got
    [ "$(wc -l <got)" -eq 3 ]
  }
  fails "'d=v-coalesce(lag(v), v)'" 'd=v-lag(v)'
  [ "$(jq -c .d got | tr '\n' ' ')" = '0 4 2 ' ]
  fails "'*, n=count(), d=(v - coalesce(lag(v, 2), v)) * 2'" '*, n=count(), d=(v - lag(v, 2)) * 2'
  fails "'p=lag(v), up=v > coalesce(p, v)'" 'p=lag(v), up=v > p'
  fails "'v, d=math.abs(coalesce(lag(v), v))'" 'v, d=math.abs(lag(v))'
  # The caret points to what was written.
  kscan --total 'n=count() + x' ./in.ndjson 2>err.txt || true
  grep -A 1 -x '  count() + x' err.txt | grep -qx '            ^'
  # What was spelled otherwise is mended in the words of the list.
  hint kscan 'v, d=v - lag(v)*2 + len(v)' ./in.ndjson
  [ "$hint" = 'v, d=v - lag(v)*2 + size(v)' ]
}

@test "kwrite -p of a partition that is not there: refused at the start, with their count" {
  cat >script <<'END'
  kgen -q -c 3 clicks >in.ndjson
  kwrite -q ./in.ndjson three
  count=$(ktopic list -O json | jq 'select(.topic == "three") | .partitions')
  kwrite -p 7 ./in.ndjson three 2>err.txt && exit 1
  [ "${PIPESTATUS[0]}" -eq 0 ] || exit 1
  grep -q -- "-p 7: there is no such partition: three has 0 to $((count - 1))" err.txt
  code=0; kwrite --on-error skip -p "$count" ./in.ndjson three 2>err.txt || code=$?
  [ "$code" -eq 2 ]
  grep -qx "  to add partitions: ktopic -b $KUTILS_BROKERS grow --execute 8 three" <(kwrite -b "$KUTILS_BROKERS" -p 7 ./in.ndjson three 2>&1) || exit 1
  kwrite -q -p "$((count - 1))" ./in.ndjson three
  [ "$(kread -q -e -p "$((count - 1))" --count three)" -ge 3 ]
  # Of a topic that is to be created, too; it is not made.
  code=0; kwrite --partitions 4 -p 4 ./in.ndjson four 2>err.txt || code=$?
  [ "$code" -eq 2 ]
  grep -q 'four has 0 to 3' err.txt
  ktopic list | grep -q '^four' && exit 1
  true
END
  sed -i '/PIPESTATUS/d' script
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; cat err.txt; return 1; }
}

@test "what the shell makes of * and commas; several files; sort's and kcat's letters" {
  rows
  cp in.ndjson b.ndjson
  gives() {
    hint "${@:2}" || return 1
    [ "$hint" = "$1" ] || { echo "${*:2}: $hint"; cat err.txt; return 1; }
    bash -c "$hint" >pasted.out 2>pasted.err || { echo "$hint: $(cat pasted.err)"; return 1; }
  }
  mkdir folder
  touch folder/x folder/y
  cd folder
  kmap * ../in.ndjson >../out.txt 2>../err.txt && return 1
  cd ..
  [ "$(sed -n 's/^  write: //p' err.txt)" = "kmap '*' ../in.ndjson" ] || { cat err.txt; return 1; }
  gives 'kmap uri ./in.ndjson' kmap 'uri,' ./in.ndjson
  gives "kmap 'uri, number' ./in.ndjson" kmap 'uri, number,' ./in.ndjson
  gives "kmap 'uri, number' ./in.ndjson" kmap uri, number, ./in.ndjson
  gives "ktable --by country 'count()' ./in.ndjson" ktable --by country 'count(),' ./in.ndjson
  spelling kfilter 'number > 3,' 'select(.number > 3)'
  gives "cat ./b.ndjson ./in.ndjson ./in.ndjson | kfilter 'number > 3'" kfilter 'number > 3' ./b.ndjson ./in.ndjson ./in.ndjson
  gives 'cat ./b.ndjson ./in.ndjson' kmerge ./b.ndjson ./in.ndjson -
  # The last one may be an input, too: the hint writes over none.
  cp b.ndjson c.ndjson
  gives 'cat ./b.ndjson ./in.ndjson ./c.ndjson' kmerge ./b.ndjson ./in.ndjson ./c.ndjson
  gives 'kgen -c 100 clicks' kgen 100 clicks
  gives 'kgen -c 5 clicks' kgen 5
  gives "kpipe kfilter 'number > 5' then kmap uri -- ./in.ndjson" kpipe kfilter 'number > 5' and kmap uri -- ./in.ndjson
  hint ktable --total 'percentile(number, 0.95)' ./in.ndjson
  [ "$hint" = 'percentile(number, 95)' ]
  gives 'sort -n ./in.ndjson' ksort -n ./in.ndjson
  gives 'sort -r ./in.ndjson' ksort -r ./in.ndjson
  gives 'kread ./in.ndjson' kread -r ./in.ndjson
  gives 'kread ./in.ndjson' kread --raw-output ./in.ndjson
  gives "kread ./in.ndjson | grep home" kmap '| grep home' ./in.ndjson
  gives "kread ./in.ndjson | sort" kmap '| sort' ./in.ndjson
  cat >script <<'END'
  kgen -q --seed 1 -c 20 clicks clicks; kgen -q --seed 2 -c 5 clicks views
  pasted() {
    hint "${@:3}" || exit 1
    [ "$hint" = "$1" ] || { echo "${*:3}: $hint"; exit 1; }
    [ "$(timeout 20 bash -c "$hint" 2>pasted.err | wc -l)" -eq "$2" ] || { echo "$hint: $(cat pasted.err)"; exit 1; }
  }
  printf 'one\ntwo\n' >l.txt
  pasted 'kread -e clicks' 20 kread -e -z clicks
  pasted 'kread -e clicks' 20 kread -e -z gzip clicks
  pasted 'kread -e clicks' 20 kread -z snappy -t clicks -e
  pasted 'kread -e clicks' 20 kread -e -r clicks
  pasted 'kread -e clicks' 20 kread -r http://registry:8081 -e -t clicks
  pasted 'kread -e clicks,views' 25 kmerge -e clicks views -
  pasted 'kread -e clicks,views' 25 kmerge -e clicks,views -
  pasted 'kread -e clicks | sort -r' 20 ksort -r clicks
  pasted 'kwrite -I text ./l.txt o1' 0 kwrite -t o1 l.txt
  pasted 'cat ./in.ndjson ./b.ndjson | kwrite o2' 0 kmerge ./in.ndjson ./b.ndjson o2
  [ "$(kread -q -e --count o2)" -eq 400 ]
END
  export -f hint
  run kbroker bash -e script
  [ "$status" -eq 0 ] || { echo "$output"; cat err.txt; return 1; }
}

@test "more words of jq, SQL, Python, awk and Miller" {
  rows
  spelling kfilter 'country is "DE"' 'select(.country == "DE")'
  spelling kfilter 'country is not "DE" and number > 3' 'select(.country != "DE" and .number > 3)'
  spelling kfilter 'country is DE' 'select(.country == "DE")'
  spelling kfilter 'country in DE,FR' 'select(.country == "DE" or .country == "FR")'
  spelling kfilter 'country not in "DE","FR"' 'select(.country != "DE" and .country != "FR")'
  spelling kfilter 'email exists' 'select(has("email"))'
  spelling kfilter 'email exists and number > 3' 'select(has("email") and .number > 3)'
  spelling kfilter 'email is not empty' 'select((.email // "") != "")'
  spelling kfilter 'is_present(email) && !empty(uri)' 'select(has("email") and .uri != "")'
  spelling kfilter 'match(uri, "^/p")' 'select(.uri | test("^/p"))'
  spelling kfilter 'regex(uri, "^/p")' 'select(.uri | test("^/p"))'
  spelling kfilter 're.match("^/p", uri)' 'select(.uri | test("^/p"))'
  spelling kfilter 'test(uri; "^/p")' 'select(.uri | test("^/p"))'
  spelling kfilter 'number < 1_000' 'select(.number < 1000)'
  spelling kmap 'uri -> page' '{page: .uri}'
  spelling kmap 'uri -> page, number' '{page: .uri, number}'
  spelling kmap 'drop email, user' 'del(.email, .user)'
  spelling kmap '* except email' 'del(.email)'
  spelling kmap '*, !email' 'del(.email)'
  spelling kmap '*, x=(int)ms' '. + {x: (.ms | trunc)}'
  spelling kmap 'x=typeof uri' '{x: "string"}'
  spelling kmap 'x=uri . "-" . country' '{x: (.uri + "-" + .country)}'
  spelling kmap 'x=ifelse(number > 3, 1, 0)' '{x: (if .number > 3 then 1 else 0 end)}'
  spelling kmap 'x=concat_ws("-", uri, country)' '{x: (.uri + "-" + .country)}'
  spelling kmap 'x=join("-", uri, country)' '{x: (.uri + "-" + .country)}'
  spelling kmap 'x="\(.uri)-\(.country)"' '{x: "\(.uri)-\(.country)"}'
  spelling kmap 'x=round(ms, 2)' '{x: .ms}'
  spelling kmap 'x=number.toFixed(2)' '{x: "\(.number).00"}'
  spelling kmap 'x=split_part(uri, "/", 2)' '{x: (.uri / "/")[1]}'
  spelling kmap 'x=regex_replace(uri, "/", "")' '{x: (.uri | gsub("/"; ""))}'
  spelling kmap 'x=reverse(uri)' '{x: (.uri | explode | reverse | implode)}'
  spelling kmap 'x=get(nobody, 0)' '{x: 0}'
  spelling kmap 'x=tojson(number), y=JSON.stringify(number)' '{x: (.number | tojson), y: (.number | tojson)}'
  spelling kmap 'x=JSON.parse("{\"a\":1}").a, y=fromjson("2")' '{x: 1, y: 2}'
  spelling kmap 'x=base64(uri)' '{x: (.uri | @base64)}'
  spelling kmap 'x=number | todate' '{x: (.number | todate[0:10])}'
  spelling kmap 'x=sec2gmt(number)' '{x: (.number | todate)}'
  record_spelling kfilter 'len > 3' .
  record_spelling kfilter 'length == 6' .
  record_spelling kfilter 'NR <= 5' 'select(input_line_number <= 5)'
  record_spelling kfilter 'NR % 2 == 0' 'select(input_line_number % 2 == 0)'
  record_spelling kmap 'n=length' '{n: length}'
  record_spelling kmap 'k=keys' '{k: keys_unsorted}'
  record_spelling kfilter '"p" in uri' 'select(.uri | contains("p"))'
  record_spelling kfilter '!email' 'select((.email // "") == "")'
  # What would not be true or false is not advised.
  run kfilter len ./in.ndjson
  [[ $status -eq 4 && $output != *write:* ]] || { echo "$output"; return 1; }
  local theirs
  for theirs in 'count(*)' 'count(*) > 3'; do
    hint kfilter "$theirs" ./in.ndjson
    [ "$hint" = "ktable --total 'count()' ./in.ndjson" ] || { echo "$theirs: $hint"; return 1; }
  done
  hint kexpr 'count(*)' ./in.ndjson
  [ "$hint" = "ktable --total 'count()' ./in.ndjson" ]
  hint kmap '*, x=row_number()' ./in.ndjson
  [ "$hint" = "kscan --total '*, n=count()' ./in.ndjson" ]
  [ "$(bash -c "$hint" | wc -l)" -eq 200 ]
  for theirs in 'SELECT DISTINCT country' 'distinct country'; do
    hint kmap "$theirs" ./in.ndjson
    [ "$hint" = "ktable --by country 'count()' ./in.ndjson" ] || { echo "$theirs: $hint"; return 1; }
  done
  # No hint rather than a wrong one.
  run kmap '*, x=uri | nosuch("/")' ./in.ndjson
  [[ $status -eq 2 && $output != *'uri ||'* ]] || { echo "$output"; return 1; }
}
