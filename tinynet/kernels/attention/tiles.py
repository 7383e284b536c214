"""Attention in float32 on the register tiles of the matrix product, in compiled loops; the formulas are in `spec.py`.

Why it is fast. A head of a small transformer has matrices of 128 x 32: their product takes some microseconds, as long
as a call of BLAS from Python. Here one compiled loop makes the scores of a block of queries, their softmax and the sum
of the values, all in the second-level cache, and goes on to the next block without a return to Python.

Threads get blocks; in backward, where all queries of a head add to the same dk and dv, they get heads.
"""

import numpy as np

from tinynet.kernels.attention.rows import gradient_rows, softmax_rows
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.memory import scratch
from tinynet.kernels.machine.simd import address, copy
from tinynet.kernels.machine.threads import on_all_threads
from tinynet.kernels.matmul.tiles import small_product, tile_for

BLOCK = 1 << 15                        # scores in a block: 128 KB
LEAST_ROWS = 14                        # in a block at least: a tile
NOTHING = np.empty((0, 0, 0), np.float32)


def attention(q, k, v, how):
    q, k, v = map(np.ascontiguousarray, (q, k, v))
    (stack, length, e), (_, keys, ev) = q.shape, v.shape
    rows = rows_of_block(length, keys)
    y, sums = np.empty((stack, length, ev), np.float32), np.zeros((2, stack, length), np.float32)
    sizes, how = (length, keys, e, ev, rows), compiled(how)
    tiles = tuple(tile_for(rows, keys, e)), tuple(tile_for(rows, ev, keys))

    def work(team):
        buffers = products_of(sizes), scratch("scores", rows * keys)
        forward_blocks(team, sizes, tiles, (q, k, v), how, (y, sums), buffers)
    on_all_threads(work, stack * -(-length // rows))
    return y, sums


def attention_backward(dy, q, k, v, how, sums, wants_dbias=False):
    dy, q, k, v = map(np.ascontiguousarray, (dy, q, k, v))
    (stack, length, e), (_, keys, ev) = q.shape, v.shape
    rows = rows_of_block(length, keys)
    dq, dk, dv = np.empty_like(q), np.empty_like(k), np.empty_like(v)
    dbias = np.empty((stack, length, keys), np.float32) if wants_dbias else NOTHING
    sizes, how = (length, keys, e, ev, rows), compiled(how)
    tiles = (tuple(tile_for(rows, keys, e)), tuple(tile_for(rows, keys, ev)), tuple(tile_for(rows, e, keys)),
             tuple(tile_for(keys, e, 1)), tuple(tile_for(keys, ev, 1)))

    def work(team):
        buffers = products_of(sizes), scratch("scores", rows * keys), scratch("gradients", rows * keys)
        backward_heads(team, sizes, tiles, (dy, q, k, v), how, sums, (dq, dk, dv, dbias), buffers)
    on_all_threads(work, stack)
    return dq, dk, dv, dbias if wants_dbias else None


def rows_of_block(length, keys):
    """How many queries a block has."""
    return min(length, max(LEAST_ROWS, BLOCK // keys))


def compiled(how):
    """`how` for the compiled loops: arrays in place of None."""
    bias, keep, scale = how
    return (*(NOTHING if a is None else np.ascontiguousarray(a, np.float32) for a in (bias, keep)), np.float32(scale))


def products_of(sizes):
    """The buffers of `small_product`, which serve all products of a head."""
    length, keys, e, ev, rows = sizes
    lanes = tile_for(rows, 1 << 20, 1).lanes                            # of the widest tile
    widest = max(-(-n // lanes) * lanes * terms for n, terms in (
        (keys, e), (keys, ev), (e, keys), (ev, keys), (e, rows), (ev, rows)))
    zeros = scratch("zeros", lanes)
    zeros[:lanes] = 0
    return scratch("weights", widest), scratch("spill", 16 * lanes), zeros


@jit
def forward_blocks(team, sizes, tiles, arrays, how, results, buffers):
    """The blocks of queries, as many as this thread gets."""
    (length, keys, _, ev, rows), (_, _, v), (_, keep, _), (y, sums), (products, scores) = \
        sizes, arrays, how, results, buffers
    blocks = -(-length // rows)
    for chunk in chunks(team, 0, len(y) * blocks):
        head, first = chunk // blocks, chunk % blocks * rows
        some = min(rows, length - first)
        p = scores_of(sizes, tiles[0], arrays[0], arrays[1], how, (head, first, some), scores, products)
        softmax_rows(p, sums[0, head, first:first + some], sums[1, head, first:first + some])
        if keep.size:
            drop(p, keep, head, first)
        small_product((some, ev, keys), tiles[1], (address(scores, 0), keys, 1),
                      (address(v, head * keys * ev), 4 * ev, 4), (address(y, (head * length + first) * ev), ev, False),
                      products)


@jit
def scores_of(sizes, tile, q, k, how, block, scores, products):
    """scale · q kᵀ + bias of a block of queries, (some, keys)."""
    (length, keys, e, _, _), (bias, _, scale), (head, first, some) = sizes, how, block
    small_product((some, keys, e), tile, (address(q, (head * length + first) * e), e, 1),
                  (address(k, head * keys * e), 4, 4 * e), (address(scores, 0), keys, False), products)
    p = scores[:some * keys].reshape(some, keys)
    if bias.size:
        added = bias[min(head, len(bias) - 1)]
        for n in range(some):
            for i in range(keys):
                p[n, i] = p[n, i] * scale + added[first + n, i]
    else:
        for n in range(some):
            for i in range(keys):
                p[n, i] *= scale
    return p


@jit
def backward_heads(team, sizes, tiles, arrays, how, sums, results, buffers):
    """The heads, as many as this thread gets; of each, block by block."""
    (length, keys, e, ev, rows), (dy, q, k, v), (_, keep, scale), (dq, dk, dv, dbias) = sizes, arrays, how, results
    (to_scores, to_weights, to_dq, to_dk, to_dv), (products, scores, gradients) = tiles, buffers
    for head in chunks(team, 0, len(q)):
        for first in range(0, length, rows):
            some, at = min(rows, length - first), head * length + first
            part = slice(first, first + some)
            p = scores_of(sizes, to_scores, q, k, how, (head, first, some), scores, products)
            small_product((some, keys, ev), to_weights, (address(dy, at * ev), ev, 1),
                          (address(v, head * keys * ev), 4, 4 * ev), (address(gradients, 0), keys, False), products)
            ds = gradients[:some * keys].reshape(some, keys)
            if keep.size:
                drop(ds, keep, head, first)
            gradient_rows(p, ds, sums[0, head, part], sums[1, head, part])
            if dbias.size:
                copy(address(dbias, at * keys), address(gradients, 0), some * keys)
            if keep.size:
                drop(p, keep, head, first)
            adds = first > 0
            small_product((some, e, keys), to_dq, (address(gradients, 0), keys, 1),
                          (address(k, head * keys * e), 4 * e, 4), (address(dq, at * e), e, False), products)
            small_product((keys, e, some), to_dk, (address(gradients, 0), 1, keys), (address(q, at * e), 4 * e, 4),
                          (address(dk, head * keys * e), e, adds), products)
            small_product((keys, ev, some), to_dv, (address(scores, 0), 1, keys), (address(dy, at * ev), 4 * ev, 4),
                          (address(dv, head * keys * ev), ev, adds), products)
        for x in dq[head], dk[head]:
            for n in range(len(x)):
                for i in range(e):
                    x[n, i] *= scale


@jit
def drop(p, keep, head, first):
    """Dropout's mask on a block. In loops: NumPy's p *= keep would compile the text of an error, for some seconds."""
    for n in range(len(p)):
        for i in range(p.shape[1]):
            p[n, i] *= keep[head, first + n, i]
