"""Convolution by im2col, a few rows of one image at a time. It serves every shape, type and dilation.

Why it is fast. The columns of a few image rows are gathered into a buffer that stays in the second-level cache, and
one single-threaded matrix multiplication consumes them at once. The columns of the whole batch, R·S times as large as
the input, never exist. Each thread has its own buffer and its own BLAS call.
"""

import numpy as np

from tinynet.kernels.conv import spec
from tinynet.kernels.conv.grid import images_in_group
from tinynet.kernels.machine import layout
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.threads import parallel_for

COLUMN_BYTES = 512 * 1024
WORK = 1 << 20                         # multiplications that are worth a thread's while, some 50 us


def forward(x, w, y, geometry):
    """y (N, P, Q, K) of x (N, H, W, C) with w (K, C/G, R, S)."""
    (n, p, q, k), groups = y.shape, geometry.groups
    matrices, outputs = _matrices(w, groups), k // groups                               # (G, R·S·C/G, K/G)
    bands, window = _bands(p, q, matrices), _window(w.shape, geometry)

    def body(start, stop):
        columns = _buffer(bands, q, matrices)
        for i in range(start, stop):
            for p0, p1 in bands:
                for g, channels in enumerate(_channels(x, groups)):
                    here = columns[:(p1 - p0) * q]
                    gather(x[i], (p0, p1), q, channels, window, here)
                    target = y[i, p0:p1, :, g * outputs:(g + 1) * outputs]              # (rows, Q, K/G)
                    if groups == 1:
                        np.matmul(here, matrices[g], out=target.reshape(-1, k))         # (rows·Q, K)
                    else:
                        target[...] = (here @ matrices[g]).reshape(target.shape)
    parallel_for(body, n, _images_in_chunk(y, w), blas=True)


def backward_input(dx, w, dy, geometry):
    """dx (N, H, W, C) of dy (N, P, Q, K)."""
    (n, p, q, k), groups = dy.shape, geometry.groups
    matrices, outputs = _matrices(w, groups), k // groups                               # (G, R·S·C/G, K/G)
    bands, window = _bands(p, q, matrices), _window(w.shape, geometry)

    def body(start, stop):
        columns = _buffer(bands, q, matrices)
        for i in range(start, stop):
            dx[i] = 0
            for p0, p1 in bands:
                for g, channels in enumerate(_channels(dx, groups)):
                    here = columns[:(p1 - p0) * q]
                    source = dy[i, p0:p1, :, g * outputs:(g + 1) * outputs]
                    np.matmul(source.reshape(-1, outputs), matrices[g].T, out=here)     # (rows·Q, R·S·C/G)
                    scatter(dx[i], (p0, p1), q, channels, window, here)
    parallel_for(body, n, _images_in_chunk(dy, w), blas=True)


def backward_weight(x, dy, w_shape, geometry):
    """dw (R, S, C/G, K): partial sums over a fixed number of groups of images, added in order."""
    (n, p, q, k), (_, c, r, s), groups = dy.shape, w_shape, geometry.groups
    outputs, grain = k // groups, images_in_group(n)
    partial = np.zeros((-(-n // grain), groups, r * s * c, outputs), x.dtype)
    bands, window = _bands(p, q, partial), _window(w_shape, geometry)

    def body(start, stop):
        columns = _buffer(bands, q, partial)
        for i in range(start, stop):
            for p0, p1 in bands:
                for g, channels in enumerate(_channels(x, groups)):
                    here = columns[:(p1 - p0) * q]
                    gather(x[i], (p0, p1), q, channels, window, here)
                    source = dy[i, p0:p1, :, g * outputs:(g + 1) * outputs].reshape(-1, outputs)
                    partial[start // grain, g] += here.T @ source                       # (R·S·C/G, K/G)
    parallel_for(body, n, grain, blas=True)
    dw = partial.sum(axis=0).transpose(1, 0, 2).reshape(r, s, c, k)                     # (R·S·C/G, G, K/G)
    return np.ascontiguousarray(dw)


def im2col(x, kernel, stride, padding, dilation):
    n, c, h, w = x.shape
    p, q = spec.out_size((h, w), kernel, stride, padding, dilation)
    images, columns = layout.nhwc(x), np.empty((n, c, *kernel, p * q), x.dtype)

    def body(start, stop):
        for i in range(start, stop):
            pixels = np.empty((p * q, kernel[0] * kernel[1] * c), x.dtype)
            gather(images[i], (0, p), q, (0, c), (kernel, stride, padding, dilation), pixels)
            columns[i] = pixels.reshape(p * q, *kernel, c).transpose(3, 1, 2, 0)        # (C, R, S, P·Q)
    parallel_for(body, n, 1)
    return columns.reshape(n, c * kernel[0] * kernel[1], p * q)                         # (N, C·R·S, P·Q)


def col2im(columns, size, kernel, stride, padding, dilation):
    n, taps = columns.shape[0], kernel[0] * kernel[1]
    c, (p, q) = columns.shape[1] // taps, spec.out_size(size, kernel, stride, padding, dilation)
    x = layout.empty((n, c, *size), columns.dtype)
    images = layout.nhwc(x)                                                             # (N, H, W, C)

    def body(start, stop):
        for i in range(start, stop):
            images[i] = 0
            pixels = columns[i].reshape(c, taps, p * q).transpose(2, 1, 0)              # (P·Q, R·S, C)
            pixels = np.ascontiguousarray(pixels).reshape(p * q, -1)                    # (P·Q, R·S·C)
            scatter(images[i], (0, p), q, (0, c), (kernel, stride, padding, dilation), pixels)
    parallel_for(body, n, 1)
    return x


def _images_in_chunk(y, w):
    """How many images (N, P, Q, K) of a convolution with w (K, C/G, R, S) are enough work for a thread."""
    return max(1, WORK // max(1, y[:1].size * w[:1].size))


def _matrices(w, groups):
    """Weights as matrices (G, R·S·C/G, K/G)."""
    k, c, r, s = w.shape
    matrices = w.transpose(2, 3, 1, 0).reshape(r * s * c, groups, k // groups)          # (R·S·C/G, G, K/G)
    return np.ascontiguousarray(matrices.transpose(1, 0, 2))


def _bands(p, q, matrices):
    """Ranges of the P output rows of an image. The columns of each range fit the cache."""
    row_bytes = q * matrices.shape[-2] * matrices.itemsize
    rows = max(1, COLUMN_BYTES // max(1, row_bytes))
    return [(start, min(p, start + rows)) for start in range(0, p, rows)]


def _buffer(bands, q, matrices):
    """Room for the columns of one band, (rows·Q, R·S·C/G)."""
    return np.empty((bands[0][1] * q, matrices.shape[-2]), matrices.dtype)


def _channels(x, groups):
    """(first, how many) channels of x (N, H, W, C) for each group."""
    c = x.shape[3] // groups
    return [(g * c, c) for g in range(groups)]


def _window(w_shape, geometry):
    return w_shape[2:], geometry.stride, geometry.padding, geometry.dilation


@jit
def outputs_that_see(start, stride, size, count):
    """Those of `count` outputs, first..last, for which start + stride·output lies within 0..size."""
    return max(0, -(start // stride)), min(count, (size - 1 - start) // stride + 1)


@jit
def gather(x, rows, q, channels, window, columns):
    """The windows of some output rows, Q pixels each, and channels of an image x (H, W, C), as (rows·Q, R·S·c).

    `rows` = (first, end), `channels` = (first, how many), `window` = (kernel, stride, padding, dilation), all pairs.
    """
    (c0, c), ((r, s), stride, padding, dilation) = channels, window
    columns[:] = 0
    for row in range(rows[0], rows[1]):
        for tap in range(r * s):
            y = row * stride[0] + tap // s * dilation[0] - padding[0]
            start = tap % s * dilation[1] - padding[1]
            first, last = outputs_that_see(start, stride[1], x.shape[1], q)
            for column in range(first, last if 0 <= y < x.shape[0] else first):
                out, pixel = columns[(row - rows[0]) * q + column], x[y, column * stride[1] + start]
                for channel in range(c):
                    out[tap * c + channel] = pixel[c0 + channel]


@jit
def scatter(x, rows, q, channels, window, columns):
    """The adjoint of `gather`: adds each column to the window that it came from."""
    (c0, c), ((r, s), stride, padding, dilation) = channels, window
    for row in range(rows[0], rows[1]):
        for tap in range(r * s):
            y = row * stride[0] + tap // s * dilation[0] - padding[0]
            start = tap % s * dilation[1] - padding[1]
            first, last = outputs_that_see(start, stride[1], x.shape[1], q)
            for column in range(first, last if 0 <= y < x.shape[0] else first):
                out, pixel = columns[(row - rows[0]) * q + column], x[y, column * stride[1] + start]
                for channel in range(c):
                    pixel[c0 + channel] += out[tap * c + channel]
