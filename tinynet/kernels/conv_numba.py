"""Convolution, the fast twin of `conv.py`: which branch serves which shape, and the general branches.

- `direct` (conv_direct.py): register tiles straight from the image. float32, no dilation.
- `matmul`: the weight gradient of a 1x1 kernel of many channels: the pixels are the rows of a matrix already.
- `depthwise` (conv_depthwise.py): one channel per group, nothing is summed over channels.
- `im2col`: everything else. The columns of a few image rows are gathered into a buffer that stays in the
  second-level cache, and one single-threaded matrix multiplication consumes them at once: the whole batch's
  columns, R·S times the input, never exist, and each worker keeps its own buffer and BLAS call.
"""

import numpy as np

from tinynet.kernels import conv as spec
from tinynet.kernels import conv_depthwise, layout
from tinynet.kernels.compile import jit
from tinynet.kernels.elementwise import plus
from tinynet.kernels.matmul_numba import matmul
from tinynet.kernels.simd_lanes import LANES
from tinynet.kernels.threads import parallel_for

BRANCHES = ("direct", "matmul", "depthwise", "im2col")
COLUMN_BYTES = 512 * 1024
MATMUL_CHANNELS = 64         # from here on BLAS outruns the tiles in the weight gradient of a 1x1 kernel


def choose(operation, dtype, channels, w_shape, padding, dilation, groups):
    """The branch for an input of so many channels and weights (K, C/G, R, S)."""
    outputs, _, r, s = w_shape
    if spec.method == "im2col":
        return "im2col"
    if operation == "weight" and r == s == groups == 1 and padding == (0, 0) and spec.method == "auto" \
            and min(channels, outputs) >= MATMUL_CHANNELS:
        return "matmul"
    if groups == channels == outputs > 1:
        return "depthwise"
    if LANES and dtype == np.float32 and dilation == (1, 1):
        return "direct"
    return "im2col"


def conv2d(x, w, stride, padding, dilation, groups, b=None):
    dtype = np.result_type(x, w)
    branch = choose("forward", dtype, x.shape[1], w.shape, padding, dilation, groups)
    if branch == "direct":
        return _direct().conv2d(x, w, b, stride, padding, groups)
    p, q = spec.out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    y = layout.empty((x.shape[0], w.shape[0], p, q), dtype)
    images, outputs = _pixels(x, dtype), _pixels(y, dtype)
    if branch == "depthwise":
        conv_depthwise.forward(images, w, outputs, stride, padding, dilation)
    else:
        _im2col_forward(images, w, outputs, stride, padding, dilation, groups)
    return y if b is None else np.add(y, b[:, None, None], out=y)


def conv2d_backward_input(dy, w, x_shape, stride, padding, dilation, groups, out=None):
    dtype = np.result_type(dy, w)
    branch = choose("input", dtype, x_shape[1], w.shape, padding, dilation, groups)
    if branch == "direct" and (out is None or out.dtype == dtype and layout.is_channels_last(out)):
        return _direct().conv2d_backward_input(dy, w, x_shape, stride, padding, groups, out)
    if out is not None:
        return plus(out, conv2d_backward_input(dy, w, x_shape, stride, padding, dilation, groups), out)
    dx = layout.empty(x_shape, dtype)
    pixels, outputs = _pixels(dx, dtype), _pixels(dy, dtype)
    if branch == "depthwise":
        conv_depthwise.backward_input(pixels, w, outputs, stride, padding, dilation)
    else:
        _im2col_backward_input(outputs, w, pixels, stride, padding, dilation, groups)
    return dx


def conv2d_backward_weight(x, dy, w_shape, stride, padding, dilation, groups):
    dtype = np.result_type(x, dy)
    branch = choose("weight", dtype, x.shape[1], w_shape, padding, dilation, groups)
    if branch == "direct":
        return _direct().conv2d_backward_weight(x, dy, w_shape, stride, padding, groups)
    images, outputs = _pixels(x, dtype), _pixels(dy, dtype)
    if branch == "matmul":
        dw = _matmul_backward_weight(images, outputs, stride)
    elif branch == "depthwise":
        dw = conv_depthwise.backward_weight(images, outputs, w_shape, stride, padding, dilation)
    else:
        dw = _im2col_backward_weight(images, outputs, w_shape, stride, padding, dilation, groups)
    return dw.transpose(3, 2, 0, 1)                                       # (K, C/G, R, S)


def _direct():
    from tinynet.kernels import conv_direct      # late: without explicit SIMD it cannot even be imported
    return conv_direct


def _pixels(x, dtype):
    return layout.channels_last(x.astype(dtype, copy=False)).transpose(0, 2, 3, 1)     # (N, H, W, C)


# ---------------------------------------------------------------------------------------------------- matmul

def _matmul_backward_weight(x, dy, stride):
    """xᵀ · dy over all pixels that the kernel saw, (1, 1, C, K).

    Many pixels: partial sums of groups of images, added in order. A large result: pieces of it at a time.
    """
    x = x[:, ::stride[0], ::stride[1]]
    if dy[..., 0].size < x.shape[3] * dy.shape[3]:
        return matmul(x.reshape(-1, x.shape[3]).T, dy.reshape(-1, dy.shape[3]))[None, None]
    grain = max(1, -(-len(x) // 8))
    partial = np.empty((-(-len(x) // grain), x.shape[3], dy.shape[3]), x.dtype)

    def body(start, stop):
        seen, rows = x[start:stop].reshape(-1, x.shape[3]), dy[start:stop].reshape(-1, dy.shape[3])
        np.matmul(seen.T, rows, out=partial[start // grain])                            # (C, K)
    parallel_for(body, len(x), grain, blas=True)
    return partial.sum(axis=0)[None, None]


# ---------------------------------------------------------------------------------------------------- im2col

def _bands(p, row_bytes):
    """Row ranges of one image whose columns fit the cache."""
    rows = max(1, COLUMN_BYTES // max(1, row_bytes))
    return [(start, min(p, start + rows)) for start in range(0, p, rows)]


def _matrices(w, groups):
    """Weights as matrices (G, R·S·C/G, K/G)."""
    k, c, r, s = w.shape
    matrices = w.transpose(2, 3, 1, 0).reshape(r * s * c, groups, k // groups)          # (R·S·C/G, G, K/G)
    return np.ascontiguousarray(matrices.transpose(1, 0, 2))


def _im2col_forward(x, w, y, stride, padding, dilation, groups):
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


def _im2col_backward_input(dy, w, dx, stride, padding, dilation, groups):
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


def _im2col_backward_weight(x, dy, w_shape, stride, padding, dilation, groups):
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
    images, columns = _pixels(x, x.dtype), np.empty((n, c, *kernel, p * q), x.dtype)

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
