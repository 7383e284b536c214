"""Threads: the one mechanism by which kernels use more than one core.

A kernel cuts its work into chunks that depend on shapes alone, and `parallel_for` hands the chunks to a small pool of
Python threads. The compiled loops and NumPy's matrix multiplication release the GIL, so the threads really run at the
same time. Whatever the number of threads, the same chunks compute the same bits.
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
    """Use `n` threads (an int, at least 1). Results do not depend on it, bit for bit."""
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
    job = _Job(body, n, grain)
    helpers = min(get_num_threads(), len(range(0, n, grain))) - 1
    libraries = _single_threaded_blas() if blas else ()
    try:
        if helpers < 1 or not _one_at_a_time.acquire(blocking=False):
            job.run()                  # also when another Python thread is using the pool
        else:
            try:
                _pool.share(job, helpers)
            finally:
                _one_at_a_time.release()
    finally:
        for library, threads in libraries:
            library.set_num_threads(threads)
    if job.error is not None:
        raise job.error


class _Job:
    """One `parallel_for`: the chunks still to do; taking the next one is atomic."""

    def __init__(self, body, n, grain):
        self.body, self.starts, self.n, self.grain = body, iter(range(0, n, grain)), n, grain
        self.finished, self.error = queue.SimpleQueue(), None

    def run(self):
        try:
            for start in self.starts:
                self.body(start, min(start + self.grain, self.n))
        except BaseException as error:
            self.error = error
            for _ in self.starts:      # leave nothing to do for the others
                pass


class _Pool:
    """Threads that wait for jobs. They watch a counter for a moment before they sleep: see `spin.py`."""

    def __init__(self):
        self.threads, self.jobs = [], queue.SimpleQueue()
        self.counters = np.zeros(16, np.int64)             # [0] jobs handed out; [8], a cache line on, jobs finished
        self.handed_out, self.finished = self.counters.ctypes.data, self.counters.ctypes.data + 64

    def share(self, job, helpers):
        """Run the job's chunks here and on `helpers` threads."""
        from tinynet.kernels.spin import watch
        while len(self.threads) < helpers:
            self.threads.append(threading.Thread(target=self.work, args=[watch], daemon=True, name="tinynet-worker"))
            self.threads[-1].start()
        before = int(self.counters[8])
        self.counters[0] += 1          # first: who takes the job must not take this for a later one
        for _ in range(helpers):
            self.jobs.put(job)
        job.run()
        watch(self.finished, before)
        for _ in range(helpers):
            job.finished.get()

    def work(self, watch):
        while True:
            job = self.jobs.get()
            seen = int(self.counters[0])
            job.run()
            job.finished.put(None)
            self.counters[8] += 1
            del job                    # a waiting thread must not keep arrays alive
            watch(self.handed_out, seen)


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
