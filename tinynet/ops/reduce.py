"""Reductions over axes, and what is built like one: softmax, cumulative sums.

A `Function` here gets `axes`, a tuple of axes in range(ndim), and `keepdim`; the functions below them read
PyTorch's `dim`. Sums of float32 are taken in float64: NumPy adds along an outer axis one by one, and a mean
over 10^5 pixels would lose three digits.
"""

from collections import namedtuple

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.ops import elementwise
from tinynet.ops.common import as_tensor, cast, dims, promote, require_floating
from tinynet.tensor import Tensor, attach

Extreme = namedtuple("Extreme", "values indices")


def _total(x, axes, keepdim):
    wide = np.float64 if dtypes.is_floating(x.dtype) else x.dtype
    return np.sum(x, axes, wide, keepdims=keepdim).astype(x.dtype)


def _count(x, axes):
    return np.prod([x.shape[a] for a in axes], dtype=np.int64)


def _remember(ctx, x, axes, keepdim):
    ctx.shape, ctx.axes, ctx.keepdim = x.shape, axes, keepdim


def _restored(ctx, y):
    """`y` with the reduced axes back, of length 1, so that it broadcasts against the input."""
    return y if ctx.keepdim else np.expand_dims(y, ctx.axes)


# Sums -------------------------------------------------------------------------------------------------------


class Sum(Function):
    """y = Σ x; dx = dy, repeated along the summed axes. Saves nothing."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        _remember(ctx, x, axes, keepdim)
        return _total(x, axes, keepdim)

    @staticmethod
    def backward(ctx, dy):
        return np.broadcast_to(_restored(ctx, dy), ctx.shape)


class Mean(Function):
    """y = Σ x / M, where M elements are averaged; dx = dy / M, repeated. Saves nothing."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        _remember(ctx, x, axes, keepdim)
        ctx.count = _count(x, axes)
        with np.errstate(invalid="ignore"):                    # nothing to average: NaN
            return np.divide(np.sum(x, axes, np.float64, keepdims=keepdim), ctx.count).astype(x.dtype)

    @staticmethod
    def backward(ctx, dy):
        return np.broadcast_to(_restored(ctx, dy) / dy.dtype.type(ctx.count), ctx.shape)


class Var(Function):
    """y = Σ (x - mean)² / (M - correction); dx = 2 dy (x - mean) / (M - correction). Saves x and its mean."""

    @staticmethod
    def forward(ctx, x, axes, correction, keepdim):
        _remember(ctx, x, axes, keepdim)
        ctx.freedom = np.float64(np.maximum(_count(x, axes) - correction, 0))
        with np.errstate(divide="ignore", invalid="ignore"):   # too few elements: NaN or infinity
            mean = (np.sum(x, axes, np.float64, keepdims=True) / _count(x, axes)).astype(x.dtype)
            y = np.sum(np.square(x - mean), axes, np.float64, keepdims=keepdim) / ctx.freedom
        ctx.save(x, mean)
        return y.astype(x.dtype)

    @staticmethod
    def backward(ctx, dy):
        x, mean = ctx.saved
        return (x - mean) * (_restored(ctx, dy) * (2 / ctx.freedom)).astype(x.dtype)


class Std(Function):
    """y = √v of a variance v; dv = dy / 2y, but 0 where y = 0, where √ has an infinite slope. Saves y."""

    @staticmethod
    def forward(ctx, v):
        y = np.sqrt(v)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return np.where(y == 0, 0, dy / np.where(y == 0, 1, 2 * y)).astype(dy.dtype)


class CumSum(Function):
    """y_i = x_0 + ... + x_i; dx_i = dy_i + dy_{i+1} + ... Saves nothing."""

    @staticmethod
    def forward(ctx, x, axis):
        ctx.axis = axis
        return _running_total(x, axis)

    @staticmethod
    def backward(ctx, dy):
        return np.flip(_running_total(np.flip(dy, ctx.axis), ctx.axis), ctx.axis)


def _running_total(x, axis):
    wide = np.float64 if dtypes.is_floating(x.dtype) else x.dtype
    return np.cumsum(x, axis, wide).astype(x.dtype)


# Extremes ---------------------------------------------------------------------------------------------------


class Amax(Function):
    """y = max x; dy goes to the elements equal to y, in equal parts. Saves x and y."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        _remember(ctx, x, axes, keepdim)
        y = np.asarray(np.max(x, axes, keepdims=keepdim))
        ctx.save(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        return _shared_among_equals(ctx, dy)


class Amin(Function):
    """y = min x; dy goes to the elements equal to y, in equal parts. Saves x and y."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        _remember(ctx, x, axes, keepdim)
        y = np.asarray(np.min(x, axes, keepdims=keepdim))
        ctx.save(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        return _shared_among_equals(ctx, dy)


def _shared_among_equals(ctx, dy):
    x, y = ctx.saved
    y = _restored(ctx, y)
    equal = (x == y) | ((x != x) & (y != y))                   # or both NaN
    count = np.sum(equal, ctx.axes, x.dtype, keepdims=True)
    return np.where(equal, _restored(ctx, dy) / count, x.dtype.type(0))


class Pick(Function):
    """y = x at `index` along an axis, an index each; dx = dy there, 0 elsewhere. Saves only the index."""

    @staticmethod
    def forward(ctx, x, index, axes, keepdim):
        _remember(ctx, x, axes, keepdim)
        ctx.index = index                                      # the axis has length 1
        y = np.take_along_axis(x, index, axes[0])
        return y if keepdim else y.squeeze(axes)

    @staticmethod
    def backward(ctx, dy):
        dx = np.zeros(ctx.shape, dy.dtype)
        np.put_along_axis(dx, ctx.index, _restored(ctx, dy), ctx.axes[0])
        return dx


# Exponentials -----------------------------------------------------------------------------------------------


class LogSumExp(Function):
    """y = log Σ exp(x), shifted by the maximum against overflow; dx = dy exp(x - y). Saves x and y."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        _remember(ctx, x, axes, keepdim)
        top = np.max(x, axes, keepdims=True, initial=-np.inf)
        top = np.where(np.isinf(top), x.dtype.type(0), top)    # inf - inf would be NaN
        with np.errstate(divide="ignore"):
            y = np.log(_total(np.exp(x - top), axes, True)) + top
        y = y if keepdim else y.squeeze(axes)
        ctx.save(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved
        return _restored(ctx, dy) * np.exp(x - _restored(ctx, y))


class Softmax(Function):
    """y = exp(x) / Σ exp(x) along one axis; dx = y (dy - Σ dy y). Saves y."""

    @staticmethod
    def forward(ctx, x, axis):
        ctx.axis = axis
        y = x - _top(x, axis)
        np.exp(y, out=y)
        y /= y.sum(axis, keepdims=True)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        dx = dy * y
        dx -= y * dx.sum(ctx.axis, keepdims=True)
        return dx


class LogSoftmax(Function):
    """y = x - log Σ exp(x) along one axis; dx = dy - exp(y) Σ dy. Saves y."""

    @staticmethod
    def forward(ctx, x, axis):
        ctx.axis = axis
        y = x - _top(x, axis)
        y -= np.log(np.exp(y).sum(axis, keepdims=True))
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return dy - np.exp(y) * dy.sum(ctx.axis, keepdims=True)


def _top(x, axis):
    return np.max(x, axis, keepdims=True, initial=-np.inf)


# Functions that users call ----------------------------------------------------------------------------------


def _prepared(name, input, dtype, widen=False):
    """The tensor to reduce, as `dtype`; with `widen`, booleans and integers become int64, as in PyTorch."""
    x = as_tensor(input)
    if dtype is not None:
        return cast(x, dtypes.check(dtype, name))
    return cast(x, dtypes.int64) if widen and not x.is_floating_point() else x


def _one_axis(name, dim, x):
    """(x, axis), for what works along exactly one axis; a 0-d tensor counts as one of a single element."""
    if dim is None or isinstance(dim, (tuple, list)):
        raise TypeError(f"{name}: expected dim to be an int, got {dim!r}")
    axis, = dims(name, dim, x.ndim) or (0,)
    return (x if x.ndim else x.reshape(1)), axis


def _not_empty(name, x, axes):
    if _count(x, axes) == 0:
        raise ValueError(f"{name}: expected at least one element to choose from, got shape {x.shape}")
    return axes


def sum(input, dim=None, keepdim=False, *, dtype=None):
    """Σ over `dim` (an int, several, or None for all). Integers and booleans give int64."""
    x = _prepared("sum", input, dtype, widen=True)
    return Sum.apply(x, dims("sum", dim, x.ndim), keepdim)


def mean(input, dim=None, keepdim=False, *, dtype=None):
    """The mean over `dim`; NaN if there is nothing to average. Floating point only, or give a `dtype`."""
    x = _prepared("mean", input, dtype)
    require_floating("mean", x)
    return Mean.apply(x, dims("mean", dim, x.ndim), keepdim)


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Σ (x - mean)² / (M - correction) over `dim`; the correction is 1, or 0 with `unbiased=False`."""
    return _variance("var", input, dim, unbiased, keepdim, correction)


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The square root of `var`, over `dim`; its gradient is 0 where it is 0."""
    return Std.apply(_variance("std", input, dim, unbiased, keepdim, correction))


def _variance(name, input, dim, unbiased, keepdim, correction):
    if isinstance(dim, bool):                                  # x.var(False) means unbiased=False
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}: expected unbiased or correction, got both")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    x = as_tensor(input)
    require_floating(name, x)
    return Var.apply(x, dims(name, dim, x.ndim), correction, keepdim)


def cumsum(input, dim, *, dtype=None):
    """The sums of all elements up to and including each, along `dim`."""
    x = _prepared("cumsum", input, dtype, widen=True)
    row, axis = _one_axis("cumsum", dim, x)
    return CumSum.apply(row, axis) if x.ndim else x


def amax(input, dim=(), keepdim=False):
    """The largest over `dim`; equal ones share the gradient. NaN wins. ValueError if there is none."""
    return _value("amax", Amax, input, dim, keepdim)


def amin(input, dim=(), keepdim=False):
    """The smallest over `dim`; equal ones share the gradient. NaN wins. ValueError if there is none."""
    return _value("amin", Amin, input, dim, keepdim)


def max(input, dim=None, keepdim=False):
    """max(x): the largest element; equal ones share the gradient. max(x, dim): (values, indices) of the first
    largest over `dim`, which alone gets the gradient. max(x, y): `maximum`. NaN wins. ValueError if there is
    none."""
    if isinstance(dim, (Tensor, np.ndarray)):
        return elementwise.maximum(input, dim)
    return _value("max", Amax, input) if dim is None else _pair("max", np.argmax, input, dim, keepdim)


def min(input, dim=None, keepdim=False):
    """min(x), min(x, dim) and min(x, y), as `max`: of all elements, over `dim`, of two that broadcast."""
    if isinstance(dim, (Tensor, np.ndarray)):
        return elementwise.minimum(input, dim)
    return _value("min", Amin, input) if dim is None else _pair("min", np.argmin, input, dim, keepdim)


def _value(name, function, input, dim=None, keepdim=False):
    x = as_tensor(input)
    return function.apply(x, _not_empty(name, x, dims(name, dim, x.ndim)), keepdim)


def _pair(name, where, input, dim, keepdim):
    input = as_tensor(input)
    x, axis = _one_axis(name, dim, input)
    _not_empty(name, x, (axis,))
    index = where(x.array, axis, keepdims=True)
    values = Pick.apply(x, index, (axis,), keepdim and input.ndim > 0)
    return Extreme(values, Tensor(index.reshape(values.shape)))


def argmax(input, dim=None, keepdim=False):
    """The index of the first largest element over `dim`, or in the flattened tensor. NaN wins.

    ValueError if there is none.
    """
    return _position("argmax", np.argmax, input, dim, keepdim)


def argmin(input, dim=None, keepdim=False):
    """The index of the first smallest element over `dim`, or in the flattened tensor. NaN wins.

    ValueError if there is none.
    """
    return _position("argmin", np.argmin, input, dim, keepdim)


def _position(name, where, input, dim, keepdim):
    x = as_tensor(input)
    _not_empty(name, x, dims(name, dim, x.ndim))
    axis = dim if x.ndim else None
    return Tensor(where(x.array, axis, keepdims=keepdim))


def any(input, dim=None, keepdim=False):
    """Whether any element over `dim` is not zero."""
    x = as_tensor(input)
    return Tensor(np.any(x.array, dims("any", dim, x.ndim), keepdims=keepdim))


def all(input, dim=None, keepdim=False):
    """Whether all elements over `dim` are not zero."""
    x = as_tensor(input)
    return Tensor(np.all(x.array, dims("all", dim, x.ndim), keepdims=keepdim))


def logsumexp(input, dim, keepdim=False):
    """log Σ exp(x) over `dim`, without overflow. Integers become float32."""
    x, = promote("logsumexp", input, floating=True)
    return LogSumExp.apply(x, dims("logsumexp", dim, x.ndim), keepdim)


def softmax(input, dim, *, dtype=None):
    """exp(x) / Σ exp(x) along `dim`: positive, and a sum of 1. Bridle 1990."""
    return _normalized("softmax", Softmax, input, dim, dtype)


def log_softmax(input, dim, *, dtype=None):
    """The logarithm of `softmax` along `dim`, without its underflow. Bridle 1990."""
    return _normalized("log_softmax", LogSoftmax, input, dim, dtype)


def _normalized(name, function, input, dim, dtype):
    x = _prepared(name, input, dtype)
    require_floating(name, x)
    row, axis = _one_axis(name, dim, x)
    return function.apply(row, axis) if x.ndim else function.apply(row, axis).reshape(())


attach(sum=sum, mean=mean, var=var, std=std, cumsum=cumsum, amax=amax, amin=amin, max=max, min=min,
       argmax=argmax, argmin=argmin, any=any, all=all,
       logsumexp=logsumexp, softmax=softmax, log_softmax=log_softmax)
