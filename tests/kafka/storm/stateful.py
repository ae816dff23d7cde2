"""Storms over tools that keep state: what they say, and what their state is, equals batch.py's computation over the same input.

Each scenario is a storm (or, with --kills, that many kills by progress) in which state directories are wiped too; then
everything is stopped and a new instance with an empty directory must go on from the changelog alone: what it writes for
further records shows each row that it restored.
"""
import bisect
import collections
import json
import time

import batch
import waiting
from processes import Failure

GRACE_MS = 2000
AGGREGATES = "n=count(), total=sum(number)"
CLOSE = f"--grace 2s --emit close --time-format ms '{AGGREGATES}'"
# A jump in the records' own time: closes all windows.
JUMP = 10_000_000


class Table:
    """Every row that was written is one that the first n records of its key make, and the last is that of all."""

    program = "ktable"

    def __init__(self, by=None):
        self.by = by
        self.tool = f"ktable '{AGGREGATES}'" + (f" --by {by}" if by else "")

    def prepare(self, bench):
        bench.repartitions = 1 if self.by else 0

    def check(self, bench, records):
        key_of = (lambda record, click: click[self.by]) if self.by else (lambda record, click: record.key)
        totals = batch.Totals(records, key_of)
        written = {}
        rows = batch.read(bench.cluster, bench.output)
        for row in rows:
            value = json.loads(row.value)
            key, n = value[self.by or "key"], value["n"]
            before = written.get(key)
            written[key] = (n, value["total"])
            sums = totals.sums.get(key)
            if sums is None or not 0 < n < len(sums):
                raise Failure(f"a row that no records make: {row}")
            # Behind --by the order of records of different partitions is open.
            if not self.by and sums[n] != value["total"]:
                raise Failure(f"{row}: the first {n} records of {key} sum up to {sums[n]}")
            if bench.exactly_once and before and n <= before[0]:
                raise Failure(f"{row}: n was {before[0]} already")
        compare("row", written, totals.last())
        return f"keys {len(written)} rows {len(rows)}"


class TablePoison(Table):
    """Records between the others of a time that the output refuses: they count for nothing, each is a dead letter once, and of all
    others each row is there once, as it must be."""

    POISON = 97  # each so many-th record

    def __init__(self):
        super().__init__()
        self.tool = f"ktable --emit update --time 'id % {self.POISON} == 0 ? 7258118400000 : _ts' '{AGGREGATES}'"

    def prepare(self, bench):
        super().prepare(bench)
        self.dead_letters = bench.output + "-dead"
        bench.create(self.dead_letters)
        self.tool += f" --on-error dead-letter:{self.dead_letters}"

    def check(self, bench, records):
        rows, counts, refused = [], {}, []
        for record in records:
            click = json.loads(record.value)
            if click["id"] % self.POISON == 0:
                refused.append(click["id"])
                continue
            n, total = counts.get(record.key, (0, 0))
            counts[record.key] = n + 1, total + click["number"]
            rows.append((record.key, n + 1, total + click["number"]))
        written = [json.loads(row.value) for row in batch.read(bench.cluster, bench.output)]
        self.compare(bench, "row", [(row["key"], row["n"], row["total"]) for row in written], rows)
        dead = [json.loads(row.value)["id"] for row in batch.read(bench.cluster, self.dead_letters)]
        self.compare(bench, "dead letter", dead, refused)
        return f"keys {len(counts)} rows {len(written)} dead letters {len(dead)}"

    @staticmethod
    def compare(bench, what, found, expected):
        if sorted(found if bench.exactly_once else set(found)) != sorted(expected):
            more, missing = collections.Counter(found), collections.Counter(expected)
            raise Failure(f"{len(found)} {what}s, {len(expected)} must be: missing {list((missing - more).items())[:5]}, "
                          f"too many {list((more - missing).items())[:5]}")


class TableRegroup:
    """Rows of a table move among groups, leave all, are deleted: each change of each group is written once, and the last is right."""

    program = "ktable"
    fill_options = ["--deletions"]
    tool = f"ktable --emit update --by 'g=number < 10 ? null : number / 10' '{AGGREGATES}'"

    def prepare(self, bench):
        bench.repartitions = 1
        bench.input_prefix = "table:"

    def check(self, bench, records):
        expected = batch.Regrouped(records, lambda click: None if click["number"] < 10 else click["number"] // 10)
        written, changes = {}, {}
        for row in batch.read(bench.cluster, bench.output):
            value = json.loads(row.value)
            group = value["g"]
            written[group] = (value["n"], value["total"])
            changes[group] = changes.get(group, 0) + 1
            if value["n"] < 0:
                raise Failure(f"more was taken back than given: {row}")
        compare("group", written, expected.last())
        for group, (_, _, must) in expected.groups.items():
            if changes[group] < must or bench.exactly_once and changes[group] > must:
                raise Failure(f"group {group}: {changes[group]} changes were written, {must} are")
        return f"groups {len(written)} changes {sum(changes.values())}"


class Windows:
    """Every window is written once, when it is final, as it is final; late records are handed on once."""

    program = "kwindow"

    def __init__(self, window, make):
        self.window = window
        self.make = make

    def prepare(self, bench):
        self.late_topic = bench.output + "-late"
        bench.create(self.late_topic)
        bench.more_outputs = [self.late_topic]
        self.tool = f"kwindow -w {self.window} --late {self.late_topic} {CLOSE}"

    def check(self, bench, records):
        windows = self.make(records)
        written = {}
        again = 0
        for row in batch.read(bench.cluster, bench.output):
            value = json.loads(row.value)
            place = (value["key"], value["window_start"], value["window_end"])
            result = (value["n"], value["total"])
            if place in written:
                again += 1
                if bench.exactly_once or written[place] != result:
                    raise Failure(f"a window was written twice, {written[place]} before: {row}")
            written[place] = result
        compare("window", written, windows.closed)
        late = [(r.partition, r.time, r.key, r.value) for r in batch.read(bench.cluster, self.late_topic)]
        expected = [(r.partition, r.time, r.key, r.value) for r in windows.late]
        if sorted(late if bench.exactly_once else set(late)) != sorted(expected):
            raise Failure(f"late: {len(late)} records were handed on, {len(expected)} are: "
                          f"{sorted(set(late) ^ set(expected))[:5]}")
        return f"windows {len(written)} late {len(late)} repeated {again}"


class WindowsIdle(Windows):
    """While records come without a pause no stillness of a tool or of the broker counts as their silence: none is late by --idle."""

    def prepare(self, bench):
        super().prepare(bench)
        bench.options.extra = ["--idle", "3s"] + bench.options.extra
        bench.overtime = 60
        bench.finish = self.finish

    def finish(self, bench, blows):
        """All end while records still come: what follows their end is a silence."""
        blows.settle()
        bench.await_members(len(bench.processes))
        bench.stop_all()
        if not bench.filling():
            raise Failure("the records ended before the storm was over: nothing is shown")
        done = bench.cluster.committed(bench.group, bench.input)
        records = [r for r in batch.read(bench.cluster, bench.input) if r.offset < done.get(r.partition, 0)]
        return f"in {len(records)} {self.check(bench, records)}"


class WindowsBy:
    """--by on a topic that is keyed that way already, with times far ahead in between: windows close, each record is in one that was
    written once or was handed on as late, and none is late that was not when all are taken in the order in which they were made. Nobody
    can wait for a partition before the group has learned that it was added: until then others may close windows without it."""

    program = "kwindow"
    SIZE = 30_000
    POISON = 97  # each so many-th record
    calm = 0

    def prepare(self, bench):
        bench.repartitions = 1
        self.late_topic = bench.output + "-late"
        bench.create(self.late_topic)
        self.tool = (f"kwindow -w 30s --by key=_key --time 'id % {self.POISON} == 0 ? 7258118400000 : _ts' "
                     f"--on-error skip --late {self.late_topic} {CLOSE}")

    def check(self, bench, records):
        self.calm = self.calm or bench.filled - 2000  # what comes after the storm, by which time all is known
        clicks = sorted((json.loads(r.value)["id"], r) for r in records)
        clicks = [(number, r) for number, r in clicks if number % self.POISON != 0]
        left, may_be_late, newest = {}, set(), 0
        for number, record in clicks:
            newest = max(newest, record.time)
            start = record.time // self.SIZE * self.SIZE
            n, total = left.get((record.key, start), (0, 0))
            left[record.key, start] = (n + 1, total + json.loads(record.value)["number"])
            is_added = record.partition >= bench.options.partitions
            if start + self.SIZE + GRACE_MS <= newest or is_added and number < self.calm:
                may_be_late.add(number)
        def take(place, n, total, what):
            before = left.get(place, (0, 0))
            left[place] = (before[0] - n, before[1] - total)
            if left[place][0] < 0:
                raise Failure(f"{what}: only {before} are left of {place}")
        written = set()
        late = [json.loads(r.value) | {"place": (r.key, r.time // self.SIZE * self.SIZE)}
                for r in batch.read(bench.cluster, self.late_topic)]
        for click in late:
            if click["id"] not in may_be_late:
                raise Failure(f"handed on as late, and was not: {click}, {dict(clicks)[click['id']]}")
            take(click["place"], 1, click["number"], f"late {click}")
        for row in batch.read(bench.cluster, bench.output):
            value = json.loads(row.value)
            place = (value["key"], value["window_start"])
            if place in written:
                raise Failure(f"a window was written twice: {row}")
            written.add(place)
            take(place, value["n"], value["total"], str(row))
        # All but the last are closed: those that the newest time closed, as every partition knows by now.
        closed = newest - self.SIZE - GRACE_MS
        rest = {place: sums for place, sums in left.items() if sums != (0, 0) and place[1] + self.SIZE <= closed}
        if rest:
            raise Failure(f"{len(rest)} windows are not written, or not whole: {list(rest.items())[:5]}")
        return f"windows {len(written)} late {len(late)} ahead {len(records) - len(clicks)}"


class SessionsBy:
    """Sessions that are combined before the internal topic: each is written once and whole, in whichever pieces it went there. The grace is
    longer than any record is late, so that all records count."""

    program = "kwindow"
    GAP, GRACE = 4000, 130_000

    def prepare(self, bench):
        bench.repartitions = 1
        self.tool = (f"kwindow -w session:{self.GAP}ms --grace {self.GRACE}ms --by key=_key --emit close --time-format ms "
                     f"'{AGGREGATES}'")

    def check(self, bench, records):
        clicks = {}
        for record in records:
            clicks.setdefault(record.key, []).append((record.time, json.loads(record.value)["number"]))
        whole = {}
        for key, times in clicks.items():
            first = last = None
            for time_ms, number in sorted(times):
                if first is None or time_ms > last + self.GAP:
                    first, n, total = time_ms, 0, 0
                else:
                    del whole[key, first, last]
                last, n, total = time_ms, n + 1, total + number
                whole[key, first, last] = n, total
        written, again = {}, 0
        for row in batch.read(bench.cluster, bench.output):
            value = json.loads(row.value)
            place, result = (value["key"], value["window_start"], value["window_end"]), (value["n"], value["total"])
            if place in written:
                again += 1
                if bench.exactly_once or written[place] != result:
                    raise Failure(f"a session was written twice, {written[place]} before: {row}")
            if whole.get(place) != result:
                raise Failure(f"{row}: {whole.get(place, 'no session')} of all records")
            written[place] = result
        # Sources are not all at the newest time; no partition is a minute behind.
        newest = max(record.time for record in records)
        closed = {place: sums for place, sums in whole.items() if place[2] + self.GAP + self.GRACE <= newest - 60_000}
        compare("session", {place: sums for place, sums in written.items() if place in closed}, closed)
        return f"sessions {len(closed)} of {len(whole)}, of several records {sum(n > 1 for n, _ in closed.values())}, repeated {again}"


class Pipe:
    """kpipe with two internal topics and two states: each window is taken once by the table behind it, whoever dies where. The grace is
    longer than any record is late, so that all records count."""

    program = "kpipe"
    SIZE, GRACE = 30_000, 130_000

    def __init__(self):
        self.tool = (f"kpipe kfilter 'number >= 3' then kgroupby uri then kwindow -w {self.SIZE}ms --grace {self.GRACE}ms --emit close "
                     f"--time-format ms '{AGGREGATES}' "
                     "then ktable --by w=window_start 'keys=count(), n=sum(n), total=sum(total)' --")

    def prepare(self, bench):
        bench.repartitions = 2

    def check(self, bench, records):
        windows, newest = {}, 0
        for record in records:
            click = json.loads(record.value)
            newest = max(newest, record.time)
            if click["number"] < 3:
                continue
            uris = windows.setdefault(record.time // self.SIZE * self.SIZE, {})
            n, total = uris.get(click["uri"], (0, 0))
            uris[click["uri"]] = n + 1, total + click["number"]
        whole = {start: (len(uris), sum(n for n, _ in uris.values()), sum(total for _, total in uris.values()))
                 for start, uris in windows.items()}
        written = {}
        for row in batch.read(bench.cluster, bench.output):
            value = json.loads(row.value)
            start, now = value["w"], (value["keys"], value["n"], value["total"])
            before, last = written.get(start, (0, 0, 0)), whole.get(start, (0, 0, 0))
            if any(a > b for a, b in zip(before, now)) or any(a > b for a, b in zip(now, last)):
                raise Failure(f"{row}: {before} before, {last} of all records")
            written[start] = now
        # Sources are not all at the newest time; a window's size is more than lies between them.
        closed = {start: sums for start, sums in whole.items() if start + self.SIZE + self.GRACE <= newest - self.SIZE}
        compare("window", {start: sums for start, sums in written.items() if start in closed}, closed)
        return f"windows {len(closed)} rows of them {len(written)}"


class Join:
    """Two streams whose records come out of order: each pair that is close in time once, and each left record without one once, when it
    is closed. The grace is longer than any record is late (120 s), also where one topic is filled some seconds after the other: its filler
    gets its producer's id late, and 1 s is 20 s in the records' own time. So all records count."""

    program = "kjoin"
    WITHIN, GRACE = 2000, 200_000

    def __init__(self, by=None):
        self.by = by
        self.tool = f"kjoin --left --within {self.WITHIN}ms --grace {self.GRACE}ms" + (f" --on {by}" if by else "")

    def prepare(self, bench):
        self.right = bench.output + "-right"
        bench.beside = [(self.right, 10**9)]
        bench.repartitions = 1 if self.by else 0

    def check(self, bench, records):
        rights = {}
        right_records = batch.read(bench.cluster, self.right)
        key_of = (lambda record: json.loads(record.value)[self.by]) if self.by else (lambda record: record.key)
        for record in right_records:
            rights.setdefault(key_of(record), []).append((record.time, json.loads(record.value)["id"]))
        for waiting in rights.values():
            waiting.sort()
        # Each task's time is that of its own partition, behind an internal topic that of all.
        newest = {}
        for record in (*records, *right_records):
            place = 0 if self.by else record.partition
            newest[place] = max(newest.get(place, 0), record.time)
        expected, open_ones = set(), set()
        for record in records:
            waiting = rights.get(key_of(record), [])
            number = json.loads(record.value)["id"]
            first = bisect.bisect_left(waiting, (record.time - self.WITHIN, -1))
            matches = []
            while first < len(waiting) and waiting[first][0] <= record.time + self.WITHIN:
                matches.append(waiting[first][1])
                first += 1
            expected.update((number, match) for match in matches)
            if not matches:
                is_closed = record.time + self.WITHIN + self.GRACE < newest[0 if self.by else record.partition] - (60_000 if self.by else 0)
                (expected if is_closed else open_ones).add((number, None))
        written = collections.Counter()
        for row in batch.read(bench.cluster, bench.output):
            value = json.loads(row.value)
            written[value["left"]["id"], value["right"]["id"] if value["right"] else None] += 1
        again = [place for place, n in written.items() if n > 1]
        if again and bench.exactly_once:
            raise Failure(f"{len(again)} results were written more than once: {again[:5]}")
        missing, more = expected - written.keys(), written.keys() - expected - open_ones
        if missing or more:
            raise Failure(f"{len(expected)} results must be: missing {len(missing)} {sorted(missing, key=str)[:5]}, "
                          f"too many {len(more)} {sorted(more, key=str)[:5]}")
        alone = sum(1 for _, right in written if right is None)
        return f"pairs {len(written) - alone} alone {alone}"


class Foreign:
    """Two tables of other numbers of partitions, rows of both changed and deleted, of the left also moved to other keys: every result that
    was written is of a left row and of a right row that were, and the last of each key is that of the last rows."""

    program = "kjoin"
    fill_options = ["--deletions"]
    tool = "kjoin --left --on '\"k\" + string(number)'"

    def prepare(self, bench):
        self.right = bench.output + "-right"
        bench.beside = [(self.right, 10**9)]
        bench.beside_partitions = bench.options.partitions + 1
        bench.input_prefix = bench.beside_prefix = "table:"
        bench.repartitions = 2

    def check(self, bench, records):
        lefts, rights, were = {}, {}, set()
        for rows, side in ((lefts, records), (rights, batch.read(bench.cluster, self.right))):
            for record in side:
                rows[record.key] = json.loads(record.value) if record.value else None
                were.add((record.key, record.value and rows[record.key]["id"]))
        expected = {}
        for key, left in lefts.items():
            if left:
                right = rights.get(f"k{left['number']}")
                expected[key] = (left["id"], right and right["id"])
        written, deletions = {}, 0
        for row in batch.read(bench.cluster, bench.output):
            if not row.value:
                deletions += 1
                if written.pop(row.key, None) is None and bench.exactly_once:
                    raise Failure(f"a deletion of what was not there: {row}")
                continue
            value = json.loads(row.value)
            left, right = value["left"], value["right"]
            if (row.key, left["id"]) not in were or right and (f"k{left['number']}", right["id"]) not in were:
                raise Failure(f"a result of rows that never were: {row}")
            written[row.key] = (left["id"], right and right["id"])
        compare("row", written, expected)
        alone = sum(1 for _, right in written.values() if right is None)
        return f"rows {len(written)} of them alone {alone} deletions {deletions}"


class Tables:
    """Two tables whose rows change and go on both sides: what was written goes through the rows of each side in their order, deletes only
    what stands, and ends as the outer join of the last rows."""

    program = "kjoin"
    fill_options = ["--deletions"]
    tool = "kjoin --outer"

    def prepare(self, bench):
        self.right = bench.output + "-right"
        bench.beside = [(self.right, 10**9)]
        bench.input_prefix = bench.beside_prefix = "table:"

    def check(self, bench, records):
        last, order = ({}, {}), ({}, {})  # by side: the last row of each key; which version of its key a row is
        for side, rows in enumerate((records, batch.read(bench.cluster, self.right))):
            versions = collections.Counter()
            for record in rows:
                number = json.loads(record.value)["id"] if record.value else None
                last[side][record.key] = number
                versions[record.key] += 1
                if record.value:
                    order[side][record.key, number] = versions[record.key]
        expected = {key: row for key in last[0].keys() | last[1].keys()
                    if (row := (last[0].get(key), last[1].get(key))) != (None, None)}
        written, deletions, reached = {}, 0, collections.Counter()
        for result in batch.read(bench.cluster, bench.output):
            if not result.value:
                deletions += 1
                if written.pop(result.key, None) is None and bench.exactly_once:
                    raise Failure(f"a deletion of what was not there: {result}")
                continue
            value = json.loads(result.value)
            row = tuple(value[side] and value[side]["id"] for side in ("left", "right"))
            for side, number in enumerate(row):
                if number is None:
                    continue
                version = order[side].get((result.key, number))
                if version is None:
                    raise Failure(f"a result of rows that never were: {result}")
                if version < reached[side, result.key] and bench.exactly_once:
                    raise Failure(f"a result of an earlier row than the one before it: {result}")
                reached[side, result.key] = version
            written[result.key] = row
        compare("row", written, expected)
        alone = sum(1 for row in written.values() if None in row)
        return f"rows {len(written)} of them alone {alone} deletions {deletions}"


def compare(what, written, expected):
    wrong = [f"{place}: {written.get(place, 'none')}, must be {expected.get(place, 'none')}"
             for place in sorted(written.keys() | expected.keys()) if written.get(place) != expected.get(place)]
    if wrong:
        missing = len(expected.keys() - written.keys())
        more = len(written.keys() - expected.keys())
        raise Failure(f"{len(wrong)} of {len(expected)} {what}s are not as they must be ({missing} missing, {more} that "
                      "must not be):\n  " + "\n  ".join(wrong[:10]))


KINDS = {
    "table": Table,
    "table_poison": TablePoison,
    "table_by": lambda: Table("uri"),
    "table_regroup": TableRegroup,
    "window": lambda: Windows("30s", lambda records: batch.Tumbling(records, GRACE_MS, 30_000)),
    "window_by": WindowsBy,
    "window_idle": lambda: WindowsIdle("30s", lambda records: batch.Tumbling(records, GRACE_MS, 30_000)),
    "pipe": Pipe,
    "join": Join,
    "tables": Tables,
    "foreign": Foreign,
    "join_by": lambda: Join("uri"),
    "session": lambda: Windows("session:4s", lambda records: batch.Sessions(records, GRACE_MS, 4000)),
    "session_by": SessionsBy,
    **waiting.KINDS,
}


def make(kind, storm, kills, counted):
    def scenario(bench):
        options = bench.options
        checker = KINDS[kind]()
        checker.prepare(bench)
        bench.tool = options.tool or checker.tool
        bench.exactly_once = "at-least-once" not in " ".join(options.extra)
        bench.fill_options = ["--keys", options.keys, *getattr(checker, "fill_options", [])]

        def prove():
            start = time.monotonic()
            records = batch.read(bench.cluster, bench.input)
            if len(records) != bench.filled:
                raise Failure(f"{bench.input} holds {len(records)} records, {bench.filled} were written")
            result = f"in {len(records)} {checker.check(bench, records)}"
            bench.log(f"proof: {result} ({time.monotonic() - start:.1f} s)")
            return result
        bench.proof = prove
        bench.outputs_a_record = None if "-w" in bench.tool else 1
        blows = {"wipe": 2, "broker": 6} if bench.cluster.nodes() >= 3 else {"wipe": 2}
        result = (kills if options.kills else counted if options.counted else storm)(bench, blows)
        if bench.finish:
            return result
        # The state from the changelog alone: further records of each key, then the end of all windows.
        bench.launch(bench.add_slot("own"))
        bench.fill(3 * options.keys)
        bench.number += JUMP
        bench.fill(100 * options.partitions)
        took = bench.drain(options.stall_timeout)
        bench.stop_all()
        return f"{prove()}, from the changelog alone in {took:.1f} s"
    scenario.__doc__ = f"Storm over {kind}: state and results equal a batch computation."
    return scenario
