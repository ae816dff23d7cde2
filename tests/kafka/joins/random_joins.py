#!/usr/bin/env python3
"""Random joins on a real broker beside a naive model (model.py): times out of order and equal, deletions, null keys, partitions that
stay empty, several -e runs or one that goes on. KUTILS_RUNS: cases of each kind (1); KUTILS_SEED. What fails prints the seed and keeps
its folder: the input of each run, and the commands.

  eval "$(scripts/kafka start)"
  KUTILS_RUNS=20 tests/kafka/joins/random_joins.py [KIND]...
  KUTILS_SEED=7 tests/kafka/joins/random_joins.py KIND/4       one case again
"""
import collections
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "storm"))
import batch  # pylint: disable=wrong-import-position
from cluster import ROOT, Cluster  # pylint: disable=wrong-import-position
import model  # pylint: disable=wrong-import-position
from model import Event  # pylint: disable=wrong-import-position

BUILD = os.environ.get("KUTILS_BUILD_DIR", os.path.join(ROOT, "build"))


class Difference(Exception):
    pass


class Case:
    """Its topics, its input, and the runs over it."""

    def __init__(self, cluster, seed, name):
        self.cluster, self.name = cluster, name
        self.random = random.Random(f"{seed}/{name}")
        self.directory = tempfile.mkdtemp(prefix="kutils-joins-")
        tag = f"joins-{name.replace('/', '-')}-{os.getpid()}-{seed}"
        self.left, self.right, self.out, self.group = (f"{tag}-{what}" for what in ("left", "right", "out", "g"))
        self.env = dict(os.environ, KUTILS_BROKERS=cluster.brokers, NO_COLOR="1", KUTILS_STATE_DIR=os.path.join(self.directory, "state"),
                        XDG_CONFIG_HOME=os.path.join(self.directory, "config"))
        self.records = 0
        self.what = ""

    def run(self, *command):
        words = [str(word) for word in command]
        with open(os.path.join(self.directory, "commands"), "a", encoding="utf-8") as file:
            file.write(shlex.join(words) + "\n")
        done = subprocess.run([os.path.join(BUILD, "bin", words[0]), *words[1:]], env=self.env, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Difference(f"{shlex.join(words)} ended with {done.returncode}: {done.stderr.strip()}")

    def create(self, left, right, out):
        for topic, partitions in ((self.left, left), (self.right, right), (self.out, out)):
            self.cluster.create(topic, partitions)

    # ---- input

    def lines(self, partitions, place, events, keys, deletions=0.05, null_keys=0.0, by=None, first_id=0):
        """`events` events with times that go on, less far than they jitter. `place`: a key's partition."""
        rnd = self.random
        jitter, shift, grid = rnd.choice([0, 0, 500, 3000, 15000]), rnd.choice([0, 0, 5000]), rnd.choice([1, 100, 1000])
        empty = rnd.choice([None, None, None, *range(partitions)])  # this partition stays so
        lines = [[] for _ in range(partitions)]
        for i in range(events):
            key = f"k{rnd.randrange(keys)}"
            partition = rnd.randrange(partitions) if place is None else place(key)
            at = self.begin + i * self.span // events + rnd.randint(-jitter, jitter) + shift
            event = Event(at // grid * grid, key if rnd.random() >= null_keys else None,
                          None if rnd.random() < deletions else first_id + i, by() if by else None)
            if partition != empty:
                lines[partition].append(event)
        self.what += f" jitter {jitter} grid {grid} empty {empty}"
        return lines

    def begin_times(self):
        self.span = self.random.choice([60_000, 600_000])
        self.begin = int(time.time()) * 1000 - 3 * 3_600_000

    def rounds(self, *sides):
        """The lines of each side, in pieces: one for each run."""
        count = self.random.choice([1, 2, 3])
        cuts = [[[0, *sorted(self.random.randint(0, len(line)) for _ in range(count - 1)), len(line)] for line in side] for side in sides]
        return [tuple([line[cut[i]:cut[i + 1]] for line, cut in zip(side, of_side)] for side, of_side in zip(sides, cuts))
                for i in range(count)]

    def write(self, number, left, right):
        self.write_to(number, (("left", self.left, left), ("right", self.right, right)))

    def write_to(self, number, sides):
        for side, topic, lines in sides:
            for partition, line in enumerate(lines):
                if not line:
                    continue
                self.records += len(line)
                path = os.path.join(self.directory, f"{side}-{partition}.{number}")
                with open(path, "w", encoding="utf-8") as file:
                    for event in line:
                        value = None if event.id is None else json.dumps({"id": event.id, "by": event.by})
                        file.write(json.dumps({"key": event.key, "ts": event.time, "payload": value}) + "\n")
                self.run("kwrite", "-q", "-p", partition, "-J", path, topic)

    # ---- runs

    def command(self, *options, left="", right=""):
        return ["kjoin", "-q", "-g", self.group, "--trust-partitioning", "--select", "l=left.id, r=right.id", *options,
                left + self.left, right + self.right, self.out]

    def run_on(self, command):
        """It goes on until it has read all; then SIGTERM."""
        process = subprocess.Popen([os.path.join(BUILD, "bin", command[0]), *command[1:]], env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            limit = time.monotonic() + 60
            while any(self.cluster.committed(self.group, topic) != self.cluster.ends(topic) for topic in (self.left, self.right)):
                if time.monotonic() > limit or process.poll() is not None:
                    raise Difference(f"{shlex.join(command)} has not read all in 60 s, code {process.poll()}")
                time.sleep(0.2)
            process.terminate()
            said = process.communicate(timeout=30)[1]
            if process.returncode not in (0, 143):
                raise Difference(f"{shlex.join(command)} ended with {process.returncode} on SIGTERM: {said}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def written(self):
        for row in batch.read(self.cluster, self.out):
            value = json.loads(row.value) if row.value else None
            yield row, value and (value["l"], value["r"])

    def compare(self, expected):
        got = collections.Counter(result for _, result in self.written())
        missing, more = expected - got, got - expected
        if missing or more:
            raise Difference(f"{sum(expected.values())} results must be: missing {sum(missing.values())} {sorted(missing, key=str)[:5]}, "
                             f"too many {sum(more.values())} {sorted(more, key=str)[:5]}")
        return sum(expected.values())

    def close(self):
        self.cluster.delete(self.left, self.right, self.out)
        shutil.rmtree(self.directory, ignore_errors=True)


def by_last_digit(partitions):
    return lambda key: int(key[1:]) % partitions


def by_murmur2(partitions):
    return lambda key: model.partition_of(key, partitions)


def names(rnd, keys, nulls):
    return lambda: None if rnd.random() < nulls else f"k{rnd.randrange(keys)}"


def flags(kind):
    return [] if kind == "inner" else ["--" + kind]


def go_through(case, rounds, command, after_round=lambda number: None, at_end=()):
    for number, (left, right) in enumerate(rounds):
        case.write(number, left, right)
        case.run(*command, "-e", *(at_end if number == len(rounds) - 1 else ()))
        after_round(number)


def streams(case):
    """Each pair once, each unmatched record once when it is closed, nothing of what is late."""
    rnd, partitions = case.random, 2
    before = rnd.choice([0, 1000, 3000, 10_000])
    after = before if rnd.random() < 0.6 else rnd.choice([0, 500, 4000])
    if before == after == 0:
        before = after = 2000
    grace, kind = rnd.choice([0, 0, 1000, 5000, 20_000]), rnd.choice(["inner", "left", "outer", "anti"])
    case.what = f"{kind} before {before} after {after} grace {grace}"
    events, keys = rnd.choice([30, 100, 300]), rnd.choice([2, 4, 8])
    sides = [case.lines(partitions, by_last_digit(partitions), events, keys, null_keys=0.03, first_id=side * 100_000) for side in (0, 1)]
    rounds = case.rounds(*sides)
    # Each side's partitions get one record more that closes all before.
    end = case.begin + 10 * case.span
    rounds.append(tuple([[Event(end + side, f"end{partition}{side}", 900_000 + 10 * side + partition)] for partition in range(partitions)]
                        for side in (0, 1)))
    case.create(partitions, partitions, partitions)
    command = case.command("--before", f"{before}ms", "--after", f"{after}ms", "--grace", f"{grace}ms", *flags(kind))
    if rnd.random() < 0.3:
        case.what += " goes on"
        rounds = [tuple([sum((one[side][p] for one in rounds), []) for p in range(partitions)] for side in (0, 1))]
        case.write(0, *rounds[0])
        case.run_on(command)
    else:
        go_through(case, rounds, command)
    expected = collections.Counter()
    for p in range(partitions):
        task = model.Streams(kind, before, after, grace)
        for left, right in rounds:
            task.read(left[p], right[p])
        expected += task.results
        case.what += f" late {task.late}"
    return case.compare(expected)


def streams_on(case):
    """Through an internal topic, with a grace that is longer than all: the pairs and the unmatched of the whole, however read."""
    rnd = case.random
    counts = [rnd.choice([1, 2, 4]) for _ in (0, 1)]
    before, after, kind = rnd.choice([0, 1000, 3000]), rnd.choice([500, 4000]), rnd.choice(["inner", "left", "outer", "anti"])
    events, keys = rnd.choice([30, 100, 300]), rnd.choice([2, 4, 8])
    case.what = f"{kind} before {before} after {after} partitions {counts}"
    named = names(rnd, keys, 0.03)
    sides = [case.lines(counts[side], None, events, 50, null_keys=0.1, by=named, first_id=side * 100_000) for side in (0, 1)]
    rounds = case.rounds(*sides)
    case.create(*counts, 2)
    command = case.command("--on", "by", "--before", f"{before}ms", "--after", f"{after}ms", "--grace", "2h", *flags(kind))
    go_through(case, rounds, command, at_end=["--close-at-end"])
    whole = model.Streams(kind, before, after, 7_200_000)
    whole.read(*([event._replace(key=event.by) for one in rounds for line in one[side] for event in line] for side in (0, 1)))
    whole.end()
    return case.compare(whole.results)


def stream_and_table(case):
    """Each record with the row of its time."""
    rnd, partitions = case.random, 2
    kind, keys = rnd.choice(["inner", "left", "anti"]), rnd.choice([2, 4, 8])
    case.what = kind
    place = by_last_digit(partitions)
    left = case.lines(partitions, place, rnd.choice([30, 100, 300]), keys, null_keys=0.03)
    right = case.lines(partitions, place, rnd.choice([10, 100, 300]), keys, deletions=0.2, first_id=100_000)
    rounds = case.rounds(left, right)
    grace = rnd.choice([None, None, "40s", "2h"])
    case.what += f" --table-grace {grace}"
    if grace == "40s":  # a later run's records may be later than that
        rounds = [(left, right)]
    case.create(partitions, partitions, partitions)
    command = case.command(*flags(kind), *(["--table-grace", grace] if grace else []), right="table:")
    if rnd.random() < 0.3:
        case.what += " goes on"
        rounds = [(left, right)]
        case.write(0, left, right)
        case.run_on(command)
    else:
        go_through(case, rounds, command)
    expected = collections.Counter()
    for p in range(partitions):
        task = model.StreamAndTable(kind, of_its_time=grace is not None)
        for stream, table in rounds:
            task.read(stream[p], table[p])
        expected += task.results
    return case.compare(expected)


def stream_and_table_on(case):
    """The stream by a field of it, through an internal topic: as if a topic had been keyed by that before, in order of time."""
    rnd = case.random
    counts = [rnd.choice([1, 2, 4]), rnd.choice([1, 2, 3])]
    kind, keys = rnd.choice(["inner", "left", "anti"]), rnd.choice([2, 4, 8])
    case.what = f"{kind} partitions {counts}"
    named = names(rnd, keys, 0.03)
    left = case.lines(counts[0], None, rnd.choice([30, 100, 300]), 50, null_keys=0.1, by=named)
    place = by_murmur2(counts[1])
    right = case.lines(counts[1], place, rnd.choice([10, 100, 300]), keys, deletions=0.2, first_id=100_000)
    rounds = case.rounds(left, right)
    case.create(*counts, 2)
    go_through(case, rounds, case.command("--on", "by", *flags(kind), right="table:"))
    tasks = [model.StreamAndTable(kind, lambda event: event.by) for _ in range(counts[1])]
    for stream, table in rounds:
        keyed = [[] for _ in tasks]
        for source, event in model.in_order(stream):
            if event.id is not None:
                keyed[source % len(keyed) if event.by is None else place(event.by)].append(event)
        for p, task in enumerate(tasks):
            task.read(keyed[p], table[p])
    return case.compare(sum((task.results for task in tasks), collections.Counter()))


def in_a_pipe(case):
    """kpipe with two joins by a field, each behind an internal topic, over the whole at once: rows of before the records meet them, though
    newer ones are there."""
    rnd = case.random
    counts = [rnd.choice([1, 2, 4]), rnd.choice([1, 2, 3]), rnd.choice([1, 2, 3])]
    keys = rnd.choice([2, 4, 8])
    case.what = f"partitions {counts}"
    of_rows = [by_murmur2(count) for count in counts]
    named = names(rnd, keys, 0.03)

    def table(number):
        return case.lines(counts[number], of_rows[number], 50, keys, deletions=0.2, by=named, first_id=100_000 * number)

    old = {number: table(number) for number in (1, 2)}
    case.begin += 2 * case.span
    left = case.lines(counts[0], None, rnd.choice([0, 30, 300, 3000]), 50, deletions=0, null_keys=0.1, by=named)
    case.begin += 2 * case.span
    new = {number: table(number) for number in (1, 2)}
    third = case.right + "-third"
    case.create(*counts[:2], 2)
    case.cluster.create(third, counts[2])
    case.write_to(0, (("left", case.left, left), ("right", case.right, old[1]), ("third", third, old[2])))
    case.write_to(1, (("right", case.right, new[1]), ("third", third, new[2])))
    case.run("kpipe", "-q", "-e", "-g", case.group, "kfilter", "id >= 0",
             "then", "kjoin", "--left", "--on", "by", "--select", "l=left.id, by=right.by", "table:" + case.right,
             "then", "kjoin", "--left", "--on", "by", "--select", "l=left.l, r=right.id", "table:" + third, "--", case.left, case.out)
    rows = {number: {event.key: event for line in lines for event in line if event.key} for number, lines in old.items()}
    expected = collections.Counter()
    for line in left:
        for event in line:
            first = rows[1].get(event.by)
            second = rows[2].get(first.by) if first and first.id is not None else None
            expected[event.id, second and second.id] += 1
    case.cluster.delete(third)
    return case.compare(expected)


def tables(case):
    """Each change of each result, in its order."""
    rnd, partitions = case.random, 2
    kind, keys = rnd.choice(["inner", "left", "outer", "anti"]), rnd.choice([2, 4, 16])
    case.what = kind
    sides = [case.lines(partitions, by_last_digit(partitions), rnd.choice([30, 100, 300]), keys, deletions=0.25, first_id=side * 100_000)
             for side in (0, 1)]
    rounds = case.rounds(*sides)
    case.create(partitions, partitions, partitions)
    go_through(case, rounds, case.command(*flags(kind), left="table:", right="table:"))
    expected = {}
    for p in range(partitions):
        task = model.Tables(kind)
        for left, right in rounds:
            task.read(left[p], right[p])
        expected.update(task.results)
    got = collections.defaultdict(list)
    for row, result in case.written():
        got[row.key].append(result)
    for key in sorted(expected.keys() | got.keys()):
        if got[key] != expected.get(key, []):
            raise Difference(f"{key}: written {got[key]}, must be {expected.get(key, [])}")
    return sum(map(len, expected.values()))


def foreign(case):
    """After each run the results of the rows that stand; a deletion only where a result stood."""
    rnd = case.random
    counts = [rnd.choice([1, 2, 4]), rnd.choice([1, 2, 3])]
    kind, rows = rnd.choice(["inner", "left", "anti"]), rnd.choice([2, 4, 8])
    case.what = f"{kind} partitions {counts}"
    named = names(rnd, rows, 0.05)
    left = case.lines(counts[0], by_last_digit(counts[0]), rnd.choice([30, 100, 300]), 20, deletions=0.2, by=named)
    right = case.lines(counts[1], by_murmur2(counts[1]), rnd.choice([10, 100]), rows, deletions=0.25, first_id=100_000)
    rounds = case.rounds(left, right)
    case.create(*counts, 2)
    whole = model.Foreign(kind)

    def after_round(number):
        whole.read(*rounds[number])
        standing = {}
        for row, result in case.written():
            if result is None and row.key not in standing:
                raise Difference(f"{row.key}: a deletion of what was not there, {row}")
            if result is None:
                del standing[row.key]
            else:
                standing[row.key] = result
        expected = whole.results()
        for key in sorted(expected.keys() | standing.keys()):
            if standing.get(key) != expected.get(key):
                raise Difference(f"after run {number}, {key}: written {standing.get(key)}, must be {expected.get(key)}")

    go_through(case, rounds, case.command("--on", "by", *flags(kind), left="table:", right="table:"), after_round)
    return len(whole.results())


KINDS = {one.__name__: one for one in (streams, streams_on, stream_and_table, stream_and_table_on, in_a_pipe, tables, foreign)}


def main(wanted):
    seed = int(os.environ.get("KUTILS_SEED", 0)) or random.SystemRandom().randrange(1, 10**6)
    runs = int(os.environ.get("KUTILS_RUNS", 1))
    cluster = Cluster(BUILD)
    names = [name for one in wanted or KINDS for name in ([one] if "/" in one else [f"{one}/{i}" for i in range(runs)])]
    wrong = results = records = 0
    begin = time.monotonic()
    for name in names:
        case = Case(cluster, seed, name)
        case.begin_times()
        try:
            count = KINDS[name.split("/")[0]](case)
            results += count
            records += case.records
            print(f"ok {name}: {case.what}; records {case.records} results {count}", flush=True)
            case.close()
        except (Difference, subprocess.TimeoutExpired) as problem:
            wrong += 1
            print(f"WRONG KUTILS_SEED={seed} {name}: {case.what}: {problem}\n  input, commands and state in {case.directory}, results in "
                  f"{case.out}", flush=True)
    print(f"seed {seed}: {len(names)} cases, {wrong} wrong, records {records}, results {results}, {time.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
