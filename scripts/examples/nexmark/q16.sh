#!/usr/bin/env bash
# Query 16, statistics of each channel's and day's bids, by rank of their price.
#
#   SELECT channel, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS day, MAX(DATE_FORMAT(dateTime, 'HH:mm')) AS minute, COUNT(*),
#     COUNT(*) FILTER (WHERE price < 10000), ..., COUNT(DISTINCT bidder), ..., COUNT(DISTINCT auction), ... FROM bid GROUP BY channel, day
. "${0%/*}/topics"

ktable -e --by 'channel, day=dateTime.substring(0, 10)' 'minute=max(dateTime.substring(11, 16)), total_bids=count(), rank1_bids=count() if price < 10000,
  rank2_bids=count() if price >= 10000 && price < 1000000, rank3_bids=count() if price >= 1000000,
  total_bidders=distinct(bidder), rank1_bidders=distinct(bidder) if price < 10000,
  rank2_bidders=distinct(bidder) if price >= 10000 && price < 1000000, rank3_bidders=distinct(bidder) if price >= 1000000,
  total_auctions=distinct(auction), rank1_auctions=distinct(auction) if price < 10000,
  rank2_auctions=distinct(auction) if price >= 10000 && price < 1000000, rank3_auctions=distinct(auction) if price >= 1000000' "${p}bid" "${p}q16"
