"""Pooling in compiled loops, image by image; the innermost runs over the channels, which lie side by side."""

import numpy as np

from tinynet.kernels.compile import jit
from tinynet.kernels.layout import channels_last, empty
from tinynet.kernels.pool import max_pool_size
from tinynet.kernels.threads import parallel_for


def max_pool2d(x, window, stride, padding, dilation=(1, 1), ceil_mode=False):
    size = max_pool_size(x.shape, window, stride, padding, dilation, ceil_mode)
    y, indices = empty((*x.shape[:2], *size), x.dtype), empty((*x.shape[:2], *size), np.int32)
    images, out, where = _nhwc(x), _nhwc(y), _nhwc(indices)

    def part(start, stop):
        max_images(images[start:stop], window, stride, padding, dilation, out[start:stop], where[start:stop])

    parallel_for(part, len(x), _grain(x))
    return y, indices


def max_pool2d_backward(dy, indices, shape):
    dx = empty(shape, dy.dtype)
    ups, where, downs = _nhwc(dy), _nhwc(indices), _nhwc(dx)

    def part(start, stop):
        downs[start:stop] = 0
        scatter_images(ups[start:stop], where[start:stop], downs[start:stop])

    parallel_for(part, len(dx), _grain(dx))
    return dx


def mean_pool2d(x, rows, columns, divisor):
    y = empty((*x.shape[:2], *divisor.shape), x.dtype)
    images, out = _nhwc(x), _nhwc(y)

    def part(start, stop):
        mean_images(images[start:stop], rows, columns, divisor, out[start:stop])

    parallel_for(part, len(x), _grain(x))
    return y


def mean_pool2d_backward(dy, shape, rows, columns, divisor):
    dx = empty(shape, dy.dtype)
    ups, downs = _nhwc(dy), _nhwc(dx)

    def part(start, stop):
        downs[start:stop] = 0
        spread_images(ups[start:stop], rows, columns, divisor, downs[start:stop])

    parallel_for(part, len(dx), _grain(dx))
    return dx


def subsample_pad(x, stride, channels, before):
    n, _, h, w = x.shape
    y = empty((n, channels, -(-h // stride), -(-w // stride)), x.dtype)
    images, out = _nhwc(x), _nhwc(y)
    parallel_for(lambda start, stop: take_pixels(images[start:stop], stride, before, out[start:stop]), n, _grain(x))
    return y


def subsample_pad_backward(dy, shape, stride, before):
    dx = empty(shape, dy.dtype)
    ups, downs = _nhwc(dy), _nhwc(dx)
    parallel_for(lambda start, stop: put_pixels(ups[start:stop], stride, before, downs[start:stop]),
                 len(dx), _grain(dx))
    return dx


def _nhwc(x):
    return channels_last(x).transpose(0, 2, 3, 1)


def _grain(x):
    """Images in a chunk: some 64K values, so that small inputs stay in one."""
    return max(1, (1 << 16) // max(1, x[:1].size))


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
    """`dx` comes as zeros."""
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
                share = x.dtype.type(1 / divisor[p, q])
                for c in range(total.size):
                    total[c] *= share


@jit
def spread_images(dy, rows, columns, divisor, dx):
    """`dx` comes as zeros."""
    for n in range(len(dx)):
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                up, share = dy[n, p, q], dx.dtype.type(1 / divisor[p, q])
                for i in range(rows[0, p], rows[1, p]):
                    for j in range(columns[0, q], columns[1, q]):
                        v = dx[n, i, j]
                        for c in range(v.size):
                            v[c] += up[c] * share


@jit
def take_pixels(x, stride, before, y):
    after = before + x.shape[3]
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                pixel, out = x[n, p * stride, q * stride], y[n, p, q]
                out[:before], out[after:] = 0, 0
                for c in range(pixel.size):
                    out[before + c] = pixel[c]


@jit
def put_pixels(dy, stride, before, dx):
    dx[:] = 0
    for n in range(dy.shape[0]):
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                up, down = dy[n, p, q], dx[n, p * stride, q * stride]
                for c in range(down.size):
                    down[c] = up[before + c]
