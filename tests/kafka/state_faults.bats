#!/usr/bin/env bats
# shellcheck disable=SC2154
# What may become of state: its files, its changelog, its input. Each time a clear error or a clean rebuild, never wrong rows.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
  : >all
  mounted=
}
teardown() {
  kafka_teardown
  [ -z "$mounted" ] || umount "$mounted"
}

# more N [KEYS]: N records more into $src, each of one of KEYS keys; `all` keeps what was sent.
more() {
  local from
  from=$(wc -l <all)
  seq $((from + 1)) $((from + $1)) | awk -v keys="${2:-50}" '{ printf "k%d\t{\"n\":%d}\n", ($1 * 7919) % keys, $1 }' >new
  cat new >>all
  produce "$src" -K "$(printf '\t')" <new
}
# The rows that all of it gives: count and sum per key.
wanted() {
  awk -F'[\t:}]' '{ n[$1]++; s[$1] += $3 } END { for (k in n) printf "%s {\"key\":\"%s\",\"n\":%d,\"s\":%d}\n", k, k, n[k], s[k] }' all | sort
}
rows() { consume "$1" -f '%k %s\n' | awk '{ row[$1] = $0 } END { for (k in row) print row[k] }' | sort; }
right() { same <(wanted) <(rows "$dst"); }
table() { ktable -e -g "$group" "$@" 'n=count(), s=sum(n)' "$src" "$dst"; }
begin() {
  new_topic src "${1:-2}"
  new_topic dst "${1:-2}"
  group=group-$dst
  log=$group-changelog
  more 1000
}
# wiped: $output tells that local state was thrown away.
runs_after() {
  more 100
  run table
  [ "$status" -eq 0 ] || { echo "$1: exit $status: $output"; return 1; }
  # Each line says who speaks, or belongs to the one above.
  if grep -vE '^(ktable: |  )' <<<"$output"; then return 1; fi
  right || { echo "after: $1"; return 1; }
}
refused() {
  refused_with 2 table
  says "$@" || return 1
}

@test "state files that are broken, cut or gone: rebuilt from the changelog, and said so" {
  begin
  table
  local db=$KUTILS_STATE_DIR/$group/0/db file
  runs_after "nothing"
  [[ $output != *wiped* ]]
  for file in "$db"/*.sst; do head -c "$(stat -c %s "$file")" /dev/urandom >"$file"; done
  runs_after "tables of noise"
  [[ $output == *"was wiped"* || $output == *"state from its changelog"* ]] || { echo "$output"; return 1; }
  for file in "$db"/*.sst; do truncate -s 100 "$file"; done
  runs_after "tables cut"
  [[ $output == *wiped* ]] || { echo "$output"; return 1; }
  rm -f "$db"/*.sst
  runs_after "tables gone"
  [[ $output == *wiped* ]] || { echo "$output"; return 1; }
  for file in "$db"/MANIFEST-*; do truncate -s 20 "$file"; done
  runs_after "manifest cut"
  rm -f "$db"/CURRENT
  runs_after "CURRENT gone"
  : >"$db"/CURRENT
  runs_after "CURRENT empty"
  rm -rf "$db"
  echo "not a folder" >"$db"
  more 100
  refused_with 5 table
  says "$db" "--state-dir"
  rm -rf "${KUTILS_STATE_DIR:?}/$group"
  runs_after "all gone"
  [[ $output == *"restored"* ]] || { echo "$output"; return 1; }
}

# What group or others may read or write of $1, a directory.
open_to_others() { find "$1" -perm /077 -printf '%M %P\n'; }
@test "state is its owner's alone: what is made, also by the database, and what was left open before" {
  begin
  umask 022
  table
  [ "$(find "$KUTILS_STATE_DIR" -type f | wc -l)" -ge 10 ]
  same /dev/null <(open_to_others "$KUTILS_STATE_DIR")
  # As earlier versions left it.
  find "$KUTILS_STATE_DIR" -type d -exec chmod 755 {} +
  find "$KUTILS_STATE_DIR" -type f -exec chmod 644 {} +
  runs_after "state that others could read"
  same /dev/null <(open_to_others "$KUTILS_STATE_DIR")
  # Stateless tools and kquery leave it so; --instance takes no slot.
  kfilter -q -e 'n > 0' "$src" "$dst-f"
  KUTILS_INSTANCE=i kfilter -q -e 'n > 0' "$src" "$dst-i"
  kquery -q "$dst" >/dev/null
  same /dev/null <(open_to_others "$KUTILS_STATE_DIR")
  # In a directory that is not ours alone, nothing but what we made is closed.
  mkdir -m 755 shared shared/theirs
  echo theirs >shared/file
  chmod 644 shared/file
  table --state-dir shared
  same <(printf '%s\n' 'drwxr-xr-x ' 'drwxr-xr-x theirs' '-rw-r--r-- file' | sort) <(open_to_others shared | sort)
}

@test "state of another format on disk and in the changelog" {
  begin 1
  table
  # What a later version might have written.
  consume "$log" -J | jq -c 'select(.key | length == 2) | .partition' | tail -n 1 >/dev/null
  jq -nc '{partition: 0, key_base64: ("AAE="), payload_base64: ("CQE=")}' | kcp - "$log"
  rm -rf "${KUTILS_STATE_DIR:?}/$group"
  more 10
  refused "the state was written in format 9" "-g"
  [ "$(rows "$dst" | wc -l)" -eq 50 ]
}

@test "several topics as IN: refused before anything is made for them" {
  begin
  refused_with 2 ktable -e -g "$group" 'n=count()' "$src,$dst" "$group-out"
  says "is several topics: state by the key of the records is kept for one" "--by"
  [[ $output != *created* ]]
}

@test "the same group with another unit of time" {
  begin
  kwindow -q -e -g "$group" --time n --time-unit s -w 10s 'n=count()' "$src" "$dst"
  refused_with 2 kwindow -e -g "$group" --time n -w 10s 'n=count()' "$src" "$dst"
  says "stores another configuration" "--time-unit was 's', is not set" "-g NAME"
  kwindow -q -e -g "$group" --time n --time-unit s -w 10s 'n=count()' "$src" "$dst"
}

@test "the same group with another expression, or another number of partitions" {
  begin
  table
  refused_with 2 ktable -e -g "$group" 'n=count()' "$src" "$dst"
  says "stores another configuration" "AGGS was 'n=count(), s=sum(n)', is 'n=count()'" "-g NAME"
  # Offsets gone: what the state says of itself stands.
  test_topics forget "$group" "$src"
  refused_with 2 ktable -e -g "$group" 'n=count()' "$src" "$dst"
  says "the state of group $group stores another configuration" "-g NAME"
  # And the right one goes on where the state stands.
  runs_after "offsets gone"
  test_topics grow "$src" 3
  more 100
  refused "partitions of $src was '2', is '3'" "-g NAME"
}

@test "a changelog topic that is missing, empty, of another partition count or policy" {
  begin
  table
  cp -r "$KUTILS_STATE_DIR" kept
  again() { rm -rf "$KUTILS_STATE_DIR"; cp -r kept "$KUTILS_STATE_DIR"; more 10; }
  test_topics delete "$log"
  more 10
  refused "the changelog topic $log is missing" "state is lost" "-g NAME"
  test_topics create "$log" 2 cleanup.policy=compact
  again
  refused "the changelog topic $log [" "holds no rows, and the state on this machine has some" "-g NAME"
  rm -rf "$KUTILS_STATE_DIR"
  refused "$log holds no state of it" "deleted or recreated" "-g NAME"
  test_topics delete "$log"
  test_topics create "$log" 3 cleanup.policy=compact
  again
  refused "$log has 3 partitions, the state has 2" "-g NAME"
  test_topics delete "$log"
  test_topics create "$log" 2 cleanup.policy=delete
  again
  refused "$log has cleanup.policy=delete"
  local before
  before=$(count "$dst")
  refused "$log has cleanup.policy=delete"
  [ "$(count "$dst")" -eq "$before" ]
}

@test "a changelog that was recreated while the tool works is found out before anything is committed" {
  begin
  start_tool one ktable -g "$group" 'n=count(), s=sum(n)' "$src" "$dst"
  wait_for 30 caught_up "$group" "$src"
  test_topics delete "$log"
  test_topics create "$log" 2 cleanup.policy=compact
  more 10
  end_of_tool "$started" 120
  [ "$status" -ne 0 ]
  grep -q "$log" one.err
  # None of the ten was counted, and nothing can go on as if nothing had been.
  same <(head -n 1000 all >kept; mv kept all; wanted) <(rows "$dst")
  refused "$log" "-g NAME"
}

@test "everything of a group was deleted, but another machine kept its old state: it is not used" {
  begin
  table
  cp -r "$KUTILS_STATE_DIR" old
  test_topics delete "$log" "$dst"
  test_topics forget "$group" "$src"
  test_topics create "$dst" 2
  rm -rf "$KUTILS_STATE_DIR"
  # The new state's changelog grows beyond the place where the old one stands.
  local i
  for i in 1 2 3 4 5; do
    more 1000
    table
  done
  right
  rm -rf "$KUTILS_STATE_DIR"
  cp -r old "$KUTILS_STATE_DIR"
  runs_after "old state of another changelog"
  [[ $output == *"deleted and recreated since"* ]] || { echo "$output"; return 1; }
}

@test "an input topic that was recreated: shorter, longer, and under --by" {
  begin
  table
  local rows_before
  test_topics delete "$src"
  test_topics create "$src" 2
  : >all
  more 100
  rows_before=$(rows "$dst")
  refused "the topic was recreated" "-g NAME"
  more 3000
  refused "the topic was recreated" "-g NAME"
  [ "$(rows "$dst")" = "$rows_before" ]
}

# Started with -o end, a group has read nothing of $src; what each of its tools says then is in `one.err`, ...
begun_at_end() {
  new_topic src 2
  more 200
  new_topic other 2
  for one in table window delay view joined; do new_topic $one 2; done
  run_all -o end
}
run_all() {
  ktable -e -g "$table" "$@" 'c=count()' "$src" "$table" 2>table.err || return
  kwindow -e -g "$window" "$@" -w 1h 'c=count()' "$src" "$window" 2>window.err || return
  kdelay -e -g "$delay" "$@" 1s "$src" "$delay" 2>delay.err || return
  kfilter -e -g "$view" "$@" 'n > 0' "table:$src" "$view" 2>view.err || return
  kjoin -e -g "$joined" "$@" --within 1h "$other" "$src" "$joined" 2>joined.err
}

@test "an input topic that was recreated before the group, begun at its end, had read a record" {
  begun_at_end
  test_topics delete "$src"
  test_topics create "$src" 2
  more 600
  refused_with 2 ktable -e -g "$table" 'c=count()' "$src" "$table"
  says "$src" "recreated" "-g NAME"
  refused_with 2 kwindow -e -g "$window" -w 1h 'c=count()' "$src" "$window"
  says "$src" "recreated" "-g NAME"
  refused_with 2 kdelay -e -g "$delay" 1s "$src" "$delay"
  says "$src" "recreated" "-g NAME"
  refused_with 2 kfilter -e -g "$view" 'n > 0' "table:$src" "$view"
  says "$src" "recreated" "-g NAME"
  refused_with 2 kjoin -e -g "$joined" --within 1h "$other" "$src" "$joined"
  says "$src" "recreated" "-g NAME"
  for one in table window delay view joined; do [ "$(count "${!one}")" -eq 0 ]; done
}

forget_all() {
  for one in table window delay view joined; do
    test_topics forget "${!one}" "$src"
    test_topics forget "${!one}" "$other"
  done
}
@test "an input topic that lost its old records is not taken for a recreated one where the group lost its offsets" {
  begun_at_end
  forget_all
  run_all  # the record before the place is the one that it was
  forget_all
  ktopic trim -o end --execute "$src"
  more 100
  run_all  # it is gone, and nothing is skipped
  [ "$(count "$delay")" -le 100 ]
}

@test "an input topic that was recreated under --by" {
  new_topic src 2
  new_topic dst 2
  group=group-$dst
  more 1000
  ktable -e -g "$group" --by 'g=n % 10' 'c=count()' "$src" "$dst"
  local rows_before
  rows_before=$(rows "$dst")
  test_topics delete "$src"
  test_topics create "$src" 2
  more 100
  refused_with 2 ktable -e -g "$group" --by 'g=n % 10' 'c=count()' "$src" "$dst"
  says "$src" "recreated" "-g NAME"
  more 3000
  refused_with 2 ktable -e -g "$group" --by 'g=n % 10' 'c=count()' "$src" "$dst"
  [ "$(rows "$dst")" = "$rows_before" ]
}

@test "one of two input topics that was recreated, behind an internal topic" {
  new_topic left
  new_topic right
  new_topic dst
  group=group-$dst
  local topic before
  for topic in "$left" "$right"; do seq 10 | sed 's/.*/{"k":&}/' | produce "$topic"; done
  ktable -e -g "$group" --by k 'c=count()' "$left,$right" "$dst"
  kjoin -e -g "$group-pairs" --within 1h --on k "$left" "$right" "$dst"
  before=$(count "$dst")
  test_topics delete "$right"
  test_topics create "$right" 1
  seq 30 | sed 's/.*/{"k":&}/' | produce "$right"
  refused_with 2 ktable -e -g "$group" --by k 'c=count()' "$left,$right" "$dst"
  says "$right" "deleted and recreated" "-g NAME"
  refused_with 2 kjoin -e -g "$group-pairs" --within 1h --on k "$left" "$right" "$dst"
  says "$right" "deleted and recreated" "-g NAME"
  [ "$(count "$dst")" = "$before" ]
}

@test "partitions added to the input: --by takes them" {
  new_topic src 2
  new_topic dst 2
  group=group-$dst
  more 1000
  ktable -e -g "$group" --by 'g="g" + string(n % 10)' 'c=count()' "$src" "$dst"
  test_topics grow "$src" 4
  more 1000
  ktable -e -g "$group" --by 'g="g" + string(n % 10)' 'c=count()' "$src" "$dst"
  same <(for i in 0 1 2 3 4 5 6 7 8 9; do echo "g$i {\"g\":\"g$i\",\"c\":200}"; done) <(rows "$dst")
}

@test "an input topic that is recreated while the tool works" {
  begin
  start_tool one ktable -g "$group" 'n=count(), s=sum(n)' "$src" "$dst"
  wait_for 30 caught_up "$group" "$src"
  local rows_before
  rows_before=$(rows "$dst")
  test_topics delete "$src"
  test_topics create "$src" 2
  more 100
  end_of_tool "$started" 120
  [ "$status" -ne 0 ]
  grep -Eq "has lost its offset in $src|deleted and recreated|'$src' was deleted" one.err
  [ "$(rows "$dst")" = "$rows_before" ]
  refused "the topic was recreated" "-g NAME"
}

# The rows that kquery finds on disk are those of the topic.
on_disk_right() { same <(wanted | cut -d' ' -f2- | sort) <(kquery "$group" | sort); }
@test "kquery: state of a tool that was killed, of a restore that was cut short, cut files; -e with nothing new mends it" {
  begin
  table
  on_disk_right
  # Killed: rows that were committed are in the changelog only.
  start_tool one ktable -g "$group" 'n=count(), s=sum(n)' "$src" "$dst"
  more 1000
  wait_for 30 caught_up "$group" "$src"
  stop_tool "$started" KILL
  refused_with 2 kquery "$dst" k1
  says "the state of group '$group' is incomplete" "was killed" "-e"
  refused_with 2 kquery -g "$group" "$dst" nothing-of-that-name
  table
  on_disk_right
  # Deleted: nothing new for the tool, yet its state comes back.
  rm -rf "${KUTILS_STATE_DIR:?}/$group"
  run table
  [ "$status" -eq 0 ]
  [[ $output == *restored* ]] || { echo "$output"; return 1; }
  on_disk_right
  # Cut short in a restore.
  more 60000 60000
  table
  local signal
  for signal in KILL TERM; do
    rm -rf "${KUTILS_STATE_DIR:?}/$group"
    start_tool "restore-$signal" ktable -g "$group" 'n=count(), s=sum(n)' "$src" "$dst"
    # A restore of 30,000 rows takes a tenth of a second: no pause between the looks.
    # shellcheck disable=SC2016  # the inner shell's
    timeout 30 bash -c 'until grep -qsE "restoring|complete" "$@"; do :; done' - "$KUTILS_STATE_DIR/$group"/{0,1}/mark
    stop_tool "$started" "$signal"
    # The restore may have ended meanwhile, and the tool cleanly: then all rows are there.
    if kquery "$group" >out.txt 2>err.txt; then
      same <(wanted | cut -d' ' -f2- | sort) <(sort out.txt)
    else
      refused_with 2 kquery "$group" k1
      says "is incomplete"
      refused_with 2 kquery "$dst"
      says "incomplete"
    fi
  done
  table
  on_disk_right
}

@test "kquery: files that are cut, broken or gone are told, by the topic's name too; -e with nothing new mends it" {
  begin
  table
  on_disk_right
  [ "$(kstate list "$group" -O json | jq -r .state)" = complete ]
  local db=$KUTILS_STATE_DIR/$group/1/db damage
  for damage in 'truncate -s 20 "$db"/MANIFEST-*' 'truncate -s 100 "$db"/MANIFEST-*' 'rm "$db"/CURRENT' \
    'truncate -s 200 "$db"/*.sst' 'rm "$db"/*.sst'; do
    eval "$damage"
    refused_with 5 kquery "$dst" k1 || { echo "after: $damage"; return 1; }
    says "the state of group '$group' is damaged: partition 1" "start the tool again" "-e"
    refused_with 5 kquery "$group"
    says "is damaged"
    [ "$(kstate list "$group" -O json | jq -r .state)" = damaged ]
    table
    on_disk_right || { echo "after: $damage"; return 1; }
  done
  # Each file is whole.
  rm -r "$KUTILS_STATE_DIR/$group/1"
  cp -r "$KUTILS_STATE_DIR/$group/0" "$KUTILS_STATE_DIR/$group/1"
  refused_with 5 kquery "$dst" k1
  says "the state of group '$group' is damaged: partition 1: it is a copy of partition 0" "kstate delete --execute $group"
  more 1000 1000
  table
  on_disk_right
  # Nothing that can be read says which table it is.
  rm "$KUTILS_STATE_DIR/$group"/[01]/db/CURRENT
  refused_with 5 kquery "$dst"
  says "the state of group '$group' is damaged" "so it does not say whether '$dst' is its table"
  refused_with 5 kquery no-such-table
  # One partition of several is gone, and nobody else is in the group.
  table
  rm -r "$KUTILS_STATE_DIR/$group/1"
  refused_with 2 kquery "$dst"
  says "partition 1 of group '$group' is not in" "or it was deleted"
  refused_with 2 env -u KUTILS_BROKERS kquery "$dst"
  says "partition 1 of group '$group' is not in" "--partial"
  local key exits=
  for key in $(wanted | cut -d' ' -f1); do
    local code=0
    env -u KUTILS_BROKERS kquery -q "$dst" "$key" >out.txt 2>err.txt || code=$?
    exits+=" $code"
    [ "$code" -eq 0 ] || grep -q "no row here has the key '$key': it may be in partition 1" err.txt
  done
  [[ $exits == *" 0"* && $exits == *" 2"* && $exits != *" 1"* ]] || { echo "$exits"; return 1; }
  table
  on_disk_right
  [ "$(kstate list "$group" -O json | jq -r .state)" = complete ]
  # Inside of a file: only who reads the rows meets it.
  more 60000 60000
  table
  local file
  file=$(find "$db" -name '*.sst' -size +100k | head -n 1)
  dd if=/dev/urandom of="$file" bs=1000 seek=20 count=1 conv=notrunc 2>/dev/null
  run kquery "$dst"
  [ "$status" -eq 5 ]
  says "is damaged: partition 1" "kstate delete --execute $group"
  kstate delete --execute "$group"
  table
  on_disk_right
}

# table_in DIR, query_in DIR: the same tool and its state on two machines.
table_in() { table -q --state-dir "$1"; }
query_in() { kquery --state-dir "$@"; }
right_in() { same <(wanted | cut -d' ' -f2- | sort) <(query_in "$1" "$dst" 2>said | sort); }

@test "kquery: a copy that another instance has gone on with is old; -e with nothing new brings it up to date" {
  begin
  table_in one
  right_in one
  [ ! -s said ]
  more 500
  table_in two
  right_in two
  [ ! -s said ]
  refused_with 2 query_in one "$dst" k1
  says "the state of group '$group' in one is an old copy" "partition 0 stands at offset" "of '$src', the group at" "--partial"
  refused_with 2 query_in one "$dst"
  # To be told to answer all the same, and not able to ask.
  head -n 1000 all >old
  mv all all.new && mv old all
  query_in one --partial "$dst" 2>said | sort >got
  same <(wanted | cut -d' ' -f2- | sort) got
  grep -q "is an old copy" said
  env -u KUTILS_BROKERS kquery --state-dir one "$dst" 2>said | sort >got
  same <(wanted | cut -d' ' -f2- | sort) got
  grep -q "2 partitions, as of .* ago; it is not known whether the group has committed more since: no brokers" said
  kquery -b 127.0.0.1:1 --state-dir one "$dst" 2>said | sort >got
  same <(wanted | cut -d' ' -f2- | sort) got
  grep -q "it is not known whether .*: cannot connect to 127.0.0.1:1" said
  mv all.new all
  table_in one
  right_in one
  [ ! -s said ]
  # Partitions that only the other one has: a key that is here is right, one that is not may be there.
  rm -r two/"$group"/1
  local key here=0 there=0
  for key in $(wanted | cut -d' ' -f1 | head -n 10); do
    if query_in two "$dst" "$key" >got 2>said; then
      grep -qF "$(wanted | sed -n "s/^$key //p")" got
      here=$((here + 1))
    else
      grep -q "no row here has the key '$key': it may be in partition 1 of group '$group', which is not in two" said
      there=$((there + 1))
    fi
  done
  [ "$here" -gt 0 ]
  [ "$there" -gt 0 ]
  refused_with 2 query_in two "$dst"
  says "partition 1 of group '$group' is not in two: another instance has it"
  query_in two -q --partial "$dst" | sort >got
  [ "$(wc -l <got)" -lt 50 ]
  same /dev/null <(comm -13 <(wanted | cut -d' ' -f2- | sort) got)
}

@test "state that cannot be written at a clean end over several partitions: exit 5, and kquery does not answer from it" {
  mkdir disk
  mount -t tmpfs -o size=40m tmpfs disk 2>/dev/null || skip "a small tmpfs cannot be mounted here"
  mounted=$PWD/disk
  begin 4
  export KUTILS_STATE_DIR=$PWD/disk/state
  start_tool one ktable -g "$group" 'n=count(), s=sum(n)' "$src" "$dst"
  more 40000 40000
  wait_for 60 caught_up "$group" "$src"
  # What was not worth a file yet has to be written at the end.
  dd if=/dev/zero of=disk/fill bs=64k 2>/dev/null || true
  stop_tool "$started" TERM 30
  [ "$status" -eq 5 ] || { echo "exit $status"; return 1; }
  grep -q "No space left" one.err
  refused_with 2 kquery "$group"
  says "is incomplete"
  rm disk/fill
  table
  on_disk_right
}

# A session of 6 s, so that the group gives up a stopped process soon.
short=(-X session.timeout.ms=6000 -X transaction.timeout.ms=8000)
start_table() { start_tool "$1" ktable -g "$group" "${short[@]}" 'n=count(), s=sum(n)' "$src" "$dst"; }  # sets $started

@test "the state directory is deleted under a running tool: it goes on, and nothing is lost or doubled" {
  new_topic in 3
  new_topic out 3
  kgen -q --count 600 --key '"k" + string(_offset % 50)' 'k=_offset % 50' "$in"
  start_tool one kscan -g "$out" --by k '*, n=count()' "$in" "$out"
  wait_for 40 count_at_least "$out" 600
  rm -rf "$KUTILS_STATE_DIR"
  kgen -q --count 600 --key '"k" + string(_offset % 50)' 'k=_offset % 50' "$in"
  wait_for 40 count_at_least "$out" 1200
  stop_tool "$started"  # now the state is written
  [ "$status" -eq 143 ]
  grep -q 'restarting with state from its changelog' one.err
  kscan -e -g "$out" --by k '*, n=count()' "$in" "$out"
  [ "$(count "$out")" -eq 1200 ]
  [ "$(consume "$out" | jq -r '"\(.k) \(.n)"' | sort -u | wc -l)" -eq 1200 ]
}

@test "a stopped process holds the state: who waits for it says so within seconds, and goes on when it is gone" {
  begin 1
  start_table one
  local one=$started
  wait_for 30 caught_up "$group" "$src"
  kill -STOP "$one"
  # Its place in the group is that of a process that hangs: another one gets the partition when its session ends.
  start_table two
  local two=$started
  wait_for 90 file_has two.err "partition 0 waits for its state in .*/$group/0, which process $one holds; after 6 s"
  grep -q "kill -CONT $one" two.err
  kill -KILL "$one"
  more 100
  wait_for 60 caught_up "$group" "$src"
  stop_tool "$two"
  [ "$status" -eq 143 ] || { echo "exit $status"; return 1; }
  right
}

directories() { (cd "$KUTILS_STATE_DIR/$group" && find . -mindepth 1 -maxdepth 1 -type d -printf '%P\n' | sort | tr '\n' ' '); }
directories_are() { [ "$(directories)" = "$1 " ]; }
@test "a stopped process keeps the state: another directory is restored; the stopped one goes on and harms nothing" {
  begin 1
  start_table one
  local one=$started
  wait_for 30 caught_up "$group" "$src"
  more 100
  wait_for 30 caught_up "$group" "$src"
  kill -STOP "$one"
  more 500
  start_table two
  local two=$started
  wait_for 90 caught_up "$group" "$src"
  grep -q "process $one still holds .*/$group/0: the state is kept in .*/$group/0.1 from now on" two.err
  right
  directories_are "0 0.1"  # never deleted under a process that may go on
  stop_tool "$two" KILL
  # The newest directory counts, also where the older one looks complete.
  printf 'complete 1\n' >"$KUTILS_STATE_DIR/$group/0/mark"
  refused_with 2 kquery "$dst" k1
  says "is incomplete"
  start_table three
  local three=$started
  more 500
  wait_for 90 caught_up "$group" "$src"
  # It goes on in the middle of the other one's work: what it did not commit is not committed any more.
  kill -CONT "$one"
  more 500
  wait_for 60 caught_up "$group" "$src"
  # What it lost is deleted, by itself or by the next who opens the state.
  stop_tool "$three"
  [ "$status" -eq 143 ] || { echo "exit $status"; return 1; }
  more 500
  wait_for 60 caught_up "$group" "$src"
  stop_tool "$one"
  [ "$status" -eq 143 ] || { echo "exit $status"; return 1; }
  right
  directories_are 0.1
  on_disk_right
}

@test "a full disk: exit 5 that says so; with room again nothing is lost or doubled" {
  mkdir disk
  mount -t tmpfs -o size=4m tmpfs disk 2>/dev/null || skip "a small tmpfs cannot be mounted here"
  mounted=$PWD/disk
  begin
  more 400000 400000
  run table --cache 4M --state-dir "$PWD/disk"
  [ "$status" -eq 5 ] || { echo "exit $status: $output"; return 1; }
  [[ $output == *"No space left"* && $output == *"make room on the disk"* ]] || { echo "$output"; return 1; }
  mount -o remount,size=200m disk
  table --cache 4M --state-dir "$PWD/disk"
  right
}

other_broker() { "$KUTILS_SOURCE_DIR/scripts/kafka" --dir "$BATS_TEST_TMPDIR/other" "$@"; }

@test "groups of one name on two clusters: neither works with the other's state" {
  begin 1
  table
  right
  local here=$KUTILS_BROKERS first=$src there=$dst
  other_broker start 3>&-
  eval "$(other_broker env)"
  # Nobody has made a group there yet, nor the topic of all groups.
  SECONDS=0
  refused_with 2 koffset show nobody || { other_broker wipe; return 1; }
  says "there is no group 'nobody'" || { other_broker wipe; return 1; }
  [ "$SECONDS" -lt 25 ] || { other_broker wipe; return 1; }
  # As many records and more under the same names, so that every offset of the first fits into the second.
  test_topics create "$first" 1
  test_topics create "$there" 1
  mv all all.first
  : >all
  more 1500 7
  run table
  [ "$status" -eq 0 ] || { echo "$output"; other_broker wipe; return 1; }
  right || { other_broker wipe; return 1; }
  refused_with 2 kquery "$dst"
  says "$group@" "-g"
  export KUTILS_BROKERS=$here
  mv all.first all
  more 100
  table
  right
  other_broker wipe
}
