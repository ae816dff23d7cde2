#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# ktopic on a real broker; kcat and test_topics, which use nothing of kutils, say what became of the topics.

setup() { . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"; kafka_setup; }
teardown() { kafka_teardown; }

# exists TOPIC, partitions TOPIC: by kcat's list.
exists() { kcat -L -J -b "$KUTILS_BROKERS" | jq -e --arg t "$1" 'any(.topics[]; .topic == $t)' >/dev/null; }
partitions() { kcat -L -J -b "$KUTILS_BROKERS" | jq --arg t "$1" '.topics[] | select(.topic == $t).partitions | length'; }
# row TOPIC FILTER: of ktopic list.
row() { ktopic list --json "$1" | jq -c "$2"; }

@test "create, list, describe: partitions, records, settings; what is there already" {
  local t
  t=$(topic_name t)
  ktopic create --partitions 3 --config retention.ms=7d --config segment.bytes=1048576 "$t"
  [ "$(partitions "$t")" -eq 3 ]
  refused_with 2 ktopic create "$t"; says "topic '$t' exists already" "--if-missing"
  ktopic create --if-missing --partitions 7 "$t"
  [ "$(partitions "$t")" -eq 3 ]
  seq 10 | produce "$t" -p 1
  [ "$(row "$t" '[.partitions, .replicas, .records, .cleanup, .retention_ms, .kind]')" = '[3,1,10,"delete",604800000,"topic"]' ]
  ktopic list "^$t\$" >list.out
  grep -qE "^$t +3 +1 +10 +delete +7d +topic$" list.out
  ktopic describe --json "$t" >describe.out
  [ "$(jq -c '[.partitions[] | [.partition, .begin, .end, .replicas == .in_sync]]' describe.out)" = '[[0,0,0,true],[1,0,10,true],[2,0,0,true]]' ]
  [ "$(jq -c .settings describe.out)" = '{"retention.ms":"604800000","segment.bytes":"1048576"}' ]
  ktopic describe --all "$t" | grep -qE '^cleanup.policy +delete +the brokers$'
  refused_with 2 ktopic list "${t}x"; says "there is no topic '${t}x'" "did you mean '$t'?"
  refused_with 2 ktopic list "^${t}x"; says "no topic matches"
  refused_with 2 ktopic create --replication 9 "$t-9"; says "cannot be created" "replication factor of 9"
}

@test "alter: the plan changes nothing; --execute changes that setting and no other" {
  new_topic t 1 retention.ms=604800000 segment.bytes=1048576
  settings() { ktopic describe --json "$t" | jq -c .settings; }
  ktopic alter --config retention.ms=1d --unset segment.bytes "$t" >plan.out 2>plan.err
  grep -qE "^$t +retention.ms +604800000 +86400000$" plan.out
  grep -qF "nothing was changed" plan.err
  [ "$(settings)" = '{"retention.ms":"604800000","segment.bytes":"1048576"}' ]
  ktopic alter --config retention.ms=1d --execute "$t"
  [ "$(settings)" = '{"retention.ms":"86400000","segment.bytes":"1048576"}' ]
  ktopic alter --unset segment.bytes --config max.message.bytes=2000000 --execute "$t"
  [ "$(settings)" = '{"max.message.bytes":"2000000","retention.ms":"86400000"}' ]
  ktopic alter --config retention.ms=1d "$t" 2>plan.err
  grep -qF "there is nothing to do" plan.err
  refused_with 2 ktopic alter --config retention.m=1d "$t"; says "no setting 'retention.m'" "did you mean 'retention.ms'?"
  run ktopic alter --config retention.ms=soon --execute "$t"
  [ "$status" -eq 2 ]
  [[ $output == *"Invalid value soon"* ]]
}

@test "grow: partitions are added with --execute, and never taken away" {
  new_topic t 2
  ktopic grow 4 "$t"
  [ "$(partitions "$t")" -eq 2 ]
  ktopic grow --execute 4 "$t"
  [ "$(partitions "$t")" -eq 4 ]
  refused_with 2 ktopic grow --execute 3 "$t"; says "has 4 partitions" "cannot be removed" "kcp -e --partitions 3 $t NAME"
}

@test "trim: by offset, time and number of records; what is left is what kread -o begins with" {
  new_topic t 2
  for i in 1 2 3 4 5 6 7 8; do echo "{\"n\":$i,\"at\":$((1700000000000 + i * 1000))}"; done >lines
  head -4 lines | kwrite -q -p 0 --time at "$t"
  tail -4 lines | kwrite -q -p 1 --time at "$t"
  ends() { test_topics ends "$t" | paste -sd, -; }
  ktopic trim --json -o 1 "$t" >plan.out
  same <(printf '%s\n' '[0,0,1,1]' '[1,0,1,1]') <(jq -c '[.partition, .begin, .becomes, .deleted]' plan.out)
  [ "$(ends)" = '0 0 4,1 0 4' ]
  ktopic trim --execute -p 0 -o 1 "$t"
  [ "$(ends)" = '0 1 4,1 0 4' ]
  local since='2023-11-14T22:13:23Z'  # 1700000003: before 3
  kread -e --since "$since" "$t" | sort >expected
  ktopic trim --execute --since "$since" "$t"
  same expected <(consume "$t" | sort)
  # To a broker -1 ms is no time but the end of the topic, and what is less nothing at all.
  local early
  for early in 1969-12-31T23:59:59.999Z 1969-12-31T23:59:59.998Z 0001-01-01 30000d; do
    run ktopic trim --execute --since "$early" "$t"
    [[ $status -eq 0 && $output == *"there is nothing to do"* ]] || { echo "$early: exit $status: $output"; return 1; }
    kread -e --since "$early" "$t" | sort | cmp - expected
    [ -z "$(kread -e --until "$early" "$t")" ]
  done
  kread -e --tail 3 "$t" | sort >expected
  ktopic trim --execute --tail 3 "$t"
  same expected <(consume "$t" | sort)
  [ "$(wc -l <expected)" -eq 3 ]
  new_topic rows 1 cleanup.policy=compact
  refused_with 2 ktopic trim --execute -o end "$rows"; says "topic '$rows' is compacted"
}

@test "delete: a plan that names running readers; the cluster's topics and those of a running group are refused" {
  new_topic src 2
  new_topic dst 2
  local group=$src-g
  seq 20 | sed 's/.*/{"n":&}/' | produce "$src"
  start_tool table ktable -g "$group" --by n 'c=count()' "$src" "$dst"
  wait_for 30 caught_up "$group" "$src"
  [ "$(row "$group-changelog" '[.kind, .group, .partitions]')" = '["changelog","'"$group"'",3]' ]
  [ "$(row "$group-repartition" '[.kind, .group]')" = '["repartition","'"$group"'"]' ]
  ktopic delete --json "$src" >plan.out
  [ "$(jq -c '[.topic, .records, .read_by]' plan.out)" = '["'"$src"'",20,"'"$group"'"]' ]
  refused_with 2 ktopic delete --execute "$group-changelog"; says "is the changelog of $group, which is running"
  refused_with 2 ktopic grow --execute 9 "$group-repartition"; says "is the repartition of $group"
  refused_with 2 ktopic delete --execute __consumer_offsets; says "is the cluster's own"
  exists "$src"
  stop_tool "$started"
  ktopic delete --execute "$dst" "$src"
  if exists "$src" || exists "$dst"; then return 1; fi
  refused_with 2 ktopic delete --execute "$src"; says "there is no topic '$src'"
}

@test "the page's examples run" {
  local t
  t=$(topic_name clicks)
  sed -n '/^@examples/,/^# /p' "$KUTILS_SOURCE_DIR/man/ktopic.md" | grep '^    ' | sed "s/\bclicks\b/$t/" >examples
  [ "$(wc -l <examples)" -ge 6 ]
  seq 5 >five
  while read -r example; do
    bash -c "$example" >out 2>err || { echo "$example: $(cat err)"; return 1; }
  done <examples
  if exists "$t"; then return 1; fi
}
