#!/usr/bin/env bash
# Query 5, hot items: the auctions with the most bids in the last 10 seconds, every 2.
#
#   SELECT auction, num FROM (
#     SELECT auction, COUNT(*) AS num, RANK() OVER (PARTITION BY window_start ORDER BY COUNT(*) DESC) AS place
#     FROM HOP(bid, dateTime, 2 seconds, 10 seconds) GROUP BY auction, window_start)
#   WHERE place = 1
. "${0%/*}/topics"

kpipe -e kwindow -w 10s/2s --grace 5s --by auction 'num=count()' then \
  ktable --by window_start 'auctions=max_all_by(auction, num), num=max(num)' -- "${p}bid" "${p}q5"
