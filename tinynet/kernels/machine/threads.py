"""Threads: the one mechanism by which kernels use more than one core.

A kernel cuts its work into chunks that depend on shapes alone. `parallel_for` hands the chunks to a small pool of
Python threads; `share` has the threads run one compiled loop, which takes the chunks by itself. Compiled loops and
NumPy's matrix multiplication release the GIL, so the threads really run at the same time. Whatever the number of
threads, the same chunks compute the same bits.
"""

import os
import queue
import threading

import numpy as np

_count = None                          # threads in use, the caller's own included
_one_at_a_time = threading.Lock()


def get_num_threads():
    """How many threads kernels use: `set_num_threads`, else TINYNET_NUM_THREADS, else the cores this process has."""
    if _count is None:
        set_num_threads(int(os.environ.get("TINYNET_NUM_THREADS", 0)) or _cores())
    return _count


def set_num_threads(n):
    """Use `n` threads (an int, at least 1; ValueError otherwise). Results do not depend on it, bit for bit."""
    global _count
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"set_num_threads: expected an integer of at least 1, got {n!r}")
    _count = n


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_for(body, n, grain, blas=False):
    """Call `body(start, stop)` for consecutive chunks of `grain` items of range(n), on all threads.

    Chunks are taken in order by whichever thread is free; the caller works too. `body` must write only what belongs
    to its own items. Where it multiplies matrices, `blas` has it do so on a single thread. The first exception is
    raised again in the caller.
    """
    starts = iter(range(0, n, grain))  # taking the next one is atomic

    def work(_):
        try:
            for start in starts:
                body(start, min(start + grain, n))
        except BaseException:
            for _ in starts:           # leave nothing to do for the others
                pass
            raise
    libraries = _single_threaded_blas() if blas else ()
    try:
        _on_threads(work, -(-n // grain), ring=True)
    finally:
        for library, threads in libraries:
            library.set_num_threads(threads)


def images_in_chunk(x):
    """How many images of x (N, ...) make some 64K values, a chunk that is worth a thread's while."""
    return max(1, (1 << 16) // max(1, x[:1].size))


def share(work, count):
    """Call `work(team)` once on every thread, at the same time.

    It is for compiled loops: with the team's counters they take `count` chunks by themselves, see `chunks.py`.
    """
    _on_threads(work, count, ring=False)


def _on_threads(work, chunks, ring):
    """Call `work(team)` here and on as many other threads as there are, and chunks for them."""
    helpers = min(get_num_threads(), chunks) - 1
    if helpers < 1 or not _one_at_a_time.acquire(blocking=False):
        work(NO_TEAM)                  # also when another Python thread is using the pool
    else:
        try:
            _pool.share(work, helpers, ring)
        finally:
            _one_at_a_time.release()


# A team is what threads that work on one job share, five integers: the address of the job's counters (how many chunks
# are taken, how many are done, for each phase), the job's number, the addresses of the pool's two counters: the bell, which
# shows the number of the latest job, and how often helpers finished one; and what the latter comes to in the end (0 on a
# helper, which does not wait for that). Who works alone needs no counters.
ALONE = 0
NO_TEAM = (ALONE, 0, 0, 0, 0)
APART = 16                             # from one counter to the next, in int64s: two cache lines


class _Counters:
    """Four zeros."""

    def __init__(self):
        self.values = np.zeros(4 * APART, np.int64)
        self.address = self.values.ctypes.data


class _Job:
    """What several threads call at the same time, and the first exception of any."""

    def __init__(self, work, number, counters):
        self.work, self.number, self.finished, self.error = work, number, queue.SimpleQueue(), None
        self.counters = counters       # alive as long as anybody works

    def run(self, team):
        try:
            self.work(team)
        except BaseException as error:
            self.error = error


class _Pool:
    """Threads that wait for jobs. They watch the bell for a moment before they sleep: see `spin.py`."""

    def __init__(self):
        self.threads, self.jobs, self.number, self.counters = [], queue.SimpleQueue(), 0, _Counters()
        self.bell, self.finished = self.counters.address, self.counters.address + 8 * APART

    def share(self, work, helpers, ring):
        """Call `work(team)` here and on `helpers` threads. Unless `ring`, the work itself rings the bell."""
        from tinynet.kernels.machine.spin import put, watch
        while len(self.threads) < helpers:
            self.threads.append(threading.Thread(target=self.work, args=[watch], daemon=True, name="tinynet-worker"))
            self.threads[-1].start()
        self.number += 1
        counters, target = _Counters(), int(self.counters.values[APART]) + helpers
        job = _Job(work, self.number, counters)
        for _ in range(helpers):
            self.jobs.put(job)
        if ring:
            put(self.bell, self.number)
        job.run((counters.address, self.number, self.bell, self.finished, target))
        if ring:                       # compiled loops have watched already
            watch(self.finished, target)
        for _ in range(helpers):
            job.finished.get()
        if job.error is not None:
            raise job.error

    def work(self, watch):
        while True:
            job = self.jobs.get()
            job.run((job.counters.address, job.number, self.bell, self.finished, 0))
            job.finished.put(None)
            self.counters.values[APART] += 1
            following = job.number + 1
            del job                    # a waiting thread must not keep arrays alive
            watch(self.bell, following)


_pool = _Pool()


def _after_fork():
    """Only the forking thread lives on in the child: start over with an empty pool."""
    global _pool, _one_at_a_time
    _pool, _one_at_a_time = _Pool(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


_blas = None


def _single_threaded_blas():
    """Set every BLAS library to one thread, for our chunks are the parallelism; returns what to set them back to."""
    global _blas
    if _blas is None:
        import threadpoolctl
        _blas = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    before = [(library, library.get_num_threads()) for library in _blas]
    before = [(library, threads) for library, threads in before if threads != 1]
    for library, _ in before:
        library.set_num_threads(1)
    return before
