"""Order: sorting, the largest k, medians, unique values. NaN counts as larger than every number, as in PyTorch.

Elements are picked by `gather`, so that their gradients go back to their places.
"""

from collections import namedtuple

import numpy as np

from tinynet.ops.choice import where
from tinynet.ops.common import axes_of, axis_too, cast, require_floating, tensor_of
from tinynet.ops.comparison import isnan
from tinynet.ops.elementary import ceil, floor, round
from tinynet.ops.extremes import Extreme
from tinynet.ops.indexing import gather
from tinynet.ops.reduce import one_axis
from tinynet.tensor import Tensor, attach

Sorted = namedtuple("Sorted", "values indices")


@attach("argsort")
@axis_too
def argsort(input, dim=-1, descending=False, stable=False):
    """The indices that sort `input` along `dim`, equal ones in their order (as if `stable` were True)."""
    x, axis = one_axis("argsort", dim, tensor_of(input))
    array = np.flip(x.array, axis) if descending else x.array
    index = np.argsort(array, axis, kind="stable")
    if descending:
        index = np.flip(x.shape[axis] - 1 - index, axis)
    return Tensor(np.ascontiguousarray(index).reshape(input.shape))


@attach("sort")
@axis_too
def sort(input, dim=-1, descending=False, stable=False):
    """(values, indices) in ascending order along `dim`; equal ones stay in their order (as if `stable` were True)."""
    return _picked(input, dim, argsort(input, dim, descending))


@attach("msort")
def msort(input):
    """The values in ascending order along the first axis, in the same shape."""
    return sort(input, 0).values


@attach("topk")
@axis_too
def topk(input, k, dim=-1, largest=True, sorted=True):
    """(values, indices) of the `k` largest (or smallest) along `dim`, in order, whatever `sorted` says.

    ValueError unless 0 <= k <= the length of that axis.
    """
    x, axis = one_axis("topk", dim, tensor_of(input))
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"topk: expected k in [0, {x.shape[axis]}] for shape {x.shape}, got {k}")
    order = argsort(x, axis, descending=largest).array
    index = Tensor(order[(slice(None),) * axis + (slice(0, k),)])
    return _picked(input, dim, index if input.ndim else index.reshape(()))


def _picked(input, dim, index):
    if not input.ndim:
        return Sorted(input.clone(), index)
    return Sorted(gather(input, dim, index), index)


@attach("kthvalue")
@axis_too
def kthvalue(input, k, dim=-1, keepdim=False):
    """(values, indices) of the `k`-th smallest, counted from 1, along `dim`.

    ValueError unless 1 <= k <= the length of that axis.
    """
    x, axis = one_axis("kthvalue", dim, tensor_of(input))
    if not 1 <= k <= x.shape[axis]:
        raise ValueError(f"kthvalue: expected k in [1, {x.shape[axis]}] for shape {x.shape}, got {k}")
    order = argsort(x, axis).array
    return _kept(input, x, axis, Tensor(np.take(order, [k - 1], axis)), keepdim)


@attach("median")
@axis_too
def median(input, dim=None, keepdim=False):
    """The median (of an even number, the lower of the two in the middle): of all, or (values, indices) over `dim`.

    NaN if there is one.
    """
    x = tensor_of(input)
    if dim is None:
        return median(x.reshape(-1), 0).values if x.numel() else x.new_full((), float("nan"))
    row, axis = one_axis("median", dim, x)
    order = argsort(row, axis).array
    index = np.take(order, [(row.shape[axis] - 1) // 2], axis)
    if x.is_floating_point():
        nan = np.isnan(row.array)
        index = np.where(nan.any(axis, keepdims=True), nan.argmax(axis, keepdims=True), index)
    return _kept(x, row, axis, Tensor(index), keepdim)


def _kept(input, row, axis, index, keepdim):
    """The elements that one index of each row picks, without that axis unless `keepdim`."""
    values = gather(row, axis, index)
    if not keepdim or not input.ndim:
        values, index = values.squeeze(axis), index.squeeze(axis)
    return Extreme(values, index)


_ROUNDED = {"lower": floor, "higher": ceil, "nearest": round}      # a position to that of an element


@attach("quantile")
@axis_too
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The value below which a share `q` in [0, 1] of all elements lies, or of those over `dim`; NaN if one is NaN.

    Several q, (Q,), give a first axis: (Q, ...). `interpolation` is the value between two elements: the "linear" mean,
    the "midpoint", or the "lower", "higher" or "nearest" of them. ValueError for another word and for `q` outside.
    """
    x = tensor_of(input)
    require_floating("quantile", x)
    if interpolation not in ("linear", "midpoint", *_ROUNDED):
        raise ValueError(f"quantile: expected interpolation linear, midpoint, {', '.join(_ROUNDED)}, "
                         f"got {interpolation!r}")
    q = q if isinstance(q, Tensor) else Tensor(np.asarray(q, x.dtype))
    if q.ndim > 1 or not ((q.array >= 0) & (q.array <= 1)).all():
        raise ValueError(f"quantile: expected q in [0, 1], a number or several in one axis, got {q}")
    row, axis = one_axis("quantile", 0 if dim is None else dim, x.reshape(-1) if dim is None else x)
    found = _at(sort(row, axis).values.movedim(axis, 0), cast(q.reshape(-1), x.dtype), interpolation)
    if keepdim and x.ndim:
        found = found.unsqueeze(axis + 1) if dim is not None else found.reshape(-1, *[1] * x.ndim)
    return found if q.ndim else found[0]


def _at(ordered, q, interpolation):
    """The quantiles along the first axis of sorted elements: (N, ...), (Q,) -> (Q, ...)."""
    place = _ROUNDED.get(interpolation, lambda place: place)(q * (len(ordered) - 1))
    low = np.floor(place.array)
    below, above = (ordered[Tensor(i.astype(np.int64))] for i in (low, np.ceil(place.array)))
    weight = 0.5 if interpolation == "midpoint" else (place - Tensor(low)).reshape(-1, *[1] * (ordered.ndim - 1))
    last = ordered[-1:]                                        # sorting puts NaN last
    return where(isnan(last), last, below + (above - below) * weight)


@attach("unique")
def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The different elements (K,), or slices along `dim`, in order, whatever `sorted` says. Without a gradient.

    On request also, in this order: for each element the place of its value, and how often each value occurs.
    """
    x = tensor_of(input).array
    values, inverse, counts = np.unique(x, axis=dim, return_inverse=True, return_counts=True, equal_nan=False)
    inverse = inverse.reshape(x.shape if dim is None else -1)
    found = [values, *([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return Tensor(values) if len(found) == 1 else tuple(map(Tensor, found))


@attach("unique_consecutive")
@axis_too
def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The flattened `input`, (K,), with one element for each run of equal ones; with `dim`, one slice for each run.

    On request also, in this order: for each element (slice) the number of its run, and how long each run is.
    """
    x = tensor_of(input).array
    axis, = axes_of("unique_consecutive", 0 if dim is None else dim, x.ndim) or (0,)
    rows = x.reshape(-1) if dim is None or not x.ndim else np.moveaxis(x, axis, 0)
    different = (rows[1:] != rows[:-1]).any(tuple(range(1, rows.ndim)))
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(rows), 1), bool), different]))
    counts = np.diff(np.append(starts, len(rows)))
    inverse = np.repeat(np.arange(len(starts)), counts).reshape(x.shape if dim is None else -1)
    values = np.moveaxis(rows[starts], 0, axis) if rows.ndim > 1 else rows[starts]
    found = [values, *([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return Tensor(found[0]) if len(found) == 1 else tuple(map(Tensor, found))


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """The place of each element of `input`, of any shape, in `sorted_sequence` (N,), as int64 or int32.

    It is before equal elements; after them with `right` or side="right". Rows of sequences (..., N) take rows (..., M).
    `sorter` is the order that sorts the sequence, as `argsort` gives it. ValueError for other shapes and sides.
    """
    sequence, x = tensor_of(sorted_sequence).array, tensor_of(input).array
    if side not in (None, "left", "right") or side == "left" and right:
        raise ValueError(f'searchsorted: expected side "left" or "right", as `right` says, got {side!r} and {right}')
    if sequence.ndim != 1 and sequence.shape[:-1] != x.shape[:-1]:
        raise ValueError(f"searchsorted: expected a sequence (N,) or rows like those of {x.shape}, "
                         f"got {sequence.shape}")
    if sorter is not None:
        sequence = np.take_along_axis(sequence, sorter.array, -1)
    side, dtype = "right" if right else side or "left", np.int32 if out_int32 else np.int64
    if sequence.ndim == 1:
        return Tensor(np.asarray(np.searchsorted(sequence, x, side), dtype))
    found = np.empty(x.shape, dtype)
    for row in np.ndindex(x.shape[:-1]):
        found[row] = np.searchsorted(sequence[row], x[row], side)
    return Tensor(found)


@attach("bucketize")
def bucketize(input, boundaries, *, out_int32=False, right=False):
    """The number of the bucket between sorted `boundaries` (N,) for each element; options as in `searchsorted`."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
