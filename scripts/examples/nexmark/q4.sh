#!/usr/bin/env bash
# Query 4, the average of the winning bids of each category.
#
#   SELECT category, AVG(final) FROM (
#     SELECT MAX(B.price) AS final, A.category FROM auction A JOIN bid B ON A.id = B.auction
#     WHERE B.dateTime BETWEEN A.dateTime AND A.expires GROUP BY A.id, A.category)
#   GROUP BY category
. "${0%/*}/topics"

kjoin -e --before 1m --after 0s --grace 5s --where 'left.dateTime >= right.dateTime && left.dateTime <= right.expires' \
  --select 'right.category, left.price' "${p}bid" "${p}auction" "${p}q4.bids"
ktable -e 'category=first(category), final=max(price)' "${p}q4.bids" "${p}q4.winning"
ktable -e --by category 'final=avg(final)' "table:${p}q4.winning" "${p}q4"
