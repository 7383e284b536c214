"""Reducing what arrives at each place along one axis: the product, the largest, the smallest, the mean."""

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.ops.common import axis_too, tensor_of
from tinynet.ops.indexing import places
from tinynet.ops.scatter import arguments, scatter_add, scattered
from tinynet.tensor import attach


class ScatterProd(Function):
    """y = x times the elements of src that arrive at each place (for dim 1: src[i, j] at [i, index[i, j]]).

    The gradient of each factor is dy times the product of all others. With `alone`, x does not count where something
    arrives.
    """

    @staticmethod
    def forward(ctx, x, src, index, axis, alone):
        ctx.at, ctx.used, ctx.alone = places(index, axis), tuple(slice(0, n) for n in index.shape), alone
        y = x.copy()
        if alone:
            y[ctx.at] = 1
        np.multiply.at(y, ctx.at, src[ctx.used])
        ctx.save(x, src)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, src = ctx.saved
        arrived, base = src[ctx.used], x.copy()
        if ctx.alone:
            base[ctx.at] = 1
        product, zeros = np.where(base == 0, 1, base), (base == 0).astype(int)
        np.multiply.at(product, ctx.at, np.where(arrived == 0, 1, arrived))
        np.add.at(zeros, ctx.at, arrived == 0)
        dx, dsrc = dy * _others(base, product, zeros), np.zeros(src.shape, dy.dtype)
        if ctx.alone:
            dx[ctx.at] = 0
        dsrc[ctx.used] = dy[ctx.at] * _others(arrived, product[ctx.at], zeros[ctx.at])
        return dx, dsrc


def _others(factor, product, zeros):
    """The product of all factors but `factor`. `product` is that of those that are not 0, `zeros` counts the rest."""
    rest = product / np.where(factor == 0, 1, factor)
    return np.where(zeros == (factor == 0), rest, 0)


class ScatterExtreme(Function):
    """y = the largest (`ufunc` np.maximum) or smallest (np.minimum) of x and of what arrives from src at each place.

    dy goes in equal parts to all that equal y. With `alone`, x does not count where something arrives.
    """

    @staticmethod
    def forward(ctx, x, src, index, axis, ufunc, alone):
        ctx.at, ctx.used, ctx.alone = places(index, axis), tuple(slice(0, n) for n in index.shape), alone
        y = x.copy()
        if alone:
            y[ctx.at] = src[ctx.used]                          # any of them, to start with
        ufunc.at(y, ctx.at, src[ctx.used])
        ctx.save(x, src, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, src, y = ctx.saved
        own, arrived = x == y, src[ctx.used] == y[ctx.at]
        if ctx.alone:
            own[ctx.at] = False
        count = own.astype(dy.dtype)
        np.add.at(count, ctx.at, arrived)
        part = dy / np.maximum(count, 1)
        dsrc = np.zeros(src.shape, dy.dtype)
        dsrc[ctx.used] = part[ctx.at] * arrived
        return part * own, dsrc


@attach("scatter_reduce")
@axis_too
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """`input` with what src[i, j] does at [i, index[i, j]] for dim=1, and alike for others; the shape of `input`.

    `reduce` is "sum", "prod", "mean" (of whole numbers: rounded down), "amax" or "amin". The element of `input` counts
    unless `include_self` is False. ValueError for another `reduce`.
    """
    given = arguments("scatter_reduce", input, dim, index, src)
    alone = not include_self
    if reduce == "prod":
        return scattered(ScatterProd.apply, input, given, alone)
    if reduce in ("amax", "amin"):
        return scattered(ScatterExtreme.apply, input, given, np.maximum if reduce == "amax" else np.minimum, alone)
    if reduce not in ("sum", "mean"):
        raise ValueError(f'scatter_reduce: expected reduce "sum", "prod", "mean", "amax" or "amin", got {reduce!r}')
    x, ones = tensor_of(input), tensor_of(src).new_ones(src.shape)
    arrived = scatter_add(x.new_zeros(x.shape), dim, index, ones)
    total = scatter_add(x.masked_fill(arrived != 0, 0) if alone else x, dim, index, src)
    if reduce == "sum":
        return total
    count = arrived.clamp(min=1) if alone else arrived + 1
    return total / count if dtypes.is_floating(x.dtype) else total // count
