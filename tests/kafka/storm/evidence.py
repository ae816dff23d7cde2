"""What the brokers' own logs say about a record that came twice or not at all: which transactions wrote it, how they ended, and what the group
committed meanwhile. Read from the log files of each node, by Kafka's own tool, for a consumer's view may be what is wrong."""
import os
import re
import subprocess

from cluster import ROOT

BATCH = re.compile(r"baseOffset: (\d+) lastOffset: (\d+) .*producerId: (-?\d+) producerEpoch: (-?\d+) .*isControl: (\w+) .*CreateTime: (\d+)")
MARKER = re.compile(r"endTxnMarker: (\w+)")
COMMIT = re.compile(r'offset: (\d+) .*"topic":"([^"]+)","partition":(\d+)\}\} payload: \{"version":"\d+","data":\{"offset":(\d+)')
MOST = 40  # lines of each list


def dump(cluster, node, topic, partition, *options):
    command = [os.path.join(ROOT, "scripts", "kafka"), "--dir", cluster.directory, "dump", str(node), topic, str(partition), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", errors="replace", check=False)
    return done.stdout.splitlines()


def batches(lines):
    """(first offset, last offset, producer, epoch, time in ms, marker or None, the lines of its records)"""
    found = []
    for line in lines:
        match = BATCH.search(line)
        if match:
            first, last, producer, epoch, _, time = match.groups()
            found.append([int(first), int(last), producer, epoch, int(time), None, []])
        elif found:
            marker = MARKER.search(line)
            if marker:
                found[-1][5] = marker.group(1)
            found[-1][6].append(line)
    return found


def transactions(lines, first, last):
    """Those with records from offset `first` to `last`, and the markers there that end none."""
    rows, current = [], {}
    for begin, end, producer, epoch, time, marker, _ in batches(lines):
        if not marker:
            row = current.setdefault(producer, [begin, end, 0, epoch])
            row[1], row[2] = end, row[2] + end - begin + 1
            continue
        row = current.pop(producer, None)
        what = f"{row[2]} records @ {row[0]}..{row[1]} of epoch {row[3]}" if row else "nothing"
        if begin >= first and (row[0] if row else begin) <= last:
            rows.append(f"{marker} @ {begin} at {time} ms: producer {producer} epoch {epoch}, {what}")
    rows += [f"open: producer {producer} epoch {row[3]}, {row[2]} records @ {row[0]}..{row[1]}" for producer, row in current.items()]
    return rows


def commits(lines, topic, partition):
    rows, open_of = [], set()
    for begin, _, producer, epoch, time, marker, records in batches(lines):
        if marker and producer in open_of:
            open_of.remove(producer)
            rows.append(f"{marker} @ {begin} at {time} ms: producer {producer} epoch {epoch}")
        for record in map(COMMIT.search, records):
            if record and (record.group(2), record.group(3)) == (topic, str(partition)):
                open_of.add(producer)
                rows.append(f"offset {record.group(4)} @ {record.group(1)} at {time} ms: producer {producer} epoch {epoch}")
    return rows


def partition_of(group, count):
    """Of __consumer_offsets: as Java's String.hashCode()."""
    code = 0
    for character in group:
        code = (31 * code + ord(character)) & 0xFFFFFFFF
    return (code & 0x7FFFFFFF) % count


def of_first(bench, text):
    """About the first record that stream_check's `text` calls doubled or lost; empty if none is."""
    doubled = re.search(r"doubled \(IN (\d+) @ (\d+), first in OUT @ (\d+)\): \S+ partition (\d+) offset (\d+)", text)
    lost = re.search(r"lost: \S+ partition (\d+) offset (\d+)", text)
    if not bench.cluster.directory or not (doubled or lost):
        return ""
    if doubled:
        source, at, first, out, second = map(int, doubled.groups())
        partition, bounds = out, (first - 1, second + 50)
    else:
        source, at = map(int, lost.groups())
        partition, bounds = source, (0, float("inf"))  # where it was to go, in most scenarios
    lines = []
    for node in range(1, bench.cluster.nodes() + 1):
        rows = transactions(dump(bench.cluster, node, bench.output, partition), *bounds)
        if not doubled:
            rows = [row for row in rows if not row.startswith("COMMIT")]
        lines += [f"node {node}: {bench.output} [{partition}]: {row}" for row in rows[:MOST]]
    offsets = [name for name in os.listdir(os.path.join(bench.cluster.directory, "node1", "data")) if name.startswith("__consumer_offsets-")]
    group = dump(bench.cluster, 1, "__consumer_offsets", partition_of(bench.group, len(offsets)), "--offsets-decoder")
    rows = commits(group, bench.input, source)
    beyond = (i for i, row in enumerate(rows) if re.match(r"offset \d+ ", row) and int(row.split()[1]) > at)
    here = next(beyond, 0)
    lines += [f"committed for {bench.input} [{source}]: {row}" for row in rows[max(0, here - 8):here + MOST]]
    return "\n".join(lines)
