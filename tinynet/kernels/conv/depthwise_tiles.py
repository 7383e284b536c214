"""Depthwise convolution by register tiles (`simd.py`): float32, channels in multiples of a vector.

Why it is fast. Every channel has a kernel of its own. A vector of channels of a pixel is therefore multiplied with a
vector of weights, and no value has to be spread over a register. The sums of eight neighbouring pixels stay in
registers, so that the weights of a tap are loaded once for all of them. Every tap reads the pixels again, so a band of
image rows is first copied, between zeros, into a buffer in the second-level cache. With this copy, the tiles need no
exception at the borders, whatever padding, stride and dilation are.

The input gradient is the same convolution of dy with turned weights; with a stride, the copy puts zeros between the
pixels of dy. The weight gradient keeps sums for three taps and a few pixels in registers while it runs over a band.
"""

import functools
from typing import NamedTuple

import numpy as np

from tinynet.kernels.conv.grid import images_in_group
from tinynet.kernels.machine.buffers import scratch
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.simd import LANES, TAP_PIXELS, address, copy, pixel_tile, tap_tile
from tinynet.kernels.machine.threads import on_all_threads, team_for

BAND_FLOATS = 32 * 1024                # what the copy of a band takes of the second-level cache
MOST = 8                               # sums that a tile has for each tap, at most


def forward(x, w, y, geometry):
    """y (N, P, Q, C) of x (N, H, W, C) with w (C, 1, R, S)."""
    convolve(x, np.ascontiguousarray(w[:, 0].transpose(1, 2, 0)), y, geometry.stride, (1, 1), geometry.padding,
             geometry.dilation)


def backward_input(dx, w, dy, geometry):
    """dx (N, H, W, C) of dy (N, P, Q, C)."""
    padding = tuple(dilation * (taps - 1) - pad
                    for dilation, taps, pad in zip(geometry.dilation, w.shape[2:], geometry.padding))
    turned = np.ascontiguousarray(w[:, 0].transpose(1, 2, 0)[::-1, ::-1])                # (R, S, C)
    convolve(dy, turned, dx, (1, 1), geometry.stride, padding, geometry.dilation)


def backward_weight(x, dy, w_shape, geometry):
    """dw (R, S, 1, C): partial sums over a fixed number of groups of images, added in order."""
    c, _, r, s = w_shape
    plan = tuple(map(tuple, plan_for(x.shape, dy.shape, (r, s), geometry.stride, (1, 1), geometry.padding,
                                     geometry.dilation)))
    grain = images_in_group(len(x))
    partial = np.zeros((-(-len(x) // grain), r, s, MOST, c), np.float32)

    size = team_for(len(partial))
    on_all_threads(weight_chunks, size, plan, grain, x, dy, partial, scratch("images", plan[-1][-1], size))
    return partial.sum(axis=(0, 3))[:, :, None]                                          # (R, S, 1, C)


def convolve(x, w, y, stride, spread, padding, dilation):
    """y (N, P, Q, C) of x (N, H, W, C), with spread - 1 zeros between its pixels, and w (R, S, C)."""
    plan = tuple(map(tuple, plan_for(x.shape, y.shape, w.shape[:2], stride, spread, padding, dilation)))
    zeros, bands = np.zeros(LANES, np.float32), plan[-1][0]

    size = team_for(len(x) * bands)
    on_all_threads(pixel_chunks, size, plan, x, w, y, zeros, scratch("images", plan[-1][-1], size))


class Image(NamedTuple):
    h: int
    w: int
    c: int
    spread_h: int               # its pixels are so far apart in the copy
    spread_w: int
    top: int                    # zeros before; where negative, so many rows or columns are left out
    left: int


class Window(NamedTuple):
    r: int
    s: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int


class Band(NamedTuple):
    """Some rows of output, and the copy of what they see, (lines, wide, C)."""

    bands: int                  # of an image
    rows: int                   # of output in a band
    p: int                      # rows of output in all
    q: int
    wide: int
    floats: int                 # of the copy


class Plan(NamedTuple):
    """All that the compiled loops have to know. They get plain tuples: Numba takes longer for named ones."""

    image: Image
    window: Window
    band: Band


@functools.lru_cache(4096)
def plan_for(x_shape, y_shape, taps, stride, spread, padding, dilation):
    """A Plan, by shape alone."""
    (_, h, w, c), (_, p, q, _), (r, s) = x_shape, y_shape, taps
    wide = (q - 1) * stride[1] + (s - 1) * dilation[1] + 1
    rows = min(p, max(1, BAND_FLOATS // (stride[0] * wide * c)))
    lines = (rows - 1) * stride[0] + (r - 1) * dilation[0] + 1
    return Plan(Image(h, w, c, *spread, *padding), Window(r, s, *stride, *dilation),
                Band(-(-p // rows), rows, p, q, wide, lines * wide * c))


# The compiled loops. Each unpacks its part of the plan once, in the order of the classes above. ------------------

@jit
def copy_lines(plan, x, n, band, out):
    """What a band of image n sees, (lines, wide, C), with zeros where there is no pixel."""
    (h, w, c, spread_h, spread_w, top, left), (r, _, stride_h, _, dilation_h, _), (_, rows, p, _, wide, _) = plan
    first = band * rows * stride_h - top
    last = (min(p, (band + 1) * rows) - 1) * stride_h - top + (r - 1) * dilation_h
    column = max(0, -(left // spread_w))                       # the first that is not left out
    some = max(0, min(w, (wide - 1 - left) // spread_w + 1) - column)
    start = (left + column * spread_w) * c
    end = start + ((some - 1) * spread_w + 1) * c
    for line in range(first, last + 1):
        here = (line - first) * wide * c
        if line % spread_h or not 0 <= line // spread_h < h or some == 0:
            out[here:here + wide * c] = 0
            continue
        source = address(x, ((n * h + line // spread_h) * w + column) * c)
        if spread_w == 1:
            out[here:here + start] = 0
            copy(address(out, here + start), source, some * c)
            out[here + end:here + wide * c] = 0
        else:
            out[here:here + wide * c] = 0
            for i in range(some):
                copy(address(out, here + start + i * spread_w * c), source + 4 * i * c, c)


@shared
def pixel_chunks(team, plan, x, w, y, zeros, buffer):
    """The outputs of all bands of all images."""
    (_, _, c, _, _, _, _), (r, s, stride_h, stride_w, dilation_h, dilation_w), (bands, rows, p, q, wide, _) = plan
    size, nothing, lines = (r, s), (address(zeros, 0), 0, 0), buffer[team[1]]
    for chunk in chunks(team, 0, len(x) * bands):
        n, band = chunk // bands, chunk % bands
        copy_lines(plan, x, n, band, lines)
        for row in range(band * rows, min(p, (band + 1) * rows)):
            seen = address(lines, (row - band * rows) * stride_h * wide * c)
            made = address(y, (n * p + row) * q * c)
            for channel in range(0, c, LANES):
                column = 0
                while column < q:
                    which = 0 if q >= 8 else 1 if q - column >= 4 else 2
                    column = min(column, q - 8) if which == 0 else column          # the last one overlaps
                    pixel_tile(which, (made + 4 * (column * c + channel), 0, c), nothing,
                               (seen + 4 * (column * stride_w * c + channel), stride_w * c, dilation_h * wide * c,
                                dilation_w * c), (address(w, channel), 0, s * c, c), size)
                    column += 8 if which == 0 else 4 if which == 1 else 1


@shared
def weight_chunks(team, plan, grain, x, dy, partial, buffer):
    """The partial sums of all groups of `grain` images."""
    (_, _, c, _, _, _, _), (r, s, _, _, _, _), (bands, _, _, _, _, _) = plan
    lines = buffer[team[1]]
    for group in chunks(team, 0, len(partial)):
        for n in range(group * grain, min(len(x), (group + 1) * grain)):
            for band in range(bands):
                copy_lines(plan, x, n, band, lines)
                for row in range(r):
                    for channel in range(0, c, LANES):
                        taps_of_a_row(plan, dy, n, band, row, channel, partial[group, row], lines)


@jit
def taps_of_a_row(plan, dy, n, band, row, channel, sums, lines):
    """Adds to `sums` (S, MOST, C), for a vector of channels and a row of the kernel, what a band gives."""
    (_, _, c, _, _, _, _), (_, s, stride_h, stride_w, dilation_h, dilation_w), (_, rows, p, q, wide, _) = plan
    some = min(p, (band + 1) * rows) - band * rows
    seen = address(lines, row * dilation_h * wide * c + channel)
    made = address(dy, (n * p + band * rows) * q * c + channel)
    tap = 0
    while tap < s:
        three = dilation_w == 1 and s - tap >= 3
        # Tiles of M pixels for three taps, with stride 1 and 2, and for one; then the pixels that are left.
        m, which = (TAP_PIXELS, stride_w - 1) if three and stride_w <= 2 else (1, 2) if three else (8, 3)
        step = c if three else stride_w * c
        y = address(sums, tap * MOST * c + channel), MOST * c, c
        x_start = seen + 4 * tap * dilation_w * c
        if m <= q:
            tap_tile(which, y, y, (x_start, step, stride_h * wide * c, m * stride_w * c), (made, c, q * c, m * c),
                     (some, q // m))
        done = q // m * m
        if done < q:
            tap_tile(2 if three else 4, y, y,
                     (x_start + 4 * done * stride_w * c, step, stride_h * wide * c, stride_w * c),
                     (made + 4 * done * c, c, q * c, c), (some, q - done))
        tap += 3 if three else 1
