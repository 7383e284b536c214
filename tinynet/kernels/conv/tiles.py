"""Convolution by register tiles (`simd.py`), straight from channels-last images. float32 only, no im2col.

Why it is fast. Two things bound a convolution: how many operands of the multiply-adds come from registers,
and whether the rest come from a near cache. The tiles see to the first. For the second, all that a chunk of
work touches is laid out for it:

- weights are packed into *panels* of one tile's output channels, `(panels, R, S, C, lanes)`: a tile walks
  through one panel from front to back, just as the hardware likes to fetch ahead from the second-level cache;
- images are taken in bands of rows, whose copy with zeros left and right stays in the second-level cache
  (rows of zeros above and below are not computed at all), and all panels are applied to a band at once;
- the input gradient of a convolution is a convolution too, of the output gradient with turned weights; with a
  stride it is one such convolution for each of the stride² positions that a pixel can have between the taps.

Work is cut into chunks of images and panels by shape alone, and every sum is taken in one fixed order.
"""

import functools
import threading
from collections import namedtuple

import numpy as np

from tinynet.kernels.machine import layout
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.simd import (LANES, OUTER_TILES, WINDOW_TILES, address, copy, outer_tile, prefetch,
                                  transpose, window_tile)
from tinynet.kernels.machine.threads import share

L1_FLOATS = 9 * 1024            # what a band takes of the first-level cache in the weight gradient
L2_FLOATS = 32 * 1024           # what a band of image rows takes of the second-level cache
PIXELS = 200                    # output pixels that a panel should meet when it is read once
WINDOW_FORMS = {entry[1:] for entry in WINDOW_TILES}
OUTER_FORMS = {entry[1:] for entry in OUTER_TILES}
CHUNKS = 8                      # enough of them to keep a few cores evenly busy
PACKED_AT_ONCE = 64 * 1024       # weights that are packed once for all chunks; more of them, by each chunk
SERIAL_WORK = 4e6               # multiply-adds that are not worth a second thread
_local = threading.local()


def scratch(name, size):
    """A float32 buffer of this thread, aligned to cache lines, kept for the next call."""
    buffer = getattr(_local, name, None)
    if buffer is None or buffer.size < size:
        buffer = aligned(size)
        setattr(_local, name, buffer)
    return buffer


def aligned(size):
    """A float32 buffer that begins with a cache line."""
    raw = np.empty(size + 16, np.float32)
    return raw[-raw.ctypes.data // 4 % 16:][:size]


def pixels(x):
    """x (N, C, H, W) as the contiguous (N, H, W, C) that its memory is, or becomes."""
    nhwc = x.transpose(0, 2, 3, 1)
    return nhwc if nhwc.flags.c_contiguous else layout.channels_last(x).transpose(0, 2, 3, 1)


@functools.cache
def pick(table, extent, form):
    """The tile of this form, (T, ...), that covers `extent` with the least waste: its number and its M."""
    fitting = [(number, entry[0]) for number, entry in enumerate(table) if entry[1:] == form]
    return min(fitting, key=lambda tile: -(-extent // tile[1]) * (tile[1] + 1))   # 1: its own cost


class Grid(namedtuple("Grid", "borders shares share panels")):
    """Chunks of work: groups of units (images, or bands of them) times shares of the panels.

    Group g is the units borders[g]..borders[g + 1]; there are `shares` shares of `share` panels each.
    """

    @property
    def chunks(self):
        return (len(self.borders) - 1) * self.shares


def cut(units, panels, work, chunks=CHUNKS, together=1, share=None):
    """The grid for some work, which counts multiply-adds.

    Tiny work is one chunk. Else units are shared out first, in groups of at least `together`; or, given
    `share`, panels are, by so many. The last groups are smaller, so that all threads finish at about the same time.
    """
    if work < SERIAL_WORK:
        group, share, together = max(1, units), panels, units
    elif share:
        group = -(-units // max(1, chunks * share // panels))
    else:
        group = max(-(-units // chunks), together)
        share = -(-panels * min(-(-units // group), chunks) // chunks)
    return Grid(np.array(borders(units, group, together)), -(-panels // share), share, panels)


def borders(units, group, least):
    """0, ..., units: steps of `group`; of half as much in the last quarter, of a quarter in the last eighth."""
    steps = [0]
    while steps[-1] < units:
        left = units - steps[-1]
        part = 4 if 8 * left <= units else 2 if 4 * left <= units else 1
        steps.append(min(units, steps[-1] + max(least, -(-group // part))))
    return steps


# ------------------------------------------------------------------------------ forward and input gradient

def conv2d(x, w, b, stride, padding, groups):
    """y (N, K, P, Q) of x (N, C, H, W) with w (K, C/groups, R, S), see `conv.conv2d`."""
    images = pixels(x)
    n, h, width, c = images.shape
    k, _, r, s = w.shape
    p, q = (h + 2 * padding[0] - r) // stride[0] + 1, (width + 2 * padding[1] - s) // stride[1] + 1
    y = np.empty((n, p, q, k), np.float32)
    for part, ins, outs in blocks(w, groups):
        Walk(images, ins.start, part.transpose(2, 3, 1, 0), None if b is None else b[outs], y[..., outs], stride,
             padding, y.reshape(-1), outs.start).run()
    return y.transpose(0, 3, 1, 2)                                          # (N, K, P, Q)


def conv2d_backward_input(dy, w, x_shape, stride, padding, groups, out=None):
    """dx: for each phase (i, j) of the stride, a stride-1 convolution of dy with turned weights.

    Given `out`, channels-last, dx is added to it: the tiles start from its values instead of from zero.
    """
    n, c, h, width = x_shape
    dx, outputs = np.empty((n, h, width, c), np.float32) if out is None else pixels(out), pixels(dy)
    if out is None and (stride[0] > w.shape[2] or stride[1] > w.shape[3]):
        dx[:] = 0                                                           # for the pixels that no tap meets
    for part, ins, outs in blocks(w, groups):
        for i, j in np.ndindex(stride):
            rows, top = _phase(w.shape[2], i, stride[0], padding[0])
            columns, left = _phase(w.shape[3], j, stride[1], padding[1])
            taps = part.transpose(2, 3, 0, 1)[rows, columns]                # (R, S, K, C) of this phase
            target = dx[:, i::stride[0], j::stride[1], ins]
            if taps.size and target.size:
                Walk(outputs, outs.start, taps[::-1, ::-1], None, target, (1, 1), (top, left), dx.reshape(-1),
                     (i * width + j) * c + ins.start, adds=out is not None).run()
    return dx.transpose(0, 3, 1, 2) if out is None else out                 # (N, C, H, W)


def blocks(w, groups):
    """Neighbouring groups, as many as fill a register with outputs: their dense weights, slices of C and of K.

    The zeros between the groups are multiplied too, and still the tiles are faster than many small matrices.
    """
    if groups == 1:
        yield w, slice(0, w.shape[1]), slice(0, w.shape[0])
        return
    (k, c, r, s), share = w.shape, w.shape[0] // groups
    merged = max(m for m in range(1, groups + 1) if groups % m == 0 and (m == 1 or m * share <= LANES))
    for g in range(0, groups, merged):
        ins, outs = slice(g * c, (g + merged) * c), slice(g * share, (g + merged) * share)
        dense = w[outs]
        if merged > 1:
            dense = np.zeros((r, s, merged * c, merged * share), w.dtype).transpose(3, 2, 0, 1)
            for part, block in diagonal(w[outs], dense):
                block[...] = part
        yield dense, ins, outs


def diagonal(w, dense):
    """Pairs of views for every group: its weights in w (K, C/groups, R, S) and in the dense block (K, C, R, S)."""
    c, groups = w.shape[1], dense.shape[1] // w.shape[1]
    share = w.shape[0] // groups
    for g in range(groups):
        outs = slice(g * share, (g + 1) * share)
        yield w[outs], dense[outs, g * c:(g + 1) * c]


def _phase(taps, i, stride, padding):
    """The taps that input pixels i, i + stride, ... meet, and the padding of the convolution that they make.

    Pixel stride·u + i meets tap r where stride divides i + padding - r, at u + (i + padding - r) / stride.
    """
    first = (i + padding) % stride
    shift = (i + padding) // stride
    count = len(range(first, taps, stride))
    return slice(first, None, stride), count - 1 - shift


Plan = namedtuple("Plan", "kind m taps lanes direct adds together rows slab c0 c k r s stride_h stride_w top left "
                          "padded pitch y_offset y_image y_row y_pixel p q")


@functools.lru_cache(4096)
def plan(x_shape, c0, w_shape, y_shape, y_steps, y_offset, stride, padding, adds):
    """How a `Walk` goes: its Plan and the grid of its chunks, by shape alone.

    Where the table has a tile with T = S taps, it is used. Else T is 1, and the S·C values of a kernel row, one behind
    the other in the image, make one long reduction.
    """
    (n, _, width, _), (r, s, c, k), (_, p, q, _) = x_shape, w_shape, y_shape
    vectors = 2 if k > LANES else 1
    form = (s, stride[1], vectors) if (s, stride[1], vectors) in WINDOW_FORMS else (1, 1, vectors)
    kind, m = pick(WINDOW_TILES, q, form)
    # Without zeros to add and without a tile that reaches over the end of a row, tiles read x itself.
    direct = c == x_shape[3] and padding[1] == 0 and q % m == 0 and (q - 1) * stride[1] + s <= width
    padded = width if direct else (-(-q // m) * m - 1) * stride[1] + s
    spread = c % 256 == 0 and form[0] == s and not direct   # pixels would fall on few sets of the cache
    pitch = c + 16 if spread else c
    rows = even_part(p, max(-(-PIXELS // q), L2_FLOATS // (stride[0] * padded * pitch)))
    slab = 0 if direct else ((rows - 1) * stride[0] + r) * padded * pitch
    lanes, bands = vectors * LANES, -(-p // rows)
    together = max(1, min(n * bands, -(-PIXELS // (rows * q))))
    grid = cut(n * bands, -(-k // lanes), n * p * q * k * r * s * c, together=together)
    return Plan(kind, m, form[0], lanes, direct, adds, together, rows, slab, c0, c, k, r, s, *stride, *padding,
                padded, pitch, y_offset, *y_steps, p, q), grid


class Walk:
    """y[n, p, q, k] = b[k] + sum over r, s, c of x[n, p·stride + r - padding, ..., c0 + c] · w[r, s, c, k].

    y may be strided: it starts at `offset` of the flat array `memory`. With `adds`, the sums start from what y holds.
    """

    def __init__(self, x, c0, w, b, y, stride, padding, memory, offset, adds=False):
        steps = tuple(step // 4 for step in y.strides[:3])
        self.plan, self.grid = plan(x.shape, c0, w.shape, y.shape, steps, offset, stride, padding, adds)
        lanes, panels, panel = self.plan.lanes, self.grid.panels, self.plan.lanes * w[..., 0].size
        self.x, self.w, self.memory, self.bias = x, w, memory, np.zeros(panels * lanes, np.float32)
        if b is not None:
            self.bias[:len(b)] = b
        self.packed = panels * panel <= PACKED_AT_ONCE
        if self.packed:
            self.weights = aligned(panels * panel)
            pack(w.ctypes.data, w.strides, w.shape, 0, panels, lanes, self.weights)
        self.panel = panel

    def run(self):
        """All of it, on all threads."""
        share(self.work, self.grid.chunks)

    def work(self, team):
        weights = self.weights if self.packed else scratch("weights", self.grid.share * self.panel)
        window_chunks(team, tuple(self.grid), tuple(self.plan), self.x, self.w.ctypes.data, self.w.strides, self.w.shape,
                      self.plan.lanes, self.packed, weights, self.bias, self.memory,
                      scratch("images", self.plan.together * self.plan.slab),
                      scratch("spill", self.plan.m * self.plan.lanes))


def even_part(n, most):
    """The size of n's parts when n is cut into as few equal parts of at most `most` as possible."""
    return -(-n // -(-n // most))


@jit
def pack(source, steps, shape, k0, k1, lanes, out):
    """Panels k0..k1 of w (R, S, C, K) into out, (panels, R, S, C, lanes); zeros behind K.

    w is given by the address of its first float and its strides in bytes: turned weights have strides of
    all kinds.
    """
    (by_r, by_s, by_c, by_k), (r, s, c, k), i = steps, shape, 0
    for panel in range(k0, k1):
        some = min(lanes, k - panel * lanes)
        for rs in range(r * s):
            tap = source + rs // s * by_r + rs % s * by_s + panel * lanes * by_k
            if by_c == 4 and some == lanes and c % LANES == 0:
                for cc in range(0, c, LANES):
                    for v in range(0, lanes, LANES):
                        here = address(out, i + cc * lanes + v)
                        transpose(here, lanes, tap + cc * by_c + v * by_k, by_k // 4)
            else:
                run = some if by_k == 4 else 1
                for cc in range(c):
                    for v in range(0, some, run):
                        copy(address(out, i + cc * lanes + v), tap + cc * by_c + v * by_k, run)
                    out[i + cc * lanes + some:i + (cc + 1) * lanes] = 0
            i += c * lanes


@jit
def ask_for(x, begin, end):
    """Have the floats begin..end of the array's memory, as far as they exist, brought near."""
    for i in range(begin, min(end, x.size), 16):
        prefetch(address(x, i))


@jit
def pad_rows(x, n, low, high, c0, c, left, padded, pitch, out, start):
    """Channels c0..c0 + c of rows low..high of image n of x (N, H, W, C) into out[start:], (rows, padded, pitch).

    `left` columns of zeros come first; where it is negative, so many columns are cut.
    """
    _, h, width, channels = x.shape
    skip, left = max(0, -left), max(0, left)
    some = max(0, min(width - skip, padded - left))
    run, runs = (some * c, 1) if pitch == c == channels else (c, some)
    for row in range(low, high):
        out[start:start + left * pitch] = 0
        source = address(x, ((n * h + row) * width + skip) * channels + c0)
        for i in range(runs):
            copy(address(out, start + (left + i) * pitch), source + 4 * i * channels, run)
        out[start + (left + some) * pitch:start + padded * pitch] = 0
        start += padded * pitch


@jit
def window_chunks(team, grid, plan, x, w, w_steps, w_shape, lanes, packed, weights, bias, y, images, spill):
    """The chunks of a grid, as many as this thread gets; it packs their weights where they are not packed already."""
    borders, shares, share, panels = grid
    for chunk in chunks(team, 0, (len(borders) - 1) * shares):
        group, k0 = chunk // shares, chunk % shares * share
        k1 = min(panels, k0 + share)
        if not packed:
            pack(w, w_steps, w_shape, k0, k1, lanes, weights)
        u0, u1 = borders[group], borders[group + 1]
        window_chunk(plan, x, weights, 0 if packed else k0, bias, y, images, spill, u0, u1, k0, k1)


@jit
def window_chunk(plan, x, weights, first_panel, bias, y, images, spill, u0, u1, k0, k1):
    """Bands u0..u1 (of `rows` output rows each) times panels k0..k1: walks the tiles over the padded bands.

    While a band is computed, the rows of the next one are asked for, so that they have arrived by then.
    """
    (kind, m, taps, lanes, direct, adds, together, rows, slab, c0, c, k, r, s, stride_h, stride_w, top, left, padded,
     pitch, y_offset, y_image, y_row, y_pixel, p, q) = plan
    _, h, width, channels = x.shape
    bands = -(-p // rows)
    run = s // taps * c                                         # one reduction: C, or the joined S·C
    pixel = pitch if taps > 1 else pitch * stride_w             # from one broadcast to the next
    for first in range(u0, u1, together):
        last = min(first + together, u1)
        if not direct:
            for u in range(first, last):
                low = u % bands * rows * stride_h - top
                high = (min(p, (u % bands + 1) * rows) - 1) * stride_h - top + r
                start = (u - first) * slab + (max(0, low) - low) * padded * pitch
                pad_rows(x, u // bands, max(0, low), min(h, high), c0, c, left, padded, pitch, images, start)
        for panel in range(k0, k1):
            valid = min(lanes, k - panel * lanes)
            panel_b = address(weights, (panel - first_panel) * r * s * c * lanes)
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
                    b = panel_b + 4 * r0 * taps * run * lanes
                    row_y = y_offset + n * y_image + row * y_row + panel * lanes
                    for column in range(0, q, m):
                        here, some = row_y + column * y_pixel, min(m, q - column)
                        whole = some == m and valid == lanes
                        out, step = (address(y, here), y_pixel) if whole else (address(spill, 0), lanes)
                        init, init_step = (out, step) if adds else (address(bias, panel * lanes), 0)
                        if adds and not whole:
                            for i in range(some):
                                copy(address(spill, i * lanes), address(y, here + i * y_pixel), valid)
                        window_tile(kind, out, 0, step, init, 0, init_step,
                                    a + 4 * column * stride_w * pitch, pixel, padded * pitch, 1,
                                    b, run * lanes, taps * run * lanes, lanes, r1 - r0, run)
                        if not whole:
                            for i in range(some):
                                copy(address(y, here + i * y_pixel), address(spill, i * lanes), valid)


# ------------------------------------------------------------------------------------------ weight gradient

def conv2d_backward_weight(x, dy, w_shape, stride, padding, groups):
    """dw[k, c, r, s] = sum over n, p, q of x[n, c, p·stride + r - padding, ...] · dy[n, k, p, q]."""
    x, dy = pixels(x), pixels(dy)                           # (N, H, W, C), (N, P, Q, K)
    if groups == 1:
        return weight_gradient(x, 0, dy, 0, w_shape, stride, padding)
    k, c, r, s = w_shape
    dw = np.empty((r, s, c, k), np.float32).transpose(3, 2, 0, 1)
    for dense, ins, outs in blocks(dw, groups):
        gradient = weight_gradient(x, ins.start, dy, outs.start, dense.shape, stride, padding)
        for part, block in diagonal(dw[outs], gradient):
            part[...] = block
    return dw


def weight_gradient(x, c0, dy, k0, w_shape, stride, padding):
    """dw (K, C, R, S) for channels c0, ... of x and k0, ... of dy.

    Outer tiles: M input channels times one or two vectors of output channels, for all T taps of a kernel
    row at once, stay in registers while the tile sweeps over a band of image rows that fits the nearest
    cache. Each group of images has its own partial sum, and they are added in order.
    """
    k, c, r, s = w_shape
    n, h, width, channels = x.shape
    _, p, q, _ = dy.shape
    vectors = 2 if k > LANES else 1
    lanes = vectors * LANES
    sweep_x = stride[1] == 1 and (s, vectors) in OUTER_FORMS
    if sweep_x:                             # each column of x meets the S columns of dy that saw it:
        taps, left, padded, columns = s, 0, width, width
        before = max(0, s - 1 - padding[1])                             # dy gets zeros at both ends
        first, wide = padding[1] + before, width + padding[1] + before
    else:                                   # each column of dy meets the joined S·C values that it saw:
        taps, left, padded, columns = 1, padding[1], (q - 1) * stride[1] + s, q
        before, first, wide = 0, 0, q                                   # x gets the zeros
    depth = s // taps * c
    kind, m = pick(OUTER_TILES, depth, (taps, vectors))
    tiles = -(-depth // m) * m
    direct = c == channels and tiles == depth and left == 0 and padded <= width
    padded = width if direct else padded
    band = max(1, L1_FLOATS // (padded * max(16, m) + wide * lanes))    # rows of dy
    step = c if sweep_x else stride[1] * c                              # from one column of x to the next
    panels = -(-k // lanes)
    grid = cut(n, panels, n * p * q * k * r * s * c, share=1)
    partial = np.empty((len(grid.borders) - 1, panels, r, taps, tiles, lanes), np.float32)
    dw = np.empty((r, s, c, k), np.float32)
    sweep = Sweep(kind, m, lanes, direct, c0, c, k0, k, band, taps, tiles, depth, stride[0], step, padding[0], left,
                  padded, before, first, wide, columns)
    share(lambda team: outer_chunks(
        team, tuple(grid), tuple(sweep), x, dy, partial, dw, scratch("images", 1 if direct else h * padded * c + m),
        scratch("gradients", min(p, band) * wide * lanes)), grid.chunks)
    return dw.transpose(3, 2, 0, 1)                                     # (K, C, R, S)


Sweep = namedtuple("Sweep", "kind m lanes direct c0 c k0 k band taps tiles depth stride_h step top left padded before "
                            "first wide columns")


@jit
def outer_chunks(team, grid, sweep, x, dy, partial, dw, images, gradients):
    """The partial sums of all chunks of a grid, then their sums."""
    borders, shares, share, panels = grid
    for chunk in chunks(team, 1, (len(borders) - 1) * shares):
        group, k0 = chunk // shares, chunk % shares * share
        outer_chunk(sweep, x, dy, partial, images, gradients, group, borders[group], borders[group + 1],
                    k0, min(panels, k0 + share))
    for panel in chunks(team, 0, panels):
        collect(partial, dw, panel)


@jit
def outer_chunk(sweep, x, dy, partial, images, gradients, group, n0, n1, first_panel, end):
    """Images n0..n1 times panels first_panel..end: every tile of dw takes up what a band of rows adds, band by band."""
    (kind, m, lanes, direct, c0, c, k0, k, band, taps, tiles, depth, stride_h, step, top, left, padded, before, first,
     wide, columns) = sweep
    (_, h, width, _), (_, p, _, _), (_, panels, r, _, _, _) = x.shape, dy.shape, partial.shape
    partial[group, first_panel:end] = 0
    row_x = padded * c
    for n in range(n0, n1):
        source = address(x, n * h * width * c)
        if not direct:
            pad_rows(x, n, 0, h, c0, c, left, padded, c, images, 0)
            source = address(images, 0)
        for p0 in range(0, p, band):
            for panel in range(first_panel, end):
                some = min(lanes, k - panel * lanes)
                pad_panel(dy, n, p0, min(p, p0 + band), k0 + panel * lanes, some, lanes, before, wide, gradients)
                for row in range(r):
                    low = max(p0, -((row - top) // stride_h))                           # no zeros
                    high = min(p0 + band, p, (h - 1 + top - row) // stride_h + 1)
                    a = source + 4 * (low * stride_h + row - top) * row_x
                    b = address(gradients, ((low - p0) * wide + first) * lanes)
                    of_row = ((group * panels + panel) * r + row) * taps * tiles
                    for start in range(0, depth, m):
                        y = address(partial, (of_row + start) * lanes)
                        outer_tile(kind, y, tiles * lanes, lanes, y, tiles * lanes, lanes,
                                   a + 4 * start, 1, stride_h * row_x, step, b, -lanes, wide * lanes, lanes,
                                   high - low, columns)


@jit
def pad_panel(dy, n, p0, p1, k0, some, lanes, before, wide, out):
    """Rows p0..p1 of dy[n] (P, Q, K), `some` channels from k0 on, into out, (rows, wide, lanes)."""
    _, p, q, k = dy.shape
    columns = min(q, wide - before)
    for row in range(p0, p1):
        here = (row - p0) * wide * lanes
        out[here:here + before * lanes] = 0
        here += before * lanes
        source = address(dy, (n * p + row) * q * k + k0)
        if k == lanes:
            copy(address(out, here), source, columns * lanes)
        else:
            for column in range(columns):
                copy(address(out, here + column * lanes), source + 4 * column * k, some)
                out[here + column * lanes + some:here + (column + 1) * lanes] = 0
        here += columns * lanes
        out[here:here + (wide - before - columns) * lanes] = 0


@jit
def collect(partial, dw, panel):
    """One panel of dw (R, S, C, K): sums the groups of partial (groups, panels, R, T, tiles, lanes)."""
    groups, _, _, taps, _, lanes = partial.shape
    r, s, c, k = dw.shape
    for rr in range(r):
        for ss in range(s):
            t, depth0 = (ss, 0) if taps == s else (0, ss * c)
            for cc in range(c):
                out = dw[rr, ss, cc, panel * lanes:(panel + 1) * lanes]
                out[:] = 0
                for g in range(groups):
                    row = partial[g, panel, rr, t, depth0 + cc]
                    for v in range(len(out)):
                        out[v] += row[v]
