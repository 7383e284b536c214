"""Chunks that compiled loops take by themselves, while they run on several threads at once.

If Python hands out a chunk, that costs some ten microseconds, and the threads queue for the GIL. Here all threads are
in the same compiled loop (`share.py`), which takes the number of its next chunk from a counter in memory, with one
atomic instruction. A second counter shows how many chunks are done. So a kernel can go on with what needs all results,
for example from the statistics of a batch to its normalisation, without a return to Python.
"""

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.spin import await_all, increase
from tinynet.kernels.machine.team import ALONE, APART

CHUNKS = 8                             # of a kernel's work: enough of them to keep a few cores evenly busy
SERIAL_WORK = 4e6                      # multiply-adds that are not worth a second thread
BYTES = 8 * APART                      # from one counter to the next


@jit(cache=False)                      # Numba cannot load a generator from disk; its callers contain it
def chunks(team, phase, count):
    """Yields each number of range(count) to one of the threads; ends when the work on all chunks is done.

    `team` is a pair of integers (see `team.py`), `phase` 0, 1 or 2: the counters of a loop over chunks. The body of the
    loop does the work of a chunk.
    """
    counters, _ = team                 # the counter before them shows whether a thread of the team has failed
    if counters == ALONE:
        for chunk in range(count):
            yield chunk
        return
    taken = counters + 2 * phase * BYTES
    done = taken + BYTES
    chunk = increase(taken)
    while chunk < count:
        yield chunk
        increase(done)
        chunk = increase(taken)
    await_all(done, count, counters - BYTES)
