#!/usr/bin/env python3
"""Storms over a tool on a real broker, and the proof that it worked exactly once. See README.md beside this file."""
import argparse
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from cluster import ROOT, Cluster, Trouble
import evidence
from processes import Failure, Process, Skip, Slot
import scenarios
import stateful

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
DEFAULT_TOOL = "kfilter 'number >= 100'"
DEFAULT_TOOLS = {"counted": ("kmap '| cat'", "--same-partition")}


class Bench:
    """One scenario's surroundings: topics, group, directory, every process it started."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.cluster = Cluster(options.build, options.cluster)
        self.directory = options.work or tempfile.mkdtemp(prefix="kutils-storm-")
        os.makedirs(self.directory, exist_ok=True)
        tag = f"{options.scenario}-{os.getpid()}-{int(time.time()) % 100000}"
        self.input, self.output, self.group = f"{tag}-in", f"{tag}-out", f"{tag}-g"
        self.topics = []
        self.slots = []
        self.processes = []
        self.fillers = []
        self.filled = 0  # records
        self.number = 0  # of the next one
        self.fill_options = []
        self.tool = options.tool
        self.proof = None  # what takes verify()'s place
        self.finish = None  # what takes scenarios.finish()'s place
        self.overtime = 0  # seconds for which records come when the blows are over
        self.outputs_a_record = 1  # at most; None: any number
        self.more_outputs = []  # topics other than OUT that outputs go to
        self.beside = []  # further inputs: (topic, the seed of its records)
        self.beside_partitions = None  # of these, if not as many as of IN
        self.beside_prefix = ""  # of these on the command line
        self.configs = {}  # of topics, beyond what all have
        self.wait_for_outputs = None  # whether all that waits for its time is out; for tools that hold records back
        self.on_debug = None  # see Process
        self.exactly_once = True
        self.input_prefix = ""  # of IN on the command line
        self.calm_limit = 5  # seconds for 2,000 records when all is over
        self.repartitions = 0  # internal topics between the input and the state
        self.counts = {}
        self.start_time = Process.epoch = time.monotonic()
        self.env = dict(os.environ, KUTILS_BROKERS=self.cluster.brokers, NO_COLOR="1",
                        XDG_CONFIG_HOME=os.path.join(self.directory, "config"),
                        XDG_STATE_HOME=os.path.join(self.directory, "xdg-state"))
        for name in ("KUTILS_CONFIG", "KUTILS_INSTANCE", "KUTILS_STATE_DIR"):
            self.env.pop(name, None)
        self.log_file = open(os.path.join(self.directory, "storm.log"), "w", encoding="utf-8")

    # ---- saying what happens

    def log(self, text):
        line = f"{time.monotonic() - self.start_time:8.2f} {text}"
        print(line, file=self.log_file, flush=True)
        if self.options.verbose:
            print(line, flush=True)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    # ---- topics and records

    def create(self, topic, partitions=None, *config):
        # The records' times are years old: retention would take them in the middle of the run.
        self.cluster.create(topic, partitions or self.options.partitions, "retention.ms=-1", *self.configs.get(topic, ()), *config)
        self.topics.append(topic)

    def fill(self, count, rate=None, wait=True):
        """`count` more records for each input, numbered on from the last."""
        self.fillers.append(self.cluster.fill(self.input, count, self.number, rate, self.fill_options))
        for topic, seed in self.beside:
            options = [*self.fill_options, "--seed", seed]
            self.fillers.append(self.cluster.fill(topic, count, self.number, rate, options))
        self.filled += count
        self.number += count
        if wait:
            self.wait_for_fillers()

    def filling(self):
        return any(filler.poll() is None for filler in self.fillers)

    def wait_for_fillers(self):
        for filler in self.fillers:
            _, errors = filler.communicate()
            if filler.returncode != 0:
                raise Trouble(f"filling {self.input}: {errors.strip()}")
        self.fillers = []

    # ---- the tool

    def argv(self, *more):
        words = shlex.split(self.tool or self.options.default_tool)
        words[0] = os.path.join(self.options.build, "bin", words[0])
        return words[:1] + ["-g", self.group, *self.options.extra, *more] + words[1:] + [
            self.input_prefix + self.input, *(self.beside_prefix + topic for topic, _ in self.beside), self.output]

    def add_slot(self, kind):
        """kind: own, shared (a state directory) or named (nothing outlives the process but its --instance)."""
        number = len(self.slots)
        state = os.path.join(self.directory, "state-shared" if kind == "shared" else f"state-{number}")
        slot = Slot(number, self.directory, state, f"i{number}" if kind == "named" else None, self.on_debug)
        self.slots.append(slot)
        return slot

    def launch(self, slot, *more):
        if slot.instance:  # named: as in a container, no directory outlives a process
            slot.state_dir = os.path.join(self.directory, f"state-{slot.number}.{slot.generation + 1}")
        process = slot.start(self.argv(*more), self.env)
        self.processes.append(process)
        self.log(f"start {process.name} pid {process.pid}")
        return process

    def dump(self):
        """Where every thread of what still runs stands, beside the logs, if there is a debugger."""
        for process in self.processes:
            if process.running() and shutil.which("gdb"):
                with open(process.errors + ".stacks", "w", encoding="utf-8") as file:
                    subprocess.run(["gdb", "-p", str(process.pid), "-batch", "-ex", "thread apply all bt"], stdout=file,
                                   stderr=subprocess.DEVNULL, timeout=60, check=False)

    def judge(self):
        for slot in self.slots:
            process = slot.process
            if not process or process.popen.poll() != 3 or not self.cluster.frozen(60) or process.age() > 60:
                continue
            if process.may_end is None:
                slot.due = time.monotonic()
            if process.may_end != {3}:
                process.may_end = {3}  # it started while no broker answered
                self.count("unanswered")
        for slot in self.slots:
            told = slot.judge()
            if told:
                self.log(told)
                self.count("gave_way")
        for process in self.processes:
            process.judge()
        self.processes = [p for p in self.processes if p.running()]

    # ---- waiting

    def lag(self):
        where = {}
        # Behind --by all is done when the internal topic is read, too: its tail would only be the next one's work.
        internal = [f"{self.group}-repartition" + (f"-{n}" if n > 1 else "") for n in range(1, self.repartitions + 1)]
        for topic in (self.input, *(topic for topic, _ in self.beside), *internal):
            ends = self.cluster.ends(topic)
            committed = self.cluster.committed(self.group, topic)
            where.update({(topic, p): (committed.get(p, 0), ends[p]) for p in ends})
        return sum(end - at for at, end in where.values()), where

    def drain(self, limit):
        """Until the group stands at the ends of its input; `limit` is the seconds without any progress."""
        start = since = time.monotonic()
        last = None
        while True:
            self.judge()
            lag, where = self.lag()
            if lag == 0 and not self.filling():
                self.wait_for_fillers()
                if self.lag()[0] == 0:
                    self.log(f"drained in {time.monotonic() - start:.1f} s")
                    return time.monotonic() - start
            if where != last:
                last, since = where, time.monotonic()
            if time.monotonic() - since > limit:
                raise Failure(f"nothing moves for {limit} s: lag {lag}, (committed, end) by partition {where}, group "
                              f"{self.group_state()}\n" + "".join(f"  {p.name}\n{p.tail(4)}" for p in self.processes))
            time.sleep(0.1)

    def await_outputs(self, limit=60):
        """What waits by the clock is out."""
        end = time.monotonic() + limit
        while self.wait_for_outputs and not self.wait_for_outputs(self):
            self.judge()
            if time.monotonic() > end:
                self.log(f"not all is out after {limit} s")
                return  # the proof says what is missing
            time.sleep(0.3)

    def group_state(self):
        return self.cluster.helper("test_topics", "group", self.group).strip()

    def await_members(self, processes, limit=45):
        """All that live are members: a process that hangs outside of the group is found here."""
        count = processes * self.options.workers
        end = time.monotonic() + limit
        while self.group_state() != f"Stable {count}":
            self.judge()
            if time.monotonic() > end:
                raise Failure(f"the group is '{self.group_state()}', not 'Stable {count}': a process hangs outside of it; "
                              f"members:\n{self.cluster.helper('test_topics', 'members', self.group)}"
                              + "".join(f"  {p.name}\n{p.tail(6)}" for p in self.processes))
            time.sleep(0.1)

    def await_ends(self, limit=30):
        """All processes that were asked to end have ended, with a code that they may end with."""
        end = time.monotonic() + limit
        while self.processes:
            self.judge()
            if time.monotonic() > end:
                names = ", ".join(p.name for p in self.processes)
                raise Failure(f"{names} did not end in {limit} s\n" + "".join(p.tail() for p in self.processes))
            time.sleep(0.05)

    def stop_all(self, limit=20):
        self.await_outputs()
        for process in self.processes:
            if process.may_end is None:
                process.ask_to_end(signal.SIGTERM, limit)
        self.await_ends(limit + 5)

    # ---- the proof

    def verify(self):
        # What an instance left open that was killed, and lost its state directory, holds readers up until the broker aborts it: its
        # time-out (30 s) and a round of 10 s.
        start = time.monotonic()
        while any(map(self.cluster.open_transactions, [self.output, *self.more_outputs])) and time.monotonic() < start + 45:
            time.sleep(0.2)
        if time.monotonic() > start + 2:
            self.log(f"readers were held up for {time.monotonic() - start:.1f} s")
        if self.proof:
            return self.proof()
        args = [os.path.join(self.cluster.helpers, "stream_check"), "verify", self.input, self.output]
        args += self.options.verify
        done = subprocess.run(args, env=self.cluster.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        self.log(f"verify: {done.stdout.strip()}")
        if done.returncode != 0:
            raise Failure(f"not exactly once: {done.stdout.strip()}\n{done.stderr}{evidence.of_first(self, done.stderr)}")
        words = done.stdout.split()
        counts = dict(zip(words[::2], map(int, words[1::2])))
        if counts["in"] != self.filled:
            raise Trouble(f"{self.input} holds {counts['in']} records, {self.filled} were written")
        return done.stdout.strip()

    def run_to_end(self, limit=60):
        """One more instance, with -e: finds nothing left to do, ends by itself with 0."""
        process = Process("last", self.argv("-e", "--state-dir", os.path.join(self.directory, "state-last")), self.env,
                          self.directory)
        try:
            code = process.popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"-e at the end of everything did not end in {limit} s\n{process.tail()}") from None
        finally:
            if process.running():
                process.kill()
        if code != 0:
            raise Failure(f"-e at the end of everything ended with {code}\n{process.tail()}")

    def close(self, keep):
        for filler in self.fillers:
            if filler.poll() is None:
                filler.kill()
                filler.wait()
        for process in self.processes:
            if process.running():
                process.kill()
        if not self.options.keep:
            self.cluster.delete(*self.topics)
        self.log_file.close()
        if not keep and not self.options.work:
            shutil.rmtree(self.directory, ignore_errors=True)


def parse(argv):
    parser = argparse.ArgumentParser(prog="storm.py", description="Storms over a kutils tool on a real broker.")
    parser.add_argument("scenario", choices=sorted(scenarios.ALL))
    parser.add_argument("--build", default=os.environ.get("KUTILS_BUILD_DIR", os.path.join(ROOT, "build")))
    parser.add_argument("--cluster", help="directory of a broker made by scripts/kafka --dir (default $KUTILS_KAFKA_DIR)")
    parser.add_argument("--tool", help=f"the command line before IN OUT (default {DEFAULT_TOOL}, or as the scenario says)")
    parser.add_argument("--verify", help="stream_check verify's options for this tool")
    parser.add_argument("--workers", type=int, default=1, help="-j of each instance")
    parser.add_argument("--extra", default="", help="more options for the tool")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("KUTILS_SEED", 0)) or random.SystemRandom().randrange(1, 10**6))
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--slots", default="mixed", help="own, shared, named, or mixed")
    parser.add_argument("--records", type=int, default=None, help="records in the input at the start")
    parser.add_argument("--rate", type=float, default=None, help="records per second that come while it runs")
    parser.add_argument("--duration", type=float, default=float(os.environ.get("KUTILS_SOAK_SECONDS", 60)))
    parser.add_argument("--kills", type=int, help="kill -9 so often (kills: 20; with state: instead of a storm of blows)")
    parser.add_argument("--counted", type=int, help="runs that each end after up to so many outputs (-m), instead of a storm of blows")
    parser.add_argument("--keys", type=int, default=1000, help="different keys, with state")
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between two blows")
    parser.add_argument("--limit", type=float, default=1.5, help="seconds that a restart or change of members may cost")
    parser.add_argument("--only", help="only these blows: NAME[=WEIGHT],...")
    parser.add_argument("--freeze", type=float, default=9, help="seconds: the longest time for which the broker is frozen")
    parser.add_argument("--stall-timeout", type=float, default=45, help="seconds without progress that count as hanging")
    parser.add_argument("--work", help="directory for logs and state; else a temporary one, kept on failure")
    parser.add_argument("--keep", action="store_true", help="keep topics and logs")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args(argv)
    tool, verify = DEFAULT_TOOLS.get(options.scenario, (DEFAULT_TOOL, "--number-at-least 100 --same-partition"))
    options.default_tool = tool
    options.verify = shlex.split(verify if options.verify is None else options.verify)
    options.extra = shlex.split(options.extra) + (["-j", str(options.workers)] if options.workers > 1 else [])
    return options


def main(argv):
    options = parse(argv)
    name = shlex.split(options.tool or options.default_tool)[0]
    if not options.tool and options.scenario in stateful.KINDS:
        name = stateful.KINDS[options.scenario]().program
    tool = os.path.join(options.build, "bin", name)
    if not os.access(tool, os.X_OK):
        print(f"skipped: {tool} is not built")
        return SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"storm {options.scenario} seed {options.seed}", flush=True)
    bench = None
    keep = True
    try:
        bench = Bench(options)
        result = scenarios.ALL[options.scenario](bench)
        if isinstance(result, Skip):
            print(f"skipped: {result}")
            keep = False
            return SKIPPED
        happened = " ".join(f"{name} {number}" for name, number in sorted(bench.counts.items()))
        print(f"ok {options.scenario}: {result} [{happened}] {time.monotonic() - bench.start_time:.0f} s")
        keep = False
        return 0
    except (Failure, Trouble) as problem:
        kind = "FAILED" if isinstance(problem, Failure) else "TROUBLE (not the tool's fault)"
        print(f"{kind} {options.scenario} seed {options.seed}: {problem}")
        if bench:
            bench.log(f"{kind}: {problem}")
            bench.dump()
            print(f"after {bench.counts}; logs in {bench.directory}, topics {bench.topics}, group {bench.group}")
        return 1
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        return 1
    finally:
        if bench:
            bench.close(keep or options.keep)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
