"""Matrix products in pieces. The loop inside is BLAS, nothing needs to be compiled here.

The result is cut along its longest axis into pieces that depend on the shapes alone, and each piece is a
single-threaded BLAS call: the same bits for any number of threads, where BLAS itself cuts by their number.
"""

import math

import numpy as np

from tinynet.kernels.machine.threads import parallel_for

SMALL, SMALL_VECTOR = 1 << 18, 1 << 13       # multiplications that BLAS does on one thread anyway
PIECE = 1 << 22                              # multiplications in a piece at least, some 50 us
PIECES = 16                                  # at most
ROWS = 64                                    # or columns, in a piece at least: BLAS packs the rest each time


def matmul(a, b):
    if a.dtype.kind != "f":                  # no BLAS for integers
        return np.matmul(a, b)
    if a.ndim > 2 and b.ndim == 2:           # one tall product instead of many
        rows = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
        return matmul(rows, b).reshape(*a.shape[:-1], b.shape[-1])
    a, b = _for_blas(a), _for_blas(b)
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = (*stack, a.shape[-2], b.shape[-1])
    if _is_small(a, b):
        return np.matmul(a, b)
    y = np.empty(shape, a.dtype)
    axis, grain = _cut(shape, math.prod(shape) * a.shape[-1])

    def piece(start, stop):
        part = slice(start, stop)
        left = a if axis == -1 else _take(a, axis, part)
        right = b if axis == -2 else _take(b, axis, part)
        np.matmul(left, right, out=_take(y, axis, part))

    parallel_for(piece, shape[axis], grain, blas=True)
    return y


def _is_small(a, b):
    vector = min(a.shape[-2], b.shape[-1]) == 1
    work = a.shape[-2] * a.shape[-1] * b.shape[-1]
    return a.ndim == b.ndim == 2 and work <= (SMALL_VECTOR if vector else SMALL)


def _cut(shape, work):
    """The axis to cut, counted from the end, and how many of its items a piece has."""
    longest = shape.index(max(shape))
    pieces = min(max(work // PIECE, 1), PIECES)
    grain = max(-(-shape[longest] // pieces), 1)
    axis = longest - len(shape)
    return axis, max(grain, ROWS) if axis >= -2 else grain


def _take(x, axis, part):
    """The part of `x` along `axis`; all of it where it is broadcast along that axis."""
    if x.ndim < -axis or x.shape[axis] == 1:
        return x
    return x[(..., part, *[slice(None)] * (-axis - 1))]


def _for_blas(x):
    """`x` with the rows or the columns of its matrices free of gaps, or NumPy would not call BLAS."""
    rows, columns = x.strides[-2:]
    if (columns == x.itemsize and rows >= x.itemsize * x.shape[-1]
            or rows == x.itemsize and columns >= x.itemsize * x.shape[-2]):
        return x
    return np.ascontiguousarray(x)
