"""The kernels of `spec.py` in one pass over memory, on all threads.

The order of the elements does not matter here. Arrays of equal strides are taken as flat memory; others are left to the
reference implementation.
"""

import numpy as np

from tinynet.kernels.elementwise import spec
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import GRAIN, VECTORIZE, over_chunks, row_length
from tinynet.kernels.machine.layout import channels_last, is_channels_last
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.threads import images_in_chunk, on_all_threads, team_for


def relu(x, out=None):
    return _elementwise(spec.relu.numpy, rectify, out, x)


def relu_backward(dy, y):
    return _elementwise(spec.relu_backward.numpy, masked, None, dy, y)


def add(x, y, out=None):
    return _elementwise(spec.add.numpy, sums_of, out, x, y)


def add_relu(x, y, out=None):
    return _elementwise(spec.add_relu.numpy, rectify_sum, out, x, y)


def channel_sum(x):
    if x.size <= GRAIN:
        return spec.channel_sum.numpy(x)
    x, channels = channels_last(x), x.shape[1]
    grain = channels * max(1, max(GRAIN, x.size // 32) // channels)
    sums = np.zeros((-(-x.size // grain), channels))
    on_all_threads(add_up_chunks, team_for(len(sums)), x.ravel("K"), grain, sums)
    return sums.sum(0).astype(x.dtype)


def in_planes(x):
    if x.flags.c_contiguous or x.ndim != 4 or not is_channels_last(x) or x.size <= GRAIN:
        return spec.in_planes.numpy(x)
    y = np.empty(x.shape, x.dtype)
    n, channels, *_ = x.shape
    images, planes = x.transpose(0, 2, 3, 1).reshape(n, -1, channels), y.reshape(n, channels, -1)
    over_chunks(put_in_planes, (images, planes), grain=images_in_chunk(x))
    return y


def sgd_update(p, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    if not _alike(p, g, g if buffer is None else buffer):
        return spec.sgd_update.numpy(p, g, buffer, lr, momentum, dampening, weight_decay, nesterov)
    v = np.empty(0, p.dtype) if buffer is None else buffer.ravel("K")
    over_chunks(sgd, (p.ravel("K"), g.ravel("K"), v), float(lr), float(momentum), float(dampening), float(weight_decay),
                bool(nesterov))


def _elementwise(general, loop, out, *arrays):
    """loop(*arrays, out) on chunks of flat memory; general(*arrays, out) where the arrays differ in memory order."""
    if not _alike(*arrays, arrays[0] if out is None else out):
        return general(*arrays) if out is None else general(*arrays, out)
    out = np.empty_like(arrays[0]) if out is None else out
    over_chunks(loop, [a.ravel("K") for a in (*arrays, out)])
    return out


def _alike(*arrays):
    """Whether flat views of the arrays (`ravel("K")`, for memory without gaps) match element by element."""
    first, *others = arrays
    for a in others:
        if a.strides != first.strides or a.shape != first.shape or a.dtype != first.dtype:
            return False
    return first.flags.forc or first.ndim > 1 and is_channels_last(first) or _is_filter(first)


def _is_filter(x):
    """Whether x has the memory order of a convolution's weights, (R, S, C, K) for the shape (K, C, R, S)."""
    return x.ndim == 4 and x.transpose(2, 3, 1, 0).flags.c_contiguous


@jit
def rectify(x, y):
    zero = x.dtype.type(0)
    for i in range(x.size):
        y[i] = zero if x[i] < zero else x[i]


@jit
def sums_of(a, b, y):
    for i in range(y.size):
        y[i] = a[i] + b[i]


@jit
def rectify_sum(a, b, y):
    zero = y.dtype.type(0)
    for i in range(y.size):
        v = a[i] + b[i]
        y[i] = zero if v < zero else v


@jit
def masked(dy, y, dx):
    """dx = dy, or 0 where ReLU's output y is 0."""
    zero = dx.dtype.type(0)
    for i in range(dx.size):
        dx[i] = zero if y[i] <= zero else dy[i]


@shared
def add_up_chunks(team, x, grain, sums):
    """A row of `sums` for each chunk."""
    for i in chunks(team, 0, len(sums)):
        add_up(x[i * grain:(i + 1) * grain], sums[i])


@jit(fastmath=VECTORIZE)
def add_up(x, sums):
    """Adds to the sums (C,). Rows of whole pixels are added up place by place (see `machine/flat.py`)."""
    channels = sums.size
    row = np.zeros(row_length(channels), x.dtype)
    for start in range(0, x.size, row.size):
        values = x[start:start + row.size]
        for i in range(values.size):
            row[i] += values[i]
    for pixel in range(0, row.size, channels):
        for c in range(channels):
            sums[c] += row[pixel + c]


@jit
def put_in_planes(images, planes):
    """(N, pixels, C) -> (N, C, pixels)."""
    for n in range(len(images)):
        for c in range(images.shape[2]):
            for i in range(images.shape[1]):
                planes[n, c, i] = images[n, i, c]


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
