"""Attention without the matrix of all scores, which grows with L·S: Dao et al. 2022, "FlashAttention".

Why it is fast. The scores of some queries are made, become weights and meet the values while they lie in the
second-level cache; the next block of queries takes the same memory. The backward pass makes each block again, from
the largest score and the sum that forward kept of each row: a product more, but memory is read and written once less
for each of the six passes that a matrix of all scores would take. (The keys are not cut into blocks, as they are in the
paper. A row of scores is short enough here, and so every softmax is complete at once.)

Threads get blocks; in backward, where all queries of a head add to the same dk and dv, they get heads.
"""

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.threads import parallel_for
from tinynet.kernels.machine.vector_math import decay, full_width
from tinynet.kernels.softmax.fast import ANY_ORDER, top_of

BLOCK = 1 << 17                        # scores in a block: 512 KB


def attention(q, k, v, how):
    (stack, length, _), keep = q.shape, how[1]
    y, sums = np.empty((stack, length, v.shape[-1]), q.dtype), np.zeros((2, stack, length), q.dtype)
    heads, queries = _blocks(stack, length, k.shape[1])

    def block(start, stop):
        for i in range(start, stop):
            h, part = heads[i // len(queries)], (heads[i // len(queries)], queries[i % len(queries)])
            p = _scores(q, k, how, *part)[1]
            if p.size:
                softmax_rows(p.reshape(-1, p.shape[-1]), sums[0][part].reshape(-1), sums[1][part].reshape(-1))
            if keep is not None:
                p *= keep[part]
            np.matmul(p, v[h], out=y[part])

    parallel_for(block, len(heads) * len(queries), 1, blas=True)
    return y, sums


def attention_backward(dy, q, k, v, how, sums, wants_dbias=False):
    (_, keep, scale), scale_of = how, q.dtype.type
    dq, dk, dv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
    dbias = np.empty((*q.shape[:2], k.shape[1]), q.dtype) if wants_dbias else None
    heads, queries = _blocks(*q.shape[:2], k.shape[1])

    def some_heads(start, stop):
        for part in ((h, rows) for h in heads[start:stop] for rows in queries):
            h, up = part[0], dy[part]
            scaled, p = _scores(q, k, how, *part)
            ds = up @ v[h].mT                                              # (heads, queries, S)
            if keep is not None:
                ds *= keep[part]
            if p.size:
                gradient_rows(p.reshape(-1, p.shape[-1]), ds.reshape(-1, p.shape[-1]),
                              sums[0][part].reshape(-1), sums[1][part].reshape(-1))
            np.matmul(ds, k[h], out=dq[part])
            dq[part] *= scale_of(scale)
            dk[h] += ds.mT @ scaled
            dv[h] += (p if keep is None else p * keep[part]).mT @ up
            if wants_dbias:
                dbias[part] = ds

    parallel_for(some_heads, len(heads), 1, blas=True)
    return dq, dk, dv, dbias


def _blocks(stack, length, keys):
    """Slices of heads and of queries. Either a block has whole heads, or it is a part of one head."""
    rows = max(1, min(length, BLOCK // max(1, keys)))
    together = max(1, min(stack // 4, BLOCK // max(1, length * keys))) if rows == length else 1
    return ([slice(i, i + together) for i in range(0, stack, together)],
            [slice(i, i + rows) for i in range(0, length, rows)])


def _scores(q, k, how, heads, queries):
    """scale · q, and its scores: both of a block alone, (heads, queries, ...)."""
    bias, _, scale = how
    scaled = q[heads, queries] * q.dtype.type(scale)
    scores = scaled @ k[heads].mT
    if bias is not None:
        scores += bias[heads if len(bias) > 1 else slice(None), queries]
    return scaled, scores


@jit(fastmath=ANY_ORDER)
def softmax_rows(p, tops, factors):
    """Scores become weights, in place; `tops` and `factors` (rows,) are the `sums` of `spec.attention`."""
    full_width()
    zero, one = p.dtype.type(0), p.dtype.type(1)
    for n in range(len(p)):
        top, total = top_of(p[n]), zero
        for i in range(p.shape[1]):
            p[n, i] = decay(p[n, i] - top)
            total += p[n, i]
        factor = zero if total == zero else one / total
        for i in range(p.shape[1]):
            p[n, i] *= factor
        tops[n], factors[n] = top, factor


@jit(fastmath=ANY_ORDER)
def gradient_rows(p, ds, tops, factors):
    """Scores become weights, and the gradients of the weights those of the scores, in place."""
    full_width()
    for n in range(len(p)):
        top, factor, average = tops[n], factors[n], p.dtype.type(0)
        for i in range(p.shape[1]):
            p[n, i] = decay(p[n, i] - top) * factor
            average += p[n, i] * ds[n, i]
        for i in range(p.shape[1]):
            ds[n, i] = p[n, i] * (ds[n, i] - average)
