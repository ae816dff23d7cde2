#!/usr/bin/env bash
# Query 12, the bids of each bidder in 10 seconds of processing time, which is the clock's when a bid is read.
#
#   SELECT bidder, COUNT(*), window_start, window_end FROM TUMBLE((SELECT *, PROCTIME() AS p_time FROM bid), p_time, 10 seconds)
#   GROUP BY bidder, window_start, window_end
. "${0%/*}/topics"

kwindow -e -w 10s --time wall --by bidder 'bid_count=count()' "${p}bid" "${p}q12"
