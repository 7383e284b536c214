"""Operators that move elements without changing them. The gradient makes the way back.

Where NumPy gives a view, the result shares its input's memory and is marked with `view_of`, so that changes
in place are noticed on both.
"""

import math

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.common import as_tensor, promote, unbroadcast
from tinynet.ops.common import dims as axes_of
from tinynet.tensor import attach


class Reshape(Function):
    """y = the elements of x, in C order, in another shape; dx = dy in the shape of x. Saves nothing."""

    @staticmethod
    def forward(ctx, x, shape):
        ctx.shape = x.shape
        return x.reshape(shape)

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


class Cat(Function):
    """y = the inputs one after the other along an axis; each gets its piece of dy. Saves nothing."""

    @staticmethod
    def forward(ctx, axis, *xs):
        ctx.axis, ctx.ends = axis, np.cumsum([x.shape[axis] for x in xs])
        return np.concatenate(xs, axis)

    @staticmethod
    def backward(ctx, dy):
        return tuple(np.split(dy, ctx.ends[:-1], ctx.axis))


class Stack(Function):
    """y = inputs of one shape side by side along a new axis; each gets its slice of dy. Saves nothing."""

    @staticmethod
    def forward(ctx, axis, *xs):
        ctx.axis = axis
        return np.stack(xs, axis)

    @staticmethod
    def backward(ctx, dy):
        return _slices(dy, ctx.axis)


class Split(Function):
    """ys = consecutive pieces of x along an axis, views; dx = the dys one after the other. Saves nothing."""

    @staticmethod
    def forward(ctx, x, sizes, axis):
        ctx.axis = axis
        return tuple(np.split(x, np.cumsum(sizes)[:-1], axis))

    @staticmethod
    def backward(ctx, *dys):
        return np.concatenate(dys, ctx.axis)


class Unbind(Function):
    """ys = the slices of x along an axis that goes away, views; dx = the dys side by side. Saves nothing."""

    @staticmethod
    def forward(ctx, x, axis):
        ctx.axis = axis
        return _slices(x, axis)

    @staticmethod
    def backward(ctx, *dys):
        return np.stack(dys, ctx.axis)


def _slices(x, axis):
    rows = np.moveaxis(x, axis, 0)
    return tuple(rows[i, ...] for i in range(len(rows)))       # the dots: views also of a 1-d array


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


# Another shape ----------------------------------------------------------------------------------------------


def _sizes(name, sizes):
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


def reshape(input, *shape):
    """The same elements, in C order, in any shape; one size may be -1. A view where memory allows it."""
    x = as_tensor(input)
    return _reshape(x, _completed("reshape", x.numel(), _sizes("reshape", shape)))


def view(input, *shape):
    """`reshape`: unlike PyTorch's it may copy, where the memory of `input` allows no view of that shape."""
    return reshape(input, *shape)


def view_as(input, other):
    """`input` in the shape of `other`, as `view`."""
    return view(input, other.shape)


def reshape_as(input, other):
    """`input` in the shape of `other`, as `reshape`."""
    return reshape(input, other.shape)


def flatten(input, start_dim=0, end_dim=-1):
    """The axes from `start_dim` to `end_dim` as one: (N, C, H, W) -> (N, C·H·W) from 1 on; () -> (1,)."""
    x = as_tensor(input)
    (start,), (end,) = (axes_of("flatten", d, x.ndim) or (0,) for d in (start_dim, end_dim))
    if start > end:
        raise ValueError(f"flatten: expected start_dim before end_dim, got {start_dim} and {end_dim} "
                         f"for shape {x.shape}")
    merged = math.prod(x.shape[start:end + 1])
    return _reshape(x, (*x.shape[:start], merged, *x.shape[end + 1:]))


def unflatten(input, dim, sizes):
    """One axis as several, of `sizes`: (N, C·H) -> (N, C, H) for dim=1; one of the sizes may be -1."""
    x = as_tensor(input)
    axis, = axes_of("unflatten", dim, x.ndim)
    inner = _completed("unflatten", x.shape[axis], _sizes("unflatten", (sizes,)))
    return _reshape(x, (*x.shape[:axis], *inner, *x.shape[axis + 1:]))


def squeeze(input, dim=None):
    """Without the axes of length 1, (N, 1, C) -> (N, C): all, or those that `dim` names."""
    x = as_tensor(input)
    axes = axes_of("squeeze", dim, x.ndim) if dim != () else ()
    return _reshape(x, tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in axes))


def unsqueeze(input, dim):
    """With a new axis of length 1 at `dim`: (N, C) -> (N, 1, C) for dim=1."""
    x = as_tensor(input)
    axis, = axes_of("unsqueeze", dim, x.ndim + 1)
    return _reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


# Another order ----------------------------------------------------------------------------------------------


def permute(input, *dims):
    """The axes in the order of `dims`, (N, L, C) -> (N, C, L): permute(x, 0, 2, 1) or permute(x, (0, 2, 1)).

    A view. ValueError unless every axis is named once.
    """
    x, given = as_tensor(input), _sizes("permute", dims)
    order = axes_of("permute", given, x.ndim) if given else ()
    if len(order) != x.ndim:
        raise ValueError(f"permute: expected an order of {x.ndim} axes, got {given}")
    return Permute.apply(x, order).view_of(x)


def transpose(input, dim0, dim1):
    """The axes `dim0` and `dim1` exchanged: (N, L, C) -> (N, C, L) for 1 and 2. A view."""
    x = as_tensor(input)
    (a,), (b,) = (axes_of("transpose", d, x.ndim) or (0,) for d in (dim0, dim1))
    order = list(range(x.ndim))
    if order:
        order[a], order[b] = b, a
    return permute(x, order)


swapaxes = transpose


def movedim(input, source, destination):
    """The axes `source` (an int or several) moved to the places `destination`. A view.

    (N, C, H, W) -> (N, H, W, C) for 1 and -1. ValueError unless there are as many sources as places.
    """
    x = as_tensor(input)
    source, destination = axes_of("movedim", source, x.ndim), axes_of("movedim", destination, x.ndim)
    if len(source) != len(destination):
        raise ValueError(f"movedim: expected as many sources as destinations, got {source} and {destination}")
    order = [axis for axis in range(x.ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return permute(x, order)


def t(input):
    """A matrix transposed, (M, N) -> (N, M); a vector or a 0-d tensor as it is. A view."""
    if input.ndim > 2:
        raise ValueError(f"T: expected at most 2 dimensions, got shape {input.shape}; use mT or permute")
    return transpose(input, 0, 1) if input.ndim == 2 else input


def mT(input):
    """Matrices transposed: (..., M, N) -> (..., N, M). A view."""
    return transpose(input, -2, -1)


def flip(input, *dims):
    """The same shape, reversed along `dims`. A copy."""
    x, given = as_tensor(input), _sizes("flip", dims)
    return Flip.apply(x, axes_of("flip", given, x.ndim) if given else ())


def roll(input, shifts, dims=None):
    """The same shape, moved by `shifts` along `dims`, around the ends; without dims, as if flattened."""
    x = as_tensor(input)
    if dims is None:
        return Roll.apply(x, shifts, None)
    return Roll.apply(x, shifts, axes_of("roll", dims, x.ndim))


def tril(input, diagonal=0):
    """The lower triangle of matrices (..., M, N), up to and including a diagonal, and 0 above it.

    `diagonal` counts from the main one, 0, upwards.
    """
    return Triangle.apply(_matrix("tril", input), np.tril, diagonal)


def triu(input, diagonal=0):
    """The upper triangle of matrices (..., M, N), from a diagonal on, and 0 below it.

    `diagonal` counts from the main one, 0, upwards.
    """
    return Triangle.apply(_matrix("triu", input), np.triu, diagonal)


def _matrix(name, input):
    x = as_tensor(input)
    if x.ndim < 2:
        raise ValueError(f"{name}: expected at least 2 dimensions, got shape {x.shape}")
    return x


# Repetition -------------------------------------------------------------------------------------------------


def expand(input, *sizes):
    """Axes of length 1, and new ones in front, repeated: (N, 1) -> (N, C). -1 keeps a length. A view."""
    x, sizes = as_tensor(input), _sizes("expand", sizes)
    added = len(sizes) - x.ndim
    shape = tuple(x.shape[i - added] if n == -1 and i >= added else n for i, n in enumerate(sizes))
    if added < 0 or -1 in shape or any(n not in (1, m) for n, m in zip(x.shape, shape[max(added, 0):])):
        raise ValueError(f"expand: shape {x.shape} does not broadcast to {sizes}")
    return Expand.apply(x, shape).view_of(x)


def expand_as(input, other):
    """`input` expanded to the shape of `other`."""
    return expand(input, other.shape)


def repeat(input, *repeats):
    """`input` laid out that often along each axis: (N, C) -> (2 N, 3 C) by 2, 3. New axes in front."""
    x, repeats = as_tensor(input), _sizes("repeat", repeats)
    if len(repeats) < x.ndim or min(repeats, default=0) < 0:
        raise ValueError(f"repeat: expected at least {x.ndim} counts of 0 or more, got {repeats} "
                         f"for shape {x.shape}")
    return Repeat.apply(x, repeats)


# Together and apart -----------------------------------------------------------------------------------------


def cat(tensors, dim=0):
    """The tensors one after the other along `dim`: (N, C), (M, C) -> (N + M, C). Other axes must agree."""
    xs = _several("cat", tensors)
    xs = [x for x in xs if x.shape != (0,)] or xs[:1]          # shape (0,) fits everywhere, as in PyTorch
    axis, = axes_of("cat", dim, xs[0].ndim) or (0,)
    rest = {(*x.shape[:axis], *x.shape[axis + 1:]) for x in xs}
    if xs[0].ndim == 0 or len(rest) > 1 or len({x.ndim for x in xs}) > 1:
        raise ValueError(f"cat: expected shapes that differ in dim {dim} alone, got {_shapes(xs)}")
    return Cat.apply(axis, *xs)


def stack(tensors, dim=0):
    """Tensors of one shape side by side along a new axis `dim`."""
    xs = _several("stack", tensors)
    axis, = axes_of("stack", dim, xs[0].ndim + 1)
    if len({x.shape for x in xs}) > 1:
        raise ValueError(f"stack: expected tensors of one shape, got {_shapes(xs)}")
    return Stack.apply(axis, *xs)


def _several(name, tensors):
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(f"{name}: expected a tuple or list of tensors, got {type(tensors).__name__}")
    if not tensors:
        raise ValueError(f"{name}: expected at least one tensor, got none")
    return promote(name, *tensors)


def _shapes(xs):
    return ", ".join(str(x.shape) for x in xs)


def split(input, split_size_or_sections, dim=0):
    """Pieces along `dim`, views: of the given size, the last maybe smaller, or of a list of sizes.

    ValueError for sizes that do not add up to the length of the axis.
    """
    x, sizes = as_tensor(input), split_size_or_sections
    axis, = axes_of("split", dim, x.ndim)
    length = x.shape[axis]
    if isinstance(sizes, int) and (sizes > 0 or sizes == length == 0):
        sizes = [min(sizes, length - i) for i in range(0, length, sizes)] if length else [0]
    if isinstance(sizes, int) or sum(sizes) != length or min(sizes) < 0:
        raise ValueError(f"split: expected a positive size or sizes that add up to {length}, got {sizes}")
    return tuple(y.view_of(x) for y in Split.apply(x, sizes, axis))


def chunk(input, chunks, dim=0):
    """At most `chunks` pieces along `dim` of equal size but the last, views. ValueError for less than 1."""
    if chunks < 1:
        raise ValueError(f"chunk: expected at least 1 chunk, got {chunks}")
    axis, = axes_of("chunk", dim, input.ndim)
    length = input.shape[axis]
    return split(input, -(-length // chunks) if length else [0] * chunks, dim)


def unbind(input, dim=0):
    """The slices along `dim`, which goes away: N views (C, L) of (N, C, L). ValueError for a 0-d tensor."""
    x = as_tensor(input)
    if x.ndim == 0:
        raise ValueError("unbind: a 0-d tensor has no slices")
    return tuple(y.view_of(x) for y in Unbind.apply(x, *axes_of("unbind", dim, x.ndim)))


attach(reshape=reshape, view=view, flatten=flatten, unflatten=unflatten, squeeze=squeeze, unsqueeze=unsqueeze,
       permute=permute, transpose=transpose, swapaxes=swapaxes, movedim=movedim, t=t, T=property(t),
       mT=property(mT), flip=flip, roll=roll, tril=tril, triu=triu,
       expand=expand, expand_as=expand_as, repeat=repeat, split=split, chunk=chunk, unbind=unbind,
       view_as=view_as, reshape_as=reshape_as,
       __iter__=lambda self: iter(unbind(self)))
