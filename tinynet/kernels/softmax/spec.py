"""Softmax along one axis, its logarithm, and cross-entropy: forward and backward.

All subtract the maximum first: exp of what is left is at most 1 and cannot overflow. `x` may have any shape; for
cross-entropy it is (rows, classes), one row of scores for each label.
"""

import numpy as np

from tinynet.kernels.machine.backend import kernel


@kernel
def softmax(x, axis, safe=False):
    """y = exp(x - max x) / Σ exp(x - max x). Where all x are -inf, y is NaN, or 0 if `safe`."""
    y = np.exp(below_top(x, axis))
    total = y.sum(axis, keepdims=True)
    return y / np.where(total == 0, 1, total) if safe else y / total


@kernel
def softmax_backward(dy, y, axis):
    """dx = y (dy - Σ dy y)."""
    return y * (dy - (dy * y).sum(axis, keepdims=True))


@kernel
def log_softmax(x, axis):
    """y = x - max x - log Σ exp(x - max x)."""
    y = below_top(x, axis)
    return y - np.log(np.exp(y).sum(axis, keepdims=True))


@kernel
def log_softmax_backward(dy, y, axis):
    """dx = dy - exp(y) Σ dy."""
    return dy - np.exp(y) * dy.sum(axis, keepdims=True)


@kernel
def cross_entropy(x, labels, ignored, weight, smoothing):
    """The loss of each row, and its max x and log Σ exp(x - max x), from which backward makes p again.

    loss = -Σ_c q_c log p_c with q_c = v_c ((1 - ε) [c = label] + ε / C). The loss of an ignored label is 0.
    weight v (C,), ε is the smoothing; all three results are (rows,).
    """
    n, classes = np.arange(len(x)), x.shape[1]
    top = x.max(1, initial=-np.inf)
    rows = x - top[:, None]                    # and never back: next to 10,000 float32 has three decimals
    log_sum = np.log(np.exp(rows).sum(1))
    keep = labels != ignored
    y = np.where(keep, labels, 0)
    loss = (1 - smoothing) * weight[y] * (log_sum - rows[n, y])
    if smoothing:
        loss += smoothing / classes * (weight.sum() * log_sum - rows @ weight)
    return np.where(keep, loss, 0).astype(x.dtype), top, log_sum


@kernel
def cross_entropy_backward(dloss, x, labels, ignored, weight, smoothing, top, log_sum):
    """dx = dloss (p Σ_c q_c - q), p = exp(x - max x - log Σ exp(x - max x)); 0 in the row of an ignored label."""
    keep = labels != ignored
    y = np.where(keep, labels, 0)
    spread = smoothing / x.shape[1] * weight                           # (C,), q without the label
    certain = (1 - smoothing) * weight[y]                              # (rows,), what the label adds
    dx = np.exp(x - top[:, None] - log_sum[:, None])                   # p
    dx *= (certain + spread.sum())[:, None]
    dx -= spread
    dx[np.arange(len(x)), y] -= certain
    return np.where(keep[:, None], dx * dloss[:, None], 0).astype(x.dtype)


def below_top(x, axis):
    """x - max x along `axis`; where all x are -inf, x itself, for -inf - -inf would be NaN."""
    top = np.max(x, axis, keepdims=True, initial=-np.inf)
    return x - np.where(top == -np.inf, x.dtype.type(0), top)
