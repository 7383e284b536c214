"""Matrix products: thin float32 matrices by register tiles (`tiles.py`); all others in pieces, by BLAS.

For BLAS, the result is cut along its longest axis into pieces that depend on the shapes alone, and each piece is a
single-threaded BLAS call: the same bits for any number of threads, where BLAS itself cuts by their number. Of a small
product of long vectors, such as the gradient of a weight, the sums are cut instead.

Why it is fast. BLAS copies both factors into the order that its loop wants. So a piece must be so large that the
arithmetic outweighs the copy of what all pieces share. With pieces of 64 columns, a layer of 512 -> 1000 features took
1.4 times as long as in one piece; with 256 columns, 1.05 times.
"""

import math

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import GRAIN, over_chunks
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.machine.threads import parallel_for
from tinynet.kernels.matmul import tiles
from tinynet.kernels.matmul.finish import finish_of

SMALL, SMALL_VECTOR = 1 << 18, 1 << 13       # multiplications that BLAS does on one thread anyway
PIECE = 1 << 24                              # multiplications in a piece at least, some 120 us
PIECES = 16                                  # at most
THIN = 1024                                  # if all axes are longer, BLAS is faster than the tiles
ROWS, STEP = 128, 64                         # rows or columns in a piece at least, and what their number divides by


def matmul(a, b):
    if a.dtype.kind != "f":                  # no BLAS for integers
        return np.matmul(a, b)
    if a.ndim > 2 and b.ndim == 2:           # one tall product instead of many
        rows = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
        return matmul(rows, b).reshape(*a.shape[:-1], b.shape[-1])
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = (*stack, a.shape[-2], b.shape[-1])
    if _is_small(a, b):
        return np.matmul(a, b)
    if _is_thin(a, b):
        return _tiled(a, b)
    a, b = _for_blas(a), _for_blas(b)
    if a.ndim == b.ndim == 2 and max(shape) <= 2 * ROWS:
        return _by_terms(a, b)
    y = np.empty(shape, a.dtype)
    axis, grain = _cut(shape, math.prod(shape) * a.shape[-1])

    def piece(start, stop):
        part = slice(start, stop)
        left = a if axis == -1 else _take(a, axis, part)
        right = b if axis == -2 else _take(b, axis, part)
        np.matmul(left, right, out=_take(y, axis, part))

    parallel_for(piece, shape[axis], grain, blas=True)
    return y


def add_product(a, b, out):
    """out += a b, for matrices; `out` (M, N) has rows without gaps."""
    if _is_thin(a, b) and out.dtype == np.float32:
        return _tiled(a, b, out=out)
    return np.add(out, matmul(a, b), out=out)


def finished_product(a, b, bias, norm, relu, residual):
    """relu(norm(a b + bias) + residual) in one pass (see finish.py); None where the tiles do not take this product."""
    if not _is_thin(a, b) or b.shape[1] % LANES:
        return None
    return _tiled(a, b, bias, finish=finish_of(norm, relu, residual, b.shape[1]))


def linear(x, w, b):
    if _is_thin(x, w.T):
        return _tiled(x, w.T, b)
    y = matmul(x, w.T)
    if b is None:
        return y
    if y.size <= GRAIN:
        y += b
    else:
        over_chunks(add_to_rows, (y,), b, grain=-(-GRAIN // y.shape[1]))
    return y


def _is_thin(a, b):
    """Whether the register tiles take this product of two matrices: in float32, not small, and short in some axis."""
    return (bool(LANES) and a.ndim == b.ndim == 2 and a.dtype == b.dtype == np.float32 and not _is_small(a, b)
            and min(*a.shape, b.shape[1]) <= THIN)


def _tiled(a, b, bias=None, **options):
    return tiles.product(_for_blas(a), _for_blas(b), bias, **options)


def _by_terms(a, b):
    """The product as a sum of products: of some columns of a with the same rows of b."""
    terms = a.shape[1]
    pieces = min(_pieces(a.shape[0] * terms * b.shape[1]), max(1, terms // ROWS))
    grain = -(-terms // pieces)
    parts = np.empty((-(-terms // grain), a.shape[0], b.shape[1]), a.dtype)
    parallel_for(lambda start, stop: np.matmul(a[:, start:stop], b[start:stop], out=parts[start // grain]),
                 terms, grain, blas=True)
    return parts.sum(0) if len(parts) > 1 else parts[0]


@jit
def add_to_rows(y, b):
    for n in range(len(y)):
        for i in range(b.size):
            y[n, i] += b[i]


def _is_small(a, b):
    vector = min(a.shape[-2], b.shape[-1]) == 1
    work = a.shape[-2] * a.shape[-1] * b.shape[-1]
    return a.ndim == b.ndim == 2 and work <= (SMALL_VECTOR if vector else SMALL)


def _cut(shape, work):
    """The axis to cut, counted from the end, and how many of its items a piece has."""
    longest, pieces = shape.index(max(shape)), _pieces(work)
    grain = max(-(-shape[longest] // pieces), 1)
    axis = longest - len(shape)
    return axis, max(-(-grain // STEP) * STEP, ROWS) if axis >= -2 else grain


def _pieces(work):
    """One, or two as soon as they are worth a second thread; more only where each becomes still larger."""
    return 1 if work < 2 * PIECE else min(max(work // (2 * PIECE), 2), PIECES)


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
