"""Instances of the tool under test: started, killed, stopped, and each end of one judged."""
import ctypes
import os
import signal
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """The tool under test broke a promise."""


class Skip(str):
    """Why something cannot be shown here."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # A shell starts what it runs in the background with SIGINT ignored, and a tool keeps what was ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Process:
    """One process. `may_end` is None while it must go on, else the set of exit codes that it may end with."""

    epoch = time.monotonic()  # of the times in the logs

    def __init__(self, name, argv, env, directory, on_debug=None):
        self.name = name
        self.started = time.monotonic()
        self.on_debug = on_debug  # is given librdkafka's debug lines, which then stay out of the log
        self.argv = argv
        self.errors = os.path.join(directory, name + ".err")
        self.may_end = None
        self.end_by = None  # monotonic time; a process that was asked to end and lives on after it hangs
        self.stopped = False
        self.contested = False  # another one runs or ran under its name: one of them ends with 5
        with open(os.path.join(directory, name + ".out"), "wb") as out:
            self.popen = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                                          cwd=directory, preexec_fn=die_with_parent)
        self.pid = self.popen.pid
        self.log = threading.Thread(target=self.keep_errors, daemon=True)
        self.log.start()

    def keep_errors(self):
        with open(self.errors, "w", encoding="utf-8") as file:
            for line in self.popen.stderr:
                text = line.decode(errors="replace").rstrip()
                if self.on_debug and " [thrd:" in text:
                    self.on_debug(self, text)
                    continue
                print(f"{time.monotonic() - Process.epoch:8.2f} {text}", file=file, flush=True)

    def running(self):
        return self.popen.poll() is None

    def age(self):
        return time.monotonic() - self.started

    def send(self, number):
        if self.running():
            os.kill(self.pid, number)

    def kill(self):
        self.may_end = {-signal.SIGKILL}
        self.send(signal.SIGKILL)
        self.popen.wait()

    def stop(self):
        self.stopped = True
        self.send(signal.SIGSTOP)

    def go_on(self):
        self.stopped = False
        self.send(signal.SIGCONT)

    def ask_to_end(self, number=signal.SIGTERM, limit=20):
        # "Signals as the shell expects": ended by the signal, or 128 + its number.
        self.may_end = {-number, 128 + number} | ({5} if self.contested else set())
        self.end_by = time.monotonic() + limit
        self.send(number)

    def said(self, text):
        try:
            with open(self.errors, encoding="utf-8", errors="replace") as file:
                return text in file.read()
        except FileNotFoundError:
            return False  # just launched: nothing yet

    def tail(self, lines=12):
        self.log.join(1 if not self.running() else 0)
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            return "".join("    " + line for line in file.readlines()[-lines:])

    def judge(self):
        """Raises Failure for an end that nobody asked for, or for one that was asked for and does not come."""
        code = self.popen.poll()
        if code is None:
            if self.end_by is not None and not self.stopped and time.monotonic() > self.end_by:
                raise Failure(f"{self.name} (pid {self.pid}) hangs: it was asked to end and did not\n{self.tail()}")
            return
        if self.may_end is None:
            raise Failure(f"{self.name} (pid {self.pid}) ended with {code}, unasked\n{self.tail()}")
        if code not in self.may_end:
            raise Failure(f"{self.name} (pid {self.pid}) ended with {code}, expected one of "
                          f"{sorted(self.may_end)}\n{self.tail()}")


class Slot:
    """A place in the group: which state directory and name its processes run under, one after the other.

    Where several live under one name (a take-over), one of them must go on and each other one end with 5 within a minute.
    """

    CONTEST_LIMIT = 60
    GHOST_LIMIT = 20

    def __init__(self, number, directory, state_dir, instance=None, on_debug=None):
        self.number = number
        self.on_debug = on_debug
        self.directory = directory
        self.state_dir = state_dir
        self.instance = instance
        self.generation = 0
        self.process = None  # the newest
        self.elders = []
        self.due = None  # monotonic time of its next start, while it is down on purpose
        self.wake = None  # monotonic time of its SIGCONT, while it is stopped
        self.resolve_by = None
        self.ghost_until = 0

    def start(self, argv, env):
        self.generation += 1
        self.due = None
        self.wake = None
        args = [argv[0], "--state-dir", self.state_dir, *(["--instance", self.instance] if self.instance else []), *argv[1:]]
        if self.process is not None and self.process.running():
            self.elders.append(self.process)
        self.process = Process(f"slot{self.number}.{self.generation}", args, env, self.directory, self.on_debug)
        if self.elders:
            self.contest()
        return self.process

    def contest(self):
        self.resolve_by = time.monotonic() + self.CONTEST_LIMIT
        for process in self.elders + [self.process]:
            process.contested = True

    def living(self):
        return [p for p in self.elders + [self.process] if p is not None and p.running()]

    def up(self):
        return self.process is not None and self.process.running() and self.process.may_end is None

    def judge(self):
        """Settles who goes on under this name. Returns what happened, for the log."""
        if not self.elders:
            last = self.process
            if (last is not None and last.may_end is None and last.popen.poll() == 5
                    and time.monotonic() < self.ghost_until):
                last.may_end = {5}
                self.due = time.monotonic()
                return f"{last.name} gave way to one that had gone"
            return None
        ended = [p for p in self.elders + [self.process] if not p.running()]
        if not ended:
            if time.monotonic() > self.resolve_by and not any(p.stopped for p in self.elders):
                raise Failure(f"{', '.join(p.name for p in self.living())} run under one name for {self.CONTEST_LIMIT} s\n"
                              + "".join(f"  {p.name}\n{p.tail()}" for p in self.living()))
            return None
        told = []
        # Killed, or asked to leave, after the other one had given way to it.
        removed = any(p.may_end is not None and p.may_end != {5} for p in ended)
        for process in ended:
            if process.may_end is None and process.popen.returncode == 5:
                process.may_end = {5}
                told.append(f"{process.name} gave way")
        living = self.living()
        self.elders = living[:-1]
        if living:
            self.process = living[-1]
        elif told and self.due is None:
            if not removed:
                raise Failure(f"all that ran under one name gave way: {', '.join(told)}\n"
                              + "".join(f"  {p.name}\n{p.tail()}" for p in ended))
            self.due = time.monotonic()  # gave way to one that was then killed or left
        if len(living) == 1 and told and not removed:
            living[0].contested = False
        elif len(living) == 1:
            # What was killed or left while it joined stays in the group until its session ends: a rival to all that
            # can be seen.
            self.ghost_until = time.monotonic() + self.GHOST_LIMIT
        return ", ".join(told) or None
