#!/usr/bin/env bash
# Query 8, new users: who came and sold something within the same 10 seconds.
#
#   SELECT DISTINCT P.id, P.name, P.window_start FROM TUMBLE(person, dateTime, 10 seconds) P
#   JOIN TUMBLE(auction, dateTime, 10 seconds) A ON P.id = A.seller AND P.window_start = A.window_start
. "${0%/*}/topics"

kjoin -e -w 10s --grace 5s --on id=seller --select 'left.id, left.name, left.dateTime' "${p}person" "${p}auction" "${p}q8.sales"
kdedup -e id --within 10s "${p}q8.sales" "${p}q8"
