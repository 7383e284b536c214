"""Normalisation: batch, group and layer norm, forward and backward.

All are y = (x - mean) · invstd · weight + bias with invstd = 1 / sqrt(var + eps). They differ in which elements share a
mean and a variance. With g = dL/dy, x̂ = (x - mean) · invstd, and averages over elements that share a mean,

    dweight = Σ g·x̂        dbias = Σ g        dx = invstd · (w·g - avg(w·g) - x̂ · avg(w·g·x̂))

The two averages come from mean and var, which depend on x. In evaluation, the statistics are given, and there are
no averages. Statistics are float64 whatever the type of x is: a mean of 1e4 rounded to float32 has an error of 5e-4,
which can be a large part of a standard deviation. `var` is the biased variance, the average of (x - mean)².
"""

import math

import numpy as np

from tinynet.kernels.machine.backend import kernel


@kernel
def batch_norm_train(x, weight, bias, eps, relu=False, residual=None):
    """Each channel has its mean and var over batch and positions; returns y, and mean, var, invstd, all (C,).

    x is (N, C), (N, C, L) or (N, C, H, W); weight and bias are (C,) or None. `residual` and `relu` fuse what follows in
    a residual block: y = relu(... + residual).
    """
    mean = x.mean(_all_but_channels(x), dtype=np.float64)
    var = x.var(_all_but_channels(x), dtype=np.float64)
    y = batch_norm_eval.numpy(x, weight, bias, mean, var, eps, relu, residual)
    return y, mean, var, 1 / np.sqrt(var + eps)


@kernel
def batch_moments(x):
    """Mean and biased variance of each channel, both (C,), in float64; x is not empty."""
    return x.mean(_all_but_channels(x), dtype=np.float64), x.var(_all_but_channels(x), dtype=np.float64)


@kernel
def batch_norm_eval(x, weight, bias, mean, var, eps, relu=False, residual=None):
    """The same y with a given mean and variance, both (C,)."""
    scale = _scale(weight, 1 / np.sqrt(var.astype(np.float64) + eps))
    y = (x - _per_channel(mean, x)) * _per_channel(scale, x)
    if bias is not None:
        y += _per_channel(bias, x)
    if residual is not None:
        y += residual
    return np.maximum(y, 0, out=y).astype(x.dtype) if relu else y.astype(x.dtype)


@kernel
def batch_norm_backward(dy, x, y, weight_and_bias, statistics, relu=False, residual=False, training=True):
    """dx, dweight, dbias, dresidual (None unless `residual`; without ReLU it is dy itself).

    Weight and bias are (C,) or None. `statistics` = (mean, invstd), float64, as `batch_norm_train` returns
    them. ReLU's mask is the sign of its output y. Without a residual, y may be None; then weight and bias are given,
    and make it from x. (The fast kernel does so in any case.)
    """
    (weight, bias), (mean, invstd) = weight_and_bias, statistics
    x_hat = (x - _per_channel(mean, x)) * _per_channel(invstd, x)
    if relu and y is None:
        y = x_hat * _per_channel(weight, x) + _per_channel(bias, x)
    g = np.where(y <= 0, 0, dy) if relu else dy
    dweight = (g * x_hat).sum(_all_but_channels(x), dtype=np.float64)
    dbias = g.sum(_all_but_channels(x), dtype=np.float64)
    dx = g.astype(np.float64)
    if training:
        m = x.size // x.shape[1]
        dx -= (_per_channel(dbias, x) + x_hat * _per_channel(dweight, x)) / m
    dx *= _per_channel(_scale(weight, invstd), x)
    return dx.astype(x.dtype), dweight.astype(x.dtype), dbias.astype(x.dtype), (g if residual else None)


@kernel
def group_norm(x, groups, weight, bias, eps):
    """C/groups neighbouring channels of an image share a mean; returns y, mean, invstd, both (N, groups)."""
    rows = _rows(x, groups).astype(np.float64)                            # (N, G, C/G·H·W)
    mean, invstd = rows.mean(2), 1 / np.sqrt(rows.var(2) + eps)
    y = ((rows - mean[:, :, None]) * invstd[:, :, None]).reshape(x.shape)
    if weight is not None:
        y *= _per_channel(weight, x)
    if bias is not None:
        y += _per_channel(bias, x)
    return y.astype(x.dtype), mean, invstd


@kernel
def group_norm_backward(dy, x, groups, weight, mean, invstd):
    """dx, dweight, dbias."""
    rows = _rows(x, groups)                                               # (N, G, C/G·H·W)
    x_hat = (rows - mean[:, :, None]) * invstd[:, :, None]
    dweight = (dy * x_hat.reshape(x.shape)).sum(_all_but_channels(x), dtype=np.float64)
    dbias = dy.sum(_all_but_channels(x), dtype=np.float64)
    g = (dy if weight is None else dy * _per_channel(weight, x)).reshape(rows.shape).astype(np.float64)
    dx = g - g.mean(2, keepdims=True) - x_hat * (g * x_hat).mean(2, keepdims=True)
    dx *= invstd[:, :, None]
    return dx.reshape(x.shape).astype(x.dtype), dweight.astype(x.dtype), dbias.astype(x.dtype)


@kernel
def layer_norm(x, weight, bias, eps):
    """Each row of x (rows, D) has its own mean; weight and bias are (D,). Returns y, mean, invstd."""
    y, mean, invstd = group_norm.numpy(x, 1, weight, bias, eps)
    return y, mean[:, 0], invstd[:, 0]


@kernel
def layer_norm_backward(dy, x, weight, mean, invstd):
    """dx, dweight, dbias."""
    return group_norm_backward.numpy(dy, x, 1, weight, mean[:, None], invstd[:, None])


def _rows(x, groups):
    return x.reshape(len(x), groups, math.prod(x.shape[1:]) // groups)    # spelt out: there may be no images


def _all_but_channels(x):
    return (0, *range(2, x.ndim))


def _per_channel(v, x):
    return v.reshape(-1, *[1] * (x.ndim - 2))                             # (C,) -> (C, 1, 1) for (N, C, H, W)


def _scale(weight, invstd):
    return invstd if weight is None else weight * invstd
