#!/usr/bin/env bash
# Query 20, the bids for auctions of category 10, with the auction.
#
#   SELECT auction, bidder, price, channel, url, B.dateTime, B.extra, itemName, description, initialBid, reserve, A.dateTime, expires,
#     seller, category, A.extra FROM bid B JOIN auction A ON B.auction = A.id WHERE A.category = 10
. "${0%/*}/topics"

kjoin -e --within 1m --grace 5s --where 'right.category == 10' --select 'left.*, -dateTime, -extra, bid_dateTime=left.dateTime, bid_extra=left.extra,
  right.itemName, right.description, right.initialBid, right.reserve, auction_dateTime=right.dateTime, right.expires,
  right.seller, right.category, auction_extra=right.extra' "${p}bid" "${p}auction" "${p}q20"
