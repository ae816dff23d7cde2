#!/usr/bin/env bats
# kpipe between lines: one process gives what a shell pipe of the same tools gives.

bats_require_minimum_version 1.5.0
setup() {
  cd "$BATS_TEST_TMPDIR" || exit
  unset KUTILS_BROKERS KUTILS_CONFIG
  kgen clicks --seed 7 -c 500 >clicks.ndjson
}
same() { diff -u "$1" "$2"; }

@test "stages give what the tools give in a shell pipe" {
  kfilter 'number >= 100' <clicks.ndjson | kmap 'uri, n=number * 2' | ktable --by uri 'n=count(), s=sum(n)' | sort >want
  [ -s want ]
  kpipe kfilter 'number >= 100' then kmap 'uri, n=number * 2' then ktable --by uri 'n=count(), s=sum(n)' <clicks.ndjson | sort >got
  same want got
  # Files, one stage alone, and keys that a stage gives to the next.
  kpipe kfilter 'number >= 100' then kgroupby uri then ktable 'n=count()' -- ./clicks.ndjson ./out.ndjson
  kfilter 'number >= 100' <clicks.ndjson | kgroupby -O envelope uri | ktable -I envelope 'n=count()' | sort >want
  same want <(sort out.ndjson)
  same <(kfilter 'number < 5' <clicks.ndjson) <(kpipe kfilter 'number < 5' <clicks.ndjson)
}

@test "windows behind a table, a command between stages, further outputs" {
  kscore 'score=number' <clicks.ndjson | kmap '| cat' | kfilter 'score > 3' >want
  same want <(kpipe kscore 'score=number' then kmap '| cat' then kfilter 'score > 3' <clicks.ndjson)
  kpipe kbranch './low.ndjson=number < 50' then kfilter 'number < 100' -- ./clicks.ndjson ./mid.ndjson
  same <(kfilter 'number < 50' <clicks.ndjson) low.ndjson
  same <(kfilter 'number >= 50 && number < 100' <clicks.ndjson) mid.ndjson
}

@test "an error names the stage; --help of a stage; what cannot be" {
  run -4 kpipe kmap 'x=number' then kmap 'y=10 / (x - x)' <clicks.ndjson
  [[ $output == *"stage 2, kmap: "* ]]
  run -2 kpipe kfilter 'number >' then ktable 'count()'
  [[ $output == *"stage 1, kfilter: "* ]]
  run -0 kpipe kwindow --help
  [[ $output == *"--grace"* && $output != *"--since"* ]]
  run -2 kpipe kfilter true then
  [[ $output == *"stage 2 is empty"* ]]
  run -2 kpipe ktabel 'count()'
  [[ $output == *"did you mean 'ktable'"* ]]
  run -2 kpipe kfilter true in.ndjson
  [[ $output == *"IN and OUT stand once"* ]]
  run -2 kpipe kfilter -e true
  [[ $output == *"stage 1, kfilter: unknown option '-e'"*"before the first one"* ]]
  run -2 kpipe kread
  [[ $output == *"cannot be a stage"* ]]
}

@test "--explain is the topology, --dot a graph" {
  export KUTILS_BROKERS=localhost:1
  kpipe --explain kfilter 'number > 1' then kgroupby uri then ktable 'n=count()' as totals -- clicks out >tree
  grep -q '^sub-topology 2' tree
  grep -q '3 ktable:totals' tree
  kpipe --explain kgroupby uri then ktable 'n=count()' then kwindow -w 10s 'c=count()' then ktable --by 'n' 'c=count()' -- clicks out >tree
  [ "$(grep -c '^sub-topology' tree)" -eq 3 ]
  # Every tool has it, also without a broker; what it would refuse it refuses.
  unset KUTILS_BROKERS
  kfilter --explain 'x > 1' big small >tree 2>said
  [ "$(cat tree)" = "$(printf 'sub-topology 1\n  from big\n    kfilter\n  to small\ngroup %s' "$(sed -n 's/^group //p' tree)")" ]
  grep -q 'partitions are not shown: no brokers are given' said
  ktable --explain -q -g totals --by uri 'n=count()' clicks out >tree
  grep -q '^  from totals-repartition$' tree
  grep -q '^changelog totals-changelog$' tree
  grep -q 'combine (sends on by key)' tree
  ktable --explain -q -g totals --no-combine --by uri 'n=count()' clicks out | grep -q 'key (sends on by key)'
  ktable --explain -q -g totals --by uri 'n=count()' table:users out | grep -q 'rows (state; sends on by key)'
  kmap --explain 'a' ./x.ndjson ./y.ndjson | grep -q 'from ./x.ndjson'
  run -2 kfilter --explain 'x >' big small
  run -2 kfilter -b localhost:1 --dot 'x > 1' big small
  [[ $output == *"--dot does nothing without --explain"* ]]
  kpipe -q --explain --dot kfilter 'number > 1' then ktable 'n=count()' -- clicks out | grep -q '"clicks" -> "1 kfilter";'
}
