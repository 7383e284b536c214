"""Softmax and similar functions. Each subtracts the maximum first, so that exp cannot overflow."""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels import softmax as kernels
from tinynet.ops.common import axes_of, axis_too, promote, require_floating
from tinynet.ops.reduce import one_axis, prepared, remember, restored, total
from tinynet.tensor import attach


class LogSumExp(Function):
    """y = log Σ exp(x), shifted by the maximum against overflow; dx = dy exp(x - y). Saves x and y."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        remember(ctx, x, axes, keepdim)
        top = np.max(x, axes, keepdims=True, initial=-np.inf)
        top = np.where(np.isinf(top), x.dtype.type(0), top)    # inf - inf would be NaN
        with np.errstate(divide="ignore"):
            y = np.log(total(np.exp(x - top), axes, True)) + top
        y = y if keepdim else y.squeeze(axes)
        ctx.save(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved
        return restored(ctx, dy) * np.exp(x - restored(ctx, y))


class Softmax(Function):
    """y = exp(x) / Σ exp(x) along one axis; dx = y (dy - Σ dy y). Saves y."""

    @staticmethod
    def forward(ctx, x, axis):
        ctx.axis = axis
        y = kernels.softmax(x, axis)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return kernels.softmax_backward(dy, y, ctx.axis)


class LogSoftmax(Function):
    """y = x - log Σ exp(x) along one axis; dx = dy - exp(y) Σ dy. Saves y."""

    @staticmethod
    def forward(ctx, x, axis):
        ctx.axis = axis
        y = kernels.log_softmax(x, axis)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return kernels.log_softmax_backward(dy, y, ctx.axis)


# Functions that users call ----------------------------------------------------------------------------------


@attach("logsumexp")
@axis_too
def logsumexp(input, dim, keepdim=False):
    """log Σ exp(x) over `dim`, without overflow. Integers become float32."""
    x, = promote("logsumexp", input, floating=True)
    return LogSumExp.apply(x, axes_of("logsumexp", dim, x.ndim), keepdim)


@attach("softmax")
@axis_too
def softmax(input, dim, *, dtype=None):
    """exp(x) / Σ exp(x) along `dim`: positive, and a sum of 1. Bridle 1990."""
    return _normalized("softmax", Softmax, input, dim, dtype)


@attach("log_softmax")
@axis_too
def log_softmax(input, dim, *, dtype=None):
    """The logarithm of `softmax` along `dim`, without its underflow. Bridle 1990."""
    return _normalized("log_softmax", LogSoftmax, input, dim, dtype)


def _normalized(name, function, input, dim, dtype):
    x = prepared(name, input, dtype)
    require_floating(name, x)
    row, axis = one_axis(name, dim, x)
    return function.apply(row, axis) if x.ndim else function.apply(row, axis).reshape(())
