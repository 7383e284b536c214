"""Writing to, and adding at, places along one axis; and the selections that are their inverse."""

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.common import axes_of, axis_too, broadcast, cast, tensor_of
from tinynet.ops.convert import clone
from tinynet.ops.in_place import copy_, written_over
from tinynet.ops.indexing import check_range, gather, places
from tinynet.tensor import Tensor, attach


class ScatterAdd(Function):
    """y = x with src[i, j] added at y[i, index[i, j]] (for dim 1); dx = dy, dsrc = dy at the same places."""

    @staticmethod
    def forward(ctx, x, src, index, axis):
        ctx.places, ctx.shape = places(index, axis), src.shape
        ctx.used = tuple(slice(0, n) for n in index.shape)
        y = x.copy()
        np.add.at(y, ctx.places, src[ctx.used])
        return y

    @staticmethod
    def backward(ctx, dy):
        dsrc = np.zeros(ctx.shape, dy.dtype)
        dsrc[ctx.used] = dy[ctx.places]
        return dy, dsrc


@attach("scatter_add")
@axis_too
def scatter_add(input, dim, index, src):
    """`input` with src[i, j] added at [i, index[i, j]] for dim=1, and alike for others; the shape of `input`."""
    x, index, axis = _indexed("scatter_add", input, dim, index)
    return ScatterAdd.apply(x, tensor_of(src), index.array, axis)


@attach("scatter")
@axis_too
def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """`input` with src[i, j], or the number `value`, at [i, index[i, j]] for dim=1; the shape of `input`.

    `reduce="add"` adds instead; ValueError for other words.
    """
    src = value if src is None else src
    x, index, axis = _indexed("scatter", input, dim, index)
    if not isinstance(src, Tensor):
        src = x.new_full((), src).expand(index.shape)
    if reduce == "add":
        return ScatterAdd.apply(x, src, index.array, axis)
    if reduce is not None:
        raise ValueError(f'scatter: expected reduce None or "add", got {reduce!r}')
    y = clone(x)
    y[tuple(map(Tensor, np.broadcast_arrays(*places(index.array, axis))))] = src[tuple(map(slice, index.shape))]
    return y


@attach("scatter_reduce")
@axis_too
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """`scatter_add`, or with reduce="mean" the mean of what arrives at each place; the shape of `input`.

    What stands there counts unless `include_self` is False. ValueError for a `reduce` other than "sum" and "mean".
    """
    if reduce not in ("sum", "mean"):
        raise ValueError(f'scatter_reduce: expected reduce "sum" or "mean", got {reduce!r}')
    x, ones = tensor_of(input), tensor_of(src).new_ones(src.shape)
    arrived = scatter_add(x.new_zeros(x.shape), dim, index, ones)
    base = x if include_self else x.masked_fill(arrived > 0, 0)
    total = scatter_add(base, dim, index, src)
    if reduce == "sum":
        return total
    count = arrived + 1 if include_self else arrived.clamp(min=1)
    return total / count


def _indexed(name, input, dim, index):
    x, index = tensor_of(input), tensor_of(index)
    axis, = axes_of(name, dim, x.ndim) or (0,)
    x, index = (x, index) if x.ndim else (x.reshape(1), index.reshape(1))
    check_range(name, index.array, x.shape[axis])
    if x.ndim != index.ndim:
        raise ValueError(f"{name}: expected an index with as many axes as shape {x.shape}, got {index.shape}")
    return x, index, axis


def _spread(input, dim, index, source):
    """A 1-d index of slices along `dim` as one of elements, for `scatter`."""
    axis, = axes_of("index", dim, input.ndim)
    shape = [1] * input.ndim
    shape[axis] = -1
    return axis, tensor_of(index).reshape(shape).expand(source.shape)


@attach("index_add")
@axis_too
def index_add(input, dim, index, source, *, alpha=1):
    """`input` with alpha · source[:, j] added to its slice index[j] along `dim`."""
    return scatter_add(input, *_spread(input, dim, index, source), source * alpha)


@attach("index_copy")
@axis_too
def index_copy(input, dim, index, source):
    """`input` with source[:, j] as its slice index[j] along `dim`."""
    return scatter(input, *_spread(input, dim, index, source), source)


@attach("index_fill")
@axis_too
def index_fill(input, dim, index, value):
    """`input` with `value` in the slices that the 1-d `index` names along `dim`."""
    axis, = axes_of("index_fill", dim, input.ndim)
    y = clone(input)
    y[(slice(None),) * axis + (tensor_of(index),)] = value
    return y


@attach("index_put_")
def index_put_(self, indices, values, accumulate=False):
    """self[indices] = values, in place, or += values where `accumulate`; `values` broadcast."""
    if not accumulate:
        self[tuple(indices)] = values
        return self
    places_in_order = np.arange(self.numel()).reshape(self.shape)[tuple(tensor_of(i).array for i in indices)]
    source = tensor_of(values).expand(places_in_order.shape).reshape(-1)
    total = scatter_add(self.reshape(-1), 0, Tensor(places_in_order.reshape(-1)), source)
    return copy_(self, total.reshape(self.shape))


@attach("masked_select")
def masked_select(input, mask):
    """The elements where the boolean `mask` holds, (K,); both broadcast."""
    shape = broadcast("masked_select", input, mask)
    return input.expand(shape)[mask.expand(shape)]


@attach("masked_scatter")
def masked_scatter(input, mask, source):
    """`input` with the elements of `source`, in their order, where the boolean `mask`, which broadcasts, holds."""
    shape = broadcast("masked_scatter", input, mask)
    y, mask = clone(input.expand(shape)), mask.expand(shape)
    y[mask] = source.reshape(-1)[:int(mask.array.sum())]
    return y


@attach("take")
def take(input, index):
    """The elements of the flattened `input` at `index`, in the shape of `index`."""
    return input.reshape(-1)[index]


@attach("nonzero")
def nonzero(input, *, as_tuple=False):
    """The places of all elements that are not zero: (K, ndim), or with `as_tuple` one (K,) for each axis."""
    found = np.nonzero(np.atleast_1d(tensor_of(input).array))
    if as_tuple:
        return tuple(map(Tensor, found))
    return Tensor(np.stack(found, 1)[:, :tensor_of(input).ndim])


@attach("argwhere")
def argwhere(input):
    """`nonzero` by another name: a row for each element that is not zero, (K, C) for C axes."""
    return nonzero(input)


@attach("select")
@axis_too
def select(input, dim, index):
    """The slice number `index` along `dim`, which goes away. A view."""
    axis, = axes_of("select", dim, input.ndim)
    return input[(slice(None),) * axis + (int(index),)]


@attach("narrow")
@axis_too
def narrow(input, dim, start, length):
    """`length` slices from `start` on along `dim`. A view. ValueError where they do not fit."""
    axis, = axes_of("narrow", dim, input.ndim)
    start = int(start) + (input.shape[axis] if start < 0 else 0)
    if not 0 <= start <= start + length <= input.shape[axis]:
        raise ValueError(f"narrow: expected start + length <= {input.shape[axis]}, got {start} and {length}")
    return input[(slice(None),) * axis + (slice(start, start + length),)]


for _function in (scatter_add, scatter, index_add, index_copy, index_fill, masked_scatter):
    written_over(_function)
