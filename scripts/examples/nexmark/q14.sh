#!/usr/bin/env bash
# Query 14, calculation: the dear bids in euros, with the kind of time and the number of c in extra.
#
#   SELECT auction, bidder, 0.908 * price AS price, CASE WHEN HOUR(dateTime) >= 8 AND HOUR(dateTime) <= 18 THEN 'dayTime'
#     WHEN HOUR(dateTime) <= 6 OR HOUR(dateTime) >= 20 THEN 'nightTime' ELSE 'otherTime' END AS bidTimeType,
#     dateTime, extra, count_char(extra, 'c') AS c_counts
#   FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000
. "${0%/*}/topics"

kpipe -e kfilter '0.908 * price > 1000000 && 0.908 * price < 50000000' then kmap 'auction, bidder, price=0.908 * price,
  bidTimeType=cel.bind(h, timestamp(dateTime).getHours(), h >= 8 && h <= 18 ? "dayTime" : h <= 6 || h >= 20 ? "nightTime" : "otherTime"),
  dateTime, extra, c_counts=extra.split("c").size() - 1' -- "${p}bid" "${p}q14"
