"""Threads: the one mechanism by which kernels use more than one core.

A kernel cuts its work into chunks that depend on shapes alone. `on_all_threads` has a small pool of threads run one
compiled loop, which takes the chunks by itself. `parallel_for` hands the chunks to the same threads in Python, for
bodies that call NumPy. Compiled loops and NumPy's matrix multiplication release the GIL, so the threads really run at
the same time. Whatever the number of threads, the same chunks compute the same bits.
"""

import os
import threading

from tinynet.kernels.machine import blas as blas_threads
from tinynet.kernels.machine import cores

_count = None                          # threads in use, the caller's own included
_chosen = False                        # whether `set_num_threads` has said so
_pool = None
_pool_in_use = threading.Lock()


def get_num_threads():
    """How many threads kernels use.

    That is what `set_num_threads` said, else TINYNET_NUM_THREADS, else OMP_NUM_THREADS, else the number of cores that
    the process may use, which several processes of one run share (`tinynet.distributed`).
    """
    global _count
    if _count is None:
        _count = _from_environment() or cores.count()
    return _count


def set_num_threads(n):
    """Use `n` threads (an int, at least 1; ValueError otherwise). Results do not depend on it, bit for bit."""
    global _count, _chosen
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"set_num_threads: expected an integer of at least 1, got {n!r}")
    _count, _chosen = n, True


def share_cores(n):
    """Use `n` threads (at least 1) where neither `set_num_threads` nor the environment has said how many."""
    global _count
    if not _chosen and _from_environment() is None:
        _count = n


def _from_environment():
    """The number that the environment asks for, or None. ValueError for a wrong TINYNET_NUM_THREADS alone."""
    own, others = os.environ.get("TINYNET_NUM_THREADS"), os.environ.get("OMP_NUM_THREADS", "")
    if own:
        if not own.strip().isdecimal() or int(own) < 1:
            raise ValueError(f"TINYNET_NUM_THREADS: expected an integer of at least 1, got {own!r}")
        return int(own)
    outermost = others.partition(",")[0].strip()       # OpenMP takes a list, one number for each level of nesting
    return int(outermost) or None if outermost.isdecimal() else None


def parallel_for(body, n, grain, blas=False):
    """Call `body(start, stop)` for consecutive chunks of `grain` items of range(n), on all threads.

    Chunks are taken in order by whichever thread is free; the caller works too. `body` must write only what belongs
    to its own items. Where it multiplies matrices, `blas` has it do so on a single thread. The first exception is
    raised again in the caller.
    """
    starts = iter(range(0, n, grain))  # taking the next one is atomic

    def work():
        try:
            for start in starts:
                body(start, min(start + grain, n))
        except BaseException:
            for _ in starts:           # leave nothing to do for the others
                pass
            raise

    def work_with_blas():
        blas_threads.on_one_thread(work)

    chosen, size = work_with_blas if blas else work, team_for(-(-n // grain))
    _on_threads(size, chosen, lambda pool: pool.run(chosen, size - 1))


def images_in_chunk(x):
    """How many images of x (N, ...) make some 64K values, a chunk that is worth a thread's while."""
    return max(1, (1 << 16) // max(1, x[:1].size))


def team_for(chunks):
    """How many threads work on so many chunks: no more than there are, or chunks."""
    return max(1, min(get_num_threads(), chunks))


def on_all_threads(loop, size, *args):
    """Run the compiled `loop(team, *args)` once on every thread of a team of that size, at the same time.

    The loop is a `shared` one (share.py). By the team's counters its threads take their chunks, see `chunks.py`.
    """
    ended_well = _on_threads(size, lambda: loop(0, 0, 0, *args), lambda pool: pool.share(loop, size - 1, args))
    if not ended_well:
        raise MemoryError(f"{loop.__name__}: not enough memory")


def _on_threads(size, alone, together):
    """What `together(pool)` returns if nobody else has the helpers, or what `alone()` returns."""
    # A kernel inside a kernel works alone, and so does a kernel that finds the pool at work for another Python thread.
    # If another thread takes the pool between this test and `with`, then `with` waits for it. A lock must be taken by
    # `with`: in every other way, Ctrl-C could come between taking the lock and the `try` that releases it. And nothing
    # returns from inside of it: the way out of such a block is no longer protected.
    if size == 1 or _pool_in_use.locked():
        return alone()
    with _pool_in_use:
        result = together(_the_pool())
    return result


def _the_pool():
    global _pool
    if _pool is None:
        from tinynet.kernels.machine.pool import Pool          # late: it needs Numba
        _pool = Pool()
    return _pool


def _after_fork():
    """Only the forking thread lives on in the child process: start over with an empty pool."""
    global _pool, _pool_in_use
    _pool, _pool_in_use = None, threading.Lock()
    blas_threads.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
