#!/usr/bin/env bash
# Query 3, local item suggestion: who sells in three states in category 10.
#
#   SELECT P.name, P.city, P.state, A.id FROM auction A JOIN person P ON A.seller = P.id
#   WHERE A.category = 10 AND P.state IN ('OR', 'ID', 'CA')
. "${0%/*}/topics"

kjoin -e --on seller --where 'left.category == 10 && right.state in ["OR", "ID", "CA"]' \
  --select 'right.name, right.city, right.state, left.id' "table:${p}auction" "table:${p}person" "${p}q3"
