#!/usr/bin/env bash
# Query 0, passed through: the bids as they come.
#
#   SELECT auction, bidder, price, dateTime, extra FROM bid
. "${0%/*}/topics"

kmap -e 'auction, bidder, price, dateTime, extra' "${p}bid" "${p}q0"
