#!/usr/bin/env bash
# Query 10, the bids logged to files, one for each minute, in the folder $LOG (./log).
#
#   SELECT *, DATE_FORMAT(dateTime, 'yyyy-MM-dd'), DATE_FORMAT(dateTime, 'HH:mm') FROM bid
. "${0%/*}/topics"

mkdir -p "${LOG:=log}"
kmap -e -g "${p}q10" 'auction, bidder, price, dateTime, extra' "${p}bid" - |
  awk -v log_dir="$LOG" -F '"dateTime":"' '{ print >> (log_dir "/" substr($2, 1, 16) ".ndjson") }'
