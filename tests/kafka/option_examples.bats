#!/usr/bin/env bats
# The example that each option has on the man pages (`--help-man option-examples`) runs.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
}
teardown() { kafka_teardown; }

# whole_command TOOL NAMES EXAMPLE: the example of an option with what else the tool needs; OUT is a topic of its own.
whole_command() {
  local tool=$1 names=$2 example=$3 out=option$4
  case $tool:$names in
    *:-h* | *:--help*) ;;
    kfilter:-I* | kfilter:--csv* | kfilter:--encoding* | kfilter:--rate*) echo "kfilter $example true ./clicks.csv" ;;
    kfilter:-[OfJKZ0]* | kfilter:--sort* | kfilter:--embed*) echo "kfilter $example true orders" ;;
    kfilter:--value-codec*) echo "kfilter $example 'amount > 0' encoded" ;;
    kfilter:--by* | kfilter:--cache*) echo "kfilter $example --changed amount orders $out" ;;
    kfilter:-p*) echo "kfilter $example true orders" ;;
    kfilter:-c*) echo "kfilter $example true clicks $out" ;;
    kfilter:--key-codec*) echo "kfilter $example 'n > 0' numbered $out" ;;
    kfilter:--seed*) echo "kfilter $example 'random() < 0.5' orders $out" ;;
    kfilter:*) echo "kfilter $example 'amount > 0' orders $out" ;;
    kmap:*) echo "kmap $example '*' orders $out" ;;
    ktable:--sort*) echo "ktable $example 'n=count()' orders" ;;
    ktable:*) echo "ktable $example 'n=count()' orders $out" ;;
    kwindow:-w* | kwindow:--tz* | kwindow:--align*) echo "kwindow $example 'n=count()' orders $out" ;;
    kwindow:*) echo "kwindow $example -w 1m 'n=count()' orders $out" ;;
    kdedup:--within*) echo "kdedup $example event_id orders $out" ;;
    kdedup:*) echo "kdedup $example --within 1h event_id orders $out" ;;
    ksort:--within*) echo "ksort $example orders $out" ;;
    ksort:*) echo "ksort $example --within 5s orders $out" ;;
    ktake:*) echo "ktake $example 2 orders $out" ;;
    ksample:*) echo "ksample $example 50% orders $out" ;;
    kjoin:--table-grace* | kjoin:--max-wait*) echo "kjoin $example orders table:customers $out" ;;
    kjoin:--reload*) echo "kjoin $example --on customer=VendorID orders table:./rides.csv $out" ;;
    kjoin:--within* | kjoin:-w* | kjoin:--before* | kjoin:--after* | kjoin:--grace*) echo "kjoin $example orders dispatches $out" ;;
    kjoin:*) echo "kjoin $example --within 1h orders dispatches $out" ;;
    kmerge:*) echo "kmerge $example -g $out orders,rows $out" ;;
    kquery:--state-dir*) echo "kquery $example stopped_totals" ;;
    kquery:--from* | kquery:--until* | kquery:--at* | kquery:--delta*) echo "kquery $example per_minute" ;;
    kquery:*) echo "kquery $example totals" ;;
    kstate:*) echo "kstate $example list" ;;
    ktop:*) echo "ktop --once $example tools" ;;
    klag:*) echo "klag $example billing" ;;
    kdiff:-I*) echo "kdiff $example ./clicks.csv ./rides.csv" ;;
    kdiff:-[KZ]*) echo "kdiff $example ./keyed.txt ./keyed_copy.txt" ;;
    kdiff:-o*) echo "kdiff $example clicks clicks_copy" ;;
    kdiff:*) echo "kdiff $example payments dispatches" ;;
    kread:*) echo "kread $example clicks" ;;
    kwrite:-p*) echo "kwrite $example ./clicks.ndjson wide" ;;
    kgen:*) echo "kgen $example clicks" ;;
    *) echo "$tool $example" ;;
  esac
}

@test "the examples of all options run" {
  local tool names example number=0 tools
  tools="$(paste -sd ' ' "$KUTILS_BUILD_DIR/tools.list")"
  for tool in $tools; do
    "$tool" --help-man option-examples | sed "s/^/$tool\t/"
  done >all.txt
  # Each has one; what takes a value also says what holds without it.
  run awk -F'\t' '$5 == "" || ($3 ~ / / && $4 == "")' all.txt
  [ -z "$output" ] || { echo "without default or example: $output"; return 1; }
  # An option that tools share is run with the first of them. Brokers and machines that the examples name are not there.
  while IFS=$'\t' read -r tool _ names _ example; do
    number=$((number + 1))
    case " $tools " in
      *" ${example%% *} "*) echo "$example" ;;
      *) whole_command "$tool" "$names" "$example" "$number" ;;
    esac
  done < <(awk -F'\t' -v OFS='\t' '!seen[$3 FS $5]++ { if ($4 == "") $4 = "off"; print }' all.txt) | grep -vE 'kafka1|worker-1:|--help' | awk '!seen[$0]++' >examples.txt
  [ "$(wc -l <examples.txt)" -gt 130 ]
  "$KUTILS_SOURCE_DIR/scripts/kafka" run bash "$KUTILS_SOURCE_DIR/tests/support/page_examples.bash" examples.txt 3>&-
}
