"""The blows of a storm: what is done to a running group, at random, from one seed."""
import os
import re
import shutil
import signal
import threading
import time

from cluster import Trouble
from processes import Failure

# Longer than both time-outs of storm.SHORT, with the broker's own slack for expiring transactions (10 s by default).
BEYOND_SESSION = (6.5, 9.0)
BEYOND_TRANSACTION = (10.0, 19.0)

# At least so long a broker works between two freezes: an instance that is asked to end then has its 20 s.
BETWEEN = 1.5
# A broker that is killed comes back only when the others have given up its session (broker.session.timeout.ms, 9 s). One that comes
# back earlier takes itself for the coordinator that it was, and may commit half of a transaction (ARCHITECTURE.md, "What no client can
# hold"): seen with the tools, and with Apache's own producer alone.
FENCED = 10
# What a commit is made of, in its order, and how often each is aimed at.
COMMIT = {"AddPartitionsToTxn": 1, "AddOffsetsToTxn": 1, "TxnOffsetCommit": 3, "EndTxn": 5}


class Aim:
    """Hits the broker at the moment when a tool sends it a request of a commit: seen in librdkafka's debug lines
    (-X debug=protocol)."""

    def __init__(self, bench):
        self.bench = bench
        self.lock = threading.Lock()  # lines come in a thread for each process
        self.wanted = None  # (request, seconds to wait, what is done)
        self.sent = None  # (process, request and correlation, milliseconds frozen)
        self.shots = 0
        self.hits = 0  # the answer came only after the freeze
        bench.on_debug = self.take

    def at(self, request, wait, blow):
        """`blow` is told the broker's number; it returns for how many seconds the broker is frozen, or None."""
        with self.lock:
            self.wanted = (request, wait, blow)

    def take(self, process, line):
        match = re.search(r"(?:/(\d+): )?(Sent|Received) (\w+)(?:Request|Response) \(.*CorrId (\d+)(?:, rtt ([\d.]+)ms)?", line)
        if not match:
            return
        broker, verb, request, correlation, took = match.groups()
        with self.lock:
            if verb == "Sent" and self.wanted and request == self.wanted[0]:
                _, wait, blow = self.wanted
                self.wanted = None
                time.sleep(wait)  # before the broker has it, while it works, or while it answers
                seconds = blow(int(broker or 1))
                self.shots += 1
                what = "killed" if seconds is None else f"frozen for {seconds:.1f} s"
                self.bench.log(f"broker {broker or ''} is {what}, {1000 * wait:.1f} ms after {request} of {process.name}")
                if seconds is not None:
                    self.sent = (process, request, correlation, 1000 * seconds)
            elif verb == "Received" and self.sent and self.sent[:3] == (process, request, correlation):
                if float(took) >= 0.9 * self.sent[3]:
                    self.hits += 1
                    self.bench.log(f"{request} was answered after {float(took):.0f} ms")
                self.sent = None

    def settle(self, kind):
        with self.lock:
            self.wanted = None
        if kind == "broker_in_commit":
            self.bench.count(f"killed_in_commit_{self.shots}")
            return
        self.bench.count(f"frozen_in_commit_{self.hits}_of_{self.shots}")
        if self.shots >= 4 and self.hits == 0:
            raise Failure(f"of {self.shots} times that the broker was to be frozen in a commit none was")


class Blows:
    def __init__(self, bench, kinds, fewest, most):
        self.bench = bench
        self.random = bench.random
        self.kinds = kinds  # name -> weight
        self.fewest = fewest
        self.most = most
        self.later = []  # (monotonic time, what, function)
        self.broker_down = False
        self.restarting = None  # (node, the command that brings it back)
        self.aim = None
        self.aims_with = next((kind for kind in ("freeze_in_commit", "broker_in_commit") if kind in kinds), None)
        if self.aims_with:
            self.aim = Aim(bench)
            bench.options.extra = ["-X", "debug=protocol"] + bench.options.extra
        if "grow" in kinds:
            bench.options.extra = ["-X", "topic.metadata.refresh.interval.ms=500"] + bench.options.extra

    # ---- helpers

    def up(self):
        return [slot for slot in self.bench.slots if slot.up() and slot.wake is None]

    def free(self):
        return [slot for slot in self.bench.slots if not slot.living() and slot.due is None]

    def after(self, seconds, what, function):
        self.later.append((time.monotonic() + seconds, what, function))

    def start_later(self, slot, seconds):
        slot.due = time.monotonic() + seconds

    # ---- one step of time

    def tick(self):
        self.watch_broker()
        now = time.monotonic()
        for item in [item for item in self.later if item[0] <= now]:
            self.later.remove(item)
            self.bench.log(item[1])
            item[2]()
        for slot in self.bench.slots:
            if slot.due is not None and slot.due <= now and not self.bench.cluster.frozen():
                self.bench.launch(slot)

    def strike(self):
        names = list(self.kinds)
        if "grow" in names and not self.bench.counts.get("grow"):
            names = ["grow"]  # once at least
        for _ in range(10):
            name = self.random.choices(names, [self.kinds[n] for n in names])[0]
            if getattr(self, name)():
                self.bench.count(name)
                return name
        return None

    def settle(self):
        """Ends the storm: all that was put off happens now, at least `fewest` instances run."""
        if self.aim:
            self.aim.settle(self.aims_with)
        time.sleep(max(0, self.bench.cluster.thaw - time.monotonic()))
        for _, what, function in sorted(self.later, key=lambda item: item[0]):
            self.bench.log(what)
            function()
        self.later = []
        if self.restarting:
            self.restarting[1].wait()
            self.watch_broker()
        for slot in self.bench.slots:
            if slot.due is not None:
                self.bench.launch(slot)
        while len(self.up()) < self.fewest:
            self.bench.launch(self.free()[0] if self.free() else self.bench.add_slot("own"))

    # ---- the blows; each returns whether it could strike

    def kill(self):
        slots = self.up()
        if not slots:
            return False
        slot = self.random.choice(slots)
        self.bench.log(f"kill -9 {slot.process.name}")
        slot.process.kill()
        self.start_later(slot, self.random.choice([0, 0, self.random.uniform(0.2, 3)]))
        return True

    def wipe(self):
        """Killed, and its state directory is gone: the changelog alone is left."""
        slots = [slot for slot in self.up()
                 if not any(other is not slot and other.living() and other.state_dir == slot.state_dir for other in self.bench.slots)]
        if not slots:
            return False
        slot = self.random.choice(slots)
        self.bench.log(f"kill -9 {slot.process.name}, and its state is lost")
        slot.process.kill()
        shutil.rmtree(slot.state_dir, ignore_errors=True)
        self.start_later(slot, 0)
        return True

    def kill_all(self):
        """The machine goes: everything at once."""
        slots = self.up()
        if len(slots) < 2:
            return False
        self.bench.log("kill -9 all")
        for slot in slots:
            slot.process.kill()
            self.start_later(slot, self.random.uniform(0, 1))
        return True

    def kill_young(self):
        """Killed while it starts: a process that dies between its first steps."""
        slots = self.free()
        if not slots or len(self.up()) >= self.most:
            return False
        slot = self.random.choice(slots)
        process = self.bench.launch(slot)
        after = self.random.uniform(0.02, 0.8)

        def strike():
            if process.may_end is None:
                process.kill()
                self.start_later(slot, 0)
        self.after(after, f"kill -9 {process.name}, {after:.2f} s young", strike)
        return True

    def grow(self):
        """The input gets a partition more; who fills it learns of it within a second."""
        bench = self.bench
        count = len(bench.cluster.ends(bench.input))
        if count >= 2 * bench.options.partitions:
            return False
        self.bench.log(f"partition {count} is added to the input")
        bench.cluster.helper("test_topics", "grow", bench.input, count + 1)
        return True

    def take_over(self):
        """A second process under the same name while the first lives, or is stopped and wakes up later."""
        # Of two that start at the same moment either may be the one that goes on (Slot.judge): never none, never both.
        slots = [slot for slot in self.up() if slot.instance]
        if not slots:
            return False
        slot = self.random.choice(slots)
        old = slot.process
        how = self.random.choice(["alive", "stopped", "dying"])
        self.bench.log(f"take-over of {old.name} ({how})")
        if how != "alive":
            old.stop()
        self.bench.launch(slot)
        if how == "stopped":

            def wake():
                old.go_on()
                if slot.elders:
                    slot.contest()
            self.after(self.random.uniform(0.5, 14), f"SIGCONT {old.name} (superseded)", wake)
        elif how == "dying":
            self.after(self.random.uniform(0.1, 3), f"kill -9 {old.name} (superseded)", old.kill)
        self.bench.count(f"take_over_{how}")
        return True

    def freeze(self):
        slots = self.up()
        if not slots:
            return False
        slot = self.random.choice(slots)
        bounds = self.random.choice([(0.2, 3), BEYOND_SESSION, BEYOND_TRANSACTION])
        seconds = self.random.uniform(*bounds)
        process = slot.process
        self.bench.log(f"SIGSTOP {process.name} for {seconds:.1f} s")
        process.stop()
        slot.wake = time.monotonic() + seconds

        def wake():
            slot.wake = None
            process.go_on()
        self.after(seconds, f"SIGCONT {process.name}", wake)
        return True

    def flicker(self):
        """Stopped and woken some times in short order: calls are cut at odd places."""
        slots = self.up()
        if not slots:
            return False
        process = self.random.choice(slots).process
        for step in range(5):
            at = step * 0.15 + self.random.uniform(0, 0.05)
            self.after(at, f"flicker: SIGSTOP {process.name}", lambda: process.may_end is None and process.send(signal.SIGSTOP))
            self.after(at + 0.08, f"flicker: SIGCONT {process.name}", lambda: process.send(signal.SIGCONT))
        return True

    def join(self):
        if len(self.up()) >= self.most:
            return False
        slot = self.random.choice(self.free()) if self.free() else self.bench.add_slot(
            self.random.choice(["own", "shared", "named"]))
        self.bench.log(f"join: slot {slot.number}")
        self.bench.launch(slot)
        return True

    def leave(self):
        slots = self.up()
        if len(slots) < 2:
            return False
        process = self.random.choice(slots).process
        number = self.random.choice([signal.SIGTERM, signal.SIGINT])
        self.bench.log(f"leave: {number.name} {process.name}")
        # librdkafka 2.0's call that sends offsets in a transaction waits as long as the transaction may take.
        process.ask_to_end(number, 60 if "freeze_broker" in self.kinds else 20)
        if self.random.random() < 0.25:
            # A second one ends it at once, still without loss.
            self.after(self.random.uniform(0.01, 0.3), f"leave: a second {number.name} for {process.name}",
                       lambda: process.send(number))
        return True

    def frozen_for(self):
        longest = self.bench.options.freeze
        bounds = self.random.choice([(0.05, 0.5), (0.5, 3), (0.5, 3), (4, 8), (0.8 * longest, longest)])
        return self.random.uniform(*bounds)

    def freeze_broker(self):
        """The broker stands still for a while, and keeps its connections."""
        if self.bench.cluster.frozen(BETWEEN):
            return False
        seconds = self.frozen_for()
        self.bench.log(f"broker is frozen for {seconds:.1f} s")
        self.bench.cluster.freeze(seconds)
        return True

    def freeze_in_commit(self):
        """The same, at the next moment when some instance sends a certain request of a commit."""
        if self.bench.cluster.frozen(BETWEEN) or self.aim.wanted:
            return False
        seconds = self.frozen_for()

        def freeze(_):
            self.bench.cluster.freeze(seconds)
            return seconds
        self.aim_at_commit(freeze)
        return True

    def aim_at_commit(self, blow):
        request = self.random.choices(list(COMMIT), list(COMMIT.values()))[0]
        self.aim.at(request, self.random.choice([0, 0, 0, self.random.uniform(0, 0.01)]), blow)

    def broker(self):
        """kill -9 of one broker, and its return; one at a time."""
        if self.broker_down:
            return False
        node = self.random.randint(1, self.bench.cluster.nodes())
        self.broker_down = True
        self.bench.log(f"kill -9 broker {node}")
        self.wait_for_broker(self.bench.cluster.broker("kill", node))
        self.bring_back(node)
        return True

    def bring_back(self, node):
        fenced = time.monotonic() + FENCED

        def back():
            time.sleep(max(0, fenced - time.monotonic()))  # the storm may end before its time
            self.restarting = (node, self.bench.cluster.broker("restart", node))
        self.after(FENCED + self.random.choice([self.random.uniform(0, 2), self.random.uniform(1, 8)]),
                   f"restart broker {node}", back)

    def broker_in_commit(self):
        """The same, of the broker that some instance sends a certain request of a commit, at that moment."""
        if self.broker_down or self.aim.wanted:
            return False

        def kill(node):
            os.kill(self.bench.cluster.pid(node), signal.SIGKILL)
            self.broker_down = True
            self.bring_back(node)
        self.aim_at_commit(kill)
        return True

    @staticmethod
    def wait_for_broker(command):
        output, _ = command.communicate()
        if command.returncode != 0:
            raise Trouble(f"{' '.join(command.args)}: {output}")

    def watch_broker(self):
        """A broker needs its time to come back; nobody is blamed for what waits for it."""
        if self.broker_down:
            for slot in self.bench.slots:
                if slot.elders:
                    slot.contest()
        if self.restarting and self.restarting[1].poll() is not None:
            node, command = self.restarting
            self.wait_for_broker(command)
            self.bench.log(f"broker {node} is back")
            self.restarting = None
            self.broker_down = False
