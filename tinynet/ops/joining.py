"""Several tensors as one, and one as several."""

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.common import axes_of, axis_too, promote, tensor_of
from tinynet.tensor import attach


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


# Functions that users call ----------------------------------------------------------------------------------


@axis_too
def cat(tensors, dim=0):
    """The tensors one after the other along `dim`: (N, C), (M, C) -> (N + M, C). Other axes must agree."""
    xs = _several("cat", tensors)
    xs = [x for x in xs if x.shape != (0,)] or xs[:1]          # shape (0,) fits everywhere, as in PyTorch
    axis, = axes_of("cat", dim, xs[0].ndim) or (0,)
    rest = {(*x.shape[:axis], *x.shape[axis + 1:]) for x in xs}
    if xs[0].ndim == 0 or len(rest) > 1 or len({x.ndim for x in xs}) > 1:
        raise ValueError(f"cat: expected shapes that differ in dim {dim} alone, got {_shapes(xs)}")
    return Cat.apply(axis, *xs)


@axis_too
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


@attach("split")
@axis_too
def split(input, split_size_or_sections, dim=0):
    """Pieces along `dim`, views: of the given size, the last maybe smaller, or of a list of sizes.

    ValueError for sizes that do not add up to the length of the axis.
    """
    x, sizes = tensor_of(input), split_size_or_sections
    axis, = axes_of("split", dim, x.ndim)
    length = x.shape[axis]
    if isinstance(sizes, int) and (sizes > 0 or sizes == length == 0):
        sizes = [min(sizes, length - i) for i in range(0, length, sizes)] if length else [0]
    if isinstance(sizes, int) or sum(sizes) != length or min(sizes) < 0:
        raise ValueError(f"split: expected a positive size or sizes that add up to {length}, got {sizes}")
    return tuple(y.view_of(x) for y in Split.apply(x, sizes, axis))


@attach("chunk")
@axis_too
def chunk(input, chunks, dim=0):
    """At most `chunks` pieces along `dim` of equal size but the last, views. ValueError for less than 1."""
    if chunks < 1:
        raise ValueError(f"chunk: expected at least 1 chunk, got {chunks}")
    axis, = axes_of("chunk", dim, input.ndim)
    length = input.shape[axis]
    return split(input, -(-length // chunks) if length else [0] * chunks, dim)


@attach("unbind")
@axis_too
def unbind(input, dim=0):
    """The slices along `dim`, which goes away: N views (C, L) of (N, C, L). ValueError for a 0-d tensor."""
    x = tensor_of(input)
    if x.ndim == 0:
        raise ValueError("unbind: a 0-d tensor has no slices")
    return tuple(y.view_of(x) for y in Unbind.apply(x, *axes_of("unbind", dim, x.ndim)))


attach("__iter__")(lambda self: iter(unbind(self)))
