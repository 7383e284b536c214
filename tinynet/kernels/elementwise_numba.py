"""The same in one pass over memory, on all threads.

Elements need no order here: arrays of equal strides are walked as flat memory. Where NumPy's own loop is as
good as a compiled one, it does the work, chunk by chunk; arrays of unlike memory go to the NumPy twin.
"""

import numpy as np

from tinynet.kernels import elementwise
from tinynet.kernels.compile import jit
from tinynet.kernels.layout import channels_last, is_channels_last
from tinynet.kernels.threads import parallel_for

VECTORIZE = {"reassoc", "contract", "nsz", "arcp"}   # all of fastmath but "there are no NaNs and infinities"
GRAIN = 1 << 15                                      # values in a chunk: a few of them fit the cache


def relu(x, out=None):
    return _in_chunks(elementwise.relu.numpy, out, x)


def relu_backward(dy, y):
    if not _alike(dy, y):
        return elementwise.relu_backward.numpy(dy, y)
    return _in_chunks(masked, None, dy, y)


def add(x, y, out=None):
    return _in_chunks(elementwise.add.numpy, out, x, y)


def add_relu(x, y, out=None):
    return _in_chunks(elementwise.add_relu.numpy, out, x, y)


def channel_sum(x):
    flat, channels = channels_last(x).ravel("K"), x.shape[1]
    grain = channels * max(1, max(GRAIN, x.size // 32) // channels)
    sums = np.zeros((-(-x.size // grain), channels))

    def part(start, stop):
        add_up(flat[start:stop], sums[start // grain])

    parallel_for(part, x.size, grain)
    return sums.sum(0).astype(x.dtype)


def sgd_update(p, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    if not _alike(p, g, g if buffer is None else buffer):
        return elementwise.sgd_update.numpy(p, g, buffer, lr, momentum, dampening, weight_decay, nesterov)
    flat_p, flat_g = p.ravel("K"), g.ravel("K")
    flat_buffer = np.empty(0, p.dtype) if buffer is None else buffer.ravel("K")
    sgd(flat_p, flat_g, flat_buffer, lr, momentum, dampening, weight_decay, bool(nesterov))


def _in_chunks(work, out, *arrays):
    """work(*arrays, out), on pieces of flat memory where all have the same order in memory."""
    out = np.empty_like(arrays[0]) if out is None else out
    if not _alike(out, *arrays):
        work(*arrays, out)
        return out
    flat = [a.ravel("K") for a in (*arrays, out)]
    if out.size <= GRAIN:
        work(*flat)
    else:
        parallel_for(lambda start, stop: work(*[a[start:stop] for a in flat]), out.size, GRAIN)
    return out


def _alike(*arrays):
    """Whether flat views of the arrays (`ravel("K")`, for memory without gaps) match element by element."""
    first, *others = arrays
    for a in others:
        if a.strides != first.strides or a.shape != first.shape or a.dtype != first.dtype:
            return False
    return first.flags.forc or is_channels_last(first)


@jit
def masked(dy, y, dx):
    zero = dx.dtype.type(0)
    for i in range(dx.size):
        dx[i] = zero if y[i] <= zero else dy[i]


@jit(fastmath=VECTORIZE)
def add_up(x, sums):
    """Rows of whole pixels, some 256 values, are added up place by place (see `norm_loops.py`)."""
    channels = sums.size
    row = np.zeros(channels * max(1, 256 // channels), x.dtype)
    for start in range(0, x.size, row.size):
        values = x[start:start + row.size]
        for i in range(values.size):
            row[i] += values[i]
    for i in range(row.size):
        sums[i % channels] += row[i]


@jit(fastmath=VECTORIZE)
def sgd(p, g, buffer, lr, momentum, dampening, weight_decay, nesterov):
    kind = p.dtype.type
    rate, decay, keep, take = kind(lr), kind(weight_decay), kind(momentum), kind(1 - dampening)
    straight, ahead = (kind(1), keep) if nesterov else (kind(0), kind(1))
    if buffer.size == 0:
        for i in range(p.size):
            p[i] -= rate * (g[i] + decay * p[i])
    else:
        for i in range(p.size):
            d = g[i] + decay * p[i]
            buffer[i] = keep * buffer[i] + take * d
            p[i] -= rate * (straight * d + ahead * buffer[i])
