#!/usr/bin/env bash
# Query 1, currency conversion: the bids' prices in euros.
#
#   SELECT auction, bidder, 0.908 * price AS price, dateTime, extra FROM bid
. "${0%/*}/topics"

kmap -e 'auction, bidder, price=0.908 * price, dateTime, extra' "${p}bid" "${p}q1"
