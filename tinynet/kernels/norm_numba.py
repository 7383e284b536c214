"""Normalisation in few passes over memory; `norm.py` has the formulas, `norm_loops.py` the loops.

A pass is cut into chunks by the shape alone. What a chunk adds to a sum is kept apart and added up in order:
the number of threads changes no bit.
"""

import math

import numpy as np

from tinynet.kernels.elementwise_numba import masked
from tinynet.kernels.layout import channels_last
from tinynet.kernels.norm_loops import (
    NO_RELU, affine, gradient, gradient_sums, merge, moments, normalize_rows, row_gradients, row_length)
from tinynet.kernels.threads import parallel_for


def batch_norm_train(x, weight, bias, eps, relu=False, residual=None):
    x = channels_last(x)
    mean, var = _statistics(x)
    invstd = 1 / np.sqrt(var + eps)
    return _normalize(x, weight, bias, mean, invstd, relu, residual), mean, var, invstd


def batch_norm_eval(x, weight, bias, mean, var, eps, relu=False, residual=None):
    mean, invstd = mean.astype(np.float64), 1 / np.sqrt(var.astype(np.float64) + eps)
    return _normalize(channels_last(x), weight, bias, mean, invstd, relu, residual)


def batch_norm_backward(dy, x, y, weight, bias, mean, invstd, relu=False, residual=False, training=True):
    x, dy = channels_last(x), channels_last(dy)
    scale, floor = _scale(weight, invstd), 0.0 if relu else NO_RELU
    v, gate = x, (mean, scale, np.zeros_like(mean) if bias is None else bias.astype(np.float64))
    dresidual = None if not residual else np.empty_like(x) if relu else dy
    if residual and relu:                                      # y cannot be made from x alone
        dbias, dweight = _gradient_sums(dy, channels_last(y), _open_gate(mean), x, mean, invstd, floor, dresidual)
    else:
        dbias, dweight = _gradient_sums(dy, v, gate, x, mean, invstd, floor)
    if residual:
        dy, floor = dresidual, NO_RELU                         # masked already
    m = x.size // mean.size if training else np.inf            # given statistics do not depend on x
    dx = _gradient(dy, v, gate, x, mean, invstd, scale, dbias / m, dweight / m, floor)
    return dx, dweight.astype(x.dtype), dbias.astype(x.dtype), dresidual


def group_norm(x, groups, weight, bias, eps):
    x = channels_last(x)
    (n, channels), image = x.shape[:2], math.prod(x.shape[1:])
    mean, m2 = np.empty((2, n, channels))
    _each_chunk(lambda i, part: moments(part, mean[i], m2[i]), x, grain=image)
    of_group = mean.reshape(n, groups, channels // groups).mean(2, keepdims=True)     # (N, G, 1)
    m2 += image // channels * (mean - _to_channels(of_group, mean)) ** 2
    invstd = 1 / np.sqrt(m2.reshape(n, groups, channels // groups).sum(2) / (image // groups) + eps)  # (N, G)
    mean, scale = _to_channels(of_group, mean), _scale(weight, _to_channels(invstd, mean))
    shift, extra, y = np.zeros(channels) if bias is None else bias, _zeros(x), np.empty_like(x)
    _each_chunk(lambda i, x, y: affine(x, extra, y, mean[i], scale[i], shift, NO_RELU), x, y, grain=image)
    return y, of_group[:, :, 0], invstd


def group_norm_backward(dy, x, groups, weight, mean, invstd):
    x, dy = channels_last(x), channels_last(dy)
    (n, channels), image = x.shape[:2], math.prod(x.shape[1:])
    sums = np.zeros((n, 2, channels))
    mean, invstd = _to_channels(mean, sums[:, 0]), _to_channels(invstd, sums[:, 0])   # (N, C)
    gate = _open_gate(np.zeros(channels))                                             # there may be no images
    _each_chunk(lambda i, dy, x: gradient_sums(dy, x, gate, x, mean[i], NO_RELU, sums[i]), dy, x, grain=image)
    sums[:, 1] *= invstd                                                              # Σ g and Σ g·x̂
    scale, ones = _scale(weight, invstd), np.ones(channels)
    weighted = (sums * (ones if weight is None else weight)).reshape(n, 2, groups, channels // groups).sum(3)
    average, average_x_hat = (_to_channels(weighted[:, i] / (image // groups), mean) for i in range(2))
    slope, offset, dx = -invstd * invstd * average_x_hat, -invstd * average, np.empty_like(x)
    _each_chunk(lambda i, dy, x, dx: gradient(dy, x, gate, x, dx, mean[i], scale[i], slope[i], offset[i], NO_RELU),
                dy, x, dx, grain=image)
    dbias, dweight = sums.sum(0).astype(x.dtype)
    return dx, dweight, dbias


def layer_norm(x, weight, bias, eps):
    x, (rows, size) = np.ascontiguousarray(x), x.shape
    weight = np.ones(size, x.dtype) if weight is None else weight
    bias = np.zeros(size, x.dtype) if bias is None else bias
    y, mean, invstd = np.empty_like(x), np.empty(rows), np.empty(rows)

    def part(start, stop):
        chunk = slice(start, stop)
        normalize_rows(x[chunk], weight, bias, eps, y[chunk], mean[chunk], invstd[chunk])

    parallel_for(part, rows, _rows_in_chunk(x))
    return y, mean, invstd


def layer_norm_backward(dy, x, weight, mean, invstd):
    x, dy, dx = np.ascontiguousarray(x), np.ascontiguousarray(dy), np.empty(x.shape, x.dtype)
    grain, weight = _rows_in_chunk(x), np.ones(x.shape[1], x.dtype) if weight is None else weight
    sums = np.zeros((2, -(-len(x) // grain), x.shape[1]), x.dtype)

    def part(start, stop):
        chunk, i = slice(start, stop), start // grain
        row_gradients(dy[chunk], x[chunk], weight, mean[chunk], invstd[chunk], dx[chunk], *sums[:, i])

    parallel_for(part, len(x), grain)
    dweight, dbias = sums.sum(1, dtype=np.float64).astype(x.dtype)
    return dx, dweight, dbias


def _statistics(x):
    """Mean and biased variance of each channel."""
    channels, grain = x.shape[1], _grain(x)
    starts = range(0, x.size, grain)
    mean, m2 = np.empty((2, len(starts) + 1, channels))
    _each_chunk(lambda i, part: moments(part, mean[i], m2[i]), x)
    count = np.full(len(starts), grain / channels)
    count[-1:] = (x.size - grain * (len(starts) - 1)) / channels
    merge(count, mean[:-1], m2[:-1], mean[-1], m2[-1])
    return mean[-1], m2[-1] / (x.size // channels)


def _normalize(x, weight, bias, mean, invstd, relu, residual):
    y, extra = np.empty_like(x), _zeros(x) if residual is None else channels_last(residual)
    shift = np.zeros_like(mean) if bias is None else bias
    scale, floor = _scale(weight, invstd), 0.0 if relu else NO_RELU
    _each_chunk(lambda i, *parts: affine(*parts, mean, scale, shift, floor), x, extra, y, again=True)
    return y


def _gradient_sums(dy, v, gate, x, mean, invstd, floor, g=None):
    """Σ g and Σ g·x̂ of each channel; the masked dy is left in `g`, if it is given."""
    sums = np.zeros((-(-x.size // _grain(x)), 2, mean.size))

    def masked_first(i, dy, y, x, g):
        masked(dy, y, g)
        gradient_sums(g, x, gate, x, mean, NO_RELU, sums[i])

    if g is None:
        _each_chunk(lambda i, dy, v, x: gradient_sums(dy, v, gate, x, mean, floor, sums[i]), dy, v, x)
    else:
        _each_chunk(masked_first, dy, v, x, g)
    sums = sums.sum(0)
    sums[1] *= invstd
    return sums


def _gradient(dy, v, gate, x, mean, invstd, scale, average, average_x_hat, floor):
    """dx = scale · (g - average - x̂ · average_x_hat)."""
    dx, slope, offset = np.empty_like(x), -scale * invstd * average_x_hat, -scale * average

    def part(i, dy, v, x, dx):
        gradient(dy, v, gate, x, dx, mean, scale, slope, offset, floor)

    _each_chunk(part, dy, v, x, dx, again=True)
    return dx


def _open_gate(mean):
    """Lets y through as it is."""
    return np.zeros_like(mean), np.ones_like(mean), np.zeros_like(mean)


def _scale(weight, invstd):
    return invstd if weight is None else weight * invstd


def _zeros(x):
    return np.zeros(row_length(x.shape[1]), x.dtype)


def _to_channels(v, like):
    """(N, G) or (N, G, 1) -> (N, C): every channel its group's value."""
    n, channels = like.shape
    return np.repeat(v.reshape(n, v.shape[1]), channels // v.shape[1], axis=1)


def _grain(x):
    """Values in a chunk: 16 chunks, but each some microseconds of work and at most 1 MB; whole rows."""
    row = row_length(x.shape[1])
    return -(-min(max(x.size // 16, 1 << 15), 1 << 18) // row) * row


def _rows_in_chunk(x):
    return max(1, max(x.size // 32, 1 << 15) // x.shape[1])


def _each_chunk(work, *arrays, grain=None, again=False):
    """work(i, part, ...) for each chunk of the arrays' memory; what is only a row of zeros is passed whole.

    A second pass over the same memory (`again`) goes backwards: what was read last is still in the cache.
    """
    size, flat, grain = arrays[0].size, [a.ravel("K") for a in arrays], grain or _grain(arrays[0])
    chunks = -(-size // grain)
    if chunks == 1:                                            # no overhead for single images
        return work(0, *flat)

    def part(i, _):
        i = chunks - 1 - i if again else i
        work(i, *[a[i * grain:(i + 1) * grain] if a.size == size else a for a in flat])

    parallel_for(part, chunks, 1)
