#!/usr/bin/env bash
# Query 11, user sessions: the bids of each bidder without a pause of 10 seconds.
#
#   SELECT bidder, COUNT(*), SESSION_START(dateTime, 10 seconds), SESSION_END(dateTime, 10 seconds) FROM bid
#   GROUP BY bidder, SESSION(dateTime, 10 seconds)
. "${0%/*}/topics"

kwindow -e -w session:10s --grace 5s --by bidder 'bid_count=count()' "${p}bid" "${p}q11"
