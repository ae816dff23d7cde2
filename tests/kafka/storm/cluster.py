"""The broker as the storms see it: through scripts/kafka and the test suite's own small programs, never through kutils."""
import os
import re
import signal
import subprocess
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


class Trouble(Exception):
    """The test's surroundings failed (not the tool under test)."""


class Cluster:
    def __init__(self, build, directory=None):
        self.helpers = os.path.join(build, "tests")
        self.directory = directory or os.environ.get("KUTILS_KAFKA_DIR")
        self.brokers = os.environ.get("KUTILS_BROKERS")
        self.thaw = -1e9  # monotonic time at which a frozen broker goes on
        if self.directory and os.path.exists(os.path.join(self.directory, "env")):
            with open(os.path.join(self.directory, "env"), encoding="utf-8") as file:
                for line in file:
                    if line.startswith("export KUTILS_BROKERS="):
                        self.brokers = line.split("=", 1)[1].strip()
        if not self.brokers:
            raise Trouble('no broker: eval "$(scripts/kafka start)" first')
        self.env = dict(os.environ, KUTILS_BROKERS=self.brokers)

    def helper(self, name, *args, limit=60):
        """Runs test_topics or stream_check; its stdout. Asks again while brokers are being killed under it."""
        end = time.monotonic() + limit
        while True:
            done = subprocess.run([os.path.join(self.helpers, name), *map(str, args)], env=self.env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if done.returncode == 0:
                return done.stdout
            if time.monotonic() > end:
                raise Trouble(f"{name} {' '.join(map(str, args))}: {done.stderr.strip()}")
            time.sleep(0.2)

    def create(self, topic, partitions, *config):
        self.helper("test_topics", "create", topic, partitions, *config, limit=0)

    def delete(self, *topics):
        for topic in topics:
            subprocess.run([os.path.join(self.helpers, "test_topics"), "delete", topic], env=self.env,
                           stderr=subprocess.DEVNULL, check=False)

    def ends(self, topic):
        """High watermarks, by partition."""
        return {int(p): int(high) for p, _, high in
                (line.split() for line in self.helper("test_topics", "ends", topic).splitlines())}

    def count(self, topic):
        """Its committed records."""
        done = subprocess.run(["kcat", "-C", "-q", "-e", "-u", "-b", self.brokers, "-t", topic, "-o", "beginning",
                               "-X", "isolation.level=read_committed", "-f", "%o\n"], stdout=subprocess.PIPE, check=True)
        return done.stdout.count(b"\n")

    def open_transactions(self, topic):
        """The partitions whose end is held up by an open transaction."""
        rows = (map(int, line.split()) for line in self.helper("test_topics", "stable", topic).splitlines())
        return [partition for partition, stable, high in rows if stable < high]

    def committed(self, group, topic):
        """The group's committed offsets, by partition; 0 where there is none."""
        offsets = {}
        for line in self.helper("test_topics", "committed", group, topic).splitlines():
            words = line.split(" ")
            if not re.match(r"\d+ (-|\d+)( |$)", line):
                continue  # the metadata goes on
            offsets[int(words[0])] = 0 if words[1] == "-" else int(words[1])
        return offsets

    def fill(self, topic, count, first=0, rate=None, more=()):
        """Starts stream_check fill; the caller waits for it."""
        args = [os.path.join(self.helpers, "stream_check"), "fill", topic, str(count), "--first", str(first),
                *map(str, more)]
        if rate:
            args += ["--rate", str(rate)]
        return subprocess.Popen(args, env=self.env, stderr=subprocess.PIPE, text=True)

    def broker(self, verb, node):
        """verb: kill or restart, of a node of our own cluster (scripts/kafka --dir). The caller waits for it."""
        return subprocess.Popen([os.path.join(ROOT, "scripts", "kafka"), "--dir", self.directory, verb, str(node)],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def pid(self, node=1):
        with open(os.path.join(self.directory, f"node{node}", "pid"), encoding="utf-8") as file:
            return int(file.read())

    def go_on(self):
        """A frozen broker, before its time."""
        self.thaw = min(self.thaw, time.monotonic())
        os.kill(self.pid(), signal.SIGCONT)

    def freeze(self, seconds):
        """SIGSTOP of the first broker's JVM, now; SIGCONT later, by a process that outlives this one."""
        pid = self.pid()
        os.kill(pid, signal.SIGSTOP)
        self.thaw = time.monotonic() + seconds
        subprocess.Popen(["sh", "-c", 'sleep "$0"; kill -CONT "$1"', f"{seconds:.3f}", str(pid)], start_new_session=True)

    def frozen(self, lately=0):
        """It is, or was within the last so many seconds."""
        return time.monotonic() < self.thaw + lately

    def nodes(self):
        count = 1
        while self.directory and os.path.isdir(os.path.join(self.directory, f"node{count}")):
            count += 1
        return count - 1
