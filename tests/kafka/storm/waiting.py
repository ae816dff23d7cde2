"""Storms over the tools that bend time: kdedup, kdelay, ktake, kscan, ksort. See stateful.py, which runs them."""
import collections
import json
import time

import batch
from processes import Failure

LOG_TIME = ("message.timestamp.type=LogAppendTime",)  # the broker's clock, which is that of this machine


def same(what, found, expected):
    """Equal as multisets."""
    more, missing = collections.Counter(found), collections.Counter(expected)
    if more != missing:
        raise Failure(f"{len(found)} {what}, {len(expected)} must be: missing {list((missing - more).items())[:5]}, "
                      f"too many {list((more - missing).items())[:5]}")


class Dedup:
    """kdedup by record key: exactly the records that one pass over each partition lets through, in their order; the late ones apart."""

    program = "kdedup"
    WITHIN, GRACE = 20_000, 2000

    def __init__(self, keep_last=False):
        self.keep_last = keep_last

    def prepare(self, bench):
        self.late_topic = bench.output + "-late"
        bench.create(self.late_topic)
        bench.more_outputs = [self.late_topic]
        how = "--keep last" if self.keep_last else f"--grace {self.GRACE}ms"
        self.tool = f"kdedup _key --within {self.WITHIN}ms {how} --late {self.late_topic}"

    def check(self, bench, records):
        passed, late = (self.last if self.keep_last else self.first)(records)
        identity = lambda r: (r.partition, r.time, r.key, r.value)
        written = batch.read(bench.cluster, bench.output)
        same("records passed on", [identity(r) for r in written], [identity(r) for r in passed])
        same("late records", [identity(r) for r in batch.read(bench.cluster, self.late_topic)], [identity(r) for r in late])
        if not self.keep_last:
            last = {}
            place = {identity(r): r.offset for r in records}  # an id of its own in each value
            for record in written:
                if place[identity(record)] <= last.get(record.partition, -1):
                    raise Failure(f"out of order: {record}")
                last[record.partition] = place[identity(record)]
        return f"passed on {len(passed)} late {len(late)}"

    def first(self, records):
        passed, late, times, newest = [], [], {}, {}
        for record in records:
            now = newest[record.partition] = max(newest.get(record.partition, record.time), record.time)
            near = times.setdefault((record.partition, record.key), [])
            if record.time + self.GRACE < now:
                late.append(record)
            elif all(abs(record.time - time) >= self.WITHIN for time in near):
                passed.append(record)
                near.append(record.time)
        return passed, late

    def last(self, records):
        """A wait is [first time, record or None once it went on]."""
        passed, late, waits, newest = [], [], {}, {}
        for record in records:
            now = newest[record.partition] = max(newest.get(record.partition, record.time), record.time)
            mine = waits.setdefault((record.partition, record.key), [])
            self.settle(mine, now, passed)
            near = [w for w in mine if w[1] and abs(record.time - w[0]) < self.WITHIN]
            if record.time + self.WITHIN <= now:
                late.append(record)
            elif near:
                if record.time >= near[0][1].time:
                    near[0][1] = record
            elif any(w[1] is None and record.time < w[0] + self.WITHIN for w in mine):
                late.append(record)
            else:
                mine.append([record.time, record])
        for (partition, _), mine in waits.items():
            self.settle(mine, newest[partition], passed)
        return passed, late

    def settle(self, waits, now, passed):
        for wait in waits:
            if wait[1] and wait[0] + self.WITHIN <= now:
                passed.append(wait[1])
                wait[1] = None
        waits[:] = [w for w in waits if w[1] or w[0] + 2 * self.WITHIN > now]


class DedupBy:
    """kdedup by a field. Which partition's record comes first behind the internal topic is open; but of one value none that was passed
    on is near another one, and each that was not is near one that was. The grace is longer than any record is late."""

    program = "kdedup"
    WITHIN, GRACE = 20_000, 130_000
    tool = f"kdedup uri --within {WITHIN}ms --grace {GRACE}ms"

    def prepare(self, bench):
        bench.repartitions = 1

    def check(self, bench, records):
        identity = lambda r: (r.partition, r.time, r.key, r.value)
        written = batch.read(bench.cluster, bench.output)
        found = collections.Counter(map(identity, written))
        known = set(map(identity, records))
        wrong = [r for r, n in found.items() if n > 1 or r not in known]
        if wrong:
            raise Failure(f"{len(wrong)} were passed on twice, or never came: {wrong[:5]}")
        times = collections.defaultdict(list)
        for record in written:
            times[json.loads(record.value)["uri"]].append(record.time)
        for uri, passed in times.items():
            passed.sort()
            near = [(a, b) for a, b in zip(passed, passed[1:]) if b - a < self.WITHIN]
            if near:
                raise Failure(f"{uri}: duplicates were passed on, of times {near[:5]}")
        for record in records:
            uri = json.loads(record.value)["uri"]
            if identity(record) not in found and all(abs(record.time - t) >= self.WITHIN for t in times[uri]):
                raise Failure(f"left out, and none near it was passed on: {record}")
        return f"passed on {len(written)}"


class Delay:
    """Each record goes on as it came, once, and not before it is due by the broker's clock; a part of a record's running number and up
    to two seconds of its own, in milliseconds behind a common start, say when that is."""

    program = "kdelay"
    LEAD = 4000

    def prepare(self, bench):
        self.start = int(time.time() * 1000) + self.LEAD
        self.a_millisecond = max(2, (bench.options.records or 0) // 40_000)  # so many become due in each
        bench.configs = {bench.output: LOG_TIME}
        bench.wait_for_outputs = self.wait
        self.tool = f"kdelay '{self.start} + id % 10000000 / {self.a_millisecond} + number * 10'"

    def due(self, click):
        return self.start + click["id"] % 10_000_000 // self.a_millisecond + click["number"] * 10

    @staticmethod
    def wait(bench):
        return bench.cluster.count(bench.output) >= bench.filled

    def check(self, bench, records):
        written = batch.read(bench.cluster, bench.output)
        same("records", [(r.partition, r.key, r.value) for r in written], [(r.partition, r.key, r.value) for r in records])
        waits = sorted(r.time - self.due(json.loads(r.value)) for r in written)
        if waits[0] < 0:
            raise Failure(f"{sum(w < 0 for w in waits)} records went on too early, the first by {-waits[0]} ms")
        return f"out {len(written)} half within {waits[len(waits) // 2]} ms"


class Take:
    """Each value is in one array of its group, in its order; an array that is not full has waited for its time, by the broker's clock."""

    program = "ktake"
    WITHIN = 1500

    def __init__(self, by=None):
        self.by = by
        self.count = 4 if by else 40
        self.tool = f"ktake {self.count} --within {self.WITHIN}ms" + (f" --by {by}" if by else "")

    def prepare(self, bench):
        bench.configs = {bench.input: LOG_TIME, bench.output: LOG_TIME}
        bench.repartitions = 1 if self.by else 0
        bench.wait_for_outputs = self.wait

    @staticmethod
    def wait(bench):
        return sum(len(json.loads(r.value)) for r in batch.read(bench.cluster, bench.output)) >= bench.filled

    def check(self, bench, records):
        # A group's values of one partition of IN keep their order; without --by that is all of the group.
        def place(record, click):
            return record.partition, click[self.by] if self.by else None
        expected, came, ids = collections.defaultdict(list), {}, {}
        for record in records:
            click = json.loads(record.value)
            expected[place(record, click)].append(click["id"])
            came[click["id"]] = record.time
            ids[click["id"]] = record
        taken = collections.defaultdict(list)
        arrays = batch.read(bench.cluster, bench.output)
        full = 0
        for row in arrays:
            clicks = json.loads(row.value)
            first = came.get(clicks[0]["id"], 0) if clicks else 0
            full += len(clicks) == self.count
            if not 0 < len(clicks) <= self.count:
                raise Failure(f"an array of {len(clicks)}: {row}")
            if len(clicks) < self.count and row.time < first + self.WITHIN:
                raise Failure(f"{len(clicks)} values went on {row.time - first} ms after the first of them came: {row}")
            for click in clicks:
                record = ids.get(click["id"])
                if record is None or click != json.loads(record.value):
                    raise Failure(f"a value that never came: {click}")
                if self.by and row.key != click[self.by] or not self.by and row.partition != record.partition:
                    raise Failure(f"a value of another group: {click} in {row}")
                taken[place(record, click)].append(click["id"])
        wrong = [(group, len(taken[group]), len(values)) for group, values in expected.items() if taken[group] != values]
        if wrong:
            group = wrong[0][0]
            more, missing = collections.Counter(taken[group]), collections.Counter(expected[group])
            raise Failure(f"{len(wrong)} of {len(expected)} groups are not as they must be: (group, values, must be) {wrong[:5]}; the "
                          f"first: missing {list(missing - more)[:5]}, too many {list(more - missing)[:5]}, else out of order")
        return f"arrays {len(arrays)} full {full}"


class Scan:
    """kscan by record key: each record once, with what one pass over its partition finds before it, in the partition's order."""

    program = "kscan"
    tool = "kscan '*, before=lag(id), n=count(), total=sum(number)'"

    def prepare(self, bench):
        pass

    def check(self, bench, records):
        rows, expected = {}, []
        for record in records:
            click = json.loads(record.value)
            before, n, total = rows.get((record.partition, record.key), (None, 0, 0))
            n, total = n + 1, total + click["number"]
            rows[(record.partition, record.key)] = (click["id"], n, total)
            expected.append((record.partition, record.time, record.key, {**click, "before": before, "n": n, "total": total}))
        written = [(r.partition, r.time, r.key, json.loads(r.value)) for r in batch.read(bench.cluster, bench.output)]
        for partition in {row[0] for row in expected}:
            of = lambda rows: [json.dumps(row, sort_keys=True) for row in rows if row[0] == partition]
            same(f"records of partition {partition}", of(written), of(expected))
            if of(written) != of(expected):
                raise Failure(f"partition {partition} is out of order")
        return f"records {len(written)}"


class Sort:
    """ksort: what has gone out is in order of time, each once, and is what one pass over each partition lets go; the late ones apart."""

    program = "ksort"
    WITHIN = 5000

    def prepare(self, bench):
        self.late_topic = bench.output + "-late"
        bench.create(self.late_topic)
        bench.more_outputs = [self.late_topic]
        self.tool = f"ksort --within {self.WITHIN}ms --late {self.late_topic}"

    def check(self, bench, records):
        held, late, newest = {}, [], {}
        for place, record in enumerate(records):
            now = newest[record.partition] = max(newest.get(record.partition, record.time), record.time)
            if record.time + self.WITHIN < now:
                late.append(record)
            else:
                held.setdefault(record.partition, []).append((record.time, place, record))
        identity = lambda r: (r.partition, r.time, r.key, r.value)
        written = batch.read(bench.cluster, bench.output)
        count = 0
        for partition, rows in held.items():
            passed = [row[2] for row in sorted(rows, key=lambda row: row[:2]) if row[0] + self.WITHIN <= newest[partition]]
            found = [identity(r) for r in written if r.partition == partition]
            same(f"records of partition {partition}", found, [identity(r) for r in passed])
            if found != [identity(r) for r in passed]:
                raise Failure(f"partition {partition} is out of order")
            count += len(found)
        same("late records", [identity(r) for r in batch.read(bench.cluster, self.late_topic)], [identity(r) for r in late])
        return f"passed on {count} late {len(late)}"


KINDS = {
    "dedup": Dedup,
    "dedup_last": lambda: Dedup(keep_last=True),
    "dedup_by": DedupBy,
    "delay": Delay,
    "scan": Scan,
    "sort": Sort,
    "take": Take,
    "take_by": lambda: Take("uri"),
}
