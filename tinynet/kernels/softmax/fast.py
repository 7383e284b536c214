"""Softmax and cross-entropy row by row, in compiled loops; the formulas are in `spec.py`.

Why it is fast. NumPy goes through memory once for each of its functions, six times for a softmax. Here a row is read
into the nearest cache once; its maximum, exponentials, sum and quotients follow each other there, with the exponential
of `vector_math`, which is SIMD. The threads get chunks of rows.
"""

import math

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import GRAIN, over_chunks
from tinynet.kernels.machine.vector_math import decay, full_width, largest

IN_ORDER = {"contract", "nsz"}                      # NaN and infinity stay what they are, and so does the order of sums
ANY_ORDER = {"reassoc", *IN_ORDER}                   # what a sum needs to become SIMD


def softmax(x, axis, safe=False):
    return by_rows(softmax_rows, axis, (x,), safe)


def softmax_backward(dy, y, axis):
    return by_rows(softmax_gradient_rows, axis, (dy, y))


def log_softmax(x, axis):
    return by_rows(log_softmax_rows, axis, (x,))


def log_softmax_backward(dy, y, axis):
    return by_rows(log_softmax_gradient_rows, axis, (dy, y))


def cross_entropy(x, labels, ignored, weight, smoothing):
    x, loss, top, log_sum = np.ascontiguousarray(x), *np.empty((3, len(x)), x.dtype)
    over_rows(cross_entropy_rows, (x, labels, loss, top, log_sum), ignored, weight, smoothing)
    return loss, top, log_sum


def cross_entropy_backward(dloss, x, labels, ignored, weight, smoothing, top, log_sum):
    x, dloss = np.ascontiguousarray(x), np.ascontiguousarray(dloss)
    dx = np.empty_like(x)
    over_rows(cross_entropy_gradient_rows, (x, dloss, labels, top, log_sum, dx), ignored, weight, smoothing)
    return dx


def by_rows(loop, axis, arrays, *options):
    """loop(*rows, out, *options): the arrays as rows along `axis`, (rows, values), and a result of the same order."""
    moved = [np.moveaxis(a, axis, -1) for a in arrays]
    rows = [np.ascontiguousarray(a).reshape(-1, a.shape[-1]) if a.size else a.reshape(0, 1) for a in moved]
    out = np.empty_like(rows[0])
    over_rows(loop, (*rows, out), *options)
    return np.moveaxis(out.reshape(moved[0].shape), -1, axis)


def over_rows(loop, arrays, *options):
    """loop(part, ..., *options) for chunks of rows; the first array is (rows, values)."""
    over_chunks(loop, arrays, *options, grain=max(1, GRAIN // max(1, arrays[0].shape[1])))


@jit
def top_of(x):
    """The maximum of a row; 0 where there is nothing above -inf, because -inf - -inf would be NaN."""
    top = largest(x)
    return x.dtype.type(0) if top == -np.inf else top


# Only these four may take their sums in any order. Elsewhere, (x - max x) - log Σ must not become x - (max x + log Σ).

@jit(fastmath=ANY_ORDER)
def total(x):
    full_width()
    result = x.dtype.type(0)
    for i in range(x.size):
        result += x[i]
    return result


@jit(fastmath=ANY_ORDER)
def dot(x, y):
    full_width()
    result = x.dtype.type(0)
    for i in range(x.size):
        result += x[i] * y[i]
    return result


@jit(fastmath=ANY_ORDER)
def total_exp(x, top):
    """Σ exp(x - top)."""
    full_width()
    result = x.dtype.type(0)
    for i in range(x.size):
        result += decay(x[i] - top)
    return result


@jit(fastmath=ANY_ORDER)
def dot_below(x, top, weight):
    """Σ (x - top) · weight."""
    result = x.dtype.type(0)
    for i in range(x.size):
        result += (x[i] - top) * weight[i]
    return result


@jit(fastmath=IN_ORDER)
def softmax_rows(x, y, safe):
    full_width()
    one = x.dtype.type(1)
    for row in range(len(x)):
        values, out = x[row], y[row]
        top = top_of(values)
        for i in range(out.size):
            out[i] = decay(values[i] - top)
        divisor = total(out)
        if safe and divisor == 0:
            continue
        factor = one / divisor
        for i in range(out.size):
            out[i] *= factor


@jit(fastmath=IN_ORDER)
def softmax_gradient_rows(dy, y, dx):
    full_width()
    for row in range(len(y)):
        up, values, out = dy[row], y[row], dx[row]
        average = dot(up, values)
        for i in range(values.size):
            out[i] = values[i] * (up[i] - average)


@jit(fastmath=IN_ORDER)
def log_softmax_rows(x, y):
    full_width()
    for row in range(len(x)):
        values, out = x[row], y[row]
        top = top_of(values)
        log_sum = x.dtype.type(math.log(total_exp(values, top)))
        for i in range(values.size):
            out[i] = (values[i] - top) - log_sum


@jit(fastmath=IN_ORDER)
def log_softmax_gradient_rows(dy, y, dx):
    full_width()
    for row in range(len(y)):
        up, values, out = dy[row], y[row], dx[row]
        whole = total(up)
        for i in range(values.size):
            out[i] = up[i] - decay(values[i]) * whole


@jit(fastmath=IN_ORDER)
def cross_entropy_rows(x, labels, loss, tops, log_sums, ignored, weight, smoothing):
    full_width()
    kind, classes = x.dtype.type, x.shape[1]
    spread, certain, mass = kind(smoothing / classes), kind(1 - smoothing), total(weight)
    for row in range(len(x)):
        values, label = x[row], labels[row]
        top = top_of(values)
        log_sum = kind(math.log(total_exp(values, top)))
        tops[row], log_sums[row], loss[row] = top, log_sum, 0
        if label != ignored:
            loss[row] = certain * weight[label] * (log_sum - (values[label] - top))
            if spread:
                loss[row] += spread * (mass * log_sum - dot_below(values, top, weight))


@jit(fastmath=IN_ORDER)
def cross_entropy_gradient_rows(x, dloss, labels, tops, log_sums, dx, ignored, weight, smoothing):
    full_width()
    kind, classes = x.dtype.type, x.shape[1]
    spread, certain, mass = kind(smoothing / classes), kind(1 - smoothing), total(weight)
    for row in range(len(x)):
        values, out, label, up = x[row], dx[row], labels[row], dloss[row]
        if label == ignored:
            out[:] = 0
            continue
        top, log_sum, of_label = tops[row], log_sums[row], certain * weight[label]
        whole = up * (of_label + spread * mass)
        for i in range(classes):
            out[i] = whole * decay((values[i] - top) - log_sum) - up * spread * weight[i]
        out[label] -= up * of_label
