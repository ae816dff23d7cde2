"""What stateful tools have to come to, computed over the input as a whole: no state, no transactions, nothing of kutils.

The input is what a read_committed reader finds: Records in their partitions' order. Rules: docs of ktable(1), kwindow(1).
"""
import json
import subprocess
from typing import NamedTuple


class Record(NamedTuple):
    partition: int
    offset: int
    time: int
    key: str
    value: str


def read(cluster, topic):
    """The committed records of a topic, in order within each partition."""
    done = subprocess.run(["kcat", "-C", "-q", "-e", "-u", "-b", cluster.brokers, "-t", topic, "-o", "beginning",
                           "-X", "isolation.level=read_committed", "-f", "%p\t%o\t%T\t%k\t%s\n"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    records = []
    for line in done.stdout.decode().splitlines():
        partition, offset, time, key, value = line.split("\t", 4)
        records.append(Record(int(partition), int(offset), int(time), key, value))
    return records


class Totals:
    """count() and sum(number) by key, after each record of the key: row n is what the first n records make."""

    def __init__(self, records, key_of):
        self.sums = {}
        for record in records:
            click = json.loads(record.value)
            sums = self.sums.setdefault(key_of(record, click), [0])
            sums.append(sums[-1] + click["number"])

    def last(self):
        return {key: (len(sums) - 1, sums[-1]) for key, sums in self.sums.items()}


class Regrouped:
    """count() and sum(number) of a table's rows by a group of theirs (None: in none), and how often each group changed. A row is the
    last value of its key in its partition; an empty value deletes it."""

    def __init__(self, records, group_of):
        rows = {}
        self.groups = {}  # group -> [count, sum, changes]
        for record in records:
            place = (record.partition, record.key)
            left, taken = rows.pop(place, (None, 0))
            joined, added = None, 0
            if record.value:
                click = json.loads(record.value)
                joined, added = group_of(click), click["number"]
                rows[place] = (joined, added)
            if left is not None:
                self.change(left, -1, -taken, left != joined)
            if joined is not None:
                self.change(joined, 1, added, True)

    def change(self, group, count, number, is_shown):
        totals = self.groups.setdefault(group, [0, 0, 0])
        totals[0] += count
        totals[1] += number
        totals[2] += is_shown

    def last(self):
        return {group: (count, total) for group, (count, total, _) in self.groups.items()}


class Windows:
    """Final windows (key, start, end) -> (count, sum), late records and open windows, by the one close rule."""

    def __init__(self, records, grace):
        self.closed = {}
        self.late = []
        self.open = {}  # (partition, key) -> windows
        self.grace = grace
        time = {}
        for record in records:
            time[record.partition] = max(time.get(record.partition, record.time), record.time)
            self.settle(record.partition, record.key, time[record.partition])
            if not self.take(record, json.loads(record.value)["number"], time[record.partition]):
                self.late.append(record)
        for partition, key in self.open:
            self.settle(partition, key, time[partition])

    def settle(self, partition, key, stream_time):
        """What is closed is final."""
        still_open = []
        for window in self.open.get((partition, key), ()):
            if not self.is_closed(window, stream_time):
                still_open.append(window)
                continue
            place = (key, *self.bounds(window))
            assert place not in self.closed
            self.closed[place] = (window[2], window[3])
        self.open[(partition, key)] = still_open

    def is_closed(self, window, stream_time):
        return self.exclusive_end(window) + self.grace <= stream_time


class Tumbling(Windows):
    def __init__(self, records, grace, size):
        self.size = size
        super().__init__(records, grace)

    def exclusive_end(self, window):
        return window[1]

    bounds = staticmethod(lambda window: (window[0], window[1]))

    def take(self, record, number, stream_time):
        start = record.time // self.size * self.size
        if start + self.size + self.grace <= stream_time:
            return False
        windows = self.open.setdefault((record.partition, record.key), [])
        for window in windows:
            if window[0] == start:
                window[2] += 1
                window[3] += number
                return True
        windows.append([start, start + self.size, 1, number])
        return True


class Sessions(Windows):
    """[first, last], merged where the distance is at most the gap; closed ones stay apart."""

    def __init__(self, records, grace, gap):
        self.gap = gap
        super().__init__(records, grace)

    def exclusive_end(self, window):
        return window[1] + self.gap + 1

    bounds = staticmethod(lambda window: (window[0], window[1]))

    def take(self, record, number, stream_time):
        windows = self.open.setdefault((record.partition, record.key), [])
        own = [record.time, record.time, 1, number]
        rest = []
        for window in windows:
            if window[0] - self.gap <= record.time <= window[1] + self.gap:
                own = [min(own[0], window[0]), max(own[1], window[1]), own[2] + window[2], own[3] + window[3]]
            else:
                rest.append(window)
        if self.is_closed(own, stream_time):
            return False
        rest.append(own)
        self.open[(record.partition, record.key)] = rest
        return True
