"""Scaled dot-product attention, y = P v with P = softmax(scale q kᵀ + bias) along the keys.

q is (B, L, E), k (B, S, E), v (B, S, Ev). `how` = (bias, keep, scale). bias, (B or 1, L, S) or None, is -inf where a
query may not look; a query that may see no key at all gets zeros. keep, (B, L, S) or None, multiplies P before v meets
it: the mask of dropout.
"""

import numpy as np

from tinynet.kernels.machine.backend import kernel


@kernel
def attention(q, k, v, how):
    """y and `sums` (2, B, L): the largest score of each query and 1 / Σ e^(score - largest), which give P again."""
    top, factor, p = _weights(q, k, how)
    keep = how[1]
    return (p if keep is None else p * keep) @ v, np.stack([top, factor])[..., 0]


@kernel
def attention_backward(dy, q, k, v, how, sums, wants_dbias=False):
    """dq, dk, dv, dbias (B, L, S) or None. With dP = keep · dy vᵀ: dS = P (dP - Σ_s dP P), dq = scale dS k,
    dk = scale dSᵀ q, dv = (keep · P)ᵀ dy, dbias = dS."""
    p, (_, keep, scale) = _weights(q, k, how)[2], how
    dp = dy @ v.mT
    if keep is not None:
        dp *= keep
    ds = p * (dp - (dp * p).sum(-1, keepdims=True))
    dv = (p if keep is None else p * keep).mT @ dy
    return ds @ k * scale, ds.mT @ q * scale, dv, ds if wants_dbias else None


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
