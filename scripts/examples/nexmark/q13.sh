#!/usr/bin/env bash
# Query 13, bids with a value from a side input, the file $SIDE_INPUT (./side_input.csv).
#
#   SELECT B.auction, B.bidder, B.price, B.dateTime, S.value FROM bid B JOIN side_input S ON MOD(B.auction, 10000) = S.key
. "${0%/*}/topics"

kjoin -e --on 'auction % 10000=key' --select 'left.auction, left.bidder, left.price, left.dateTime, right.value' \
  "${p}bid" "table:${SIDE_INPUT:-./side_input.csv}" "${p}q13"
