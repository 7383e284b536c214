"""Chunks that compiled loops take by themselves, while they run on several threads at once.

A chunk from Python's hands costs some ten microseconds, and the GIL, for which the threads then queue. Here every
thread calls the compiled loop once (`threads.on_all_threads`), and the loop takes the number of its next chunk from a counter
in memory, by one atomic instruction. A second counter tells when all chunks are done, so that a kernel can go on with
what needs their results, say from the statistics of a batch to its normalisation, without a return to Python.
"""

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.spin import await_all, increase, put, watch
from tinynet.kernels.machine.team import ALONE, APART

BYTES = 8 * APART                      # from one counter to the next


@jit(cache=False)                      # Numba cannot bring a generator back from disk; its callers hold it anyway
def chunks(team, phase, count):
    """Yields numbers of range(count), each to one of the threads that ask; ends when the work on all of them is done.

    Phases count down to 0. Between taking and finishing a number, the loop's body does that chunk's work. The bell
    calls the helpers when the GIL is free already, and at the end of all the caller lets them have it first: a thread
    that finds it taken sleeps, and wakes up late. (A team is made of integers alone: what else a generator holds,
    Numba never lets go.)
    """
    counters, number, bell, finished, target = team
    if counters == ALONE:
        for chunk in range(count):
            yield chunk
        return
    put(bell, number)
    taken = counters + 2 * phase * BYTES
    done = taken + BYTES
    chunk = increase(taken)
    while chunk < count:
        yield chunk
        increase(done)
        chunk = increase(taken)
    await_all(done, count)
    if phase == 0 and target:
        watch(finished, target)
