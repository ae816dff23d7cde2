#!/usr/bin/env bash
# Query 19, the ten highest bids of each auction.
#
#   SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS place FROM bid) WHERE place <= 10
. "${0%/*}/topics"

ktable -e 'bids=top(_value, 10, price)' "${p}bid" "${p}q19"
