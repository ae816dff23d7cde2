#!/usr/bin/env bash
# Query 9, the winning bid of each auction.
#
#   SELECT * FROM (
#     SELECT A.*, B.*, ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime) AS place
#     FROM auction A JOIN bid B ON A.id = B.auction WHERE B.dateTime BETWEEN A.dateTime AND A.expires)
#   WHERE place = 1
#
# Of a bid only what the result needs waits for its auction; the auction's own fields, most of the bytes, come in last: to the one bid
# that won, not to each.
. "${0%/*}/topics"

kpipe -e kmap 'bidder, price, dateTime, extra' then \
  kjoin --before 1m --after 0s --grace 5s --where 'left.dateTime >= right.dateTime && left.dateTime <= right.expires' \
    --select 'left.bidder, left.price, bid_dateTime=left.dateTime, bid_extra=left.extra' "${p}auction" then \
  ktable 'bid=max_by(_value, price)' -- "${p}bid" "${p}q9.won"
kjoin -e --select 'right.*, auction=right.id, left.bid.bidder, left.bid.price, left.bid.bid_dateTime, left.bid.bid_extra' \
  "table:${p}q9.won" "table:${p}auction" "${p}q9"
