"""What must be quick or must end, shown one by one; the time-outs are the tools' defaults where nothing else is said."""
import os
import subprocess
import time

from processes import Failure, Process, Skip, die_with_parent
from watcher import Watcher


def topics(bench):
    bench.create(bench.input)
    bench.create(bench.output)


def until(condition, limit, what, bench):
    end = time.monotonic() + limit
    while not condition():
        bench.judge()
        if time.monotonic() > end:
            raise Failure(f"not within {limit} s: {what}\n" + "".join(f"  {p.name}\n{p.tail()}" for p in bench.processes))
        time.sleep(0.02)


def stop_filling(bench):
    for filler in bench.fillers:
        filler.kill()
        filler.wait()
    bench.fillers.clear()
    bench.filled = sum(bench.cluster.ends(bench.input).values())


def restart(bench):
    """kill -9 of the only instance: the restarted one's first new committed record comes within --limit seconds."""
    topics(bench)
    rounds = 5
    slot = bench.add_slot("own")
    watcher = Watcher(bench.cluster, bench.output)
    bench.fill(500 * 60, 500, wait=False)
    bench.launch(slot)
    times = []
    try:
        for _ in range(rounds):
            count = len(watcher.seen)
            until(lambda c=count: len(watcher.seen) > c + 200, 20, "200 records through", bench)
            slot.process.kill()
            bench.count("kill")
            watcher.quiet(0.3)
            began = time.monotonic()
            bench.launch(slot)
            took = watcher.first_after(began, 60)
            bench.log(f"first new record after {took}")
            if took is None:
                raise Failure(f"nothing for 60 s after a restart\n{slot.process.tail()}")
            times.append(took)
    finally:
        watcher.close()
    bench.judge()
    if max(times) > bench.options.limit:
        raise Failure(f"first new record after {', '.join(f'{t:.2f}' for t in times)} s, the limit is {bench.options.limit}")
    stop_filling(bench)
    bench.drain(20)
    bench.stop_all()
    return f"restarts {' '.join(f'{t:.2f}' for t in times)} s; {bench.verify()}"


def rolling(bench):
    """Each of three instances leaves (SIGTERM) and returns, in turn: no partition waits long, nothing is lost."""
    topics(bench)
    rounds = 2
    slots = [bench.add_slot(kind) for kind in ("shared", "own", "named")]
    watcher = Watcher(bench.cluster, bench.output)
    for slot in slots:
        bench.launch(slot)
    bench.await_members(len(slots))
    bench.fill(1000 * 60, 1000, wait=False)
    gaps = {"leave": [], "join": []}
    try:
        until(lambda: len({p for _, p in watcher.seen}) == bench.options.partitions, 20, "records from every partition", bench)
        for _ in range(rounds):
            for slot in slots:
                for what in ("leave", "join"):
                    began = time.monotonic()
                    if what == "leave":
                        slot.process.ask_to_end()
                        until(lambda s=slot: not s.process.running(), 20, "the end of " + slot.process.name, bench)
                    else:
                        bench.launch(slot)
                    bench.await_members(sum(s.up() for s in slots))
                    time.sleep(1)  # what the change delayed has come by then, or the gap shows it
                    bench.log(f"{what} {slot.process.name}: gaps {watcher.gaps(began, time.monotonic())}")
                    gaps[what].append(watcher.longest_gap(began, time.monotonic()))
                    bench.count(what)
    finally:
        watcher.close()
    worst = max(gaps["leave"] + gaps["join"])
    shown = "; ".join(f"{what} {' '.join(f'{g:.2f}' for g in list_)}" for what, list_ in gaps.items())
    if worst > bench.options.limit:
        raise Failure(f"a partition waited {worst:.2f} s when the members changed, the limit is {bench.options.limit}: {shown}")
    stop_filling(bench)
    bench.drain(20)
    bench.stop_all()
    return f"longest gap in a partition, s: {shown}; {bench.verify()}"


def sibling(bench):
    """Two of one state directory are killed in their transactions; one returns and frees readers of the other's too."""
    topics(bench)
    bench.fill(100_000)
    slots = [bench.add_slot("shared"), bench.add_slot("shared")]
    for slot in slots:
        bench.launch(slot, "--commit-interval", "6s:6s")
    everywhere = list(range(bench.options.partitions))
    until(lambda: bench.cluster.open_transactions(bench.output) == everywhere, 20, "transactions open in every partition", bench)
    for slot in slots:
        slot.process.kill()
    began = time.monotonic()
    bench.launch(slots[0])
    until(lambda: not bench.cluster.open_transactions(bench.output) and sum(bench.cluster.ends(bench.output).values()) > 0, 10,
          "no transaction open any more (transaction.timeout.ms is 30 s)", bench)
    took = time.monotonic() - began
    bench.launch(slots[1])
    bench.drain(45)
    bench.stop_all()
    return f"readers free after {took:.2f} s; {bench.verify()}"


def hosts(bench):
    """Two processes as on two hosts of one name, each with an empty state directory at the same path: no fencing."""
    place = os.path.join(bench.directory, "var")
    os.makedirs(place)
    apart = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        apart += ["--map-root-user"]
    own = ["sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', place]
    tried = subprocess.run(apart + own + ["true"], stderr=subprocess.PIPE, text=True, check=False)
    if tried.returncode != 0:
        return Skip(f"mount namespaces are not permitted here: {tried.stderr.strip()}")
    topics(bench)
    bench.fill(1000 * 20, 1000, wait=False)
    both = []
    for number in range(2):
        argv = apart + own + bench.argv("--state-dir", place)
        process = Process(f"host{number}", argv, bench.env, bench.directory)
        bench.processes.append(process)
        both.append(process)
    bench.await_members(2)
    end = time.monotonic() + 15
    while time.monotonic() < end:
        bench.judge()
        if not bench.group_state().endswith(" 2"):
            raise Failure(f"the group is {bench.group_state()}\n{both[0].tail()}{both[1].tail()}")
        time.sleep(0.1)
    bench.drain(20)
    bench.stop_all()
    for process in both:
        if "restarting from" in process.tail(100) or "fenced" in process.tail(100).lower():
            raise Failure(f"they fenced each other:\n{process.tail(100)}")
    return bench.verify()


def recreated(bench):
    """The input is deleted, recreated and filled beyond the offsets: every instance ends with 2, and so do later ones."""
    topics(bench)
    bench.fill(20_000)
    for kind in ("own", "shared", "named"):
        bench.launch(bench.add_slot(kind))
    # Each has processed records of partitions of its own: the group's offsets go with the topic, and who never had any would begin.
    members = lambda: bench.cluster.helper("test_topics", "members", bench.group).splitlines()
    until(lambda: sum(int(line.split()[2]) > 0 for line in members()) == len(bench.slots), 60, "partitions for each", bench)
    until(lambda: bench.lag()[0] == 0, 60, "all of the first topic", bench)
    bench.fill(3000)
    until(lambda: bench.lag()[0] == 0, 60, "records for each", bench)
    frozen = bench.random.random() < 0.5  # those see nothing of it but what the topic is then
    bench.log("recreating the input, instances " + ("stand still" if frozen else "run"))
    for process in bench.processes:
        if frozen:
            process.stop()
        process.may_end = {2}
    bench.cluster.helper("test_topics", "delete", bench.input)
    time.sleep(bench.random.choice([0, bench.random.uniform(0, 3)]))
    bench.cluster.helper("test_topics", "create", bench.input, bench.options.partitions, "retention.ms=-1")
    bench.fill(60_000)
    for process in bench.processes:
        if frozen:
            process.go_on()
    began = time.monotonic()
    bench.await_ends(60)
    took = time.monotonic() - began
    for slot in bench.slots:
        if slot.instance:
            continue  # where nothing outlives a process, nobody remembers
        bench.launch(slot, "-e").may_end = {2}
        bench.await_ends(30)
    return f"{'frozen' if frozen else 'running'}: all ended with 2, {took:.1f} s after the new records were there"


def frozen(bench):
    """Asked to end while the broker stands still, with nothing left to commit and within a transaction: each ends within seconds."""
    bench.options.extra = ["-X", "session.timeout.ms=6000"] + bench.options.extra  # they cannot leave the group
    topics(bench)
    bench.fill(2000)
    for kind in ("own", "shared"):
        bench.launch(bench.add_slot(kind))
    bench.await_members(2)
    bench.drain(20)
    shown = [f"ended after {end_while_frozen(bench):.1f} s"]
    # librdkafka's call that sends offsets lasts a minute then, whatever limit it is given.
    bench.options.extra += ["--commit-interval", "2s"]
    bench.launch(bench.add_slot("own"))
    bench.fill(500 * 60, 500, wait=False)
    until(lambda: bench.cluster.open_transactions(bench.output), 45, "an open transaction", bench)
    shown.append(f"within a transaction after {end_while_frozen(bench):.1f} s")
    stop_filling(bench)
    bench.launch(bench.add_slot("own"))
    bench.drain(45)
    bench.stop_all()
    return f"{', '.join(shown)}; {bench.verify()}"


def end_while_frozen(bench):
    bench.cluster.freeze(60)
    try:
        time.sleep(bench.random.uniform(1.1, 2))  # each second they look whether the topics are there: that waits now, too
        began = time.monotonic()
        for process in bench.processes:
            if process.running():
                process.ask_to_end(limit=20)
        bench.await_ends(25)
        return time.monotonic() - began
    except Failure:
        bench.dump()  # where they wait, while they do
        raise
    finally:
        bench.cluster.go_on()


class OpenTransaction:
    """Records in a transaction that stays open until commit() or kill(): kcat, fed through a pipe."""

    def __init__(self, bench, first, count):
        self.popen = subprocess.Popen(
            ["kcat", "-P", "-b", bench.cluster.brokers, "-t", bench.input, "-K", "\t", "-X", "linger.ms=0",
             "-X", f"transactional.id={bench.group}-{first}", "-X", "transaction.timeout.ms=10000"],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=die_with_parent)
        for number in range(first, first + count):
            self.popen.stdin.write(f'k{number}\t{{"number":{100 + number % 100},"id":{number}}}\n')
        self.popen.stdin.flush()

    def commit(self):
        self.popen.stdin.close()
        if self.popen.wait(20) != 0:
            raise Failure("kcat could not commit its transaction")

    def kill(self):
        self.popen.kill()
        self.popen.wait()


def ends(bench):
    """-e: waits for transactions that were open when it started, ends behind aborted ones, and with its siblings."""
    topics(bench)
    bench.options.extra = ["-X", "session.timeout.ms=6000", "-X", "transaction.timeout.ms=8000"] + bench.options.extra
    bench.fill(20_000)
    shown = []
    for how in ("commit", "kill"):
        before = sum(bench.cluster.ends(bench.input).values())
        transaction = OpenTransaction(bench, 1_000_000 + before, 500)
        until(lambda b=before: sum(bench.cluster.ends(bench.input).values()) > b, 20, "the transaction's records in the log", bench)
        at_start = bench.cluster.ends(bench.input)
        slot = bench.add_slot("own")
        process = bench.launch(slot, "-e")
        process.may_end = {0}
        until(lambda p=process: not p.running() or p.said("a producer has an open transaction"), 40, "-e at the open transaction", bench)
        if not process.running():
            raise Failure(f"-e ended at a transaction that was still open: records of it would be left out\n{process.tail()}")
        began = time.monotonic()
        if how == "commit":
            transaction.commit()
            bench.filled += 500
        else:
            transaction.kill()  # the broker aborts it after 10 s and its own round of 10 s
        bench.await_ends(30)
        shown.append(f"{how}ed: ended {time.monotonic() - began:.1f} s later")
        committed = bench.cluster.committed(bench.group, bench.input)
        if any(committed[p] < end for p, end in at_start.items()):
            raise Failure(f"-e ended with the group at {committed}, the ends were at {at_start}")
        # kcat sends the last of its lines only with the commit: behind the ends of that run.
        again = bench.launch(bench.add_slot("own"), "-e")
        again.may_end = {0}
        bench.await_ends(15)
        if bench.lag()[0] != 0:
            raise Failure(f"a second -e ended, but the group is not at the ends: {bench.lag()[1]}")
    bench.verify()
    # Three with -e, one of them killed: the others take over its share, and all end.
    bench.fill(300_000)
    slots = [bench.add_slot("own") for _ in range(3)]
    for slot in slots:
        bench.launch(slot, "-e").may_end = {0}
    before = sum(bench.cluster.committed(bench.group, bench.input).values())
    until(lambda: sum(bench.cluster.committed(bench.group, bench.input).values()) > before, 20, "the first commit", bench)
    slots[1].process.kill()
    began = time.monotonic()
    bench.await_ends(45)
    shown.append(f"one of three killed: the others ended {time.monotonic() - began:.1f} s later")
    return f"{'; '.join(shown)}; {bench.verify()}"


ALL = {"restart": restart, "rolling": rolling, "sibling": sibling, "hosts": hosts, "ends": ends, "frozen": frozen, "recreated": recreated}
