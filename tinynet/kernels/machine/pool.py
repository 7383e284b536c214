"""The pool: Python threads that wait for jobs, and help the thread that has one."""

import queue
import threading

import numpy as np

from tinynet.kernels.machine.spin import put, watch, watch_for_job
from tinynet.kernels.machine.team import APART, Team


class Counters:
    """Four zeros, int64, on cache lines of their own."""

    def __init__(self):
        self.values = np.zeros(4 * APART, np.int64)
        self.address = self.values.ctypes.data

    def clear(self):
        self.values[:] = 0


class Job:
    """What several threads call at the same time, and the first exception of any.

    A helper that comes late finds the job closed and does nothing. `close` waits for the helpers that are at work. It
    may be called twice, because Ctrl-C can come at any moment.
    """

    def __init__(self, work, number, counters):
        self.work, self.number, self.error, self.counters = work, number, None, counters
        self.lock, self.helpers, self.closed = threading.Lock(), 0, False
        self.idle = threading.Lock()   # held while there are helpers

    def enter(self):
        """Whether a helper may still begin."""
        with self.lock:
            if not self.closed:
                self.helpers += 1
                if self.helpers == 1:
                    self.idle.acquire()
            return not self.closed

    def leave(self):
        with self.lock:
            self.helpers -= 1
            if self.helpers == 0:
                self.idle.release()

    def close(self):
        """Let no more helpers begin, and wait until none is at work."""
        with self.lock:
            self.closed = True
        with self.idle:
            self.work = None           # a late helper, or one that sleeps, must not keep arrays alive

    def run(self, team):
        try:
            self.work(tuple(team))
        except BaseException as error:
            self.error = self.error or error


class Pool:
    """The helpers: Python threads. `latest` is the address of a counter with the number of the latest job.

    A helper without work watches that counter for a moment before it sleeps: see `spin.py`. Numbers are even; where
    Python hands out the chunks, the counter shows the odd number after it, and helpers leave the GIL alone for a while.
    """

    def __init__(self):
        self.threads, self.jobs, self.number, self.counters = [], queue.SimpleQueue(), 0, Counters()
        self.latest, self.finished = self.counters.address, self.counters.address + 8 * APART
        self.spare = []                # the counters of a job that is over, for the next one

    def run(self, work, helpers, wake):
        """Call `work(team)` here and on up to `helpers` threads. Unless `wake`, the work itself wakes the helpers."""
        helpers = self.hire(helpers)
        self.number += 2
        job = Job(work, self.number, self.spare.pop() if self.spare else Counters())
        target = int(self.counters.values[APART]) + helpers
        try:
            for _ in range(helpers):
                self.jobs.put(job)
            if wake:
                put(self.latest, self.number + 1)
            job.run(Team(job.counters.address, job.number, self.latest, self.finished, target))
            if wake:                   # compiled loops wait for the helpers themselves
                watch(self.finished, target)
        finally:
            try:
                job.close()
            except KeyboardInterrupt:
                job.close()
                raise
        job.counters.clear()           # not after Ctrl-C, when a helper may still use them
        self.spare.append(job.counters)
        if job.error is not None:
            raise job.error

    def hire(self, helpers):
        """Start threads until there are `helpers`; returns how many there are, fewer if the system refuses."""
        while len(self.threads) < helpers:
            thread = threading.Thread(target=self.help, daemon=True, name="tinynet-worker")
            try:
                thread.start()
            except RuntimeError:
                break
            self.threads.append(thread)
        return min(helpers, len(self.threads))

    @np.errstate(all="ignore")         # NaN and infinity are results like any other, here as in the caller
    def help(self):
        while True:
            job = self.jobs.get()
            if job.enter():
                job.run(Team(job.counters.address, job.number, self.latest, self.finished))
                job.leave()
            self.counters.values[APART] += 1
            following = job.number + 2
            del job                    # a waiting thread must not keep arrays alive
            watch_for_job(self.latest, following)
