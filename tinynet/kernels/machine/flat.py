"""Flat memory: arrays of one memory order, treated as runs of values without regard to their shape.

Of channels-last arrays such a run is pixels, C values each. Loops over it take *rows*, a whole number of pixels and
some 256 values long: with 16 channels, a loop over the channels of one pixel would end before it has begun.
"""

import functools

import numpy as np

from tinynet.kernels.machine.buffers import items
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.threads import on_all_threads, team_for

GRAIN = 1 << 15                                      # values in a chunk at least
ROW = 256
VECTORIZE = {"reassoc", "contract", "nsz", "arcp"}   # all of fastmath but "there are no NaNs and infinities"


@jit
def row_length(channels):
    """A whole number of pixels: just under `ROW` values, or else one pixel."""
    return channels * max(1, ROW // channels)


def each(loop, *arrays):
    """loop(part, ...) on chunks of memory; returns the last array, the result, whose memory order all others get."""
    out = arrays[-1]
    over_chunks(loop, [matched(a, out).ravel("K") for a in arrays])
    return out


def over_chunks(loop, arrays, *options, grain=GRAIN):
    """The compiled `loop(part, ..., *options)` for all chunks, `grain` items of equally long arrays, on all threads."""
    on_all_threads(on_chunks(loop), team_for(-(-len(arrays[0]) // grain)), grain, tuple(arrays), options)


@functools.cache
def on_chunks(loop):
    """The shared loop (team, grain, arrays, options) of `over_chunks`."""
    def whole(team, grain, arrays, options):
        for i in chunks(team, 0, -(-len(arrays[0]) // grain)):
            loop(*items(arrays, slice(i * grain, (i + 1) * grain)), *options)
    whole.__module__, whole.__name__, whole.__qualname__ = loop.__module__, loop.__name__, f"{loop.__qualname__}.whole"
    return shared(whole)


def grain_of(size):
    """Values in a chunk: 16 chunks, but each worth a thread's while."""
    return max(2 * GRAIN, -(-size // 16))


def matched(array, like):
    """`array` in the memory order of `like`: itself, or a copy."""
    if array.strides == like.strides or array.flags.c_contiguous and like.flags.c_contiguous:
        return array
    copied = np.empty_like(like, dtype=array.dtype)
    copied[...] = array
    return copied
