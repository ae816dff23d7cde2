#!/usr/bin/env bats
# TLS, SASL and ACLs on a broker of its own. Helpers talk to its open listener, whose user may do everything; tools to the
# other one, as users that may do what the test allows them. The broker would make topics on mention.

setup_file() {
  local root=${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..} keys=$BATS_FILE_TMPDIR jaas=org.apache.kafka.common.security
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$keys/key.pem" -out "$keys/ca.pem" 2>/dev/null
  cat "$keys/key.pem" "$keys/ca.pem" >"$keys/server.pem"
  export SECURE_DIR=$BATS_FILE_TMPDIR/kafka
  "$root/scripts/kafka" --dir "$SECURE_DIR" start \
    -X listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_SSL,CONTROLLER:PLAINTEXT \
    -X ssl.keystore.type=PEM -X "ssl.keystore.location=$keys/server.pem" -X sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512 \
    -X "listener.name.sasl.plain.sasl.jaas.config=$jaas.plain.PlainLoginModule required $(
      for user in all reader writer grouped maker watcher operator admin nobody; do printf 'user_%s="%s-secret" ' $user $user; done);" \
    -X "listener.name.sasl.scram-sha-512.sasl.jaas.config=$jaas.scram.ScramLoginModule required;" \
    -X authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer -X super.users=User:ANONYMOUS \
    -X auto.create.topics.enable=true >"$keys/start.log" 2>&1 3>&- 4>&- || { cat "$keys/start.log" >&2; return 1; }
  # Transactional ids have no name in librdkafka 2.0, and so not in test_topics.
  "$root/scripts/kafka" --dir "$SECURE_DIR" acls --add --allow-principal User:all --operation Write \
    --transactional-id g- --transactional-id kwrite-atomic- --resource-pattern-type prefixed >/dev/null 3>&- 4>&-
}
teardown_file() { "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/scripts/kafka" --dir "$SECURE_DIR" wipe; }

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  export KUTILS_KAFKA_DIR=$SECURE_DIR
  kafka_setup
}
teardown() { kafka_teardown; }

# as USER [MECHANISM]: the tools that follow talk to the secured listener as this user.
as() {
  printf '%s\n' "bootstrap.servers=$KUTILS_SASL_BROKERS" security.protocol=SASL_SSL "ssl.ca.location=$BATS_FILE_TMPDIR/ca.pem" \
    "sasl.mechanism=${2:-PLAIN}" "sasl.username=$1" "sasl.password=$1-secret" >"$1.conf"
  conf=$1.conf
}
# tool NAME ARG...: $KUTILS_BROKERS, which names the open listener, would win over the file.
tool() { env -u KUTILS_BROKERS "$1" -F "$conf" "${@:2}"; }
# Permissions reach the broker's authorizer a moment after they were given.
may() { test_topics allow "$@"; }
soon() { wait_for 20 "$@"; }
# within SECONDS COMMAND...
within() {
  local begin=$SECONDS limit=$1
  shift
  "$@" || return 1
  [ $((SECONDS - begin)) -le "$limit" ] || { echo "took $((SECONDS - begin)) s"; return 1; }
}

@test "with the permissions of kutils-security(7) every way of working works" {
  new_topic src 2
  printf '{"k":"a","n":1}\n{"k":"b","n":2}\n' | produce "$src"
  may all read topic "$src"
  may all write topic g- prefixed
  may all read topic g- prefixed
  may all create topic g- prefixed
  may all describe-configs topic g- prefixed
  may all delete topic g- prefixed
  may all read group g- prefixed
  as all
  soon tool kfilter -e -g g-1 true "$src" g-out
  same <(printf '1\n2\n') <(consume g-out | jq .n | sort)
  tool ktable -e -g g-2 --by k 'c=count()' "$src" g-table
  [ "$(count g-table)" -eq 2 ]
  echo '{"n":3}' | tool kwrite - g-out
  tool kread -e g-out >got
  [ "$(wc -l <got)" -eq 3 ]
  echo '{"n":4}' | tool kwrite --atomic - g-out
  tool kquery g-2 a >row
  tool kfilter -e --delivery at-least-once -g g-3 true "$src" g-out2
  [ "$(count g-out2)" -eq 2 ]
}

# refused COMMAND...: with code 3; a plan may have been printed.
refused() { run "$@"; [ "$status" -eq 3 ] || { echo "exit code $status: $output"; return 1; }; }

@test "ktopic: each change needs the permission that the page names, and no other" {
  new_topic src
  seq 3 | produce "$src"
  may admin describe topic "$src"
  as admin
  soon tool ktopic describe "$src"
  may admin describe-configs topic "$src"
  not_altered() { refused tool ktopic alter --execute --config retention.ms=100000 "$src"; }
  soon not_altered
  may admin alter-configs topic "$src"
  soon tool ktopic alter --execute --config retention.ms=100000 "$src"
  refused tool ktopic grow --execute 9 "$src"
  may admin alter topic "$src"
  soon tool ktopic grow --execute 9 "$src"
  refused tool ktopic trim --execute -o end "$src"
  refused tool ktopic delete --execute "$src"
  may admin delete topic "$src"
  soon tool ktopic trim --execute -o end "$src"
  tool ktopic delete --execute "$src"
}

@test "klag and koffset: the permissions that the page names are enough, and one less is told" {
  new_topic src
  seq 3 | produce "$src"
  local group=ops-$src
  kread -q -e -g "$group" -O text "$src" >read.out
  echo 4 | produce "$src"
  # Who may see neither the group nor its topics: it was said that it has committed nothing.
  as watcher
  refused_with 3 tool klag "$group"; says "group $group: Broker: Group authorization failed"
  within 5 refused_with 3 tool kwait --timeout 30s lag 0 "$group"
  may watcher describe group "$group"
  may watcher describe topic "$src"
  as watcher
  refused_klag() { refused_with 3 tool klag "$group" && says "reading of $src"; }
  soon refused_klag
  may watcher read topic "$src"
  soon tool klag "$group"
  refused_with 3 tool koffset show "$group"; says "topic $group-changelog"
  may watcher describe topic "$group-changelog"
  soon tool koffset show "$group"
  tool koffset export "$group" >exported
  refused tool koffset commit --execute "$group" "$src=0"
  says "group $group" "READ on this group"
  may operator read group "$group"
  may operator describe topic "$src"
  may operator describe topic "$group-changelog"
  as operator
  # Of the group's topics DESCRIBE is not enough.
  not_committed() { refused tool koffset commit --execute "$group" "$src=0" && says "opic" "authorization failed"; }
  soon not_committed
  refused tool koffset reset --execute -o end "$group"
  sed 's/"offset":[0-9]*/"offset":0/' exported >moved
  refused tool koffset import --execute "$group" moved
  may operator read topic "$src"
  soon tool koffset commit --execute "$group" "$src=0"
  tool koffset reset --execute -o end "$group"
  tool koffset import --execute "$group" exported
  # The answer of each group is looked at: it said that the group was deleted.
  refused tool koffset delete --execute "$group"
  refused tool koffset delete --execute "$group" "$src"
  may operator delete group "$group"
  soon tool koffset delete --execute "$group"
}

@test "DescribeConfigs is missing: a note, and the writer goes on" {
  new_topic dst
  may writer write topic "$dst"
  as writer
  write_it() { echo '{"n":1}' | tool kwrite - "$dst" 2>err.txt; }
  soon write_it
  file_has err.txt "settings of topic $dst may not be read \(permission DescribeConfigs\): assuming the broker's defaults"
  [ "$(grep -c "settings of topic $dst may not be read" err.txt)" -eq 1 ]
  [ "$(count "$dst")" -ge 1 ]
}

@test "no permission for the group, a topic or a transactional id: said by name, at once" {
  new_topic src
  new_topic dst
  echo '{"n":1}' | produce "$src"
  as grouped
  within 3 refused_with 3 tool kread -e "$src"
  says "topic $src" "authorization failed" "kutils-security(7)"
  may grouped read topic "$src"
  may grouped write topic "$dst"
  soon tool kread -e "$src"
  within 3 refused_with 3 tool kfilter -e -g "g-$dst" true "$src" "$dst"
  says "group g-$dst" "authorization failed" "READ on this group"
  may grouped read group "g-$dst"
  soon tool kfilter -e -g "g-$dst" --delivery at-least-once true "$src" "$dst"
  within 3 refused_with 3 tool kfilter -e -g "g-$dst" true "$src" "$dst"
  says "ransactional" "authorization failed" "WRITE on this transactional id"
}

# may_work_as_group: user all, with all that belongs to groups g-...
may_work_as_group() {
  may all read group g- prefixed
  for operation in read write create describe-configs delete; do may all "$operation" topic g- prefixed; done
}

@test "OUT, or the topic of --late, may be seen and not written: said by name, exactly once, exit code 3" {
  new_topic src 1
  new_topic dst
  new_topic late
  printf 'k:{"at":%s}\n' 1770000000000 1770003600000 1770000000001 | kwrite -q -K : --time at - "$src"
  may_work_as_group
  may all read topic "$src"
  may all describe topic "$dst"
  may all describe topic "$late"
  as all
  not_written() { refused_with 3 tool kfilter -e -g "g-$dst" true "$src" "$dst" && says "topics written: $dst" "authorization failed"; }
  soon not_written
  says "kutils-security(7)"
  [[ $output != *"invalid state"* ]]
  may all write topic "$dst"
  soon tool kfilter -e -g "g-$dst" true "$src" "$dst"
  not_late() { refused_with 3 tool kwindow -e -g "g-$late" --late "$late" -w 10s 'n=count()' "$src" "g-$late-out" && says "$late" "authorization failed"; }
  soon not_late
  may all write topic "$late"
  soon tool kwindow -e -g "g-$late" --late "$late" -w 10s 'n=count()' "$src" "g-$late-out"
  [ "$(count "$late")" -eq 1 ]
}

@test "who may write to no topic at all, of one that may be seen: said by the topic's name, exit code 3" {
  new_topic src
  new_topic dst
  echo '{"n":1}' | produce "$src"
  may nobody describe topic "$dst"
  may nobody read topic "$src"
  may nobody read group "g-$dst"
  as nobody
  write_it() { refused_with 3 bash -c "echo '{}' | env -u KUTILS_BROKERS kwrite -F $conf - $dst" && says "topics written: $dst"; }
  soon write_it
  says "authorization failed" "WRITE on the topic" "kutils-security(7)"
  within 3 refused_with 3 tool kfilter -e -g "g-$dst" --delivery at-least-once true "$src" "$dst"
  says "topics written: $dst" "WRITE on the topic"
}

@test "kwrite --atomic without its transactional id: told which, and what needs none" {
  new_topic dst
  may writer write topic "$dst"
  as writer
  write_it() { echo '{"n":1}' | tool kwrite - "$dst"; }
  soon write_it
  within 3 refused_with 3 bash -c "echo '{}' | env -u KUTILS_BROKERS kwrite --atomic -F $conf - $dst"
  says "kwrite-atomic-" "WRITE on this transactional id" "no --atomic"
}

@test "readers of several topics need READ on each: kmerge, kread, kdiff, kcp" {
  new_topic left 1
  new_topic right 1
  for topic in "$left" "$right"; do echo '{"n":1}' | produce "$topic"; done
  may_work_as_group
  may all read topic "$left"
  as all
  soon tool kread -e "$left"
  refused tool kmerge -e -g "g-$left" "$left,$right" "g-$left-out"; says "$right"
  refused tool kread -e "$left,$right"; says "$right"
  refused tool kdiff "$left" "$right"; says "$right"
  refused tool kcp -e "$right" ./copy.ndjson; says "$right"
  may all read topic "$right"
  soon tool kread -e "$left,$right"
  tool kmerge -e -g "g-$left" "$left,$right" "g-$left-out"
  [ "$(count "g-$left-out")" -eq 2 ]
  tool kdiff "$left" "$right"
  tool kcp -e "$right" ./copy.ndjson
}

@test "Create without Describe: said by name, and nothing is created; nor by a broker that makes topics on mention" {
  may maker create topic made- prefixed
  as maker
  within 3 refused_with 3 bash -c "echo '{}' | env -u KUTILS_BROKERS kwrite -F $conf - made-by-kwrite"
  says "topic made-by-kwrite" "authorization failed" "kutils-security(7)"
  tool kread -e made-by-kread 2>/dev/null || true
  new_topic src
  refused_with 2 kfilter -e --no-create -g g-none true "$src" made-by-kfilter
  run kcat -L -b "$KUTILS_BROKERS"
  [[ $output != *made-by-* ]]
}

@test "a wrong password and a wrong certificate are told apart; SCRAM says what this librdkafka cannot" {
  as reader
  sed -i 's/reader-secret/other/' reader.conf
  within 3 refused_with 3 tool kread -e any
  says "sasl.password"
  as reader SCRAM-SHA-512
  within 3 refused_with 3 tool kread -e any
  says "SCRAM-SHA-512" "sasl.password"
  case $(kcat -V) in
    *librdkafka\ 2.0.*) says "issue 4895" "PLAIN over TLS" ;;
  esac
}

# openssl_says TEXT: the command of the hint, pasted, says why.
openssl_says() {
  local command
  command=$(grep -oE 'openssl s_client .*' err.txt)
  run bash -c "$command 2>&1"
  says "$1"
}
# signed NAME SAN DAYS: a certificate of an authority of our own, in NAME.pem and NAME.key; valid until so many days from now.
signed() {
  local until
  until=$(date -u -d "$3 days" +%Y%m%d%H%M%SZ)
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf '%s\n' '[ca]' 'default_ca=own' '[own]' "database=$1.txt" "new_certs_dir=." 'default_md=sha256' 'policy=any' \
    'rand_serial=yes' 'x509_extensions=more' '[any]' 'commonName=supplied' '[more]' "subjectAltName=$2" >"$1.conf"
  : >"$1.txt"
  openssl ca -batch -config "$1.conf" -keyfile own-ca.key -cert own-ca.pem -in "$1.csr" -out "$1.pem" \
    -startdate 20200101000000Z -enddate "$until" 2>"$1.log" || { cat "$1.log"; return 1; }
}
# offers NAME: a TLS server on $port with this certificate.
offers() {
  port=$((20000 + RANDOM % 9000))
  start_tool "$1" openssl s_server -accept 127.0.0.1:$port -cert "$1.pem" -key "$1.key" -quiet
  wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}

@test "a failed TLS handshake: said within 3 s, with its causes, and a command that tells which it is" {
  as reader
  sed -i "s|^ssl.ca.location=.*|ssl.ca.location=/etc/ssl/certs/ca-certificates.crt|" reader.conf
  within 3 refused_with 3 tool kread -e any
  says "certificate verify failed" "ssl.ca.location" "expired" "another name than 127.0.0.1"
  openssl_says "self-signed certificate"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=own -keyout own-ca.key -out own-ca.pem 2>/dev/null
  signed expired IP:127.0.0.1 -1
  signed elsewhere DNS:broker.example 9
  offers expired
  within 3 refused_with 3 kfilter -b 127.0.0.1:$port -X security.protocol=SSL -X ssl.ca.location=own-ca.pem true a b
  openssl_says "certificate has expired"
  offers elsewhere
  within 3 refused_with 3 klag -b 127.0.0.1:$port -X security.protocol=SSL -X ssl.ca.location=own-ca.pem any
  openssl_says "IP address mismatch"
  # TLS to a port without it, and the reverse.
  within 3 refused_with 3 ktopic list -b "$KUTILS_BROKERS" -X security.protocol=SSL -X ssl.ca.location=own-ca.pem
  says "this port may not speak TLS"
  openssl_says "no peer certificate available"
  within 3 refused_with 3 kwrite -b "$KUTILS_SASL_BROKERS" - any
  says "if this port expects TLS, set -X security.protocol=SSL, or SASL_SSL"
  openssl_says "BEGIN CERTIFICATE"
}
