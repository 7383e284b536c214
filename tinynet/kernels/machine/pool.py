"""The pool: threads that wait for jobs, and help the thread that has one."""

import collections
import threading

import numpy as np

from tinynet.kernels.machine.share import FINISHED, LATEST, PLACES, serve, tell_finished
from tinynet.kernels.machine.spin import LONG_GRACE, look, pause, put, watch
from tinynet.kernels.machine.team import APART


class Job:
    """What several threads call at the same time in Python, and the first exception of any.

    A helper that comes late finds the job closed and does nothing. `close` waits for the helpers that are at work. It
    may be called twice, because Ctrl-C can come at any moment.
    """

    def __init__(self, work, helpers):
        self.work, self.error = work, None
        self.lock, self.wanted, self.helpers, self.closed = threading.Lock(), helpers, 0, False
        self.idle = threading.Lock()   # held while there are helpers

    def enter(self):
        """Whether a helper may still begin."""
        with self.lock:
            if self.closed or self.wanted == 0:
                return False
            self.wanted -= 1
            self.helpers += 1
            if self.helpers == 1:
                self.idle.acquire()
            return True

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

    def run(self):
        try:
            self.work()
        except BaseException as error:
            self.error = self.error or error


class Pool:
    """The helpers. They serve the board (see `share.py`) while there are jobs, and sleep after a while without any.

    The number of a job is even if it is a compiled loop. An odd one calls the helpers back to Python, where `job` is.
    """

    def __init__(self):
        self.threads, self.sleepers, self.number, self.job = [], collections.deque(), 0, None
        self.memory = np.zeros(PLACES * APART, np.int64)
        self.board = self.memory.ctypes.data

    def share(self, loop, helpers, args):
        """Run a `shared` loop here and on up to `helpers` threads; returns whether it ended well."""
        helpers = self.hire(helpers)
        self.number += 2
        self.wake()
        return loop(self.board, self.number, helpers, *args)

    def run(self, work, helpers):
        """Call `work()` here and on up to `helpers` threads."""
        helpers = self.hire(helpers)
        self.number += 2
        self.job = job = Job(work, helpers)
        target = look(self.board + FINISHED) + helpers
        try:
            self.wake()
            put(self.board + LATEST, self.number - 1)
            job.run()
            watch(self.board + FINISHED, target)           # so that helpers get the GIL first
        finally:
            try:
                job.close()
            except KeyboardInterrupt:
                job.close()
                raise
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

    def wake(self):
        while self.sleepers:
            self.sleepers.pop().release()

    @np.errstate(all="ignore")         # NaN and infinity are results like any other, here as in the caller
    def help(self):
        bell, seen = threading.Lock(), 0
        bell.acquire()
        while True:
            before, seen = seen, serve(self.board, seen)
            if seen % 2 == 1 and seen != before:
                pause(self.board + LATEST, LONG_GRACE)     # until the thread that has the job gives the GIL away
                self.help_in_python()
            else:
                self.sleepers.append(bell)
                bell.acquire()

    def help_in_python(self):
        job = self.job
        if job.enter():
            job.run()
            job.leave()
        tell_finished(self.board)
