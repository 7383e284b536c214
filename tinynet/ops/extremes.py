"""The largest and the smallest over axes, and where they are. NaN counts as the largest and as the smallest."""

from collections import namedtuple

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.choice import maximum, minimum
from tinynet.ops.common import also_as, axes_of, axis_too, tensor_of
from tinynet.ops.reduce import count, one_axis, remember, restored
from tinynet.tensor import Tensor, attach

Extreme = namedtuple("Extreme", "values indices")


class Amax(Function):
    """y = max x; dy goes to the elements equal to y, in equal parts. Saves x and y.

    Where y is NaN, dx is NaN; with `beside_nan` dy goes to the elements that are NaN. PyTorch has both.
    """

    choose = np.maximum.reduce

    @staticmethod
    def forward(ctx, x, axes, keepdim, beside_nan):
        remember(ctx, x, axes, keepdim)
        ctx.beside_nan = beside_nan
        y = np.asarray(ctx.function.choose(x, axes, keepdims=keepdim))
        ctx.save(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved
        y = restored(ctx, y)
        equal = x == y
        if ctx.beside_nan:
            equal |= (x != x) & (y != y)
        count = np.sum(equal, ctx.axes, x.dtype, keepdims=True)
        return equal / count * restored(ctx, dy)               # no equal one beside NaN: 0 / 0 is NaN


class Amin(Amax):
    """y = min x; dy goes to the elements equal to y, in equal parts. Saves x and y."""

    choose = np.minimum.reduce


class Pick(Function):
    """y = x at `index` along an axis, an index each; dx = dy there, 0 elsewhere. Saves only the index."""

    @staticmethod
    def forward(ctx, x, index, axes, keepdim):
        remember(ctx, x, axes, keepdim)
        ctx.index = index                                      # the axis has length 1
        y = np.take_along_axis(x, index, axes[0])
        return y if keepdim else y.squeeze(axes)

    @staticmethod
    def backward(ctx, dy):
        dx = np.zeros(ctx.shape, dy.dtype)
        np.put_along_axis(dx, ctx.index, restored(ctx, dy), ctx.axes[0])
        return dx


# Functions that users call ----------------------------------------------------------------------------------


def _not_empty(name, x, axes):
    if count(x, axes) == 0:
        raise ValueError(f"{name}: expected at least one element to choose from, got shape {x.shape}")
    return axes


@attach("amax")
@axis_too
def amax(input, dim=(), keepdim=False):
    """The largest over `dim`; equal ones share the gradient. NaN wins. ValueError if there is none."""
    return largest("amax", Amax, input, dim, keepdim)


@attach("amin")
@axis_too
def amin(input, dim=(), keepdim=False):
    """The smallest over `dim`; equal ones share the gradient. NaN wins. ValueError if there is none."""
    return largest("amin", Amin, input, dim, keepdim)


@attach("max")
@also_as(dim="other")
@axis_too
def max(input, dim=None, keepdim=False):
    """max(x): the largest element; equal ones share the gradient. max(x, dim): (values, indices) of the first
    largest over `dim`, which alone gets the gradient. max(x, y): `maximum`. NaN wins. ValueError if there is
    none."""
    if isinstance(dim, (Tensor, np.ndarray)):
        return maximum(input, dim)
    return largest("max", Amax, input, beside_nan=True) if dim is None else _pair("max", np.argmax, input, dim, keepdim)


@attach("min")
@also_as(dim="other")
@axis_too
def min(input, dim=None, keepdim=False):
    """min(x), min(x, dim) and min(x, y), as `max`: of all elements, over `dim`, of two that broadcast."""
    if isinstance(dim, (Tensor, np.ndarray)):
        return minimum(input, dim)
    return largest("min", Amin, input, beside_nan=True) if dim is None else _pair("min", np.argmin, input, dim, keepdim)


def largest(name, function, input, dim=None, keepdim=False, beside_nan=False):
    """The result of `function`, Amax or Amin, over `dim`."""
    x = tensor_of(input)
    return function.apply(x, _not_empty(name, x, axes_of(name, dim, x.ndim)), keepdim, beside_nan)


def _pair(name, where, input, dim, keepdim):
    input = tensor_of(input)
    x, axis = one_axis(name, dim, input)
    _not_empty(name, x, (axis,))
    index = where(x.array, axis, keepdims=True)
    values = Pick.apply(x, index, (axis,), keepdim and input.ndim > 0)
    return Extreme(values, Tensor(index.reshape(values.shape)))


@attach("argmax")
@axis_too
def argmax(input, dim=None, keepdim=False):
    """The index of the first largest element over `dim`, or in the flattened tensor. NaN wins.

    ValueError if there is none.
    """
    return _position("argmax", np.argmax, input, dim, keepdim)


@attach("argmin")
@axis_too
def argmin(input, dim=None, keepdim=False):
    """The index of the first smallest element over `dim`, or in the flattened tensor. NaN wins.

    ValueError if there is none.
    """
    return _position("argmin", np.argmin, input, dim, keepdim)


def _position(name, where, input, dim, keepdim):
    x = tensor_of(input)
    _not_empty(name, x, axes_of(name, dim, x.ndim))
    axis = dim if x.ndim else None
    return Tensor(where(x.array, axis, keepdims=keepdim))
