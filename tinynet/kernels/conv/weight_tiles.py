"""The weight gradient of a convolution by register tiles: dw[k, c, r, s] = Σ x[n, c, p·stride + r - padding, ...] · dy.

Why it is fast. An outer tile (`simd.py`) holds M input channels times one or two vectors of output channels, for all T
taps of a kernel row at once, in registers, while it sweeps over a band of image rows that fits the nearest cache. Each
group of images has a partial sum of its own, and the partial sums are added in order: no bit depends on the threads.
"""

import functools
from typing import NamedTuple

import numpy as np

from tinynet.kernels.conv import grid as grids
from tinynet.kernels.conv.grid import Tile
from tinynet.kernels.conv.panels import groups_in_block
from tinynet.kernels.conv.rows import pad_rows, start_rows
from tinynet.kernels.machine.buffers import own, scratch
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.layout import nhwc
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.simd import LANES, OUTER_TILES, address, copy, outer_tile
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.matmul.finish import NO_FINISH

L1_FLOATS = 9 * 1024            # what a band takes of the first-level cache
OUTER_FORMS = {entry[1:] for entry in OUTER_TILES}


def conv2d_backward_weight(x, dy, w_shape, geometry, start=NO_FINISH):
    """dw (K, C/groups, R, S), in memory (R, S, C/groups, K); `start` as in `tiles.conv2d`."""
    x, dy, (k, c, r, s) = nhwc(x), nhwc(dy), w_shape                    # (N, H, W, C), (N, P, Q, K)
    plan, grid, floats = plan_for(x.shape, dy.shape, w_shape, geometry.stride, geometry.padding, geometry.groups,
                                  start[0])
    tile, image, _, groups = plan
    partial = np.empty((len(grid.borders) - 1, grid.panels, r, tile.taps, image.tiles, tile.lanes), np.float32)
    dw, size = np.empty((r, s, c, k), np.float32), team_for(grid.chunks)
    buffers = scratch("images", floats[0], size), scratch("gradients", floats[1], size)
    on_all_threads(outer_chunks, size, tuple(grid), tuple(map(tuple, plan)), x, dy, (partial, dw), buffers, start)
    return dw.transpose(3, 2, 0, 1)                                     # (K, C, R, S)


class Image(NamedTuple):
    """How tiles read the rows of an image of x."""

    c: int                      # channels of a block
    depth: int                  # values of a pixel that a tile takes M of: C, or the joined S·C
    tiles: int                  # the same, filled up to whole tiles
    stride_h: int
    step: int                   # floats from one column to the next that a tap meets
    top: int                    # padding
    left: int
    padded: int                 # columns of the copy, those of zeros included
    pitch: int                  # floats from one column to the next
    direct: bool                # there is no copy: tiles read x itself


class Gradient(NamedTuple):
    """How tiles read dy: in bands of rows, each copied between zeros, (rows, wide, lanes)."""

    k: int                      # channels of a block
    panels: int                 # of a block
    band: int                   # rows of a band
    before: int                 # columns of zeros that come first
    wide: int                   # columns, those of zeros included
    first: int                  # the column that the first column of x meets with tap 0
    columns: int                # columns that a tile sweeps over


class Groups(NamedTuple):
    """Of a block, all groups meet all channels. Of these sums, only a group's own channels are wanted."""

    inputs: int                 # channels of x in a group
    outputs: int                # channels of dy in a group


class Plan(NamedTuple):
    """All that the compiled loops have to know. They get plain tuples: Numba takes longer for named ones."""

    tile: Tile
    image: Image
    gradient: Gradient
    groups: Groups


@functools.lru_cache(4096)
def plan_for(x_shape, dy_shape, w_shape, stride, padding, groups, copies=False):
    """A Plan, the grid of its chunks, and the floats of a thread's copies of x and dy, by shape alone.

    With `copies`, tiles never read x itself.

    With stride 1, and tiles for so many taps, each column of x meets the S columns of dy that saw it, and dy gets zeros
    at both ends. Else each column of dy meets the joined S·C values that it saw, and x gets the zeros.
    """
    (n, h, width, channels), (_, p, q, _), (outputs, inputs, r, s) = x_shape, dy_shape, w_shape
    outputs //= groups
    merged = groups_in_block(groups, outputs)
    blocks, c, k = groups // merged, merged * inputs, merged * outputs
    vectors = 2 if k > LANES else 1
    lanes, panels = vectors * LANES, -(-k // (vectors * LANES))
    sweeps_x = stride[1] == 1 and (s, vectors) in OUTER_FORMS
    if sweeps_x:
        taps, left, padded, columns = s, 0, width, width
        before = max(0, s - 1 - padding[1])
        first, wide = padding[1] + before, width + padding[1] + before
    else:
        taps, left, padded, columns = 1, padding[1], (q - 1) * stride[1] + s, q
        before, first, wide = 0, 0, q
    depth = s // taps * c
    tile = Tile(*grids.pick(OUTER_TILES, depth, (taps, vectors)), taps, lanes)
    tiles = -(-depth // tile.m) * tile.m
    # The pixels of a block's channels may lie apart, but not so that they fall on few sets of the cache.
    beside = blocks == 1 or taps == s and channels % 512 != 0
    direct = not copies and beside and tiles == depth and left == 0 and padded <= width
    padded, pitch = (width, channels) if direct else (padded, c)
    band = max(1, L1_FLOATS // (padded * max(16, tile.m) + wide * lanes))
    step = pitch if sweeps_x else stride[1] * pitch
    image = Image(c, depth, tiles, stride[0], step, padding[0], left, padded, pitch, direct)
    # A single tap does little for each value of x: then one chunk has as many panels as can be, to read x once for all.
    cut = grids.cut_units if r * s == 1 else grids.cut_panels
    grid = cut(n, blocks * panels, n * p * q * k * r * s * c * blocks)
    plan = Plan(tile, image, Gradient(k, panels, band, before, wide, first, columns), Groups(inputs, outputs))
    return plan, grid, (1 if direct else h * padded * c + tile.m, min(p, band) * wide * lanes)


# The compiled loops. Each unpacks its part of the plan once, in the order of the classes above. ------------------

@shared
def outer_chunks(team, grid, plan, x, dy, sums, buffers, start):
    """The partial sums of all chunks of a grid, then their sums."""
    (borders, parts, part, panels), (partial, dw), buffers = grid, sums, own(buffers, team)
    for chunk in chunks(team, 1, (len(borders) - 1) * parts):
        group, first = chunk // parts, chunk % parts * part
        partial[group, first:min(panels, first + part)] = 0
        for n in range(borders[group], borders[group + 1]):
            outer_image(plan, x, dy, partial[group], buffers, n, (first, min(panels, first + part)), start)
    for panel in chunks(team, 0, panels):
        collect(plan, partial, dw, panel)


@jit
def outer_image(plan, x, dy, partial, buffers, n, panels, start):
    """Image n times a range of panels, block by block."""
    _, (c, _, _, _, _, _, left, padded, _, direct), (_, of_block, _, _, _, _, _), _ = plan
    (images, _), (_, h, width, channels), panel = buffers, x.shape, panels[0]
    while panel < panels[1]:
        block = panel // of_block
        stop = min(panels[1], (block + 1) * of_block)
        if direct:
            source = address(x, n * h * width * channels + block * c)
        else:
            pad_rows(x, n, (0, h), (block * c, c, c), (left, padded), images, 0)
            if start[0]:
                start_rows(start, h, (block * c, c, c), (left, padded, width), images, 0)
            source = address(images, 0)
        outer_panels(plan, source, h, dy, partial, buffers, n, (panel, stop))
        panel = stop


@jit
def outer_panels(plan, source, h, dy, partial, buffers, n, panels):
    """Image n, of h rows, times panels of one block: every tile of dw takes up what a band adds, band by band."""
    (_, _, taps, lanes), (_, _, tiles, stride_h, _, top, _, padded, pitch, _), \
        (k, of_block, band, before, wide, first, _), _ = plan
    (_, gradients), p, r = buffers, dy.shape[1], partial.shape[1]
    for p0 in range(0, p, band):
        for panel in range(panels[0], panels[1]):
            block, within = panel // of_block, panel % of_block * lanes
            channels = block * k + within, min(lanes, k - within), lanes
            pad_panel(dy, n, (p0, min(p, p0 + band)), channels, (before, wide), gradients)
            for row in range(r):
                low = max(p0, -((row - top) // stride_h))                           # no zeros
                high = min(p0 + band, p, (h - 1 + top - row) // stride_h + 1)
                a = source + 4 * (low * stride_h + row - top) * padded * pitch
                b = address(gradients, ((low - p0) * wide + first) * lanes)
                y = address(partial, (panel * r + row) * taps * tiles * lanes)
                tiles_of_a_row(plan, y, a, b, high - low)


@jit
def tiles_of_a_row(plan, y, a, b, rows):
    """All tiles of a kernel row's sums; arguments are addresses, and how many rows of dy there are."""
    (kind, m, _, lanes), (_, depth, tiles, stride_h, step, _, _, padded, pitch, _), (_, _, _, _, wide, _, columns), \
        _ = plan
    for start in range(0, depth, m):
        place = (y + 4 * start * lanes, tiles * lanes, lanes)
        outer_tile(kind, place, place, (a + 4 * start, 1, stride_h * padded * pitch, step),
                   (b, -lanes, wide * lanes, lanes), (rows, columns))


@jit
def pad_panel(dy, n, rows, channels, columns, out):
    """Some rows of dy[n] (P, Q, K) into out, (rows, wide, lanes), between columns of zeros.

    `rows` = (first, end), `channels` = (first, how many, lanes), `columns` = (zeros before, wide).
    """
    (k0, some, lanes), (before, wide) = channels, columns
    _, p, q, k = dy.shape
    inside = min(q, wide - before)
    for row in range(rows[0], rows[1]):
        here = (row - rows[0]) * wide * lanes
        out[here:here + before * lanes] = 0
        here += before * lanes
        source = address(dy, (n * p + row) * q * k + k0)
        if k == lanes:
            copy(address(out, here), source, inside * lanes)
        else:
            for column in range(inside):
                copy(address(out, here + column * lanes), source + 4 * column * k, some)
                out[here + column * lanes + some:here + (column + 1) * lanes] = 0
        here += inside * lanes
        out[here:here + (wide - before - inside) * lanes] = 0


@jit
def collect(plan, partial, dw, panel):
    """One panel of dw (R, S, C/groups, K): sums partial (groups of images, panels, R, T, tiles, lanes)."""
    _, (c, _, _, _, _, _, _, _, _, _), (k, of_block, _, _, _, _, _), (inputs, outputs) = plan
    many, _, _, taps, _, lanes = partial.shape
    r, s, _, _ = dw.shape
    start, begin = panel % of_block * lanes, panel // of_block * k              # in its block; of the block, in dw
    for rr in range(r):
        for ss in range(s):
            t, depth0 = (ss, 0) if taps == s else (0, ss * c)
            for cc in range(c):
                group = cc // inputs
                low, high = max(start, group * outputs), min(start + lanes, (group + 1) * outputs)
                out = dw[rr, ss, cc % inputs, begin + low:begin + high]
                out[:] = 0
                for g in range(many):
                    row = partial[g, panel, rr, t, depth0 + cc, low - start:]
                    for v in range(len(out)):
                        out[v] += row[v]
