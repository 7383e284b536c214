"""Pooling in compiled loops, image by image. The innermost loop runs over the channels, which lie side by side.

Why it is fast. That loop is SIMD. Everything else in it is addresses: the loops index whole arrays and cut no slices,
because to make a slice and let it go (a reference count, each time) costs more than the arithmetic on 64 channels.
"""

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import over_chunks
from tinynet.kernels.machine.layout import empty, nhwc
from tinynet.kernels.machine.threads import images_in_chunk
from tinynet.kernels.machine.vector_math import full_width
from tinynet.kernels.pool.spec import max_pool_size


def max_pool2d(x, window, stride, padding, dilation=(1, 1), ceil_mode=False):
    size = max_pool_size(x.shape, window, stride, padding, dilation, ceil_mode)
    y, indices = empty((*x.shape[:2], *size), x.dtype), empty((*x.shape[:2], *size), np.int32)
    over_images(max_images, (x, y, indices), window, stride, padding, dilation)
    return y, indices


def max_pool2d_backward(dy, indices, shape):
    dx = empty(shape, dy.dtype)
    over_images(scatter_images, (dx, dy, indices))
    return dx


def mean_pool2d(x, rows, columns, divisor):
    y = empty((*x.shape[:2], *divisor.shape), x.dtype)
    over_images(mean_images, (x, y), rows, columns, divisor)
    return y


def mean_pool2d_backward(dy, shape, rows, columns, divisor):
    dx = empty(shape, dy.dtype)
    over_images(spread_images, (dx, dy), rows, columns, divisor)
    return dx


def over_images(loop, arrays, *options):
    """loop(part, ..., *options) for chunks of images of the arrays (N, C, H, W), which it gets as (N, H, W, C)."""
    over_chunks(loop, [nhwc(a) for a in arrays], *options, grain=images_in_chunk(arrays[0]))


@jit
def max_images(x, y, where, window, stride, padding, dilation):
    full_width()
    images, h, w, channels = x.shape
    for n in range(images):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                seen = False
                for r in range(window[0]):
                    i = p * stride[0] - padding[0] + r * dilation[0]
                    for s in range(window[1]):
                        j = q * stride[1] - padding[1] + s * dilation[1]
                        if 0 <= i < h and 0 <= j < w:
                            place = np.int32(i * w + j)
                            for c in range(channels):      # each on its own, without a branch: a vector loop
                                v, best = x[n, i, j, c], y[n, p, q, c]
                                better = (not seen) | (v > best) | (v != v)
                                y[n, p, q, c] = v if better else best
                                where[n, p, q, c] = place if better else where[n, p, q, c]
                            seen = True
                if not seen:
                    y[n, p, q] = -np.inf
                    where[n, p, q] = -1


@jit
def scatter_images(dx, dy, where):
    """Adds each dy to the place in dx where its maximum was."""
    images, h, w, channels = dx.shape
    for n in range(images):
        down = dx[n].reshape(h * w, channels)
        down[:] = 0
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                for c in range(channels):
                    if where[n, p, q, c] >= 0:
                        down[where[n, p, q, c], c] += dy[n, p, q, c]


@jit
def mean_images(x, y, rows, columns, divisor):
    full_width()
    for n in range(len(x)):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                y[n, p, q] = 0
                for i in range(rows[0, p], rows[1, p]):
                    for j in range(columns[0, q], columns[1, q]):
                        for c in range(x.shape[3]):
                            y[n, p, q, c] += x[n, i, j, c]
                factor = x.dtype.type(1 / divisor[p, q])
                for c in range(x.shape[3]):
                    y[n, p, q, c] *= factor


@jit
def spread_images(dx, dy, rows, columns, divisor):
    """Adds each dy, divided, to every element of its window in dx."""
    full_width()
    for n in range(len(dx)):
        dx[n] = 0
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                factor = dx.dtype.type(1 / divisor[p, q])
                for i in range(rows[0, p], rows[1, p]):
                    for j in range(columns[0, q], columns[1, q]):
                        for c in range(dx.shape[3]):
                            dx[n, i, j, c] += dy[n, p, q, c] * factor
