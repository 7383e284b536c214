"""x[index], x[index] = value, and picking along one axis.

An index is taken apart as PyTorch does it. First the basic part: integers, slices, None and the dots, which
give a view. Then the advanced part, if there is one: arrays of integers and boolean masks, which give a copy.
(NumPy counts integers to the advanced part and so orders the axes of x[0, :, [1, 2]] differently.)
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.gradients.in_place import change
from tinynet.kernels.machine import layout
from tinynet.ops.common import as_type, axes_of, axis_too, broadcast, tensor_of, unbroadcast
from tinynet.tensor import Tensor, attach


class Index(Function):
    """y = x[basic][advanced]; dx = dy there, added up where an element was taken twice, 0 elsewhere."""

    @staticmethod
    def forward(ctx, x, basic, advanced):
        ctx.index, ctx.like = (basic, advanced), _like(x)
        return x[basic] if advanced is None else x[basic][advanced]

    @staticmethod
    def backward(ctx, dy):
        dx = _zeros(*ctx.like)
        basic, advanced = ctx.index
        if _repeats(advanced):
            np.add.at(dx[basic], advanced, dy)
        else:
            _assign(dx, basic, advanced, dy)
        return dx


class SetIndex(Function):
    """z = x with x[index] = y, in x's memory; dx = dz with zeros at the index, dy = dz there."""

    @staticmethod
    def forward(ctx, x, y, basic, advanced, out):
        ctx.index, ctx.shape = (basic, advanced), y.shape
        while y.ndim and len(y) == 1:                          # NumPy's masks refuse needless axes
            y = y[0, ...]
        _assign(out, basic, advanced, y)
        return out

    @staticmethod
    def backward(ctx, dz):
        basic, advanced = ctx.index
        dx = dy = None
        if ctx.needs[0]:
            dx = dz.copy("K")
            _assign(dx, basic, advanced, 0)
        if ctx.needs[1]:
            part = dz[basic] if advanced is None else dz[basic][advanced]
            dy = unbroadcast(part, ctx.shape[max(len(ctx.shape) - part.ndim, 0):]).reshape(ctx.shape)
        return dx, dy


class Gather(Function):
    """y[i, j] = x[i, index[i, j]] (for dim 1); dx = dy added up at the same places. Saves the index."""

    @staticmethod
    def forward(ctx, x, index, axis):
        ctx.shape, ctx.axis = x.shape, axis
        ctx.save(index)
        return x[places(index, axis)]

    @staticmethod
    def backward(ctx, dy):
        index, = ctx.saved
        dx = np.zeros(ctx.shape, dy.dtype)
        np.add.at(dx, places(index, ctx.axis), dy)
        return dx, None


def places(index, axis):
    """The index in all axes: `index` itself in one, each element's own place in the others."""
    own = np.indices(index.shape, sparse=True)
    return (*own[:axis], index, *own[axis + 1:])


def _like(x):
    return x.shape, x.dtype, x.ndim == 4 and layout.is_channels_last(x)


def _zeros(shape, dtype, channels_last):
    if not channels_last:
        return np.zeros(shape, dtype)
    zeros = layout.empty(shape, dtype)
    zeros[...] = 0
    return zeros


def _assign(x, basic, advanced, value):
    if advanced is None:
        x[basic] = value
    else:
        x[basic][advanced] = value                             # x[basic] is a view


def _repeats(advanced):
    """Whether one element may be taken twice: by integers yes, by a mask alone never."""
    return advanced is not None and any(isinstance(i, np.ndarray) and i.dtype != bool for i in advanced)


# Taking an index apart --------------------------------------------------------------------------------------


def _taken_apart(x, index):
    """(basic, advanced or None), each a tuple that NumPy understands."""
    items = [_item(i) for i in (index if isinstance(index, tuple) else (index,))]
    used = sum(_axes_used(i) for i in items)
    if used > x.ndim:
        raise IndexError(f"index: expected at most {x.ndim} indices for shape {x.shape}, got {used}")
    dots = [k for k, i in enumerate(items) if i is Ellipsis]
    if len(dots) > 1:
        raise IndexError("index: expected at most one Ellipsis (...)")
    where = dots[0] if dots else len(items)
    items[where:where + 1] = [slice(None)] * (x.ndim - used)
    basic, advanced = [], []
    for item in items:
        if isinstance(item, np.ndarray):
            basic += [slice(None)] * _axes_used(item) if item.ndim else [None]     # True: a new axis
            advanced.append(np.atleast_1d(item))
        else:
            basic.append(item)
            advanced += [] if isinstance(item, int) else [slice(None)]             # an integer leaves no axis
    return (*basic, ...), tuple(advanced) if any(isinstance(i, np.ndarray) for i in advanced) else None


def _item(item):
    """One part of an index as an int, a slice, None, Ellipsis or an array of integers or booleans."""
    if item is None or item is Ellipsis:
        return item
    if isinstance(item, slice):
        if item.step is not None and item.step <= 0:
            raise ValueError(f"index: expected a positive step, got {item.step}; use flip() to reverse")
        return item
    array = np.array(item)                                     # a copy: backward needs it unchanged
    if isinstance(item, list) and array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub" or array.dtype == np.uint8:
        raise TypeError("index: expected integers, slices, None, ... or arrays of integers (not uint8) or "
                        f"booleans, got {type(item).__name__} of {array.dtype}")
    if array.ndim == 0 and array.dtype != bool:
        return int(array)
    return array


def _axes_used(item):
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype == bool else 1


# Functions that users call ----------------------------------------------------------------------------------


@attach("__getitem__")
def getitem(self, index):
    """self[index]: a view for integers, slices, None and ...; a copy where an array or a mask takes part."""
    basic, advanced = _taken_apart(self, index)
    try:
        y = Index.apply(self, basic, advanced)
    except IndexError as error:
        raise IndexError(f"index: {error}; the shape is {self.shape}") from None
    return y.view_of(self) if advanced is None else y


@attach("__setitem__")
def setitem(self, index, value):
    """self[index] = value, in place; the value is cast to this type and broadcast."""
    basic, advanced = _taken_apart(self, index)
    value = as_type(value, self.dtype)
    try:
        change("x[index] = value", SetIndex, self, value, basic, advanced)
    except (IndexError, ValueError) as error:
        shapes = f"the shapes are {self.shape} and {value.shape}"
        raise type(error)(f"x[index] = value: {error}; {shapes}") from None


@attach("index_select")
@axis_too
def index_select(input, dim, index):
    """The slices of `input` along `dim` that the 1-d `index` names: (N, C), (M,) -> (N, M) for dim=1."""
    index = tensor_of(index)
    if index.ndim > 1:
        raise ValueError(f"index_select: expected a 1-d index, got shape {index.shape}")
    if input.ndim == 0:
        return index_select(input.reshape(1), dim, index).reshape(())
    axis, = axes_of("index_select", dim, input.ndim)
    return input[(slice(None),) * axis + (index.array.reshape(-1),)]


@attach("gather")
@axis_too
def gather(input, dim, index, *, sparse_grad=False):
    """y[i, j] = input[i, index[i, j]] for dim=1, and alike for others, in the shape of `index`. Only along
    `dim` may that be longer than `input`. Gradients are dense; `sparse_grad=True` is a ValueError."""
    if sparse_grad:
        raise ValueError("gather: sparse_grad is not supported")
    x, index = tensor_of(input), tensor_of(index)
    if not index.numel() or x.ndim == 0 or index.ndim == 0:  # a number is a vector of one, and nothing gives nothing
        x, flat = x.reshape(-1), index.reshape(-1)
        return (gather(x, dim, flat) if flat.numel() else x[:0]).reshape(index.shape)
    axis, = axes_of("gather", dim, x.ndim)
    short = all(n <= m or i == axis for i, (n, m) in enumerate(zip(index.shape, x.shape)))
    if index.ndim != x.ndim or not short:
        raise ValueError(f"gather: expected an index that fits shape {x.shape} except in dim {dim}, "
                         f"got {index.shape}")
    check_range("gather", index.array, x.shape[axis])
    return Gather.apply(x, index, axis)


@attach("take_along_dim")
@axis_too
def take_along_dim(input, indices, dim=None):
    """`gather` after broadcasting both to a common shape in all axes but `dim`; without `dim`, of both flattened.

    A negative index counts from the end.
    """
    x, index = tensor_of(input), tensor_of(indices)
    if dim is None:
        return take_along_dim(x.reshape(-1), index.reshape(-1), 0)
    axis, = axes_of("take_along_dim", dim, x.ndim)
    one = [slice(None)] * x.ndim
    one[axis] = slice(0, 1)
    index = Tensor(np.where(index.array < 0, index.array + x.shape[axis], index.array))
    common = list(broadcast("take_along_dim", x[tuple(one)], index[tuple(one)]))
    common[axis] = -1
    return gather(x.expand(common), axis, index.expand(common))


def check_range(name, index, length):
    if index.dtype.kind != "i":
        raise TypeError(f"{name}: expected an index of integers, got {index.dtype}")
    if index.size and not 0 <= index.min() <= index.max() < length:
        raise IndexError(f"{name}: expected indices in [0, {length - 1}], got {index.min()} to {index.max()}")
