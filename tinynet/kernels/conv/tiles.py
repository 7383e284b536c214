"""Convolution by register tiles (`simd.py`), straight from channels-last images: forward, and the input gradient.

float32 only, no im2col. Why it is fast: two things bound a convolution, how many operands of the multiply-adds come
from registers, and whether the rest come from a near cache. The tiles see to the first. For the second, all that a
chunk of work touches is laid out for it:

- weights are packed into *panels* of one tile's output channels, `(panels, R, S, C, lanes)`. A tile reads one panel
  from front to back, just as the hardware likes to fetch ahead from the second-level cache;
- images are taken in *bands* of rows, whose copy with zeros left and right stays in the second-level cache (rows of
  zeros above and below are not computed at all), and all panels are applied to a band at once;
- the input gradient of a convolution is a convolution too, of the output gradient with turned weights. With a stride it
  is one such convolution for each of the stride² positions that a pixel can have between the taps.

Work is cut into chunks of bands and panels by shape alone, and every sum is taken in one fixed order.
"""

import functools
from typing import NamedTuple

import numpy as np

from tinynet.kernels.conv import grid as grids
from tinynet.kernels.conv.grid import Tile
from tinynet.kernels.conv.panels import blocks
from tinynet.kernels.conv.rows import pad_rows, start_rows
from tinynet.kernels.machine.buffers import address_of, own, scratch
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.layout import nhwc
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.simd import LANES, WINDOW_TILES, address, copy, prefetch, window_tile
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.matmul.finish import NO_FINISH, finish_row
from tinynet.kernels.matmul.panels import pack

L2_FLOATS = 32 * 1024           # what a band of image rows takes of the second-level cache
PIXELS = 200                    # output pixels that a panel should meet when it is read once
PACKED_AT_ONCE = 64 * 1024      # weights that are packed once for all chunks; more of them, by each chunk
WINDOW_FORMS = {entry[1:] for entry in WINDOW_TILES}


def conv2d(x, w, geometry, b=None, finish=NO_FINISH, start=NO_FINISH):
    """y (N, K, P, Q) of x (N, C, H, W) with w (K, C/groups, R, S), see `spec.conv2d`; and what follows it.

    What comes before, the `start`, is a finish of x. It is applied to the copies of x that the tiles read.
    """
    images, weights = nhwc(x), blocks(w, geometry[3]).transpose(0, 3, 4, 2, 1)
    y_shape, setup = forward_setup(images.shape, weights.shape, *geometry[:2], start[0])
    y = np.empty(y_shape, np.float32)
    convolve(setup, images, weights, b, y, finish, start)
    return y.transpose(0, 3, 1, 2)                                          # (N, K, P, Q)


@functools.lru_cache(4096)
def forward_setup(x_shape, w_shape, stride, padding, copies):
    """The shape of y (N, P, Q, K) and the Setup for it, from x (N, H, W, C) with w (B, R, S, C/B, K/B)."""
    (n, h, width, _), (count, r, s, _, k) = x_shape, w_shape
    p, q, k = (h + 2 * padding[0] - r) // stride[0] + 1, (width + 2 * padding[1] - s) // stride[1] + 1, count * k
    output = Output(p, q, 0, p * q * k, q * k, k, False)
    return (n, p, q, k), setup_for(x_shape, w_shape, output, stride, padding, copies)


def conv2d_backward_input(dy, w, x_shape, geometry, add_to=None):
    """dx: for each position (i, j) within the stride, a stride-1 convolution of dy with turned weights.

    Given `add_to`, channels-last, dx is added to it: the tiles start from its values instead of from zero.
    """
    (n, c, h, width), (stride, padding, _, groups) = x_shape, geometry
    dx, outputs = np.empty((n, h, width, c), np.float32) if add_to is None else nhwc(add_to), nhwc(dy)
    if add_to is None and (stride[0] > w.shape[2] or stride[1] > w.shape[3]):
        dx[:] = 0                                                           # for the pixels that no tap meets
    weights = blocks(w, groups).transpose(0, 3, 4, 1, 2)                    # (B, R, S, K, C)
    for i, j in np.ndindex(stride):
        rows, top = taps_that_meet(w.shape[2], i, stride[0], padding[0])
        columns, left = taps_that_meet(w.shape[3], j, stride[1], padding[1])
        taps = weights[:, rows, columns]                                    # of this position
        u, v = -(-(h - i) // stride[0]), -(-(width - j) // stride[1])       # pixels of this position
        if taps.size and u > 0 and v > 0:
            output = Output(u, v, (i * width + j) * c, h * width * c, stride[0] * width * c, stride[1] * c,
                            add_to is not None)
            setup = setup_for(outputs.shape, taps.shape, output, (1, 1), (top, left))
            convolve(setup, outputs, taps[:, ::-1, ::-1], None, dx)
    return dx.transpose(0, 3, 1, 2) if add_to is None else add_to           # (N, C, H, W)


def taps_that_meet(taps, i, stride, padding):
    """The taps that input pixels i, i + stride, ... meet, and the padding of the convolution that they make.

    Pixel stride·u + i meets tap r where stride divides i + padding - r, at u + (i + padding - r) / stride.
    """
    first = (i + padding) % stride
    shift = (i + padding) // stride
    count = len(range(first, taps, stride))
    return slice(first, None, stride), count - 1 - shift


def convolve(setup, x, w, b, y, finish=NO_FINISH, start=NO_FINISH):
    """y[n, p, q, k] = b[k] + sum over r, s, c of x[n, p·stride + r - padding, ..., c] · w[r, s, c, k], in each block.

    A block is some channels of x, which make some channels of y: w is (B, R, S, C, K), x (N, H, W, B·C). b may be None,
    y is memory without gaps; its `setup` was found for its shape.
    """
    source, size = (address_of(w), w.strides, w.shape), team_for(setup.chunks)
    packed = scratch("packed", setup.packed, 1)[0]
    if setup.packed:
        pack_blocks(source, 0, setup.panels, setup.lanes, packed)
    bias = setup.no_bias
    if b is not None:
        bias = np.zeros((len(w), setup.panels // len(w) * setup.lanes), np.float32)         # (B, panels · lanes)
        bias[:, :w.shape[4]] = b.reshape(len(w), -1)
        bias = bias.reshape(-1)
    buffers = (scratch("weights", setup.weights, size), scratch("images", setup.images, size),
               scratch("spill", setup.spill, size))
    on_all_threads(window_chunks, size, setup.grid, setup.plan, x, (source, packed, bias), y.reshape(-1), buffers,
                   finish, start)


class Window(NamedTuple):
    """What an output pixel sees: R x S taps, strides, zeros above and at the left."""

    r: int
    s: int
    stride_h: int
    stride_w: int
    top: int
    left: int


class Channels(NamedTuple):
    """Of one block of weights."""

    c: int                      # channels of x that are summed
    k: int                      # output channels
    panels: int                 # of output channels


class Band(NamedTuple):
    """A band: some rows of output, and the copy of the image rows that they see, (rows, padded, pitch)."""

    rows: int                   # of output
    together: int               # bands that are copied one after the other, before all panels are applied to them
    span: int                   # blocks whose channels are copied together
    direct: bool                # there is no copy: tiles read x itself
    padded: int                 # columns, those of zeros included
    pitch: int                  # floats from one pixel to the next
    slab: int                   # floats of a copy


class Output(NamedTuple):
    """The output's P x Q pixels: where they begin, steps from one image, row and pixel to the next, in floats."""

    p: int
    q: int
    offset: int
    image: int
    row: int
    pixel: int
    adds: bool


class Plan(NamedTuple):
    """All that the compiled loops have to know. They get plain tuples: Numba takes longer for named ones."""

    tile: Tile
    window: Window
    channels: Channels
    band: Band
    output: Output


class Setup(NamedTuple):
    """A Plan and a Grid for the compiled loops, and what `convolve` has to know; sizes of buffers are in floats."""

    plan: tuple
    grid: tuple
    chunks: int
    panels: int
    lanes: int
    packed: int                 # weights that are packed once for all chunks; 0: there are too many for that
    weights: int                # of one thread, as those that follow
    images: int
    spill: int
    no_bias: np.ndarray


@functools.lru_cache(4096)
def setup_for(x_shape, w_shape, output, stride, padding, copies=False):
    """How to `convolve`, by shape alone; with `copies`, tiles never read x itself.

    Where the table has a tile with T = S taps, it is used. Else T is 1, and the S·C values of a kernel row, which lie
    side by side in the image, make one long reduction.
    """
    (n, _, width, channels), (count, r, s, c, k), (p, q, *_) = x_shape, w_shape, output
    vectors = 2 if k > LANES else 1
    form = (s, stride[1], vectors) if (s, stride[1], vectors) in WINDOW_FORMS else (1, 1, vectors)
    tile = Tile(*grids.pick(WINDOW_TILES, q, form), form[0], vectors * LANES)
    joined = tile.taps < s and count > 1            # values that lie side by side only in the copy of a single block
    # Without zeros to add and without a tile that reaches over the end of a row, tiles read x itself.
    direct = not (joined or copies) and padding[1] == 0 and q % tile.m == 0 and (q - 1) * stride[1] + s <= width
    padded = width if direct else (-(-q // tile.m) * tile.m - 1) * stride[1] + s
    rows = even_part(p, max(-(-PIXELS // q), L2_FLOATS // (stride[0] * padded * (c if joined else channels))))
    bands, panels = n * -(-p // rows), -(-k // tile.lanes)
    together = max(1, min(bands, -(-PIXELS // (rows * q))))
    grid = grids.cut_units(bands, count * panels, n * p * q * k * r * s * c * count, together)
    span = 1 if joined else max(1, min(count, grid.part // panels))
    spread = span * c % 256 == 0 and tile.taps == s     # pixels would fall on few sets of the cache
    pitch = channels if direct else span * c + 16 * spread
    slab = 0 if direct else ((rows - 1) * stride[0] + r) * padded * pitch
    plan = Plan(tile, Window(r, s, *stride, *padding), Channels(c, k, panels),
                Band(rows, together, span, direct, padded, pitch, slab), output)
    panel = tile.lanes * r * s * c
    before = grid.panels * panel <= PACKED_AT_ONCE
    return Setup(tuple(map(tuple, plan)), tuple(grid), grid.chunks, grid.panels, tile.lanes,
               grid.panels * panel if before else 0, 0 if before else grid.part * panel, together * slab,
               tile.m * tile.lanes, np.zeros(grid.panels * tile.lanes, np.float32))


def even_part(n, most):
    """The size of n's parts when n is cut into as few equal parts of at most `most` as possible."""
    return -(-n // -(-n // most))


# The compiled loops. Each unpacks its part of the plan once, in the order of the classes above. ------------------

@jit
def pack_blocks(source, k0, k1, lanes, out):
    """Panels k0..k1 of w (B, R, S, C, K), counted over all blocks; `source` is its address, its strides, its shape."""
    place, (by_block, by_r, by_s, by_c, by_k), (_, r, s, c, k) = source
    panels, size = -(-k // lanes), r * s * c * lanes
    for panel in range(k0, k1):
        block, first = panel // panels, panel % panels
        weights = place + block * by_block, (by_r, by_s, by_c, by_k), (r, s, c, k)
        pack(weights, first, first + 1, lanes, out[(panel - k0) * size:])


@shared
def window_chunks(team, grid, plan, x, weights, y, buffers, finish, start):
    """The chunks of a grid, as many as this thread gets; it packs their weights where they are not packed before."""
    (borders, parts, part, panels), (source, all_packed, bias), lanes = grid, weights, plan[0][3]
    some_packed, images, spill = own(buffers, team)
    for chunk in chunks(team, 0, (len(borders) - 1) * parts):
        group, k0 = chunk // parts, chunk % parts * part
        k1 = min(panels, k0 + part)
        if all_packed.size:
            packed = all_packed, 0, bias
        else:
            pack_blocks(source, k0, k1, lanes, some_packed)
            packed = some_packed, k0, bias
        bands = borders[group], borders[group + 1]
        window_chunk(plan, x, packed, y, (images, spill), bands, (k0, k1), finish, start)


@jit
def window_chunk(plan, x, weights, y, buffers, units, panels, finish, start):
    """A range of bands times a range of panels: runs the tiles over the padded bands.

    While a band is computed, the rows of the next one are asked for, so that they have arrived by then.
    """
    (_, _, taps, lanes), (r, s, stride_h, _, top, _), (c, k, of_block), \
        (rows, together, span, direct, padded, pitch, slab), (p, q, y_offset, y_image, y_row, y_pixel, _) = plan
    (packed, first_packed, bias), (images, spill), (k0, k1) = weights, buffers, panels
    _, h, width, channels = x.shape
    bands = -(-p // rows)
    of_row = s * c * lanes                                      # weights of a kernel row, in floats
    for first in range(units[0], units[1], together):
        last = min(first + together, units[1])
        for panel in range(k0, k1):
            block, within = panel // of_block, panel % of_block * lanes
            copied = block // span * span                       # the first block in the copy
            if not direct and (panel == k0 or panel == copied * of_block):
                copy_bands(plan, x, images, first, last, (copied * c, min(span * c, channels - copied * c)), start)
            panel_b = address(packed, (panel - first_packed) * r * of_row)
            init = address(bias, panel * lanes)
            channel, valid = block * k + within, min(lanes, k - within)
            for u in range(first, last):
                n, p0 = u // bands, u % bands * rows
                if direct:
                    source = address(x, (n * h - top) * width * channels + block * c)
                else:
                    here = (u - first) * slab - p0 * stride_h * padded * pitch
                    source = address(images, here + (block - copied) * c)
                for row in range(p0, min(p, p0 + rows)):
                    if panel == k0 and not direct:
                        begin = n * h + (row + together * rows) * stride_h
                        ask_for(x, begin * width * channels, (begin + stride_h) * width * channels)
                    r0, r1 = max(0, top - row * stride_h), min(r, h + top - row * stride_h)   # no zeros
                    a = source + 4 * (row * stride_h + r0) * padded * pitch
                    b = panel_b + 4 * r0 * of_row
                    place = y_offset + n * y_image + row * y_row + channel
                    row_of_tiles(plan, address(y, place), init, (a, b, r1 - r0), valid, address(spill, 0))
                    if finish[0]:
                        finish_row(finish, (place, y_pixel, q), (channel, valid), y)


@jit
def row_of_tiles(plan, y, init, operands, valid, spill):
    """One row of output times one panel, `valid` channels of it. Arguments are addresses.

    Tiles that reach over the end of the row or of the channels go into the spill buffer, and from there what is valid.
    """
    (kind, m, taps, lanes), (_, s, _, stride_w, _, _), (c, _, _), (_, _, _, _, padded, pitch, _), \
        (_, q, _, _, _, y_pixel, adds) = plan
    a, b, kernel_rows = operands
    run = s // taps * c                                         # one reduction: C, or the joined S·C
    pixel = pitch if taps > 1 else pitch * stride_w             # from one broadcast to the next
    for column in range(0, q, m):
        here, some = y + 4 * column * y_pixel, min(m, q - column)
        whole = some == m and valid == lanes
        out, step = (here, y_pixel) if whole else (spill, lanes)
        start, start_step = (out, step) if adds else (init, 0)
        if adds and not whole:
            for i in range(some):
                copy(spill + 4 * i * lanes, here + 4 * i * y_pixel, valid)
        window_tile(kind, (out, 0, step), (start, 0, start_step),
                    (a + 4 * column * stride_w * pitch, pixel, padded * pitch, 1),
                    (b, run * lanes, taps * run * lanes, lanes), (kernel_rows, run))
        if not whole:
            for i in range(some):
                copy(here + 4 * i * y_pixel, spill + 4 * i * lanes, valid)


@jit
def copy_bands(plan, x, images, first, last, channels, start):
    """The image rows that bands first..last see, each band's in a slab; of some `channels`: (first, how many)."""
    _, (r, _, stride_h, _, top, left), _, (rows, _, _, _, padded, pitch, slab), (p, _, _, _, _, _, _) = plan
    h, bands, (c0, some) = x.shape[1], -(-p // rows), channels
    for u in range(first, last):
        low = u % bands * rows * stride_h - top
        high = (min(p, (u % bands + 1) * rows) - 1) * stride_h - top + r
        place = (u - first) * slab + (max(0, low) - low) * padded * pitch
        rows_seen = max(0, low), min(h, high)
        pad_rows(x, u // bands, rows_seen, (c0, some, pitch), (left, padded), images, place)
        if start[0]:
            start_rows(start, rows_seen[1] - rows_seen[0], (c0, some, pitch), (left, padded, x.shape[2]), images, place)


@jit
def ask_for(x, begin, end):
    """Have the floats begin..end of the array's memory, as far as they exist, brought near."""
    for i in range(begin, min(end, x.size), 16):
        prefetch(address(x, i))
