#!/usr/bin/env bash
# Query 21, the bids with the id of their channel, of its name or in the url.
#
#   SELECT auction, bidder, price, channel, CASE WHEN lower(channel) = 'apple' THEN '0' WHEN lower(channel) = 'google' THEN '1'
#     WHEN lower(channel) = 'facebook' THEN '2' WHEN lower(channel) = 'baidu' THEN '3'
#     ELSE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) END AS channel_id
#   FROM bid WHERE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) IS NOT NULL OR lower(channel) IN ('apple', 'google', 'facebook', 'baidu')
. "${0%/*}/topics"

kpipe -e kmap 'auction, bidder, price, channel, channel_id={"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}[?channel.lower()]
  .or(regex.extract(url, "&channel_id=([^&]*)")).orValue(null)' then kfilter 'channel_id != null' -- "${p}bid" "${p}q21"
