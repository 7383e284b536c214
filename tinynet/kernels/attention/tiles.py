"""Attention in float32 on the register tiles of the matrix product, in compiled loops; the formulas are in `spec.py`.

Why it is fast. A head of a small transformer has matrices of 128 x 32: their product takes some microseconds, as long
as a call of BLAS from Python. Here one compiled loop makes the scores of a block of queries, their softmax and the sum
of the values, all in the second-level cache, and goes on to the next block without a return to Python.

Threads get blocks; in backward, where all queries of a head add to the same dk and dv, they get heads.
"""

import math

import numpy as np

from tinynet.kernels.attention.rows import gradient_rows, softmax_rows
from tinynet.kernels.machine.buffers import address_of, own, scratch
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.simd import address, copy
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.matmul.tiles import small_product, tile_for

BLOCK = 1 << 15                        # scores in a block: 128 KB
LEAST_ROWS = 14                        # in a block at least: a tile
NOTHING = np.empty((0, 0, 0), np.float32)


def attention(q, k, v, how):
    (q, q_at), (k, k_at), (v, v_at) = map(places, (q, k, v))
    (*stack, length, e), (*_, keys, ev) = q.shape, v.shape
    count, rows = math.prod(stack), rows_of_block(length, keys)
    y, sums = empty_like(q, ev), np.zeros((2, count, length), np.float32)
    sizes, how = (count, length, keys, e, ev, rows), compiled(how)
    tiles = tuple(tile_for(rows, keys, step(q))), tuple(tile_for(rows, ev, keys))
    steps, y_at = (step(q), step(k), step(v), step(y)), places(y)[1]

    size = team_for(count * -(-length // rows))
    buffers = *products_of(sizes, size), scratch("scores", rows * keys, size)
    on_all_threads(forward_blocks, size, sizes, tiles, (q_at, k_at, v_at, y_at), steps, how, sums, buffers)
    return y, sums


def attention_backward(dy, q, k, v, how, sums, wants_dbias=False):
    (dy, dy_at), (q, q_at), (k, k_at), (v, v_at) = map(places, (dy, q, k, v))
    (*stack, length, e), (*_, keys, ev) = q.shape, v.shape
    count, rows = math.prod(stack), rows_of_block(length, keys)
    made = dq, dk, dv = empty_like(q, e), empty_like(k, e), empty_like(v, ev)
    dbias = np.empty((count, length, keys), np.float32) if wants_dbias else NOTHING
    sizes, how = (count, length, keys, e, ev, rows), compiled(how)
    tiles = (tuple(tile_for(rows, keys, step(q))), tuple(tile_for(rows, keys, step(dy))),
             tuple(tile_for(rows, e, keys)), tuple(tile_for(keys, e, 1)), tuple(tile_for(keys, ev, 1)))
    given, gradients = (q_at, k_at, v_at, dy_at), tuple(places(x)[1] for x in made)
    steps = step(q), step(k), step(v), step(dy), *map(step, made)

    size = team_for(count)
    buffers = *products_of(sizes, size), scratch("scores", rows * keys, size), scratch("gradients", rows * keys, size)
    on_all_threads(backward_heads, size, sizes, tiles, given, gradients, steps, how, (sums, dbias), buffers)
    return *made, dbias if wants_dbias else None


def places(x):
    """x (..., L, E), the address of each head's matrix. Heads may be views of a longer vector: nothing is copied."""
    if x.strides[-1] != 4 or x.strides[-2] % 4:
        x = np.ascontiguousarray(x)
    at = address_of(x)
    for size, stride in zip(x.shape[:-2], x.strides[:-2]):
        at = np.add.outer(at, stride * np.arange(size))
    return x, np.reshape(at, -1)


def step(x):
    """Floats from one row of a head to the next."""
    return x.strides[-2] // 4


def empty_like(x, width):
    """An array (..., L, width) whose axes follow one another in memory as those of x do."""
    axes = sorted(range(x.ndim - 1), key=lambda axis: -abs(x.strides[axis]))
    memory = np.empty([*(x.shape[axis] for axis in axes), width], np.float32)
    return memory.transpose([*np.argsort(axes), x.ndim - 1])


def rows_of_block(length, keys):
    """How many queries a block has."""
    return min(length, max(LEAST_ROWS, BLOCK // keys))


def compiled(how):
    """`how` for the compiled loops: arrays in place of None."""
    bias, keep, scale = how
    return (*(NOTHING if a is None else np.ascontiguousarray(a, np.float32) for a in (bias, keep)), np.float32(scale))


def products_of(sizes, size):
    """The buffers of `small_product`, which serve all products of a head."""
    _, length, keys, e, ev, rows = sizes
    lanes = tile_for(rows, 1 << 20, 1).lanes                            # of the widest tile
    widest = max(-(-n // lanes) * lanes * terms for n, terms in (
        (keys, e), (keys, ev), (e, keys), (ev, keys), (e, rows), (ev, rows)))
    zeros = scratch("zeros", lanes, size)
    zeros[...] = 0
    return scratch("weights", widest, size), scratch("spill", 16 * lanes, size), zeros


@shared
def forward_blocks(team, sizes, tiles, places, steps, how, sums, buffers):
    """The blocks of queries, as many as this thread gets. `places` and `steps` are those of q, k, v and y."""
    (count, length, keys, _, ev, rows), (_, _, v, y), (_, _, v_step, y_step) = sizes, places, steps
    (_, keep, _), (weights, spill, zeros, scores) = how, own(buffers, team)
    products = weights, spill, zeros
    blocks = -(-length // rows)
    for chunk in chunks(team, 0, count * blocks):
        head, first = chunk // blocks, chunk % blocks * rows
        some = min(rows, length - first)
        p = scores_of(sizes, tiles[0], places, steps, how, (head, first, some), scores, products)
        softmax_rows(p, sums[0, head, first:first + some], sums[1, head, first:first + some])
        if keep.size:
            drop(p, keep, head, first)
        small_product((some, ev, keys), tiles[1], (address(scores, 0), keys, 1), (v[head], 4 * v_step, 4),
                      (y[head] + 4 * first * y_step, y_step, False), products)


@jit
def scores_of(sizes, tile, places, steps, how, block, scores, products):
    """scale · q kᵀ + bias of a block of queries, (some, keys)."""
    (_, _, keys, e, _, _), (bias, _, scale), (head, first, some) = sizes, how, block
    q, k, q_step, k_step = places[0], places[1], steps[0], steps[1]
    small_product((some, keys, e), tile, (q[head] + 4 * first * q_step, q_step, 1), (k[head], 4, 4 * k_step),
                  (address(scores, 0), keys, False), products)
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


@shared
def backward_heads(team, sizes, tiles, places, gradients, steps, how, arrays, buffers):
    """The heads, as many as this thread gets; of each, block by block. Places: q, k, v, dy, and dq, dk, dv."""
    (count, length, keys, e, ev, rows), (q, k, v, dy), (dq, dk, dv) = sizes, places, gradients
    (q_step, k_step, v_step, dy_step, dq_step, dk_step, dv_step), (_, keep, scale) = steps, how
    (to_scores, to_weights, to_dq, to_dk, to_dv), (sums, dbias) = tiles, arrays
    packed, spill, zeros, scores, weights = own(buffers, team)
    products = packed, spill, zeros
    for head in chunks(team, 0, count):
        for first in range(0, length, rows):
            some, adds = min(rows, length - first), first > 0
            part, up = slice(first, first + some), dy[head] + 4 * first * dy_step
            p = scores_of(sizes, to_scores, places, steps, how, (head, first, some), scores, products)
            small_product((some, keys, ev), to_weights, (up, dy_step, 1), (v[head], 4, 4 * v_step),
                          (address(weights, 0), keys, False), products)
            ds = weights[:some * keys].reshape(some, keys)
            if keep.size:
                drop(ds, keep, head, first)
            gradient_rows(p, ds, sums[0, head, part], sums[1, head, part])
            if dbias.size:
                copy(address(dbias, (head * length + first) * keys), address(ds, 0), some * keys)
            if keep.size:
                drop(p, keep, head, first)
            for n in range(some):
                for i in range(keys):
                    ds[n, i] *= scale
            small_product((some, e, keys), to_dq, (address(ds, 0), keys, 1), (k[head], 4 * k_step, 4),
                          (dq[head] + 4 * first * dq_step, dq_step, False), products)
            small_product((keys, e, some), to_dk, (address(ds, 0), 1, keys),
                          (q[head] + 4 * first * q_step, 4 * q_step, 4), (dk[head], dk_step, adds), products)
            small_product((keys, ev, some), to_dv, (address(scores, 0), 1, keys), (up, 4 * dy_step, 4),
                          (dv[head], dv_step, adds), products)


@jit
def drop(p, keep, head, first):
    """Dropout's mask on a block. In loops: NumPy's p *= keep would compile the text of an error, for some seconds."""
    for n in range(len(p)):
        for i in range(p.shape[1]):
            p[n, i] *= keep[head, first + n, i]
