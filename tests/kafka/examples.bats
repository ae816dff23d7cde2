#!/usr/bin/env bats
# The courses in scripts/examples check their own results; README's tour must run as it stands there.

setup() {
  . "${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/kafka.bash"
  kafka_setup
  TOPIC_PREFIX=$(topic_name x)
  export TOPIC_PREFIX
}
teardown() { kafka_teardown; }

@test "the click-event course" { "$KUTILS_SOURCE_DIR/scripts/examples/clicks.sh"; }
@test "the taxi course" { "$KUTILS_SOURCE_DIR/scripts/examples/taxi.sh"; }
@test "sums by uri: a table, per minute, hopping" { "$KUTILS_SOURCE_DIR/scripts/examples/uri_summary.sh"; }
@test "trips by vendor, per minute and hopping" { "$KUTILS_SOURCE_DIR/scripts/examples/trips.sh"; }
@test "word count" { "$KUTILS_SOURCE_DIR/scripts/examples/words.sh"; }
@test "user sessions" { "$KUTILS_SOURCE_DIR/scripts/examples/sessions.sh"; }
@test "suspicious log-ins" { "$KUTILS_SOURCE_DIR/scripts/examples/logins.sh"; }
@test "orders without a dispatch" { "$KUTILS_SOURCE_DIR/scripts/examples/orders.sh"; }
@test "clicks enriched by users" { "$KUTILS_SOURCE_DIR/scripts/examples/enriched.sh"; }
@test "page views by region" { "$KUTILS_SOURCE_DIR/scripts/examples/regions.sh"; }
@test "anomaly detection" { "$KUTILS_SOURCE_DIR/scripts/examples/anomalies.sh"; }
@test "bank withdrawals" { "$KUTILS_SOURCE_DIR/scripts/examples/withdrawals.sh"; }
@test "reminders that are sent later" { "$KUTILS_SOURCE_DIR/scripts/examples/reminders.sh"; }
@test "charts: top five songs of each genre" { "$KUTILS_SOURCE_DIR/scripts/examples/songs.sh"; }
@test "payments: sent twice, fraud per country" { "$KUTILS_SOURCE_DIR/scripts/examples/payments.sh"; }
@test "what dpkg did, in pipes and topics" { "$KUTILS_SOURCE_DIR/scripts/examples/packages.sh"; }

@test "README's tour runs as written" {
  # All blocks marked ```sh tour, in order, in one shell. The topics have plain names, so the broker is one of its own.
  awk '/^```sh tour$/ {inside = 1; next} /^```/ {inside = 0} inside' "$KUTILS_SOURCE_DIR/README.md" >tour.sh
  [ -s tour.sh ]
  "$KUTILS_SOURCE_DIR/scripts/kafka" run bash -euo pipefail tour.sh 3>&-
}
