"""Views: the same elements in another shape or order. The gradient gets back the shape and order of the input.

Where NumPy gives a view, the result shares its input's memory and is marked with `view_of`, so that changes
in place are noticed on both.
"""

import math

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.elementwise import in_planes
from tinynet.kernels.machine.layout import is_channels_last
from tinynet.ops.common import axes_of, axis_too, listed_as, tensor_of, unbroadcast
from tinynet.tensor import Tensor, attach


class Reshape(Function):
    """y = the elements of x, in C order, in another shape; dx = dy in the shape of x. Saves nothing."""

    @staticmethod
    def forward(ctx, x, shape):
        ctx.shape = x.shape
        flattens = x.ndim == 4 and len(shape) == 2 and len(x) == shape[0] and is_channels_last(x)
        return (in_planes(x) if flattens else x).reshape(shape)                # NumPy would copy value by value

    @staticmethod
    def backward(ctx, dy):
        return dy.reshape(ctx.shape)


class Permute(Function):
    """y = x with its axes in another order, a view; dx = dy with the inverse order. Saves nothing."""

    @staticmethod
    def forward(ctx, x, order):
        ctx.inverse = np.argsort(order)
        return x.transpose(order)

    @staticmethod
    def backward(ctx, dy):
        return dy.transpose(ctx.inverse)


class Expand(Function):
    """y = x broadcast to a larger shape, a read-only view; dx = Σ dy over the repetitions. Saves nothing."""

    @staticmethod
    def forward(ctx, x, shape):
        ctx.shape = x.shape
        return np.broadcast_to(x, shape)

    @staticmethod
    def backward(ctx, dy):
        return unbroadcast(dy, ctx.shape)


# Another shape ----------------------------------------------------------------------------------------------


def sizes_of(name, sizes):
    """Sizes given one by one or as one sequence, as a tuple of ints."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    if not all(hasattr(n, "__index__") and not isinstance(n, bool) for n in sizes):
        raise TypeError(f"{name}: expected integers as sizes, got {sizes}")
    return tuple(n.__index__() for n in sizes)


def _completed(name, count, shape):
    """`shape` for `count` elements, with the size in place of -1 worked out."""
    known = math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and known > 0:
        shape = tuple(count // known if n == -1 else n for n in shape)
    if math.prod(shape) != count or min(shape, default=0) < 0:
        raise ValueError(f"{name}: expected sizes for {count} elements, got {shape}")
    return shape


def _reshape(x, shape):
    y = Reshape.apply(x, shape)
    return y.view_of(x) if np.may_share_memory(y.array, x.array) else y


@attach("reshape")
@listed_as("shape")
def reshape(input, *shape):
    """The same elements, in C order, in any shape; one size may be -1. A view where memory allows it."""
    x = tensor_of(input)
    return _reshape(x, _completed("reshape", x.numel(), sizes_of("reshape", shape)))


@attach("view")
@listed_as("size")
def view(input, *shape):
    """`reshape`: unlike PyTorch's it may copy, where the memory of `input` allows no view of that shape.

    view(dtype) shows the same memory as another type; without a gradient.
    """
    if len(shape) == 1 and isinstance(shape[0], np.dtype):
        return Tensor(input.array.view(shape[0])).view_of(input)
    return reshape(input, *shape)


@attach("view_as")
def view_as(input, other):
    """`input` in the shape of `other`, as `view`."""
    return view(input, other.shape)


@attach("reshape_as")
def reshape_as(input, other):
    """`input` in the shape of `other`, as `reshape`."""
    return reshape(input, other.shape)


@attach("flatten")
def flatten(input, start_dim=0, end_dim=-1):
    """The axes from `start_dim` to `end_dim` as one: (N, C, H, W) -> (N, C·H·W) from 1 on; () -> (1,)."""
    x = tensor_of(input)
    (start,), (end,) = (axes_of("flatten", d, x.ndim) or (0,) for d in (start_dim, end_dim))
    if start > end:
        raise ValueError(f"flatten: expected start_dim before end_dim, got {start_dim} and {end_dim} "
                         f"for shape {x.shape}")
    merged = math.prod(x.shape[start:end + 1])
    return _reshape(x, (*x.shape[:start], merged, *x.shape[end + 1:]))


@attach("unflatten")
@axis_too
def unflatten(input, dim, sizes):
    """One axis as several, of `sizes`: (N, C·H) -> (N, C, H) for dim=1; one of the sizes may be -1."""
    x = tensor_of(input)
    axis, = axes_of("unflatten", dim, x.ndim)
    inner = _completed("unflatten", x.shape[axis], sizes_of("unflatten", (sizes,)))
    return _reshape(x, (*x.shape[:axis], *inner, *x.shape[axis + 1:]))


@attach("squeeze")
@axis_too
def squeeze(input, dim=None):
    """Without the axes of length 1, (N, 1, C) -> (N, C): all, or those that `dim` names."""
    x = tensor_of(input)
    axes = axes_of("squeeze", dim, x.ndim) if dim != () else ()
    return _reshape(x, tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in axes))


@attach("unsqueeze")
@axis_too
def unsqueeze(input, dim):
    """With a new axis of length 1 at `dim`: (N, C) -> (N, 1, C) for dim=1."""
    x = tensor_of(input)
    axis, = axes_of("unsqueeze", dim, x.ndim + 1)
    return _reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


# Another order ----------------------------------------------------------------------------------------------


@attach("permute")
@listed_as("dims")
def permute(input, *dims):
    """The axes in the order of `dims`, (N, L, C) -> (N, C, L): permute(x, 0, 2, 1) or permute(x, (0, 2, 1)).

    A view. ValueError unless every axis is named once.
    """
    x, given = tensor_of(input), sizes_of("permute", dims)
    order = axes_of("permute", given, x.ndim) if given else ()
    if len(order) != x.ndim:
        raise ValueError(f"permute: expected an order of {x.ndim} axes, got {given}")
    return Permute.apply(x, order).view_of(x)


@attach("transpose", "swapaxes", "swapdims")
def transpose(input, dim0, dim1):
    """The axes `dim0` and `dim1` exchanged: (N, L, C) -> (N, C, L) for 1 and 2. A view."""
    x = tensor_of(input)
    (a,), (b,) = (axes_of("transpose", d, x.ndim) or (0,) for d in (dim0, dim1))
    order = list(range(x.ndim))
    if order:
        order[a], order[b] = b, a
    return permute(x, order)


swapaxes = transpose


@attach("movedim", "moveaxis")
def movedim(input, source, destination):
    """The axes `source` (an int or several) moved to the places `destination`. A view.

    (N, C, H, W) -> (N, H, W, C) for 1 and -1. ValueError unless there are as many sources as places.
    """
    x = tensor_of(input)
    source, destination = axes_of("movedim", source, x.ndim), axes_of("movedim", destination, x.ndim)
    if len(source) != len(destination):
        raise ValueError(f"movedim: expected as many sources as destinations, got {source} and {destination}")
    order = [axis for axis in range(x.ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return permute(x, order)


@attach("t")
def t(input):
    """A matrix transposed, (M, N) -> (N, M); a vector or a 0-d tensor unchanged. A view."""
    if input.ndim > 2:
        raise ValueError(f"T: expected at most 2 dimensions, got shape {input.shape}; use mT or permute")
    return transpose(input, 0, 1) if input.ndim == 2 else input


attach("T")(property(t))


def mT(input):
    """Matrices transposed: (..., M, N) -> (..., N, M). A view."""
    return transpose(input, -2, -1)


attach("mT", "mH")(property(mT))


# Repetition -------------------------------------------------------------------------------------------------


@attach("expand")
@listed_as("size")
def expand(input, *sizes):
    """Axes of length 1, and new leading ones, repeated: (N, 1) -> (N, C). -1 keeps a length. A view."""
    x, sizes = tensor_of(input), sizes_of("expand", sizes)
    added = len(sizes) - x.ndim
    shape = tuple(x.shape[i - added] if n == -1 and i >= added else n for i, n in enumerate(sizes))
    if added < 0 or -1 in shape or any(n not in (1, m) for n, m in zip(x.shape, shape[max(added, 0):])):
        raise ValueError(f"expand: shape {x.shape} does not broadcast to {sizes}")
    return Expand.apply(x, shape).view_of(x)


@attach("expand_as")
def expand_as(input, other):
    """`input` expanded to the shape of `other`."""
    return expand(input, other.shape)
