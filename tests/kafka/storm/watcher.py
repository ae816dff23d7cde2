"""When committed records become visible: kcat, read_committed, from now on; each record with the time it was seen."""
import subprocess
import threading
import time

from processes import die_with_parent


class Watcher:
    def __init__(self, cluster, topic):
        self.seen = []  # (monotonic time, partition)
        self.popen = subprocess.Popen(
            ["kcat", "-C", "-q", "-u", "-b", cluster.brokers, "-X", "isolation.level=read_committed", "-X", "fetch.wait.max.ms=50",
             "-t", topic, "-o", "end", "-f", "%p\n"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            preexec_fn=die_with_parent)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.popen.stdout:
            self.seen.append((time.monotonic(), int(line)))

    def first_after(self, start, limit):
        """Seconds from `start` to the first record seen after it; None if none comes within `limit`."""
        at = len(self.seen)
        while at > 0 and self.seen[at - 1][0] > start:
            at -= 1
        while time.monotonic() < start + limit:
            if len(self.seen) > at:
                return self.seen[at][0] - start
            time.sleep(0.002)
        return None

    def quiet(self, seconds):
        """Waits until nothing was seen for so long."""
        while self.seen and time.monotonic() - self.seen[-1][0] < seconds:
            time.sleep(0.02)

    def gaps(self, start, end):
        """By partition: the longest time without a record, and when it began."""
        times = {}
        for at, partition in list(self.seen):
            times.setdefault(partition, [start]).append(min(max(at, start), end))
        return {partition: max((round(b - a, 2), round(a - start, 2)) for a, b in zip(moments, moments[1:] + [end]))
                for partition, moments in sorted(times.items())}

    def longest_gap(self, start, end):
        return max(gap for gap, _ in self.gaps(start, end).values())

    def close(self):
        self.popen.kill()
        self.popen.wait()
        self.thread.join()
