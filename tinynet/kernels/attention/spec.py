"""Scaled dot-product attention, y = P v with P = softmax(scale q kᵀ + bias) along the keys.

q is (..., L, E), k (..., S, E), v (..., S, Ev), with the same stack of heads in front, B in all. `how` = (bias, keep,
scale). bias, (B or 1, L, S) or None, is -inf where a query may not look; a query that may see no key at all gets zeros.
keep, (B, L, S) or None, multiplies P before v meets it: the mask of dropout.
"""

import math

import numpy as np

from tinynet.kernels.machine.backend import kernel


@kernel
def attention(q, k, v, how):
    """y and `sums` (2, B, L): the largest score of each query and 1 / Σ e^(score - largest), which give P again."""
    stack, (q, k, v) = q.shape[:-2], map(heads, (q, k, v))
    top, factor, p = _weights(q, k, how)
    keep = how[1]
    y = (p if keep is None else p * keep) @ v
    return y.reshape(*stack, *y.shape[1:]), np.stack([top, factor])[..., 0]


@kernel
def attention_backward(dy, q, k, v, how, sums, wants_dbias=False):
    """dq, dk, dv, dbias (B, L, S) or None. With dP = keep · dy vᵀ: dS = P (dP - Σ_s dP P), dq = scale dS k,
    dk = scale dSᵀ q, dv = (keep · P)ᵀ dy, dbias = dS."""
    shapes, (dy, q, k, v) = (q.shape, k.shape, v.shape), map(heads, (dy, q, k, v))
    p, (_, keep, scale) = _weights(q, k, how)[2], how
    dp = dy @ v.mT
    if keep is not None:
        dp *= keep
    ds = p * (dp - (dp * p).sum(-1, keepdims=True))
    dv = (p if keep is None else p * keep).mT @ dy
    dq, dk, dv = (dx.reshape(shape) for dx, shape in zip((ds @ k * scale, ds.mT @ q * scale, dv), shapes))
    return dq, dk, dv, ds if wants_dbias else None


def heads(x):
    """(..., L, E) -> (B, L, E)."""
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def _weights(q, k, how):
    """The largest score, 1 / Σ, and P; where all scores are -inf: 0, 0 and 0."""
    bias, _, scale = how
    scale = q.dtype.type(scale)
    scores = (q * scale) @ k.mT                                           # (B, L, S)
    if bias is not None:
        scores = scores + bias
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    top = np.where(top == -np.inf, q.dtype.type(0), top)
    p = np.exp(scores - top)
    total = p.sum(-1, keepdims=True)
    factor = np.where(total == 0, 0, 1 / np.where(total == 0, 1, total)).astype(q.dtype)
    return top, factor, p * factor
