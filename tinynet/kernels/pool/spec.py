"""Pooling: the maximum or the mean of each window. Sizes and tie rules are PyTorch's."""

import functools
from typing import NamedTuple

import numpy as np

from tinynet.kernels.machine.backend import kernel
from tinynet.kernels.machine.layout import empty


def pool_output_size(size, window, stride, padding, dilation=1, ceil_mode=False):
    """How many windows fit along an axis; in `ceil_mode` the last may stick out, but not start outside."""
    room = size + 2 * padding - dilation * (window - 1) - 1
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return count


def max_pool_size(shape, window, stride, padding, dilation, ceil_mode):
    """(P, Q) of the output for an input of shape (N, C, H, W)."""
    axes = zip(shape[2:], window, stride, padding, dilation)
    return tuple(pool_output_size(*axis, ceil_mode) for axis in axes)


@kernel
def max_pool2d(x, window, stride, padding, dilation=(1, 1), ceil_mode=False):
    """y[p, q] = max over the window of x; returns y and where the maxima are: int32 indices into H·W.

    Of equal values the first wins; NaN beats all (of several, the last), as in PyTorch. A window that
    dilation leaves without any element gives -inf and index -1.
    """
    n, c, h, w = x.shape
    p, q = max_pool_size(x.shape, window, stride, padding, dilation, ceil_mode)
    y, indices = empty((n, c, p, q), x.dtype), empty((n, c, p, q), np.int32)
    y[:], indices[:] = -np.inf, -1
    for r in range(window[0]):
        for s in range(window[1]):
            i = np.arange(p) * stride[0] - padding[0] + r * dilation[0]                   # rows under (r, s)
            j = np.arange(q) * stride[1] - padding[1] + s * dilation[1]
            inside = ((i >= 0) & (i < h))[:, None] & ((j >= 0) & (j < w))                 # (P, Q)
            v = x[:, :, i.clip(0, h - 1)[:, None], j.clip(0, w - 1)]                      # (N, C, P, Q)
            better = inside & ((indices < 0) | (v > y) | np.isnan(v))
            y[better] = v[better]
            indices[better] = np.broadcast_to(i[:, None] * w + j, better.shape)[better]
    return y, indices


@kernel
def max_pool2d_backward(dy, indices, shape):
    """dx: each dy goes to where its maximum was; windows that overlap add up."""
    w = shape[3]
    dx = empty(shape, dy.dtype)
    dx[:] = 0
    image, channel, p, q = np.nonzero(indices >= 0)
    i, j = np.divmod(indices[image, channel, p, q], w)
    np.add.at(dx, (image, channel, i, j), dy[image, channel, p, q])
    return dx


class Geometry(NamedTuple):
    """How the windows of an average pooling lie on the image, and what divides their sums; pairs are (vertical,
    horizontal)."""

    window: tuple
    stride: tuple
    padding: tuple
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None


def avg_pool2d(x, geometry):
    """y[p, q] = Σ of the window / its size. The size may count the padding, but not what `ceil_mode` adds."""
    return mean_pool2d(x, *_windows(x.shape[2:], geometry))


def avg_pool2d_backward(dy, shape, geometry):
    return mean_pool2d_backward(dy, shape, *_windows(shape[2:], geometry))


def adaptive_avg_pool2d(x, output_size):
    """y[p, q] = mean of rows floor(p·H/P) to ceil((p+1)·H/P), and columns likewise."""
    return mean_pool2d(x, *_adaptive_windows(x.shape[2:], output_size))


def adaptive_avg_pool2d_backward(dy, shape):
    return mean_pool2d_backward(dy, shape, *_adaptive_windows(shape[2:], dy.shape[2:]))


@kernel
def mean_pool2d(x, rows, columns, divisor):
    """Any mean: y[p, q] = Σ x[rows[0, p]:rows[1, p], columns[0, q]:columns[1, q]] / divisor[p, q]."""
    y = empty((*x.shape[:2], *divisor.shape), x.dtype)
    for p, (top, bottom) in enumerate(rows.T):
        for q, (left, right) in enumerate(columns.T):
            y[:, :, p, q] = x[:, :, top:bottom, left:right].sum((2, 3)) / divisor[p, q]
    return y


@kernel
def mean_pool2d_backward(dy, shape, rows, columns, divisor):
    """dx: each window's dy / divisor for each of its elements."""
    dx = empty(shape, dy.dtype)
    dx[:] = 0
    for p, (top, bottom) in enumerate(rows.T):
        for q, (left, right) in enumerate(columns.T):
            dx[:, :, top:bottom, left:right] += (dy[:, :, p, q] / divisor[p, q])[:, :, None, None]
    return dx


@functools.lru_cache
def _windows(size, geometry):
    """Borders of the windows, (2, P) and (2, Q), and the divisors (P, Q)."""
    axes = [_borders(*axis, geometry.ceil_mode) for axis in zip(size, *geometry[:3])]
    (rows, padded_height), (columns, padded_width) = axes
    if geometry.divisor_override is not None:
        divisor = np.full((len(padded_height), len(padded_width)), geometry.divisor_override)
    elif geometry.count_include_pad:
        divisor = np.outer(padded_height, padded_width)
    else:
        divisor = np.outer(rows[1] - rows[0], columns[1] - columns[0])
    return rows, columns, divisor


def _borders(size, window, stride, padding, ceil_mode):
    """Where each window starts and ends (2, P) along an axis, and its length before it is cut."""
    first = np.arange(pool_output_size(size, window, stride, padding, 1, ceil_mode)) * stride - padding
    last = np.minimum(first + window, size + padding)
    return np.stack([first.clip(0), last.clip(0, size)]), last - first


@functools.lru_cache
def _adaptive_windows(size, output_size):
    rows, columns = (_adaptive_borders(*axis) for axis in zip(size, output_size))
    return rows, columns, np.outer(rows[1] - rows[0], columns[1] - columns[0])


def _adaptive_borders(size, count):
    p = np.arange(count)
    return np.stack([p * size // count, -(-(p + 1) * size // count)])
