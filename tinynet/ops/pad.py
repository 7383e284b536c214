"""Making an image larger (or, with negative numbers, smaller) at its borders."""

import numpy as np

from tinynet.autograd import Function


class PadConstant(Function):
    """y = x with `value` around it; a negative width cuts off. dx is that part of dy. Saves nothing.

    `widths` has a pair (before, after) for each axis.
    """

    @staticmethod
    def forward(ctx, x, widths, value):
        ctx.shape = x.shape
        sizes = [n + before + after for n, (before, after) in zip(x.shape, widths)]
        ctx.inner = tuple(slice(max(b, 0), size - max(a, 0)) for size, (b, a) in zip(sizes, widths))   # in y
        ctx.kept = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, widths))      # in x
        y = np.full_like(x, value, shape=sizes)                # in the memory order of x
        y[ctx.inner] = x[ctx.kept]
        return y

    @staticmethod
    def backward(ctx, dy):
        dx = np.zeros_like(dy, shape=ctx.shape)
        dx[ctx.kept] = dy[ctx.inner]
        return dx


class PadIndex(Function):
    """Borders that copy inner values: y = x[sources], axis by axis; dx adds the gradients of all copies.

    `sources` maps each axis that changes to the position in x of every position in y. Saves nothing.
    """

    @staticmethod
    def forward(ctx, x, sources):
        ctx.shape, ctx.sources = x.shape, sources
        for axis, source in sources.items():
            x = _like_memory(x, x.take(source, axis))
        return x

    @staticmethod
    def backward(ctx, dy):
        for axis, source in reversed(ctx.sources.items()):
            size, dy = ctx.shape[axis], np.moveaxis(dy, axis, 0)
            dx = np.zeros_like(dy, shape=(size, *dy.shape[1:]))
            for i in range(size):
                dx[i] = dy[source == i].sum(0)
            dy = np.moveaxis(dx, 0, axis)
        return dy


def _like_memory(x, y):
    ordered = np.empty_like(x, shape=y.shape)
    ordered[...] = y
    return ordered


def reflected(size, before, after):
    """The source positions of a reflected axis: ... 2 1 | 0 1 2 ... n-1 | n-2 ..."""
    return (size - 1) - np.abs((size - 1) - np.abs(np.arange(-before, size + after)))


def replicated(size, before, after):
    """0 0 | 0 1 2 ... n-1 | n-1 n-1"""
    return np.arange(-before, size + after).clip(0, size - 1)


def wrapped(size, before, after):
    """... n-2 n-1 | 0 1 2 ... n-1 | 0 1 ...; what a negative width cuts off does not come back at the other end."""
    kept = np.arange(max(-before, 0), size - max(-after, 0))
    return kept[np.arange(-max(before, 0), len(kept) + max(after, 0)) % len(kept)]
