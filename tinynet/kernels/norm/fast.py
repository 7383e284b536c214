"""Normalisation in few passes over memory; `spec.py` has the formulas, `loops.py` the loops.

A pass is cut into chunks by the shape alone. What a chunk adds to a sum is kept apart and added up in order, so that
the number of threads changes no bit.
"""

import math

import numpy as np

from tinynet.kernels.machine.flat import GRAIN, grain_of, over_chunks, row_length
from tinynet.kernels.machine.layout import channels_last
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.norm.loops import (
    GIVEN_STATISTICS, NO_RELU, affine_of_images, batch_affine, batch_gradient, batch_statistics, batch_train,
    gradient_of_images, gradient_sums_of_images, moments_of_images, normalize_rows, row_gradient_chunks)


def batch_norm_train(x, weight, bias, eps, relu=False, residual=None):
    x = channels_last(x)
    y, extra, grain, weight, bias = np.empty_like(x), _extra(residual, x), _grain(x), *_given(weight, bias, x)
    arrays = tuple(a.ravel("K") for a in (x, extra, y))
    (means, m2s), statistics = np.empty((2, -(-x.size // grain), x.shape[1])), np.empty((3, x.shape[1]))
    parts, floor = (grain, means, m2s, eps), floor_of(relu)
    on_all_threads(batch_train, team_for(len(means)), arrays, parts, weight, bias, floor, statistics)
    return y, *statistics                                      # mean, var, invstd


def batch_moments(x):
    x, grain = channels_last(x), _grain(x)
    (means, m2s), statistics = np.empty((2, -(-x.size // grain), x.shape[1])), np.empty((3, x.shape[1]))
    on_all_threads(batch_statistics, team_for(len(means)), x.ravel("K"), (grain, means, m2s, 1.0), statistics)
    return statistics[0], statistics[1]


def batch_norm_eval(x, weight, bias, mean, var, eps, relu=False, residual=None):
    x = channels_last(x)
    y, extra, grain = np.empty_like(x), _extra(residual, x), _grain(x)
    arrays, floor = tuple(a.ravel("K") for a in (x, extra, y)), floor_of(relu)
    scale, shift = scale_and_shift(weight, bias, var, eps, x.dtype)
    mean = mean.astype(np.float64)
    on_all_threads(batch_affine, team_for(-(-x.size // grain)), arrays, grain, mean, scale, shift, floor)
    return y


def scale_and_shift(weight, bias, var, eps, dtype):
    """y = (x - mean) · scale + shift in evaluation; the scale is float64."""
    scale = 1 / np.sqrt(var.astype(np.float64) + eps)
    return scale if weight is None else weight * scale, np.zeros(len(var), dtype) if bias is None else bias


def batch_norm_backward(dy, x, y, weight_and_bias, statistics, relu=False, residual=False, training=True):
    x, dy, grain, (mean, invstd) = channels_last(x), channels_last(dy), _grain(x), statistics
    weight, bias = _given(*weight_and_bias, x)
    by_y = relu and residual                                   # y cannot be made from x alone
    dx, scale = np.empty_like(x), weight * invstd
    dresidual = np.empty_like(x) if by_y else dy
    arrays = tuple(a.ravel("K") for a in (dy, channels_last(y) if by_y else x, x, dresidual, dx))
    mask = (mean, scale, bias.astype(np.float64)), floor_of(relu), by_y
    known = mean, invstd, scale, x.size / mean.size if training else GIVEN_STATISTICS
    sums, totals = np.zeros((-(-x.size // grain), 2, mean.size)), np.empty((2, mean.size))
    on_all_threads(batch_gradient, team_for(len(sums)), arrays, mask, known, (grain, sums), totals)
    dbias, dweight = totals
    return dx, dweight.astype(x.dtype), dbias.astype(x.dtype), dresidual if residual else None


def group_norm(x, groups, weight, bias, eps):
    x = channels_last(x)
    (n, channels), image = x.shape[:2], math.prod(x.shape[1:])
    mean, m2 = np.empty((2, n, channels))
    over_chunks(moments_of_images, (_images(x), mean, m2), grain=1)
    of_group = mean.reshape(n, groups, channels // groups).mean(2, keepdims=True)     # (N, G, 1)
    m2 += image // channels * (mean - _to_channels(of_group, mean)) ** 2
    invstd = 1 / np.sqrt(m2.reshape(n, groups, channels // groups).sum(2) / (image // groups) + eps)  # (N, G)
    weight, bias = _given(weight, bias, x)
    mean, scale, y = _to_channels(of_group, mean), weight * _to_channels(invstd, mean), np.empty_like(x)
    over_chunks(affine_of_images, (_images(x), _images(y), mean, scale), _extra(None, x), bias, NO_RELU, grain=1)
    return y, of_group[:, :, 0], invstd


def group_norm_backward(dy, x, groups, weight, mean, invstd):
    x, dy = channels_last(x), channels_last(dy)
    (n, channels), image = x.shape[:2], math.prod(x.shape[1:])
    sums, (ups, values) = np.zeros((n, 2, channels)), map(_images, (dy, x))
    mean, invstd = _to_channels(mean, sums[:, 0]), _to_channels(invstd, sums[:, 0])   # (N, C)
    mask = (np.zeros(channels), np.ones(channels), np.zeros(channels)), NO_RELU       # lets all through
    weight, _ = _given(weight, None, x)
    over_chunks(gradient_sums_of_images, (ups, values, mean, sums), mask, grain=1)
    sums[:, 1] *= invstd                                                              # Σ g and Σ g·x̂
    scale, weighted = weight * invstd, (sums * weight).reshape(n, 2, groups, channels // groups).sum(3)
    average, average_x_hat = (_to_channels(weighted[:, i] / (image // groups), mean) for i in range(2))
    slope, offset, dx = -invstd * invstd * average_x_hat, -invstd * average, np.empty_like(x)
    over_chunks(gradient_of_images, (ups, values, _images(dx), mean, scale, slope, offset), mask, grain=1)
    dbias, dweight = sums.sum(0).astype(x.dtype)
    return dx, dweight, dbias


def _images(x):
    """Channels-last x (N, C, ...) as (N, values), each image as it lies in memory."""
    return x.ravel("K").reshape(len(x), math.prod(x.shape[1:]))


def layer_norm(x, weight, bias, eps):
    x, (rows, size) = np.ascontiguousarray(x), x.shape
    weight = np.ones(size, x.dtype) if weight is None else weight
    bias = np.zeros(size, x.dtype) if bias is None else bias
    y, mean, invstd = np.empty_like(x), np.empty(rows), np.empty(rows)

    over_chunks(normalize_rows, (x, y, mean, invstd), weight, bias, eps, grain=_rows_in(x, GRAIN))
    return y, mean, invstd


def layer_norm_backward(dy, x, weight, mean, invstd):
    x, dy, dx = np.ascontiguousarray(x), np.ascontiguousarray(dy), np.empty(x.shape, x.dtype)
    grain, weight = _rows_in(x, grain_of(x.size)), np.ones(x.shape[1], x.dtype) if weight is None else weight
    sums = np.zeros((2, -(-len(x) // grain), x.shape[1]), x.dtype)
    on_all_threads(row_gradient_chunks, team_for(sums.shape[1]), grain, (dy, x, mean, invstd, dx), weight, sums)
    dweight, dbias = sums.sum(1, dtype=np.float64).astype(x.dtype)
    return dx, dweight, dbias


def _given(weight, bias, x):
    """Weight and bias of the channels, or what stands for them."""
    channels = x.shape[1]
    return (np.ones(channels, x.dtype) if weight is None else weight,
            np.zeros(channels, x.dtype) if bias is None else bias)


def _extra(residual, x):
    """What is added to each value: the residual, or a row of zeros."""
    return np.zeros(row_length(x.shape[1]), x.dtype) if residual is None else channels_last(residual)


def floor_of(relu):
    return 0.0 if relu else NO_RELU


def _to_channels(v, like):
    """(N, G) or (N, G, 1) -> (N, C): every channel its group's value."""
    n, channels = like.shape
    return np.repeat(v.reshape(n, v.shape[1]), channels // v.shape[1], axis=1)


def _grain(x):
    """Values in a chunk: 16 chunks, but each some microseconds of work and at most 1 MB; whole rows."""
    row = row_length(x.shape[1])
    return -(-min(max(x.size // 16, 1 << 15), 1 << 18) // row) * row


def _rows_in(x, values):
    return max(1, values // max(1, x.shape[1]))
