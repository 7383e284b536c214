"""Sums over axes, and functions made of sums: means, variances, running totals.

A `Function` here gets `axes`, a tuple of axes in range(ndim), and `keepdim`; the functions below them read
PyTorch's `dim`. Sums of float32 are taken in float64: NumPy adds along an outer axis one by one, and a mean
over 10^5 pixels would lose three digits.
"""

import math

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.kernels import reduce as kernels
from tinynet.ops.common import axes_of, axis_too, cast, require_floating, tensor_of
from tinynet.tensor import Tensor, attach


def total(x, axes, keepdim):
    return _sum(x, axes, keepdim).astype(x.dtype)


def _sum(x, axes, keepdim):
    """Σ x in float64, or in the type of integers."""
    if not dtypes.is_floating(x.dtype):
        return np.sum(x, axes, x.dtype, keepdims=keepdim)
    y = kernels.total(x, axes)
    return np.expand_dims(y, axes) if keepdim else y


def count(x, axes):
    return math.prod([x.shape[a] for a in axes])


def remember(ctx, x, axes, keepdim):
    ctx.shape, ctx.axes, ctx.keepdim = x.shape, axes, keepdim


def restored(ctx, y):
    """`y` with the reduced axes back, of length 1, so that it broadcasts against the input."""
    return y if ctx.keepdim else np.expand_dims(y, ctx.axes)


# Sums -------------------------------------------------------------------------------------------------------


class Sum(Function):
    """y = Σ x; dx = dy, repeated along the summed axes. Saves nothing."""

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        remember(ctx, x, axes, keepdim)
        return total(x, axes, keepdim)

    @staticmethod
    def backward(ctx, dy):
        return np.broadcast_to(restored(ctx, dy), ctx.shape)


class Mean(Function):
    """y = Σ x / M, where M elements are averaged (or M is given); dx = dy / M, repeated. Saves nothing."""

    @staticmethod
    def forward(ctx, x, axes, keepdim, divisor=None):
        remember(ctx, x, axes, keepdim)
        ctx.count = count(x, axes) if divisor is None else divisor
        return np.divide(_sum(x, axes, keepdim), ctx.count).astype(x.dtype)    # nothing to average: NaN

    @staticmethod
    def backward(ctx, dy):
        return np.broadcast_to(restored(ctx, dy) / dy.dtype.type(ctx.count), ctx.shape)


class Var(Function):
    """y = Σ (x - mean)² / (M - correction); dx = 2 dy (x - mean) / (M - correction). Saves x and its mean."""

    @staticmethod
    def forward(ctx, x, axes, correction, keepdim):
        remember(ctx, x, axes, keepdim)
        ctx.freedom = np.float64(np.maximum(count(x, axes) - correction, 0))
        mean = (_sum(x, axes, True) / count(x, axes)).astype(x.dtype)
        y = _sum(np.square(x - mean), axes, keepdim) / ctx.freedom             # too few elements: NaN or infinity
        ctx.save(x, mean)
        return y.astype(x.dtype)

    @staticmethod
    def backward(ctx, dy):
        x, mean = ctx.saved
        return (x - mean) * (restored(ctx, dy) * (2 / ctx.freedom)).astype(x.dtype)


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


# Functions that users call ----------------------------------------------------------------------------------


def prepared(name, input, dtype, widen=False):
    """The tensor to reduce, as `dtype`; with `widen`, booleans and integers become int64, as in PyTorch."""
    x = tensor_of(input)
    if dtype is not None:
        return cast(x, dtypes.check(dtype, name))
    return cast(x, dtypes.int64) if widen and not x.is_floating_point() else x


def one_axis(name, dim, x):
    """(x, axis), for functions along exactly one axis; a 0-d tensor counts as one of a single element."""
    if dim is None or isinstance(dim, (tuple, list)):
        raise TypeError(f"{name}: expected dim to be an int, got {dim!r}")
    axis, = axes_of(name, dim, x.ndim) or (0,)
    return (x if x.ndim else x.reshape(1)), axis


@attach("sum")
@axis_too
def sum(input, dim=None, keepdim=False, *, dtype=None):
    """Σ over `dim` (an int, several, or None for all). Integers and booleans give int64."""
    x = prepared("sum", input, dtype, widen=True)
    return Sum.apply(x, axes_of("sum", dim, x.ndim), keepdim)


@attach("mean")
@axis_too
def mean(input, dim=None, keepdim=False, *, dtype=None):
    """The mean over `dim`; NaN if there is nothing to average. Floating point only, or give a `dtype`."""
    x = prepared("mean", input, dtype)
    require_floating("mean", x)
    return Mean.apply(x, axes_of("mean", dim, x.ndim), keepdim)


@attach("var")
@axis_too
def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Σ (x - mean)² / (M - correction) over `dim`; the correction is 1, or 0 with `unbiased=False`."""
    return _variance("var", input, dim, unbiased, keepdim, correction)


@attach("std")
@axis_too
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
    x = tensor_of(input)
    require_floating(name, x)
    return Var.apply(x, axes_of(name, dim, x.ndim), correction, keepdim)


@attach("cumsum")
@axis_too
def cumsum(input, dim, *, dtype=None):
    """The sums of all elements up to and including each, along `dim`."""
    x = prepared("cumsum", input, dtype, widen=True)
    row, axis = one_axis("cumsum", dim, x)
    return CumSum.apply(row, axis) if x.ndim else x


@attach("any")
@axis_too
def any(input, dim=None, keepdim=False):
    """Whether any element over `dim` is not zero."""
    x = tensor_of(input)
    return Tensor(np.any(x.array, axes_of("any", dim, x.ndim), keepdims=keepdim))


@attach("all")
@axis_too
def all(input, dim=None, keepdim=False):
    """Whether all elements over `dim` are not zero."""
    x = tensor_of(input)
    return Tensor(np.all(x.array, axes_of("all", dim, x.ndim), keepdims=keepdim))
