"""Writing to, and adding at, places along one axis; and the selections that are their inverse."""

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.common import as_type, axes_of, axis_too, broadcast, tensor_of
from tinynet.ops.convert import clone
from tinynet.ops.in_place import copy_, written_over
from tinynet.ops.indexing import check_range, places
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
    return scattered(ScatterAdd.apply, input, arguments("scatter_add", input, dim, index, src))


@attach("scatter")
@axis_too
def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """`input` with src[i, j], or the number `value`, at [i, index[i, j]] for dim=1; the shape of `input`.

    `reduce="add"` adds instead, `"multiply"` multiplies; ValueError for other words.
    """
    if reduce not in (None, "add", "multiply"):
        raise ValueError(f'scatter: expected reduce None, "add" or "multiply", got {reduce!r}')
    src = value if src is None else src
    if not isinstance(src, Tensor):
        src = tensor_of(input).new_full((), src).expand(tensor_of(index).shape)
    if reduce == "multiply":
        from tinynet.ops.scatter_reduce import scatter_reduce
        return scatter_reduce(input, dim, index, src, "prod")
    return scattered(_written if reduce is None else ScatterAdd.apply, input,
                     arguments("scatter", input, dim, index, src))


def _written(x, src, index, axis):
    """`x` with the elements of `src` written over those that `index` names."""
    y = clone(x)
    y[tuple(map(Tensor, np.broadcast_arrays(*places(index, axis))))] = src[tuple(map(slice, index.shape))]
    return y


def arguments(name, input, dim, index, src):
    """(x, src, index as an array, axis): what scatters elements, checked. A number is a vector of one."""
    x, index, src = tensor_of(input), tensor_of(index), tensor_of(src)
    if src.dtype != x.dtype:
        raise TypeError(f"{name}: expected src of the type of the input, {x.dtype}, got {src.dtype}")
    axis, = axes_of(name, dim, x.ndim) or (0,)
    x, index, src = (t if t.ndim else t.reshape(1) for t in (x, index, src))
    if index.numel():
        check_range(name, index.array, x.shape[axis])
        fits = x.ndim == index.ndim == src.ndim and all(n <= m for n, m in zip(index.shape, src.shape)) and \
            all(n <= m or i == axis for i, (n, m) in enumerate(zip(index.shape, x.shape)))
        if not fits:
            raise ValueError(f"{name}: expected an index that fits into src {src.shape} and, but for dim {dim}, into "
                             f"the input {x.shape}, got {index.shape}")
    return x, src, index.array, axis


def scattered(apply, input, given, *more):
    """apply(x, src, index, axis, *more) in the shape of `input`; an empty index leaves all as it is."""
    x, src, index, axis = given
    y = apply(x, src, index, axis, *more) if index.size else clone(x)
    return y.reshape(tensor_of(input).shape)


def _spread(name, input, dim, index, source):
    """(axis, index, source) for `scatter`, from a 1-d index of slices along `dim`."""
    axis, = axes_of(name, dim, input.ndim) or (0,)
    source = source if source.ndim else source.reshape(1)
    shape = [1] * source.ndim
    shape[axis] = -1
    return axis, tensor_of(index).reshape(shape).expand(source.shape), source


@attach("index_add")
@axis_too
def index_add(input, dim, index, source, *, alpha=1):
    """`input` with alpha · source[:, j] added to its slice index[j] along `dim`."""
    return scatter_add(input, *_spread("index_add", input, dim, index, source * alpha))


@attach("index_copy")
@axis_too
def index_copy(input, dim, index, source):
    """`input` with source[:, j] as its slice index[j] along `dim`."""
    return scatter(input, *_spread("index_copy", input, dim, index, source))


@attach("index_fill")
@axis_too
def index_fill(input, dim, index, value):
    """`input` with `value` in the slices that the 1-d `index` names along `dim`."""
    axis, = axes_of("index_fill", dim, input.ndim) or (0,)
    y = clone(input if input.ndim else input.reshape(1))
    once = np.unique(tensor_of(index).array % max(y.shape[axis], 1))       # a value given as a tensor counts once
    y[(slice(None),) * axis + (once,)] = value
    return y.reshape(input.shape)


@attach("index_put_")
def index_put_(self, indices, values, accumulate=False):
    """self[indices] = values, in place, or += values where `accumulate`; `values` broadcast."""
    if not accumulate:
        self[tuple(indices)] = values
        return self
    places_in_order = np.arange(self.numel()).reshape(self.shape)[tuple(tensor_of(i).array for i in indices)]
    source = as_type(values, self.dtype).expand(places_in_order.shape).reshape(-1)
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
    if not input.ndim:
        raise ValueError("narrow: expected at least one axis, got a tensor of shape ()")
    axis, = axes_of("narrow", dim, input.ndim)
    if isinstance(start, Tensor) and (start.ndim or start.dtype.kind not in "iu"):
        raise TypeError(f"narrow: expected start as an integer, got {start.dtype} of shape {start.shape}")
    start = int(start) + (input.shape[axis] if start < 0 else 0)
    if not 0 <= start <= start + length <= input.shape[axis]:
        raise ValueError(f"narrow: expected start + length <= {input.shape[axis]}, got {start} and {length}")
    return input[(slice(None),) * axis + (slice(start, start + length),)]


for _function in (scatter_add, scatter, index_add, index_copy, index_fill, masked_scatter):
    written_over(_function)
