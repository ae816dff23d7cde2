#!/usr/bin/env bash
# Query 2, selection: the bids for every 123rd auction.
#
#   SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0
. "${0%/*}/topics"

kpipe -e kfilter 'auction % 123 == 0' then kmap 'auction, price' -- "${p}bid" "${p}q2"
