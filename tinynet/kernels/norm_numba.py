"""Normalisation in compiled loops over channels-last memory; `norm.py` has the formulas.

Memory is a flat run of pixels, C values each. The loops take it in rows of `lanes` values, a whole number of pixels
and some 256 values long: with only 16 channels a loop over the channels of one pixel would end before it has begun.
What belongs to a channel (mean, scale, shift) is tiled to the length of a row, sums are kept lane by lane, and all
that one row touches stays in the first-level cache while the activations stream past, once per pass.
"""

import numpy as np

from tinynet.kernels import norm
from tinynet.kernels.compile import jit
from tinynet.kernels.layout import channels_last
from tinynet.kernels.threads import parallel_for

ROW = 256                                            # values in a row, at least
VECTORIZE = {"reassoc", "contract", "nsz", "arcp"}   # all of fastmath but "there are no NaNs and infinities"
NO_RELU = np.nan                                     # as a floor: neither y < NaN nor y <= NaN ever holds


def batch_norm_train(x, weight, bias, eps, relu=False, residual=None):
    x = channels_last(x)
    mean, var = _statistics(x)
    invstd = 1 / np.sqrt(var + eps)
    return _normalize(x, weight, bias, mean, invstd, relu, residual), mean, var, invstd


def batch_norm_eval(x, weight, bias, mean, var, eps, relu=False, residual=None):
    mean, invstd = mean.astype(np.float64), 1 / np.sqrt(var.astype(np.float64) + eps)
    return _normalize(channels_last(x), weight, bias, mean, invstd, relu, residual)


def batch_norm_backward(dy, x, y, weight, mean, invstd, relu=False, residual=False, training=True):
    x, dy = channels_last(x), channels_last(dy)
    y, floor = (channels_last(y), 0.0) if relu else (x, NO_RELU)
    g = np.empty_like(x) if relu and residual else None        # the masked dy, where somebody wants it
    dbias, dweight = _gradient_sums(dy, y, x, mean, invstd, floor, g)
    m = x.size // mean.size if training else np.inf
    if g is not None:
        dy, y, floor = g, x, NO_RELU
    dx = _gradient(dy, y, x, mean, invstd, _scale(weight, invstd), dbias / m, dweight / m, floor)
    return dx, dweight.astype(x.dtype), dbias.astype(x.dtype), (dy if residual else None)


def _statistics(x):
    """Mean and biased variance of each channel: those of fixed chunks, merged in order."""
    flat, grain = x.ravel("K"), _grain(x)
    chunks, channels = -(-x.size // grain), x.shape[1]
    count, mean, m2 = np.empty(chunks), np.empty((chunks + 1, channels)), np.empty((chunks + 1, channels))

    def part(start, stop):
        i = start // grain
        count[i] = (stop - start) // channels
        moments(flat[start:stop], mean[i], m2[i])

    parallel_for(part, x.size, grain)
    merge(count, mean[:-1], m2[:-1], mean[-1], m2[-1])
    return mean[-1], m2[-1] / (x.size // channels)


def _normalize(x, weight, bias, mean, invstd, relu, residual):
    y = np.empty_like(x)
    flat_x, flat_y = x.ravel("K"), y.ravel("K")
    extra = np.zeros(lanes_of(x.shape[1]), x.dtype) if residual is None else channels_last(residual).ravel("K")
    shift = np.zeros_like(mean) if bias is None else bias
    scale, floor = _scale(weight, invstd), 0.0 if relu else NO_RELU

    def part(start, stop):
        more = extra if residual is None else extra[start:stop]
        affine(flat_x[start:stop], more, residual is not None, flat_y[start:stop], mean, scale, shift, floor)

    parallel_for(part, x.size, _grain(x))
    return y


def _gradient_sums(dy, y, x, mean, invstd, floor, g):
    """Σ g and Σ g·x̂ of each channel; the masked dy itself is left in `g` unless that is None."""
    flat_dy, flat_y, flat_x, grain = dy.ravel("K"), y.ravel("K"), x.ravel("K"), _grain(x)
    flat_g = None if g is None else g.ravel("K")
    sums = np.zeros((-(-x.size // grain), 2, mean.size))

    def part(start, stop):
        masked = np.empty(lanes_of(mean.size), x.dtype) if g is None else flat_g[start:stop]
        gradient_sums(flat_dy[start:stop], flat_y[start:stop], flat_x[start:stop], masked, g is not None,
                      mean, floor, sums[start // grain])

    parallel_for(part, x.size, grain)
    sums = sums.sum(0)
    sums[1] *= invstd
    return sums


def _gradient(dy, y, x, mean, invstd, scale, average, average_x_hat, floor):
    """dx = scale · (g - average - x̂ · average_x_hat)."""
    dx = np.empty_like(x)
    flat_dy, flat_y, flat_x, flat_dx = dy.ravel("K"), y.ravel("K"), x.ravel("K"), dx.ravel("K")
    slope, offset = -scale * invstd * average_x_hat, -scale * average

    def part(start, stop):
        gradient(flat_dy[start:stop], flat_y[start:stop], flat_x[start:stop], flat_dx[start:stop],
                 mean, scale, slope, offset, floor)

    parallel_for(part, x.size, _grain(x))
    return dx


def _scale(weight, invstd):
    return invstd if weight is None else weight * invstd


def _grain(x):
    """Values in a chunk: 32 chunks, each at least some microseconds of work and not far beyond the cache; whole rows."""
    row = lanes_of(x.shape[1])
    return -(-min(max(x.size // 32, 1 << 15), 1 << 18) // row) * row


@jit
def lanes_of(channels):
    """The length of a row: a whole number of pixels, just under `ROW` values or else one pixel."""
    return channels * max(1, ROW // channels)


@jit
def merge(count, means, m2s, mean, m2):
    """Chan, Golub, LeVeque 1979: mean and Σ(x - mean)² (C,) of a whole from those of its parts (parts, C)."""
    mean[:] = 0
    m2[:] = 0
    for part in range(count.size):
        for c in range(mean.size):
            mean[c] += means[part, c] * (count[part] / count.sum())
    for part in range(count.size):
        for c in range(mean.size):
            m2[c] += m2s[part, c] + count[part] * (means[part, c] - mean[c]) ** 2


@jit(fastmath=VECTORIZE)
def moments(x, mean, m2):
    """Mean and Σ(x - mean)² of each channel of a chunk, in one pass.

    Every lane counts from an origin near its mean, the average of each sixteenth row, so that next to nothing
    cancels however large the mean is: (mean - origin)² is at most 16 times the variance. Then the lanes merge.
    """
    pixels, lanes = x.size // mean.size, min(lanes_of(mean.size), x.size)
    origin, first, second = np.zeros(lanes, x.dtype), np.zeros(lanes, x.dtype), np.zeros(lanes, x.dtype)
    sample = range(0, x.size - lanes + 1, 16 * lanes)
    share = x.dtype.type(1 / len(sample))
    for start in sample:
        row = x[start:start + lanes]
        for i in range(lanes):
            origin[i] += row[i] * share
    for start in range(0, x.size, lanes):
        row = x[start:start + lanes]
        for i in range(row.size):
            d = row[i] - origin[i]
            first[i] += d
            second[i] += d * d
    parts = lanes // mean.size
    count, means, m2s = np.empty(parts), np.empty((parts, mean.size)), np.empty((parts, mean.size))
    for part in range(parts):
        n = count[part] = (pixels - part - 1) // parts + 1
        for c in range(mean.size):
            i = part * mean.size + c
            total = np.float64(first[i])
            means[part, c] = origin[i] + total / n
            m2s[part, c] = second[i] - total * total / n
    merge(count, means, m2s, mean, m2)


@jit
def tiled(v, lanes, dtype_of):
    """A per-channel vector repeated to `lanes` values, in the type of the activations."""
    row = np.empty(lanes, dtype_of.dtype)
    for start in range(0, lanes, v.size):
        for c in range(v.size):
            row[start + c] = v[c]
    return row


@jit(fastmath=VECTORIZE)
def affine(x, residual, has_residual, y, mean, scale, shift, floor):
    """y = max(floor, (x - mean) · scale + shift + residual) on a chunk; NaN passes."""
    lanes, floor, zero = lanes_of(mean.size), x.dtype.type(floor), x.dtype.type(0)
    center, slope = tiled(mean, lanes, x), tiled(scale, lanes, x)
    offset = tiled(shift + (center[:mean.size] - mean) * scale, lanes, x)     # makes up for rounding the mean
    stride = 1 if has_residual else 0
    for start in range(0, x.size, lanes):
        row, out = x[start:start + lanes], y[start:start + lanes]
        extra = residual[start * stride:start * stride + lanes]
        for i in range(row.size):
            v = (row[i] - center[i]) * slope[i] + offset[i] + extra[i]
            out[i] = floor if v < floor else v


@jit(fastmath=VECTORIZE)
def gradient_sums(dy, y, x, g, keep, mean, floor, sums):
    """Σ g and Σ g·(x - mean) of each channel of a chunk, where g is dy masked by y > floor, written on request."""
    lanes, floor, zero = lanes_of(mean.size), x.dtype.type(floor), x.dtype.type(0)
    center = tiled(mean, lanes, x)
    first, second = np.zeros(lanes, x.dtype), np.zeros(lanes, x.dtype)
    stride = 1 if keep else 0
    for start in range(0, x.size, lanes):
        row, up, out = x[start:start + lanes], dy[start:start + lanes], y[start:start + lanes]
        masked = g[start * stride:start * stride + lanes]
        for i in range(row.size):
            masked[i] = zero if out[i] <= floor else up[i]
        for i in range(row.size):
            first[i] += masked[i]
            second[i] += masked[i] * (row[i] - center[i])
    for i in range(lanes):
        c = i % mean.size
        sums[0, c] += first[i]
        sums[1, c] += second[i] + (center[i] - mean[c]) * first[i]


@jit(fastmath=VECTORIZE)
def gradient(dy, y, x, dx, mean, scale, slope, offset, floor):
    """dx = scale · g + slope · (x - mean) + offset on a chunk, where g is dy masked by y > floor."""
    lanes, floor, zero = lanes_of(mean.size), x.dtype.type(floor), x.dtype.type(0)
    center, a, b = tiled(mean, lanes, x), tiled(scale, lanes, x), tiled(slope, lanes, x)
    c = tiled(offset + (center[:mean.size] - mean) * slope, lanes, x)
    for start in range(0, x.size, lanes):
        row, up, out, down = x[start:start + lanes], dy[start:start + lanes], y[start:start + lanes], dx[start:start + lanes]
        for i in range(row.size):
            v = zero if out[i] <= floor else up[i]
            down[i] = v * a[i] + (row[i] - center[i]) * b[i] + c[i]
