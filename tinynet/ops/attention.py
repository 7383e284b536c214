"""Scaled dot-product attention."""

import math

import numpy as np

from tinynet import random
from tinynet.autograd import Function
from tinynet.kernels import attention as kernels
from tinynet.ops.common import unbroadcast


class Attention(Function):
    """y = P v, P = softmax(s q kᵀ + bias): for each query the average of the values, by match of their keys.

    With dP = dy vᵀ and dS = P (dP - Σ_s dP P), the gradient of the softmax:
    dv = Pᵀ dy, dq = s dS k, dk = s dSᵀ q, dbias = dS. Saves q, k, v and two numbers for each query, from which
    backward makes P again: nothing that grows with L·S.
    Dropout, p > 0, multiplies P by a mask before v meets it (and saves that mask). A query that may see no key at all
    gets zeros.

    Shapes: q (..., L, E), k (..., S, E), v (..., S, Ev); bias, None or broadcast to (..., L, S), is -inf
    where a query may not look. Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1.
    """

    @staticmethod
    def forward(ctx, q, k, v, bias, scale, p):
        ctx.stack = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
        shape = math.prod(ctx.stack), q.shape[-2], k.shape[-2]            # of all scores, (B, L, S)
        ctx.how = _bias(bias, ctx.stack, shape), _mask(shape, p, q.dtype) if p else None, scale
        ctx.bias_shape = None if bias is None else bias.shape
        ctx.save(q, k, v)
        y, ctx.sums = kernels.attention(*(_stacked(x, ctx.stack) for x in (q, k, v)), ctx.how)
        return y

    @staticmethod
    def backward(ctx, dy):
        arrays = [_stacked(x, ctx.stack) for x in (dy, *ctx.saved)]
        wants_dbias = ctx.bias_shape is not None and ctx.needs[3]
        *gradients, dbias = kernels.attention_backward(*arrays, ctx.how, ctx.sums, wants_dbias)
        gradients = [unbroadcast(dx, x.shape) for dx, x in zip(gradients, ctx.saved)]
        if ctx.bias_shape is None:
            return tuple(gradients)
        if dbias is not None:
            dbias = unbroadcast(dbias.reshape(*ctx.stack, *dbias.shape[1:]), ctx.bias_shape)
        return *gradients, dbias


def _stacked(x, stack):
    """(..., L, E), repeated where `stack` is larger than x has it."""
    return np.broadcast_to(x, (*stack, *x.shape[-2:]))


def _bias(bias, stack, shape):
    """(B, L, S), or (1, L, S) where all of the stack have the same."""
    if bias is None:
        return None
    if bias.size == math.prod(bias.shape[-2:]):
        return np.broadcast_to(bias.reshape(bias.shape[-2:]), (1, *shape[1:]))
    return np.broadcast_to(bias, (*stack, *shape[1:])).reshape(shape)


def _mask(shape, p, dtype):
    keep = random.stream("dropout").random(shape, np.float32) >= p
    return keep.astype(dtype) / dtype.type(1 - p if p < 1 else 1)
