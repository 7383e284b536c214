"""Threads: the one mechanism by which kernels use more than one core.

A kernel cuts its work into chunks that depend on shapes alone, and `parallel_for` hands the chunks to a small pool of
Python threads. The compiled loops and NumPy's matrix multiplication release the GIL, so the threads really run at the
same time. Whatever the number of threads, the same chunks compute the same bits.
"""

import os
import queue
import threading

_workers = []
_tasks = queue.SimpleQueue()
_one_at_a_time = threading.Lock()
_count = None


def get_num_threads():
    """How many threads kernels use: `set_num_threads`, else TINYNET_NUM_THREADS, else the cores this process has."""
    global _count
    if _count is None:
        set_num_threads(int(os.environ.get("TINYNET_NUM_THREADS", 0)) or len(os.sched_getaffinity(0)))
    return _count


def set_num_threads(n):
    """Use `n` threads (an int, at least 1). Results do not depend on it, bit for bit."""
    global _count
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"set_num_threads: expected an integer of at least 1, got {n!r}")
    _count = n


def parallel_for(body, n, grain):
    """Call `body(start, stop)` for consecutive chunks of `grain` items of range(n), on all threads.

    Chunks are taken in order by whichever thread is free; the caller works too. `body` must write only what belongs
    to its own items. Inside, BLAS runs single-threaded. The first exception is raised again in the caller.
    """
    starts = range(0, n, grain)
    helpers = min(get_num_threads(), len(starts)) - 1
    if helpers < 1 or not _one_at_a_time.acquire(blocking=False):
        return _single_threaded_blas(_serial, body, starts, n, grain)
    try:
        return _single_threaded_blas(_shared, body, starts, n, grain, helpers)
    finally:
        _one_at_a_time.release()


def _serial(body, starts, n, grain):
    for start in starts:
        body(start, min(start + grain, n))


def _shared(body, starts, n, grain, helpers):
    while len(_workers) < helpers:
        _workers.append(threading.Thread(target=_work, daemon=True, name="tinynet-worker"))
        _workers[-1].start()
    job = _Job(body, iter(starts), n, grain)
    for _ in range(helpers):
        _tasks.put(job)
    job.run()
    for _ in range(helpers):
        job.finished.get()
    if job.error is not None:
        raise job.error


class _Job:
    """One `parallel_for`: the chunks still to do (taking the next one is atomic), and who has finished."""

    def __init__(self, body, starts, n, grain):
        self.body, self.starts, self.n, self.grain = body, starts, n, grain
        self.finished, self.error = queue.SimpleQueue(), None

    def run(self):
        try:
            for start in self.starts:
                self.body(start, min(start + self.grain, self.n))
        except BaseException as error:
            self.error = error
            for _ in self.starts:      # leave nothing to do for the others
                pass


def _work():
    while True:
        job = _tasks.get()
        job.run()
        job.finished.put(None)
        del job                        # a waiting thread must not keep arrays alive


def _forget_workers():
    """After a fork only the forking thread lives on: start over with an empty pool."""
    global _tasks, _one_at_a_time
    _workers.clear()
    _tasks, _one_at_a_time = queue.SimpleQueue(), threading.Lock()


os.register_at_fork(after_in_child=_forget_workers)


_blas = None


def _single_threaded_blas(call, *args):
    """Run `call(*args)` with every BLAS library at one thread: our chunks are the parallelism."""
    global _blas
    if _blas is None:
        import threadpoolctl
        _blas = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    before = [library.get_num_threads() for library in _blas]
    many = [(library, count) for library, count in zip(_blas, before) if count != 1]
    for library, _ in many:
        library.set_num_threads(1)
    try:
        return call(*args)
    finally:
        for library, count in many:
            library.set_num_threads(count)
