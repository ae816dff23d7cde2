#!/usr/bin/env bash
# Query 22, the bids with the directories of their url.
#
#   SELECT auction, bidder, price, channel, SPLIT_INDEX(url, '/', 3) AS dir1, SPLIT_INDEX(url, '/', 4) AS dir2, SPLIT_INDEX(url, '/', 5) AS dir3 FROM bid
. "${0%/*}/topics"

kmap -e 'auction, bidder, price, channel, dir1=url.split("/")[3], dir2=url.split("/")[4], dir3=url.split("/")[5]' "${p}bid" "${p}q22"
