"""Scaled dot-product attention."""

import numpy as np

from tinynet import random
from tinynet.autograd import Function
from tinynet.kernels import softmax as kernels
from tinynet.kernels.matmul import matmul as product
from tinynet.ops.common import unbroadcast


class Attention(Function):
    """y = P v, P = softmax(s q kᵀ + bias): for each query the average of the values, by match of their keys.

    With dP = dy vᵀ and dS = P (dP - Σ_s dP P), the gradient of the softmax:
    dv = Pᵀ dy, dq = s dS k, dk = s dSᵀ q, dbias = dS. Saves q, k, v and P (what grows with L·S).
    Dropout, p > 0, multiplies P by a mask before v meets it. A query that may see no key at all gets zeros.

    Shapes: q (..., L, E), k (..., S, E), v (..., S, Ev); bias, None or broadcast to (..., L, S), is -inf
    where a query may not look. Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1.
    """

    @staticmethod
    def forward(ctx, q, k, v, bias, scale, p):
        scores = product(q * q.dtype.type(scale), k.swapaxes(-1, -2))         # (..., L, S)
        if bias is not None:
            scores = scores + bias
        weights = kernels.softmax(scores, -1, safe=True)                      # 0 where a query sees no key
        ctx.keep = None if p == 0 else _mask(weights, p)
        ctx.save(q, k, v, weights)
        ctx.scale, ctx.bias_shape = scale, None if bias is None else bias.shape
        return product(weights if p == 0 else weights * ctx.keep, v)

    @staticmethod
    def backward(ctx, dy):
        q, k, v, weights = ctx.saved
        seen = weights if ctx.keep is None else weights * ctx.keep
        dv = unbroadcast(product(seen.swapaxes(-1, -2), dy), v.shape)         # (..., S, Ev)
        ds = product(dy, v.swapaxes(-1, -2))                                  # (..., L, S)
        if ctx.keep is not None:
            ds *= ctx.keep
        ds = kernels.softmax_backward(ds, weights, -1)
        scale = q.dtype.type(ctx.scale)
        dq = unbroadcast(product(ds, k) * scale, q.shape)                     # (..., L, E)
        dk = unbroadcast(product(ds.swapaxes(-1, -2), q) * scale, k.shape)    # (..., S, E)
        if ctx.bias_shape is None:
            return dq, dk, dv
        return dq, dk, dv, unbroadcast(ds, ctx.bias_shape) if ctx.needs[3] else None


def _mask(weights, p):
    keep = random.stream("dropout").random(weights.shape, np.float32) >= p
    return keep.astype(weights.dtype) / weights.dtype.type(1 - p if p < 1 else 1)
