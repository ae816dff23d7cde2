#!/usr/bin/env bash
# Query 18, each bidder's last bid for each auction.
#
#   SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC) AS place FROM bid)
#   WHERE place = 1
. "${0%/*}/topics"

ktable -e --by bidder,auction 'bid=last(_value, dateTime)' "${p}bid" "${p}q18"
