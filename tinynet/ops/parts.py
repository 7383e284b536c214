"""Views of parts, and tensors made of parts: diagonals, windows, stacks of rows, grids."""

import functools

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.common import axes_of, axis_too, broadcast, listed_as, tensor_of
from tinynet.ops.joining import cat, split, stack
from tinynet.ops.moving import flip, repeat
from tinynet.ops.shape import expand, flatten, movedim, reshape, sizes_of, transpose, unsqueeze
from tinynet.tensor import Tensor, attach


class Diagonal(Function):
    """y[..., i] = x[..., i, i + offset], a view; dx = dy there, 0 elsewhere. Saves nothing."""

    @staticmethod
    def forward(ctx, x, offset):
        ctx.shape, ctx.offset = x.shape, offset
        return _diagonal(x, offset)

    @staticmethod
    def backward(ctx, dy):
        dx = np.zeros(ctx.shape, dy.dtype)
        _diagonal(dx, ctx.offset)[...] = dy
        return dx


def _diagonal(x, offset):
    y = np.diagonal(x, offset, -2, -1)
    y.flags.writeable = x.flags.writeable
    return y


@attach("diagonal")
def diagonal(input, offset=0, dim1=0, dim2=1):
    """The diagonal of each matrix that `dim1` and `dim2` span, as the last axis; `offset` 1 is the one above. A view.

    (N, N) -> (N,).
    """
    x = movedim(input, (dim1, dim2), (-2, -1))
    return Diagonal.apply(x, offset).view_of(input)


@attach("diag_embed")
def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Matrices with `input` on the diagonal number `offset`, zeros elsewhere: (..., N) -> (..., N, N).

    `dim1` and `dim2` are where the two axes of the matrices come to stand.
    """
    n, k = input.shape[-1], abs(offset)
    rows = np.arange(n) + max(-offset, 0)
    y = input.new_zeros((*input.shape[:-1], n + k, n + k))
    y[..., rows, rows + offset] = input
    return movedim(y, (-2, -1), (dim1, dim2))


@attach("diag")
def diag(input, diagonal=0):
    """(N,) -> the matrix (N, N) with it on the diagonal; a matrix -> its diagonal. Number 1 is the one above.

    ValueError for other than 1 or 2 axes.
    """
    if input.ndim not in (1, 2):
        raise ValueError(f"diag: expected 1 or 2 dimensions, got shape {input.shape}")
    return diag_embed(input, diagonal) if input.ndim == 1 else _diagonal_of(input, diagonal).clone()


_diagonal_of = diagonal


class Windows(Function):
    """y[..., l, ..., r] = x[..., l step + r, ...], a view; dx = Σ dy over the windows that an element is in."""

    @staticmethod
    def forward(ctx, x, axis, size, step):
        ctx.shape, ctx.axis, ctx.step = x.shape, axis, step
        every = np.lib.stride_tricks.sliding_window_view(x, size, axis, writeable=x.flags.writeable)
        return every[(slice(None),) * axis + (slice(None, None, step),)]

    @staticmethod
    def backward(ctx, dy):
        dx = np.zeros(ctx.shape, dy.dtype)
        starts = ctx.step * (dy.shape[ctx.axis] - 1) + 1
        for r in range(dy.shape[-1]):
            dx[(slice(None),) * ctx.axis + (slice(r, r + starts, ctx.step),)] += dy[..., r]
        return dx


@attach("unfold")
def unfold(input, dimension, size, step):
    """Windows of `size` along `dimension`, `step` apart, as a new last axis: (N, L) -> (N, windows, size). A view.

    ValueError for a size that is longer than the axis.
    """
    axis, = axes_of("unfold", dimension, input.ndim) or (0,)
    if not input.ndim and 0 <= size <= 1:                      # a number is a vector of one
        return reshape(input, 1)[:size]
    if not 0 < size <= input.shape[axis] or step < 1:
        raise ValueError(f"unfold: expected windows of at most {input.shape[axis]}, got size {size}, step {step}")
    return Windows.apply(input, axis, size, step).view_of(input)


@attach("ravel")
def ravel(input):
    """All elements in one axis, (N,)."""
    return reshape(input, -1)


@attach("broadcast_to")
@listed_as("size")
def broadcast_to(input, *shape):
    """`expand` by another name: `input` broadcast to `shape`, (N, 1) -> (N, C)."""
    return expand(input, *shape)


def broadcast_tensors(*tensors):
    """The tensors expanded to their common shape."""
    shape = broadcast("broadcast_tensors", *tensors)
    return tuple(expand(x, shape) for x in tensors)


def broadcast_shapes(*shapes):
    """The common shape to which tensors of these shapes broadcast."""
    from tinynet.tensor import Size
    return Size(np.broadcast_shapes(*((s,) if isinstance(s, int) else tuple(s) for s in shapes)))


@attach("tile")
@listed_as("dims")
def tile(input, *dims):
    """`repeat`, where missing leading counts are 1: (N, C) -> (N, 3 C) by 3."""
    counts = sizes_of("tile", dims)
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


@attach("repeat_interleave")
@axis_too
def repeat_interleave(input, repeats, dim=None, *, output_size=None):
    """Each slice along `dim` (of the flattened tensor, if None) `repeats` times in turn: (N,) -> (2 N,) for 2.

    `repeats` is a number or one for each slice; `output_size` is not needed.
    """
    x = reshape(input, -1) if dim is None else input
    axis, = axes_of("repeat_interleave", 0 if dim is None else dim, x.ndim)
    index = np.repeat(np.arange(x.shape[axis]), tensor_of(repeats).array)
    return x[(slice(None),) * axis + (Tensor(index),)]


@attach("tensor_split")
@axis_too
def tensor_split(input, indices_or_sections, dim=0):
    """Pieces along `dim`, views: that many of almost equal size, or cut before each of the indices."""
    axis, = axes_of("tensor_split", dim, input.ndim)
    parts = np.array_split(np.arange(input.shape[axis]), indices_or_sections)
    return split(input, [len(part) for part in parts], axis)


def each_or_all(function):
    """Lets a function of one tensor take several, or a list of them; then the result is a tuple."""
    @functools.wraps(function)
    def call(*tensors):
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return function(tensors[0])
        several = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
        return tuple(function(tensor_of(x)) for x in several)
    return call


@each_or_all
def atleast_1d(input):
    """`input` with at least one axis: () -> (1,). Of several tensors, a tuple."""
    return input if input.ndim else reshape(input, 1)


@each_or_all
def atleast_2d(input):
    """`input` with at least two axes: (N,) -> (1, N). Of several tensors, a tuple."""
    return input if input.ndim > 1 else reshape(input, 1, -1)


def hstack(tensors):
    """Tensors side by side: (N,), (M,) -> (N + M,); (N, C), (N, D) -> (N, C + D)."""
    tensors = [atleast_1d(x) for x in tensors]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors):
    """Tensors below each other: (C,), (C,) -> (2, C); (N, C), (M, C) -> (N + M, C)."""
    return cat([atleast_2d(x) for x in tensors], 0)


def dstack(tensors):
    """Tensors stacked along a third axis: (N, C), (N, C) -> (N, C, 2)."""
    tensors = [atleast_2d(x) for x in tensors]
    return cat([x if x.ndim > 2 else unsqueeze(x, -1) for x in tensors], 2)


def column_stack(tensors):
    """1-d tensors as the columns of a matrix: (N,), (N,) -> (N, 2)."""
    return cat([x if x.ndim > 1 else reshape(x, -1, 1) for x in tensors], 1)


@attach("fliplr")
def fliplr(input):
    """The columns in reverse, in the same shape (N, C, ...)."""
    return flip(input, 1)


@attach("flipud")
def flipud(input):
    """The rows in reverse, in the same shape (N, ...)."""
    if not input.ndim:
        raise ValueError("flipud: expected at least one axis, got a tensor of shape ()")
    return flip(input, 0)


@attach("rot90")
def rot90(input, k=1, dims=(0, 1)):
    """`k` quarter turns in the plane of the two `dims`: (H, W) -> (W, H). ValueError for other than two axes."""
    if len(dims) != 2 or len(axes_of("rot90", tuple(dims), input.ndim)) != 2:
        raise ValueError(f"rot90: expected two dims of a tensor of two axes or more, got {dims} and {input.shape}")
    for _ in range(k % 4):
        input = flip(transpose(input, *dims), dims[0])
    return input


def meshgrid(*tensors, indexing="ij"):
    """Coordinates of a grid, from those along its axes: (M,), (N,) -> twice (M, N), or (N, M) for indexing="xy".

    ValueError for another `indexing`.
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f'meshgrid: expected indexing "ij" or "xy", got {indexing!r}')
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tensors[0]
    shape = [x.numel() for x in tensors]
    grids = [expand(reshape(x, [-1 if i == axis else 1 for i in range(len(shape))]), shape)
             for axis, x in enumerate(tensors)]
    swap = indexing == "xy" and len(grids) > 1
    return tuple(transpose(grid, 0, 1) if swap else grid for grid in grids)


def cartesian_prod(*tensors):
    """All combinations of one element from each 1-d tensor: (M,), (N,) -> (M · N, 2)."""
    grids = meshgrid(*tensors)
    return tensors[0] if len(grids) == 1 else stack([flatten(grid) for grid in grids], 1)
