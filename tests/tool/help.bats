#!/usr/bin/env bats
# Every tool of the list: help, man page, completion.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; shell_setup; }

tools() { cat "$KUTILS_BUILD_DIR/tools.list"; }

@test "--help fits a screen, on stdout, and ends with two examples" {
  for tool in $(tools); do
    "$tool" --help >help.txt 2>help.err
    [ ! -s help.err ]
    lines=$(wc -l <help.txt)
    [ "$lines" -le 24 ] || { echo "$tool: $lines lines"; return 1; }
    [ "$(wc -L <help.txt)" -le 80 ] || { echo "$tool: too wide"; return 1; }
    head -1 help.txt | grep -q "^Usage: $tool " || { echo "$tool: no usage line"; return 1; }
    tail -3 help.txt | head -1 | grep -q '^Examples:$' || { echo "$tool: no examples"; return 1; }
    [ "$(tail -2 help.txt | grep -c "$tool")" -eq 2 ] || { echo "$tool: not two examples"; return 1; }
  done
}

@test "--help takes less than 10 ms" {
  # The bound is that of the code that is shipped.
  if ! grep -q '^KUTILS_SANITIZE:STRING=$' "$KUTILS_BUILD_DIR/CMakeCache.txt"; then skip "an instrumented build starts slower"; fi
  local tool began us least run
  for tool in $(tools); do
    least=1000000
    # The least of many: what else the machine does only adds.
    for run in {1..50}; do
      began=${EPOCHREALTIME/[.,]/}
      "$tool" --help >help.txt
      us=$((${EPOCHREALTIME/[.,]/} - began))
      [ "$us" -ge "$least" ] || least=$us
      [ "$least" -ge 10000 ] || break
    done
    [ "$least" -lt 10000 ] || { echo "$tool: $least us at the least of $run runs"; return 1; }
  done
}

@test "--help names the pages of section 7, that of expressions where the tool has any" {
  for tool in $(tools); do
    wanted='kutils-\{options,security\}'
    ! "$tool" --help-all | grep -qE '^ +-.* EXPR|^  (EXPR|LIST|AGGS|D) |=EXPR|=COND' || wanted='kutils-\{options,expr,security\}'
    "$tool" --help | grep -qE "^All options: $tool --help-all; man $tool $wanted$" || { echo "$tool: $wanted"; "$tool" --help; return 1; }
  done
  for page in options expr security; do [ -f "$KUTILS_SOURCE_DIR/man/kutils-$page.md" ]; done
}

@test "the examples of --help are taken as they stand" {
  export KUTILS_BROKERS=localhost:1  # those on topics get no further than there
  kgen --seed 1 -c 3 clicks >clicks.ndjson
  echo '{"country":"DE","ms":3}' >log.ndjson
  echo '{"at":"2026-03-29T00:30:00Z","amount":3}' | tee sales.ndjson >orders.ndjson
  printf 'VendorID,total\n1,2\n' >rides.csv
  echo 'kexpr 1' >pipeline.sh
  local examples=0
  for tool in $(tools); do
    "$tool" --help-man examples | grep '^    ' | sed 's/  # .*//' >examples.txt
    while read -r example; do
      case $example in
        'kquery totals '* | 'kquery --at '*) continue ;;  # there is no state
        'kbroker --topic '*) example="timeout -s TERM 1 $example" ;;
      esac
      # Side by side, for they wait for a broker that is not there; each in a directory of its own.
      examples=$((examples + 1))
      mkdir "$examples"
      cp ./*.ndjson ./*.csv ./*.sh "$examples"
      printf '%s\n' "$example" >"$examples/example"
      (
        cd "$examples" || exit
        code=0
        timeout 20 bash -c "set -o pipefail; $example" </dev/null >said 2>&1 || code=$?
        echo "$code" >code
      ) 3>&- &
      [ $((examples % 12)) -ne 0 ] || wait
    done <examples.txt
  done
  wait
  [ "$examples" -ge "$(tools | wc -l)" ]
  for example in $(seq "$examples"); do
    case $(cat "$example/code") in
      0 | 3 | 124) ;;
      *) echo "$(cat "$example/example"): exit code $(cat "$example/code"): $(cat "$example/said")"; return 1 ;;
    esac
  done
}

@test "--version says what it is" {
  for tool in $(tools); do
    run "$tool" --version
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "$tool (kutils) "[0-9]* ]]
    [[ ${lines[1]} =~ ^librdkafka\ [0-9]+\.[0-9]+\.[0-9]+[^,]*,\ RocksDB\ [0-9]+\.[0-9]+ ]]
  done
}

@test "every option of --help-all stands in the man page and in each completion" {
  for tool in $(tools); do
    "$tool" --help-all >all.txt
    page=$KUTILS_SOURCE_DIR/man/$tool.md
    [ -f "$page" ] || { echo "$tool: no man page"; return 1; }
    "$KUTILS_SOURCE_DIR/man/make-page" "$(command -v "$tool")" "$page" >page.md
    ! grep -n '^@' page.md || { echo "$tool: something was not filled in"; return 1; }
    for shell in bash zsh fish; do "$tool" --completion $shell >$shell.txt; done
    bash -n bash.txt
    grep -oE '^  --?[a-zA-Z0-9][a-z-]*' all.txt | tr -d ' ' | sort -u >options.txt
    [ -s options.txt ]
    grep -oE '\*\*(\\-)+[^*]*\*\*' page.md | tr -d '*\\' >in.page
    tr " '" '\n\n' <bash.txt >in.bash
    grep -oE '\*--?[a-zA-Z0-9][a-z-]*\[' zsh.txt | tr -d '*[' >in.zsh
    grep -oE -- ' -[ls] [^ ]+' fish.txt | sed 's/^ -s /-/; s/^ -l /--/' >in.fish
    for place in page bash zsh fish; do
      ! grep -vxFf "in.$place" options.txt >missing || { echo "$tool: the $place lacks $(tr '\n' ' ' <missing)"; return 1; }
    done
  done
}

@test "completion works in bash" {
  kfilter --completion bash >c.bash
  run bash -c '. ./c.bash; COMP_WORDS=(kfilter --deli); COMP_CWORD=1; _kfilter; echo "${COMPREPLY[@]}";
    COMP_WORDS=(kfilter --delivery a); COMP_CWORD=2; _kfilter; echo "${COMPREPLY[@]}"'
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = --delivery ]
  [ "${lines[1]}" = at-least-once ]
}

@test "help to a full disk is an error" {
  [ -w /dev/full ] || skip "no /dev/full here"
  run bash -c 'kfilter --help >/dev/full'
  [ "$status" -eq 5 ]
  [[ $output == *"cannot write to standard output: No space left on device"* ]]
}

@test "-X list prints librdkafka's properties" {
  run kfilter -X list
  [ "$status" -eq 0 ]
  [[ $output == *fetch.min.bytes* ]]
}

@test "man pages spell options as they are typed" {
  ls "$KUTILS_BUILD_DIR"/man/*.1 >/dev/null 2>&1 || skip "no pages were made: pandoc is missing"
  run grep -nE '(\\\[e[nm]\]|–|—)[a-z]' "$KUTILS_BUILD_DIR"/man/*.[157]
  [ "$status" -eq 1 ]
  # A mark of bold or of italics that pandoc took for text, as of **_name** and *_name*.
  run grep -nE '\*\*|\*_[a-zA-Z.]+\*|\*[a-zA-Z]+\*' "$KUTILS_BUILD_DIR"/man/*.[157]
  [ "$status" -eq 1 ] || { echo "$output"; return 1; }
}

@test "mandoc has nothing to say of any man page" {
  ls "$KUTILS_BUILD_DIR"/man/*.1 >/dev/null 2>&1 || skip "no pages were made: pandoc is missing"
  command -v mandoc >/dev/null || skip "mandoc is not installed"
  run mandoc -T lint "$KUTILS_BUILD_DIR"/man/*.[157]
  echo "$output"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
}

@test "kutils-options(7): groups, -o, --on-error, formats, -f, codecs and defaults, from the parsers' tables" {
  page=$KUTILS_SOURCE_DIR/man/kutils-options.md
  "$KUTILS_SOURCE_DIR/man/make-page" "$(command -v kfilter)" "$page" | tr -d '\\' >page.md
  run grep -n '^@' page.md
  [ "$status" -eq 1 ]
  for part in GROUPS 'WHERE TO READ' 'RECORDS THAT FAIL' LINES 'TOKENS OF -f' CODECS; do grep -qx "# $part" page.md; done
  # All that completion offers, and all that messages list.
  completion=$(kfilter --completion bash)
  for option in --on-error --value-codec -I -O; do
    for word in $(sed -n "s/^ *$option) COMPREPLY=(\$(compgen -W '\(.*\)' --.*/\1/p" <<<"$completion"); do
      grep -qE -- "^\*\*$word(TOPIC|:REGEX)?\*\*" page.md || { echo "$option: the page lacks $word"; return 1; }
    done
  done
  for token in $(kread -f '%y' ./x 2>&1 | grep -o '%[a-zA-Z]\b' | grep -v %y | sort -u); do
    grep -qxF "**$token**" page.md || { echo "the page lacks $token"; return 1; }
  done
  export KUTILS_BROKERS=localhost:1
  for place in $(kread -o nowhere x 2>&1 | sed -n 's/.*-o takes \(.*\);/\1/p' | tr -d ,); do
    grep -qxF "**$place**" page.md || { echo "the page lacks $place"; return 1; }
  done
  # Every tool's page and --help lead there.
  for tool in $(tools); do
    grep -qx '@include see-also' "$KUTILS_SOURCE_DIR/man/$tool.md"
    "$tool" --help | grep -q 'kutils-{options'
  done
}

@test "words that readers stumble over stand in no page, no help and no message" {
  # Those of a list that a reader made; a new one is added when somebody stumbles.
  words='\b(anew|for ever|go(es|ing)? on with|gone on with|is there no|nobody|at that place|yet more|what (is|there) (there|is))\b'
  run grep -rnwiE "$words" "$KUTILS_SOURCE_DIR"/man --include='*.md'
  [ "$status" -eq 1 ] || { echo "$output"; return 1; }
  for tool in $(tools); do
    run bash -c "'$tool' --help-all; '$tool' --help"
    ! grep -niE "$words" <<<"$output" || { echo "$tool"; return 1; }
  done
  # Messages: the texts in the sources, without comments.
  run bash -c "cd '$KUTILS_SOURCE_DIR' && grep -rnoE --include='*.cc' --include='*.h' '\"[^\"]*\"' libcommon tools | grep -iE '$words'"
  [ "$status" -eq 1 ] || { echo "$output"; return 1; }
}

@test "DIAGNOSTICS: each page has messages that the sources have, each with what to do" {
  # The texts of the sources, where the compiler joins them; what differs from case to case stands in quotes or capitals.
  find "$KUTILS_SOURCE_DIR/libcommon" "$KUTILS_SOURCE_DIR/tools" -name '*.cc' -o -name '*.h' | sort | xargs cat | tr '\n' ' ' | sed -E 's/" *"//g' >texts
  local page message part terms=0
  for page in $(tools) kutils-options; do
    page=$KUTILS_SOURCE_DIR/man/$page.md
    awk '/^# / {inside = /^# DIAGNOSTICS$/} inside && /^`/' "$page" >messages
    [ -s messages ] || { echo "$page has no DIAGNOSTICS"; return 1; }
    [ "$(wc -l <messages)" -eq "$(awk '/^# / {inside = /^# DIAGNOSTICS$/} inside && /^:   /' "$page" | wc -l)" ]
    while IFS= read -r message; do
      terms=$((terms + 1))
      while IFS= read -r part; do
        grep -qF -- "$part" texts || { echo "$page: no message has '$part' of $message"; return 1; }
      done < <(sed -E "s/^\`|\`\$//g; s/'[^']*'|\.\.\.|: |\[|\]/\n/g" <<<"$message" | sed -E 's/JSON/J_S/g; s/\b[A-Z]+\b/\n/g; s/J_S/JSON/g' |
        sed 's/^ *//; s/ *$//' | awk 'length >= 4')
    done <messages
  done
  [ "$terms" -gt 80 ]
}
