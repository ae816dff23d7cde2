#!/usr/bin/env bash
# Query 7, the highest bids of each 10 seconds.
#
#   SELECT B.* FROM bid B JOIN (
#     SELECT window_start, MAX(price) AS price FROM TUMBLE(bid, dateTime, 10 seconds) GROUP BY window_start) W
#   ON B.price = W.price AND B.dateTime IN W
. "${0%/*}/topics"

kwindow -e -w 10s --grace 5s --total 'bids=max_all_by(_value, price)' "${p}bid" "${p}q7"
