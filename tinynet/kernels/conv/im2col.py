"""Convolution by im2col, a few rows of one image at a time. It serves every shape, type and dilation.

Why it is fast. The columns of a few image rows are gathered into a buffer that stays in the second-level cache, and
one single-threaded matrix multiplication consumes them at once. The columns of the whole batch, R·S times as large as
the input, never exist. Each thread has its own buffer and its own BLAS call.
"""

import numpy as np

from tinynet.kernels.conv import spec
from tinynet.kernels.machine import layout
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.threads import parallel_for

COLUMN_BYTES = 512 * 1024


def _bands(p, row_bytes):
    """Row ranges of one image whose columns fit the cache."""
    rows = max(1, COLUMN_BYTES // max(1, row_bytes))
    return [(start, min(p, start + rows)) for start in range(0, p, rows)]


def _matrices(w, groups):
    """Weights as matrices (G, R·S·C/G, K/G)."""
    k, c, r, s = w.shape
    matrices = w.transpose(2, 3, 1, 0).reshape(r * s * c, groups, k // groups)          # (R·S·C/G, G, K/G)
    return np.ascontiguousarray(matrices.transpose(1, 0, 2))


def forward(x, w, y, stride, padding, dilation, groups):
    n, p, q, k = y.shape
    c, (r, s) = x.shape[3] // groups, w.shape[2:]
    matrices, share = _matrices(w, groups), k // groups
    bands = _bands(p, q * r * s * c * x.itemsize)

    def body(start, stop):
        columns = np.empty((bands[0][1] * q, r * s * c), x.dtype)
        for i in range(start, stop):
            for p0, p1 in bands:
                for g in range(groups):
                    here = columns[:(p1 - p0) * q]
                    gather(x[i], p0, p1, q, g * c, c, r, s, *stride, *padding, *dilation, here)
                    target = y[i, p0:p1, :, g * share:(g + 1) * share]                  # (rows, Q, K/G)
                    if groups == 1:
                        np.matmul(here, matrices[g], out=target.reshape(-1, k))         # (rows·Q, K)
                    else:
                        target[...] = (here @ matrices[g]).reshape(target.shape)
    parallel_for(body, n, 1, blas=True)


def backward_input(dy, w, dx, stride, padding, dilation, groups):
    n, p, q, k = dy.shape
    c, (r, s) = dx.shape[3] // groups, w.shape[2:]
    matrices, share = _matrices(w, groups).transpose(0, 2, 1), k // groups              # (G, K/G, R·S·C/G)
    bands = _bands(p, q * r * s * c * dx.itemsize)

    def body(start, stop):
        columns = np.empty((bands[0][1] * q, r * s * c), dx.dtype)
        for i in range(start, stop):
            dx[i] = 0
            for p0, p1 in bands:
                for g in range(groups):
                    here = columns[:(p1 - p0) * q]
                    source = dy[i, p0:p1, :, g * share:(g + 1) * share]
                    np.matmul(source.reshape(-1, share), matrices[g], out=here)         # (rows·Q, R·S·C/G)
                    scatter(dx[i], p0, p1, q, g * c, c, r, s, *stride, *padding, *dilation, here)
    parallel_for(body, n, 1, blas=True)


def backward_weight(x, dy, w_shape, stride, padding, dilation, groups):
    """Partial sums over a fixed number of groups of images, added in order."""
    (n, p, q, k), (_, c, r, s) = dy.shape, w_shape
    share, grain = k // groups, max(1, -(-n // 8))
    bands = _bands(p, q * r * s * c * x.itemsize)
    partial = np.zeros((-(-n // grain), groups, r * s * c, share), x.dtype)

    def body(start, stop):
        columns = np.empty((bands[0][1] * q, r * s * c), x.dtype)
        for i in range(start, stop):
            for p0, p1 in bands:
                for g in range(groups):
                    here = columns[:(p1 - p0) * q]
                    gather(x[i], p0, p1, q, g * c, c, r, s, *stride, *padding, *dilation, here)
                    source = dy[i, p0:p1, :, g * share:(g + 1) * share].reshape(-1, share)
                    partial[start // grain, g] += here.T @ source                       # (R·S·C/G, K/G)
    parallel_for(body, n, grain, blas=True)
    dw = partial.sum(axis=0).transpose(1, 0, 2).reshape(r, s, c, k)                     # (R·S·C/G, G, K/G)
    return np.ascontiguousarray(dw)


@jit
def seen(start, stride, size, count):
    """Those of `count` outputs, first..last, for which start + stride·output lies within 0..size."""
    return max(0, -(start // stride)), min(count, (size - 1 - start) // stride + 1)


@jit
def gather(x, p0, p1, q, c0, c, r, s, stride_h, stride_w, top, left, dilation_h, dilation_w, columns):
    """The windows of output rows p0..p1, channels c0..c0 + c, of an image x (H, W, C), as (rows·Q, R·S·c)."""
    columns[:] = 0
    for row in range(p0, p1):
        for tap in range(r * s):
            y = row * stride_h + tap // s * dilation_h - top
            start = tap % s * dilation_w - left
            first, last = seen(start, stride_w, x.shape[1], q)
            for column in range(first, last if 0 <= y < x.shape[0] else first):
                out, pixel = columns[(row - p0) * q + column], x[y, column * stride_w + start]
                for channel in range(c):
                    out[tap * c + channel] = pixel[c0 + channel]


@jit
def scatter(x, p0, p1, q, c0, c, r, s, stride_h, stride_w, top, left, dilation_h, dilation_w, columns):
    """The adjoint of `gather`: adds each column to the window that it came from."""
    for row in range(p0, p1):
        for tap in range(r * s):
            y = row * stride_h + tap // s * dilation_h - top
            start = tap % s * dilation_w - left
            first, last = seen(start, stride_w, x.shape[1], q)
            for column in range(first, last if 0 <= y < x.shape[0] else first):
                out, pixel = columns[(row - p0) * q + column], x[y, column * stride_w + start]
                for channel in range(c):
                    pixel[c0 + channel] += out[tap * c + channel]


def im2col(x, kernel, stride, padding, dilation):
    n, c, h, w = x.shape
    p, q = spec.out_size((h, w), kernel, stride, padding, dilation)
    images, columns = layout.channels_last(x).transpose(0, 2, 3, 1), np.empty((n, c, *kernel, p * q), x.dtype)

    def body(start, stop):
        for i in range(start, stop):
            pixels = np.empty((p * q, kernel[0] * kernel[1] * c), x.dtype)
            gather(images[i], 0, p, q, 0, c, *kernel, *stride, *padding, *dilation, pixels)
            columns[i] = pixels.reshape(p * q, *kernel, c).transpose(3, 1, 2, 0)        # (C, R, S, P·Q)
    parallel_for(body, n, 1)
    return columns.reshape(n, c * kernel[0] * kernel[1], p * q)                         # (N, C·R·S, P·Q)


def col2im(columns, size, kernel, stride, padding, dilation):
    n, taps = columns.shape[0], kernel[0] * kernel[1]
    c, (p, q) = columns.shape[1] // taps, spec.out_size(size, kernel, stride, padding, dilation)
    x = layout.empty((n, c, *size), columns.dtype)
    images = x.transpose(0, 2, 3, 1)                                                    # (N, H, W, C)

    def body(start, stop):
        for i in range(start, stop):
            images[i] = 0
            pixels = columns[i].reshape(c, taps, p * q).transpose(2, 1, 0)              # (P·Q, R·S, C)
            pixels = np.ascontiguousarray(pixels).reshape(p * q, -1)                    # (P·Q, R·S·C)
            scatter(images[i], 0, p, q, 0, c, *kernel, *stride, *padding, *dilation, pixels)
    parallel_for(body, n, 1)
    return x
