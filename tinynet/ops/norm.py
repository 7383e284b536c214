"""Normalisation: y = (x - mean) / √(var + eps) · weight + bias, and which elements share a mean.

The gradients are derived in `kernels/norm/spec.py`. All save x and the statistics, which are tiny, and make the
normalised values again from them.
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels import conv, norm
from tinynet.kernels.conv import taps
from tinynet.kernels.reduce import all_finite


def _of_given(ctx, *gradients):
    """The gradients of those inputs that are tensors, not None."""
    return tuple(dx for dx, given in zip(gradients, ctx.given) if given)


class BatchNorm(Function):
    """Each channel is normalised over the batch and all positions (in evaluation: by the running statistics).

    On request y = relu(... + residual) in the same pass; then y is saved as well (it stays in memory anyway, as the
    next layer's input), because its sign is ReLU's mask. `running` is a pair of arrays or None; training moves
    them in place: r <- (1 - momentum) r + momentum · new, with the unbiased variance.
    Shapes: x (N, C, ...), weight and bias (C,) or None.
    Ioffe & Szegedy 2015, "Batch Normalization", algorithms 1 and 2.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, residual, running, training, momentum, eps, relu):
        if training:
            y, mean, var, invstd = norm.batch_norm_train(x, weight, bias, eps, relu, residual)
            if running is not None:
                _move(running, momentum, mean, var, x.size // x.shape[1])
        else:
            mean, var = running
            y = norm.batch_norm_eval(x, weight, bias, mean, var, eps, relu, residual)
        if any(ctx.needs):
            if not training:                       # copies: later training may move the running ones
                mean, invstd = mean.astype(np.float64), 1 / np.sqrt(var.astype(np.float64) + eps)
            ctx.save(x, y if relu else None, weight, bias)
            ctx.mean, ctx.invstd, ctx.relu, ctx.training = mean, invstd, relu, training
            ctx.given = True, weight is not None, bias is not None, residual is not None
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y, weight, bias = ctx.saved
        return _of_given(ctx, *norm.batch_norm_backward(
            dy, x, y, (weight, bias), (ctx.mean, ctx.invstd), ctx.relu, ctx.given[3], ctx.training))


class NormConv2d(Function):
    """y = conv2d(z, w) of z = relu(batch_norm(x)), in training: the convolution makes z from x as it reads x.

    z is never written to memory, neither in forward nor in backward: dz is the convolution's input gradient, dx follows
    from dz as in `BatchNorm`, and dw makes z from x again. Saves x and the statistics.

    Shapes: x (N, C, H, W), weight and bias (C,), w (K, C/groups, R, S), y (N, K, P, Q). `running` as in `BatchNorm`.
    All of w is finite: beside an infinity, borders matter (see kernels/conv/taps.py).
    """

    @staticmethod
    def forward(ctx, x, weight, bias, w, geometry, running, momentum, eps):
        mean, var = norm.batch_moments(x)
        if running is not None:
            _move(running, momentum, mean, var, x.size // x.shape[1])
        ctx.save(x, weight, bias, w)
        ctx.statistics, ctx.geometry = (mean, var, eps), geometry
        return conv.norm_conv2d(x, (weight, bias, *ctx.statistics), w, geometry)

    @staticmethod
    def backward(ctx, dy):
        (x, weight, bias, w), (mean, var, eps) = ctx.saved, ctx.statistics
        of_batch = weight, bias, mean, var, eps
        dz = conv.conv2d_backward_input(dy, w, x.shape, ctx.geometry)
        dx, dweight, dbias, _ = norm.batch_norm_backward(dz, x, None, (weight, bias), (mean, 1 / np.sqrt(var + eps)),
                                                         relu=True)
        dw = conv.norm_conv2d_backward_weight(x, of_batch, dy, w.shape, ctx.geometry)
        if not all_finite(dw):
            z = norm.batch_norm_eval(x, *of_batch, relu=True)
            dw = taps.conv2d_backward_weight(z, dy, w.shape, ctx.geometry)
        return dx, dweight, dbias, dw


def _move(running, momentum, mean, var, count):
    for old, new in zip(running, (mean, var * (count / (count - 1)))):
        old += (momentum * (new - old)).astype(old.dtype)


class GroupNorm(Function):
    """Each image is normalised apart from the others, over C/groups neighbouring channels and all positions at a time.

    x (N, C, ...), weight and bias (C,) or None. Wu & He 2018, "Group Normalization".
    """

    @staticmethod
    def forward(ctx, x, weight, bias, groups, eps):
        y, ctx.mean, ctx.invstd = norm.group_norm(x, groups, weight, bias, eps)
        ctx.save(x, weight)
        ctx.groups, ctx.given = groups, (True, weight is not None, bias is not None)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved
        return _of_given(ctx, *norm.group_norm_backward(dy, x, ctx.groups, weight, ctx.mean, ctx.invstd))


class LayerNorm(Function):
    """Each vector (the last `axes` axes) is normalised by itself; weight and bias have its shape or are None.

    Ba, Kiros & Hinton 2016, "Layer Normalization".
    """

    @staticmethod
    def forward(ctx, x, weight, bias, axes, eps):
        flat_weight, flat_bias = (None if v is None else v.reshape(-1) for v in (weight, bias))
        rows = x.reshape(-1, np.prod(x.shape[x.ndim - axes:], dtype=int))                 # (rows, D)
        y, ctx.mean, ctx.invstd = norm.layer_norm(rows, flat_weight, flat_bias, eps)
        ctx.save(x, weight)
        ctx.given, ctx.inner = (True, weight is not None, bias is not None), x.shape[x.ndim - axes:]
        return y.reshape(x.shape)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved
        rows = -1, np.prod(ctx.inner, dtype=int)
        flat_weight = None if weight is None else weight.reshape(-1)
        dx, dweight, dbias = norm.layer_norm_backward(
            dy.reshape(rows), x.reshape(rows), flat_weight, ctx.mean, ctx.invstd)
        return _of_given(ctx, dx.reshape(x.shape), dweight.reshape(ctx.inner), dbias.reshape(ctx.inner))
