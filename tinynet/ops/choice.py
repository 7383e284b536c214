"""Operators that choose one of their operands, element by element. The chosen one gets the gradient."""

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.ops.arithmetic import binary
from tinynet.ops.common import as_type, broadcast, promote, tensor_of, unbroadcast
from tinynet.tensor import Tensor, attach


class Maximum(Function):
    """z = max(x, y); the larger one gets dz, equal ones half of it each. Beside NaN both get dz, as in PyTorch."""

    choose, loses = np.maximum, np.less

    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        return ctx.function.choose(x, y)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        loses, zero = ctx.function.loses, dz.dtype.type(0)
        dz = np.where(x == y, dz / 2, dz)
        dx, dy = np.where(loses(x, y), zero, dz), np.where(loses(y, x), zero, dz)
        return unbroadcast(dx, x.shape), unbroadcast(dy, y.shape)


class Minimum(Maximum):
    """z = min(x, y); the smaller one gets dz, equal ones half of it each. Beside NaN both get dz, as in PyTorch."""

    choose, loses = np.minimum, np.greater


maximum = binary("maximum", Maximum, "maximum", numbers=False)
minimum = binary("minimum", Minimum, "minimum", numbers=False)


class Clamp(Function):
    """y = min(max(x, low), high); dx = dy where low <= x <= high, else 0; `low` and `high` get the rest."""

    @staticmethod
    def forward(ctx, x, low, high):
        ctx.save(x, low, high)
        return np.minimum(np.maximum(x, low), high)

    @staticmethod
    def backward(ctx, dy):
        x, low, high = ctx.saved
        inside = (x >= low) & (x <= high)
        dx = unbroadcast(dy * inside, x.shape) if ctx.needs[0] else None
        dlow = unbroadcast(dy * ((x < low) & (low < high)), low.shape) if ctx.needs[1] else None
        dhigh = unbroadcast(dy * ((x > high) | (high < low)), high.shape) if ctx.needs[2] else None
        return dx, dlow, dhigh


@attach("clamp", "clip")
def clamp(input, min=None, max=None):
    """Each element limited to [min, max], which broadcast; one may be None, ValueError if both are."""
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both, got neither")
    x = tensor_of(input)
    limits = [limit for limit in (min, max) if limit is not None]
    x, *limits = promote("clamp", x, *limits)
    broadcast("clamp", x, *limits)
    lowest, highest = bounds(x.dtype)
    low = limits.pop(0) if min is not None else Tensor(np.asarray(lowest, x.dtype))
    high = limits.pop(0) if max is not None else Tensor(np.asarray(highest, x.dtype))
    return Clamp.apply(x, low, high)


def bounds(dtype):
    """The lowest and the highest value of a type."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min, np.iinfo(dtype).max
    return (False, True) if dtype == dtypes.bool else (-np.inf, np.inf)


class Where(Function):
    """z = x where the condition holds, y elsewhere; each gets dz where it was chosen, 0 elsewhere."""

    @staticmethod
    def forward(ctx, condition, x, y):
        ctx.save(condition)
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        return np.where(condition, x, y)

    @staticmethod
    def backward(ctx, dz):
        condition, = ctx.saved
        zero = dz.dtype.type(0)
        dx = unbroadcast(np.where(condition, dz, zero), ctx.x_shape) if ctx.needs[1] else None
        dy = unbroadcast(np.where(condition, zero, dz), ctx.y_shape) if ctx.needs[2] else None
        return None, dx, dy


def where(condition, input=None, other=None):
    """input where the boolean `condition` holds, other elsewhere; all three broadcast.

    `where(condition)` alone gives the places where it holds: `nonzero(condition, as_tuple=True)`.
    """
    if input is None and other is None:
        from tinynet.ops.scatter import nonzero
        return nonzero(condition, as_tuple=True)
    condition = tensor_of(condition)
    if condition.dtype != dtypes.bool:
        raise TypeError(f"where: expected a boolean condition, got {condition.dtype}")
    x, y = promote("where", input, other)
    broadcast("where", condition, x, y)
    return Where.apply(condition, x, y)


@attach("where")
def _where(self, condition, other):
    """self where the boolean `condition` holds, other elsewhere; all three broadcast."""
    return where(condition, self, other)


@attach("masked_fill")
def masked_fill(input, mask, value):
    """input with `value` (a number or a 0-d tensor) where the boolean mask, which broadcasts, holds.

    TypeError for a value that the type of `input` cannot hold: a float among integers.
    """
    input, mask = tensor_of(input), tensor_of(mask)
    if mask.dtype != dtypes.bool:
        raise TypeError(f"masked_fill: expected a boolean mask, got {mask.dtype}")
    shape, dtype = tensor_of(value).shape, tensor_of(value).dtype
    if shape:
        raise ValueError(f"masked_fill: expected a number or a 0-d tensor as value, got shape {shape}")
    if input.dtype != dtypes.bool and dtypes.category(dtype) > dtypes.category(input.dtype):
        raise TypeError(f"masked_fill: a value of {dtype} does not fit in a tensor of {input.dtype}")
    broadcast("masked_fill", input, mask)
    return Where.apply(mask, as_type(value, input.dtype), input)
