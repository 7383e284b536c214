"""Pooling in compiled loops, image by image. The innermost loop runs over the channels, which lie side by side."""

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.layout import empty, nhwc
from tinynet.kernels.pool.spec import max_pool_size
from tinynet.kernels.machine.threads import images_in_chunk, parallel_for


def max_pool2d(x, window, stride, padding, dilation=(1, 1), ceil_mode=False):
    size = max_pool_size(x.shape, window, stride, padding, dilation, ceil_mode)
    y, indices = empty((*x.shape[:2], *size), x.dtype), empty((*x.shape[:2], *size), np.int32)
    images, out, where = nhwc(x), nhwc(y), nhwc(indices)

    def part(start, stop):
        max_images(images[start:stop], window, stride, padding, dilation, out[start:stop], where[start:stop])

    parallel_for(part, len(x), images_in_chunk(x))
    return y, indices


def max_pool2d_backward(dy, indices, shape):
    dx = empty(shape, dy.dtype)
    ups, where, downs = nhwc(dy), nhwc(indices), nhwc(dx)

    def part(start, stop):
        downs[start:stop] = 0
        scatter_images(ups[start:stop], where[start:stop], downs[start:stop])

    parallel_for(part, len(dx), images_in_chunk(dx))
    return dx


def mean_pool2d(x, rows, columns, divisor):
    y = empty((*x.shape[:2], *divisor.shape), x.dtype)
    images, out = nhwc(x), nhwc(y)

    def part(start, stop):
        mean_images(images[start:stop], rows, columns, divisor, out[start:stop])

    parallel_for(part, len(x), images_in_chunk(x))
    return y


def mean_pool2d_backward(dy, shape, rows, columns, divisor):
    dx = empty(shape, dy.dtype)
    ups, downs = nhwc(dy), nhwc(dx)

    def part(start, stop):
        downs[start:stop] = 0
        spread_images(ups[start:stop], rows, columns, divisor, downs[start:stop])

    parallel_for(part, len(dx), images_in_chunk(dx))
    return dx


@jit
def max_images(x, window, stride, padding, dilation, y, where):
    images, h, w, channels = x.shape
    for n in range(images):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                best, at = y[n, p, q], where[n, p, q]
                best[:] = -np.inf
                at[:] = -1
                for r in range(window[0]):
                    i = p * stride[0] - padding[0] + r * dilation[0]
                    for s in range(window[1]):
                        j = q * stride[1] - padding[1] + s * dilation[1]
                        if 0 <= i < h and 0 <= j < w:
                            take_larger(x[n, i, j], np.int32(i * w + j), best, at)


@jit
def take_larger(v, index, best, at):
    """Every channel on its own, without a branch: a vector loop."""
    for c in range(v.size):
        better = (v[c] > best[c]) | (v[c] != v[c]) | (at[c] < 0)
        best[c] = v[c] if better else best[c]
        at[c] = index if better else at[c]


@jit
def scatter_images(dy, where, dx):
    """Adds each dy to the place in dx where its maximum was; dx holds zeros before."""
    images, h, w, channels = dx.shape
    for n in range(images):
        down = dx[n].reshape(h * w, channels)
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                up, at = dy[n, p, q], where[n, p, q]
                for c in range(channels):
                    if at[c] >= 0:
                        down[at[c], c] += up[c]


@jit
def mean_images(x, rows, columns, divisor, y):
    for n in range(len(x)):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                total = y[n, p, q]
                total[:] = 0
                for i in range(rows[0, p], rows[1, p]):
                    for j in range(columns[0, q], columns[1, q]):
                        v = x[n, i, j]
                        for c in range(total.size):
                            total[c] += v[c]
                factor = x.dtype.type(1 / divisor[p, q])
                for c in range(total.size):
                    total[c] *= factor


@jit
def spread_images(dy, rows, columns, divisor, dx):
    """Adds each dy, divided, to every element of its window in dx; dx holds zeros before."""
    for n in range(len(dx)):
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                up, factor = dy[n, p, q], dx.dtype.type(1 / divisor[p, q])
                for i in range(rows[0, p], rows[1, p]):
                    for j in range(columns[0, q], columns[1, q]):
                        v = dx[n, i, j]
                        for c in range(v.size):
                            v[c] += up[c] * factor
