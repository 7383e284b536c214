"""Flat memory: arrays of one memory order, treated as runs of values without regard to their shape.

Of channels-last arrays such a run is pixels, C values each. Loops over it take *rows*, a whole number of pixels and
some 256 values long: with 16 channels, a loop over the channels of one pixel would end before it has begun.
"""

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.threads import get_num_threads, parallel_for

GRAIN = 1 << 15                                      # values in a chunk at least
ROW = 256
VECTORIZE = {"reassoc", "contract", "nsz", "arcp"}   # all of fastmath but "there are no NaNs and infinities"


@jit
def row_length(channels):
    """A whole number of pixels: just under `ROW` values, or else one pixel."""
    return channels * max(1, ROW // channels)


def over_memory(work, *arrays, grain=GRAIN):
    """work(chunk, part, ...) for every chunk of `grain` values of the arrays' memory, on all threads.

    `chunk` is the number of the chunk, a part is flat and belongs to one of the arrays. All arrays must lie in memory
    in the same order, without gaps.
    """
    flat = [a.ravel("K") for a in arrays]

    def body(start, stop):
        work(start // grain, *[a[start:stop] for a in flat])
    parallel_for(body, flat[0].size, grain)


def each(loop, *arrays):
    """loop(part, ...) on chunks of memory; returns the last array, the result, whose memory order all others get."""
    out = arrays[-1]
    arrays = [matched(a, out).ravel("K") for a in arrays]
    if out.size <= GRAIN:
        loop(*arrays)
    else:
        parallel_for(lambda start, stop: loop(*[a[start:stop] for a in arrays]), out.size, share_of(out.size))
    return out


def grain_of(size):
    """Values in a chunk: 16 chunks, but each worth a thread's while."""
    return max(2 * GRAIN, -(-size // 16))


def share_of(size):
    """Values in a chunk, where no result depends on how the work is cut: two chunks for each thread.

    Between two chunks a thread goes through Python, and may have to wait for the GIL.
    """
    return max(2 * GRAIN, -(-size // (2 * get_num_threads())))


def matched(array, like):
    """`array` in the memory order of `like`: itself, or a copy."""
    if array.strides == like.strides or array.flags.c_contiguous and like.flags.c_contiguous:
        return array
    copied = np.empty_like(like, dtype=array.dtype)
    copied[...] = array
    return copied
