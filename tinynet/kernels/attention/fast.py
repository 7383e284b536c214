"""Attention without the matrix of all scores, which grows with L·S: Dao et al. 2022, "FlashAttention".

Why it is fast. The scores of some queries are made, become weights and meet the values while they lie in the
second-level cache; the next block of queries takes the same memory. The backward pass makes each block again, from
the largest score and the sum that forward kept of each row: a product more, but memory is read and written once less
for each of the six passes that a matrix of all scores would take. (The keys are not cut into blocks, as they are in the
paper. A row of scores is short enough here, and so every softmax is complete at once.)

Threads get blocks; in backward, where all queries of a head add to the same dk and dv, they get heads. `tiles.py` does
the same for float32 in compiled loops, without BLAS, whose calls take longer than such small products.
"""

import numpy as np

from tinynet.kernels.attention import tiles
from tinynet.kernels.attention.rows import gradient_rows, softmax_rows
from tinynet.kernels.attention.spec import heads as heads_of
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.machine.threads import parallel_for

BLOCK = 1 << 17                        # scores in a block: 512 KB


def attention(q, k, v, how):
    if _on_tiles(q, k, v):
        return tiles.attention(q, k, v, how)
    shape, (q, k, v) = q.shape[:-2], map(heads_of, (q, k, v))
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
    return y.reshape(*shape, *y.shape[1:]), sums


def attention_backward(dy, q, k, v, how, sums, wants_dbias=False):
    if _on_tiles(q, k, v):
        return tiles.attention_backward(dy, q, k, v, how, sums, wants_dbias)
    shapes, (dy, q, k, v) = (q.shape, k.shape, v.shape), map(heads_of, (dy, q, k, v))
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
    return *(dx.reshape(shape) for dx, shape in zip((dq, dk, dv), shapes)), dbias


def _on_tiles(q, k, v):
    return LANES and q.dtype == np.float32 and q.size and k.size and v.size


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
