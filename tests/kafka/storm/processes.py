"""Instances of the tool under test: started, killed, stopped, and each end of one judged."""
import ctypes
import os
import signal
import subprocess
import time

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """The tool under test broke a promise."""


class Skip(str):
    """Why something cannot be shown here."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One process. `may_end` is None while it must go on, else the set of exit codes that it may end with."""

    def __init__(self, name, argv, env, directory):
        self.name = name
        self.argv = argv
        self.errors = os.path.join(directory, name + ".err")
        self.may_end = None
        self.end_by = None  # monotonic time; a process that was asked to end and lives on after it hangs
        self.stopped = False
        self.started = time.monotonic()
        with open(self.errors, "wb") as err, open(os.path.join(directory, name + ".out"), "wb") as out:
            self.popen = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          cwd=directory, preexec_fn=die_with_parent)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

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
        self.may_end = {-number, 128 + number}
        self.end_by = time.monotonic() + limit
        self.send(number)

    def superseded(self, limit=60):
        """Another process took its identity: it may find that out and end with 5, and must in the end."""
        self.may_end = {5, -signal.SIGKILL}
        self.end_by = time.monotonic() + limit

    def tail(self, lines=12):
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
    """A place in the group: which state directory and name its processes run under, one after the other."""

    def __init__(self, number, directory, state_dir, instance=None):
        self.number = number
        self.directory = directory
        self.state_dir = state_dir
        self.instance = instance
        self.generation = 0
        self.process = None
        self.due = None  # monotonic time of its next start, while it is down on purpose
        self.wake = None  # monotonic time of its SIGCONT, while it is stopped

    def start(self, argv, env):
        self.generation += 1
        self.due = None
        self.wake = None
        args = list(argv) + ["--state-dir", self.state_dir]
        if self.instance:
            args += ["--instance", self.instance]
        self.process = Process(f"slot{self.number}.{self.generation}", args, env, self.directory)
        return self.process

    def up(self):
        return self.process is not None and self.process.running() and self.process.may_end is None
