"""What joins have to come to, one event at a time and nothing clever: no state, no transactions, nothing of kutils.

A line is one partition's events in their order. A task reads its lines in order of time: of the events that stand first, the oldest; of
equal times the one whose line is named first, and that is a table's beside a stream, the right table's of two. Rules: kjoin(1).
"""
import collections
from typing import NamedTuple, Optional

LEFT, RIGHT = 0, 1


class Event(NamedTuple):
    time: int
    key: Optional[str]
    id: Optional[int]  # None: a null value
    by: Optional[str] = None  # the field that --on reads


def in_order(lines):
    """(number of the line, event), as a task reads them."""
    at = [0] * len(lines)
    while True:
        waiting = [(line[at[i]].time, i) for i, line in enumerate(lines) if at[i] < len(line)]
        if not waiting:
            return
        _, i = min(waiting)
        yield i, lines[i][at[i]]
        at[i] += 1


class Waiting:
    def __init__(self, side, event):
        self.side, self.event, self.matched = side, event, False


class Streams:
    """One partition of two streams. Results: (left's id, right's id), None for a side that is missing."""

    def __init__(self, kind, before, after, grace):
        self.kind, self.grace = kind, grace
        self.before, self.after = before, after
        self.reach = (after, before)
        self.time, self.late = -1, 0
        self.waiting = []
        self.results = collections.Counter()

    def alone(self, side, event):
        if self.kind in (("left", "outer", "anti") if side == LEFT else ("outer",)):
            self.results[(event.id, None) if side == LEFT else (None, event.id)] += 1

    def is_closed(self, side, time):
        return time + self.reach[side] + self.grace < self.time

    def close(self):
        open_ones = []
        for one in self.waiting:
            if not self.is_closed(one.side, one.event.time):
                open_ones.append(one)
            elif not one.matched:
                self.alone(one.side, one.event)
        self.waiting = open_ones

    def take(self, side, event):
        self.time = max(self.time, event.time)
        self.close()
        if event.id is None:
            return
        if event.key is None:
            self.alone(side, event)
            return
        if self.is_closed(side, event.time):
            self.late += 1
            return
        mine = Waiting(side, event)
        for other in self.waiting:
            if other.side == side or other.event.key != event.key:
                continue
            left, right = (event, other.event) if side == LEFT else (other.event, event)
            if left.time - self.before <= right.time <= left.time + self.after:
                mine.matched = other.matched = True
                if self.kind != "anti":
                    self.results[left.id, right.id] += 1
        self.waiting.append(mine)

    def end(self):
        """--close-at-end."""
        for one in self.waiting:
            if not one.matched:
                self.alone(one.side, one.event)
        self.waiting = []

    def read(self, left, right):
        for side, event in in_order([left, right]):
            self.take(side, event)


class StreamAndTable:
    """One partition of a stream and a table. `of_its_time`: a record meets, of the rows read so far, that of its time (--table-grace,
    longer than any record is late), else the one that was read last."""

    def __init__(self, kind, key_of=lambda event: event.key, of_its_time=False):
        self.kind, self.key_of, self.of_its_time = kind, key_of, of_its_time
        self.rows = collections.defaultdict(list)
        self.results = collections.Counter()

    def row(self, key, time):
        rows = self.rows[key]
        if self.of_its_time:
            rows = sorted((row for row in rows if row.time <= time), key=lambda row: row.time)  # as they came, where times are equal
        return rows[-1].id if rows else None

    def read(self, stream, table):
        for line, event in in_order([table, stream]):
            if line == 0:
                self.rows[event.key].append(event)
            elif event.id is not None:
                key = self.key_of(event)
                row = None if key is None else self.row(key, event.time)
                if self.kind == "left" or (row is None) == (self.kind == "anti"):
                    self.results[event.id, row] += 1


def result_of_rows(kind, left, right):
    """None: there is none."""
    stands = {"inner": left is not None and right is not None, "left": left is not None,
              "outer": left is not None or right is not None, "anti": left is not None and right is None}
    return (left, right) if stands[kind] else None


class Tables:
    """One partition of two tables: what is written for each key, change by change; None is a deletion."""

    def __init__(self, kind):
        self.kind = kind
        self.rows = {}
        self.standing = {}
        self.results = collections.defaultdict(list)

    def read(self, left, right):
        for side, event in ((RIGHT - line, event) for line, event in in_order([right, left])):
            rows = self.rows.setdefault(event.key, [None, None])
            if event.id is None and rows[side] is None:
                continue
            rows[side] = event.id
            now = result_of_rows(self.kind, *rows)
            if now or self.standing.get(event.key):
                self.results[event.key].append(now)
            self.standing[event.key] = now


class Foreign:
    """Two tables, where a field of the left's rows names the right's: the results that stand when all was read."""

    def __init__(self, kind):
        self.kind = kind
        self.lefts, self.rights = {}, {}

    def read(self, lefts, rights):
        for rows, lines in ((self.lefts, lefts), (self.rights, rights)):
            for line in lines:  # a key's events stand in one line
                rows.update((event.key, event) for event in line)

    def results(self):
        standing = {}
        for key, left in self.lefts.items():
            right = self.rights.get(left.by) if left.by is not None else None
            result = result_of_rows(self.kind, left.id, right and right.id)
            if result:
                standing[key] = result
        return standing


def partition_of(key, count):
    """Java's default: murmur2."""
    data, m, mask = key.encode(), 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    h ^= h >> 15
    return (h & 0x7FFFFFFF) % count
