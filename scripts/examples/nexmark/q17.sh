#!/usr/bin/env bash
# Query 17, statistics of each auction's and day's bids.
#
#   SELECT auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS day, COUNT(*), COUNT(*) FILTER (WHERE price < 10000), ...,
#     MIN(price), MAX(price), AVG(price), SUM(price) FROM bid GROUP BY auction, day
. "${0%/*}/topics"

ktable -e --by 'auction, day=dateTime.substring(0, 10)' 'total_bids=count(), rank1_bids=count() if price < 10000,
  rank2_bids=count() if price >= 10000 && price < 1000000, rank3_bids=count() if price >= 1000000,
  min_price=min(price), max_price=max(price), avg_price=avg(price), sum_price=sum(price)' "${p}bid" "${p}q17"
