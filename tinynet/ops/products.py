"""Products and norms over axes, running products, and counts."""

import math

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.ops import reduce
from tinynet.ops.choice import where
from tinynet.ops.common import axes_of, axis_too, require_floating, tensor_of
from tinynet.ops.comparison import isnan
from tinynet.ops.extremes import Amax, Amin, amax, amin, largest
from tinynet.ops.joining import cat
from tinynet.ops.pointwise import abs, sign_of
from tinynet.ops.reduce import one_axis, prepared, remember, restored
from tinynet.tensor import Tensor, attach


class Prod(Function):
    """y = Π x along one axis; dx_i = dy Π_{j≠i} x_j: y / x_i, or with zeros from the products before and after i.

    Saves x and y.
    """

    @staticmethod
    def forward(ctx, x, axes, keepdim):
        remember(ctx, x, axes, keepdim)
        y = np.asarray(np.prod(x, axes, keepdims=keepdim, dtype=x.dtype))
        ctx.save(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved
        axis, = ctx.axes
        if x.all():
            return restored(ctx, dy) * (restored(ctx, y) / x)
        before = _products_before(x, axis)
        after = np.flip(_products_before(np.flip(x, axis), axis), axis)
        return restored(ctx, dy) * before * after


def _products_before(x, axis):
    """1, x_0, x_0 x_1, ..., without the last product."""
    shifted = np.roll(x, 1, axis)
    shifted[(slice(None),) * axis + (slice(0, 1),)] = 1
    return np.cumprod(shifted, axis, dtype=x.dtype)


@attach("prod")
@axis_too
def prod(input, dim=None, keepdim=False, *, dtype=None):
    """Π over `dim`, an int, or over all. Integers and booleans give int64."""
    x = prepared("prod", input, dtype, widen=True)
    if dim is None:
        x, dim = x.reshape(-1), 0
    row, axis = one_axis("prod", dim, x)
    return Prod.apply(row, (axis,), keepdim and x.ndim > 0)


class CumProd(Function):
    """y_i = x_0 · ... · x_i; dx_i = Σ_{j>=i} dy_j y_j / x_i, or with zeros (x_0 ... x_{i-1}) g_i, where
    g_i = dy_i + x_{i+1} g_{i+1}. Saves x and y."""

    @staticmethod
    def forward(ctx, x, axis):
        ctx.axis = axis
        y = np.cumprod(x, axis, dtype=x.dtype)
        ctx.save(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved
        if x.all():
            return np.flip(np.cumsum(np.flip(dy * y, ctx.axis), ctx.axis), ctx.axis) / x
        rows, g = np.moveaxis(x, ctx.axis, 0), np.moveaxis(dy, ctx.axis, 0).copy()
        for i in range(len(g) - 2, -1, -1):
            g[i] += rows[i + 1] * g[i + 1]
        before = _products_before(x, ctx.axis)
        return np.where(before == 0, 0, before * np.moveaxis(g, 0, ctx.axis))


@attach("cumprod")
@axis_too
def cumprod(input, dim, *, dtype=None):
    """The products of all elements up to and including each, along `dim`."""
    x = prepared("cumprod", input, dtype, widen=True)
    row, axis = one_axis("cumprod", dim, x)
    return CumProd.apply(row, axis) if x.ndim else x


class PNorm(Function):
    """y = (Σ |x|^p)^(1/p), p ≠ 0 and finite; dx = dy sign(x) (|x| / y)^(p-1), 0 where y = 0 (p < 1: x = 0)."""

    @staticmethod
    def forward(ctx, x, p, axes, keepdim):
        remember(ctx, x, axes, keepdim)
        wide = np.abs(x, dtype=np.float64)
        y = (np.sum(wide ** p, axes, keepdims=keepdim) ** (1 / p)).astype(x.dtype)
        ctx.save(x, y)
        ctx.p = p
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved
        y, p = restored(ctx, y), ctx.p
        if p == 1:
            return restored(ctx, dy) * sign_of(x)
        slope = x / y if p == 2 else sign_of(x) * (np.abs(x) / y) ** (p - 1)
        return np.where((x if p < 1 else y) == 0, 0, restored(ctx, dy) * slope).astype(x.dtype)


@attach("norm")
@axis_too
def norm(input, p="fro", dim=None, keepdim=False, *, dtype=None):
    """(Σ |x|^p)^(1/p) over `dim` (an int, several, or None for all); "fro" is p = 2, inf and -inf the extremes.

    p = 0 counts what is not zero. The gradient is 0 where the norm is. ValueError for another text as `p`.
    """
    x = prepared("norm", input, dtype)
    require_floating("norm", x)
    p = 2 if p in ("fro", None) else p
    if isinstance(p, str):
        raise ValueError(f'norm: expected a number or "fro" as p, got {p!r}')
    if math.isinf(p):
        return largest("norm", Amax if p > 0 else Amin, abs(x), dim, keepdim, beside_nan=True)
    if p == 0:
        return reduce.sum(where(x != 0, 1, 0 * x), dim, keepdim)          # 0 · x: its gradient is 0, and is there
    return PNorm.apply(x, p, axes_of("norm", dim, x.ndim), keepdim)


@attach("var_mean")
@axis_too
def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(var, mean) over `dim`; `correction` is 1, or 0 with `unbiased=False`."""
    variance = reduce.var(input, dim, unbiased, keepdim, correction=correction)
    return variance, reduce.mean(input, None if isinstance(dim, bool) else dim, keepdim)


@attach("std_mean")
@axis_too
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(std, mean) over `dim`; `correction` is 1, or 0 with `unbiased=False`."""
    deviation = reduce.std(input, dim, unbiased, keepdim, correction=correction)
    return deviation, reduce.mean(input, None if isinstance(dim, bool) else dim, keepdim)


@attach("nansum")
@axis_too
def nansum(input, dim=None, keepdim=False, *, dtype=None):
    """`sum` over `dim` with 0 in place of NaN."""
    return reduce.sum(where(isnan(input), 0, input), dim, keepdim, dtype=dtype)


@attach("nanmean")
@axis_too
def nanmean(input, dim=None, keepdim=False, *, dtype=None):
    """`mean` over `dim` of the elements that are not NaN."""
    return nansum(input, dim, keepdim, dtype=dtype) / reduce.sum(~isnan(input), dim, keepdim)


@attach("count_nonzero")
@axis_too
def count_nonzero(input, dim=None):
    """The number of elements over `dim` are not zero."""
    return reduce.sum(tensor_of(input) != 0, dim)


@attach("bincount")
def bincount(input, weights=None, minlength=0):
    """The count of each of 0, 1, ... in `input` (N,), or the sum of its weights; at least `minlength` counts."""
    counts = np.bincount(input.array, None if weights is None else weights.array, minlength)
    return Tensor(counts if weights is None else counts.astype(np.float64))


@attach("histc")
def histc(input, bins=100, min=0, max=0):
    """The number of elements fall into each of `bins` equal parts of [min, max] (equal: of all there are): (bins,)."""
    x = input.array
    limits = (x.min(), x.max()) if min == max and x.size else (min, max)
    return Tensor(np.histogram(x, bins, limits)[0].astype(x.dtype))


@attach("trace")
def trace(input):
    """The sum of the diagonal of a matrix (M, N): a 0-d tensor. ValueError for other than two axes."""
    if input.ndim != 2:
        raise ValueError(f"trace: expected a matrix, got shape {input.shape}")
    return reduce.sum(input.diagonal())


@attach("diff")
def diff(input, n=1, dim=-1, prepend=None, append=None):
    """The differences of neighbours along `dim`, `n` times; `prepend` and `append` come before and after `input`.

    ValueError for a negative `n` and for a tensor of shape ().
    """
    if n < 0 or not input.ndim:
        raise ValueError(f"diff: expected n of 0 or more and at least one axis, got {n} and shape {input.shape}")
    if n and (prepend is not None or append is not None):
        input = cat([x for x in (prepend, input, append) if x is not None], dim)
    for _ in range(min(n, input.shape[dim])):
        after, before = input.narrow(dim, 1, input.shape[dim] - 1), input.narrow(dim, 0, input.shape[dim] - 1)
        input = after ^ before if input.dtype == dtypes.bool else after - before
    return input


@attach("aminmax")
@axis_too
def aminmax(input, *, dim=None, keepdim=False):
    """(amin, amax) over `dim`."""
    dim = () if dim is None else dim
    return amin(input, dim, keepdim), amax(input, dim, keepdim)


