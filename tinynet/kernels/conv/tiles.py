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
from tinynet.kernels.conv.rows import pad_rows
from tinynet.kernels.machine.buffers import address_of, aligned, own, scratch
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


def conv2d(x, w, geometry, b=None, finish=NO_FINISH):
    """y (N, K, P, Q) of x (N, C, H, W) with w (K, C/groups, R, S), see `spec.conv2d`; and what follows it."""
    images, (stride, padding, _, groups) = nhwc(x), geometry
    n, h, width, _ = images.shape
    k, _, r, s = w.shape
    p, q = (h + 2 * padding[0] - r) // stride[0] + 1, (width + 2 * padding[1] - s) // stride[1] + 1
    y = np.empty((n, p, q, k), np.float32)
    for part, ins, outs in blocks(w, groups):
        target = Target(y[..., outs], y.reshape(-1), outs.start)
        convolve(images, ins.start, part.transpose(2, 3, 1, 0), None if b is None else b[outs], target, stride, padding,
                 finish)
    return y.transpose(0, 3, 1, 2)                                          # (N, K, P, Q)


def conv2d_backward_input(dy, w, x_shape, geometry, add_to=None):
    """dx: for each position (i, j) within the stride, a stride-1 convolution of dy with turned weights.

    Given `add_to`, channels-last, dx is added to it: the tiles start from its values instead of from zero.
    """
    (n, c, h, width), (stride, padding, _, groups) = x_shape, geometry
    dx, outputs = np.empty((n, h, width, c), np.float32) if add_to is None else nhwc(add_to), nhwc(dy)
    if add_to is None and (stride[0] > w.shape[2] or stride[1] > w.shape[3]):
        dx[:] = 0                                                           # for the pixels that no tap meets
    for part, ins, outs in blocks(w, groups):
        for i, j in np.ndindex(stride):
            rows, top = taps_that_meet(w.shape[2], i, stride[0], padding[0])
            columns, left = taps_that_meet(w.shape[3], j, stride[1], padding[1])
            taps = part.transpose(2, 3, 0, 1)[rows, columns]                # (R, S, K, C) of this position
            view = dx[:, i::stride[0], j::stride[1], ins]
            if taps.size and view.size:
                target = Target(view, dx.reshape(-1), (i * width + j) * c + ins.start, add_to is not None)
                convolve(outputs, outs.start, taps[::-1, ::-1], None, target, (1, 1), (top, left))
    return dx.transpose(0, 3, 1, 2) if add_to is None else add_to           # (N, C, H, W)


def taps_that_meet(taps, i, stride, padding):
    """The taps that input pixels i, i + stride, ... meet, and the padding of the convolution that they make.

    Pixel stride·u + i meets tap r where stride divides i + padding - r, at u + (i + padding - r) / stride.
    """
    first = (i + padding) % stride
    shift = (i + padding) // stride
    count = len(range(first, taps, stride))
    return slice(first, None, stride), count - 1 - shift


class Target(NamedTuple):
    """Where results go: a strided view (N, P, Q, K), which starts at `offset` of the flat array `memory`."""

    view: np.ndarray
    memory: np.ndarray
    offset: int
    adds: bool = False          # whether the sums start from what is there

    def shape(self):
        """All of it that decides how to compute."""
        return self.view.shape, tuple(step // 4 for step in self.view.strides[:3]), self.offset, self.adds


def convolve(x, c0, w, b, target, stride, padding, finish=NO_FINISH):
    """y[n, p, q, k] = b[k] + sum over r, s, c of x[n, p·stride + r - padding, ..., c0 + c] · w[r, s, c, k].

    y is the target's view, b may be None. A `finish` takes the target's offset for its first channel.
    """
    plan, grid = plan_for(x.shape, c0, w.shape, target.shape(), stride, padding)
    lanes, panel = plan.tile.lanes, plan.tile.lanes * w[..., 0].size        # floats in a panel
    bias = np.zeros(grid.panels * lanes, np.float32)
    if b is not None:
        bias[:len(b)] = b
    source = address_of(w), w.strides, w.shape
    packed_before = grid.panels * panel <= PACKED_AT_ONCE
    packed = aligned(grid.panels * panel if packed_before else 0)
    if packed_before:
        pack(source, 0, grid.panels, lanes, packed)
    size = team_for(grid.chunks)
    buffers = (scratch("weights", 0 if packed_before else grid.part * panel, size),
               scratch("images", plan.band.together * plan.band.slab, size),
               scratch("spill", plan.tile.m * lanes, size))
    on_all_threads(window_chunks, size, tuple(grid), tuple(map(tuple, plan)), x, (source, packed_before, packed, bias),
                   target.memory, buffers, finish)


class Window(NamedTuple):
    """What an output pixel sees: R x S taps, strides, zeros above and at the left."""

    r: int
    s: int
    stride_h: int
    stride_w: int
    top: int
    left: int


class Channels(NamedTuple):
    c0: int                     # the first channel of x
    c: int                      # channels of x that are summed
    k: int                      # output channels


class Band(NamedTuple):
    """A band: some rows of output, and the copy of the image rows that they see, (rows, padded, pitch)."""

    rows: int                   # of output
    together: int               # bands that are copied one after the other, before all panels are applied to them
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


@functools.lru_cache(4096)
def plan_for(x_shape, c0, w_shape, target_shape, stride, padding):
    """How to `convolve`: a Plan and the grid of its chunks, by shape alone.

    Where the table has a tile with T = S taps, it is used. Else T is 1, and the S·C values of a kernel row, which lie
    side by side in the image, make one long reduction.
    """
    (n, _, width, _), (r, s, c, k), ((_, p, q, _), steps, offset, adds) = x_shape, w_shape, target_shape
    vectors = 2 if k > LANES else 1
    form = (s, stride[1], vectors) if (s, stride[1], vectors) in WINDOW_FORMS else (1, 1, vectors)
    tile = Tile(*grids.pick(WINDOW_TILES, q, form), form[0], vectors * LANES)
    # Without zeros to add and without a tile that reaches over the end of a row, tiles read x itself.
    direct = c == x_shape[3] and padding[1] == 0 and q % tile.m == 0 and (q - 1) * stride[1] + s <= width
    padded = width if direct else (-(-q // tile.m) * tile.m - 1) * stride[1] + s
    spread = c % 256 == 0 and tile.taps == s and not direct   # pixels would fall on few sets of the cache
    pitch = c + 16 if spread else c
    rows = even_part(p, max(-(-PIXELS // q), L2_FLOATS // (stride[0] * padded * pitch)))
    slab = 0 if direct else ((rows - 1) * stride[0] + r) * padded * pitch
    bands = n * -(-p // rows)
    together = max(1, min(bands, -(-PIXELS // (rows * q))))
    grid = grids.cut_units(bands, -(-k // tile.lanes), n * p * q * k * r * s * c, together)
    return Plan(tile, Window(r, s, *stride, *padding), Channels(c0, c, k),
                Band(rows, together, direct, padded, pitch, slab), Output(p, q, offset, *steps, adds)), grid


def even_part(n, most):
    """The size of n's parts when n is cut into as few equal parts of at most `most` as possible."""
    return -(-n // -(-n // most))


# The compiled loops. Each unpacks its part of the plan once, in the order of the classes above. ------------------

@shared
def window_chunks(team, grid, plan, x, weights, y, buffers, finish):
    """The chunks of a grid, as many as this thread gets; it packs their weights where they are not packed before."""
    borders, parts, part, panels = grid
    source, packed_before, all_packed, bias = weights
    _, _, _, lanes = plan[0]
    some_packed, images, spill = own(buffers, team)
    packed = all_packed if packed_before else some_packed
    for chunk in chunks(team, 0, (len(borders) - 1) * parts):
        group, k0 = chunk // parts, chunk % parts * part
        k1 = min(panels, k0 + part)
        if not packed_before:
            pack(source, k0, k1, lanes, packed)
        first_packed = 0 if packed_before else k0
        bands = borders[group], borders[group + 1]
        window_chunk(plan, x, (packed, first_packed, bias), y, (images, spill), bands, (k0, k1), finish)


@jit
def window_chunk(plan, x, weights, y, buffers, units, panels, finish):
    """A range of bands times a range of panels: runs the tiles over the padded bands.

    While a band is computed, the rows of the next one are asked for, so that they have arrived by then.
    """
    (_, _, taps, lanes), (r, s, stride_h, _, top, _), (_, c, k), (rows, together, direct, padded, pitch, slab), \
        (p, q, y_offset, y_image, y_row, y_pixel, _) = plan
    (packed, first_packed, bias), (images, spill), (k0, k1) = weights, buffers, panels
    _, h, width, channels = x.shape
    bands = -(-p // rows)
    of_row = s * c * lanes                                      # weights of a kernel row, in floats
    for first in range(units[0], units[1], together):
        last = min(first + together, units[1])
        if not direct:
            copy_bands(plan, x, images, first, last)
        for panel in range(k0, k1):
            panel_b = address(packed, (panel - first_packed) * r * of_row)
            init = address(bias, panel * lanes)
            valid = min(lanes, k - panel * lanes)
            for u in range(first, last):
                n, p0 = u // bands, u % bands * rows
                if direct:
                    source = address(x, (n * h - top) * width * c)
                else:
                    source = address(images, (u - first) * slab - p0 * stride_h * padded * pitch)
                for row in range(p0, min(p, p0 + rows)):
                    if panel == k0 and not direct:
                        begin = n * h + (row + together * rows) * stride_h
                        ask_for(x, begin * width * channels, (begin + stride_h) * width * channels)
                    r0, r1 = max(0, top - row * stride_h), min(r, h + top - row * stride_h)   # no zeros
                    a = source + 4 * (row * stride_h + r0) * padded * pitch
                    b = panel_b + 4 * r0 * of_row
                    place = y_offset + n * y_image + row * y_row + panel * lanes
                    row_of_tiles(plan, address(y, place), init, (a, b, r1 - r0), valid, address(spill, 0))
                    if finish[0]:
                        finish_row(finish, (place, y_pixel, q), (y_offset + panel * lanes, valid), y)


@jit
def row_of_tiles(plan, y, init, operands, valid, spill):
    """One row of output times one panel, `valid` channels of it. Arguments are addresses.

    Tiles that reach over the end of the row or of the channels go into the spill buffer, and from there what is valid.
    """
    (kind, m, taps, lanes), (_, s, _, stride_w, _, _), (_, c, _), (_, _, _, padded, pitch, _), \
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
def copy_bands(plan, x, images, first, last):
    """The image rows that bands first..last see, each band's in a slab of its own."""
    _, (r, _, stride_h, _, top, left), (c0, c, _), (rows, _, _, padded, pitch, slab), (p, _, _, _, _, _, _) = plan
    h, bands = x.shape[1], -(-p // rows)
    for u in range(first, last):
        low = u % bands * rows * stride_h - top
        high = (min(p, (u % bands + 1) * rows) - 1) * stride_h - top + r
        start = (u - first) * slab + (max(0, low) - low) * padded * pitch
        pad_rows(x, u // bands, (max(0, low), min(h, high)), (c0, c, pitch), (left, padded), images, start)


@jit
def ask_for(x, begin, end):
    """Have the floats begin..end of the array's memory, as far as they exist, brought near."""
    for i in range(begin, min(end, x.size), 16):
        prefetch(address(x, i))
