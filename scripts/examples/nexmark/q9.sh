#!/usr/bin/env bash
# Query 9, the winning bid of each auction.
#
#   SELECT * FROM (
#     SELECT A.*, B.*, ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime) AS place
#     FROM auction A JOIN bid B ON A.id = B.auction WHERE B.dateTime BETWEEN A.dateTime AND A.expires)
#   WHERE place = 1
. "${0%/*}/topics"

kjoin -e --before 1m --after 0s --grace 5s --where 'left.dateTime >= right.dateTime && left.dateTime <= right.expires' \
  --select 'right.*, left.auction, left.bidder, left.price, bid_dateTime=left.dateTime, bid_extra=left.extra' \
  "${p}bid" "${p}auction" "${p}q9.bids"
kpipe -e ktable 'winner=max_by(_value, price)' then kmap 'winner.*' -- "${p}q9.bids" "${p}q9"
