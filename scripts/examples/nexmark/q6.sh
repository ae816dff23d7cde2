#!/usr/bin/env bash
# Query 6, the average selling price of each seller's last ten auctions.
#
#   SELECT seller, AVG(price) OVER (PARTITION BY seller ORDER BY dateTime ROWS 9 PRECEDING) FROM (
#     SELECT A.id, A.seller, B.price, B.dateTime, ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC) AS place
#     FROM auction A JOIN bid B ON A.id = B.auction WHERE B.dateTime BETWEEN A.dateTime AND A.expires)
#   WHERE place = 1
. "${0%/*}/topics"

kjoin -e --before 1m --after 0s --grace 5s --where 'left.dateTime >= right.dateTime && left.dateTime <= right.expires' \
  --select 'right.seller, left.price, at=left.dateTime' "${p}bid" "${p}auction" "${p}q6.bids"
kpipe -e ktable 'seller=first(seller), price=max(price), at=max_by(at, price)' then \
  ktable --by seller 'sold=fold({}, _acc.merge({key: {"price": price, "at": at}}))' then \
  kmap 'seller, price=sold.map(id, sold[id]).sortBy(a, desc(a.at)).take(10).map(a, a.price).avg()' -- "${p}q6.bids" "${p}q6"
