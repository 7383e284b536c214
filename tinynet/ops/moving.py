"""Elements moved to other places, or repeated: copies, not views."""

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.common import axes_of, listed_as, tensor_of
from tinynet.ops.shape import sizes_of
from tinynet.tensor import attach


class Repeat(Function):
    """y = x laid out `repeats` times along each axis; dx = Σ dy over the copies. Saves nothing."""

    @staticmethod
    def forward(ctx, x, repeats):
        ctx.shape = x.shape
        once = (1,) * (len(repeats) - x.ndim) + x.shape
        ctx.apart = [n for pair in zip(repeats, once) for n in pair]
        return np.tile(x, repeats)

    @staticmethod
    def backward(ctx, dy):
        dy = dy.reshape(ctx.apart)                             # (copies, length, copies, length, ...)
        return dy.sum(tuple(range(0, dy.ndim, 2))).reshape(ctx.shape)


class Flip(Function):
    """y = x in reverse along some axes; dx = dy in reverse. Saves nothing."""

    @staticmethod
    def forward(ctx, x, axes):
        ctx.axes = axes
        return np.flip(x, axes).copy("K")

    @staticmethod
    def backward(ctx, dy):
        return np.flip(dy, ctx.axes)


class Roll(Function):
    """y = x moved by `shifts` along `axes`, around the ends; dx = dy moved back. Saves nothing."""

    @staticmethod
    def forward(ctx, x, shifts, axes):
        ctx.shifts, ctx.axes = shifts, axes
        return np.roll(x, shifts, axes)

    @staticmethod
    def backward(ctx, dy):
        return np.roll(dy, np.negative(ctx.shifts), ctx.axes)


class Triangle(Function):
    """y = x below (`np.tril`) or above (`np.triu`) a diagonal, 0 elsewhere; dx = dy there. Saves nothing."""

    @staticmethod
    def forward(ctx, x, part, diagonal):
        ctx.part, ctx.diagonal = part, diagonal
        return part(x, diagonal)

    @staticmethod
    def backward(ctx, dy):
        return ctx.part(dy, ctx.diagonal)


# Functions that users call ----------------------------------------------------------------------------------


@attach("repeat")
@listed_as("repeats")
def repeat(input, *repeats):
    """`input` repeated that often along each axis: (N, C) -> (2 N, 3 C) by 2, 3. New axes come first."""
    x, repeats = tensor_of(input), sizes_of("repeat", repeats)
    if len(repeats) < x.ndim or min(repeats, default=0) < 0:
        raise ValueError(f"repeat: expected at least {x.ndim} counts of 0 or more, got {repeats} "
                         f"for shape {x.shape}")
    return Repeat.apply(x, repeats)


@attach("flip")
@listed_as("dims")
def flip(input, *dims):
    """The same shape, reversed along `dims`. A copy."""
    x, given = tensor_of(input), sizes_of("flip", dims)
    return Flip.apply(x, axes_of("flip", given, x.ndim) if given else ())


@attach("roll")
def roll(input, shifts, dims=None):
    """The same shape, moved by `shifts` along `dims`, around the ends; without dims, as if flattened.

    ValueError unless there is one shift for each of the dims.
    """
    x = tensor_of(input)
    if dims is None and isinstance(shifts, (tuple, list)) and len(shifts) != 1:
        raise ValueError(f"roll: expected one shift without dims, got {shifts}")
    if dims is None:
        return Roll.apply(x, shifts, None)
    axes = axes_of("roll", dims, x.ndim)
    if isinstance(shifts, (tuple, list)) and len(shifts) != len(axes):
        raise ValueError(f"roll: expected a shift for each of dims {dims}, got {shifts}")
    return Roll.apply(x, shifts, axes)


@attach("tril")
def tril(input, diagonal=0):
    """The lower triangle of matrices (..., M, N), up to and including a diagonal, and 0 above it.

    `diagonal` counts from the main one, 0, upwards.
    """
    return Triangle.apply(_matrix("tril", input), np.tril, diagonal)


@attach("triu")
def triu(input, diagonal=0):
    """The upper triangle of matrices (..., M, N), from a diagonal on, and 0 below it.

    `diagonal` counts from the main one, 0, upwards.
    """
    return Triangle.apply(_matrix("triu", input), np.triu, diagonal)


def _matrix(name, input):
    x = tensor_of(input)
    if x.ndim < 2:
        raise ValueError(f"{name}: expected at least 2 dimensions, got shape {x.shape}")
    return x
