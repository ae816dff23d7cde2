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
ktable -e 'seller=first(seller), price=max(price), at=max_by(at, price)' "${p}q6.bids" "${p}q6.sold"
ktable -e --by seller 'price=top(price, 10, at).avg()' "table:${p}q6.sold" "${p}q6"
