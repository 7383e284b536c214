"""Losses whose gradient is better written by hand; the others are compositions in `nn/functional/loss.py`."""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels import softmax as kernels


def rows_of(x):
    """(N, C, d1, ...) -> (N·d1·..., C): one row of class scores for each label."""
    if x.ndim == 2:
        return x
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def _of_rows(rows, shape):
    if len(shape) == 2:
        return rows
    n, c, *rest = shape
    return np.moveaxis(rows.reshape(n, *rest, c), -1, 1)


def _summed(ctx, loss, shape, divisor):
    """The losses, or their sum over `divisor`. For a small batch, an operator for that would cost as much again."""
    ctx.rows, ctx.divisor = loss.size, divisor
    return loss.reshape(shape) if divisor is None else np.asarray(loss.sum(dtype=np.float64) / divisor, loss.dtype)


def _of_each(ctx, dloss):
    """The gradients of the losses, (rows,)."""
    return dloss.reshape(-1) if ctx.divisor is None else np.full(ctx.rows, dloss / ctx.divisor, dloss.dtype)


class CrossEntropy(Function):
    """loss_n = -Σ_c q_nc log p_nc, p = softmax(x), for the label y_n: q_nc = v_c ((1 - ε) [c = y_n] + ε / C).

    dx = dloss (p Σ_c q_c - q). v are class weights (C,) or None, ε is the label smoothing; the loss of an
    ignored label is 0. With a divisor, the result is Σ_n loss_n / divisor. Saves x and two numbers a row,
    t = max_c x_c and log Σ_c e^(x_c - t): p is made again from them, q never whole.
    Shapes: x (N, C, d1, ...), labels (N, d1, ...), loss as the labels.
    Szegedy et al. 2015, "Rethinking the Inception Architecture", section 7 (smoothing).
    """

    @staticmethod
    def forward(ctx, x, labels, weight, ignore_index, divisor, smoothing):
        v = np.ones(x.shape[1], x.dtype) if weight is None else weight
        ctx.save(x)
        ctx.options = np.ascontiguousarray(labels).reshape(-1), ignore_index, v, smoothing
        loss, *ctx.sums = kernels.cross_entropy(rows_of(x), *ctx.options)
        return _summed(ctx, loss, labels.shape, divisor)

    @staticmethod
    def backward(ctx, dloss):
        x, = ctx.saved
        dx = kernels.cross_entropy_backward(_of_each(ctx, dloss), rows_of(x), *ctx.options, *ctx.sums)
        return _of_rows(dx, x.shape)


class NLLLoss(Function):
    """loss_n = -v_y x_ny at the label y_n, x being log-probabilities; dx is -v_y dloss there, 0 elsewhere.

    With a divisor, the result is Σ_n loss_n / divisor. Saves the labels. Shapes as for CrossEntropy.
    """

    @staticmethod
    def forward(ctx, x, labels, weight, ignore_index, divisor):
        rows, y = rows_of(x), labels.reshape(-1)
        keep = y != ignore_index
        ctx.shape, ctx.y, ctx.keep = x.shape, np.where(keep, y, 0), keep
        ctx.slope = -(keep if weight is None else keep * weight[ctx.y]).astype(x.dtype)
        loss = np.where(keep, ctx.slope * rows[np.arange(len(y)), ctx.y], 0)
        return _summed(ctx, loss.astype(x.dtype), labels.shape, divisor)

    @staticmethod
    def backward(ctx, dloss):
        dx = np.zeros((ctx.y.size, ctx.shape[1]), dloss.dtype)
        dx[np.arange(len(dx)), ctx.y] = np.where(ctx.keep, ctx.slope * _of_each(ctx, dloss), 0)
        return _of_rows(dx, ctx.shape)


class BCEWithLogits(Function):
    """loss = -(v y log σ(x) + (1 - y) log(1 - σ(x))), v for positives, written so that nothing overflows:
    (1 - y) x + (1 + (v - 1) y) log(1 + e^-x).

    dx = dloss (σ(x) (1 - y + v y) - v y), dy = -dloss (x + (1 - v) log(1 + e^-x)). Saves x and y, which have
    one shape; v broadcasts to it.
    """

    @staticmethod
    def forward(ctx, x, y, v):
        ctx.save(x, y)
        ctx.v = v
        return (1 - y) * x + (1 + (v - 1) * y) * np.logaddexp(0, -x)

    @staticmethod
    def backward(ctx, dloss):
        (x, y), v = ctx.saved, ctx.v
        sigma = np.exp(-np.logaddexp(0, -x))
        dx = dloss * (sigma * (1 - y + v * y) - v * y) if ctx.needs[0] else None
        dy = -dloss * (x + (1 - v) * np.logaddexp(0, -x)) if ctx.needs[1] else None
        return dx, dy


class BCE(Function):
    """loss = -(y log x + (1 - y) log(1 - x)) for probabilities x, no logarithm below -100.

    dx = dloss (x - y) / max(x (1 - x), 1e-12), dy = dloss (log(1 - x) - log x). Saves x and y, which have one shape.
    """

    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        log, log_rest = _logarithms(x)
        return -(y * log + (1 - y) * log_rest)

    @staticmethod
    def backward(ctx, dloss):
        x, y = ctx.saved
        dx = dloss * (x - y) / np.maximum(x * (1 - x), 1e-12).astype(x.dtype) if ctx.needs[0] else None
        log, log_rest = _logarithms(x)
        return dx, dloss * (log_rest - log) if ctx.needs[1] else None


def _logarithms(x):
    return np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
