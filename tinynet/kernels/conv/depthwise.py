"""Depthwise convolution: every channel has a kernel of its own, so that there are no sums over channels.

Why it is fast. There is little arithmetic for each value, so everything depends on long plain loops. The rows of an
image are first copied with zeros at both ends; with stride t, a row becomes t rows of every t-th pixel. Then the pixels
that one tap meets in a row lie side by side, as the outputs do. A tap is thus one multiplication of two runs of memory,
whatever stride, padding and dilation are. It is done some 256 values at a time (`machine/flat.py`), with weights that
are repeated to that length.
"""

import numpy as np

from tinynet.kernels.conv.grid import images_in_group
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import VECTORIZE, row_length
from tinynet.kernels.machine.threads import parallel_for


def forward(x, w, y, geometry):
    """y (N, P, Q, C) of x (N, H, W, C) with w (C, 1, R, S)."""
    taps, steps = _taps(w), tuple(geometry[:3])
    parallel_for(lambda n, _: forward_image(x[n], taps, y[n], steps), len(x), 1)


def backward_input(dx, w, dy, geometry):
    """dx (N, H, W, C) of dy (N, P, Q, C)."""
    taps, steps = _taps(w), tuple(geometry[:3])
    parallel_for(lambda n, _: backward_image(dx[n], taps, dy[n], steps), len(dx), 1)


def backward_weight(x, dy, w_shape, geometry):
    """dw (R, S, 1, C): partial sums over a fixed number of groups of images, added in order."""
    c, _, r, s = w_shape
    grain, steps = images_in_group(len(x)), tuple(geometry[:3])
    partial = np.zeros((-(-len(x) // grain), r, s, c), x.dtype)

    def body(start, stop):
        for n in range(start, stop):
            weight_image(x[n], partial[start // grain], dy[n], steps)
    parallel_for(body, len(x), grain)
    return partial.sum(axis=0)[:, :, None]


def _taps(w):
    return np.ascontiguousarray(w.transpose(2, 3, 1, 0)[:, :, 0])                       # (R, S, C)


@jit
def row_of(x_shape, columns, s, stride, dilation):
    """The shape of the split rows of x (H, W, C): (H, stride, pixels that a tap meets and more, C)."""
    return x_shape[0], stride, columns + (s - 1) * dilation // stride, x_shape[2]


@jit
def split(x, left, rows):
    """x (H, W, C) into rows (H, stride, U, C): pixel u·stride + j - left of a row becomes pixel u of part j."""
    h, stride, pixels, c = rows.shape
    for line in range(h):
        for j in range(stride):
            for u in range(pixels):
                pixel, column = rows[line, j, u], u * stride + j - left
                source = x[line, min(max(0, column), x.shape[1] - 1)]
                inside = 0 <= column < x.shape[1]
                for k in range(c):
                    pixel[k] = source[k] if inside else 0


@jit
def run_from(flat_rows, line, offset, c):
    """The pixels of a line (of split rows, each flat) that a tap meets which stands `offset` pixels into its window."""
    stride = flat_rows.shape[1]
    return flat_rows[line, offset % stride][offset // stride * c:]


@jit
def repeat(w, weights):
    """Weights (R, S, C), each repeated along the last axis of `weights`, (R, S or more, length)."""
    r, s, c = w.shape
    for i in range(r):
        for j in range(s):
            for k in range(weights.shape[2]):
                weights[i, j, k] = w[i, j, k % c]


@jit(fastmath=VECTORIZE)
def forward_image(x, w, y, steps):
    """y (P, Q, C) of one image x (H, W, C) with w (R, S, C); steps = (stride, padding, dilation), all pairs.

    Three taps of a kernel row are taken at once, because y has to be read and written again each time. What is missing
    to a multiple of three is the last tap again, with weight 0.
    """
    (stride_h, stride_w), (top, left), (dilation_h, dilation_w) = steps
    (h, _, c), (r, s, _), length = x.shape, w.shape, row_length(x.shape[2])
    rows = np.empty(row_of(x.shape, y.shape[1], s, stride_w, dilation_w), x.dtype)
    split(x, left, rows)
    flat_rows, weights = rows.reshape(h, stride_w, -1), np.zeros((r, s + 2, length), x.dtype)
    repeat(w, weights)
    for p in range(len(y)):
        out = y[p].reshape(-1)
        out[:] = 0
        for i in range(r):
            line = p * stride_h + i * dilation_h - top
            for j in range(0, s if 0 <= line < h else 0, 3):
                o1, o2, o3 = j * dilation_w, min(j + 1, s - 1) * dilation_w, min(j + 2, s - 1) * dilation_w
                values1 = run_from(flat_rows, line, o1, c)
                values2 = run_from(flat_rows, line, o2, c)
                values3 = run_from(flat_rows, line, o3, c)
                w1, w2, w3 = weights[i, j], weights[i, j + 1], weights[i, j + 2]
                for start in range(0, out.size, length):
                    part, x1 = out[start:start + length], values1[start:start + length]
                    x2, x3 = values2[start:start + length], values3[start:start + length]
                    for k in range(part.size):
                        part[k] += x1[k] * w1[k] + x2[k] * w2[k] + x3[k] * w3[k]


@jit(fastmath=VECTORIZE)
def backward_image(dx, w, dy, steps):
    """dx (H, W, C) of one image from dy (P, Q, C): each product goes back to where its value came from."""
    (stride_h, stride_w), (top, left), (dilation_h, dilation_w) = steps
    (h, width, c), (r, s, _), length = dx.shape, w.shape, row_length(dx.shape[2])
    rows = np.zeros(row_of(dx.shape, dy.shape[1], s, stride_w, dilation_w), dx.dtype)
    flat_rows, weights = rows.reshape(h, stride_w, -1), np.empty((r, s, length), dx.dtype)
    repeat(w, weights)
    for p in range(len(dy)):
        up = dy[p].reshape(-1)
        for tap in range(r * s):
            i, offset = tap // s, tap % s * dilation_w
            line, weight = p * stride_h + i * dilation_h - top, weights[i, tap % s]
            if 0 <= line < h:
                down = run_from(flat_rows, line, offset, c)
                for start in range(0, up.size, length):
                    part, seen = up[start:start + length], down[start:start + length]
                    for k in range(part.size):
                        seen[k] += part[k] * weight[k]
    for line in range(h):
        for column in range(width):
            u, j = (column + left) // stride_w, (column + left) % stride_w
            pixel, source, met = dx[line, column], rows[line, j, min(u, rows.shape[2] - 1)], u < rows.shape[2]
            for k in range(c):
                pixel[k] = source[k] if met else 0


@jit(fastmath=VECTORIZE)
def weight_image(x, dw, dy, steps):
    """Adds to dw (R, S, C) what one image x (H, W, C) with dy (P, Q, C) gives."""
    (stride_h, stride_w), (top, left), (dilation_h, dilation_w) = steps
    (h, _, c), (r, s, _), length = x.shape, dw.shape, row_length(x.shape[2])
    rows = np.empty(row_of(x.shape, dy.shape[1], s, stride_w, dilation_w), x.dtype)
    split(x, left, rows)
    flat_rows, sums = rows.reshape(h, stride_w, -1), np.zeros((r, s, length), x.dtype)
    for p in range(len(dy)):
        up = dy[p].reshape(-1)
        for tap in range(r * s):
            i, offset = tap // s, tap % s * dilation_w
            line, total = p * stride_h + i * dilation_h - top, sums[i, tap % s]
            if 0 <= line < h:
                values = run_from(flat_rows, line, offset, c)
                for start in range(0, up.size, length):
                    part, seen = up[start:start + length], values[start:start + length]
                    for k in range(part.size):
                        total[k] += part[k] * seen[k]
    for tap in range(r * s):
        for k in range(length):
            dw[tap // s, tap % s, k % c] += sums[tap // s, tap % s, k]
