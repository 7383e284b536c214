"""Sums over axes in one pass over memory.

Why it is fast. In memory, whatever the shape says, an array mostly is (outer, summed, inner): what is kept, what goes,
what is kept. Where inner is long, a row of sums stays in the first-level cache while rows of values are added to it,
inner neighbours at a time; where it is 1, the values themselves are neighbours. Both are SIMD, with sums in float64,
where NumPy adds an axis of eight values eight by eight.
"""

import math

import numpy as np

from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import GRAIN, VECTORIZE, grain_of
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.machine.vector_math import full_width
from tinynet.kernels.reduce import spec

FEW = 1 << 17                          # elements that one thread adds before others have begun
PIECES = 32                            # of a sum, at most: one long sum has work for many threads


def total(x, axes):
    if x.size < GRAIN // 4:
        return spec.total.numpy(x, axes)
    order = sorted(range(x.ndim), key=lambda a: -x.strides[a])             # of the axes in memory
    view, places = x.transpose(order), [i for i, a in enumerate(order) if a in axes]
    together = places and places[-1] - places[0] == len(places) - 1
    if not together or not view.flags.c_contiguous:
        return spec.total.numpy(x, axes)
    kept = [a for a in order if a not in axes]
    outer, inner = (math.prod(view.shape[part]) for part in (slice(places[0]), slice(places[-1] + 1, None)))
    sums = _sums(view.reshape(outer, -1, inner)).reshape([x.shape[a] for a in kept])
    return sums.transpose([kept.index(a) for a in sorted(kept)])


def all_finite(x):
    if x.size > FEW:
        return bool(np.isfinite(total(x, tuple(range(x.ndim)))))
    return sum_is_finite(x.ravel("K"))


@jit(fastmath=VECTORIZE)
def sum_is_finite(x):
    full_width()
    whole = x.dtype.type(0)
    for i in range(x.size):
        whole += x[i]
    return math.isfinite(whole)


def _sums(rows):
    """(outer, summed, inner) -> (outer, inner). Long sums are taken in pieces, which are added in the end."""
    outer, summed, inner = rows.shape
    pieces = min(max(1, rows.size // outer // GRAIN), PIECES, summed)
    step = -(-summed // pieces)
    pieces = -(-summed // step)
    sums = np.zeros((outer, pieces, inner))
    grain = max(1, grain_of(rows.size) // max(1, step * inner))
    on_all_threads(add_row_chunks, team_for(-(-outer * pieces // grain)), rows, step, grain, sums)
    return sums.sum(1) if pieces > 1 else sums[:, 0]


@shared
def add_row_chunks(team, rows, step, grain, sums):
    """All pieces, `grain` of them in a chunk."""
    pieces = sums.shape[0] * sums.shape[1]
    for i in chunks(team, 0, -(-pieces // grain)):
        add_rows(rows, step, i * grain, min(pieces, (i + 1) * grain), sums)


@jit(fastmath=VECTORIZE)
def add_rows(rows, step, start, stop, sums):
    """The sums of those pieces, `step` rows each, whose numbers are from `start` to `stop`."""
    full_width()
    pieces = sums.shape[1]
    for number in range(start, stop):
        o, piece = number // pieces, number % pieces
        first, last = piece * step, min((piece + 1) * step, rows.shape[1])
        if rows.shape[2] == 1:
            whole = 0.0
            for i in range(first, last):
                whole += rows[o, i, 0]
            sums[o, piece, 0] = whole
        else:
            for i in range(first, last - 1, 2):                            # two at once: half as many loads of sums
                for c in range(rows.shape[2]):
                    sums[o, piece, c] += np.float64(rows[o, i, c]) + np.float64(rows[o, i + 1, c])
            if (last - first) % 2:
                for c in range(rows.shape[2]):
                    sums[o, piece, c] += rows[o, last - 1, c]
