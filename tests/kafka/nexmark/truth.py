#!/usr/bin/env python3
"""Whether the results of scripts/examples/nexmark are those of a batch database: the same events in SQLite, one SQL each.

  truth.py EVENTS PREFIX QUERY...         QUERY: q0 ... q22
  truth.py --same PREFIX OTHER QUERY...   whether PREFIXq0 ... and OTHERq0 ... have the same results

EVENTS is a folder with person.ndjson, auction.ndjson, bid.ndjson and what q10 and q13 use: log/, side_input.csv. The results are
read by kcat from the topics PREFIXq0 ... at $KUTILS_BROKERS. Nothing here is shared with the tools."""
import collections
import csv
import datetime
import glob
import json
import os
import subprocess
import sys

import sqlite3


def ms_of(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def database(folder):
    """The three tables as the generator wrote them, and `ts`, dateTime in ms."""
    db = sqlite3.connect(":memory:")
    for table in ("person", "auction", "bid"):
        with open(f"{folder}/{table}.ndjson", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        columns = list(rows[0]) + ["ts"]
        db.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})",
                       [[*row.values(), ms_of(row["dateTime"])] for row in rows])
    db.execute("CREATE TABLE side_input (key INTEGER PRIMARY KEY, value)")
    with open(f"{folder}/side_input.csv", encoding="utf-8") as lines:
        db.executemany("INSERT INTO side_input VALUES (:key, :value)", csv.DictReader(lines))
    # The hops are 2 s apart and 10 s long: each bid is in five.
    db.execute("CREATE TABLE hop (back)")
    db.executemany("INSERT INTO hop VALUES (?)", [(n * 2000,) for n in range(5)])
    db.execute("CREATE INDEX bid_auction ON bid (auction)")
    return db


RANKS = ("1", "price < 10000", "price >= 10000 AND price < 1000000", "price >= 1000000")
BIDS = ", ".join(f"COUNT(*) FILTER (WHERE {rank})" for rank in RANKS)
STATISTICS = BIDS + "".join(f", COUNT(DISTINCT {of}) FILTER (WHERE {rank})" for of in ("bidder", "auction") for rank in RANKS)
STATISTICS_FIELDS = ["total_bids", "rank1_bids", "rank2_bids", "rank3_bids", "total_bidders", "rank1_bidders", "rank2_bidders",
                     "rank3_bidders", "total_auctions", "rank1_auctions", "rank2_auctions", "rank3_auctions"]
WON = """FROM auction A JOIN bid B ON A.id = B.auction WHERE B.dateTime BETWEEN A.dateTime AND A.expires"""
BID = ["auction", "bidder", "price", "channel", "url", "dateTime", "extra"]


def fields(*names):
    return lambda row: [[row[name] for name in names]]


def each(name, head=()):
    """A row for each bid of a list of bids, in their order."""
    return lambda row: [[*(row[h] for h in head), *(bid[field] for field in BID)] for bid in row[name]]


def window(row):
    return ms_of(row["window_start"])


def channel_id(channel, url):
    names = {"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
    if channel.lower() in names:
        return names[channel.lower()]
    return url.partition("&channel_id=")[2].partition("&")[0] or None


# Per query: whether its topic is a table (the newest row of each key counts) or a stream; the SQL; the rows of one record.
QUERIES = {
    "q0": ("stream", "SELECT auction, bidder, price, dateTime, extra FROM bid",
           fields("auction", "bidder", "price", "dateTime", "extra")),
    "q1": ("stream", "SELECT auction, bidder, 0.908 * price, dateTime, extra FROM bid",
           fields("auction", "bidder", "price", "dateTime", "extra")),
    "q2": ("stream", "SELECT auction, price FROM bid WHERE auction % 123 = 0", fields("auction", "price")),
    "q3": ("table", """SELECT P.name, P.city, P.state, A.id FROM auction A JOIN person P ON A.seller = P.id
           WHERE A.category = 10 AND P.state IN ('OR', 'ID', 'CA')""", fields("name", "city", "state", "id")),
    "q4": ("table", f"""SELECT category, AVG(final) FROM (SELECT MAX(B.price) AS final, A.category {WON} GROUP BY A.id, A.category)
           GROUP BY category""", fields("category", "final")),
    "q5": ("table", """SELECT start, auction, num FROM (
             SELECT start, auction, COUNT(*) AS num, RANK() OVER (PARTITION BY start ORDER BY COUNT(*) DESC) AS place
             FROM (SELECT auction, ts / 2000 * 2000 - back AS start FROM bid, hop) GROUP BY auction, start)
           WHERE place = 1""", lambda row: [[window(row), auction, row["num"]] for auction in row["auctions"]]),
    "q6": ("table", f"""SELECT seller, AVG(price) FROM (
             SELECT seller, price, ROW_NUMBER() OVER (PARTITION BY seller ORDER BY dateTime DESC) AS back FROM (
               SELECT A.seller, B.price, B.dateTime, ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC) AS place {WON})
             WHERE place = 1)
           WHERE back <= 10 GROUP BY seller""", fields("seller", "price")),
    "q7": ("table", f"""SELECT start, {', '.join(BID)} FROM (
             SELECT *, ts / 10000 * 10000 AS start, RANK() OVER (PARTITION BY ts / 10000 ORDER BY price DESC) AS place FROM bid)
           WHERE place = 1""", lambda row: [[window(row), *(bid[field] for field in BID)] for bid in row["bids"]]),
    "q8": ("stream", """SELECT DISTINCT P.id, P.name, P.ts / 10000 * 10000 FROM person P JOIN auction A ON P.id = A.seller
           AND P.ts / 10000 = A.ts / 10000""", lambda row: [[row["id"], row["name"], ms_of(row["dateTime"]) // 10000 * 10000]]),
    "q9": ("table", f"""SELECT id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra,
             auction, bidder, price, bid_dateTime, bid_extra FROM (
             SELECT A.*, B.auction, B.bidder, B.price, B.dateTime AS bid_dateTime, B.extra AS bid_extra,
               ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime ASC) AS place {WON})
           WHERE place = 1""",
           fields("id", "itemName", "description", "initialBid", "reserve", "dateTime", "expires", "seller", "category", "extra",
                  "auction", "bidder", "price", "bid_dateTime", "bid_extra")),
    "q10": ("files", "SELECT substr(dateTime, 1, 16), auction, bidder, price, dateTime, extra FROM bid",
            fields("file", "auction", "bidder", "price", "dateTime", "extra")),
    "q11": ("sessions", """SELECT bidder, COUNT(*), MIN(ts), MAX(ts) FROM (
              SELECT bidder, ts, SUM(begins) OVER (PARTITION BY bidder ORDER BY ts ROWS UNBOUNDED PRECEDING) AS session FROM (
                SELECT bidder, ts, COALESCE(ts - LAG(ts) OVER (PARTITION BY bidder ORDER BY ts) > 10000, 1) AS begins FROM bid))
            GROUP BY bidder, session""",
            lambda row: [[row["bidder"], row["bid_count"], window(row), ms_of(row["window_end"])]]),
    # When a bid was read only the run knows; that each is counted once, in a window of 10 s, is what can be checked.
    "q12": ("windows", "SELECT bidder, COUNT(*), 0 FROM bid GROUP BY bidder",
            lambda row: [[row["bidder"], row["bid_count"], window(row) % 10000]]),
    "q13": ("stream", """SELECT B.auction, B.bidder, B.price, B.dateTime, S.value FROM bid B JOIN side_input S
            ON B.auction % 10000 = S.key""", fields("auction", "bidder", "price", "dateTime", "value")),
    "q14": ("stream", """SELECT auction, bidder, 0.908 * price, CASE WHEN hour BETWEEN 8 AND 18 THEN 'dayTime'
              WHEN hour <= 6 OR hour >= 20 THEN 'nightTime' ELSE 'otherTime' END, dateTime, extra,
              length(extra) - length(replace(extra, 'c', ''))
            FROM (SELECT *, CAST(substr(dateTime, 12, 2) AS INTEGER) AS hour FROM bid)
            WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000""",
            fields("auction", "bidder", "price", "bidTimeType", "dateTime", "extra", "c_counts")),
    "q15": ("table", f"SELECT substr(dateTime, 1, 10) AS day, {STATISTICS} FROM bid GROUP BY day",
            fields("day", *STATISTICS_FIELDS)),
    "q16": ("table", f"""SELECT channel, substr(dateTime, 1, 10) AS day, MAX(substr(dateTime, 12, 5)), {STATISTICS}
            FROM bid GROUP BY channel, day""", fields("channel", "day", "minute", *STATISTICS_FIELDS)),
    "q17": ("table", f"""SELECT auction, substr(dateTime, 1, 10) AS day, {BIDS}, MIN(price), MAX(price), AVG(price), SUM(price)
            FROM bid GROUP BY auction, day""",
            fields("auction", "day", "total_bids", "rank1_bids", "rank2_bids", "rank3_bids", "min_price", "max_price", "avg_price",
                   "sum_price")),
    "q18": ("table", f"""SELECT {', '.join(BID)} FROM (
              SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC) AS place FROM bid)
            WHERE place = 1""", lambda row: [[row["bid"][field] for field in BID]]),
    # In the order of their prices; of equal ones at the end of the ten either may be there.
    "q19": ("table", """SELECT auction, price, place FROM (
              SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS place FROM bid)
            WHERE place <= 10""",
            lambda row: [[bid["auction"], bid["price"], place] for place, bid in enumerate(row["bids"], 1)]),
    "q20": ("stream", """SELECT auction, bidder, price, channel, url, B.dateTime, B.extra, itemName, description, initialBid, reserve,
              A.dateTime, expires, seller, category, A.extra FROM bid B JOIN auction A ON B.auction = A.id WHERE A.category = 10""",
            fields("auction", "bidder", "price", "channel", "url", "bid_dateTime", "bid_extra", "itemName", "description",
                   "initialBid", "reserve", "auction_dateTime", "expires", "seller", "category", "auction_extra")),
    "q21": ("stream", """SELECT auction, bidder, price, channel, channel_id(channel, url) AS id FROM bid WHERE id IS NOT NULL""",
            fields("auction", "bidder", "price", "channel", "channel_id")),
    "q22": ("stream", """SELECT auction, bidder, price, channel, split_index(url, 3), split_index(url, 4), split_index(url, 5)
            FROM bid""", fields("auction", "bidder", "price", "channel", "dir1", "dir2", "dir3")),
}


def consumed(topic):
    with subprocess.Popen(["timeout", "300", "kcat", "-C", "-q", "-e", "-J", "-b", os.environ["KUTILS_BROKERS"], "-o", "beginning", "-t",
                           topic, "-X", "isolation.level=read_committed"], stdout=subprocess.PIPE) as kcat:
        for line in kcat.stdout:
            record = json.loads(line)
            payload = record.get("payload")
            yield record["partition"], record["key"], json.loads(payload) if payload is not None else None
    if kcat.returncode != 0:
        sys.exit(f"{topic}: kcat ended with {kcat.returncode}")


def results(kind, folder, topic):
    """The records that count: all of a stream, of a table the newest of each key."""
    if kind == "files":
        for path in glob.glob(f"{folder}/log/*.ndjson"):
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    yield {"file": os.path.basename(path)[:-len(".ndjson")], **json.loads(line)}
        return
    records = consumed(topic)
    if kind == "stream":
        yield from (value for _, _, value in records)
        return
    rows = {}
    for partition, key, value in records:
        name = [partition, key]
        if value and "window_start" in value:
            name += [value["window_start"], value.get("window_end")]
        rows[tuple(name)] = value
    rows = [row for row in rows.values() if row is not None and not row.get("_deleted")]
    if kind == "windows":  # one row for each bidder, of all its windows
        sums = {}
        for row in rows:
            bidder = sums.setdefault(row["bidder"], {**row, "bid_count": 0})
            bidder["bid_count"] += row["bid_count"]
            if window(row) % 10000 or ms_of(row["window_end"]) - window(row) != 10000:
                sys.exit(f"{topic}: no window of 10 s: {row}")
        rows = sums.values()
    yield from rows


def plain(row):
    return tuple(float(f"{x:.9g}") if isinstance(x, float) else x for x in row)


def check(db, folder, prefix, query):
    kind, sql, rows_of = QUERIES[query]
    want = collections.Counter(plain(row) for row in db.execute(sql))
    got = collections.Counter(plain(row) for record in results(kind, folder, prefix + query) for row in rows_of(record))
    missing, extra = (want - got, got - want)
    if not want:
        print(f"{query}: the database has no rows, which shows nothing")
        return False
    if missing or extra:
        print(f"{query}: WRONG: {sum(want.values())} rows expected, {sum(got.values())} there; {sum(missing.values())} missing, "
              f"such as {list(missing)[:2]}; {sum(extra.values())} too many, such as {list(extra)[:2]}")
        return False
    print(f"{query}: equal, {sum(want.values())} rows")
    return True


def same(prefix, other, query):
    """Rows by their hashes: there may be a million of them."""
    kind, _, rows_of = QUERIES[query]
    one, two = (collections.Counter(hash(plain(row)) for record in results(kind, "", name + query) for row in rows_of(record))
                for name in (prefix, other))
    if not one or one != two:
        print(f"{query}: DIFFERENT: {sum(one.values())} rows in {prefix}{query}, {sum(two.values())} in {other}{query}, "
              f"{sum((one & two).values())} of them the same")
        return False
    print(f"{query}: the same {sum(one.values())} rows")
    return True


def main():
    if sys.argv[1] == "--same":
        prefix, other, *queries = sys.argv[2:]
        sys.exit(0 if all([same(prefix, other, query) for query in queries]) else 1)
    folder, prefix, *queries = sys.argv[1:]
    db = database(folder)
    db.create_function("channel_id", 2, channel_id)
    db.create_function("split_index", 2, lambda text, n: text.split("/")[n])
    sys.exit(0 if all([check(db, folder, prefix, query) for query in queries]) else 1)


main()
